//! Every rule's portable SQL in a SQLite client that knows nothing of the project.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use retrohunt::catalog::Catalog;
use retrohunt::hunt::plan_rule;
use retrohunt::ir::Rule;
use retrohunt::sql::{self, Statement};
use retrohunt::taxonomy::Taxonomy;
use rusqlite::{Connection, OpenFlags};

use super::found::{Found, of_sql, only_filters};

/// What the rules' SQL found.
pub(crate) struct Portable {
    /// What each rule gives; `None` where it has no portable form.
    pub(crate) found: Vec<Option<Found>>,
    /// What has no portable form → in how many rules.
    pub(crate) gaps: BTreeMap<String, usize>,
}

impl Portable {
    /// Asks all rules one after the other.
    pub(crate) fn run(store: &Path, catalog: &Catalog, rules: &[Rule]) -> Self {
        let started = Instant::now();
        let client = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut out = Self { found: Vec::new(), gaps: BTreeMap::new() };
        for rule in rules {
            let plan = plan_rule(rule, catalog, Taxonomy::embedded());
            let statement = sql::portable(&plan, catalog).unwrap_or_else(|fault| panic!("{}: {fault:?}", rule.meta.id));
            for gap in &statement.not_portable {
                *out.gaps.entry(gap.code.to_owned()).or_default() += 1;
            }
            let is_portable = statement.not_portable.is_empty();
            let nothing = plan.branches.is_empty() && only_filters(&rule.query);
            out.found.push(is_portable.then(|| if nothing { Found::default() } else { ask(&client, &statement, rule) }));
        }
        println!("  portable SQL: {:.0} s", started.elapsed().as_secs_f64());
        out
    }
}

fn ask(client: &Connection, statement: &Statement, rule: &Rule) -> Found {
    let sql = &statement.sql;
    let fail = |e: rusqlite::Error| -> ! { panic!("{}: {e}\n{sql}", rule.meta.id) };
    let mut prepared = client.prepare(sql).unwrap_or_else(|e| fail(e));
    let names = &statement.row.columns[..statement.row.shown];
    let mut rows = prepared.query([]).unwrap_or_else(|e| fail(e));
    let mut found = Found::default();
    while let Some(row) = rows.next().unwrap_or_else(|e| fail(e)) {
        if only_filters(&rule.query) {
            found.events.push(row.get(0).unwrap_or_else(|e| fail(e)));
        } else {
            found.rows.push(of_sql(names, row));
        }
    }
    found.sorted()
}

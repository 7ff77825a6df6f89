//! Every rule's portable SQL in a SQLite client that knows nothing of the project.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use retrohunt::catalog::Catalog;
use retrohunt::hunt::plan_rule;
use retrohunt::ir::Rule;
use retrohunt::sql;
use retrohunt::taxonomy::Taxonomy;
use rusqlite::{Connection, OpenFlags};

/// What the rules' SQL found.
pub(crate) struct Portable {
    /// The events of each rule, ascending; `None` where it has no portable form.
    pub(crate) matches: Vec<Option<Vec<i64>>>,
    /// What has no portable form → in how many rules.
    pub(crate) gaps: BTreeMap<String, usize>,
}

impl Portable {
    /// Asks all rules one after the other.
    pub(crate) fn run(store: &Path, catalog: &Catalog, rules: &[Rule]) -> Self {
        let started = Instant::now();
        let client = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut out = Self { matches: Vec::new(), gaps: BTreeMap::new() };
        for rule in rules {
            let plan = plan_rule(rule, catalog, Taxonomy::embedded());
            let statement = sql::portable(&plan, catalog).unwrap();
            for gap in &statement.not_portable {
                *out.gaps.entry(gap.code.to_owned()).or_default() += 1;
            }
            let is_portable = statement.not_portable.is_empty();
            out.matches.push(is_portable.then(|| if plan.branches.is_empty() { Vec::new() } else { ids(&client, &statement.sql) }));
        }
        println!("  portable SQL: {:.0} s", started.elapsed().as_secs_f64());
        out
    }
}

fn ids(client: &Connection, sql: &str) -> Vec<i64> {
    let mut prepared = client.prepare(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    let rows = prepared.query_map([], |row| row.get(0)).unwrap();
    let mut ids: Vec<i64> = rows.map(|row| row.unwrap_or_else(|e| panic!("{e}\n{sql}"))).collect();
    ids.sort_unstable();
    ids
}

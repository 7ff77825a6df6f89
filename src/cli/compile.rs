//! `retrohunt compile`: a rule as SQL that any SQLite client runs.

use std::path::PathBuf;

use super::Outcome;
use super::printer::Printer;
use super::rules::{report_left_out, rules_of};
use super::store::StoreArgs;
use crate::hunt::plan_rule;
use crate::report::visible;
use crate::sql;
use crate::taxonomy::Taxonomy;

/// Print rules as SQL over the views of the store.
///
/// The SQL is portable: any SQLite client that opens the store gives the same rows. Where a rule needs more (regular
/// expressions, address ranges, functions of Splunk), a note says which part.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt compile rules/detections/splunk/smb_admin_share_executable_write.yml
  retrohunt compile rule.yml > rule.sql && sqlite3 -readonly retrohunt.db < rule.sql")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let set = rules_of(&args.rules)?;
    report_left_out(&set.diagnostics, set.documents, printer);
    let catalog = store.catalog()?;
    let mut partial = set.has_errors();
    for rule in &set.rules {
        let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
        let out = printer.data();
        writeln!(out, "-- {} ({})\n-- {}", visible(&rule.meta.title), visible(&rule.meta.id), visible(&rule.meta.path))?;
        let gaps = match sql::portable(&plan, &catalog) {
            Ok(statement) if statement.not_portable.is_empty() => {
                writeln!(out, "{};\n", statement.sql)?;
                continue;
            }
            Ok(statement) => statement.not_portable,
            Err(diagnostic) => vec![diagnostic],
        };
        partial = true;
        for gap in gaps {
            writeln!(out, "-- {}: {}", gap.code, visible(&gap.message))?;
        }
        writeln!(out)?;
    }
    Ok(Outcome::partial_if(partial))
}

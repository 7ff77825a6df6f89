//! `retrohunt compile`: a rule as SQL that any SQLite client runs.

use std::path::PathBuf;

use super::Outcome;
use super::changes::ChangeArgs;
use super::printer::Printer;
use super::rules::{report_left_out, rules_of};
use super::store::StoreArgs;
use super::values;
use crate::diag::Diagnostic;
use crate::hunt::{plan_inputs, plan_rule};
use crate::ir::RuleMeta;
use crate::plan::Plan;
use crate::report::visible;
use crate::sql::{self, Statement, StatementOptions};
use crate::taxonomy::Taxonomy;

/// Print rules as SQL over the views of the store.
///
/// The SQL is portable: any SQLite client that opens the store gives the same rows. A comment says which part of a rule has no
/// portable form (regular expressions, address ranges, some functions of Splunk).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt compile rules/detections/splunk/smb_admin_share_executable_write.yml
  retrohunt compile rule.yml | sqlite3 -readonly retrohunt.db")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// The database whose SQL is printed
    #[arg(long, value_enum, value_name = "NAME", default_value_t = DialectArg::Sqlite)]
    dialect: DialectArg,
    /// Only events from this time on (a date is its midnight UTC)
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DialectArg {
    /// SQLite 3.44 or later
    Sqlite,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let store = args.store.open_read_only()?;
    let set = rules_of(&args.rules, &args.changes, printer)?;
    report_left_out(&set, printer);
    let catalog = store.catalog()?;
    let DialectArg::Sqlite = args.dialect;
    let options = StatementOptions { since_us, until_us, ..StatementOptions::default() };
    let mut partial = set.has_errors();
    for rule in &set.rules {
        let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
        partial |= write(&rule.meta, sql::portable_with(&plan, &catalog, options), &nothing(&plan), printer)?;
    }
    let inputs = plan_inputs(&set.correlations, &catalog, Taxonomy::embedded());
    for (index, correlation) in set.correlations.iter().enumerate().filter(|(_, c)| c.reports) {
        let own: Vec<_> = inputs.iter().filter(|(of, ..)| *of == index).map(|(_, input, plan)| (*input, plan)).collect();
        partial |= write(&correlation.meta, Ok(sql::portable_correlation_with(correlation, &own, &catalog, options)), "", printer)?;
    }
    Ok(Outcome::partial_if(partial))
}

/// What to say of a rule that can find nothing in this store.
fn nothing(plan: &Plan) -> String {
    if !plan.branches.is_empty() {
        return String::new();
    }
    let why = match plan.missing.as_slice() {
        [] => "the store has no events of its log source that meet its condition".to_owned(),
        missing => format!("the store has no events with {}", missing.iter().map(|field| visible(field)).collect::<Vec<_>>().join(", ")),
    };
    format!("this finds nothing: {why}")
}

/// Writes a statement, or why there is none; then it returns true.
fn write(meta: &RuleMeta, statement: Result<Statement, Diagnostic>, note: &str, printer: &mut Printer) -> anyhow::Result<bool> {
    let out = printer.data();
    writeln!(out, "-- {} ({})\n-- {}", visible(&meta.title), visible(&meta.id), visible(&meta.path))?;
    if !note.is_empty() {
        writeln!(out, "-- {note}")?;
    }
    let gaps = match statement {
        Ok(statement) if statement.not_portable.is_empty() => {
            writeln!(out, "{};\n", statement.sql)?;
            return Ok(false);
        }
        Ok(statement) => statement.not_portable,
        Err(diagnostic) => vec![diagnostic],
    };
    for gap in gaps {
        writeln!(out, "-- {}: {}", gap.code, visible(&gap.message))?;
    }
    writeln!(out)?;
    Ok(true)
}

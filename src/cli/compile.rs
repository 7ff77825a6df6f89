//! `retrohunt compile`: a rule as SQL that others run: any SQLite client over a store, or an engine over a lake.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Outcome;
use super::changes::ChangeArgs;
use super::printer::Printer;
use super::rules::{report_left_out, rules_of};
use super::store::StoreArgs;
use super::values;
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::hunt::{plan_inputs, plan_rule, unanswered};
use crate::ir::{Correlation, Rule, RuleMeta, RuleOrigin};
use crate::lake::LakeCatalog;
use crate::plan::Plan;
use crate::report::visible;
use crate::sql::{self, DialectName, Statement, StatementOptions};
use crate::taxonomy::Taxonomy;

/// Print rules as SQL, over the views of the store or over the tables of a lake.
///
/// SQLite's text is portable: any SQLite client that opens the store gives the same rows. Spark, ClickHouse and DuckDB get text for
/// a table an event type, named as the store's views are, with a column a field: strings, and arrays of strings where a field has lists.
/// A comment says which part of a rule has no form, and where the rule has it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt compile rules/detections/splunk/smb_admin_share_executable_write.yml
  retrohunt compile rule.yml | sqlite3 -readonly retrohunt.db
  retrohunt compile rule.yml --dialect spark --catalog lake/")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// The database whose SQL is printed
    #[arg(long, value_enum, value_name = "NAME", default_value_t = DialectArg::Sqlite)]
    dialect: DialectArg,
    /// The folder of a lake: its catalog says which event types and fields there are, instead of the store
    #[arg(long, value_name = "FOLDER")]
    catalog: Option<PathBuf>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DialectArg {
    /// SQLite 3.44 or later, over the views of a store
    Sqlite,
    /// Spark 3.4 or later, over the tables of a lake
    Spark,
    /// ClickHouse 24 or later, over the tables of a lake
    #[value(name = "clickhouse")]
    ClickHouse,
    /// DuckDB 1.3 or later, over the tables of a lake
    #[value(name = "duckdb")]
    DuckDb,
}

impl DialectArg {
    fn dialect(self) -> DialectName {
        match self {
            Self::Sqlite => DialectName::Sqlite,
            Self::Spark => DialectName::Spark,
            Self::ClickHouse => DialectName::ClickHouse,
            Self::DuckDb => DialectName::DuckDb,
        }
    }
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let catalog = catalog(args)?;
    let set = rules_of(&args.rules, &args.changes, printer)?;
    report_left_out(&set, printer);
    let options = StatementOptions { since_us, until_us, dialect: args.dialect.dialect() };
    let mut partial = set.has_errors();
    for rule in &set.rules {
        partial |= match args.dialect {
            DialectArg::Sqlite => {
                let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
                let nothing = nothing(&plan).into_iter().collect::<Vec<_>>();
                write(&rule.meta, Some(sql::portable_with(&plan, &catalog, options)), &nothing, printer)?
            }
            _ => write_for_lake(rule, &catalog, options, printer)?,
        };
    }
    let inputs = plan_inputs(&set.correlations, &catalog, Taxonomy::embedded());
    for (index, correlation) in set.correlations.iter().enumerate().filter(|(_, c)| c.reports) {
        let own: Vec<_> = inputs.iter().filter(|(of, ..)| *of == index).map(|(_, input, plan)| (*input, plan)).collect();
        let statement = sql::portable_correlation_with(correlation, &own, &catalog, options);
        let statement = if args.dialect == DialectArg::Sqlite { statement } else { placed(statement, correlation) };
        partial |= write(&correlation.meta, Some(Ok(statement)), &[], printer)?;
    }
    Ok(Outcome::partial_if(partial))
}

/// The event types and fields that rules are asked of.
fn catalog(args: &Args) -> anyhow::Result<Catalog> {
    match (&args.catalog, args.dialect) {
        (Some(_), DialectArg::Sqlite) => {
            bail!("SQLite's text reads the tables of a store: `--catalog` is for `--dialect spark`, `clickhouse` and `duckdb`")
        }
        (Some(folder), _) => Ok(LakeCatalog::read(folder)?.catalog()),
        (None, DialectArg::Sqlite) => Ok(args.store.open_read_only()?.catalog()?),
        (None, _) => {
            let needed = "text for this dialect needs the names of event types and fields: `--catalog FOLDER` of a lake, or a store";
            Ok(args.store.open_read_only().context(needed)?.catalog()?)
        }
    }
}

/// Writes a rule for an engine. What the catalog has nothing for is told, and is no statement without rows.
fn write_for_lake(rule: &Rule, catalog: &Catalog, options: StatementOptions, printer: &mut Printer) -> anyhow::Result<bool> {
    let unanswered = unanswered(rule, catalog, Taxonomy::embedded());
    let notes: Vec<String> = unanswered.notes.iter().map(told).collect();
    if unanswered.cannot_fire {
        return write(&rule.meta, None, &notes, printer);
    }
    let plan = plan_rule(rule, catalog, Taxonomy::embedded());
    let placed = |gap: Diagnostic| at(gap, &rule.origin);
    let statement = sql::portable_with(&plan, catalog, options).map_err(placed).map(|mut statement| {
        statement.not_portable = statement.not_portable.into_iter().map(placed).collect();
        statement
    });
    write(&rule.meta, Some(statement), &notes, printer)
}

fn placed(mut statement: Statement, correlation: &Correlation) -> Statement {
    statement.not_portable = statement.not_portable.into_iter().map(|gap| at(gap, &correlation.origin)).collect();
    statement
}

/// Puts the rule's file behind a note; one without a place is about what the rule asks.
fn at(gap: Diagnostic, origin: &RuleOrigin) -> Diagnostic {
    let span = gap.span.clone().unwrap_or_else(|| origin.scope.clone());
    gap.at(&origin.source, span)
}

/// A note on one line: code, message, and where.
fn told(note: &Diagnostic) -> String {
    let place = note.source.as_ref().zip(note.line_column());
    let place = place.map(|(source, (line, column))| format!(" ({}:{line}:{column})", visible(&source.path)));
    format!("{}: {}{}", note.code, visible(&note.message), place.unwrap_or_default())
}

/// What to say of a rule that can find nothing in this store.
fn nothing(plan: &Plan) -> Option<String> {
    if !plan.branches.is_empty() {
        return None;
    }
    let why = match plan.missing.as_slice() {
        [] => "the store has no events of its log source that meet its condition".to_owned(),
        missing => format!("the store has no events with {}", missing.iter().map(|field| visible(field)).collect::<Vec<_>>().join(", ")),
    };
    Some(format!("this finds nothing: {why}"))
}

/// Writes notes and a statement, or why there is none; then it returns true.
fn write(
    meta: &RuleMeta,
    statement: Option<Result<Statement, Diagnostic>>,
    notes: &[String],
    printer: &mut Printer,
) -> anyhow::Result<bool> {
    let out = printer.data();
    writeln!(out, "-- {} ({})\n-- {}", visible(&meta.title), visible(&meta.id), visible(&meta.path))?;
    for note in notes {
        writeln!(out, "-- {note}")?;
    }
    let gaps = match statement {
        Some(Ok(statement)) if statement.not_portable.is_empty() => {
            writeln!(out, "{};\n", statement.sql)?;
            return Ok(false);
        }
        Some(Ok(statement)) => statement.not_portable,
        Some(Err(diagnostic)) => vec![diagnostic],
        None => Vec::new(),
    };
    for gap in gaps {
        writeln!(out, "-- {}", told(&gap))?;
    }
    writeln!(out)?;
    Ok(true)
}

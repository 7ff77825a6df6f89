//! `retrohunt test`: regression tests of rules.

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use super::Outcome;
use super::changes::ChangeArgs;
use super::printer::Printer;
use super::rules::report_left_out;
use super::words::counted_len;
use crate::regression::{self, RuleTest, TestStatus, TestVerdict};
use crate::report::{Format, ListWriter, REGRESSION, regression_row, visible, write_junit};
use crate::taxonomy::Taxonomy;

/// Test rules with the event files next to them.
///
/// `NAME.tests.json` next to `NAME.yml` lists events: the rule must find each event in `match` and no event in
/// `no_match`. Folders with SigmaHQ's regression tests work as they are: an `info.yml` has the id of a rule, event logs,
/// and how many events the rule finds in them. Each test loads its events into a store of its own and hunts with that
/// one rule. Exits with 1 when a test fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt test rules/detections
  retrohunt test rules/detections/sigma/event_log_cleared.yml
  retrohunt test sigma/rules sigma/regression_data --format junit > tests.xml")]
pub(crate) struct Args {
    /// Rules, test files, and folders with both
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    changes: ChangeArgs,
    /// How the output is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, hide_default_value = true, help_heading = "Output")]
    format: TestFormat,
}

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum TestFormat {
    /// Columns for reading (the default)
    #[default]
    Table,
    /// One field a line, for rows too wide for a table
    Vertical,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
    /// Comma-separated, with a header line
    Csv,
    /// JUnit XML, for CI services
    Junit,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    if let Some(missing) = args.paths.iter().find(|p| !p.exists()) {
        bail!("there is no file or folder `{}`", visible(&missing.to_string_lossy()));
    }
    let suite = regression::find(&args.paths, &args.changes.load(printer)?);
    report_left_out(&suite.rules, printer);
    if suite.tests.is_empty() {
        bail!("no tests found: there is no `NAME.tests.json` next to a rule and no `info.yml` of regression tests");
    }
    let results: Vec<(RuleTest, TestVerdict)> = suite
        .tests
        .into_iter()
        .map(|test| {
            let verdict = regression::run(&test, Taxonomy::embedded());
            (test, verdict)
        })
        .collect();
    // Flushed before the summary, so that on a terminal the summary stands below the table.
    write(args.format, &results, printer)?;
    printer.flush()?;
    let count = |status| results.iter().filter(|(_, verdict)| verdict.status == status).count();
    let (failed, errors, skipped) = (count(TestStatus::Failed), count(TestStatus::Error), count(TestStatus::Skipped));
    let mut text = format!("{}, {} passed", counted_len(results.len(), "test"), count(TestStatus::Passed));
    for (count, what) in [(failed, "failed"), (errors, "could not run"), (skipped, "skipped")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if suite.untested > 0 {
        text.push_str(&format!("; {} without a test", counted_len(suite.untested, "rule")));
    }
    printer.note(&text);
    Ok(if failed + errors > 0 { Outcome::Failed } else { Outcome::partial_if(skipped > 0) })
}

fn write(format: TestFormat, results: &[(RuleTest, TestVerdict)], printer: &mut Printer) -> std::io::Result<()> {
    let format = match format {
        TestFormat::Table => Format::Table,
        TestFormat::Vertical => Format::Vertical,
        TestFormat::Json => Format::Json,
        TestFormat::Jsonl => Format::Jsonl,
        TestFormat::Csv => Format::Csv,
        TestFormat::Junit => return write_junit(printer.data(), results),
    };
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), format, &REGRESSION, width)?;
    for (test, verdict) in results {
        writer.row(&regression_row(test, verdict))?;
    }
    writer.finish()?;
    Ok(())
}

//! `retrohunt match`: rows of one event type in, ids and rules out.

use std::io::{self, BufReader};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};

use super::Outcome;
use super::hints::did_you_mean_or;
use super::printer::Printer;
use super::rules::{RuleArgs, report_left_out};
use crate::event::LooseEvent;
use crate::hunt::{LooseError, LooseJudge, LooseRules};
use crate::lake::{LineShape, RowLines, read_views};
use crate::report::visible;
use crate::taxonomy::Taxonomy;

/// Bytes of the input that are read at a time.
const INPUT_BYTES: usize = 1 << 17;

/// Match rows of one event type with rules, without a store: the worker for engines that read a lake.
///
/// Reads events on standard input, a line each: an id, a tab and the row of a lake as a JSON object; or the object alone,
/// whose `_id` is the id. Writes a line `ID<tab>RULE` for each event and each rule whose condition it meets. Exit code 0
/// means that every line was judged by every rule. Of a rule with statistics, thresholds or searches in brackets it
/// writes all events that these need.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt match --rules sigma/rules --catalog lake --type security_5145 < rows.jsonl
  duckdb -jsonlines -c \"FROM 'rows.parquet'\" | retrohunt match --catalog lake --type security_5145")]
pub(crate) struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// The lake that the rows are from, or a copy of its `_catalog.json`
    #[arg(long, value_name = "PATH")]
    catalog: PathBuf,
    /// The event type of the rows, as `_view` says it
    #[arg(long = "type", value_name = "VIEW")]
    view: String,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let shape = shape(args)?;
    let set = args.rules.load(printer)?;
    // On standard error alone: an engine would take another exit code for a failure, and try again.
    report_left_out(&set, printer);
    if set.reporting().next().is_none() {
        bail!("there is nothing to match with: none of the rules compiles");
    }
    let rules = LooseRules::new((&set.rules, &set.correlations), &shape.event_type(), Taxonomy::embedded());
    let metas = set.rules.iter().map(|rule| &rule.meta).chain(set.correlations.iter().map(|correlation| &correlation.meta));
    // Some are paths, and a path may have anything in it.
    let ids: Vec<String> = metas.map(|meta| meta.id.replace(char::is_control, " ")).collect();
    drop(set);
    let lines = RowLines::new(BufReader::with_capacity(INPUT_BYTES, io::stdin().lock()), &shape, &|field| rules.asks(field));
    let named = |error: LooseError| match error {
        LooseError::Rule { rule, fault } => anyhow!("the rule `{}` cannot be run: {fault}", visible(&ids[rule])),
        other => other.into(),
    };
    let judge = rules.judge().map_err(&named)?;
    judge_all(lines, judge, &ids, printer, &named).context("not all rows were judged, so what was written is not all")?;
    Ok(Outcome::Complete)
}

/// What the rows look like, by the catalog.
fn shape(args: &Args) -> anyhow::Result<LineShape> {
    let views = read_views(&args.catalog)?;
    LineShape::of(&views, &args.view).ok_or_else(|| {
        let known: Vec<String> = views.into_iter().map(|view| view.view).collect();
        let hint = did_you_mean_or(&args.view, &known, "its `views` have the names");
        anyhow!("the catalog `{}` has no view `{}`{hint}", visible(&args.catalog.to_string_lossy()), visible(&args.view))
    })
}

fn judge_all(
    mut lines: RowLines<impl io::BufRead>,
    mut judge: LooseJudge<'_>,
    ids: &[String],
    printer: &mut Printer,
    named: &dyn Fn(LooseError) -> anyhow::Error,
) -> anyhow::Result<()> {
    let mut event = LooseEvent::default();
    let mut written: io::Result<()> = Ok(());
    while let Some(id) = lines.read(&mut event)? {
        let out = printer.data();
        let mut write = |rule: usize| {
            if written.is_ok() {
                written = [id, "\t", &ids[rule], "\n"].iter().try_for_each(|part| out.write_all(part.as_bytes()));
            }
        };
        judge.event(&mut event, &mut write).map_err(named).with_context(|| format!("line {}", lines.number()))?;
        std::mem::replace(&mut written, Ok(())).map_err(unwritten)?;
    }
    printer.flush().map_err(unwritten)
}

/// Whoever reads may be gone, which is no error of other commands: here it would say that all rows were judged.
fn unwritten(error: io::Error) -> anyhow::Error {
    anyhow!("cannot write: {error}")
}

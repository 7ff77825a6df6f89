//! `retrohunt match`: rows of a lake in, ids and rules out.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};

use super::Outcome;
use super::hints::did_you_mean_or;
use super::printer::Printer;
use super::rules::{RuleArgs, report_left_out};
use crate::compile::{AskedByView, RuleSet, unpack};
use crate::event::LooseEvent;
use crate::hunt::{LooseError, LooseJudge, LooseRules};
use crate::lake::{LakeView, LineShape, RawLines, RowLines, judged_line, read_views, row_text, view_of};
use crate::report::visible;
use crate::taxonomy::Taxonomy;

/// Bytes of the input that are read at a time.
const INPUT_BYTES: usize = 1 << 17;

/// Match rows of a lake with rules, without a store: the worker for engines that read a lake.
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
    /// Rules as a hunt with an engine sends them; each is written by its number then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rules", "level", "tag"])]
    compiled: Option<PathBuf>,
    /// The lake that the rows are from, or a copy of its `_catalog.json`
    #[arg(long, value_name = "PATH")]
    catalog: PathBuf,
    /// The event type of the rows, as `_view` says it; without it each row's `_view` does
    #[arg(long = "type", value_name = "VIEW")]
    view: Option<String>,
    /// Also write `ID<tab>ROW` for each event that meets a rule, and at the end `*<tab>COUNTS`: how many rows of each event
    /// type were judged, as a JSON object
    #[arg(long)]
    rows: bool,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let views = read_views(&args.catalog)?;
    let fixed = args.view.as_ref().map(|name| place_of(args, &views, name)).transpose()?;
    let (set, asked) = rules(args, printer)?;
    let ids = ids(args, &set);
    let cells: Vec<OnceCell<LooseRules>> = views.iter().map(|_| OnceCell::new()).collect();
    let mut judges = ViewJudges { views: &views, set: &set, asked: asked.as_ref(), cells: &cells, by_view: BTreeMap::new(), ids: &ids };
    if let Some(place) = fixed {
        // Before the first row: rules that cannot be run are told also where there is none.
        judges.of(place)?;
    }
    judge_all(&mut judges, fixed, args.rows, printer).context("not all rows were judged, so what was written is not all")?;
    Ok(Outcome::Complete)
}

/// The rules: those that are packed, with what is known of which need a view's events, or those of files.
fn rules(args: &Args, printer: &Printer) -> anyhow::Result<(RuleSet, Option<AskedByView>)> {
    let (set, asked) = match &args.compiled {
        Some(path) => {
            let shown = || visible(&path.to_string_lossy()).into_owned();
            let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", shown()))?;
            let packed = unpack(&bytes).map_err(|why| anyhow!("the rules in `{}` are of no use: {why}", shown()))?;
            (packed.set, Some(packed.asked))
        }
        None => (args.rules.load(printer)?, None),
    };
    // On standard error alone: an engine would take another exit code for a failure, and try again.
    report_left_out(&set, printer);
    if set.rules.is_empty() && set.correlations.is_empty() {
        bail!("there is nothing to match with: none of the rules compiles");
    }
    Ok((set, asked))
}

/// How rules are written.
fn ids(args: &Args, set: &RuleSet) -> Vec<String> {
    let metas = set.rules.iter().map(|rule| &rule.meta).chain(set.correlations.iter().map(|correlation| &correlation.meta));
    let name = |(number, id): (usize, &str)| if args.compiled.is_some() { number.to_string() } else { id.replace(char::is_control, " ") };
    // Some are paths, and a path may have anything in it.
    metas.map(|meta| meta.id.as_str()).enumerate().map(name).collect()
}

/// The place of a view in the catalog.
fn place_of(args: &Args, views: &[LakeView], name: &str) -> anyhow::Result<usize> {
    views.iter().position(|view| view.view == name).ok_or_else(|| {
        let known: Vec<String> = views.iter().map(|view| view.view.clone()).collect();
        let hint = did_you_mean_or(name, &known, "its `views` have the names");
        anyhow!("the catalog `{}` has no view `{}`{hint}", visible(&args.catalog.to_string_lossy()), visible(name))
    })
}

/// Rules at work on the event types that came so far.
struct ViewJudges<'a> {
    views: &'a [LakeView],
    set: &'a RuleSet,
    /// Which rules need a view's events, where that is known.
    asked: Option<&'a AskedByView>,
    /// By view: the rules as its events are asked for them.
    cells: &'a [OnceCell<LooseRules>],
    by_view: BTreeMap<usize, ViewJudge<'a>>,
    ids: &'a [String],
}

struct ViewJudge<'a> {
    lines: RowLines<io::Empty>,
    judge: LooseJudge<'a>,
}

impl<'a> ViewJudges<'a> {
    fn of(&mut self, place: usize) -> anyhow::Result<&mut ViewJudge<'a>> {
        if !self.by_view.contains_key(&place) {
            let shape = LineShape::of(self.views, &self.views[place].view).ok_or_else(|| anyhow!("the catalog contradicts itself"))?;
            let own = self.asked.map(|asked| asked.get(&self.views[place].view));
            let is_meant = |rule: usize| own.is_none_or(|own| own.is_some_and(|own| own.contains(&rule)));
            let rules = (&self.set.rules[..], &self.set.correlations[..]);
            let of_type = || LooseRules::of(rules, &is_meant, &shape.event_type(), Taxonomy::embedded());
            let rules = self.cells[place].get_or_init(of_type);
            let judge = rules.judge().map_err(|error| named(self.ids, error))?;
            let lines = RowLines::new(io::empty(), &shape, &|field| rules.asks(field));
            self.by_view.insert(place, ViewJudge { lines, judge });
        }
        Ok(self.by_view.get_mut(&place).expect("it was made"))
    }

    fn place(&self, number: u64, line: &[u8]) -> anyhow::Result<usize> {
        let name = view_of(number, line)?;
        let place = self.views.iter().position(|view| view.view == name);
        place.ok_or_else(|| anyhow!("line {number} is of the view `{}`, which the catalog has not", visible(&name)))
    }
}

fn named(ids: &[String], error: LooseError) -> anyhow::Error {
    match error {
        LooseError::Rule { rule, fault } => anyhow!("the rule `{}` cannot be run: {fault}", visible(&ids[rule])),
        other => other.into(),
    }
}

fn judge_all(judges: &mut ViewJudges<'_>, fixed: Option<usize>, with_rows: bool, printer: &mut Printer) -> anyhow::Result<()> {
    let mut input = RawLines::new(BufReader::with_capacity(INPUT_BYTES, io::stdin().lock()));
    let mut event = LooseEvent::default();
    let ids = judges.ids;
    let mut judged: BTreeMap<&str, u64> = BTreeMap::new();
    while let Some((number, line)) = input.read()? {
        let place = fixed.map_or_else(|| judges.place(number, line), Ok)?;
        let ViewJudge { lines, judge } = judges.of(place)?;
        let id = lines.line(number, line, &mut event)?;
        let out = printer.data();
        let (mut written, mut is_first): (io::Result<()>, bool) = (Ok(()), with_rows);
        let mut write = |rule: usize| {
            if written.is_ok() && std::mem::replace(&mut is_first, false) {
                written = [id, "\t", row_text(line), "\n"].iter().try_for_each(|part| out.write_all(part.as_bytes()));
            }
            if written.is_ok() {
                written = [id, "\t", &ids[rule], "\n"].iter().try_for_each(|part| out.write_all(part.as_bytes()));
            }
        };
        judge.event(&mut event, &mut write).map_err(|error| named(ids, error)).with_context(|| format!("line {number}"))?;
        written.map_err(unwritten)?;
        *judged.entry(&judges.views[place].view).or_default() += 1;
    }
    if with_rows {
        printer.data().write_all(judged_line(&judged).as_bytes()).map_err(unwritten)?;
    }
    printer.flush().map_err(unwritten)
}

/// Whoever reads may be gone, which is no error of other commands: here it would say that all rows were judged.
fn unwritten(error: io::Error) -> anyhow::Error {
    anyhow!("cannot write: {error}")
}

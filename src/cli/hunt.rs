//! `retrohunt hunt`: rules over the store, findings out.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, bail};

use super::Outcome;
use super::clock::now_us;
use super::engine::{self, EngineArgs, EngineChoice};
use super::findings::{ListArgs, WhomArgs, summarise};
use super::format::FormatArgs;
use super::interrupt;
use super::printer::Printer;
use super::progress::{BarUnit, LazyBar};
use super::rules::{RuleArgs, report_left_out, report_left_out_of};
use super::store::StoreArgs;
use super::values;
use super::words::{counted, counted_len, thousands};
use crate::compile::{CachedRules, RuleSet};
use crate::diag::Severity;
use crate::fingerprint::fingerprint;
use crate::hunt::{self, Engine, HuntOptions, HuntProgress, HuntSummary, LeftOut};
use crate::ir::{Level, RuleMeta};
use crate::report::{Format, visible};
use crate::store::{FindingFilter, HuntId, RuleOutcome, Store};
use crate::taxonomy::Taxonomy;

/// The code of rules that an engine did not bring all events for.
const WITHHELD: &str = "exec-withheld";
/// Rules that are named for one reason.
const TITLES_SHOWN: usize = 3;
/// A list of so many findings is read by one thread and written by another.
const LONG_LIST: u64 = 20_000;

/// Hunt with rules over the store and save what they find.
///
/// Without `--rules` it uses the rules that come with the program. Hunting again updates findings; it does not repeat
/// them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt hunt
  retrohunt hunt --rules sigma/rules/windows --level high --since 2024-01-01
  retrohunt hunt --rules sigma/rules --new
  retrohunt hunt --rules sigma/rules --pipeline fields.yml --values network.yml
  retrohunt hunt --rules page.md --format jsonl > findings.jsonl
  retrohunt hunt --rules escu/detections --window 60m
  retrohunt hunt --rules page.md --engine sqlite
  retrohunt hunt --jobs 1")]
pub(crate) struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// Only events from this time on (a date is its midnight UTC)
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// Replay statistics, thresholds, joins and `now()` in windows of this length, as a schedule would have run them
    /// (60m is what Splunk's public detections are written for). Without it the whole time is one window
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    window: Option<i64>,
    /// Read all events for all rules. Without it a rule that an earlier hunt had reads only events that are new since; `retrohunt explain`
    /// says for which rules that is so
    #[arg(long)]
    full: bool,
    /// List only what this hunt found for the first time
    #[arg(long, help_heading = "Filters")]
    new: bool,
    /// How many kinds of events, or parts of large ones, are read at the same time [default: the cores of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// How rules are run: `scan` (one scan of each event type for all rules together), `sqlite` (each rule as the SQL that
    /// `compile` prints; slower, and only rules that have a portable form), or the address of an engine that reads a lake: what
    /// rules ask for comes home into the store, and is hunted there
    #[arg(long, value_name = "scan|sqlite|ADDRESS", default_value = "scan", value_parser = EngineChoice::parse)]
    engine: EngineChoice,
    #[command(flatten)]
    remote: EngineArgs,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    whom: WhomArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let started = Instant::now();
    let cancel = interrupt::watch()?;
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from);
    let (mut store, cached) = begin(args, jobs, printer)?;
    let engine = if let EngineChoice::Own(engine) = &args.engine { *engine } else { Engine::Scan };
    let rules_key = fingerprint(&(cached.key(), args.rules.level.map(Level::as_str), &args.rules.tag));
    let full = args.full;
    let mut options = HuntOptions {
        since_us,
        until_us,
        cancel,
        engine,
        full,
        window_us: args.window,
        rules_key: Some(rules_key),
        jobs,
        ..HuntOptions::starting_at(now_us())
    };
    let is_answered =
        if let EngineChoice::At(_) = args.engine { None } else { hunt::again(&store, &options).context("the hunt failed")? };
    let (summary, set) = match is_answered {
        Some(summary) => {
            report_left_out_of(cached.messages(), cached.documents(), printer);
            // What a correlation left out is said with its title, which only the rules have.
            let set = if summary.left_out.is_empty() { cached.into_messages() } else { args.rules.choose(cached.rules())? };
            (summary, set)
        }
        None => {
            let set = args.rules.choose(cached.rules())?;
            report_left_out(&set, printer);
            if let EngineChoice::At(address) = &args.engine {
                let asked = (&mut store, &set, rules_key);
                match args.remote.bring(address, asked, (&options.cancel, options.started_us), printer)? {
                    Some(withheld) => options.withheld = withheld,
                    None => return Ok(engine::interrupted(printer)),
                }
            }
            (hunt_anew(&mut store, &set, &options, printer)?, set)
        }
    };
    let filter = args.whom.filter(FindingFilter { hunt: Some(summary.outcome.hunt_id), is_new: args.new, ..FindingFilter::default() });
    list(args, (&store, jobs), &summary, &filter, printer)?;
    let stored = store.catalog()?.types.iter().map(|of| of.events).sum();
    store.close().with_context(|| format!("cannot write the store `{}`", args.store.shown()))?;
    say(&summary, &set, stored, started, printer);
    if args.window.is_none() {
        say_one_window(summary.windowed_rules, printer);
    }
    if let Some(unfinished) = summary.unfinished {
        let (finished, all) = (summary.rules.saturating_sub(unfinished), counted_len(summary.rules, "rule"));
        printer.headed_note("Interrupted:", &format!("{} of {all} are finished; hunt again for the others", thousands(finished as u64)));
        return Ok(Outcome::Interrupted);
    }
    let outcome = Outcome::partial_if(set.has_errors() || !summary.failed.is_empty() || !summary.without_text.is_empty());
    // The process ends here: to give thousands of rules back piece by piece takes as long as reading a few new files.
    std::mem::forget(set);
    Ok(outcome)
}

/// Opens the store and reads the rules, at the same time where that may be.
fn begin(args: &Args, jobs: usize, printer: &Printer) -> anyhow::Result<(Store, CachedRules)> {
    let is_home = matches!(args.engine, EngineChoice::At(_));
    if !is_home && args.remote.is_asked() {
        bail!("a lake is for an engine: `--engine http://HOST:8123` says which");
    }
    let open = || if is_home { args.store.open_or_create() } else { args.store.open_existing() };
    let read = || {
        let reading = LazyBar::new(printer, BarUnit::Rules);
        if !args.rules.rules.is_empty() {
            reading.begin("reading rules");
        }
        let cached = args.rules.read(printer);
        reading.finish();
        cached
    };
    if jobs < 2 {
        let store = open()?;
        return Ok((store, read()?));
    }
    let (store, cached) = std::thread::scope(|scope| {
        let opening = scope.spawn(open);
        let cached = read();
        (opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), cached)
    });
    let store = store?;
    store.defer_log()?;
    Ok((store, cached?))
}

/// Lists what was found and, for people, sums it up. Where that is much, it is asked at the same time, and the log is written meanwhile.
fn list(
    args: &Args,
    (store, jobs): (&Store, usize),
    summary: &HuntSummary,
    filter: &FindingFilter,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let is_long = jobs > 1 && summary.findings >= LONG_LIST;
    let is_read = matches!(args.output.format, Format::Table | Format::Vertical);
    std::thread::scope(|scope| {
        if let Some(log) = store.log_writer().filter(|_| is_long) {
            // What it cannot do is done when the store is closed, and told.
            scope.spawn(move || log.run().ok());
        }
        let beside = if is_long && is_read { store.reader().ok() } else { None };
        let sums = beside.map(|reader| scope.spawn(move || reader.finding_summary(filter)));
        args.list.write((store, is_long), filter, args.output.format, printer)?;
        if is_read {
            let sums = match sums {
                Some(sums) => sums.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                None => store.finding_summary(filter),
            };
            summarise(&sums?, printer);
        }
        Ok(())
    })
}

/// Hunts, where the last hunt is not already the answer.
fn hunt_anew(store: &mut Store, set: &RuleSet, options: &HuntOptions, printer: &Printer) -> anyhow::Result<HuntSummary> {
    if set.reporting().next().is_none() {
        bail!("there is nothing to hunt with: none of the rules compiles");
    }
    let progress = LazyBar::new(printer, BarUnit::Events);
    let result = hunt::run(store, &set.rules, &set.correlations, Taxonomy::embedded(), options, &mut |step| show(&progress, &step));
    progress.finish();
    let summary = result.context("the hunt failed")?;
    save_left_out(store, set, summary.outcome.hunt_id)?;
    Ok(summary)
}

/// Notes the rules that do not compile, with the first reason: a report tells what was not looked for.
fn save_left_out(store: &Store, set: &RuleSet, hunt: HuntId) -> anyhow::Result<()> {
    let left_out = set.documents.iter().zip(set.said()).filter_map(|(document, said)| {
        let fault = said.iter().find(|diagnostic| diagnostic.severity == Severity::Error)?;
        let mut meta = RuleMeta::default();
        (meta.id, meta.title) = (document.id.clone(), document.name.clone());
        (meta.path, meta.language) = (document.source.path.clone(), Some(document.language));
        meta.techniques = document.techniques.clone();
        Some((meta, RuleOutcome::Unsupported, fault.message.clone()))
    });
    store.save_outcomes(hunt, &left_out.collect::<Vec<_>>())?;
    Ok(())
}

/// Rules that compare counts, join or order see the whole time at once, which is not what a schedule would have shown them.
fn say_one_window(windowed: usize, printer: &Printer) {
    if windowed > 0 {
        let rules = counted_len(windowed, "rule");
        printer.note(&format!(
            "{rules} with thresholds, joins or `now()` looked at the whole time as one window; `--window 60m` replays them hour by hour"
        ));
    }
}

/// The title of a rule or, behind the rules, of a correlation.
fn title_of(set: &RuleSet, index: usize) -> &str {
    let rules = set.rules.iter().map(|rule| &rule.meta).chain(set.correlations.iter().map(|correlation| &correlation.meta));
    rules.map(|meta| meta.title.as_str()).nth(index).unwrap_or_default()
}

fn show(progress: &LazyBar, step: &HuntProgress) {
    match step {
        HuntProgress::Planned { events } => progress.total(*events),
        HuntProgress::Scanned { events } => {
            progress.at(*events);
            progress.note(|| "reading events".to_owned());
        }
        HuntProgress::Stages { title } => progress.note(|| format!("counting: {}", visible(title))),
    }
}

fn say(summary: &HuntSummary, set: &RuleSet, stored: u64, started: Instant, printer: &Printer) {
    say_withheld(summary, set, printer);
    for (index, diagnostic) in summary.failed.iter().filter(|(_, diagnostic)| diagnostic.code != WITHHELD) {
        printer.warning(&format!(
            "rule `{}` failed and has no findings in this hunt: {}",
            visible(title_of(set, *index)),
            diagnostic.message
        ));
    }
    for (index, gaps) in &summary.without_text {
        let why: Vec<String> = gaps.iter().map(|gap| visible(&gap.message).into_owned()).collect();
        let title = visible(title_of(set, *index));
        printer.note(&format!("rule `{title}` was not hunted ({}): {}", gaps.first().map_or("", |gap| gap.code), why.join("; ")));
    }
    for (index, left_out) in &summary.left_out {
        say_left_out(&set.correlations[*index].meta.title, left_out, printer);
    }
    let outcome = &summary.outcome;
    let read = summary.events_scanned;
    let scanned = match summary.full_rules {
        // In a store without events nothing can be new.
        _ if read == 0 && stored > 0 => format!("{}, none new,", counted(stored, "event")),
        0 if stored > 0 => format!("{} of {}", counted(read, "new event"), thousands(stored)),
        _ if read < stored => format!("{} of {}", thousands(read), counted(stored, "event")),
        _ => counted(stored, "event"),
    };
    let mut text = format!(
        "{} over {scanned} in {:.1} s: {} from {}",
        counted_len(summary.rules, "rule"),
        started.elapsed().as_secs_f64(),
        counted(summary.findings, "finding"),
        counted_len(summary.rules_with_findings, "rule"),
    );
    if outcome.new > 0 {
        text.push_str(&format!(", {} new", thousands(outcome.new)));
    }
    for (count, why) in [(outcome.gone, "not found again"), (outcome.superseded, "from older versions of these rules")] {
        if count > 0 {
            text.push_str(&format!("; {} {why}: now past", counted(count, "earlier finding")));
        }
    }
    match summary.without_text.len() {
        0 => {}
        without => text.push_str(&format!("; {} not hunted, without portable SQL (`--engine scan` hunts all)", thousands(without as u64))),
    }
    match summary.rules_without_events.len() {
        0 => {}
        without => text.push_str(&format!("; {} cannot match in this store", counted_len(without, "rule"))),
    }
    if outcome.gone + outcome.superseded > 0 {
        text.push_str(" (`retrohunt findings --past` lists past findings)");
    }
    printer.headed_note(&format!("Hunt {}:", outcome.hunt_id.0), &text);
}

/// Rules that were not hunted for want of events, by what they want.
fn say_withheld(summary: &HuntSummary, set: &RuleSet, printer: &Printer) {
    let mut by_reason: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, diagnostic) in summary.failed.iter().filter(|(_, diagnostic)| diagnostic.code == WITHHELD) {
        by_reason.entry(&diagnostic.message).or_default().push(*index);
    }
    for (reason, rules) in by_reason {
        let mut titles: Vec<String> =
            rules.iter().take(TITLES_SHOWN).map(|index| format!("`{}`", visible(title_of(set, *index)))).collect();
        if rules.len() > titles.len() {
            titles.push(format!("{} more", thousands((rules.len() - titles.len()) as u64)));
        }
        printer.warning(&format!("{} not hunted ({}): {}", counted_len(rules.len(), "rule"), titles.join(", "), visible(reason)));
    }
}

/// What a correlation cannot place in a group or window must be known: it may be what one looks for.
fn say_left_out(title: &str, left_out: &LeftOut, printer: &Printer) {
    let reasons = [
        (left_out.no_group, "without a value to group by"),
        (left_out.no_value, "without a value to count"),
        (left_out.no_time, "without a time"),
        (left_out.too_many, "with too many values"),
    ];
    let reasons: Vec<String> =
        reasons.iter().filter(|(count, _)| *count > 0).map(|(count, reason)| format!("{} {reason}", thousands(*count))).collect();
    let (total, matched) = (thousands(left_out.total()), counted(left_out.matched, "matching event"));
    printer.note(&format!("correlation `{}` skips {total} of {matched}: {}", visible(title), reasons.join(", ")));
}

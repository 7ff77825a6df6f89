//! `retrohunt coverage`: what the rules can see in the store.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::rules::{RuleArgs, report_left_out};
use super::store::StoreArgs;
use super::words::{counted_len, thousands};
use crate::coverage::{Coverage, FoundByRule, RuleState, TechniqueState, coverage};
use crate::ir::{Level, RuleMeta};
use crate::report::{ListWriter, RULE_COVERAGE, SOURCE_COVERAGE, TECHNIQUE, rule_coverage_row, source_coverage_row, technique_row};
use crate::store::{FindingFilter, FindingRow, Store};
use crate::taxonomy::{AttackMatrix, Taxonomy};

/// Show which rules can run here and which ATT&CK techniques they see.
///
/// A rule that finds nothing means something only where it could have found something. A technique has fired where there are current
/// findings, could fire where a rule can run, and is blind where there are rules and none can run. For what the store has no events of,
/// the listing says what would have to be switched on: it may be off, or it was not collected.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt coverage
  retrohunt coverage --rules sigma/rules --by source
  retrohunt coverage --rules sigma/rules --by rule --format csv > rules.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// What a line is about
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = By::Technique)]
    by: By,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// An ATT&CK technique: fired, could fire or blind
    Technique,
    /// A rule: runnable, no-data, no-field, unsupported or invalid
    Rule,
    /// A source of events, with the setting that gives them
    Source,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let mut set = args.rules.load(printer)?;
    report_left_out(&set, printer);
    let is_partial = set.has_errors();
    if args.rules.chooses() {
        // What does not compile has no level, and was not asked for its tags.
        set.documents.clear();
    }
    let (catalog, found) = (store.catalog()?, found(&store, &args.rules)?);
    let all = coverage(&set, &catalog, Taxonomy::embedded(), &found);
    let (width, format) = (printer.width(), args.output.format);
    let (shape, rows): (_, Vec<_>) = match args.by {
        By::Technique => (&TECHNIQUE, all.techniques.iter().map(technique_row).collect()),
        By::Rule => (&RULE_COVERAGE, all.rules.iter().map(rule_coverage_row).collect()),
        By::Source => (&SOURCE_COVERAGE, all.sources.iter().map(source_coverage_row).collect()),
    };
    let mut writer = ListWriter::new(printer.data(), format, shape, width)?;
    rows.iter().try_for_each(|row| writer.row(row))?;
    writer.finish()?;
    printer.flush()?;
    say(&all, args.by, printer);
    Ok(Outcome::partial_if(is_partial))
}

/// The current findings, by the id of their rule: with `--level` and `--tag` those of the rules that these choose.
fn found(store: &Store, chosen: &RuleArgs) -> anyhow::Result<BTreeMap<String, FoundByRule>> {
    let names = chosen.tag_names();
    let mut out: BTreeMap<String, FoundByRule> = BTreeMap::new();
    store.each_finding(&FindingFilter::default(), &mut |mut finding| {
        if chosen.chooses() && !chosen.wants(&meta_of(&mut finding), &names) {
            return Ok(());
        }
        let of = out.entry(finding.rule_id).or_default();
        of.findings += 1;
        of.techniques = finding.techniques;
        anyhow::Ok(())
    })?;
    Ok(out)
}

/// What `--level` and `--tag` ask of a rule, as its finding has it.
fn meta_of(finding: &mut FindingRow) -> RuleMeta {
    RuleMeta {
        level: Level::parse(&finding.severity),
        tags: finding.rule.tags.clone(),
        tactics: std::mem::take(&mut finding.tactics),
        techniques: finding.techniques.clone(),
        stories: std::mem::take(&mut finding.stories),
        ..RuleMeta::default()
    }
}

fn say(all: &Coverage, by: By, printer: &Printer) {
    let rules = |state| all.rules.iter().filter(|rule| rule.state == state).count();
    let states = [RuleState::Runnable, RuleState::NoData, RuleState::NoField, RuleState::Unsupported, RuleState::Invalid];
    let counts: Vec<String> =
        states.into_iter().map(|state| (state, rules(state))).filter(|(_, count)| *count > 0).map(counted_state).collect();
    printer.headed_note("Rules:", &format!("{}: {}", counted_len(all.rules.len(), "rule"), counts.join(", ")));
    let techniques = |state| thousands(all.techniques.iter().filter(|of| of.state == state).count() as u64);
    printer.headed_note(
        &format!("ATT&CK {}:", AttackMatrix::embedded().version()),
        &format!(
            "{}: {} fired, {} could fire, {} blind",
            counted_len(all.techniques.len(), "technique"),
            techniques(TechniqueState::Fired),
            techniques(TechniqueState::CouldFire),
            techniques(TechniqueState::Blind)
        ),
    );
    if by != By::Source && rules(RuleState::NoData) + rules(RuleState::NoField) > 0 {
        printer.note("`retrohunt coverage --by source` shows what is not observed in this store, and the setting that gives it");
    }
}

fn counted_state((state, count): (RuleState, usize)) -> String {
    let count = thousands(count as u64);
    match state {
        RuleState::NoData => format!("{count} without data"),
        RuleState::NoField => format!("{count} without a field"),
        other => format!("{count} {}", other.as_str()),
    }
}

//! `retrohunt triage`: say what a person thinks of findings.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::ValueEnum;

use super::clock::now_us;
use super::findings::FindingArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::counted;
use super::{Outcome, UsageError};
use crate::store::{FindingFilter, Store, Triage};

/// Say what you think of findings: a status, and a note.
///
/// It stays with a finding through later hunts, and goes with it into reports and exports. Lists are narrowed by it with `--status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt triage false-positive 3 4 --note \"backup job\"
  retrohunt triage benign --rule \"PsExec\" --host admin01
  retrohunt triage in-progress --level high --status new
  retrohunt triage new 3             Take back what was said
  retrohunt triage new --status benign --past
  retrohunt findings --status new    What nobody has looked at yet")]
pub(crate) struct Args {
    /// What they are
    #[arg(value_enum, value_name = "STATUS")]
    said: TriageStatus,
    /// Ids of findings
    #[arg(value_name = "ID", value_parser = values::finding_id)]
    ids: Vec<i64>,
    /// Why; without it, an earlier note stays
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    filter: FindingArgs,
    /// Choose also from findings that a later hunt did not find again, and those of an older version of a rule
    #[arg(long, help_heading = "Filters")]
    past: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// The words that exports to other tools know. SQL can write any other into the table `triage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TriageStatus {
    /// Nothing is said: takes back a status and its note
    New,
    /// Somebody looks at it
    InProgress,
    /// Not clear yet
    Suspicious,
    /// It is what the rule says, and it is bad
    TruePositive,
    /// It is what the rule says, and it is allowed
    Benign,
    /// It is not what the rule says
    FalsePositive,
    /// An exercise
    Test,
    /// Another finding tells the same
    Duplicate,
    /// Not worth a look
    Ignored,
    /// Done
    Closed,
}

impl TriageStatus {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let filter = args.filter.filter()?;
    if args.ids.is_empty() && filter == FindingFilter::default() {
        bail!(UsageError("which findings? Name them by their ids, or choose them with a filter such as `--rule` or `--host`".to_owned()));
    }
    if args.said == TriageStatus::New && args.note.is_some() {
        bail!(UsageError("a finding that is `new` has no note: leave out `--note`".to_owned()));
    }
    let store = args.store.open_existing()?;
    must_be_there(&store, &args.ids)?;
    let filter = FindingFilter { ids: Some(args.ids.clone()).filter(|ids| !ids.is_empty()), with_past: args.past, ..filter };
    let name = args.said.name();
    let status = Some(name.as_str()).filter(|_| args.said != TriageStatus::New);
    let triage = Triage { note: args.note.as_deref(), ..Triage::new(status, now_us()) };
    let count = store.set_triage(&filter, &triage)?;
    store.settle()?;
    match count {
        0 => printer.note(&nothing_changed(&store, filter)?),
        1 => printer.headed_note("Triage:", &format!("1 finding is now `{name}`")),
        many => printer.headed_note("Triage:", &format!("{} are now `{name}`", counted(many, "finding"))),
    }
    Ok(Outcome::Complete)
}

/// That no finding matches, and whether past ones do.
fn nothing_changed(store: &Store, filter: FindingFilter) -> anyhow::Result<String> {
    let past = if filter.with_past { 0 } else { store.finding_totals(&FindingFilter { with_past: true, ..filter })?.findings };
    Ok(match past {
        0 => "no findings match: nothing is changed".to_owned(),
        past => format!("no findings match: nothing is changed; with `--past` it is {}", counted(past, "finding")),
    })
}

/// Nothing is written where an id is wrong: the others may be as wrong.
fn must_be_there(store: &Store, ids: &[i64]) -> anyhow::Result<()> {
    let filter = FindingFilter { ids: Some(ids.to_vec()), ..FindingFilter::default() };
    let known: BTreeSet<i64> = store.findings(&filter)?.iter().map(|finding| finding.finding_id).collect();
    match ids.iter().find(|id| !known.contains(id)) {
        Some(id) => bail!("there is no finding {id}: `retrohunt findings` lists them"),
        None => Ok(()),
    }
}

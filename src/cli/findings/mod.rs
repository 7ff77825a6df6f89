//! `retrohunt findings`: list, filter and show what hunts found.

mod list;
mod show;

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::{counted, counted_len};
use crate::report::{EVIDENCE, Format, ListWriter, evidence_row};
use crate::store::{EVIDENCE_CAP, FindingFilter, Store};

pub(crate) use list::{FindingArgs, ListArgs, WhomArgs, summarise};

/// List findings, show one with its events, or list the evidence.
///
/// A table has one line for each rule and host, the highest level first, and a summary behind it. The other formats
/// have each finding.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt findings --level high
  retrohunt findings --host ws07 --all
  retrohunt findings --group-by technique --sort count
  retrohunt findings show 3
  retrohunt findings --rule smb --format jsonl
  retrohunt findings --evidence --format csv > evidence.csv")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<FindingsCommand>,
    /// List the events behind the findings: which record of which file
    #[arg(long)]
    evidence: bool,
    #[command(flatten)]
    filter: FindingArgs,
    /// Include findings that a later hunt did not find again, and those of an older version of a rule
    #[arg(long, help_heading = "Filters")]
    past: bool,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Subcommand)]
enum FindingsCommand {
    /// Show findings with their events and all their fields
    #[command(after_help = "\
Examples:
  retrohunt findings show 3
  retrohunt findings show 3 4 --format json")]
    Show {
        /// Ids of findings
        #[arg(required = true, value_name = "ID", value_parser = values::finding_id)]
        ids: Vec<i64>,
    },
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let filter = FindingFilter { with_past: args.past, ..args.filter.filter()? };
    let store = args.store.open_read_only()?;
    if let Some(FindingsCommand::Show { ids }) = &args.action {
        show::run(&store, ids, args.output.format, printer)?;
        return Ok(Outcome::Complete);
    }
    if args.evidence {
        list_evidence(&store, &filter, args.output.format, printer)?
    } else {
        list(&store, &filter, args, printer)?
    }
    Ok(Outcome::Complete)
}

fn list(store: &Store, filter: &FindingFilter, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    if !args.list.write((store, false), filter, args.output.format, printer)? {
        printer.note(&nothing_found(store)?);
        return Ok(());
    }
    if matches!(args.output.format, Format::Table | Format::Vertical) {
        summarise(&store.finding_summary(filter)?, printer);
    }
    printer.note("`retrohunt findings show ID` has the events of a finding and what its rule says");
    Ok(())
}

/// Why a list is empty: no hunt, no findings, or a filter that none passes.
pub(super) fn nothing_found(store: &Store) -> anyhow::Result<String> {
    let (hunts, findings) = store.hunts_and_findings()?;
    Ok(match (hunts, findings) {
        (0, _) => "no hunt has run on this store yet: run `retrohunt hunt`".to_owned(),
        (_, 0) => "no findings: hunts found nothing, or a later hunt did not find it again (`retrohunt findings --past` lists that too)"
            .to_owned(),
        (_, findings) => format!("0 of {} match", counted(findings, "finding")),
    })
}

fn list_evidence(store: &Store, filter: &FindingFilter, format: Format, printer: &mut Printer) -> anyhow::Result<()> {
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), format, &EVIDENCE, width)?;
    for row in &store.evidence(filter)? {
        writer.row(&evidence_row(row))?;
    }
    writer.finish()?;
    printer.flush()?;
    say_unkept(store, filter, printer)
}

/// Says how many events of findings are not kept, and so not listed.
pub(super) fn say_unkept(store: &Store, filter: &FindingFilter, printer: &Printer) -> anyhow::Result<()> {
    let unkept = store.unkept_events(filter)?;
    if unkept.findings > 0 {
        let (events, findings) = (counted(unkept.events, "event"), counted(unkept.findings, "finding"));
        let are = if unkept.events == 1 { "is" } else { "are" };
        let most = counted_len(EVIDENCE_CAP, "event");
        printer
            .note(&format!("{events} of {findings} {are} not kept: the store has {most} of a finding at most; its count is that of all"));
    }
    Ok(())
}

//! `retrohunt findings`: list, filter and show what hunts found.

mod show;

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::counted;
use crate::ir::Level;
use crate::report::{EVIDENCE, FINDING, Format, ListWriter, evidence_row, finding_row};
use crate::store::{FindingFilter, HuntId, Store};

/// List findings, show one with its events, or list the evidence.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt findings --level high
  retrohunt findings show 3
  retrohunt findings --rule smb --format jsonl
  retrohunt findings --evidence --format csv > evidence.csv")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<FindingsCommand>,
    /// List the events behind the findings: which record of which file
    #[arg(long)]
    evidence: bool,
    /// Only findings of rules with this id, or with this text in title or path
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    rule: Option<String>,
    /// Only findings of rules of this level or above
    #[arg(long, value_name = "LEVEL", value_parser = values::level, help_heading = "Filters")]
    level: Option<Level>,
    /// Only findings with an event at or after this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only findings with an event before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// Only findings of this hunt
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    hunt: Option<i64>,
    /// Include findings that a later hunt did not find again, and those of an older version of a rule
    #[arg(long, help_heading = "Filters")]
    past: bool,
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
    let store = args.store.open_read_only()?;
    if let Some(FindingsCommand::Show { ids }) = &args.action {
        show::run(&store, ids, args.output.format, printer)?;
        return Ok(Outcome::Complete);
    }
    let filter = FindingFilter {
        rule: args.rule.clone(),
        min_level: args.level,
        since_us: args.since,
        until_us: args.until,
        hunt: args.hunt.map(HuntId),
        with_past: args.past,
        ..FindingFilter::default()
    };
    if args.evidence {
        list_evidence(&store, &filter, args.output.format, printer)?
    } else {
        list(&store, &filter, args.output.format, printer)?
    }
    Ok(Outcome::Complete)
}

fn list(store: &Store, filter: &FindingFilter, format: Format, printer: &mut Printer) -> anyhow::Result<()> {
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), format, &FINDING, width)?;
    let mut count = 0;
    store.each_finding(filter, &mut |finding| {
        count += 1;
        anyhow::Ok(writer.row(&finding_row(&finding))?)
    })?;
    writer.finish()?;
    match count {
        0 => printer.note(&nothing_found(store)?),
        n => printer.note(&format!("{}; `retrohunt findings show ID` has the events of one", counted(n, "finding"))),
    }
    Ok(())
}

/// Why a list is empty: no hunt, no findings, or a filter that none passes.
fn nothing_found(store: &Store) -> anyhow::Result<String> {
    let (hunts, findings) = store.hunts_and_findings()?;
    Ok(match (hunts, findings) {
        (0, _) => "no hunt has run on this store yet: run `retrohunt hunt`".to_owned(),
        (_, 0) => "no findings: hunts found nothing, or a later hunt did not find it again (`--past` lists that too)".to_owned(),
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
    Ok(())
}

//! `retrohunt sources`: the load ledger.

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::thousands;
use crate::report::{ListWriter, SOURCE, source_row, why_not_read};
use crate::store::SourceRow;

/// List what was loaded: files and archive members, with format, events and hash.
///
/// Copies of bytes that another source has are counted and not listed; `--all` lists them too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt sources
  retrohunt sources --all
  retrohunt sources --format csv > sources.csv")]
pub(crate) struct Args {
    /// List copies too: sources with the same bytes as an earlier one
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let sources = store.sources()?;
    let (listed, copies): (Vec<&SourceRow>, Vec<&SourceRow>) = sources.iter().partition(|source| args.all || source.duplicate_of.is_none());
    let width = printer.width();
    let mut shape = SOURCE.clone();
    if listed.iter().any(|source| !source.reason.is_empty()) {
        shape.table.insert(2, why_not_read());
    }
    let mut writer = ListWriter::new(printer.data(), args.output.format, &shape, width)?;
    for source in listed {
        writer.row(&source_row(source))?;
    }
    writer.finish()?;
    if sources.is_empty() {
        printer.note("the store has no sources yet: load some with `retrohunt load PATH…`");
    }
    if !copies.is_empty() {
        let are = if copies.len() == 1 { "copy of the same bytes is" } else { "copies of the same bytes are" };
        printer.note(&format!("{} {are} not listed: `retrohunt sources --all` lists all", thousands(copies.len() as u64)));
    }
    Ok(Outcome::Complete)
}

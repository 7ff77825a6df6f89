//! `retrohunt sources`: the load ledger.

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use crate::report::{ListWriter, SOURCE, source_row};

/// List what was loaded: files and archive members, with format, events and hash.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt sources
  retrohunt sources --format csv > sources.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let sources = store.sources()?;
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &SOURCE, width)?;
    for source in &sources {
        writer.row(&source_row(source))?;
    }
    writer.finish()?;
    if sources.is_empty() {
        printer.note("the store has no sources yet: load some with `retrohunt load PATH…`");
    }
    Ok(Outcome::Complete)
}

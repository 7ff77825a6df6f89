//! `retrohunt store backup`: a copy of the store, also while it is written.

use std::path::PathBuf;

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::store::StoreArgs;
use crate::cli::words::{bytes, counted};
use crate::report::visible;
use crate::store::Store;

/// Copy the store into a file that is not there yet.
///
/// A load or a hunt may go on meanwhile: the copy has what was complete when it began. It has no free pages, so it may be smaller than the
/// store. It is opened once before it gets its name. A store of an older version is copied as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store backup retrohunt-copy.db
  retrohunt store backup case-2024-05-01.db --store case.db")]
pub(super) struct BackupArgs {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &BackupArgs, store: &StoreArgs, printer: &mut Printer) -> anyhow::Result<Outcome> {
    store.must_exist()?;
    let shown = visible(&args.file.to_string_lossy()).into_owned();
    let outcome = Store::backup(&store.store, &args.file).with_context(|| format!("cannot copy `{}` to `{shown}`", store.shown()))?;
    let events = outcome.events.map_or_else(|| "a store of an older version".to_owned(), |events| counted(events, "event"));
    printer.headed_note("Copied:", &format!("{events}, {} in `{shown}`", bytes(outcome.bytes)));
    Ok(Outcome::Complete)
}

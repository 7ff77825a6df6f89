//! `retrohunt store compact`: the store in as few bytes as it needs.

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::store::StoreArgs;
use crate::cli::words::{bytes, counted};

/// Write the store anew without free pages, and without values that no event has any more.
///
/// Needs twice the bytes of the store beside it until it is done. The store is verified first: one with faults is left as it is. No load or
/// hunt can write meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store compact
  retrohunt store compact --store case.db")]
pub(super) struct CompactArgs {}

pub(super) fn run(args: &StoreArgs, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut store = args.open_existing()?;
    let outcome = store.compact().with_context(|| format!("cannot compact the store `{}`", args.shown()))?;
    store.close().with_context(|| format!("cannot write the store `{}`", args.shown()))?;
    let (before, after) = (bytes(outcome.before_bytes), bytes(outcome.after_bytes));
    printer.headed_note("Compacted:", &format!("{before} are {after} now, {} removed", counted(outcome.removed_values, "unused value")));
    Ok(Outcome::Complete)
}

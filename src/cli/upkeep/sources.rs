//! `retrohunt store drop-source`: removes sources with their events.

use anyhow::{Context, bail};

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::store::StoreArgs;
use crate::cli::words::{counted, counted_len, thousands};
use crate::report::visible;

/// Remove a source with its events: a file, an archive with all its members, or one member.
///
/// An event that another source has too stays, as that one's. Where another source has the same bytes, all events stay: name both. Findings
/// stay, with their events as text. The file can be loaded again. `retrohunt store compact` then makes the store smaller.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store drop-source Security.evtx --store case.db
  retrohunt store drop-source 'export.zip!/events.jsonl' --store case.db")]
pub(super) struct DropArgs {
    /// Paths as `retrohunt sources` shows them, or their ids
    #[arg(required = true, value_name = "PATH|ID")]
    sources: Vec<String>,
}

pub(super) fn run(args: &DropArgs, store_args: &StoreArgs, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut store = store_args.open_existing()?;
    let mut ids = Vec::new();
    // Nothing is removed where a name is wrong: the others may be as wrong.
    for name in &args.sources {
        let named = store.sources_named(name)?;
        if named.is_empty() {
            bail!("the store has no source `{}`: `retrohunt sources --all` lists them", visible(name));
        }
        ids.extend(named);
    }
    let outcome = store.drop_sources(&ids).with_context(|| format!("cannot remove sources from the store `{}`", store_args.shown()))?;
    store.settle()?;
    store.close().with_context(|| format!("cannot write the store `{}`", store_args.shown()))?;
    for source in &outcome.sources {
        if let Some(copy) = &source.copy {
            printer.note(&format!("the events of {} stay: {} has the same bytes", source.path, copy));
        }
    }
    let mut text = format!("{} and {} removed", counted_len(outcome.sources.len(), "source"), counted(outcome.events, "event"));
    if outcome.kept > 0 {
        text.push_str(&format!("; {} of them behind findings, which keep them as text", thousands(outcome.kept)));
    }
    if outcome.moved > 0 {
        text.push_str(&format!("; {} stay, because other sources have them too", counted(outcome.moved, "event")));
    }
    printer.headed_note("Dropped:", &text);
    if outcome.events > 0 {
        printer.note("`retrohunt store compact` makes the file smaller");
    }
    Ok(Outcome::Complete)
}

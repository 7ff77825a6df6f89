//! `retrohunt store verify`: whether the store is whole.

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::store::StoreArgs;
use crate::cli::words::{counted, counted_len};
use crate::report::{Format, ListWriter, STORE_VERIFIED, store_verified_row};

/// Check that the store is whole: the file, the events, the ledger, the values, the rendered text, the findings.
///
/// Reads all of it and changes nothing. Each fault has a code; docs/store.md says what it means and what to do. The exit code is 1 where
/// there is a fault.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store verify
  retrohunt store verify --store case.db --format json")]
pub(super) struct VerifyArgs {}

pub(super) fn run(store: &StoreArgs, format: Format, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = store.open_read_only()?;
    let verdict = store.verify()?;
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), format, &STORE_VERIFIED, width)?;
    verdict.parts.iter().try_for_each(|part| writer.row(&store_verified_row(part)))?;
    writer.finish()?;
    verdict.parts.iter().flat_map(|part| &part.diagnostics).for_each(|fault| printer.diagnostic(fault));
    if verdict.unused_values > 0 {
        let are = if verdict.unused_values == 1 { "is" } else { "are" };
        let values = counted(verdict.unused_values, "value");
        printer.note(&format!("{values} {are} used by no event: `retrohunt store compact` removes them"));
    }
    match verdict.faults() {
        0 => {
            printer.headed_note("Whole:", &format!("{} verified, no faults", counted_len(verdict.parts.len(), "part")));
            Ok(Outcome::Complete)
        }
        faults => {
            let faults = counted(faults, "fault");
            printer.error(&format!("{faults} in the store: do not hunt it, take a copy of it, or load the archives again into a new one"));
            Ok(Outcome::Failed)
        }
    }
}

//! `retrohunt store`: the upkeep of a store that lives for years.

mod backup;
mod compact;
mod info;
mod merge;
mod purge;
mod sources;
mod verify;

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;

/// Look after the store: what is in it, whether it is whole, copies, removing, merging.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store info
  retrohunt store verify
  retrohunt store backup retrohunt-2024-05-01.db
  retrohunt store purge --before 2023-01-01
  retrohunt store drop-source /evidence/Security.evtx
  retrohunt store merge colleague.db
  retrohunt store compact")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: StoreCommand,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Subcommand)]
enum StoreCommand {
    Info(info::InfoArgs),
    Verify(verify::VerifyArgs),
    Backup(backup::BackupArgs),
    Compact(compact::CompactArgs),
    DropSource(sources::DropArgs),
    Purge(purge::PurgeArgs),
    Merge(merge::MergeArgs),
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (store, format) = (&args.store, args.output.format);
    match &args.action {
        StoreCommand::Info(args) => info::run(args, store, format, printer),
        StoreCommand::Verify(_) => verify::run(store, format, printer),
        StoreCommand::Backup(args) => backup::run(args, store, printer),
        StoreCommand::Compact(_) => compact::run(store, printer),
        StoreCommand::DropSource(args) => sources::run(args, store, printer),
        StoreCommand::Purge(args) => purge::run(args, store, printer),
        StoreCommand::Merge(args) => merge::run(args, store, printer),
    }
}

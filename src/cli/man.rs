//! `retrohunt man`: manual pages from the same definitions as the help.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::Outcome;
use super::printer::Printer;
use crate::report::visible;

/// Write the manual pages into a folder.
///
/// `make install` puts them where `man retrohunt` finds them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt man target/man && man target/man/retrohunt-hunt.1
  retrohunt man ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The folder; it is made if it does not exist
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let shown = visible(&args.folder.to_string_lossy()).into_owned();
    std::fs::create_dir_all(&args.folder).with_context(|| format!("cannot make the folder `{shown}`"))?;
    clap_mangen::generate_to(super::Args::command(), &args.folder).with_context(|| format!("cannot write manual pages into `{shown}`"))?;
    printer.note(&format!("the manual pages are in `{shown}`"));
    Ok(Outcome::Complete)
}

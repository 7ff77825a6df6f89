//! `retrohunt generate`: shell completions and manual pages, for packagers.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::Outcome;
use super::printer::Printer;

/// Write shell completions or manual pages.
///
/// For packagers; both come from the same definitions as the help.
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "\
Examples:
  retrohunt generate completions bash > retrohunt.bash
  retrohunt generate man target/man"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command into a folder
    Man {
        /// The folder; it is made if it does not exist
        folder: PathBuf,
    },
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut command = super::Args::command();
    match &args.what {
        What::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "retrohunt", &mut script);
            printer.data().write_all(&script)?;
        }
        What::Man { folder } => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
            clap_mangen::generate_to(command, folder).with_context(|| format!("cannot write manual pages to `{}`", folder.display()))?;
        }
    }
    Ok(Outcome::Complete)
}

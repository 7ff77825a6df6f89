//! `retrohunt completions`: completion scripts for shells.

use clap::CommandFactory;

use super::Outcome;
use super::printer::Printer;

/// Print a completion script for a shell.
///
/// `make install` puts the scripts for bash, zsh and fish where these shells look for them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt completions bash > ~/.local/share/bash-completion/completions/retrohunt
  retrohunt completions zsh > ~/.zfunc/_retrohunt")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Args::command(), "retrohunt", &mut script);
    printer.data().write_all(&script)?;
    Ok(Outcome::Complete)
}

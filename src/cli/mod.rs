//! The command line: arguments, printing, exit codes. The only layer that prints, reads the clock or the environment.
//!
//! One file a subcommand; the doc comment of its argument struct is its help. A command checks its inputs and
//! outputs first, calls the library, and prints through `printer::Printer`: data on stdout, everything else on
//! stderr.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | all good |
//! | 1 | error: nothing or not all was done; a test of a rule failed |
//! | 2 | wrong usage |
//! | 3 | done, but something was left out or damaged: stderr says what |
//! | 130 | interrupted (Ctrl-C, SIGTERM): what was complete by then is kept |
//!
//! A reader that goes away (`retrohunt findings | head`) is not an error: the command ends quietly with 0.

mod cache;
mod changes;
mod check;
mod clock;
mod compile;
mod completions;
mod coverage;
mod engine;
mod event_facts;
mod explain;
mod export;
mod findings;
mod flags;
mod format;
mod hints;
mod hunt;
mod interrupt;
mod lake;
mod load;
mod logons;
mod man;
mod match_rows;
mod metrics;
mod printer;
mod progress;
mod report;
mod risk;
mod rules;
mod search;
mod sections;
mod sources;
mod sql;
mod store;
mod test;
mod timeline;
mod triage;
mod upkeep;
mod values;
mod verdicts;
mod views;
mod words;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use printer::Printer;

/// Hunt years of log archives with Sigma rules and Splunk detections over one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "retrohunt", version, arg_required_else_help = true, max_term_width = 100, after_help = EXAMPLES)]
struct Args {
    /// Print data and errors only: no progress, no summaries, no warnings
    #[arg(long, short, global = true, help_heading = "Output")]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  retrohunt load /evidence       Read every log in a folder, archives included
  retrohunt hunt                 Hunt with the rules that come with the program
  retrohunt hunt --rules sigma/rules --level high
  retrohunt findings show 3      One finding with all its events
  retrohunt search mimikatz      Every event that has the word
  retrohunt sql \"SELECT * FROM security_5145 LIMIT 5\"

Exit codes: 0 all good, 1 error, 2 wrong usage, 3 done but something was left out or damaged, 130 interrupted.";

/// The exit code of an interrupted command: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Subcommand)]
enum Command {
    Load(load::Args),
    Sources(sources::Args),
    Hunt(Box<hunt::Args>),
    Findings(findings::Args),
    Timeline(timeline::Args),
    Triage(triage::Args),
    Report(report::Args),
    Risk(risk::Args),
    Search(search::Args),
    Metrics(metrics::Args),
    Logons(logons::Args),
    Coverage(coverage::Args),
    Export(export::Args),
    Sql(sql::Args),
    Views(views::Args),
    Store(upkeep::Args),
    Match(match_rows::Args),
    Compile(compile::Args),
    Explain(explain::Args),
    Check(check::Args),
    Test(test::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All good.
    Complete,
    /// Done, but something was left out or damaged.
    Partial,
    /// Done, and a test failed.
    Failed,
    /// Stopped by Ctrl-C: what was complete by then is kept.
    Interrupted,
}

impl Outcome {
    fn partial_if(partial: bool) -> Self {
        if partial { Self::Partial } else { Self::Complete }
    }
}

/// A command line that parses and makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Runs the program: parses the process's arguments, runs the command, prints its error, returns its exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            drop(error.print()); // nobody is left to tell when stderr is gone
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    outlive_file_limit();
    let mut printer = Printer::new(args.quiet);
    let result = run(args.command, &mut printer).and_then(|outcome| {
        printer.flush()?;
        Ok(outcome)
    });
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Partial) => ExitCode::from(3),
        Ok(Outcome::Failed) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(INTERRUPTED),
        // Before the general case: `| head` has what it wanted, and a shell with `pipefail` must not see a failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&sentence(&error));
            ExitCode::from(if error.is::<UsageError>() { 2 } else { 1 })
        }
    }
}

/// Where the size of files is limited (`ulimit -f`), the system ends a process that writes more, without a word. With a handler, which
/// need not do anything, the write fails instead, and the command says so.
fn outlive_file_limit() {
    #[cfg(unix)]
    drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default())); // without it all is as the system has it
}

fn run(command: Command, printer: &mut Printer) -> anyhow::Result<Outcome> {
    match command {
        Command::Load(args) => load::run(&args, printer),
        Command::Sources(args) => sources::run(&args, printer),
        Command::Hunt(args) => hunt::run(&args, printer),
        Command::Findings(args) => findings::run(&args, printer),
        Command::Timeline(args) => timeline::run(&args, printer),
        Command::Triage(args) => triage::run(&args, printer),
        Command::Report(args) => report::run(&args, printer),
        Command::Risk(args) => risk::run(&args, printer),
        Command::Search(args) => search::run(&args, printer),
        Command::Metrics(args) => metrics::run(&args, printer),
        Command::Logons(args) => logons::run(&args, printer),
        Command::Coverage(args) => coverage::run(&args, printer),
        Command::Export(args) => export::run(&args, printer),
        Command::Sql(args) => sql::run(&args, printer),
        Command::Views(args) => views::run(&args, printer),
        Command::Store(args) => upkeep::run(&args, printer),
        Command::Match(args) => match_rows::run(&args, printer),
        Command::Compile(args) => compile::run(&args, printer),
        Command::Explain(args) => explain::run(&args, printer),
        Command::Check(args) => check::run(&args, printer),
        Command::Test(args) => test::run(&args, printer),
        Command::Completions(args) => completions::run(&args, printer),
        Command::Man(args) => man::run(&args, printer),
    }
}

/// An error with its causes; what a cause's own message already ends with is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    // SQLite's errors say the same again after their number.
    match text.rfind(": Error code ") {
        Some(at) if text[at..].rsplit(": ").next().is_some_and(|last| text[..at].ends_with(last)) => text[..at].to_owned(),
        _ => text,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_argument_definitions_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Args::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:") && help.contains("retrohunt "), "`{}` has no example", command.get_name());
        }
    }
}

//! The one place that prints: data to stdout, everything else to stderr.
//!
//! Standard output is for data only, so that it can be piped. Progress, summaries, warnings and errors go to
//! standard error, and all but errors are silent with `--quiet`. Text that may come from a log, a rule or a path is
//! passed through [`crate::report::visible`] before it gets here or inside here, never printed raw.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::flags::with_flags;
use crate::diag::{self, Diagnostic, Severity};
use crate::report::{visible, visible_text, wrapped_text};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const BOLD: Style = Style::new().bold();

/// A terminal narrower than this gets unwrapped tables: a column of a few characters is harder to read than a line that the
/// terminal breaks. Some pseudo-terminals say 0 or 1.
const MIN_WIDTH: u16 = 40;

/// Prints for one command.
pub(crate) struct Printer {
    quiet: bool,
    out: io::BufWriter<io::Stdout>,
}

impl Printer {
    pub(crate) fn new(quiet: bool) -> Self {
        // Large, because a listing is many short writes and standard output alone flushes at each line.
        Self { quiet, out: io::BufWriter::with_capacity(1 << 16, io::stdout()) }
    }

    /// Returns where data goes.
    pub(crate) fn data(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Returns the columns of the terminal that data goes to. A file or a pipe has as many as `COLUMNS` says, or no end.
    pub(crate) fn width(&self) -> Option<u16> {
        width_of(terminal_size::terminal_size_of(io::stdout()))
    }

    /// Whether somebody reads messages as they come: a long list would hide what was before it.
    pub(crate) fn tells_a_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether progress may be drawn.
    pub(crate) fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Says something about the work: a summary, what to do next.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            tell("", BOLD, text);
        }
    }

    /// Says which columns a table had no room for.
    pub(crate) fn note_left_out(&self, headings: &[String]) {
        if !headings.is_empty() {
            self.note(&format!("no room for: {}; a wider terminal or `--format vertical` shows them", headings.join(", ")));
        }
    }

    /// Says something with its first words in bold.
    pub(crate) fn headed_note(&self, head: &str, text: &str) {
        if !self.quiet {
            tell(&visible(head), BOLD, text);
        }
    }

    /// Says what was skipped or damaged.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            tell("warning:", WARNING, text);
        }
    }

    /// Says why the command failed; also with `--quiet`.
    pub(crate) fn error(&self, text: &str) {
        tell("error:", ERROR, text);
    }

    /// Shows a diagnostic with its place in the rule; with `--quiet` only an error.
    pub(crate) fn diagnostic(&self, diagnostic: &Diagnostic) {
        if !self.quiet || diagnostic.severity == Severity::Error {
            stderr_line(with_flags(&diag::render_coloured(std::slice::from_ref(diagnostic))).trim_end());
        }
    }

    /// Writes diagnostics as data, in colour on a terminal that takes it.
    pub(crate) fn listed_diagnostics(&mut self, diagnostics: &[Diagnostic]) -> io::Result<()> {
        let text = diag::render_coloured(diagnostics);
        // Into memory first: the choice is that of standard output, but the bytes must keep their order with those of `self.out`.
        let mut out = anstream::AutoStream::new(Vec::new(), anstream::AutoStream::choice(&io::stdout()));
        out.write_all(with_flags(&text).as_bytes())?;
        self.out.write_all(&out.into_inner())
    }
}

/// The columns of a terminal, or of whatever else text goes to.
fn width_of(terminal: Option<(terminal_size::Width, terminal_size::Height)>) -> Option<u16> {
    // Shells know `COLUMNS` and do not pass it on unless somebody says so: who does wants it.
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.map(|(width, _)| width.0).or_else(said).filter(|width| *width >= MIN_WIDTH)
}

/// Writes a sentence to stderr, behind a word that says what it is; broken between words where it is too long.
fn tell(head: &str, style: Style, text: &str) {
    let text = visible_text(&with_flags(text)).into_owned();
    let whole = if head.is_empty() { text } else { format!("{head} {text}") };
    let whole = match width_of(terminal_size::terminal_size_of(io::stderr())) {
        Some(width) => wrapped_text(&whole, usize::from(width)),
        None => whole,
    };
    match whole.strip_prefix(head) {
        Some(rest) if !head.is_empty() => stderr_line(&format!("{style}{head}{style:#}{rest}")),
        _ => stderr_line(&whole),
    }
}

/// Writes a line to stderr, without colours where they are not wanted. There is nobody to tell when that fails.
fn stderr_line(text: &str) {
    let mut stderr = anstream::AutoStream::auto(io::stderr().lock());
    drop(writeln!(stderr, "{text}"));
}

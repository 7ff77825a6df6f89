//! Diagnostics: faults in the user's text, with a stable code, a place and a hint.
//!
//! A diagnostic is a value: parsers collect them and go on. Rendering with carets is here and nowhere else, and what it
//! returns never holds a control character of the user's text, so that it is safe on a terminal.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::{Deserialize, Serialize};

/// Lines of a span that are shown. A longer span (a whole search, a whole document) is shown by its first line: its place is what counts.
const SHOWN_LINES: usize = 4;
/// Longest piece of text shown around a span, in bytes on either side. A rule of one line may have megabytes, and a terminal has not.
const SHOWN_BYTES: usize = 2048;

/// Longest message and hint, in characters: they quote values of the user's text, and a value may be a whole search.
const MESSAGE_CHARS: usize = 600;
/// Characters at the end of a longer one that stay: what is wrong often stands behind what it is wrong with.
const MESSAGE_END_CHARS: usize = 200;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// A remark that changes nothing.
    Note,
    /// The rule compiles, but probably does not say what its author meant.
    Warning,
    /// The rule does not compile.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What kind of thing a diagnostic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A command of a search.
    Command,
    /// A function of an expression.
    Function,
    /// An aggregate of `stats` and its relatives.
    Aggregate,
    /// An option of a command.
    Option,
    /// An operator.
    Operator,
    /// A macro.
    Macro,
    /// A lookup table.
    Lookup,
    /// Where events come from: a source type, a channel, a Sigma log source.
    LogSource,
    /// A data model or one of its data sets.
    DataModel,
    /// A field of events or rows.
    Field,
    /// A placeholder of Sigma's `expand`.
    Placeholder,
    /// Another rule.
    Rule,
}

impl SubjectKind {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Function => "function",
            Self::Aggregate => "aggregate",
            Self::Option => "option",
            Self::Operator => "operator",
            Self::Macro => "macro",
            Self::Lookup => "lookup",
            Self::LogSource => "log source",
            Self::DataModel => "data model",
            Self::Field => "field",
            Self::Placeholder => "placeholder",
            Self::Rule => "rule",
        }
    }
}

/// The named thing that a diagnostic is about, so that programs count names and need not read messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name, as the rule or its language spells it.
    pub name: String,
}

impl Subject {
    /// Names a thing.
    pub fn new(kind: SubjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: cut(name.into()) }
    }
}

/// A text that diagnostics point into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    /// Path as the user named it.
    pub path: String,
    /// The text, as decoded.
    pub text: String,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Stable code, e.g. `sigma-unknown-modifier`, `spl-unsupported-command`. Part of the interface.
    #[serde(deserialize_with = "crate::serial::read_name")]
    pub code: crate::serial::CodeName,
    /// What is wrong, in one sentence without a full stop, naming the feature.
    pub message: String,
    /// The text it is in.
    #[serde(with = "crate::serial::optional")]
    pub source: Option<Arc<SourceText>>,
    /// Bytes of that text.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// What it is about, where that has a name. Boxed: a diagnostic is the error of many functions, and those stay cheap.
    pub subject: Option<Box<Subject>>,
}

impl Diagnostic {
    /// Makes a diagnostic without a place.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, message: cut(message.into()), source: None, span: None, hints: Vec::new(), subject: None }
    }

    /// Makes an error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Makes a warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceText>, span: Range<usize>) -> Self {
        self.source = Some(source.clone());
        self.span = Some(span);
        self
    }

    /// Adds what it is about.
    #[must_use]
    pub fn about(mut self, kind: SubjectKind, name: impl Into<String>) -> Self {
        self.subject = Some(Box::new(Subject::new(kind, name)));
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(cut(hint.into()));
        self
    }

    /// Returns the 1-based line and column (in characters) of the span's start.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let (source, span) = (self.source.as_ref()?, self.span.as_ref()?);
        Some(source.line_column(span.start))
    }

    /// Returns the line and column of the first character after the span, counted as in [`Self::line_column`].
    pub fn end_line_column(&self) -> Option<(usize, usize)> {
        let (source, span) = (self.source.as_ref()?, self.span.as_ref()?);
        Some(source.line_column(span.end.max(span.start)))
    }
}

/// A text without its middle, where it is too long.
fn cut(text: String) -> String {
    let chars = if text.len() > MESSAGE_CHARS { text.chars().count() } else { 0 };
    if chars <= MESSAGE_CHARS {
        return text;
    }
    let head = text.chars().take(MESSAGE_CHARS - MESSAGE_END_CHARS - 1);
    let tail = text.chars().skip(chars - MESSAGE_END_CHARS);
    head.chain(['…']).chain(tail).collect()
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

impl SourceText {
    /// The 1-based line and column (in characters) of a byte.
    pub fn line_column(&self, at: usize) -> (usize, usize) {
        place(&self.text, at)
    }
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..boundary_before(text, at)];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.bytes().filter(|b| *b == b'\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Renders diagnostics with file, line, column, code, carets and hints, without colours.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    render_with(&Renderer::plain(), diagnostics)
}

/// As [`render`], with ANSI colours.
pub fn render_coloured(diagnostics: &[Diagnostic]) -> String {
    render_with(&Renderer::styled(), diagnostics)
}

fn render_with(renderer: &Renderer, diagnostics: &[Diagnostic]) -> String {
    // ASCII, because the output also goes into files and into consoles without UTF-8.
    let renderer = renderer.clone().decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[report(diagnostic)]));
        out.push_str("\n\n");
    }
    out
}

fn report(diagnostic: &Diagnostic) -> Group<'static> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(printable(&diagnostic.message).into_owned()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    if let Some(source) = &diagnostic.source {
        let path = printable(&source.path).into_owned();
        group = match (&diagnostic.span, diagnostic.line_column()) {
            (Some(span), Some((line, column))) => {
                let Excerpt { text, shown, whole } = excerpt(&source.text, span);
                let snippet = Snippet::source(text).line_start(line).annotation(AnnotationKind::Primary.span(shown));
                // The library counts columns from the start of the snippet, so a snippet that begins within its line gets its place apart.
                if whole {
                    group.element(snippet.path(path))
                } else {
                    group.element(Origin::path(path).line(line).char_column(column)).element(snippet)
                }
            }
            _ => group.element(Origin::path(path)),
        };
    }
    group.elements(diagnostic.hints.iter().map(|hint| Level::HELP.message(printable(hint).into_owned())))
}

/// The printable lines that a span touches, and the span within them.
struct Excerpt {
    text: String,
    shown: Range<usize>,
    /// It starts where its line starts, so that columns can be counted in it.
    whole: bool,
}

fn excerpt(text: &str, span: &Range<usize>) -> Excerpt {
    let start = boundary_before(text, span.start);
    let mut end = boundary_before(text, span.end).max(start);
    if text[start..end].matches('\n').count() >= SHOWN_LINES {
        end = line_end(text, start);
    }
    end = end.min(boundary_before(text, start + SHOWN_BYTES)).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let from = line_start.max(boundary_before(text, start.saturating_sub(SHOWN_BYTES)));
    let to = line_end(text, end).min(boundary_before(text, end + SHOWN_BYTES));
    // Made printable piece by piece: what stands before the span changes its length, and the caret must stay under it.
    let mut out = printable_lines(&text[from..start]);
    let shown_start = out.len();
    out.push_str(&printable_lines(&text[start..end]));
    let shown_end = out.len();
    out.push_str(&printable_lines(&text[end..to]));
    Excerpt { text: out, shown: shown_start..shown_end, whole: from == line_start }
}

/// Spans come from parsers that count bytes: one may point into a character, or behind a text that was cut.
fn boundary_before(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |i| at + i)
}

fn printable_lines(text: &str) -> String {
    // A carriage return would write the line over itself; the renderer ends lines at the line feed.
    let keep = |c: char| if matches!(c, '\n' | '\t') { c } else { printable_char(c) };
    text.chars().filter(|c| *c != '\r').map(keep).collect()
}

/// Replaces what could steer a terminal or turn the order of text: control characters become their symbols (`␛`),
/// those without one and marks of direction become U+FFFD. Everything that is printed and not ours goes through it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| printable_char(c) == c) { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(printable_char).collect()) }
}

fn printable_char(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).expect("the C0 controls have symbols"),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Range<usize>) -> Diagnostic {
        let source = Arc::new(SourceText { path: "a/b.yml".into(), text: text.into() });
        Diagnostic::error("x-code", "it is wrong").at(&source, span).hint("do better")
    }

    #[test]
    fn a_diagnostic_shows_its_line_with_carets() {
        insta::assert_snapshot!(render(&[at("one\ntwo thrée four\nfive\n", 8..14)]), @"
        error[x-code]: it is wrong
         --> a/b.yml:2:5
          |
        2 | two thrée four
          |     ^^^^^
          |
          = help: do better
        ");
    }

    #[test]
    fn places_at_the_edges_do_not_panic() {
        for (start, end) in [(0, 0), (0, 4), (4, 4), (3, 3), (99, 120), (2, 1)] {
            let diagnostic = Diagnostic { span: Some(Range { start, end }), ..at("one\n", 0..0) };
            assert!(render(&[diagnostic]).contains("a/b.yml:"));
        }
        assert!(render(&[at("", 0..0)]).contains("a/b.yml:1:1"));
        assert!(render(&[Diagnostic::warning("w", "no place")]).starts_with("warning[w]: no place"));
        assert!(render(&[at(&"é".repeat(1_000_000), 1_000_001..1_000_003)]).len() < 10_000);
        assert!(render(&[at(&"a\n".repeat(100_000), 4..150_000)]).len() < 10_000);
    }

    #[test]
    fn a_message_never_has_a_whole_long_value() {
        let long = Diagnostic::error("x", format!("`{}` is not a network", "é".repeat(1_000_000))).hint("h".repeat(10_000));
        assert_eq!((long.message.chars().count(), long.hints[0].len()), (MESSAGE_CHARS, MESSAGE_CHARS - 1 + '…'.len_utf8()));
        assert!(long.message.starts_with("`ééé") && long.message.contains("é…é") && long.message.ends_with("é` is not a network"));
        assert_eq!(Diagnostic::error("x", "ü".repeat(MESSAGE_CHARS)).message, "ü".repeat(MESSAGE_CHARS));
    }

    #[test]
    fn the_users_text_cannot_steer_the_terminal() {
        let text = "title: \x1b[31mred\x07\u{9b}2J\u{202e}\r\n";
        let mut diagnostic = at(text, 7..12).hint(text);
        diagnostic.message = text.into();
        for rendered in [render(std::slice::from_ref(&diagnostic)), render_coloured(&[diagnostic])] {
            assert!(!rendered.contains("\x1b[31mred"));
            assert!(!rendered.contains(['\x07', '\u{9b}', '\u{202e}', '\r']));
        }
        assert_eq!(printable("plain é"), "plain é");
        assert_eq!(printable("a\0\x1bb\nc"), "a\u{2400}\u{241b}b\u{240a}c");
    }
}

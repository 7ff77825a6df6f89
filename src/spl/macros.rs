//! Macros: text that is put in before a search is parsed.
//!
//! Comments go first, then macros, then parsing: what a macro holds may be structure, so no brackets are added. A macro
//! that nobody defined and whose name ends in `_filter` is the detection's own place for exclusions and lets everything
//! pass. Expansion is bounded: macros may not call themselves, and there are budgets for depth, calls and size.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::builtin;
use super::conf;
use super::fault::SearchFault;
use super::text::Expanded;
use crate::diag::{Diagnostic, SourceText, SubjectKind};
use crate::suggest::nearest;
use crate::yaml;

/// Macros inside of macros.
// Bounds the recursion of expansion.
const MAX_DEPTH: usize = 20;
/// Calls of one search, those inside of macros included.
// With a depth of 20, calls could double at each level: a million expansions from a file of a few lines.
const MAX_CALLS: usize = 10_000;
/// Bytes of an expanded search.
// Bounds what a few lines of macros can become: the parser's time grows with it.
const MAX_EXPANDED_BYTES: usize = 1024 * 1024;

/// What a macro that nobody filled lets through, as a command and inside of one.
// A bare `*` is a search term, but no command: behind a pipe it must be `search *`.
const EVERYTHING: [&str; 2] = ["search *", "*"];

#[derive(Debug, Clone)]
struct Macro {
    arguments: Vec<String>,
    definition: String,
}

/// The macros that searches may call.
#[derive(Debug, Clone, Default)]
pub struct Macros {
    by_name: BTreeMap<(String, usize), Macro>,
}

impl Macros {
    /// The macros that are facts of the add-ons and of the content: they need no folder.
    pub fn builtin() -> Self {
        let mut macros = Self::default();
        for (name, arguments, definition) in builtin::DEFINED {
            macros.define(name, arguments.split_whitespace().map(str::to_owned).collect(), definition);
        }
        macros
    }

    /// Adds the macros of a YAML file with `name`, `definition` and perhaps `arguments`; each replaces one of that name
    /// and number of arguments.
    pub fn add_file(&mut self, source: &Arc<SourceText>) -> Vec<Diagnostic> {
        let documents = match yaml::parse(source) {
            Ok(documents) => documents,
            Err(diagnostic) => return vec![diagnostic],
        };
        let mut diagnostics = Vec::new();
        for document in &documents {
            let text = |key: &str| document.get(key).and_then(yaml::Node::scalar_text);
            match (text("name"), text("definition")) {
                (Some(name), Some(definition)) => {
                    let arguments = document.get("arguments").map(yaml::Node::texts).unwrap_or_default();
                    self.define(name, arguments, definition);
                }
                _ => diagnostics.push(
                    Diagnostic::warning("spl-macro-incomplete", "a macro needs `name` and `definition`").at(source, document.span.clone()),
                ),
            }
        }
        diagnostics
    }

    /// Adds the macros of a `macros.conf`: `[name]`, or `[name(2)]` with `args`, and `definition`; each replaces one of that
    /// name and number of arguments.
    pub fn add_conf(&mut self, source: &Arc<SourceText>) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for stanza in conf::stanzas(&source.text) {
            let mut incomplete =
                |message: &str| diagnostics.push(Diagnostic::warning("spl-macro-incomplete", message).at(source, stanza.span.clone()));
            let Some(definition) = stanza.get("definition") else {
                incomplete("a macro needs `definition`");
                continue;
            };
            // Its definition would be computed before it is put in.
            if matches!(stanza.get("iseval"), Some("1" | "true")) {
                incomplete("a macro with `iseval` is not supported");
                continue;
            }
            let name = stanza.name.split('(').next().unwrap_or_default().trim();
            let arguments = stanza.get("args").unwrap_or_default().split(',').map(|argument| argument.trim().to_owned());
            self.define(name, arguments.filter(|argument| !argument.is_empty()).collect(), definition);
        }
        diagnostics
    }

    fn define(&mut self, name: &str, arguments: Vec<String>, definition: &str) {
        self.by_name.insert((name.to_owned(), arguments.len()), Macro { arguments, definition: definition.to_owned() });
    }

    /// How many arguments the macros of a name take.
    fn arities(&self, name: &str) -> Vec<usize> {
        self.by_name.range((name.to_owned(), 0)..).take_while(|((n, _), _)| n == name).map(|((_, arity), _)| *arity).collect()
    }
}

/// What expansion gives: the text, the definitions used (for the rule's hash), and faults with spans in the search.
pub(super) struct Expansion {
    pub(super) expanded: Expanded,
    pub(super) used: BTreeSet<String>,
    pub(super) faults: Vec<SearchFault>,
    /// Nothing was left out because a limit was met.
    pub(super) is_whole: bool,
}

/// Removes comments and puts in macros.
pub(super) fn expand(search: &str, macros: &Macros) -> Expansion {
    let mut expander =
        Expander { macros, used: BTreeSet::new(), faults: Vec::new(), open: Vec::new(), calls: 0, size: 0, exhausted: false, starts: true };
    let mut expanded = Expanded::default();
    let mut strings = OpenString::default();
    for piece in pieces(search) {
        match piece {
            MacroPiece::Text(range) => expanded.push_verbatim(&search[range.clone()], range.start),
            // One space and not nothing, so that the words around a comment stay two.
            MacroPiece::Comment(range) => expanded.push_replaced(" ", range),
            MacroPiece::Call(range) => {
                let mut text = String::new();
                expander.starts = starts_command(&expanded.text);
                let call = &search[range.start + 1..range.end - 1];
                strings.go_on(&expanded.text);
                if strings.is_search {
                    // What the call becomes stays inside of the string that holds a search (`map search="…"`).
                    expander.call(&call.replace("\\\"", "\""), &range, &mut text);
                    text = text.replace('"', "\\\"");
                } else {
                    expander.call(call, &range, &mut text);
                }
                expanded.push_replaced(&text, range);
            }
            MacroPiece::Open(range) => expander.fault("spl-unclosed-macro", "a macro call has no closing backtick".to_owned(), &range),
        }
    }
    let used = expander.used.iter().filter_map(|key| Some((key, macros.by_name.get(key)?)));
    let used = used.map(|((name, _), m)| format!("{name}({})={}", m.arguments.join(","), m.definition)).collect();
    Expansion { expanded, used, faults: expander.faults, is_whole: !expander.exhausted }
}

enum MacroPiece {
    Text(Range<usize>),
    Comment(Range<usize>),
    Call(Range<usize>),
    Open(Range<usize>),
}

/// Cuts a text at its comments and macro calls. A backtick that starts no call (in a string, say) is text.
fn pieces(text: &str) -> Vec<MacroPiece> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(tick) = text[at..].find('`').map(|i| i + at) {
        let (piece, end) = if text[tick..].starts_with("```") {
            let end = text[tick + 3..].find("```").map_or(text.len(), |i| tick + 3 + i + 3);
            (MacroPiece::Comment(tick..end), end)
        } else {
            let close = text[tick + 1..].find('`').map(|i| tick + 1 + i);
            match close {
                Some(close) if call_parts(&text[tick + 1..close]).is_some() => (MacroPiece::Call(tick..close + 1), close + 1),
                // A lone backtick within a string is text: PowerShell detections search for it.
                None if text[tick + 1..].starts_with(is_macro_char) && !ends_in_string(&text[..tick]) => {
                    (MacroPiece::Open(tick..tick + 1), text.len())
                }
                _ => {
                    at = tick + 1;
                    continue;
                }
            }
        };
        out.push(MacroPiece::Text(start..tick));
        out.push(piece);
        (start, at) = (end, end);
    }
    out.push(MacroPiece::Text(start..text.len()));
    out
}

/// What is known of the strings of a text that grows.
#[derive(Default)]
struct OpenString {
    at: usize,
    is_open: bool,
    is_escaped: bool,
    /// The open string is the value of `search=`.
    is_search: bool,
}

impl OpenString {
    /// Reads what came to the text since the last time.
    fn go_on(&mut self, text: &str) {
        for (place, c) in text[self.at..].char_indices() {
            match c {
                _ if self.is_escaped => self.is_escaped = false,
                '\\' => self.is_escaped = true,
                '"' => {
                    self.is_open = !self.is_open;
                    self.is_search = self.is_open && text[..self.at + place].trim_end().ends_with("search=");
                }
                _ => {}
            }
        }
        self.at = text.len();
    }
}

/// Whether a command starts behind a text.
fn starts_command(text: &str) -> bool {
    let text = text.trim_end();
    text.is_empty() || text.ends_with('|')
}

/// Whether a string is open at the end of a text.
fn ends_in_string(text: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

fn is_macro_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// Name and arguments of `name` or `name(a, b)`.
fn call_parts(call: &str) -> Option<(&str, Vec<String>)> {
    let call = call.trim();
    let name = &call[..call.find(|c| !is_macro_char(c)).unwrap_or(call.len())];
    let rest = call[name.len()..].trim_start();
    match rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        _ if name.is_empty() => None,
        None if rest.is_empty() => Some((name, Vec::new())),
        None => None,
        Some(inner) => Some((name, split_arguments(inner))),
    }
}

/// Arguments are separated by commas outside of quotes; the quotes around an argument go (rule M3).
fn split_arguments(text: &str) -> Vec<String> {
    let argument = |text: &str| {
        let text = text.trim();
        text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).to_owned()
    };
    let mut out = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                out.push(argument(&text[start..index]));
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        out.push(argument(&text[start..]));
    }
    out
}

struct Expander<'m> {
    macros: &'m Macros,
    used: BTreeSet<(String, usize)>,
    faults: Vec<SearchFault>,
    /// The calls that are being expanded, outermost first.
    open: Vec<(String, usize)>,
    calls: usize,
    size: usize,
    /// A budget is used up: nothing more is expanded.
    exhausted: bool,
    /// The outermost call stands where a command starts.
    starts: bool,
}

impl Expander<'_> {
    fn fault(&mut self, code: &'static str, message: String, at: &Range<usize>) {
        let fault = SearchFault::error(code, message, at.clone());
        // A macro that is called in each of forty branches has one fault, not forty.
        if self.faults.last() != Some(&fault) {
            self.faults.push(fault);
        }
    }

    fn exhaust(&mut self, code: &'static str, message: String, at: &Range<usize>) {
        self.exhausted = true;
        self.fault(code, message, at);
    }

    /// Appends what a call becomes, its own macros put in. `at` is the outermost call in the search.
    fn call(&mut self, call: &str, at: &Range<usize>, out: &mut String) {
        if self.exhausted {
            return;
        }
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return self.exhaust("spl-macro-calls", format!("the search calls more than MAX_CALLS = {MAX_CALLS} macros"), at);
        }
        let Some((name, arguments)) = call_parts(call) else {
            return self.fault("spl-syntax", "expected `name` or `name(arguments)` between backticks".to_owned(), at);
        };
        let key = (name.to_owned(), arguments.len());
        let macros = self.macros;
        let Some(found) = macros.by_name.get(&key) else { return self.unknown(&key, at, out) };
        if self.open.contains(&key) {
            return self.fault("spl-macro-recursion", format!("the macro `{name}` calls itself"), at);
        }
        if self.open.len() >= MAX_DEPTH {
            return self.exhaust("spl-macro-depth", format!("macros are nested deeper than MAX_DEPTH = {MAX_DEPTH}"), at);
        }
        let Some(text) = self.fill_in(found, &arguments) else {
            let message = format!("the expanded search is larger than MAX_EXPANDED_BYTES = {MAX_EXPANDED_BYTES}");
            return self.exhaust("spl-macro-size", message, at);
        };
        self.used.insert(key.clone());
        self.open.push(key);
        for piece in pieces(&text) {
            match piece {
                MacroPiece::Text(range) => out.push_str(&text[range]),
                MacroPiece::Comment(_) => out.push(' '),
                MacroPiece::Call(range) => self.call(&text[range.start + 1..range.end - 1], at, out),
                MacroPiece::Open(_) => {
                    self.fault("spl-unclosed-macro", format!("the macro `{name}` has a call without a closing backtick"), at);
                }
            }
        }
        self.open.pop();
    }

    fn unknown(&mut self, (name, count): &(String, usize), at: &Range<usize>, out: &mut String) {
        let starts = if out.trim().is_empty() { self.starts } else { starts_command(out) };
        out.push_str(EVERYTHING[usize::from(!starts)]); // also where it is a fault: what stands around it is none
        // Rule M4: such a macro is where the user excludes his own noise, and nobody must define it.
        if name.ends_with("_filter") {
            return;
        }
        if let Some((_, needs)) = builtin::UNSUPPORTED.iter().find(|(known, _)| known == name) {
            let fault = SearchFault::error("spl-needs-product", format!("the macro `{name}` needs {needs}"), at.clone());
            return self.faults.push(fault.about(SubjectKind::Macro, name.as_str()));
        }
        let arguments = |n: usize| format!("{n} {}", if n == 1 { "argument" } else { "arguments" });
        if let Some(arity) = self.macros.arities(name).first() {
            let message = format!("the macro `{name}` takes {}, not {count}", arguments(*arity));
            return self.fault("spl-macro-arguments", message, at);
        }
        let with = if *count == 0 { String::new() } else { format!(" with {}", arguments(*count)) };
        let fault = SearchFault::error("spl-unknown-macro", format!("the macro `{name}`{with} is not defined"), at.clone());
        let fault = fault.about(SubjectKind::Macro, name.as_str());
        if let Some(near) = nearest(name, self.macros.by_name.keys().map(|(name, _)| name.as_str())) {
            return self.faults.push(fault.hint(format!("did you mean `{near}`?")));
        }
        self.faults.push(fault.hint("define it in a YAML file with `name` and `definition` in a folder `macros` beside or above the rule"));
    }

    /// The definition with arguments for its `$parameters$`; nothing when that is more than may be expanded.
    fn fill_in(&mut self, found: &Macro, arguments: &[String]) -> Option<String> {
        let mut out = String::new();
        let mut rest = found.definition.as_str();
        let budget = MAX_EXPANDED_BYTES - self.size.min(MAX_EXPANDED_BYTES);
        while out.len() <= budget {
            let Some(open) = rest.find('$') else { break };
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            // The whole name between dollar signs: `$user$` must not be filled by a parameter `us`.
            let parameter = found.arguments.iter().position(|p| rest[1..].starts_with(p.as_str()) && rest[1 + p.len()..].starts_with('$'));
            match parameter.and_then(|i| Some((&found.arguments[i], arguments.get(i)?))) {
                Some((parameter, argument)) => {
                    out.push_str(argument);
                    rest = &rest[parameter.len() + 2..];
                }
                None => {
                    out.push('$');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        self.size += out.len();
        (out.len() <= budget).then_some(out)
    }
}

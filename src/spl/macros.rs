//! Macros: text that is put in before a search is parsed.
//!
//! Comments go first, then macros, then parsing: what a macro holds may be structure. A macro that nobody defined and
//! whose name ends in `_filter` is the detection's own place for exclusions and lets everything pass.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::text::Expanded;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml;

/// Macros inside of macros.
const MAX_DEPTH: u32 = 20;
/// Bytes of an expanded search.
const MAX_EXPANDED_BYTES: usize = 1024 * 1024;

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

/// (name, arguments, definition) of the macros that need no folder.
const BUILTIN: [(&str, &str, &str); 15] = [
    ("wineventlog_security", "", "eventtype=wineventlog_security OR Channel=security OR source=XmlWinEventLog:Security"),
    ("wineventlog_system", "", "eventtype=wineventlog_system OR Channel=system OR source=XmlWinEventLog:System"),
    ("wineventlog_application", "", "eventtype=wineventlog_application OR Channel=application OR source=XmlWinEventLog:Application"),
    ("wineventlog_task_scheduler", "", "source=XmlWinEventLog:Microsoft-Windows-TaskScheduler/Operational"),
    ("sysmon", "", "sourcetype=xmlwineventlog source=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"),
    ("powershell", "", "source=XmlWinEventLog:Microsoft-Windows-PowerShell/Operational"),
    ("security_content_ctime", "field", "convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime($field$)"),
    ("security_content_summariesonly", "", "summariesonly=false allow_old_summaries=true fillnull_value=null"),
    ("summariesonly_config", "", "false"),
    ("oldsummaries_config", "", "true"),
    ("fillnull_config", "", "null"),
    ("drop_dm_object_name", "object", "rename \"$object$.*\" as \"*\""),
    ("get_asset", "field", "search *"),
    ("get_risk_severity", "score", "search *"),
    ("cim_corporate_web_domain_search", "field", "search *"),
];

impl Macros {
    /// The macros that are facts of the add-ons and of the content: they need no folder.
    pub fn builtin() -> Self {
        let mut macros = Self::default();
        for (name, arguments, definition) in BUILTIN {
            let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            macros.by_name.insert((name.to_owned(), arguments.len()), Macro { arguments, definition: definition.to_owned() });
        }
        macros
    }

    /// Adds the macro of a YAML file with `name`, `definition` and perhaps `arguments`; it replaces one of that name.
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
                    self.by_name.insert((name.to_owned(), arguments.len()), Macro { arguments, definition: definition.to_owned() });
                }
                _ => diagnostics.push(
                    Diagnostic::warning("spl-macro-incomplete", "a macro needs `name` and `definition`").at(source, document.span.clone()),
                ),
            }
        }
        diagnostics
    }
}

/// What expansion gives: the text, the definitions used (for the rule's hash), and faults with spans in the search.
pub(super) struct Expansion {
    pub(super) expanded: Expanded,
    pub(super) used: BTreeSet<String>,
    pub(super) faults: Vec<(&'static str, String, Range<usize>)>,
}

/// Removes comments and puts in macros.
pub(super) fn expand(search: &str, macros: &Macros) -> Expansion {
    let mut expander = Expander { macros, used: BTreeSet::new(), faults: Vec::new(), size: 0 };
    let mut expanded = Expanded::default();
    for piece in pieces(search) {
        match piece {
            Piece::Text(range) => expanded.push_verbatim(&search[range.clone()], range.start),
            Piece::Comment(range) => expanded.push_replaced(" ", range),
            Piece::Call(range) => {
                let text = expander.call(&search[range.start + 1..range.end - 1], &range, 0);
                expanded.push_replaced(&text, range);
            }
            Piece::Open(range) => expander.faults.push(("spl-unclosed-macro", "a macro call lacks its closing backtick".to_owned(), range)),
        }
    }
    Expansion { expanded, used: expander.used, faults: expander.faults }
}

enum Piece {
    Text(Range<usize>),
    Comment(Range<usize>),
    Call(Range<usize>),
    Open(Range<usize>),
}

/// Cuts a search at its comments and backticks.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(tick) = text[at..].find('`').map(|i| i + at) else {
            out.push(Piece::Text(at..text.len()));
            break;
        };
        out.push(Piece::Text(at..tick));
        if text[tick..].starts_with("```") {
            let end = text[tick + 3..].find("```").map_or(text.len(), |i| tick + 3 + i + 3);
            out.push(Piece::Comment(tick..end));
            at = end;
        } else if let Some(close) = text[tick + 1..].find('`') {
            at = tick + 1 + close + 1;
            out.push(Piece::Call(tick..at));
        } else {
            out.push(Piece::Open(tick..text.len()));
            break;
        }
    }
    out
}

struct Expander<'m> {
    macros: &'m Macros,
    used: BTreeSet<String>,
    faults: Vec<(&'static str, String, Range<usize>)>,
    size: usize,
}

impl Expander<'_> {
    fn fault(&mut self, code: &'static str, message: String, at: &Range<usize>) -> String {
        self.faults.push((code, message, at.clone()));
        String::new()
    }

    /// The text of a call, its own macros put in.
    fn call(&mut self, call: &str, at: &Range<usize>, depth: u32) -> String {
        if depth >= MAX_DEPTH {
            return self.fault(
                "spl-macro-depth",
                format!("macros are nested deeper than MAX_DEPTH = {MAX_DEPTH}: do they call each other?"),
                at,
            );
        }
        let call = call.trim();
        let (name, arguments) = match call.split_once('(') {
            Some((name, rest)) => (name.trim(), split_arguments(rest.trim_end().strip_suffix(')').unwrap_or(rest))),
            None => (call, Vec::new()),
        };
        let Some(found) = self.macros.by_name.get(&(name.to_owned(), arguments.len())).cloned() else {
            if name.ends_with("_filter") {
                return "search *".to_owned();
            }
            return self.fault("spl-unknown-macro", format!("the macro `{name}` with {} arguments is not defined", arguments.len()), at);
        };
        self.used.insert(format!("{name}({})={}", found.arguments.join(","), found.definition));
        let mut text = found.definition;
        for (parameter, argument) in found.arguments.iter().zip(&arguments) {
            text = text.replace(&format!("${parameter}$"), argument);
        }
        self.size += text.len();
        if self.size > MAX_EXPANDED_BYTES {
            return self.fault(
                "spl-macro-size",
                format!("the expanded search is larger than MAX_EXPANDED_BYTES = {MAX_EXPANDED_BYTES}"),
                at,
            );
        }
        let mut out = String::new();
        for piece in pieces(&text) {
            match piece {
                Piece::Text(range) => out.push_str(&text[range]),
                Piece::Comment(_) => out.push(' '),
                Piece::Call(range) => out.push_str(&self.call(&text[range.start + 1..range.end - 1], at, depth + 1)),
                Piece::Open(_) => {
                    return self.fault(
                        "spl-unclosed-macro",
                        format!("the macro `{name}` holds a call that lacks its closing backtick"),
                        at,
                    );
                }
            }
        }
        out
    }
}

/// Arguments are separated by commas outside of quotes; the quotes around an argument go.
fn split_arguments(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (index, c) in text.char_indices() {
        match c {
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

fn argument(text: &str) -> String {
    let text = text.trim();
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).to_owned()
}

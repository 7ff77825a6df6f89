//! How a lookup is found and compared: ESCU's YAML and the stanzas of `transforms.conf`.

use std::fmt::Write as _;
use std::sync::Arc;

use super::table::TableCells;
use super::{Unusable, builtin_reason};
use crate::diag::{Diagnostic, SourceText};
use crate::ir::{Table, TableMatch};
use crate::spl::conf::{self, Stanza};
use crate::yaml::{self, Node};

/// Rows that fit at most where a definition does not say.
// Splunk's default for lookups without a time field.
const MAX_MATCHES: u64 = 100;
/// The most that a definition may ask for, in Splunk too.
const MAX_MATCHES_LIMIT: u64 = 1_000;

/// The end of a file that holds a model and no table.
const MODEL_ENDING: &str = ".mlmodel";

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookupDefinition {
    pub(super) name: String,
    pub(super) content: Content,
    matching: Vec<(String, TableMatch)>,
    case_sensitive: bool,
    min_matches: u64,
    max_matches: u64,
    default_match: Option<String>,
    /// A part of it that is not supported.
    pub(super) unsupported: Option<String>,
}

/// Where what is in a lookup stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// In a CSV file of this name.
    File(String),
    /// In a collection of Splunk's KV store.
    Collection(String),
    /// It is a model of the Machine Learning Toolkit.
    Model,
    /// A program makes it.
    Program(String),
}

impl LookupDefinition {
    /// What holds for a CSV file that nothing defines.
    pub(super) fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::File(name.to_owned()),
            matching: Vec::new(),
            case_sensitive: true,
            min_matches: 0,
            max_matches: MAX_MATCHES,
            default_match: None,
            unsupported: None,
        }
    }

    /// Why it cannot be used while there is no file for it.
    pub(super) fn without_file(&self) -> Unusable {
        match &self.content {
            Content::File(_) if builtin_reason(&self.name).is_some() => Unusable::Absent(builtin_reason(&self.name).map(str::to_owned)),
            Content::File(file) if *file != self.name => Unusable::Absent(Some(format!("its file `{file}` is missing"))),
            Content::File(_) => Unusable::Absent(None),
            Content::Collection(_) => Unusable::Empty,
            Content::Model => Unusable::Absent(Some("it is a model of the Machine Learning Toolkit".to_owned())),
            Content::Program(program) => Unusable::Absent(Some(format!("the program `{program}` makes its rows in Splunk"))),
        }
    }

    /// The table with its content.
    pub(super) fn table(&self, cells: TableCells) -> Table {
        let of = |column: &String| self.matching.iter().find(|(name, _)| name == column).map_or(TableMatch::Exact, |(_, how)| *how);
        Table {
            name: self.name.clone(),
            matching: cells.columns.iter().map(of).collect(),
            columns: cells.columns,
            rows: cells.rows,
            case_sensitive: self.case_sensitive,
            min_matches: self.min_matches,
            max_matches: self.max_matches,
            default_match: self.default_match.clone(),
        }
    }

    /// What of it changes results, as one text.
    pub(super) fn text(&self) -> String {
        let Self { matching, case_sensitive, min_matches, max_matches, default_match, .. } = self;
        let mut out = format!("{case_sensitive} {min_matches} {max_matches} {default_match:?}");
        matching.iter().for_each(|(name, how)| write!(out, " {how:?}({name:?})").expect("a string takes all text"));
        out
    }
}

/// The settings of a definition, whatever file they come from.
struct Settings<'s> {
    get: &'s dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Settings<'_> {
    fn text(&self, key: &str) -> Option<String> {
        (self.get)(key).filter(|text| !text.is_empty())
    }

    fn number(&mut self, key: &str, otherwise: u64) -> u64 {
        match self.text(key).map(|text| (text.trim().parse(), text)) {
            None => otherwise,
            Some((Ok(number), _)) => number,
            Some((Err(_), text)) => {
                self.faults.push(format!("`{key}` is `{text}`, which is not a whole number: {otherwise} is taken"));
                otherwise
            }
        }
    }

    fn truth(&mut self, key: &str, otherwise: bool) -> bool {
        match self.text(key).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => otherwise,
            Some("true" | "t" | "1" | "yes") => true,
            Some("false" | "f" | "0" | "no") => false,
            Some(other) => {
                self.faults.push(format!("`{key}` is `{other}`, which is not a truth value: {otherwise} is taken"));
                otherwise
            }
        }
    }

    /// `WILDCARD(a), CIDR(b)`
    fn matching(&mut self) -> Vec<(String, TableMatch)> {
        let Some(text) = self.text("match_type") else { return Vec::new() };
        let mut out = Vec::new();
        for item in text.split([',', ' ', '\n']).map(str::trim).filter(|item| !item.is_empty()) {
            let parts = item.strip_suffix(')').and_then(|item| item.split_once('('));
            let how = parts.and_then(|(how, _)| match how.trim().to_ascii_uppercase().as_str() {
                "WILDCARD" => Some(TableMatch::Wildcard),
                "CIDR" => Some(TableMatch::Cidr),
                "EXACT" => Some(TableMatch::Exact),
                _ => None,
            });
            match (how, parts) {
                (Some(how), Some((_, column))) => out.push((column.trim().to_owned(), how)),
                _ => self.faults.push(format!("`match_type` has `{item}`, which is not `WILDCARD(column)` or `CIDR(column)`")),
            }
        }
        out
    }

    fn definition(&mut self, name: &str, content: Content) -> LookupDefinition {
        let max_matches = self.number("max_matches", MAX_MATCHES).clamp(1, MAX_MATCHES_LIMIT);
        // The time of an event would choose the row, and other rows than those of the file would count.
        let unsupported = ["time_field", "filter"].into_iter().find(|key| self.text(key).is_some());
        LookupDefinition {
            name: name.to_owned(),
            content,
            matching: self.matching(),
            case_sensitive: self.truth("case_sensitive_match", true),
            min_matches: self.number("min_matches", 0).min(max_matches),
            max_matches,
            default_match: self.text("default_match"),
            unsupported: unsupported.map(str::to_owned),
        }
    }
}

/// Where the content is; none: the settings do not define a lookup.
fn content(settings: &Settings<'_>, name: &str, file_beside: Option<String>) -> Option<Content> {
    let kind = settings.text("lookup_type").or_else(|| settings.text("external_type")).unwrap_or_default().to_ascii_lowercase();
    let file = settings.text("filename");
    if kind == "mlmodel" || file.as_ref().is_some_and(|file| file.ends_with(MODEL_ENDING)) {
        Some(Content::Model)
    } else if let Some(collection) = settings.text("collection").or_else(|| (kind == "kvstore").then(|| name.to_owned())) {
        Some(Content::Collection(collection))
    } else if let Some(program) = settings.text("external_cmd") {
        Some(Content::Program(program.split_whitespace().next().unwrap_or_default().to_owned()))
    } else if let Some(file) = file {
        // A name and never a path: a definition from a stranger must not name any file of the machine.
        Some(Content::File(file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()))
    } else {
        file_beside.filter(|_| kind == "csv").map(Content::File)
    }
}

/// The definitions of a YAML file, and what is wrong with it.
pub(super) fn of_yaml(source: &Arc<SourceText>) -> (Vec<LookupDefinition>, Vec<Diagnostic>) {
    let documents = match yaml::parse(source) {
        Ok(documents) => documents,
        Err(diagnostic) => return (Vec::new(), vec![diagnostic]),
    };
    let (mut definitions, mut diagnostics) = (Vec::new(), Vec::new());
    for document in &documents {
        let get = |key: &str| document.get(key).map(one_text);
        let mut settings = Settings { get: &get, faults: Vec::new() };
        let stem = source.path.rsplit(['/', '\\']).next().and_then(|file| file.rsplit_once('.')).map(|(stem, _)| format!("{stem}.csv"));
        let name = document.get("name").and_then(Node::scalar_text);
        match name.and_then(|name| Some((name, content(&settings, name, stem)?))) {
            Some((name, content)) => definitions.push(settings.definition(name, content)),
            None => settings.faults.push("a lookup needs `name`, and `filename`, `collection` or `lookup_type`".to_owned()),
        }
        let place = document.span.start..document.span.start;
        let said = settings.faults.into_iter().map(|fault| Diagnostic::warning("spl-lookup-definition", fault).at(source, place.clone()));
        diagnostics.extend(said);
    }
    (definitions, diagnostics)
}

/// A scalar, or the members of a list with commas.
fn one_text(node: &Node) -> String {
    node.texts().join(",")
}

/// The stanzas of a `transforms.conf` that define lookups; it also has others.
pub(super) fn of_transforms(source: &Arc<SourceText>) -> (Vec<LookupDefinition>, Vec<Diagnostic>) {
    let (mut definitions, mut diagnostics) = (Vec::new(), Vec::new());
    for stanza in conf::stanzas(&source.text) {
        let get = |key: &str| Stanza::get(&stanza, key).map(str::to_owned);
        let mut settings = Settings { get: &get, faults: Vec::new() };
        if let Some(content) = content(&settings, stanza.name, None) {
            definitions.push(settings.definition(stanza.name, content));
        }
        let said =
            settings.faults.into_iter().map(|fault| Diagnostic::warning("spl-lookup-definition", fault).at(source, stanza.span.clone()));
        diagnostics.extend(said);
    }
    (definitions, diagnostics)
}

//! YAML as a tree whose every key and value knows its bytes in the source text.
//!
//! Rule front ends and data files read this tree instead of deserialising into structs, because a diagnostic needs a
//! place and because Sigma gives meaning to quoting: plain `4688` is a number, `'4688'` a text. Scalars are resolved by
//! the YAML 1.2 core schema, and numbers keep their spelling, so nothing is lost beyond 2^63.
//!
//! Invariants: every span lies on character boundaries of the source; the tree is never deeper than [`MAX_DEPTH`] and
//! never has more than [`MAX_NODES`] nodes, aliases expanded. This module is the only one that names the YAML crate.

mod spelling;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_yaml::granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag};

use self::spelling::Walk;
use crate::diag::{Diagnostic, SourceText};

/// Longest text that is parsed, in bytes.
// Larger than any public rule by far; `compile::read` has the same bound for files.
pub const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting of sequences and mappings, aliases expanded.
// Rules nest some ten levels; every walk over the tree recurses.
pub const MAX_DEPTH: usize = 128;
/// Most nodes of one text, aliases expanded.
// Bounds the memory of the tree: a node has some 100 bytes beside its text.
pub const MAX_NODES: usize = 1 << 20;
/// Longest scalar, in bytes: as much as a whole Splunk search may have. What a value becomes takes a hundred times its memory.
pub const MAX_SCALAR_BYTES: usize = 256 << 10;
/// Most nodes that the expansion of aliases may add to one text.
// Anchors copy nodes: without a bound of its own, a few lines grow to the whole limit of nodes.
pub const MAX_ALIAS_NODES: usize = 1 << 16;

/// A value and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Its bytes in the source: of a scalar with quotes, of a block without its `|` or `>`, of a collection from the first
    /// to the last entry. A value that came through an alias has the span of the alias.
    pub span: Range<usize>,
    /// How it was written.
    pub style: Style,
}

/// How a node was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A scalar without quotes, or nothing at all.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// A sequence or mapping.
    Collection,
    /// A copy through an alias (`*name`) or a merge key.
    Alias,
}

/// A value of the core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Plain `null`, `Null`, `NULL`, `~` or nothing.
    Null,
    /// Plain `true` or `false`, in lower, upper or title case.
    Bool(bool),
    /// A plain number in its own spelling.
    Number(String),
    /// Any other scalar, escapes resolved.
    String(String),
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in source order, no key twice.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a mapping entry: always a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its text, escapes resolved.
    pub text: String,
    /// Its bytes in the source, with quotes.
    pub span: Range<usize>,
}

impl Value {
    /// `null`, `truth value`, `number`, `text`, `list` or `mapping`, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "truth value",
            Self::Number(_) => "number",
            Self::String(_) => "text",
            Self::Sequence(_) => "list",
            Self::Mapping(_) => "mapping",
        }
    }
}

impl Node {
    /// Returns the value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Returns the key and value of an entry of a mapping.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(k, node)| (k, node))
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of any scalar in its own spelling: a string, a number, a truth value; `None` for null.
    pub fn scalar_text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// Returns the number of a plain number.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.value {
            Value::Number(text) => number(text),
            _ => None,
        }
    }

    /// Returns the truth value of a plain truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// Returns the members of a sequence; anything else has none.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Returns the entries of a mapping; anything else has none.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the texts of a list of scalars, or of one scalar, leaving out nulls and collections.
    pub fn texts(&self) -> Vec<String> {
        match &self.value {
            Value::Sequence(items) => items.iter().filter_map(|item| item.scalar_text().map(String::from)).collect(),
            _ => self.scalar_text().map(String::from).into_iter().collect(),
        }
    }

    /// Returns the texts of a scalar or of a list of scalars; `None` where it is anything else, or empty.
    pub fn text_list(&self) -> Option<Vec<String>> {
        let members = if let Value::Sequence(members) = &self.value { members.as_slice() } else { std::slice::from_ref(self) };
        let texts: Option<Vec<String>> = members.iter().map(|member| member.scalar_text().map(String::from)).collect();
        texts.filter(|texts| !texts.is_empty())
    }

    /// Returns the bytes of the source that spell a range of bytes of a string's text: escapes, folding and indentation
    /// taken into account. Anything but a string, and a string that came through an alias, is its whole span.
    pub fn part_span(&self, source: &str, part: Range<usize>) -> Range<usize> {
        match (&self.value, self.style) {
            (Value::String(text) | Value::Number(text), style) if !matches!(style, Style::Alias | Style::Collection) => {
                let raw = source.get(self.span.clone()).unwrap_or("");
                let column = self.span.start - source[..self.span.start].rfind('\n').map_or(0, |i| i + 1);
                let mut walk = Walk::new(raw, style, column);
                let start = walk.advance_to(text, part.start);
                let end = walk.advance_to(text, part.end);
                self.span.start + start..self.span.start + end.max(start)
            }
            _ => self.span.clone(),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// Reads the spelling of a YAML number as a 64-bit float.
pub fn number(text: &str) -> Option<f64> {
    let digits = |prefix: &str, radix: u32| text.strip_prefix(prefix).and_then(|rest| u64::from_str_radix(rest, radix).ok());
    // YAML 1.2 has these two besides decimal; `010` is ten.
    match digits("0x", 16).or_else(|| digits("0o", 8)) {
        #[allow(clippy::cast_precision_loss, reason = "a float is what is asked for")]
        Some(integer) => Some(integer as f64),
        None => text.parse().ok().filter(|n: &f64| n.is_finite()),
    }
}

/// Parses all documents of a text. A document without content is a null.
///
/// # Errors
/// One diagnostic with a place: `yaml-syntax`, `yaml-duplicate-key`, `yaml-complex-key` or `yaml-limit`.
pub fn parse(source: &Arc<SourceText>) -> Result<Vec<Node>, Diagnostic> {
    let text = source.text.as_str();
    if text.len() > MAX_BYTES {
        let message = format!("the text has {} bytes, the limit is {MAX_BYTES}", text.len());
        return Err(Diagnostic::error("yaml-limit", message).at(source, 0..0));
    }
    let mut options: Options = serde_yaml::granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { source, stack: Vec::new(), documents: Vec::new(), anchors: HashMap::new(), nodes: 0, copied: 0 };
    while let Some(next) = next_event(&mut parser, source) {
        let (event, span) = next?;
        builder.take(event, &span)?;
    }
    Ok(builder.documents)
}

fn next_event<'t>(parser: &mut Parser<'t, StrInput<'t>>, source: &Arc<SourceText>) -> Option<Result<(Event<'t>, Span), Diagnostic>> {
    Some(parser.next_event()?.map_err(|error| {
        let at = offset(error.marker());
        let fault = Diagnostic::error("yaml-syntax", error.info()).at(source, char_span(&source.text, at));
        // The parser's words for `title: Broken: yaml` do not say what to do.
        if error.info().contains("mapping values are not allowed") { fault.hint("a value with `: ` in it needs quotes") } else { fault }
    }))
}

fn offset(marker: &Marker) -> usize {
    marker.byte_offset().expect("a parser over a text counts bytes")
}

/// The bytes of the one character at `at`, or the empty end.
fn char_span(text: &str, at: usize) -> Range<usize> {
    let at = at.min(text.len());
    at..at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

struct Builder<'a> {
    source: &'a Arc<SourceText>,
    stack: Vec<OpenCollection>,
    documents: Vec<Node>,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    copied: usize,
}

/// A collection that is not closed yet.
struct OpenCollection {
    start: usize,
    block: bool,
    anchor: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Key, Node)>, key: Option<Key>, seen: Seen },
}

/// Mappings of so many entries, as almost all are, are faster searched than indexed.
const SMALL_MAPPING: usize = 16;

/// The keys of a large mapping: text → index of the entry. Empty while the mapping is small.
#[derive(Default)]
struct Seen(HashMap<String, usize>);

impl Seen {
    /// The earlier entry with this key. Is asked once for each key, with all entries before it.
    fn earlier(&mut self, entries: &[(Key, Node)], key: &str) -> Option<usize> {
        if entries.len() < SMALL_MAPPING {
            return entries.iter().position(|(earlier, _)| earlier.text == key);
        }
        for (index, (earlier, _)) in entries.iter().enumerate().skip(self.0.len()) {
            self.0.insert(earlier.text.clone(), index);
        }
        self.0.get(key).copied()
    }
}

#[derive(Clone)]
struct Anchor {
    node: Node,
    nodes: usize,
    height: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Diagnostic> {
        let range = offset(&span.start)..offset(&span.end);
        match event {
            // Anchors belong to one document.
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, ..) if text.len() > MAX_SCALAR_BYTES => {
                let message = format!("a value has {} bytes, the limit is {MAX_SCALAR_BYTES}", text.len());
                return Err(self.error("yaml-limit", message, range));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = Node { value: resolve(&text, style, tag.as_deref()), span: range, style: Style::from(style) };
                self.define(anchor, &node)?;
                self.place(node, Some(text.into_owned()))?;
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(range, style, anchor, Items::Sequence(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, _) => {
                self.open(range, style, anchor, Items::Mapping { entries: Vec::new(), key: None, seen: Seen::default() })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end)?,
            Event::Alias(id) => self.alias(id, range)?,
            _ => {}
        }
        Ok(())
    }

    fn error(&self, code: &'static str, message: impl fmt::Display, span: Range<usize>) -> Diagnostic {
        Diagnostic::error(code, message.to_string()).at(self.source, span)
    }

    fn open(&mut self, range: Range<usize>, style: StructureStyle, anchor: usize, items: Items) -> Result<(), Diagnostic> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error("yaml-limit", format!("nested deeper than {MAX_DEPTH}"), range));
        }
        self.stack.push(OpenCollection { start: range.start, block: style == StructureStyle::Block, anchor, items });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Diagnostic> {
        let open = self.stack.pop().expect("the parser closes only what it opened");
        let (value, last) = match open.items {
            Items::Sequence(items) => {
                let last = items.last().map(|item| item.span.end);
                (Value::Sequence(items), last)
            }
            Items::Mapping { entries, .. } => {
                let last = entries.last().map(|(key, node)| node.span.end.max(key.span.end));
                (Value::Mapping(merge(entries)), last)
            }
        };
        // A block collection ends with its last entry: the parser's end is the beginning of the next line, which a caret must not show.
        let end = if open.block { last.unwrap_or(open.start).max(open.start) } else { end };
        let node = Node { value, span: open.start..end, style: Style::Collection };
        self.define(open.anchor, &node)?;
        self.place(node, None)
    }

    fn define(&mut self, anchor: usize, node: &Node) -> Result<(), Diagnostic> {
        // Counted when it is defined and when it is used: both are copies.
        if anchor != 0 {
            let (nodes, height) = measure(node);
            self.copy(nodes, &node.span)?;
            self.anchors.insert(anchor, Anchor { node: node.clone(), nodes, height });
        }
        Ok(())
    }

    fn copy(&mut self, nodes: usize, span: &Range<usize>) -> Result<(), Diagnostic> {
        self.copied += nodes;
        if self.copied > MAX_ALIAS_NODES {
            let message = format!("anchors and aliases expand to more than {MAX_ALIAS_NODES} values");
            return Err(self.error("yaml-limit", message, span.clone()));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, range: Range<usize>) -> Result<(), Diagnostic> {
        let Some(Anchor { node, nodes, height }) = self.anchors.get(&id).cloned() else {
            return Err(self.error("yaml-syntax", "an alias inside its own anchor", range));
        };
        self.copy(nodes, &range)?;
        if self.stack.len() + height > MAX_DEPTH {
            return Err(self.error("yaml-limit", format!("aliases nest deeper than {MAX_DEPTH}"), range));
        }
        let text = match &node.value {
            Value::Null => Some(String::new()),
            _ => node.scalar_text().map(String::from),
        };
        self.nodes += nodes;
        self.place(respan(node, &range), text)
    }

    /// Puts a finished node where it belongs; `text` is the spelling of a scalar, in case it is a key.
    fn place(&mut self, node: Node, text: Option<String>) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.error("yaml-limit", format!("more than {MAX_NODES} values"), node.span));
        }
        let complex = || "a list or mapping cannot be a key here";
        match self.stack.last_mut().map(|open| &mut open.items) {
            None => self.documents.push(node),
            Some(Items::Sequence(items)) => items.push(node),
            Some(Items::Mapping { entries, key, .. }) => match (key.take(), text) {
                (Some(key), _) => entries.push((key, node)),
                (None, Some(text)) => {
                    *key = Some(Key { text, span: node.span });
                    return self.refuse_duplicate();
                }
                (None, None) => return Err(self.error("yaml-complex-key", complex(), node.span)),
            },
        }
        Ok(())
    }

    /// Checks the key just read against the mapping's earlier ones.
    fn refuse_duplicate(&mut self) -> Result<(), Diagnostic> {
        let Some(OpenCollection { items: Items::Mapping { entries, key: Some(key), seen }, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        let Some(first) = seen.earlier(entries, &key.text) else { return Ok(()) };
        let place = Diagnostic::error("", "").at(self.source, entries[first].0.span.clone());
        let line = place.line_column().map_or(0, |(line, _)| line);
        let message = format!("the key `{}` is there twice in one mapping", key.text);
        let span = key.span.clone();
        Err(self.error("yaml-duplicate-key", message, span).hint(format!("the first one is in line {line}")))
    }
}

/// Number of nodes and levels of a tree no deeper than [`MAX_DEPTH`].
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        Value::Mapping(entries) => entries.iter().map(|(_, child)| child).collect(),
        _ => return (1, 0),
    };
    children.into_iter().map(measure).fold((1, 1), |(nodes, height), (n, h)| (nodes + n, height.max(h + 1)))
}

fn respan(node: Node, span: &Range<usize>) -> Node {
    let value = match node.value {
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(|item| respan(item, span)).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries.into_iter().map(|(key, child)| (Key { text: key.text, span: span.clone() }, respan(child, span))).collect(),
        ),
        scalar => scalar,
    };
    Node { value, span: span.clone(), style: Style::Alias }
}

/// Resolves merge keys (`<<`): entries of the merged mappings that the mapping does not have itself.
fn merge(entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
    if !entries.iter().any(|(key, node)| is_merge(key, node)) {
        return entries;
    }
    let mut have: HashSet<String> = entries.iter().filter(|(k, n)| !is_merge(k, n)).map(|(key, _)| key.text.clone()).collect();
    let mut out = Vec::new();
    for (key, node) in entries {
        if !is_merge(&key, &node) {
            out.push((key, node));
            continue;
        }
        let sources = match node.value {
            Value::Sequence(items) => items,
            value => vec![Node { value, span: node.span, style: node.style }],
        };
        for source in sources {
            if let Value::Mapping(merged) = source.value {
                out.extend(merged.into_iter().filter(|(key, _)| have.insert(key.text.clone())));
            }
        }
    }
    out
}

fn is_merge(key: &Key, node: &Node) -> bool {
    let mapping = |node: &Node| matches!(node.value, Value::Mapping(_));
    key.text == "<<" && (mapping(node) || (!node.items().is_empty() && node.items().iter().all(mapping)))
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::SingleQuoted,
            ScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            ScalarStyle::Literal => Self::Literal,
            ScalarStyle::Folded => Self::Folded,
        }
    }
}

/// The YAML 1.2 core schema for plain scalars; everything quoted, in a block or tagged `!!str` is text.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.core_suffix() == Some("str")) {
        return Value::String(text.to_string());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_string()),
        _ => Value::String(text.to_string()),
    }
}

fn is_number(text: &str) -> bool {
    let all = |rest: &str, ok: fn(&u8) -> bool| !rest.is_empty() && rest.as_bytes().iter().all(ok);
    if let Some(hex) = text.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| (b'0'..=b'7').contains(b));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.as_bytes().iter().all(u8::is_ascii_digit);
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| all(e.strip_prefix(['-', '+']).unwrap_or(e), u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<SourceText> {
        Arc::new(SourceText { path: "t.yml".into(), text: text.into() })
    }

    fn one(text: &str) -> Node {
        let mut documents = parse(&source(text)).expect("parses");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn code(text: &str) -> (&'static str, Option<(usize, usize)>) {
        let error = parse(&source(text)).expect_err("must not parse");
        (error.code, error.line_column())
    }

    #[test]
    fn plain_scalars_have_types_and_quoted_ones_are_text() {
        let n = |text: &str| Value::Number(text.into());
        let s = |text: &str| Value::String(text.into());
        for (text, value) in [
            ("4688", n("4688")),
            ("'4688'", s("4688")),
            ("\"4688\"", s("4688")),
            ("-1.5e3", n("-1.5e3")),
            ("18446744073709551616", n("18446744073709551616")),
            ("0x1F", n("0x1F")),
            ("1.", n("1.")),
            (".5", n(".5")),
            ("null", Value::Null),
            ("~", Value::Null),
            ("'null'", s("null")),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("\"true\"", s("true")),
            ("yes", s("yes")),
            ("1.2.3", s("1.2.3")),
            ("2024-01-01", s("2024-01-01")),
            (".", s(".")),
            ("e5", s("e5")),
            ("1e", s("1e")),
            ("''", s("")),
            ("!!str 5", s("5")),
        ] {
            assert_eq!(one(&format!("a: {text}")).get("a").expect("a").value, value, "{text}");
        }
        assert_eq!(number("0x10"), Some(16.0));
        assert_eq!(number(".inf"), None);
    }

    #[test]
    fn spans_are_the_source() {
        let text = "é: \"x\\ty\"\nb:\n  - 'it''s'\n  - [1, 2]   # c\n\nc: |\n  two\n  lines\n";
        let root = one(text);
        let (key, node) = root.entry("é").expect("é");
        assert_eq!((&text[key.span.clone()], &text[node.span.clone()]), ("é", "\"x\\ty\""));
        let list = root.get("b").expect("b");
        assert_eq!(&text[list.span.clone()], "- 'it''s'\n  - [1, 2]");
        assert_eq!(&text[list.items()[0].span.clone()], "'it''s'");
        assert_eq!(&text[list.items()[1].span.clone()], "[1, 2]");
        assert_eq!(root.get("c").and_then(Node::as_str), Some("two\nlines\n"));
    }

    #[test]
    fn parts_of_a_text_are_found_in_its_spelling() {
        let text = "a: one 'two' three\nb: 'it''s two'\nc: \"x\\u0041\\ttwo\"\nd: |\n   one\n     two\n\n   three\n\
                    e: >-\n   one\n   two\n   three\nf: one\n  two\n  three\n";
        let root = one(text);
        for (key, node) in root.entries() {
            let value = node.as_str().expect("text");
            for word in ["one", "two", "three"] {
                if let Some(at) = value.find(word) {
                    let part = node.part_span(text, at..at + word.len());
                    assert_eq!(&text[part], word, "{}: {word} in {value:?}", key.text);
                }
            }
        }
    }

    #[test]
    fn documents_anchors_and_merges() {
        assert_eq!(parse(&source("a: 1\n---\nb: 2\n...\n")).expect("two").len(), 2);
        let root = one("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: [*b]\n");
        assert_eq!(root.get("use").expect("use").get("x").and_then(Node::as_f64), Some(1.0));
        assert_eq!(root.get("use").expect("use").get("y").and_then(Node::as_f64), Some(3.0));
        assert_eq!(root.get("list").expect("list").items()[0].style, Style::Alias);
    }

    #[test]
    fn faults_have_a_place() {
        assert_eq!(code("a: 1\nb: 2\na: 3\n"), ("yaml-duplicate-key", Some((3, 1))));
        assert_eq!(code("? [a]\n: b\n").0, "yaml-complex-key");
        assert_eq!(code("a: [1, 2\nb: 3\n").0, "yaml-syntax");
        assert_eq!(code("a: *nobody\n").0, "yaml-syntax");
        assert_eq!(code("a: &a [*a]\n").0, "yaml-syntax");
    }

    #[test]
    fn many_keys_cost_what_they_are_and_a_twin_is_found_wherever_it_is() {
        let mut text: String = (0..200_000).map(|n| format!("key{n}: {n}\n")).collect();
        assert_eq!(one(&text).entries().len(), 200_000);
        text += "key150000: twin\n";
        assert_eq!(code(&text), ("yaml-duplicate-key", Some((200_001, 1))));
        for keys in 1..40 {
            let text: String = (0..keys).map(|n| format!("k{n}: 1\n")).collect();
            for twin in 0..keys {
                assert_eq!(code(&format!("{text}k{twin}: 2\n")).0, "yaml-duplicate-key");
            }
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_refused() {
        let long = "x".repeat(MAX_SCALAR_BYTES);
        assert_eq!(one(&format!("a: {long}")).get("a").and_then(Node::as_str).map(str::len), Some(MAX_SCALAR_BYTES));
        assert_eq!(code(&format!("a: {long}x")), ("yaml-limit", Some((1, 4))));
    }

    #[test]
    fn bombs_are_defused() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            laughs += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(","));
        }
        assert_eq!(code(&laughs).0, "yaml-limit");
        let mut deep = String::from("a0: &a0 [x]\n");
        for i in 1..2000 {
            deep += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
        }
        assert_eq!(code(&deep).0, "yaml-limit");
        assert_eq!(code(&"[".repeat(100_000)).0, "yaml-syntax");
        assert_eq!(code(&"- ".repeat(100_000)).0, "yaml-syntax");
        assert_eq!(code(&" ".repeat(MAX_BYTES + 1)).0, "yaml-limit");
    }

    #[test]
    fn every_shared_rule_parses_with_exact_spans() {
        let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/rules"));
        if !root.exists() {
            eprintln!("skipped: {} is not here", root.display());
            return;
        }
        let sources: Vec<_> = walkdir::WalkDir::new(root)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|e| e.path().extension().is_some_and(|x| x == "yml" || x == "yaml"))
            .filter_map(|e| std::fs::read_to_string(e.path()).ok().map(|text| (e.path().display().to_string(), text)))
            .map(|(path, text)| Arc::new(SourceText { path, text }))
            .collect();
        let start = std::time::Instant::now();
        let trees: Vec<_> = sources.iter().map(|s| parse(s).unwrap_or_else(|e| panic!("{}: {e:?}", s.path))).collect();
        eprintln!("{} files in {:?}", sources.len(), start.elapsed());
        let mut stack: Vec<(&str, &Node)> = Vec::new();
        for (source, documents) in sources.iter().zip(&trees) {
            stack.extend(documents.iter().map(|node| (source.text.as_str(), node)));
        }
        while let Some((text, node)) = stack.pop() {
            stack.extend(node.items().iter().map(|child| (text, child)));
            for (key, child) in node.entries() {
                assert_eq!(text[key.span.clone()].trim_matches(['\'', '"']), key.text);
                stack.push((text, child));
            }
            match node.scalar_text() {
                Some(scalar) if node.style == Style::Plain && !scalar.contains([' ', '\n']) => {
                    assert!(text[node.span.clone()].eq_ignore_ascii_case(scalar), "{scalar}");
                }
                _ => {}
            }
        }
    }
}

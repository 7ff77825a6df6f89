//! Generators of events and of rules that meet: values are drawn from a small alphabet of awkward characters, and
//! patterns are mostly cut from values that the events hold.

pub(crate) mod batch;
pub(crate) mod correlation;
pub(crate) mod datasets;
pub(crate) mod events;
pub(crate) mod pattern;
pub(crate) mod queries;
pub(crate) mod sigma;
pub(crate) mod splunk;
pub(crate) mod stages;
pub(crate) mod windows;

use std::fmt;

use retrohunt::ir::{Field, Query, Scope, Vocabulary, print_query};

/// A rule and what it means: the text (or the query itself) goes through the project, the query to the evaluator.
#[derive(Clone)]
pub(crate) struct Case {
    /// The rule's file; empty: the query is handed over as it is.
    pub(crate) text: String,
    /// What it means.
    pub(crate) query: Query,
}

/// As people read it, so that a failing case can be read.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.text, print_query(&self.query))
    }
}

/// Fields with any text; the last is often absent from a whole event type.
pub(crate) const TEXT_FIELDS: [&str; 4] = ["Alpha", "Beta", "Gamma", "Rare"];
/// A field that holds numbers in many spellings, no list.
pub(crate) const NUMBER_FIELD: &str = "Amount";
/// A field that holds addresses and near-addresses.
pub(crate) const ADDRESS_FIELD: &str = "Peer";
/// A field that no event has.
pub(crate) const ABSENT_FIELD: &str = "Nowhere";

/// Names a field.
pub(crate) fn field(name: &str, vocabulary: Vocabulary) -> Field {
    Field { name: name.to_owned(), vocabulary }
}

/// The scope of Sigma's `product: windows, service: security`.
pub(crate) fn security_scope() -> Scope {
    Scope::LogSource { product: Some("windows".into()), category: None, service: Some("security".into()) }
}

/// Writes a text as a YAML scalar: single-quoted where it can be, else double-quoted with escapes.
pub(crate) fn yaml_scalar(text: &str) -> String {
    if text.chars().any(char::is_control) {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '\0' => out.push_str("\\0"),
                c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
                c => out.push(c),
            }
        }
        out + "\""
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

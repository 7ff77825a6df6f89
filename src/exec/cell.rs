//! A cell of a row: null, a text, a number, a truth, or a list of texts.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::Number;
use crate::ir::parse_number;

/// Memory of a list's member beside its text, in bytes: the pointer to it, its counts and its length.
pub(super) const MEMBER_BYTES: usize = 2 * size_of::<Arc<str>>();

/// What a row holds in one column. Copies share their text.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Missing.
    Null,
    /// A text, which may be the text of a number.
    Text(Arc<str>),
    /// A number.
    Number(Number),
    /// A truth; as data it is the text `True` or `False`.
    Bool(bool),
    /// Two or more texts in their order.
    List(Arc<[Arc<str>]>),
}

impl Cell {
    /// Makes a text.
    pub fn text_of(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a number; null where it has no finite value.
    pub fn number_of(number: f64) -> Self {
        Number::of(number).map_or(Self::Null, Self::Number)
    }

    /// Makes a number of a text that is one, with its places; else the text.
    pub fn read(text: Arc<str>) -> Self {
        Number::read(&text).map_or_else(|| Self::Text(text), Self::Number)
    }

    /// Makes a count.
    pub fn count_of(count: usize) -> Self {
        Self::Number(Number::Whole(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Makes a list: null without members, a text of one.
    pub fn list_of(members: Vec<Arc<str>>) -> Self {
        match members.len() {
            0 => Self::Null,
            // A list of one would be another cell than the text it holds, and every comparison would have to know both.
            1 => members.into_iter().next().map_or(Self::Null, Self::Text),
            _ => Self::List(members.into()),
        }
    }

    /// Whether it is missing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is the truth itself; a text `True` is not.
    pub fn is_true(&self) -> bool {
        // Splunk's conditions take truths only: a field with the text `True` is not a condition.
        matches!(self, Self::Bool(true))
    }

    /// As one text, members on lines; nothing where it is missing.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.text()),
            Self::Bool(truth) => Cow::Borrowed(truth_text(*truth)),
            Self::List(members) => Cow::Owned(members.join("\n")),
        })
    }

    /// As one text; nothing where it is missing or a list: most functions take no list.
    pub fn single(&self) -> Option<Cow<'_, str>> {
        if let Self::List(_) = self { None } else { self.text() }
    }

    /// As a number with its places, where it is one or is the text of one.
    pub fn numeric(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => Number::read(text),
            Self::Null | Self::Bool(_) | Self::List(_) => None,
        }
    }

    /// As a double, where it is a number or is the text of one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.value()),
            Self::Text(text) => parse_number(text),
            // A list is never a number, also where its members are (rule E8).
            Self::Null | Self::Bool(_) | Self::List(_) => None,
        }
    }

    /// Its texts: none where it is missing.
    pub fn members(&self) -> Vec<Arc<str>> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => vec![text.clone()],
            Self::Number(number) => vec![number.text().into()],
            Self::Bool(truth) => vec![truth_text(*truth).into()],
            Self::List(members) => members.to_vec(),
        }
    }

    /// The first of its texts.
    pub fn first_member(&self) -> Option<Arc<str>> {
        match self {
            // Asked of millions of rows: what is one text already needs no list around it.
            Self::Text(text) => Some(text.clone()),
            Self::List(members) => members.first().cloned(),
            other => other.members().into_iter().next(),
        }
    }

    /// Calls `visit` with each of its texts, without copying them.
    pub fn each_member(&self, mut visit: impl FnMut(&str)) {
        match self {
            Self::Null => {}
            Self::Text(text) => visit(text),
            Self::Number(number) => visit(&number.text()),
            Self::Bool(truth) => visit(truth_text(*truth)),
            Self::List(members) => members.iter().for_each(|member| visit(member)),
        }
    }

    /// Whether some of its texts passes.
    pub fn any_member(&self, mut passes: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => passes(text),
            Self::Number(number) => passes(&number.text()),
            Self::Bool(truth) => passes(truth_text(*truth)),
            Self::List(members) => members.iter().any(|member| passes(member)),
        }
    }

    /// How many texts it has.
    pub fn member_count(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::List(members) => members.len(),
            Self::Text(_) | Self::Number(_) | Self::Bool(_) => 1,
        }
    }

    /// Memory that it may hold beside itself, in bytes; shared texts count each time.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(members) => members.iter().map(|member| member.len() + MEMBER_BYTES).sum(),
            Self::Null | Self::Number(_) | Self::Bool(_) => 0,
        }
    }
}

fn truth_text(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

/// Writes a double as [`Number`] does: whole numbers without a fraction, with all their digits.
pub fn number_text(number: f64) -> String {
    Number::of(number).map_or_else(|| number.to_string(), Number::text)
}

/// The order of Splunk's sort, min and max: numbers before texts; numbers by size, texts by bytes.
pub fn order(a: &str, b: &str) -> Ordering {
    match (parse_number(a), parse_number(b)) {
        // Minus zero is zero.
        (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// A text as case-insensitive comparison sees it.
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    crate::event::fold_into(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_two_members_or_more() {
        assert_eq!(Cell::list_of(Vec::new()), Cell::Null);
        assert_eq!(Cell::list_of(vec!["a".into()]), Cell::text_of("a"));
        assert_eq!(Cell::list_of(vec!["a".into(), "b".into()]).text().as_deref(), Some("a\nb"));
    }

    #[test]
    fn numbers_are_written_as_people_do() {
        for (number, text) in [(3.0, "3"), (-0.0, "0"), (0.5, "0.5"), (1e15, "1000000000000000"), (1_709_287_202.25, "1709287202.25")] {
            assert_eq!(number_text(number), text);
        }
        assert_eq!(Cell::number_of(f64::INFINITY), Cell::Null);
    }

    #[test]
    fn numbers_come_before_texts() {
        let mut texts = ["b", "10", "a", "9", "1e1"];
        texts.sort_by(|a, b| order(a, b));
        assert_eq!(texts, ["9", "10", "1e1", "a", "b"]);
    }
}

//! Options of commands: `name=value`.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::refuse as refused;

/// Takes `name=` if that comes next; the name in lower case.
pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<(String, Range<usize>)> {
    let start = cursor.at;
    let span = cursor.take_while(is_name_char);
    let name = cursor.slice(span.clone()).to_ascii_lowercase();
    if name.is_empty() || !cursor.take("=") || cursor.rest().starts_with('=') {
        cursor.at = start;
        return None;
    }
    Some((name, span))
}

/// Takes a truth.
pub(super) fn truth(cursor: &mut Cursor<'_>) -> Option<bool> {
    let start = cursor.at;
    let value = cursor.option_value().map(|(text, _)| text.to_ascii_lowercase());
    match value.as_deref() {
        Some("t" | "true" | "1") => Some(true),
        Some("f" | "false" | "0") => Some(false),
        _ => {
            cursor.at = start;
            cursor.unexpected("`true` or `false`");
            None
        }
    }
}

/// Takes a whole number.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    let number = cursor.whole_number();
    if number.is_none() {
        cursor.unexpected("a whole number");
    }
    number
}

/// Takes a field name without a pattern.
pub(super) fn field(cursor: &mut Cursor<'_>, command: &str) -> Option<String> {
    match cursor.name() {
        Some((name, span)) if name.contains('*') => {
            cursor.error("spl-unsupported-wildcard", format!("`{command}` over a pattern of fields is not supported"), span);
            cursor.give_up();
            None
        }
        Some((name, _)) => Some(name),
        None => {
            cursor.unexpected("a field name");
            None
        }
    }
}

/// Notes an option that is not supported.
pub(super) fn refuse(cursor: &mut Cursor<'_>, option: &str, span: Range<usize>) {
    refused::option(cursor, option, span);
    cursor.give_up();
}

/// Reads `\n`, `\r` and `\t` as what they are in a regular expression.
pub(super) fn control_characters(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}

/// Whether a word comes next.
pub(super) fn is_next(cursor: &mut Cursor<'_>, word: &str) -> bool {
    let start = cursor.at;
    let found = cursor.take_word(word);
    cursor.at = start;
    found
}

/// Takes a text.
pub(super) fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    let value = cursor.option_value();
    if value.is_none() {
        cursor.unexpected("a value");
    }
    value.map(|(text, _)| text)
}

/// Takes a truth of which only one is supported. True: the option was read.
pub(super) fn only(cursor: &mut Cursor<'_>, name: &str, span: &Range<usize>, supported: bool) -> bool {
    if truth(cursor) == Some(!supported) {
        refuse(cursor, &format!("{name}={}", !supported), span.clone());
    }
    true
}

/// Takes a whole number, or a negative one for no limit.
pub(super) fn limit(cursor: &mut Cursor<'_>) -> Option<u64> {
    let is_negative = cursor.take("-");
    number(cursor).filter(|_| !is_negative)
}

/// Takes a length of time.
pub(super) fn span(cursor: &mut Cursor<'_>) -> Option<f64> {
    let start = cursor.at;
    let value = cursor.option_value().and_then(|(text, _)| seconds(&text));
    if value.is_none() {
        cursor.at = start;
        cursor.unexpected("a length of time such as `5m`");
    }
    value
}

/// Takes a length of time, or `-1` for no limit.
pub(super) fn span_limit(cursor: &mut Cursor<'_>) -> Option<f64> {
    if cursor.take("-1") { None } else { span(cursor) }
}

/// A width like `5m` in seconds; a bare number is itself. Months have no one length.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let number: f64 = digits.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0)?;
    let unit = match &text[digits.len()..] {
        "us" => 0.000_001,
        "ms" => 0.001,
        "cs" => 0.01,
        "ds" => 0.1,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    Some(number * unit)
}

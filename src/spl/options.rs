//! Options of commands: `name=value`.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::refuse as refused;

/// Takes `name=` if that comes next; the name in lower case.
pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<(String, Range<usize>)> {
    let start = cursor.at;
    let span = cursor.take_while(is_name_char);
    let name = cursor.slice(span.clone()).to_ascii_lowercase();
    if name.is_empty() || !cursor.take("=") {
        cursor.at = start;
        return None;
    }
    Some((name, span))
}

/// Takes a truth.
pub(super) fn truth(cursor: &mut Cursor<'_>) -> Option<bool> {
    let value = cursor.option_value().map(|(text, _)| text.to_ascii_lowercase());
    match value.as_deref() {
        Some("t" | "true" | "1") => Some(true),
        Some("f" | "false" | "0") => Some(false),
        _ => {
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

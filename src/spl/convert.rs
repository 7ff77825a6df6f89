//! `convert`: other spellings of values.

use super::cursor::Cursor;
use super::{eval, options, refuse};
use crate::ir::{Conversion, Convert, ConvertItem, Stage};

/// `convert` writes times so where it is not told.
const TIME_FORMAT: &str = "%m/%d/%Y %H:%M:%S";

/// `convert timeformat=… ctime(FIELD) as NAME …`
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let (mut format, mut items) = (TIME_FORMAT.to_owned(), Vec::new());
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        match options::take(cursor) {
            Some((option, _)) if option == "timeformat" => match cursor.option_value() {
                Some((text, _)) => format = text,
                None => cursor.unexpected("a time format"),
            },
            Some((option, span)) => options::refuse(cursor, &option, span),
            None => items.push(item(cursor)?),
        }
    }
    if items.is_empty() {
        cursor.unexpected("`ctime(FIELD)`");
        return None;
    }
    // Times of named fields are what nearly all searches want, and the one conversion that has a portable text.
    if items.iter().all(|item| item.kind == Conversion::Ctime && !item.field.contains('*')) {
        return Some(times(items, format));
    }
    Some(vec![Stage::Convert(Convert { items, format })])
}

fn item(cursor: &mut Cursor<'_>) -> Option<ConvertItem> {
    let Some((word, span)) = cursor.name() else {
        cursor.unexpected("`ctime(FIELD)`");
        return None;
    };
    let kind = Conversion::ALL.into_iter().find(|(_, name)| word.eq_ignore_ascii_case(name)).map(|(kind, _)| kind);
    let Some(kind) = kind.filter(|_| cursor.take("(")) else {
        refuse::conversion(cursor, &word, span);
        cursor.give_up();
        return None;
    };
    let Some((field, _)) = cursor.name() else {
        cursor.unexpected("a field name");
        return None;
    };
    if !cursor.take(")") {
        cursor.unexpected("`)`");
        return None;
    }
    let alias = if cursor.take_word("as") { Some(options::field(cursor, "convert")?) } else { None };
    if alias.is_some() && field.contains('*') {
        let message = "the columns of a pattern cannot all have one name";
        cursor.error("spl-unsupported-wildcard", message, span.start..cursor.at);
        return None;
    }
    Some(ConvertItem { kind, field, alias })
}

/// Copies get their names first, then all are written in place.
fn times(items: Vec<ConvertItem>, format: String) -> Vec<Stage> {
    let copy = |item: &ConvertItem| Some((item.alias.clone()?, eval::field(item.field.clone())));
    let copies: Vec<_> = items.iter().filter_map(copy).collect();
    let fields = items.into_iter().map(|item| item.alias.unwrap_or(item.field)).collect();
    let copy = (!copies.is_empty()).then_some(Stage::Eval(copies));
    copy.into_iter().chain([Stage::FormatTime { fields, format }]).collect()
}

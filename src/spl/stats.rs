//! `stats` and `eventstats`: aggregates, their names, the by-fields.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::{eval, refuse};
use crate::ir::{Aggregate, AggregateFunction, Field, Scalar, Stats, Vocabulary};

/// Parses what stands behind `stats`; nothing when it gave up.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Stats> {
    let mut stats = Stats { aggregates: Vec::new(), by: Vec::new(), fill_null_by: None };
    let start = cursor.at;
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if cursor.take_word("by") {
            by_fields(cursor, &mut stats);
            break;
        }
        if let Some((aggregate, span)) = aggregate(cursor) {
            add(cursor, &mut stats, aggregate, span);
        }
    }
    if stats.aggregates.is_empty() && cursor.faults.is_empty() {
        cursor.error("spl-syntax", "expected an aggregate such as `count`", start..start);
    }
    cursor.faults.is_empty().then_some(stats)
}

/// A column of the result has one meaning.
pub(super) fn add(cursor: &mut Cursor<'_>, stats: &mut Stats, aggregate: Aggregate, span: Range<usize>) {
    match stats.aggregates.iter().find(|a| a.alias == aggregate.alias) {
        None => stats.aggregates.push(aggregate),
        // The same aggregate twice is one column; Splunk accepts it.
        Some(same) if *same == aggregate => {}
        Some(_) => cursor.error("spl-duplicate-column", format!("two aggregates have the name `{}`", aggregate.alias), span),
    }
}

fn by_fields(cursor: &mut Cursor<'_>, stats: &mut Stats) {
    let mut any = false;
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let Some((name, span)) = cursor.name() else { return cursor.unexpected("a field name") };
        any = true;
        if cursor.peek() == Some('=') {
            refuse::option(cursor, &name, span);
            return cursor.give_up();
        }
        if name.contains('*') {
            cursor.error("spl-unsupported-wildcard", "grouping by a pattern of fields is not supported", span);
        } else if stats.aggregates.iter().any(|a| a.alias == name) {
            cursor.error("spl-duplicate-column", format!("an aggregate and a by-field have the same name `{name}`"), span);
        } else if !stats.by.iter().any(|field| field.name == name) {
            stats.by.push(Field { name, vocabulary: Vocabulary::Row });
        }
    }
    if !any {
        cursor.unexpected("a field name");
    }
}

/// One aggregate with its `as`; what is not supported is noted and skipped.
pub(super) fn aggregate(cursor: &mut Cursor<'_>) -> Option<(Aggregate, Range<usize>)> {
    let span = cursor.take_while(is_name_char);
    let name = cursor.slice(span.clone()).to_owned();
    if name.is_empty() {
        cursor.unexpected("an aggregate");
        return None;
    }
    if cursor.peek() == Some('=') {
        refuse::option(cursor, &name, span);
        cursor.take("=");
        cursor.option_value();
        return None;
    }
    let function = AggregateFunction::named(&name.to_ascii_lowercase());
    if function.is_none() {
        refuse::aggregate(cursor, &name, span.clone());
    }
    let argument = match (cursor.peek(), function) {
        (Some('('), None) => {
            cursor.skip_group('(', ')');
            Argument::None
        }
        (Some('('), Some(_)) => argument(cursor)?,
        _ => Argument::None,
    };
    let alias = alias(cursor)?;
    let alias = match (&argument, alias) {
        (_, Some(alias)) => alias,
        (Argument::None, None) => name.clone(),
        (Argument::Field(field), None) => format!("{name}({field})"),
        (Argument::Eval(_), None) if cursor.gave_up() => return None,
        (Argument::Eval(_), None) => {
            cursor.error("spl-syntax", format!("`{name}(eval(…))` needs a name: `as NAME`"), span);
            return None;
        }
    };
    let argument = match argument {
        Argument::None => None,
        Argument::Field(field) => Some(eval::field(field)),
        Argument::Eval(scalar) => Some(scalar),
    };
    let function = function?;
    if argument.is_none() && function != AggregateFunction::Count {
        cursor.error("spl-arguments", format!("`{name}` needs a field"), span);
        return None;
    }
    let whole = span.start..cursor.at;
    Some((Aggregate { function, argument, alias }, whole))
}

/// `as NAME`; nothing when the name is missing or a pattern.
fn alias(cursor: &mut Cursor<'_>) -> Option<Option<String>> {
    if !cursor.take_word("as") {
        return Some(None);
    }
    let Some((name, span)) = cursor.column() else {
        cursor.unexpected("a name");
        return None;
    };
    if name.contains('*') {
        cursor.error("spl-unsupported-wildcard", "naming aggregates by a pattern is not supported", span);
        return None;
    }
    Some(Some(name))
}

enum Argument {
    None,
    Field(String),
    Eval(Scalar),
}

/// What stands in the brackets.
fn argument(cursor: &mut Cursor<'_>) -> Option<Argument> {
    cursor.take("(");
    if cursor.take(")") {
        return Some(Argument::None);
    }
    cursor.peek();
    let start = cursor.at;
    let argument = if cursor.take_word("eval") && cursor.take("(") {
        let scalar = eval::parse(cursor);
        if !cursor.take(")") {
            cursor.unexpected("`)`");
        }
        Argument::Eval(scalar)
    } else {
        cursor.at = start;
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            return None;
        };
        if name.contains('*') {
            cursor.error("spl-unsupported-wildcard", "an aggregate over a pattern of fields is not supported", span.clone());
        }
        if name == super::RAW_TEXT {
            super::refuse_raw_text(cursor, "`_raw`", span);
        }
        Argument::Field(name)
    };
    if !cursor.take(")") {
        cursor.unexpected("`)`");
    }
    Some(argument)
}

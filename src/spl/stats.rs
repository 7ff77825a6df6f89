//! `stats`, `eventstats` and their like: aggregates, their names, the by-fields.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::{eval, options, refuse};
use crate::ir::{Aggregate, AggregateFunction, Field, Scalar, Stats, Vocabulary};

/// Takes an option whose name and `=` are read already. False: it is not one of the command's.
pub(super) type TakeOption<'o> = dyn FnMut(&mut Cursor<'_>, &str, &Range<usize>) -> bool + 'o;

/// Parses what stands behind `stats`; nothing when it gave up.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Stats> {
    parse_with(cursor, &mut |cursor, name, span| match name {
        // How the work is shared out changes no result.
        "partitions" => options::number(cursor).is_some(),
        "allnum" => options::only(cursor, name, span, false),
        _ => false,
    })
}

/// The same with the options of a command.
pub(super) fn parse_with(cursor: &mut Cursor<'_>, option: &mut TakeOption<'_>) -> Option<Stats> {
    let mut stats = Stats { aggregates: aggregates(cursor, &["by"], option), by: Vec::new(), fill_null_by: None };
    if cursor.take_word("by") {
        by_fields(cursor, &mut stats);
    }
    cursor.faults.is_empty().then_some(stats)
}

/// Parses aggregates and options up to one of these words.
pub(super) fn aggregates(cursor: &mut Cursor<'_>, until: &[&str], option: &mut TakeOption<'_>) -> Vec<Aggregate> {
    let (mut out, start) = (Vec::new(), cursor.at);
    while !cursor.is_done() && !until.iter().any(|word| options::is_next(cursor, word)) {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            if !option(cursor, &name, &span) {
                options::refuse(cursor, &name, span);
            }
        } else if let Some((aggregate, span)) = aggregate(cursor) {
            add(cursor, &mut out, aggregate, span);
        }
    }
    if out.is_empty() && cursor.faults.is_empty() {
        cursor.error("spl-syntax", "expected an aggregate such as `count`", start..start);
    }
    out
}

/// A column of the result has one meaning.
pub(super) fn add(cursor: &mut Cursor<'_>, aggregates: &mut Vec<Aggregate>, aggregate: Aggregate, span: Range<usize>) {
    match aggregates.iter().find(|a| a.alias == aggregate.alias) {
        None => aggregates.push(aggregate),
        // The same aggregate twice is one column; Splunk accepts it.
        Some(same) if *same == aggregate => {}
        Some(_) => cursor.error("spl-duplicate-column", format!("two aggregates have the name `{}`", aggregate.alias), span),
    }
}

/// `values(x) as x … by x`: the column has the values of the group either way.
fn is_values_of(aggregate: &Aggregate, name: &str) -> bool {
    aggregate.function == AggregateFunction::Values && matches!(&aggregate.argument, Some(Scalar::Field(field)) if field.name == name)
}

pub(super) fn by_fields(cursor: &mut Cursor<'_>, stats: &mut Stats) {
    let mut any = false;
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let Some((name, span)) = cursor.name() else { return cursor.unexpected("a field name") };
        any = true;
        if cursor.peek() == Some('=') {
            cursor.take("=");
            if name != "dedup_splitvals" {
                return options::refuse(cursor, &name, span);
            }
            options::only(cursor, &name, &span, false);
            continue;
        }
        if name.contains('*') {
            cursor.error("spl-unsupported-wildcard", "grouping by a pattern of fields is not supported", span);
        } else if stats.aggregates.iter().any(|a| a.alias == name && !is_values_of(a, &name)) {
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
    let mut span = cursor.take_while(is_name_char);
    if cursor.rest().starts_with('.') && cursor.slice(span.clone()).ends_with(|c: char| c.is_ascii_digit()) {
        // `perc99.9(x)`
        cursor.at += 1;
        span.end = cursor.take_while(|c| c.is_ascii_digit()).end;
    }
    let name = cursor.slice(span.clone()).to_owned();
    if name.is_empty() {
        cursor.unexpected("an aggregate");
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
        (Some('('), Some(function)) => argument(cursor, matches!(function, AggregateFunction::Dc | AggregateFunction::Count))?,
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
    let mut function = function;
    let argument = match argument {
        Argument::None => None,
        // The store keeps events with the same text once, so that distinct texts are events (rule S10).
        Argument::Field(field) if field == super::RAW_TEXT => {
            function = function.map(|_| AggregateFunction::Count);
            None
        }
        Argument::Field(field) => Some(eval::field(field)),
        Argument::Eval(scalar) => Some(scalar),
    };
    let function = function?;
    if argument.is_none() && function != AggregateFunction::Count {
        cursor.error("spl-arguments", format!("`{name}` needs a field"), span);
        return None;
    }
    let whole = span.start..cursor.at;
    let stars = |name: &str| name.matches('*').count();
    let argument_stars = if let Some(Scalar::Field(field)) = &argument { stars(&field.name) } else { 0 };
    if stars(&alias) != argument_stars {
        cursor.error("spl-unsupported-wildcard", "an aggregate and its name must have the same number of `*`", whole);
        return None;
    }
    Some((Aggregate { function, argument, alias }, whole))
}

/// `as NAME`; nothing when the name is missing or a pattern.
fn alias(cursor: &mut Cursor<'_>) -> Option<Option<String>> {
    if !cursor.take_word("as") {
        return Some(None);
    }
    let Some((name, _)) = cursor.column() else {
        cursor.unexpected("a name");
        return None;
    };
    Some(Some(name))
}

enum Argument {
    None,
    Field(String),
    Eval(Scalar),
}

/// What stands in the brackets. `counts_texts`: what it is over is counted and not shown.
fn argument(cursor: &mut Cursor<'_>, counts_texts: bool) -> Option<Argument> {
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
        if name == super::RAW_TEXT && !counts_texts {
            super::refuse_raw_text(cursor, "`_raw`", span);
        }
        Argument::Field(name)
    };
    if !cursor.take(")") {
        cursor.unexpected("`)`");
    }
    Some(argument)
}

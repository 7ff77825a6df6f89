//! `stats` and `eventstats`: aggregates, their names, the by-fields.

use super::cursor::Cursor;
use super::eval;
use crate::ir::{Aggregate, AggregateFunction, Field, Scalar, Stats, Vocabulary};

/// Parses what stands behind `stats`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Stats {
    let mut stats = Stats { aggregates: Vec::new(), by: Vec::new(), fill_null_by: None };
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if cursor.take_word("by") {
            by_fields(cursor, &mut stats);
            break;
        }
        match aggregate(cursor) {
            Some(aggregate) => stats.aggregates.push(aggregate),
            None => break,
        }
    }
    if stats.aggregates.is_empty() && cursor.faults.is_empty() {
        let at = cursor.end;
        cursor.fault("spl-syntax", "`stats` needs an aggregate", at..at);
    }
    stats
}

fn by_fields(cursor: &mut Cursor<'_>, stats: &mut Stats) {
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        match cursor.name() {
            Some((name, _)) => stats.by.push(Field { name, vocabulary: Vocabulary::Row }),
            None => return cursor.unexpected("a field name"),
        }
        if cursor.peek() == Some('=') {
            return cursor.unexpected("a field name");
        }
    }
}

fn aggregate(cursor: &mut Cursor<'_>) -> Option<Aggregate> {
    let span = cursor.take_while(super::cursor::is_name_char);
    let name = cursor.slice(span.clone()).to_owned();
    if name.is_empty() {
        cursor.unexpected("an aggregate");
        return None;
    }
    if cursor.peek() == Some('=') {
        cursor.fault("spl-unsupported-option", format!("the option `{name}` is not supported"), span);
        cursor.at = cursor.end;
        return None;
    }
    let Some(function) = function(&name.to_ascii_lowercase()) else {
        cursor.fault("spl-unsupported-aggregate", format!("the aggregate `{name}` is not supported"), span);
        cursor.at = cursor.end;
        return None;
    };
    let (argument, shown) = if cursor.peek() == Some('(') { argument(cursor)? } else { (None, String::new()) };
    if argument.is_none() && function != AggregateFunction::Count {
        cursor.fault("spl-arguments", format!("`{name}` needs a field"), span);
        return None;
    }
    let alias = if cursor.take_word("as") { cursor.name().map(|(name, _)| name) } else { None };
    let alias = alias.unwrap_or_else(|| if shown.is_empty() { name.clone() } else { format!("{name}({shown})") });
    Some(Aggregate { function, argument, alias })
}

/// What stands in the brackets, and how the default name shows it.
fn argument(cursor: &mut Cursor<'_>) -> Option<(Option<Scalar>, String)> {
    cursor.take("(");
    if cursor.take(")") {
        return Some((None, String::new()));
    }
    let start = cursor.at;
    let argument = if cursor.take_word("eval") && cursor.take("(") {
        let scalar = eval::parse(cursor);
        if !cursor.take(")") {
            cursor.unexpected("`)`");
            return None;
        }
        scalar
    } else {
        cursor.at = start;
        let (name, span) = cursor.name()?;
        if name.contains('*') {
            cursor.fault("spl-unsupported-wildcard", "an aggregate over a pattern of fields is not supported", span);
            cursor.at = cursor.end;
            return None;
        }
        eval::field(name)
    };
    let shown = cursor.slice(start..cursor.at).trim().to_owned();
    if !cursor.take(")") {
        cursor.unexpected("`)`");
        return None;
    }
    Some((Some(argument), shown))
}

fn function(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "count" | "c" => AggregateFunction::Count,
        "dc" | "distinct_count" => AggregateFunction::Dc,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "sum" => AggregateFunction::Sum,
        "avg" | "mean" => AggregateFunction::Avg,
        "stdev" => AggregateFunction::Stdev,
        "values" => AggregateFunction::Values,
        "list" => AggregateFunction::List,
        "earliest" => AggregateFunction::Earliest,
        "latest" => AggregateFunction::Latest,
        "first" => AggregateFunction::First,
        "last" => AggregateFunction::Last,
        "median" => AggregateFunction::Median,
        _ => return None,
    })
}

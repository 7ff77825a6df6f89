//! One command of a pipeline becomes a stage.

use super::cursor::Cursor;
use super::{eval, search, stats};
use crate::ir::{Field, Match, Pred, Rename, Scalar, SortKey, Stage, Test, Vocabulary};

/// Parses a command by its name; what it does not understand is in the cursor's faults.
pub(super) fn parse(name: &str, name_at: usize, cursor: &mut Cursor<'_>) -> Option<Stage> {
    match name.to_ascii_lowercase().as_str() {
        "search" => match search::parse(cursor, Vocabulary::Row) {
            Pred::True => None,
            pred => Some(Stage::Filter(pred)),
        },
        "where" => Some(Stage::Filter(Pred::Scalar(whole(cursor)))),
        "eval" => Some(Stage::Eval(assignments(cursor))),
        "stats" => Some(Stage::Stats(stats::parse(cursor))),
        "eventstats" => Some(Stage::EventStats(stats::parse(cursor))),
        "rename" => Some(Stage::Rename(renames(cursor))),
        "fields" => Some(fields(cursor)),
        "table" => Some(Stage::Keep(names(cursor))),
        "convert" => convert(cursor),
        "sort" => Some(sort(cursor)),
        "head" => head(cursor),
        "dedup" => dedup(cursor),
        "fillnull" => Some(fill_null(cursor)),
        "bin" | "bucket" => bin(cursor),
        "regex" => regex(cursor),
        _ => {
            cursor.fault("spl-unsupported-command", format!("the command `{name}` is not supported"), name_at..name_at + name.len());
            None
        }
    }
}

fn whole(cursor: &mut Cursor<'_>) -> Scalar {
    let scalar = eval::parse(cursor);
    if !cursor.is_done() {
        cursor.unexpected("an operator");
    }
    scalar
}

fn assignments(cursor: &mut Cursor<'_>) -> Vec<(String, Scalar)> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            break;
        };
        if name.starts_with('{') {
            cursor.fault("spl-unsupported-dynamic-name", "a field named by a value is not supported", span);
        }
        if !cursor.take("=") {
            cursor.unexpected("`=`");
            break;
        }
        out.push((name, eval::parse(cursor)));
        if !cursor.is_done() && !cursor.take(",") {
            cursor.unexpected("`,` or an operator");
        }
    }
    out
}

/// Names separated by commas or spaces.
fn names(cursor: &mut Cursor<'_>) -> Vec<String> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        match cursor.name() {
            Some((name, _)) => out.push(name),
            None => cursor.unexpected("a field name"),
        }
    }
    out
}

fn fields(cursor: &mut Cursor<'_>) -> Stage {
    let minus = cursor.rest().trim_start().starts_with("- ") && cursor.take("-");
    if minus {
        return Stage::Drop(names(cursor));
    }
    cursor.take("+");
    let mut kept = names(cursor);
    if !kept.iter().any(|name| name == "_time" || name == "*") {
        kept.push("_time".to_owned());
    }
    Stage::Keep(kept)
}

fn renames(cursor: &mut Cursor<'_>) -> Vec<Rename> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let from = cursor.name();
        let has_as = cursor.take_word("as");
        match (from, has_as.then(|| cursor.name()).flatten()) {
            (Some((from, span)), Some((to, _))) => {
                if from.matches('*').count() > 1 || from.matches('*').count() != to.matches('*').count() {
                    cursor.fault("spl-unsupported-wildcard", "a renaming may have one `*` on both sides, or none", span);
                }
                out.push(Rename { from, to });
            }
            _ => cursor.unexpected("`OLD as NEW`"),
        }
    }
    out
}

/// `convert timeformat=… ctime(field)`.
fn convert(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut format, mut fields) = ("%m/%d/%Y %H:%M:%S".to_owned(), Vec::new());
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let (word, span) = cursor.name()?;
        match word.to_ascii_lowercase().as_str() {
            "timeformat" if cursor.take("=") => format = cursor.quoted().or_else(|| cursor.name()).map(|(text, _)| text)?,
            "ctime" if cursor.take("(") => {
                fields.extend(cursor.name().map(|(name, _)| name));
                if !cursor.take(")") {
                    cursor.unexpected("`)`");
                }
                if cursor.take_word("as") {
                    cursor.fault("spl-unsupported-option", "`convert … as` is not supported", span);
                    cursor.name();
                }
            }
            _ => {
                cursor.fault("spl-unsupported-function", format!("`convert {word}` is not supported"), span);
                cursor.at = cursor.end;
            }
        }
    }
    (!fields.is_empty()).then_some(Stage::FormatTime { fields, format })
}

fn sort(cursor: &mut Cursor<'_>) -> Stage {
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let limit = match cursor.slice(digits).parse::<u64>() {
        Ok(0) => None,
        Ok(n) => Some(n),
        Err(_) => Some(10_000),
    };
    let mut keys = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let mut descending = cursor.take("-");
        if !descending {
            cursor.take("+");
        }
        let Some((field, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            break;
        };
        if keys.is_empty() && field.eq_ignore_ascii_case("limit") && cursor.peek() == Some('=') {
            cursor.fault("spl-unsupported-option", "write `sort 100 field` for `limit=`", span);
            break;
        }
        if cursor.peek() == Some('(') {
            cursor.fault("spl-unsupported-function", format!("`sort {field}(…)` is not supported"), span);
            break;
        }
        if cursor.take_word("desc") || cursor.take_word("d") {
            descending = true;
        }
        keys.push(SortKey { field, descending });
    }
    Stage::Sort { keys, limit }
}

fn head(cursor: &mut Cursor<'_>) -> Option<Stage> {
    if cursor.is_done() {
        return Some(Stage::Head(10));
    }
    cursor.take("limit=");
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let count = cursor.slice(digits).parse().ok();
    if count.is_none() || !cursor.is_done() {
        cursor.unexpected("a number of rows");
    }
    count.map(Stage::Head)
}

fn dedup(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let count = cursor.slice(digits).parse().unwrap_or(1);
    let fields = names_without_options(cursor)?;
    Some(Stage::Dedup { count, fields })
}

fn names_without_options(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            return None;
        };
        if cursor.peek() == Some('=') || name.eq_ignore_ascii_case("sortby") {
            cursor.fault("spl-unsupported-option", format!("the option `{name}` is not supported"), span);
            cursor.at = cursor.end;
            return None;
        }
        out.push(name);
    }
    Some(out)
}

fn fill_null(cursor: &mut Cursor<'_>) -> Stage {
    let mut value = "0".to_owned();
    if cursor.take("value=") || cursor.take("value =") {
        value = cursor.quoted().or_else(|| cursor.name()).map(|(text, _)| text).unwrap_or_default();
    }
    Stage::FillNull { fields: names(cursor), value }
}

fn bin(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut span, mut alias) = (None, None, None);
    while !cursor.is_done() {
        let (word, at) = cursor.name()?;
        if cursor.take("=") {
            let value = cursor.quoted().or_else(|| cursor.name()).map(|(text, _)| text).unwrap_or_default();
            match (word.as_str(), seconds(&value)) {
                ("span", Some(width)) => span = Some(width),
                _ => cursor.fault("spl-unsupported-option", format!("`bin {word}={value}` is not supported"), at),
            }
        } else if word.eq_ignore_ascii_case("as") {
            alias = cursor.name().map(|(name, _)| name);
        } else {
            field = Some(word);
        }
    }
    match (field, span) {
        (Some(field), Some(span)) => Some(Stage::Bin { field, span, alias }),
        _ => {
            cursor.unexpected("a field and `span=`");
            None
        }
    }
}

/// A width like `5m` in seconds; a bare number is itself.
fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let number: f64 = digits.parse().ok().filter(|n| *n > 0.0)?;
    let unit = match &text[digits.len()..] {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    Some(number * unit)
}

fn regex(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let start = cursor.at;
    if cursor.peek() == Some('"') {
        let end = cursor.end;
        cursor.fault("spl-unsupported-free-text", "`regex` without a field searches the raw text of events, which is not kept", start..end);
        cursor.at = end;
        return None;
    }
    let (name, _) = cursor.name()?;
    let negated = cursor.take("!=");
    if !negated && !cursor.take("=") {
        cursor.unexpected("`=`");
        return None;
    }
    let Some((pattern, span)) = cursor.quoted() else {
        cursor.unexpected("a quoted regular expression");
        return None;
    };
    if let Err(error) = regex_syntax::parse(&pattern) {
        cursor.fault(
            "spl-unsupported-regex",
            format!("the regular expression is not supported: {}", error.to_string().lines().last().unwrap_or_default()),
            span.clone(),
        );
        return None;
    }
    let field = Field { name, vocabulary: Vocabulary::Row };
    let matched = Pred::Match(Match { field, test: Test::Regex(pattern), negated: false, span });
    Some(Stage::Filter(if negated { Pred::Not(Box::new(matched)) } else { matched }))
}

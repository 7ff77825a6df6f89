//! Commands about the order of rows and their repetition: `sort`, `head`, `tail`, `dedup`, `uniq`.

use super::cursor::Cursor;
use super::{eval, options};
use crate::ir::{Dedup, HeadWhile, SORT_LIMIT, SortBy, SortKey, Stage};

/// Rows that `head` and `tail` keep where they are not told.
const HEAD_LIMIT: u64 = 10;

/// `sort 100 -a, +num(b)`
pub(super) fn sort(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let mut limit = cursor.whole_number();
    let keys = sort_keys(cursor, &mut limit)?;
    let limit = limit.unwrap_or(SORT_LIMIT);
    Some(Stage::Sort { keys, limit: (limit > 0).then_some(limit) })
}

fn sort_keys(cursor: &mut Cursor<'_>, limit: &mut Option<u64>) -> Option<Vec<SortKey>> {
    let mut keys: Vec<SortKey> = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            match name.as_str() {
                "limit" => *limit = options::number(cursor),
                _ => options::refuse(cursor, &name, span),
            }
            continue;
        }
        let descending = cursor.take("-");
        let is_signed = descending || cursor.take("+");
        let Some((field, _)) = cursor.column() else {
            cursor.unexpected("a field name");
            return None;
        };
        if !is_signed && !keys.is_empty() && matches!(field.as_str(), "d" | "desc") && cursor.is_done() {
            keys.iter_mut().for_each(|key| key.descending = !key.descending); // turns the whole order round
        } else {
            keys.push(sort_key(&field, descending));
        }
    }
    if keys.is_empty() {
        if cursor.faults.is_empty() {
            cursor.unexpected("a field name");
        }
        return None;
    }
    cursor.faults.is_empty().then_some(keys)
}

/// `num(x)` and its like say how values compare; any other bracket is part of a name (`min(_time)`).
fn sort_key(column: &str, descending: bool) -> SortKey {
    let of = |name: &str| column.strip_prefix(name)?.strip_suffix(')').map(|field| field.trim().trim_matches(['"', '\'']).to_owned());
    let kinds = [("auto(", SortBy::Auto), ("num(", SortBy::Number), ("str(", SortBy::Text), ("ip(", SortBy::Address)];
    let found = kinds.into_iter().find_map(|(name, by)| Some((of(name)?, by)));
    let (field, by) = found.unwrap_or_else(|| (column.to_owned(), SortBy::Auto));
    SortKey { field, descending, by }
}

/// `head 5`, `head limit=5`, `head (x<3) keeplast=true`
pub(super) fn head(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut limit, mut condition, mut keep_last) = (None, None, false);
    while !cursor.is_done() {
        if let Some((name, span)) = options::take(cursor) {
            match name.as_str() {
                "limit" => limit = Some(options::number(cursor)?),
                "keeplast" => keep_last = options::truth(cursor)?,
                "null" => drop(options::only(cursor, &name, &span, false)),
                _ => options::refuse(cursor, &name, span),
            }
        } else if condition.is_none() && cursor.peek() == Some('(') {
            cursor.take("(");
            condition = Some(eval::parse(cursor));
            if !cursor.take(")") {
                cursor.unexpected("`)`");
            }
        } else if limit.is_none() && condition.is_none() {
            cursor.take_word("limit");
            limit = cursor.whole_number();
            if limit.is_none() || (!cursor.is_done() && !options::is_next(cursor, "keeplast") && !options::is_next(cursor, "null")) {
                cursor.unexpected("a number of rows and nothing else");
                return None;
            }
        } else {
            cursor.unexpected("a number of rows and nothing else");
        }
    }
    let stage = match condition {
        Some(condition) => Stage::HeadWhile(HeadWhile { condition, limit, keep_last }),
        None => Stage::Head(limit.unwrap_or(HEAD_LIMIT)),
    };
    cursor.faults.is_empty().then_some(stage)
}

/// `tail 5`
pub(super) fn tail(cursor: &mut Cursor<'_>) -> Option<u64> {
    if cursor.is_done() {
        return Some(HEAD_LIMIT);
    }
    let count = cursor.whole_number();
    if count.is_none() || !cursor.is_done() {
        cursor.unexpected("a number of rows and nothing else");
        return None;
    }
    count
}

/// `dedup 2 a b keepempty=true sortby -c`
pub(super) fn dedup(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    cursor.peek();
    let start = cursor.at;
    let count = cursor.whole_number().unwrap_or(1);
    if count == 0 {
        cursor.error("spl-arguments", "`dedup` keeps at least one row", start..cursor.at);
    }
    let (mut dedup, mut keys) = (Dedup::first(count, Vec::new()), None);
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            match name.as_str() {
                "consecutive" => dedup.consecutive = options::truth(cursor)?,
                "keepempty" => dedup.keep_empty = options::truth(cursor)?,
                "keepevents" => dedup.keep_events = options::truth(cursor)?,
                _ => options::refuse(cursor, &name, span),
            }
        } else if !dedup.fields.is_empty() && cursor.take_word("sortby") {
            let mut limit = None;
            keys = Some(sort_keys(cursor, &mut limit)?);
        } else {
            match cursor.column() {
                Some((name, span)) if name.contains('*') => {
                    cursor.error("spl-unsupported-wildcard", "`dedup` over a pattern of fields is not supported", span);
                }
                Some((name, _)) => dedup.fields.push(name),
                None => cursor.unexpected("a field name"),
            }
        }
    }
    if dedup.fields.is_empty() && cursor.faults.is_empty() {
        cursor.unexpected("a field name");
    }
    let sort = keys.map(|keys| Stage::Sort { keys, limit: None });
    cursor.faults.is_empty().then(|| std::iter::once(Stage::Dedup(dedup)).chain(sort).collect())
}

/// `uniq`: a row like the one before it goes.
pub(super) fn uniq() -> Dedup {
    Dedup { consecutive: true, ..Dedup::first(1, Vec::new()) }
}

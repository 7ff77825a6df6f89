//! `transaction`.

use std::ops::Range;

use super::cursor::Cursor;
use super::{eval, options, search};
use crate::ir::{Case, Glob, Part, Pred, Transaction, Vocabulary};

/// Rows of a transaction where it is not told.
const MAX_EVENTS: u64 = 1_000;

/// `transaction a b startswith=(x=1) endswith="text" maxspan=5m`
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Transaction> {
    let mut transaction = Transaction {
        fields: Vec::new(),
        starts_with: None,
        ends_with: None,
        max_span: None,
        max_pause: None,
        max_events: Some(MAX_EVENTS),
        keep_evicted: false,
        connected: true,
    };
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            option(cursor, &mut transaction, &name, &span);
            continue;
        }
        match cursor.column() {
            Some((name, span)) if name.contains('*') => {
                cursor.error("spl-unsupported-wildcard", "`transaction` over a pattern of fields is not supported", span);
            }
            Some((name, _)) => transaction.fields.push(name),
            None => cursor.unexpected("a field name"),
        }
    }
    cursor.faults.is_empty().then_some(transaction)
}

fn option(cursor: &mut Cursor<'_>, transaction: &mut Transaction, name: &str, span: &Range<usize>) {
    match name {
        "startswith" => transaction.starts_with = searchless(cursor, name, span),
        "endswith" => transaction.ends_with = searchless(cursor, name, span),
        "maxspan" => transaction.max_span = options::span_limit(cursor),
        "maxpause" => transaction.max_pause = options::span_limit(cursor),
        "maxevents" => transaction.max_events = options::limit(cursor),
        "keepevicted" => transaction.keep_evicted = options::truth(cursor).unwrap_or_default(),
        "connected" => transaction.connected = options::truth(cursor).unwrap_or_default(),
        "keeporphans" | "unifyends" | "mvlist" | "mvraw" => drop(options::only(cursor, name, span, false)),
        _ => options::refuse(cursor, name, span.clone()),
    }
}

/// A condition without a search in brackets.
fn searchless(cursor: &mut Cursor<'_>, name: &str, span: &Range<usize>) -> Option<Pred> {
    let pred = condition(cursor, name)?;
    if pred.any_leaf(&|leaf| matches!(leaf, Pred::Subsearch(_))) {
        options::refuse(cursor, &format!("{name} with a search in brackets"), span.clone());
    }
    Some(pred)
}

/// What a row passes: a search in brackets or quotes, or `eval(…)`.
fn condition(cursor: &mut Cursor<'_>, name: &str) -> Option<Pred> {
    if options::is_next(cursor, "eval") {
        cursor.take_word("eval");
        if !cursor.take("(") {
            cursor.unexpected("`(`");
            return None;
        }
        let scalar = eval::parse(cursor);
        if !cursor.take(")") {
            cursor.unexpected("`)`");
        }
        return Some(Pred::Scalar(scalar));
    }
    if cursor.peek() == Some('(') {
        let group = cursor.skip_group('(', ')');
        let mut inner = cursor.part(group);
        let pred = search::parse(&mut inner, Vocabulary::Row);
        cursor.faults.append(&mut inner.faults);
        return Some(pred);
    }
    let Some((text, span)) = cursor.option_value() else {
        cursor.unexpected(&format!("a condition of `{name}`"));
        return None;
    };
    if !text.contains(['=', '<', '>', '(']) {
        return Some(Pred::Keyword { glob: Glob::new([Part::Any, Part::Text(text), Part::Any]), case: Case::Ignore });
    }
    let mut inner = Cursor::new(&text, 0..text.len(), cursor.lookups);
    let pred = search::parse(&mut inner, Vocabulary::Row);
    // Its own places are those of the text without its quotes.
    cursor.faults.extend(inner.faults.into_iter().map(|fault| super::fault::SearchFault { span: span.clone(), ..fault }));
    Some(pred)
}

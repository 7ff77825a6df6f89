//! `foreach`: assignments written once for many columns.

use super::cursor::{Cursor, is_name_char};
use super::{command, options};
use crate::ir::ForEach;

/// Letters that stand for `<<` and `>>` around a token while its template is parsed: they may be in a name, and no log writes them.
/// Both have two bytes, so that places stay.
const OPEN: &str = "\u{1c1}";
const CLOSE: &str = "\u{1c2}";

/// `foreach a_* [eval b_<<MATCHSTR>> = '<<FIELD>>' * 2]`
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<ForEach> {
    let mut patterns = Vec::new();
    while !cursor.is_done() && cursor.peek() != Some('[') {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            let mode = if name == "mode" { options::text(cursor) } else { None };
            if mode.as_deref() != Some("multifield") {
                options::refuse(cursor, &mode.map_or_else(|| name.clone(), |mode| format!("{name}={mode}")), span);
            }
            continue;
        }
        match cursor.column() {
            Some((name, _)) => patterns.push(name),
            None => cursor.unexpected("a field name"),
        }
    }
    if patterns.is_empty() {
        cursor.unexpected("a field name");
        return None;
    }
    if cursor.peek() != Some('[') {
        cursor.unexpected("`[`");
        return None;
    }
    let group = cursor.skip_group('[', ']');
    if !cursor.slice(group.clone()).ends_with(']') {
        cursor.error("spl-syntax", "this bracket is not closed", group.start..group.start + 1);
        return None;
    }
    let text = marked(cursor.whole(), group.start + 1..group.end - 1);
    let mut inner = Cursor::new(&text, group.start + 1..group.end - 1, cursor.lookups);
    inner.take("|");
    let assignments = if inner.take_word("eval") { command::assignments(&mut inner) } else { None };
    if assignments.is_none() && inner.faults.is_empty() {
        let message = "only `eval` is supported inside of `foreach`";
        cursor.error("spl-unsupported-option", message, inner.at..inner.at);
    }
    cursor.faults.extend(inner.faults.into_iter().map(|mut fault| {
        fault.message = restored(&fault.message);
        fault
    }));
    let assignments = assignments?.into_iter().map(|(name, value)| (restored(&name), value.map_texts(&restored))).collect();
    cursor.faults.is_empty().then_some(ForEach { patterns, assignments })
}

/// The text with the tokens in a range made names.
fn marked(text: &str, range: std::ops::Range<usize>) -> String {
    let mut out = text[..range.start].to_owned();
    let mut rest = &text[range.clone()];
    while let Some(at) = rest.find("<<") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let word = &from[2..];
        let end = word.find(|c: char| !is_name_char(c)).unwrap_or(word.len());
        let is_token = matches!(&word[..end], "FIELD" | "MATCHSTR") || word[..end].starts_with("MATCHSEG");
        if is_token && word[end..].starts_with(">>") {
            out.extend([OPEN, &word[..end], CLOSE]);
            rest = &word[end + 2..];
        } else {
            out.push_str("<<");
            rest = word;
        }
    }
    out.push_str(rest);
    out.push_str(&text[range.end..]);
    out
}

fn restored(text: &str) -> String {
    text.replace(OPEN, "<<").replace(CLOSE, ">>")
}

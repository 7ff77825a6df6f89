//! `top` and `rare`.

use super::cursor::Cursor;
use super::options;
use crate::ir::Frequent;

/// Combinations that are kept where it is not told.
const LIMIT: u64 = 10;

/// `top limit=20 a b by c showperc=false`; `command` is `top` or `rare`.
pub(super) fn parse(cursor: &mut Cursor<'_>, command: &str) -> Option<Frequent> {
    let start = cursor.at;
    let (mut fields, mut by): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut limit, mut in_by) = (cursor.whole_number().unwrap_or(LIMIT), false);
    let (mut count, mut percent, mut other) = (Some("count".to_owned()), Some("percent".to_owned()), "OTHER".to_owned());
    let (mut show_count, mut show_percent, mut show_other) = (true, true, false);
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            match name.as_str() {
                "limit" => limit = options::number(cursor)?,
                "showcount" => show_count = options::truth(cursor)?,
                "showperc" => show_percent = options::truth(cursor)?,
                "useother" => show_other = options::truth(cursor)?,
                "countfield" => count = Some(options::text(cursor)?),
                "percentfield" => percent = Some(options::text(cursor)?),
                "otherstr" => other = options::text(cursor)?,
                _ => options::refuse(cursor, &name, span),
            }
        } else if !in_by && !fields.is_empty() && cursor.take_word("by") {
            in_by = true;
        } else {
            let Some((name, span)) = cursor.column() else {
                cursor.unexpected("a field name");
                return None;
            };
            if name.contains('*') {
                cursor.error("spl-unsupported-wildcard", format!("`{command}` over a pattern of fields is not supported"), span);
            } else if fields.contains(&name) || by.contains(&name) {
                cursor.error("spl-duplicate-column", format!("the field `{name}` stands here twice"), span);
            } else if in_by {
                by.push(name);
            } else {
                fields.push(name);
            }
        }
    }
    if (fields.is_empty() || (in_by && by.is_empty())) && cursor.faults.is_empty() {
        cursor.unexpected("a field name");
    }
    let count = count.filter(|_| show_count);
    let percent = percent.filter(|_| show_percent);
    let taken = count.iter().chain(&percent).find(|name| fields.contains(name) || by.contains(name));
    if let Some(name) = taken.or(count.as_ref().filter(|name| percent.as_ref() == Some(name))) {
        let message = format!("two columns have the name `{name}`: name one by `countfield=` or `percentfield=`");
        cursor.error("spl-duplicate-column", message, start..cursor.end);
    }
    let other = show_other.then_some(other);
    cursor.faults.is_empty().then(|| Frequent { rare: command == "rare", fields, by, limit, count, percent, other })
}

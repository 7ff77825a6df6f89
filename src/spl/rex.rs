//! Commands that read and rewrite text: `rex`, `replace`, `strcat`.

use std::ops::Range;

use super::cursor::Cursor;
use super::{RAW_TEXT, eval, options, pattern};
use crate::ir::{BinaryOp, Edit, Extract, Function, Glob, Replace, Scalar, Stage, Substitute};
use crate::pcre;

/// `rex field=… max_match=… "…"`, `rex field=… mode=sed "…"`
pub(super) fn rex(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut max_match, mut is_sed, mut expression) = (RAW_TEXT.to_owned(), 1, false, None);
    cursor.peek();
    let start = cursor.at;
    while !cursor.is_done() {
        if let Some((option, span)) = options::take(cursor) {
            match option.as_str() {
                "field" => field = options::field(cursor, "rex")?,
                "max_match" => max_match = options::number(cursor)?,
                "mode" if cursor.take_word("sed") => is_sed = true,
                _ => {
                    options::refuse(cursor, &option, span);
                    return None;
                }
            }
        } else if let Some(quoted) = cursor.quoted().filter(|_| expression.is_none()) {
            expression = Some(quoted);
        } else {
            cursor.unexpected("a quoted regular expression or an option");
            return None;
        }
    }
    let Some((expression, span)) = expression else {
        cursor.unexpected("a quoted regular expression");
        return None;
    };
    if is_sed {
        let edits = edits(cursor, &expression, &span)?;
        return Some(Stage::Substitute(Substitute { field, edits }));
    }
    let pattern = pattern::translate(cursor, &expression, pattern::Use::Searches, &span)?;
    let names = pcre::group_names(&pattern);
    if names.is_empty() {
        cursor.error("spl-arguments", "the regular expression of `rex` has no named group: `(?<name>…)`", cursor.from(start));
        return None;
    }
    Some(Stage::Extract(Extract { field, pattern, names, max_match: (max_match > 0).then_some(max_match) }))
}

/// Reads the commands of `mode=sed`, one behind the other.
fn edits(cursor: &mut Cursor<'_>, text: &str, span: &Range<usize>) -> Option<Vec<Edit>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let parts = parts(rest);
        let Some((command, first, second, flags, behind)) = parts else {
            let message = "expected `s/PATTERN/REPLACEMENT/FLAGS` or `y/CHARACTERS/CHARACTERS/`";
            cursor.error("spl-syntax", message, span.clone());
            return None;
        };
        out.push(match command {
            's' => {
                let (number, all) = flags.strip_suffix('g').map_or((flags, false), |number| (number, true));
                let from = if number.is_empty() { Some(1) } else { number.parse().ok().filter(|from| *from > 0) };
                let Some(from) = from else {
                    let message = format!("the flags `{flags}` of `mode=sed` are not supported");
                    cursor.error("spl-unsupported-option", message, span.clone());
                    return None;
                };
                let pattern = pattern::translate(cursor, &first, pattern::Use::Replaces, span)?;
                Edit::Replace { pattern, replacement: second, from, all }
            }
            _ => {
                let (old, new): (Vec<char>, Vec<char>) = (literal(&first), literal(&second));
                if old.len() != new.len() || !flags.is_empty() {
                    cursor.error("spl-arguments", "`y` needs as many new characters as old ones, and no flags", span.clone());
                    return None;
                }
                Edit::Transliterate(old.into_iter().zip(new).collect())
            }
        });
        rest = behind.trim_start().trim_start_matches(';').trim_start();
    }
    if out.is_empty() {
        cursor.error("spl-syntax", "`mode=sed` needs a command", span.clone());
    }
    (!out.is_empty()).then_some(out)
}

/// Cuts the first command of a text: its letter, both parts, its flags and what is behind it.
fn parts(text: &str) -> Option<(char, String, String, &str, &str)> {
    let mut characters = text.chars();
    let command = characters.next().filter(|c| matches!(c, 's' | 'y'))?;
    let mark = characters.next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace() && *c != '\\')?;
    let (first, rest) = until(characters.as_str(), mark)?;
    let (second, rest) = until(rest, mark)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some((command, first.to_owned(), second.to_owned(), &rest[..end], &rest[end..]))
}

/// Cuts at a mark that no backslash stands before; with the backslash it is a plain character, for a pattern too.
fn until(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return Some((&text[..at], &text[at + c.len_utf8()..])),
            _ => {}
        }
    }
    None
}

/// The characters of `y`; behind a backslash each is itself.
fn literal(text: &str) -> Vec<char> {
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// `replace OLD with NEW, … in FIELD, …`
pub(super) fn replace(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let mut pairs = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if !pairs.is_empty() && cursor.take_word("in") {
            let fields = super::command::plain_names(cursor, "replace")?;
            return Some(Stage::Replace(Replace { pairs, fields }));
        }
        let old = cursor.option_value();
        let new = if old.is_some() && cursor.take_word("with") { cursor.option_value() } else { None };
        let (Some((old, span)), Some((new, _))) = (old, new) else {
            cursor.unexpected("`OLD with NEW`");
            return None;
        };
        let stars = |text: &str| text.matches('*').count();
        if stars(&new) > 0 && stars(&new) != stars(&old) {
            cursor.error("spl-arguments", "a new value has as many `*` as the old one, or none", span);
            return None;
        }
        pairs.push((Glob::wildcard(&old), new));
    }
    let what = "`replace` without `in FIELD` leaves out fields that `stats` and `eval` made, which is not supported";
    cursor.error("spl-unsupported-option", what, cursor.at..cursor.at);
    None
}

/// `strcat allrequired=… FIELD "text" … TARGET`
pub(super) fn strcat(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut all_required, mut parts) = (false, Vec::new());
    while !cursor.is_done() {
        if let Some((option, span)) = options::take(cursor) {
            if option != "allrequired" {
                options::refuse(cursor, &option, span);
                return None;
            }
            all_required = options::truth(cursor)?;
        } else if let Some((text, _)) = cursor.quoted() {
            parts.push(Scalar::Text(text));
        } else {
            parts.push(eval::field(options::field(cursor, "strcat")?));
        }
        cursor.take(",");
    }
    let (Some(Scalar::Field(target)), true) = (parts.pop(), parts.len() > 1) else {
        cursor.error("spl-arguments", "`strcat` needs two values or more, then the name of the new field", cursor.at..cursor.at);
        return None;
    };
    let call = |function, arguments| Scalar::Call(function, arguments);
    let is_field = |part: &&Scalar| matches!(part, Scalar::Field(_));
    let present: Vec<Scalar> = parts.iter().filter(is_field).map(|part| call(Function::IsNotNull, vec![part.clone()])).collect();
    let text = |part: Scalar| if is_field(&&part) { call(Function::Coalesce, vec![part, Scalar::Text(String::new())]) } else { part };
    let joined = parts.into_iter().map(text).reduce(|a, b| Scalar::Binary(BinaryOp::Concat, Box::new(a), Box::new(b)))?;
    let value = if all_required && !present.is_empty() {
        call(Function::If, vec![Scalar::And(present), joined, Scalar::Field(target.clone())])
    } else {
        joined
    };
    Some(Stage::Eval(vec![(target.name, value)]))
}

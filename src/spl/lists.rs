//! Commands for lists: `makemv`, `mvexpand`, `mvcombine`, `nomv`.

use super::cursor::Cursor;
use super::{options, pattern};
use crate::ir::{ListSplit, MakeList, Stage};

/// What `mvcombine` and `makemv` take where a search does not say it.
const SPACE: &str = " ";

/// `makemv delim=… allowempty=… FIELD`, `makemv tokenizer=… FIELD`
pub(super) fn makemv(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut split, mut allow_empty) = (None, None, false);
    while !cursor.is_done() {
        let Some((option, span)) = options::take(cursor) else {
            one_field(cursor, "makemv", &mut field)?;
            continue;
        };
        let new = match option.as_str() {
            "delim" => match cursor.option_value() {
                Some((text, _)) if !text.is_empty() => ListSplit::Delimiter(options::control_characters(&text)),
                _ => {
                    cursor.unexpected("a delimiter");
                    return None;
                }
            },
            "tokenizer" => {
                let Some((text, span)) = cursor.quoted() else {
                    cursor.unexpected("a quoted regular expression");
                    return None;
                };
                ListSplit::Matches(pattern::translate(cursor, &text, pattern::Use::Searches, &span)?)
            }
            "allowempty" => {
                allow_empty = options::truth(cursor)?;
                continue;
            }
            "setsv" if !options::truth(cursor)? => continue,
            _ => {
                options::refuse(cursor, &option, span);
                return None;
            }
        };
        if split.replace(new).is_some() {
            cursor.error("spl-arguments", "`makemv` takes one of `delim` and `tokenizer`", span);
        }
    }
    let field = needed(cursor, field)?;
    let split = split.unwrap_or_else(|| ListSplit::Delimiter(SPACE.to_owned()));
    Some(Stage::MakeList(MakeList { field, split, allow_empty }))
}

/// `mvexpand FIELD limit=…`
pub(super) fn mvexpand(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut limit) = (None, 0);
    while !cursor.is_done() {
        match options::take(cursor) {
            Some((option, _)) if option == "limit" => limit = options::number(cursor)?,
            Some((option, span)) => {
                options::refuse(cursor, &option, span);
                return None;
            }
            None => one_field(cursor, "mvexpand", &mut field)?,
        }
    }
    Some(Stage::Expand { field: needed(cursor, field)?, limit: (limit > 0).then_some(limit) })
}

/// `mvcombine delim=… FIELD`
pub(super) fn mvcombine(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut delimiter) = (None, SPACE.to_owned());
    while !cursor.is_done() {
        match options::take(cursor) {
            Some((option, _)) if option == "delim" => {
                delimiter = options::control_characters(&cursor.option_value().map(|(text, _)| text).unwrap_or_default());
            }
            Some((option, span)) => {
                options::refuse(cursor, &option, span);
                return None;
            }
            None => one_field(cursor, "mvcombine", &mut field)?,
        }
    }
    Some(Stage::Combine { field: needed(cursor, field)?, delimiter })
}

/// `nomv FIELD`
pub(super) fn nomv(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let mut field = None;
    one_field(cursor, "nomv", &mut field)?;
    Some(Stage::JoinMembers { field: needed(cursor, field)?, delimiter: "\n".to_owned() })
}

/// Takes the field of a command that works on one.
fn one_field(cursor: &mut Cursor<'_>, command: &str, field: &mut Option<String>) -> Option<()> {
    cursor.peek();
    let start = cursor.at;
    let name = options::field(cursor, command)?;
    if field.replace(name).is_some() {
        cursor.error("spl-syntax", format!("`{command}` works on one field"), start..cursor.at);
        return None;
    }
    Some(())
}

fn needed(cursor: &mut Cursor<'_>, field: Option<String>) -> Option<String> {
    if field.is_none() {
        cursor.unexpected("a field name");
    }
    field
}

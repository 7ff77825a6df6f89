//! Commands that read the fields inside of a text: `spath`, `xmlkv`, `extract`, `fromjson`.

use super::cursor::Cursor;
use super::{RAW_TEXT, options};
use crate::ir::{PairMarks, Stage, TextForm, Unpack};

fn stage(field: String, form: TextForm) -> Unpack {
    Unpack { field, form, path: None, output: None, prefix: String::new(), columns: Vec::new() }
}

/// `spath input=… output=… path=…`
pub(super) fn spath(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut path, mut output) = (RAW_TEXT.to_owned(), None, None);
    cursor.peek();
    let start = cursor.at;
    while !cursor.is_done() {
        let option = options::take(cursor);
        match option.as_ref().map(|(name, _)| name.as_str()) {
            Some("input") => field = options::field(cursor, "spath")?,
            Some("output") => output = Some(options::field(cursor, "spath")?),
            Some("path") | None if path.is_none() => path = Some(options::field(cursor, "spath")?),
            _ => {
                let (name, span) = option.unwrap_or_else(|| ("path".to_owned(), start..cursor.end));
                options::refuse(cursor, &name, span);
                return None;
            }
        }
        cursor.take(",");
    }
    if output.is_some() && path.is_none() {
        cursor.error("spl-arguments", "`spath output=` needs a path", cursor.from(start));
        return None;
    }
    Some(Stage::Unpack(Unpack { path, output, ..stage(field, TextForm::Structured) }))
}

/// `xmlkv FIELD`
pub(super) fn xmlkv(cursor: &mut Cursor<'_>) -> Option<Stage> {
    if let Some((option, span)) = options::take(cursor) {
        options::refuse(cursor, &option, span);
        return None;
    }
    let field = if cursor.is_done() { RAW_TEXT.to_owned() } else { options::field(cursor, "xmlkv")? };
    Some(Stage::Unpack(stage(field, TextForm::Elements)))
}

/// `extract pairdelim=… kvdelim=…`, which reads the raw text.
pub(super) fn extract(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let mut marks = PairMarks { pairs: String::new(), values: "=".to_owned() };
    while !cursor.is_done() {
        let Some((option, span)) = options::take(cursor) else {
            let rest = cursor.at..cursor.end;
            cursor.error("spl-unsupported-option", "`extract` by a name of Splunk's configuration is not supported", rest);
            cursor.give_up();
            return None;
        };
        let value = cursor.option_value().map(|(text, _)| options::control_characters(&text)).filter(|text| !text.is_empty());
        match (option.as_str(), value) {
            ("pairdelim", Some(text)) => marks.pairs = text,
            ("kvdelim", Some(text)) => marks.values = text,
            _ => {
                options::refuse(cursor, &option, span);
                return None;
            }
        }
        cursor.take(",");
    }
    Some(Stage::Unpack(stage(RAW_TEXT.to_owned(), TextForm::Pairs(marks))))
}

/// `fromjson FIELD prefix=…`
pub(super) fn fromjson(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut prefix) = (None, String::new());
    while !cursor.is_done() {
        match options::take(cursor) {
            Some((option, _)) if option == "prefix" => prefix = cursor.option_value().map(|(text, _)| text).unwrap_or_default(),
            None if field.is_none() => field = Some(options::field(cursor, "fromjson")?),
            other => {
                let (name, span) = other.unwrap_or_else(|| ("second field".to_owned(), cursor.at..cursor.end));
                options::refuse(cursor, &name, span);
                return None;
            }
        }
    }
    let Some(field) = field else {
        cursor.unexpected("a field name");
        return None;
    };
    Some(Stage::Unpack(Unpack { prefix, ..stage(field, TextForm::Object) }))
}

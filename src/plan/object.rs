//! Objects inside of objects: the store has the compact JSON of a record's outer objects, and those inside of them are
//! parts of that text.

/// The object, or the list with objects in it, at a path of names joined by dots; `None` where there is something else.
/// A name with a dot, a quote or a backslash is never asked for: what is below it is stored on its own.
pub(super) fn inner<'t>(text: &'t str, path: &str) -> Option<&'t str> {
    let found = path.split('.').try_fold(text, member)?;
    is_object(found).then_some(found)
}

/// Whether a value is an object or a list that is not a list of plain values, whose values are the field's own. An empty list has
/// no value.
fn is_object(value: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'{') => true,
        // A list of plain values is a field with several values, and its members are asked one by one.
        Some(b'[') => elements(value).any(|element| element.starts_with(['{', '['])),
        _ => false,
    }
}

/// The value of an object's member.
fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = object.strip_prefix('{')?;
    loop {
        let key_end = value_end(rest)?;
        let key = rest.get(..key_end)?.strip_prefix('"')?.strip_suffix('"')?;
        let value = rest.get(key_end..)?.strip_prefix(':')?;
        let end = value_end(value)?;
        if key == name {
            return value.get(..end);
        }
        rest = value.get(end..)?.strip_prefix(',')?;
    }
}

/// The elements of a list.
fn elements(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list.strip_prefix('[');
    std::iter::from_fn(move || {
        let text = rest?;
        let end = value_end(text).filter(|end| *end > 0)?;
        rest = text.get(end..).and_then(|text| text.strip_prefix(','));
        text.get(..end)
    })
}

/// Where a value of compact JSON ends: at the comma, colon or bracket that follows it.
fn value_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b':' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    (depth == 0).then_some(at)
}

/// Where the quote is that ends the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            // The escaped character may be a quote, which does not end the string.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inner;

    #[test]
    fn objects_and_lists_of_objects_are_found_by_path() {
        let text = r#"{"a":{"b":{"c":1,"q\"":"},{"},"e":{}},"l":[1,2],"m":[{"x":[]},3],"n":[],"s":"t","z":{"c d":{"é":null}}}"#;
        for (path, found) in [
            ("a", Some(r#"{"b":{"c":1,"q\"":"},{"},"e":{}}"#)),
            ("a.b", Some(r#"{"c":1,"q\"":"},{"}"#)),
            ("a.e", Some("{}")),
            ("m", Some(r#"[{"x":[]},3]"#)),
            ("n", None),
            ("z.c d", Some(r#"{"é":null}"#)),
            ("l", None),
            ("s", None),
            ("a.b.c", None),
            ("a.x", None),
            ("m.x", None),
            ("", None),
        ] {
            assert_eq!(inner(text, path), found, "{path}");
        }
    }

    #[test]
    fn other_text_has_none() {
        for text in ["", "{", "{}", "plain", "[", "{\"a\"", "{\"a\":", "{\"a\":{\"b\":\"", "{\"a\\", "{\"b\":1,}", "{\"a\":{}"] {
            assert_eq!(inner(text, "a.b"), None, "{text}");
        }
    }
}

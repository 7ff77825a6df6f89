//! Documents that wrap many records: CloudTrail's `Records`, the `results` of Splunk's REST interface.

use sonic_rs::LazyValue;

use super::{MAX_DOCUMENT_BYTES, first_line_of, is_too_deep};
use crate::reader::stream::Input;

/// The length of `{"Records":[` where a document begins so.
pub(super) fn records_prefix(head: &[u8]) -> Option<usize> {
    let mut at = 0;
    for token in [&b"{"[..], b"\"Records\"", b":", b"["] {
        at += head[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        if !head[at..].starts_with(token) {
            return None;
        }
        at += token.len();
    }
    Some(at)
}

/// The length of what is before the first result where a document begins as the answer of Splunk's REST interface does:
/// `{"preview":false,"init_offset":0,"messages":[],"fields":[…],"results":[`.
pub(super) fn results_prefix(head: &[u8]) -> Option<usize> {
    const MEMBERS: [&[u8]; 7] = [b"preview", b"init_offset", b"post_process_count", b"messages", b"fields", b"highlighted", b"results"];
    let space = |at: usize| at + head[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut at = space(0);
    if head.get(at) != Some(&b'{') {
        return None;
    }
    loop {
        at = space(at + 1);
        let name = head[at..].strip_prefix(b"\"")?;
        let name = &name[..memchr::memchr(b'"', name)?];
        if !MEMBERS.contains(&name) {
            return None;
        }
        at = space(at + name.len() + 2);
        if head.get(at) != Some(&b':') {
            return None;
        }
        at = space(at + 1);
        if name == b"results" {
            return (head.get(at) == Some(&b'[')).then_some(at + 1);
        }
        at = behind_value(head, at)?;
        if head.get(at) != Some(&b',') {
            return None;
        }
    }
}

/// Where the comma or bracket behind a value is.
fn behind_value(head: &[u8], from: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (at, byte) in head.iter().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Goes on behind the end of an object, whose members to come are no events.
pub(super) fn skip_object_end(input: &mut Input<'_>) {
    let mut at = 0;
    loop {
        match behind_value(input.head(), at) {
            Some(end) if input.head()[end] == b',' => at = end + 1,
            Some(end) => return input.consume(end + 1),
            None if input.at_end() || input.head().len() > MAX_DOCUMENT_BYTES => return,
            None => {
                at = 0;
                input.grow();
            }
        }
    }
}

/// The records of a document that is nothing but `{"Records": […]}`.
pub(super) fn wrapped_records(text: &str) -> Option<Vec<Result<String, String>>> {
    records_prefix(text.as_bytes())?;
    if is_too_deep(text) {
        return None;
    }
    let mut members = sonic_rs::to_object_iter(text);
    let (_, records) = members.next()?.ok()?;
    if members.next().is_some() {
        return None;
    }
    let records = sonic_rs::to_array_iter(records.as_raw_str()).map(|r| r.map(|v| v.as_raw_str().to_owned()).map_err(|e| e.to_string()));
    let mut records: Vec<Result<String, String>> = records.collect();
    if records.iter().all(Result::is_ok)
        && let Err(error) = sonic_rs::from_str::<LazyValue<'_>>(text)
    {
        records.push(Err(first_line_of(&error.to_string()).to_owned())); // what follows the records is wrong
    }
    Some(records)
}

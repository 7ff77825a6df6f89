//! Documents that wrap many records: CloudTrail's `Records`, the `results` of Splunk's REST interface, the `hits` of
//! Elasticsearch.

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

/// What wraps the records of an answer to a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Splunk's REST interface: `{"preview":false,"init_offset":0,"messages":[],"fields":[…],"results":[`.
    Splunk,
    /// Elasticsearch: `{"took":3,"timed_out":false,"_shards":{…},"hits":{"total":{…},"max_score":1.0,"hits":[`.
    Elasticsearch,
}

impl Answer {
    /// The name that the ledger shows.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::Splunk => "splunk-results",
            Self::Elasticsearch => "elasticsearch-hits",
        }
    }

    /// The member that holds the records, and those that may come before it.
    fn members(self) -> (&'static [u8], &'static [&'static [u8]]) {
        match self {
            Self::Splunk => (b"results", &[b"preview", b"init_offset", b"post_process_count", b"messages", b"fields", b"highlighted"]),
            Self::Elasticsearch => {
                let before: &[&[u8]] = &[
                    b"took",
                    b"timed_out",
                    b"terminated_early",
                    b"num_reduce_phases",
                    b"_scroll_id",
                    b"pit_id",
                    b"_shards",
                    b"_clusters",
                    b"total",
                    b"max_score",
                ];
                (b"hits", before)
            }
        }
    }

    /// How many objects the records are in.
    pub(super) fn depth(self) -> usize {
        match self {
            Self::Splunk => 1,
            Self::Elasticsearch => 2,
        }
    }

    /// The length of what is before the first record where a document begins as this answer does.
    fn prefix(self, head: &[u8]) -> Option<usize> {
        let (list, before) = self.members();
        let space = |at: usize| at + head[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let mut at = space(0);
        if head.get(at) != Some(&b'{') {
            return None;
        }
        let mut depth = 1;
        loop {
            at = space(at + 1);
            let name = head[at..].strip_prefix(b"\"")?;
            let name = &name[..memchr::memchr(b'"', name)?];
            at = space(at + name.len() + 2);
            if head.get(at) != Some(&b':') {
                return None;
            }
            at = space(at + 1);
            if name == list {
                if depth == self.depth() {
                    return (head.get(at) == Some(&b'[')).then_some(at + 1);
                }
                if head.get(at) != Some(&b'{') {
                    return None;
                }
                depth += 1;
                continue;
            }
            if !before.contains(&name) {
                return None;
            }
            at = behind_value(head, at)?;
            if head.get(at) != Some(&b',') {
                return None;
            }
        }
    }
}

/// The answer that a document begins as, and the length of what is before its first record.
pub(super) fn answer_prefix(head: &[u8]) -> Option<(Answer, usize)> {
    [Answer::Splunk, Answer::Elasticsearch].into_iter().find_map(|answer| Some((answer, answer.prefix(head)?)))
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

/// Goes on behind the end of so many objects, whose members to come are no events.
pub(super) fn skip_object_ends(count: usize, input: &mut Input<'_>) {
    for _ in 0..count {
        skip_object_end(input);
    }
}

fn skip_object_end(input: &mut Input<'_>) {
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

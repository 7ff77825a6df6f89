//! Documents that wrap many records: CloudTrail's `Records`, and the answers of interfaces.

use sonic_rs::LazyValue;

use super::{MAX_DOCUMENT_BYTES, is_too_deep, not_json};
use crate::reader::row_error::RowError;
use crate::reader::stream::LeafInput;

/// How an interface wraps the records it answers with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrapper {
    /// The name that the ledger shows.
    pub(super) format: &'static str,
    /// The member that holds the records, and the objects around them.
    list: &'static [u8],
    /// How many objects the records are in.
    pub(super) depth: usize,
    /// Members that may come before it.
    before: &'static [&'static [u8]],
    /// One of them must.
    marked: bool,
}

static WRAPPERS: [Wrapper; 6] = [
    // {"Records":[: CloudTrail, in files and in lines
    Wrapper { format: "cloudtrail", list: b"Records", depth: 1, before: &[], marked: false },
    // {"preview":false,"init_offset":0,"messages":[],"fields":[…],"results":[
    Wrapper {
        format: "splunk-results",
        list: b"results",
        depth: 1,
        before: &[b"preview", b"init_offset", b"post_process_count", b"messages", b"fields", b"highlighted"],
        marked: false,
    },
    // {"took":3,"timed_out":false,"_shards":{…},"hits":{"total":{…},"max_score":1.0,"hits":[
    Wrapper {
        format: "elasticsearch-hits",
        list: b"hits",
        depth: 2,
        before: &[
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
        ],
        marked: false,
    },
    // {"records":[: what Azure sends to event hubs and storage
    Wrapper { format: "azure-records", list: b"records", depth: 1, before: &[], marked: false },
    // {"@odata.context":"…","value":[
    Wrapper {
        format: "odata-value",
        list: b"value",
        depth: 1,
        before: &[b"@odata.context", b"@odata.count", b"@odata.nextLink", b"@odata.type"],
        marked: true,
    },
    // {"Stats":{…},"Schema":[…],"Results":[
    Wrapper { format: "defender-results", list: b"Results", depth: 1, before: &[b"Stats", b"Schema", b"@odata.type"], marked: true },
];

impl Wrapper {
    /// Whether it has no other member than the list.
    fn is_nothing_else(&self) -> bool {
        self.depth == 1 && self.before.is_empty()
    }

    /// The length of what is before the first record where a document begins as this wrapper does.
    fn prefix(&self, head: &[u8]) -> Option<usize> {
        let space = |at: usize| at + head[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let mut at = space(0);
        if head.get(at) != Some(&b'{') {
            return None;
        }
        let (mut depth, mut marked) = (1, !self.marked);
        loop {
            at = space(at + 1);
            let name = head[at..].strip_prefix(b"\"")?;
            let name = &name[..memchr::memchr(b'"', name)?];
            at = space(at + name.len() + 2);
            if head.get(at) != Some(&b':') {
                return None;
            }
            at = space(at + 1);
            if name == self.list {
                if depth == self.depth {
                    let records = head.get(at) == Some(&b'[') && matches!(head.get(space(at + 1)), Some(b'{' | b']'));
                    return (records && marked).then_some(at + 1);
                }
                if head.get(at) != Some(&b'{') {
                    return None;
                }
                depth += 1;
                continue;
            }
            if !self.before.contains(&name) {
                return None;
            }
            // Some lists have common names: `value` and `Results` are wrappers only with a mark in front of them.
            marked = true;
            at = behind_value(head, at)?;
            if head.get(at) != Some(&b',') {
                return None;
            }
        }
    }
}

/// The wrapper that a document begins as, and the length of what is before its first record.
pub(super) fn wrapper_prefix(head: &[u8]) -> Option<(&'static Wrapper, usize)> {
    WRAPPERS.iter().find_map(|wrapper| Some((wrapper, wrapper.prefix(head)?)))
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

/// Goes on behind the end of so many objects, whose members to come are not events.
pub(super) fn skip_object_ends(count: usize, input: &mut LeafInput<'_>) {
    for _ in 0..count {
        skip_object_end(input);
    }
}

fn skip_object_end(input: &mut LeafInput<'_>) {
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

/// The records of a document that is nothing but one list of them, such as `{"Records": […]}`, and whose they are.
pub(super) fn wrapped_records(text: &str) -> Option<(&'static Wrapper, Vec<Result<String, RowError>>)> {
    let (wrapper, _) = wrapper_prefix(text.as_bytes()).filter(|(wrapper, _)| wrapper.is_nothing_else())?;
    if is_too_deep(text) {
        return None;
    }
    let mut members = sonic_rs::to_object_iter(text);
    let (_, records) = members.next()?.ok()?;
    if members.next().is_some() {
        return None;
    }
    let records = sonic_rs::to_array_iter(records.as_raw_str())
        .map(|r| r.map(|v| v.as_raw_str().to_owned()).map_err(|e| RowError::Json(e.to_string())));
    let mut records: Vec<Result<String, RowError>> = records.collect();
    if records.iter().all(Result::is_ok)
        && let Err(error) = sonic_rs::from_str::<LazyValue<'_>>(text)
    {
        records.push(Err(not_json(&error))); // what follows the records is wrong
    }
    Some((wrapper, records))
}

//! The normalised event, in batches: what readers and the normaliser hand to the store.
//!
//! A batch is an arena: all text of its events lies in one string, fields and list members in flat
//! vectors, so that a batch of thousands of events costs a handful of allocations. Field names and event
//! types are interned once per load in [`Names`].
//!
//! Invariants: value text never holds NUL (it is [`NUL_SYMBOL`]); a missing or null field is not in the batch at
//! all, an empty one is there as `""`; numbers and booleans are text in the source's own spelling.

pub(crate) mod civil;
pub(crate) mod host;
mod loose;
mod pool;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

pub use loose::{LooseEvent, LooseField, LooseValue};
pub use pool::BatchPool;
use rustc_hash::FxHashMap;

/// What a NUL character in log data becomes when it is normalised: U+2400 SYMBOL FOR NULL.
pub const NUL_SYMBOL: char = '\u{2400}';

/// The interned name of a field, valid within one [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// The interned key of an event type, valid within one [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// What decides the table an event is stored in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeKey {
    /// `windows`, `aws`, `zeek`, `linux`, … or `generic` where nothing is known.
    pub product: String,
    /// Windows: the channel as spelled by the source first met (compared without case); else the dataset (`cloudtrail`, `conn`); may be
    /// empty.
    pub dataset: String,
    /// Windows: the event id in decimal; else empty.
    pub code: String,
}

/// The names and event-type keys of one load, shared by its threads.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<RwLock<NamesInner>>);

#[derive(Debug, Default)]
struct NamesInner {
    names: Vec<Arc<str>>,
    name_ids: HashMap<Arc<str>, NameId>,
    keys: Vec<Arc<TypeKey>>,
    key_ids: HashMap<Arc<TypeKey>, KeyId>,
}

impl Names {
    /// Returns the id of a field name, new or known. Callers keep their own cache: this takes a lock.
    pub fn intern(&self, name: &str) -> NameId {
        let mut inner = self.0.write().expect("no thread panics while it holds the names");
        if let Some(id) = inner.name_ids.get(name) {
            return *id;
        }
        let id = NameId(u32::try_from(inner.names.len()).expect("fewer than 2^32 field names"));
        let name: Arc<str> = name.into();
        inner.names.push(name.clone());
        inner.name_ids.insert(name, id);
        id
    }

    /// Returns the id of an event-type key, new or known. Callers keep their own cache: this takes a lock.
    pub fn intern_key(&self, key: &TypeKey) -> KeyId {
        let mut inner = self.0.write().expect("no thread panics while it holds the names");
        if let Some(id) = inner.key_ids.get(key) {
            return *id;
        }
        let id = KeyId(u32::try_from(inner.keys.len()).expect("fewer than 2^32 event types"));
        let key = Arc::new(key.clone());
        inner.keys.push(key.clone());
        inner.key_ids.insert(key, id);
        id
    }

    /// Returns the text of a name.
    pub fn name(&self, id: NameId) -> Arc<str> {
        self.0.read().expect("no thread panics while it holds the names").names[id.0 as usize].clone()
    }

    /// Returns an event-type key.
    pub fn key(&self, id: KeyId) -> Arc<TypeKey> {
        self.0.read().expect("no thread panics while it holds the names").keys[id.0 as usize].clone()
    }
}

/// A piece of a batch's text: byte offsets into [`EventBatch::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextSpan {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue {
    /// One value, possibly empty.
    Text(TextSpan),
    /// A multivalue: a range of [`EventBatch::members`], two or more, in the order of appearance.
    List {
        /// First member.
        start: u32,
        /// One past the last member.
        end: u32,
    },
}

/// One field of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldEntry {
    /// Name in the one vocabulary of the event's product (Windows: the XML names; see `rules/fields`).
    pub name: NameId,
    /// Its value.
    pub value: FieldValue,
}

/// One event of a batch, beside its fields. Its texts are places in the batch and its type is a key: it is not stored yet, so
/// nothing of it has an id.
#[derive(Debug, Clone, Copy)]
pub struct BatchEvent {
    /// Event type.
    pub key: KeyId,
    /// Microseconds since 1970-01-01 UTC; `None` where the record has no readable time.
    pub time_us: Option<i64>,
    /// The host that wrote the event (Windows: `Computer`).
    pub host: Option<TextSpan>,
    /// Windows EventRecordID where there is one.
    pub record: Option<i64>,
    /// The vendor's id, by which the event is the same wherever it is met (CloudTrail: `eventID`).
    pub identity: Option<TextSpan>,
    /// Where the record is in its source: 1-based line, or 1-based ordinal of the record.
    pub position: u64,
    /// The record was carved from a damaged or slack area.
    pub recovered: bool,
    /// Rendered text of the event (`Message`), where the source carries it.
    pub message: Option<TextSpan>,
    /// The event's fields: a range of [`EventBatch::fields`]. No name twice.
    pub fields_start: u32,
    /// One past the last field.
    pub fields_end: u32,
}

/// Some hundred to some thousand events of one source, in arena form.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// All text.
    pub text: String,
    /// All list members.
    pub members: Vec<TextSpan>,
    /// All fields.
    pub fields: Vec<FieldEntry>,
    /// The events in source order.
    pub events: Vec<BatchEvent>,
}

impl EventBatch {
    /// Returns the text of a span.
    pub fn str(&self, span: TextSpan) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Returns the fields of an event.
    pub fn fields_of(&self, head: &BatchEvent) -> &[FieldEntry] {
        &self.fields[head.fields_start as usize..head.fields_end as usize]
    }

    /// Adds a text.
    pub(crate) fn add_text(&mut self, text: &str) -> TextSpan {
        let start = offset(self.text.len());
        self.text.push_str(text);
        TextSpan { start, end: offset(self.text.len()) }
    }

    /// Adds a list.
    pub(crate) fn add_list<'m>(&mut self, members: impl IntoIterator<Item = &'m str>) -> FieldValue {
        let start = offset(self.members.len());
        for member in members {
            let member = self.add_text(member);
            self.members.push(member);
        }
        FieldValue::List { start, end: offset(self.members.len()) }
    }

    /// What it holds: bytes of text, fields, events.
    pub(crate) fn room(&self) -> [usize; 3] {
        [self.text.len(), self.fields.len(), self.events.len()]
    }

    /// Makes room for so much in an empty batch.
    pub(crate) fn reserve(&mut self, [text, fields, events]: [usize; 3]) {
        self.text.reserve(text);
        self.fields.reserve(fields);
        self.events.reserve(events);
    }

    /// Lets equal values be the same piece of text, so that who writes the batch need look at each but once.
    ///
    /// Values that begin with a digit are left as they are: most are numbers and times, which are written as such. So are long ones,
    /// which hardly repeat.
    pub(crate) fn share_values(&mut self) {
        let Self { text, fields, .. } = self;
        let mut known: FxHashMap<&str, TextSpan> = FxHashMap::default();
        // A field in four has a value that was not there before, in logs that repeat as little as those of processes.
        known.reserve(fields.len() / 4);
        for entry in fields {
            let FieldValue::Text(span) = entry.value else { continue };
            let value = &text[span.start as usize..span.end as usize];
            if value.len() <= MAX_SHARED && value.as_bytes().first().is_some_and(|first| !first.is_ascii_digit()) {
                entry.value = FieldValue::Text(*known.entry(value).or_insert(span));
            }
        }
    }

    /// Gives back the room that is left: many small batches may wait to be written.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.fields.shrink_to_fit();
        self.events.shrink_to_fit();
    }
}

/// A place within a batch.
pub(crate) fn offset(place: usize) -> u32 {
    u32::try_from(place).expect("a batch is ended long before it has 4 GB")
}

/// The longest value (bytes) that is shared.
const MAX_SHARED: usize = 256;

/// Members of a Splunk export that count beside the event's own text. They say where the event went through, not what it is.
pub(crate) const BESIDE_RAW: [&str; 5] = ["_time", "host", "source", "sourcetype", "index"];

/// Folds one character for comparison without case: ASCII to lower case; another letter as Unicode's simple folding does,
/// unless that leads into ASCII; everything else stays. One to one, so lengths in characters never change.
/// This is the only folding in the project: scan and SQL share its definition.
///
/// The lower case of the upper case is that folding: letters with two lower cases (σ and ς, β and ϐ, μ and µ) have one
/// upper case. Only the letters in `TWINS` have none of one character.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    if let Some((_, twin)) = TWINS.iter().find(|(other, _)| *other == c) {
        return *twin;
    }
    let upper = single(c.to_uppercase()).unwrap_or(c);
    single(upper.to_lowercase()).or_else(|| single(c.to_lowercase())).unwrap_or(c)
}

/// Letters that Unicode has twice, each with the one that it folds to.
const TWINS: [(char, char); 3] = [('\u{1fd3}', '\u{390}'), ('\u{1fe3}', '\u{3b0}'), ('\u{fb05}', '\u{fb06}')];

/// The one character outside ASCII that a change of case gives.
fn single(mut changed: impl Iterator<Item = char>) -> Option<char> {
    changed.next().filter(|c| !c.is_ascii() && changed.next().is_none())
}

/// Appends the folded form of `text` (see [`fold_char`]) to `out`.
pub fn fold_into(text: &str, out: &mut String) {
    let mut rest = text;
    // Run by run: a letter outside ASCII here and there must not make the rest of a long text slow.
    while !rest.is_empty() {
        let ascii = ascii_length(rest.as_bytes());
        let start = out.len();
        out.push_str(&rest[..ascii]);
        out[start..].make_ascii_lowercase();
        let others = &rest[ascii..];
        let end = others.find(|c: char| c.is_ascii()).unwrap_or(others.len());
        out.extend(others[..end].chars().map(fold_char));
        rest = &others[end..];
    }
}

/// How many bytes at the beginning are ASCII.
fn ascii_length(bytes: &[u8]) -> usize {
    // Asked of many bytes at a time, which the compiler makes vector instructions of; only the piece that has the letter is walked.
    let pieces = bytes.chunks(64).take_while(|piece| piece.is_ascii()).map(<[u8]>::len).sum::<usize>();
    pieces + bytes[pieces..].iter().take_while(|byte| byte.is_ascii()).count()
}

/// Bytes as lower-case hexadecimal digits: how hashes are shown everywhere.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Writes a time as ISO 8601 UTC with `Z`: milliseconds, or microseconds where the time has them.
pub fn format_time(time_us: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_microsecond(time_us) else { return format!("{time_us}us") };
    if time_us.rem_euclid(1000) == 0 { format!("{time:.3}") } else { format!("{time:.6}") }
}

/// Reads a date or a time in ISO 8601: `2024-01-31`, `2024-01-31T12:00:00`, `2024-01-31 12:00:00.5+01:00`. A date is its
/// midnight; without a zone it is UTC.
pub fn parse_iso_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_microsecond());
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod fold_tests {
    use super::fold_char;
    use regex_syntax::hir::{Class, HirKind};

    #[test]
    fn it_is_the_simple_folding_of_unicode_outside_of_ascii() {
        let with_case = |c: &char| !c.is_ascii() && (c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c]));
        for c in ('\u{80}'..=char::MAX).filter(with_case) {
            let folded = fold_char(c);
            assert!(!folded.is_ascii() && fold_char(folded) == folded, "{c}");
            let pattern = format!("(?i)\\x{{{:X}}}", u32::from(c));
            let hir = regex_syntax::parse(&pattern).expect("one character");
            // Letters without another form are a literal.
            let HirKind::Class(Class::Unicode(class)) = hir.kind() else { continue };
            for same in class.ranges().iter().flat_map(|range| range.start()..=range.end()).filter(|same| !same.is_ascii()) {
                assert_eq!(fold_char(same), folded, "{c} and {same} differ in case only");
            }
        }
        assert_eq!("ΟΔΟΣ οδος \u{b5} ſ \u{212a} İ ı".chars().map(fold_char).collect::<String>(), "οδοσ οδοσ \u{3bc} ſ \u{212a} İ ı");
    }
}

#[cfg(test)]
mod time_tests {
    use super::{format_time, parse_iso_time};

    #[test]
    fn dates_and_times_with_and_without_zone() {
        let read = |text| parse_iso_time(text).map(format_time);
        assert_eq!(read("2024-01-31").as_deref(), Some("2024-01-31T00:00:00.000Z"));
        assert_eq!(read("2024-01-31T12:00:00").as_deref(), Some("2024-01-31T12:00:00.000Z"));
        assert_eq!(read("2024-01-31 12:00:00.000250Z").as_deref(), Some("2024-01-31T12:00:00.000250Z"));
        assert_eq!(read("2024-01-31T12:00:00+01:00").as_deref(), Some("2024-01-31T11:00:00.000Z"));
        assert_eq!(read("yesterday"), None);
        assert_eq!(read("2024-13-01"), None);
    }
}

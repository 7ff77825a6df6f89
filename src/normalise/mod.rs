//! Records become events: one vocabulary whatever the encoding, one time, one host.
//!
//! A reader hands over the members of a record one by one (`Normaliser::value`), then ends the record. Values go
//! straight into the batch's arena; what a member means is decided once per shape and path, from the data in
//! `rules/normalise`, and looked up by number from then on.
//!
//! Choices: members that repeat (arrays, repeated keys) are multivalues in order; null is not a value; a GUID has braces and
//! upper case, whatever its encoding writes. Where two members of a record have
//! one field name, the first has it and the other keeps its own path as its name.

mod codes;
mod complete;
mod make;
mod marks;
mod paths;
pub(crate) mod rendered;
mod shapes;
mod time;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use codes::{Coded, Restored};
use marks::{Flag, MarkTable, Marks};
pub(crate) use paths::PathId;
use paths::Paths;
use rendered::Rendered;
use shapes::{SHAPES, Shape, is_named};
pub(crate) use time::Clock;
pub use time::{Zone, ZoneError};

use crate::event::{BESIDE_RAW, EventBatch, KeyId, NUL_SYMBOL, NameId, Names, TextSpan};

/// Events in a batch.
// Enough events that writing them costs few statements, few enough that a reader and a writer work at the same time.
const MAX_BATCH_EVENTS: usize = 4_096;
/// Bytes of text in a batch.
// A batch of large records stays small too.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Members of one record.
// The largest real records have some thousand members; without a limit one file could fill the memory with one record.
const MAX_MEMBERS: usize = 100_000;
/// Paths and keys of event types that are kept from one leaf to the next.
const MAX_KEPT_PATHS: usize = 100_000;
/// What a leaf's first batch has room for: bytes of text, fields, events. Growing would copy it again and again, and
/// pages that stay empty cost nothing.
pub(crate) const FIRST_ROOM: BatchRoom = [64 * 1024, 2_048, 128];

/// Bytes of text, fields, events.
pub(crate) type BatchRoom = [usize; 3];

/// The member that has the event's own text in what is sent to Splunk's HTTP event collector.
const HEC_EVENT: &str = "event";
/// The member that has its time.
const HEC_TIME: &str = "time";
/// Members that hold the whole record: Elasticsearch's documents, what Chainsaw found.
const WRAPPERS: [&str; 2] = ["_source", "document.data"];

/// Members of one shape that a table's header must name, where the shape asks for as many, to be one of event logs.
const MIN_TOLD: usize = 2;

/// Whether members of these names at the top of a record speak of a shape.
pub(crate) fn tell_shape(names: &[&str]) -> bool {
    let told = |shape: &Shape| shape.when.iter().filter(|when| names.contains(&when.as_str())).count();
    let of_table = |shape: &&Shape| !shape.when.is_empty() && shape.product != "zeek";
    names.contains(&"_raw") || SHAPES.iter().filter(of_table).any(|shape| told(shape) >= MIN_TOLD.min(shape.when.len()))
}

/// Receives full batches.
pub(crate) type BatchSink<'s> = dyn FnMut(EventBatch) -> ControlFlow<()> + 's;

/// Where a record is in its source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordPlace {
    /// 1-based line or ordinal.
    pub(crate) position: u64,
    /// Carved from a damaged area.
    pub(crate) recovered: bool,
}

/// A record around an event's own text.
#[derive(Debug)]
pub(crate) struct Export {
    /// The text.
    pub(crate) raw: String,
    beside: Vec<(&'static str, String)>,
    members: Vec<(PathId, TextSpan)>,
}

/// What was seen of the times of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Events whose time says no zone.
    pub(crate) without_zone: u64,
    /// Events whose time has the day first because the user says so.
    pub(crate) day_first: u64,
    /// Events with a time that nobody can read, and the place and text of the first.
    pub(crate) unreadable: u64,
    pub(crate) first_unreadable: Option<(u64, String)>,
    /// Hours between the time of events and the UTC time that Sysmon wrote into them → how many.
    pub(crate) hours_off: BTreeMap<i32, u64>,
}

/// What was learned of names and paths: it serves every leaf of a load.
pub(crate) struct Lexicon {
    names: Names,
    paths: Paths,
    shapes: Vec<ShapeState>,
    table: MarkTable,
    /// Path → which `when` members it is.
    marks: Vec<Marks>,
    keys: FxHashMap<String, KeyId>,
    /// Name → the last record that had it, and its place among that record's fields.
    slots: FxHashMap<NameId, (u64, usize)>,
    /// Field of the record → the member it came from.
    owners: Vec<PathId>,
    /// Field of the record → a value behind its first one.
    more: Vec<(usize, TextSpan)>,
    key_text: String,
    record_number: u64,
    /// Sysmon's own time.
    utc_time: NameId,
    restored: Restored,
    rendered: Rendered,
}

impl Lexicon {
    /// Knows nothing yet.
    pub(crate) fn new(names: &Names) -> Self {
        let mut table = MarkTable::default();
        let shapes = SHAPES.iter().map(|shape| {
            let needs = table.needs(&shape.when).expect("a test counts the members that the embedded data asks for");
            ShapeState {
                shape,
                needs,
                windows: shape.product == "windows",
                is_open: shape.file.is_empty(),
                identity: vec![None; shape.identity.len()],
                actions: Vec::new(),
            }
        });
        let shapes = shapes.collect();
        Self {
            names: names.clone(),
            shapes,
            table,
            paths: Paths::new(),
            marks: vec![Marks::default()],
            keys: FxHashMap::default(),
            slots: FxHashMap::default(),
            owners: Vec::new(),
            more: Vec::new(),
            key_text: String::new(),
            record_number: 0,
            utc_time: names.intern("UtcTime"),
            restored: Restored::default(),
            rendered: Rendered::default(),
        }
    }

    /// Forgets what grew beyond reason: logs decide how many names there are.
    fn trim(&mut self) {
        // All at once: paths are numbers in many tables, and to drop some of them would need a pass over each.
        if self.paths.len() > MAX_KEPT_PATHS || self.keys.len() > MAX_KEPT_PATHS {
            *self = Self::new(&self.names);
        }
    }
}

/// Turns members into events, batch by batch.
pub(crate) struct Normaliser<'s> {
    known: &'s mut Lexicon,
    /// The marks of the record that is being read.
    have: Marks,
    pairs: Vec<(PathId, TextSpan)>,
    /// The record had more members than [`MAX_MEMBERS`].
    overfull: bool,
    batch: EventBatch,
    /// Whether room that is left in batches is of use to others.
    keeps_room: bool,
    /// What the next batch gets room for.
    room: BatchRoom,
    sink: &'s mut BatchSink<'s>,
    clock: Clock,
    times: Times,
    stopped: bool,
}

struct ShapeState {
    shape: &'static Shape,
    needs: Marks,
    windows: bool,
    /// Whether records of this leaf can have it: the file's name may rule it out.
    is_open: bool,
    /// The members that the shape's identity is made of, as far as they were met.
    identity: Vec<Option<PathId>>,
    actions: Vec<Option<MemberUse>>,
}

#[derive(Debug, Clone, Copy)]
enum MemberUse {
    Drop,
    Field(NameId),
    Coded(NameId, Coded),
    /// Its rank among the members that can play the role; its field where it does not, or where the role has no other name.
    Role(Role, u8, Option<NameId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Time,
    Dataset,
    Code,
    Host,
    Record,
    Message,
}

const ROLES: usize = 6;

impl<'s> Normaliser<'s> {
    /// Starts a leaf.
    pub(crate) fn new(known: &'s mut Lexicon, clock: Clock, sink: &'s mut BatchSink<'s>) -> Self {
        known.trim();
        Self {
            known,
            have: Marks::default(),
            pairs: Vec::new(),
            overfull: false,
            batch: EventBatch::default(),
            keeps_room: false,
            room: FIRST_ROOM,
            sink,
            clock,
            times: Times::default(),
            stopped: false,
        }
    }

    /// Says which file the leaf is: its name may tell what its records are.
    pub(crate) fn of_file(self, path: &str) -> Self {
        for state in &mut self.known.shapes {
            state.is_open = state.shape.file.is_empty() || is_named(path, &state.shape.file);
        }
        self
    }

    /// Begins with a batch that may have room already. Else it gets room for what the last piece of the same leaf had, and a little more,
    /// since one more copy would need twice as much.
    pub(crate) fn with_batch(mut self, batch: EventBatch, room: BatchRoom) -> Self {
        (self.batch, self.room) = (batch, room.map(|length| length + length / 16));
        self.keeps_room = true;
        self
    }

    /// What the last batch had.
    pub(crate) fn room(&self) -> BatchRoom {
        self.room
    }

    /// What was learned of names: a part of the same leaf may be read with it.
    pub(crate) fn lexicon(&mut self) -> &mut Lexicon {
        self.known
    }

    /// What was seen of times so far.
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// Whether the receiver wants no more.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// The path of a member below another.
    pub(crate) fn child(&mut self, parent: PathId, key: &str) -> PathId {
        let id = self.known.paths.child(parent, key);
        while self.known.marks.len() < self.known.paths.len() {
            let text = self.known.paths.text(PathId(u32::try_from(self.known.marks.len()).expect("fewer than 2^32 paths")));
            let mut marks = self.known.table.of(text);
            marks.flag(Flag::NamedElements, text.ends_with("EventData.Data"));
            marks.flag(Flag::Raw, matches!(text, "_raw" | "result._raw" | HEC_EVENT));
            marks.flag(Flag::Embedded, SHAPES.iter().any(|shape| shape.embedded == text && !text.is_empty()));
            marks.flag(Flag::Wrapper, WRAPPERS.contains(&text));
            self.known.marks.push(marks);
        }
        id
    }

    /// Adds a value of the record that is being read.
    pub(crate) fn value(&mut self, path: PathId, text: &str) {
        self.have.add(&self.known.marks[path.0 as usize]);
        self.object(path, text);
    }

    /// Whether the shape of the record that is being read keeps the texts of members that are objects.
    pub(crate) fn keeps_objects(&self) -> bool {
        self.known.shapes[self.shape()].shape.objects
    }

    /// Adds the text of a member that is an object: what it says of the record's shape, its members say.
    pub(crate) fn object(&mut self, path: PathId, text: &str) {
        if self.pairs.len() >= MAX_MEMBERS {
            self.overfull = true;
            return;
        }
        if self.batch.text.capacity() == 0 {
            self.batch.reserve(self.room);
        }
        let start = self.batch.text.len();
        if memchr::memchr(0, text.as_bytes()).is_some() {
            // SQLite ends a text at NUL, so it becomes its symbol here, where every text comes by.
            self.batch.text.extend(text.chars().map(|c| if c == '\0' { NUL_SYMBOL } else { c }));
        } else {
            self.batch.text.push_str(text);
        }
        let span = TextSpan { start: offset(start), end: offset(self.batch.text.len()) };
        self.pairs.push((path, span));
    }

    /// Forgets the record that is being read.
    pub(crate) fn abandon(&mut self) {
        if let Some((_, first)) = self.pairs.first() {
            self.batch.text.truncate(first.start as usize);
        }
        self.clear_record();
    }

    /// Whether the record that is being read has any member so far.
    pub(crate) fn has_members(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// How many values the record that is being read has so far.
    pub(crate) fn members(&self) -> usize {
        self.pairs.len()
    }

    fn clear_record(&mut self) {
        self.pairs.clear();
        self.have = Marks::default();
        self.overfull = false;
    }

    /// Whether members of the record that is being read had to be left out: it has more than [`MAX_MEMBERS`].
    pub(crate) fn overfull(&self) -> Option<usize> {
        self.overfull.then_some(MAX_MEMBERS)
    }

    /// The shape of the record that is being read, as far as it is known.
    fn shape(&self) -> usize {
        // In the order of the data: the shapes that ask for more stand first, so that a record is what it says most exactly.
        self.known.shapes.iter().position(|s| s.is_open && self.have.contains(&s.needs)).expect("the last shape needs nothing")
    }

    /// Takes out the member whose text is JSON in its turn, where the shape of the record has one.
    pub(crate) fn take_embedded(&mut self) -> Option<(PathId, String)> {
        if !self.have.has(Flag::Embedded) {
            return None;
        }
        let member = self.known.shapes[self.shape()].shape.embedded.as_str();
        let at = self.pairs.iter().position(|(path, _)| self.known.paths.text(*path) == member)?;
        let (path, span) = self.pairs.remove(at);
        Some((path, self.batch.str(span).to_owned()))
    }

    /// Takes all members of a record that holds an event's own text, to be read in their place.
    pub(crate) fn take_export(&mut self) -> Option<Export> {
        if !self.have.has(Flag::Raw) {
            return None;
        }
        let members = std::mem::take(&mut self.pairs);
        self.have = Marks::default();
        let name = |path: PathId| {
            let name = self.known.paths.text(path);
            name.strip_prefix("result.").unwrap_or(name)
        };
        let find = |wanted: &str| members.iter().find(|(path, _)| name(*path) == wanted).map(|(_, span)| self.batch.str(*span));
        // `event` is a common member name. If its value is itself a JSON document, it is data, and not the raw text of Splunk's HEC.
        let sent = find(HEC_EVENT).filter(|text| !text.starts_with('{') && find("_raw").is_none());
        let raw = find("_raw").or(sent).unwrap_or_default().to_owned();
        let mut beside: Vec<(&'static str, String)> = Vec::new();
        for (path, span) in &members {
            let name = if sent.is_some() && name(*path) == HEC_TIME { "_time" } else { name(*path) };
            if let Some(name) = BESIDE_RAW.iter().find(|n| **n == name) {
                beside.push((*name, self.batch.str(*span).to_owned()));
            }
        }
        Some(Export { raw, beside, members })
    }

    /// The text of the export was read: what stands beside it joins.
    pub(crate) fn beside(&mut self, export: Export) {
        for (name, text) in export.beside {
            let path = self.child(PathId::ROOT, name);
            self.value(path, &text);
        }
    }

    /// Nobody could read the text of the export: its members are the record.
    pub(crate) fn put_back(&mut self, export: Export) {
        self.have = Marks::default();
        export.members.iter().for_each(|(path, _)| self.have.add(&self.known.marks[path.0 as usize]));
        self.pairs = export.members;
    }

    /// Whether the elements of a member carry the field names in an attribute: `{"@Name": …, "#text": …}`.
    pub(crate) fn has_named_elements(&self, path: PathId) -> bool {
        self.known.marks[path.0 as usize].has(Flag::NamedElements)
    }

    /// Whether an object under this member is the whole record, as if its members were the record's own.
    pub(crate) fn is_wrapper(&self, path: PathId) -> bool {
        self.known.marks[path.0 as usize].has(Flag::Wrapper)
    }

    /// Ends the record: it becomes an event. Returns the name of its shape.
    pub(crate) fn end_record(&mut self, place: RecordPlace) -> &'static str {
        let index = self.shape();
        let mut pairs = std::mem::take(&mut self.pairs);
        self.known.record_number += 1;
        let name = self.known.shapes[index].shape.name.as_str();
        self.make_event(index, &mut pairs, place);
        self.pairs = pairs;
        self.clear_record();
        if self.batch.events.len() >= MAX_BATCH_EVENTS || self.batch.text.len() >= MAX_BATCH_BYTES {
            self.flush();
        }
        name
    }

    /// Hands over a batch that was made elsewhere.
    pub(crate) fn pass_on(&mut self, batch: EventBatch) {
        if !self.stopped && (self.sink)(batch).is_break() {
            self.stopped = true;
        }
    }

    /// Adds what was seen of times in a later piece of the leaf; its records are counted behind so many others.
    pub(crate) fn add_times(&mut self, later: Times, records: u64) {
        self.times.without_zone += later.without_zone;
        self.times.day_first += later.day_first;
        self.times.unreadable += later.unreadable;
        if self.times.first_unreadable.is_none() {
            self.times.first_unreadable = later.first_unreadable.map(|(position, text)| (position + records, text));
        }
        for (hours, events) in later.hours_off {
            *self.times.hours_off.entry(hours).or_default() += events;
        }
    }

    /// Hands over what is left.
    pub(crate) fn flush(&mut self) {
        if self.batch.events.is_empty() || self.stopped {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.room = batch.room();
        // Here and not in the writer, which all readers wait for.
        batch.share_values();
        if !self.keeps_room {
            batch.shrink();
        }
        match (self.sink)(batch) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(()) => self.stopped = true,
        }
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a batch is flushed long before 4 GiB, and a record is smaller")
}

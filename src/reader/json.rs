//! JSON in every framing: one document a line, an array, documents one after the other, lists that a document wraps.
//!
//! Lines are taken where one of the first lines is a whole document: then one broken line costs only itself. Otherwise
//! documents are found by counting brackets outside of strings; behind a broken one the next that begins a line is taken.
//! A document is walked lazily; numbers keep their spelling.

mod objects;
mod scan;
mod wrapped;

use sonic_rs::{JsonType, JsonValueTrait, LazyValue};

use objects::{ObjectName, Objects};
use scan::{DocumentScan, ScanStep};
use wrapped::{Wrapper, skip_object_ends, wrapped_records, wrapper_prefix};

use super::markup::Markup;
use super::pieces::{LeafPiece, PIECE_BYTES, PieceOutcome, PieceQueue};
use super::raw::{Raw, RawReaders};
use super::row_error::RowError;
use super::stream::{LeafInput, Report};
use super::xml::Elements;
use super::{InputFormat, Reading, record_line, text_of};
use crate::normalise::{Normaliser, PathId, RecordPlace};

/// Bytes of one document or line.
// An open bracket must not take the rest of the file into memory.
const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;
/// Objects and arrays inside of each other.
// The parser recurses; records nest some ten levels.
pub(super) const MAX_DEPTH: u32 = 100;
/// Documents without an end that are looked for another beginning.
// Each time the rest of the file is looked through again.
const MAX_RESTARTS: u32 = 16;
/// Bytes inside of broken documents that are looked at again, to find another document among them.
// Without it, a file of open brackets is looked through once for each of its lines.
const MAX_RESCANNED_BYTES: usize = 4 * MAX_DOCUMENT_BYTES;
/// Bytes of a line that evtx_dump writes between documents, with its end.
const MAX_RECORD_LINE_BYTES: usize = 32;
/// Lines that are looked at to tell whether lines are documents.
// One of the first may be broken, or a header.
const FIRST_LINES: usize = 16;

/// See the module.
pub(super) struct Json;

impl InputFormat for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn sniff(&self, head: &[u8]) -> Option<String> {
        let head = &head[record_line(head)..];
        match start(head)? {
            b'{' => Some("its first character begins a JSON object".to_owned()),
            b'[' if head
                .iter()
                .skip_while(|b| **b != b'[')
                .skip(1)
                .find(|b| !b.is_ascii_whitespace())
                .is_none_or(|b| matches!(b, b'{' | b']')) =>
            {
                Some("its first characters begin a JSON array of objects".to_owned())
            }
            _ => most_are_documents(head).then(|| "most of its first lines are JSON objects".to_owned()),
        }
    }

    fn read(&self, reading: &mut Reading<'_>) -> &'static str {
        let input = &mut reading.input;
        super::skip_mark(input);
        let mut documents = Documents::default();
        input.consume(record_line(input.head()));
        if !are_lines(input) {
            return documents.framed(reading);
        }
        documents.lines(reading);
        documents.wrapped.unwrap_or("json-lines")
    }
}

/// The length of the next piece: whole lines, as many as fit, or one that is longer; 0 at the end of the stream, and nothing where a
/// line has no end within the limit.
fn piece_of_lines(input: &mut LeafInput<'_>) -> Option<usize> {
    let mut searched = 0;
    loop {
        let head = input.head();
        // What is in the window beyond a piece must not count: how much that is depends on how the stream was read.
        if searched < PIECE_BYTES {
            let most = head.len().min(PIECE_BYTES);
            if input.at_end() && head.len() <= PIECE_BYTES {
                return Some(head.len());
            }
            if let Some(at) = memchr::memrchr(b'\n', &head[..most]) {
                return Some(at + 1);
            }
            searched = most;
        }
        if let Some(at) = memchr::memchr(b'\n', &head[searched..]) {
            return Some(searched + at + 1);
        }
        searched = head.len();
        if input.at_end() {
            return Some(searched);
        }
        if searched > MAX_DOCUMENT_BYTES {
            return None;
        }
        input.grow();
    }
}

/// The first character that is not white space, behind a byte order mark.
fn start(head: &[u8]) -> Option<u8> {
    super::without_mark(head).iter().copied().find(|b| !b.is_ascii_whitespace())
}

/// The first line that is not empty, if it ends within the limit.
fn first_line(input: &mut LeafInput<'_>) -> Option<Vec<u8>> {
    loop {
        let head = input.head();
        let skip = head.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if let Some(end) = memchr::memchr(b'\n', &head[skip..]) {
            return Some(head[skip..skip + end].to_vec());
        }
        if input.at_end() || head.len() > MAX_DOCUMENT_BYTES {
            return (head.len() <= MAX_DOCUMENT_BYTES).then(|| head[skip..].to_vec());
        }
        input.grow();
    }
}

fn is_document(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .is_ok_and(|text| text.starts_with('{') && !is_too_deep(text) && sonic_rs::from_str::<LazyValue<'_>>(text.trim_end()).is_ok())
}

/// Whether each line is a document: the first is one, or one of those behind it is where no member of another can be.
/// `{"Records": […]}` on one line is many documents.
fn are_lines(input: &mut LeafInput<'_>) -> bool {
    let Some(first) = first_line(input) else { return false };
    if is_document(&first) {
        return wrapper_prefix(&first).is_none();
    }
    if wrapper_prefix(input.head()).is_some() {
        return false;
    }
    let more_on_the_line = || matches!(DocumentScan::default().find(&first), Some(ScanStep::End(end)) if is_document(&first[..end]));
    if first.starts_with(b"[") || more_on_the_line() {
        return false;
    }
    let lines = input.head().split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty()).take(FIRST_LINES);
    let mut before = first.trim_ascii_end();
    for line in lines.skip(1) {
        if !matches!(before.last(), Some(b':' | b',' | b'[' | b'{')) && is_document(line) {
            return wrapper_prefix(line).is_none();
        }
        before = line;
    }
    false
}

/// Whether most of the first lines that are there to their end are documents.
fn most_are_documents(head: &[u8]) -> bool {
    let Some(end) = memchr::memrchr(b'\n', head) else { return false };
    let lines = head[..end].split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).take(FIRST_LINES);
    let (documents, others): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| is_document(line));
    documents.len() > others.len()
}

/// Reads documents.
#[derive(Default)]
pub(super) struct Documents {
    flattener: Flattener,
    markup: Markup,
    raw: RawReaders,
    position: u64,
    /// The format of lines that wrap records.
    wrapped: Option<&'static str>,
    restarts: u32,
    /// See [`MAX_RESCANNED_BYTES`].
    rescanned: usize,
}

impl Documents {
    /// Reads lines, in pieces.
    fn lines(&mut self, reading: &mut Reading<'_>) {
        let Reading { input, events, report, leaf, workers } = reading;
        // Where each byte of decoded UTF-16 was in the stream, only who reads the stream knows.
        let mut queue = workers.filter(|_| !input.is_decoded()).map(|workers| PieceQueue::new(workers, leaf.clone()));
        while !events.stopped() {
            // One more: it tells whether the stream ends with the piece.
            input.fill_to(PIECE_BYTES + 1);
            let Some(length) = piece_of_lines(input) else {
                self.position += 1;
                let message = format!("skipped a line longer than MAX_DOCUMENT_BYTES = {MAX_DOCUMENT_BYTES} bytes");
                match &mut queue {
                    Some(queue) => queue.add_read(PieceOutcome::bad(input.offset(), self.position, message)),
                    None => report.bad(Some(input.offset()), Some(self.position), message),
                }
                skip_line(input);
                continue;
            };
            if length == 0 {
                break;
            }
            let piece = &input.head()[..length];
            match &mut queue {
                Some(queue) => {
                    let before = self.position;
                    self.position += memchr::memchr_iter(b'\n', piece).count() as u64;
                    queue.add(LeafPiece::Lines { text: queue.copy(piece), offset: input.offset(), before }, events, report);
                    input.consume(length);
                }
                None => {
                    self.piece(length, input, events, report);
                    events.flush();
                }
            }
        }
        if let Some(queue) = queue {
            self.wrapped = queue.finish(events, report);
        }
    }

    /// Reads a piece of the stream line by line.
    fn piece(&mut self, length: usize, input: &mut LeafInput<'_>, events: &mut Normaliser<'_>, report: &mut Report) {
        let mut left = length;
        while left > 0 && !events.stopped() {
            let head = &input.head()[..left];
            let end = memchr::memchr(b'\n', head).unwrap_or(left);
            self.line(&head[..end], input.offset(), events, report);
            let taken = left.min(end + 1);
            input.consume(taken);
            left -= taken;
        }
    }

    /// A reader of lines behind so many others.
    pub(super) fn behind(lines: u64) -> Self {
        Self { position: lines, ..Self::default() }
    }

    /// Reads the lines of a text that begins at this place of the stream.
    pub(super) fn lines_of(&mut self, text: &[u8], offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        let (mut rest, mut offset) = (text, offset);
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.line(&rest[..end], offset, events, report);
            let taken = rest.len().min(end + 1);
            rest = &rest[taken..];
            offset += taken as u64;
        }
    }

    /// The format of lines that wrap records, where there was one.
    pub(super) fn wrapped(&self) -> Option<&'static str> {
        self.wrapped
    }

    fn line(&mut self, line: &[u8], offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        self.position += 1;
        let line = line.trim_ascii();
        if line.is_empty() || record_line(line) > 0 {
            return;
        }
        self.document(line, offset, events, report);
    }

    /// Reads one document; what is no UTF-8 is replaced, and said.
    fn document(&mut self, bytes: &[u8], offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        let text = text_of(bytes);
        if let std::borrow::Cow::Owned(_) = text {
            report.problem(Some(offset), Some(self.position), "invalid UTF-8 is replaced by U+FFFD");
        }
        if let Some((wrapper, records)) = wrapped_records(&text) {
            self.wrapped = Some(wrapper.format);
            for record in records {
                match record {
                    Ok(record) => self.one(&record, offset, events, report),
                    Err(error) => return report.bad(Some(offset), Some(self.position), error),
                }
            }
            return;
        }
        self.one(&text, offset, events, report);
    }

    fn one(&mut self, text: &str, offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        match self.flattener.record(text, events) {
            Ok(()) => {
                self.markup.of_json(text, events);
                let (read, error) = self.export(events);
                if let Some(most) = (!read).then(|| self.flattener.objects(text, events)).flatten() {
                    let text = format!("objects inside of each other beyond MAX_OBJECT_BYTES = {most}: only their members are read");
                    report.problem(Some(offset), Some(self.position), text);
                }
                if let Some(error) = error {
                    report.problem(Some(offset), Some(self.position), format!("_raw is {error}: read the members beside it instead"));
                }
                if let Some(most) = events.overfull() {
                    report.problem(Some(offset), Some(self.position), format!("skipped the members beyond MAX_MEMBERS = {most}"));
                }
                events.end_record(RecordPlace { position: self.position, recovered: false });
            }
            Err(error) => {
                events.abandon();
                report.bad(Some(offset), Some(self.position), error);
            }
        }
    }

    /// Where a record is one of Splunk's, reads the event's own text in it. Returns whether that is what counts, and why
    /// it could not be read.
    fn export(&mut self, events: &mut Normaliser<'_>) -> (bool, Option<RowError>) {
        let Some(export) = events.take_export() else { return (false, None) };
        match self.raw.read(&export.raw, events) {
            Raw::Read => {
                events.beside(export);
                (true, None)
            }
            Raw::Unknown => {
                events.put_back(export);
                (false, None)
            }
            Raw::Broken(error) => {
                events.put_back(export);
                (false, Some(error))
            }
        }
    }

    /// Documents one after the other, or the elements of an array, or the records of `{"Records": […]}`.
    fn framed(&mut self, reading: &mut Reading<'_>) -> &'static str {
        let input = &mut reading.input;
        let (mut format, mut wrapper) = ("json", None);
        skip_space(input);
        if input.head().starts_with(b"[") {
            input.consume(1);
            format = "json-array";
        } else if let Some((kind, length)) = wrapper_prefix(input.head()) {
            input.consume(length);
            (format, wrapper) = (kind.format, Some(kind));
        }
        loop {
            let Reading { input, events, report, .. } = &mut *reading;
            skip_separators(input);
            if input.head().is_empty() || events.stopped() {
                if format != "json" && format != "json-concatenated" && !events.stopped() {
                    report.problem(Some(input.offset()), None, "the JSON array does not end");
                }
                break;
            }
            if format != "json" && input.head().starts_with(b"]") {
                input.consume(1);
                if self.behind_array(input, wrapper, report) {
                    continue;
                }
                break;
            }
            if !self.next(reading) {
                break;
            }
            if format == "json" && self.position > 1 {
                format = "json-concatenated";
            }
        }
        // One document is not a row of them.
        if format == "json-concatenated" && self.position < 2 { "json" } else { format }
    }

    /// What follows the closing bracket of an array must be the end of the object around it and of the stream, or
    /// another array of the same kind: then true.
    fn behind_array(&self, input: &mut LeafInput<'_>, wrapper: Option<&Wrapper>, report: &mut Report) -> bool {
        skip_space(input);
        if let Some(wrapper) = wrapper {
            skip_object_ends(wrapper.depth, input);
            skip_space(input);
        }
        let again = match wrapper {
            Some(wrapper) => wrapper_prefix(input.head()).filter(|(next, _)| **next == *wrapper).map(|(_, length)| length),
            None => input.head().starts_with(b"[").then_some(1),
        };
        if let Some(length) = again {
            input.consume(length);
            return true;
        }
        if !input.head().is_empty() {
            report.bad(Some(input.offset()), None, "skipped the text after the end of the JSON array");
        }
        false
    }

    /// Reads the next document; false when nothing more can be found.
    fn next(&mut self, reading: &mut Reading<'_>) -> bool {
        let Reading { input, events, report, .. } = reading;
        self.position += 1;
        let place = (Some(input.offset()), Some(self.position));
        let mut scan = DocumentScan::default();
        let mut searched = 0;
        loop {
            let head = input.head();
            match scan.find(&head[searched..]) {
                Some(ScanStep::End(end)) => {
                    self.document(&head[..end], input.offset(), events, report);
                    input.consume(end);
                    return true;
                }
                Some(ScanStep::Broken { first, last }) => {
                    report.bad(place.0, place.1, "a JSON document does not end before the next one begins");
                    // The rest of a broken document may hold a whole one. After the limit only the sure beginning counts: linear work.
                    let next = if self.rescanned < MAX_RESCANNED_BYTES { first } else { last };
                    self.rescanned += last - next;
                    input.consume(next);
                    return true;
                }
                None => searched = head.len(),
            }
            if searched > MAX_DOCUMENT_BYTES {
                let most = MAX_DOCUMENT_BYTES;
                report.bad(place.0, place.1, format!("skipped a document longer than MAX_DOCUMENT_BYTES = {most} bytes"));
                input.consume(searched - 1);
                return skip_to_object(input);
            }
            if input.at_end() {
                return self.restart(input, report);
            }
            input.grow();
        }
    }

    /// Behind a document that goes on to the end of the stream, the next line that begins one is tried.
    fn restart(&mut self, input: &mut LeafInput<'_>, report: &mut Report) -> bool {
        report.bad(Some(input.offset()), Some(self.position), "a JSON document does not end");
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS {
            let length = input.head().len();
            report.problem(Some(input.offset()), None, format!("this happened MAX_RESTARTS = {MAX_RESTARTS} times: skipped the rest"));
            input.consume(length);
            return false;
        }
        skip_to_object(input)
    }
}

/// Goes on to the next line that begins with `{`; false when there is none.
fn skip_to_object(input: &mut LeafInput<'_>) -> bool {
    loop {
        let head = input.head();
        if let Some(at) = memchr::memmem::find(head, b"\n{") {
            input.consume(at + 1);
            return true;
        }
        let length = head.len();
        if input.at_end() {
            input.consume(length);
            return false;
        }
        input.consume(length.saturating_sub(1));
        input.grow();
    }
}

fn skip_line(input: &mut LeafInput<'_>) {
    loop {
        let head = input.head();
        match memchr::memchr(b'\n', head) {
            Some(end) => return input.consume(end + 1),
            None => {
                let length = head.len();
                input.consume(length);
                if input.at_end() {
                    return;
                }
                input.grow();
            }
        }
    }
}

fn skip_while(input: &mut LeafInput<'_>, skip: impl Fn(u8) -> bool) {
    loop {
        let (length, n) = (input.head().len(), input.head().iter().take_while(|b| skip(**b)).count());
        input.consume(n);
        if n < length || input.at_end() {
            return;
        }
        input.grow();
    }
}

fn skip_space(input: &mut LeafInput<'_>) {
    skip_while(input, |b| b.is_ascii_whitespace());
}

/// Goes on to what comes behind a document; a line that evtx_dump writes between two of them is none.
fn skip_separators(input: &mut LeafInput<'_>) {
    skip_while(input, |b| b.is_ascii_whitespace() || b == b',' || b == 0x1e);
    if input.head().starts_with(b"R") {
        while input.head().len() < MAX_RECORD_LINE_BYTES && !input.at_end() {
            input.grow();
        }
        input.consume(record_line(input.head()));
    }
}

/// Whether brackets nest deeper than [`MAX_DEPTH`]: the parser recurses, so this is asked before it sees the text. Few
/// texts have as many brackets, and those that have not are told from the rest at the speed of memory.
fn is_too_deep(text: &str) -> bool {
    let most = MAX_DEPTH as usize + 1;
    if memchr::memchr2_iter(b'{', b'[', text.as_bytes()).take(most).count() < most {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

pub(super) fn too_deep() -> RowError {
    RowError::TooDeep { language: "JSON", most: MAX_DEPTH as usize }
}

/// Walks documents and hands their members to the normaliser.
#[derive(Default)]
pub(super) struct Flattener {
    unescaped: String,
    elements: Elements,
    objects: Objects,
    /// Those of a member that is JSON in its turn.
    embedded: Objects,
}

impl Flattener {
    /// Hands over the members of one document, which must be an object and nothing else.
    pub(super) fn record(&mut self, text: &str, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        if is_too_deep(text) {
            return Err(too_deep());
        }
        let value: LazyValue<'_> = sonic_rs::from_str(text).map_err(|e| not_json(&e))?;
        match value.get_type() {
            JsonType::Object => {
                self.objects.begin(text, PathId::ROOT);
                let read = self.members(value.as_raw_str(), PathId::ROOT, 1, events);
                self.objects.end();
                read?;
                self.embedded(events)
            }
            _ => Err(RowError::NotAnObject),
        }
    }

    /// Hands over the texts of the objects of the record that was read last, where its shape keeps them. Returns the limit
    /// where some had to be left out.
    pub(super) fn objects(&mut self, text: &str, events: &mut Normaliser<'_>) -> Option<usize> {
        if events.keeps_objects() { self.objects.hand_over(text, events) } else { None }
    }

    /// Takes apart a member that is JSON or XML in its turn; one that is none stays as it is.
    pub(super) fn embedded(&mut self, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        let Some((path, text)) = events.take_embedded() else { return Ok(()) };
        if text.trim_start().starts_with('<') {
            return self.elements.inside(&text, path, events);
        }
        match sonic_rs::from_str::<LazyValue<'_>>(if is_too_deep(&text) { "" } else { &text }) {
            Ok(value) if value.get_type() == JsonType::Object => {
                std::mem::swap(&mut self.objects, &mut self.embedded);
                self.objects.begin(&text, path);
                let read = self.members(value.as_raw_str(), path, 2, events);
                self.objects.end();
                if events.keeps_objects() {
                    self.objects.hand_over(&text, events);
                }
                std::mem::swap(&mut self.objects, &mut self.embedded);
                read
            }
            _ => {
                events.value(path, &text);
                Ok(())
            }
        }
    }

    /// Takes an element that carries its field's name in an attribute; false where it does not.
    fn named_element(&mut self, object: &str, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<bool, RowError> {
        let member =
            |name: &str| sonic_rs::to_object_iter(object).find_map(|m| m.ok().filter(|(key, _)| key == name).map(|(_, value)| value));
        let Some(name) = member("@Name").and_then(|name| name.as_str().map(str::to_owned)) else { return Ok(false) };
        let child = events.child(path, &name);
        match member("#text") {
            Some(value) => self.value(&value, child, depth, events)?,
            // The element is there, with nothing in it; null would be no value, as everywhere.
            None => events.value(child, ""),
        }
        Ok(true)
    }

    fn members(&mut self, object: &str, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        for member in sonic_rs::to_object_iter(object) {
            let (key, value) = member.map_err(|e| not_json(&e))?;
            let mut child = events.child(path, &key);
            if events.is_wrapper(child) && value.get_type() == JsonType::Object {
                child = PathId::ROOT;
            }
            if matches!(value.get_type(), JsonType::Object | JsonType::Array) {
                self.object(&value, child, self.objects.name(path, &key), depth, events)?;
            } else {
                self.value(&value, child, depth, events)?;
            }
        }
        Ok(())
    }

    /// Hands over the members of an object or a list, and notes the text of it that a rule may name.
    fn object(
        &mut self,
        value: &LazyValue<'_>,
        path: PathId,
        name: ObjectName,
        depth: u32,
        events: &mut Normaliser<'_>,
    ) -> Result<(), RowError> {
        let raw = value.as_raw_str();
        let noted = self.objects.note(path, raw);
        let above = self.objects.found_by_path;
        let by_path = above && name != ObjectName::Odd;
        self.objects.found_by_path = by_path && value.get_type() == JsonType::Object;
        let before = events.members();
        let result = self.value(value, path, depth, events);
        let is_found = by_path && name == ObjectName::Plain && events.members() > before;
        if is_found || (value.get_type() == JsonType::Array && is_list_of_values(raw)) {
            self.objects.forget(noted);
        }
        self.objects.found_by_path = above;
        result
    }

    fn value(&mut self, value: &LazyValue<'_>, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        let raw = value.as_raw_str();
        match raw.as_bytes().first() {
            Some(b'"') => {
                let inner = &raw[1..raw.len() - 1];
                if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
                    events.value(path, inner);
                } else {
                    self.unescaped.clear();
                    unescape(inner, &mut self.unescaped);
                    events.value(path, &self.unescaped);
                }
            }
            Some(b'{') => {
                if !(events.has_named_elements(path) && self.named_element(raw, path, depth, events)?) {
                    self.members(raw, path, depth + 1, events)?;
                }
            }
            Some(b'[') => {
                if depth >= MAX_DEPTH {
                    return Err(too_deep());
                }
                for element in sonic_rs::to_array_iter(raw) {
                    let element = element.map_err(|e| not_json(&e))?;
                    self.value(&element, path, depth + 1, events)?;
                }
            }
            Some(b'n') | None => {}
            Some(_) => events.value(path, raw),
        }
        Ok(())
    }
}

/// Whether an array has elements, and none is an object or an array.
fn is_list_of_values(raw: &str) -> bool {
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default().as_bytes();
    if memchr::memchr2(b'{', b'[', inner).is_none() {
        return !inner.trim_ascii().is_empty();
    }
    sonic_rs::to_array_iter(raw).all(|element| element.is_ok_and(|e| !matches!(e.get_type(), JsonType::Object | JsonType::Array)))
}

/// What is wrong, in a line. A document that is one line begins at its own place in the file, so its line 1 would mislead.
fn not_json(error: &sonic_rs::Error) -> RowError {
    let text = error.to_string();
    RowError::Json(text.lines().next().unwrap_or_default().replace(" at line 1 column ", " at column "))
}

/// Resolves the escapes of a JSON string; half a surrogate pair becomes U+FFFD.
pub(super) fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match escape {
            b'n' => out.push('\n'),
            b't' => out.push('\t'),
            b'r' => out.push('\r'),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'u' => rest = unescape_unicode(rest, out),
            other => out.push(char::from(other)),
        }
    }
    out.push_str(rest);
}

fn unescape_unicode<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let hex = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(first) = hex(rest) else {
        out.push(char::REPLACEMENT_CHARACTER);
        return rest;
    };
    let rest = &rest[4..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = rest.strip_prefix("\\u").and_then(hex)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return &rest[6..];
    }
    out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

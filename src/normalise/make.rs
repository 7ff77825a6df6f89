//! The members of one record become the fields and the envelope of one event.

use super::codes::Coded;
use super::paths::{PathId, shortened};
use super::time::{is_iso, is_no_time};
use super::{MemberUse, Normaliser, ROLES, RecordPlace, Role, offset};
use crate::event::{BatchEvent, FieldEntry, FieldValue, KeyId, NameId, TextSpan, TypeKey, format_time};

const HOUR_US: i64 = 3_600_000_000;
/// How far clocks may be apart beside whole hours: collectors write when they received an event.
const CLOCK_TOLERANCE_US: i64 = 150_000_000;
/// Hours that a clock is off at most: a zone, and half a day where a clock of 12 hours lost its AM and PM. More is chance.
const MAX_HOURS_OFF: i64 = 26;

/// Splunk's name for the time, which is that of every event.
const SPLUNK_TIME: &str = "_time";
/// Characters that are shown of a time that nobody can read.
const MAX_SHOWN_TIME: usize = 40;

/// The best member for each role so far: its rank and place among the pairs.
type Best = [Option<(u8, usize)>; ROLES];

impl Normaliser<'_> {
    pub(super) fn make_event(&mut self, shape: usize, pairs: &mut Vec<(PathId, TextSpan)>, place: RecordPlace) {
        let mut best: Best = [None; ROLES];
        for (index, (path, span)) in pairs.iter().enumerate() {
            if let MemberUse::Role(role, rank, _) = self.action(shape, *path) {
                let slot = &mut best[role as usize];
                // A member of a better rank that cannot play the role (a time that cannot be read) leaves it to the next.
                if slot.is_none_or(|(known, _)| rank < known) && self.usable(role, *span) {
                    *slot = Some((rank, index));
                }
            }
        }
        if self.known.shapes[shape].shape.doubled {
            self.undouble(pairs);
        }
        let envelope = best.map(|found| found.map(|(_, index)| pairs[index]));
        let dataset = self.complete(shape, &envelope, pairs);
        let time_us = best[Role::Time as usize].and_then(|(rank, index)| self.time(shape, rank, pairs[index].1));
        let fields_start = offset(self.batch.fields.len());
        for (index, (path, span)) in pairs.iter().enumerate() {
            match self.action(shape, *path) {
                MemberUse::Drop => {}
                MemberUse::Field(name) => self.field(shape, *path, name, *span, fields_start),
                MemberUse::Coded(name, coded) => {
                    let span = self.restored(coded, *span, dataset);
                    self.field(shape, *path, name, span, fields_start);
                }
                MemberUse::Role(_, _, None) => {}
                MemberUse::Role(role, _, Some(name)) => {
                    let taken = best[role as usize].is_some_and(|(_, at)| at == index);
                    if let Some(span) = self.beside_role(shape, role, *path, *span, taken.then_some(time_us)) {
                        self.field(shape, *path, name, span, fields_start);
                    }
                }
            }
        }
        // At the end: a name may get its second value from the last member.
        self.make_lists(fields_start);
        let span = |role: Role| envelope[role as usize].map(|(_, span)| span);
        if time_us.is_none() {
            self.look_for_time(shape, pairs, place);
        }
        self.compare_clocks(time_us, fields_start);
        let head = BatchEvent {
            key: self.key(shape, dataset, span(Role::Code)),
            time_us,
            host: span(Role::Host),
            record: span(Role::Record).and_then(|s| self.batch.str(s).parse().ok()),
            position: place.position,
            recovered: place.recovered,
            identity: self.identity(shape, pairs),
            message: span(Role::Message),
            fields_start,
            fields_end: offset(self.batch.fields.len()),
        };
        self.batch.events.push(head);
    }

    /// What a member that can play a role is as a field. One that plays it (`Some`: with the event's time) is one where no
    /// field map gives its name: of Windows events the maps answer, of others the host and the time are fields too. A time
    /// in a spelling that rules cannot compare becomes ISO 8601, so that the store has it nearly for nothing.
    fn beside_role(&mut self, shape: usize, role: Role, path: PathId, span: TextSpan, played: Option<Option<i64>>) -> Option<TextSpan> {
        let Some(time_us) = played else { return Some(span) };
        match role {
            _ if self.known.shapes[shape].windows => None,
            Role::Host => Some(span),
            Role::Time if self.known.paths.text(path).rsplit('.').next() == Some(SPLUNK_TIME) => None,
            Role::Time if is_iso(self.batch.str(span)) => Some(span),
            Role::Time => time_us.map(|us| push(&mut self.batch.text, &format_time(us))),
            Role::Dataset | Role::Code | Role::Record | Role::Message => None,
        }
    }

    /// The vendor's id of an event: its members on lines, where all are there.
    fn identity(&mut self, shape: usize, pairs: &[(PathId, TextSpan)]) -> Option<TextSpan> {
        let value = |path: &Option<PathId>| pairs.iter().find(|pair| Some(pair.0) == *path).map(|(_, span)| *span);
        let values: Option<Vec<TextSpan>> = self.known.shapes[shape].identity.iter().map(value).collect();
        match values?.as_slice() {
            [] => None,
            [one] => (!self.batch.str(*one).is_empty()).then_some(*one),
            several => {
                let texts: Vec<&str> = several.iter().map(|span| self.batch.str(*span)).collect();
                let joined = texts.join("\n");
                Some(push(&mut self.batch.text, &joined))
            }
        }
    }

    /// The time of an event, where its text says no zone in the one that the user says or in UTC.
    fn time(&mut self, shape: usize, rank: u8, span: TextSpan) -> Option<i64> {
        let mut time = self.clock.read(self.batch.str(span))?;
        let shape = self.known.shapes[shape].shape;
        // Some shapes write UTC without saying so; then no zone of the user must move it.
        time.zoned |= shape.utc.contains(&shape.time[usize::from(rank)]);
        self.times.without_zone += u64::from(!time.zoned);
        self.times.day_first += u64::from(time.ordered && self.clock.day_first);
        Some(self.clock.utc(time))
    }

    /// Counts an event that says when it was, but in no way that is known. Of the shape that fits all nobody knows which
    /// members are times.
    fn look_for_time(&mut self, shape: usize, pairs: &[(PathId, TextSpan)], place: RecordPlace) {
        if self.known.shapes[shape].shape.when.is_empty() {
            return;
        }
        let time = pairs.iter().find(|(path, span)| {
            matches!(self.action(shape, *path), MemberUse::Role(Role::Time, ..)) && !is_no_time(self.batch.str(*span))
        });
        let Some((_, span)) = time else { return };
        self.times.unreadable += 1;
        if self.times.first_unreadable.is_none() {
            let text = self.batch.str(*span).chars().take(MAX_SHOWN_TIME).collect();
            self.times.first_unreadable = Some((place.position, text));
        }
    }

    /// Counts the events whose time is whole hours away from the time that Sysmon wrote into them.
    fn compare_clocks(&mut self, time_us: Option<i64>, fields_start: u32) {
        let (Some(time_us), Some(index)) = (time_us, self.slot(self.known.utc_time)) else { return };
        let FieldValue::Text(span) = self.batch.fields[fields_start as usize + index].value else { return };
        let Some(utc) = self.clock.read(self.batch.str(span)) else { return };
        let difference = time_us - utc.us;
        // To the nearest hour: what is left over is the delay of the collector, not a wrong zone.
        let hours = (difference + difference.signum() * HOUR_US / 2) / HOUR_US;
        if hours == 0 || hours.abs() > MAX_HOURS_OFF || (difference - hours * HOUR_US).abs() > CLOCK_TOLERANCE_US {
            return;
        }
        if let Ok(hours) = i32::try_from(hours) {
            *self.times.hours_off.entry(hours).or_default() += 1;
        }
    }

    /// Whether a member can play its role: a time must be one, a record number a number, the others not be empty.
    fn usable(&self, role: Role, span: TextSpan) -> bool {
        let text = self.batch.str(span);
        match role {
            // Tried and not only looked at: `-` and `N/A` are texts too.
            Role::Time => self.clock.read(text).is_some(),
            Role::Record => text.parse::<i64>().is_ok(),
            Role::Dataset | Role::Code | Role::Host | Role::Message => !text.is_empty(),
        }
    }

    /// Adds a field; a name met before in the record makes a multivalue, unless it comes from another member.
    fn field(&mut self, shape: usize, path: PathId, name: NameId, span: TextSpan, fields_start: u32) {
        let span = if self.known.shapes[shape].windows { self.braced(span) } else { span };
        let mut name = name;
        if let Some(index) = self.slot(name) {
            if self.known.owners[index] == path {
                return self.known.more.push((index, span));
            }
            // Two members with one name and one text say one thing; a list of it twice would count twice.
            if self.is_text(index + fields_start as usize, span) {
                return;
            }
            name = self.known.names.intern(self.known.paths.text(path));
            if let Some(index) = self.slot(name) {
                return self.known.more.push((index, span));
            }
        }
        let index = self.batch.fields.len() - fields_start as usize;
        if self.known.owners.len() <= index {
            self.known.owners.resize(index + 1, PathId::ROOT);
        }
        self.known.owners[index] = path;
        self.known.slots.insert(name, (self.known.record_number, index));
        self.batch.fields.push(FieldEntry { name, value: FieldValue::Text(span) });
    }

    /// Makes lists of the fields that have more values than one.
    fn make_lists(&mut self, fields_start: u32) {
        let mut more = std::mem::take(&mut self.known.more);
        more.sort_by_key(|(index, _)| *index); // stable: members stay in their order
        for values in more.chunk_by(|(one, _), (other, _)| one == other) {
            let FieldEntry { value, .. } = &mut self.batch.fields[fields_start as usize + values[0].0];
            let FieldValue::Text(first) = *value else { continue };
            let members = &mut self.batch.members;
            let start = offset(members.len());
            members.push(first);
            members.extend(values.iter().map(|(_, span)| *span));
            *value = FieldValue::List { start, end: offset(members.len()) };
        }
        more.clear();
        self.known.more = more;
    }

    /// Where a name is among the fields of the record, if it is there.
    fn slot(&self, name: NameId) -> Option<usize> {
        self.known.slots.get(&name).filter(|(record, _)| *record == self.known.record_number).map(|(_, index)| *index)
    }

    /// Whether the first value of a field is exactly this text.
    fn is_text(&self, field: usize, span: TextSpan) -> bool {
        matches!(self.batch.fields[field].value, FieldValue::Text(known) if self.batch.str(known) == self.batch.str(span))
    }

    /// A GUID in the form Windows gives it: in braces and upper case.
    fn braced(&mut self, span: TextSpan) -> TextSpan {
        let text = self.batch.str(span);
        let text = match text.len() {
            // Only GUIDs that are bare or in lower case are rewritten: the rest is as Windows gives it.
            36 if is_guid(text.as_bytes()) => text,
            38 => match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
                Some(inner) if is_guid(inner.as_bytes()) && inner.bytes().any(|b| b.is_ascii_lowercase()) => inner,
                _ => return span,
            },
            _ => return span,
        };
        let braced = format!("{{{}}}", text.to_ascii_uppercase());
        push(&mut self.batch.text, &braced)
    }

    /// A value as the event's XML has it, where the encoding writes it by a name.
    fn restored(&mut self, coded: Coded, span: TextSpan, dataset: Option<TextSpan>) -> TextSpan {
        let is_audit = dataset.is_some_and(|d| self.batch.str(d).eq_ignore_ascii_case("Security"));
        match self.known.restored.of(coded, self.batch.str(span), is_audit) {
            Some(text) => push(&mut self.batch.text, &text),
            None => span,
        }
    }

    fn key(&mut self, shape: usize, dataset: Option<TextSpan>, code: Option<TextSpan>) -> KeyId {
        let shape = self.known.shapes[shape].shape;
        let text = |span: Option<TextSpan>| span.map(|s| self.batch.str(s)).unwrap_or_default();
        let dataset = if dataset.is_some() { text(dataset) } else { &shape.dataset_text };
        let code = text(code);
        let mut joined = std::mem::take(&mut self.known.key_text);
        joined.clear();
        let (dataset, code) = (&*shortened(dataset), &*shortened(code));
        for part in [shape.product.as_str(), dataset, code] {
            joined.push_str(part);
            joined.push('\u{1f}');
        }
        let id = match self.known.keys.get(&joined) {
            Some(id) => *id,
            None => {
                let id = self.known.names.intern_key(&TypeKey {
                    product: shape.product.clone(),
                    dataset: dataset.to_owned(),
                    code: code.to_owned(),
                });
                self.known.keys.insert(joined.clone(), id);
                id
            }
        };
        self.known.key_text = joined;
        id
    }

    /// What a member means in a shape.
    fn action(&mut self, shape: usize, path: PathId) -> MemberUse {
        let at = path.0 as usize;
        if let Some(Some(action)) = self.known.shapes[shape].actions.get(at) {
            return *action;
        }
        let action = self.decide(shape, path);
        let state = &mut self.known.shapes[shape];
        if let Some(part) = state.shape.identity.iter().position(|member| member == self.known.paths.text(path)) {
            state.identity[part] = Some(path);
        }
        let actions = &mut self.known.shapes[shape].actions;
        if actions.len() <= at {
            actions.resize(self.known.paths.len(), None);
        }
        actions[at] = Some(action);
        action
    }

    fn decide(&self, shape: usize, path: PathId) -> MemberUse {
        let (text, state) = (self.known.paths.text(path), &self.known.shapes[shape]);
        let shape = state.shape;
        let name = self.known.names.intern(&field_name(text, state));
        let roles = [
            (Role::Time, &shape.time),
            (Role::Dataset, &shape.dataset),
            (Role::Code, &shape.code),
            (Role::Host, &shape.host),
            (Role::Record, &shape.record),
            (Role::Message, &shape.message),
        ];
        for (role, candidates) in roles {
            if let Some(rank) = candidates.iter().position(|c| c == text) {
                let name = (!shape.drop.contains(text)).then_some(name);
                return MemberUse::Role(role, u8::try_from(rank).expect("few candidates"), name);
            }
        }
        // Namespaces of XML are not data, however the converter writes them.
        if shape.drop.contains(text) || text.contains("#attributes.xmlns") || text.contains(".@xmlns") {
            MemberUse::Drop
        } else {
            shape.codes.get(text).map_or(MemberUse::Field(name), |coded| MemberUse::Coded(name, *coded))
        }
    }
}

/// Puts a text behind the others of a batch.
pub(super) fn push(texts: &mut String, text: &str) -> TextSpan {
    let start = offset(texts.len());
    texts.push_str(text);
    TextSpan { start, end: offset(texts.len()) }
}

fn field_name(path: &str, state: &super::ShapeState) -> String {
    let shape = state.shape;
    // Two ways to write attributes in JSON: below the element, and beside it.
    let named = shape.names.get(path).or_else(|| shape.names.get(&path.replacen("_attributes.", ".#attributes.", 1)));
    if let Some(name) = named {
        return name.clone();
    }
    let mut rest = path;
    if let Some(prefix) = shape.strip.iter().find(|p| path.starts_with(p.as_str())) {
        rest = &path[prefix.len()..];
        if shape.lower {
            let mut letters = rest.chars();
            return letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        }
    }
    rest = rest.strip_suffix(".#text").unwrap_or(rest);
    if let Some(prefix) = shape.last.iter().find(|p| path.starts_with(p.as_str())) {
        rest = rest[prefix.len()..].rsplit('.').next().unwrap_or(rest);
    }
    let name = rest.replace(".#attributes.", "_");
    if state.windows { name.chars().filter(|c| *c != ' ').collect() } else { name }
}

fn is_guid(b: &[u8]) -> bool {
    b.iter().enumerate().all(|(i, c)| if matches!(i, 8 | 13 | 18 | 23) { *c == b'-' } else { c.is_ascii_hexdigit() })
}

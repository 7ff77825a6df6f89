//! Rows of one event type as lines of text: how an engine that reads a lake gives them to another program.
//!
//! A line is `ID`, a tab and the row as a JSON object, or the object alone, whose member `_id` is the id. Engines write such objects
//! (`to_json`) exactly, tabs and line breaks included; what they do not write are columns that are null. Every row is held against the
//! catalog: what would be lost is an error.

use std::io::{self, BufRead, Read};

use rustc_hash::FxHashMap;

use super::catalog::{LakeView, event_type};
use super::columns::{HEAD, OTHER, PARTITION, WINDOWS, WINDOWS_HEAD, head};
use super::json::{RowCursor, RowText, RowValue};
use crate::catalog::{EventType, TypeId};
use crate::event::{LooseEvent, LooseField};

/// A longer line is not read: an event with all its texts is a thousand times smaller.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// How Spark and Hive write that there is nothing.
const NO_ID: &str = "\\N";

/// Lines that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The input fails.
    #[error("cannot read line {line}: {source}")]
    Read {
        /// 1-based.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line does not say of which event type it is.
    #[error("line {line} says no event type: {reason}")]
    View {
        /// 1-based.
        line: u64,
        /// Why.
        reason: String,
    },
    /// A line is not a row of the event type.
    #[error("line {line} is not a row of the view `{view}`: {reason}")]
    Row {
        /// 1-based.
        line: u64,
        /// The event type.
        view: String,
        /// Why.
        reason: String,
    },
}

/// What rows of one event type look like.
#[derive(Debug)]
pub struct LineShape {
    view: LakeView,
    /// Columns that only other types of the same parts have.
    of_others: Vec<String>,
}

impl LineShape {
    /// The rows of a view among those of a catalog.
    pub fn of(views: &[LakeView], name: &str) -> Option<Self> {
        let view = views.iter().find(|view| view.view == name)?.clone();
        let beside = || views.iter().filter(|other| other.folder == view.folder);
        let columns = beside().flat_map(|other| other.columns.iter().filter_map(|column| column.column.clone()));
        let heads: &[&str] = if beside().any(|other| other.product == WINDOWS) { &WINDOWS_HEAD } else { &[] };
        let of_others = columns.chain(heads.iter().map(|name| (*name).to_owned())).collect();
        Some(Self { view, of_others })
    }

    /// The event type, as a store's catalog has it.
    pub fn event_type(&self) -> EventType {
        event_type(TypeId(1), &self.view)
    }
}

/// What a member of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineTarget {
    /// It says again what others do.
    Ignored,
    Id,
    Time,
    TimeUs,
    Record,
    Host,
    Message,
    View,
    Partition,
    Other,
    Field(LineField),
    /// A column of another type.
    Foreign,
}

/// A field of the event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LineField {
    place: usize,
    /// Whether it is an array or a text; either, where no column says it.
    list: Option<bool>,
    is_asked: bool,
}

/// Reads lines as they are.
#[derive(Debug)]
pub struct RawLines<R> {
    input: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> RawLines<R> {
    /// Reads an input.
    pub fn new(input: R) -> Self {
        Self { input, number: 0, line: Vec::new() }
    }

    /// The next line, and its number; none at the end. Of one that is too long only as much as tells that it is.
    ///
    /// # Errors
    /// When the input fails.
    pub fn read(&mut self) -> Result<Option<(u64, &[u8])>, LineError> {
        self.number += 1;
        self.line.clear();
        let length = self.input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut self.line);
        let length = length.map_err(|source| LineError::Read { line: self.number, source })?;
        Ok((length > 0).then_some((self.number, self.line.as_slice())))
    }
}

/// The event type that a line says in its member `_view`.
///
/// # Errors
/// When it is not JSON or says none.
pub fn view_of(number: u64, line: &[u8]) -> Result<String, LineError> {
    let of_line = || -> Result<String, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
        let mut cursor = RowCursor::object(object_of(text).1)?;
        let (mut is_first, mut own) = (true, String::new());
        while let Some(name) = cursor.next_name(is_first)? {
            is_first = false;
            let value = cursor.value()?;
            if name.plain() == Some(HEAD[head::VIEW].0) {
                text_of(name, value)?.write_to(&mut own)?;
                return Ok(own);
            }
            skip(&mut cursor, value)?;
        }
        Err(format!("it has no `{}`", HEAD[head::VIEW].0))
    };
    of_line().map_err(|reason| LineError::View { line: number, reason })
}

/// The id of a line, where it stands before a tab, and its object.
fn object_of(text: &str) -> (Option<&str>, &str) {
    match text.split_once('\t').filter(|_| !text.starts_with('{')) {
        Some((id, object)) => (Some(id), object),
        None => (None, text),
    }
}

/// The object of a line that was read, without the end of the line.
pub fn row_text(line: &[u8]) -> &str {
    object_of(std::str::from_utf8(line).unwrap_or_default()).1.trim_end_matches(['\n', '\r'])
}

/// Reads lines.
pub struct RowLines<R> {
    input: R,
    view: LakeView,
    /// Name → what it is and the place of that in `seen`.
    targets: FxHashMap<Box<str>, (LineTarget, usize)>,
    /// Fields that have no column.
    others: FxHashMap<Box<str>, (LineField, usize)>,
    /// Target → the last line that had it.
    seen: Vec<u64>,
    number: u64,
    line: Vec<u8>,
    id: String,
    scratch: String,
}

impl<R: BufRead> RowLines<R> {
    /// Reads rows from an input. Values of fields that are not asked for are looked at and left out.
    pub fn new(input: R, shape: &LineShape, asks: &dyn Fn(LooseField) -> bool) -> Self {
        let mut targets: FxHashMap<Box<str>, LineTarget> = FxHashMap::default();
        targets.extend(shape.of_others.iter().map(|name| (name.as_str().into(), LineTarget::Foreign)));
        if shape.view.product == WINDOWS {
            targets.extend(WINDOWS_HEAD.map(|name| (name.into(), LineTarget::Ignored)));
        }
        targets.extend(HEAD.iter().enumerate().map(|(place, (name, _))| ((*name).into(), head_target(place))));
        targets.extend([(PARTITION.into(), LineTarget::Partition), (OTHER.into(), LineTarget::Other)]);
        if !shape.view.has_messages {
            targets.insert(HEAD[head::MESSAGE].0.into(), LineTarget::Foreign);
        }
        let mut others = FxHashMap::default();
        for (place, column) in shape.view.columns.iter().enumerate() {
            let list = column.column.as_ref().map(|_| column.list);
            let field = LineField { place, list, is_asked: asks(LooseField::Column(place)) };
            match &column.column {
                Some(name) => _ = targets.insert(name.as_str().into(), LineTarget::Field(field)),
                None => _ = others.insert(column.field.as_str().into(), (field, 0)),
            }
        }
        let count = targets.len();
        let targets = targets.into_iter().zip(0..).map(|((name, target), place)| (name, (target, place))).collect();
        others.values_mut().zip(count..).for_each(|((_, seen), place)| *seen = place);
        Self {
            input,
            view: shape.view.clone(),
            targets,
            seen: vec![0; count + others.len()],
            others,
            number: 0,
            line: Vec::new(),
            id: String::new(),
            scratch: String::new(),
        }
    }

    /// Reads a row that somebody else read as a line. Returns its id.
    ///
    /// # Errors
    /// When the line is not a row of the type.
    pub fn line(&mut self, number: u64, line: &[u8], event: &mut LooseEvent) -> Result<&str, LineError> {
        self.number = number;
        match self.row(line, event) {
            Ok(()) => Ok(&self.id),
            Err(reason) => Err(LineError::Row { line: number, view: self.view.view.clone(), reason }),
        }
    }

    /// Reads the next row. Returns its id; none at the end.
    ///
    /// # Errors
    /// When the input fails or the line is not a row of the type.
    pub fn read(&mut self, event: &mut LooseEvent) -> Result<Option<&str>, LineError> {
        self.number += 1;
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let length = self.input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        let length = length.map_err(|source| LineError::Read { line: self.number, source })?;
        if length == 0 {
            return Ok(None);
        }
        let done = self.row(&line, event);
        self.line = line;
        match done {
            Ok(()) => Ok(Some(&self.id)),
            Err(reason) => Err(LineError::Row { line: self.number, view: self.view.view.clone(), reason }),
        }
    }

    /// The line that was read last, 1-based.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn row(&mut self, line: &[u8], event: &mut LooseEvent) -> Result<(), String> {
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(format!("it has more than {MAX_LINE_BYTES} bytes"));
        }
        let text = std::str::from_utf8(line).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
        event.begin(self.view.columns.len());
        self.id.clear();
        let (mut has_id, mut time) = (false, (false, false));
        let (own, object) = object_of(text);
        if let Some(id) = own {
            self.id.push_str(id);
            has_id = !id.is_empty() && id != NO_ID;
        }
        let is_beside = has_id;
        let mut cursor = RowCursor::object(object)?;
        let mut is_first = true;
        while let Some(name) = cursor.next_name(is_first)? {
            is_first = false;
            let (target, seen) = self.target(name)?;
            let value = cursor.value()?;
            if matches!(value, RowValue::Null) {
                continue;
            }
            self.once(seen, || shown(name))?;
            match target {
                LineTarget::Id if is_beside => skip(&mut cursor, value)?,
                LineTarget::Id => has_id = self.own_id(name, value)?,
                LineTarget::TimeUs => (event.time_us, time.1) = (Some(number(name, value)?), true),
                LineTarget::Time => time.0 = true,
                LineTarget::Record => event.record = Some(number(name, value)?),
                LineTarget::Host => event.put_text(LooseField::Host, |out| text_of(name, value)?.write_to(out))?,
                LineTarget::Message => event.put_text(LooseField::Message, |out| text_of(name, value)?.write_to(out))?,
                LineTarget::View => self.is_own(text_of(name, value)?, |view| view.view.as_str())?,
                LineTarget::Partition => self.is_own(text_of(name, value)?, |view| view.folder.trim_start_matches("type="))?,
                LineTarget::Other => self.other(text_of(name, value)?, event)?,
                LineTarget::Field(field) => put(&mut cursor, field, (name, value), event)?,
                LineTarget::Foreign => {
                    return Err(format!("it has a value in the column `{}`, which events of this view do not have", shown(name)));
                }
                LineTarget::Ignored => skip(&mut cursor, value)?,
            }
        }
        match (has_id, time) {
            (false, _) => Err(format!("it has no id: neither before a tab nor in `{}`", HEAD[head::ID].0)),
            // A rule that asks for the time would find it missing.
            (_, (true, false)) => Err(format!("it has `{}` and no `{}`", HEAD[head::TIME].0, HEAD[head::TIME_US].0)),
            _ => Ok(()),
        }
    }

    fn target(&mut self, name: RowText<'_>) -> Result<(LineTarget, usize), String> {
        let found = match name.plain() {
            Some(name) => self.targets.get(name),
            None => {
                self.scratch.clear();
                name.write_to(&mut self.scratch)?;
                self.targets.get(self.scratch.as_str())
            }
        };
        found.copied().ok_or_else(|| format!("it has the column `{}`, which the catalog does not know", shown(name)))
    }

    /// Notes that the line has something; it may not have it again.
    fn once(&mut self, seen: usize, name: impl FnOnce() -> String) -> Result<(), String> {
        match std::mem::replace(&mut self.seen[seen], self.number) == self.number {
            true => Err(format!("it has the column `{}` twice", name())),
            false => Ok(()),
        }
    }

    fn own_id(&mut self, name: RowText<'_>, value: RowValue<'_>) -> Result<bool, String> {
        self.id.clear();
        match value {
            RowValue::Number(number) => self.id.push_str(number),
            value => text_of(name, value)?.write_to(&mut self.id)?,
        }
        // The output has a line for each match, and a tab behind the id.
        if self.id.contains(['\t', '\n', '\r']) {
            return Err(format!("`{}` has a tab or a line break in it", shown(name)));
        }
        Ok(!self.id.is_empty())
    }

    fn is_own(&mut self, text: RowText<'_>, own: fn(&LakeView) -> &str) -> Result<(), String> {
        self.scratch.clear();
        text.write_to(&mut self.scratch)?;
        if self.scratch == own(&self.view) { Ok(()) } else { Err(format!("it is one of `{}`", self.scratch.escape_debug())) }
    }

    /// Reads the fields that have no column.
    fn other(&mut self, text: RowText<'_>, event: &mut LooseEvent) -> Result<(), String> {
        let mut object = std::mem::take(&mut self.scratch);
        object.clear();
        text.write_to(&mut object)?;
        let mut cursor = RowCursor::object(&object).map_err(of_other)?;
        let (mut is_first, mut own) = (true, String::new());
        while let Some(name) = cursor.next_name(is_first).map_err(of_other)? {
            is_first = false;
            own.clear();
            name.write_to(&mut own)?;
            let (field, seen) =
                *self.others.get(own.as_str()).ok_or_else(|| format!("`{OTHER}` has the unknown field `{}`", shown(name)))?;
            let value = cursor.value().map_err(of_other)?;
            self.once(seen, || shown(name))?;
            put(&mut cursor, field, (name, value), event)?;
        }
        self.scratch = object;
        Ok(())
    }
}

fn of_other(fault: String) -> String {
    format!("`{OTHER}` is not a JSON object: {fault}")
}

fn head_target(place: usize) -> LineTarget {
    match place {
        head::ID => LineTarget::Id,
        head::TIME => LineTarget::Time,
        head::TIME_US => LineTarget::TimeUs,
        head::NUMBER => LineTarget::Record,
        head::HOST => LineTarget::Host,
        head::MESSAGE => LineTarget::Message,
        head::VIEW => LineTarget::View,
        _ => LineTarget::Ignored,
    }
}

/// Puts the value of a field into an event.
fn put(
    cursor: &mut RowCursor<'_>,
    field: LineField,
    (name, value): (RowText<'_>, RowValue<'_>),
    event: &mut LooseEvent,
) -> Result<(), String> {
    let LineField { place, list, is_asked } = field;
    match (value, list) {
        (RowValue::Text(text), Some(false) | None) if is_asked => event.put_text(LooseField::Column(place), |out| text.write_to(out)),
        (RowValue::Text(_), Some(false) | None) => Ok(()),
        (RowValue::Array, Some(true) | None) => {
            let mut members = 0;
            while let Some(member) = cursor.next_member(members == 0)? {
                members += 1;
                if is_asked {
                    event.put_member(place, |out| member.write_to(out))?;
                }
            }
            if members == 0 { Err(format!("the list in `{}` is empty", shown(name))) } else { Ok(()) }
        }
        (_, Some(true)) => Err(format!("`{}` is not a list of texts, as the catalog says", shown(name))),
        (_, Some(false)) => Err(format!("`{}` is not a text, as the catalog says", shown(name))),
        (_, None) => Err(format!("`{}` is neither a text nor a list of texts", shown(name))),
    }
}

/// Goes on behind a value.
fn skip(cursor: &mut RowCursor<'_>, value: RowValue<'_>) -> Result<(), String> {
    if let RowValue::Array = value {
        let mut is_first = true;
        while cursor.next_member(is_first)?.is_some() {
            is_first = false;
        }
    }
    Ok(())
}

fn text_of<'t>(name: RowText<'_>, value: RowValue<'t>) -> Result<RowText<'t>, String> {
    match value {
        RowValue::Text(text) => Ok(text),
        _ => Err(format!("`{}` is not a text", shown(name))),
    }
}

fn number(name: RowText<'_>, value: RowValue<'_>) -> Result<i64, String> {
    let number = match value {
        RowValue::Number(number) => number.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| format!("`{}` is not a whole number of 64 bits", shown(name)))
}

/// A name for people.
fn shown(name: RowText<'_>) -> String {
    let mut text = String::new();
    // One that cannot be read is shown as far as it can.
    let _ = name.write_to(&mut text);
    text.escape_debug().to_string()
}

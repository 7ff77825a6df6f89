//! Reads the events of a part, once it is known to be what the catalog says.

use std::fs::File;
use std::path::Path;

use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::LakeError;
use super::catalog::{LakeCatalog, LakePart};
use super::columns::{CellKind, HEAD, OTHER, PartColumn, WINDOWS, WINDOWS_HEAD, field, head};
use super::rows::MAX_GROUP_ROWS;
use super::spool::{SpooledEvent, SpooledValue};

/// Rows of a column that are read at a time.
const ROWS_READ: usize = 8_192;

/// What is wrong with a part.
type PartFault = String;

/// Takes an event of a part.
pub(super) type TakeEvent<'t> = dyn FnMut(&SpooledEvent<'_>) -> Result<(), LakeError> + 't;

/// Calls `take` for every event of a part.
pub(super) fn each_event(path: &Path, part: &LakePart, catalog: &LakeCatalog, take: &mut TakeEvent<'_>) -> Result<(), LakeError> {
    let wrong = |reason: PartFault| LakeError::part(path, reason);
    let file = File::open(path).map_err(|error| LakeError::file(path, "read", error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| wrong(unreadable(&error)))?;
    let rows = reader.metadata().file_metadata().num_rows();
    if u64::try_from(rows) != Ok(part.rows) {
        return Err(wrong(format!("it has {rows} events, and the catalog says {}", part.rows)));
    }
    let mut targets = PartTargets::new(&reader, part, catalog).map_err(wrong)?;
    let mut read = 0;
    for number in 0..reader.num_row_groups() {
        let group = reader.get_row_group(number).map_err(|error| wrong(unreadable(&error)))?;
        let group = GroupCells::read(group.as_ref(), &targets.columns).map_err(wrong)?;
        read += group.rows as u64;
        group.each(&mut targets, catalog, &mut |event| match event {
            Ok(event) => take(event),
            Err(fault) => Err(wrong(fault)),
        })?;
    }
    if read == part.rows { Ok(()) } else { Err(wrong(format!("its row groups have {read} events, and the catalog says {}", part.rows))) }
}

fn unreadable(error: &ParquetError) -> PartFault {
    format!("it cannot be read: {error}")
}

/// Where a cell of a column belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellTarget {
    /// To the type's column of this place.
    Field(usize),
    /// To what is said of all events of the type.
    Head,
    /// Nowhere: the type has no such column.
    None,
}

/// The columns of a part, and what they are for the types in it.
struct PartTargets<'c> {
    columns: Vec<PartColumn>,
    /// Views by their name: those of the part's folder.
    views: FxHashMap<&'c str, usize>,
    /// By view: for each column of the part, and the fields in [`OTHER`].
    known: FxHashMap<usize, ViewTargets<'c>>,
}

/// What the columns of a part are for one type.
struct ViewTargets<'c> {
    columns: Vec<CellTarget>,
    others: FxHashMap<&'c str, usize>,
}

impl<'c> PartTargets<'c> {
    /// Holds the columns of a part against the catalog.
    fn new(reader: &SerializedFileReader<File>, part: &LakePart, catalog: &'c LakeCatalog) -> Result<Self, PartFault> {
        let in_folder = || catalog.views.iter().enumerate().filter(|(_, view)| view.folder == part.folder());
        let text = CellKind::Text;
        let mut expected: FxHashMap<&str, CellKind> = HEAD.into_iter().chain([(OTHER, text)]).collect();
        if in_folder().any(|(_, view)| view.product == WINDOWS) {
            expected.extend(WINDOWS_HEAD.map(|name| (name, text)));
        }
        for column in in_folder().flat_map(|(_, view)| &view.columns) {
            if let Some(name) = &column.column {
                expected.insert(name, if column.list { CellKind::List } else { text });
            }
        }
        let schema = reader.metadata().file_metadata().schema();
        let mut columns = Vec::new();
        for found in schema.get_fields() {
            let name = found.name();
            let kind = *expected.get(name).ok_or_else(|| format!("it has the column `{name}`, which the catalog does not know"))?;
            let column = PartColumn { name: name.to_owned(), kind };
            if field(&column).ok().as_ref() != Some(found.as_ref()) {
                return Err(format!("its column `{name}` is not of the kind that the catalog says"));
            }
            columns.push(column);
        }
        // Each by its place: that is how they are read.
        for (place, (name, _)) in HEAD.iter().enumerate() {
            if columns.get(place).is_none_or(|column| column.name != *name) {
                return Err(format!("it lacks the column `{name}` in place {}", place + 1));
            }
        }
        if columns.last().is_none_or(|column| column.name != OTHER) {
            return Err(format!("it lacks the column `{OTHER}` at its end"));
        }
        let views = in_folder().map(|(place, view)| (view.view.as_str(), place)).collect();
        Ok(Self { columns, views, known: FxHashMap::default() })
    }

    /// The place of a view in the catalog, and what the columns are for it.
    fn of_view(&mut self, name: &str, catalog: &'c LakeCatalog) -> Result<(usize, &ViewTargets<'c>), PartFault> {
        let place = *self.views.get(name).ok_or_else(|| format!("an event is of the view `{name}`, which is not in this folder"))?;
        if !self.known.contains_key(&place) {
            let targets = self.targets(place, catalog)?;
            self.known.insert(place, targets);
        }
        Ok((place, &self.known[&place]))
    }

    fn targets(&self, place: usize, catalog: &'c LakeCatalog) -> Result<ViewTargets<'c>, PartFault> {
        let view = &catalog.views[place];
        let is_head = |name: &str| view.product == WINDOWS && WINDOWS_HEAD.contains(&name);
        let mut columns: Vec<CellTarget> =
            self.columns.iter().map(|column| if is_head(&column.name) { CellTarget::Head } else { CellTarget::None }).collect();
        columns[..HEAD.len()].fill(CellTarget::Head);
        let places: FxHashMap<&str, usize> = self.columns.iter().zip(0..).map(|(column, place)| (column.name.as_str(), place)).collect();
        let mut others = FxHashMap::default();
        for (field, column) in view.columns.iter().enumerate() {
            match &column.column {
                None => drop(others.insert(column.field.as_str(), field)),
                Some(name) => {
                    let place =
                        *places.get(name.as_str()).ok_or_else(|| format!("it lacks the column `{name}` of the view `{}`", view.view))?;
                    if columns[place] != CellTarget::None {
                        return Err(format!("two fields of the view `{}` are in the column `{name}`", view.view));
                    }
                    columns[place] = CellTarget::Field(field);
                }
            }
        }
        Ok(ViewTargets { columns, others })
    }
}

/// What a cell holds.
enum CellValue {
    Text(ByteArray),
    List(Vec<ByteArray>),
}

/// A row group in memory.
struct GroupCells {
    rows: usize,
    numbers: FxHashMap<usize, Vec<Option<i64>>>,
    recovered: Vec<Option<bool>>,
    /// Texts and lists by row and column.
    cells: Vec<(u32, u32, CellValue)>,
}

/// The texts of heads that are read; all others say again what the catalog does.
const TEXTS_READ: [usize; 3] = [head::HOST, head::VIEW, head::MESSAGE];
/// The numbers of heads that are read.
const NUMBERS_READ: [usize; 6] = [head::ID, head::TIME_US, head::SOURCE_ID, head::POSITION, head::NUMBER, head::IDENTITY];

impl GroupCells {
    fn read(group: &dyn RowGroupReader, columns: &[PartColumn]) -> Result<Self, PartFault> {
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX);
        if rows > MAX_GROUP_ROWS {
            return Err(format!("a row group has {rows} events, and at most {MAX_GROUP_ROWS} are written"));
        }
        let mut cells = Self { rows, numbers: FxHashMap::default(), recovered: Vec::new(), cells: Vec::new() };
        for (place, column) in columns.iter().enumerate() {
            let is_read = place >= HEAD.len() || TEXTS_READ.contains(&place) || NUMBERS_READ.contains(&place);
            if is_read || [head::RECOVERED, head::ALSO].contains(&place) {
                cells.column(group, place).map_err(|fault| format!("its column `{}` cannot be read: {fault}", column.name))?;
            }
        }
        cells.cells.sort_by_key(|(row, column, _)| (*row, *column));
        Ok(cells)
    }

    fn column(&mut self, group: &dyn RowGroupReader, place: usize) -> Result<(), PartFault> {
        let (rows, column) = (self.rows, u32::try_from(place).map_err(|_| "too many columns")?);
        let mut read = 0;
        match group.get_column_reader(place).map_err(|error| error.to_string())? {
            ColumnReader::Int64ColumnReader(mut reader) => {
                let mut numbers = Vec::with_capacity(rows);
                while read < rows {
                    let (mut levels, mut values) = (Vec::new(), Vec::new());
                    let (records, ..) = reader.read_records(ROWS_READ, Some(&mut levels), None, &mut values).map_err(|e| e.to_string())?;
                    read = more(read, records, rows)?;
                    let mut values = values.into_iter();
                    numbers.extend(levels.iter().map(|level| if *level > 0 { values.next() } else { None }));
                }
                self.numbers.insert(place, numbers);
            }
            ColumnReader::BoolColumnReader(mut reader) => {
                while read < rows {
                    let (mut levels, mut values) = (Vec::new(), Vec::new());
                    let (records, ..) = reader.read_records(ROWS_READ, Some(&mut levels), None, &mut values).map_err(|e| e.to_string())?;
                    read = more(read, records, rows)?;
                    let mut values = values.into_iter();
                    self.recovered.extend(levels.iter().map(|level| if *level > 0 { values.next() } else { None }));
                }
            }
            ColumnReader::ByteArrayColumnReader(mut reader) => {
                let mut row = 0;
                while read < rows {
                    let (mut levels, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
                    let found = reader.read_records(ROWS_READ, Some(&mut levels), Some(&mut repeated), &mut values);
                    let (records, ..) = found.map_err(|error| error.to_string())?;
                    read = more(read, records, rows)?;
                    // Without lists no levels of repetition are given.
                    if repeated.is_empty() {
                        add_texts(&mut self.cells, (&mut row, column), &levels, values);
                    } else {
                        add_lists(&mut self.cells, (&mut row, column), (&levels, &repeated), values);
                    }
                }
            }
            _ => return Err("it is of another kind".to_owned()),
        }
        Ok(())
    }

    /// Visits the events of the group.
    fn each<'c>(
        &self,
        targets: &mut PartTargets<'c>,
        catalog: &'c LakeCatalog,
        visit: &mut dyn FnMut(Result<&SpooledEvent<'_>, PartFault>) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let mut rest = self.cells.as_slice();
        for row in 0..self.rows {
            let count = rest.partition_point(|(of, ..)| *of as usize <= row);
            let (cells, behind) = rest.split_at(count);
            rest = behind;
            let other = match other_fields(cells, &targets.columns) {
                Ok(other) => other,
                Err(fault) => return visit(Err(fault)),
            };
            match self.event(row, cells, other.as_ref(), targets, catalog) {
                Ok(event) => visit(Ok(&event))?,
                Err(fault) => return visit(Err(fault)),
            }
        }
        Ok(())
    }

    fn event<'e, 'c>(
        &self,
        row: usize,
        cells: &'e [(u32, u32, CellValue)],
        other: Option<&'e Map<String, Value>>,
        targets: &mut PartTargets<'c>,
        catalog: &'c LakeCatalog,
    ) -> Result<SpooledEvent<'e>, PartFault> {
        let number = |column: usize| self.numbers.get(&column).and_then(|numbers| *numbers.get(row)?);
        let needed = |column: usize| number(column).ok_or_else(|| format!("an event has no `{}`", HEAD[column].0));
        let text = |column: usize| match cells.iter().find(|(_, of, _)| *of as usize == column) {
            Some((.., CellValue::Text(text))) => utf8(text).map(Some),
            _ => Ok(None),
        };
        let name = text(head::VIEW)?.ok_or("an event has no `_view`")?;
        let (view, of_view) = targets.of_view(name, catalog)?;
        let mut also = Vec::new();
        let mut fields = Vec::new();
        for (_, column, value) in cells {
            let column = *column as usize;
            match (of_view.columns.get(column), value) {
                (Some(CellTarget::Field(field)), value) => fields.push((*field, value_of(value)?)),
                (Some(CellTarget::Head), CellValue::List(members)) if column == head::ALSO => {
                    for member in members {
                        also.push(place(utf8(member)?)?);
                    }
                }
                (Some(CellTarget::Head), _) => {}
                // What is in here was read before.
                _ if column + 1 == of_view.columns.len() => {}
                _ => return Err(format!("an event of the view `{name}` has a value in a column that the view has not")),
            }
        }
        for (field, value) in other.into_iter().flatten() {
            let field =
                of_view.others.get(field.as_str()).ok_or_else(|| format!("the view `{name}` has no field `{field}` in `{OTHER}`"))?;
            fields.push((*field, json_value(value)?));
        }
        fields.sort_by_key(|(field, _)| *field);
        Ok(SpooledEvent {
            id: needed(head::ID)?,
            view,
            time_us: number(head::TIME_US),
            host: text(head::HOST)?,
            source: needed(head::SOURCE_ID)?,
            record: number(head::NUMBER),
            position: needed(head::POSITION)?.unsigned_abs(),
            recovered: self.recovered.get(row).copied().flatten().ok_or("an event has no `_recovered`")?,
            identity: number(head::IDENTITY),
            message: text(head::MESSAGE)?,
            also,
            fields,
        })
    }
}

/// Counts rows that were read; none at all would go on for ever.
fn more(read: usize, records: usize, rows: usize) -> Result<usize, PartFault> {
    match read + records {
        _ if records == 0 => Err(format!("it ends after {read} of {rows} rows")),
        more if more > rows => Err(format!("it has more than {rows} rows")),
        more => Ok(more),
    }
}

fn add_texts(cells: &mut Vec<(u32, u32, CellValue)>, (row, column): (&mut u32, u32), levels: &[i16], values: Vec<ByteArray>) {
    let mut values = values.into_iter();
    for level in levels {
        if *level > 0
            && let Some(value) = values.next()
        {
            cells.push((*row, column, CellValue::Text(value)));
        }
        *row += 1;
    }
}

fn add_lists(
    cells: &mut Vec<(u32, u32, CellValue)>,
    (row, column): (&mut u32, u32),
    (levels, repeated): (&[i16], &[i16]),
    values: Vec<ByteArray>,
) {
    let mut values = values.into_iter();
    let mut starts = levels.iter().zip(repeated).peekable();
    while let Some((level, _)) = starts.next() {
        let mut members: Vec<ByteArray> = if *level > 1 { values.next().into_iter().collect() } else { Vec::new() };
        while starts.next_if(|(_, repeated)| **repeated > 0).is_some() {
            members.extend(values.next());
        }
        if *level > 0 {
            cells.push((*row, column, CellValue::List(members)));
        }
        *row += 1;
    }
}

/// The fields of a row that have no column.
fn other_fields(cells: &[(u32, u32, CellValue)], columns: &[PartColumn]) -> Result<Option<Map<String, Value>>, PartFault> {
    let Some((_, column, CellValue::Text(text))) = cells.last() else { return Ok(None) };
    if columns.get(*column as usize).is_none_or(|column| column.name != OTHER) {
        return Ok(None);
    }
    serde_json::from_str(utf8(text)?).map(Some).map_err(|error| format!("`{OTHER}` of an event is not a JSON object: {error}"))
}

fn value_of(value: &CellValue) -> Result<SpooledValue<'_>, PartFault> {
    match value {
        CellValue::Text(text) => utf8(text).map(SpooledValue::Text),
        // A text of a column that has lists too; a list has two members at least.
        CellValue::List(members) => match members.as_slice() {
            [text] => utf8(text).map(SpooledValue::Text),
            members => members.iter().map(utf8).collect::<Result<_, _>>().map(SpooledValue::List),
        },
    }
}

fn json_value(value: &Value) -> Result<SpooledValue<'_>, PartFault> {
    let text = |value| Value::as_str(value).ok_or_else(|| format!("a value in `{OTHER}` is neither a text nor a list of texts"));
    match value {
        Value::Array(members) => members.iter().map(text).collect::<Result<_, _>>().map(SpooledValue::List),
        value => text(value).map(SpooledValue::Text),
    }
}

/// A place where else an event was met: `SOURCE:POSITION`.
fn place(text: &str) -> Result<(i64, u64), PartFault> {
    let read = text.split_once(':').and_then(|(source, position)| Some((source.parse().ok()?, position.parse().ok()?)));
    read.ok_or_else(|| format!("`{}` in `_also` is not the number of a source and a position", text.escape_debug()))
}

fn utf8(value: &ByteArray) -> Result<&str, PartFault> {
    value.as_utf8().map_err(|_| "a text is not UTF-8".to_owned())
}

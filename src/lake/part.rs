//! Writes the parts of one folder: rows as they come, in row groups of bounded size, in files of bounded size.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use sha2::{Digest, Sha256};

use super::LakeError;
use super::catalog::LakePart;
use super::columns::{CellKind, HEAD, OTHER, PartColumn, head, schema};
use super::rows::GroupRows;
use super::spool::{SpooledEvent, SpooledValue};
use crate::event::{format_time, hex};
use crate::store::StoreError;

/// Rows after which the next part begins.
const MAX_PART_ROWS: u64 = 1 << 20;
/// Bytes after which the next part begins.
const MAX_PART_BYTES: u64 = 256 * 1024 * 1024;
/// zstd's own default.
const LEVEL: i32 = 3;

/// What the rows of one event type need.
#[derive(Debug, Clone)]
pub(super) struct RowShape {
    /// The name of the view.
    pub(super) view: String,
    /// Channel and event id, where it is of Windows.
    pub(super) windows: Option<WindowsShape>,
    /// For each column of the type that of the part; none: it goes to [`OTHER`], under its name.
    pub(super) places: Vec<Result<usize, String>>,
}

/// What a type of Windows events answers for all of them.
#[derive(Debug, Clone)]
pub(super) struct WindowsShape {
    pub(super) channel: String,
    pub(super) code: String,
    /// The columns of channel, code, host and record.
    pub(super) heads: [usize; 4],
}

/// The source of an event, as its row names it.
#[derive(Debug, Clone)]
pub(super) struct PartSource {
    pub(super) path: String,
    pub(super) sha256: String,
}

/// The first and the last time of events (µs UTC).
pub(super) type TimeRange = (Option<i64>, Option<i64>);

/// Writes parts; see the module.
pub(super) struct PartsWriter {
    lake: PathBuf,
    folder: String,
    columns: Vec<PartColumn>,
    schema: Arc<Type>,
    properties: Arc<WriterProperties>,
    rows: GroupRows,
    range: TimeRange,
    open: Option<OpenPart>,
    number: usize,
    parts: Vec<LakePart>,
}

struct OpenPart {
    path: PathBuf,
    name: String,
    writer: SerializedFileWriter<HashedFile>,
    rows: u64,
    range: TimeRange,
}

impl PartsWriter {
    /// Writes parts into a folder of the lake, from a number on. `columns` are those behind [`HEAD`].
    pub(super) fn new(lake: &Path, folder: &str, columns: Vec<PartColumn>, number: usize) -> Result<Self, LakeError> {
        let failed = |source| LakeError::Parquet { path: lake.join(folder), source };
        let heads = HEAD.iter().map(|(name, kind)| PartColumn { name: (*name).to_owned(), kind: *kind });
        let other = PartColumn { name: OTHER.to_owned(), kind: CellKind::Text };
        let columns: Vec<PartColumn> = heads.chain(columns).chain([other]).collect();
        let by_time = SortingColumn { column_idx: i32::try_from(head::TIME_US).unwrap_or(0), descending: false, nulls_first: true };
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL).map_err(failed)?))
            .set_created_by(concat!("retrohunt version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_sorting_columns(Some(vec![by_time]))
            .build();
        Ok(Self {
            lake: lake.to_owned(),
            folder: folder.to_owned(),
            schema: schema(&columns).map_err(failed)?,
            rows: GroupRows::new(&columns),
            columns,
            properties: Arc::new(properties),
            range: (None, None),
            open: None,
            number,
            parts: Vec::new(),
        })
    }

    /// Adds an event.
    pub(super) fn add(&mut self, event: &SpooledEvent<'_>, shape: &RowShape, source: &PartSource) -> Result<(), LakeError> {
        self.rows.begin_row();
        self.range = joined(self.range, (event.time_us, event.time_us));
        put_head(&mut self.rows, event, shape, source);
        let mut other = serde_json::Map::new();
        for (column, value) in &event.fields {
            match (shape.places.get(*column), value) {
                (Some(Ok(place)), SpooledValue::Text(text)) => self.rows.put_text(*place, text),
                (Some(Ok(place)), SpooledValue::List(members)) if self.columns[*place].kind == CellKind::List => {
                    self.rows.put_list(*place, members);
                }
                (Some(Ok(_)), SpooledValue::List(_)) => {
                    let what = format!("event {} has a list in a column that has none", event.id);
                    return Err(StoreError::Damaged(what).into());
                }
                (Some(Err(field)), value) => drop(other.insert(field.clone(), json(value))),
                (None, _) => {}
            }
        }
        if !other.is_empty() {
            self.rows.put_text(self.columns.len() - 1, &serde_json::Value::Object(other).to_string());
        }
        if self.rows.is_full() { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left; returns the parts.
    pub(super) fn finish(mut self) -> Result<Vec<LakePart>, LakeError> {
        if self.rows.len() > 0 {
            self.write_group()?;
        }
        self.close()?;
        Ok(self.parts)
    }

    fn write_group(&mut self) -> Result<(), LakeError> {
        let rows = std::mem::replace(&mut self.rows, GroupRows::new(&self.columns));
        let range = std::mem::take(&mut self.range);
        let count = rows.len() as u64;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let failed = |source| LakeError::Parquet { path: open.path.clone(), source };
        open.writer.next_row_group().and_then(|group| rows.write(group)).map_err(failed)?;
        open.rows += count;
        open.range = joined(open.range, range);
        let is_full = open.rows >= MAX_PART_ROWS || open.writer.bytes_written() as u64 >= MAX_PART_BYTES;
        self.open = Some(open);
        if is_full { self.close() } else { Ok(()) }
    }

    fn begin(&mut self) -> Result<OpenPart, LakeError> {
        let name = format!("{}/part-{:05}.parquet", self.folder, self.number);
        self.number += 1;
        let path = self.lake.join(&name);
        let file = File::create_new(&path).map_err(|error| LakeError::file(&path, "write", error))?;
        let writer = SerializedFileWriter::new(HashedFile::new(file), self.schema.clone(), self.properties.clone());
        let writer = writer.map_err(|source| LakeError::Parquet { path: path.clone(), source })?;
        Ok(OpenPart { path, name, writer, rows: 0, range: (None, None) })
    }

    fn close(&mut self) -> Result<(), LakeError> {
        let Some(OpenPart { path, name, writer, rows, range }) = self.open.take() else { return Ok(()) };
        let failed = |source: ParquetError| LakeError::Parquet { path: path.clone(), source };
        let (sha256, bytes) = writer.into_inner().map_err(failed)?.finish().map_err(|error| LakeError::file(&path, "write", error))?;
        let time = |us: Option<i64>| us.map(format_time);
        self.parts.push(LakePart { path: name, rows, bytes, sha256, first_time: time(range.0), last_time: time(range.1) });
        Ok(())
    }
}

/// The columns that every row has.
fn put_head(rows: &mut GroupRows, event: &SpooledEvent<'_>, shape: &RowShape, source: &PartSource) {
    let position = event.position.cast_signed();
    let numbers = [
        (head::ID, Some(event.id)),
        (head::TIME_US, event.time_us),
        (head::RECORD, Some(event.record.unwrap_or(position))),
        (head::SOURCE_ID, Some(event.source)),
        (head::POSITION, Some(position)),
        (head::NUMBER, event.record),
        (head::IDENTITY, event.identity),
    ];
    for (column, number) in numbers.into_iter().filter_map(|(column, number)| Some((column, number?))) {
        rows.put_number(column, number);
    }
    rows.put_flag(head::RECOVERED, event.recovered);
    let time = event.time_us.map(format_time);
    let texts = [
        (head::TIME, time.as_deref()),
        (head::HOST, event.host),
        (head::SOURCE, Some(source.path.as_str())),
        (head::SHA256, Some(source.sha256.as_str())),
        (head::VIEW, Some(shape.view.as_str())),
        (head::MESSAGE, event.message),
    ];
    for (column, text) in texts.into_iter().filter_map(|(column, text)| Some((column, text?))) {
        rows.put_text(column, text);
    }
    if !event.also.is_empty() {
        let also: Vec<String> = event.also.iter().map(|(source, position)| format!("{source}:{position}")).collect();
        rows.put_list(head::ALSO, &also.iter().map(String::as_str).collect::<Vec<_>>());
    }
    if let Some(WindowsShape { channel, code, heads: [of_channel, of_code, of_host, of_record] }) = &shape.windows {
        rows.put_text(*of_channel, channel);
        rows.put_text(*of_code, code);
        if let Some(host) = event.host {
            rows.put_text(*of_host, host);
        }
        if let Some(record) = event.record {
            rows.put_text(*of_record, &record.to_string());
        }
    }
}

fn json(value: &SpooledValue<'_>) -> serde_json::Value {
    match value {
        SpooledValue::Text(text) => (*text).into(),
        SpooledValue::List(members) => members.iter().copied().map(serde_json::Value::from).collect(),
    }
}

/// Both ranges of time.
pub(super) fn joined(a: TimeRange, b: TimeRange) -> TimeRange {
    let first = match (a.0, b.0) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    (first, a.1.max(b.1))
}

/// A file that knows the hash of what was written.
struct HashedFile {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl HashedFile {
    fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), hash: Sha256::new(), bytes: 0 }
    }

    /// Has the system keep the file; returns its hash and its length.
    fn finish(self) -> io::Result<(String, u64)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok((hex(&self.hash.finalize()), self.bytes))
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

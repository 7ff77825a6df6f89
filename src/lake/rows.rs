//! The rows of one row group, column by column.

use bytes::Bytes;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};

use super::columns::{CellKind, PartColumn};

/// Rows of a row group: engines give one to each of their threads.
pub(super) const MAX_GROUP_ROWS: usize = 65_536;
/// Bytes of text after which a row group is full: it is in memory until it is written.
const MAX_GROUP_BYTES: usize = 32 * 1024 * 1024;
/// Cells after which a row group is full. A cell takes some 16 bytes here, and some 50 where it is read.
const MAX_GROUP_CELLS: usize = 1 << 20;

/// Bytes of the group's text: start and end.
type Span = (u32, u32);

/// A row group in the making.
pub(super) struct GroupRows {
    rows: usize,
    cells: usize,
    text: Vec<u8>,
    columns: Vec<ColumnRows>,
}

/// The cells of a column that are not null, each with its row.
enum ColumnRows {
    Numbers(Vec<(u32, i64)>),
    Flags(Vec<(u32, bool)>),
    Texts(Vec<(u32, Span)>),
    /// Row, and a range of the members.
    Lists(Vec<(u32, Span)>, Vec<Span>),
}

impl GroupRows {
    /// A group without rows.
    pub(super) fn new(columns: &[PartColumn]) -> Self {
        let columns = columns.iter().map(|column| match column.kind {
            CellKind::Number => ColumnRows::Numbers(Vec::new()),
            CellKind::Flag => ColumnRows::Flags(Vec::new()),
            CellKind::Text => ColumnRows::Texts(Vec::new()),
            CellKind::List => ColumnRows::Lists(Vec::new(), Vec::new()),
        });
        Self { rows: 0, cells: 0, text: Vec::new(), columns: columns.collect() }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Whether it is time to write them.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= MAX_GROUP_ROWS || self.text.len() >= MAX_GROUP_BYTES || self.cells >= MAX_GROUP_CELLS
    }

    /// The cells that are put from now on are those of the next row.
    pub(super) fn begin_row(&mut self) {
        self.rows += 1;
    }

    /// Puts a number into the row.
    pub(super) fn put_number(&mut self, column: usize, value: i64) {
        let row = self.row();
        if let ColumnRows::Numbers(cells) = &mut self.columns[column] {
            cells.push((row, value));
        }
    }

    /// Puts a flag into the row.
    pub(super) fn put_flag(&mut self, column: usize, value: bool) {
        let row = self.row();
        if let ColumnRows::Flags(cells) = &mut self.columns[column] {
            cells.push((row, value));
        }
    }

    /// Puts a text into the row; into a column of lists, as a list of one.
    pub(super) fn put_text(&mut self, column: usize, value: &str) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnRows::Texts(cells) => {
                // Most columns say the same for many rows.
                let before = cells.last().map(|(_, span)| *span).filter(|span| self.text[range(*span)] == *value.as_bytes());
                cells.push((row, before.unwrap_or_else(|| add(&mut self.text, value))));
            }
            _ => self.put_list(column, &[value]),
        }
    }

    /// Puts a list into the row, whose column is one of lists.
    pub(super) fn put_list(&mut self, column: usize, value: &[&str]) {
        let row = self.row();
        if let ColumnRows::Lists(cells, members) = &mut self.columns[column] {
            let start = place(members.len());
            members.extend(value.iter().map(|member| add(&mut self.text, member)));
            cells.push((row, (start, place(members.len()))));
        }
    }

    fn row(&mut self) -> u32 {
        self.cells += 1;
        place(self.rows - 1)
    }

    /// Writes the rows as a row group.
    pub(super) fn write<W: std::io::Write + Send>(self, mut group: SerializedRowGroupWriter<'_, W>) -> Result<(), ParquetError> {
        let text = Bytes::from(self.text);
        for column in &self.columns {
            let Some(writer) = group.next_column()? else {
                return Err(ParquetError::General("the schema has fewer columns than the rows".to_owned()));
            };
            match column {
                ColumnRows::Numbers(cells) => write_flat::<Int64Type, _>(writer, self.rows, cells, |value| *value),
                ColumnRows::Flags(cells) => write_flat::<BoolType, _>(writer, self.rows, cells, |value| *value),
                ColumnRows::Texts(cells) => write_flat::<ByteArrayType, _>(writer, self.rows, cells, |span| slice(&text, *span)),
                ColumnRows::Lists(cells, members) => write_lists(writer, self.rows, cells, members, &text),
            }?;
        }
        group.close().map(drop)
    }
}

fn write_flat<T: DataType, C>(
    mut writer: SerializedColumnWriter<'_>,
    rows: usize,
    cells: &[(u32, C)],
    value: impl Fn(&C) -> T::T,
) -> Result<(), ParquetError> {
    let mut levels = vec![0_i16; rows];
    cells.iter().for_each(|(row, _)| levels[*row as usize] = 1);
    let values: Vec<T::T> = cells.iter().map(|(_, cell)| value(cell)).collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    writer.close()
}

/// Null is level 0, an empty list 1, a member 2; the first of a row repeats nothing.
fn write_lists(
    mut writer: SerializedColumnWriter<'_>,
    rows: usize,
    cells: &[(u32, Span)],
    members: &[Span],
    text: &Bytes,
) -> Result<(), ParquetError> {
    let (mut levels, mut repeated) = (Vec::with_capacity(rows + members.len()), Vec::with_capacity(rows + members.len()));
    let mut cells = cells.iter().peekable();
    for row in 0..place(rows) {
        match cells.next_if(|(of, _)| *of == row) {
            None => levels.push(0),
            Some((_, (start, end))) if start == end => levels.push(1),
            Some((_, (start, end))) => {
                levels.extend((*start..*end).map(|_| 2));
                repeated.push(0);
                repeated.extend((start + 1..*end).map(|_| 1));
                continue;
            }
        }
        repeated.push(0);
    }
    let values: Vec<ByteArray> = members.iter().map(|span| slice(text, *span)).collect();
    writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), Some(&repeated))?;
    writer.close()
}

fn add(text: &mut Vec<u8>, value: &str) -> Span {
    let start = place(text.len());
    text.extend_from_slice(value.as_bytes());
    (start, place(text.len()))
}

fn range((start, end): Span) -> std::ops::Range<usize> {
    start as usize..end as usize
}

fn slice(text: &Bytes, span: Span) -> ByteArray {
    text.slice(range(span)).into()
}

fn place(place: usize) -> u32 {
    u32::try_from(place).expect("a row group is ended long before it has 4 GB")
}

//! What is in a lookup file: CSV with a header line.

use std::collections::HashSet;
use std::sync::Arc;

/// Columns of a table. The widest public one has nine.
const MAX_LOOKUP_COLUMNS: usize = 1_000;
/// Rows of a table: an asset list of a large company has some 100,000.
const MAX_LOOKUP_ROWS: usize = 2_000_000;
/// TableCells of a table. A header of many columns over many short rows would else take memory that the file has not.
const MAX_LOOKUP_CELLS: usize = 10_000_000;

/// How the names of columns begin that Splunk writes beside a column with lists; they say its members once more.
const LIST_COLUMN: &str = "__mv_";

/// The content of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TableCells {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Box<[Arc<str>]>>,
}

/// Why a file is not a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableFault {
    /// From 1 on, where it is known.
    pub(super) line: Option<u64>,
    pub(super) message: String,
}

/// Reads a table. Space around the names of columns goes; a short row lacks its last values, what a row has beyond the
/// header is left out.
pub(super) fn read(text: &str) -> Result<TableCells, TableFault> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let fault = |line: Option<u64>, message: String| TableFault { line, message };
    let mut next = |record: &mut csv::StringRecord| -> Result<Option<u64>, TableFault> {
        match reader.read_record(record) {
            Ok(true) => Ok(Some(record.position().map_or(0, csv::Position::line))),
            Ok(false) => Ok(None),
            Err(error) => Err(fault(error.position().map(csv::Position::line), error.to_string())),
        }
    };
    if next(&mut record)?.is_none() {
        return Err(fault(None, "it has no header line".to_owned()));
    }
    if record.len() > MAX_LOOKUP_COLUMNS {
        return Err(fault(Some(1), format!("it has more than MAX_LOOKUP_COLUMNS = {MAX_LOOKUP_COLUMNS} columns")));
    }
    let mut columns: Vec<String> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    for (place, name) in record.iter().enumerate() {
        let name = name.trim();
        // Of two columns with one name the first is meant, as in a row of events.
        if !name.is_empty() && !name.starts_with(LIST_COLUMN) && !columns.iter().any(|known| known == name) {
            columns.push(name.to_owned());
            places.push(place);
        }
    }
    let most = MAX_LOOKUP_ROWS.min(MAX_LOOKUP_CELLS / columns.len().max(1));
    let mut rows: Vec<Box<[Arc<str>]>> = Vec::new();
    let mut texts = SharedTexts::default();
    while let Some(line) = next(&mut record)? {
        if rows.len() >= most {
            let limits = format!("MAX_LOOKUP_ROWS = {MAX_LOOKUP_ROWS} rows or MAX_LOOKUP_CELLS = {MAX_LOOKUP_CELLS} values");
            return Err(fault(Some(line), format!("it has more than {limits}")));
        }
        rows.push(places.iter().map(|place| texts.shared(record.get(*place).unwrap_or_default())).collect());
    }
    Ok(TableCells { columns, rows })
}

/// SharedTexts that are kept once: the columns of lookups say the same few words in most rows.
#[derive(Default)]
struct SharedTexts(HashSet<Arc<str>>);

impl SharedTexts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &TableCells) -> Vec<String> {
        cells.rows.iter().map(|row| row.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn a_table_is_its_header_and_its_rows() {
        let cells = read("a, b ,a,,__mv_b\r\n1,\"x, \"\"y\"\"\",2,3,4\r\n\r\n5\r\n6, 7,8,9,10,11\n").unwrap();
        assert_eq!(cells.columns, ["a", "b"]);
        assert_eq!(rows(&cells), ["1|x, \"y\"", "5|", "6| 7"]);
        assert_eq!(read("a,b").unwrap().rows.len(), 0);
    }

    #[test]
    fn what_is_no_table_or_too_large_says_where() {
        assert_eq!(read("").unwrap_err(), TableFault { line: None, message: "it has no header line".into() });
        let wide = "a,".repeat(MAX_LOOKUP_COLUMNS + 1);
        assert!(read(&wide).unwrap_err().message.contains("MAX_LOOKUP_COLUMNS"));
        let names: Vec<String> = (0..MAX_LOOKUP_COLUMNS).map(|n| format!("c{n}")).collect();
        let most = MAX_LOOKUP_CELLS / MAX_LOOKUP_COLUMNS;
        let long = format!("{}\n{}", names.join(","), "x\n".repeat(most + 1));
        let fault = read(&long).unwrap_err();
        assert_eq!(fault.line, Some(most as u64 + 2));
        assert!(fault.message.contains("MAX_LOOKUP_CELLS"));
    }
}

//! The rows of a lake as an engine has them, read with a library that knows nothing of the project: by view, as JSON objects.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

/// Rows by their `_view`, each with its `_id`. Columns that are null are members too.
pub(crate) fn rows(lake: &Path) -> BTreeMap<String, Vec<(i64, Map<String, Value>)>> {
    let files = walkdir::WalkDir::new(lake).sort_by_file_name().into_iter().map(|entry| entry.expect("a lake").into_path());
    let mut rows: BTreeMap<String, Vec<(i64, Map<String, Value>)>> = BTreeMap::new();
    for path in files.filter(|path| path.extension().is_some_and(|end| end == "parquet")) {
        let reader = SerializedFileReader::new(File::open(&path).expect("a part")).expect("Parquet");
        for row in reader.get_row_iter(None).expect("rows") {
            let row = row.expect("a row");
            let members: Map<String, Value> = row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
            let (view, id) = (members["_view"].as_str().expect("a view").to_owned(), members["_id"].as_i64().expect("an id"));
            rows.entry(view).or_default().push((id, members));
        }
    }
    rows
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => (*flag).into(),
        Field::Long(number) => (*number).into(),
        Field::Str(text) => text.as_str().into(),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("no column of a lake is {other}"),
    }
}

/// The row without columns that are null, as engines write it.
pub(crate) fn without_nulls(row: &Map<String, Value>) -> Map<String, Value> {
    row.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

//! How the rows of a table are written: each distinct text once, because the columns of lookups say the same few words in most rows.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

type CellRows = [Box<[Arc<str>]>];

/// Writes the texts in the order in which they occur first, then for each row the places of its texts among them.
pub(super) fn serialize<S: Serializer>(rows: &CellRows, serializer: S) -> Result<S::Ok, S::Error> {
    let mut texts: Vec<&str> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut written: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    for row in rows {
        let of = |text| {
            *places.entry(text).or_insert_with(|| {
                texts.push(text);
                texts.len() - 1
            })
        };
        written.push(row.iter().map(AsRef::as_ref).map(of).collect());
    }
    (texts, written).serialize(serializer)
}

/// Reads what [`serialize`] wrote.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Box<[Arc<str>]>>, D::Error> {
    let (texts, places): (Vec<Box<str>>, Vec<Vec<usize>>) = Deserialize::deserialize(deserializer)?;
    let texts: Vec<Arc<str>> = texts.into_iter().map(Arc::from).collect();
    let text = |place: &usize| texts.get(*place).cloned().ok_or_else(|| D::Error::custom("a table has a text that is not there"));
    places.iter().map(|row| row.iter().map(text).collect()).collect()
}

//! Which columns the parts of a folder have.
//!
//! Engines compare names without case, and the parts of one folder are read as one table: within a folder a name is one column of one
//! kind, whichever event type has it.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::Type;
use rustc_hash::{FxHashMap, FxHashSet};

use super::catalog::LakeColumn;
use crate::catalog::EventType;

/// What the cells of a column are; any may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A string.
    Text,
    /// An array of strings.
    List,
}

/// Columns that every part has in front, in this order. No field has such a name: those that begin with `_` are marked in views.
pub(super) const HEAD: [(&str, CellKind); 15] = [
    ("_id", CellKind::Number),
    ("_time", CellKind::Text),
    ("_time_us", CellKind::Number),
    ("_host", CellKind::Text),
    ("_source", CellKind::Text),
    ("_record", CellKind::Number),
    ("_sha256", CellKind::Text),
    ("_view", CellKind::Text),
    ("_source_id", CellKind::Number),
    ("_position", CellKind::Number),
    ("_number", CellKind::Number),
    ("_recovered", CellKind::Flag),
    ("_identity", CellKind::Number),
    ("_also", CellKind::List),
    ("_message", CellKind::Text),
];
/// Columns that parts with Windows events have after those.
pub(super) const WINDOWS_HEAD: [&str; 4] = ["Channel", "EventID", "Computer", "EventRecordID"];
/// The product that has them.
pub(super) const WINDOWS: &str = "windows";
/// The column of fields that have none of their own: a JSON object.
pub(super) const OTHER: &str = "_other";
/// The name of the column that engines make of the folder's name.
pub(super) const PARTITION: &str = "type";

/// The place of a column among [`HEAD`].
pub(super) mod head {
    pub(in crate::lake) const ID: usize = 0;
    pub(in crate::lake) const TIME: usize = 1;
    pub(in crate::lake) const TIME_US: usize = 2;
    pub(in crate::lake) const HOST: usize = 3;
    pub(in crate::lake) const SOURCE: usize = 4;
    pub(in crate::lake) const RECORD: usize = 5;
    pub(in crate::lake) const SHA256: usize = 6;
    pub(in crate::lake) const VIEW: usize = 7;
    pub(in crate::lake) const SOURCE_ID: usize = 8;
    pub(in crate::lake) const POSITION: usize = 9;
    pub(in crate::lake) const NUMBER: usize = 10;
    pub(in crate::lake) const RECOVERED: usize = 11;
    pub(in crate::lake) const IDENTITY: usize = 12;
    pub(in crate::lake) const ALSO: usize = 13;
    pub(in crate::lake) const MESSAGE: usize = 14;
}

/// One column of a folder's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartColumn {
    pub(super) name: String,
    pub(super) kind: CellKind,
}

/// The columns of a folder, beside the heads.
#[derive(Debug, Default)]
pub(super) struct FolderColumns {
    columns: Vec<PartColumn>,
    /// Names in ASCII lower case.
    places: FxHashMap<String, usize>,
}

/// Where the values of an event type go: a column of the folder for each of its own, none for those that have none.
#[derive(Debug, Clone)]
pub(super) struct TypeColumns {
    pub(super) places: Vec<Option<usize>>,
    /// The columns of [`WINDOWS_HEAD`].
    pub(super) heads: Vec<usize>,
}

impl FolderColumns {
    /// Adds the columns of an event type.
    pub(super) fn add(&mut self, event_type: &EventType) -> TypeColumns {
        let heads: &[&str] = if event_type.product == WINDOWS { &WINDOWS_HEAD } else { &[] };
        let heads: Vec<usize> = heads.iter().map(|name| self.place(name, false)).collect();
        let mut taken: FxHashSet<usize> = heads.iter().copied().collect();
        let mut places = Vec::with_capacity(event_type.columns.len());
        for column in &event_type.columns {
            if column.view_name.is_empty() {
                places.push(None);
                continue;
            }
            // Engines put the folder's name in a column of this name, and a field's values would be hidden behind it.
            let is_hidden = column.view_name.eq_ignore_ascii_case(PARTITION);
            let mut name = if is_hidden { format!("field_{}", column.view_name) } else { column.view_name.clone() };
            while self.places.get(&name.to_ascii_lowercase()).is_some_and(|place| taken.contains(place)) {
                name.push('~');
            }
            let place = self.place(&name, column.has_lists);
            taken.insert(place);
            places.push(Some(place));
        }
        TypeColumns { places, heads }
    }

    fn place(&mut self, name: &str, is_list: bool) -> usize {
        let folded = name.to_ascii_lowercase();
        let place = *self.places.entry(folded).or_insert(self.columns.len());
        if place == self.columns.len() {
            self.columns.push(PartColumn { name: name.to_owned(), kind: CellKind::Text });
        }
        if is_list {
            self.columns[place].kind = CellKind::List;
        }
        place
    }

    /// A column.
    pub(super) fn get(&self, place: usize) -> &PartColumn {
        &self.columns[place]
    }

    /// The columns of an event type as the catalog has them, once all types of the folder are added.
    pub(super) fn of_type(&self, event_type: &EventType, columns: &TypeColumns) -> Vec<LakeColumn> {
        let column = |(column, place): (&crate::catalog::Column, &Option<usize>)| {
            let found = place.map(|place| self.get(place));
            LakeColumn {
                field: column.field.clone(),
                column: found.map(|found| found.name.clone()),
                list: found.map_or(column.has_lists, |found| found.kind == CellKind::List),
            }
        };
        event_type.columns.iter().zip(&columns.places).map(column).collect()
    }
}

/// The schema of parts with these columns.
pub(super) fn schema(columns: &[PartColumn]) -> Result<Arc<Type>, ParquetError> {
    let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("events").with_fields(fields).build()?))
}

/// A column of a schema.
pub(super) fn field(column: &PartColumn) -> Result<Type, ParquetError> {
    let text = |name| Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String));
    match column.kind {
        CellKind::Number => Type::primitive_type_builder(&column.name, PhysicalType::INT64).build(),
        CellKind::Flag => Type::primitive_type_builder(&column.name, PhysicalType::BOOLEAN).build(),
        CellKind::Text => text(&column.name).build(),
        CellKind::List => {
            let element = text("element").with_repetition(Repetition::REQUIRED).build()?;
            let list =
                Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![Arc::new(element)]).build()?;
            Type::group_type_builder(&column.name)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Column, Encoding, Storage, TypeId};

    fn event_type(product: &str, columns: &[(&str, bool)]) -> EventType {
        let column = |(name, has_lists): &(&str, bool)| Column {
            field: (*name).to_owned(),
            sql_name: "c0".to_owned(),
            view_name: (*name).to_owned(),
            encoding: Encoding::Inline,
            has_lists: *has_lists,
            has_packed: false,
        };
        EventType {
            id: TypeId(1),
            product: product.to_owned(),
            dataset: String::new(),
            code: String::new(),
            storage: Storage::Overflow,
            view: "v".to_owned(),
            columns: columns.iter().map(column).collect(),
            has_messages: false,
            events: 1,
        }
    }

    #[test]
    fn a_name_is_one_column_of_one_kind_in_a_folder() {
        let mut folder = FolderColumns::default();
        let types = [
            event_type("windows", &[("Image", false), ("Type", false), ("field_Type", false)]),
            event_type("aws", &[("image", true), ("channel", false), ("", false)]),
        ];
        let places: Vec<TypeColumns> = types.iter().map(|of| folder.add(of)).collect();
        let names = |index: usize| -> Vec<(Option<String>, bool)> {
            folder.of_type(&types[index], &places[index]).into_iter().map(|column| (column.column, column.list)).collect()
        };
        let text = |name: &str, list| (Some(name.to_owned()), list);
        assert_eq!(names(0), [text("Image", true), text("field_Type", false), text("field_Type~", false)]);
        assert_eq!(names(1), [text("Image", true), text("Channel", false), (None, false)]);
        assert_eq!(folder.columns.len(), 7);
    }

    #[test]
    fn heads_are_where_their_names_say() {
        for (place, name) in [(head::ID, "_id"), (head::VIEW, "_view"), (head::SOURCE_ID, "_source_id"), (head::MESSAGE, "_message")] {
            assert_eq!(HEAD[place].0, name);
        }
    }
}

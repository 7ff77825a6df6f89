//! What a store holds, as plain data: event types, their columns and how each is encoded.
//!
//! The store makes a catalog; the planner, the SQL writer and the scan read it. Nothing here knows SQLite's API.

use serde::Serialize;

/// A row of `event_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TypeId(pub u32);

/// The position of a column within its event type: index into [`EventType::columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ColumnIndex(pub u32);

/// A row of `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct EventId(pub i64);

/// A row of `value`: one distinct text, or one distinct list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ValueId(pub i64);

/// A row of `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct SourceId(pub i64);

/// How the cells of a column are stored. Every encoding can hold every value; it says what is cheap.
///
/// | storage class | `Dictionary` | `Inline` | `Time` |
/// |---|---|---|---|
/// | INTEGER | a [`ValueId`] | a number in canonical decimal spelling | units since the event's own time (see [`TimeShape`]) |
/// | REAL | – | a [`ValueId`] (repeated text, or a list) | a [`ValueId`] |
/// | TEXT | the text itself | the text itself | the text itself |
/// | NULL | the event lacks the field | the same | the same |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// Repeated text.
    Dictionary,
    /// Numbers and near-unique text.
    Inline,
    /// Times in one spelling.
    Time(TimeShape),
}

/// The spelling of a time column; a cell that does not have exactly this spelling is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeShape {
    /// The character between date and time: `' '` or `'T'`.
    pub separator: char,
    /// Digits of the fraction: 0, 3, 6 or 7 (7: the last digit is kept in the value, unit 100 ns).
    pub digits: u8,
    /// Whether a `Z` follows.
    pub zulu: bool,
}

/// One field of one event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The field's name in the spelling first met. Two columns of a type may differ in case only (twins).
    pub field: String,
    /// Name of the column in the physical table (`c0`, `c1`, …); never derived from log data.
    pub sql_name: String,
    /// Name of the column in the type's text view: the field's name, marked where it collides.
    /// Empty where the view has no place for it (fields beyond 900): the view `other_fields` has it.
    pub view_name: String,
    /// How cells are stored.
    pub encoding: Encoding,
    /// Whether any event of the type holds a list here.
    pub has_lists: bool,
    /// Whether any cell is packed: a BLOB, of which readers see the text.
    pub has_packed: bool,
}

/// Where the events of a type lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Storage {
    /// A table of its own with `_id` and the columns.
    Table(String),
    /// The shared table `overflow(event, field, value)` of rare types; columns are addressed by field row.
    Overflow,
}

/// One event type: (product, channel or dataset, event code).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventType {
    /// Its id in the store.
    pub id: TypeId,
    /// See [`crate::event::TypeKey`].
    pub product: String,
    /// See [`crate::event::TypeKey`]; in the spelling first met.
    pub dataset: String,
    /// See [`crate::event::TypeKey`].
    pub code: String,
    /// Where its events lie.
    pub storage: Storage,
    /// Name of its text view, e.g. `security_5145`.
    pub view: String,
    /// The fields that occur.
    pub columns: Vec<Column>,
    /// Whether any of its events has rendered text in `message`.
    pub has_messages: bool,
    /// Visible events.
    pub events: u64,
}

impl EventType {
    /// One without names and fields, for tests.
    #[cfg(test)]
    pub(crate) fn bare(id: TypeId, events: u64) -> Self {
        Self {
            id,
            product: String::new(),
            dataset: String::new(),
            code: String::new(),
            storage: Storage::Overflow,
            view: String::new(),
            columns: Vec::new(),
            has_messages: false,
            events,
        }
    }

    /// Returns the column whose field has exactly this spelling.
    pub fn column_exact(&self, field: &str) -> Option<ColumnIndex> {
        self.columns.iter().position(|c| c.field == field).map(index)
    }

    /// Returns the column by exact spelling, else the first whose spelling differs only in ASCII case.
    pub fn column_any_case(&self, field: &str) -> Option<ColumnIndex> {
        self.column_exact(field).or_else(|| self.columns.iter().position(|c| c.field.eq_ignore_ascii_case(field)).map(index))
    }

    /// Returns a column.
    pub fn column(&self, index: ColumnIndex) -> &Column {
        &self.columns[index.0 as usize]
    }
}

fn index(position: usize) -> ColumnIndex {
    ColumnIndex(u32::try_from(position).expect("a table has at most 2,000 columns"))
}

/// All event types of a store, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// The types, ordered by id.
    pub types: Vec<EventType>,
}

impl Catalog {
    /// Returns a type by its id.
    pub fn event_type(&self, id: TypeId) -> Option<&EventType> {
        self.types.binary_search_by_key(&id, |t| t.id).ok().map(|i| &self.types[i])
    }
}

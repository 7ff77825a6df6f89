//! What the writer keeps in memory of an event type: its columns, and which field goes into which.

use rustc_hash::{FxHashMap, FxHashSet};

use super::encode::ColumnState;
use super::schema;
use super::writer::{MAX_COLUMNS, MAX_TYPE_TABLES};
use crate::catalog::{EventType, Storage};
use crate::event::NameId;

/// An event type while events are written. Every look-up is by hash: a hostile log has any number of field names.
pub(super) struct TypeState {
    pub(super) id: u32,
    pub(super) overflow: bool,
    /// Names of its view that no field can have.
    reserved: &'static [&'static str],
    /// Whether its table is there.
    pub(super) table_made: bool,
    /// Fields by column.
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<ColumnState>,
    pub(super) has_lists: Vec<bool>,
    /// The base of the texts packed last, by column; `None` where none is packed.
    pub(super) bases: Vec<Option<u16>>,
    /// Columns by the name of their field in ASCII lower case.
    folded: FxHashMap<String, Vec<usize>>,
    /// Names in the type's view, in ASCII lower case.
    shown: FxHashSet<String>,
    pub(super) by_name: FxHashMap<NameId, usize>,
    /// Names that share the column of another spelling, because the two have not met in one event.
    pub(super) shared: FxHashSet<NameId>,
    pub(super) insert: String,
    pub(super) has_messages: bool,
    /// Events of the source being written.
    pub(super) pending: u64,
    /// Whether its row does not say yet that it has messages.
    pub(super) changed: bool,
    /// Column → the last event that filled it.
    pub(super) filled: Vec<i64>,
}

impl TypeState {
    /// A type without columns.
    pub(super) fn new(id: u32, product: &str, overflow: bool) -> Self {
        Self {
            id,
            overflow,
            reserved: schema::envelope_columns(product),
            table_made: false,
            names: Vec::new(),
            columns: Vec::new(),
            has_lists: Vec::new(),
            bases: Vec::new(),
            folded: FxHashMap::default(),
            shown: FxHashSet::default(),
            by_name: FxHashMap::default(),
            shared: FxHashSet::default(),
            insert: schema::insert(id, 0),
            has_messages: false,
            pending: 0,
            changed: false,
            filled: Vec::new(),
        }
    }

    /// A type as the store has it.
    pub(super) fn known(event_type: &EventType) -> Self {
        let mut state = Self::new(event_type.id.0, &event_type.product, event_type.storage == Storage::Overflow);
        state.table_made = true;
        state.has_messages = event_type.has_messages;
        for column in &event_type.columns {
            state.show(&column.view_name);
            // Texts that were packed were near-unique, and the first ones of a load look unlike a repetition either way.
            let column_state =
                if column.has_packed { ColumnState::near_unique(column.encoding) } else { ColumnState::new(column.encoding) };
            state.push(&column.field, column_state);
            if let Some(has_lists) = state.has_lists.last_mut() {
                *has_lists = column.has_lists;
            }
        }
        state.insert = schema::insert(state.id, state.names.len().min(MAX_COLUMNS));
        state
    }

    /// Whether a type that comes after so many others has no table.
    pub(super) fn is_rare(types: usize) -> bool {
        types >= MAX_TYPE_TABLES
    }

    /// Whether the cells of a column are in the overflow table.
    pub(super) fn is_outside(&self, column: usize) -> bool {
        self.overflow || column >= MAX_COLUMNS
    }

    /// Adds a column.
    pub(super) fn push(&mut self, field: &str, column: ColumnState) {
        self.folded.entry(field.to_ascii_lowercase()).or_default().push(self.names.len());
        self.names.push(field.to_owned());
        self.columns.push(column);
        self.has_lists.push(false);
        self.bases.push(None);
        self.filled.push(0);
    }

    /// The column of a field in exactly this spelling.
    pub(super) fn column(&self, field: &str) -> Option<usize> {
        self.alike(field).iter().copied().find(|column| self.names[*column] == field)
    }

    /// The first column whose field differs in ASCII case at most.
    pub(super) fn twin(&self, field: &str) -> Option<usize> {
        self.alike(field).first().copied()
    }

    fn alike(&self, field: &str) -> &[usize] {
        self.folded.get(&field.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Chooses the name in the view for the next column; empty where the view has no place for it.
    pub(super) fn next_view_name(&mut self, field: &str) -> String {
        if self.names.len() >= MAX_COLUMNS {
            return String::new();
        }
        let name =
            schema::view_name(field, self.reserved, self.alike(field).len(), &|name| self.shown.contains(&name.to_ascii_lowercase()));
        self.show(&name);
        name
    }

    fn show(&mut self, view_name: &str) {
        if !view_name.is_empty() {
            let name = view_name.to_ascii_lowercase();
            self.shown.insert(format!("{name}_id"));
            self.shown.insert(name);
        }
    }
}

//! Writing the events of one batch and one type into the type's table.

use rusqlite::params;
use rustc_hash::FxHashMap;

use super::cell::RawCell;
use super::encode::{ColumnState, Encoded, SAMPLE, choose};
use super::texts::{MIN_LOOKED_AT, Packing};
use super::writer::{MAX_COLUMNS, Writer};
use super::{StoreError, dictionary, schema};
use crate::catalog::{Encoding, ValueId};
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue, NameId, Names, TextSpan};

impl Writer<'_> {
    /// Writes `events` (indices into the batch, ascending) whose ids start at `first` for index 0.
    pub(super) fn write_type(
        &mut self,
        type_index: usize,
        batch: &EventBatch,
        events: &[usize],
        first: i64,
        names: &Names,
    ) -> Result<(), StoreError> {
        // In a group, `begin_group` has already created the columns.
        if !self.grouped {
            self.make_columns(type_index, batch, events, names)?;
        }
        self.types[type_index].pending += events.len() as u64;
        let connection = self.connection;
        let has_table = !self.types[type_index].overflow;
        let sql = self.types[type_index].insert.clone();
        // A type without a table has all its cells outside, and nothing is bound.
        let mut insert = connection.prepare_cached(if has_table { &sql } else { "SELECT ?1" })?;
        let mut twins = Vec::new();
        for index in events {
            let head = &batch.events[*index];
            let id = first + i64::try_from(*index).expect("a batch is small");
            insert.clear_bindings();
            insert.raw_bind_parameter(1, id)?;
            for entry in batch.fields_of(head) {
                match self.free_column(type_index, entry.name, id) {
                    Some(column) => match self.cell(type_index, column, batch, head, entry)? {
                        cell if self.types[type_index].is_outside(column) => self.write_overflow(id, column, &cell)?,
                        RawCell::Text(text) => match self.pack(type_index, column, text)? {
                            Packing::Plain => insert.raw_bind_parameter(column + 2, text)?,
                            Packing::Packed { .. } => insert.raw_bind_parameter(column + 2, self.texts.cell())?,
                        },
                        RawCell::Null => {}
                        RawCell::Int(n) => insert.raw_bind_parameter(column + 2, n)?,
                        RawCell::Value(ValueId(n)) => insert.raw_bind_parameter(column + 2, n as f64)?, // ids stay far below 2^53
                    },
                    // After the loop: a new column changes the schema, and the statement at work would be prepared anew for each row.
                    None => twins.push((id, head, entry)),
                }
            }
            if has_table {
                insert.raw_execute()?;
            }
            self.write_message(type_index, id, batch, head)?;
        }
        drop(insert);
        for (id, head, entry) in twins {
            self.write_twin(type_index, id, batch, head, entry, names)?;
        }
        Ok(())
    }

    /// A field whose spelling differs only in case from another one of the same event gets a column of its own.
    fn write_twin(
        &mut self,
        type_index: usize,
        id: i64,
        batch: &EventBatch,
        head: &BatchEvent,
        entry: &FieldEntry,
        names: &Names,
    ) -> Result<(), StoreError> {
        let before = self.types[type_index].names.len();
        self.add_column(type_index, entry.name, &names.name(entry.name), batch, &[])?;
        self.make_table(type_index, before)?;
        let column = self.types[type_index].names.len() - 1;
        let cell = self.cell(type_index, column, batch, head, entry)?;
        if self.types[type_index].is_outside(column) {
            return self.write_overflow(id, column, &cell);
        }
        let sql = schema::update(self.types[type_index].id, column);
        self.connection.prepare_cached(&sql)?.execute(params![schema::to_sql(&cell), id])?;
        Ok(())
    }

    fn write_overflow(&self, id: i64, column: usize, cell: &RawCell<'_>) -> Result<(), StoreError> {
        self.connection.prepare_cached("INSERT OR REPLACE INTO overflow (event, field, value) VALUES (?1, ?2, ?3)")?.execute(params![
            id,
            position(column),
            schema::to_sql(cell)
        ])?;
        Ok(())
    }

    /// Packs a text where it is worth it, and has the catalog say so of its column.
    fn pack(&mut self, type_index: usize, column: usize, text: &str) -> Result<Packing, StoreError> {
        if text.len() < MIN_LOOKED_AT {
            return Ok(Packing::Plain);
        }
        let state = &mut self.types[type_index];
        let packing = self.texts.pack(self.connection, state.id, column, text)?;
        if let Packing::Packed { base } = packing
            && state.bases[column] != Some(base)
        {
            state.bases[column] = Some(base);
            self.catalog = None;
            self.connection.prepare_cached("UPDATE field SET base = ?3 WHERE event_type = ?1 AND position = ?2")?.execute(params![
                state.id,
                position(column),
                base
            ])?;
        }
        Ok(packing)
    }

    fn write_message(&mut self, type_index: usize, id: i64, batch: &EventBatch, head: &BatchEvent) -> Result<(), StoreError> {
        let Some(span) = head.message else { return Ok(()) };
        let state = &mut self.types[type_index];
        if !state.has_messages {
            (state.has_messages, state.changed) = (true, true);
            self.catalog = None;
        }
        self.messages.write(self.connection, id, batch.str(span))
    }
}

impl Writer<'_> {
    /// Makes the type's table, or adds the columns that this batch brings, all at once.
    fn make_columns(&mut self, type_index: usize, batch: &EventBatch, events: &[usize], names: &Names) -> Result<(), StoreError> {
        let before = self.types[type_index].names.len();
        self.find_columns(type_index, batch, events, names)?;
        self.make_table(type_index, before)
    }

    /// Makes the event types of a batch and the columns of its fields, and writes no event: for what is kept of events as text.
    pub(super) fn make_types(&mut self, batch: &EventBatch, names: &Names) -> Result<(), StoreError> {
        for (type_index, events) in self.by_type(batch, names)? {
            self.make_columns(type_index, batch, &events, names)?;
        }
        Ok(())
    }

    /// Finds a column for every field of a batch; new ones are in the catalog, but not yet in the table.
    pub(super) fn find_columns(
        &mut self,
        type_index: usize,
        batch: &EventBatch,
        events: &[usize],
        names: &Names,
    ) -> Result<(), StoreError> {
        for (name, samples) in self.new_names(type_index, batch, events) {
            let text = names.name(name);
            let state = &self.types[type_index];
            let known =
                // One column for both spellings while they never meet in one event: logs of two versions differ in case only.
                state.column(&text).or_else(|| state.twin(&text).filter(|twin| !self.meets(type_index, *twin, name, batch, events)));
            let state = &mut self.types[type_index];
            match known {
                Some(column) => {
                    state.by_name.insert(name, column);
                    if state.names[column] != *text {
                        state.shared.insert(name);
                    }
                }
                None => {
                    state.shared.remove(&name);
                    self.add_column(type_index, name, &text, batch, &samples)?;
                }
            }
        }
        Ok(())
    }

    /// The names of a batch that need a look: unknown ones, and those that share the column of a twin; with their first values.
    fn new_names(&self, type_index: usize, batch: &EventBatch, events: &[usize]) -> Vec<(NameId, Vec<TextSpan>)> {
        let state = &self.types[type_index];
        let mut found: Vec<(NameId, Vec<TextSpan>)> = Vec::new();
        let mut places: FxHashMap<NameId, usize> = FxHashMap::default();
        for entry in events.iter().flat_map(|index| batch.fields_of(&batch.events[*index])) {
            if state.by_name.contains_key(&entry.name) && (state.shared.is_empty() || !state.shared.contains(&entry.name)) {
                continue;
            }
            let place = *places.entry(entry.name).or_insert_with(|| {
                found.push((entry.name, Vec::new()));
                found.len() - 1
            });
            if let FieldValue::Text(span) = entry.value
                && found[place].1.len() < SAMPLE
            {
                found[place].1.push(span);
            }
        }
        found
    }

    /// Makes the table with all its columns, or adds those from `before` on: every statement that changes the schema makes
    /// SQLite read all of it again.
    pub(super) fn make_table(&mut self, type_index: usize, before: usize) -> Result<(), StoreError> {
        let state = &mut self.types[type_index];
        if state.overflow {
            return Ok(());
        }
        let columns = before.min(MAX_COLUMNS)..state.names.len().min(MAX_COLUMNS);
        if columns.is_empty() && state.table_made {
            return Ok(());
        }
        state.insert = schema::insert(state.id, columns.end);
        if !state.table_made {
            state.table_made = true;
            return Ok(self.connection.execute_batch(&schema::create_table(state.id, columns.end))?);
        }
        let sql: String = columns.map(|column| schema::add_column(state.id, column)).collect();
        Ok(self.connection.execute_batch(&sql)?)
    }

    /// Whether a field and the column it would share occur in one event of the batch.
    fn meets(&self, type_index: usize, column: usize, name: NameId, batch: &EventBatch, events: &[usize]) -> bool {
        let state = &self.types[type_index];
        events.iter().any(|index| {
            let fields = batch.fields_of(&batch.events[*index]);
            fields.iter().any(|f| f.name == name) && fields.iter().any(|f| f.name != name && state.by_name.get(&f.name) == Some(&column))
        })
    }

    fn add_column(
        &mut self,
        type_index: usize,
        name: NameId,
        text: &str,
        batch: &EventBatch,
        samples: &[TextSpan],
    ) -> Result<(), StoreError> {
        let state = &mut self.types[type_index];
        let column = state.names.len();
        let column_state =
            // The overflow table has no columns to choose for: one encoding serves all.
            if state.is_outside(column) { ColumnState::new(Encoding::Dictionary) } else { choose(samples.iter().map(|s| batch.str(*s))) };
        let view_name = state.next_view_name(text);
        self.connection
            .prepare_cached("INSERT INTO field (event_type, position, name, view_name, encoding) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![state.id, position(column), text, &view_name, schema::encoding_text(column_state.encoding)])?;
        state.push(text, column_state);
        state.by_name.insert(name, column);
        self.catalog = None;
        Ok(())
    }
}

impl Writer<'_> {
    /// The column of a field for one event, unless another spelling of the same event has taken it.
    fn free_column(&mut self, type_index: usize, name: NameId, event: i64) -> Option<usize> {
        let state = &mut self.types[type_index];
        let column = *state.by_name.get(&name)?;
        if state.filled[column] == event {
            return None;
        }
        state.filled[column] = event;
        Some(column)
    }

    fn cell<'b>(
        &mut self,
        type_index: usize,
        column: usize,
        batch: &'b EventBatch,
        head: &BatchEvent,
        entry: &FieldEntry,
    ) -> Result<RawCell<'b>, StoreError> {
        match entry.value {
            FieldValue::Text(span) => Ok(match self.types[type_index].columns[column].encode(batch.str(span), head.time_us) {
                Encoded::Int(number) => RawCell::Int(number),
                Encoded::Text(text) => RawCell::Text(text),
                Encoded::Value(text) => {
                    let (id, new) = self.dictionary.id_in_batch(self.connection, batch, span)?;
                    self.types[type_index].columns[column].learn(text.len(), new);
                    RawCell::Int(id)
                }
                Encoded::Referred(text) => {
                    let (id, new) = self.dictionary.id_in_batch(self.connection, batch, span)?;
                    self.types[type_index].columns[column].learn(text.len(), new);
                    RawCell::Value(ValueId(id))
                }
            }),
            FieldValue::List { start, end } => {
                let id = self.list_id(batch, &batch.members[start as usize..end as usize])?;
                let state = &mut self.types[type_index];
                if !state.has_lists[column] {
                    state.has_lists[column] = true;
                    self.connection
                        .prepare_cached("UPDATE field SET has_lists = 1 WHERE event_type = ?1 AND position = ?2")?
                        .execute(params![state.id, position(column)])?;
                }
                Ok(if state.columns[column].encoding == Encoding::Dictionary { RawCell::Int(id) } else { RawCell::Value(ValueId(id)) })
            }
        }
    }

    /// The dictionary id of a list; its members are put down the first time.
    fn list_id(&mut self, batch: &EventBatch, members: &[TextSpan]) -> Result<i64, StoreError> {
        let mut text = String::new();
        let mut identity = Vec::new();
        for (index, span) in members.iter().enumerate() {
            let member = batch.str(*span);
            if index > 0 {
                text.push('\n');
            }
            text.push_str(member);
            dictionary::add_member(&mut identity, member);
        }
        let (list, new) = self.dictionary.id(self.connection, &text, &identity, true)?;
        if new {
            for (index, span) in members.iter().enumerate() {
                let member = batch.str(*span);
                let (value, _) = self.dictionary.id(self.connection, member, member.as_bytes(), false)?;
                self.connection.prepare_cached("INSERT INTO value_item (list, position, value) VALUES (?1, ?2, ?3)")?.execute(params![
                    list,
                    position(index),
                    value
                ])?;
            }
        }
        Ok(list)
    }
}

/// A small index as SQL takes it.
fn position(index: usize) -> i64 {
    i64::try_from(index).expect("a small index")
}

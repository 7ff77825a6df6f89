//! Event types that many rules read, kept as columns of cells.
//!
//! Each rule reads the rows that it matched, and a hundred rules match all starts of a process. A type that was read as often
//! as it has events is likely to be read again: from then on its columns stay in memory, each read once when a rule asks for it.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{ColumnIndex, EventType, TypeId};
use crate::exec::Cell;
use crate::store::EventRow;

/// A type with more events is read anew each time: its columns would push out those of all others.
const MAX_EVENTS: u64 = 60_000;
/// Memory of all kept types together. Some 25 columns of 20,000 events with texts of their own.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The kept types of a hunt.
#[derive(Default)]
pub(super) struct KeptTypes {
    types: FxHashMap<TypeId, KeptType>,
    /// How many events of a type were asked for so far.
    asked: FxHashMap<TypeId, u64>,
    bytes: usize,
}

#[derive(Default)]
struct KeptType {
    heads: Option<Rc<[EventRow]>>,
    columns: FxHashMap<ColumnIndex, Rc<[Cell]>>,
}

/// Some columns of a type, for one reader.
pub(super) struct KeptRows {
    /// The events, ascending.
    pub(super) heads: Rc<[EventRow]>,
    columns: Vec<Rc<[Cell]>>,
}

/// Columns that were read to be kept.
pub(super) struct WholeColumns {
    /// The events, ascending.
    pub(super) heads: Vec<EventRow>,
    /// A cell an event, column by column.
    pub(super) columns: Vec<Vec<Cell>>,
}

/// What keeps a reader of so many events from reading the table.
pub(super) enum Keeping {
    /// Nothing: read the table.
    No,
    /// These columns are missing; read them whole and give them to [`KeptTypes::keep`].
    Missing(Vec<ColumnIndex>),
    /// All is there.
    Kept(KeptRows),
}

impl KeptTypes {
    /// Asks for some events of a type in some columns.
    pub(super) fn ask(&mut self, event_type: &EventType, columns: &[ColumnIndex], events: usize) -> Keeping {
        if event_type.events > MAX_EVENTS {
            return Keeping::No;
        }
        let asked = self.asked.entry(event_type.id).or_default();
        let is_worth_it = *asked >= event_type.events;
        *asked += events as u64;
        let kept = self.types.get(&event_type.id);
        if !is_worth_it && kept.is_none() {
            return Keeping::No;
        }
        if let Some(rows) = kept.and_then(|kept| kept.rows(columns)) {
            return Keeping::Kept(rows);
        }
        // A few events are read faster than a column; and what is full stays full.
        if self.bytes >= MAX_BYTES || (events as u64) * 4 < event_type.events {
            return Keeping::No;
        }
        let has = |column: &ColumnIndex| kept.is_some_and(|kept| kept.columns.contains_key(column));
        Keeping::Missing(columns.iter().filter(|column| !has(column)).copied().collect())
    }

    /// Keeps columns, as many as there is room for.
    pub(super) fn keep(&mut self, event_type: TypeId, names: &[ColumnIndex], read: WholeColumns) {
        let kept = self.types.entry(event_type).or_default();
        if kept.heads.is_none() {
            self.bytes += size_of::<EventRow>() * read.heads.len();
            kept.heads = Some(read.heads.into());
        }
        for (name, cells) in names.iter().zip(read.columns) {
            let bytes = bytes_of(&cells);
            if self.bytes + bytes > MAX_BYTES {
                // Not this one and none after it: a store that is too wide must not try again with every rule.
                self.bytes = MAX_BYTES;
                return;
            }
            self.bytes += bytes;
            kept.columns.insert(*name, cells.into());
        }
    }
}

impl KeptRows {
    /// The cell of one of the asked columns in one of the events, both by place.
    pub(super) fn cell(&self, column: usize, event: usize) -> Cell {
        self.columns[column][event].clone()
    }
}

impl KeptType {
    fn rows(&self, columns: &[ColumnIndex]) -> Option<KeptRows> {
        let columns = columns.iter().map(|column| self.columns.get(column).cloned()).collect::<Option<_>>()?;
        Some(KeptRows { heads: self.heads.clone()?, columns })
    }
}

/// Memory of a column: values of the dictionary are shared by its rows.
fn bytes_of(cells: &[Cell]) -> usize {
    let mut seen: FxHashSet<*const u8> = FxHashSet::default();
    let own = |cell: &Cell| match cell {
        Cell::Text(text) if !seen.insert(text.as_ptr()) => 0,
        Cell::List(members) if !seen.insert(members.as_ptr().cast()) => 0,
        cell => cell.size_bytes(),
    };
    size_of_val(cells) + cells.iter().map(own).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::EventId;

    fn whole(texts: &[&str]) -> WholeColumns {
        let head = |id| EventRow { id: EventId(id), event_type: TypeId(1), time_us: None, host: None, record: None };
        WholeColumns { heads: (0..3).map(head).collect(), columns: texts.iter().map(|text| vec![Cell::text_of(*text); 3]).collect() }
    }

    #[test]
    fn a_type_is_kept_when_it_was_read_as_often_as_it_has_events() {
        let (mut kept, of, asked) = (KeptTypes::default(), EventType::bare(TypeId(1), 3), [ColumnIndex(0), ColumnIndex(2)]);
        assert!(matches!(kept.ask(&of, &asked, 2), Keeping::No));
        assert!(matches!(kept.ask(&of, &asked, 2), Keeping::No));
        let Keeping::Missing(missing) = kept.ask(&of, &asked, 3) else { panic!("it was read") };
        assert_eq!(missing, asked);
        kept.keep(of.id, &missing, whole(&["a", "b"]));
        assert!(matches!(kept.ask(&of, &asked, 1), Keeping::Kept(rows) if rows.columns[1][2] == Cell::text_of("b")));
        assert!(matches!(kept.ask(&of, &[ColumnIndex(2), ColumnIndex(3)], 3), Keeping::Missing(missing) if missing == [ColumnIndex(3)]));
        assert!(matches!(kept.ask(&EventType::bare(TypeId(1), MAX_EVENTS + 1), &asked, 3), Keeping::No));
    }

    #[test]
    fn what_is_full_stays_full() {
        let (mut kept, of, column) = (KeptTypes::default(), EventType::bare(TypeId(1), 0), [ColumnIndex(0)]);
        let large = "x".repeat(MAX_BYTES);
        kept.keep(of.id, &column, whole(&[&large]));
        assert!(matches!(kept.ask(&of, &column, 3), Keeping::No));
    }

    #[test]
    fn shared_texts_count_once() {
        let shared: Arc<str> = "y".repeat(1_000).into();
        let column = vec![Cell::Text(shared); 10];
        assert!(bytes_of(&column) < 2_000);
        assert!(bytes_of(&[Cell::text_of("y".repeat(1_000)), Cell::text_of("y".repeat(1_000))]) > 2_000);
    }
}

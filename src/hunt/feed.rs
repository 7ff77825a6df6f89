//! Feeds the events that a rule's condition holds for into its stages, as rows of the plan's first schema.
//!
//! The scan has told which events match. Here they are read a second time, only they and only the columns that the
//! rule goes on with: most rules match few events, so that the scan itself reads no column for the sake of one rule.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::field::{EventFields, cell_of, field_cell};
use super::kept::{Keeping, KeptRows, KeptTypes, WholeColumns};
use super::matched::Matched;
use crate::catalog::{Catalog, ColumnIndex, Encoding, EventId, EventType, ValueId};
use crate::exec::{Cell, Row, RowOrigin};
use crate::plan::{Branch, FieldExpr, Plan, TIME};
use crate::store::{self, EventReader, EventRow, RiskEvent, Store, StoreError, Wanted};

/// Values of the dictionary kept as cells before all are forgotten: some 50 MB of usual texts.
// All at once: what a rule reads repeats itself so much that a list of the least used would cost more than reading again.
const MAX_VALUES: usize = 400_000;
/// The same for the bytes of their texts: a value of the dictionary may have 256 KiB.
const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;
/// Rows that are put in order in memory. More than these are read in the order of their times, one by one: four times
/// slower, and no memory but for their ids.
const MAX_SORTED_ROWS: usize = 200_000;
/// The same for their bytes: a row of a wide store has thousands of cells, and a cell may be a text of megabytes.
const MAX_SORTED_BYTES: usize = 256 * 1024 * 1024;
/// Stepping over a row costs a quarter of looking one up: events that are not rarer than this among their neighbours are
/// read in one go.
const MAX_GAP: u32 = 4;

/// Takes rows. Break: no more are wanted.
pub(super) type RowSink<'s> = dyn FnMut(Row) -> ControlFlow<()> + 's;

/// Reads the rows of many rules: what one rule read of the dictionary the next need not.
pub(super) struct Feed<'s> {
    store: &'s Store,
    catalog: &'s Catalog,
    values: RefCell<FxHashMap<i64, Cell>>,
    value_bytes: std::cell::Cell<usize>,
    kept: RefCell<KeptTypes>,
    /// What searches over risk read: filled once all other rules have run.
    risk: Vec<RiskEvent>,
}

/// The columns of a plan's rows in one event type.
struct FedColumns<'s> {
    event_type: &'s EventType,
    /// The columns of the store that are read, ascending.
    columns: Vec<ColumnIndex>,
    /// Where each column of the rows comes from.
    fields: Vec<&'s FieldExpr>,
}

impl<'s> Feed<'s> {
    /// Starts without a value.
    pub(super) fn new(store: &'s Store, catalog: &'s Catalog) -> Self {
        Self {
            store,
            catalog,
            values: RefCell::default(),
            value_bytes: std::cell::Cell::default(),
            kept: RefCell::default(),
            risk: Vec::new(),
        }
    }

    /// Gives it the risk of the findings.
    pub(super) fn set_risk(&mut self, risk: Vec<RiskEvent>) {
        self.risk = risk;
    }

    /// Calls `visit` with the risk of each finding, newest first, until it breaks.
    pub(super) fn each_risk(&self, visit: &mut dyn FnMut(&RiskEvent) -> ControlFlow<()>) {
        let _ = self.risk.iter().try_for_each(visit);
    }

    /// Reads the rows of a plan: newest event first where the order counts, else event type by event type.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn rows(&self, plan: &Plan, matched: &Matched, ordered: bool, sink: &mut RowSink<'_>) -> Result<(), StoreError> {
        // Only some stages look at the order; event type by event type is one pass over each table.
        if !ordered {
            return self.each_type(plan, matched, sink);
        }
        match self.sorted(plan, matched, MAX_SORTED_BYTES)? {
            Some(rows) => {
                for row in rows {
                    if sink(row).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            // The first attempt is thrown away: reading twice is rare and cheaper than counting the bytes before.
            None => self.one_by_one(plan, matched, sink),
        }
    }

    /// The rows newest first, where they are not too many or too large.
    fn sorted(&self, plan: &Plan, matched: &Matched, max_bytes: usize) -> Result<Option<Vec<Row>>, StoreError> {
        if matched.count() > MAX_SORTED_ROWS {
            // Before anything is read: the number is known, the bytes are not.
            return Ok(None);
        }
        let mut rows = Vec::with_capacity(matched.count());
        let mut bytes = 0;
        self.each_type(plan, matched, &mut |row| {
            bytes += row.size_bytes();
            rows.push(row);
            if bytes > max_bytes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        rows.sort_by_cached_key(|row| std::cmp::Reverse(age(&row.origin)));
        Ok((bytes <= max_bytes).then_some(rows))
    }

    fn sources<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = (&'p Branch, FedColumns<'p>)> {
        plan.branches.iter().filter_map(|branch| {
            let event_type = self.catalog.event_type(branch.event_type)?;
            Some((branch, FedColumns::new(plan, branch, event_type)))
        })
    }

    fn each_type(&self, plan: &Plan, matched: &Matched, sink: &mut RowSink<'_>) -> Result<(), StoreError> {
        for (branch, source) in self.sources(plan) {
            let events = matched.of_type(branch.event_type);
            if events.is_empty() {
                continue;
            }
            if let Some(rows) = self.kept_rows(&source, events.len())? {
                if self.kept_run(&source, &rows, events, sink)?.is_break() {
                    return Ok(());
                }
                continue;
            }
            let mut reader = self.store.event_reader(source.event_type, &source.columns)?;
            for run in runs(events, source.event_type) {
                if self.run(&source, &mut reader, run, sink)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The rows of a type that many rules read.
    fn kept_rows(&self, source: &FedColumns<'_>, events: usize) -> Result<Option<KeptRows>, StoreError> {
        let ask = || self.kept.borrow_mut().ask(source.event_type, &source.columns, events);
        match ask() {
            Keeping::Kept(rows) => Ok(Some(rows)),
            Keeping::No => Ok(None),
            Keeping::Missing(missing) => {
                let whole = self.whole_columns(source.event_type, &missing)?;
                self.kept.borrow_mut().keep(source.event_type.id, &missing, whole);
                Ok(if let Keeping::Kept(rows) = ask() { Some(rows) } else { None })
            }
        }
    }

    fn whole_columns(&self, event_type: &EventType, columns: &[ColumnIndex]) -> Result<WholeColumns, StoreError> {
        let mut whole = WholeColumns { heads: Vec::new(), columns: vec![Vec::new(); columns.len()] };
        let mut reader = self.store.event_reader(event_type, columns)?;
        reader.each(EventId(1), self.store.last_event()?, &mut |event, cells| {
            whole.heads.push(event);
            for ((kept, column), cell) in whole.columns.iter_mut().zip(columns).zip(cells) {
                kept.push(self.cell(event_type, *column, cell, event.time_us)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(whole)
    }

    fn kept_run(
        &self,
        source: &FedColumns<'_>,
        rows: &KeptRows,
        events: &[EventId],
        sink: &mut RowSink<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        for event in events {
            let Ok(place) = rows.heads.binary_search_by_key(event, |head| head.id) else { continue };
            if sink(self.row(source, rows.heads[place], ReadCells::Kept(rows, place))?).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn run(
        &self,
        source: &FedColumns<'_>,
        reader: &mut EventReader<'_>,
        run: &[EventId],
        sink: &mut RowSink<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let mut flow = ControlFlow::Continue(());
        each_wanted(reader, run, &mut |event, cells| {
            flow = sink(self.row(source, event, ReadCells::Raw(cells))?);
            Ok(flow)
        })?;
        Ok(flow)
    }

    /// The times of a plan's events; those without one are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn times(&self, plan: &Plan, matched: &Matched, times: &mut FxHashMap<EventId, i64>) -> Result<(), StoreError> {
        for (branch, source) in self.sources(plan) {
            let events = matched.of_type(branch.event_type);
            if events.is_empty() {
                continue;
            }
            let mut heads = self.store.event_reader(source.event_type, &[])?;
            for run in runs(events, source.event_type) {
                each_wanted(&mut heads, run, &mut |head, _| {
                    times.extend(head.time_us.map(|time_us| (head.id, time_us)));
                    Ok(ControlFlow::Continue(()))
                })?;
            }
        }
        Ok(())
    }

    /// Reads the times first, then each event in their order.
    fn one_by_one(&self, plan: &Plan, matched: &Matched, sink: &mut RowSink<'_>) -> Result<(), StoreError> {
        let mut sources: Vec<(FedColumns<'_>, EventReader<'_>)> = Vec::new();
        let mut ages = Vec::with_capacity(matched.count());
        for (branch, source) in self.sources(plan) {
            let place = sources.len();
            let mut reader = self.store.event_reader(source.event_type, &[])?;
            for run in runs(matched.of_type(branch.event_type), source.event_type) {
                each_wanted(&mut reader, run, &mut |event, _| {
                    ages.push((event.time_us, event.id, place));
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            let event_type = source.event_type;
            let reader = self.store.event_reader(event_type, &source.columns)?;
            sources.push((source, reader));
        }
        // Newest first (rule P1); of one time the later id first, so that the order is the same in every run.
        ages.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id, place) in ages {
            let (source, reader) = &mut sources[place];
            if self.run(source, reader, &[id], sink)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn row(&self, source: &FedColumns<'_>, event: EventRow, cells: ReadCells<'_>) -> Result<Row, StoreError> {
        let read = ReadEvent { feed: self, source, event, cells };
        let cells = source.fields.iter().map(|field| field_cell(field, &read)).collect::<Result<_, _>>()?;
        Ok(Row { cells, origin: RowOrigin::Event { id: event.id, time_us: event.time_us } })
    }

    /// What a raw cell of a column means.
    fn cell(
        &self,
        event_type: &EventType,
        column: ColumnIndex,
        cell: &store::RawCell<'_>,
        time_us: Option<i64>,
    ) -> Result<Cell, StoreError> {
        Ok(match (cell, event_type.column(column).encoding) {
            (store::RawCell::Null, _) => Cell::Null,
            (store::RawCell::Text(text), _) => Cell::text_of(*text),
            (store::RawCell::Value(id), _) => self.value(*id)?,
            (store::RawCell::Int(id), Encoding::Dictionary) => self.value(ValueId(*id))?,
            (store::RawCell::Int(number), Encoding::Inline) => Cell::text_of(number.to_string()),
            (store::RawCell::Int(difference), Encoding::Time(shape)) => {
                Cell::Text(Arc::from(store::time_cell(shape, *difference, time_us)))
            }
        })
    }

    /// A value of the dictionary.
    fn value(&self, id: ValueId) -> Result<Cell, StoreError> {
        if let Some(known) = self.values.borrow().get(&id.0) {
            return Ok(known.clone());
        }
        let cell = cell_of(&self.store.value(id)?);
        let mut values = self.values.borrow_mut();
        let bytes = self.value_bytes.get() + cell.size_bytes();
        self.value_bytes.set(bytes);
        // Cleared before the new value goes in: one that is larger than the limit is kept alone and not refused.
        if values.len() >= MAX_VALUES || bytes > MAX_VALUE_BYTES {
            values.clear();
            self.value_bytes.set(cell.size_bytes());
        }
        values.insert(id.0, cell.clone());
        Ok(cell)
    }
}

/// Reads a part from its first event to its last and visits the events that are in it.
fn each_wanted(
    reader: &mut EventReader<'_>,
    run: &[EventId],
    visit: &mut dyn FnMut(EventRow, &[store::RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let mut wanted = Wanted::new(run, |id| *id);
    reader.each(*first, *last, &mut |event, cells| {
        if wanted.meet(event.id).is_some() { visit(event, cells) } else { Ok(ControlFlow::Continue(())) }
    })
}

/// The events of a type in parts that are each read from the first to the last. Other types' events may lie between them, so
/// gaps between ids say little where most of the type's events are wanted.
fn runs<'e>(events: &'e [EventId], event_type: &EventType) -> impl Iterator<Item = &'e [EventId]> {
    let most = events.len() as u64 * u64::from(MAX_GAP) >= event_type.events;
    events.chunk_by(move |a, b| most || b.0 - a.0 <= i64::from(MAX_GAP))
}

fn age(origin: &RowOrigin) -> (Option<i64>, Option<EventId>) {
    match origin {
        RowOrigin::Event { id, time_us } => (*time_us, Some(*id)),
        RowOrigin::Group(_) => (None, None), // what is fed are events
    }
}

impl<'s> FedColumns<'s> {
    fn new(plan: &'s Plan, branch: &'s Branch, event_type: &'s EventType) -> Self {
        const TIME_FIELD: &FieldExpr = &FieldExpr::Time;
        const NOTHING: &FieldExpr = &FieldExpr::Missing;
        let names = plan.row.columns.iter().map(|column| column.name.as_str());
        let fields: Vec<&FieldExpr> =
            names.map(|name| if name == TIME { TIME_FIELD } else { branch.fields.get(name).unwrap_or(NOTHING) }).collect();
        let mut columns = BTreeSet::new();
        for field in &fields {
            field.each_column(&mut |column| {
                columns.insert(column);
            });
        }
        Self { event_type, columns: columns.into_iter().collect(), fields }
    }
}

/// An event of which some columns were read.
struct ReadEvent<'a> {
    feed: &'a Feed<'a>,
    source: &'a FedColumns<'a>,
    event: EventRow,
    cells: ReadCells<'a>,
}

/// The cells of an event in the columns that its source reads.
enum ReadCells<'a> {
    /// As they stand in the table.
    Raw(&'a [store::RawCell<'a>]),
    /// Of a kept type, by the event's place in it.
    Kept(&'a KeptRows, usize),
}

impl EventFields for ReadEvent<'_> {
    fn column(&self, column: ColumnIndex) -> Result<Cell, StoreError> {
        let place = self.source.columns.binary_search(&column).expect("the columns of all fields are read");
        match self.cells {
            ReadCells::Raw(cells) => self.feed.cell(self.source.event_type, column, &cells[place], self.event.time_us),
            ReadCells::Kept(rows, event) => Ok(rows.cell(place, event)),
        }
    }

    fn time_us(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.event.time_us)
    }

    fn host(&self) -> Result<Cell, StoreError> {
        self.event.host.map_or(Ok(Cell::Null), |host| self.feed.value(host))
    }

    fn record(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.event.record)
    }

    fn message(&self) -> Result<Cell, StoreError> {
        Ok(self.feed.store.message(self.event.id)?.map_or(Cell::Null, Cell::text_of))
    }
}

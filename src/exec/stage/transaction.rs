//! `transaction`: rows that belong together become one, see [`ir::Transaction`] for what that means. They come newest first: where the
//! stages before it may change that, `super::newest` stands in front.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Operator, Pushed, held};
use crate::exec::aggregate::SET_BYTES;
use crate::exec::cell::MEMBER_BYTES;
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::GroupOrigin;
use crate::exec::spread::{add_column, spread_columns};
use crate::exec::{Cell, Condition, Context, Fault, Row, RowOrigin};
use crate::ir;
use crate::plan::{RowSchema, SPREAD, Step};

/// Memory of a transaction beside its texts, in bytes.
const TRANSACTION_BYTES: usize = 256;

/// A transaction that rows may still join, or one that is closed.
struct Grown {
    rows: u64,
    /// For each of the fields the values so far.
    fields: Vec<BTreeSet<Arc<str>>>,
    /// For each column the values so far.
    values: Vec<BTreeSet<Arc<str>>>,
    /// The same for the columns that values make.
    spread: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    newest: Option<f64>,
    oldest: Option<f64>,
    origin: GroupOrigin,
    /// Whether its last row passed `endswith`.
    has_end: bool,
    /// Whether a limit or its first row closed it, and it is whole.
    is_closed: bool,
    /// What it took of the budget.
    bytes: usize,
}

/// Why no row joins a transaction any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// Its first row joined as such.
    Start,
    /// `maxevents`, `maxspan` or `maxpause`.
    Limit,
    /// The end of another one, or of the rows.
    Other,
}

/// Rows into transactions.
pub(super) struct TransactionOperator<'c> {
    options: ir::Transaction,
    fields: Vec<Slot>,
    starts_with: Option<Condition>,
    ends_with: Option<Condition>,
    from: Vec<Slot>,
    columns: RowSchema,
    time: Slot,
    /// Those that rows may join, by number: later ones are newer.
    open: BTreeMap<u64, Grown>,
    /// Field and value → the open ones that have it.
    having: FxHashMap<(usize, Arc<str>), BTreeSet<u64>>,
    next: u64,
    done: Vec<Grown>,
    context: &'c Context,
}

impl<'c> TransactionOperator<'c> {
    pub(super) fn new(options: &ir::Transaction, before: &RowSchema, step: &Step, context: &'c Context) -> Result<Self, Fault> {
        let condition = |pred: &Option<ir::Pred>| pred.as_ref().map(|pred| Condition::new(pred, before, context)).transpose();
        Ok(Self {
            fields: options.fields.iter().map(|name| before.place(name)).collect(),
            starts_with: condition(&options.starts_with)?,
            ends_with: condition(&options.ends_with)?,
            options: options.clone(),
            from: step.from.clone(),
            columns: step.row.clone(),
            time: before.place(crate::plan::TIME),
            open: BTreeMap::new(),
            having: FxHashMap::default(),
            next: 0,
            done: Vec::new(),
            context,
        })
    }

    /// The newest open transaction that a row may join by its values.
    fn joinable(&self, texts: &[Vec<Arc<str>>]) -> Option<u64> {
        if self.fields.is_empty() {
            return self.open.keys().next_back().copied();
        }
        let agrees = |number: &u64| self.open.get(number).is_some_and(|grown| agrees(&grown.fields, texts));
        let named = texts.iter().enumerate().flat_map(|(field, members)| members.iter().map(move |member| (field, member.clone())));
        let sharing: BTreeSet<u64> = named.filter_map(|key| self.having.get(&key)).flatten().copied().collect();
        let shared = sharing.into_iter().rev().find(agrees);
        // One that shares no value: with one field there is none, because each open one has a value of it.
        let may_be_apart = !self.options.connected && self.fields.len() > 1;
        shared.or_else(|| if may_be_apart { self.open.keys().rev().copied().find(|number| agrees(number)) } else { None })
    }

    /// Whether a row would break a limit of a transaction.
    fn is_over(&self, grown: &Grown, time: Option<f64>) -> bool {
        let (Some(newest), Some(oldest), Some(time)) = (grown.newest, grown.oldest, time) else { return false };
        let span = newest.max(time) - oldest.min(time);
        let pause = (oldest - time).max(time - newest);
        self.options.max_span.is_some_and(|limit| span > limit) || self.options.max_pause.is_some_and(|limit| pause > limit)
    }

    fn open(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open.insert(
            number,
            Grown {
                rows: 0,
                fields: vec![BTreeSet::new(); self.fields.len()],
                values: vec![BTreeSet::new(); self.columns.columns.len()],
                spread: BTreeMap::new(),
                newest: None,
                oldest: None,
                origin: GroupOrigin::default(),
                has_end: false,
                is_closed: false,
                bytes: 0,
            },
        );
        number
    }

    /// Takes a row into an open transaction.
    fn join(
        &mut self,
        number: u64,
        row: &Row,
        texts: Vec<Vec<Arc<str>>>,
        time: Option<f64>,
        budget: &mut MemoryBudget,
    ) -> Result<(), Fault> {
        let Some(grown) = self.open.get_mut(&number) else { return Ok(()) };
        let mut bytes = if grown.rows == 0 { TRANSACTION_BYTES + grown.values.len() * size_of::<BTreeSet<Arc<str>>>() } else { 0 };
        for (field, members) in texts.into_iter().enumerate() {
            for member in members {
                // What leads to it takes about as much as a set of its own.
                bytes += if self.having.entry((field, member.clone())).or_default().insert(number) { SET_BYTES } else { 0 };
                bytes += added(&mut grown.fields[field], member);
            }
        }
        for ((set, from), column) in grown.values.iter_mut().zip(&self.from).zip(&self.columns.columns) {
            let members = from.map_or_else(Vec::new, |place| row.cells[place].members());
            if column.name == SPREAD {
                for (name, cell) in spread_columns(&members) {
                    bytes += cell.members().into_iter().map(|member| spread_bytes(&mut grown.spread, &name, member)).sum::<usize>();
                }
            } else {
                bytes += members.into_iter().map(|member| added(set, member)).sum::<usize>();
            }
        }
        if grown.rows == 0 {
            grown.origin.key = row.origin.key();
        }
        grown.rows += 1;
        grown.newest = grown.newest.into_iter().chain(time).reduce(f64::max);
        grown.oldest = grown.oldest.into_iter().chain(time).reduce(f64::min);
        let before = grown.origin.events.capacity();
        grown.origin.add(&row.origin);
        bytes += grown.origin.events.capacity().saturating_sub(before) * size_of::<i64>();
        grown.bytes += bytes;
        budget.take(bytes)
    }

    /// Ends an open transaction: no row may join it any more. It stays in the result where it is whole, or where the rest is wanted too.
    fn close(&mut self, number: u64, why: Closing, budget: &mut MemoryBudget) {
        let Some(mut grown) = self.open.remove(&number) else { return };
        for (field, members) in grown.fields.iter_mut().enumerate() {
            for member in std::mem::take(members) {
                let key = (field, member);
                if let Some(numbers) = self.having.get_mut(&key) {
                    numbers.remove(&number);
                    if numbers.is_empty() {
                        self.having.remove(&key);
                    }
                }
            }
        }
        let is_whole = (why == Closing::Start || self.starts_with.is_none()) && (grown.has_end || self.ends_with.is_none());
        grown.is_closed = is_whole && matches!(why, Closing::Start | Closing::Limit);
        if is_whole || self.options.keep_evicted {
            self.done.push(grown);
        } else {
            budget.give(grown.bytes);
        }
    }

    fn result(&self, grown: Grown) -> Row {
        let list = |members: BTreeSet<Arc<str>>| Cell::list_of(members.into_iter().collect());
        let mut spread = Vec::new();
        grown.spread.into_iter().for_each(|(name, members)| add_column(&mut spread, &name, &list(members)));
        let mut cells: Vec<Cell> = grown.values.into_iter().map(list).collect();
        let mut set = |name: &str, value: Cell| {
            if let Some(place) = self.columns.place(name) {
                cells[place] = value;
            }
        };
        let duration = grown.newest.zip(grown.oldest).map(|(newest, oldest)| newest - oldest);
        set(SPREAD, Cell::list_of(spread));
        set(crate::plan::TIME, grown.oldest.map_or(Cell::Null, Cell::number_of));
        set("duration", Cell::number_of(duration.unwrap_or(0.0)));
        set("eventcount", Cell::number_of(count_number(grown.rows)));
        set("closed_txn", Cell::number_of(if grown.is_closed { 1.0 } else { 0.0 }));
        let mut origin = grown.origin;
        origin.settle();
        Row { cells, origin: RowOrigin::Group(Box::new(origin)) }
    }
}

/// Adds a member to a set; the bytes by which it grew.
fn added(set: &mut BTreeSet<Arc<str>>, member: Arc<str>) -> usize {
    let cost = member.len() + MEMBER_BYTES + if set.is_empty() { SET_BYTES } else { 0 };
    if set.insert(member) { cost } else { 0 }
}

/// The same for a column that values make.
fn spread_bytes(spread: &mut BTreeMap<Arc<str>, BTreeSet<Arc<str>>>, name: &Arc<str>, member: Arc<str>) -> usize {
    match spread.get_mut(name) {
        Some(set) => added(set, member),
        None => name.len() + SET_BYTES + added(spread.entry(name.clone()).or_default(), member),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn count_number(count: u64) -> f64 {
    count as f64
}

/// Whether no field has a value on both sides and none in common.
fn agrees(known: &[BTreeSet<Arc<str>>], texts: &[Vec<Arc<str>>]) -> bool {
    known.iter().zip(texts).all(|(known, members)| known.is_empty() || members.is_empty() || members.iter().any(|m| known.contains(m)))
}

impl Operator for TransactionOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let texts: Vec<Vec<Arc<str>>> =
            self.fields.iter().map(|slot| slot.map_or_else(Vec::new, |place| row.cells[place].members())).collect();
        if !texts.is_empty() && texts.iter().all(Vec::is_empty) {
            return held(); // it belongs to no transaction
        }
        let time = self.time.and_then(|place| row.cells[place].number());
        let passes = |condition: &Option<Condition>| condition.as_ref().map_or(Ok(false), |c| c.holds(&row.cells, self.context));
        let (starts, ends) = (passes(&self.starts_with)?, passes(&self.ends_with)?);

        let mut joined = self.joinable(&texts);
        if let Some(number) = joined
            && self.open.get(&number).is_some_and(|grown| self.is_over(grown, time))
        {
            self.close(number, Closing::Limit, budget);
            joined = None;
        }
        let has_end = joined.and_then(|number| self.open.get(&number)).is_some_and(|grown| grown.has_end);
        let is_end = ends && !(starts && has_end);
        if is_end && let Some(number) = joined.take() {
            self.close(number, Closing::Other, budget);
        }
        let number = joined.unwrap_or_else(|| self.open());
        self.join(number, &row, texts, time, budget)?;
        let Some(grown) = self.open.get_mut(&number) else { return held() };
        grown.has_end |= is_end;
        let is_full = self.options.max_events.is_some_and(|most| grown.rows >= most);
        if starts && !is_end {
            self.close(number, Closing::Start, budget);
        } else if is_full {
            self.close(number, Closing::Limit, budget);
        }
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let open: Vec<u64> = self.open.keys().copied().collect();
        open.into_iter().for_each(|number| self.close(number, Closing::Other, budget));
        let mut done = std::mem::take(&mut self.done);
        let time = |grown: &Grown| grown.oldest.unwrap_or(f64::NEG_INFINITY);
        done.sort_by(|a, b| time(b).total_cmp(&time(a)));
        let mut rows = Vec::with_capacity(done.len());
        for grown in done {
            budget.give(grown.bytes);
            let row = self.result(grown);
            budget.take(row.size_bytes())?;
            rows.push(row);
        }
        Ok(rows)
    }
}

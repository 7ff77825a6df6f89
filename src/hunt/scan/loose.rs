//! Events that lie in no store, through the program that a store's events go through.
//!
//! Their values repeat as those of a store do. So texts get numbers as they come, and what a number answers is kept, as long as there is
//! room: then all of it is forgotten. A column whose texts are mostly new is not numbered for a while: to number a text and to forget
//! it costs more than to look at it.

use std::cell::{Ref, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ScanRule;
use super::pattern::LazyRegexes;
use super::program::{Beside, ProgramBuilder};
use super::row::RowsContext;
use super::scanner::Scanner;
use super::source::ScanSource;
use super::words::Reach;
use crate::catalog::{ColumnIndex, EventId, EventType, SourceId, TypeId, ValueId};
use crate::event::{LooseEvent, LooseValue};
use crate::exec::{Context, Fault};
use crate::hunt::HuntError;
use crate::store::{Envelope, RawCell, StoredEvent, StoredValue};

/// Values that have numbers at a time.
const MAX_VALUES: usize = 200_000;
/// Bytes of their texts, each twice: as what is looked up, and as what is looked at.
const MAX_VALUE_BYTES: usize = 16 << 20;
/// Longer texts get no number: they hardly repeat.
const MAX_NUMBERED_BYTES: usize = 512;
/// Values of a column after which it is asked whether they repeat.
const VALUES_BEFORE_ASKING: u32 = 1_024;
/// More new ones among these, and the next ones are not numbered.
const MANY_NEW: u32 = VALUES_BEFORE_ASKING / 4 * 3;
/// So many are not numbered then.
const NOT_NUMBERED: u32 = 16 * VALUES_BEFORE_ASKING;

/// The event at hand, and the values that have numbers.
pub(in crate::hunt) struct LooseRow {
    event_type: TypeId,
    event: RefCell<LooseEvent>,
    values: RefCell<NumberedValues>,
}

/// Values by their numbers.
#[derive(Default)]
struct NumberedValues {
    texts: FxHashMap<Box<str>, ValueId>,
    lists: FxHashMap<Vec<String>, ValueId>,
    values: Vec<StoredValue>,
    bytes: usize,
}

impl NumberedValues {
    fn is_full(&self) -> bool {
        self.values.len() >= MAX_VALUES || self.bytes >= MAX_VALUE_BYTES
    }

    /// The number of a text, and whether it is new.
    fn text(&mut self, text: &str) -> (ValueId, bool) {
        if let Some(id) = self.texts.get(text) {
            return (*id, false);
        }
        let id = self.add(StoredValue::Text(text.to_owned()));
        self.texts.insert(text.into(), id);
        (id, true)
    }

    fn list(&mut self, members: &[&str]) -> ValueId {
        let members: Vec<String> = members.iter().map(|member| (*member).to_owned()).collect();
        if let Some(id) = self.lists.get(&members) {
            return *id;
        }
        let id = self.add(StoredValue::List(members.clone()));
        self.lists.insert(members, id);
        id
    }

    fn add(&mut self, value: StoredValue) -> ValueId {
        self.bytes += value.members().iter().map(String::len).sum::<usize>();
        self.values.push(value);
        ValueId(i64::try_from(self.values.len() - 1).expect("few values have numbers"))
    }
}

impl LooseRow {
    /// A row of a type, with no event yet.
    pub(in crate::hunt) fn new(event_type: TypeId) -> Self {
        Self { event_type, event: RefCell::default(), values: RefCell::default() }
    }

    /// A value by its number.
    pub(super) fn value(&self, id: ValueId) -> StoredValue {
        let place = usize::try_from(id.0).expect("numbers of values begin at 0");
        self.values.borrow().values[place].clone()
    }

    /// The host of the event.
    pub(super) fn host(&self) -> Option<ValueId> {
        self.event.borrow().host().map(|host| self.values.borrow_mut().text(host).0)
    }

    /// The rendered text of the event.
    pub(super) fn message(&self) -> Option<String> {
        self.event.borrow().message().map(str::to_owned)
    }

    /// The event with all that it has.
    pub(super) fn whole(&self, id: EventId) -> StoredEvent {
        let event = self.event.borrow();
        let envelope = Envelope {
            id,
            event_type: self.event_type,
            time_us: event.time_us,
            host: event.host().map(Arc::from),
            source: SourceId(0),
            path: Arc::default(),
            record: event.record,
            position: 0,
        };
        let value = |place| match event.value(place) {
            LooseValue::Missing => None,
            LooseValue::Text(text) => Some(StoredValue::Text(text.to_owned())),
            LooseValue::List(members) => Some(StoredValue::List(members.into_iter().map(str::to_owned).collect())),
        };
        let columns = (0..event.columns()).map(value).collect();
        StoredEvent { envelope, columns, message: event.message().map(str::to_owned), aliases: Vec::new() }
    }
}

/// A column that the program asks.
struct LooseColumn {
    index: ColumnIndex,
    /// Texts since it was last asked whether they repeat, and how many of them were new.
    asked: u32,
    new: u32,
    /// How many texts from here on get no number.
    not_numbered: u32,
}

impl LooseColumn {
    /// The cell of an event in this column. Behind the columns of the type come the message and the host.
    fn cell<'e>(&mut self, event: &'e LooseEvent, values: &mut NumberedValues) -> RawCell<'e> {
        let place = self.index.0 as usize;
        let value = match place.checked_sub(event.columns()) {
            None => event.value(place),
            Some(0) => event.message().map_or(LooseValue::Missing, LooseValue::Text),
            Some(_) => event.host().map_or(LooseValue::Missing, LooseValue::Text),
        };
        match value {
            LooseValue::Missing => RawCell::Null,
            LooseValue::List(members) => RawCell::Value(values.list(&members)),
            LooseValue::Text(text) if text.len() > MAX_NUMBERED_BYTES => RawCell::Text(text),
            LooseValue::Text(text) if self.not_numbered > 0 => {
                self.not_numbered -= 1;
                RawCell::Text(text)
            }
            LooseValue::Text(text) => {
                let (id, is_new) = values.text(text);
                self.note(is_new);
                RawCell::Value(id)
            }
        }
    }

    fn note(&mut self, is_new: bool) {
        self.asked += 1;
        self.new += u32::from(is_new);
        if self.asked == VALUES_BEFORE_ASKING {
            self.not_numbered = if self.new > MANY_NEW { NOT_NUMBERED } else { 0 };
            (self.asked, self.new) = (0, 0);
        }
    }
}

/// The program of a type at work on events that lie in no store.
pub(in crate::hunt) struct LooseScan<'a> {
    row: &'a LooseRow,
    scanner: Scanner<'a, 'a>,
    /// As the program has them.
    columns: Vec<LooseColumn>,
    /// Where among these are those that tell whether a rule is due; all, until that is known.
    telling: Option<Vec<usize>>,
    events: i64,
}

impl<'a> LooseScan<'a> {
    /// Makes the program of rules on events of a type, which has columns for message and host behind those of the events.
    ///
    /// # Errors
    /// When an expression of a rule does not compile: the rule and why.
    pub(in crate::hunt) fn new(
        row: &'a LooseRow,
        event_type: &'a EventType,
        rules: &[ScanRule<'_>],
        context: &'a Context,
    ) -> Result<Self, (usize, Fault)> {
        let column = |behind: usize| ColumnIndex(u32::try_from(event_type.columns.len() - behind).expect("few columns"));
        let beside = Beside::Columns { host: column(1), message: column(2), patterns: LazyRegexes::default() };
        let mut builder = ProgramBuilder::new(event_type, beside);
        for rule in rules {
            builder.add(rule.rule, rule.filter).map_err(|fault| (rule.rule, fault))?;
        }
        let shared = RowsContext { source: ScanSource::Loose(row), event_type, context };
        let scanner = Scanner::new(shared, builder.build(), Reach::Few, 1);
        let column = |index| LooseColumn { index, asked: 0, new: 0, not_numbered: 0 };
        let columns = scanner.columns().into_iter().map(column).collect();
        Ok(Self { row, scanner, columns, telling: None, events: 0 })
    }

    /// Reports the rules that hold for an event. The event is taken, and another one given for it, whose allocations are of use.
    ///
    /// # Errors
    /// When a rule cannot be asked, which none can that matches nothing from there on: see [`LooseScan::failed`].
    pub(in crate::hunt) fn event(&mut self, event: &mut LooseEvent, matched: &mut dyn FnMut(usize)) -> Result<(), HuntError> {
        std::mem::swap(&mut *self.row.event.borrow_mut(), event);
        if self.row.values.borrow().is_full() {
            *self.row.values.borrow_mut() = NumberedValues::default();
            self.scanner.forget();
        }
        let event: Ref<'_, LooseEvent> = self.row.event.borrow();
        let id = EventId(self.events);
        self.events += 1;
        let mut matched = |rule, _| matched(rule);
        if !self.scanner.has_silent_columns() {
            let mut values = self.row.values.borrow_mut();
            let cells: Vec<RawCell<'_>> = self.columns.iter_mut().map(|column| column.cell(&event, &mut values)).collect();
            drop(values);
            return self.scanner.row(id, None, &cells, &mut matched);
        }
        let telling = self.telling.get_or_insert_with(|| {
            let telling = self.scanner.telling_columns();
            let place = |column: &ColumnIndex| self.columns.binary_search_by_key(column, |own| own.index).expect("columns of the program");
            telling.iter().map(place).collect()
        });
        let mut values = self.row.values.borrow_mut();
        let cells: Vec<RawCell<'_>> = telling.iter().map(|place| self.columns[*place].cell(&event, &mut values)).collect();
        drop(values);
        if !self.scanner.is_due(id, &cells)? {
            return Ok(());
        }
        let mut all = vec![None; self.columns.len()];
        telling.iter().zip(&cells).for_each(|(place, cell)| all[*place] = Some(*cell));
        let mut values = self.row.values.borrow_mut();
        let others = self.columns.iter_mut().zip(all).map(|(column, cell)| cell.unwrap_or_else(|| column.cell(&event, &mut values)));
        let cells: Vec<RawCell<'_>> = others.collect();
        drop(values);
        self.scanner.due_row(id, &cells, &mut matched)
    }

    /// The first rule that could not go on, and why.
    pub(in crate::hunt) fn failed(&self) -> Option<&(usize, Fault)> {
        self.scanner.failed.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_once_and_told_apart() {
        let mut values = NumberedValues::default();
        assert_eq!(values.text("a"), (ValueId(0), true));
        assert_eq!(values.text("a\nb"), (ValueId(1), true));
        assert_eq!((values.list(&["a", "b"]), values.list(&["a\nb", ""]), values.list(&["a", "b"])), (ValueId(2), ValueId(3), ValueId(2)));
        assert_eq!(values.text("a"), (ValueId(0), false));
        assert_eq!(values.bytes, 1 + 3 + 2 + 3);
        assert!(!values.is_full());
    }

    #[test]
    fn a_column_whose_texts_are_new_is_not_numbered_for_a_while() {
        let mut column = LooseColumn { index: ColumnIndex(0), asked: 0, new: 0, not_numbered: 0 };
        let mut values = NumberedValues::default();
        let mut event = LooseEvent::default();
        let mut numbered = 0;
        for number in 0..VALUES_BEFORE_ASKING + NOT_NUMBERED + 5 {
            event.begin(1);
            let put = event.put_text(crate::event::LooseField::Column(0), |out| {
                out.push_str(&number.to_string());
                Ok::<_, ()>(())
            });
            put.unwrap();
            numbered += u32::from(matches!(column.cell(&event, &mut values), RawCell::Value(_)));
        }
        assert_eq!(numbered, VALUES_BEFORE_ASKING + 5);
    }
}

//! Finds the events of a search: dictionary, then messages, then cells.

use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::marks::ValueMarks;
use super::terms::{Mask, Terms};
use super::{SearchOptions, WantedType};
use crate::catalog::{Column, Encoding, EventId, ValueId};
use crate::event::host::HostName;
use crate::store::{EventRange, EventRow, RawCell, Store, StoreError, time_cell};

/// Candidates that are looked up in the table of all events in one go.
const CANDIDATES: usize = 8_192;

/// Oldest first, events without a time last; the id makes the order one and the same each time.
type AgeKey = (bool, i64, EventId);

/// A search at work.
pub(super) struct SearchPass<'s> {
    store: &'s Store,
    terms: &'s Terms,
    options: &'s SearchOptions,
    last: EventId,
    values: ValueMarks,
    /// What the messages of events have.
    messages: ValueMarks,
    /// Values that are a name of the wanted host; none where any host is wanted.
    hosts: Option<FxHashSet<ValueId>>,
    /// What an event may lack, because its host has it.
    of_hosts: Mask,
    candidates: Vec<(EventId, Mask)>,
    oldest: BinaryHeap<AgeKey>,
    events: u64,
    memory: String,
}

impl<'s> SearchPass<'s> {
    /// Asks the dictionary.
    pub(super) fn new(store: &'s Store, terms: &'s Terms, options: &'s SearchOptions) -> Result<Self, StoreError> {
        let mut pass = Self {
            store,
            terms,
            options,
            last: store.last_event()?,
            values: ValueMarks::default(),
            messages: ValueMarks::default(),
            hosts: options.host.as_ref().map(|_| FxHashSet::default()),
            of_hosts: 0,
            candidates: Vec::new(),
            oldest: BinaryHeap::new(),
            events: 0,
            memory: String::new(),
        };
        let host = options.host.as_deref().map(HostName::new);
        store.each_text(&mut |id, text| {
            pass.values.add(id.0, terms.mask(text, &mut pass.memory));
            if let (Some(wanted), Some(hosts)) = (&host, &mut pass.hosts)
                && wanted.is(text)
            {
                hosts.insert(id);
            }
        })?;
        // The host counts beside other terms and not alone: else the name of a host would find all that it ever wrote.
        pass.of_hosts = if terms.len() > 1 && options.fields.is_empty() { pass.values.any() } else { 0 };
        if pass.values.any() != 0 {
            let values = &mut pass.values;
            store.each_list_member(&mut |list, member| {
                let mask = values.get(member.0);
                values.add(list.0, mask);
            })?;
        }
        Ok(pass)
    }

    /// Asks the messages, block by block.
    pub(super) fn read_messages(&mut self) -> Result<(), StoreError> {
        // Block → the masks of its messages in their order; only blocks with a hit.
        let mut blocks: FxHashMap<i64, Box<[Mask]>> = FxHashMap::default();
        let (terms, memory) = (self.terms, &mut self.memory);
        self.store.each_message_block(&mut |block, texts| {
            let texts = std::str::from_utf8(texts).map_err(|_| StoreError::Damaged("a block of messages is not UTF-8".to_owned()))?;
            if terms.may_be_in(texts, memory) {
                let masks: Box<[Mask]> = texts.split('\0').map(|text| terms.mask(text, memory)).collect();
                if masks.iter().any(|mask| *mask != 0) {
                    blocks.insert(block, masks);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if blocks.is_empty() {
            return Ok(());
        }
        let messages = &mut self.messages;
        self.store.each_message_place(&mut |event, place| {
            let masks = blocks.get(&place.block);
            let mask = masks.zip(usize::try_from(place.number).ok()).and_then(|(masks, nth)| masks.get(nth));
            messages.add(event.0, mask.copied().unwrap_or(0));
        })
    }

    /// Asks the cells of an event type.
    pub(super) fn read_type(&mut self, of: &WantedType<'_>) -> Result<(), StoreError> {
        let columns: Vec<&Column> = of.columns.iter().map(|index| of.event_type.column(*index)).collect();
        let (since_us, until_us) = (self.options.since_us, self.options.until_us);
        // A time lies in its cell as a difference to the event's own, which costs a look-up an event.
        let asks_times = self.terms.ask_times() && columns.iter().any(|column| matches!(column.encoding, Encoding::Time(_)));
        let store = self.store;
        if asks_times {
            let last = self.last;
            store.event_reader(of.event_type, &of.columns)?.each(EventId(0), last, &mut |row, cells| {
                if is_within(row.time_us, since_us, until_us) {
                    self.event(of, &columns, row.id, Some(row.time_us), cells)?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        } else {
            let range = EventRange { first: EventId(0), last: self.last, since_us, until_us };
            store.scan(of.event_type, &of.columns, range, &mut |id, cells| {
                self.event(of, &columns, id, None, cells)?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        self.look_up()
    }

    fn event(
        &mut self,
        of: &WantedType<'_>,
        columns: &[&Column],
        id: EventId,
        time_us: Option<Option<i64>>,
        cells: &[RawCell<'_>],
    ) -> Result<(), StoreError> {
        let all = self.terms.all();
        let mut mask = if of.with_message { self.messages.get(id.0) } else { 0 };
        for (cell, column) in cells.iter().zip(columns) {
            mask |= self.cell(cell, column.encoding, time_us);
            if mask == all {
                break;
            }
        }
        if mask != 0 && mask | self.of_hosts == all {
            self.candidates.push((id, mask));
            if self.candidates.len() >= CANDIDATES {
                return self.look_up();
            }
        }
        Ok(())
    }

    fn cell(&mut self, cell: &RawCell<'_>, encoding: Encoding, time_us: Option<Option<i64>>) -> Mask {
        match (cell, encoding) {
            (RawCell::Null, _) => 0,
            (RawCell::Value(ValueId(id)), _) | (RawCell::Int(id), Encoding::Dictionary) => self.values.get(*id),
            (RawCell::Text(text), _) => self.terms.mask(text, &mut self.memory),
            (RawCell::Int(number), Encoding::Inline) if self.terms.ask_numbers() => {
                let mut text = String::new();
                // Writing into a string cannot fail.
                let _ = write!(text, "{number}");
                self.terms.mask(&text, &mut self.memory)
            }
            (RawCell::Int(difference), Encoding::Time(shape)) => {
                time_us.map_or(0, |time_us| self.terms.mask(&time_cell(shape, *difference, time_us), &mut self.memory))
            }
            (RawCell::Int(_), Encoding::Inline) => 0,
        }
    }

    /// Looks up time and host of the candidates, and keeps the oldest events.
    fn look_up(&mut self) -> Result<(), StoreError> {
        let candidates = std::mem::take(&mut self.candidates);
        let ids: Vec<EventId> = candidates.iter().map(|(id, _)| *id).collect();
        for (row, (_, mask)) in self.store.event_rows(&ids)?.into_iter().zip(candidates) {
            if self.is_hit(&row, mask) {
                self.events += 1;
                self.oldest.push((row.time_us.is_none(), row.time_us.unwrap_or(0), row.id));
                if self.oldest.len() > self.options.limit {
                    self.oldest.pop();
                }
            }
        }
        Ok(())
    }

    fn is_hit(&self, row: &EventRow, mask: Mask) -> bool {
        let of_host = row.host.map_or(0, |host| self.values.get(host.0) & self.of_hosts);
        let is_of_host = self.hosts.as_ref().is_none_or(|hosts| row.host.is_some_and(|host| hosts.contains(&host)));
        mask | of_host == self.terms.all() && is_of_host
    }

    /// How many events have all terms, and the oldest of them in order.
    pub(super) fn finish(self) -> (u64, Vec<EventId>) {
        (self.events, self.oldest.into_sorted_vec().into_iter().map(|(_, _, id)| id).collect())
    }
}

fn is_within(time_us: Option<i64>, since_us: Option<i64>, until_us: Option<i64>) -> bool {
    since_us.is_none_or(|since| time_us.is_some_and(|us| us >= since)) && until_us.is_none_or(|until| time_us.is_some_and(|us| us < until))
}

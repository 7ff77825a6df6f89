//! Small sources that are written together: their tables are made once, and they become complete in one transaction.

use std::collections::BTreeMap;

use super::StoreError;
use super::writer::Writer;
use crate::event::{EventBatch, Names};

impl Writer<'_> {
    /// Begins a group: sources whose events are read already. They become complete together, in one transaction, and
    /// their tables and columns are made first, because SQLite looks at all statements again after each such change.
    /// `batches` are all that they have, in order. No source may be open.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn begin_group<'b>(&mut self, batches: impl Iterator<Item = &'b EventBatch>, names: &Names) -> Result<(), StoreError> {
        // IMMEDIATE: a reader that would have to become a writer in the middle could be refused.
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.grouped = true;
        let mut known: BTreeMap<usize, usize> = BTreeMap::new();
        for batch in batches {
            for (type_index, events) in self.by_type(batch, names)? {
                // Only the first time: the columns that were there before the whole group, not before this batch.
                known.entry(type_index).or_insert(self.types[type_index].names.len());
                self.find_columns(type_index, batch, &events, names)?;
            }
        }
        known.into_iter().try_for_each(|(type_index, before)| self.make_table(type_index, before))
    }

    /// Ends a group. A source that is still open goes on in a transaction of its own.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn end_group(&mut self) -> Result<(), StoreError> {
        self.grouped = false;
        self.connection.execute_batch(if self.source.is_some() { "COMMIT; BEGIN IMMEDIATE" } else { "COMMIT" })?;
        self.uncommitted = 0;
        Ok(())
    }

    /// Whether a source is open.
    pub fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// Commits, unless more sources belong to the transaction.
    pub(super) fn end_transaction(&mut self) -> Result<(), StoreError> {
        if !self.grouped {
            self.connection.execute_batch("COMMIT")?;
            self.uncommitted = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::add;
    use crate::store::{SourceEnd, SourceOutcome, SourceStart, Store};

    /// Three sources of one event each; the last has the bytes of the first.
    fn batches(names: &Names) -> Vec<(&'static str, EventBatch)> {
        let one = |time: i64, sha256, field| {
            let mut batch = EventBatch::default();
            add(&mut batch, names, time, &[("A", "x"), (field, "y")]);
            (sha256, batch)
        };
        vec![one(1, "1", "B"), one(2, "2", "C"), one(1, "1", "B")]
    }

    fn write(writer: &mut Writer<'_>, names: &Names, sha256: &str, batch: &EventBatch) -> SourceOutcome {
        writer.begin_source(&SourceStart { path: sha256.to_owned() }).unwrap();
        writer.append(batch, names).unwrap();
        writer.finish_source(&SourceEnd { sha256: sha256.to_owned(), bytes: 1, ..SourceEnd::default() }).unwrap()
    }

    #[test]
    fn a_group_gives_what_its_sources_give_one_by_one() {
        let names = Names::default();
        let all = batches(&names);
        let (mut grouped, mut single) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
        let mut writer = grouped.writer().unwrap();
        writer.begin_group(all.iter().map(|(_, batch)| batch), &names).unwrap();
        let together: Vec<SourceOutcome> = all.iter().map(|(sha256, batch)| write(&mut writer, &names, sha256, batch)).collect();
        writer.end_group().unwrap();
        drop(writer);
        let mut writer = single.writer().unwrap();
        let apart: Vec<SourceOutcome> = all.iter().map(|(sha256, batch)| write(&mut writer, &names, sha256, batch)).collect();
        drop(writer);
        assert_eq!(together, apart);
        assert_eq!(together.iter().map(|o| o.new_events).collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!(grouped.sources().unwrap(), single.sources().unwrap());
        assert_eq!(grouped.catalog().unwrap(), single.catalog().unwrap());
    }

    #[test]
    fn a_group_that_was_not_ended_is_nowhere() {
        let names = Names::default();
        let all = batches(&names);
        let mut store = Store::in_memory().unwrap();
        let mut writer = store.writer().unwrap();
        writer.begin_group(all.iter().map(|(_, batch)| batch), &names).unwrap();
        write(&mut writer, &names, all[0].0, &all[0].1);
        drop(writer);
        assert!(store.sources().unwrap().is_empty());
        assert!(store.catalog().unwrap().types.is_empty());
        let mut writer = store.writer().unwrap();
        assert_eq!(write(&mut writer, &names, all[0].0, &all[0].1).new_events, 1);
    }

    #[test]
    fn a_source_that_is_taken_back_leaves_nothing() {
        let names = Names::default();
        let all = batches(&names);
        let mut store = Store::in_memory().unwrap();
        let mut writer = store.writer().unwrap();
        write(&mut writer, &names, all[0].0, &all[0].1);
        writer.begin_source(&SourceStart { path: "long".to_owned() }).unwrap();
        writer.append(&all[1].1, &names).unwrap();
        writer.abandon_source().unwrap();
        assert!(!writer.is_open());
        assert_eq!(write(&mut writer, &names, "2", &all[1].1).new_events, 1);
        drop(writer);
        assert_eq!(store.sources().unwrap().iter().map(|source| source.path.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(store.last_event().unwrap().0, 2);
    }

    #[test]
    fn a_source_longer_than_its_group_goes_on() {
        let names = Names::default();
        let all = batches(&names);
        let mut store = Store::in_memory().unwrap();
        let mut writer = store.writer().unwrap();
        writer.begin_group(all.iter().map(|(_, batch)| batch), &names).unwrap();
        write(&mut writer, &names, all[0].0, &all[0].1);
        writer.begin_source(&SourceStart { path: "long".to_owned() }).unwrap();
        writer.append(&all[1].1, &names).unwrap();
        writer.end_group().unwrap();
        assert!(writer.is_open());
        drop(writer);
        assert_eq!(store.sources().unwrap().len(), 1);
        assert_eq!(write(&mut store.writer().unwrap(), &names, "2", &all[1].1).new_events, 1);
    }
}

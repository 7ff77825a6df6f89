//! What a store keeps that an engine fills from a lake: what was asked, and the events that came.
//!
//! An engine is asked unit by unit. A unit's events and that it is done are one transaction, so that after a kill each unit is done or is
//! not. From the events that came the store's own tables are made, by an ordinary import.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::hunt_writer::count;
use super::{Store, StoreError};
use crate::catalog::SourceId;

/// Half a SHA-256.
type LakeKey = [u8; 16];

/// A unit of work that an engine was asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LakeUnitId {
    /// The event type: its view.
    pub view: String,
    /// Which part of it.
    pub number: u32,
}

/// An event on its way home.
#[derive(Debug, Clone, Copy)]
pub struct LakeRow<'r> {
    /// Its number in the lake.
    pub event: i64,
    /// Where it was met: sources of the lake's ledger, and positions there.
    pub places: &'r [(i64, u64)],
    /// All of it.
    pub data: &'r [u8],
}

/// Whose the events of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOrigin {
    /// Nobody's: it has none.
    Empty,
    /// They were loaded.
    Loaded,
    /// An engine chose them from the lake with this key.
    Lake(LakeKey),
}

/// Writes the events of one unit, in a transaction that [`LakeUnitWriter::finish`] ends; else nothing of it stays.
pub struct LakeUnitWriter<'s> {
    transaction: Transaction<'s>,
    unit: LakeUnitId,
}

impl Store {
    /// Whose the events are.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn origin(&self) -> Result<StoreOrigin, StoreError> {
        let key: Option<LakeKey> = self.connection.query_row("SELECT key FROM lake_home", [], |row| row.get(0)).optional()?;
        if let Some(key) = key {
            return Ok(StoreOrigin::Lake(key));
        }
        let is_empty = !self.connection.prepare("SELECT 1 FROM source")?.exists([])?;
        Ok(if is_empty { StoreOrigin::Empty } else { StoreOrigin::Loaded })
    }

    /// Makes an empty store the home of what comes from a lake.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn begin_lake(&self, key: LakeKey) -> Result<(), StoreError> {
        self.connection.execute("INSERT OR IGNORE INTO lake_home (id, key) VALUES (1, ?1)", [key])?;
        Ok(())
    }

    /// Forgets what was asked; the events stay.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn forget_lake_units(&self) -> Result<(), StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch("DELETE FROM lake_unit; DELETE FROM lake_count;")?;
        Ok(transaction.commit()?)
    }

    /// The units that are done for the rules of this key.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lake_units_done(&self, key: LakeKey) -> Result<Vec<LakeUnitId>, StoreError> {
        let sql = "SELECT view, number FROM lake_unit WHERE key = ?1 AND failure IS NULL ORDER BY view, number";
        let mut select = self.connection.prepare(sql)?;
        let rows = select.query_map([key], |row| Ok(LakeUnitId { view: row.get(0)?, number: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many events each rule asked for in the units that are done, by its place.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lake_counts(&self, key: LakeKey) -> Result<Vec<(usize, u64)>, StoreError> {
        let sql = "SELECT c.rule, sum(c.events) FROM lake_count c JOIN lake_unit u USING (view, number)
                   WHERE u.key = ?1 AND u.failure IS NULL GROUP BY c.rule ORDER BY c.rule";
        let mut select = self.connection.prepare(sql)?;
        let rows = select.query_map([key], |row| {
            Ok((usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX), row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that a unit has no answer, and why.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn fail_lake_unit(&self, unit: &LakeUnitId, key: LakeKey, why: &str) -> Result<(), StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        forget_unit(&transaction, unit)?;
        let sql = "INSERT INTO lake_unit (view, number, key, failure) VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(sql, params![unit.view, unit.number, key, why])?;
        Ok(transaction.commit()?)
    }

    /// Begins to write the events of a unit.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lake_unit_writer(&self, unit: LakeUnitId) -> Result<LakeUnitWriter<'_>, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        Ok(LakeUnitWriter { transaction, unit })
    }

    /// Which of these events of the lake did not come yet.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lake_events_missing(&self, events: &[i64]) -> Result<Vec<i64>, StoreError> {
        let mut select = self.connection.prepare("SELECT 1 FROM lake_row WHERE event = ?1")?;
        let mut missing = Vec::new();
        for event in events {
            if !select.exists([event])? {
                missing.push(*event);
            }
        }
        Ok(missing)
    }

    /// How many rows came, and how many of them the store's tables have.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lake_rows(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM lake_row), (SELECT coalesce(max(stored), 0) FROM lake_home)";
        let number = |row: &rusqlite::Row<'_>, place| row.get::<_, i64>(place).map(i64::unsigned_abs);
        Ok(self.connection.query_row(sql, [], |row| Ok((number(row, 0)?, number(row, 1)?)))?)
    }

    /// Notes how many rows the store's tables have.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn note_lake_stored(&self, rows: u64) -> Result<(), StoreError> {
        self.connection.execute("UPDATE lake_home SET stored = ?1", [count(rows)])?;
        Ok(())
    }

    /// Gives the rows of a source in the order of their positions: position and data.
    ///
    /// # Errors
    /// When SQLite fails, or what `visit` returns.
    pub fn each_lake_row<E: From<StoreError>>(
        &self,
        source: SourceId,
        visit: &mut dyn FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT position, data FROM lake_row WHERE source = ?1 ORDER BY position, event";
        let mut select = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = select.query([source.0]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let position: i64 = row.get(0).map_err(StoreError::from)?;
            let data = row.get_ref(1).and_then(|data| Ok(data.as_blob()?)).map_err(StoreError::from)?;
            visit(position.cast_unsigned(), data)?;
        }
        Ok(())
    }
}

impl LakeUnitWriter<'_> {
    /// Writes an event; one that came with another unit is there already.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn row(&mut self, row: LakeRow<'_>) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO lake_row (source, position, event, data) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.transaction.prepare_cached(sql)?;
        for (source, position) in row.places {
            insert.execute(params![source, position.cast_signed(), row.event, row.data])?;
        }
        Ok(())
    }

    /// Ends it: the unit is done for the rules of this key, of which these asked for so many events.
    ///
    /// # Errors
    /// When SQLite fails; then nothing of it stays.
    pub fn finish(self, key: LakeKey, counts: &[(usize, u64)]) -> Result<(), StoreError> {
        let Self { transaction, unit } = self;
        forget_unit(&transaction, &unit)?;
        let sql = "INSERT INTO lake_unit (view, number, key, failure) VALUES (?1, ?2, ?3, NULL)";
        transaction.execute(sql, params![unit.view, unit.number, key])?;
        let sql = "INSERT INTO lake_count (view, number, rule, events) VALUES (?1, ?2, ?3, ?4)";
        for (rule, events) in counts {
            transaction.prepare_cached(sql)?.execute(params![unit.view, unit.number, count(*rule as u64), count(*events)])?;
        }
        Ok(transaction.commit()?)
    }
}

fn forget_unit(transaction: &Transaction<'_>, unit: &LakeUnitId) -> Result<(), StoreError> {
    for table in ["lake_unit", "lake_count"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE view = ?1 AND number = ?2"), params![unit.view, unit.number])?;
    }
    Ok(())
}

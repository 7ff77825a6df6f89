//! Which bytes are in the store already: what need not be read again, and how that is put down.
//!
//! Bytes are known where a source, or all members of an archive, were read to the end and without damage, by the same
//! version of the reader with the same options. All else is read again: a program that reads more today must get at it.

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ledger::{self, SourceRow};
use super::writer::Writer;
use super::{Store, StoreError};
use crate::catalog::SourceId;

/// A row of `archive`: a file with members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArchiveId(pub i64);

/// What has known bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A source.
    Source(SourceId),
    /// An archive, with all its members.
    Archive(ArchiveId),
}

/// Which bytes are known: lengths, to see fast what may be, and hashes, to be sure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownBytes {
    sizes: FxHashSet<u64>,
    hashes: FxHashMap<String, Known>,
}

impl KnownBytes {
    /// Whether something known has this length. No bytes at all are never known.
    pub fn has_size(&self, bytes: u64) -> bool {
        self.sizes.contains(&bytes)
    }

    /// What has these bytes (SHA-256, hex).
    pub fn get(&self, sha256: &str) -> Option<Known> {
        self.hashes.get(sha256).copied()
    }
}

impl Store {
    /// Which bytes a reader (its version and options) need not read again.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn known_bytes(&self, reader: &str) -> Result<KnownBytes, StoreError> {
        let mut known = KnownBytes::default();
        // Only complete sources: those with damage may give more to a better reader. No bytes at all would make all empty files one.
        let sql = "SELECT id, bytes, sha256, 0 FROM source WHERE state = 'complete' AND bytes > 0 AND reader = ?1
             UNION ALL SELECT id, bytes, sha256, 1 FROM archive WHERE complete AND reader = ?1";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([reader])?;
        while let Some(row) = rows.next()? {
            known.sizes.insert(row.get::<_, i64>(1)?.cast_unsigned());
            let what = if row.get(3)? { Known::Archive(ArchiveId(row.get(0)?)) } else { Known::Source(SourceId(row.get(0)?)) };
            known.hashes.insert(row.get(2)?, what);
        }
        Ok(known)
    }
}

impl Writer<'_> {
    /// Puts down that a path has a source's bytes, unless the ledger says so already. No source may be open.
    ///
    /// # Errors
    /// When there is no such source, or SQLite fails.
    pub fn repeat_source(&mut self, path: &str, of: SourceId) -> Result<SourceRow, StoreError> {
        let mut row = ledger::source(self.connection, of)?;
        let is_there = self
            .connection
            .prepare_cached("SELECT 1 FROM source WHERE path = ?1 AND sha256 = ?2 AND state <> 'loading'")?
            .exists(params![path, row.sha256])?;
        if !is_there {
            self.connection
                .prepare_cached(
                    "INSERT INTO source (path, format, state, sha256, bytes, events, bad, recovered, duplicate_of, first_time_us, last_time_us, reason, timezone, clock)
                     SELECT ?1, format, CASE state WHEN 'complete' THEN 'duplicate' ELSE state END, sha256, bytes, events, bad, recovered,
                         CASE state WHEN 'complete' THEN id ELSE duplicate_of END, first_time_us, last_time_us, reason, timezone, clock
                     FROM source WHERE id = ?2",
                )?
                .execute(params![path, of.0])?;
        }
        path.clone_into(&mut row.path);
        Ok(row)
    }

    /// Puts down that a path has an archive's bytes: each of its members is repeated under that path.
    ///
    /// # Errors
    /// When there is no such archive, or SQLite fails.
    pub fn repeat_archive(&mut self, path: &str, of: ArchiveId) -> Result<Vec<SourceRow>, StoreError> {
        let old: Option<String> =
            self.connection.prepare_cached("SELECT path FROM archive WHERE id = ?1")?.query_row([of.0], |row| row.get(0)).optional()?;
        let old = old.ok_or_else(|| StoreError::Damaged(format!("`{path}` repeats archive {}, which is not there", of.0)))?;
        let members: Vec<(i64, String)> = {
            let mut select = self.connection.prepare_cached("SELECT id, path FROM source WHERE archive = ?1 ORDER BY id")?;
            select.query_map([of.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
        };
        let repeat = |(id, member): (i64, String)| {
            let path = member.strip_prefix(&old).map_or_else(|| member.clone(), |rest| format!("{path}{rest}"));
            self.repeat_source(&path, SourceId(id))
        };
        members.into_iter().map(repeat).collect()
    }

    /// Begins an archive: the sources that follow are its members. No source may be open.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn begin_archive(&mut self, path: &str, sha256: &str, bytes: u64, reader: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("INSERT INTO archive (path, sha256, bytes, reader) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            path,
            sha256,
            bytes.cast_signed(),
            reader
        ])?;
        self.archive = Some(ArchiveId(self.connection.last_insert_rowid()));
        Ok(())
    }

    /// Ends the archive, if one was begun; it is known from now on where all of it was read without damage.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn end_archive(&mut self, is_complete: bool) -> Result<(), StoreError> {
        if let Some(archive) = self.archive.take().filter(|_| is_complete) {
            self.connection.prepare_cached("UPDATE archive SET complete = 1 WHERE id = ?1")?.execute([archive.0])?;
        }
        Ok(())
    }
}

/// Leaves one row in the ledger for a path and its bytes, when they were met again and nothing is new: `id` is that of the
/// row that was just written.
pub(super) fn forget_repetition(connection: &Connection, id: i64) -> Result<(), StoreError> {
    let twin: Option<i64> = connection
        .prepare_cached(
            "SELECT s.id FROM source n JOIN source s ON s.path = n.path WHERE n.id = ?1 AND s.id < n.id AND s.sha256 = n.sha256 AND s.state <> 'loading'",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if twin.is_some() {
        connection.prepare_cached("DELETE FROM source WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}

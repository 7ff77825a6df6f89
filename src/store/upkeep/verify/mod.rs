//! Whether a store is whole: the file, the events, the ledger, the dictionary, the rendered text, the findings.
//!
//! All is read once, in one read transaction, so that a load beside it changes nothing. Which ids there are is kept as
//! bits ([`IdSet`]): a join for each column would cost a look-up a cell. What is wrong is a diagnostic with a code of docs/store.md.

mod cells;
mod dictionary;
mod events;
mod findings;
mod ledger;
mod texts;

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::texts::Unpacker;
use super::super::{Store, StoreError, catalog_sql};
use super::id_set::IdSet;
use crate::catalog::Catalog;
use crate::diag::Diagnostic;

/// Faults of one code that are told one by one; all are counted.
const FAULTS_TOLD: u64 = 5;
/// Faults that SQLite looks for before it stops.
const INTEGRITY_FAULTS: u32 = 100;

/// A part of a store that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedPart {
    /// Its name.
    pub name: &'static str,
    /// How much of it was read: rows, pages of the file.
    pub checked: u64,
    /// Faults that were found.
    pub faults: u64,
    /// What is wrong; of many faults with one code the first.
    pub diagnostics: Vec<Diagnostic>,
}

/// What verifying a store gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreVerdict {
    /// Its parts, in the order in which they are looked at.
    pub parts: Vec<VerifiedPart>,
    /// Values of the dictionary that no event uses.
    pub unused_values: u64,
}

impl StoreVerdict {
    /// How many faults there are.
    pub fn faults(&self) -> u64 {
        self.parts.iter().map(|part| part.faults).sum()
    }
}

/// Faults as they are found.
#[derive(Debug, Default)]
struct Faults {
    /// Those of the part at hand.
    diagnostics: Vec<Diagnostic>,
    by_code: BTreeMap<&'static str, u64>,
    parts: Vec<VerifiedPart>,
}

impl Faults {
    /// Notes a fault.
    fn add(&mut self, code: &'static str, message: impl FnOnce() -> String) {
        let known = self.by_code.entry(code).or_default();
        *known += 1;
        if *known <= FAULTS_TOLD {
            self.diagnostics.push(Diagnostic::error(code, message()));
        }
    }

    /// Ends a part.
    fn end_part(&mut self, name: &'static str, checked: u64) {
        let counts = std::mem::take(&mut self.by_code);
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        let more = |(code, count): (&&'static str, &u64)| {
            let rest = count.checked_sub(FAULTS_TOLD).filter(|rest| *rest > 0)?;
            Some(Diagnostic::error(code, format!("{rest} more faults of this kind")))
        };
        diagnostics.extend(counts.iter().filter_map(more));
        self.parts.push(VerifiedPart { name, checked, faults: counts.values().sum(), diagnostics });
    }

    fn finish(self, unused_values: u64) -> StoreVerdict {
        StoreVerdict { parts: self.parts, unused_values }
    }
}

/// What is known of a store while it is verified.
struct Verifier<'s> {
    store: &'s Store,
    connection: &'s Connection,
    catalog: Catalog,
    /// The last visible event.
    watermark: i64,
    faults: Faults,
    /// Values that are there, and those of them that are lists.
    values: IdSet,
    lists: IdSet,
    /// Values that something refers to.
    used: IdSet,
    /// Visible events.
    events: IdSet,
    /// Reads packed texts.
    unpacker: Unpacker,
}

impl Store {
    /// Verifies the store: reads all of it, changes nothing.
    ///
    /// # Errors
    /// When SQLite cannot read the store at all; what is wrong in it is in the verdict.
    pub fn verify(&self) -> Result<StoreVerdict, StoreError> {
        Ok(self.verify_and_use()?.0)
    }

    /// As [`Store::verify`], with the values that something refers to.
    pub(super) fn verify_and_use(&self) -> Result<(StoreVerdict, IdSet), StoreError> {
        // One view of the store from the first to the last question.
        self.connection.execute_batch("BEGIN")?;
        let verified = verify(self);
        self.connection.execute_batch("ROLLBACK")?;
        verified
    }
}

fn verify(store: &Store) -> Result<(StoreVerdict, IdSet), StoreError> {
    let connection = &store.connection;
    let mut faults = Faults::default();
    file(store, &mut faults)?;
    let catalog = match catalog_sql::read(connection) {
        Ok(catalog) => catalog,
        // Without the catalog nothing else can be read.
        Err(StoreError::Damaged(what)) => {
            faults.add("verify-reference", || what);
            faults.end_part("catalog", 0);
            return Ok((faults.finish(0), IdSet::default()));
        }
        Err(error) => return Err(error),
    };
    let watermark: i64 = connection.query_row("SELECT last_event FROM watermark", [], |row| row.get(0))?;
    let mut verifier = Verifier {
        store,
        connection,
        catalog,
        watermark,
        faults,
        values: IdSet::default(),
        lists: IdSet::default(),
        used: IdSet::default(),
        events: IdSet::default(),
        unpacker: Unpacker::default(),
    };
    verifier.dictionary()?;
    let seen = verifier.events()?;
    verifier.cells(&seen)?;
    verifier.ledger(&seen)?;
    verifier.texts()?;
    verifier.findings()?;
    let unused = verifier.unused_values()?;
    Ok((verifier.faults.finish(unused), verifier.used))
}

/// The file as SQLite sees it, and the references that the schema declares.
fn file(store: &Store, faults: &mut Faults) -> Result<(), StoreError> {
    store.watch.note_progress();
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let mut statement = store.connection.prepare(&format!("PRAGMA integrity_check({INTEGRITY_FAULTS})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if text != "ok" {
            faults.add("verify-file", || format!("SQLite: {}", text.trim()));
        }
    }
    store.watch.note_progress();
    let mut statement = store.connection.prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or_else(String::new, |id| format!(" {id}"));
        faults.add("verify-reference", || format!("`{table}`{id} names a row of `{parent}` that is not there"));
    }
    faults.end_part("file", pages.unsigned_abs());
    Ok(())
}

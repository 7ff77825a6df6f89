//! What people say of findings.

use rusqlite::{Transaction, TransactionBehavior, params_from_iter};

use super::finding_filter::{FilterSql, FindingFilter};
use super::{SqlValue, Store, StoreError};

/// What somebody says of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triage<'t> {
    /// The status; `None` takes back what was said, the note too.
    pub status: Option<&'t str>,
    /// The note; `None` leaves the one that is there.
    pub note: Option<&'t str>,
    /// When it was said (µs UTC).
    pub changed_us: i64,
}

impl<'t> Triage<'t> {
    /// A status without a note.
    pub fn new(status: Option<&'t str>, changed_us: i64) -> Self {
        Self { status, note: None, changed_us }
    }
}

impl Store {
    /// Says the same of all findings that a filter lets pass. Returns how many these are. The order and limit of the filter do not count.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn set_triage(&self, filter: &FindingFilter, said: &Triage<'_>) -> Result<u64, StoreError> {
        let FilterSql { condition, mut parameters, .. } = filter.sql();
        let chosen = format!("SELECT f.finding_id FROM finding f JOIN rule r ON r.id = f.rule WHERE {condition}");
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let count = transaction.query_row(&format!("SELECT count(*) FROM ({chosen})"), params_from_iter(&parameters), |row| row.get(0));
        let count: i64 = count?;
        let sql = match said.status {
            None => format!("DELETE FROM triage WHERE finding_id IN ({chosen})"),
            Some(status) => {
                let note = said.note.map_or(SqlValue::Null, |note| SqlValue::Text(note.to_owned()));
                let first = parameters.len() + 1;
                parameters.extend([SqlValue::Text(status.to_owned()), note, SqlValue::Integer(said.changed_us)]);
                let (status, note, changed) = (first, first + 1, first + 2);
                format!(
                    "INSERT INTO triage (finding_id, status, note, changed_us)
                     SELECT finding_id, ?{status}, coalesce(?{note}, ''), ?{changed} FROM ({chosen}) WHERE 1
                     ON CONFLICT (finding_id) DO UPDATE SET status = ?{status}, note = coalesce(?{note}, note), changed_us = ?{changed}"
                )
            }
        };
        transaction.execute(&sql, params_from_iter(&parameters))?;
        transaction.commit()?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

//! When the events of findings happened, for those who ask a finding for an interval without SQL.

use rusqlite::params_from_iter;

use super::finding_filter::{FilterSql, FindingFilter, is_capped};
use super::kept_event::{JOIN_EVENT, TIME};
use super::{Store, StoreError};

impl Store {
    /// Visits the times (µs UTC) of the events behind findings, by finding and time, each time once. Left out are findings of one time,
    /// and those that have more events than are kept: one of the others may be anywhere between the first and the last, and these two say
    /// all that is known, as for [`FindingFilter::since_us`]. The filter chooses findings; all events of a finding count.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_finding_time(&self, filter: &FindingFilter, visit: &mut dyn FnMut(i64, i64)) -> Result<(), StoreError> {
        let FilterSql { condition, parameters, .. } = filter.sql();
        let sql = format!(
            "SELECT DISTINCT x.finding, {TIME}
             FROM finding f JOIN rule r ON r.id = f.rule JOIN evidence x ON x.finding = f.id {JOIN_EVENT}
             WHERE f.first_time_us < f.last_time_us AND {TIME} IS NOT NULL AND NOT {} AND {condition} ORDER BY 1, 2",
            is_capped()
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(&parameters))?;
        while let Some(row) = rows.next()? {
            visit(row.get(0)?, row.get(1)?);
        }
        Ok(())
    }
}

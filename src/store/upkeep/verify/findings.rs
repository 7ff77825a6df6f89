//! Findings: what they say can be read, and their evidence is there, as an event or as text.

use super::super::super::StoreError;
use super::Verifier;
use crate::catalog::TypeId;

impl Verifier<'_> {
    /// Reads all findings with their evidence.
    pub(super) fn findings(&mut self) -> Result<(), StoreError> {
        let kept = self.kept_events()?;
        let mut statement = self.connection.prepare("SELECT finding, event FROM evidence")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let (finding, event): (i64, i64) = (row.get(0)?, row.get(1)?);
            if !self.events.contains(event) && !kept.contains(event) {
                self.faults.add("verify-evidence", || format!("event {event} of finding {finding} is neither there nor kept as text"));
            }
        }
        let sql = "SELECT f.id, json_valid(f.group_json) AND json_valid(f.columns_json) AND json_valid(f.risk_objects_json),
                       EXISTS (SELECT 1 FROM finding_history h WHERE h.finding = f.id AND h.hunt <= f.hunt) FROM finding f";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            count += 1;
            let (id, is_json, has_history): (i64, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if !is_json {
                self.faults.add("verify-evidence", || format!("finding {id} holds invalid JSON"));
            }
            if !has_history {
                self.faults.add("verify-evidence", || format!("finding {id} has no line in its history"));
            }
        }
        self.faults.end_part("findings", count);
        Ok(())
    }

    /// Events that are kept as text.
    fn kept_events(&mut self) -> Result<super::IdSet, StoreError> {
        let kept = self.ids("SELECT event FROM kept_event")?;
        let mut statement =
            self.connection.prepare("SELECT event, type, host, json_valid(fields_json) AND json_valid(aliases_json) FROM kept_event")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (event, of_type, host, is_json): (i64, u32, Option<i64>, bool) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            if self.events.contains(event) {
                self.faults.add("verify-evidence", || format!("event {event} is there and kept as text too"));
            }
            if !is_json || self.catalog.event_type(TypeId(of_type)).is_none() {
                self.faults.add("verify-evidence", || format!("the kept event {event} cannot be read"));
            }
            if let Some(host) = host {
                self.refer(host, || format!("the host of the kept event {event}"));
            }
        }
        Ok(kept)
    }
}

//! The ledger against the rows: how many events each source brought, which ids and record numbers they have.

use super::super::super::StoreError;
use super::Verifier;
use super::events::SeenEvents;

/// A row of `source`.
struct LedgerRow {
    id: i64,
    state: String,
    events: i64,
    new_events: i64,
    removed: i64,
    first_event: i64,
    last_event: i64,
}

impl Verifier<'_> {
    /// Reads the ledger.
    pub(super) fn ledger(&mut self, seen: &SeenEvents) -> Result<(), StoreError> {
        let sql = "SELECT id, state, events, new_events, removed, first_event, last_event FROM source ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(LedgerRow {
                id: row.get(0)?,
                state: row.get(1)?,
                events: row.get(2)?,
                new_events: row.get(3)?,
                removed: row.get(4)?,
                first_event: row.get(5)?,
                last_event: row.get(6)?,
            })
        })?;
        let rows: Vec<LedgerRow> = rows.collect::<Result<_, _>>()?;
        let finished = || rows.iter().filter(|row| row.state != "loading");
        for row in finished() {
            self.source(row, seen)?;
        }
        let mut ranges: Vec<(i64, i64, i64)> = finished()
            .filter(|row| row.state == "complete" && row.last_event >= row.first_event)
            .map(|row| (row.first_event, row.last_event, row.id))
            .collect();
        ranges.sort_unstable();
        for pair in ranges.windows(2).filter(|pair| pair[0].1 >= pair[1].0) {
            self.faults.add("verify-ledger", || format!("sources {} and {} have the same ids of events", pair[0].2, pair[1].2));
        }
        if let Some(last) = ranges.last().filter(|range| range.1 > self.watermark) {
            self.faults.add("verify-ledger", || format!("source {} has events above the last visible one", last.2));
        }
        for source in seen.by_source.keys().filter(|id| !finished().any(|row| row.id == **id)) {
            self.faults.add("verify-reference", || format!("events are of source {source}, which is not in the ledger"));
        }
        self.copies()?;
        self.record_ranges(seen)?;
        self.faults.end_part("ledger", rows.len() as u64);
        Ok(())
    }

    fn source(&mut self, row: &LedgerRow, seen: &SeenEvents) -> Result<(), StoreError> {
        let found = seen.by_source.get(&row.id).copied().unwrap_or_default();
        let said = row.new_events - row.removed;
        if i64::try_from(found.events) != Ok(said) || row.new_events > row.events || row.removed < 0 {
            let LedgerRow { id, events, new_events, removed, .. } = row;
            self.faults.add("verify-ledger", || {
                format!(
                    "source {id} says that it has {events} events, brought {new_events} and lost {removed}, and has {} in the store",
                    found.events
                )
            });
        }
        let is_within = found.all == 0 || (found.first >= row.first_event && found.last <= row.last_event);
        if !is_within {
            // Counted only where the cheap test fails: a source that took events over has them elsewhere.
            let sql = "SELECT count(*) FROM event e WHERE e.source = ?1 AND e.id <= ?4 AND e.id NOT BETWEEN ?2 AND ?3 AND NOT EXISTS (
                           SELECT 1 FROM adopted_range a WHERE a.source = ?1 AND e.id BETWEEN a.first_event AND a.last_event)";
            let outside: i64 =
                self.connection.query_row(sql, [row.id, row.first_event, row.last_event, self.watermark], |found| found.get(0))?;
            if outside > 0 {
                self.faults.add("verify-ledger", || format!("{outside} events of source {} have ids that are not its own", row.id));
            }
        }
        Ok(())
    }

    /// A copy is that of a source with the same bytes.
    fn copies(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT c.id FROM source c LEFT JOIN source s ON s.id = c.duplicate_of
                   WHERE c.state = 'duplicate' AND (s.id IS NULL OR s.state <> 'complete' OR s.sha256 <> c.sha256)";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.faults.add("verify-ledger", || format!("source {id} is a copy, and what it is a copy of is not there"));
        }
        Ok(())
    }

    /// Record numbers are within the ranges by which the same event in other bytes is found.
    fn record_ranges(&mut self, seen: &SeenEvents) -> Result<(), StoreError> {
        let sql = "SELECT first, last FROM record_range WHERE type = ?1 AND host = ?2 AND source = ?3";
        let mut select = self.connection.prepare(sql)?;
        let mut wrong: Vec<i64> = Vec::new();
        for ((of_type, host, source), (first, last)) in &seen.records {
            let mut rows = select.query((of_type, host, source))?;
            let known: Option<(i64, i64)> = rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?;
            if !known.is_some_and(|known| known.0 <= *first && known.1 >= *last) {
                wrong.push(*source);
            }
        }
        wrong.sort_unstable();
        for source in wrong {
            self.faults.add("verify-ledger", || format!("record numbers of source {source} are outside of the range that is noted for it"));
        }
        Ok(())
    }
}

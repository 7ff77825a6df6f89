//! Removing sources with the events that no other source has.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::super::super::{Store, StoreError, finding_identity};
use super::super::id_set::IdSet;
use super::Remover;

/// A source that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedSource {
    /// Its path.
    pub path: String,
    /// The path of a source with the same bytes, which has its events now.
    pub copy: Option<String>,
}

/// What dropping sources did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedSources {
    /// The sources.
    pub sources: Vec<DroppedSource>,
    /// Events that were removed.
    pub events: u64,
    /// Those of them that findings keep as text.
    pub kept: u64,
    /// Events that stay, because other sources have them too in other bytes.
    pub moved: u64,
}

/// A row of the ledger that goes.
struct Doomed {
    id: i64,
    path: String,
    state: String,
    sha256: String,
    archive: Option<i64>,
    first_event: i64,
    last_event: i64,
    first_time_us: Option<i64>,
    last_time_us: Option<i64>,
}

impl Store {
    /// The rows of the ledger that a path or a number means: a source, or all members of an archive.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn sources_named(&self, name: &str) -> Result<Vec<i64>, StoreError> {
        let sql =
            "SELECT id FROM source WHERE state <> 'loading' AND (path = ?1 OR substr(path, 1, length(?1) + 2) = ?1 || '!/') ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let by_path: Vec<i64> = statement.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let number = name.parse::<i64>().ok().filter(|_| by_path.is_empty());
        let Some(number) = number else { return Ok(by_path) };
        let sql = "SELECT id FROM source WHERE id = ?1 AND state <> 'loading'";
        Ok(self.connection.query_row(sql, [number], |row| row.get(0)).optional()?.into_iter().collect())
    }

    /// Removes sources with their events. An event that another source has too stays and is that one's. A source of which another one
    /// has the same bytes gives its events to that one. What was dropped can be loaded again.
    ///
    /// # Errors
    /// When SQLite fails; then nothing is removed.
    pub fn drop_sources(&mut self, ids: &[i64]) -> Result<DroppedSources, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch("CREATE TEMP TABLE IF NOT EXISTS doomed (id INTEGER PRIMARY KEY); DELETE FROM temp.doomed;")?;
        for id in ids {
            transaction.execute("INSERT OR IGNORE INTO temp.doomed (id) VALUES (?1)", [id])?;
        }
        let mut remover = Remover::new(self)?;
        let mut outcome = DroppedSources::default();
        // The times of sources whose events went: findings with more events than are kept may have lost some.
        let mut span: (Option<i64>, Option<i64>) = (None, None);
        for source in doomed(&transaction)? {
            let copy = if source.state == "complete" { give_to_copy(&transaction, &source)? } else { None };
            if copy.is_none() {
                if source.state == "complete" {
                    span = (span.0.into_iter().chain(source.first_time_us).min(), span.1.max(source.last_time_us));
                    outcome.moved += remove_events(&mut remover, &source)?;
                }
                forget(&transaction, &source)?;
            }
            outcome.sources.push(DroppedSource { path: source.path, copy });
        }
        forget_aliases(&transaction)?;
        transaction.execute("DELETE FROM archive WHERE id NOT IN (SELECT archive FROM source WHERE archive IS NOT NULL)", [])?;
        outcome.kept = remover.kept;
        outcome.events = remover.finish("f.first_time_us <= ?2 AND f.last_time_us >= ?1", &[&span.0, &span.1])?;
        transaction.commit()?;
        self.catalog.replace(None);
        Ok(outcome)
    }
}

fn doomed(connection: &Connection) -> Result<Vec<Doomed>, StoreError> {
    let sql = "SELECT id, path, state, sha256, archive, first_event, last_event, first_time_us, last_time_us FROM source
               WHERE id IN (SELECT id FROM temp.doomed) AND state <> 'loading' ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Doomed {
            id: row.get(0)?,
            path: row.get(1)?,
            state: row.get(2)?,
            sha256: row.get(3)?,
            archive: row.get(4)?,
            first_event: row.get(5)?,
            last_event: row.get(6)?,
            first_time_us: row.get(7)?,
            last_time_us: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Gives all that a source has to the first copy of its bytes that stays, whose path it takes. Returns that path.
fn give_to_copy(connection: &Connection, source: &Doomed) -> Result<Option<String>, StoreError> {
    let sql =
        "SELECT id, path, archive FROM source WHERE duplicate_of = ?1 AND state = 'duplicate' AND id NOT IN (SELECT id FROM temp.doomed)
               ORDER BY id LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let copy: Option<(i64, String, Option<i64>)> = connection.prepare_cached(sql)?.query_row([source.id], read).optional()?;
    let Some((id, path, archive)) = copy else { return Ok(None) };
    connection.execute("UPDATE source SET path = ?2, archive = ?3 WHERE id = ?1", params![source.id, path, archive])?;
    connection.execute("DELETE FROM source WHERE id = ?1", [id])?;
    not_known(connection, source.archive)?;
    Ok(Some(path))
}

/// An archive is not known any more once one of its members is gone.
fn not_known(connection: &Connection, archive: Option<i64>) -> Result<(), StoreError> {
    if let Some(archive) = archive {
        connection.execute("UPDATE archive SET complete = 0 WHERE id = ?1", [archive])?;
    }
    Ok(())
}

/// Removes the events of a source, but for those that others have too. Returns how many these are.
fn remove_events(remover: &mut Remover<'_>, source: &Doomed) -> Result<u64, StoreError> {
    let connection = remover.connection;
    let mut select = connection.prepare_cached("SELECT first_event, last_event FROM adopted_range WHERE source = ?1")?;
    let adopted = select.query_map([source.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut ranges: Vec<(i64, i64)> = adopted.collect::<Result<_, _>>()?;
    ranges.push((source.first_event, source.last_event));
    let moved = move_shared(remover, source, &ranges)?;
    for (first, last) in ranges {
        remover.remove_between(first, last, &|row| Ok(row.get::<_, i64>(2)? == source.id))?;
    }
    Ok(moved)
}

/// Moves the events that other sources have too to the first of these.
fn move_shared(remover: &Remover<'_>, source: &Doomed, ranges: &[(i64, i64)]) -> Result<u64, StoreError> {
    let connection = remover.connection;
    let sql = "SELECT a.event, a.source, a.position, s.sha256, coalesce(e.position, e.id - ?2 + 1) FROM event_alias a JOIN event e ON e.id = a.event
               JOIN source s ON s.id = a.source
               WHERE a.event BETWEEN ?3 AND ?4 AND e.source = ?1 AND a.source NOT IN (SELECT id FROM temp.doomed) ORDER BY a.event, a.source, a.position";
    let mut moves: Vec<(i64, i64, i64, String, i64)> = Vec::new();
    for (first, last) in ranges {
        let mut select = connection.prepare_cached(sql)?;
        let mut rows = select.query(params![source.id, source.first_event, first, last])?;
        while let Some(row) = rows.next()? {
            remover.store.watch.note_progress();
            let event: i64 = row.get(0)?;
            if moves.last().is_none_or(|known| known.0 != event) {
                moves.push((event, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
            }
        }
    }
    let mut with_findings: BTreeMap<i64, ((String, i64), (String, i64))> = BTreeMap::new();
    let mut adopters = IdSet::default();
    for (event, adopter, position, sha256, old_position) in &moves {
        remover.store.watch.note_progress();
        adopt(connection, *event, *adopter, *position, !remover.carved.contains(*event))?;
        if adopters.insert(*adopter) {
            for (first, last) in ranges {
                let sql = "INSERT OR IGNORE INTO adopted_range (source, first_event, last_event) VALUES (?1, ?2, ?3)";
                connection.prepare_cached(sql)?.execute([adopter, first, last])?;
            }
        }
        if remover.evidence.contains(*event) {
            with_findings.insert(*event, ((source.sha256.clone(), *old_position), (sha256.clone(), *position)));
        }
    }
    move_findings(connection, &with_findings)?;
    Ok(moves.len() as u64)
}

/// Makes an event one of another source that has it.
fn adopt(connection: &Connection, event: i64, adopter: i64, position: i64, is_counted: bool) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE event SET source = ?2, position = ?3 WHERE id = ?1")?.execute([event, adopter, position])?;
    let sql = "DELETE FROM event_alias WHERE event = ?1 AND source = ?2 AND position = ?3";
    connection.prepare_cached(sql)?.execute([event, adopter, position])?;
    let sql = "UPDATE source SET new_events = new_events + ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![adopter, is_counted])?;
    // Whoever meets the event again finds it by the numbers of its new source.
    let sql = "INSERT INTO record_range (type, host, source, first, last)
               SELECT type, coalesce(host, 0), source, record, record FROM event WHERE id = ?1 AND record IS NOT NULL
               ON CONFLICT (type, host, source) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)";
    connection.prepare_cached(sql)?.execute([event])?;
    Ok(())
}

/// Findings that are about a moved event alone are known by its new source: a later hunt finds the same ones.
fn move_findings(connection: &Connection, moved: &BTreeMap<i64, ((String, i64), (String, i64))>) -> Result<(), StoreError> {
    if moved.is_empty() {
        return Ok(());
    }
    let sql =
        "SELECT x.event, f.id, f.finding_id, r.rule_id FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut renamed: Vec<(i64, String, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let Some((from, to)) = moved.get(&row.get(0)?) else { continue };
        let (id, identity, rule): (i64, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let (from, to) = ((from.0.as_str(), from.1.unsigned_abs()), (to.0.as_str(), to.1.unsigned_abs()));
        if let Some(new) = finding_identity::moved(&identity, &rule, from, to) {
            renamed.push((id, identity, new));
        }
    }
    drop(rows);
    for (id, old, new) in renamed {
        // Where the store has a finding of that identity already it stays as it is.
        if connection.prepare_cached("UPDATE OR IGNORE finding SET finding_id = ?2 WHERE id = ?1")?.execute(params![id, new])? == 1 {
            connection.prepare_cached("UPDATE OR REPLACE triage SET finding_id = ?2 WHERE finding_id = ?1")?.execute([old, new])?;
        }
    }
    Ok(())
}

/// Removes a source's row and what is noted for it.
fn forget(connection: &Connection, source: &Doomed) -> Result<(), StoreError> {
    not_known(connection, source.archive)?;
    for sql in ["DELETE FROM source WHERE id = ?1", "DELETE FROM adopted_range WHERE source = ?1"] {
        connection.prepare_cached(sql)?.execute([source.id])?;
    }
    Ok(())
}

/// Forgets where else events were met, of all sources that are gone: once, because neither table is in the order of sources.
fn forget_aliases(connection: &Connection) -> Result<(), StoreError> {
    for table in ["event_alias", "record_range"] {
        connection.execute(&format!("DELETE FROM {table} WHERE source NOT IN (SELECT id FROM source)"), [])?;
    }
    Ok(())
}

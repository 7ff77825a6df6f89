//! What is in a store, and where its bytes are.

use std::collections::BTreeMap;

use super::super::{Store, StoreError};

/// A store in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreInfo {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Of them, pages that hold nothing: `compact` gives them back.
    pub free_bytes: u64,
    /// The version of its schema.
    pub schema_version: u32,
    /// See [`Store::generation`].
    pub generation: u64,
    /// Visible events.
    pub events: u64,
    /// Those of them without a time.
    pub without_time: u64,
    /// Time of the first (µs UTC).
    pub first_time_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_time_us: Option<i64>,
    /// Distinct texts of the dictionary.
    pub values: u64,
    /// Distinct lists of it.
    pub lists: u64,
    /// Rows of the ledger, copies and what was not read included.
    pub sources: u64,
    /// Kinds of events.
    pub event_types: u64,
    /// Hunts.
    pub hunts: u64,
    /// When the last one began (µs UTC).
    pub last_hunt_us: Option<i64>,
    /// Findings that are current.
    pub findings: u64,
    /// Findings that are superseded or gone.
    pub past_findings: u64,
    /// Events behind findings that were removed and are kept as text.
    pub kept_events: u64,
}

/// The bytes of tables that belong together, with their indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSpace {
    /// What they hold.
    pub group: &'static str,
    /// How many tables.
    pub tables: u64,
    /// Bytes of their pages.
    pub bytes: u64,
}

/// The sources of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceStateCount {
    /// `complete`, `duplicate`, `skipped`, or `loading` while a load writes.
    pub state: String,
    /// How many.
    pub sources: u64,
    /// Their events, whether or not they were seen before.
    pub events: u64,
    /// Those of them that no earlier source had.
    pub new_events: u64,
    /// Those of the new ones that were removed later.
    pub removed: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

/// What tables are counted as, in the order in which they are listed; those of event types are not here.
const GROUPS: [(&str, &[&str]); 6] = [
    ("events", &["event", "recovered_event", "event_alias", "event_identity", "record_range"]),
    ("fields", &["overflow"]),
    ("values", &["value", "value_item"]),
    ("rendered text", &["message", "message_block"]),
    (
        "findings",
        &[
            "rule",
            "hunt",
            "finding",
            "finding_history",
            "finding_entity",
            "triage",
            "evidence",
            "kept_event",
            "rule_status",
            "rule_state",
            "hunt_rule",
        ],
    ),
    ("ledger", &["source", "archive", "adopted_range"]),
];
/// All else: the catalog, the schema with its views, statistics.
const OTHER_GROUP: &str = "catalog and views";
/// Pages without anything.
const FREE_GROUP: &str = "free";

impl Store {
    /// Counts what is in the store. Reads the table of all events and the dictionary once.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn info(&self) -> Result<StoreInfo, StoreError> {
        self.watch.note_progress();
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        let page = number("PRAGMA page_size")?;
        let sql = "SELECT count(*), count(time_us), min(time_us), max(time_us) FROM event WHERE id <= (SELECT last_event FROM watermark)";
        let events = self.connection.query_row(sql, [], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs(), row.get(2)?, row.get(3)?))
        })?;
        self.watch.note_progress();
        let values = number("SELECT count(*) FROM value")?;
        let lists = number("SELECT count(*) FROM value WHERE is_list")?;
        let findings = number("SELECT count(*) FROM finding WHERE state = 'current'")?;
        Ok(StoreInfo {
            file_bytes: number("PRAGMA page_count")? * page,
            free_bytes: number("PRAGMA freelist_count")? * page,
            schema_version: u32::try_from(number("PRAGMA user_version")?).unwrap_or(u32::MAX),
            generation: self.generation()?,
            events: events.0,
            without_time: events.0 - events.1,
            first_time_us: events.2,
            last_time_us: events.3,
            values: values - lists,
            lists,
            sources: number("SELECT count(*) FROM source")?,
            event_types: number("SELECT count(*) FROM event_type")?,
            hunts: number("SELECT count(*) FROM hunt")?,
            last_hunt_us: self.connection.query_row("SELECT max(started_us) FROM hunt", [], |row| row.get(0))?,
            findings,
            past_findings: number("SELECT count(*) FROM finding")? - findings,
            kept_events: number("SELECT count(*) FROM kept_event")?,
        })
    }

    /// Where the bytes of the file are, the most first. Reads the head of every page.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn space(&self) -> Result<Vec<TableSpace>, StoreError> {
        self.watch.note_progress();
        let sql = "SELECT coalesce(s.tbl_name, d.name), d.name = coalesce(s.tbl_name, d.name), d.pgsize
                   FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut groups: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let group = groups.entry(group_of(row.get_ref(0)?.as_str().unwrap_or_default())).or_default();
            group.0 += u64::from(row.get::<_, bool>(1)?);
            group.1 += row.get::<_, i64>(2)?.unsigned_abs();
        }
        let free: i64 = self.connection.query_row(
            "SELECT f.freelist_count * p.page_size FROM pragma_freelist_count f, pragma_page_size p",
            [],
            |row| row.get(0),
        )?;
        groups.insert(FREE_GROUP, (0, free.unsigned_abs()));
        let mut spaces: Vec<TableSpace> = groups.into_iter().map(|(group, (tables, bytes))| TableSpace { group, tables, bytes }).collect();
        spaces.sort_by_key(|space| std::cmp::Reverse(space.bytes));
        Ok(spaces)
    }

    /// The sources by state.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn source_states(&self) -> Result<Vec<SourceStateCount>, StoreError> {
        let sql =
            "SELECT state, count(*), sum(events), sum(new_events), sum(removed), sum(bytes) FROM source GROUP BY state ORDER BY state";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let count = |place| row.get::<_, i64>(place).map(i64::unsigned_abs);
            Ok(SourceStateCount {
                state: row.get(0)?,
                sources: count(1)?,
                events: count(2)?,
                new_events: count(3)?,
                removed: count(4)?,
                bytes: count(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// What a table is counted as.
fn group_of(table: &str) -> &'static str {
    let is_of_type = table.strip_prefix('e').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let named = || GROUPS.iter().find(|(_, tables)| tables.contains(&table)).map_or(OTHER_GROUP, |(group, _)| *group);
    if is_of_type { "fields" } else { named() }
}

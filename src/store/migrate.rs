//! Versions of the schema: `user_version` counts the migrations applied, `application_id` says whose file it is.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::StoreError;

/// `RHNT`: the application id of every store.
pub(super) const APPLICATION_ID: i32 = 0x5248_4e54;

/// In order; each is applied once.
pub(super) const MIGRATIONS: [&str; 6] = [
    include_str!("../../migrations/0001_store.sql"),
    include_str!("../../migrations/0002_identity.sql"),
    include_str!("../../migrations/0003_known.sql"),
    include_str!("../../migrations/0004_reading.sql"),
    include_str!("../../migrations/0005_described.sql"),
    include_str!("../../migrations/0006_years.sql"),
];

fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).expect("few migrations")
}

/// Settings that a file from a stranger cannot turn against us.
pub(super) fn harden(connection: &Connection) -> Result<(), StoreError> {
    // Defensive mode, no triggers, an untrusted schema, no attached files: all that a file could use to act when it is opened.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // Else a statement is prepared anew for each new parameter, once `PRAGMA optimize` has sampled its index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// A write-ahead log, so that the store can be read meanwhile, and settings for speed that lose nothing but the last transaction
/// when the machine stops.
pub(super) fn tune(connection: &Connection) -> Result<(), StoreError> {
    connection
        // NORMAL with a log: after a power cut the last transactions may be missing, but the file is whole.
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA foreign_keys = OFF;")?;
    Ok(())
}

/// Refuses a file that is not ours, is newer or older, or holds what we never write.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let (application, found) = pragmas(connection)?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign { found: application });
    }
    known_version(found)?;
    if found < version() {
        return Err(StoreError::Older { found, known: version() });
    }
    super::check::schema(connection)
}

/// Refuses a file that is not ours or is newer. An older one passes.
pub(super) fn check_for_copy(connection: &Connection) -> Result<(), StoreError> {
    match check(connection) {
        Err(StoreError::Older { .. }) => Ok(()),
        checked => checked,
    }
}

/// Whether a store is of this version.
pub(super) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    Ok(pragmas(connection)?.1 == version())
}

/// Brings a store to the newest version; a new file becomes a store.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let (application, found) = pragmas(connection)?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    // An empty file is a new store; one with tables and without the id is somebody else's database.
    if application != APPLICATION_ID && (application != 0 || objects > 0) {
        return Err(StoreError::Foreign { found: application });
    }
    if objects > 0 {
        known_version(found)?;
    }
    if found < version() {
        // One transaction, with the number: what is cut short is done again and never twice, and a new file is a store of this version or
        // nothing. Between two of them it would be a store of a version that this program made and does not read.
        let transaction = connection.transaction()?;
        for (_, sql) in (1..).zip(MIGRATIONS).filter(|(index, _)| *index > found) {
            transaction.execute_batch(sql)?;
        }
        transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};", version()))?;
        transaction.commit()?;
    }
    super::check::schema(connection)
}

fn known_version(found: i32) -> Result<(), StoreError> {
    match found {
        ..1 => Err(StoreError::Hostile(format!("its version is {found}, and the first version is 1"))),
        found if found > version() => Err(StoreError::Newer { found, known: version() }),
        _ => Ok(()),
    }
}

fn pragmas(connection: &Connection) -> Result<(i32, i32), StoreError> {
    let read = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
    Ok((read("application_id")?, read("user_version")?))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::ir::{Level, Risk, RuleMeta};

    /// The last version that kept no scale of both languages.
    const WITHOUT_SEVERITY: usize = 3;

    #[test]
    fn rules_of_older_stores_get_the_level_that_a_new_hunt_would_give_them() {
        let mut connection = Connection::open_in_memory().unwrap();
        MIGRATIONS[..WITHOUT_SEVERITY].iter().for_each(|sql| connection.execute_batch(sql).unwrap());
        connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {WITHOUT_SEVERITY};")).unwrap();
        connection.execute("INSERT INTO hunt (started_us, last_event, rules, findings) VALUES (1, 1, 1, 1)", []).unwrap();
        let risk = |score| Risk { score, impact: None, confidence: None };
        let scores = [100.0, 80.0, 79.5, 60.0, 42.0, 39.9, 20.0, 3.0];
        let splunk = scores.map(|score| RuleMeta { risk: Some(risk(score)), detection_type: "TTP".into(), ..RuleMeta::default() });
        let sigma = Level::ALL.map(|level| RuleMeta { level: Some(level), ..RuleMeta::default() });
        let silent = [RuleMeta::default(), RuleMeta { detection_type: "Hunting".into(), ..RuleMeta::default() }];
        let rules: Vec<RuleMeta> = splunk.into_iter().chain(sigma).chain(silent).collect();
        for (id, meta) in (1_i64..).zip(&rules) {
            let level = meta.level.map_or_else(|| meta.detection_type.clone(), |level| level.as_str().to_owned());
            let rule = "INSERT INTO rule (id, rule_id, hash, title, path, language, level, techniques, tactics, stories)
                        VALUES (?1, ?1, '', '', '', '', ?2, '[]', '[]', '[]')";
            connection.execute(rule, params![id, level]).unwrap();
            let finding = "INSERT INTO finding (finding_id, rule, first_hunt, hunt, state, group_json, columns_json, count, risk_score, message, risk_objects_json)
                           VALUES (?1, ?1, 1, 1, 'current', '{}', '{}', 1, ?2, '', '[]')";
            connection.execute(finding, params![id, meta.effective_risk_score()]).unwrap();
        }
        migrate(&mut connection).unwrap();
        for (id, meta) in (1_i64..).zip(&rules) {
            let severity: String = connection.query_row("SELECT severity FROM rule WHERE id = ?1", [id], |row| row.get(0)).unwrap();
            assert_eq!(severity, meta.effective_level().map_or("", Level::as_str), "{meta:?}");
        }
    }

    /// The last version that had what became of a rule once for each path.
    const BY_PATH: usize = 4;

    #[test]
    fn an_older_store_keeps_the_last_outcome_of_each_rule() {
        let mut connection = Connection::open_in_memory().unwrap();
        MIGRATIONS[..BY_PATH].iter().for_each(|sql| connection.execute_batch(sql).unwrap());
        connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {BY_PATH};")).unwrap();
        connection.execute("INSERT INTO hunt (started_us, last_event, rules, findings) VALUES (1, 1, 1, 1), (2, 1, 1, 1)", []).unwrap();
        // `c` is in three files of one hunt; documents without an id are each their own.
        let rows = [
            ("a", "r/a", 1, "found"),
            ("a", "r2/a", 2, "nothing"),
            ("b", "r/b", 1, "no-data"),
            ("c", "r/c1", 2, "nothing"),
            ("c", "r/c2", 2, "found"),
            ("c", "r/c3", 2, "found"),
            ("", "r/x", 1, "unsupported"),
            ("", "r/y", 2, "unsupported"),
        ];
        for (id, path, hunt, outcome) in rows {
            let sql = "INSERT INTO rule_status VALUES (?1, ?2, ?3, '', '', '', '[]', '[]', ?4, '')";
            connection.execute(sql, params![id, path, hunt, outcome]).unwrap();
        }
        migrate(&mut connection).unwrap();
        let mut statement = connection.prepare("SELECT path FROM rule_status ORDER BY path").unwrap();
        let kept: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(kept, ["r/b", "r/c2", "r/x", "r/y", "r2/a"]);
    }
}

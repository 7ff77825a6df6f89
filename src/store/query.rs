//! SQL over the store: the hunt's own, and what people type.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, Statement, params_from_iter};

use super::StoreError;

/// A value that goes into or comes out of SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl SqlValue {
    /// Memory of its text.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blob(blob) => blob.len(),
            _ => 0,
        }
    }
}

impl rusqlite::ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, Value};
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(n) => ToSqlOutput::from(*n),
            Self::Real(n) => ToSqlOutput::from(*n),
            Self::Text(t) => ToSqlOutput::from(t.as_str()),
            Self::Blob(b) => ToSqlOutput::from(b.as_slice()),
        })
    }
}

/// Rows and their column names.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<SqlValue>>,
    /// Whether rows beyond the limit were left out.
    pub truncated: bool,
}

/// What bounds a query that people type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryLimits {
    /// Rows returned at most.
    pub max_rows: usize,
    /// Wall-clock time.
    pub max_time: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { max_rows: 1_000_000, max_time: Duration::from_secs(600) }
    }
}

/// Runs a statement of the program's own.
pub(super) fn run(connection: &Connection, sql: &str, parameters: &[SqlValue]) -> Result<QueryResult, StoreError> {
    collect(&mut connection.prepare(sql)?, parameters, usize::MAX)
}

/// Bytes of text that a typed query may return, and bytes of one value it may make.
const MAX_RESULT_BYTES: usize = 256 * 1024 * 1024;

/// Limits of SQLite for what people type.
const LIMITS: [(Limit, i32); 4] = [
    (Limit::SQLITE_LIMIT_LENGTH, 128 * 1024 * 1024),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Runs one statement that somebody typed: nothing but reading, within limits.
pub(super) fn query(
    connection: &mut Connection,
    sql: &str,
    parameters: &[SqlValue],
    limits: &QueryLimits,
) -> Result<QueryResult, StoreError> {
    let late = Arc::new(AtomicBool::new(false));
    let (start, max_time, flag) = (Instant::now(), limits.max_time, late.clone());
    connection.progress_handler(
        10_000,
        Some(move || {
            let over = start.elapsed() > max_time;
            flag.fetch_or(over, Ordering::Relaxed);
            over
        }),
    )?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    connection.authorizer(Some(authorize))?;
    let before: Vec<(Limit, i32)> =
        LIMITS.iter().map(|(limit, _)| Ok((*limit, connection.limit(*limit)?))).collect::<Result<_, StoreError>>()?;
    LIMITS.iter().try_for_each(|(limit, value)| connection.set_limit(*limit, *value).map(|_| ()))?;
    let result = one_statement(connection, sql).and_then(|mut statement| collect(&mut statement, parameters, limits.max_rows));
    before.iter().try_for_each(|(limit, value)| connection.set_limit(*limit, *value).map(|_| ()))?;
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    connection.progress_handler(0, None::<fn() -> bool>)?;
    connection.execute_batch("PRAGMA query_only = OFF")?;
    match result {
        Err(_) if late.load(Ordering::Relaxed) => Err(StoreError::Limit(format!("it ran longer than {} s", limits.max_time.as_secs()))),
        other => other,
    }
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => Authorization::Allow,
        AuthAction::Pragma { pragma_name, pragma_value: None } if ["table_info", "table_list", "table_xinfo"].contains(&pragma_name) => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name: "table_info" | "table_xinfo", .. } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

/// The only statement of a text, which must be one that reads.
fn one_statement<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>, StoreError> {
    let mut batch = Batch::new(connection, sql);
    let statement = batch.next()?.ok_or_else(|| StoreError::Refused("there is no statement".to_owned()))?;
    if batch.next()?.is_some() {
        return Err(StoreError::Refused("there is more than one statement".to_owned()));
    }
    if !statement.readonly() {
        return Err(StoreError::Refused("it does more than read".to_owned()));
    }
    Ok(statement)
}

fn collect(statement: &mut Statement<'_>, parameters: &[SqlValue], max_rows: usize) -> Result<QueryResult, StoreError> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut result = QueryResult { columns, rows: Vec::new(), truncated: false };
    let mut bytes = 0;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        if result.rows.len() >= max_rows || (bytes > MAX_RESULT_BYTES && max_rows < usize::MAX) {
            result.truncated = true;
            break;
        }
        let row: Vec<SqlValue> = (0..result.columns.len()).map(|i| row.get_ref(i).map(owned)).collect::<Result<_, _>>()?;
        bytes += row.iter().map(SqlValue::bytes).sum::<usize>();
        result.rows.push(row);
    }
    Ok(result)
}

fn owned(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(n) => SqlValue::Integer(n),
        ValueRef::Real(n) => SqlValue::Real(n),
        ValueRef::Text(t) => SqlValue::Text(String::from_utf8_lossy(t).into_owned()),
        ValueRef::Blob(b) => SqlValue::Blob(b.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventBatch, Names};
    use crate::store::Store;
    use crate::store::tests::{add, load};

    fn store() -> Store {
        let (names, mut batch) = (Names::default(), EventBatch::default());
        add(&mut batch, &names, 1, &[("A", "x")]);
        let mut store = Store::in_memory().unwrap();
        load(&mut store, "a", "1", &batch, &names);
        store.make_views(&[]).unwrap();
        store
    }

    #[test]
    fn reading_is_allowed() {
        let mut store = store();
        for sql in [
            "SELECT * FROM security_5145;",
            "SELECT count(*) FROM events -- a comment",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n",
            "PRAGMA table_info(event)",
            "EXPLAIN QUERY PLAN SELECT * FROM events",
            "SELECT retro_fold('A')",
        ] {
            let result = store.query(sql, &[], &QueryLimits::default());
            assert!(result.is_ok(), "{sql}: {result:?}");
        }
        let rows = store.query("SELECT ?1 || 'b'", &[SqlValue::Text("a".into())], &QueryLimits::default()).unwrap().rows;
        assert_eq!(rows, [[SqlValue::Text("ab".into())]]);
    }

    #[test]
    fn all_else_is_refused_and_changes_nothing() {
        let mut store = store();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let name = file.to_string_lossy().into_owned();
        let attach = format!("ATTACH '{name}' AS x");
        let vacuum = format!("VACUUM INTO '{name}'");
        let write = format!("SELECT writefile('{name}', 'x')");
        for sql in [
            attach.as_str(),
            vacuum.as_str(),
            write.as_str(),
            "",
            " ; ",
            "SELECT 1; SELECT 2",
            "SELECT 1; DROP TABLE event",
            "DELETE FROM event",
            "INSERT INTO watermark VALUES (2, 2)",
            "UPDATE event SET host = 1",
            "WITH x AS (SELECT 1) DELETE FROM event",
            "DROP VIEW events",
            "CREATE TABLE x (a)",
            "CREATE TEMP TABLE x (a)",
            "CREATE TEMP TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END",
            "ALTER TABLE event ADD COLUMN x",
            "REINDEX",
            "ANALYZE",
            "VACUUM",
            "BEGIN",
            "SAVEPOINT x",
            "PRAGMA writable_schema = ON",
            "PRAGMA query_only = OFF",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA temp_store_directory = '/'",
            "SELECT load_extension('x')",
            "DETACH main",
            "SELECT length(zeroblob(1000000000))",
            "SELECT printf('%.*c', 1000000000, 'x')",
        ] {
            assert!(store.query(sql, &[], &QueryLimits::default()).is_err(), "{sql}");
        }
        assert!(!file.exists());
        assert_eq!(store.query("SELECT count(*) FROM event", &[], &QueryLimits::default()).unwrap().rows, [[SqlValue::Integer(1)]]);
        store.connection.execute_batch("CREATE TEMP TABLE own (a); INSERT INTO own VALUES (zeroblob(200000000))").unwrap();
    }

    #[test]
    fn limits_stop_what_does_not_end() {
        let mut store = store();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
        let limits = QueryLimits { max_rows: 10, max_time: Duration::from_millis(100) };
        let stopped = store.query(&format!("{endless} SELECT count(*) FROM n"), &[], &limits);
        assert!(matches!(stopped, Err(StoreError::Limit(_))), "{stopped:?}");
        let rows = store.query(&format!("{endless} SELECT i FROM n"), &[], &limits).unwrap();
        assert_eq!((rows.rows.len(), rows.truncated), (10, true));
        let few = store.query("SELECT 1", &[], &limits).unwrap();
        assert!(!few.truncated);
    }
}

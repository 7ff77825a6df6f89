//! SQL over the store: the hunt's own, and what people type.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, Statement, params_from_iter};

use super::StoreError;
use super::watch::Watch;

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

/// All rows of a result and their column names.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<SqlValue>>,
}

/// What bounds a query that people type. Rows are not bounded: they are passed on one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryLimits {
    /// Time that SQLite may work on one statement; what the reader of the rows takes does not count.
    pub max_time: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        // Ten minutes: long enough for a join over a large store, short enough that a forgotten one does not run over night.
        Self { max_time: Duration::from_secs(600) }
    }
}

/// Runs a statement of the program's own.
pub(super) fn run(connection: &Connection, sql: &str, parameters: &[SqlValue]) -> Result<QueryResult, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut result = QueryResult { columns: names(&statement), rows: Vec::new() };
    each_row::<StoreError>(&mut statement, parameters, &mut |row| {
        result.rows.push(row);
        Ok(())
    })?;
    Ok(result)
}

/// Bytes of memory that SQLite may hold for a query: one row can be as many values as a statement has columns, each as long as
/// [`LIMITS`] allows. Sorting and grouping go to temporary files long before.
const MAX_HEAP_BYTES: u64 = 512 << 20;

/// Limits of SQLite for what people type.
const LIMITS: [(Limit, i32); 4] = [
    // No value of an event comes near; a call that builds a text of gigabytes ends here.
    (Limit::SQLITE_LIMIT_LENGTH, 128 * 1024 * 1024),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Steps of SQLite's machine between two looks at the clock: more often than [`Watch`] does, because somebody waits.
const STEPS_PER_LOOK: i32 = 10_000;

/// A store for what people type: nothing but reading, within limits. The store is as before when this is dropped.
pub struct TypedQueries<'s> {
    connection: &'s mut Connection,
    watch: &'s Watch,
    before: Vec<(Limit, i32)>,
    clock: Arc<QueryTimer>,
}

impl<'s> TypedQueries<'s> {
    pub(super) fn new(
        connection: &'s mut Connection,
        watch: &'s Watch,
        limits: &QueryLimits,
        is_cancelled: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self, StoreError> {
        let clock = Arc::new(QueryTimer {
            start: Instant::now(),
            max_time: limits.max_time,
            away_us: AtomicU64::new(0),
            late: AtomicBool::new(false),
        });
        let handler = clock.clone();
        // The limit of the heap is one of the process, so it is not taken back.
        connection.query_row(&format!("PRAGMA hard_heap_limit = {MAX_HEAP_BYTES}"), [], |_| Ok(()))?;
        // Beside the authorizer: each of the two alone would be enough, and a gap in one is not one in both.
        connection.execute_batch("PRAGMA query_only = ON")?;
        let before = LIMITS.iter().map(|(limit, _)| Ok((*limit, connection.limit(*limit)?))).collect::<Result<_, StoreError>>()?;
        let own = Self { connection, watch, before, clock };
        own.connection.progress_handler(STEPS_PER_LOOK, Some(move || handler.is_late() || is_cancelled()))?;
        own.connection.authorizer(Some(authorize))?;
        LIMITS.iter().try_for_each(|(limit, value)| own.connection.set_limit(*limit, *value).map(|_| ()))?;
        Ok(own)
    }

    /// Prepares the only statement of a text, which must be one that reads.
    ///
    /// # Errors
    /// When it is not allowed or SQLite does not understand it.
    pub fn prepare(&self, sql: &str) -> Result<TypedQuery<'_>, StoreError> {
        let statement = one_statement(self.connection, sql).map_err(|error| self.clock.explain(error))?;
        Ok(TypedQuery { columns: names(&statement), statement, clock: &self.clock })
    }
}

impl Drop for TypedQueries<'_> {
    fn drop(&mut self) {
        // Each of these fails for a closed connection only, and then there is nothing to put back.
        self.before.iter().for_each(|(limit, value)| drop(self.connection.set_limit(*limit, *value)));
        drop(self.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>));
        drop(self.watch.install(self.connection));
        drop(self.connection.execute_batch("PRAGMA query_only = OFF"));
    }
}

/// A statement that somebody typed.
pub struct TypedQuery<'q> {
    statement: Statement<'q>,
    columns: Vec<String>,
    clock: &'q QueryTimer,
}

impl TypedQuery<'_> {
    /// Returns the names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Runs the statement and passes its rows on, each as soon as SQLite has it.
    ///
    /// # Errors
    /// When it runs into a limit, SQLite fails, or the visitor does.
    pub fn each<E: From<StoreError>>(
        &mut self,
        parameters: &[SqlValue],
        visit: &mut dyn FnMut(Vec<SqlValue>) -> Result<(), E>,
    ) -> Result<(), E> {
        let clock = self.clock;
        let mut failed = None;
        let result = each_row::<StoreError>(&mut self.statement, parameters, &mut |row| {
            let arrived = Instant::now();
            let visited = visit(row);
            clock.was_away(arrived.elapsed());
            visited.map_err(|error| {
                failed = Some(error);
                StoreError::Limit(String::new())
            })
        });
        match (failed, result) {
            (Some(error), _) => Err(error),
            (None, result) => Ok(result.map_err(|error| clock.explain(error))?),
        }
    }
}

/// How long SQLite may work.
struct QueryTimer {
    start: Instant,
    max_time: Duration,
    /// Time that the reader of the rows took.
    away_us: AtomicU64,
    late: AtomicBool,
}

impl QueryTimer {
    fn is_late(&self) -> bool {
        let away = Duration::from_micros(self.away_us.load(Ordering::Relaxed));
        let late = self.start.elapsed().saturating_sub(away) > self.max_time;
        self.late.fetch_or(late, Ordering::Relaxed);
        late
    }

    fn was_away(&self, time: Duration) {
        self.away_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// SQLite says of a statement that was stopped only that it was interrupted.
    fn explain(&self, error: StoreError) -> StoreError {
        if self.late.load(Ordering::Relaxed) {
            return StoreError::Limit(format!("it ran longer than {} s", self.max_time.as_secs()));
        }
        match error.sqlite_code() {
            Some(ErrorCode::OutOfMemory) => StoreError::Limit(format!("it needs more than {} MiB of memory", MAX_HEAP_BYTES >> 20)),
            _ => error,
        }
    }
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    // What is not named here is denied, also what a later SQLite adds.
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
    let statement = batch.next()?.ok_or_else(|| StoreError::Refused("it is empty".to_owned()))?;
    if batch.next()?.is_some() {
        return Err(StoreError::Refused("it has more than one statement".to_owned()));
    }
    if !statement.readonly() {
        return Err(StoreError::Refused("only reading is allowed".to_owned()));
    }
    Ok(statement)
}

fn names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

fn each_row<E: From<StoreError>>(
    statement: &mut Statement<'_>,
    parameters: &[SqlValue],
    visit: &mut dyn FnMut(Vec<SqlValue>) -> Result<(), E>,
) -> Result<(), E> {
    let width = statement.column_count();
    let mut rows = statement.query(params_from_iter(parameters)).map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let values: Result<_, rusqlite::Error> = (0..width).map(|i| row.get_ref(i).map(owned)).collect();
        visit(values.map_err(StoreError::from)?)?;
    }
    Ok(())
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
        let limits = QueryLimits { max_time: Duration::from_millis(100) };
        let stopped = store.query(&format!("{endless} SELECT count(*) FROM n"), &[], &limits);
        assert!(matches!(stopped, Err(StoreError::Limit(_))), "{stopped:?}");
        assert_eq!(store.query("SELECT 1", &[], &limits).unwrap().rows.len(), 1);
    }

    #[test]
    fn rows_come_one_at_a_time_and_the_reader_may_stop_them() {
        let mut store = store();
        let queries = store.typed_queries(&QueryLimits::default()).unwrap();
        let mut query =
            queries.prepare("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS a, 'x' FROM n").unwrap();
        assert_eq!(query.columns(), ["a", "'x'"]);
        let mut seen = 0;
        let stopped = query.each::<StoreError>(&[], &mut |row| {
            assert_eq!(row[1], SqlValue::Text("x".into()));
            seen += 1;
            if seen < 1_000 { Ok(()) } else { Err(StoreError::Refused("enough".into())) }
        });
        assert!(matches!(stopped, Err(StoreError::Refused(_))) && seen == 1_000, "{stopped:?}");
    }

    #[test]
    fn time_of_the_reader_is_not_time_of_the_query() {
        let clock =
            QueryTimer { start: Instant::now(), max_time: Duration::ZERO, away_us: AtomicU64::new(0), late: AtomicBool::new(false) };
        clock.was_away(Duration::from_secs(1_000));
        assert!(!clock.is_late());
    }
}

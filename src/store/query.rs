//! SQL over the store: the hunt's own, and what people type.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

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
    collect(connection, sql, parameters, usize::MAX)
}

/// Runs one statement that somebody typed: nothing but reading, within limits.
pub(super) fn query(connection: &mut Connection, sql: &str, parameters: &[SqlValue], limits: &QueryLimits) -> Result<QueryResult, StoreError> {
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
    connection.authorizer(Some(authorize))?;
    connection.execute_batch("PRAGMA query_only = ON").ok();
    let result = collect(connection, sql, parameters, limits.max_rows);
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
        AuthAction::Pragma { pragma_name, pragma_value: None } if ["table_info", "table_list", "table_xinfo"].contains(&pragma_name) => Authorization::Allow,
        AuthAction::Pragma { pragma_name: "table_info" | "table_xinfo" | "query_only", .. } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

fn collect(connection: &Connection, sql: &str, parameters: &[SqlValue], max_rows: usize) -> Result<QueryResult, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut result = QueryResult { columns, rows: Vec::new(), truncated: false };
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        if result.rows.len() >= max_rows {
            result.truncated = true;
            break;
        }
        result.rows.push((0..result.columns.len()).map(|i| row.get_ref(i).map(owned)).collect::<Result<_, _>>()?);
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

//! `retrohunt sql`: ad-hoc questions to the store, read only.

use std::io::Read;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::counted_len;
use crate::event::hex;
use crate::report::{ListWriter, Shape};
use crate::sql::rewrite_adhoc;
use crate::store::{QueryLimits, SqlValue};

/// Query the store with SQL, read-only.
///
/// Each kind of event has a view (`security_5145`, `sysmon_1`), each Sigma category too (`process_creation`), and
/// `events` has all. Names and columns: SELECT name, sql FROM sqlite_schema WHERE type = 'view'.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt sql \"SELECT _time, IpAddress, RelativeTargetName FROM security_5145\"
  retrohunt sql \"SELECT EventID, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC\" --format csv
  retrohunt sql - < question.sql")]
pub(crate) struct Args {
    /// One SELECT statement; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    query: String,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let query = if args.query == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the statement from standard input")?;
        text
    } else {
        args.query.clone()
    };
    let mut store = args.store.open_read_only()?;
    let query = rewrite_adhoc(&query, &store.catalog()?);
    let result = store
        .query(&query, &[], &QueryLimits::default())
        .map_err(|error| anyhow!("the query failed: {error}{}", hint(&error.to_string())))?;
    let shape = Shape::of_columns(&result.columns);
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &shape, width)?;
    for row in &result.rows {
        let values: Vec<Value> = row.iter().map(value).collect();
        writer.row(&values)?;
    }
    writer.finish()?;
    printer.note(&counted_len(result.rows.len(), "row"));
    if result.truncated {
        printer.warning("there are more rows: the query stopped at its limit; add LIMIT or aggregate");
    }
    Ok(Outcome::partial_if(result.truncated))
}

/// Bytes become hexadecimal text; numbers that JSON has no name for become null.
fn value(value: &SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(n) => Value::from(*n),
        SqlValue::Real(n) => Value::from(*n),
        SqlValue::Text(text) => Value::from(text.as_str()),
        SqlValue::Blob(bytes) => Value::from(hex(bytes)),
    }
}

/// What else to say about an error of SQLite.
fn hint(error: &str) -> &'static str {
    if error.contains("no such table") {
        "; the names are in: SELECT name FROM sqlite_schema WHERE type = 'view'"
    } else if error.contains("not authorized") {
        "; only reading is allowed"
    } else {
        ""
    }
}

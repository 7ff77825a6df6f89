//! `retrohunt sql`: ad-hoc questions to the store, read only.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use super::Outcome;
use super::format::FormatArgs;
use super::hints::{explained, of_another_shell};
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::counted;
use crate::event::hex;
use crate::report::{ListWriter, ListingShape};
use crate::sql::rewrite_adhoc;
use crate::store::{QueryLimits, SqlValue, StoreError};

/// Query the store with SQL, read-only.
///
/// Each kind of event has a view (`security_5145`, `sysmon_1`), each Sigma category too (`process_creation`), and
/// `events` has all. `retrohunt views` lists them and their columns.
///
/// Tests of a column with constants ask the dictionary of texts where that is faster; EXPLAIN before a statement says how it runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt sql \"SELECT _time, IpAddress, RelativeTargetName FROM security_5145\"
  retrohunt sql \"SELECT EventID, count(*) FROM events GROUP BY 1\" --format csv
  retrohunt sql \"EXPLAIN QUERY PLAN SELECT _time FROM sysmon_1 WHERE Image LIKE '%powershell%'\"
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
    let typed = if args.query == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the statement from standard input")?;
        text
    } else {
        args.query.clone()
    };
    if let Some(hint) = of_another_shell(&typed) {
        bail!(hint);
    }
    let mut store = args.store.open_read_only()?;
    let catalog = store.catalog()?;
    let queries = store.typed_queries(&QueryLimits::default())?;
    let failed = |error: StoreError| {
        let views = queries.view_names().unwrap_or_default();
        let columns = |view: &str| queries.view_columns(view).unwrap_or_default();
        if let StoreError::Limit(_) = error {
            return anyhow!("{error}");
        }
        anyhow!("the query failed: {}", explained(&error.to_string(), &typed, &views, &columns))
    };
    // First as it was typed: that is what errors are about, and what its columns are called.
    let mut prepared = queries.prepare(&typed).map_err(failed)?;
    let shape = ListingShape::of_columns(prepared.columns());
    let is_explained = typed.trim_start().get(..EXPLAIN.len()).is_some_and(|word| word.eq_ignore_ascii_case(EXPLAIN));
    if let Some(statement) = rewrite_adhoc(&typed, &catalog, &queries)
        && let Ok(faster) = queries.prepare(&statement.sql)
        && faster.columns().len() == prepared.columns().len()
    {
        prepared = faster;
        if is_explained {
            printer.headed_note("Runs as:", &statement.shown);
        }
    } else if is_explained {
        printer.note("Runs as it was typed.");
    }
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &shape, width)?;
    let (mut rows, mut flushed) = (0, Instant::now());
    let result = prepared.each::<Stopped>(&[], &mut |row| {
        rows += 1;
        let values: Vec<Value> = row.into_iter().map(value).collect();
        writer.row(&values)?;
        if flushed.elapsed() > FLUSH_EVERY {
            writer.flush()?;
            flushed = Instant::now();
        }
        Ok(())
    });
    match result {
        Err(Stopped::Output(error)) => return Err(error.into()),
        // The rows before the fault are good: they are written whole, and the exit code says that they are not all.
        Err(Stopped::Store(error)) => {
            if rows > 0 {
                writer.finish()?;
            }
            return Err(failed(error));
        }
        Ok(()) => drop(writer.finish()?),
    }
    printer.note(&counted(rows, "row"));
    Ok(Outcome::Complete)
}

const EXPLAIN: &str = "EXPLAIN";

/// Who reads the rows sees those of a slow query this long after they are found.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// Why there are no more rows.
enum Stopped {
    Store(StoreError),
    Output(io::Error),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Bytes become hexadecimal text; numbers that JSON has no name for become null.
pub(super) fn value(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(n) => Value::from(n),
        SqlValue::Real(n) => Value::from(n),
        SqlValue::Text(text) => Value::from(text),
        SqlValue::Blob(bytes) => Value::from(hex(&bytes)),
    }
}

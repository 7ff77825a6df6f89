//! SQL functions that the store registers for those who type SQL: what SQLite does not have.
//!
//! All names begin with `retro_`, but for `regexp`, which makes the REGEXP operator work. All are deterministic and
//! innocuous: they read their arguments and nothing else. What a function of eval means is defined in [`crate::exec`].

use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Output, ValueRef};

use rustc_hash::FxHashMap;

use super::texts::read_base;
use super::{StoreError, pack};
use crate::exec::{self, Cell, Number, call_function, folded};
use crate::ir::Function;

// Innocuous, else SQLite refuses them in views of a store that is not trusted; deterministic, so that one call serves a constant.
const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

/// What a scalar function is.
type ScalarFunction = fn(&Context<'_>) -> rusqlite::Result<Output>;

/// Registers every function on a connection.
pub(crate) fn register(connection: &Connection, bases: &SharedBases) -> rusqlite::Result<()> {
    const ANY_NUMBER: i32 = -1;
    let scalars: &[(&str, i32, ScalarFunction)] = &[
        ("regexp", 2, regexp),
        ("retro_eval", ANY_NUMBER, eval),
        ("retro_fold", 1, |c| Ok(cell(c.get_raw(0)).text().map_or(Output::Null, |text| Output::Text(folded(&text))))),
        ("retro_text", 2, text),
        (super::views::MESSAGE_FUNCTION, 2, text),
        ("retro_value_hash", 1, |c| {
            let hash = |text: &str| Output::Integer(super::dictionary::hash64(text.as_bytes(), 0).cast_signed());
            Ok(cell(c.get_raw(0)).text().map_or(Output::Null, |text| hash(&text)))
        }),
    ];
    for (name, arguments, function) in scalars {
        let function = *function;
        connection.create_scalar_function(*name, *arguments, FLAGS, move |context| function(context))?;
    }
    let bases = bases.clone();
    connection.create_scalar_function(pack::FUNCTION, pack::ARGUMENTS, FLAGS, move |context| Ok(unpack(context, &bases)))
}

/// `max` of so many arguments: the text of a packed cell, where a view asks so; else what SQLite's own says.
fn unpack(context: &Context<'_>, bases: &SharedBases) -> Output {
    let mut most = ValueRef::Integer(0);
    for index in 0..context.len() {
        let value = context.get_raw(index);
        match value {
            // All the others NULL and a BLOB at the end: a cell, unless its base is not known here. Then plain SQL reads it.
            ValueRef::Blob(cell) if index + 1 == context.len() && index > 0 && most == ValueRef::Null => {
                return bases.unpack(cell).map_or(Output::Null, Output::Text);
            }
            _ if index == 0 => most = value,
            ValueRef::Null => most = ValueRef::Null,
            _ if most != ValueRef::Null && exceeds(value, most) => most = value,
            _ => {}
        }
    }
    match most {
        ValueRef::Null => Output::Null,
        ValueRef::Integer(n) => Output::Integer(n),
        ValueRef::Real(n) => Output::Real(n),
        ValueRef::Text(text) => Output::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Output::Blob(bytes.to_vec()),
    }
}

/// SQLite's order of values without collation: numbers, texts, bytes.
fn exceeds(a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
    let rank = |value: ValueRef<'_>| match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 1,
        ValueRef::Text(_) => 2,
        ValueRef::Blob(_) => 3,
    };
    match (a, b) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a > b,
        (ValueRef::Real(a), ValueRef::Real(b)) => a > b,
        (ValueRef::Integer(a), ValueRef::Real(b)) => a as f64 > b,
        (ValueRef::Real(a), ValueRef::Integer(b)) => a > b as f64,
        (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a > b,
        _ => rank(a) > rank(b),
    }
}

/// The bases of a store's packed texts, for SQL of this program.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedBases(Arc<Mutex<LoadedBases>>);

#[derive(Debug, Default)]
struct LoadedBases {
    bases: FxHashMap<u16, Vec<u8>>,
    last: i64,
}

impl SharedBases {
    /// Reads the bases that came since the last time.
    pub(crate) fn load(&self, connection: &Connection) -> Result<(), StoreError> {
        let Ok(mut loaded) = self.0.lock() else { return Ok(()) };
        let last: i64 = connection.query_row("SELECT coalesce(max(id), 0) FROM text_base", [], |row| row.get(0))?;
        let first = loaded.last;
        for id in (first..=last / pack::ROWS).take(MAX_LOADED) {
            // One that is damaged or not there is told by who reads a text that needs it.
            if let Ok(id) = u16::try_from(id)
                && let Ok(base) = read_base(connection, id)
            {
                loaded.bases.insert(id, base);
            }
        }
        loaded.last = last / pack::ROWS + 1;
        Ok(())
    }

    fn unpack(&self, cell: &[u8]) -> Option<String> {
        // Few texts are longer: growing would take as long as unpacking.
        let mut text = Vec::with_capacity(cell.len() * 8);
        if pack::unpack_number(cell, &mut text).is_some() {
            return String::from_utf8(text).ok();
        }
        let loaded = self.0.lock().ok()?;
        pack::unpack_into(cell, loaded.bases.get(&pack::base_id(cell)?)?, &mut text)?;
        String::from_utf8(text).ok()
    }
}

/// Bases that are read at a time, at most 32 kB each; texts with others are read by the plain SQL of their view.
const MAX_LOADED: usize = 512;

fn failure(message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(message.into())
}

/// `regexp(pattern, value)`: the operator `value REGEXP pattern`.
fn regexp(context: &Context<'_>) -> rusqlite::Result<Output> {
    if context.get_raw(0) == ValueRef::Null {
        return Ok(Output::Null);
    }
    // SQLite keeps the compiled expression with the statement: compiled once, not once a row.
    let regex: std::sync::Arc<regex::Regex> = context.get_or_create_aux(0, |raw| -> Result<regex::Regex, rusqlite::Error> {
        let pattern = raw.as_str().map_err(|e| failure(e.to_string()))?;
        regex::Regex::new(pattern).map_err(|e| failure(e.to_string()))
    })?;
    Ok(cell(context.get_raw(1)).text().map_or(Output::Null, |text| Output::Integer(i64::from(regex.is_match(&text)))))
}

/// `retro_eval(name, …)`: a function of Splunk's eval by its name. A list is its members on lines.
fn eval(context: &Context<'_>) -> rusqlite::Result<Output> {
    let name = context.get::<String>(0)?;
    let function = Function::named(&name).ok_or_else(|| failure(format!("eval has no function `{name}`")))?;
    let arguments: Vec<Cell> = (1..context.len()).map(|i| cell(context.get_raw(i))).collect();
    let made = call_function(function, &arguments, &exec::Context::default()).map_err(|fault| failure(fault.to_string()))?;
    Ok(match made {
        Cell::Null => Output::Null,
        Cell::Bool(truth) => Output::Integer(i64::from(truth)),
        Cell::Number(Number::Whole(number)) => Output::Integer(number),
        Cell::Number(number) => Output::Real(number.value()),
        other => other.text().map_or(Output::Null, |text| Output::Text(text.into_owned())),
    })
}

/// A cell of a result of SQL as eval sees it.
fn cell(raw: ValueRef<'_>) -> Cell {
    match raw {
        ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
        ValueRef::Integer(n) => Cell::Number(Number::Whole(n)),
        ValueRef::Real(n) => Cell::number_of(n),
        ValueRef::Text(bytes) => Cell::text_of(String::from_utf8_lossy(bytes)),
    }
}

/// `retro_text(data, number)`: one rendered text of a row of `message_block`.
fn text(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (ValueRef::Blob(data), ValueRef::Integer(number)) = (context.get_raw(0), context.get_raw(1)) else { return Ok(Output::Null) };
    super::messages::text_of(data, number).map(Output::Text).map_err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(expression: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection, &SharedBases::default()).unwrap();
        let shown = |value| match value {
            Output::Null => "∅".to_owned(),
            Output::Integer(n) => n.to_string(),
            Output::Real(n) => n.to_string(),
            Output::Text(text) => text,
            Output::Blob(bytes) => format!("{bytes:?}"),
        };
        let result = connection.query_row(&format!("SELECT {expression}"), [], |row| row.get::<_, Output>(0));
        result.map_or_else(|e| format!("error: {e}"), shown)
    }

    #[test]
    fn functions_for_those_who_type_sql() {
        for (expression, expected) in [
            ("'abc' REGEXP '^a'", "1"),
            ("NULL REGEXP '^a'", "∅"),
            ("'abc' REGEXP '('", "error: regex parse error:\n    (\n    ^\nerror: unclosed group"),
            ("retro_fold('ÄA')", "äa"),
            ("retro_eval('split', 'a,b', ',')", "a\nb"),
            ("retro_eval('round', 2.345, 2)", "2.35"),
            ("retro_eval('nothing')", "error: eval has no function `nothing`"),
        ] {
            assert_eq!(sql(expression), expected, "{expression}");
        }
    }
}

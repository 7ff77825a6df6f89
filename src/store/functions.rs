//! SQL functions that the store registers for those who type SQL: what SQLite does not have.
//!
//! All names begin with `retro_`, but for `regexp`, which makes the REGEXP operator work. All are deterministic and
//! innocuous: they read their arguments and nothing else. What a function of eval means is defined in [`crate::exec`].

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Output, ValueRef};

use crate::exec::{self, Cell, Number, call_function, folded};
use crate::ir::Function;

// Innocuous, else SQLite refuses them in views of a store that is not trusted; deterministic, so that one call serves a constant.
const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

/// What a scalar function is.
type ScalarFunction = fn(&Context<'_>) -> rusqlite::Result<Output>;

/// Registers every function on a connection.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
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
    Ok(())
}

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
        register(&connection).unwrap();
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

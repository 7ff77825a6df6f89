//! Names and texts of log data in SQL: the one place where they are escaped.
//!
//! A name that comes from a log, `"; DROP TABLE event; --`, must stay a name. Values go into statements as parameters; only views
//! and printed SQL, which have none, hold them as literals.

/// The inside of a quoted identifier. NUL, which no identifier can hold, becomes its symbol.
pub(crate) fn escaped_name(name: &str) -> String {
    name.replace('"', "\"\"").replace('\0', "\u{2400}")
}

/// The inside of a text literal. SQLite ends a statement at a NUL: it becomes its symbol here, and who needs it writes `char(0)`.
pub(crate) fn escaped_text(text: &str) -> String {
    text.replace('\'', "''").replace('\0', "\u{2400}")
}

/// A quoted identifier.
pub(super) fn name(name: &str) -> String {
    format!("\"{}\"", escaped_name(name))
}

/// A text literal.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", escaped_text(text))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn any_text_stays_a_name_or_a_text() {
        let connection = Connection::open_in_memory().unwrap();
        for odd in ["a", "", "\"", "\"\"; DROP TABLE t; --", "'", "''); --", "a\0b", "é\n\t\\", "[x]`y`"] {
            let sql = format!("SELECT {} AS {}", text(odd), name(odd));
            let mut statement = connection.prepare(&sql).unwrap();
            let kept = odd.replace('\0', "\u{2400}");
            assert!(statement.column_names().eq([kept.as_str()]), "{odd:?}");
            assert_eq!(statement.query_row([], |row| row.get::<_, String>(0)).unwrap(), kept);
        }
    }
}

//! A store may come from a stranger: its schema must be what this program makes, to the letter for tables and indexes,
//! in kind for views.

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::migrate::MIGRATIONS;
use super::{StoreError, pack};

/// What a view may call. SQLite's trusted_schema setting keeps functions with effects out of views as well.
// What reads files or loads code is not here.
const FUNCTIONS: &[&str] = &[
    "abs",
    "cast",
    "char",
    "coalesce",
    "count",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_group_array",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "nullif",
    "printf",
    "replace",
    "retro_text",
    super::views::MESSAGE_FUNCTION,
    "round",
    "rtrim",
    "strftime",
    "substr",
    "sum",
    "total",
    "trim",
    "typeof",
    "unicode",
    "upper",
];

/// Words of SQL that may stand before a parenthesis.
const WORDS: &[&str] = &[
    "all",
    "and",
    "as",
    "between",
    "by",
    "case",
    "else",
    "escape",
    "except",
    "exists",
    "from",
    "in",
    "intersect",
    "is",
    "join",
    "not",
    "on",
    "or",
    "over",
    "select",
    "then",
    "union",
    "values",
    "when",
    "where",
];

/// Tables that SQLite makes for its statistics.
const STATISTICS: [&str; 2] = ["CREATE TABLE sqlite_stat1(tbl,idx,stat)", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"];

/// Longest SQL of a view: the longest that this program makes is that of a category with thousands of event types.
const MAX_VIEW_BYTES: usize = 16 << 20;

/// Refuses what this program never makes: triggers, virtual tables, unknown, changed or missing tables and indexes, views in the
/// place of tables, views that do more than show text. So a statement of the program's own reads tables, whose cost is that of
/// their rows, and what a view costs is a matter of who asks it.
pub(super) fn schema(connection: &Connection) -> Result<(), StoreError> {
    let known = own_schema()?;
    let mut found = 0;
    let mut statement = connection
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
        .map_err(|e| StoreError::Damaged(format!("its schema: {e}")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let is_own = known.get(&(kind.clone(), name.clone())) == Some(&sql);
        let is_known = is_own
            || match kind.as_str() {
                "table" => STATISTICS.contains(&sql.as_str()) || is_type_table(&name, &sql),
                "index" => sql.is_empty() && name.starts_with("sqlite_autoindex_"),
                "view" => {
                    !is_type_name(&name.to_ascii_lowercase()) && sql.len() <= MAX_VIEW_BYTES && shows_only_text(&pack::without_unpack(&sql))
                }
                _ => false,
            };
        if !is_known {
            return Err(StoreError::Hostile(format!("it has an unknown {} `{}`", kind.escape_debug(), name.escape_debug())));
        }
        found += usize::from(is_own);
    }
    // A name is in a schema once, whatever its case and kind: where all are found, no view has the name of one.
    if found < known.len() {
        return Err(StoreError::Hostile(format!("{} of its tables and indexes are missing", known.len() - found)));
    }
    Ok(())
}

/// What the migrations make: kind and name, and the SQL.
fn own_schema() -> Result<FxHashMap<(String, String), String>, StoreError> {
    let connection = Connection::open_in_memory()?;
    MIGRATIONS.iter().try_for_each(|sql| connection.execute_batch(sql))?;
    let mut statement = connection.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a table is one of an event type: `e7 (_id INTEGER PRIMARY KEY, c0, c1)`.
fn is_type_table(name: &str, sql: &str) -> bool {
    let columns = sql.strip_prefix(&format!("CREATE TABLE {name} (_id INTEGER PRIMARY KEY")).and_then(|rest| rest.strip_suffix(')'));
    let Some(columns) = columns else { return false };
    let mut parts = columns.split(", ");
    is_type_name(name) && parts.next() == Some("") && parts.all(|part| part.strip_prefix('c').is_some_and(is_number))
}

/// Whether a table of an event type is called so.
pub(super) fn is_type_name(name: &str) -> bool {
    name.strip_prefix('e').is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a view calls nothing but plain functions, hides nothing in comments or odd quotes, and has no `WITH`, which may be
/// endless also without the word `RECURSIVE`.
fn shows_only_text(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'\'' | b'"' => {
                at = end_of_quoted(bytes, at);
                // A name in quotes before a parenthesis would be a call.
                if next_is_parenthesis(bytes, at) {
                    return false;
                }
            }
            // Brackets and backticks are quotes of other dialects, in which a call could hide; this program writes neither.
            b'[' | b'`' | b';' => return false,
            b'-' if bytes.get(at + 1) == Some(&b'-') => return false,
            b'/' if bytes.get(at + 1) == Some(&b'*') => return false,
            b if is_word(b) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                let word = sql[start..at].to_ascii_lowercase();
                if word == "with" {
                    return false;
                }
                if next_is_parenthesis(bytes, at) && !FUNCTIONS.contains(&word.as_str()) && !WORDS.contains(&word.as_str()) {
                    return false;
                }
            }
            _ => at += 1,
        }
    }
    true
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn next_is_parenthesis(bytes: &[u8], at: usize) -> bool {
    bytes[at..].iter().find(|b| !is_space(**b)) == Some(&b'(')
}

/// What SQLite skips between words: as C's `isspace`, which knows the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// The end of a text in quotes that begins at `at`; a doubled quote begins the next piece, which does no harm.
fn end_of_quoted(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at + 1..];
    rest.iter().position(|b| *b == bytes[at]).map_or(bytes.len(), |length| at + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_views_may_do() {
        for fine in [
            "CREATE VIEW \"a\" AS SELECT coalesce(x, 'load_extension(') FROM (SELECT 1 AS x) WHERE x IN (1, 2)",
            "CREATE VIEW a AS SELECT \"with\", 'with' AS \"within (\" FROM event",
            "CREATE VIEW a AS SELECT \"it''s (\" AS \"load_extension(\", 'a''b' || lower (x) FROM event",
        ] {
            assert!(shows_only_text(fine), "{fine}");
        }
        for bad in [
            "CREATE VIEW a AS SELECT load_extension('x')",
            "CREATE VIEW a AS SELECT \"load_extension\" ('x')",
            "CREATE VIEW a AS SELECT [load_extension]('x')",
            "CREATE VIEW a AS SELECT `load_extension`('x')",
            "CREATE VIEW a AS SELECT load_extension/**/('x')",
            "CREATE VIEW a AS SELECT load_extension --\n('x')",
            "CREATE VIEW a AS SELECT 'a''' || writefile('x', 'y')",
            "CREATE VIEW a AS SELECT zeroblob(1000000000)",
            "CREATE VIEW a AS SELECT load_extension \u{b}('x')",
            "CREATE VIEW a AS SELECT load_extension\u{c}('x')",
            "CREATE VIEW a AS SELECT load_extension\u{feff}('x')",
            "CREATE VIEW a AS WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x+1 FROM c) SELECT x FROM c",
            "CREATE VIEW a AS wiTh c AS (SELECT 1 AS x UNION ALL SELECT x+1 FROM c) SELECT x FROM c",
            "CREATE VIEW a AS SELECT * FROM pragma_table_info('x')",
            "CREATE VIEW a AS SELECT * FROM 'pragma_table_info'('x')",
        ] {
            assert!(!shows_only_text(bad), "{bad}");
        }
    }

    #[test]
    fn tables_of_types() {
        assert!(is_type_table("e7", "CREATE TABLE e7 (_id INTEGER PRIMARY KEY, c0, c1)"));
        assert!(is_type_table("e7", "CREATE TABLE e7 (_id INTEGER PRIMARY KEY)"));
        for sql in [
            "CREATE TABLE e7 (_id INTEGER PRIMARY KEY, c0 DEFAULT (1))",
            "CREATE TABLE e8 (_id INTEGER PRIMARY KEY)",
            "CREATE TABLE e7 (_id INTEGER PRIMARY KEY, c)",
            "CREATE TABLE e7 (_id INTEGER PRIMARY KEY AUTOINCREMENT)",
            "CREATE VIRTUAL TABLE e7 USING fts5(c0)",
        ] {
            assert!(!is_type_table("e7", sql), "{sql}");
        }
    }

    #[test]
    fn planted_objects_are_refused_by_name() {
        let endless = "WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x+1 FROM c) SELECT x FROM c";
        let long = format!("CREATE VIEW planted AS SELECT '{}' AS a", "x".repeat(super::MAX_VIEW_BYTES));
        let recursive = format!("CREATE VIEW planted AS {endless}");
        let planted = [
            (long.as_str(), "planted"),
            (&recursive, "planted"),
            ("DROP TABLE watermark; CREATE VIEW watermark AS SELECT 1 AS id, 0 AS last_event, -1 AS views_for", "missing"),
            ("DROP TABLE value; CREATE VIEW VALUE AS SELECT 1 AS id, 0 AS hash, '' AS text, 0 AS is_list", "missing"),
            ("CREATE VIEW E1 AS SELECT 1 AS _id", "E1"),
            ("DROP INDEX value_hash", "missing"),
            ("DROP TABLE triage", "missing"),
            ("CREATE TRIGGER planted AFTER INSERT ON hunt BEGIN DELETE FROM finding; END", "planted"),
            ("CREATE VIEW planted AS SELECT load_extension('x')", "planted"),
            ("CREATE TABLE planted (a)", "planted"),
            ("CREATE TABLE e1 (_id INTEGER PRIMARY KEY, c0 DEFAULT (random()))", "e1"),
            ("CREATE INDEX planted ON event (host)", "planted"),
            ("CREATE VIRTUAL TABLE planted USING fts5(a)", "planted"),
            ("DROP TABLE triage; CREATE TABLE triage (finding_id TEXT CHECK (random()))", "triage"),
        ];
        for (sql, name) in planted {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.db");
            drop(Store::open(&path).unwrap());
            Connection::open(&path).unwrap().execute_batch(sql).unwrap();
            for opened in [Store::open(&path).err(), Store::open_read_only(&path).err()] {
                let message = opened.map(|e| e.to_string()).unwrap_or_default();
                assert!(message.contains(name), "{sql}: {message}");
            }
        }
    }
}

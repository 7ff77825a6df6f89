//! What `retrohunt sql` makes of a statement gives the rows that the statement gives in a client that knows nothing of the project.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::load::make_views;
use retrohunt::sql::rewrite_adhoc;
use retrohunt::store::{QueryLimits, SqlValue, Store};
use rusqlite::types::Value;

use super::check;
use crate::support::evaluate::{Event, FieldValue};
use crate::support::generate::events::stored;
use crate::support::stored::Stored;

/// What values and patterns are made of: both cases, what LIKE and GLOB know, quotes, letters beyond ASCII.
const ATOMS: [&str; 24] = [
    "power", "POWER", "Shell", "shell", ".exe", "%", "_", "\\", "'", "\"", "*", "?", "[", "]", "ä", "Ä", "K", "\u{212a}", " ", "\n", "1",
    "x", "with", "--",
];
/// Fields of both event types; the second has a column of its category that is not a field as it is.
const FIELDS: [&str; 7] = ["Image", "CommandLine", "N", "When", "Guid", "Level", "Two Words"];
const VIEWS: [&str; 3] = ["sysmon_1", "security_4688", "process_creation"];

fn short() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&ATOMS[..]), 0..4).prop_map(|atoms| stored(&atoms.concat()))
}

/// Texts that go into the dictionary, that stay in their rows, that are packed; numbers and times as text.
fn value() -> impl Strategy<Value = FieldValue> {
    let number = prop_oneof![0i64..30, Just(-5), Just(i64::MAX)].prop_map(|n| n.to_string());
    let guid = (0u32..6).prop_map(|n| format!("{{5BE6F2D1-3D77-65C1-0000-00000000{n:04X}}}"));
    let long = (short(), 0u32..40, 12usize..30).prop_map(|(end, n, times)| format!("{}{n}{end}", "powershell -enc a".repeat(times)));
    let time = (0u32..60).prop_map(|n| format!("2024-03-01 10:00:{n:02}.120"));
    let text = prop_oneof![4 => short(), 4 => number, 2 => guid, 3 => long, 1 => time];
    let list = prop::collection::vec(short(), 2..4).prop_map(FieldValue::List);
    prop_oneof![8 => text.prop_map(FieldValue::Text), 1 => list]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let fields = prop::sample::subsequence(FIELDS.to_vec(), 0..=FIELDS.len())
        .prop_flat_map(|names| prop::collection::vec(value(), names.len()).prop_map(move |values| (names.clone(), values)));
    let event = (fields, any::<bool>()).prop_map(|((names, values), is_sysmon)| {
        let name = |name: &str| if name == "Image" && !is_sysmon { "NewProcessName" } else { name }.to_owned();
        let (dataset, code) = if is_sysmon { ("Microsoft-Windows-Sysmon/Operational", "1") } else { ("Security", "4688") };
        let fields = names.iter().map(|n| name(n)).zip(values).collect();
        let (product, host) = ("windows".into(), "host.test".into());
        Event { product, dataset: dataset.into(), code: code.into(), time_us: 1_709_287_200_000_000, host, fields, ..Event::default() }
    });
    prop::collection::vec(event, 2..160).prop_map(|mut events| {
        (1..).zip(&mut events).for_each(|(id, event)| event.id = id);
        events
    })
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A condition over the columns of a view; `#` stands for what qualifies them.
fn condition() -> impl Strategy<Value = String> {
    let column = (select(&FIELDS[..]), 0..4u8).prop_map(|(name, how)| match how {
        0 => format!("#\"{}\"", name.to_lowercase()),
        1 => format!("lower(#\"{name}\")"),
        2 => format!("(upper(#\"{name}\"))"),
        _ => format!("#\"{name}\""),
    });
    let texts = prop::collection::vec(prop_oneof![short(), (0i64..30).prop_map(|n| n.to_string())], 1..4);
    let leaf = (column, texts, any::<bool>(), 0..14u8).prop_map(|(column, texts, negated, kind)| {
        let not = if negated { "NOT " } else { "" };
        let (one, all) = (literal(&texts[0]), texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", "));
        let part = literal(&format!("%{}%", texts[0]));
        match kind {
            0..=3 => format!("{column} {not}LIKE {part}"),
            4 => format!("{column} LIKE {one}"),
            5 => format!("{column} {not}LIKE {part} ESCAPE '\\'"),
            6 => format!("{column} GLOB {}", literal(&format!("*{}*", texts[0]))),
            7 => format!("{column} = {one}"),
            8 => format!("{one} = {column}"),
            9 => format!("{column} {not}IN ({all})"),
            10 => format!("{column} {} {one}", ["<", "<=", ">", ">=", "<>", "!="][texts[0].len() % 6]),
            11 => format!("{column} {not}BETWEEN {one} AND 'x'"),
            12 => format!("length({column}) > {}", texts[0].len()),
            _ => format!("instr({column}, {one}) > 0"),
        }
    });
    // What stays as it is typed, among what does not.
    let typed = prop_oneof![Just("#\"N\" = 12".to_owned()), Just("#\"Image\" IS NULL".to_owned()), Just("#_id % 3 = 1".to_owned())];
    prop_oneof![6 => leaf, 1 => typed].prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, 0..3u8).prop_map(|(a, b, how)| match how {
            0 => format!("({a} AND {b})"),
            1 => format!("({a} OR {b})"),
            _ => format!("NOT ({a} OR {b}) AND {b}"),
        })
    })
}

/// A statement of a condition or two over a view or two.
fn statement() -> impl Strategy<Value = String> {
    let views = (select(&VIEWS[..]), select(&VIEWS[..]));
    (views, condition(), condition(), select(&FIELDS[..]), 0..18u8).prop_map(|((v, w), c, d, field, shape)| {
        let of = |condition: &str, table: &str| condition.replace('#', table);
        let (bare, c_of_a, d_of_b) = (of(&c, ""), of(&c, "a."), of(&d, "b."));
        match shape {
            0 | 1 => format!("SELECT _id FROM {v} WHERE {bare} ORDER BY _id DESC"),
            2 => format!("SELECT * FROM {v} WHERE {bare}"),
            3 => format!("SELECT a.*, _id + 1 FROM {v} AS a WHERE {c_of_a}"),
            4 => format!("SELECT a._id, b._id FROM {v} a JOIN {w} b ON a.Image = b.Image AND {d_of_b} WHERE {c_of_a}"),
            5 => format!("SELECT a._id, b._id FROM {v} a LEFT JOIN {w} b ON a._id = b._id + 1 WHERE {d_of_b}"),
            6 => {
                format!("WITH p AS (SELECT * FROM {v} WHERE {bare}), q(i) AS (SELECT _id FROM {w}) SELECT p.* FROM p JOIN q ON q.i = p._id")
            }
            7 => format!("SELECT count(*) FROM (SELECT Image, CommandLine FROM {v} WHERE {bare}) WHERE Image LIKE '%p%'"),
            8 => format!("SELECT _id FROM events WHERE _id IN (SELECT _id FROM {v} WHERE {bare}) OR _id = 1"),
            9 => format!("SELECT \"{field}\", count(*) AS n FROM {v} WHERE {bare} GROUP BY \"{field}\" ORDER BY n"),
            17 => format!("SELECT \"{field}\", count(*), Image AS i FROM {v} WHERE {bare} GROUP BY 1, 3"),
            10 => format!("SELECT a._id FROM {v} a WHERE EXISTS (SELECT 1 FROM {w} b WHERE b.Image = a.Image AND {d_of_b})"),
            11 => format!("SELECT _id FROM {v} WHERE {bare} UNION ALL SELECT _id FROM {w} WHERE {}", of(&d, "")),
            12 => format!("SELECT (SELECT count(*) FROM {w} b WHERE {d_of_b}) AS n, a._id FROM {v} a WHERE {c_of_a}"),
            13 => format!("SELECT a.*, b.* FROM {v} a, {w} b WHERE {c_of_a} AND {d_of_b} AND a._id < 4"),
            14 => format!("SELECT * FROM {v} a JOIN (SELECT _id AS i FROM {w}) AS b ON b.i = a._id WHERE {c_of_a}"),
            15 => format!("WITH {v} AS (SELECT '1' AS Image, 1 AS _id) SELECT Image FROM {v} WHERE Image LIKE '1'"),
            _ => format!("SELECT {v}._id FROM {v} JOIN {w} AS b USING (_id) WHERE {d_of_b}"),
        }
    })
}

/// The rows of a statement in any order; an error where SQLite has one.
fn by_client(client: &rusqlite::Connection, sql: &str) -> Result<Vec<String>, String> {
    let mut statement = client.prepare(sql).map_err(|e| e.to_string())?;
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|i| row.get::<_, Value>(i)).collect::<Result<Vec<_>, _>>());
    let mut rows: Vec<String> =
        rows.and_then(|rows| rows.map(|row| row.map(|row| format!("{row:?}"))).collect()).map_err(|e: rusqlite::Error| e.to_string())?;
    rows.sort();
    Ok(rows)
}

fn by_program(store: &mut Store, sql: &str) -> Result<Vec<String>, String> {
    let result = store.query(sql, &[], &QueryLimits::default()).map_err(|e| e.to_string())?;
    let mut rows: Vec<String> = result.rows.iter().map(|row: &Vec<SqlValue>| format!("{row:?}")).collect();
    rows.sort();
    Ok(rows)
}

#[test]
fn a_typed_statement_gives_the_rows_that_it_gives_anywhere() {
    let (all, rewritten) = (Cell::new(0), Cell::new(0));
    check(80, &(events(), 1usize..120, prop::collection::vec(statement(), 12)), |(events, batch_size, statements)| {
        let mut stored = Stored::of_batches(&events, batch_size);
        make_views(&mut stored.store).expect("views");
        let client = stored.client();
        let catalog = stored.store.catalog().expect("a catalog");
        for sql in &statements {
            let Ok(expected) = by_client(&client, sql) else { continue };
            let queries = stored.store.typed_queries(&QueryLimits::default()).expect("queries");
            let statement = rewrite_adhoc(sql, &catalog, &queries);
            drop(queries);
            all.set(all.get() + 1);
            if let Some(statement) = statement {
                rewritten.set(rewritten.get() + 1);
                prop_assert_eq!(by_program(&mut stored.store, &statement.sql), Ok(expected), "{}\n{}", sql, statement.sql);
            } else {
                prop_assert_eq!(by_program(&mut stored.store, sql), Ok(expected), "{}", sql);
            }
        }
        Ok(())
    });
    println!("{} of {} statements were rewritten", rewritten.get(), all.get());
    assert!(rewritten.get() * 2 > all.get(), "{} of {}", rewritten.get(), all.get());
}

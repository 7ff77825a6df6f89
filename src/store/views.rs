//! Text views: what was loaded, by field name, for any SQLite client.
//!
//! Views are pure SQL (but for `messages`, whose text is stored compressed) and show finished sources only. A
//! cell becomes text by a scalar subquery, which SQLite evaluates for the columns that a query uses and for no other.

use rusqlite::Connection;
use rustc_hash::FxHashSet;

use super::{StoreError, catalog_sql, quote, scan};
use crate::catalog::{Column, ColumnIndex, Encoding, EventType, Storage, TimeShape};

/// A view over several event types, made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDefinition {
    /// Its name.
    pub name: String,
    /// Its SELECT.
    pub select: String,
}

/// SQLite takes 1,000,000 bytes of SQL; only names that somebody made for it come near.
const MAX_SELECT_BYTES: usize = 950_000;

/// Event types with a view of their own, the first ones; the others are in `events` and `other_fields`. What SQLite does for
/// each view grows with the number of them, and it reads them all whenever it opens a store.
const MAX_TYPE_VIEWS: usize = 3_000;

const TIME: &str = "CASE WHEN e.time_us % 1000 = 0
    THEN strftime('%Y-%m-%dT%H:%M:%S', (e.time_us - ((e.time_us % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%03dZ', (((e.time_us % 1000000) + 1000000) % 1000000) / 1000)
    ELSE strftime('%Y-%m-%dT%H:%M:%S', (e.time_us - ((e.time_us % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', ((e.time_us % 1000000) + 1000000) % 1000000) END";
const HOST: &str = "(SELECT v.text FROM value v WHERE v.id = e.host)";
const SOURCE: &str = "(SELECT s.path FROM source s WHERE s.id = e.source)";
const RECORD: &str = "coalesce(e.record, e.position, e.id - (SELECT s.first_event FROM source s WHERE s.id = e.source) + 1)";
const VISIBLE: &str = "(SELECT w.last_event FROM watermark w)";
/// Columns of `event_head` that every view of events begins with. The view says once what would be said in each of them:
/// SQLite reads the text of every view whenever it opens a store.
const HEAD: &str = "_time, _time_us, _host, _source, _record";

/// Drops all views and makes them anew.
pub(super) fn make(connection: &mut Connection, definitions: &[ViewDefinition]) -> Result<(), StoreError> {
    let catalog = catalog_sql::read(connection)?;
    let transaction = connection.transaction()?;
    let old: Vec<String> = {
        let mut statement = transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for name in old {
        transaction.execute_batch(&format!("DROP VIEW {}", quote::name(&name)))?;
    }
    transaction.execute_batch(&fixed_views())?;
    for event_type in catalog.types.iter().take(MAX_TYPE_VIEWS) {
        transaction.execute_batch(&type_view(event_type))?;
    }
    for definition in definitions {
        let taken: bool =
            transaction.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1", [&definition.name], |row| row.get(0))?;
        if !taken {
            transaction.execute_batch(&format!("CREATE VIEW {} AS {}", quote::name(&definition.name), definition.select))?;
        }
    }
    transaction.execute("UPDATE watermark SET views_for = (SELECT count(*) FROM field) + (SELECT count(*) FROM event_type)", [])?;
    transaction.commit()?;
    Ok(())
}

/// Makes the views anew where a load that was killed left them behind the tables, or where they are not as this program writes
/// them: the SQL of a hunt reads them, and a store may be of another version or of a stranger.
pub(super) fn catch_up(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT views_for <> (SELECT count(*) FROM field) + (SELECT count(*) FROM event_type) FROM watermark";
    let is_behind = connection.query_row(sql, [], |row| row.get(0))?;
    if is_behind || !are_as_written(connection)? { make(connection, &[]) } else { Ok(()) }
}

/// Whether the views that the SQL of a hunt reads are there, to the letter.
fn are_as_written(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'view'")?;
    let stored: FxHashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let fixed = fixed_views();
    let mut fixed = fixed.split(';').map(str::trim).filter(|sql| !sql.is_empty());
    let catalog = catalog_sql::read(connection)?;
    Ok(fixed.all(|sql| stored.contains(sql)) && catalog.types.iter().take(MAX_TYPE_VIEWS).all(|t| stored.contains(&type_view(t))))
}

fn type_view(event_type: &EventType) -> String {
    format!("CREATE VIEW {} AS {}", quote::name(&event_type.view), type_select(event_type))
}

fn fixed_views() -> String {
    format!(
        "CREATE VIEW event_head AS SELECT e.id AS _id, {TIME} AS _time, e.time_us AS _time_us, {HOST} AS _host, {SOURCE} AS _source, {RECORD} AS _record,
             e.type AS _type, CAST(e.record AS TEXT) AS _number FROM event e;
         CREATE VIEW events AS SELECT e._id, e._time, e._time_us, e._host, y.product, y.dataset, y.code, y.view, e._source, e._record,
             EXISTS (SELECT 1 FROM recovered_event r WHERE r.event = e._id) AS _recovered
             FROM event_head e JOIN event_type y ON y.id = e._type WHERE e._id <= {VISIBLE};
         CREATE VIEW messages AS SELECT m.event AS _id, retro_text((SELECT b.data FROM message_block b WHERE b.id = m.block), m.number) AS \"Message\"
             FROM message m WHERE m.event <= {VISIBLE};
         CREATE VIEW other_fields AS SELECT o.event AS _id, y.view, f.name AS field, o.field AS _column,
             CASE typeof(o.value) WHEN 'integer' THEN (SELECT v.text FROM value v WHERE v.id = o.value) ELSE o.value END AS value, o.value AS value_id
             FROM overflow o JOIN event e ON e.id = o.event JOIN event_type y ON y.id = e.type JOIN field f ON f.event_type = e.type AND f.position = o.field
             WHERE o.event <= {VISIBLE};
         CREATE VIEW findings AS SELECT f.id AS finding_id, f.state, r.rule_id, r.title AS rule_title, r.level, r.techniques, r.tactics, f.group_json AS \"group\", f.columns_json AS columns, f.count,
             f.first_time_us, f.last_time_us, f.risk_score, f.message, f.risk_objects_json AS risk_objects, f.hunt AS hunt_id, t.status AS triage, t.note AS triage_note
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id;
         CREATE VIEW finding_events AS SELECT x.finding AS finding_id, x.event AS _id, e._time, e._host, y.view, e._source, e._record
             FROM evidence x JOIN event_head e ON e._id = x.event JOIN event_type y ON y.id = e._type;"
    )
}

fn type_select(event_type: &EventType) -> String {
    let (id, table) = match &event_type.storage {
        Storage::Table(table) => ("t._id", format!("{table} t JOIN event_head e ON e._id = t._id")),
        Storage::Overflow => ("e._id", "event_head e".to_owned()),
    };
    let mut columns = format!("{id}, {HEAD}");
    if !super::schema::envelope_columns(&event_type.product).is_empty() {
        let (channel, code) = (quote::text(&event_type.dataset), quote::text(&event_type.code));
        columns
            .push_str(&format!(", {channel} AS \"Channel\", {code} AS \"EventID\", _host AS \"Computer\", _number AS \"EventRecordID\""));
    }
    for (index, column) in (0..).zip(&event_type.columns).filter(|(_, column)| !column.view_name.is_empty()) {
        if columns.len() > MAX_SELECT_BYTES {
            break;
        }
        let cell = scan::cell_sql(event_type, ColumnIndex(index), id);
        let text = text_sql(&cell, column);
        columns.push_str(&format!(", {text} AS {}", quote::name(&column.view_name)));
        columns.push_str(&format!(", {cell} AS {}", quote::name(&format!("{}_id", column.view_name))));
    }
    let of_type =
        if event_type.storage == Storage::Overflow { format!(" AND {}", scan::is_of_type(event_type, "e._type")) } else { String::new() };
    format!("SELECT {columns} FROM {table} WHERE {id} <= {VISIBLE}{of_type}")
}

/// A raw cell as text. Names stand alone where they can: SQLite makes three nodes of `t.c0`, and reads every view twice.
fn text_sql(cell: &str, column: &Column) -> String {
    let value = format!("(SELECT text FROM value WHERE id = {cell})");
    match column.encoding {
        Encoding::Dictionary => format!("CASE typeof({cell}) WHEN 'integer' THEN {value} ELSE {cell} END"),
        Encoding::Inline => format!("CASE typeof({cell}) WHEN 'real' THEN {value} ELSE {cell} || '' END"),
        Encoding::Time(shape) => {
            format!("CASE typeof({cell}) WHEN 'integer' THEN {} WHEN 'real' THEN {value} ELSE {cell} END", time_sql(cell, shape))
        }
    }
}

fn time_sql(cell: &str, shape: TimeShape) -> String {
    let base = match shape.digits {
        0 => "coalesce(_time_us, 0) / 1000000",
        3 => "coalesce(_time_us, 0) / 1000",
        6 => "coalesce(_time_us, 0)",
        _ => "coalesce(_time_us, 0) * 10",
    };
    let (unit, digits) = (super::time::per_second(shape), shape.digits);
    let ticks = format!("({base} + {cell})");
    let separator = shape.separator;
    let mut sql = format!("strftime('%Y-%m-%d{separator}%H:%M:%S', {ticks} / {unit}, 'unixepoch')");
    if digits > 0 {
        sql.push_str(&format!(" || printf('.%0{digits}d', {ticks} % {unit})"));
    }
    if shape.zulu {
        sql.push_str(" || 'Z'");
    }
    sql
}

#[cfg(test)]
mod tests {
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load};
    use crate::store::{SqlValue, Store};

    #[test]
    fn views_that_are_not_as_written_are_made_anew_before_a_hunt_reads_them() {
        let (names, mut batch) = (Names::default(), EventBatch::default());
        add(&mut batch, &names, 1, &[("A", "x")]);
        let mut store = Store::in_memory().unwrap();
        load(&mut store, "a", "1", &batch, &names);
        store.make_views(&[]).unwrap();
        assert!(super::are_as_written(&store.connection).unwrap());
        for change in [
            "DROP VIEW security_5145; CREATE VIEW security_5145 AS SELECT a.id AS _id, 'y' AS A FROM event a, event b, event c, event d",
            "DROP VIEW other_fields; CREATE VIEW other_fields AS SELECT 1 AS _id",
            "DROP VIEW security_5145",
        ] {
            store.connection.execute_batch(change).unwrap();
            store.ensure_views().unwrap();
            assert_eq!(store.run("SELECT A FROM security_5145", &[]).unwrap().rows, [[SqlValue::Text("x".into())]]);
            assert!(super::are_as_written(&store.connection).unwrap());
        }
    }
}

//! Text views: what was loaded, by field name, for any SQLite client.
//!
//! Views are pure SQL and show finished sources only. The one exception is `messages`: its text is compressed, and only this
//! program has the function that reads it; the function's name says so to whoever asks with another client. A cell becomes
//! text by a scalar subquery, which SQLite evaluates for the columns that a query uses and for no other. Ids of values are
//! in no view: who needs them reads the tables ([`select_with_ids`]).

use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::finding_filter::LAST_HUNT;
use super::{StoreError, catalog_sql, pack, quote, scan};
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

const HOST: &str = "(SELECT v.text FROM value v WHERE v.id = e.host)";
const SOURCE: &str = "(SELECT s.path FROM source s WHERE s.id = e.source)";
const RECORD: &str = "coalesce(e.record, e.position, e.id - (SELECT s.first_event FROM source s WHERE s.id = e.source) + 1)";
/// Host and record of a row `k` of `kept_event`.
const KEPT_HOST: &str = "(SELECT v.text FROM value v WHERE v.id = k.host)";
/// See [`KEPT_HOST`].
const KEPT_RECORD: &str = "coalesce(k.record, k.position)";
const VISIBLE: &str = "(SELECT w.last_event FROM watermark w)";
/// Columns of `event_head` that every view of events begins with. The view says once what would be said in each of them:
/// SQLite reads the text of every view whenever it opens a store.
const HEAD: &str = "_time, _time_us, _host, _source, _record";
/// Columns that every view of a Windows event type has after those.
const WINDOWS_HEAD: [&str; 4] = ["Channel", "EventID", "Computer", "EventRecordID"];
/// The function that reads compressed text, under the name that another client shows when it cannot.
pub(super) const MESSAGE_FUNCTION: &str = "retrohunt_sql_only";

/// Brings all views up to date. A view that says already what it should is left alone: SQLite looks through its whole schema for
/// each that is dropped or made, and thousands of them say the same after most loads.
pub(super) fn make(connection: &mut Connection, definitions: &[ViewDefinition]) -> Result<(), StoreError> {
    let catalog = catalog_sql::read(connection)?;
    let transaction = connection.transaction()?;
    let mut wanted: FxHashMap<String, String> = FxHashMap::default();
    let mut order = Vec::new();
    let types = catalog.types.iter().take(MAX_TYPE_VIEWS).map(|event_type| (event_type.view.clone(), type_select(event_type)));
    for (name, select) in types.chain(definitions.iter().map(|definition| (definition.name.clone(), definition.select.clone()))) {
        if !wanted.contains_key(&name) {
            wanted.insert(name.clone(), format!("CREATE VIEW {} AS {select}", quote::name(&name)));
            order.push(name);
        }
    }
    let mut kept: FxHashSet<String> = FxHashSet::default();
    // Before new ones are made: a name that changed hands must be free.
    for (name, sql) in named(&transaction, "SELECT name, sql FROM sqlite_schema WHERE type = 'view'")? {
        if wanted.get(&name) == Some(&sql) {
            kept.insert(name);
        } else {
            transaction.execute_batch(&format!("DROP VIEW {}", quote::name(&name)))?;
        }
    }
    // After the drops and before the types' views, which are over them.
    transaction.execute_batch(&fixed_views())?;
    // What has a name already is not a view that should be made: a table, or one of the fixed views.
    let taken: FxHashSet<String> = named(&transaction, "SELECT name, '' FROM sqlite_schema")?.into_iter().map(|(name, _)| name).collect();
    for name in order.iter().filter(|name| !kept.contains(*name) && !taken.contains(*name)) {
        transaction.execute_batch(&wanted[name])?;
    }
    // In the same transaction: a load that is killed here leaves the number that says that views are behind.
    transaction
        .execute("UPDATE watermark SET views_for = (SELECT count(*) + count(base) FROM field) + (SELECT count(*) FROM event_type)", [])?;
    transaction.commit()?;
    Ok(())
}

fn named(connection: &Connection, sql: &str) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes the views anew where a load that was killed left them behind the tables, or where they are not as this program writes
/// them: the SQL of a hunt reads them, and a store may be of another version or of a stranger.
pub(super) fn catch_up(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT views_for <> (SELECT count(*) + count(base) FROM field) + (SELECT count(*) FROM event_type) FROM watermark";
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
    let kept_time = time_text("k.time_us");
    let (time, first, last) = (time_text("e.time_us"), time_text("f.first_time_us"), time_text("f.last_time_us"));
    let (of_first, of_last) = (time_text("min(f.first_time_us)"), time_text("max(f.last_time_us)"));
    let [started, since, until] = ["h.started_us", "h.since_us", "h.until_us"].map(time_text);
    let [hosts, users] = ["host", "user"]
        .map(|kind| format!("(SELECT json_group_array(x.value) FROM finding_entity x WHERE x.finding = f.id AND x.kind = '{kind}')"));
    format!(
        "CREATE VIEW event_head AS SELECT e.id AS _id, {time} AS _time, e.time_us AS _time_us, {HOST} AS _host, {SOURCE} AS _source, {RECORD} AS _record,
             e.type AS _type, CAST(e.record AS TEXT) AS _number FROM event e;
         CREATE VIEW events AS SELECT e._id, e._time, e._time_us, e._host, y.product, CASE y.product WHEN 'windows' THEN y.dataset END AS \"Channel\",
             CASE y.product WHEN 'windows' THEN y.code END AS \"EventID\", y.dataset, y.code, y.view, e._source, e._record,
             EXISTS (SELECT 1 FROM recovered_event r WHERE r.event = e._id) AS _recovered
             FROM event_head e JOIN event_type y ON y.id = e._type WHERE e._id <= {VISIBLE};
         CREATE VIEW messages AS SELECT m.event AS _id, {MESSAGE_FUNCTION}((SELECT b.data FROM message_block b WHERE b.id = m.block), m.number) AS \"Message\"
             FROM message m WHERE m.event <= {VISIBLE};
         CREATE VIEW other_fields AS SELECT o.event AS _id, y.view, f.name AS field, o.field AS _column,
             CASE typeof(o.value) WHEN 'integer' THEN (SELECT v.text FROM value v WHERE v.id = o.value) ELSE o.value END AS value, o.value AS value_id
             FROM overflow o JOIN event e ON e.id = o.event JOIN event_type y ON y.id = e.type JOIN field f ON f.event_type = e.type AND f.position = o.field
             WHERE o.event <= {VISIBLE};
         CREATE VIEW overflow_text AS SELECT o.event, o.field,
             CASE typeof(o.value) WHEN 'integer' THEN (SELECT v.text FROM value v WHERE v.id = o.value) ELSE o.value END AS text FROM overflow o;
         CREATE VIEW findings AS SELECT f.id AS finding_id, {LAST_HUNT} AS hunt_id, r.rule_id, r.title AS rule_title, r.path AS rule_path,
             nullif(r.severity, '') AS severity, nullif(r.level, '') AS level, r.techniques, r.tactics, f.group_json AS \"group\", f.count,
             {first} AS first_time, {last} AS last_time, f.details, {hosts} AS hosts, {users} AS users,
             f.risk_score, f.message, f.risk_objects_json AS risk_objects, f.columns_json AS columns, f.state, t.status AS triage, t.note AS triage_note
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id;
         CREATE VIEW finding_summary AS SELECT nullif(r.severity, '') AS severity, r.rule_id, r.title AS rule_title, x.value AS host, count(*) AS findings,
             sum(f.count) AS count, {of_first} AS first_time, {of_last} AS last_time
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN finding_entity x ON x.finding = f.id AND x.kind = 'host'
             WHERE f.state = 'current' GROUP BY r.rule_id, x.value;
         CREATE VIEW timeline AS SELECT e._time AS time, nullif(r.severity, '') AS severity, r.title AS rule_title, r.rule_id, e._host AS host,
             y.dataset AS channel, y.code AS event_code, e._record AS record, f.details, e._source AS path, f.id AS finding_id, x.event AS event_id
             FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule JOIN event_head e ON e._id = x.event
             JOIN event_type y ON y.id = e._type WHERE f.state = 'current'
             UNION ALL SELECT {kept_time}, nullif(r.severity, ''), r.title, r.rule_id, {KEPT_HOST}, y.dataset, y.code, {KEPT_RECORD}, f.details, k.path, f.id, x.event
             FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule JOIN kept_event k ON k.event = x.event
             JOIN event_type y ON y.id = k.type WHERE f.state = 'current';
         CREATE VIEW rules AS SELECT r.rule_id, r.title AS rule_title, r.path AS rule_path, r.language, nullif(r.severity, '') AS severity,
             nullif(r.level, '') AS level, r.status, r.description, r.author, r.techniques, r.tactics, r.stories, r.tags, r.reference_links,
             r.false_positives, r.fields, r.sql FROM rule r WHERE EXISTS (SELECT 1 FROM finding f WHERE f.rule = r.id);
         CREATE VIEW hunts AS SELECT h.id AS hunt_id, {started} AS started, {since} AS since, {until} AS until, h.rules, h.findings,
             coalesce(n.findings, 0) AS new_findings FROM hunt h LEFT JOIN (SELECT f.first_hunt, count(*) AS findings FROM finding f GROUP BY 1) n
             ON n.first_hunt = h.id;
         CREATE VIEW rule_outcomes AS SELECT rule_id, path AS rule_path, hunt AS hunt_id, title AS rule_title, language, nullif(severity, '') AS severity,
             techniques, tactics, outcome, nullif(reason, '') AS reason FROM rule_status;
         CREATE VIEW finding_events AS SELECT x.finding AS finding_id, r.rule_id, e._source AS path, e._record AS record, e._time AS time,
             x.event AS event_id, e._host AS host, y.view
             FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule JOIN event_head e ON e._id = x.event JOIN event_type y ON y.id = e._type
             UNION ALL SELECT x.finding, r.rule_id, k.path, {KEPT_RECORD}, {kept_time}, x.event, {KEPT_HOST}, y.view
             FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule JOIN kept_event k ON k.event = x.event
             JOIN event_type y ON y.id = k.type;"
    )
}

/// A time as in every output: `2024-01-31T12:00:00.123Z`, with six digits where it has them.
fn time_text(us: &str) -> String {
    // The remainder of a time before 1970 is negative.
    let fraction = format!("((({us} % 1000000) + 1000000) % 1000000)");
    let seconds = format!("strftime('%Y-%m-%dT%H:%M:%S', ({us} - {fraction}) / 1000000, 'unixepoch')");
    format!(
        "CASE WHEN {us} % 1000 = 0 THEN {seconds} || printf('.%03dZ', {fraction} / 1000) ELSE {seconds} || printf('.%06dZ', {fraction}) END"
    )
}

fn type_select(event_type: &EventType) -> String {
    select(event_type, &[])
}

/// The SELECT of an event type's view with the ids of these columns' values after the view's own, each under its [`id_name`]: the
/// id where the dictionary has the text, else NULL. It is for statements that this program writes: ids are faster to compare and
/// group than text.
pub(crate) fn select_with_ids(event_type: &EventType, columns: &[ColumnIndex]) -> String {
    select(event_type, columns)
}

/// Whether a column of an event type's view can have its values' ids beside it.
pub(crate) fn has_ids(event_type: &EventType, column: ColumnIndex) -> bool {
    let of = event_type.column(column);
    !of.view_name.is_empty() && !matches!(of.encoding, Encoding::Time(_)) && !scan::is_outside(event_type, column)
}

/// What [`select_with_ids`] calls the ids of a view's column. No column of a view has such a name: fields that begin with `_` are
/// marked.
pub(crate) fn id_name(column: &str) -> String {
    format!("_id_{column}")
}

/// The columns that the view of an event type has, in order.
pub(crate) fn view_columns(event_type: &EventType) -> Vec<String> {
    let head = HEAD.split(", ").map(str::to_owned);
    let head = std::iter::once("_id".to_owned()).chain(head);
    let windows: &[&str] = if event_type.product == "windows" { &WINDOWS_HEAD } else { &[] };
    let fields = event_type.columns.iter().filter(|c| !c.view_name.is_empty()).map(|c| c.view_name.clone());
    head.chain(windows.iter().map(|name| (*name).to_owned())).chain(fields).collect()
}

fn select(event_type: &EventType, ids: &[ColumnIndex]) -> String {
    let (id, table) = match &event_type.storage {
        Storage::Table(table) => ("t._id", format!("{table} t JOIN event_head e ON e._id = t._id")),
        Storage::Overflow => ("e._id", "event_head e".to_owned()),
    };
    let mut columns = format!("{id}, {HEAD}");
    if !super::schema::envelope_columns(&event_type.product).is_empty() {
        let (channel, code) = (quote::text(&event_type.dataset), quote::text(&event_type.code));
        for (value, name) in [channel.as_str(), &code, "_host", "_number"].into_iter().zip(WINDOWS_HEAD) {
            columns.push_str(&format!(", {value} AS \"{name}\""));
        }
    }
    for (index, column) in (0..).zip(&event_type.columns).filter(|(_, column)| !column.view_name.is_empty()) {
        // A view that would be too long for SQLite has the first columns only.
        if columns.len() > MAX_SELECT_BYTES {
            break;
        }
        let cell = scan::cell_sql(event_type, ColumnIndex(index), id);
        // Said once, in a view of its own: a store with thousands of rare types has this a hundred thousand times.
        let text = if scan::is_outside(event_type, ColumnIndex(index)) {
            format!("(SELECT text FROM overflow_text WHERE event = {id} AND field = {index})")
        } else {
            text_sql(&cell, column)
        };
        columns.push_str(&format!(", {text} AS {}", quote::name(&column.view_name)));
    }
    for index in ids {
        let (cell, column) = (scan::cell_sql(event_type, *index, id), event_type.column(*index));
        let class = id_class(column.encoding);
        columns.push_str(&format!(", CASE typeof({cell}) WHEN '{class}' THEN {cell} END AS {}", quote::name(&id_name(&column.view_name))));
    }
    let of_type =
        if event_type.storage == Storage::Overflow { format!(" AND {}", scan::is_of_type(event_type, "e._type")) } else { String::new() };
    format!("SELECT {columns} FROM {table} WHERE {id} <= {VISIBLE}{of_type}")
}

/// The storage class of cells that are ids of values.
fn id_class(encoding: Encoding) -> &'static str {
    if encoding == Encoding::Dictionary { "integer" } else { "real" }
}

/// A raw cell as text. Names stand alone where they can: SQLite makes three nodes of `t.c0`, and reads every view twice.
fn text_sql(cell: &str, column: &Column) -> String {
    let value = format!("(SELECT text FROM value WHERE id = {cell})");
    let packed = if column.has_packed { format!("WHEN 'blob' THEN {} ", pack::unpack(cell)) } else { String::new() };
    match column.encoding {
        Encoding::Dictionary => format!("CASE typeof({cell}) WHEN 'integer' THEN {value} {packed}ELSE {cell} END"),
        Encoding::Inline => format!("CASE typeof({cell}) WHEN 'real' THEN {value} {packed}ELSE {cell} || '' END"),
        Encoding::Time(shape) => {
            format!("CASE typeof({cell}) WHEN 'integer' THEN {} WHEN 'real' THEN {value} {packed}ELSE {cell} END", time_sql(cell, shape))
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

//! Events in, the same events out.

use std::ops::ControlFlow;

use super::{EventRange, Known, SourceEnd, SourceStart, Store, StoredValue};
use crate::catalog::{ColumnIndex, Encoding, EventId};
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue, Names, TextSpan, TypeKey};

pub(super) fn span(batch: &mut EventBatch, text: &str) -> TextSpan {
    let start = u32::try_from(batch.text.len()).unwrap();
    batch.text.push_str(text);
    TextSpan { start, end: u32::try_from(batch.text.len()).unwrap() }
}

/// Adds an event of Security 5145 with fields; a value with `|` is a list.
pub(super) fn add(batch: &mut EventBatch, names: &Names, time_us: i64, fields: &[(&str, &str)]) {
    let key = names.intern_key(&TypeKey { product: "windows".into(), dataset: "Security".into(), code: "5145".into() });
    let fields_start = u32::try_from(batch.fields.len()).unwrap();
    for (name, value) in fields {
        let name = names.intern(name);
        let value = if value.contains('|') {
            let start = u32::try_from(batch.members.len()).unwrap();
            for member in value.split('|') {
                let member = span(batch, member);
                batch.members.push(member);
            }
            FieldValue::List { start, end: u32::try_from(batch.members.len()).unwrap() }
        } else {
            FieldValue::Text(span(batch, value))
        };
        batch.fields.push(FieldEntry { name, value });
    }
    let host = Some(span(batch, "dc1"));
    let position = batch.events.len() as u64 + 1;
    let fields_end = u32::try_from(batch.fields.len()).unwrap();
    batch.events.push(BatchEvent {
        key,
        time_us: Some(time_us),
        host,
        record: Some(7),
        identity: None,
        position,
        recovered: false,
        message: None,
        fields_start,
        fields_end,
    });
}

pub(super) fn load(store: &mut Store, path: &str, sha256: &str, batch: &EventBatch, names: &Names) -> super::SourceOutcome {
    let mut writer = store.writer().unwrap();
    writer.begin_source(&SourceStart { path: path.into() }).unwrap();
    writer.append(batch, names).unwrap();
    writer.finish_source(&SourceEnd { format: "test".into(), sha256: sha256.into(), bytes: 1, ..SourceEnd::default() }).unwrap()
}

const FIELDS: [(&str, &str); 9] = [
    ("ShareName", r"\\*\C$"),
    ("IpPort", "56661"),
    ("Code", "0042"),
    ("AccessList", "a|b|a"),
    ("When", "2021-04-21 09:40:32.343"),
    ("id", "'; DROP TABLE event; --"),
    ("\"; DROP TABLE event", "x"),
    ("Image", "upper"),
    ("image", "lower"),
];

fn values(store: &Store, id: i64) -> Vec<(String, Vec<String>)> {
    let event = store.event(EventId(id)).unwrap();
    let catalog = store.catalog().unwrap();
    let event_type = catalog.event_type(event.envelope.event_type).unwrap();
    let columns = event_type.columns.iter().zip(&event.columns);
    columns.filter_map(|(c, v)| v.as_ref().map(|v| (c.field.clone(), v.members().to_vec()))).collect()
}

#[test]
fn an_event_comes_back_as_it_went_in() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1_618_998_032_343_360, &FIELDS);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let expected: Vec<(String, Vec<String>)> =
        FIELDS.iter().map(|(n, v)| ((*n).to_owned(), v.split('|').map(str::to_owned).collect())).collect();
    assert_eq!(values(&store, 1), expected);
    let catalog = store.catalog().unwrap();
    let encodings: Vec<bool> = catalog.types[0].columns.iter().map(|c| matches!(c.encoding, Encoding::Time(_))).collect();
    assert_eq!(encodings.iter().filter(|e| **e).count(), 1);
    assert_eq!(store.event(EventId(1)).unwrap().envelope.host.as_deref(), Some("dc1"));
}

#[test]
fn text_views_say_what_the_event_says() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1_618_998_032_343_360, &FIELDS);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    store.make_views(&[]).unwrap();
    let result = store.query("SELECT * FROM security_5145", &[], &super::QueryLimits::default()).unwrap();
    let row: Vec<(String, super::SqlValue)> =
        result.columns.into_iter().zip(result.rows.into_iter().next().unwrap()).filter(|(n, _)| !n.ends_with("_id")).collect();
    let text = |name: &str| row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let is = |t: &str| Some(super::SqlValue::Text(t.to_owned()));
    assert_eq!(text("_time"), is("2021-04-21T09:40:32.343360Z"));
    assert_eq!(text("When"), is("2021-04-21 09:40:32.343"));
    assert_eq!(text("IpPort"), is("56661"));
    assert_eq!(text("Code"), is("0042"));
    assert_eq!(text("AccessList"), is("a\nb\na"));
    assert_eq!(text("\"; DROP TABLE event"), is("x"));
    assert_eq!(text("Image"), is("upper"));
    assert_eq!(text("image~"), is("lower"));
    assert_eq!(text("EventID"), is("5145"));
    assert_eq!(text("_record"), Some(super::SqlValue::Integer(7)));
}

#[test]
fn the_same_bytes_twice_change_nothing() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1_000_000, &[("A", "x")]);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let again = load(&mut store, "b", "1", &batch, &names);
    assert_eq!((again.events, again.new_events, again.duplicate_of.is_some()), (1, 0, true));
    assert_eq!(store.last_event().unwrap(), EventId(1));
    let sources = store.sources().unwrap();
    assert_eq!(sources[1].duplicate_of.as_deref(), Some("a"));
}

#[test]
fn a_source_that_was_not_finished_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let (names, mut batch) = (Names::default(), EventBatch::default());
    for n in 0..10 {
        add(&mut batch, &names, n, &[("A", "x")]);
    }
    let mut store = Store::open(&path).unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let mut writer = store.writer().unwrap();
    writer.begin_source(&SourceStart { path: "b".into() }).unwrap();
    for _ in 0..3_000 {
        writer.append(&batch, &names).unwrap();
    }
    drop(writer);
    drop(store);
    let store = Store::open_read_only(&path).unwrap();
    let catalog = store.catalog().unwrap();
    let mut seen = 0;
    let range = EventRange { first: EventId(1), last: EventId(i64::MAX), since_us: None, until_us: None };
    let mut count = |_: EventId, _: &[super::RawCell<'_>]| {
        seen += 1;
        Ok(ControlFlow::Continue(()))
    };
    store.scan(&catalog.types[0], &[ColumnIndex(0)], range, &mut count).unwrap();
    assert_eq!(seen, 10);
    drop(store);
    let mut store = Store::open(&path).unwrap();
    batch.events.iter_mut().for_each(|head| head.record = None);
    assert_eq!(load(&mut store, "c", "2", &batch, &names).new_events, 10);
    assert_eq!(store.last_event().unwrap(), EventId(20));
    assert_eq!(store.sources().unwrap().len(), 2);
}

#[test]
fn spellings_that_never_meet_share_a_column_and_twins_do_not() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1, &[("ProcessId", "1")]);
    add(&mut batch, &names, 2, &[("ProcessID", "2")]);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    assert_eq!(store.catalog().unwrap().types[0].columns.len(), 1);
    let mut batch = EventBatch::default();
    add(&mut batch, &names, 3, &[("ProcessId", "3"), ("ProcessID", "4")]);
    load(&mut store, "b", "2", &batch, &names);
    assert_eq!(values(&store, 3), [("ProcessId".to_owned(), vec!["3".to_owned()]), ("ProcessID".to_owned(), vec!["4".to_owned()])]);
    assert_eq!(StoredValue::Text("x".into()).members().len(), 1);
}

#[test]
fn bytes_that_are_known_are_recognised_before_they_are_read() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1_000_000, &[("A", "x")]);
    let mut store = Store::in_memory().unwrap();
    let mut writer = store.writer().unwrap();
    writer.begin_source(&SourceStart { path: "a".into() }).unwrap();
    writer.append(&batch, &names).unwrap();
    let end = SourceEnd { sha256: "1".into(), bytes: 1, reader: "one".into(), ..SourceEnd::default() };
    let id = writer.finish_source(&end).unwrap().id;
    drop(writer);
    let known = store.known_bytes("one").unwrap();
    assert!(known.has_size(1) && !known.has_size(2) && !known.has_size(0));
    assert_eq!((known.get("1"), known.get("2")), (Some(Known::Source(id)), None));
    assert!(!store.known_bytes("two").unwrap().has_size(1), "another reader may read more");
    for path in ["b", "a", "b"] {
        store.writer().unwrap().repeat_source(path, id).unwrap();
    }
    assert!(store.writer().unwrap().repeat_source("b", crate::catalog::SourceId(9)).is_err());
    assert_eq!(store.sources().unwrap().len(), 2, "a path and its bytes are put down once");
    let sources = store.sources().unwrap();
    assert_eq!((sources[1].events, sources[1].new_events, sources[1].duplicate_of.as_deref(), sources[1].bytes), (1, 0, Some("a"), 1));
}

#[test]
fn no_bytes_are_no_duplicate() {
    let mut store = Store::in_memory().unwrap();
    for path in ["a", "b"] {
        let mut writer = store.writer().unwrap();
        writer.begin_source(&SourceStart { path: path.into() }).unwrap();
        assert_eq!(writer.finish_source(&SourceEnd { sha256: "empty".into(), ..SourceEnd::default() }).unwrap().duplicate_of, None);
    }
}

/// A store on disk with an event.
fn on_disk(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("s.db");
    let (names, mut batch) = (Names::default(), EventBatch::default());
    for n in 0..300 {
        add(&mut batch, &names, n, &[("A", "some text"), ("B", "more text")]);
    }
    let mut store = Store::open(&path).unwrap();
    load(&mut store, "a", "1", &batch, &names);
    store.make_views(&[]).unwrap();
    store.settle().unwrap();
    path
}

#[test]
fn files_that_are_no_store_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for bytes in ["no database at all, but long enough to be looked at as one: ".repeat(100).into_bytes(), b"short".to_vec()] {
        std::fs::write(&path, &bytes).unwrap();
        assert!(Store::open(&path).is_err() && Store::open_read_only(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    assert!(Store::open_read_only(&folder.path().join("nowhere")).is_err());
    let newer = on_disk(folder.path());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for opened in [Store::open(&newer).err(), Store::open_read_only(&newer).err()] {
        assert!(matches!(opened, Some(super::StoreError::Newer { found: 99, .. })));
    }
}

/// Reads everything there is; whatever is wrong must come back as an error.
fn read_all(path: &std::path::Path) -> Result<u64, super::StoreError> {
    let mut store = Store::open_read_only(path)?;
    let catalog = store.catalog()?;
    let mut seen = 0;
    for event_type in &catalog.types {
        let all: Vec<ColumnIndex> = (0..).take(event_type.columns.len()).map(ColumnIndex).collect();
        let range = EventRange { first: EventId(1), last: EventId(i64::MAX), since_us: None, until_us: None };
        let mut ids = Vec::new();
        store.scan(event_type, &all, range, &mut |id, _| {
            ids.push(id);
            Ok(ControlFlow::Continue(()))
        })?;
        for id in ids {
            store.event(id)?;
            seen += 1;
        }
    }
    store.query("SELECT * FROM events", &[], &super::QueryLimits::default())?;
    store.sources()?;
    Ok(seen)
}

#[test]
fn damage_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = on_disk(folder.path());
    assert_eq!(read_all(&path).unwrap(), 300);
    let whole = std::fs::read(&path).unwrap();
    let broken = folder.path().join("broken.db");
    let mut errors = 0;
    for cut in [0, 100, 1_000, whole.len() / 2, whole.len() - 1_000] {
        std::fs::write(&broken, &whole[..cut]).unwrap();
        errors += usize::from(read_all(&broken).is_err());
    }
    assert_eq!(errors, 5, "every cut is noticed");
    let mut errors = 0;
    for page in 0..whole.len() / 4_096 {
        let mut bytes = whole.clone();
        for (n, byte) in bytes[page * 4_096..(page + 1) * 4_096].iter_mut().enumerate().skip(usize::from(page == 0) * 100) {
            *byte = byte.wrapping_add(u8::try_from(n % 251).unwrap()).wrapping_mul(31);
        }
        std::fs::write(&broken, &bytes).unwrap();
        errors += usize::from(read_all(&broken).is_err());
    }
    assert!(errors > 0);
}

/// Adds an event of a type of its own: channel Security, event id 1,000 and up.
fn add_rare(batch: &mut EventBatch, names: &Names, number: i64, fields: &[(&str, &str)]) {
    add(batch, names, number * 1_000, fields);
    let code = (1_000 + number).to_string();
    let key = names.intern_key(&TypeKey { product: "windows".into(), dataset: "Security".into(), code });
    let head = batch.events.last_mut().unwrap();
    head.key = key;
    head.record = Some(number);
}

fn text_of(store: &mut Store, sql: &str) -> Vec<Vec<super::SqlValue>> {
    store.query(sql, &[], &super::QueryLimits::default()).unwrap().rows
}

#[test]
fn types_beyond_those_with_a_table_are_loaded_read_and_recognised() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    for number in 0..450 {
        add_rare(&mut batch, &names, number, &[("A", &format!("x{number}")), ("a", "twin"), ("L", "p|q"), ("N", "5")]);
        let message = span(&mut batch, "a text");
        batch.events.last_mut().unwrap().message = Some(message);
    }
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let more = batch.events[449];
    batch.events.push(crate::event::BatchEvent { record: Some(1_000), ..more });
    assert_eq!(load(&mut store, "b", "2", &batch, &names).new_events, 1);
    let expected = [("A", vec!["x449"]), ("a", vec!["twin"]), ("L", vec!["p", "q"]), ("N", vec!["5"])];
    let expected = expected.map(|(n, v)| (n.to_owned(), v.into_iter().map(str::to_owned).collect::<Vec<_>>())).to_vec();
    for id in [450, 901] {
        assert_eq!(values(&store, id), expected);
        assert_eq!(store.event(EventId(id)).unwrap().message.as_deref(), Some("a text"));
    }
    let catalog = store.catalog().unwrap();
    let rare = &catalog.types[449];
    assert_eq!((&rare.storage, rare.events), (&crate::catalog::Storage::Overflow, 2));
    let mut ids = Vec::new();
    let range = EventRange { first: EventId(1), last: EventId(i64::MAX), since_us: Some(0), until_us: None };
    let visit = &mut |id: EventId, cells: &[super::RawCell<'_>]| {
        assert!(matches!(cells, [super::RawCell::Int(_), super::RawCell::Int(_)]), "{cells:?}");
        ids.push(id.0);
        Ok(ControlFlow::Continue(()))
    };
    store.scan(rare, &[ColumnIndex(3), ColumnIndex(2)], range, visit).unwrap();
    assert_eq!(ids, [450, 901]);
    store.make_views(&[]).unwrap();
    let text = |t: &str| super::SqlValue::Text(t.to_owned());
    let rows = text_of(&mut store, "SELECT A, \"a~\", L, N FROM security_1449");
    assert_eq!(rows, vec![vec![text("x449"), text("twin"), text("p\nq"), text("5")]; 2]);
    let plan = text_of(&mut store, "EXPLAIN QUERY PLAN SELECT A FROM security_1449");
    assert!(format!("{plan:?}").contains("event_rare"), "{plan:?}");
}

#[test]
fn any_number_of_fields_is_kept() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    let fields: Vec<(String, String)> = (0..3_000).map(|n| (format!("f{n}"), format!("v{}", n % 7))).collect();
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    add(&mut batch, &names, 1_000, &pairs);
    add(&mut batch, &names, 2_000, &pairs[2_500..]);
    batch.events[1].record = Some(8);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let expected = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), vec![(*v).to_owned()])).collect::<Vec<_>>();
    assert_eq!(values(&store, 1), expected(&pairs));
    assert_eq!(values(&store, 2), expected(&pairs[2_500..]));
    assert_eq!(load(&mut store, "b", "2", &batch, &names).new_events, 0);
    store.make_views(&[]).unwrap();
    assert_eq!(store.query("SELECT * FROM security_5145", &[], &super::QueryLimits::default()).unwrap().rows.len(), 2);
    let text = |t: &str| super::SqlValue::Text(t.to_owned());
    assert_eq!(text_of(&mut store, "SELECT value FROM other_fields WHERE _id = 2 AND field = 'f2999'"), [[text("v3")]]);
    let all = text_of(&mut store, "SELECT count(*) FROM other_fields");
    assert_eq!(all, [[super::SqlValue::Integer(2_100 + 500)]]);
}

#[test]
fn names_that_differ_in_case_only_are_any_number_too() {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    let spell =
        |n: u32| "abcdefgh".chars().enumerate().map(|(i, c)| if n >> i & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect::<String>();
    let spellings: Vec<String> = (0..200).map(spell).collect();
    let pairs: Vec<(&str, &str)> = spellings.iter().map(|s| (s.as_str(), s.as_str())).collect();
    add(&mut batch, &names, 1_000, &pairs);
    let mut store = Store::in_memory().unwrap();
    load(&mut store, "a", "1", &batch, &names);
    let expected: Vec<(String, Vec<String>)> = spellings.iter().map(|s| (s.clone(), vec![s.clone()])).collect();
    assert_eq!(values(&store, 1), expected);
    let catalog = store.catalog().unwrap();
    let shown: std::collections::BTreeSet<String> = catalog.types[0].columns.iter().map(|c| c.view_name.to_ascii_lowercase()).collect();
    assert_eq!(shown.len(), 200);
}

#[test]
fn more_kinds_of_events_than_a_store_can_have_are_refused() {
    let mut store = Store::in_memory().unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65536)
                INSERT INTO event_type (product, dataset, code, storage, view) SELECT 'windows', 'Security', 'x' || i, 'overflow', 'x' || i FROM n";
    store.connection.execute(rows, []).unwrap();
    assert_eq!(store.catalog().unwrap().types.len(), 65_536);
    let (names, mut batch) = (Names::default(), EventBatch::default());
    add(&mut batch, &names, 1, &[("A", "x")]);
    let mut writer = store.writer().unwrap();
    writer.begin_source(&SourceStart { path: "a".into() }).unwrap();
    assert!(matches!(writer.append(&batch, &names), Err(super::StoreError::TooManyTypes)));
    drop(writer);
    let one = "INSERT INTO event_type (product, dataset, code, storage, view) VALUES ('windows', 'Security', '1', 'overflow', 'y')";
    store.connection.execute(one, []).unwrap();
    assert!(matches!(store.catalog(), Err(super::StoreError::TooManyTypes)));
}

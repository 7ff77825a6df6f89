//! What goes into the store comes out: by the library, by the views, and by the scan that hunts use.

use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::catalog::{ColumnIndex, EventId, EventType};
use retrohunt::store::{EventRange, SqlValue, Store};

use super::check;
use crate::support::evaluate::{Event, FieldValue};
use crate::support::generate::events::{any_text, stored};
use crate::support::stored::Stored;

/// Names that are awkward for SQL, for SQLite's caseless columns, or for a view's own columns.
const NAMES: [&str; 16] = [
    "Image",
    "image",
    "IMAGE",
    "id",
    "type",
    "select",
    "_id",
    "_time",
    "a b",
    "a_b",
    "\"; DROP TABLE event; --",
    "it's",
    "Image_id",
    "Ä",
    "ä",
    "x.y",
];

/// Numbers and times in spellings that the store encodes, and in those that it must not.
const SHAPES: [&str; 28] = [
    "0",
    "1 ",
    " 1",
    "1e3",
    "0x1",
    "-1",
    "42",
    "007",
    "+1",
    "-0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1.0",
    "2024-03-01 10:00:00.123",
    "2024-03-01 10:00:00.000",
    "2024-03-01T10:00:00.1234567Z",
    "2024-03-01T10:00:00Z",
    "2024-13-01 10:00:00.123",
    "2024-02-30 10:00:00.123",
    "2024-03-01 24:00:00.123",
    "1601-01-01T00:00:00.0000000Z",
    "2024-03-01 10:00:00.12",
    "0001-01-01 00:00:00.000",
    "9999-12-31 23:59:59.999",
    "{A1B2C3D4-0000-1111-2222-333344445555}",
    "",
    "2024-03-01 10:00:60.000",
];

fn value() -> impl Strategy<Value = FieldValue> {
    let text = prop_oneof![2 => any_text(), 3 => select(&SHAPES[..]).prop_map(str::to_owned)].prop_map(|t| stored(&t));
    prop_oneof![5 => text.clone().prop_map(FieldValue::Text), 1 => prop::collection::vec(text, 2..5).prop_map(FieldValue::List)]
}

fn event() -> impl Strategy<Value = Event> {
    let fields = prop::sample::subsequence(NAMES.to_vec(), 0..7).prop_flat_map(|names| {
        let values = prop::collection::vec(value(), names.len());
        values.prop_map(move |values| names.iter().map(|n| (*n).to_owned()).zip(values).collect::<Vec<_>>())
    });
    let times = prop_oneof![4 => 1_709_287_200_000_000..1_709_287_300_000_000i64, 1 => -11_644_473_600_000_000..253_402_300_799_000_000i64];
    (
        fields,
        select(vec![("Security", "1"), ("security", "1"), ("System", "1"), ("System", "2")]),
        times,
        prop::option::weighted(0.3, any_text()),
    )
        .prop_map(|(fields, (channel, code), time_us, message)| Event {
            product: "windows".into(),
            dataset: channel.into(),
            code: code.into(),
            time_us,
            host: "host.test".into(),
            message: message.map(|m| stored(&m)).filter(|m| !m.is_empty()),
            fields,
            ..Event::default()
        })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..80).prop_map(|mut events| {
        (1..).zip(&mut events).for_each(|(id, event)| event.id = id);
        events
    })
}

/// A value by the column it is in.
type Cells = Vec<Option<Vec<String>>>;

/// Asserts that an event's values are in columns of their names. Names that differ in case only share a column until
/// they meet in one event, so among those it is the values that must all be there, and be there once.
fn assert_cells(event_type: &EventType, event: &Event, cells: &Cells, what: &str) {
    let letters = |name: &str| name.to_ascii_lowercase();
    let sorted = |mut values: Vec<(String, Vec<String>)>| {
        values.sort();
        values
    };
    let wanted = event.fields.iter().map(|(name, value)| (letters(name), value.members().to_vec())).collect();
    let held = event_type.columns.iter().zip(cells).filter_map(|(column, cell)| Some((letters(&column.field), cell.clone()?))).collect();
    assert_eq!(sorted(held), sorted(wanted), "{what}: {event:?} in {:?}", event_type.columns);
}

fn type_of<'a>(types: &'a [EventType], event: &Event) -> &'a EventType {
    let found: Vec<_> = types.iter().filter(|t| t.dataset.eq_ignore_ascii_case(&event.dataset) && t.code == event.code).collect();
    assert_eq!(found.len(), 1, "one type for {event:?}: {types:?}");
    found[0]
}

fn check_event(store: &Store, event_type: &EventType, event: &Event) -> Cells {
    let read = store.event(EventId(event.id)).expect("an event");
    let cells: Cells = read.columns.iter().map(|c| c.as_ref().map(|v| v.members().to_vec())).collect();
    assert_cells(event_type, event, &cells, "by the library");
    assert_eq!(
        (read.envelope.time_us, read.envelope.host.as_deref(), read.message.as_deref()),
        (Some(event.time_us), Some("host.test"), event.message.as_deref())
    );
    assert_eq!(read.envelope.position, event.id);
    cells
}

fn check_view(store: &mut Store, event_type: &EventType, events: &[(&Event, Cells)]) {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = event_type.columns.iter().map(|c| quoted(&c.view_name)).collect();
    let select = format!(
        "SELECT \"_id\"{} FROM {} ORDER BY \"_id\"",
        columns.iter().map(|c| format!(", {c}")).collect::<String>(),
        quoted(&event_type.view)
    );
    let result = store.query(&select, &[], &retrohunt::store::QueryLimits::default()).unwrap_or_else(|e| panic!("{select}: {e}"));
    assert_eq!(result.rows.len(), events.len());
    for (row, (event, cells)) in result.rows.iter().zip(events) {
        let text = |value: &SqlValue| match value {
            SqlValue::Null => None,
            SqlValue::Text(text) => Some(text.clone()),
            other => panic!("a view shows text, not {other:?}: {event:?}"),
        };
        let shown: Vec<Option<String>> = row[1..].iter().map(text).collect();
        let joined: Vec<Option<String>> = cells.iter().map(|v| v.as_ref().map(|members| members.join("\n"))).collect();
        assert_eq!(shown, joined, "{event:?} by the view {select}");
    }
}

fn check_scan(store: &Store, event_type: &EventType, events: &[(&Event, Cells)]) {
    let columns: Vec<ColumnIndex> = (0..u32::try_from(event_type.columns.len()).expect("few")).map(ColumnIndex).collect();
    let range = EventRange { first: EventId(1), last: store.last_event().expect("an event"), since_us: None, until_us: None };
    let mut ids = Vec::new();
    store
        .scan(event_type, &columns, range, &mut |id, cells| {
            ids.push(id.0);
            assert_eq!(cells.len(), columns.len());
            Ok(ControlFlow::Continue(()))
        })
        .expect("a scan");
    assert_eq!(ids, events.iter().map(|(e, _)| e.id).collect::<Vec<_>>(), "the scan sees every event once, in order");
}

#[test]
fn what_goes_in_comes_out() {
    check(60, &(events(), 1usize..40), |(events, batch_size)| {
        let mut stored = Stored::of_batches(&events, batch_size);
        let store = &mut stored.store;
        let catalog = store.catalog().expect("a catalog");
        for event_type in &catalog.types {
            let mine = events.iter().filter(|e| type_of(&catalog.types, e).id == event_type.id);
            let of_type: Vec<(&Event, Cells)> = mine.map(|e| (e, check_event(store, event_type, e))).collect();
            check_view(store, event_type, &of_type);
            check_scan(store, event_type, &of_type);
        }
        Ok(())
    });
}

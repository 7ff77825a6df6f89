//! Events: few types, few fields, awkward values.

use proptest::prelude::*;
use proptest::sample::select;

use super::{ADDRESS_FIELD, NUMBER_FIELD, TEXT_FIELDS};
use crate::support::evaluate::{Event, FieldValue};

/// The event types that occur: channel, event id.
const TYPES: [(&str, &str); 3] = [("Security", "64001"), ("Security", "64002"), ("Application", "64003")];

/// 2020-01-01T00:00:00Z.
pub(crate) const BASE_US: i64 = 1_577_836_800_000_000;

/// What texts are made of. NUL is here: it becomes a visible symbol when an event is normalised.
const ATOMS: [&str; 50] = [
    "a", "A", "b", "B", "k", "K", "\u{212a}", "s", "S", "ſ", "ß", "ẞ", "i", "I", "İ", "ı", "ä", "Ä", "ς", "σ", "Σ", "я", "Я", "%", "_",
    "\\", "\\\\", "'", "\"", "*", "?", "[", "]", "\n", "\r\n", "\t", " ", "0", "1", "9", "\0", "\u{2400}", "😀", "--", ";", "{", "}",
    ".exe", "ab", "%_",
];

/// Numbers as logs spell them, and texts that only look like one.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "2",
    "9",
    "10",
    "010",
    "-5",
    "+5",
    "1.0",
    "1.50",
    "1e3",
    "-0",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999",
    "0x10",
    "1 ",
    "",
    "abc",
    "1e",
    "--1",
];

/// Numbers of which sums are exact, whatever the order, and that look alike.
const SMALL_NUMBERS: [&str; 20] =
    ["0", "1", "2", "9", "10", "010", "-5", "+5", "01", "1.0", "1.50", "1e3", "1e0", "-0", "0x10", "1 ", "", "abc", "1e", "--1"];

const ADDRESSES: [&str; 12] = [
    "10.0.0.1",
    "10.255.255.255",
    "11.0.0.0",
    "192.168.1.5",
    "::ffff:10.1.2.3",
    "fe80::1",
    "FE80::1",
    "::1",
    "-",
    "",
    "10.0.0",
    "10.0.0.1:80",
];

/// Any text of the alphabet, mostly short.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&ATOMS[..]), 0..5).prop_map(|atoms| atoms.concat())
}

/// What the load makes of a text: NUL is stored as its visible symbol.
pub(crate) fn stored(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

/// A value of a text field; most texts are those of a small vocabulary, so that events share values.
fn text_value(vocabulary: Vec<String>, numbers: &'static [&'static str]) -> impl Strategy<Value = Option<FieldValue>> {
    let text = prop_oneof![4 => select(vocabulary), 1 => any_text()];
    prop_oneof![
        3 => Just(None),
        9 => text.clone().prop_map(|t| Some(FieldValue::Text(t))),
        1 => select(numbers).prop_map(|t| Some(FieldValue::Text(t.to_owned()))),
        3 => prop::collection::vec(text, 2..4).prop_map(|m| Some(FieldValue::List(m))),
    ]
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Option<FieldValue>> {
    prop_oneof![1 => Just(None), 4 => select(texts).prop_map(|t| Some(FieldValue::Text(t.to_owned())))]
}

fn event(vocabulary: &[String], numbers: &'static [&'static str]) -> impl Strategy<Value = Event> + use<> {
    let text = || text_value(vocabulary.to_vec(), numbers);
    let texts = (text(), text(), text(), text());
    let rest = (select(&TYPES[..]), one_of(numbers), one_of(&ADDRESSES), prop::option::weighted(0.2, any_text()), 0i64..1_000_000);
    (texts, rest).prop_map(|((a, b, c, d), ((channel, code), number, address, message, spread))| {
        // The rare field lives in one type only: elsewhere it is missing from the whole type.
        let d = if code == "64002" { d } else { None };
        let names = TEXT_FIELDS.into_iter().chain([NUMBER_FIELD, ADDRESS_FIELD]);
        let fields = names.zip([a, b, c, d, number, address]).filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        Event {
            product: "windows".into(),
            dataset: channel.into(),
            code: code.into(),
            time_us: BASE_US + spread * 1_000_000,
            host: "host.test".into(),
            message: message.filter(|m| !m.is_empty()),
            fields,
            ..Event::default()
        }
    })
}

/// Some events, numbered from 1, with distinct times in no order. NUL is still in them: see [`normalised`].
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    events_with(&NUMBERS)
}

/// The same with small numbers. Every other time no field is a list: then more of portable SQL takes part.
pub(crate) fn events_of_small_numbers() -> impl Strategy<Value = Vec<Event>> {
    (events_with(&SMALL_NUMBERS), any::<bool>()).prop_map(|(mut events, lists)| {
        for (_, value) in events.iter_mut().flat_map(|event| &mut event.fields).filter(|_| !lists) {
            *value = FieldValue::Text(value.members()[0].clone());
        }
        events
    })
}

fn events_with(numbers: &'static [&'static str]) -> impl Strategy<Value = Vec<Event>> {
    let vocabulary = prop::collection::vec(any_text(), 2..7);
    vocabulary.prop_flat_map(move |vocabulary| prop::collection::vec(event(&vocabulary, numbers), 1..20)).prop_map(|mut events| {
        for (id, event) in (1..).zip(&mut events) {
            event.id = id;
            event.time_us += id;
        }
        events
    })
}

/// The events as they are stored.
pub(crate) fn normalised(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    for event in &mut events {
        event.message = event.message.as_deref().map(stored);
        for (_, value) in &mut event.fields {
            *value = match value {
                FieldValue::Text(text) => FieldValue::Text(stored(text)),
                FieldValue::List(members) => FieldValue::List(members.iter().map(|m| stored(m)).collect()),
            };
        }
    }
    events
}

/// Every text that the stored events hold.
pub(crate) fn pool(events: &[Event]) -> Vec<String> {
    let mut pool: Vec<String> = normalised(events).iter().flat_map(|e| e.fields.iter().flat_map(|(_, v)| v.members().to_vec())).collect();
    pool.push(String::new());
    pool.sort();
    pool.dedup();
    pool
}

//! Windows events written in each encoding and loaded are what they were, but for what the encoding does not carry.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::test_runner::TestCaseError;

use super::check;
use crate::support::encode::event::WindowsEvent;
use crate::support::encode::{Encoding, Shown, encodings};
use crate::support::generate::windows::events;
use crate::support::loaded::{Loaded, LoadedEvent};

/// Fields of a stored event; members of a list stand on lines.
fn shown(event: &LoadedEvent) -> Shown {
    event.flat().into_iter().map(|(name, values)| (name, values.join("\n"))).collect()
}

/// The first differences between what must be stored and what is.
fn differences(encoding: &Encoding, events: &[WindowsEvent]) -> Option<String> {
    let bytes = (encoding.write)(events);
    let loaded = Loaded::of_bytes(&bytes);
    let stored: Vec<Shown> = loaded.events().iter().map(shown).collect();
    let wanted: Vec<Shown> = events.iter().map(|event| encoding.expected(event)).collect();
    if stored == wanted && !loaded.summary.is_partial() {
        return None;
    }
    let mut out = format!("{}: {} events of {}, {:?}\n", encoding.name, stored.len(), wanted.len(), loaded.summary.sources);
    for (index, (stored, wanted)) in stored.iter().zip(&wanted).enumerate() {
        let names: std::collections::BTreeSet<&String> = stored.keys().chain(wanted.keys()).collect();
        for name in names.into_iter().filter(|name| stored.get(*name) != wanted.get(*name)) {
            out += &format!("  event {index} {name}: stored {:?}, written {:?}\n", stored.get(name), wanted.get(name));
        }
    }
    Some(out + &String::from_utf8_lossy(&bytes[..bytes.len().min(3_000)]))
}

#[test]
fn events_are_the_same_in_every_encoding() {
    let written: RefCell<BTreeMap<&str, usize>> = RefCell::default();
    check(60, &events(), |list| {
        for encoding in encodings() {
            *written.borrow_mut().entry(encoding.name).or_default() += list.len();
            if let Some(differences) = differences(encoding, &list) {
                return Err(TestCaseError::fail(differences));
            }
        }
        Ok(())
    });
    println!("events by encoding: {:?}", written.borrow());
}

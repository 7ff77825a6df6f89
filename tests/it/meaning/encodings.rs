//! Rules find an event in whatever encoding has what they ask for, under the number or the name of it.

use retrohunt::compile::{CompileOptions, load_text};

use crate::support::encode::encodings;
use crate::support::encode::event::{KINDS, Kind, WindowsEvent};
use crate::support::loaded::Loaded;
use crate::support::samples::sigma_rule;

/// Encodings that a rule finds an event of a kind in, when it has one event of it.
fn found_in(kind: &'static Kind, selection: &str) -> Vec<&'static str> {
    let set = load_text("rule.yml", &sigma_rule("11111111-2222-3333-4444-555555555555", selection), &CompileOptions::default());
    assert_eq!(set.rules.len(), 1, "{:?}", set.diagnostics);
    let event = WindowsEvent::typical(kind, 1, 1_700_000_000_000_000);
    let found = |write: fn(&[WindowsEvent]) -> Vec<u8>| !Loaded::of_bytes(&write(std::slice::from_ref(&event))).hunt(&set).is_empty();
    encodings().into_iter().filter(|encoding| found(encoding.write)).map(|encoding| encoding.name).collect()
}

fn with(kind: &'static Kind, change: impl FnOnce(&mut Kind)) -> &'static Kind {
    let mut kind = Kind { ..*kind };
    change(&mut kind);
    Box::leak(Box::new(kind))
}

/// All encodings but those that do not say it.
fn all_but(without: &[&str]) -> Vec<&'static str> {
    encodings().into_iter().map(|encoding| encoding.name).filter(|name| !without.contains(name)).collect()
}

#[test]
fn the_keyword_of_a_failed_audit() {
    let failed = with(&KINDS[0], |kind| kind.keywords = 0x8010_0000_0000_0000);
    assert_eq!(found_in(failed, "Keywords: '0x8010000000000000'"), all_but(&["Sentinel"]));
    assert_eq!(found_in(failed, "Keywords: '0x8020000000000000'"), [""; 0]);
}

#[test]
fn a_level_by_number_and_by_name() {
    let error = with(&KINDS[0], |kind| kind.level = 2);
    let without = ["NXLog", "CSV, flat", "Sentinel"];
    assert_eq!(found_in(error, "Level: 2"), all_but(&without));
    assert_eq!(found_in(error, "Level: Error"), all_but(&without));
    assert_eq!(found_in(error, "Level: 4"), [""; 0]);
    assert_eq!(found_in(&KINDS[0], "Level: 0"), all_but(&without), "Windows shows the level of an audit event as Information");
    assert_eq!(found_in(&KINDS[0], "Level: 4"), [""; 0]);
}

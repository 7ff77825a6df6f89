//! Loads the same events in every encoding: what each reader costs.
//!
//! The writers are those of the tests (`tests/support/encode`), so what is measured is what is known to be read right.
//! A figure is of the whole load: reading, normalising and writing into the store, which costs the same for all.

use std::path::PathBuf;

use crate::child::run;
use crate::encode::event::{KINDS, WindowsEvent};
use crate::encode::{Encoding, encodings};
use crate::generate::Dice;
use crate::{Bench, rate, size, text};

/// Events of each file.
const EVENTS: u32 = 50_000;
/// Events per CPU-second that every reader must reach.
const GOAL: f64 = 10_000.0;
/// 2026-02-01T00:00:00Z in µs.
const START_US: i64 = 1_769_904_000_000_000;
/// The one field that is different in each event of a kind, as in real logs.
const UNIQUE: [&str; 7] =
    ["TargetUserName", "CommandLine", "RelativeTargetName", "ImagePath", "CommandLine", "DestinationHostname", "ScriptBlockText"];

/// Loads each file and prints a line for it.
pub(crate) fn measure(bench: &Bench) {
    println!("  {:<30} {:>9} {:>8} {:>8} {:>13} {:>8}", "encoding", "events", "MB", "CPU-s", "events/CPU-s", "MB/CPU-s");
    for encoding in encodings() {
        let file = file(bench, encoding);
        let store = bench.fresh_store("readers");
        let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], None);
        let (events, bytes) = (bench.events(&store), size(&file) as f64 / 1e6);
        let speed = rate(events, load.cpu_seconds);
        let met = speed >= GOAL && events == u64::from(EVENTS) && load.code == 0;
        println!(
            "  {:<30} {events:>9} {bytes:>8.1} {:>8.2} {speed:>13.0} {:>8.1} {} (goal ≥ {GOAL})",
            encoding.name,
            load.cpu_seconds,
            bytes / load.cpu_seconds,
            if met { "ok  " } else { "MISS" },
        );
    }
}

/// The events in an encoding, written by the first run.
fn file(bench: &Bench, encoding: &Encoding) -> PathBuf {
    let name: String = encoding.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let path = bench.folder.join(format!("reader_{name}"));
    if !path.exists() {
        let part = path.with_extension("part");
        std::fs::write(&part, (encoding.write)(&events())).unwrap();
        std::fs::rename(part, &path).unwrap();
    }
    path
}

/// Events of all kinds in turn: most values are those of few, one is of its event alone.
fn events() -> Vec<WindowsEvent> {
    let mut dice = Dice::new(5145);
    let event = |number: u32| {
        let at = number as usize % KINDS.len();
        let kind = &KINDS[at];
        let value = |name: &str, typical: &str| match name == UNIQUE[at] {
            true => format!("{typical} {number:08x}"),
            false => typical.to_owned(),
        };
        let data = kind.fields.iter().map(|field| {
            let one_of_few = field.free && field.name != UNIQUE[at] && dice.below(4) == 0;
            let value = value(field.name, field.typical);
            (field.name, if one_of_few { format!("{value}{}", dice.below(50)) } else { value })
        });
        WindowsEvent {
            kind,
            record: i64::from(number) + 1,
            data: data.collect(),
            time_us: START_US + i64::from(number) * 37_123,
            host: format!("ws{:03}.corp.example", dice.below(400)),
            process: 4,
            thread: u32::try_from(dice.below(5_000)).unwrap(),
            activity: None,
            user: None,
        }
    };
    (0..EVENTS).map(event).collect()
}

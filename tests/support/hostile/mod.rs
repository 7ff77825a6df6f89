//! The hostile corpus: every reader and container in every way of damage, made here, the same at every run.
//!
//! Each file says what must come of it. Its name begins with its number, so that a message can be led back to it.

mod bombs;
mod crafted;
pub(crate) mod rules;

use std::ops::RangeInclusive;

use super::mutate::{Random, cut, flip, repeat, zeros};
use super::valid::{Valid, containers, logs};

/// Records of each whole input before it is damaged.
pub(crate) const RECORDS: usize = 12;

/// What must be said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// So many bad records in the ledger.
    Bad(i64),
    /// A loss, in the ledger or in a message.
    Loss,
    /// A loss, if there are fewer events than there were.
    LossIfFewer,
    /// Nothing must be.
    Free,
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    /// Its name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Records before the damage.
    pub(crate) records: i64,
    /// Events that it may give.
    pub(crate) events: RangeInclusive<i64>,
    /// What must be said.
    pub(crate) told: Told,
}

impl Hostile {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, records: i64, events: RangeInclusive<i64>, told: Told) -> Self {
        Self { name: name.into(), bytes: bytes.into(), records, events, told }
    }
}

/// All files, named with their numbers.
pub(crate) fn corpus() -> Vec<Hostile> {
    let mut random = Random(20_241_124);
    let mut files = Vec::new();
    for round in 0..8_usize {
        // Other records each time, so that no two files have the same bytes or events.
        let first = 1 + round * 100;
        for whole in [logs(first, RECORDS), containers(first, RECORDS)].concat() {
            files.push(damaged(&whole, round, &mut random));
        }
    }
    files.extend(crafted::files());
    files.extend(bombs::files());
    for (number, file) in files.iter_mut().enumerate() {
        file.name = format!("h{number:03}-{}", file.name);
    }
    files
}

/// One kind of damage a round.
fn damaged(whole: &Valid, round: usize, random: &mut Random) -> Hostile {
    let records = count(whole.events);
    // Where the line that begins an event is another, the event is the end of the one before: nobody can know.
    let flipped = if whole.target == "splunk_text" { Told::Free } else { Told::LossIfFewer };
    let (what, bytes, told) = match round {
        0 | 1 => return cut_file(whole, round, random),
        2 => ("flip1", flip(&whole.bytes, 1, random), flipped),
        3 => ("flip9", flip(&whole.bytes, 9, random), flipped),
        4 => ("flip99", flip(&whole.bytes, 99, random), flipped),
        5 | 6 => ("zeros", zeros(&whole.bytes, random), Told::LossIfFewer),
        _ => ("repeat", repeat(&whole.bytes, random), Told::Free),
    };
    Hostile::new(format!("{what}-{}", whole.name), bytes, records, 0..=records * 20, told)
}

/// A file cut at random. Where a record ends is known of most formats, so what must be left is, too.
fn cut_file(whole: &Valid, round: usize, random: &mut Random) -> Hostile {
    let records = count(whole.events);
    let bytes = cut(&whole.bytes, random);
    let name = format!("cut{round}-{}", whole.name);
    let lines = || bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let (events, told) = match whole.name {
        "lines.jsonl" | "beats.jsonl" => {
            // Every line is one event or one bad record.
            let (good, bad): (Vec<&[u8]>, Vec<&[u8]>) = lines().partition(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok());
            (count(good.len())..=count(good.len()), Told::Bad(count(bad.len())))
        }
        "lines.xml" => {
            // An event that is cut off gives what is there of it.
            let whole_events = count(lines().filter(|line| line.ends_with(b"</Event>")).count());
            let is_broken = lines().next_back().is_some_and(|line| !line.ends_with(b"</Event>"));
            (whole_events..=whole_events + 1, if is_broken { Told::Loss } else { Told::Free })
        }
        "array.json" | "trail.json" | "results.json" | "pretty.json" => {
            // Every record has one of these, so of the last one alone it is not known whether it is whole.
            let marks = [&b"\"RecordNumber\":"[..], b"\"eventID\":", b"\"host\":"];
            let begun = count(marks.map(|mark| memchr::memmem::find_iter(&bytes, mark).count()).into_iter().max().unwrap_or(0));
            ((begun - 1).max(0)..=begun, Told::LossIfFewer)
        }
        _ => {
            let begun = begun(whole, &bytes);
            return Hostile::new(name, bytes, begun, 0..=records, Told::LossIfFewer);
        }
    };
    Hostile::new(name, bytes, records, events, told)
}

/// Records of which so much is left in a cut file that they cannot be taken for the end of the one before.
fn begun(whole: &Valid, cut: &[u8]) -> i64 {
    let mark: &[u8] = match whole.name {
        "classic.log" | "crlf.log" | "raw.csv" => b"EventCode=",
        "keyvalue.log" => b"pid=",
        "semicolon.csv" => b"x;",
        "flat.csv" => b"Security,",
        "document.xml" => b"<EventID>",
        _ => return count(whole.events),
    };
    count(memchr::memmem::find_iter(cut, mark).count())
}

fn count(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}

//! No bytes make a reader, a container or a rule parser panic: whole inputs, mutated ones, and bytes of any kind.
//!
//! What else must hold is in `tests/support/hold.rs`, which the fuzz targets share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use proptest::prelude::*;
use retrohunt::archive::{Limits, Walked, walk_bytes};
use retrohunt::event::Names;
use retrohunt::reader::{ReadOptions, read_leaf};

use super::check;
use crate::support::hold;
use crate::support::mutate::{Random, cut, flip, repeat, zeros};
use crate::support::valid::{Valid, containers, encoded, logs, rules};

/// Records of each seed: a few, so that mutations reach all of it.
const SEED_RECORDS: usize = 3;
/// Bytes behind the last record of a chunk that a seed keeps: zeros tell fuzzing nothing.
const SLACK_BYTES: usize = 64;

fn seeds() -> Vec<Valid> {
    let mut seeds = [logs(1, SEED_RECORDS), encoded(), containers(1, SEED_RECORDS), rules()].concat();
    for seed in seeds.iter_mut().filter(|seed| seed.target == "evtx") {
        let end = seed.bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        seed.bytes.truncate(end + SLACK_BYTES);
    }
    seeds
}

/// Events, bad records and problems of everything in an input.
fn totals(input: &Valid) -> (u64, u64, Vec<String>) {
    let (mut events, mut bad, mut problems) = (0, 0, Vec::new());
    walk_bytes(input.name, &input.bytes, &Limits::default(), &mut |found| {
        match found {
            Walked::Leaf(leaf) => {
                let report = read_leaf(leaf, &Names::default(), &ReadOptions::default(), &mut |_| std::ops::ControlFlow::Continue(()));
                events += report.events;
                bad += report.bad;
                problems.extend(report.problems.into_iter().map(|p| p.message).chain(report.skipped));
            }
            Walked::Skipped { .. } | Walked::File(_) | Walked::FileEnd => {}
            Walked::Failed { error, .. } => problems.push(error),
        }
        std::ops::ControlFlow::Continue(())
    });
    (events, bad, problems)
}

#[test]
fn whole_inputs_lose_nothing() {
    for input in [logs(1, 20), encoded(), containers(1, 20)].concat() {
        assert_eq!(totals(&input), (input.events as u64, 0, Vec::new()), "{}", input.name);
    }
    for input in rules() {
        hold::run(input.target, &input.bytes);
    }
}

/// Writes the seeds of the fuzz targets, where `RETROHUNT_FUZZ_CORPUS` says: `make fuzz` does.
#[test]
fn seeds_hold() {
    let folder = std::env::var_os("RETROHUNT_FUZZ_CORPUS");
    for seed in seeds() {
        hold::run(seed.target, &seed.bytes);
        if let Some(folder) = &folder {
            let folder = Path::new(folder).join(seed.target);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(seed.name), &seed.bytes).unwrap();
        }
    }
}

/// The targets, each once.
fn targets() -> Vec<&'static str> {
    let mut targets: Vec<&str> = seeds().iter().map(|seed| seed.target).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// Runs a target; a panic is a fault of the input, which then is made smaller.
fn holds(target: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let result = catch_unwind(AssertUnwindSafe(|| hold::run(target, bytes)));
    result.map_err(|_| TestCaseError::fail(format!("{target} panics over {}", bytes.escape_ascii())))
}

#[test]
fn no_bytes_make_a_front_door_panic() {
    let targets = targets();
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    check(250, &(prop::sample::select(targets), bytes), |(target, bytes)| holds(target, &bytes));
}

/// Characters that mean something to some format.
const SIGNS: &str = "[-{}\\[\\]()<>/=\"'`|,;:.!?*%$#&@\\\\ \t\r\n0-9a-eENTü\u{202e}\u{1b}]{0,300}";

#[test]
fn no_text_makes_a_front_door_panic() {
    check(250, &(prop::sample::select(targets()), SIGNS), |(target, text)| holds(target, text.as_bytes()));
}

#[test]
fn no_damage_makes_a_front_door_panic() {
    let seeds = seeds();
    let damage = prop::collection::vec((0..6_u8, any::<u64>()), 1..5);
    check(500, &(0..seeds.len(), damage), |(index, damage)| {
        let seed = &seeds[index];
        let mut bytes = seed.bytes.clone();
        for (kind, number) in damage {
            let mut random = Random(number);
            if bytes.len() < 3 {
                break;
            }
            bytes = match kind {
                0 => cut(&bytes, &mut random),
                1 => flip(&bytes, 1 + random.below(20), &mut random),
                2 => zeros(&bytes, &mut random),
                3 => repeat(&bytes, &mut random),
                4 => [bytes, seeds[random.below(seeds.len())].bytes.clone()].concat(),
                _ => {
                    let other = seeds.iter().filter(|other| other.target == seed.target).cycle().nth(random.below(20));
                    [cut(&bytes, &mut random), cut(&other.expect("a seed").bytes, &mut random)].concat()
                }
            };
        }
        holds(seed.target, &bytes)
    });
}

//! A load that is killed at any instant leaves a store that opens, and one more load completes it: every event
//! once, none lost.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::binary::{TestStore, command, integer, text};
use crate::support::random::Random;

/// Loads that are killed.
const KILLS: u32 = 50;
/// Events of each input file.
const EVENTS: [i64; 4] = [6_000, 1, 9_000, 3_000];

fn lines(file: usize, events: i64) -> String {
    let line = |n: i64| {
        let second = n % 60;
        format!(
            "{{\"@timestamp\":\"2024-01-01T00:{:02}:{second:02}.000Z\",\"Channel\":\"Security\",\"EventID\":{},\"Hostname\":\"host{file}.test\",\"RecordNumber\":{n},\"Serial\":\"{file}-{n}\",\"CommandLine\":\"tool.exe --run {}\",\"List\":[\"a{}\",\"b\"]}}\n",
            n / 60 % 60,
            4_000 + n % 7,
            n * 7919 % 5_000,
            n % 11,
        )
    };
    (1..=events).map(line).collect()
}

fn inputs(store: &TestStore) -> PathBuf {
    for (file, events) in EVENTS.into_iter().enumerate() {
        let text = lines(file, events);
        if file == 2 {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(text.as_bytes()).expect("memory");
            store.file(&format!("in/part{file}.jsonl.gz"), gzip.finish().expect("memory"));
        } else {
            store.file(&format!("in/part{file}.jsonl"), text);
        }
    }
    store.folder().join("in")
}

fn load_and_wait(store: &TestStore, input: &PathBuf) -> Duration {
    let started = Instant::now();
    store.load([input]);
    started.elapsed()
}

/// Starts a load and kills it after a while; true when it was still running.
fn load_and_kill(store: &TestStore, input: &PathBuf, after: Duration) -> bool {
    let mut load = command();
    load.arg("load").arg(input).arg("--store").arg(store.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = load.spawn().expect("the program starts");
    std::thread::sleep(after); // the instant of the kill is the input of this test
    let running = child.try_wait().expect("a child").is_none();
    if running {
        child.kill().expect("SIGKILL");
    }
    child.wait().expect("a child");
    running
}

fn assert_complete(store: &TestStore, what: &str) {
    let rows = store.sources();
    let mut events: Vec<(String, i64, i64)> = rows
        .iter()
        .filter(|row| row["duplicate_of"].is_null())
        .map(|row| {
            (text(row, "path").rsplit(['/', '!']).next().unwrap_or_default().to_owned(), integer(row, "events"), integer(row, "new_events"))
        })
        .collect();
    events.sort();
    let counts: Vec<(i64, i64)> = events.iter().map(|(_, events, new)| (*events, *new)).collect();
    assert_eq!(counts, EVENTS.map(|e| (e, e)), "{what}: events of each source: {rows:#?}");
    let total: i64 = EVENTS.iter().sum();
    assert_eq!(store.number("SELECT count(*) FROM events"), total, "{what}: events in the store");
    let serials = store.run(["sql", "--format", "jsonl", "SELECT count(*) AS n FROM event"]).expect_code(&[0]).json_lines();
    assert_eq!(integer(&serials[0], "n"), total, "{what}: rows of the envelope");
}

/// The serial numbers in the typed tables: each event's fields are there once.
fn assert_fields_complete(store: &TestStore, what: &str) {
    let mut serials = BTreeSet::new();
    let mut rows = 0;
    for code in 4_000..4_007 {
        let sql = format!("SELECT Serial FROM security_{code}");
        for row in store.run(["sql", "--format", "jsonl", &sql]).expect_code(&[0]).json_lines() {
            rows += 1;
            serials.insert(text(&row, "Serial").to_owned());
        }
    }
    let total = usize::try_from(EVENTS.iter().sum::<i64>()).expect("a count");
    assert_eq!((serials.len(), rows), (total, total), "{what}: serial numbers");
}

#[test]
fn loads_killed_at_any_instant_are_completed_by_the_next() {
    let seed = std::env::var("RETROHUNT_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_240_101);
    println!("seed {seed} (RETROHUNT_SEED)");
    let mut random = Random::new(seed);
    let whole = TestStore::new();
    let input = inputs(&whole);
    let mut duration = load_and_wait(&whole, &input);
    assert_complete(&whole, "without a kill");
    assert_fields_complete(&whole, "without a kill");

    let mut killed = 0;
    for kill in 1..=KILLS {
        let store = TestStore::new();
        let micros = u64::try_from(duration.as_micros()).expect("a short load");
        let after = Duration::from_micros(random.below(micros));
        let what = format!("kill {kill} after {after:?} of {duration:?} (seed {seed})");
        killed += u32::from(load_and_kill(&store, &input, after));
        // Now and then the completing load is killed too.
        if kill % 5 == 0 {
            killed += u32::from(load_and_kill(&store, &input, after / 2));
        }
        load_and_wait(&store, &input);
        assert_complete(&store, &what);
        if kill % 10 == 0 {
            assert_fields_complete(&store, &what);
            // A machine that was busy at first and is not any more ends loads before they are killed.
            duration = duration.min(load_and_wait(&TestStore::new(), &input));
        }
    }
    println!("{KILLS} loads, {killed} killed while running, {duration:?} for one whole load");
    // Half of them where nothing else runs; other work on the machine only moves the instants.
    assert!(killed >= KILLS / 3, "only {killed} of {KILLS} loads were still running when killed");
}

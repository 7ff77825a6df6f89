//! Damage to headers and marks: what the rest allows is read, what gives nothing is told, and the exit code says so.

use crate::support::binary::{Output, TestStore, integer, text};
use crate::support::encode::encodings;
use crate::support::encode::event::{KINDS, WindowsEvent};
use crate::support::samples::{gzip, security_line, zip};

const HEADER: usize = 4_096;
const CHUNK: usize = 65_536;

/// An event log of 300 events in several chunks.
fn event_log() -> Vec<u8> {
    let events: Vec<WindowsEvent> = (1..=300).map(|n| WindowsEvent::typical(&KINDS[0], n, 1_700_000_000_000_000 + n)).collect();
    let bytes = (encodings().into_iter().find(|e| e.name == "evtx").expect("an encoding").write)(&events);
    assert!(bytes.len() > HEADER + 2 * CHUNK, "several chunks");
    bytes
}

/// Loads one file: what the program said, the events in the store, and the reason in the ledger.
fn load(name: &str, content: impl AsRef<[u8]>) -> (Output, i64, String) {
    let store = TestStore::new();
    let path = store.file(name, content);
    let output = store.load([path]);
    let reason = store.sources().iter().map(|row| text(row, "skipped").to_owned()).collect();
    let events = store.number("SELECT count(*) FROM events");
    (output, events, reason)
}

#[test]
fn an_event_log_without_its_header_is_read_and_told() {
    let whole = event_log();
    for zeros in [8, HEADER] {
        let mut damaged = whole.clone();
        damaged[..zeros].fill(0);
        let (output, events, _) = load("Security.evtx", &damaged);
        assert_eq!((output.code, events), (3, 300), "the first {zeros} bytes: {}", output.stderr);
        assert!(output.stderr.contains("the header of the event log is missing or damaged"), "{}", output.stderr);
    }
    let mut noise = whole;
    noise[..HEADER].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(7).wrapping_add(13));
    let (output, events, _) = load("Security.evtx", &noise);
    assert_eq!((output.code, events), (3, 300), "{}", output.stderr);
}

#[test]
fn carved_chunks_are_read_wherever_a_sector_begins_with_one() {
    let whole = event_log();
    let chunks: Vec<&[u8]> = whole[HEADER..].chunks(CHUNK).collect();
    let (output, events, _) = load("carved", chunks.concat());
    assert_eq!((output.code, events), (3, 300), "{}", output.stderr);
    // As carved from a disk: zeros, other data, and the chunks in between.
    let parts = [&[0; 1_536], chunks[0], &[0; 512], &[7; 1_024], &chunks[1..].concat()];
    let (output, events, _) = load("carved.bin", parts.concat());
    assert_eq!((output.code, events), (3, 300), "{}", output.stderr);
    assert!(output.stderr.contains("1536 bytes are not part of a chunk: left out"), "{}", output.stderr);
}

#[test]
fn a_broken_line_of_json_is_told_with_its_place_in_the_file() {
    let lines = [security_line(1, 4624, ""), "{\"EventID\": tru}\n".to_owned(), security_line(2, 4624, "")].concat();
    let (output, events, _) = load("events.jsonl", lines);
    assert_eq!((output.code, events), (3, 2), "{}", output.stderr);
    // The line of the file, and the column in that line: no second line number.
    assert!(output.stderr.contains("line 2, byte ") && output.stderr.contains(" at column "), "{}", output.stderr);
    assert!(!output.stderr.contains("at line 1"), "{}", output.stderr);
}

#[test]
fn what_says_that_it_is_a_log_and_gives_nothing_is_told() {
    for (name, content, reason) in [
        ("Zeros.evtx", vec![0; 70_000], "starts with zeros only"),
        ("Noise.evtx", (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(), "unknown binary format"),
        ("Empty.evtx", Vec::new(), "empty"),
        ("zeros.jsonl", vec![0; 5_000], "starts with zeros only"),
        ("conn.log", b"#separator \\x09\n1 2 3\n".to_vec(), "a tab-separated log of Zeek, which is not read"),
        ("old", [&[0x30, 0, 0, 0], &b"LfLe"[..], &[0; 500]].concat(), "an event log of Windows XP or 2003"),
        ("case", b"7z\xbc\xaf\x27\x1c\0\x04more".to_vec(), "a 7z archive, which is not read"),
    ] {
        let (output, events, told) = load(name, content);
        assert_eq!((output.code, events), (3, 0), "{name}: {}", output.stderr);
        assert!(told.contains(reason), "{name}: {told}");
        assert!(output.stderr.contains(&format!("{name}: nothing was read, although")), "{name}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("1 file was not read: 1 {reason}")), "{name}: {}", output.stderr);
    }
}

#[test]
fn what_is_not_a_log_is_harmless_and_listed_with_its_reason() {
    let store = TestStore::new();
    store.file("in/README.md", "read me\n");
    store.file("in/notes.txt", "a note\n");
    store.file("in/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0");
    store.file("in/empty.log", "");
    store.file("in/log.jsonl", security_line(1, 4624, ""));
    let output = store.load([store.folder().join("in")]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let line = "4 files were not read: 2 unknown text format, 1 empty, 1 unknown binary format";
    assert!(output.stderr.contains(line), "{}", output.stderr);
    let table = store.run(["sources"]).expect_code(&[0]).stdout;
    assert!(table.contains("Not read because") && table.contains("unknown text format"), "{table}");
    let log = TestStore::new();
    log.load([log.file("log.jsonl", security_line(1, 4624, ""))]);
    let table = log.run(["sources"]).expect_code(&[0]).stdout;
    assert!(!table.contains("Not read because"), "no column without a reason: {table}");
}

#[test]
fn archives_with_a_damaged_mark_are_read_and_told() {
    let line = security_line(1, 4624, "");
    let mut gz = gzip(line.as_bytes());
    gz[0] ^= 1;
    let mut no_directory = zip(&[("one.jsonl", line.as_bytes())]);
    no_directory[..2].fill(0);
    no_directory.truncate(no_directory.len() - 40);
    let mut broken = zip(&[("zero.jsonl", line.as_bytes()), ("one.jsonl", line.as_bytes())]);
    broken[..32].fill(0xff);
    for (name, content) in [("ws.jsonl.gz", gz), ("x.zip", no_directory), ("y.zip", broken)] {
        let (output, events, _) = load(name, content);
        assert_eq!((output.code, events), (3, 1), "{name}: {}", output.stderr);
        assert!(output.stderr.contains(name), "{name}: {}", output.stderr);
    }
}

#[test]
fn a_load_of_nothing_warns() {
    let store = TestStore::new();
    let folder = store.folder().join("empty");
    std::fs::create_dir(&folder).expect("a folder");
    let output = store.load([&folder]);
    assert!(output.code == 0 && output.stderr.contains("warning: there are no files in"), "{}", output.stderr);
    let rows = store.sources();
    assert!(rows.iter().all(|row| integer(row, "events") == 0));
}

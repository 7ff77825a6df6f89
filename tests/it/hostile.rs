//! Bad input: a clear message with the file, the rest loads, nothing is lost, memory stays bounded, and nothing
//! that a log, a rule or a store says steers the terminal or the store.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::binary::{Output, TestStore, command, finish, integer, run, text};
use crate::support::encode::encodings;
use crate::support::encode::event::{KINDS, WindowsEvent};
use crate::support::memory::{Watched, load_watched, watched};
use crate::support::samples::{escu_rule, gzip, marked_as_encrypted, security_line, sigma_rule, zip};

const RULE_ID: &str = "bbbbbbbb-0000-4000-8000-000000000001";

/// Loads a file beside a good one; the good one must be there whatever the other is.
#[track_caller]
fn load_beside_good(name: &str, content: impl AsRef<[u8]>) -> (TestStore, Output, Option<Value>) {
    let store = TestStore::new();
    store.file("in/good.jsonl", security_line(1, 4624, ""));
    store.file(&format!("in/{name}"), content);
    let output = store.load([store.folder().join("in")]);
    let rows = store.sources();
    let good =
        rows.iter().find(|r| text(r, "path").ends_with("good.jsonl")).unwrap_or_else(|| panic!("{name}: the good file is lost: {rows:?}"));
    assert_eq!(integer(good, "events"), 1);
    let row = rows.iter().find(|r| text(r, "path").contains(name)).cloned();
    (store, output, row)
}

fn events_of(row: &Option<Value>) -> i64 {
    events(row.as_ref())
}

fn events(row: Option<&Value>) -> i64 {
    row.map_or(0, |row| integer(row, "events"))
}

#[test]
fn empty_and_header_only_files_are_no_error() {
    for (name, content) in [("empty.jsonl", &b""[..]), ("newlines.jsonl", b"\n\n\r\n")] {
        let (_, output, row) = load_beside_good(name, content);
        assert_eq!((output.code, events(row.as_ref())), (0, 0), "{name}: {}", output.stderr);
    }
}

#[test]
fn zeros_and_noise_are_named_and_skipped() {
    let noise: Vec<u8> = (0..50_000u32).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).expect("a byte")).collect();
    for (name, content) in [
        ("zeros.evtx", vec![0; 70_000]),
        ("zeros.jsonl", vec![0; 5_000]),
        ("noise.bin", noise),
        ("elf.evtx", b"ElfFile\0 and then not".to_vec()),
    ] {
        let (_, output, row) = load_beside_good(name, &content);
        assert_eq!(events(row.as_ref()), 0, "{name}");
        assert!(output.code == 0 || output.stderr.contains(name), "{name}: a message names the file: {}", output.stderr);
    }
}

#[test]
fn the_content_decides_and_not_the_extension() {
    let (_, output, row) = load_beside_good("json.evtx", security_line(2, 4624, ""));
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "{}", output.stderr);
    let (_, output, row) = load_beside_good("gzip.txt", gzip(security_line(2, 4624, "").as_bytes()));
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "{}", output.stderr);
}

#[test]
fn stray_bytes_after_gzip_lose_nothing() {
    let mut bytes = gzip(security_line(2, 4624, "").as_bytes());
    bytes.push(b'\n');
    let (_, _, row) = load_beside_good("stray.jsonl.gz", &bytes);
    assert_eq!(events(row.as_ref()), 1);
    bytes.truncate(bytes.len() - 9);
    let (_, output, row) = load_beside_good("cut.jsonl.gz", &bytes);
    assert!(output.code == 3 && output.stderr.contains("cut.jsonl.gz"), "a cut stream is said: {output:?}");
    assert_eq!(events(row.as_ref()), 1, "what was readable is loaded");
}

#[test]
fn zips_of_all_kinds() {
    let line = security_line(2, 4624, "");
    let (_, output, row) = load_beside_good(
        "mac.zip",
        zip(&[("a/b.jsonl", line.as_bytes()), ("__MACOSX/a/._b.jsonl", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")]),
    );
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "resource forks are no damage: {}", output.stderr);
    let (_, output, row) = load_beside_good("back.Zip", zip(&[("a\\b.jsonl", line.as_bytes())]));
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "{}", output.stderr);
    let (_, output, row) = load_beside_good("locked.zip", marked_as_encrypted(zip(&[("a.jsonl", line.as_bytes())])));
    assert_eq!((output.code, events(row.as_ref())), (3, 0), "an encrypted member is said: {}", output.stderr);
    assert!(output.stderr.contains("locked.zip"), "{}", output.stderr);
    let inner = zip(&[("deep.jsonl", line.as_bytes())]);
    let (_, output, row) = load_beside_good("outer.zip", zip(&[("inner.zip.gz", &gzip(&inner))]));
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "{}", output.stderr);
}

#[test]
fn invalid_text_and_nul_are_kept_visible() {
    let mut bytes = security_line(2, 4624, r#","Odd":"a\u0000b""#).into_bytes();
    bytes.extend_from_slice(b"{\"Channel\":\"Security\",\"EventID\":4624,\"RecordNumber\":3,\"Odd\":\"\xff\xfe\"}\n");
    bytes.extend_from_slice(security_line(4, 4624, r#","Odd":"\ud800 lone""#).as_bytes());
    bytes.extend_from_slice(security_line(5, 4624, r#","Odd":"fine""#).as_bytes());
    let (store, _, row) = load_beside_good("odd.jsonl", &bytes);
    let row = row.expect("a source");
    assert_eq!(integer(&row, "events") + integer(&row, "bad"), 4, "every line is accounted for: {row}");
    let rows = store
        .run(["sql", "SELECT Odd FROM security_4624 WHERE Odd IS NOT NULL ORDER BY _id", "--format", "jsonl"])
        .expect_code(&[0])
        .json_lines();
    let values: Vec<&str> = rows.iter().map(|r| text(r, "Odd")).collect();
    assert_eq!((values.first(), values.last()), (Some(&"a\u{2400}b"), Some(&"fine")), "{values:?}");
}

#[test]
fn twins_and_names_that_look_like_sql() {
    let more = r#","\"; DROP TABLE event; --":"x","id":"1","type":"2","select":"3","Image":"upper","image":"lower","a b":"4","_id":"5","":"6","it's":"7""#;
    let (store, output, row) = load_beside_good("names.jsonl", security_line(2, 7001, more));
    assert_eq!((output.code, events(row.as_ref())), (0, 1), "{}", output.stderr);
    assert_eq!(store.number("SELECT count(*) FROM events"), 2);
    for (selection, hit) in [
        ("image: lower", true),
        ("Image: upper", true),
        ("image: upper", false),
        ("id: 1", true),
        ("type: 2", true),
        ("select: 3", true),
        ("\"it's\": 7", true),
        ("'\";DROPTABLEevent;--': x", true),
    ] {
        let rule = store.file("rule.yml", sigma_rule(RULE_ID, selection));
        let found = store.run(["hunt", "--rules", &rule.to_string_lossy(), "--format", "jsonl"]).expect_code(&[0]);
        assert_eq!(found.json_lines().len(), usize::from(hit), "{selection}: {found:?}");
    }
}

#[test]
fn a_line_of_a_hundred_megabytes_stays_bounded() {
    let store = TestStore::new();
    let mut bytes = security_line(1, 4624, "").into_bytes();
    bytes.extend_from_slice(b"{\"Channel\":\"Security\",\"EventID\":4624,\"Big\":\"");
    bytes.resize(bytes.len() + 100_000_000, b'x');
    bytes.extend_from_slice(b"\"}\n");
    bytes.extend_from_slice(security_line(3, 4624, "").as_bytes());
    let input = store.file("big.jsonl", &bytes);
    let Watched { code, peak_kb: peak, stderr } = load_watched(&store, &input, Duration::from_secs(120));
    let row = &store.sources()[0];
    assert_eq!(integer(row, "events") + integer(row, "bad"), 3, "every line is accounted for: {row} {stderr}");
    assert!(integer(row, "events") >= 2 && (code == 0 || stderr.contains("big.jsonl")), "{code} {stderr}");
    assert!(peak < 400_000, "{peak} kB");
}

#[test]
fn deep_json_is_a_bad_record_and_no_crash() {
    let deep = format!("{}{}{}\n", "{\"a\":".repeat(10_000), "1", "}".repeat(10_000));
    let lists = format!("{{\"a\":{}{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    let (_, _, row) = load_beside_good("deep.jsonl", [deep, lists, security_line(3, 4624, "")].concat());
    let row = row.expect("a source");
    assert_eq!(integer(&row, "events") + integer(&row, "bad"), 3, "every line is accounted for: {row}");
    assert!(integer(&row, "events") >= 1);
}

#[test]
fn a_bomb_is_cut_off_and_said() {
    let mut bomb = vec![b' '; 200_000_000];
    for _ in 0..2 {
        bomb = gzip(&bomb);
    }
    let store = TestStore::new();
    store.file("in/good.jsonl", security_line(1, 4624, ""));
    store.file("in/bomb.zip", zip(&[("bomb.gz.gz", &bomb)]));
    let Watched { code, peak_kb: peak, stderr } = load_watched(&store, &store.folder().join("in"), Duration::from_secs(120));
    assert!(peak < 300_000, "{peak} kB");
    assert_eq!(store.number("SELECT count(*) FROM events"), 1);
    assert!(code == 3 && stderr.contains("bomb.zip"), "{code} {stderr}");
}

#[test]
fn values_never_steer_the_terminal() {
    let store = TestStore::new();
    let nasty = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e";
    let input = store.file("in/e\u{1b}[31m.jsonl", security_line(1, 4624, &format!(r#","Account":"{nasty}","{nasty}":"x""#)));
    let load = store.load([&input]);
    let rule_text = sigma_rule(RULE_ID, "Account: '*'").replace("title: Rule", "title: \"\\e[31mRule\" #");
    let rule = store.file("r\u{1b}[1m.yml", rule_text);
    let mut outputs = vec![load, store.run(["hunt", "--rules", &rule.to_string_lossy()])];
    for format in ["table", "json", "jsonl", "csv"] {
        outputs.push(store.run(["findings", "--format", format]));
        outputs.push(store.run(["findings", "--evidence", "--format", format]));
        outputs.push(store.run(["findings", "show", "1", "--format", format]));
        outputs.push(store.run(["sources", "--format", format]));
        outputs.push(store.run(["sql", "SELECT Account FROM security_4624", "--format", format]));
    }
    outputs.push(store.run(["explain", &rule.to_string_lossy()]));
    outputs.push(store.run(["load", "/no/such/\u{1b}[31mfile"]));
    outputs.push(run(["check", &rule.to_string_lossy()]));
    for output in outputs {
        for (stream, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let raw = text.chars().find(|c| matches!(c, '\u{1b}' | '\u{7}' | '\u{9b}' | '\u{202e}'));
            assert!(raw.is_none(), "{stream} holds {raw:?}: {}", text.escape_debug());
        }
    }
}

/// A store with an event and a finding.
fn hunted() -> TestStore {
    let store = TestStore::new();
    let input = store.file("events.jsonl", security_line(1, 4624, ""));
    store.load([&input]);
    let rule = store.file("rule.yml", sigma_rule(RULE_ID, "EventID: 4624"));
    store.run(["hunt", "--rules", &rule.to_string_lossy()]).expect_code(&[0]);
    assert_eq!(store.findings(false).len(), 1);
    store
}

#[test]
fn a_store_with_a_planted_trigger_or_view_is_refused() {
    for planted in [
        "CREATE TRIGGER planted AFTER INSERT ON hunt BEGIN DELETE FROM finding; END",
        "CREATE VIEW planted AS SELECT load_extension('x')",
        "CREATE TABLE planted(a)",
    ] {
        let store = hunted();
        let database = rusqlite::Connection::open(store.path()).expect("a store");
        database.execute_batch(planted).expect("the store's schema has these names");
        drop(database);
        for arguments in [&["findings"][..], &["hunt", "--rules", "rule.yml"], &["sql", "SELECT 1"], &["load", "events.jsonl"]] {
            let mut command = command();
            let output = finish(command.current_dir(store.folder()).args(arguments).arg("--store").arg(store.path())).expect_code(&[1]);
            assert!(output.stderr.contains("planted"), "{planted}: the message names it: {}", output.stderr);
        }
        let database = rusqlite::Connection::open(store.path()).expect("a store");
        let findings: i64 = database.query_row("SELECT count(*) FROM finding", [], |row| row.get(0)).expect("a count");
        assert_eq!(findings, 1, "{planted}");
    }
}

#[test]
fn a_newer_store_and_a_foreign_file_are_refused() {
    let store = hunted();
    let database = rusqlite::Connection::open(store.path()).expect("a store");
    database.pragma_update(None, "user_version", 9_999).expect("a pragma");
    drop(database);
    let output = store.run(["findings"]).expect_code(&[1]);
    assert!(output.stderr.contains("newer") || output.stderr.contains("9999"), "{}", output.stderr);

    let foreign = TestStore::new();
    let input = foreign.file("events.jsonl", security_line(1, 4624, ""));
    std::fs::write(foreign.path(), "this is no database, it is somebody's notes\n".repeat(200)).expect("a file");
    let before = std::fs::read(foreign.path()).expect("a file");
    foreign.run(["load", &input.to_string_lossy()]).expect_code(&[1]);
    assert_eq!(std::fs::read(foreign.path()).expect("a file"), before, "a file that is no store stays as it is");

    let other = TestStore::new();
    let input = other.file("events.jsonl", security_line(1, 4624, ""));
    let database = rusqlite::Connection::open(other.path()).expect("a database");
    database.execute_batch("CREATE TABLE notes(a); INSERT INTO notes VALUES (1)").expect("SQL");
    drop(database);
    other.run(["load", &input.to_string_lossy()]).expect_code(&[1]);
}

#[test]
fn a_yaml_bomb_is_refused_in_time() {
    let store = TestStore::new();
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for level in b'b'..=b'k' {
        let (this, before) = (char::from(level), char::from(level - 1));
        bomb += &format!("{this}: &{this} [{}]\n", vec![format!("*{before}"); 10].join(", "));
    }
    bomb += "title: Bomb\nlogsource: {product: windows}\ndetection: {selection: {A: *k}, condition: selection}\n";
    store.file("rules/bomb.yml", bomb);
    store.file("rules/deep.yml", format!("title: Deep\ndetection: {}x{}\n", "[".repeat(5_000), "]".repeat(5_000)));
    store.file("rules/good.yml", sigma_rule(RULE_ID, "EventID: 4624"));
    let started = Instant::now();
    let output = run(["check", &store.folder().join("rules").to_string_lossy(), "--format", "json"]).expect_code(&[3]);
    assert!(started.elapsed() < Duration::from_secs(10));
    let all: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(integer(&all, "compiled"), 1, "{all:#}");
    for name in ["bomb.yml", "deep.yml"] {
        assert!(all["diagnostics"].as_array().expect("a list").iter().any(|d| text(d, "path").ends_with(name)), "{name}: {all:#}");
    }
}

#[test]
fn a_name_of_half_a_gigabyte_in_a_tar_stays_bounded() {
    for kind in [b'L', b'K', b'x'] {
        let mut header = tar::Header::new_gnu();
        header.set_size(1 << 30);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_path("././@LongLink").expect("a short path");
        header.set_cksum();
        let store = TestStore::new();
        store.file("in/good.jsonl", security_line(1, 4624, ""));
        let input = store.file("in/name.tar", header.as_bytes());
        std::fs::OpenOptions::new().append(true).open(&input).and_then(|file| file.set_len(500_000_000)).expect("a sparse file");
        let Watched { code, peak_kb, stderr } = load_watched(&store, &store.folder().join("in"), Duration::from_secs(60));
        assert!(code == 3 && stderr.contains("name.tar"), "{code} {stderr}");
        assert!(peak_kb < 300_000, "{peak_kb} kB");
        assert_eq!(store.number("SELECT count(*) FROM events"), 1);
    }
}

#[test]
fn event_logs_tell_what_is_wrong_or_missing() {
    let events: Vec<WindowsEvent> = (1..=300).map(|n| WindowsEvent::typical(&KINDS[0], n, 1_700_000_000_000_000 + n)).collect();
    let evtx = (encodings().into_iter().find(|e| e.name == "evtx").expect("an encoding").write)(&events);
    assert!(evtx.len() > 4_096 + 2 * 65_536, "several chunks");
    let (_, output, row) = load_beside_good("whole.bin", &evtx);
    assert_eq!((output.code, events_of(&row)), (0, 300), "{}", output.stderr);
    let mut flipped = evtx.clone();
    let at = flipped.windows(8).rposition(|w| w == b"C\0O\0R\0P\0").expect("a value");
    flipped[at] = b'B';
    let (_, output, row) = load_beside_good("flipped.bin", &flipped);
    assert_eq!((output.code, events_of(&row)), (3, 300), "{}", output.stderr);
    assert!(output.stderr.contains("the checksum of a chunk is wrong"), "{}", output.stderr);
    let mut in_use = flipped;
    in_use[120] = 1;
    let (_, output, _) = load_beside_good("in_use.bin", &in_use);
    assert_eq!(output.code, 0, "checksums of a log that is in use are old: {}", output.stderr);
    let (_, output, row) = load_beside_good("cut.bin", &evtx[..4_096 + 65_536]);
    assert!(output.code == 3 && events_of(&row) > 0 && output.stderr.contains("are missing"), "{}", output.stderr);
}

#[test]
fn a_quote_that_ends_within_text_costs_its_line() {
    let mut table = "EventID,Channel,Computer,TimeCreated,n\n4624,Security,\"c,2024-01-01T00:00:00Z,x\n".to_owned();
    table.extend((0..30).map(|n| format!("4624,Security,c,2024-01-01T00:00:00Z,{n}\n")));
    table += "4624,Security,\"c\",2024-01-01T00:00:00Z,\"y\"\n";
    let (_, output, row) = load_beside_good("torn.csv", &table);
    assert_eq!((output.code, events_of(&row)), (3, 31), "{}", output.stderr);
    assert!(output.stderr.contains("text follows the end of a quote"), "{}", output.stderr);
}

#[test]
fn times_that_cannot_be_read_are_told() {
    let table =
        "Channel,EventID,TimeCreated,n\nSecurity,4624,13/05/2021 09:40:32,1\nSecurity,4624,04/05/2021 09:40:32,2\nSecurity,4624,-,3\n";
    let (store, output, _) = load_beside_good("times.csv", table);
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(output.stderr.contains("1 event has no time: cannot read \"13/05/2021 09:40:32\""), "{}", output.stderr);
    let second = "SELECT count(*) FROM security_4624 WHERE n = '2' AND _time LIKE ";
    assert_eq!(store.number(&format!("{second}'2021-04-05%'")), 1);
    let store = TestStore::new();
    let file = store.file("times.csv", table);
    let output = store.load([std::ffi::OsStr::new("--day-first"), file.as_os_str()]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(store.number(&format!("{second}'2021-05-04%'")), 1);
    assert!(text(&store.sources()[0], "timezone").ends_with("; day first"), "{:?}", store.sources());
}

/// Rows that are put in order take no more memory the wider they are; a search whose groups multiply fails alone.
#[test]
fn searches_over_wide_events_and_long_lists_stay_within_their_memory() {
    let store = TestStore::new();
    let names: String = (0..1_900).map(|n| format!(",\"f{n}\":\"v\"")).collect();
    let list: Vec<String> = (0..2_000).map(|n| format!("\"{n}\"")).collect();
    let list = list.join(",");
    let mut events = format!("{{\"EventID\":1,\"Channel\":\"Wide\",\"n\":\"0\"{names}}}\n");
    events.extend((1..=8_000).map(|n| {
        let (hour, minute, second) = (n * 7 % 24, n % 60, n / 60 % 60);
        format!("{{\"EventID\":1,\"Channel\":\"Wide\",\"TimeCreated\":\"2024-01-01T{hour:02}:{minute:02}:{second:02}Z\",\"n\":\"{n}\"}}\n")
    }));
    events += &format!("{{\"EventID\":2,\"Channel\":\"Lists\",\"a\":[{list}],\"b\":[{list}],\"c\":[{list}]}}\n");
    let file = store.file("in.jsonl", events);
    assert_eq!(store.load([file]).code, 0);
    store.file("rules/newest.yml", escu_rule(RULE_ID, "EventID=1 | table * | head 3 | table n"));
    let lists = escu_rule("bbbbbbbb-0000-4000-8000-000000000002", "EventID=2 | stats count by a b c");
    store.file("rules/lists.yml", lists);
    let mut hunt = command();
    hunt.args(["hunt", "--rules"]).arg(store.folder().join("rules")).arg("--store").arg(store.path()).stdout(Stdio::null());
    let watched = watched(&mut hunt, store.folder(), Duration::from_secs(120));
    assert!(watched.code == 3 && watched.stderr.contains("it needs more than"), "{}: {}", watched.code, watched.stderr);
    assert!(watched.peak_kb < 600 << 10, "{} kB", watched.peak_kb);
    let newest = "SELECT n FROM wide_1 WHERE _time IS NOT NULL ORDER BY _time DESC, _id DESC LIMIT 3";
    let mut expected: Vec<String> =
        store.run(["sql", newest, "--format", "jsonl"]).json_lines().iter().map(|row| text(row, "n").to_owned()).collect();
    let mut found: Vec<String> = store.findings(false).iter().map(|row| text(&row["columns"], "n").to_owned()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_grows_out_of_proportion_ends_in_time() {
    let head = "01/02/2024 01:02:03 AM\nLogName=Security\nEventCode=4624\nComputerName=c\nMessage=An account was logged on.\n\nSubject:\n\tAccount Name:\t\tbob\n\n";
    let repeated = head.to_owned() + &"Foo: a\n\tBar: x\n".repeat(20_000);
    let blank = format!("{}{}{}", security_line(2, 4624, ""), "\n".repeat(300_000), security_line(3, 4624, ""));
    let types: String = (0..4_000).map(|n| format!("{{\"EventID\":1,\"Channel\":\"Ch-{n}\",\"n\":\"{n}\"}}\n")).collect();
    let names: String =
        (0..20).map(|n| format!("{{\"EventID\":1,\"Channel\":\"Long\",\"{}{n}\":\"{n}\"}}\n", "k".repeat(200_000))).collect();
    let store = TestStore::new();
    for (name, content) in [("repeated.log", repeated), ("blank.jsonl", blank), ("types.jsonl", types), ("names.jsonl", names)] {
        store.file(&format!("in/{name}"), content);
    }
    let watched = load_watched(&store, &store.folder().join("in"), Duration::from_secs(60));
    assert_eq!(watched.code, 0, "{}", watched.stderr);
    assert!(watched.peak_kb < 400 << 10, "{} kB", watched.peak_kb);
    assert_eq!(store.number("SELECT count(*) FROM events"), 1 + 2 + 4_000 + 20);
    assert_eq!(store.number("SELECT count(*) FROM long_1"), 20);
}

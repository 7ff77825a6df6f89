//! A store as a lake and back: the same events, ledger, findings and evidence; a lake that is not whole is refused by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use retrohunt::cancel::Cancel;
use retrohunt::lake::{Lake, LakeCatalog};
use retrohunt::store::Store;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{assert_whole, evidence, findings, hunt, identities, line, lines};
use crate::support::binary::{Output, TestStore, command, finish, run, text};
use crate::support::kill::Killed;
use crate::support::memory::watched;
use crate::support::mutate::{self, Random};
use crate::support::samples::{gzip, zip};

/// Kinds of events that are more than a store has tables for.
const KINDS: u32 = 405;

/// Events with what is easily lost: lists, missing and empty values, names that collide, odd texts, no time.
fn odd_lines() -> String {
    let event = |record: i64, more: Value| {
        let mut event = json!({ "@timestamp": "2023-12-31T23:59:59.123456Z", "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1,
            "Hostname": "odd.test", "RecordNumber": record });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{event}\n")
    };
    [
        event(1, json!({ "Image": "", "type": "a type", "Type": "another", "id": "an id", "_time": "mine", "Serial": 7 })),
        event(
            2,
            json!({ "Image": "C:\\a.exe", "image": "twin", "a b": "blank", "a.b": "dot", "\"; DROP TABLE x": "quote", "Serial": -12 }),
        ),
        event(3, json!({ "Image": ["one", "two", ""], "List": ["a\nb", "c"], "Empty": "", "Serial": "007" })),
        event(
            4,
            json!({ "Image": "größe \u{1F600} \u{202e}x\tx", "When": "2024-01-01 00:00:00.123", "Serial": 9_007_199_254_740_993_i64 }),
        ),
        event(5, json!({ "Image": "x".repeat(3_000), "Script": format!("function {} {{ Write-Host 'ä' }}", "Invoke-".repeat(40)) })),
        event(6, json!({ "@timestamp": "no time", "Image": "timeless" })),
    ]
    .concat()
}

/// An event with more fields than a view has columns.
fn wide_line() -> String {
    let fields: String =
        (0..950).map(|n| format!(",\"Field{n}\":\"{}\"", if n % 3 == 0 { String::new() } else { format!("v{n}") })).collect();
    line(1_000, 9_001, 7_777, &format!("{fields},\"Late\":[\"x\",\"y\"]"))
}

/// A log of many kinds of events, in two spellings.
fn many_kinds() -> String {
    let more =
        |n: u32| if n.is_multiple_of(2) { ",\"image\":\"a\"".to_owned() } else { ",\"Image\":[\"b\",\"c\"],\"type\":\"t\"".to_owned() };
    (0..KINDS).map(|n| line(i64::from(n % 1_000), i64::from(n) + 20_000, 10_000 + n, &more(n))).collect()
}

/// Vendor's ids: the same event in two logs.
fn cloud_line(id: &str, at: &str, more: &str) -> String {
    format!(
        "{{\"eventVersion\":\"1.08\",\"eventTime\":\"{at}\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateUser\",\"awsRegion\":\"us-east-1\",\"eventID\":\"{id}\",\"eventType\":\"AwsApiCall\",\"userIdentity\":{{\"type\":\"IAMUser\",\"userName\":\"bob\"}}{more}}}\n"
    )
}

const CLOUD_ID: &str = "5d3c1f6a-0000-4000-8000-000000000001";

/// The inputs: plain, compressed, in an archive in an archive; copies, overlaps, a note.
fn inputs(store: &TestStore) -> Vec<PathBuf> {
    let inner = zip(&[("deep.jsonl", lines(300..330, 4625).as_bytes()), ("again.jsonl", lines(0..60, 4624).as_bytes())]);
    let outer = zip(&[("x.jsonl", lines(200..230, 4624).as_bytes()), ("inner.zip", &inner), ("note.txt", b"no log")]);
    vec![
        store.file("in/day.jsonl", lines(0..60, 4624)),
        store.file("in/day-again.jsonl", lines(0..60, 4624)),
        store.file("in/week.jsonl", lines(30..90, 4624) + &lines(100..140, 4625)),
        store.file("in/night.jsonl.gz", gzip(lines(60..120, 4625).as_bytes())),
        store.file("in/logs.zip", outer),
        store.file("in/odd.jsonl", odd_lines()),
        store.file("in/wide.jsonl", wide_line()),
        store.file("in/cloud-1.jsonl", cloud_line(CLOUD_ID, "2024-03-01T10:00:00Z", "")),
        store.file("in/cloud-2.jsonl", cloud_line(CLOUD_ID, "2024-03-01T10:00:00Z", "") + &cloud_line("other", "2024-03-01T10:00:01Z", "")),
        store.file("in/many.jsonl", many_kinds()),
    ]
}

fn loaded() -> (TestStore, Vec<PathBuf>) {
    let store = TestStore::new();
    let inputs = inputs(&store);
    store.load(&inputs);
    assert!(store.number("SELECT count(*) FROM event_type WHERE storage = 'overflow'") > 3, "some kinds are rare");
    (store, inputs)
}

fn export(store: &TestStore, folder: &Path) -> Output {
    store.run(["export", "--parquet", &folder.to_string_lossy()])
}

fn catalog(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("_catalog.json")).expect("a catalog")).expect("JSON")
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut select = connection.prepare(sql).unwrap();
    let columns = select.column_count();
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let values: Result<Vec<_>, _> = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect();
        Ok(format!("{:?}", values?))
    };
    let mut rows: Vec<String> = select.query_map([], row).unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

fn read_only(store: &TestStore) -> Connection {
    Connection::open_with_flags(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// All that a store knows of events and where they are from, without its own numbers.
fn contents(store: &TestStore) -> BTreeMap<String, Vec<String>> {
    let mut out = BTreeMap::new();
    let views = store.run(["views", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    for view in views.iter().filter(|view| text(view, "kind") == "event type") {
        let name = text(view, "view");
        let found = store.run(["sql", &format!("SELECT * FROM \"{name}\""), "--format", "jsonl"]).expect_code(&[0]).json_lines();
        let mut events: Vec<String> = found
            .into_iter()
            .map(|mut row| {
                row.as_object_mut().unwrap().retain(|column, value| column != "_id" && !value.is_null());
                row.to_string()
            })
            .collect();
        events.sort();
        out.insert(name.to_owned(), events);
    }
    let mut messages: Vec<String> = store
        .run(["sql", "SELECT e._source, e._record, m.Message FROM messages m JOIN events e USING (_id)", "--format", "jsonl"])
        .expect_code(&[0])
        .stdout
        .lines()
        .map(str::to_owned)
        .collect();
    messages.sort();
    out.insert("(messages)".to_owned(), messages);
    let connection = read_only(store);
    for (name, sql) in [
        ("(others)", "SELECT e._source, e._record, o.view, o.field, o.value FROM other_fields o JOIN events e USING (_id)"),
        ("(lists)", "SELECT v.text, (SELECT json_group_array(m.text) FROM value_item i JOIN value m ON m.id = i.value WHERE i.list = v.id) FROM value v WHERE v.is_list"),
        (
            "(copies)",
            "SELECT o.path, coalesce(e.position, e.id - o.first_event + 1), s.path, s.sha256, a.position FROM event_alias a
             JOIN source s ON s.id = a.source JOIN event e ON e.id = a.event JOIN source o ON o.id = e.source",
        ),
        ("(places)", "SELECT s.path, s.sha256, coalesce(e.position, e.id - s.first_event + 1), e.record FROM event e JOIN source s ON s.id = e.source"),
        ("(identities)", "SELECT key FROM event_identity"),
        (
            "(sources)",
            "SELECT s.path, s.format, s.state, s.sha256, s.bytes, s.events, s.bad, s.recovered, s.reason, s.timezone, s.clock, s.reader, d.path, a.path
             FROM source s LEFT JOIN source d ON d.id = s.duplicate_of LEFT JOIN archive a ON a.id = s.archive",
        ),
        ("(counts)", "SELECT path, new_events, removed, first_time_us, last_time_us FROM source"),
        ("(archives)", "SELECT path, sha256, bytes, reader, complete FROM archive"),
    ] {
        out.insert(name.to_owned(), rows(&connection, sql));
    }
    out
}

#[track_caller]
fn assert_same(one: &TestStore, other: &TestStore) {
    let (one, other) = (contents(one), contents(other));
    assert!(one.keys().eq(other.keys()), "{:?} {:?}", one.keys(), other.keys());
    for (name, expected) in &one {
        assert_eq!(&other[name], expected, "{name}");
    }
}

#[test]
fn a_lake_read_back_is_the_store_that_it_was_made_of() {
    let (store, inputs) = loaded();
    let before = std::fs::read(store.path()).unwrap();
    let lake = store.folder().join("lake");
    let said = export(&store, &lake).expect_code(&[0]).stderr;
    assert!(std::fs::read(store.path()).unwrap() == before, "the store is only read");
    let events = store.number("SELECT count(*) FROM events");
    assert!(said.contains(&format!("{events} events")), "{said}");
    assert_eq!(catalog(&lake)["events"], events);
    let again = TestStore::new();
    let said = again.load([&lake]).stderr;
    assert!(said.contains(&format!("{events} new events")), "{said}");
    assert_whole(&again, "read back");
    assert_same(&store, &again);
    [&store, &again].into_iter().for_each(hunt);
    assert!(!findings(&store).is_empty());
    assert_eq!((findings(&again), evidence(&again), identities(&again)), (findings(&store), evidence(&store), identities(&store)));
    // The archives themselves bring nothing that the lake did not, and neither does the lake again.
    again.load(&inputs);
    assert_same(&store, &again);
    again.load([&lake]);
    assert_same(&store, &again);
    assert_whole(&again, "loaded again");
}

#[test]
fn the_same_store_gives_the_same_lake_to_the_byte() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..60, 4624) + &odd_lines())]);
    let lakes = ["one", "two"].map(|name| store.folder().join(name));
    lakes.iter().for_each(|lake| drop(export(&store, lake).expect_code(&[0])));
    let [one, two] = lakes.map(|lake| files(&lake));
    assert!(one.keys().any(|path| path == "type=sysmon_1/part-00000.parquet") && one == two, "{:?} {:?}", one.keys(), two.keys());
}

/// The files of a lake with their bytes.
fn files(lake: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(lake).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(lake).unwrap().to_string_lossy().replace('\\', "/");
            (path, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn what_was_removed_from_a_store_is_not_in_its_lake_and_stays_known() {
    let (store, inputs) = loaded();
    store.run(["store", "purge", "--before", "2024-03-01T00:45:00"]).expect_code(&[0]);
    store.run(["store", "drop-source", &inputs[0].to_string_lossy()]).expect_code(&[0]);
    let lake = store.folder().join("lake");
    export(&store, &lake).expect_code(&[0]);
    let again = TestStore::new();
    again.load([&lake]);
    assert_whole(&again, "read back");
    let (mut expected, mut found) = (contents(&store), contents(&again));
    // Kinds of events that have none any more are not met, nor are lists that nobody uses; and who was first is another one for some. So
    // others of the rare kinds have a table of their own: `(others)` is what has none.
    for contents in [&mut expected, &mut found] {
        contents.retain(|name, rows| !rows.is_empty() && !["(lists)", "(counts)", "(others)"].contains(&name.as_str()));
    }
    assert!(found.keys().eq(expected.keys()), "{:?} {:?}", found.keys(), expected.keys());
    for (name, expected) in &expected {
        assert_eq!(&found[name], expected, "{name}");
    }
}

#[test]
fn a_load_may_write_a_lake_without_a_store() {
    let (store, inputs) = loaded();
    let (lake, direct) = (store.folder().join("lake"), store.folder().join("direct"));
    export(&store, &lake).expect_code(&[0]);
    let mut load = command();
    load.arg("load").args(&inputs).arg("--parquet").arg(&direct).current_dir(store.folder());
    finish(&mut load).expect_code(&[3]);
    assert!(files(&lake) == files(&direct));
    let left: Vec<String> =
        std::fs::read_dir(store.folder()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| ["test.db", "in", "lake", "direct"].contains(&name.as_str())), "{left:?}");
    // Its temporary store must not be among the logs.
    let inside = store.folder().join("in/lake");
    let said = run([Path::new("load"), &store.folder().join("in"), Path::new("--parquet"), &inside]).expect_code(&[1]).stderr;
    assert!(said.contains("is loaded") && !inside.exists(), "{said}");
    // And one lake of another and of more logs.
    let more = store.file("more.jsonl", lines(500..510, 4624));
    let third = store.folder().join("third");
    run([Path::new("load"), &lake, &more, Path::new("--parquet"), &third]).expect_code(&[0]);
    assert_eq!(catalog(&third)["events"].as_u64().unwrap(), catalog(&lake)["events"].as_u64().unwrap() + 10);
}

#[test]
fn explain_says_what_a_lake_is_and_loads_nothing() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..3, 4624))]);
    let lake = store.folder().join("lake");
    export(&store, &lake).expect_code(&[0]);
    let other = TestStore::new();
    let rows = other.run(["load", "--explain", &lake.to_string_lossy(), "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert_eq!((rows.len(), text(&rows[0], "format")), (1, "lake"));
    assert!(text(&rows[0], "reason").contains("3 events in 1 file") && !other.path().exists(), "{}", rows[0]);
}

#[test]
fn a_lake_among_logs_is_told_and_not_read_as_a_log() {
    let (store, _lake) = small_lake();
    let other = TestStore::new();
    let loaded = other.run([Path::new("load"), store.folder()]);
    let said = loaded.expect_code(&[3]).stderr;
    assert!(said.contains("lake/_catalog.json") && said.contains("by the path of its folder") && said.contains("Parquet"), "{said}");
    assert_eq!(other.number("SELECT count(*) FROM events"), 70, "those of the log beside it");
}

/// A lake of two kinds of events with lists.
fn small_lake() -> (TestStore, PathBuf) {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..60, 4624) + &lines(60..70, 4625))]);
    let lake = store.folder().join("lake");
    export(&store, &lake).expect_code(&[0]);
    (store, lake)
}

const PART: &str = "type=security_4624/part-00000.parquet";

/// Loads a lake that must be refused without a change; returns what was said.
#[track_caller]
fn refused(lake: &Path) -> String {
    let store = TestStore::new();
    store.load([store.file("mine.jsonl", lines(900..905, 1102))]);
    let before = contents(&store);
    let said = store.run(["load", &lake.to_string_lossy()]).expect_code(&[1]).stderr;
    assert_eq!(contents(&store), before, "nothing is written");
    said
}

type Damage = fn(&Path);

fn part(lake: &Path) -> PathBuf {
    lake.join(PART)
}

/// Changes the catalog.
fn edit(lake: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = catalog(lake);
    change(&mut value);
    std::fs::write(lake.join("_catalog.json"), value.to_string()).unwrap();
}

/// The columns of the first view in a catalog.
fn columns(catalog: &mut Value) -> &mut Vec<Value> {
    catalog["views"][0]["columns"].as_array_mut().expect("columns")
}

/// Says that the first part, and so its view, has a number of rows.
fn say_rows(catalog: &mut Value, rows: u64) {
    (catalog["parts"][0]["rows"], catalog["views"][0]["events"], catalog["events"]) = (json!(rows), json!(rows), json!(rows + 10));
}

/// Damage to parts: what it is, the file and the reason that must be named.
const DAMAGED_PARTS: [(&str, Damage, &str, &str); 7] = [
    ("cut off", |lake| cut(&part(lake), 100), PART, "the catalog says"),
    ("grown", |lake| grow(&part(lake)), PART, "the catalog says"),
    ("changed", |lake| flip(&part(lake)), PART, "SHA-256"),
    ("missing", |lake| std::fs::remove_file(part(lake)).unwrap(), PART, "missing"),
    ("one more", |lake| drop(std::fs::copy(part(lake), lake.join("type=security_4624/part-00001.parquet"))), "part-00001", "does not name"),
    ("another number of rows", |lake| edit(lake, |v| say_rows(v, 59)), PART, "60 events, and the catalog says 59"),
    ("another hash", |lake| edit(lake, |v| v["parts"][0]["sha256"] = json!("00")), PART, "SHA-256"),
];

/// Damage to catalogs.
const DAMAGED_CATALOGS: [(&str, Damage, &str, &str); 10] = [
    ("sums that differ", |lake| edit(lake, |v| v["events"] = json!(3)), "_catalog.json", "different numbers of events"),
    ("another version", |lake| edit(lake, |v| v["version"] = json!(2)), "_catalog.json", "version 2"),
    ("no JSON", |lake| cut(&lake.join("_catalog.json"), 300), "_catalog.json", "not a catalog"),
    ("nothing", |lake| std::fs::write(lake.join("_catalog.json"), "").unwrap(), "_catalog.json", "not a catalog"),
    ("an unknown member", |lake| edit(lake, |v| v["views"][0]["more"] = json!(1)), "_catalog.json", "unknown field `more`"),
    ("no catalog", |lake| std::fs::remove_file(lake.join("_catalog.json")).unwrap(), "lake", "no `_catalog.json`"),
    ("an unknown column", |lake| edit(lake, |v| columns(v).retain(|c| c["field"] != "TargetUserName")), PART, "column `TargetUserName`"),
    (
        "a column of another kind",
        |lake| edit(lake, |v| columns(v).iter_mut().for_each(|c| c["list"] = json!(false))),
        PART,
        "column `List` is not of the kind",
    ),
    (
        "a missing column",
        |lake| edit(lake, |v| columns(v).push(json!({ "field": "More", "column": "More", "list": false }))),
        PART,
        "lacks the column `More`",
    ),
    ("an unknown source", |lake| edit(lake, |v| v["sources"][0]["id"] = json!(77)), PART, "of source 1"),
];

#[test]
fn a_lake_that_is_not_whole_is_refused_and_the_file_named() {
    for (what, damage, file, reason) in DAMAGED_PARTS.into_iter().chain(DAMAGED_CATALOGS) {
        let (_store, lake) = small_lake();
        assert_eq!(catalog(&lake)["parts"][0]["path"], PART);
        damage(&lake);
        let said = refused(&lake);
        assert!(said.contains(file) && said.contains(reason), "{what}: {said}");
    }
}

/// Has the catalog say that the first part is as it is now.
fn say_hash(lake: &Path) {
    let content = std::fs::read(part(lake)).unwrap();
    let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    edit(lake, |v| (v["parts"][0]["bytes"], v["parts"][0]["sha256"]) = (json!(content.len()), json!(hash)));
}

fn cut(path: &Path, bytes: usize) {
    let content = std::fs::read(path).unwrap();
    std::fs::write(path, &content[..content.len() - bytes]).unwrap();
}

fn grow(path: &Path) {
    let mut content = std::fs::read(path).unwrap();
    content.push(0);
    std::fs::write(path, content).unwrap();
}

fn flip(path: &Path) {
    let mut content = std::fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_part_that_is_not_parquet_is_refused_although_its_hash_is_right() {
    for content in [b"PAR1 nothing of it PAR1".to_vec(), Vec::new(), vec![0; 10_000]] {
        let (_store, lake) = small_lake();
        std::fs::write(part(&lake), &content).unwrap();
        say_hash(&lake);
        let said = refused(&lake);
        assert!(said.contains(PART) && said.contains("cannot be read"), "{said}");
    }
}

#[test]
fn no_damage_to_a_part_ends_the_program_although_its_hash_is_right() {
    let (store, lake) = small_lake();
    let (whole, mut random) = (std::fs::read(part(&lake)).unwrap(), Random(20_240_301));
    let (mut refused, mut read) = (0, 0);
    for round in 0..150 {
        let damaged = match round % 5 {
            0 => mutate::zeros(&whole, &mut random),
            1 => mutate::repeat(&whole, &mut random),
            bits => mutate::flip(&whole, 1 + bits * bits, &mut random),
        };
        std::fs::write(part(&lake), damaged).unwrap();
        say_hash(&lake);
        let mut target = Store::open(&store.folder().join(format!("{round}.db"))).unwrap();
        let loaded = Lake::open(&lake).and_then(|lake| lake.load(&mut target, (1 << 20, &Cancel::default()), &mut |_| {}));
        match loaded {
            Ok(outcome) => {
                // A letter of a value may be another one; no event is gone.
                assert_eq!(outcome.events, 70);
                read += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains(PART), "{error}");
                assert_eq!(target.sources().unwrap(), []);
                refused += 1;
            }
        }
    }
    println!("{refused} of 150 were refused, {read} were read");
    assert!(refused > 100);
}

#[test]
fn a_lake_replaces_nothing() {
    let (store, lake) = small_lake();
    let before = files(&lake);
    for refused in [export(&store, &lake), run([Path::new("load"), store.path(), Path::new("--parquet"), &lake])] {
        assert!(refused.expect_code(&[1]).stderr.contains("is not empty"));
    }
    assert!(files(&lake) == before);
    let file = store.file("a-file", "mine");
    assert!(export(&store, &file).expect_code(&[1]).stderr.contains("is not a folder"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    // An empty folder is as good as none.
    let empty = store.folder().join("empty");
    std::fs::create_dir(&empty).unwrap();
    export(&store, &empty).expect_code(&[0]);
    assert!(files(&empty) == before);
    // What filters findings says nothing of events.
    for flags in [&["--host", "x"][..], &["navigator"], &["--raw"], &["--new"]] {
        let arguments = ["export", "--parquet", "new"].iter().chain(flags);
        store.run(arguments).expect_code(&[2]);
    }
    store.run(["export"]).expect_code(&[2]);
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..60, 4624) + &lines(60..70, 4625))]);
    // The second kind of events cannot be read.
    let sql = "UPDATE e2 SET c0 = 1e15; UPDATE field SET encoding = 'inline' WHERE event_type = 2 AND position = 0";
    Connection::open(store.path()).unwrap().execute_batch(sql).unwrap();
    let lake = store.folder().join("lake");
    let said = export(&store, &lake).expect_code(&[1]).stderr;
    assert!(said.contains("damaged") && !lake.exists(), "{said}");
    std::fs::create_dir(&lake).unwrap();
    export(&store, &lake).expect_code(&[1]);
    assert_eq!(std::fs::read_dir(&lake).unwrap().count(), 0);
}

#[test]
fn an_export_that_is_killed_is_not_a_lake() {
    let original = TestStore::new();
    original.load([original.file("a.jsonl", lines(0..1_400, 4624) + &lines(0..1_000, 4625) + &odd_lines())]);
    let events = u64::try_from(original.number("SELECT count(*) FROM events")).unwrap();
    let lake_of = |store: &TestStore| store.folder().join("lake");
    let fresh = |_: u32| {
        let copy = TestStore::new();
        std::fs::copy(original.path(), copy.path()).expect("a copy");
        copy
    };
    let killed = Killed {
        name: "export as a lake",
        kills: 6,
        fresh: &fresh,
        command: &|store| {
            // What was left is removed by hand, as the message says.
            if !lake_of(store).join("_catalog.json").exists() && lake_of(store).exists() {
                std::fs::remove_dir_all(lake_of(store)).unwrap();
            }
            let mut export = command();
            export.arg("export").arg("--parquet").arg(lake_of(store)).arg("--store").arg(store.path());
            export
        },
        // One that was done is not replaced.
        again: &[0, 1],
        is_whole: &|store, what| {
            let lake = lake_of(store);
            if lake.join("_catalog.json").exists() {
                let loaded = TestStore::new();
                loaded.load([&lake]);
                assert_eq!(u64::try_from(loaded.number("SELECT count(*) FROM events")).unwrap(), events, "{what}");
            } else if lake.join("type=security_4624").join("part-00000.parquet").exists() {
                assert!(refused(&lake).contains("export was interrupted"), "{what}");
            }
        },
        is_complete: &|store, what| assert_eq!(catalog(&lake_of(store))["events"], events, "{what}"),
    };
    killed.survive();
}

/// Events whose texts are more than a sort holds in memory, and that are not in the order of time.
const LARGE: i64 = 40_000;
/// Most memory (kB) that lakes take.
const MAX_PEAK_KB: u64 = 256 * 1024;

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_within_bounds_where_events_are_more_than_it() {
    let store = TestStore::new();
    let word = |n: i64, i: i64| (n * 128 + i + 1).unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let script = |n: i64| (0..128).map(|i| format!("{:016x}", word(n, i))).collect::<String>();
    let lines: String = (0..LARGE).map(|n| line(n * 7_919 % 1_440, n + 1, 4624, &format!(",\"Script\":\"{}\"", script(n)))).collect();
    store.load([store.file("large.jsonl", lines)]);
    let (lake, limit) = (store.folder().join("lake"), std::time::Duration::from_secs(300));
    let export = watched(command().arg("export").arg("--parquet").arg(&lake).arg("--store").arg(store.path()), store.folder(), limit);
    let again = TestStore::new();
    let load = watched(command().args(["load", "--memory", "32M"]).arg(&lake).arg("--store").arg(again.path()), again.folder(), limit);
    assert_eq!((export.code, load.code), (0, 0), "{} {}", export.stderr, load.stderr);
    println!("an export took {} kB at most, a load {} kB", export.peak_kb, load.peak_kb);
    assert!(export.peak_kb < MAX_PEAK_KB && load.peak_kb < MAX_PEAK_KB, "{} {}", export.peak_kb, load.peak_kb);
    let all = "SELECT _time, _record, Script FROM security_4624 ORDER BY _record";
    let [one, two] = [&store, &again].map(|store| store.run(["sql", all, "--format", "csv-raw"]).expect_code(&[0]).stdout);
    assert!(one == two && one.len() > 80_000_000);
}

#[test]
fn the_catalog_gives_the_types_that_the_store_has() {
    let (store, _) = loaded();
    let lake = store.folder().join("lake");
    export(&store, &lake).expect_code(&[0]);
    let read = LakeCatalog::read(&lake).unwrap();
    let (of_lake, of_store) = (read.catalog(), Store::open_read_only(store.path()).unwrap().catalog().unwrap());
    assert_eq!(of_lake.types.len(), of_store.types.len());
    for (found, expected) in of_lake.types.iter().zip(&of_store.types) {
        let keys = |of: &retrohunt::catalog::EventType| {
            (of.product.clone(), of.dataset.clone(), of.code.clone(), of.view.clone(), of.events, of.has_messages)
        };
        assert_eq!(keys(found), keys(expected));
        let fields = |of: &retrohunt::catalog::EventType| of.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>();
        assert_eq!(fields(found), fields(expected));
        assert!(found.columns.iter().zip(&expected.columns).all(|(found, expected)| found.has_lists || !expected.has_lists));
        assert!(
            found
                .columns
                .iter()
                .zip(&expected.columns)
                .all(|(found, expected)| found.view_name.is_empty() == expected.view_name.is_empty())
        );
        assert!(!found.columns.iter().any(|column| column.view_name.eq_ignore_ascii_case("type")), "engines have that name for the folder");
    }
}

/// Whether Python has a package.
fn python_has(package: &str) -> bool {
    let there = Command::new("python3").args(["-c", &format!("import {package}")]).output().is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: python3 with {package} is not there");
    }
    there
}

#[test]
fn other_engines_read_the_values_of_the_views() {
    let (store, _) = loaded();
    let lake = store.folder().join("lake");
    export(&store, &lake).expect_code(&[0]);
    let messages = store.run(["sql", "SELECT _id, Message FROM messages", "--format", "jsonl"]).expect_code(&[0]).stdout;
    let messages = store.file("messages.jsonl", messages);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lake/compare.py");
    for engine in ["duckdb", "polars"].into_iter().filter(|engine| python_has(engine)) {
        let compared = Command::new("python3").arg(&script).arg(engine).args([store.path(), &lake, &messages]).output().expect("python3");
        let (said, faults) = (String::from_utf8_lossy(&compared.stdout), String::from_utf8_lossy(&compared.stderr));
        assert!(compared.status.success(), "{engine}: {said}\n{faults}");
        let events = store.number("SELECT count(*) FROM events");
        assert!(said.contains(&format!("{events} events")), "{engine}: {said}");
    }
}

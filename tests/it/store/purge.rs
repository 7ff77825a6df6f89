//! Old events go, findings stay with what they stand on.

use serde_json::{Value, json};

use super::{assert_whole, evidence, findings, hunt, identities, lines, rules};
use crate::support::binary::{TestStore, integer, text};

/// Two hours of logons that each are a finding, failed ones that are findings together, and one event without a time.
fn hunted() -> TestStore {
    let store = TestStore::new();
    let without_time = "{\"Channel\":\"Security\",\"EventID\":4624,\"Hostname\":\"ws1.test\",\"RecordNumber\":9000}\n";
    store.load([
        store.file("a.jsonl", lines(0..60, 4624) + &lines(60..90, 4625) + without_time),
        store.file("b.jsonl", lines(60..70, 4624) + &lines(90..120, 4625)),
        store.file("c.jsonl", lines(50..62, 4624) + "\n"),
    ]);
    hunt(&store);
    store
}

fn purge(store: &TestStore, before: &str) -> String {
    store.run(["store", "purge", "--before", before]).expect_code(&[0]).stderr
}

/// What is shown of all findings with their events.
fn shown(store: &TestStore) -> Vec<Value> {
    let ids: Vec<String> = store
        .run(["findings", "--past", "--format", "jsonl"])
        .expect_code(&[0])
        .json_lines()
        .iter()
        .map(|row| integer(row, "finding_id").to_string())
        .collect();
    let arguments = ["findings", "show", "--format", "jsonl"].into_iter().map(str::to_owned).chain(ids);
    let mut rows = store.run(arguments).expect_code(&[0]).json_lines();
    rows.iter_mut().for_each(|row| row["hunt_id"] = Value::Null);
    rows
}

#[test]
fn findings_show_list_and_export_what_was_purged() {
    let store = hunted();
    let forms: Vec<Vec<&str>> = vec![
        vec!["findings", "--evidence", "--format", "csv"],
        vec!["timeline", "--format", "csv"],
        vec!["timeline", "--format", "timesketch"],
        vec!["timeline", "--host", "ws1", "--since", "2024-03-01T00:10:00", "--until", "2024-03-01T01:20:00", "--format", "jsonl"],
        vec!["export", "timesketch"],
        vec!["export", "timeline-csv"],
        vec!["export", "ocsf"],
        vec!["findings", "--since", "2024-03-01T00:10:00", "--until", "2024-03-01T00:20:00", "--format", "jsonl"],
        vec!["sql", "SELECT * FROM timeline ORDER BY finding_id, event_id", "--format", "csv"],
        vec!["sql", "SELECT * FROM finding_events ORDER BY finding_id, event_id", "--format", "csv"],
    ];
    let output = |form: &Vec<&str>| store.run(form).expect_code(&[0, 3]).stdout;
    let before: Vec<String> = forms.iter().map(output).collect();
    let before_shown = shown(&store);
    let said = purge(&store, "2024-03-01T01:15:00");
    assert!(said.contains("85 events") && said.contains("behind findings") && said.contains("1 event without a time stay"), "{said}");
    assert_whole(&store, "purged");
    assert_eq!(store.number("SELECT count(*) FROM events"), 46);
    for (form, before) in forms.iter().zip(&before) {
        assert_eq!(&output(form), before, "{form:?}");
    }
    assert_eq!(shown(&store), before_shown);
    let page = store.folder().join("page.html");
    store.run(["report", "--html", &page.to_string_lossy()]).expect_code(&[0]);
    // Again, and for an earlier time: nothing is left to do.
    assert!(purge(&store, "2024-03-01T01:15:00").contains("0 events") && purge(&store, "2023-01-01").contains("0 events"));
    assert_whole(&store, "purged again");
}

#[test]
fn a_later_hunt_takes_no_finding_back_because_its_events_are_gone() {
    let store = hunted();
    let (before, known) = (findings(&store), identities(&store));
    purge(&store, "2024-03-01T01:05:00");
    for _ in 0..2 {
        hunt(&store);
        assert_whole(&store, "hunted after a purge");
        let gone = store.run(["findings", "--past", "--format", "jsonl"]).json_lines().iter().filter(|row| row["state"] == "gone").count();
        assert_eq!(gone, 0);
        // What is left of a group whose first events are gone may be found as one more.
        let (now, ids) = (findings(&store), identities(&store));
        assert!(before.iter().all(|finding| now.contains(finding)) && known.iter().all(|id| ids.contains(id)), "{now:?}");
    }
}

#[test]
fn what_was_purged_stays_purged_when_its_file_is_loaded_again() {
    let store = hunted();
    purge(&store, "2024-03-01T01:30:00");
    let events = store.number("SELECT count(*) FROM events");
    store.load([store.folder().join("a.jsonl"), store.folder().join("b.jsonl")]);
    assert_eq!(store.number("SELECT count(*) FROM events"), events);
    assert_whole(&store, "loaded again");
    // Ids are not given out again.
    let last = store.number("SELECT max(_id) FROM events");
    store.load([store.file("c.jsonl", lines(200..205, 4624))]);
    assert!(store.number("SELECT min(_id) FROM events WHERE _time > '2024-03-01T03:00'") > last);
    assert_whole(&store, "loaded more");
}

#[test]
fn everything_can_go() {
    let store = hunted();
    let before = evidence(&store);
    purge(&store, "2030-01-01");
    assert_whole(&store, "empty");
    assert_eq!((store.number("SELECT count(*) FROM events"), evidence(&store)), (1, before));
    store.run(["store", "compact"]).expect_code(&[0]);
    assert_whole(&store, "empty and compact");
    let rows = store.run(["hunt", "--rules", &rules(&store)]).expect_code(&[0, 3]);
    assert!(!rows.stderr.contains("gone"), "{}", rows.stderr);
    assert_eq!(text(&store.sources()[0], "format"), "json-lines");
    assert_eq!(store.sources()[0]["events"], json!(91));
}

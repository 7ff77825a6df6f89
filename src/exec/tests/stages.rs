//! Stages that keep rows, groups or windows: what they may take of memory, and what they give back.

use super::{COUNT, scalar, shown, stats, strings, through};
use crate::exec::{RowKey, RuleLimits};
use crate::ir::{AggregateFunction, Chart, Dedup, Frequent, HeadWhile, Scalar, Stage, Stats, StreamStats, Transaction};

fn stream(stats: Stats, window: u64) -> Stage {
    let reset = (None, None);
    Stage::StreamStats(StreamStats { stats, current: true, window, global: true, time_window: None, reset, reset_on_change: false })
}

fn transaction(fields: &[&str], max_events: Option<u64>) -> Stage {
    Stage::Transaction(Transaction {
        fields: strings(fields),
        starts_with: None,
        ends_with: None,
        max_span: None,
        max_pause: None,
        max_events,
        keep_evicted: false,
        connected: true,
    })
}

fn frequent(field: &str) -> Stage {
    let (count, percent) = (Some("count".to_owned()), None);
    Stage::Frequent(Frequent { rare: false, fields: strings(&[field]), by: Vec::new(), limit: 10, count, percent, other: None })
}

fn chart(by: &[&str]) -> Stage {
    let [other, null] = ["OTHER", "NULL"].map(|name| Some(name.to_owned()));
    let stats = stats(&[COUNT], by, None);
    Stage::Chart(Chart { stats, bucket: None, continuous: false, limit: None, other, null, columns: Vec::new() })
}

/// `a` is different in each row, `b` the same.
#[test]
fn what_stages_keep_has_a_limit() {
    use AggregateFunction::{Mode, Values};
    let values = |by: &[&str]| stats(&[(Values, Some("a"), "v")], by, None);
    let fits = [
        Stage::Tail(2),
        stream(stats(&[COUNT], &["b"], None), 0),
        stream(stats(&[COUNT], &[], None), 2),
        stream(values(&["b"]), 2),
        frequent("b"),
        chart(&["b"]),
        Stage::Dedup(Dedup::first(1, strings(&["b"]))),
        Stage::Dedup(Dedup { consecutive: true, ..Dedup::first(1, strings(&["a"])) }),
        transaction(&["b"], Some(1)),
    ];
    let grows = [
        Stage::Reverse,
        Stage::Tail(1_000),
        stream(stats(&[COUNT], &["a"], None), 0),
        stream(stats(&[COUNT], &[], None), 1_000),
        stream(values(&["b"]), 0),
        Stage::Stats(stats(&[(Mode, Some("a"), "m")], &[], None)),
        frequent("a"),
        chart(&["a"]),
        chart(&["b", "a"]),
        Stage::Dedup(Dedup::first(1, strings(&["a"]))),
        transaction(&["a"], None),
        transaction(&["b"], None),
        Stage::Format,
    ];
    let long = "x".repeat(2_000);
    let rows: Vec<[String; 2]> = (0..100).map(|i| [format!("{i}{long}"), "y".to_owned()]).collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let code = |stage: &Stage, memory_bytes| {
        through(std::slice::from_ref(stage), &["a", "b"], &rows, RuleLimits { memory_bytes }).err().map(|fault| fault.code())
    };
    for stage in &grows {
        assert_eq!(code(stage, 100_000), Some("exec-memory"), "{stage:?}");
    }
    // What was given back may be taken again.
    for stage in &fits[..8] {
        assert_eq!(code(stage, 100_000), None, "{stage:?}");
    }
    assert_eq!(code(&fits[8], 1_000_000), None);
}

#[test]
fn groups_and_transactions_know_their_events() {
    let origins = |stage: Stage| -> Vec<(String, u64, Vec<i64>)> {
        let rows = through(&[stage], &["k", "x"], &[&["a", "1"], &["b", "1"], &["a", "2"]], RuleLimits::default()).unwrap();
        let key = |key: RowKey| match key {
            RowKey::Group(key) => key.pairs().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "),
            RowKey::Event(id) => format!("event {}", id.0),
            RowKey::Made => "made".to_owned(),
        };
        rows.iter().map(|(_, origin)| (key(origin.key()), origin.count(), origin.events().iter().map(|e| e.0).collect())).collect()
    };
    let two = |a: &str, b: &str| vec![(a.to_owned(), 2, vec![1, 3]), (b.to_owned(), 1, vec![2])];
    assert_eq!(origins(frequent("k")), two("k=a", "k=b"));
    assert_eq!(origins(chart(&["k"])), two("k=a", "k=b"));
    assert_eq!(origins(chart(&["k", "x"])), two("k=a", "k=b"));
    assert_eq!(origins(transaction(&["k"], None)), two("event 1", "event 2"));
}

#[test]
fn columns_that_only_rows_know_share_a_cell_as_names_and_values() {
    let rows: &[&[&str]] = &[&["a", "p"], &["a", "q"], &["b", "p"]];
    assert_eq!(shown(&[chart(&["k", "x"])], &["k", "x"], rows), ["k=a *=p/#1/q/#1", "k=b *=p/#1/q/#0"]);
    let Stage::Chart(split) = chart(&["k", "x"]) else { panic!("a table") };
    let named = Stage::Chart(Chart { columns: strings(&["q", "gone"]), ..split });
    assert_eq!(shown(&[named], &["k", "x"], rows), ["k=a q=1 gone=∅ *=p/#1", "k=b q=0 gone=∅ *=p/#1"]);
}

#[test]
fn head_stops_where_no_later_row_can_count() {
    let holds = Scalar::Binary(crate::ir::BinaryOp::Lt, Box::new(scalar("a")), Box::new(Scalar::Number(2.0)));
    let head = |limit, keep_last| [Stage::HeadWhile(HeadWhile { condition: holds.clone(), limit, keep_last })];
    let rows: &[&[&str]] = &[&["0"], &["1"], &["2"], &["0"]];
    assert_eq!(shown(&head(None, false), &["a"], rows), ["a=0", "a=1"]);
    assert_eq!(shown(&head(None, true), &["a"], rows), ["a=0", "a=1", "a=2"]);
    assert_eq!(shown(&head(Some(1), true), &["a"], rows), ["a=0"]);
    assert_eq!(shown(&head(Some(0), true), &["a"], rows), Vec::<String>::new());
}

#[test]
fn format_writes_the_rows_as_one_condition() {
    let rows: &[&[&str]] = &[&["1", "x", "∅", "no"], &["∅", "∅", "∅", "no"], &["a\"b\\c", "x|y", "c=3 OR d", "no"]];
    let names = ["a", "b", "search", "_time"];
    let expected = r#"search=( ( a="1" AND b="x" ) OR ( a="a\"b\\c" AND ( b="x" OR b="y" ) AND c=3 OR d ) )"#;
    assert_eq!(shown(&[Stage::Format], &names, rows), [expected]);
    assert_eq!(shown(&[Stage::Format], &names, &[]), ["search=NOT ( )"]);
    let made = through(&[Stage::Format], &names, rows, RuleLimits::default()).unwrap();
    assert_eq!((made[0].1.count(), made[0].1.rows(), made[0].1.events().len()), (3, 3, 3));
}

//! Correlations: edges of windows, ties, order, missing keys, every type, chains, filters, legacy aggregation. Each
//! example is hunted, asked by brute force and, where there is a form, as portable SQL.

use retrohunt::compile::{CompileOptions, RuleSet, load_texts};

use crate::support::correlate::correlate;
use crate::support::engines;
use crate::support::evaluate::Event;
use crate::support::stored::Stored;
use crate::support::three_ways::event;

const S: i64 = 1_000_000;

/// Rules `a` to `d`, which match events by their `Kind`.
fn rules() -> String {
    let rule = |name: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\nid: rule-{name}\nlogsource: {{product: windows, service: security}}\ndetection: {{s: {{Kind: {name}}}, condition: s}}\n"
        )
    };
    ["a", "b", "c", "d"].map(rule).concat()
}

fn correlation(body: &str) -> String {
    format!("---\ntitle: C\nname: correlation\nid: own\nlevel: high\ncorrelation: {{{body}}}\n")
}

/// Compiles texts as files of one set.
#[track_caller]
fn set(texts: &[&str]) -> RuleSet {
    let named: Vec<(String, &str)> = (0..).zip(texts).map(|(n, text)| (format!("file-{n}.yml"), *text)).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let set = load_texts(&named, &CompileOptions::default());
    assert!(!set.has_errors(), "{texts:?}\n{:?}", set.diagnostics);
    set
}

/// Events by time after a base, and members of a JSON object.
fn events(list: &[(i64, &str)]) -> Vec<Event> {
    let of = |(id, (after, members)): (i64, &(i64, &str))| {
        let mut event = event(id, members);
        event.time_us += after - id * S;
        event
    };
    (1..).zip(list).map(of).collect()
}

/// What the last correlation of the texts finds: groups with their events, by time.
#[track_caller]
fn found(texts: &[&str], list: &[(i64, &str)]) -> Vec<(String, Vec<i64>)> {
    let set = set(texts);
    let events = events(list);
    let mut stored = Stored::of_batches(&events, 3);
    let hunted = stored.hunt_correlations(&set.correlations);
    let expected = correlate(&set.correlations, &events);
    for ((correlation, hunted), expected) in set.correlations.iter().zip(&hunted).zip(&expected) {
        let findings = if correlation.reports { expected.as_slice() } else { &[] };
        assert_eq!(hunted, findings, "{texts:?}");
    }
    for (index, expected) in expected.iter().enumerate() {
        if let Some(portable) = stored.portable_correlation(index, &set.correlations) {
            let counts: Vec<_> = portable.iter().map(|(row, count)| (row.group.clone(), row.first_us, row.windows, *count)).collect();
            let wanted: Vec<_> = expected.iter().map(|e| (e.group.clone(), e.first_us, e.windows, e.events.len())).collect();
            assert_eq!(counts, wanted, "portable SQL of {texts:?}");
        }
    }
    let last = hunted.into_iter().next_back().expect("a correlation");
    last.into_iter().map(|f| (f.group.into_values().collect::<Vec<_>>().join("/"), f.events)).collect()
}

/// As [`found`], for one correlation over the four rules.
#[track_caller]
fn of(body: &str, list: &[(i64, &str)]) -> Vec<(String, Vec<i64>)> {
    found(&[&(rules() + &correlation(body))], list)
}

fn one(group: &str, events: &[i64]) -> Vec<(String, Vec<i64>)> {
    vec![(group.to_owned(), events.to_vec())]
}

const A: &str = r#""Kind":"a","U":"u""#;
const B: &str = r#""Kind":"b","U":"u""#;
const C: &str = r#""Kind":"c","U":"u""#;
const D: &str = r#""Kind":"d","U":"u""#;

#[test]
fn a_window_holds_events_exactly_a_timespan_apart() {
    let body = "type: event_count, rules: a, group-by: U, timespan: 10s, condition: {gte: 2}";
    assert_eq!(of(body, &[(0, A), (10 * S, A)]), one("u", &[1, 2]));
    assert_eq!(of(body, &[(0, A), (10 * S + 1, A)]), []);
    assert_eq!(of(body, &[(0, A), (0, A)]), one("u", &[1, 2]));
    // Later ones were loaded first.
    assert_eq!(of(body, &[(30 * S, A), (25 * S, A), (0, A), (24 * S, A)]), one("u", &[1, 2, 4]));
    // Two bursts that do not meet are two findings, though ten seconds and a bit lie between.
    assert_eq!(of(body, &[(0, A), (S, A), (11 * S + 1, A), (12 * S, A)]), [one("u", &[1, 2]), one("u", &[3, 4])].concat());
    assert_eq!(of(body, &[(0, A), (S, A), (11 * S, A), (12 * S, A)]), one("u", &[1, 2, 3, 4]));
}

#[test]
fn ties_are_in_the_same_windows() {
    let exactly = "type: event_count, rules: a, group-by: U, timespan: 10s, condition: {eq: 2}";
    assert_eq!(of(exactly, &[(0, A), (0, A), (0, A)]), []);
    assert_eq!(of(exactly, &[(0, A), (5 * S, A), (20 * S, A)]), one("u", &[1, 2]));
    let range = "type: event_count, rules: a, group-by: U, timespan: 1s, condition: {gt: 1, lte: 3, neq: 2}";
    assert_eq!(of(range, &[(0, A), (0, A), (1, A), (2, A)]), one("u", &[1, 2, 3]));
}

#[test]
fn missing_keys_are_left_out_and_empty_ones_are_keys() {
    let body = "type: event_count, rules: [a, b], group-by: [U, V], timespan: 10s, condition: {gte: 2}";
    let with = |user: &str| format!(r#""Kind":"a"{user}"#);
    let (empty, null, absent, list) =
        (with(r#","U":"","V":1"#), with(r#","U":null,"V":1"#), with(r#","V":1"#), with(r#","U":["x","y","X"],"V":1"#));
    assert_eq!(of(body, &[(0, &empty), (1, &empty), (2, &null), (3, &absent), (4, &absent)]), one("/1", &[1, 2]));
    assert_eq!(of(body, &[(0, &list), (1, &list)]), [one("x/1", &[1, 2]), one("y/1", &[1, 2])].concat());
    let (upper, lower) = (with(r#","U":"ÄNNE","V":1"#), with(r#","U":"änne","V":1"#));
    let set = set(&[&(rules() + &correlation(body))]);
    let mut stored = Stored::of_batches(&events(&[(5, &upper), (0, &lower)]), 9);
    let hunted = stored.hunt_correlations(&set.correlations);
    assert_eq!(hunted[0][0].group["U"], "änne", "keys are compared without case and shown as the first event spells them");
    let both = engines::both(&mut stored.store, &[], &set.correlations);
    assert!(both.failed.is_empty() && both.findings == 1, "{:?} {:?}", both.failed, both.differences);
}

#[test]
fn what_is_left_out_is_counted() {
    use retrohunt::hunt::{HuntOptions, LeftOut, run};
    use retrohunt::taxonomy::Taxonomy;
    let set = set(&[&(rules() + &correlation("type: value_sum, rules: a, group-by: U, timespan: 1m, condition: {field: N, gte: 1}"))]);
    let list = [
        (0, r#""Kind":"a","U":"u","N":1"#),
        (1, r#""Kind":"a","N":1"#),
        (2, r#""Kind":"a","U":"u""#),
        (3, r#""Kind":"a","U":"u","N":"1 kB""#),
    ];
    let mut stored = Stored::of_batches(&events(&list), 9);
    let summary = run(&mut stored.store, &[], &set.correlations, Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).unwrap();
    let left_out = LeftOut { matched: 4, no_group: 1, no_value: 2, ..LeftOut::default() };
    assert_eq!((summary.left_out, summary.findings, summary.rules), (vec![(0, left_out)], 1, 1));
}

#[test]
fn an_event_that_two_rules_match_counts_once() {
    let both = "---\ntitle: e\nname: e\nlogsource: {product: windows, service: security}\ndetection: {s: {Kind: [a, b]}, condition: s}\n";
    let body = |condition: &str| correlation(&format!("type: {condition}, rules: [e, a], group-by: U, timespan: 10s"));
    let count = body("event_count, condition: {gte: 2}");
    assert_eq!(found(&[both, &rules(), &count], &[(0, A)]), []);
    assert_eq!(found(&[both, &rules(), &count], &[(0, A), (1, B)]), one("u", &[1, 2]));
    let sum = body("value_sum, condition: {field: N, eq: 5}");
    assert_eq!(found(&[both, &rules(), &sum], &[(0, r#""Kind":"a","U":"u","N":"5""#)]), one("u", &[1]));
    // The same event is both rules of a temporal correlation, but not one after the other.
    assert_eq!(found(&[both, &rules(), &body("temporal")], &[(0, A)]), one("u", &[1]));
    assert_eq!(found(&[both, &rules(), &body("temporal_ordered")], &[(0, A)]), []);
}

#[test]
fn values_are_counted_apart() {
    let body = "type: value_count, rules: a, group-by: U, timespan: 10s, condition: {field: T, gte: 3}";
    let t = |value: &str| format!(r#""Kind":"a","U":"u","T":{value}"#);
    let (x, upper, y, empty, null, list) = (t("\"x\""), t("\"X\""), t("\"y\""), t("\"\""), t("null"), t(r#"["x","y","z"]"#));
    assert_eq!(of(body, &[(0, &x), (1, &upper), (2, &y)]), []);
    assert_eq!(of(body, &[(0, &x), (1, &y), (2, &empty)]), one("u", &[1, 2, 3]));
    assert_eq!(of(body, &[(0, &x), (1, &y), (2, &null)]), []);
    assert_eq!(of(body, &[(0, &list)]), one("u", &[1]));
    // The first x has left the window; a second one has not.
    assert_eq!(of(body, &[(0, &x), (5 * S, &y), (10 * S + 1, &empty)]), []);
    assert_eq!(of(body, &[(0, &x), (5 * S, &y), (6 * S, &x), (10 * S + 1, &empty)]), one("u", &[2, 3, 4]));
    let pairs = "type: value_count, rules: a, group-by: U, timespan: 10s, condition: {field: [T, V], gte: 2}";
    let pair = |t: &str, v: &str| format!(r#""Kind":"a","U":"u","T":"{t}","V":"{v}""#);
    assert_eq!(of(pairs, &[(0, &pair("x", "1")), (1, &pair("X", "1")), (2, &x)]), []);
    assert_eq!(of(pairs, &[(0, &pair("x", "1")), (1, &pair("x", "2"))]), one("u", &[1, 2]));
    assert_eq!(of(pairs, &[(0, &pair("ab", "c")), (1, &pair("a", "bc"))]), one("u", &[1, 2]));
}

#[test]
fn temporal_asks_for_every_rule_or_as_the_condition_says() {
    let all = "type: temporal, rules: [a, b, c], group-by: U, timespan: 10s";
    assert_eq!(of(all, &[(9 * S, A), (0, B), (4 * S, C)]), one("u", &[1, 2, 3]));
    assert_eq!(of(all, &[(10 * S + 1, A), (0, B), (4 * S, C)]), []);
    let with = |condition: &str| format!("{all}, condition: {condition}");
    assert_eq!(of(&with("a and not b"), &[(0, A)]), one("u", &[1]));
    assert_eq!(of(&with("a and not b"), &[(0, B), (10 * S, A)]), []);
    assert_eq!(of(&with("a and not b"), &[(0, B), (10 * S + 1, A)]), one("u", &[2]));
    // What follows does not take it back.
    assert_eq!(of(&with("a and not b"), &[(0, A), (1, B)]), one("u", &[1]));
    assert_eq!(of(&with("a and not b"), &[(0, A), (0, B)]), []);
    assert_eq!(of(&with("a and (b or c)"), &[(0, A), (1, C)]), one("u", &[1, 2]));
    assert_eq!(of(&with("{gte: 2}"), &[(0, A), (1, A)]), []);
    assert_eq!(of(&with("{gte: 2}"), &[(0, A), (1, C)]), one("u", &[1, 2]));
}

#[test]
fn temporal_ordered_asks_for_times_that_increase() {
    let body = "type: temporal_ordered, rules: [a, b, c], group-by: U, timespan: 10s";
    assert_eq!(of(body, &[(0, A), (1, B), (2, C)]), one("u", &[1, 2, 3]));
    assert_eq!(of(body, &[(0, A), (1, C), (2, B)]), []);
    assert_eq!(of(body, &[(0, A), (1, B), (1, C)]), []);
    assert_eq!(of(body, &[(0, A), (1, B), (10 * S, C)]), one("u", &[1, 2, 3]));
    assert_eq!(of(body, &[(0, A), (1, B), (10 * S + 1, C)]), []);
    // An old beginning does not spoil a new one, and a new one does not spoil an old.
    assert_eq!(of(body, &[(0, A), (5 * S, A), (6 * S, B), (11 * S, C)]), one("u", &[2, 3, 4]));
    assert_eq!(of(body, &[(0, A), (S, B), (2 * S, A), (3 * S, C)]), one("u", &[1, 2, 3, 4]));
    let without = format!("{body}, condition: a and c and not b");
    assert_eq!(of(&without, &[(0, A), (1, C)]), one("u", &[1, 2]));
    assert_eq!(of(&without, &[(0, C), (1, A)]), []);
    assert_eq!(of(&without, &[(0, A), (1, B), (2, C)]), []);
}

#[test]
fn numbers_are_aggregated() {
    let n = |value: &str| format!(r#""Kind":"a","U":"u","N":{value}"#);
    let (one_, two, ten, junk, tenth) = (n("1"), n("\"2\""), n("10"), n("\"10 kB\""), n("0.1"));
    let body =
        |kind: &str, condition: &str| format!("type: {kind}, rules: a, group-by: U, timespan: 10s, condition: {{field: N, {condition}}}");
    let list: [(i64, &str); 4] = [(0, &one_), (1, &two), (2, &ten), (3, &junk)];
    for (kind, condition, alerts) in [
        ("value_sum", "eq: 13", true),
        ("value_avg", "gt: 4.3, lt: 4.4", true),
        ("value_min", "lt: 1", false),
        ("value_max", "gt: 9", true),
        ("value_median", "eq: 1.5", true),
        ("value_percentile", "percentile: 50, eq: 2", true),
        ("value_percentile", "percentile: 95, gt: 9.19, lt: 9.21", true),
        ("value_percentile", "percentile: 100, eq: 10", true),
        ("value_percentile", "percentile: 0, neq: 1", false),
        ("value_percentile", "percentile: 90, eq: 8.4", true),
        ("value_percentile", "percentile: 99.9, gt: 8.4", true),
    ] {
        let found = of(&body(kind, condition), &list);
        assert_eq!(!found.is_empty(), alerts, "{kind} {condition} {found:?}");
        assert!(found.iter().all(|(_, events)| !events.contains(&4)), "what is no number is not among the events");
    }
    // 2 + 5 · 0.8: exactly six.
    let (two_, seven) = (n("2"), n("7"));
    let list: Vec<(i64, &str)> = (0..13).map(|i| (i, if i < 11 { two_.as_str() } else { seven.as_str() })).collect();
    for (condition, alerts) in [("eq: 6", true), ("gte: 6", true), ("lte: 6, gt: 5", true), ("gt: 6", false)] {
        let found = of(&body("value_percentile", &format!("percentile: 90, {condition}")), &list);
        assert_eq!(!found.is_empty(), alerts, "{condition} {found:?}");
    }
    // Ten tenths are one, whatever left the window before.
    let tenths: Vec<(i64, &str)> = (0..10).map(|i| (20 * S + i, tenth.as_str())).collect();
    let with_big = [vec![(0, n("1e300"))], tenths.iter().map(|(t, e)| (*t, (*e).to_owned())).collect()].concat();
    let with_big: Vec<(i64, &str)> = with_big.iter().map(|(t, e)| (*t, e.as_str())).collect();
    let set = set(&[&(rules() + &correlation(&body("value_sum", "eq: 1")))]);
    let hunted = Stored::of_batches(&events(&with_big), 4).hunt_correlations(&set.correlations);
    assert_eq!(hunted[0].iter().map(|f| f.events.len()).collect::<Vec<_>>(), [10]);
}

#[test]
fn aliases_name_a_field_otherwise_in_each_rule() {
    let body = "type: temporal, rules: [a, b], aliases: {who: {a: U, b: V}}, group-by: who, timespan: 10s";
    assert_eq!(of(body, &[(0, r#""Kind":"a","U":"x""#), (1, r#""Kind":"b","V":"X","U":"y""#)]), one("x", &[1, 2]));
    assert_eq!(of(body, &[(0, r#""Kind":"a","U":"x""#), (1, r#""Kind":"b","V":"y","U":"x""#)]), []);
}

#[test]
fn correlations_of_correlations() {
    let burst = |name: &str, rule: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\ncorrelation: {{type: event_count, rules: {rule}, group-by: [U, V], timespan: 10s, condition: {{gte: 2}}}}\n"
        )
    };
    let (a, b) = (r#""Kind":"a","U":"u","V":"1""#, r#""Kind":"b","U":"u","V":"1""#);
    let texts = [rules() + &burst("p", "a"), burst("q", "b")];
    let chain = |body: &str| [texts[0].clone(), texts[1].clone(), correlation(body)];
    let ask = |body: &str, list: &[(i64, &str)]| {
        let [first, second, third] = chain(body);
        found(&[&first, &second, &third], list)
    };
    let ordered = "type: temporal_ordered, rules: [p, q], group-by: U, timespan: 1m";
    assert_eq!(ask(ordered, &[(0, a), (S, a), (2 * S, b), (3 * S, b)]), one("u", &[1, 2, 3, 4]));
    assert_eq!(ask(ordered, &[(0, a), (S, a), (2 * S, b)]), []);
    assert_eq!(ask(ordered, &[(0, b), (S, b), (2 * S, a), (3 * S, a)]), []);
    // A burst is one, however many of its windows alert.
    let twice = "type: event_count, rules: p, group-by: U, timespan: 1m, condition: {gte: 2}";
    assert_eq!(ask(twice, &[(0, a), (S, a), (2 * S, a), (3 * S, a)]), []);
    assert_eq!(ask(twice, &[(0, a), (S, a), (30 * S, a), (31 * S, a)]), one("u", &[1, 2, 3, 4]));
    let other = r#""Kind":"a","U":"u","V":"2""#;
    let values = "type: value_count, rules: [p, q], group-by: U, timespan: 1m, condition: {field: V, gte: 2}";
    assert_eq!(ask(values, &[(0, a), (1, a), (2, other)]), []);
    assert_eq!(ask(values, &[(0, a), (1, a), (2, other), (3, other)]), one("u", &[1, 2, 3, 4]));
    // A rule and a correlation together.
    let mixed = "type: temporal, rules: [p, d], group-by: U, timespan: 1m";
    assert_eq!(ask(mixed, &[(0, a), (1, a), (2, D)]), one("u", &[1, 2, 3]));
}

#[test]
fn a_chained_correlation_groups_by_the_events_behind_alerts() {
    let burst = |by: &str| {
        format!(
            "---\ntitle: p\nname: p\ncorrelation: {{type: event_count, rules: a, group-by: [{by}], timespan: 10s, condition: {{gte: 2}}}}\n"
        )
    };
    let ask = |by: &str, body: &str, list: &[(i64, &str)]| found(&[&rules(), &burst(by), &correlation(body)], list);
    let a = |user: &str| format!(r#""Kind":"a","U":{user},"V":"h","N":3"#);
    let (u, upper, w, none) = (a("\"u\""), a("\"U\""), a("\"w\""), a("null"));
    // The earlier one groups by host, the later one by user: the burst is of each user who is behind it.
    let ordered = "type: temporal_ordered, rules: [p, b], group-by: U, timespan: 1m";
    assert_eq!(ask("V", ordered, &[(0, &u), (1, &u), (2, B)]), one("u", &[1, 2, 3]));
    assert_eq!(ask("V", ordered, &[(0, &w), (1, &w), (2, B)]), []);
    assert_eq!(ask("V", ordered, &[(0, &w), (1, &upper), (2, B)]), one("U", &[1, 2, 3]), "the alert is of both users");
    assert_eq!(ask("V", ordered, &[(0, &none), (1, &none), (2, B)]), []);
    let both = "type: event_count, rules: p, group-by: U, timespan: 1m, condition: {gte: 1}";
    assert_eq!(ask("V", both, &[(0, &u), (1, &w)]), [one("u", &[1, 2]), one("w", &[1, 2])].concat());
    assert_eq!(ask("V", both, &[(0, &u), (1, &w), (2, &w), (200 * S, &w), (201 * S, &w)]).len(), 3, "the second burst is of w alone");
    // Keys that stand in one event stand together.
    let pair = "type: event_count, rules: p, group-by: [U, T], timespan: 1m, condition: {gte: 1}";
    let with = |user: &str, target: &str| format!(r#""Kind":"a","U":"{user}","V":"h","T":"{target}""#);
    let (x, y) = (with("u", "x"), with("w", "y"));
    assert_eq!(ask("V", pair, &[(0, &x), (1, &y)]), [one("x/u", &[1, 2]), one("y/w", &[1, 2])].concat());
    // Values come from the events too.
    let users = "type: value_count, rules: p, group-by: V, timespan: 1m, condition: {field: U, gte: 2}";
    assert_eq!(ask("V", users, &[(0, &u), (1, &upper)]), []);
    assert_eq!(ask("V", users, &[(0, &u), (1, &w)]), one("h", &[1, 2]));
    // Through a correlation between them.
    let middle = "---\ntitle: m\nname: m\ncorrelation: {type: event_count, rules: p, group-by: V, timespan: 1m, condition: {gte: 1}}\n";
    let over = correlation("type: temporal, rules: [m, b], group-by: U, timespan: 1m");
    assert_eq!(found(&[&rules(), &burst("V"), middle, &over], &[(0, &u), (1, &w), (2, B)]), one("u", &[1, 2, 3]));
    // What is left out is counted.
    let set = set(&[&rules(), &burst("V"), &correlation(both)]);
    let mut stored = Stored::of_batches(&events(&[(0, &none), (1, &none)]), 9);
    use retrohunt::hunt::{HuntOptions, LeftOut, run};
    let taxonomy = retrohunt::taxonomy::Taxonomy::embedded();
    let summary = run(&mut stored.store, &[], &set.correlations, taxonomy, &HuntOptions::starting_at(0), &mut |_| {}).unwrap();
    assert_eq!(summary.left_out, [(1, LeftOut { matched: 1, no_group: 1, ..LeftOut::default() })]);
}

#[test]
fn rules_are_findings_of_their_own_where_the_set_says_so() {
    let body = "type: event_count, rules: [a, rule-b], group-by: U, timespan: 1m, condition: {gte: 2}";
    let names = |set: &RuleSet| set.rules.iter().map(|r| r.meta.title.clone()).collect::<Vec<_>>();
    assert_eq!(names(&set(&[&correlation(body), &rules()])), ["c", "d"]);
    assert_eq!(names(&set(&[&correlation(&format!("{body}, generate: true")), &rules()])), ["a", "b", "c", "d"]);
    // Where the specification has it.
    let beside = correlation(body).replace("level: high", "level: high\ngenerate: true");
    assert_eq!(names(&set(&[&beside, &rules()])), ["a", "b", "c", "d"]);
    assert_eq!(names(&set(&[&rules()])), ["a", "b", "c", "d"]);
}

#[test]
fn filters_keep_events_out_of_rules_and_correlations() {
    let filter = |rules: &str, condition: &str| {
        format!(
            "title: F\nlogsource: {{product: windows}}\nfilter:\n  rules: {rules}\n  svc: {{U|startswith: svc}}\n  condition: {condition}\n"
        )
    };
    let body = correlation("type: event_count, rules: a, group-by: U, timespan: 10s, condition: {gte: 2}");
    let svc = r#""Kind":"a","U":"svc-x""#;
    let list = [(0, A), (1, A), (2, svc), (3, svc)];
    for (filter, expected) in [
        (filter("[a]", "svc"), one("u", &[1, 2])),
        (filter("[rule-a]", "not svc"), one("u", &[1, 2])),
        (filter("any", "svc"), one("u", &[1, 2])),
        (filter("[b]", "svc"), [one("u", &[1, 2]), one("svc-x", &[3, 4])].concat()),
    ] {
        assert_eq!(found(&[&rules(), &filter, &body], &list), expected, "{filter}");
    }
    let set = set(&[&rules(), &filter("[nobody]", "svc")]);
    assert_eq!(set.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["sigma-filter-idle"]);
}

#[test]
fn legacy_aggregation_is_a_correlation() {
    let rule = |condition: &str, timeframe: &str| {
        format!(
            "title: L\nid: l\nlogsource: {{product: windows, service: security}}\ndetection:\n  s: {{Kind: a}}\n  {timeframe}condition: s | {condition}\n"
        )
    };
    let within = rule("count() by U > 1", "timeframe: 10s\n  ");
    assert_eq!(found(&[&within], &[(0, A), (10 * S, A)]), one("u", &[1, 2]));
    assert_eq!(found(&[&within], &[(0, A), (10 * S + 1, A)]), []);
    // Without a timeframe there is one window: everything.
    let always = rule("count() by U > 1", "");
    assert_eq!(found(&[&always], &[(0, A), (1000 * S, A), (2000 * S, A)]), one("u", &[1, 2, 3]));
    assert_eq!(found(&[&rule("count() by U < 3", "")], &[(0, A), (1000 * S, A), (2000 * S, A)]), []);
    let values = rule("count(V) by U >= 2", "timeframe: 1h\n  ");
    assert_eq!(found(&[&values], &[(0, r#""Kind":"a","U":"u","V":"1""#), (1, r#""Kind":"a","U":"u","V":"2""#)]), one("u", &[1, 2]));
}

#[test]
fn cycles_are_refused_with_a_place() {
    let c = |name: &str, rule: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\ncorrelation: {{type: event_count, rules: {rule}, group-by: U, timespan: 1h, condition: {{gte: 2}}}}\n"
        )
    };
    let set = load_texts(&[("x.yml", &c("x", "y")), ("y.yml", &(c("y", "x") + &c("z", "z")))], &CompileOptions::default());
    let codes: Vec<_> = set.diagnostics.iter().map(|d| (d.code, d.source.as_ref().map(|s| s.path.as_str()))).collect();
    let cycle = |path| ("sigma-correlation-cycle", Some(path));
    assert_eq!(codes, [cycle("x.yml"), cycle("y.yml"), cycle("y.yml")]);
    assert!(set.correlations.is_empty());
}

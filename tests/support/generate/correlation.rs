//! Files with rules and correlations over them, and events that meet their windows at the edges.

use proptest::prelude::*;
use proptest::sample::select;

use crate::support::evaluate::{Event, FieldValue};

/// 2024-03-01T10:00:00Z.
const BASE_US: i64 = 1_709_287_200_000_000;

/// Rules that overlap: an event may match several.
const RULES: [(&str, &str); 4] = [("a", "Kind: a"), ("b", "Kind: b"), ("c", "Kind: [b, c]"), ("d", "Kind|endswith: x")];

const USERS: [&str; 6] = ["alice", "Alice", "bob", "", "-", "ÄNNE"];
const KINDS: [&str; 6] = ["a", "b", "c", "ax", "bx", "other"];
const NUMBERS: [&str; 8] = ["1", "2", "2.0", "10", "-3", "0.25", "junk", ""];
/// Places of the events: on whole seconds, and beside them.
const STEPS: [i64; 5] = [0, 0, 1, -1, 500_000];

fn text(texts: &'static [&'static str]) -> impl Strategy<Value = Option<FieldValue>> {
    let one = select(texts).prop_map(str::to_owned);
    prop_oneof![
        2 => Just(None),
        12 => one.clone().prop_map(|text| Some(FieldValue::Text(text))),
        1 => prop::collection::vec(one, 2..4).prop_map(|members| Some(FieldValue::List(members))),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let fields = (select(&KINDS[..]), text(&USERS), text(&USERS), text(&["x", "y", "Y", "z"]), text(&NUMBERS));
    (fields, 0i64..30, select(&STEPS[..])).prop_map(|((kind, user, account, target, amount), second, step)| Event {
        product: "windows".into(),
        dataset: "Security".into(),
        code: if second % 3 == 0 { "7002" } else { "7001" }.into(),
        time_us: BASE_US + second * 1_000_000 + step,
        host: "host.test".into(),
        fields: [
            ("Kind", Some(FieldValue::Text(kind.to_owned()))),
            ("User", user),
            ("Account", account),
            ("Target", target),
            ("Amount", amount),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect(),
        ..Event::default()
    })
}

/// Events in no order of time, numbered from 1. Every other time no field is a list: then portable SQL takes part.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    (prop::collection::vec(event(), 1..40), any::<bool>()).prop_map(|(mut events, lists)| {
        for (id, event) in (1..).zip(&mut events) {
            event.id = id;
            event.fields.retain(|(_, value)| lists || matches!(value, FieldValue::Text(_)));
        }
        events
    })
}

fn comparisons(offset: f64) -> impl Strategy<Value = String> {
    let one =
        (select(&["gt", "gte", "lt", "lte", "eq", "neq"][..]), 0i32..6).prop_map(move |(op, n)| format!("{op}: {}", f64::from(n) + offset));
    let range = (0i32..4, 1i32..4)
        .prop_map(move |(low, width)| format!("gt: {}, lte: {}", f64::from(low) + offset, f64::from(low + width) + offset));
    prop_oneof![3 => (1i32..5).prop_map(move |n| format!("gte: {}", f64::from(n) + offset)), 1 => one, 1 => range]
}

/// Type and condition over the named rules.
fn kind(rules: Vec<String>) -> BoxedStrategy<String> {
    let all = rules.join(" and ");
    let other = rules.join(" or ");
    let absent =
        rules.split_last().map(|(last, rest)| [rest.to_vec(), vec![format!("not {last}")]].concat().join(" and ")).unwrap_or_default();
    let expressions = select(vec![all.clone(), other, absent.clone(), "all of them".into(), format!("not ({all})")]);
    let ordered = if rules.len() > 1 { vec![all, absent] } else { vec![all] };
    let aggregate = select(&["value_sum", "value_min", "value_max"][..]);
    let middle = select(&["value_avg", "value_median", "value_percentile"][..]);
    prop_oneof![
        3 => comparisons(0.0).prop_map(|c| format!("type: event_count\n  condition: {{{c}}}")),
        2 => (select(&["Target", "[Target, Amount]"][..]), comparisons(0.0)).prop_map(|(field, c)| format!("type: value_count\n  condition: {{field: {field}, {c}}}")),
        2 => expressions.prop_map(|e| format!("type: temporal\n  condition: {e}")),
        1 => comparisons(0.0).prop_map(|c| format!("type: temporal\n  condition: {{{c}}}")),
        1 => Just("type: temporal".to_owned()),
        2 => select(ordered).prop_map(|e| format!("type: temporal_ordered\n  condition: {e}")),
        1 => Just("type: temporal_ordered".to_owned()),
        2 => (aggregate, comparisons(0.0)).prop_map(|(name, c)| format!("type: {name}\n  condition: {{field: Amount, {c}}}")),
        2 => (middle, select(&[0, 10, 25, 90, 95, 100][..]), prop_oneof![comparisons(0.0), comparisons(0.25)]).prop_map(|(name, p, c)| {
            let percentile = if name == "value_percentile" { format!(", percentile: {p}") } else { String::new() };
            format!("type: {name}\n  condition: {{field: Amount, {c}{percentile}}}")
        }),
    ]
    .boxed()
}

/// A correlation over some of the names, which are rules or earlier correlations.
fn correlation(name: String, over: Vec<String>) -> impl Strategy<Value = String> {
    let count = 1..=over.len().min(3);
    let group = select(&["[]", "User", "[User, Target]", "who"][..]);
    (prop::sample::subsequence(over, count).prop_shuffle(), group, select(&["1s", "2s", "5s", "1m"][..])).prop_flat_map(move |(rules, group, span)| {
        let name = name.clone();
        kind(rules.clone()).prop_map(move |kind| {
            let alias = if group == "who" { format!("\n  aliases: {{who: {{{}: Account}}}}", rules[0]) } else { String::new() };
            format!(
                "---\ntitle: {name}\nname: {name}\nid: {name}\nlevel: high\ncorrelation:\n  rules: [{}]\n  group-by: {group}\n  timespan: {span}\n  generate: true{alias}\n  {kind}\n",
                rules.join(", ")
            )
        })
    })
}

/// A file: the rules, two correlations over them, and one over all of these.
pub(crate) fn file() -> impl Strategy<Value = String> {
    let names = || RULES.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let chained = ["p", "q", "a"].map(str::to_owned).to_vec();
    (correlation("p".into(), names()), correlation("q".into(), names()), correlation("r".into(), chained)).prop_map(|(p, q, r)| {
        let rules = RULES.iter().map(|(name, selection)| {
            format!(
                "---\ntitle: {name}\nname: {name}\nid: {name}\nlogsource: {{product: windows, service: security}}\ndetection: {{s: {{{selection}}}, condition: s}}\n"
            )
        });
        rules.collect::<String>() + &p + &q + &r
    })
}

//! What correlations find, by brute force: every window is made anew and looked at as a whole.
//!
//! Written from the meaning in `ir::correlation` alone; it shares nothing with the sliding windows of the hunt.

use std::collections::{BTreeMap, BTreeSet};

use retrohunt::ir::{
    Case, Correlation, CorrelationKind, Field, Input, InputSource, NumberOp, RuleExpression, ValueAggregate, WindowCondition,
};

use super::evaluate::text::{characters, number};
use super::evaluate::{Event, matching};

/// A finding of a correlation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    /// Time of the first event.
    pub(crate) first_us: i64,
    /// Group key → value as the first event spells it.
    pub(crate) group: BTreeMap<String, String>,
    /// Time of the last event.
    pub(crate) last_us: i64,
    /// End of the first window that alerts.
    pub(crate) first_window_us: i64,
    /// End of the last.
    pub(crate) last_window_us: i64,
    /// How many alert.
    pub(crate) windows: usize,
    /// The events behind it, ascending.
    pub(crate) events: Vec<i64>,
}

/// What counts once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Event(i64),
    Finding(usize, usize),
}

type Key = Vec<Vec<char>>;

#[derive(Debug, Clone)]
struct Row {
    key: Key,
    shown: Vec<String>,
    time_us: i64,
    input: usize,
    thing: Thing,
    counted: Option<Key>,
    number: Option<f64>,
    /// The alert, of those of the input's correlation.
    alert: Option<usize>,
    events: BTreeSet<(i64, i64)>,
}

/// An alert of a correlation, as input of another.
#[derive(Debug, Clone)]
struct Alert {
    time_us: i64,
    finding: usize,
    shown: Vec<String>,
    rows: Vec<Row>,
    events: BTreeSet<(i64, i64)>,
}

/// Values of some fields that occur together; none where there is none.
type Tuple = Vec<Option<String>>;

/// The findings of each correlation, by time and group.
pub(crate) fn correlate(correlations: &[Correlation], events: &[Event]) -> Vec<Vec<Expected>> {
    let mut alerts: Vec<Vec<Alert>> = Vec::new();
    let mut all = Vec::new();
    for correlation in correlations {
        let (own, mut findings) = one(correlation, correlations, &alerts, events);
        alerts.push(own);
        findings.sort();
        all.push(findings);
    }
    all
}

fn one(correlation: &Correlation, all: &[Correlation], alerts: &[Vec<Alert>], events: &[Event]) -> (Vec<Alert>, Vec<Expected>) {
    let mut rows = Vec::new();
    for (number, input) in correlation.inputs.iter().enumerate() {
        match &input.source {
            InputSource::Query(query) => {
                let ids = matching(query, events);
                for event in events.iter().filter(|e| ids.contains(&e.id)) {
                    let made = rows_of(correlation, input, &tuples_of_event(event, &fields_of(input), input.group_by.len()), true);
                    let behind = BTreeSet::from([(event.time_us, event.id)]);
                    let of =
                        |row| Row { time_us: event.time_us, input: number, thing: Thing::Event(event.id), events: behind.clone(), ..row };
                    rows.extend(made.into_iter().map(of));
                }
            }
            InputSource::Correlation(earlier) => {
                for (index, alert) in alerts[*earlier].iter().enumerate() {
                    let tuples = tuples_of_alert(*earlier, alert, &fields_of(input), all, alerts, events);
                    let mut made = rows_of(correlation, input, &tuples.into_iter().collect::<Vec<_>>(), false);
                    let mut seen = BTreeSet::new();
                    made.retain(|row| seen.insert((row.key.clone(), row.counted.clone(), row.number.map(f64::to_bits))));
                    rows.extend(made.into_iter().map(|row| Row {
                        time_us: alert.time_us,
                        input: number,
                        thing: Thing::Finding(*earlier, alert.finding),
                        alert: Some(index),
                        events: alert.events.clone(),
                        ..row
                    }));
                }
            }
        }
    }
    let groups: BTreeSet<Key> = rows.iter().map(|row| row.key.clone()).collect();
    let (mut out, mut findings) = (Vec::new(), Vec::new());
    for group in groups {
        let own: Vec<&Row> = rows.iter().filter(|row| row.key == group).collect();
        windows(correlation, &own, &mut out, &mut findings);
    }
    (out, findings)
}

fn fields_of(input: &Input) -> Vec<Field> {
    input.group_by.iter().chain(&input.values).cloned().collect()
}

/// What an event says of some fields: one member of each list, in all ways. The first list turns fastest, so that the
/// first spelling of a key is that of the first member. The first `keys` fields are keys: they have a member once.
fn tuples_of_event(event: &Event, fields: &[Field], keys: usize) -> Vec<Tuple> {
    let mut out: Vec<Tuple> = vec![Vec::new()];
    for (place, field) in fields.iter().enumerate() {
        let mut members = event.lookup(field).map(|v| v.members().to_vec()).unwrap_or_default();
        let mut seen = BTreeSet::new();
        members.retain(|member| place >= keys || seen.insert(member.clone()));
        let list: Tuple = if members.is_empty() { vec![None] } else { members.into_iter().map(Some).collect() };
        out = list.iter().flat_map(|member| out.iter().map(|tuple| [tuple.clone(), vec![member.clone()]].concat())).collect();
    }
    out
}

/// What an alert says of some fields: its group keys, and the other fields as the events behind it have them.
fn tuples_of_alert(
    index: usize,
    alert: &Alert,
    fields: &[Field],
    all: &[Correlation],
    alerts: &[Vec<Alert>],
    events: &[Event],
) -> BTreeSet<Tuple> {
    let key = |field: &Field| all[index].group_by.iter().position(|name| *name == field.name);
    let asked: Vec<Field> = fields.iter().filter(|field| key(field).is_none()).cloned().collect();
    let mut behind: BTreeSet<Tuple> = BTreeSet::new();
    for row in &alert.rows {
        match (&row.thing, row.alert) {
            (Thing::Event(id), _) => {
                let event = events.iter().find(|event| event.id == *id).expect("an event");
                behind.extend(tuples_of_event(event, &asked, asked.len()));
            }
            (Thing::Finding(earlier, _), Some(inner)) => {
                behind.extend(tuples_of_alert(*earlier, &alerts[*earlier][inner], &asked, all, alerts, events));
            }
            (Thing::Finding(..), None) => panic!("a row of a finding has its alert"),
        }
    }
    let whole = |own: Tuple| {
        let mut own = own.into_iter();
        fields.iter().map(|field| key(field).map_or_else(|| own.next().flatten(), |place| Some(alert.shown[place].clone()))).collect()
    };
    behind.into_iter().map(whole).collect()
}

/// The rows that tuples make: one for each group and value. Who and when is filled in by the caller. Within one event the
/// numbers are the same whichever way a key is spelled.
fn rows_of(correlation: &Correlation, input: &Input, tuples: &[Tuple], of_one_event: bool) -> Vec<Row> {
    let fold = |tuple: &[String]| -> Key { tuple.iter().map(|text| characters(text, Case::Ignore)).collect() };
    let mut spellings: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut counted_of: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    let mut rows = Vec::new();
    for tuple in tuples {
        let (by, values) = tuple.split_at(input.group_by.len());
        let (Some(by), Some(values)) = (by.iter().cloned().collect::<Option<Vec<_>>>(), values.iter().cloned().collect::<Option<Vec<_>>>())
        else {
            continue;
        };
        let key = fold(&by);
        let shown = spellings.entry(key.clone()).or_insert_with(|| by.clone());
        let (mut counted, mut amount) = (None, None);
        match &correlation.kind {
            CorrelationKind::ValueCount(_) => {
                counted = Some(fold(&values));
                if !counted_of.entry(key.clone()).or_default().insert(fold(&values)) {
                    continue;
                }
            }
            CorrelationKind::Value(..) if of_one_event && *shown != by => continue,
            CorrelationKind::Value(..) => match number(&values[0]).filter(|n| n.is_finite()) {
                Some(number) => amount = Some(number + 0.0),
                None => continue,
            },
            _ if !counted_of.entry(key.clone()).or_default().insert(Key::new()) => continue,
            _ => {}
        }
        let shown = if of_one_event { shown.clone() } else { by };
        let thing = Thing::Event(0);
        rows.push(Row { key, shown, time_us: 0, input: 0, thing, counted, number: amount, alert: None, events: BTreeSet::new() });
    }
    rows
}

fn windows(correlation: &Correlation, rows: &[&Row], alerts: &mut Vec<Alert>, findings: &mut Vec<Expected>) {
    let times: BTreeSet<i64> = rows.iter().map(|row| row.time_us).collect();
    let last = *times.last().expect("a group has rows");
    let ends = times.into_iter().filter(|end| correlation.window_us.is_some() || *end == last);
    let mut merged: Vec<Vec<(i64, Vec<&Row>)>> = Vec::new();
    for end in ends {
        let begin = correlation.window_us.map_or(i64::MIN, |window| end - window);
        let inside: Vec<&Row> = rows.iter().copied().filter(|row| (begin..=end).contains(&row.time_us)).collect();
        if !alerts_on(correlation, &inside) {
            continue;
        }
        match merged.last_mut() {
            Some(run) if run.last().is_some_and(|(before, _)| begin <= *before) => run.push((end, inside)),
            _ => merged.push(vec![(end, inside)]),
        }
    }
    for run in merged {
        let all: Vec<&Row> = run.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
        let first_row = all.iter().map(|row| row.time_us).min().expect("rows");
        let shown = all.iter().filter(|row| row.time_us == first_row).map(|row| row.shown.clone()).min().expect("rows");
        let behind: BTreeSet<(i64, i64)> = all.iter().flat_map(|row| row.events.clone()).collect();
        for (end, rows) in &run {
            let events = rows.iter().flat_map(|row| row.events.clone()).collect();
            let rows = rows.iter().map(|row| (*row).clone()).collect();
            alerts.push(Alert { time_us: *end, finding: findings.len(), shown: shown.clone(), rows, events });
        }
        let mut ids: Vec<i64> = behind.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        findings.push(Expected {
            first_us: behind.first().expect("events").0,
            group: correlation.group_by.iter().cloned().zip(shown).collect(),
            last_us: behind.last().expect("events").0,
            first_window_us: run[0].0,
            last_window_us: run[run.len() - 1].0,
            windows: run.len(),
            events: ids,
        });
    }
}

fn alerts_on(correlation: &Correlation, rows: &[&Row]) -> bool {
    let present: BTreeSet<usize> = rows.iter().map(|row| row.input).collect();
    match &correlation.condition {
        WindowCondition::Rules(expression) if correlation.kind == CorrelationKind::TemporalOrdered => {
            let (mut wanted, mut unwanted) = (BTreeSet::new(), BTreeSet::new());
            literals(expression, true, &mut wanted, &mut unwanted);
            let wanted: Vec<usize> = wanted.into_iter().collect();
            unwanted.is_disjoint(&present) && chain(rows, &wanted, i64::MIN)
        }
        WindowCondition::Rules(expression) => truth(expression, &present),
        WindowCondition::Number(tests) => measure(correlation, rows, present.len()).is_some_and(|value| passes(tests, value)),
    }
}

fn truth(expression: &RuleExpression, present: &BTreeSet<usize>) -> bool {
    match expression {
        RuleExpression::Rule(input) => present.contains(input),
        RuleExpression::Not(inner) => !truth(inner, present),
        RuleExpression::And(parts) => parts.iter().all(|part| truth(part, present)),
        RuleExpression::Or(parts) => parts.iter().any(|part| truth(part, present)),
    }
}

/// The rules of a conjunction: those that must match, and those that must not.
fn literals(expression: &RuleExpression, positive: bool, wanted: &mut BTreeSet<usize>, unwanted: &mut BTreeSet<usize>) {
    match expression {
        RuleExpression::Rule(input) => {
            if positive {
                wanted.insert(*input)
            } else {
                unwanted.insert(*input)
            };
        }
        RuleExpression::Not(inner) => literals(inner, !positive, wanted, unwanted),
        RuleExpression::And(parts) | RuleExpression::Or(parts) => {
            parts.iter().for_each(|part| literals(part, positive, wanted, unwanted));
        }
    }
}

/// Whether rows of these inputs follow each other.
fn chain(rows: &[&Row], inputs: &[usize], after: i64) -> bool {
    let Some((first, rest)) = inputs.split_first() else { return true };
    rows.iter().any(|row| row.input == *first && row.time_us > after && chain(rows, rest, row.time_us))
}

fn measure(correlation: &Correlation, rows: &[&Row], present: usize) -> Option<f64> {
    let count = |n: usize| n as f64;
    let CorrelationKind::Value(aggregate, _) = &correlation.kind else {
        return Some(match &correlation.kind {
            CorrelationKind::EventCount => count(rows.iter().map(|row| &row.thing).collect::<BTreeSet<_>>().len()),
            CorrelationKind::ValueCount(_) => count(rows.iter().filter_map(|row| row.counted.as_ref()).collect::<BTreeSet<_>>().len()),
            _ => count(present),
        });
    };
    let mut numbers: Vec<f64> = Vec::new();
    let mut seen: Vec<(&Thing, u64)> = Vec::new();
    for row in rows {
        let first = rows.iter().filter(|other| other.thing == row.thing).map(|other| other.input).min() == Some(row.input);
        let number = row.number?;
        let again = matches!(row.thing, Thing::Finding(..)) && seen.contains(&(&row.thing, number.to_bits()));
        if first && !again {
            seen.push((&row.thing, number.to_bits()));
            numbers.push(number);
        }
    }
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    let percentile = match aggregate {
        ValueAggregate::Sum => return Some(numbers.iter().sum()),
        ValueAggregate::Avg => return Some(numbers.iter().sum::<f64>() / count(numbers.len())),
        ValueAggregate::Min => return Some(numbers[0]),
        ValueAggregate::Max => return Some(numbers[last]),
        ValueAggregate::Median => 50.0,
        ValueAggregate::Percentile(percentile) => *percentile,
    };
    // In hundredths, so that whole numbers give what one works out by hand.
    let hundredths = percentile * count(last);
    let below = (hundredths / 100.0).floor() as usize;
    let (low, high) = (numbers[below], numbers[(below + 1).min(last)]);
    let part = hundredths - count(below) * 100.0;
    Some(if part == 0.0 || low == high { low } else { (low * (100.0 - part) + high * part) / 100.0 })
}

fn passes(tests: &[(NumberOp, f64)], value: f64) -> bool {
    tests.iter().all(|(op, right)| match op {
        NumberOp::Lt => value < *right,
        NumberOp::Le => value <= *right,
        NumberOp::Gt => value > *right,
        NumberOp::Ge => value >= *right,
        NumberOp::Eq => value == *right,
        NumberOp::Ne => value != *right,
    })
}

//! Correlations as text for people: what `explain` shows.

use std::fmt::Write as _;

use super::{Correlation, CorrelationKind, Field, InputSource, RuleExpression, ValueAggregate, WindowCondition};

/// Prints a correlation; `all` is the set that its inputs refer to.
pub fn print_correlation(correlation: &Correlation, all: &[Correlation]) -> String {
    let mut out = String::new();
    let names: Vec<&str> = correlation.inputs.iter().map(|input| input.name.as_str()).collect();
    let window = correlation.window_us.map_or_else(|| "over all of time".to_owned(), |us| format!("within {}", span(us)));
    let by = if correlation.group_by.is_empty() { String::new() } else { format!(" by {}", correlation.group_by.join(", ")) };
    let what = what(&correlation.kind);
    let test = match &correlation.condition {
        WindowCondition::Number(tests) => {
            tests.iter().map(|(op, right)| format!("{} {right}", op.symbol())).collect::<Vec<_>>().join(" and ")
        }
        WindowCondition::Rules(expression) => rules(expression, &names),
    };
    writeln!(out, "{what}{by} {window}: {test}").expect("a string takes all text");
    for input in &correlation.inputs {
        let from = match &input.source {
            InputSource::Query(_) => "events of a rule".to_owned(),
            InputSource::Correlation(earlier) => format!("alerts of the correlation `{}`", all[*earlier].meta.title),
        };
        let fields = |fields: &[Field]| fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        let keys = if input.group_by.is_empty() { String::new() } else { format!(", by {}", fields(&input.group_by)) };
        let values = if input.values.is_empty() { String::new() } else { format!(", values of {}", fields(&input.values)) };
        writeln!(out, "  {}: {from}{keys}{values}", input.name).expect("a string takes all text");
    }
    if !correlation.reports {
        out.push_str("gives no findings of its own: another correlation uses it\n");
    }
    out
}

fn what(kind: &CorrelationKind) -> String {
    match kind {
        CorrelationKind::EventCount => "number of events".to_owned(),
        CorrelationKind::ValueCount(fields) => format!("number of values of {}", fields.join(", ")),
        CorrelationKind::Temporal => "rules that match".to_owned(),
        CorrelationKind::TemporalOrdered => "rules that match one after the other".to_owned(),
        CorrelationKind::Value(aggregate, field) => {
            let name = match aggregate {
                ValueAggregate::Sum => "sum".to_owned(),
                ValueAggregate::Avg => "average".to_owned(),
                ValueAggregate::Min => "smallest".to_owned(),
                ValueAggregate::Max => "largest".to_owned(),
                ValueAggregate::Median => "median".to_owned(),
                ValueAggregate::Percentile(percentile) => format!("percentile {percentile}"),
            };
            format!("{name} of {field}")
        }
    }
}

fn rules(expression: &RuleExpression, names: &[&str]) -> String {
    let join = |parts: &[RuleExpression], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| rules(part, names)).collect();
        if parts.len() == 1 { parts.concat() } else { format!("({})", parts.join(word)) }
    };
    match expression {
        RuleExpression::Rule(input) => names[*input].to_owned(),
        RuleExpression::Not(inner) => format!("not {}", rules(inner, names)),
        RuleExpression::And(parts) => join(parts, " and "),
        RuleExpression::Or(parts) => join(parts, " or "),
    }
}

/// A span of time in its largest whole unit.
fn span(us: i64) -> String {
    const UNITS: [(i64, &str); 5] =
        [(604_800_000_000, "w"), (86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
    let whole = UNITS.iter().find(|(unit, _)| us % unit == 0);
    whole.map_or_else(|| format!("{us} µs"), |(unit, name)| format!("{}{name}", us / unit))
}

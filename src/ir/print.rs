//! The IR as text for people: what `explain` shows.
//!
//! One line a condition or stage, indented by depth. Patterns are in double quotes with `*` and `?` as wildcards and
//! literal ones as `\*`, `\?`; text is exact. The form is for reading: it is not parsed again and may change.

use std::fmt::Write as _;

use super::{
    Aggregate, Case, Cidr, DatePart, Field, FieldCompare, Glob, Match, NumberOp, Part, Pred, Query, Scalar, Scope, Stage, Stats, Test,
};

/// Prints a query: scope, filter, stages.
pub fn print_query(query: &Query) -> String {
    let mut out = format!("events of {}\n", scope(&query.scope));
    out.push_str(&print_pred(&query.filter, 0, &field_name));
    for stage in &query.stages {
        out.push_str(&print_stage(stage));
        out.push('\n');
    }
    out
}

/// Prints a condition, one line a part, each indented by `depth` steps of two spaces and ended by a line break.
pub fn print_pred<F>(pred: &Pred<F>, depth: usize, name: &dyn Fn(&F) -> String) -> String {
    let mut out = String::new();
    pred_lines(pred, depth, name, &mut out);
    out
}

fn field_name(field: &Field) -> String {
    field.name.clone()
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Any => "any kind".to_owned(),
        Scope::LogSource { product, category, service } => {
            let parts = [("product", product), ("category", category), ("service", service)];
            let parts: Vec<String> = parts.iter().filter_map(|(name, value)| value.as_ref().map(|v| format!("{name} {v}"))).collect();
            if parts.is_empty() { "any kind".to_owned() } else { parts.join(", ") }
        }
        Scope::Dataset { model, object, .. } if object.is_empty() => format!("data model {model}"),
        Scope::Dataset { model, object, .. } => format!("dataset {model}.{object}"),
    }
}

fn pred_lines<F>(pred: &Pred<F>, depth: usize, name: &dyn Fn(&F) -> String, out: &mut String) {
    let indent = "  ".repeat(depth);
    let mut group = |word: &str, parts: &[Pred<F>]| {
        writeln!(out, "{indent}{word}").expect("a string takes all text");
        parts.iter().for_each(|part| pred_lines(part, depth + 1, name, out));
    };
    let line = match pred {
        Pred::And(parts) => return group("all of", parts),
        Pred::Or(parts) => return group("any of", parts),
        Pred::Not(part) if !matches!(**part, Pred::And(_) | Pred::Or(_) | Pred::Not(_)) => {
            let inner = print_pred(part, 0, name);
            format!("not {}", inner.trim_end())
        }
        Pred::Not(part) => return group("not", std::slice::from_ref(part)),
        Pred::True => "always".to_owned(),
        Pred::False => "never".to_owned(),
        Pred::Match(test) => value_test(test, name),
        Pred::Compare(compare) => field_compare(compare, name),
        Pred::Keyword { glob, case } => format!("any value {}", pattern(glob, *case)),
        Pred::Scalar(scalar) => print_scalar(scalar, name),
    };
    writeln!(out, "{indent}{line}").expect("a string takes all text");
}

fn value_test<F>(test: &Match<F>, name: &dyn Fn(&F) -> String) -> String {
    let field = name(&test.field);
    let shown = match &test.test {
        Test::Exists => format!("{field} exists"),
        Test::Glob { glob, case } => format!("{field} {}", pattern(glob, *case)),
        Test::Regex(regex) => format!("{field} matches /{regex}/"),
        Test::Cidr(Cidr { address, prefix }) => format!("{field} in {address}/{prefix}"),
        Test::Number { op: NumberOp::Ge, value: f64::MIN } => format!("{field} is a number"),
        Test::Number { op, value } => format!("{field} {} {value}", op.symbol()),
        Test::TextOrder { op, value } => format!("{field} {} {value:?}", op.symbol()),
        Test::DatePart { part, op, value } => format!("{} of {field} {} {value}", date_part(*part), op.symbol()),
    };
    if test.negated { format!("{shown}, negated (a value is there that fails)") } else { shown }
}

fn field_compare<F>(compare: &FieldCompare<F>, name: &dyn Fn(&F) -> String) -> String {
    let verb = match (compare.any_before, compare.any_after) {
        (false, false) => "equals",
        (true, false) => "ends with",
        (false, true) => "starts with",
        (true, true) => "contains",
    };
    format!("{} {verb} {}{}", name(&compare.left), name(&compare.right), with_case(compare.case))
}

fn pattern(glob: &Glob, case: Case) -> String {
    let mut text = String::new();
    for part in glob.parts() {
        match part {
            Part::Text(literal) => literal.chars().for_each(|c| {
                if matches!(c, '*' | '?') {
                    text.push('\\');
                }
                text.push(c);
            }),
            Part::Any => text.push('*'),
            Part::One => text.push('?'),
        }
    }
    format!("{} \"{text}\"{}", if glob.as_literal().is_some() { "=" } else { "like" }, with_case(case))
}

fn with_case(case: Case) -> &'static str {
    match case {
        Case::Ignore => "",
        Case::Exact => " with case",
    }
}

fn date_part(part: DatePart) -> String {
    format!("{part:?}").to_lowercase()
}

/// Prints a stage in one line.
pub fn print_stage(stage: &Stage) -> String {
    match stage {
        Stage::Filter(pred) => format!("| where\n{}", print_pred(pred, 1, &field_name)).trim_end().to_owned(),
        Stage::Eval(columns) => {
            let columns: Vec<String> =
                columns.iter().map(|(name, value)| format!("{name} = {}", print_scalar(value, &field_name))).collect();
            format!("| eval {}", columns.join(", "))
        }
        Stage::Stats(stats) => format!("| stats {}", print_stats(stats)),
        Stage::EventStats(stats) => format!("| eventstats {}", print_stats(stats)),
        Stage::Rename(renames) => {
            format!("| rename {}", renames.iter().map(|r| format!("{} as {}", r.from, r.to)).collect::<Vec<_>>().join(", "))
        }
        Stage::Keep(fields) => format!("| keep {}", fields.join(", ")),
        Stage::Drop(fields) => format!("| drop {}", fields.join(", ")),
        Stage::Sort { keys, limit } => {
            let keys: Vec<String> = keys.iter().map(|k| format!("{}{}", if k.descending { "-" } else { "" }, k.field)).collect();
            let limit = limit.map(|n| format!(" limit {n}")).unwrap_or_default();
            format!("| sort {}{limit}", keys.join(", "))
        }
        Stage::Head(count) => format!("| head {count}"),
        Stage::Dedup { count, fields } => format!("| dedup {count} {}", fields.join(", ")),
        Stage::FormatTime { fields, format } => format!("| format time {} as {format:?}", fields.join(", ")),
        Stage::FillNull { fields, value } if fields.is_empty() => format!("| fill null with {value:?}"),
        Stage::FillNull { fields, value } => format!("| fill null of {} with {value:?}", fields.join(", ")),
        Stage::Bin { field, span, alias } => {
            format!("| bin {field} by {span}{}", alias.as_ref().map(|a| format!(" as {a}")).unwrap_or_default())
        }
    }
}

fn print_stats(stats: &Stats) -> String {
    let mut out = stats.aggregates.iter().map(aggregate).collect::<Vec<_>>().join(", ");
    if !stats.by.is_empty() {
        let by: Vec<&str> = stats.by.iter().map(|f| f.name.as_str()).collect();
        write!(out, " by {}", by.join(", ")).expect("a string takes all text");
    }
    if let Some(fill) = &stats.fill_null_by {
        write!(out, " (null as {fill:?})").expect("a string takes all text");
    }
    out
}

fn aggregate(aggregate: &Aggregate) -> String {
    let function = aggregate.function.name();
    let call = match &aggregate.argument {
        None => function.to_owned(),
        Some(argument) => format!("{function}({})", print_scalar(argument, &field_name)),
    };
    if call == aggregate.alias { call } else { format!("{call} as {}", aggregate.alias) }
}

/// Prints an expression.
pub fn print_scalar<F>(scalar: &Scalar<F>, name: &dyn Fn(&F) -> String) -> String {
    let list = |parts: &[Scalar<F>], by: &str| parts.iter().map(|p| print_scalar(p, name)).collect::<Vec<_>>().join(by);
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Text(text) => format!("{text:?}"),
        Scalar::Number(number) => number.to_string(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Field(field) => name(field),
        Scalar::Call(function, arguments) => format!("{}({})", function.name(), list(arguments, ", ")),
        Scalar::Binary(op, left, right) => format!("({} {} {})", print_scalar(left, name), op.symbol(), print_scalar(right, name)),
        Scalar::Negate(inner) => format!("-{}", print_scalar(inner, name)),
        Scalar::Not(inner) => format!("not {}", print_scalar(inner, name)),
        Scalar::And(parts) => format!("({})", list(parts, " and ")),
        Scalar::Or(parts) => format!("({})", list(parts, " or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{AggregateFunction, Vocabulary};

    fn field(name: &str) -> Field {
        Field { name: name.into(), vocabulary: Vocabulary::Splunk }
    }

    fn like(name: &str, parts: Vec<Part>) -> Pred {
        let test = Test::Glob { glob: Glob::new(parts), case: Case::Ignore };
        Pred::Match(Match { field: field(name), test, negated: false, span: 0..0 })
    }

    #[test]
    fn a_query_reads_like_a_search() {
        let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".into() };
        let query = Query {
            scope: Scope::LogSource { product: Some("windows".into()), category: None, service: Some("security".into()) },
            filter: Pred::And(vec![
                like("Share", vec![Part::Text(r"\\*\".into()), Part::Any]),
                Pred::Not(Box::new(like("User", vec![Part::Text("bob".into())]))),
            ]),
            stages: vec![Stage::Stats(Stats { aggregates: vec![count], by: vec![field("User")], fill_null_by: None }), Stage::Head(5)],
        };
        let expected = [
            "events of product windows, service security",
            "all of",
            r#"  Share like "\\\*\*""#,
            r#"  not User = "bob""#,
            "| stats count by User",
            "| head 5",
            "",
        ];
        assert_eq!(print_query(&query), expected.join("\n"));
    }

    #[test]
    fn any_number_is_named_so() {
        let test = Test::Number { op: NumberOp::Ge, value: f64::MIN };
        let pred = Pred::Match(Match { field: field("Port"), test, negated: true, span: 0..0 });
        assert_eq!(print_pred(&pred, 0, &|f: &Field| f.name.clone()).trim_end(), "Port is a number, negated (a value is there that fails)");
    }
}

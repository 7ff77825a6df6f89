//! The IR as text for people: what `explain` shows.
//!
//! One line a condition or stage, indented by depth. Patterns are in double quotes with `*` and `?` as wildcards and
//! literal ones as `\*`, `\?`; text is exact. The form is for reading: it is not parsed again and may change.

use std::fmt::Write as _;

use super::{Case, Cidr, Field, FieldCompare, Glob, Match, NumberOp, Part, Pred, Query, Scalar, Scope, Source, Test, print_stage};

/// Prints a query: source, filter, stages.
pub fn print_query(query: &Query) -> String {
    let mut out = format!("{}\n", source(&query.source));
    out.push_str(&print_pred(&query.filter, 0, &field_name));
    for stage in &query.stages {
        out.push_str(&print_stage(stage));
        out.push('\n');
    }
    out
}

fn source(source: &Source) -> String {
    match source {
        Source::Events(of) => format!("events of {}", scope(of)),
        Source::Findings { .. } => "findings of the store".to_owned(),
        Source::Table(table) => format!("rows of the lookup {}", table.name),
        Source::Rows(count) => format!("rows made of nothing: {count}"),
    }
}

/// Prints a condition, one line a part, each indented by `depth` steps of two spaces and ended by a line break.
pub fn print_pred<F>(pred: &Pred<F>, depth: usize, name: &dyn Fn(&F) -> String) -> String {
    let mut out = String::new();
    pred_lines(pred, depth, name, &mut out);
    out
}

pub(super) fn field_name(field: &Field) -> String {
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
        Pred::Subsearch(subsearch) => {
            writeln!(out, "{indent}any row of").expect("a string takes all text");
            for line in print_query(&subsearch.query).lines() {
                writeln!(out, "{indent}  {line}").expect("a string takes all text");
            }
            return;
        }
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
        Test::DatePart { part, op, value } => format!("{} of {field} {} {value}", part.name(), op.symbol()),
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

pub(super) fn pattern(glob: &Glob, case: Case) -> String {
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

/// Prints an expression.
pub fn print_scalar<F>(scalar: &Scalar<F>, name: &dyn Fn(&F) -> String) -> String {
    let list = |parts: &[Scalar<F>], by: &str| parts.iter().map(|p| print_scalar(p, name)).collect::<Vec<_>>().join(by);
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Text(text) => format!("{text:?}"),
        Scalar::Number(number) => number.to_string(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Field(field) => name(field),
        Scalar::Call(function, arguments) if function.decimal(arguments).is_some() => {
            function.decimal(arguments).unwrap_or_default().to_owned()
        }
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
    use crate::ir::{Aggregate, AggregateFunction, Stage, Stats, Vocabulary};

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
            source: Source::Events(Scope::LogSource { product: Some("windows".into()), category: None, service: Some("security".into()) }),
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

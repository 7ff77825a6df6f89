//! Whether a query's rows depend on the span of time that it is asked over.

use super::counted::CountedColumns;
use super::{Function, Pred, Query, Scalar, Source, Stage};

/// How a query behaves when the time that it looks at is cut into windows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WindowClass {
    /// Each row is judged by itself: windows change nothing.
    Rows,
    /// Rows are grouped, and no group is left out for what was counted: each window has groups of its own, and the whole time has the
    /// same groups with other numbers.
    Groups,
    /// Rows are counted, joined, ordered or compared with others or with `now()`: each window has its own result. Why.
    Windows(String),
    /// It reads findings or tables, which no window cuts.
    Whole,
}

impl WindowClass {
    /// Whether a replay in windows gives other rows than a look at the whole time.
    pub fn is_replayed(&self) -> bool {
        matches!(self, Self::Groups | Self::Windows(_))
    }
}

impl Query {
    /// How it behaves when the time that it looks at is cut into windows.
    pub fn window_class(&self) -> WindowClass {
        if !matches!(self.source, Source::Events(_)) {
            return WindowClass::Whole;
        }
        if self.calls(Function::Now) {
            return WindowClass::Windows("it asks for the time with `now()`".to_owned());
        }
        let mut counted = CountedColumns::default();
        match self.stages.iter().find_map(|stage| counted.past(stage)) {
            Some(why) => WindowClass::Windows(why),
            None if counted.changes_rows() => WindowClass::Groups,
            None => WindowClass::Rows,
        }
    }

    /// Whether some expression in it, also in brackets, calls a function.
    pub fn calls(&self, function: Function) -> bool {
        self.filter.calls(function) || self.stages.iter().any(|stage| stage.calls(function))
    }
}

impl Pred {
    /// Whether some expression in it calls a function.
    pub fn calls(&self, function: Function) -> bool {
        self.any_leaf(&|leaf| match leaf {
            Self::Scalar(scalar) => scalar.calls(function),
            Self::Subsearch(subsearch) => subsearch.query.calls(function),
            _ => false,
        })
    }
}

impl Stage {
    /// Whether some expression in it, also in brackets, calls a function.
    pub fn calls(&self, function: Function) -> bool {
        let assigned = |assignments: &[(String, Scalar)]| assignments.iter().any(|(_, scalar)| scalar.calls(function));
        let aggregated = |stats: &super::Stats| stats.aggregates.iter().any(|a| a.argument.as_ref().is_some_and(|a| a.calls(function)));
        let holds = |pred: &Option<Pred>| pred.as_ref().is_some_and(|pred| pred.calls(function));
        match self {
            Self::Filter(pred) => pred.calls(function),
            Self::Eval(assignments) => assigned(assignments),
            Self::ForEach(for_each) => assigned(&for_each.assignments),
            Self::Stats(stats) | Self::EventStats(stats) => aggregated(stats),
            Self::StreamStats(stream) => aggregated(&stream.stats) || holds(&stream.reset.0) || holds(&stream.reset.1),
            Self::Chart(chart) => aggregated(&chart.stats),
            Self::Transaction(transaction) => holds(&transaction.starts_with) || holds(&transaction.ends_with),
            Self::Join(join) => join.query.calls(function),
            Self::Map(map) => map.query.calls(function) || map.each.iter().any(|stage| stage.calls(function)),
            Self::Append(query) => query.calls(function),
            Self::AppendPipe(stages) => stages.iter().any(|stage| stage.calls(function)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{
        Aggregate, AggregateFunction, Conversion, Convert, ConvertItem, Field, Match, NumberOp, Rename, Scope, SortKey, Stats, Test,
        Vocabulary,
    };

    fn class(filter: Pred, stages: Vec<Stage>) -> WindowClass {
        Query { source: Source::Events(Scope::Any), filter, stages }.window_class()
    }

    fn field(name: &str) -> Field {
        Field { name: name.into(), vocabulary: Vocabulary::Row }
    }

    fn stats(by: &[&str]) -> Stats {
        let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".into() };
        Stats { aggregates: vec![count], by: by.iter().map(|name| field(name)).collect(), fill_null_by: None }
    }

    fn above(name: &str) -> Stage {
        Stage::Filter(Pred::Match(Match {
            field: field(name),
            test: Test::Number { op: NumberOp::Gt, value: 5.0 },
            negated: false,
            span: 0..0,
        }))
    }

    fn kept(stages: &[Stage]) -> &'static str {
        match class(Pred::True, stages.to_vec()) {
            WindowClass::Rows => "rows",
            WindowClass::Groups => "groups",
            WindowClass::Windows(_) => "windows",
            WindowClass::Whole => "whole",
        }
    }

    #[test]
    fn what_looks_at_other_rows_or_the_clock_has_windows() {
        let now = Pred::Scalar(Scalar::Call(Function::Now, Vec::new()));
        let per_row = vec![Stage::Eval(vec![("b".into(), Scalar::Field(field("a")))]), Stage::Keep(vec!["b".into()])];
        assert_eq!(class(Pred::True, per_row.clone()), WindowClass::Rows);
        assert_eq!(class(now, per_row.clone()), WindowClass::Windows("it asks for the time with `now()`".into()));
        let headed = class(Pred::True, [per_row, vec![Stage::Head(1)]].concat());
        assert_eq!(headed, WindowClass::Windows("`head` looks at several rows".into()));
        let made = Query { source: Source::Rows(1), filter: Pred::True, stages: Vec::new() };
        assert_eq!(made.window_class(), WindowClass::Whole);
    }

    #[test]
    fn groups_are_the_same_in_any_span_unless_their_size_is_compared() {
        let rename = |from: &str, to: &str| Stage::Rename(vec![Rename { from: from.into(), to: to.into() }]);
        let copy = |from: &str, to: &str| Stage::Eval(vec![(to.into(), Scalar::Field(field(from)))]);
        let bin = |field: &str| Stage::Bin { field: field.into(), span: 300.0, alias: None };
        let by = |names: &[&str]| Stage::Stats(stats(names));
        let sort = |limit| Stage::Sort { keys: vec![SortKey::auto("count", true)], limit };
        assert_eq!(kept(&[by(&["a"])]), "groups");
        assert_eq!(kept(&[by(&["a"]), rename("P.*", "*"), copy("count", "n"), sort(Some(10_000)), above("a")]), "groups");
        assert_eq!(kept(&[by(&["a"]), above("count")]), "windows");
        assert_eq!(kept(&[by(&["a"]), copy("count", "n"), rename("n", "m"), above("m")]), "windows");
        assert_eq!(kept(&[by(&["a"]), copy("a", "count"), above("count")]), "groups", "it is another column");
        assert_eq!(kept(&[by(&["a"]), by(&["count"])]), "windows");
        assert_eq!(kept(&[by(&["a"]), sort(Some(3))]), "windows");
        assert_eq!(kept(&[Stage::EventStats(stats(&["a"])), Stage::Drop(vec!["count".into()])]), "groups");
        assert_eq!(kept(&[Stage::EventStats(stats(&["a"])), above("count")]), "windows");
        assert_eq!(kept(&[bin("_time"), by(&["_time", "a"]), above("count")]), "groups", "each bucket has its own threshold");
        assert_eq!(kept(&[bin("_time"), by(&["_time", "a"]), Stage::EventStats(stats(&["a"])), above("count")]), "windows");
        assert_eq!(kept(&[bin("a"), by(&["a"]), above("count")]), "windows");
        let convert =
            |kind| Stage::Convert(Convert { items: vec![ConvertItem { kind, field: "a".into(), alias: None }], format: String::new() });
        assert_eq!(kept(&[convert(Conversion::Ctime)]), "rows");
        assert_eq!(kept(&[convert(Conversion::Auto)]), "windows");
    }
}

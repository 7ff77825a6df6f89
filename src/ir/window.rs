//! Whether a query's rows depend on the span of time that it is asked over.

use super::{Function, Pred, Query, Scalar, Source, Stage};

/// How a query behaves when the time that it looks at is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowClass {
    /// Each row is judged by itself: windows change nothing.
    Rows,
    /// Rows are counted, joined, ordered or compared with others or with `now()`: each window has its own result.
    Windows,
    /// It reads findings or tables, which no window cuts.
    Whole,
}

impl Query {
    /// How it behaves when the time that it looks at is cut into windows.
    pub fn window_class(&self) -> WindowClass {
        if !matches!(self.source, Source::Events(_)) {
            return WindowClass::Whole;
        }
        if self.stages.iter().any(looks_around) || self.calls(Function::Now) { WindowClass::Windows } else { WindowClass::Rows }
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
            Self::Map(map) => map.query.calls(function),
            Self::Append(query) => query.calls(function),
            Self::AppendPipe(stages) => stages.iter().any(|stage| stage.calls(function)),
            _ => false,
        }
    }
}

/// Whether what a stage makes of a row depends on other rows.
fn looks_around(stage: &Stage) -> bool {
    match stage {
        Stage::Filter(_)
        | Stage::Eval(_)
        | Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::FormatTime { .. }
        | Stage::Bin { .. }
        | Stage::Extract(_)
        | Stage::Substitute(_)
        | Stage::Replace(_)
        | Stage::Unpack(_)
        | Stage::MakeList(_)
        | Stage::Expand { .. }
        | Stage::JoinMembers { .. }
        | Stage::ForEach(_)
        | Stage::Lookup(_) => false,
        Stage::FillNull { fields, .. } => fields.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Field, Scope, Vocabulary};

    fn class(filter: Pred, stages: Vec<Stage>) -> WindowClass {
        Query { source: Source::Events(Scope::Any), filter, stages }.window_class()
    }

    #[test]
    fn what_looks_at_other_rows_or_the_clock_has_windows() {
        let now = Pred::Scalar(Scalar::Call(Function::Now, Vec::new()));
        let field = Scalar::Field(Field { name: "a".into(), vocabulary: Vocabulary::Row });
        let per_row = vec![Stage::Eval(vec![("b".into(), field)]), Stage::Keep(vec!["b".into()])];
        assert_eq!(class(Pred::True, per_row.clone()), WindowClass::Rows);
        assert_eq!(class(now, per_row.clone()), WindowClass::Windows);
        assert_eq!(class(Pred::True, [per_row, vec![Stage::Head(1)]].concat()), WindowClass::Windows);
        let made = Query { source: Source::Rows(1), filter: Pred::True, stages: Vec::new() };
        assert_eq!(made.window_class(), WindowClass::Whole);
    }
}

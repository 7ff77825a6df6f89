//! The columns that the result of a query can have, whatever a store holds.
//!
//! Rows of events have any field, so a result is known from the first stage on that says what its columns are: `stats`,
//! `table` and their relatives. A detection that speaks of other fields speaks of nothing.

use super::schema::{Inner, RowSchema};
use crate::ir::{Query, Source, Stage};

/// The names of the columns of a query's result, in order. None: any field may be among them.
pub fn result_columns(query: &Query) -> Option<Vec<String>> {
    columns(query).map(|row| row.columns.into_iter().map(|column| column.name).collect())
}

fn columns(query: &Query) -> Option<RowSchema> {
    let start = match &query.source {
        Source::Events(_) | Source::Findings { .. } => None,
        Source::Table(table) => Some(kept(&table.columns)),
        Source::Rows(_) => Some(kept(&[super::TIME.to_owned()])),
    };
    through(start, &query.stages)
}

fn through(start: Option<RowSchema>, stages: &[Stage]) -> Option<RowSchema> {
    stages.iter().fold(start, |row, stage| match stage {
        Stage::Stats(_) | Stage::Frequent(_) | Stage::Format => Some(after(&row.unwrap_or_default(), stage)),
        // The values of a second field become columns.
        Stage::Chart(chart) if chart.stats.by.len() > 1 => None,
        Stage::Chart(_) => Some(after(&row.unwrap_or_default(), stage)),
        Stage::Keep(names) if names.iter().all(|name| !name.contains('*')) => Some(after(&row.unwrap_or_default(), stage)),
        Stage::Eval(assignments) if assignments.iter().any(|(name, _)| is_template(name)) => None,
        Stage::Unpack(unpack) if unpack.path.is_none() => None,
        Stage::Join(join) => united(row?, &columns(&join.query)?),
        Stage::Append(query) => united(row?, &columns(query)?),
        Stage::AppendPipe(stages) => {
            let row = row?;
            let other = through(Some(row.clone()), stages)?;
            united(row, &other)
        }
        Stage::ForEach(each) => row.and_then(|row| Some(after(&row, &Stage::Eval(row.each_of(each)?)))),
        stage => row.map(|row| after(&row, stage)),
    })
}

/// `{field}` in a name stands for the field's value; `list{}` is a name.
fn is_template(name: &str) -> bool {
    name.contains('{') && !name.contains("{}")
}

fn after(row: &RowSchema, stage: &Stage) -> RowSchema {
    row.after(stage, Inner::None).row
}

fn kept(names: &[String]) -> RowSchema {
    after(&RowSchema::default(), &Stage::Keep(names.to_vec()))
}

fn united(mut row: RowSchema, other: &RowSchema) -> Option<RowSchema> {
    for column in &other.columns {
        if row.place(&column.name).is_none() {
            row.columns.push(column.clone());
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Aggregate, AggregateFunction, Field, Pred, Rename, Scope, Stats, Vocabulary};

    fn query(stages: Vec<Stage>) -> Query {
        Query { source: Source::Events(Scope::Any), filter: Pred::True, stages }
    }

    fn stats(by: &[&str]) -> Stage {
        let field = |name: &&str| Field { name: (*name).to_owned(), vocabulary: Vocabulary::Row };
        let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".to_owned() };
        Stage::Stats(Stats { aggregates: vec![count], by: by.iter().map(field).collect(), fill_null_by: None })
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_result_is_known_from_the_stage_that_says_its_columns() {
        assert_eq!(result_columns(&query(vec![])), None);
        assert_eq!(result_columns(&query(vec![Stage::Eval(vec![("x".to_owned(), crate::ir::Scalar::Null)])])), None);
        let prefix = Stage::Rename(vec![Rename { from: "P.*".into(), to: "*".into() }]);
        let known = result_columns(&query(vec![stats(&["P.dest", "P.user"]), prefix.clone()]));
        assert_eq!(known, Some(names(&["dest", "user", "count"])));
        assert_eq!(result_columns(&query(vec![Stage::Keep(names(&["a", "b"])), prefix])), Some(names(&["a", "b"])));
        assert_eq!(result_columns(&query(vec![Stage::Keep(names(&["a*"]))])), None);
    }

    #[test]
    fn what_is_in_brackets_counts() {
        let inner = || Box::new(query(vec![stats(&["b"])]));
        let open = || Box::new(query(vec![]));
        assert_eq!(result_columns(&query(vec![stats(&["a"]), Stage::Append(inner())])), Some(names(&["a", "count", "b"])));
        assert_eq!(result_columns(&query(vec![stats(&["a"]), Stage::Append(open())])), None);
        let total = Stage::AppendPipe(vec![stats(&["a"]), Stage::Rename(vec![Rename { from: "a".into(), to: "c".into() }])]);
        assert_eq!(result_columns(&query(vec![stats(&["a"]), total])), Some(names(&["a", "count", "c"])));
    }
}

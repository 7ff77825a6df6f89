//! Searches in brackets inside of conditions: their rows become alternatives.

use retrohunt::ir::{Case, Field, Match, Pred, Query, Stage, Subsearch, Test};

use super::scalar::Value;
use super::stages::World;
use super::text::pattern_of;

/// The query with conditions for the searches in brackets of its filter and its stages. Queries inside of stages are asked
/// by themselves.
pub(crate) fn resolved(query: &Query, world: &dyn World) -> Query {
    let stages = query.stages.iter().map(|stage| in_stage(stage, world)).collect();
    Query { source: query.source.clone(), filter: in_pred(&query.filter, world), stages }
}

fn in_stage(stage: &Stage, world: &dyn World) -> Stage {
    match stage {
        Stage::Filter(pred) => Stage::Filter(in_pred(pred, world)),
        Stage::AppendPipe(stages) => Stage::AppendPipe(stages.iter().map(|stage| in_stage(stage, world)).collect()),
        other => other.clone(),
    }
}

fn in_pred(pred: &Pred, world: &dyn World) -> Pred {
    let all = |parts: &[Pred]| parts.iter().map(|part| in_pred(part, world)).collect();
    match pred {
        Pred::And(parts) => Pred::And(all(parts)),
        Pred::Or(parts) => Pred::Or(all(parts)),
        Pred::Not(inner) => Pred::Not(Box::new(in_pred(inner, world))),
        Pred::Subsearch(subsearch) => condition(subsearch, world),
        leaf => leaf.clone(),
    }
}

/// A row is all of its columns; a row without any says nothing.
fn condition(subsearch: &Subsearch, world: &dyn World) -> Pred {
    let found = world.result(&subsearch.query);
    let rows = found.rows.iter().map(|row| {
        let shown = found.columns.iter().filter(|name| !name.starts_with('_'));
        shown.filter_map(|name| Some(any_member(subsearch, name, row.get(name)?))).collect::<Vec<_>>()
    });
    Pred::Or(rows.filter(|terms| !terms.is_empty()).map(Pred::And).collect())
}

fn any_member(subsearch: &Subsearch, name: &str, value: &Value) -> Pred {
    let term = |text: &String| {
        let glob = pattern_of(text);
        if subsearch.values_only || name == "search" || name == "query" {
            return Pred::Keyword { glob: glob.contains(), case: Case::Ignore };
        }
        let field = Field { name: name.to_owned(), vocabulary: subsearch.vocabulary };
        let test = if text == "*" { Test::Exists } else { Test::Glob { glob, case: Case::Ignore } };
        Pred::Match(Match { field, test, negated: false, span: 0..0 })
    };
    Pred::Or(value.members().unwrap_or_default().iter().map(term).collect())
}

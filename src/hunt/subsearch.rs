//! Searches in brackets inside of conditions: they run first, and their rows become the condition.
//!
//! One rule at a time and one search after the other, innermost first: few rules have any, and most of those read a
//! lookup table and no event.

use super::feed::Feed;
use super::matching::MatchWith;
use super::stages::{StageError, gathered};
use super::{HuntError, match_events};
use crate::catalog::Catalog;
use crate::exec::{Cell, Context, Fault, RuleLimits};
use crate::ir::{Field, Glob, Match, Pred, Query, Rule, Stage, Subsearch, Test};
use crate::plan::plan;
use crate::store::{EventRange, Store};
use crate::taxonomy::Taxonomy;

/// What searches in brackets ask.
pub(super) struct SubsearchContext<'a> {
    pub(super) store: &'a Store,
    pub(super) catalog: &'a Catalog,
    pub(super) taxonomy: &'a Taxonomy,
    pub(super) context: &'a Context,
    pub(super) range: EventRange,
    pub(super) with: MatchWith<'a>,
}

/// Whether a rule has searches in the brackets of a condition.
pub(super) fn has_any(rule: &Rule) -> bool {
    any_in(&rule.query)
}

fn any_in(query: &Query) -> bool {
    any_leaf(&query.filter) || query.stages.iter().any(any_in_stage)
}

fn any_leaf(pred: &Pred) -> bool {
    pred.any_leaf(&|leaf| matches!(leaf, Pred::Subsearch(_)))
}

fn any_in_stage(stage: &Stage) -> bool {
    match stage {
        Stage::Filter(pred) => any_leaf(pred),
        Stage::Join(join) => any_in(&join.query),
        Stage::Map(map) => any_in(&map.query),
        Stage::Append(query) => any_in(query),
        Stage::AppendPipe(stages) => stages.iter().any(any_in_stage),
        _ => false,
    }
}

impl SubsearchContext<'_> {
    /// The query with conditions in place of searches.
    pub(super) fn resolved(&self, query: &Query) -> Result<Query, StageError> {
        let filter = self.pred(&query.filter)?;
        let stages = query.stages.iter().map(|stage| self.stage(stage)).collect::<Result<_, _>>()?;
        Ok(Query { source: query.source.clone(), filter, stages })
    }

    fn stage(&self, stage: &Stage) -> Result<Stage, StageError> {
        if !any_in_stage(stage) {
            return Ok(stage.clone());
        }
        Ok(match stage {
            Stage::Filter(pred) => Stage::Filter(self.pred(pred)?),
            Stage::Join(join) => {
                let query = Box::new(self.resolved(&join.query)?);
                Stage::Join(crate::ir::Join { query, ..join.clone() })
            }
            Stage::Map(map) => {
                let query = Box::new(self.resolved(&map.query)?);
                Stage::Map(crate::ir::Map { query, ..map.clone() })
            }
            Stage::Append(query) => Stage::Append(Box::new(self.resolved(query)?)),
            Stage::AppendPipe(stages) => Stage::AppendPipe(stages.iter().map(|stage| self.stage(stage)).collect::<Result<_, _>>()?),
            other => other.clone(),
        })
    }

    fn pred(&self, pred: &Pred) -> Result<Pred, StageError> {
        let all = |parts: &[Pred]| parts.iter().map(|part| self.pred(part)).collect::<Result<Vec<_>, _>>();
        Ok(match pred {
            Pred::And(parts) => Pred::all(all(parts)?),
            Pred::Or(parts) => Pred::any(all(parts)?),
            Pred::Not(inner) => self.pred(inner)?.negated(),
            Pred::Subsearch(subsearch) => self.condition(subsearch)?,
            leaf => leaf.clone(),
        })
    }

    /// What the rows of a search say as a condition.
    fn condition(&self, subsearch: &Subsearch) -> Result<Pred, StageError> {
        let query = self.resolved(&subsearch.query)?;
        let plan = plan(&query, &[], self.catalog, self.taxonomy);
        let tree = plan.tree();
        let found =
            match_events(self.store, self.catalog, &tree, &|_, _| Some(self.range), self.with, &mut |_| {}).map_err(StageError::Hunt)?;
        if let Some(fault) = found.failed.into_values().next() {
            return Err(StageError::Rule(fault));
        }
        let feed = Feed::new(self.store, self.catalog);
        let rows = gathered(&feed, self.context, &plan, &found.events, RuleLimits::default())?;
        let names = &plan.result().columns;
        let alternatives = rows.iter().map(|row| {
            let cells = names.iter().zip(&row.cells).filter(|(column, cell)| !column.name.starts_with('_') && !cell.is_null());
            Pred::all(cells.map(|(column, cell)| term(subsearch, &column.name, cell)))
        });
        let mut alternatives: Vec<Pred> = alternatives.filter(|pred| *pred != Pred::True).collect();
        alternatives.dedup();
        Ok(Pred::any(alternatives))
    }
}

/// `name=value`, or the value as a term; a list is any of its members. Wildcards in values stay wildcards.
fn term(subsearch: &Subsearch, name: &str, cell: &Cell) -> Pred {
    let is_term = subsearch.values_only || matches!(name, "search" | "query");
    let field = Field { name: name.to_owned(), vocabulary: subsearch.vocabulary };
    let one = |text: &str| {
        let glob = Glob::wildcard(text);
        let case = crate::ir::Case::Ignore;
        if is_term {
            Pred::Keyword { glob: glob.contains(), case }
        } else if text == "*" {
            Pred::Match(Match { field: field.clone(), test: Test::Exists, negated: false, span: 0..0 })
        } else {
            Pred::Match(Match { field: field.clone(), test: Test::Glob { glob, case }, negated: false, span: 0..0 })
        }
    };
    Pred::any(cell.members().iter().map(|text| one(text)))
}

/// What running a rule's searches in brackets gave: the rule to hunt with, or why it cannot run.
pub(super) fn resolve(brackets: &SubsearchContext<'_>, rule: &Rule) -> Result<Result<Rule, Fault>, HuntError> {
    match brackets.resolved(&rule.query) {
        Ok(query) => Ok(Ok(Rule { query, ..rule.clone() })),
        Err(StageError::Rule(fault)) => Ok(Err(fault)),
        Err(StageError::Hunt(error)) => Err(error),
    }
}

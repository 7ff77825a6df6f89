//! Rules over events that lie in no store: which conditions hold for each. What a worker beside another engine asks.
//!
//! It is the scan of a hunt, fed row by row. Conditions that need more than the event at hand (a search in brackets, the time that is now)
//! count as met, and of a rule with stages the condition before them is asked. So the events that are reported are those that a hunt
//! needs, and for all other rules exactly those that match.

use std::collections::BTreeMap;

use super::scan::{LooseRow, LooseScan, ScanRule};
use super::{HuntError, plan_inputs, plan_rule};
use crate::catalog::{Catalog, Column, Encoding, EventType, TypeId};
use crate::event::{LooseEvent, LooseField};
use crate::exec::{Context, Fault};
use crate::ir::{Correlation, Function, Pred, Rule};
use crate::plan::{FieldExpr, Plan, RowSource};
use crate::taxonomy::Taxonomy;

/// What rules ask of the events of a catalog.
#[derive(Debug, Default)]
pub struct AskedTypes {
    /// Event type → rules (correlations behind them) and a condition that holds for all events that the rule needs, in the order of the
    /// rules; a rule that reads events more than once has several.
    pub filters: BTreeMap<TypeId, Vec<(usize, Pred<FieldExpr>)>>,
    /// Rules that read what other rules find.
    pub reads_findings: Vec<usize>,
}

/// Says which events rules and correlations need, before any stage. What a condition asks beside the event at hand counts as met.
pub fn asked_types(rules: (&[Rule], &[Correlation]), catalog: &Catalog, taxonomy: &Taxonomy) -> AskedTypes {
    asked_types_of(rules, &|_| true, catalog, taxonomy)
}

/// The same of some rules; correlations are behind the rules.
fn asked_types_of(
    (rules, correlations): (&[Rule], &[Correlation]),
    is_meant: &dyn Fn(usize) -> bool,
    catalog: &Catalog,
    taxonomy: &Taxonomy,
) -> AskedTypes {
    let mut asked = AskedTypes::default();
    let mut add = |rule: usize, plan: &Plan| {
        for plan in plan.tree() {
            for branch in &plan.branches {
                let filter = met_or_unknown(&branch.filter);
                if filter != Pred::False {
                    asked.filters.entry(branch.event_type).or_default().push((rule, filter));
                }
            }
            if matches!(plan.source, RowSource::Findings { .. }) && asked.reads_findings.last() != Some(&rule) {
                asked.reads_findings.push(rule);
            }
        }
    };
    for (index, rule) in rules.iter().enumerate().filter(|(index, _)| is_meant(*index)) {
        add(index, &plan_rule(rule, catalog, taxonomy));
    }
    for (correlation, _, plan) in plan_inputs(correlations, catalog, taxonomy) {
        if is_meant(rules.len() + correlation) {
            add(rules.len() + correlation, &plan);
        }
    }
    asked
}

/// Rules as events of one type are asked for them.
pub struct LooseRules {
    /// With columns for message and host behind its own.
    event_type: EventType,
    /// By column of the events: whether some condition reads it.
    asked: Vec<bool>,
    /// Whether some condition reads the rendered text.
    asks_message: bool,
    /// Rule → its conditions on the type.
    filters: Vec<(usize, Pred<FieldExpr>)>,
    context: Context,
    row: LooseRow,
}

/// Rules at work.
pub struct LooseJudge<'r> {
    scan: LooseScan<'r>,
    /// Rule → the last event that it was reported for.
    reported: Vec<u64>,
    events: u64,
}

/// Events that cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LooseError {
    /// A rule cannot be run to its end.
    #[error("{fault}")]
    Rule {
        /// The rule; correlations are behind the rules.
        rule: usize,
        /// Why.
        fault: Fault,
    },
    /// Nothing can go on.
    #[error(transparent)]
    Hunt(#[from] HuntError),
}

impl LooseRules {
    /// Plans rules and correlations for one event type.
    pub fn new(rules: (&[Rule], &[Correlation]), event_type: &EventType, taxonomy: &Taxonomy) -> Self {
        Self::of(rules, &|_| true, event_type, taxonomy)
    }

    /// The same of some rules, where it is known that the others need no event of the type; correlations are behind the rules.
    pub fn of(rules: (&[Rule], &[Correlation]), is_meant: &dyn Fn(usize) -> bool, event_type: &EventType, taxonomy: &Taxonomy) -> Self {
        let catalog = Catalog { types: vec![event_type.clone()] };
        let filters = asked_types_of(rules, is_meant, &catalog, taxonomy).filters.remove(&event_type.id).unwrap_or_default();
        let has_keyword = filters.iter().any(|(_, filter)| filter.has_keyword());
        let (mut asked, mut asks_message) = (vec![has_keyword; event_type.columns.len()], has_keyword);
        for (_, filter) in &filters {
            filter.each_field(&mut |expr| {
                expr.each_column(&mut |column| asked[column.0 as usize] = true);
                asks_message |= reads_message(expr);
            });
        }
        let own = with_columns_beside(event_type);
        Self { event_type: own, asked, asks_message, filters, context: Context::new(None), row: LooseRow::new(event_type.id) }
    }

    /// Whether some condition asks for a field: events need not have the others.
    pub fn asks(&self, field: LooseField) -> bool {
        match field {
            LooseField::Column(place) => self.asked.get(place).copied().unwrap_or(false),
            LooseField::Message => self.asks_message,
            // Short, and most rules for keywords ask it.
            LooseField::Host => true,
        }
    }

    /// Begins to judge events.
    ///
    /// # Errors
    /// When an expression of a rule does not compile.
    pub fn judge(&self) -> Result<LooseJudge<'_>, LooseError> {
        let rules: Vec<ScanRule<'_>> = self.filters.iter().map(|(rule, filter)| ScanRule { rule: *rule, filter }).collect();
        let scan = LooseScan::new(&self.row, &self.event_type, &rules, &self.context);
        let scan = scan.map_err(|(rule, fault)| LooseError::Rule { rule, fault })?;
        let all = self.filters.iter().map(|(rule, _)| rule + 1).max().unwrap_or(0);
        Ok(LooseJudge { scan, reported: vec![0; all], events: 0 })
    }
}

impl LooseJudge<'_> {
    /// Reports the rules whose conditions hold for an event, each once; correlations are behind the rules. The event is taken, and another
    /// one given for it, whose allocations are of use.
    ///
    /// # Errors
    /// When a rule cannot be run: what was reported of it is not all.
    pub fn event(&mut self, event: &mut LooseEvent, matched: &mut dyn FnMut(usize)) -> Result<(), LooseError> {
        self.events += 1;
        let (reported, number) = (&mut self.reported, self.events);
        // A rule has several conditions where it reads events more than once.
        self.scan.event(event, &mut |rule| {
            if std::mem::replace(&mut reported[rule], number) != number {
                matched(rule);
            }
        })?;
        match self.scan.failed() {
            Some((rule, fault)) => Err(LooseError::Rule { rule: *rule, fault: fault.clone() }),
            None => Ok(()),
        }
    }
}

/// The type with columns for message and host, and all texts as they are.
fn with_columns_beside(event_type: &EventType) -> EventType {
    let column = |name: &str| Column {
        field: name.to_owned(),
        sql_name: String::new(),
        view_name: String::new(),
        encoding: Encoding::Inline,
        has_lists: false,
        has_packed: false,
    };
    let own = event_type.columns.iter().map(|own| Column { encoding: Encoding::Inline, ..own.clone() });
    let columns = own.chain(["_message", "_host"].map(column)).collect();
    EventType { columns, has_messages: false, ..event_type.clone() }
}

/// Whether the value of a field may be, or come from, the rendered text.
fn reads_message(expr: &FieldExpr) -> bool {
    match expr {
        FieldExpr::Message => true,
        FieldExpr::Apply(_, inner) | FieldExpr::Default(inner, _) => reads_message(inner),
        FieldExpr::Coalesce(parts) => parts.iter().any(reads_message),
        FieldExpr::Missing | FieldExpr::Constant(_) | FieldExpr::Column(_) | FieldExpr::Time | FieldExpr::Host | FieldExpr::Record => false,
    }
}

/// A condition that holds wherever the other one may: what the event at hand does not tell counts as met.
fn met_or_unknown(pred: &Pred<FieldExpr>) -> Pred<FieldExpr> {
    bound(pred, true)
}

/// What holds wherever the condition may, or where it surely does.
fn bound(pred: &Pred<FieldExpr>, unknown: bool) -> Pred<FieldExpr> {
    let of_unknown = || if unknown { Pred::True } else { Pred::False };
    match pred {
        Pred::And(parts) => Pred::all(parts.iter().map(|part| bound(part, unknown))),
        Pred::Or(parts) => Pred::any(parts.iter().map(|part| bound(part, unknown))),
        Pred::Not(inner) => bound(inner, !unknown).negated(),
        Pred::Subsearch(_) => of_unknown(),
        Pred::Scalar(scalar) if scalar.calls(Function::Now) => of_unknown(),
        known => known.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ColumnIndex;
    use crate::ir::{Match, Scalar, Test};

    fn leaf(place: u32) -> Pred<FieldExpr> {
        Pred::Match(Match { field: FieldExpr::Column(ColumnIndex(place)), test: Test::Exists, negated: false, span: 0..0 })
    }

    #[test]
    fn what_is_not_known_counts_as_met() {
        let now = || Pred::Scalar(Scalar::Call(Function::Now, Vec::new()));
        let not = |pred: Pred<FieldExpr>| Pred::Not(Box::new(pred));
        assert_eq!(met_or_unknown(&Pred::And(vec![leaf(0), now()])), leaf(0));
        assert_eq!(met_or_unknown(&Pred::And(vec![leaf(0), not(now())])), leaf(0));
        assert_eq!(met_or_unknown(&Pred::Or(vec![leaf(0), now()])), Pred::True);
        assert_eq!(met_or_unknown(&not(Pred::Or(vec![leaf(0), now()]))), not(leaf(0)));
        assert_eq!(met_or_unknown(&not(Pred::And(vec![leaf(0), now()]))), Pred::True);
        assert_eq!(met_or_unknown(&not(leaf(1))), not(leaf(1)));
    }
}

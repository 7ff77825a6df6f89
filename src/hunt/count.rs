//! How many events meet each condition of a rule: where a rule that finds nothing loses its events.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::hosts::Hosts;
use super::scan::{MessageWords, ScanRule, ScanWith, TypeRows};
use super::{HuntError, context_at};
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId, TypeId};
use crate::ir::{Pred, print_pred};
use crate::plan::{Branch, FieldExpr, Plan, print_field};
use crate::store::{EventRange, Store};

/// One condition on the events of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionCount {
    /// The condition in words, as [`crate::plan::print`] has it.
    pub condition: String,
    /// How many events meet it, taken alone.
    pub events: u64,
}

/// Counts the events that meet each condition of a plan, by event type; the last of a type is the whole condition. Reads
/// every event of these types once.
///
/// # Errors
/// When the store cannot be read, or a pattern cannot be compiled.
pub fn count_conditions(store: &Store, catalog: &Catalog, plan: &Plan) -> Result<Vec<(TypeId, Vec<ConditionCount>)>, HuntError> {
    let context = context_at(store.newest_time()?);
    let range = EventRange { first: EventId(1), last: store.last_event()?, since_us: None, until_us: None };
    let (hosts, cancel) = (Hosts::of(store, &[plan])?, Cancel::default());
    let with = ScanWith { context: &context, hosts: &hosts, cancel: &cancel, jobs: 1, part_events: u64::MAX };
    let mut words = MessageWords::new(store, catalog);
    let branches: Vec<_> = plan.branches.iter().filter_map(|branch| Some((branch, catalog.event_type(branch.event_type)?))).collect();
    for (branch, event_type) in &branches {
        // One by one, as they are scanned.
        branch.filter.each_leaf(&mut |leaf| words.note(event_type, leaf, &hosts));
    }
    words.read_ahead(&cancel)?;
    let words = RefCell::new(words);
    let mut out = Vec::new();
    for (branch, event_type) in branches {
        let name = |expr: &FieldExpr| print_field(expr, event_type);
        let conditions = conditions(branch, &name);
        let rules: Vec<ScanRule<'_>> = conditions.iter().enumerate().map(|(rule, (_, filter))| ScanRule { rule, filter }).collect();
        let mut counts = vec![0; conditions.len()];
        TypeRows::new(store, event_type, &rules, (&with, &words))?.scan(range, &mut |rule, _| counts[rule] += 1)?;
        let counted = conditions.into_iter().zip(counts).map(|((condition, _), events)| ConditionCount { condition, events });
        out.push((branch.event_type, counted.collect()));
    }
    Ok(out)
}

/// The conditions without parts, each once, in the order of the rule; then the whole.
fn conditions<'b>(branch: &'b Branch, name: &dyn Fn(&FieldExpr) -> String) -> Vec<(String, &'b Pred<FieldExpr>)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: Vec<(String, &Pred<FieldExpr>)> = Vec::new();
    branch.filter.each_leaf(&mut |leaf| {
        let text = print_pred(leaf, 0, name).trim_end().to_owned();
        // A condition that a rule repeats (`1 of` over like selections) is counted once: two equal lines would only puzzle.
        if !places.contains_key(&text) {
            places.insert(text.clone(), out.len());
            out.push((text, leaf));
        }
    });
    out.push(("the whole condition".to_owned(), &branch.filter));
    out
}

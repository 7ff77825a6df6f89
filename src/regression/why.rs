//! Why a rule did not find an event that its test says it must find: what the event was read as, and what the rule asks of.

use serde_json::Value;

use super::{RuleTest, RunError};
use crate::catalog::EventId;
use crate::hunt::plan_rule;
use crate::store::Store;
use crate::taxonomy::Taxonomy;

/// Characters of an event that a message quotes.
const EVENT_CHARS: usize = 160;

/// The reason in a sentence, with the event. `id` is its number in the store of the test.
pub(super) fn not_found(store: &Store, test: &RuleTest, id: i64, event: &Value, taxonomy: &Taxonomy) -> Result<String, RunError> {
    Ok(format!("{}: {}", shortened(&event.to_string()), reason(store, test, id, taxonomy)?))
}

/// The event as the test has it, for one that was found and must not be.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(EVENT_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

fn reason(store: &Store, test: &RuleTest, id: i64, taxonomy: &Taxonomy) -> Result<String, RunError> {
    if let Some(correlation) = test.correlations.iter().find(|correlation| correlation.reports) {
        return Ok(format!("no window of the correlation `{}` with this event meets its condition", correlation.meta.title));
    }
    let catalog = store.catalog()?;
    let event = store.event(EventId(id))?;
    let Some(event_type) = catalog.event_type(event.envelope.event_type) else { return Ok(String::from("it has an unknown type")) };
    let plans: Vec<_> = test.rules.iter().map(|rule| plan_rule(rule, &catalog, taxonomy)).collect();
    if plans.iter().flat_map(|plan| &plan.branches).any(|branch| branch.event_type == event_type.id) {
        return Ok("its values do not meet the condition".to_owned());
    }
    if event_type.product == "generic" {
        return Ok("it is not read as an event of a known log; a Windows event needs at least Channel and EventID".to_owned());
    }
    if let Some(missing) = plans.iter().find(|plan| plan.branches.is_empty() && !plan.missing.is_empty()) {
        return Ok(format!("no event of the test has {}", missing.missing.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")));
    }
    let kind = [event_type.product.as_str(), &event_type.dataset, &event_type.code].join(" ");
    Ok(format!("it is read as {}, which the rule does not ask for", kind.trim()))
}

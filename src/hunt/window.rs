//! Planning for windows: what asks for the time that is now is answered window by window, never by the scan.

use crate::catalog::Catalog;
use crate::ir::{Function, Pred, Query, Rule, Stage};
use crate::plan::Plan;
use crate::taxonomy::Taxonomy;

/// Plans a rule that may be replayed in windows.
pub(super) fn plan_rule(rule: &Rule, window_us: Option<i64>, catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    if window_us.is_none() || !rule.query.calls(Function::Now) {
        return super::plan_rule(rule, catalog, taxonomy);
    }
    super::plan_rule(&Rule { query: unpinned(&rule.query), ..rule.clone() }, catalog, taxonomy)
}

/// The query with conditions on `now()` taken out of what the scan answers: it reads each event once for all windows.
fn unpinned(query: &Query) -> Query {
    let parts = match query.filter.clone() {
        Pred::And(parts) => parts,
        other => vec![other],
    };
    let (late, early): (Vec<Pred>, Vec<Pred>) = parts.into_iter().partition(|part| part.calls(Function::Now));
    let leading = query.stages.iter().take_while(|stage| matches!(stage, Stage::Filter(_)));
    if late.is_empty() && !leading.clone().any(|stage| stage.calls(Function::Now)) {
        return query.clone();
    }
    // Assignments of nothing: conditions behind them are stages and stay so.
    let barrier = Stage::Eval(Vec::new());
    let stages = [barrier, Stage::Filter(Pred::all(late))].into_iter().chain(query.stages.iter().cloned()).collect();
    Query { source: query.source.clone(), filter: Pred::all(early), stages }
}

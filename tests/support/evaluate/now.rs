//! `now()` is the time of the newest event: it is put where a query calls for it.

use retrohunt::ir::{Function, Pred, Query, Scalar, Stage, Stats};

use super::{Event, text};

/// The query with a number for each `now()`.
pub(super) fn replaced(query: &Query, events: &[Event]) -> Query {
    replaced_by(query, events.iter().map(|event| event.time_us).max())
}

/// The query with the time of the newest event for each `now()`.
pub(crate) fn replaced_by(query: &Query, newest: Option<i64>) -> Query {
    let now = newest.map_or(Scalar::Null, |time| Scalar::Number(text::number(&text::seconds(time)).expect("a decimal number")));
    let mut query = query.clone();
    in_pred(&mut query.filter, &now);
    query.stages.iter_mut().for_each(|stage| in_stage(stage, &now));
    query
}

fn in_stage(stage: &mut Stage, now: &Scalar) {
    match stage {
        Stage::Filter(pred) => in_pred(pred, now),
        Stage::Eval(assignments) => assignments.iter_mut().for_each(|(_, scalar)| in_scalar(scalar, now)),
        Stage::Stats(stats) | Stage::EventStats(stats) => in_stats(stats, now),
        Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { .. }
        | Stage::Head(_)
        | Stage::Dedup(_)
        | Stage::FormatTime { .. }
        | Stage::FillNull { .. }
        | Stage::Bin { .. } => {}
        _ => {} // GAP
    }
}

fn in_stats(stats: &mut Stats, now: &Scalar) {
    stats.aggregates.iter_mut().filter_map(|aggregate| aggregate.argument.as_mut()).for_each(|scalar| in_scalar(scalar, now));
}

fn in_pred(pred: &mut Pred, now: &Scalar) {
    match pred {
        Pred::And(parts) | Pred::Or(parts) => parts.iter_mut().for_each(|part| in_pred(part, now)),
        Pred::Not(inner) => in_pred(inner, now),
        Pred::Scalar(scalar) => in_scalar(scalar, now),
        Pred::True | Pred::False | Pred::Match(_) | Pred::Compare(_) | Pred::Keyword { .. } | Pred::Subsearch(_) => {}
    }
}

fn in_scalar(scalar: &mut Scalar, now: &Scalar) {
    match scalar {
        Scalar::Call(Function::Now, _) => *scalar = now.clone(),
        Scalar::Call(_, parts) | Scalar::And(parts) | Scalar::Or(parts) => parts.iter_mut().for_each(|part| in_scalar(part, now)),
        Scalar::Binary(_, left, right) => {
            in_scalar(left, now);
            in_scalar(right, now);
        }
        Scalar::Negate(inner) | Scalar::Not(inner) => in_scalar(inner, now),
        Scalar::Null | Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Field(_) => {}
    }
}

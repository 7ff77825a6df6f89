//! `now()` is the time of the newest event: it is put where a query calls for it.

use retrohunt::ir::{Function, Pred, Query, Scalar, Stage, Stats};

use super::text;

/// The query with the time of the newest event for each `now()`.
pub(crate) fn replaced_by(query: &Query, newest: Option<i64>) -> Query {
    let mut query = query.clone();
    in_query(&mut query, &now(newest).map_or(Scalar::Null, Scalar::Number));
    query
}

/// The time that is now: of the newest event, in seconds since 1970.
pub(crate) fn now(newest: Option<i64>) -> Option<f64> {
    newest.map(|time| text::number(&text::seconds(time)).expect("a decimal number"))
}

fn in_query(query: &mut Query, now: &Scalar) {
    in_pred(&mut query.filter, now);
    query.stages.iter_mut().for_each(|stage| in_stage(stage, now));
}

fn in_stage(stage: &mut Stage, now: &Scalar) {
    let in_assignments = |assignments: &mut Vec<(String, Scalar)>| assignments.iter_mut().for_each(|(_, scalar)| in_scalar(scalar, now));
    match stage {
        Stage::Filter(pred) => in_pred(pred, now),
        Stage::Eval(assignments) => in_assignments(assignments),
        Stage::HeadWhile(head) => in_scalar(&mut head.condition, now),
        Stage::ForEach(each) => in_assignments(&mut each.assignments),
        Stage::Stats(stats) | Stage::EventStats(stats) => in_stats(stats, now),
        Stage::Chart(chart) => in_stats(&mut chart.stats, now),
        Stage::StreamStats(stream) => {
            in_stats(&mut stream.stats, now);
            stream.reset.0.iter_mut().chain(&mut stream.reset.1).for_each(|pred| in_pred(pred, now));
        }
        Stage::Transaction(transaction) => {
            transaction.starts_with.iter_mut().chain(&mut transaction.ends_with).for_each(|pred| in_pred(pred, now));
        }
        Stage::Join(join) => in_query(&mut join.query, now),
        Stage::Map(map) => {
            in_query(&mut map.query, now);
            map.each.iter_mut().for_each(|stage| in_stage(stage, now));
        }
        Stage::Append(query) => in_query(query, now),
        Stage::AppendPipe(stages) => stages.iter_mut().for_each(|stage| in_stage(stage, now)),
        Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { .. }
        | Stage::Head(_)
        | Stage::Dedup(_)
        | Stage::FormatTime { .. }
        | Stage::FillNull { .. }
        | Stage::Bin { .. }
        | Stage::Convert(_)
        | Stage::Extract(_)
        | Stage::Substitute(_)
        | Stage::Replace(_)
        | Stage::Unpack(_)
        | Stage::MakeList(_)
        | Stage::Expand { .. }
        | Stage::Combine { .. }
        | Stage::JoinMembers { .. }
        | Stage::Frequent(_)
        | Stage::AddTotals(_)
        | Stage::FillDown(_)
        | Stage::Tail(_)
        | Stage::Reverse
        | Stage::Lookup(_)
        | Stage::Format => {}
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
        Pred::Subsearch(subsearch) => in_query(&mut subsearch.query, now),
        Pred::True | Pred::False | Pred::Match(_) | Pred::Compare(_) | Pred::Keyword { .. } => {}
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

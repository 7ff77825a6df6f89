//! Commands that carry something on from row to row: `streamstats`, `accum`, `delta`.

use super::cursor::Cursor;
use super::{eval, options, stats};
use crate::ir::{Aggregate, AggregateFunction, BinaryOp, Function, Pred, Scalar, Stage, Stats, StreamStats};

/// Most rows of a window, as Splunk has it (`max_stream_window`): each row computes over all of them.
const WINDOW_MAX: u64 = 10_000;

fn plain(stats: Stats) -> StreamStats {
    StreamStats { stats, current: true, window: 0, global: true, time_window: None, reset: (None, None), reset_on_change: false }
}

/// `streamstats window=5 current=false count by a`
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<StreamStats> {
    let mut stream = plain(Stats { aggregates: Vec::new(), by: Vec::new(), fill_null_by: None });
    let stats = stats::parse_with(cursor, &mut |cursor, name, span| {
        match name {
            "current" => stream.current = options::truth(cursor).unwrap_or_default(),
            "global" => stream.global = options::truth(cursor).unwrap_or_default(),
            "reset_on_change" => stream.reset_on_change = options::truth(cursor).unwrap_or_default(),
            "window" => {
                stream.window = options::number(cursor).unwrap_or_default();
                if stream.window > WINDOW_MAX {
                    let message = format!("a window of more than WINDOW_MAX = {WINDOW_MAX} rows");
                    cursor.error("spl-arguments", message, span.start..cursor.at);
                }
            }
            "time_window" => stream.time_window = options::span(cursor),
            "reset_before" => stream.reset.0 = condition(cursor),
            "reset_after" => stream.reset.1 = condition(cursor),
            "allnum" => return options::only(cursor, name, span, false),
            _ => return false,
        }
        true
    })?;
    Some(StreamStats { stats, ..stream })
}

/// A condition in brackets, perhaps in quotes too.
fn condition(cursor: &mut Cursor<'_>) -> Option<Pred> {
    let quoted = cursor.take("\"");
    if !cursor.take("(") {
        cursor.unexpected("`(`");
        return None;
    }
    let scalar = eval::parse(cursor);
    if !cursor.take(")") || (quoted && !cursor.take("\"")) {
        cursor.unexpected("`)`");
        return None;
    }
    Some(Pred::Scalar(scalar))
}

fn call(function: Function, arguments: Vec<Scalar>) -> Scalar {
    Scalar::Call(function, arguments)
}

fn column(name: &str) -> Scalar {
    eval::field(name.to_owned())
}

/// A field, and the name of the result.
fn source_and_target(cursor: &mut Cursor<'_>, command: &str, target: impl Fn(&str) -> String) -> Option<(String, String)> {
    let field = options::field(cursor, command)?;
    let target = if cursor.take_word("as") { options::field(cursor, command)? } else { target(&field) };
    Some((field, target))
}

/// `accum x as y`: the sum of `x` up to this row; a row without a number keeps what it has.
pub(super) fn accum(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let (field, target) = source_and_target(cursor, "accum", str::to_owned)?;
    let sum = format!("_accum({field})");
    let aggregate = Aggregate { function: AggregateFunction::Sum, argument: Some(column(&field)), alias: sum.clone() };
    let is_number = call(Function::IsNotNull, vec![call(Function::ToNumber, vec![column(&field)])]);
    Some(vec![
        Stage::StreamStats(plain(Stats { aggregates: vec![aggregate], by: Vec::new(), fill_null_by: None })),
        Stage::Eval(vec![(target.clone(), call(Function::If, vec![is_number, column(&sum), column(&target)]))]),
        Stage::Drop(vec![sum]),
    ])
}

/// `delta x as y p=1`: how much more `x` is than `p` rows before; where one of the two is no number nothing is written.
pub(super) fn delta(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let (field, target) = source_and_target(cursor, "delta", |field| format!("delta({field})"))?;
    let mut back = 1;
    if let Some((name, span)) = options::take(cursor) {
        match name.as_str() {
            "p" => back = options::number(cursor)?,
            _ => options::refuse(cursor, &name, span.clone()),
        }
        if !(1..=WINDOW_MAX).contains(&back) {
            cursor.error("spl-arguments", format!("`p` is a number from 1 to {WINDOW_MAX}"), span);
        }
    }
    let [old, rows] = [format!("_delta({field})"), format!("_delta rows({field})")];
    // A missing value keeps its place as an empty text, which is no number either.
    let value = call(Function::Coalesce, vec![column(&field), Scalar::Text(String::new())]);
    let aggregates = vec![
        Aggregate { function: AggregateFunction::First, argument: Some(value), alias: old.clone() },
        Aggregate { function: AggregateFunction::Count, argument: None, alias: rows.clone() },
    ];
    let stream = StreamStats { current: false, window: back, ..plain(Stats { aggregates, by: Vec::new(), fill_null_by: None }) };
    let binary = |op, left, right| Scalar::Binary(op, Box::new(left), Box::new(right));
    let number = |name: &str| call(Function::ToNumber, vec![column(name)]);
    let difference = || binary(BinaryOp::Subtract, number(&field), number(&old));
    #[allow(clippy::cast_precision_loss, reason = "at most WINDOW_MAX")]
    let is_full = binary(BinaryOp::Eq, column(&rows), Scalar::Number(back as f64));
    let written = Scalar::And(vec![is_full, call(Function::IsNotNull, vec![difference()])]);
    let value = call(Function::If, vec![written, difference(), column(&target)]);
    let stages = vec![Stage::StreamStats(stream), Stage::Eval(vec![(target, value)]), Stage::Drop(vec![old, rows])];
    cursor.faults.is_empty().then_some(stages)
}

//! What stages of a pipeline mean only together: the raw text, the delimiter of a list, columns without a name.

use std::ops::Range;

use super::fault::SearchFault;
use super::{RAW_TEXT, eval, raw_text_message};
use crate::ir::{Function, Scalar, Stage, StreamStats, TextForm, Unpack};

/// Renamings by pattern that may stand behind a text with unnamed columns: each doubles the names that its columns may have.
const MAX_PATTERN_RENAMES: usize = 6;

/// Settles the stages of a pipeline; `spans` are those of their commands.
pub(super) fn settle(stages: Vec<Stage>, spans: &[Range<usize>], faults: &mut Vec<SearchFault>) -> Vec<Stage> {
    let mut out: Vec<Stage> = Vec::with_capacity(stages.len());
    let (mut unnamed, mut is_open, mut renamed) = (false, false, 0);
    for (stage, span) in stages.into_iter().zip(spans) {
        renamed += pattern_renames(&stage);
        if unnamed && (reads_unnamed(&stage) || renamed > MAX_PATTERN_RENAMES) {
            let message = "a pattern means columns that `spath`, `xmlkv`, `extract` or `fromjson` find in a text, which is not supported";
            faults.push(SearchFault::error("spl-unsupported-wildcard", message, span.clone()).hint("Name the columns."));
        }
        if is_open && means_all_columns(&stage) {
            let message = "a pattern means columns that `chart` or `timechart` make of values, which is not supported";
            faults.push(SearchFault::error("spl-unsupported-wildcard", message, span.clone()).hint("Name the columns."));
        }
        is_open = (is_open && !closes(&stage)) || matches!(&stage, Stage::Chart(chart) if chart.is_split());
        unnamed = (unnamed && !closes(&stage)) || matches!(&stage, Stage::Unpack(unpack) if unpack.path.is_none());
        if reads_raw(&stage) && !out.iter().any(makes_raw) {
            match of_event(stage) {
                Ok(stage) => out.extend(stage),
                Err(()) => {
                    let fault = SearchFault::error("spl-unsupported-free-text", raw_text_message("this command"), span.clone());
                    faults.push(fault);
                }
            }
            continue;
        }
        out.push(match stage {
            Stage::JoinMembers { field, delimiter } => {
                let combined = out.iter().rev().find_map(|stage| match stage {
                    Stage::Combine { field: combined, delimiter } if *combined == field => Some(delimiter.clone()),
                    _ => None,
                });
                Stage::JoinMembers { field, delimiter: combined.unwrap_or(delimiter) }
            }
            stage => stage,
        });
    }
    out
}

fn reads_raw(stage: &Stage) -> bool {
    match stage {
        Stage::Extract(extract) => extract.field == RAW_TEXT,
        Stage::Substitute(substitute) => substitute.field == RAW_TEXT,
        Stage::Unpack(unpack) => unpack.field == RAW_TEXT,
        Stage::MakeList(make) => make.field == RAW_TEXT,
        Stage::Replace(replace) => replace.fields.iter().any(|field| field == RAW_TEXT),
        Stage::Expand { field, .. } | Stage::Combine { field, .. } | Stage::JoinMembers { field, .. } => field == RAW_TEXT,
        _ => false,
    }
}

/// Whether a stage makes a column of that name: then it is a column like any other.
fn makes_raw(stage: &Stage) -> bool {
    match stage {
        Stage::Eval(assignments) => assignments.iter().any(|(name, _)| name == RAW_TEXT),
        Stage::Rename(renames) => renames.iter().any(|rename| rename.to == RAW_TEXT),
        _ => false,
    }
}

/// `spath` over the raw text of an event reads the fields that the event has: the members of a JSON event are fields by their path.
fn of_event(stage: Stage) -> Result<Option<Stage>, ()> {
    let Stage::Unpack(Unpack { form: TextForm::Structured, path, output, .. }) = stage else { return Err(()) };
    let Some(path) = path else { return Ok(None) };
    let Some(output) = output.filter(|output| *output != path) else { return Ok(None) };
    let value = Scalar::Call(Function::Coalesce, vec![eval::field(path), eval::field(output.clone())]);
    Ok(Some(Stage::Eval(vec![(output, value)])))
}

/// Whether a stage looks at columns that nothing names, so that what else a text holds would count.
fn reads_unnamed(stage: &Stage) -> bool {
    let is_pattern = |name: &String| name.contains('*');
    match stage {
        // `*` alone keeps all and shows what is named, as without the stage.
        Stage::Keep(names) => names.iter().any(is_pattern) && !names.iter().any(|name| name == "*"),
        Stage::Stats(stats) | Stage::EventStats(stats) | Stage::StreamStats(StreamStats { stats, .. }) => {
            let is_field = |argument: &Scalar| matches!(argument, Scalar::Field(field) if is_pattern(&field.name));
            stats.aggregates.iter().any(|aggregate| aggregate.argument.as_ref().is_some_and(is_field))
        }
        Stage::AddTotals(totals) => totals.fields.is_empty() || totals.fields.iter().any(is_pattern),
        Stage::ForEach(for_each) => for_each.patterns.iter().any(is_pattern),
        Stage::Join(join) => join.fields.is_empty(),
        Stage::AppendPipe(stages) => stages.iter().any(reads_unnamed),
        Stage::Combine { .. } | Stage::Format => true,
        _ => false,
    }
}

/// Whether a stage works on columns that it does not name, other than by keeping all.
fn means_all_columns(stage: &Stage) -> bool {
    let all = |names: &[String]| names.is_empty() || names.iter().any(|name| name.contains('*'));
    match stage {
        Stage::FillNull { fields, .. } | Stage::FillDown(fields) => all(fields),
        Stage::Dedup(dedup) => all(&dedup.fields),
        Stage::Replace(replace) => all(&replace.fields),
        Stage::Drop(names) => all(names),
        // The last row would have no sums of those columns.
        Stage::AddTotals(totals) => totals.column.is_some() || all(&totals.fields),
        stage => reads_unnamed(stage) || pattern_renames(stage) > 0,
    }
}

fn pattern_renames(stage: &Stage) -> usize {
    match stage {
        Stage::Rename(renames) => renames.iter().filter(|rename| rename.from.contains('*')).count(),
        _ => 0,
    }
}

/// Whether the rows behind a stage have named columns alone.
fn closes(stage: &Stage) -> bool {
    match stage {
        Stage::Stats(_) | Stage::Chart(_) | Stage::Frequent(_) | Stage::Format => true,
        Stage::Keep(names) => !names.iter().any(|name| name.contains('*')),
        _ => false,
    }
}

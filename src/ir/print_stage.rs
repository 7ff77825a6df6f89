//! Stages as text for people; see [`super::print`](mod@super::print) for what the form promises.

use std::fmt::Write as _;

use super::print::{field_name, pattern};
use super::{
    AddTotals, Aggregate, Case, Chart, Convert, ConvertItem, Dedup, Edit, Extract, ForEach, Frequent, HeadWhile, Join, ListSplit, Lookup,
    MakeList, Pred, Replace, Scalar, SortBy, SortKey, Stage, Stats, StreamStats, Substitute, TextForm, Transaction, Unpack, print_pred,
    print_query, print_scalar,
};

/// Prints a stage in one line.
pub fn print_stage(stage: &Stage) -> String {
    match stage {
        Stage::Filter(pred) => format!("| where\n{}", print_pred(pred, 1, &field_name)).trim_end().to_owned(),
        Stage::Eval(columns) => format!("| eval {}", assignments(columns)),
        Stage::Stats(stats) => format!("| stats {}", print_stats(stats)),
        Stage::EventStats(stats) => format!("| eventstats {}", print_stats(stats)),
        Stage::Rename(renames) => {
            format!("| rename {}", renames.iter().map(|r| format!("{} as {}", r.from, r.to)).collect::<Vec<_>>().join(", "))
        }
        Stage::Keep(fields) => format!("| keep {}", fields.join(", ")),
        Stage::Drop(fields) => format!("| drop {}", fields.join(", ")),
        Stage::Sort { keys, limit } => {
            let keys: Vec<String> = keys.iter().map(print_sort_key).collect();
            let limit = limit.map(|n| format!(" limit {n}")).unwrap_or_default();
            format!("| sort {}{limit}", keys.join(", "))
        }
        Stage::Head(count) => format!("| head {count}"),
        Stage::HeadWhile(head) => print_head_while(head),
        Stage::Dedup(dedup) => print_dedup(dedup),
        Stage::FormatTime { fields, format } => format!("| format time {} as {format:?}", fields.join(", ")),
        Stage::Convert(convert) => print_convert(convert),
        Stage::FillNull { fields, value } if fields.is_empty() => format!("| fill null with {value:?}"),
        Stage::FillNull { fields, value } => format!("| fill null of {} with {value:?}", fields.join(", ")),
        Stage::Bin { field, span, alias } => {
            format!("| bin {field} by {span}{}", alias.as_ref().map(|a| format!(" as {a}")).unwrap_or_default())
        }
        Stage::Extract(extract) => print_extract(extract),
        Stage::Substitute(substitute) => print_substitute(substitute),
        Stage::Replace(replace) => print_replace(replace),
        Stage::Unpack(unpack) => print_unpack(unpack),
        Stage::MakeList(make) => print_make_list(make),
        Stage::Expand { field, limit } => format!("| one row for each of {field}{}", limited(*limit)),
        Stage::Combine { field, .. } => format!("| one row with all of {field}"),
        Stage::JoinMembers { field, delimiter } => format!("| join members of {field} with {delimiter:?}"),
        Stage::StreamStats(stream) => print_stream_stats(stream),
        Stage::Transaction(transaction) => print_transaction(transaction),
        Stage::Frequent(frequent) => print_frequent(frequent),
        Stage::AddTotals(totals) => print_totals(totals),
        Stage::Chart(chart) => print_chart(chart),
        Stage::ForEach(ForEach { patterns, assignments: each }) => format!("| for each of {}: {}", patterns.join(", "), assignments(each)),
        Stage::FillDown(fields) if fields.is_empty() => "| fill down".to_owned(),
        Stage::FillDown(fields) => format!("| fill down {}", fields.join(", ")),
        Stage::Tail(count) => format!("| tail {count}"),
        Stage::Reverse => "| reverse".to_owned(),
        Stage::Lookup(lookup) => print_lookup(lookup),
        Stage::Join(join) => print_join(join),
        Stage::Map(map) => {
            let keys: Vec<String> = map.keys.iter().map(|(outer, inner)| format!("{inner} = {outer}")).collect();
            let stages: Vec<String> = map.each.iter().map(|stage| format!("\n{}", print_stage(stage))).collect();
            let condition = if keys.is_empty() { String::new() } else { format!(", where {}", keys.join(", ")) };
            format!("| for each row{condition}\n{}", indented(&format!("{}{}", print_query(&map.query), stages.concat())))
        }
        Stage::Append(query) => format!("| append\n{}", indented(&print_query(query))),
        Stage::AppendPipe(stages) => {
            format!("| append what stages make of these rows\n{}", indented(&stages.iter().map(print_stage).collect::<Vec<_>>().join("\n")))
        }
        Stage::Format => "| format as a condition".to_owned(),
    }
}

fn assignments(columns: &[(String, Scalar)]) -> String {
    columns.iter().map(|(name, value)| format!("{name} = {}", print_scalar(value, &field_name))).collect::<Vec<_>>().join(", ")
}

fn print_sort_key(key: &SortKey) -> String {
    let minus = if key.descending { "-" } else { "" };
    match key.by {
        SortBy::Auto => format!("{minus}{}", key.field),
        SortBy::Number => format!("{minus}num({})", key.field),
        SortBy::Text => format!("{minus}str({})", key.field),
        SortBy::Address => format!("{minus}ip({})", key.field),
    }
}

fn print_head_while(head: &HeadWhile) -> String {
    let last = if head.keep_last { " and the next row" } else { "" };
    format!("| head while {}{}{last}", print_scalar(&head.condition, &field_name), limited(head.limit))
}

fn print_dedup(dedup: &Dedup) -> String {
    let fields = if dedup.fields.is_empty() { "all columns".to_owned() } else { dedup.fields.join(", ") };
    let notes = [
        (dedup.consecutive, ", one behind the other"),
        (dedup.keep_empty, ", also without a value"),
        (dedup.keep_events, ", further rows without them"),
    ];
    let notes: String = notes.iter().filter(|(holds, _)| *holds).map(|(_, note)| *note).collect();
    format!("| dedup {} {fields}{notes}", dedup.count)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn limited(limit: Option<u64>) -> String {
    limit.map(|limit| format!(", at most {limit}")).unwrap_or_default()
}

fn inline(pred: &Pred) -> String {
    print_pred(pred, 0, &field_name).lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn print_extract(extract: &Extract) -> String {
    let many =
        extract.max_match.map_or_else(|| ", all matches".to_owned(), |max| if max == 1 { String::new() } else { limited(Some(max)) });
    format!("| extract {} from {} by /{}/{many}", extract.names.join(", "), extract.field, extract.pattern)
}

fn print_convert(convert: &Convert) -> String {
    let item = |item: &ConvertItem| {
        let alias = item.alias.as_ref().map(|alias| format!(" as {alias}")).unwrap_or_default();
        format!("{}({}){alias}", item.kind.name(), item.field)
    };
    format!("| convert {}", convert.items.iter().map(item).collect::<Vec<_>>().join(", "))
}

fn print_substitute(substitute: &Substitute) -> String {
    let edit = |edit: &Edit| match edit {
        Edit::Replace { pattern, replacement, from, all } => {
            let from = if *from > 1 { from.to_string() } else { String::new() };
            format!("s/{pattern}/{replacement}/{from}{}", if *all { "g" } else { "" })
        }
        Edit::Transliterate(pairs) => {
            let (old, new): (String, String) = pairs.iter().copied().unzip();
            format!("y/{old}/{new}/")
        }
    };
    format!("| rewrite {} by {}", substitute.field, substitute.edits.iter().map(edit).collect::<Vec<_>>().join(" "))
}

fn print_replace(replace: &Replace) -> String {
    let pairs: Vec<String> = replace.pairs.iter().map(|(from, to)| format!("{} becomes {to:?}", pattern(from, Case::Exact))).collect();
    let fields = if replace.fields.is_empty() { "all columns".to_owned() } else { replace.fields.join(", ") };
    format!("| replace in {fields}: {}", pairs.join(", "))
}

fn print_unpack(unpack: &Unpack) -> String {
    let form = match &unpack.form {
        TextForm::Structured => "JSON or XML",
        TextForm::Elements => "XML elements",
        TextForm::Pairs(_) => "name=value pairs",
        TextForm::Object => "a JSON object",
    };
    let what = match (&unpack.path, &unpack.output) {
        (Some(path), Some(output)) => format!("{path} as {output}"),
        (Some(path), None) => path.clone(),
        (None, _) => "all fields".to_owned(),
    };
    format!("| read {what} of {} as {form}", unpack.field)
}

fn print_make_list(make: &MakeList) -> String {
    match &make.split {
        ListSplit::Delimiter(delimiter) => format!("| make a list of {} at {delimiter:?}", make.field),
        ListSplit::Matches(pattern) => format!("| make a list of {} by /{pattern}/", make.field),
    }
}

fn print_stream_stats(stream: &StreamStats) -> String {
    let mut out = format!("| running stats {}", print_stats(&stream.stats));
    let StreamStats { current, window, global, time_window, reset, reset_on_change, .. } = stream;
    let resets = reset.0.is_some() || reset.1.is_some() || *reset_on_change;
    let notes = [
        (!current, "without the row itself".to_owned()),
        (*window > 0, format!("over {window} rows{}", if *global { "" } else { " of the group" })),
        (time_window.is_some(), format!("over {} s", time_window.unwrap_or_default())),
        (resets, "starting anew on its conditions".to_owned()),
    ];
    notes.into_iter().filter(|(holds, _)| *holds).for_each(|(_, note)| write!(out, ", {note}").expect("a string takes all text"));
    out
}

fn print_transaction(transaction: &Transaction) -> String {
    let Transaction { fields, starts_with, ends_with, max_span, max_pause, max_events, .. } = transaction;
    let mut out = format!("| transaction {}", fields.join(", "));
    let seconds = |name: &str, limit: Option<f64>| limit.map(|limit| format!(" {name} {limit} s")).unwrap_or_default();
    out.push_str(&seconds("within", *max_span));
    out.push_str(&seconds("pausing", *max_pause));
    out.push_str(&limited(*max_events));
    for (word, pred) in [("from", starts_with), ("to", ends_with)] {
        if let Some(pred) = pred {
            write!(out, " {word} ({})", inline(pred)).expect("a string takes all text");
        }
    }
    out
}

fn print_frequent(frequent: &Frequent) -> String {
    let by = if frequent.by.is_empty() { String::new() } else { format!(" by {}", frequent.by.join(", ")) };
    let limit = if frequent.limit == 0 { "all".to_owned() } else { frequent.limit.to_string() };
    format!("| {limit} {} of {}{by}", if frequent.rare { "rarest" } else { "most frequent" }, frequent.fields.join(", "))
}

fn print_totals(totals: &AddTotals) -> String {
    let fields = if totals.fields.is_empty() { "all columns".to_owned() } else { totals.fields.join(", ") };
    let row = totals.row.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    format!("| sum {fields}{row}{}", if totals.column.is_some() { ", and a row of sums" } else { "" })
}

fn print_chart(chart: &Chart) -> String {
    let bucket = chart.bucket.map(|seconds| format!(" in buckets of {seconds} s")).unwrap_or_default();
    let limit = if chart.is_split() { limited(chart.limit) } else { String::new() };
    format!("| table of {}{bucket}{limit}", print_stats(&chart.stats))
}

fn print_lookup(lookup: &Lookup) -> String {
    let pairs = |pairs: &[(String, String)]| {
        let pair = |(column, field): &(String, String)| if column == field { column.clone() } else { format!("{column} as {field}") };
        pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
    };
    let word = if lookup.only_new { "where missing" } else { "into" };
    format!("| look up {} in {} {word} {}", pairs(&lookup.keys), lookup.table.name, pairs(&lookup.outputs))
}

fn print_join(join: &Join) -> String {
    let on = if join.fields.is_empty() { "all common columns".to_owned() } else { join.fields.join(", ") };
    let kind = if join.left { "left join" } else { "join" };
    format!("| {kind} on {on}{}\n{}", limited(join.max), indented(&print_query(&join.query)))
}

fn print_stats(stats: &Stats) -> String {
    let mut out = stats.aggregates.iter().map(aggregate).collect::<Vec<_>>().join(", ");
    if !stats.by.is_empty() {
        let by: Vec<&str> = stats.by.iter().map(|f| f.name.as_str()).collect();
        write!(out, " by {}", by.join(", ")).expect("a string takes all text");
    }
    if let Some(fill) = &stats.fill_null_by {
        write!(out, " (null as {fill:?})").expect("a string takes all text");
    }
    out
}

fn aggregate(aggregate: &Aggregate) -> String {
    let function = aggregate.function.name();
    let call = match &aggregate.argument {
        None => function.into_owned(),
        Some(argument) => format!("{function}({})", print_scalar(argument, &field_name)),
    };
    if call == aggregate.alias { call } else { format!("{call} as {}", aggregate.alias) }
}

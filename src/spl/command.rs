//! One command of a pipeline becomes stages.

use std::ops::Range;

use super::cursor::Cursor;
use super::fault::SearchFault;
use super::{
    brackets, chart, convert, eval, foreach, frequent, lists, lookups, map, options, order, pattern, refuse, rex, running, search, stats,
    totals, transaction, unpack,
};
use crate::ir::{Field, Function, Match, Pred, Rename, Scalar, Stage, Test, Vocabulary};

/// The commands with a stage, for the reader of the documentation.
#[cfg(test)]
pub(super) const COMMANDS: [&str; 59] = [
    "search",
    "tstats",
    "from",
    "datamodel",
    "makeresults",
    "inputlookup",
    "outputlookup",
    "lookup",
    "join",
    "append",
    "union",
    "multisearch",
    "appendpipe",
    "map",
    "return",
    "format",
    "where",
    "eval",
    "stats",
    "eventstats",
    "rename",
    "fields",
    "table",
    "convert",
    "sort",
    "head",
    "dedup",
    "fillnull",
    "bin",
    "bucket",
    "regex",
    "rex",
    "replace",
    "strcat",
    "fieldformat",
    "makemv",
    "mvexpand",
    "mvcombine",
    "nomv",
    "spath",
    "xmlkv",
    "extract",
    "kv",
    "fromjson",
    "streamstats",
    "accum",
    "delta",
    "tail",
    "reverse",
    "uniq",
    "filldown",
    "transaction",
    "top",
    "rare",
    "addtotals",
    "addcoltotals",
    "chart",
    "timechart",
    "foreach",
];

/// Parses a command by its name. Nothing: it gave up, and why is in the cursor's faults.
pub(super) fn parse(name: &str, name_span: Range<usize>, cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let stage = match name.to_ascii_lowercase().as_str() {
        "search" => match search::parse(cursor, Vocabulary::Row) {
            // `search *` in the middle of a pipeline keeps every row: no stage is cheaper than one that asks nothing.
            Pred::True => return Some(Vec::new()),
            pred => Stage::Filter(pred),
        },
        "where" => Stage::Filter(Pred::Scalar(condition(cursor))),
        "eval" => Stage::Eval(assignments(cursor)?),
        "stats" => Stage::Stats(stats::parse(cursor)?),
        "eventstats" => Stage::EventStats(stats::parse(cursor)?),
        "rename" => Stage::Rename(renames(cursor)?),
        "fields" => fields(cursor)?,
        "table" => Stage::Keep(names(cursor)?),
        "convert" => return convert::parse(cursor),
        "rex" => rex::rex(cursor)?,
        "replace" => rex::replace(cursor)?,
        "strcat" => rex::strcat(cursor)?,
        "fieldformat" => return field_format(cursor, name_span),
        "makemv" => lists::makemv(cursor)?,
        "mvexpand" => lists::mvexpand(cursor)?,
        "mvcombine" => lists::mvcombine(cursor)?,
        "nomv" => lists::nomv(cursor)?,
        "spath" => unpack::spath(cursor)?,
        "xmlkv" => unpack::xmlkv(cursor)?,
        "extract" | "kv" => unpack::extract(cursor)?,
        "fromjson" => unpack::fromjson(cursor)?,
        "streamstats" => Stage::StreamStats(running::parse(cursor)?),
        "accum" => return running::accum(cursor),
        "delta" => return running::delta(cursor),
        "sort" => order::sort(cursor)?,
        "head" => order::head(cursor)?,
        "tail" => Stage::Tail(order::tail(cursor)?),
        "reverse" => Stage::Reverse,
        "dedup" => return order::dedup(cursor),
        "uniq" => Stage::Dedup(order::uniq()),
        "filldown" => Stage::FillDown(if cursor.is_done() { Vec::new() } else { names(cursor)? }),
        "transaction" => Stage::Transaction(transaction::parse(cursor)?),
        "top" => Stage::Frequent(frequent::parse(cursor, "top")?),
        "rare" => Stage::Frequent(frequent::parse(cursor, "rare")?),
        "addtotals" => Stage::AddTotals(totals::parse(cursor, "addtotals")?),
        "addcoltotals" => Stage::AddTotals(totals::parse(cursor, "addcoltotals")?),
        "chart" => Stage::Chart(chart::chart(cursor)?),
        "timechart" => Stage::Chart(chart::timechart(cursor)?),
        "foreach" => Stage::ForEach(foreach::parse(cursor)?),
        "fillnull" => fill_null(cursor)?,
        "bin" | "bucket" => bin(cursor)?,
        "regex" => regex(cursor)?,
        "join" => brackets::join(cursor)?,
        "lookup" => lookups::lookup(cursor)?,
        "inputlookup" => lookups::input_lookup(cursor, name_span)?,
        "outputlookup" => return lookups::output_lookup(cursor, name_span),
        "append" => brackets::append(cursor)?,
        "appendpipe" => brackets::append_pipe(cursor)?,
        "union" => return brackets::union(cursor),
        "map" => map::parse(cursor, name_span)?,
        "return" => return brackets::return_rows(cursor),
        "format" => brackets::format(cursor)?,
        _ => {
            refuse::command(cursor, name, name_span);
            return None;
        }
    };
    Some(vec![stage])
}

fn condition(cursor: &mut Cursor<'_>) -> Scalar {
    let scalar = eval::parse(cursor);
    if !cursor.is_done() {
        cursor.unexpected("an operator");
    }
    scalar
}

pub(super) fn assignments(cursor: &mut Cursor<'_>) -> Option<Vec<(String, Scalar)>> {
    let mut out = Vec::new();
    loop {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            return None;
        };
        // `a{}` is a list of JSON; `{a}` is a name taken from a value, which no plan can know before the rows are there.
        if name.contains('{') && !name.contains("{}") {
            cursor.error("spl-unsupported-dynamic-name", "a field named by a value is not supported", span);
        }
        // `==` compares: an assignment that reads it as `=` would overwrite the field that the rule tests.
        if cursor.rest().trim_start().starts_with("==") || !cursor.take("=") {
            cursor.unexpected("`=`");
            return None;
        }
        out.push((name, eval::parse(cursor)));
        if cursor.is_done() {
            return cursor.faults.is_empty().then_some(out);
        }
        if !cursor.take(",") {
            cursor.unexpected("`,` or an operator");
            return None;
        }
    }
}

/// `fieldformat` says how a column is shown. A finding has the value itself, so it changes nothing.
fn field_format(cursor: &mut Cursor<'_>, span: Range<usize>) -> Option<Vec<Stage>> {
    assignments(cursor)?;
    let message = "`fieldformat` changes how values are shown, not the values: it has no effect here";
    cursor.faults.push(SearchFault::note("spl-fieldformat-ignored", message, span));
    Some(Vec::new())
}

/// Names separated by commas or spaces, at least one.
pub(super) fn names(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let Some((name, span)) = cursor.column() else {
            cursor.unexpected("a field name");
            return None;
        };
        if cursor.peek() == Some('=') {
            options::refuse(cursor, &name, span);
            return None;
        }
        out.push(name);
    }
    if out.is_empty() {
        cursor.unexpected("a field name");
    }
    (!out.is_empty()).then_some(out)
}

/// Names without wildcards.
pub(super) fn plain_names(cursor: &mut Cursor<'_>, command: &str) -> Option<Vec<String>> {
    cursor.peek();
    let start = cursor.at;
    let names = names(cursor)?;
    if names.iter().any(|name| name.contains('*')) {
        let message = format!("`{command}` over a pattern of fields is not supported");
        cursor.error("spl-unsupported-wildcard", message, start..cursor.end);
        return None;
    }
    Some(names)
}

fn fields(cursor: &mut Cursor<'_>) -> Option<Stage> {
    if cursor.take("-") {
        return Some(Stage::Drop(names(cursor)?));
    }
    cursor.take("+");
    let mut kept = names(cursor)?;
    if !kept.iter().any(|name| name == "_time" || name == "*") {
        // Splunk's `fields` never drops `_time` unless told to; later stages order by it.
        kept.push("_time".to_owned());
    }
    Some(Stage::Keep(kept))
}

fn renames(cursor: &mut Cursor<'_>) -> Option<Vec<Rename>> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let from = cursor.column();
        let to = if from.is_some() && cursor.take_word("as") { cursor.name() } else { None };
        let (Some((from, span)), Some((to, _))) = (from, to) else {
            cursor.unexpected("`OLD as NEW`");
            return None;
        };
        // With more than one `*` it is not said which part goes where.
        if from.matches('*').count() > 1 || from.matches('*').count() != to.matches('*').count() {
            cursor.error("spl-unsupported-wildcard", "a renaming may have one `*` on both sides, or none", span);
        }
        out.push(Rename { from, to });
    }
    if out.is_empty() {
        cursor.unexpected("`OLD as NEW`");
    }
    (!out.is_empty()).then_some(out)
}

fn fill_null(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let mut value = "0".to_owned();
    if cursor.take_word("value") {
        if !cursor.take("=") {
            cursor.unexpected("`=`");
        }
        match cursor.option_value() {
            Some((text, _)) => value = text,
            None => cursor.unexpected("a value"),
        }
    }
    let fields = if cursor.is_done() { Vec::new() } else { plain_names(cursor, "fillnull")? };
    Some(Stage::FillNull { fields, value })
}

fn bin(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut field, mut width, mut alias) = (None, None, None);
    while !cursor.is_done() {
        let Some((word, span)) = cursor.name() else {
            cursor.unexpected("a field name");
            return None;
        };
        if cursor.take("=") {
            let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
            match (word.as_str(), options::seconds(&value)) {
                ("span", Some(seconds)) => width = Some(seconds),
                _ => {
                    options::refuse(cursor, &format!("{word}={value}"), span);
                    return None;
                }
            }
        } else if field.is_some() && word.eq_ignore_ascii_case("as") {
            alias = Some(options::field(cursor, "bin")?);
        } else if field.replace(word).is_some() {
            cursor.error("spl-syntax", "`bin` works on one field", span);
        }
    }
    match (field, width) {
        (Some(field), Some(span)) => Some(Stage::Bin { field, span, alias }),
        (None, _) => {
            cursor.unexpected("a field name");
            None
        }
        (_, None) => {
            cursor.unexpected("`span=`");
            None
        }
    }
}

fn regex(cursor: &mut Cursor<'_>) -> Option<Stage> {
    cursor.peek();
    let start = cursor.at;
    let name = if cursor.peek() == Some('"') { None } else { cursor.name() };
    let Some((name, span)) = name.filter(|(name, _)| name != super::RAW_TEXT) else {
        super::refuse_raw_text(cursor, "`regex` without a field", start..cursor.end);
        cursor.give_up();
        return None;
    };
    let negated = cursor.take("!=");
    if !negated && !cursor.take("=") {
        cursor.unexpected("`=`");
        return None;
    }
    let Some((pattern, pattern_span)) = cursor.quoted() else {
        cursor.unexpected("a quoted regular expression");
        return None;
    };
    let pattern = pattern::translate(cursor, &pattern, pattern::Use::Searches, &pattern_span)?;
    let field = Field { name, vocabulary: Vocabulary::Row };
    if !crate::pcre::is_plain(&pattern) {
        // The scan asks its tests of whole columns at once; what may backtrack is an expression, asked last.
        let matched = Pred::Scalar(Scalar::Call(Function::Match, vec![Scalar::Field(field), Scalar::Text(pattern)]));
        return Some(Stage::Filter(if negated { matched.negated() } else { matched }));
    }
    // Not `negated: true`: `regex f!="…"` also keeps rows without the field.
    let matched = Pred::Match(Match { field, test: Test::Regex(pattern), negated: false, span: span.start..cursor.at });
    Some(Stage::Filter(if negated { matched.negated() } else { matched }))
}

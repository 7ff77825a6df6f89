//! `tstats`: statistics over a data model, or over all events where it names none.
//!
//! `tstats … from datamodel=M.O where C by F` means `stats … by F` over the dataset's rows that pass `C`. Its fields have the
//! dataset's name in front until a later command takes it away.

use std::ops::Range;

use super::cursor::Cursor;
use super::generate::{dataset, is_false, is_idle_option, model_and_object};
use super::{TIME, refuse, search, stats};
use crate::ir::{Field, Pred, Query, Scope, Source, Stage, Stats, Vocabulary};

/// Seconds of a bucket where `by _time` names none (rule S16): what Splunk takes for a search over the hour that detections
/// are written for.
const DEFAULT_SPAN: f64 = 60.0;

/// The words that begin a clause.
const CLAUSES: [&str; 4] = ["from", "where", "by", "groupby"];

/// Parses what stands behind `tstats`. Nothing: there is a fault.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Query> {
    let whole = cursor.at..cursor.end;
    let clauses = clauses(cursor);
    let mut head = cursor.part(whole.start..clauses.first().map_or(whole.end, |clause| clause.word.start));
    let mut tstats = Tstats::default();
    let mut parsed = tstats.head(&mut head).is_some();
    cursor.faults.append(&mut head.faults);
    for clause in clauses {
        let mut part = cursor.part(clause.body.clone());
        let read = match clause.kind {
            "from" => tstats.from(&mut part),
            "where" => tstats.filter(&mut part),
            _ => tstats.by(&mut part),
        };
        if read.is_some() && !part.is_done() {
            part.unexpected("`where`, `by` or the end of the command");
        }
        parsed &= read.is_some() && part.faults.iter().all(|fault| fault.severity != crate::diag::Severity::Error);
        cursor.faults.append(&mut part.faults);
    }
    cursor.at = cursor.end;
    if parsed && tstats.stats.aggregates.is_empty() {
        cursor.error("spl-syntax", "expected an aggregate such as `count`", whole.start..whole.start);
        return None;
    }
    parsed.then(|| tstats.query())
}

/// A clause: where its word and where its body stand.
struct Clause {
    kind: &'static str,
    word: Range<usize>,
    body: Range<usize>,
}

/// Finds the clauses outside of quotes and brackets.
fn clauses(cursor: &Cursor<'_>) -> Vec<Clause> {
    let (start, text) = (cursor.at, cursor.rest());
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_u32);
    let mut words: Vec<(&'static str, Range<usize>)> = Vec::new();
    let mut is_boundary = true;
    for (index, c) in text.char_indices() {
        if is_boundary && !quoted && depth == 0 {
            let word = &text[index..index + text[index..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len() - index)];
            let ends = text[index + word.len()..].chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '"' | '['));
            if let Some(kind) = CLAUSES.into_iter().find(|kind| ends && word.eq_ignore_ascii_case(kind)) {
                words.push((kind, index..index + word.len()));
            }
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_boundary = c.is_whitespace() || matches!(c, ')' | ']' | '"');
    }
    let ends: Vec<usize> = words.iter().skip(1).map(|(_, word)| word.start).chain([text.len()]).collect();
    let clause = |((kind, word), end): ((&'static str, Range<usize>), usize)| Clause {
        kind,
        word: start + word.start..start + word.end,
        body: start + word.end..start + end,
    };
    words.into_iter().zip(ends).map(clause).collect()
}

struct Tstats {
    source: Source,
    filter: Pred,
    stats: Stats,
    /// The bucket of `by _time`, in seconds.
    span: Option<f64>,
}

impl Default for Tstats {
    fn default() -> Self {
        let stats = Stats { aggregates: Vec::new(), by: Vec::new(), fill_null_by: None };
        Self { source: Source::Events(Scope::Any), filter: Pred::True, stats, span: None }
    }
}

impl Tstats {
    /// Options and aggregates.
    fn head(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let mut is_whole = true;
        while !cursor.is_done() {
            if cursor.take(",") {
                continue;
            }
            let at = cursor.at;
            if let Some((name, span)) = cursor.name()
                && cursor.take("=")
            {
                let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
                is_whole &= self.option(cursor, &name, value, span);
                continue;
            }
            cursor.at = at;
            match stats::aggregate(cursor) {
                Some((aggregate, span)) => stats::add(cursor, &mut self.stats.aggregates, aggregate, span),
                None => is_whole = false,
            }
        }
        (is_whole && !cursor.gave_up()).then_some(())
    }

    fn option(&mut self, cursor: &mut Cursor<'_>, name: &str, value: String, span: Range<usize>) -> bool {
        match name.to_ascii_lowercase().as_str() {
            "fillnull_value" => self.stats.fill_null_by = Some(value),
            "prestats" | "append" if is_false(&value) => {}
            _ if is_idle_option(name) => {}
            _ => {
                refuse::option(cursor, &format!("{name}={value}"), span);
                return false;
            }
        }
        true
    }

    fn from(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let start = cursor.at;
        let word = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        if !cursor.slice(word.clone()).eq_ignore_ascii_case("datamodel") {
            cursor.error("spl-unsupported-option", format!("`from {}` is not supported", cursor.slice(word)), start..cursor.at);
            cursor.give_up();
            return None;
        }
        let _ = cursor.take("=") || cursor.take(":");
        let Some((name, _)) = cursor.name() else {
            cursor.unexpected("a data model");
            return None;
        };
        let (model, object) = model_and_object(&name);
        self.source = dataset(model, object, true);
        Some(())
    }

    fn filter(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let filter = std::mem::replace(&mut self.filter, Pred::True);
        self.filter = Pred::all([filter, search::parse(cursor, Vocabulary::Splunk)]);
        Some(())
    }

    fn by(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        while !cursor.is_done() {
            if cursor.take(",") {
                continue;
            }
            let Some((name, span)) = cursor.name() else {
                cursor.unexpected("a field name");
                return None;
            };
            if cursor.take("=") {
                let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
                match super::options::seconds(&value).filter(|_| name.eq_ignore_ascii_case("span")) {
                    Some(seconds) => self.span = Some(seconds),
                    None => {
                        refuse::option(cursor, &format!("{name}={value}"), span);
                        return None;
                    }
                }
            } else if name.contains('*') || (name == "PREFIX" && cursor.peek() == Some('(')) {
                cursor.error("spl-unsupported-wildcard", "grouping by a pattern of fields is not supported", span);
                return None;
            } else if !self.stats.by.iter().any(|field| field.name == name) {
                self.stats.by.push(Field { name, vocabulary: Vocabulary::Row });
            }
        }
        if self.stats.by.is_empty() {
            cursor.unexpected("a field name");
            return None;
        }
        Some(())
    }

    fn query(self) -> Query {
        let by_time = self.stats.by.iter().any(|field| field.name == TIME);
        let bin = by_time.then(|| Stage::Bin { field: TIME.to_owned(), span: self.span.unwrap_or(DEFAULT_SPAN), alias: None });
        // Aggregates of `_time` are of the event's own, not of the bucket's.
        let mut stages = Vec::new();
        let mut stats = self.stats;
        if bin.is_some() && reads_time(&stats) {
            stages.push(Stage::Eval(vec![(OWN_TIME.to_owned(), super::eval::field(TIME.to_owned()))]));
            for aggregate in &mut stats.aggregates {
                if let Some(argument) = &mut aggregate.argument {
                    *argument = argument.map_fields(&|field| {
                        if field.name == TIME { Field { name: OWN_TIME.to_owned(), ..field.clone() } } else { field.clone() }
                    });
                }
            }
        }
        stages.extend(bin);
        stages.push(Stage::Stats(stats));
        Query { source: self.source, filter: self.filter, stages }
    }
}

/// The column that keeps an event's time beside its bucket.
const OWN_TIME: &str = "_event_time";

fn reads_time(stats: &Stats) -> bool {
    let mut reads = false;
    for argument in stats.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref()) {
        argument.each_field(&mut |field| reads |= field.name == TIME);
    }
    reads
}

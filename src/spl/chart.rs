//! `chart` and `timechart`.

use std::ops::Range;

use super::cursor::Cursor;
use super::{options, stats};
use crate::ir::{Chart, Field, Stats, Vocabulary};

/// Values of the second field that get a column where it is not told.
const LIMIT: u64 = 10;

/// What both commands say beside their aggregates.
struct ChartOptions {
    span: Option<f64>,
    is_timechart: bool,
    continuous: bool,
    limit: u64,
    show_other: bool,
    other: String,
    show_null: bool,
    null: String,
}

impl ChartOptions {
    fn new(is_timechart: bool) -> Self {
        let [other, null] = ["OTHER", "NULL"].map(str::to_owned);
        Self { span: None, is_timechart, continuous: true, limit: LIMIT, show_other: true, other, show_null: true, null }
    }

    fn take(&mut self, cursor: &mut Cursor<'_>, name: &str, span: &Range<usize>) -> bool {
        match name {
            "span" if self.is_timechart => self.span = options::span(cursor),
            "cont" => self.continuous = options::truth(cursor).unwrap_or_default(),
            "limit" => self.limit = options::number(cursor).unwrap_or_default(),
            "useother" => self.show_other = options::truth(cursor).unwrap_or_default(),
            "usenull" => self.show_null = options::truth(cursor).unwrap_or_default(),
            "otherstr" => self.other = options::text(cursor).unwrap_or_default(),
            "nullstr" => self.null = options::text(cursor).unwrap_or_default(),
            "partial" => return options::only(cursor, name, span, true),
            "dedup_splitvals" => return options::only(cursor, name, span, false),
            _ => return false,
        }
        true
    }

    fn chart(self, cursor: &mut Cursor<'_>, stats: Stats) -> Option<Chart> {
        let limit = (self.limit > 0 && stats.by.len() > 1).then_some(self.limit);
        cursor.faults.is_empty().then(|| Chart {
            stats,
            bucket: self.span,
            continuous: self.continuous && self.span.is_some(),
            limit,
            other: self.show_other.then_some(self.other),
            null: self.show_null.then_some(self.null),
            columns: Vec::new(),
        })
    }
}

/// `timechart span=1h count by a`
pub(super) fn timechart(cursor: &mut Cursor<'_>) -> Option<Chart> {
    let (start, mut options) = (cursor.at, ChartOptions::new(true));
    let aggregates = stats::aggregates(cursor, &["by"], &mut |cursor, name, span| options.take(cursor, name, span));
    let mut by = vec![field("_time".to_owned())];
    if cursor.take_word("by") {
        by_fields(cursor, &mut by, 2, &mut options);
    }
    if options.span.is_none() && cursor.faults.is_empty() {
        let message = "`timechart` without `span=` is not supported: its buckets depend on the range of the search";
        cursor.error("spl-unsupported-option", message, start..start);
    }
    options.chart(cursor, Stats { aggregates, by, fill_null_by: None })
}

/// `chart count over a by b`, `chart count by a b`
pub(super) fn chart(cursor: &mut Cursor<'_>) -> Option<Chart> {
    let mut options = ChartOptions::new(false);
    let aggregates = stats::aggregates(cursor, &["by", "over"], &mut |cursor, name, span| options.take(cursor, name, span));
    let mut by = Vec::new();
    if cursor.take_word("over") {
        by_fields(cursor, &mut by, 1, &mut options);
    }
    if cursor.take_word("by") {
        by_fields(cursor, &mut by, 2, &mut options);
    }
    if by.is_empty() && cursor.faults.is_empty() {
        cursor.unexpected("`over FIELD` or `by FIELD`");
    }
    options.chart(cursor, Stats { aggregates, by, fill_null_by: None })
}

/// Takes fields until there are so many, and options.
fn by_fields(cursor: &mut Cursor<'_>, by: &mut Vec<Field>, most: usize, options: &mut ChartOptions) {
    let before = by.len();
    while !cursor.is_done() && !options::is_next(cursor, "by") {
        if cursor.take(",") {
            continue;
        }
        if let Some((name, span)) = options::take(cursor) {
            if !options.take(cursor, &name, &span) {
                options::refuse(cursor, &name, span);
            }
            continue;
        }
        match cursor.name() {
            Some((name, span)) if name == "where" => {
                cursor.error("spl-unsupported-option", "`where`, which chooses columns of a table, is not supported", span);
                cursor.give_up();
            }
            Some((name, span)) if name.contains('*') => {
                cursor.error("spl-unsupported-wildcard", "a table over a pattern of fields is not supported", span);
            }
            Some((_, span)) if by.len() >= most => {
                cursor.error("spl-syntax", "a table has one field for its rows and one for its columns", span);
            }
            Some((name, span)) if by.iter().any(|known| known.name == name) => {
                cursor.error("spl-duplicate-column", format!("the field `{name}` stands here twice"), span);
            }
            Some((name, _)) => by.push(field(name)),
            None => cursor.unexpected("a field name"),
        }
    }
    if by.len() == before && cursor.faults.is_empty() {
        cursor.unexpected("a field name");
    }
}

fn field(name: String) -> Field {
    Field { name, vocabulary: Vocabulary::Row }
}

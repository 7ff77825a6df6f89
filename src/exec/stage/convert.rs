//! `convert`: values become other spellings of themselves.

use std::sync::Arc;

use super::stream::carried;
use super::{Operator, Pushed, held, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Fault, Row, time};
use crate::ir::{Conversion, Convert, parse_number};
use crate::plan::{RowSchema, Step};

/// Seconds of a minute, an hour, a day.
const DURATION: [f64; 3] = [60.0, 3_600.0, 86_400.0];

/// One conversion of one column.
struct ColumnConversion {
    kind: Conversion,
    source: usize,
    target: usize,
    /// The result replaces the value; what cannot be converted is no longer there.
    in_place: bool,
}

/// See the module. `auto` is a question about a whole column, so with one the rows are kept.
pub(super) struct ConvertOperator {
    from: Vec<Slot>,
    items: Vec<ColumnConversion>,
    format: String,
    keeps: bool,
    rows: Vec<Row>,
}

impl ConvertOperator {
    pub(super) fn new(convert: &Convert, before: &RowSchema, step: &Step) -> Self {
        let place = |name: &str| step.row.place(name).expect("the schema has the columns of `convert`");
        let items = before.conversions(convert).into_iter().map(|(kind, source, target)| ColumnConversion {
            kind,
            source: place(&source),
            target: place(&target),
            in_place: source == target,
        });
        let items: Vec<ColumnConversion> = items.collect();
        let keeps = items.iter().any(|item| item.kind == Conversion::Auto);
        Self { from: step.from.clone(), items, format: convert.format.clone(), keeps, rows: Vec::new() }
    }

    /// Converts one column of a row.
    fn convert(&self, item: &ColumnConversion, cells: &mut [Cell]) {
        let source = &cells[item.source];
        let one = |text: &str| converted(item.kind, text, &self.format);
        let cell = match source {
            Cell::Null => return,
            Cell::List(members) => {
                let texts =
                    members.iter().filter_map(|member| one(member).or_else(|| stays(item.kind).then(|| Cell::Text(member.clone()))));
                Cell::list_of(texts.flat_map(|cell| cell.members()).collect::<Vec<Arc<str>>>())
            }
            single => {
                let text = single.text().unwrap_or_default();
                one(&text).unwrap_or_else(|| if stays(item.kind) { single.clone() } else { Cell::Null })
            }
        };
        if item.in_place || !cell.is_null() {
            cells[item.target] = cell;
        }
    }
}

/// Whether a value that cannot be converted stays as it is.
fn stays(kind: Conversion) -> bool {
    matches!(kind, Conversion::Auto | Conversion::Ctime | Conversion::RmComma | Conversion::RmUnit)
}

fn converted(kind: Conversion, text: &str, format: &str) -> Option<Cell> {
    let number = |number: Option<f64>| number.map(Cell::number_of);
    match kind {
        Conversion::Auto | Conversion::Num => number(best(text)),
        Conversion::Ctime => parse_number(text).and_then(|seconds| time::strftime(seconds, format)).map(Cell::text_of),
        Conversion::Dur2Sec => number(duration(text)),
        Conversion::Memk => number(kilobytes(text)),
        Conversion::Mktime => number(time::strptime(text, format)),
        Conversion::Mstime => number(minutes(text)),
        Conversion::RmComma => Some(Cell::text_of(text.replace(',', ""))),
        Conversion::RmUnit => Some(Cell::text_of(text[..leading_number(text)?].to_owned())),
        Conversion::None => None,
    }
}

/// The number that a text is by the way it is written.
fn best(text: &str) -> Option<f64> {
    parse_number(text).or_else(|| duration(text)).or_else(|| minutes(text))
}

/// `[D+]HH:MM:SS`
fn duration(text: &str) -> Option<f64> {
    let (days, rest) = text.split_once('+').unwrap_or(("0", text));
    let parts: Vec<&str> = rest.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return None };
    let [minute, hour, day] = DURATION;
    Some(digits(days)? * day + digits(hours)? * hour + digits(minutes)? * minute + decimal(seconds)?)
}

/// `[MM:]SS.SSS`
fn minutes(text: &str) -> Option<f64> {
    let (minutes, seconds) = text.split_once(':').unwrap_or(("0", text));
    Some(digits(minutes)? * DURATION[0] + decimal(seconds)?)
}

/// Digits alone.
fn digits(text: &str) -> Option<f64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Digits, perhaps with a fraction.
fn decimal(text: &str) -> Option<f64> {
    if decimal_length(text) == text.len() { text.parse().ok() } else { None }
}

/// How many bytes of a text are the digits, and perhaps the fraction, that it begins with.
fn decimal_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
    // A point needs digits on both sides: else it ends a sentence or begins an extension.
    if whole > 0 && fraction > 0 { whole + 1 + fraction } else { whole }
}

/// A number of kilobytes, or one with `k`, `m` or `g` behind it.
fn kilobytes(text: &str) -> Option<f64> {
    let unit = text.chars().last()?;
    let factor = match unit.to_ascii_lowercase() {
        'k' => 1.0,
        'm' => 1_024.0,
        'g' => 1_048_576.0,
        _ => return decimal(text),
    };
    decimal(text[..text.len() - unit.len_utf8()].trim_end_matches(' ')).map(|number| number * factor)
}

/// How long the number is that a text begins with.
fn leading_number(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let length = decimal_length(&text[sign..]);
    (length > 0).then_some(sign + length)
}

impl Operator for ConvertOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let mut row = Row { cells: carried(&self.from, row.cells), origin: row.origin };
        if self.keeps {
            budget.take(row.size_bytes())?;
            self.rows.push(row);
            return held();
        }
        self.items.iter().for_each(|item| self.convert(item, &mut row.cells));
        passed(row)
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let mut rows = std::mem::take(&mut self.rows);
        for item in &self.items {
            let can = |row: &Row| !row.cells[item.source].any_member(|member| best(member).is_none());
            let converts = item.kind != Conversion::Auto || rows.iter().all(can);
            for row in &mut rows {
                let before = row.size_bytes();
                if converts {
                    self.convert(item, &mut row.cells);
                } else if !row.cells[item.source].is_null() {
                    // A value that stays as it is stands under a new name too, as with `ctime`.
                    row.cells[item.target] = row.cells[item.source].clone();
                }
                budget.give(before);
                budget.take(row.size_bytes())?;
            }
        }
        Ok(rows)
    }
}

//! The functions of eval on values, by Splunk's notes on them: one line each here, what is longer stands beside.
//!
//! A function that takes one text is null of a list, unless its notes say that it takes lists (rule E8).

mod convert;
mod json;
mod list;
mod math;
mod printf;
mod text;

use super::{Cell, Context, Fault, Number, digest, time};
use crate::ir::Function;

/// The values of a call's arguments; null where there is none.
#[derive(Clone, Copy)]
struct Arguments<'a>(&'a [Cell]);

impl<'a> Arguments<'a> {
    fn at(self, place: usize) -> &'a Cell {
        self.0.get(place).unwrap_or(&Cell::Null)
    }

    fn has(self, place: usize) -> bool {
        place < self.0.len()
    }

    fn number(self, place: usize) -> Option<f64> {
        self.at(place).number()
    }

    /// What a function makes of one text.
    fn text(self, make: impl Fn(&str) -> Cell) -> Cell {
        self.at(0).single().map_or(Cell::Null, |text| make(&text))
    }

    /// What a function makes of one number.
    fn numeric(self, make: impl Fn(Number) -> Option<Number>) -> Cell {
        self.at(0).numeric().and_then(make).map_or(Cell::Null, Cell::Number)
    }

    /// What a function makes of one double.
    fn double(self, make: impl Fn(f64) -> f64) -> Cell {
        self.number(0).map_or(Cell::Null, |number| Cell::number_of(make(number)))
    }

    /// What a function makes of two doubles.
    fn doubles(self, make: impl Fn(f64, f64) -> f64) -> Cell {
        self.number(0).zip(self.number(1)).map_or(Cell::Null, |(a, b)| Cell::number_of(make(a, b)))
    }
}

/// Calls a function with the values of its arguments; missing arguments are null. Functions that choose among their
/// arguments are called so too, with all of them evaluated.
///
/// # Errors
/// When a regular expression does not compile or takes too long, or a value does not fit.
pub fn call(function: Function, arguments: &[Cell], context: &Context) -> Result<Cell, Fault> {
    if is_null_through(function) && arguments.iter().any(Cell::is_null) {
        return Ok(Cell::Null);
    }
    use Function as F;
    let a = Arguments(arguments);
    Ok(match function {
        F::If | F::Case | F::Validate | F::Coalesce | F::NullIf | F::In => chosen(function, a),
        F::IsNull | F::IsNotNull | F::IsNum | F::IsInt | F::IsDouble | F::IsStr | F::IsBool | F::IsMv | F::TypeOf => {
            kind(function, a.at(0))
        }
        F::Like => Cell::Bool(text::like(a.at(0), a.at(1))),
        F::Match => text::matches(a.at(0), a.at(1), context)?,
        F::CidrMatch => Cell::Bool(text::cidr_match(a.at(0), a.at(1))),
        F::Replace => text::replace(a, context)?,
        F::Lower | F::Upper | F::Len | F::Trim | F::LTrim | F::RTrim | F::Substr | F::UrlDecode | F::BaseName => text::call(function, a),
        F::Md5 => a.text(|t| Cell::text_of(digest::md5(t))),
        F::Sha1 => a.text(|t| Cell::text_of(digest::sha1(t))),
        F::Sha256 => a.text(|t| Cell::text_of(digest::sha256(t))),
        F::Sha512 => a.text(|t| Cell::text_of(digest::sha512(t))),
        F::ToString | F::ToNumber | F::ToInt | F::ToDouble | F::ToBool | F::IpMask | F::Decimal => convert::call(function, a),
        F::Printf => printf::printf(a, context)?,
        F::Abs | F::Ceiling | F::Floor | F::Round | F::Exact | F::SigFig | F::Sum | F::Avg | F::Min | F::Max => math::rounding(function, a),
        F::Sqrt | F::Pow | F::Ln | F::Log | F::Exp | F::Pi | F::Hypot | F::Atan2 => math::call(function, a),
        F::Acos | F::Acosh | F::Asin | F::Asinh | F::Atan | F::Atanh | F::Cos | F::Cosh | F::Sin | F::Sinh | F::Tan | F::Tanh => {
            math::angle(function, a)
        }
        F::BitAnd | F::BitOr | F::BitXor | F::BitNot | F::BitShiftLeft | F::BitShiftRight => math::bits(function, a),
        F::MvCount | F::MvJoin | F::MvAppend | F::MvDedup | F::MvSort | F::MvReverse | F::MvIndex | F::MvFind | F::MvZip | F::MvRange => {
            list::call(function, a, context)?
        }
        F::Split => list::split(a, context)?,
        F::Commands => a.text(list::commands),
        F::Spath | F::Json | F::JsonArray | F::JsonArrayToMv | F::JsonExtract | F::JsonExtractExact => json::call(function, a),
        F::IsArray | F::IsObject | F::JsonAppend | F::JsonDelete | F::JsonExtend | F::JsonSet | F::JsonSetExact => json::call(function, a),
        F::JsonHasKeyExact | F::JsonKeys | F::JsonObject | F::JsonValid | F::MvToJsonArray | F::ToJson => json::call(function, a),
        F::RelativeTime => time::relative_time_of(a.at(0), a.at(1)),
        F::Strptime => time::strptime_of(a.at(0), a.at(1)),
        F::Strftime => time::strftime_of(a.at(0), a.at(1)),
        F::Now => context.now().map_or(Cell::Null, Cell::number_of),
        F::True => Cell::Bool(true),
        F::False => Cell::Bool(false),
        // These take an expression, not values: the parser replaces them or `super::eval` evaluates them.
        F::Null | F::MvFilter | F::MvMap | F::SearchMatch => Cell::Null,
    })
}

/// Functions with arguments that may be left out: one that is there and null was not left out (rule E9).
fn is_null_through(function: Function) -> bool {
    use Function as F;
    matches!(
        function,
        F::Trim
            | F::LTrim
            | F::RTrim
            | F::Substr
            | F::Split
            | F::Round
            | F::Log
            | F::ToNumber
            | F::ToInt
            | F::ToDouble
            | F::ToString
            | F::MvIndex
            | F::MvZip
            | F::MvRange
            | F::BitNot
            | F::JsonArrayToMv
            | F::MvToJsonArray
    )
}

/// The functions that choose among values.
fn chosen(function: Function, a: Arguments<'_>) -> Cell {
    let pair = |wanted: bool| a.0.chunks_exact(2).find(|pair| pair[0].is_true() == wanted).map_or(Cell::Null, |pair| pair[1].clone());
    match function {
        Function::If => a.at(if a.at(0).is_true() { 1 } else { 2 }).clone(),
        Function::Case => pair(true),
        Function::Validate => pair(false),
        Function::Coalesce => a.0.iter().find(|cell| !cell.is_null()).cloned().unwrap_or(Cell::Null),
        Function::NullIf if is_equal(a.at(0), a.at(1)) => Cell::Null,
        Function::NullIf => a.at(0).clone(),
        _ => Cell::Bool(a.0.iter().skip(1).any(|other| is_equal(a.at(0), other))),
    }
}

/// The functions that say what a value is. The text of a number counts as a number, as it does where values are compared.
fn kind(function: Function, cell: &Cell) -> Cell {
    let number = cell.numeric();
    let is_whole = matches!(number, Some(Number::Whole(_)));
    Cell::Bool(match function {
        Function::IsNull => cell.is_null(),
        Function::IsNotNull => !cell.is_null(),
        Function::IsNum => number.is_some(),
        Function::IsInt => is_whole,
        Function::IsDouble => number.is_some() && !is_whole,
        Function::IsStr => matches!(cell, Cell::Text(_)) && number.is_none(),
        Function::IsBool => matches!(cell, Cell::Bool(_)),
        Function::IsMv => matches!(cell, Cell::List(_)),
        _ => {
            return Cell::text_of(match cell {
                Cell::Null => "Invalid",
                Cell::Bool(_) => "Bool",
                Cell::List(_) => "Multivalue",
                Cell::Text(_) | Cell::Number(_) if number.is_some() => "Number",
                Cell::Text(_) | Cell::Number(_) => "String",
            });
        }
    })
}

fn is_equal(a: &Cell, b: &Cell) -> bool {
    super::eval::compare(crate::ir::NumberOp::Eq, a, b)
}

/// One text of a function's own about each member.
fn each_member(value: &Cell, make: impl Fn(&str) -> String) -> Cell {
    match value {
        Cell::Null => Cell::Null,
        Cell::Text(text) => Cell::text_of(make(text)),
        other => Cell::list_of(other.members().iter().map(|member| make(member).into()).collect()),
    }
}

#[cfg(test)]
pub(super) use text::substr;

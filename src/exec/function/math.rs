//! Functions over numbers.

use super::super::cell::order;
use super::super::{Cell, Number};
use super::Arguments;
use crate::ir::Function;

/// The largest number whose bits Splunk's functions look at: 53 of them.
const BITS_MAX: u64 = (1 << 53) - 1;

/// The functions whose result may have fewer digits than its double.
pub(super) fn rounding(function: Function, a: Arguments<'_>) -> Cell {
    match function {
        Function::Abs => a.numeric(Number::without_sign),
        Function::Ceiling => a.double(f64::ceil),
        Function::Floor => a.double(f64::floor),
        Function::Round if a.has(1) => a.number(1).map_or(Cell::Null, |places| a.numeric(|n| n.rounded(places))),
        Function::Round => a.numeric(|n| n.rounded(0.0)),
        Function::Exact => a.numeric(Number::exact),
        Function::SigFig => a.numeric(Number::significant),
        Function::Sum => total(a).map_or(Cell::Null, |(sum, _)| Cell::Number(sum)),
        Function::Avg => total(a).and_then(|(sum, count)| sum.divide(count)).map_or(Cell::Null, Cell::Number),
        _ => extreme(a, function == Function::Max),
    }
}

/// The sum of the numbers among the arguments and their members, and their count.
fn total(a: Arguments<'_>) -> Option<(Number, Number)> {
    let (mut sum, mut count) = (None, 0);
    let numbers = a.0.iter().flat_map(|cell| match cell {
        Cell::List(members) => members.iter().filter_map(|member| Number::read(member)).collect(),
        one => one.numeric().into_iter().collect::<Vec<_>>(),
    });
    for number in numbers {
        sum = Some(sum.map_or(Some(number), |sum: Number| sum.add(number))?);
        count += 1;
    }
    sum.zip(Some(Number::Whole(count)))
}

/// Numbers come before texts; of a list the members count.
fn extreme(a: Arguments<'_>, greatest: bool) -> Cell {
    let texts = a.0.iter().flat_map(Cell::members);
    let best = if greatest { texts.max_by(|a, b| order(a, b)) } else { texts.min_by(|a, b| order(a, b)) };
    best.map_or(Cell::Null, Cell::read)
}

/// The functions that give every digit of their double.
pub(super) fn call(function: Function, a: Arguments<'_>) -> Cell {
    match function {
        Function::Sqrt => a.double(f64::sqrt),
        Function::Pow => a.doubles(f64::powf),
        Function::Ln => a.double(f64::ln),
        Function::Log if a.has(1) => a.doubles(logarithm),
        Function::Log => a.double(f64::log10),
        Function::Exp => a.double(f64::exp),
        Function::Hypot => a.doubles(f64::hypot),
        Function::Atan2 => a.doubles(f64::atan2),
        _ => Cell::number_of(std::f64::consts::PI),
    }
}

/// `log10` and `log2` are exact where a quotient of logarithms is not: `log(1000, 10)` is 3.
fn logarithm(n: f64, base: f64) -> f64 {
    if base == 10.0 {
        n.log10()
    } else if base == 2.0 {
        n.log2()
    } else {
        n.ln() / base.ln()
    }
}

/// The trigonometric and hyperbolic functions, in radians.
pub(super) fn angle(function: Function, a: Arguments<'_>) -> Cell {
    a.double(match function {
        Function::Acos => f64::acos,
        Function::Acosh => f64::acosh,
        Function::Asin => f64::asin,
        Function::Asinh => f64::asinh,
        Function::Atan => f64::atan,
        Function::Atanh => f64::atanh,
        Function::Cos => f64::cos,
        Function::Cosh => f64::cosh,
        Function::Sin => f64::sin,
        Function::Sinh => f64::sinh,
        Function::Tan => f64::tan,
        _ => f64::tanh,
    })
}

/// The functions over bits: of whole numbers from 0 to 2^53 - 1, else null.
pub(super) fn bits(function: Function, a: Arguments<'_>) -> Cell {
    let all: Option<Vec<u64>> = a.0.iter().map(pattern).collect();
    let made = all.and_then(|bits| match (function, bits.as_slice()) {
        (Function::BitAnd, bits) => bits.iter().copied().reduce(|a, b| a & b),
        (Function::BitOr, bits) => bits.iter().copied().reduce(|a, b| a | b),
        (Function::BitXor, bits) => bits.iter().copied().reduce(|a, b| a ^ b),
        (Function::BitNot, [bits]) => Some(!bits & BITS_MAX),
        (Function::BitNot, [bits, mask]) => Some(!bits & mask),
        (Function::BitShiftLeft, [bits, by]) => u32::try_from(*by).ok().and_then(|by| bits.checked_mul(1_u64.checked_shl(by)?)),
        (Function::BitShiftRight, [bits, by]) => Some(u32::try_from(*by).ok().and_then(|by| bits.checked_shr(by)).unwrap_or(0)),
        _ => None,
    });
    let number = made.filter(|bits| *bits <= BITS_MAX).and_then(|bits| i64::try_from(bits).ok());
    number.map_or(Cell::Null, |whole| Cell::Number(Number::Whole(whole)))
}

fn pattern(cell: &Cell) -> Option<u64> {
    match cell.numeric()? {
        Number::Whole(whole) => u64::try_from(whole).ok().filter(|bits| *bits <= BITS_MAX),
        Number::Exact(_) | Number::Decimal { .. } => None,
    }
}

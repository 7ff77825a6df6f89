//! Functions over numbers: sums with their digits, angles, bits.

use retrohunt::ir::{BinaryOp, Function};

use super::super::digits::{Measured, Step, combined, half_away};
use super::super::scalar::Value;
use super::{Arguments, number};

/// `exact`, `sigfig`, `sum`, `avg`: of steps of calculations, which are not rounded yet.
pub(super) fn calculated(function: Function, steps: &[Step]) -> Value {
    let numbers: Vec<Measured> = steps.iter().flat_map(numbers_of).collect();
    let one = |step: &Step| match step {
        Step::Number(number) => Some(*number),
        Step::Other(value) => value.measured(),
    };
    let total = numbers.iter().copied().reduce(|a, b| combined(BinaryOp::Add, a, b).limited());
    let made = match function {
        Function::Exact => one(&steps[0]).map(|n| Measured::exact(n.number)),
        Function::SigFig => one(&steps[0]).map(|n| match n.places {
            Some(places) if places <= 0 => Measured::exact(half_away(n.number, places)),
            _ => n,
        }),
        Function::Sum => total,
        _ => total.map(|sum| combined(BinaryOp::Divide, sum, Measured::exact(super::size(numbers.len())))),
    };
    made.map_or(Value::Null, Measured::end)
}

/// The numbers of an argument: those among the members of a list.
fn numbers_of(step: &Step) -> Vec<Measured> {
    match step {
        Step::Number(number) => vec![*number],
        Step::Other(Value::List(members)) => members.iter().filter_map(|member| Measured::read(member)).collect(),
        Step::Other(value) => value.measured().into_iter().collect(),
    }
}

/// Roots, powers, logarithms and angles.
pub(super) fn computed(function: Function, a: &Arguments<'_>) -> Option<Value> {
    if function == Function::Pi {
        return number(std::f64::consts::PI);
    }
    let x = a.number(0)?;
    number(match function {
        Function::Sqrt => x.sqrt(),
        Function::Pow => x.powf(a.number(1)?),
        Function::Ln => x.ln(),
        Function::Log => logarithm(x, a.number_or(1, 10.0)?),
        Function::Exp => x.exp(),
        Function::Hypot => x.hypot(a.number(1)?),
        Function::Atan2 => x.atan2(a.number(1)?),
        Function::Acos => x.acos(),
        Function::Acosh => x.acosh(),
        Function::Asin => x.asin(),
        Function::Asinh => x.asinh(),
        Function::Atan => x.atan(),
        Function::Atanh => x.atanh(),
        Function::Cos => x.cos(),
        Function::Cosh => x.cosh(),
        Function::Sin => x.sin(),
        Function::Sinh => x.sinh(),
        Function::Tan => x.tan(),
        Function::Tanh => x.tanh(),
        other => panic!("{other:?} computes no number"),
    })
}

/// Exact for the bases that have a function of their own.
fn logarithm(value: f64, base: f64) -> f64 {
    if base == 10.0 {
        value.log10()
    } else if base == 2.0 {
        value.log2()
    } else {
        value.ln() / base.ln()
    }
}

/// Of whole numbers of 53 bits.
pub(super) fn bits(function: Function, a: &Arguments<'_>) -> Option<Value> {
    const ALL: u64 = 0x1f_ffff_ffff_ffff;
    let mut values = Vec::new();
    for place in 0..a.0.len() {
        let measured = a.measured(place)?;
        let fits =
            measured.places.is_none() && measured.number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&measured.number);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and of 53 bits")]
        values.push(if fits { measured.number as u64 } else { return None });
    }
    let first = values[0];
    let made = match function {
        Function::BitAnd => values.iter().fold(ALL, |all, bits| all & bits),
        Function::BitOr => values.iter().fold(0, |all, bits| all | bits),
        Function::BitXor => values.iter().fold(0, |all, bits| all ^ bits),
        Function::BitNot => !first & values.get(1).copied().unwrap_or(ALL),
        Function::BitShiftRight => {
            if values[1] > 63 {
                0
            } else {
                first >> values[1]
            }
        }
        _ => {
            let shifted = if values[1] > 63 { return None } else { u128::from(first) << values[1] };
            u64::try_from(shifted).ok()?
        }
    };
    #[allow(clippy::cast_precision_loss, reason = "of 53 bits")]
    if made > ALL { None } else { number(made as f64) }
}

//! Functions that turn a value of one kind into one of another.

use std::net::Ipv4Addr;

use super::super::{Cell, Number, cell::number_text};
use super::{Arguments, each_member};
use crate::ir::Function;

/// The functions of conversion.
pub(super) fn call(function: Function, a: Arguments<'_>) -> Cell {
    match function {
        Function::ToString if a.has(1) => match a.at(1).single() {
            Some(form) => each_member(a.at(0), |member| written(member, &form)),
            None => Cell::Null,
        },
        Function::ToString => each_member(a.at(0), str::to_owned),
        Function::ToNumber => to_number(a),
        Function::ToInt => to_number(a).number().map_or(Cell::Null, |n| Cell::number_of(n.trunc())),
        Function::ToDouble => to_number(a),
        Function::ToBool => to_bool(a.at(0)),
        Function::IpMask => mask(a).map_or(Cell::Null, Cell::text_of),
        _ => a.numeric(Some),
    }
}

/// A number in one of the forms of `tostring`; what is not a number stays.
fn written(text: &str, form: &str) -> String {
    let Some(number) = Number::read(text) else { return text.to_owned() };
    let n = number.value();
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let whole = n.trunc() as i64;
    match form {
        "hex" => format!("0x{whole:X}"),
        "binary" => format!("{whole:b}"),
        "commas" => {
            let rounded = number_text((n * 100.0).round() / 100.0);
            // The sign stays out of the grouping: `-100,000` and not `-,100,000`.
            let (sign, digits) = rounded.strip_prefix('-').map_or(("", rounded.as_str()), |digits| ("-", digits));
            let (whole, fraction) = digits.split_once('.').map_or((digits, String::new()), |(w, f)| (w, format!(".{f:0<2}")));
            format!("{sign}{}{fraction}", grouped(whole))
        }
        "duration" => {
            let (days, seconds) = (whole / 86_400, whole % 86_400);
            let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
            if days > 0 { format!("{days}+{clock}") } else { clock }
        }
        _ => text.to_owned(),
    }
}

/// Digits with a comma before every third from the end.
pub(super) fn grouped(digits: &str) -> String {
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
    groups.join(",")
}

/// A number with the places of its text, or a whole number to a base.
fn to_number(a: Arguments<'_>) -> Cell {
    if !a.has(1) {
        return a.numeric(Some);
    }
    let (Some(text), Some(base)) = (a.at(0).single(), a.number(1).filter(|base| (2.0..=36.0).contains(base))) else { return Cell::Null };
    // Logs write handles and masks with `0x`; in any other base `0x` is not a number.
    let digits = if base == 16.0 { text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(&text) } else { &text };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a base is 2 to 36")]
    let base = base as u32;
    i64::from_str_radix(digits, base).map_or(Cell::Null, |whole| Cell::Number(Number::Whole(whole)))
}

/// Zero is false and any other number true; of texts `true`, `t`, `yes` and their opposites have a truth.
fn to_bool(cell: &Cell) -> Cell {
    if let Cell::Bool(truth) = cell {
        return Cell::Bool(*truth);
    }
    if let Some(number) = cell.number() {
        return Cell::Bool(number != 0.0);
    }
    match cell.single().map(|text| text.to_ascii_lowercase()).as_deref() {
        Some("true" | "t" | "yes" | "y") => Cell::Bool(true),
        Some("false" | "f" | "no" | "n") => Cell::Bool(false),
        _ => Cell::Null,
    }
}

/// An IPv4 address with the bits of a mask.
fn mask(a: Arguments<'_>) -> Option<String> {
    let address = |cell: &Cell| cell.single().and_then(|text| text.parse::<Ipv4Addr>().ok());
    Some((address(a.at(0))? & address(a.at(1))?).to_string())
}

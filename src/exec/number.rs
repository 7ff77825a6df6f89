//! Numbers as eval calculates with them: whole ones exactly, others as doubles that may know how many places they have.
//!
//! A number that is read from a text or a literal with a fraction has the places it is written with. A calculation with it
//! gives no more digits than its least precise operand has: as many places in a sum, as many significant digits in a
//! product. What the program itself counts or computes (`count`, `avg`, `sqrt`, times) is exact. These rules (N1 to N5 of
//! `docs/spl.md`) stand here and nowhere else, so that a run on another system can settle them.

use crate::ir::parse_number;

/// Significant digits that every double keeps; a number with more of them counts as exact.
const SURE_DIGITS: i32 = 15;
/// 2^63: no whole number from here on is an `i64`.
const WHOLE_LIMIT: f64 = 9_223_372_036_854_775_808.0;
/// 2^53: from here on a double has no fraction to round.
const FRACTION_LIMIT: f64 = 9_007_199_254_740_992.0;

/// A finite number; never minus zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number, exactly.
    Whole(i64),
    /// A double with every digit it has.
    Exact(f64),
    /// A double of which the digits up to a place are known.
    Decimal {
        /// The double; not yet rounded while a calculation goes on.
        value: f64,
        /// Places behind the point; below zero, those before it that are not known.
        places: i32,
    },
}

impl Number {
    /// An exact number; none where it is not finite.
    pub fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, reason = "whole and below 2^63")]
        Some(if value.fract() == 0.0 && value.abs() < WHOLE_LIMIT { Self::Whole(value as i64) } else { Self::Exact(value) })
    }

    /// Reads a text, with the places it has.
    pub fn read(text: &str) -> Option<Self> {
        let value = parse_number(text)?;
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let decimals = i32::try_from(decimals).unwrap_or(i32::MAX);
        let places = decimals.saturating_sub(exponent.parse().unwrap_or(0));
        if places <= 0 { Self::of(value) } else { Self::known_to(value, places) }
    }

    /// A number with so many places.
    fn known_to(value: f64, places: i32) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let value = value + 0.0; // minus zero is zero
        if places.saturating_add(magnitude(value)) > SURE_DIGITS {
            return Self::of(value);
        }
        Some(Self::Decimal { value, places })
    }

    /// As a double.
    #[allow(clippy::cast_precision_loss, reason = "a comparison, an order and a function see doubles")]
    pub fn value(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Exact(value) | Self::Decimal { value, .. } => value,
        }
    }

    /// As it is written.
    pub fn text(self) -> String {
        match self {
            Self::Whole(whole) => whole.to_string(),
            Self::Exact(value) => value.to_string(),
            Self::Decimal { value, places } => format!("{value:.*}", usize::try_from(places).unwrap_or(0)),
        }
    }

    fn places(self) -> Option<i32> {
        if let Self::Decimal { places, .. } = self { Some(places) } else { None }
    }

    /// Significant digits, where they are limited.
    fn digits(self) -> Option<i32> {
        self.places().map(|places| places.saturating_add(magnitude(self.value())))
    }

    /// The sum.
    pub(super) fn add(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) if a.checked_add(b).is_some() => a.checked_add(b).map(Self::Whole),
            _ => self.least_places(other, self.value() + other.value()),
        }
    }

    /// The difference.
    pub(super) fn subtract(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) if a.checked_sub(b).is_some() => a.checked_sub(b).map(Self::Whole),
            _ => self.least_places(other, self.value() - other.value()),
        }
    }

    /// The product.
    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) if a.checked_mul(b).is_some() => a.checked_mul(b).map(Self::Whole),
            _ => self.least_digits(other, self.value() * other.value()),
        }
    }

    /// The quotient; none by zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        self.least_digits(other, self.value() / other.value())
    }

    /// The remainder, with the sign of the first; none by zero.
    pub(super) fn remainder(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) if a.checked_rem(b).is_some() => a.checked_rem(b).map(Self::Whole),
            _ => self.least_places(other, self.value() % other.value()),
        }
    }

    /// The number with the other sign.
    pub(super) fn negated(self) -> Option<Self> {
        Self::Whole(0).subtract(self)
    }

    /// The number without its sign.
    pub(super) fn without_sign(self) -> Option<Self> {
        if self.value() < 0.0 { self.negated() } else { Some(self) }
    }

    fn least_places(self, other: Self, value: f64) -> Option<Self> {
        match self.places().into_iter().chain(other.places()).min() {
            Some(places) => Self::known_to(value, places),
            None => Self::of(value),
        }
    }

    fn least_digits(self, other: Self, value: f64) -> Option<Self> {
        match self.digits().into_iter().chain(other.digits()).min() {
            Some(digits) => Self::known_to(value, digits.saturating_sub(magnitude(value))),
            None => Self::of(value),
        }
    }

    /// With every digit of its double.
    pub(super) fn exact(self) -> Option<Self> {
        Self::of(self.value())
    }

    /// Rounded to the places that it shows, as it is once a calculation has ended. Digits before the point all stay.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Decimal { value, places } => Self::known_to(rounded(value, places.max(0)), places).unwrap_or(self),
            other => other,
        }
    }

    /// Rounded to its significant digits, also those before the point.
    pub(super) fn significant(self) -> Option<Self> {
        match self {
            Self::Decimal { value, places } if places <= 0 => Self::of(rounded(value, places)),
            other => Some(other.settled()),
        }
    }

    /// Rounded to so many places, which it then has; without places a whole number.
    pub(super) fn rounded(self, places: f64) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, reason = "within the limits")]
        let places = places.clamp(0.0, f64::from(SURE_DIGITS)) as i32;
        match self {
            Self::Whole(_) if places == 0 => Some(self),
            _ if places == 0 => Self::of(rounded(self.value(), 0)),
            _ => Self::known_to(rounded(self.value(), places), places),
        }
    }
}

/// Half goes away from zero.
fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places.abs());
    if places < 0 {
        return (value / scale).round() * scale;
    }
    let scaled = value * scale;
    if scaled.abs() < FRACTION_LIMIT { scaled.round() / scale } else { value }
}

/// Digits before the point: 3 of 123.4, 0 of 0.5, -1 of 0.05.
fn magnitude(value: f64) -> i32 {
    // Infinity has no digits either; nothing is made of it.
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, reason = "a logarithm of a double is below 309")]
    let power = value.abs().log10().floor() as i32;
    power + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Number {
        Number::read(text).unwrap()
    }

    fn shown(number: Option<Number>) -> String {
        number.map_or_else(|| "∅".to_owned(), |number| number.settled().text())
    }

    #[test]
    fn n1_a_number_is_written_with_the_places_it_was_read_with() {
        for (text, expected) in [
            ("1.50", "1.50"),
            ("-0.0", "0.0"),
            ("+5", "5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            ("1.50e1", "15.0"),
            ("9007199254740993", "9007199254740993"),
            ("0.1000000000000000000000", "0.1"),
        ] {
            assert_eq!(read(text).text(), expected, "{text}");
        }
        assert_eq!((Number::read("1e999"), Number::read("x")), (None, None));
    }

    #[test]
    fn n2_sums_have_the_fewest_places_and_products_the_fewest_digits() {
        assert_eq!(shown(read("8.250").multiply(read("0.2"))), "2");
        assert_eq!(shown(read("8.250").multiply(read("0.20"))), "1.7");
        assert_eq!(shown(read("8.250").multiply(read("0.2").exact().unwrap())), "1.650");
        assert_eq!(shown(read("0.1").add(read("0.2"))), "0.3");
        assert_eq!(shown(read("1.00").multiply(read("1111"))), "1111");
        assert_eq!(shown(read("1.00").multiply(read("1111")).unwrap().significant()), "1110");
        assert_eq!(shown(read("5.5").remainder(read("2"))), "1.5");
        assert_eq!(shown(read("0.0").multiply(read("5.25"))), "0.0");
        assert_eq!((shown(read("1").divide(read("0"))), shown(read("1").remainder(read("0")))), ("∅".into(), "∅".into()));
    }

    #[test]
    fn n3_whole_numbers_are_exact() {
        assert_eq!(shown(read("9999999999").multiply(read("9999999"))), "99999989990000001");
        assert_eq!(shown(read("1").divide(read("3"))), "0.3333333333333333");
        assert_eq!(shown(read("6").divide(read("3"))), "2");
        assert_eq!(shown(read("9223372036854775807").add(read("1"))), "9223372036854776000");
    }

    #[test]
    fn n5_rounding_keeps_the_places_it_is_asked_for() {
        assert_eq!(shown(read("2").rounded(2.0)), "2.00");
        assert_eq!(shown(read("2.345").rounded(2.0)), "2.35");
        assert_eq!(shown(read("2.5").rounded(0.0)), "3");
        assert_eq!(shown(read("-2.5").rounded(0.0)), "-3");
    }
}

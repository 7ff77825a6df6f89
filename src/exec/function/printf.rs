//! `printf`: C's formats, as Splunk documents them.

use super::super::{Cell, Context, Fault};
use super::Arguments;
use super::convert::grouped;

/// The widest field and the most places: wider ones are cut down to it.
const WIDTH_MAX: usize = 1_000;

/// One conversion: `%-08.3f`.
#[derive(Default, Clone)]
struct PrintDirective {
    left: bool,
    plus: bool,
    blank: bool,
    zero: bool,
    comma: bool,
    alternative: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

/// Writes the arguments by a format; null where one that the format asks for is missing or of another kind.
pub(super) fn printf(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let Some(format) = a.at(0).single() else { return Ok(Cell::Null) };
    let mut values = a.0.iter().skip(1);
    let (mut out, mut rest) = (String::new(), format.as_ref());
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            out.push('%');
            rest = behind;
            continue;
        }
        let Some((directive, behind)) = read(rest, &mut values) else { return Ok(Cell::Null) };
        let Some(body) = values.next().and_then(|value| directive.body(value)) else { return Ok(Cell::Null) };
        context.room_for(out.len().saturating_add(body.len()).saturating_add(directive.width))?;
        directive.pad(&body, &mut out);
        rest = behind;
    }
    out.push_str(rest);
    Ok(Cell::text_of(out))
}

/// Reads a directive behind its `%`; `*` takes a width or a precision from the values.
fn read<'f, 'v>(format: &'f str, values: &mut impl Iterator<Item = &'v Cell>) -> Option<(PrintDirective, &'f str)> {
    let mut directive = PrintDirective::default();
    let mut rest = format;
    loop {
        match rest.chars().next()? {
            '-' => directive.left = true,
            '+' => directive.plus = true,
            ' ' => directive.blank = true,
            '0' => directive.zero = true,
            '\'' => directive.comma = true,
            '#' => directive.alternative = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    let mut size = |rest: &mut &'f str| -> Option<usize> {
        if let Some(behind) = rest.strip_prefix('*') {
            *rest = behind;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is limited")]
            return values.next()?.number().map(|n| n as usize);
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(end);
        *rest = behind;
        Some(if digits.is_empty() { 0 } else { digits.parse().unwrap_or(WIDTH_MAX) })
    };
    directive.width = size(&mut rest)?.min(WIDTH_MAX);
    if let Some(behind) = rest.strip_prefix('.') {
        rest = behind;
        directive.precision = Some(size(&mut rest)?.min(WIDTH_MAX));
    }
    rest = rest.trim_start_matches(['h', 'l', 'L', 'q', 'j', 'z', 't']);
    directive.kind = rest.chars().next()?;
    let behind = &rest[directive.kind.len_utf8()..];
    Some((directive, behind))
}

impl PrintDirective {
    /// The value without padding.
    fn body(&self, value: &Cell) -> Option<String> {
        #[allow(clippy::cast_possible_truncation, reason = "saturates")]
        let whole = || value.number().map(|n| n.trunc() as i64);
        let natural = || whole().map(i64::cast_unsigned);
        let prefix = |mark: &str, digits: String| if self.alternative { format!("{mark}{digits}") } else { digits };
        Some(match self.kind {
            's' | 'c' => {
                let text = value.single()?;
                let most = if self.kind == 'c' { 1 } else { self.precision.unwrap_or(usize::MAX) };
                text.chars().take(most).collect()
            }
            'd' | 'i' => self.signed(whole()? < 0, &self.digits(whole()?.unsigned_abs().to_string())),
            'u' => self.digits(natural()?.to_string()),
            'o' => prefix("0", self.digits(format!("{:o}", natural()?))),
            'x' => prefix("0x", self.digits(format!("{:x}", natural()?))),
            'X' => prefix("0X", self.digits(format!("{:X}", natural()?))),
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let number = value.number()?;
                let text = self.real(number.abs());
                self.signed(number < 0.0, &if self.kind.is_ascii_uppercase() { text.to_uppercase() } else { text })
            }
            _ => return None,
        })
    }

    /// Digits, with zeros up to the precision.
    fn digits(&self, digits: String) -> String {
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
        if self.comma { grouped(&digits) } else { digits }
    }

    fn signed(&self, is_negative: bool, digits: &str) -> String {
        let sign = match (is_negative, self.plus, self.blank) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        format!("{sign}{digits}")
    }

    fn real(&self, number: f64) -> String {
        let places = self.precision.unwrap_or(6);
        match self.kind {
            'f' | 'F' => {
                let text = format!("{number:.places$}");
                match (self.comma, text.split_once('.')) {
                    (true, Some((whole, fraction))) => format!("{}.{fraction}", grouped(whole)),
                    (true, None) => grouped(&text),
                    _ => text,
                }
            }
            'e' | 'E' => exponential(number, places),
            _ => {
                // `%g`: as many significant digits, in whichever form is shorter, without zeros at the end.
                let digits = places.max(1);
                let shown = exponential(number, digits - 1);
                let power: i32 = shown.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
                let (number, power) = if (-4..i32::try_from(digits).unwrap_or(i32::MAX)).contains(&power) {
                    let places = usize::try_from(i32::try_from(digits).unwrap_or(i32::MAX) - 1 - power).unwrap_or(0);
                    (format!("{number:.places$}"), String::new())
                } else {
                    shown.split_once('e').map_or((shown.clone(), String::new()), |(m, e)| (m.to_owned(), format!("e{e}")))
                };
                let number =
                    if self.alternative || !number.contains('.') { &number } else { number.trim_end_matches('0').trim_end_matches('.') };
                format!("{number}{power}")
            }
        }
    }

    fn pad(&self, body: &str, out: &mut String) {
        let missing = self.width.saturating_sub(body.chars().count());
        let is_number = !matches!(self.kind, 's' | 'c');
        if self.left {
            out.push_str(body);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if self.zero && is_number {
            let sign = body.len() - body.trim_start_matches(['-', '+', ' ']).len();
            out.push_str(&body[..sign]);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(&body[sign..]);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(body);
        }
    }
}

/// `1.500000e+03`.
fn exponential(number: f64, places: usize) -> String {
    let text = format!("{number:.places$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_c() {
        let number = Cell::number_of;
        for (format, values, expected) in [
            ("%05.1f", vec![number(3.131_59)], "003.1"),
            ("%d %i|%-4d|%+d|% d", vec![number(7.9), number(-7.0), number(3.0), number(3.0), number(3.0)], "7 -7|3   |+3| 3"),
            ("%x %X %#x %o", vec![number(255.0), number(255.0), number(255.0), number(8.0)], "ff FF 0xff 10"),
            ("%e %.2E", vec![number(1500.0), number(0.000_12)], "1.500000e+03 1.20E-04"),
            ("%g %g %g", vec![number(0.5), number(1e-7), number(1_234_567.0)], "0.5 1e-07 1.23457e+06"),
            (
                "%s|%5s|%-5s|%.2s|%%",
                vec![Cell::text_of("ab"), Cell::text_of("ab"), Cell::text_of("ab"), Cell::text_of("abc")],
                "ab|   ab|ab   |ab|%",
            ),
            ("%'d %'.2f", vec![number(1_234_567.0), number(12_345.678)], "1,234,567 12,345.68"),
            ("%*d", vec![number(4.0), number(7.0)], "   7"),
            ("%d", vec![Cell::text_of("x")], "∅"),
            ("%d", vec![], "∅"),
            ("%y", vec![number(1.0)], "∅"),
        ] {
            let arguments: Vec<Cell> = std::iter::once(Cell::text_of(format)).chain(values).collect();
            let made = printf(Arguments(&arguments), &Context::default()).unwrap();
            assert_eq!(made.text().as_deref().unwrap_or("∅"), expected, "{format}");
        }
    }
}

//! Spans of time: `90s`, `5m`, `24h`, `7d`, `2w`, `1M`, `1y`.

use super::context::ReadContext;
use crate::yaml::Node;

const SECOND_US: i64 = 1_000_000;
/// Units in seconds; a month is a twelfth of the mean Gregorian year.
// As the reference implementation has them, so that a window of a month is the same length everywhere.
const UNITS: [(&str, i64); 7] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800), ("M", 2_629_746), ("y", 31_556_952)];

/// Reads a span of time in microseconds; `None` after an error.
pub(super) fn read(context: &mut ReadContext<'_>, node: &Node) -> Option<i64> {
    let text = node.scalar_text().unwrap_or("").trim();
    let parsed = parse(text);
    if parsed.is_none() {
        let message = format!("`{text}` is not a duration");
        let hint = "a whole number greater than 0 and one of the units s, m, h, d, w, M, y: `15m`";
        context.error_with(&node.span, "sigma-timespan", message, hint);
    }
    parsed
}

fn parse(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(split);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let count: i64 = count.parse().ok()?;
    count.checked_mul(*seconds)?.checked_mul(SECOND_US).filter(|us| *us > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(parse("90s"), Some(90_000_000));
        assert_eq!(parse("5m"), Some(300_000_000));
        assert_eq!(parse("1M"), Some(2_629_746_000_000));
        assert_eq!(parse("2w"), Some(14 * 86_400_000_000));
        for text in ["", "5", "m", "0s", "-1s", "5 m", "5x", "1.5h", "99999999999999y"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

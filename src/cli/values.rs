//! Values of arguments: times and levels.

use super::UsageError;
use crate::event::{format_time, parse_iso_time};
use crate::ir::Level;
use crate::store::TimeSpan;

/// Reads `2024-01-31`, `2024-01-31T12:00:00` or `2024-01-31T12:00:00.5+01:00`; without a zone it is UTC.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    parse_iso_time(text).ok_or_else(|| "not a time: write 2024-01-31, 2024-01-31T12:00:00 (UTC) or 2024-01-31T12:00:00+01:00".to_owned())
}

/// The interval from `--since` to `--until`.
///
/// # Errors
/// When no time is in it: an empty answer would look as if nothing had happened.
pub(crate) fn span(since: Option<i64>, until: Option<i64>) -> Result<TimeSpan, UsageError> {
    match (since, until) {
        (Some(since), Some(until)) if since >= until => {
            let (since, until) = (format_time(since), format_time(until));
            Err(UsageError(format!("no time is in this interval: `--since` ({since}) is not before `--until` ({until})")))
        }
        _ => Ok((since, until)),
    }
}

/// Reads a length of time such as `60m`, `24h` or `7d`, in µs.
pub(crate) fn length(text: &str) -> Result<i64, String> {
    const EXPECTED: &str = "not a length of time: write 90s, 60m, 24h or 7d";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds: i64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(EXPECTED.to_owned()),
    };
    let number: Option<i64> = digits.parse().ok().filter(|number| *number > 0);
    number.and_then(|number| number.checked_mul(seconds)?.checked_mul(1_000_000)).ok_or_else(|| EXPECTED.to_owned())
}

/// Reads the number of a finding.
pub(crate) fn finding_id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "not a number: `retrohunt findings` lists the ids".to_owned())
}

/// Reads how many rows are shown at most; 0 is all.
pub(crate) fn limit(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a number: write 100, or 0 for all".to_owned())?;
    Ok(if number == 0 { usize::MAX } else { number })
}

/// Reads a level.
pub(crate) fn level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "levels are informational, low, medium, high and critical".to_owned())
}

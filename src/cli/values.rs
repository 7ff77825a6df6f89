//! Values of arguments: times and levels.

use crate::event::parse_iso_time;
use crate::ir::Level;

/// Reads `2024-01-31`, `2024-01-31T12:00:00` or `2024-01-31T12:00:00.5+01:00`; without a zone it is UTC.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    parse_iso_time(text).ok_or_else(|| "not a time: write 2024-01-31, 2024-01-31T12:00:00 (UTC) or 2024-01-31T12:00:00+01:00".to_owned())
}

/// Reads the number of a finding.
pub(crate) fn finding_id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "not a number: `retrohunt findings` lists the ids".to_owned())
}

/// Reads a level.
pub(crate) fn level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "levels are informational, low, medium, high and critical".to_owned())
}

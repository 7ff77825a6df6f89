//! The listing of logons: one row for each account, source, host and way.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::overview::{LogonSummary, failure_name, logon_type_name};

/// What `retrohunt logons` lists.
pub static LOGONS: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "user",
            "domain",
            "source",
            "host",
            "logon_type",
            "logon_type_name",
            "successes",
            "privileged",
            "failures",
            "failure_reasons",
            "explicit",
            "first_time",
            "last_time",
        ],
        vec![
            TableColumn::text("user", "User"),
            TableColumn::text("domain", "Domain").spare(4),
            TableColumn::new("source", "From", CellStyle::Host),
            TableColumn::new("host", "To", CellStyle::Host),
            TableColumn::text("logon_type", "Type"),
            TableColumn::text("logon_type_name", "Way").spare(3),
            TableColumn::number("successes", "Logons"),
            TableColumn::number("privileged", "Privileged").spare(6),
            TableColumn::number("failures", "Failed"),
            TableColumn::text("failure_reasons", "Failed because").spare(7),
            TableColumn::number("explicit", "Explicit").spare(1),
            TableColumn::time("first_time", "First (UTC)").spare(5),
            TableColumn::time("last_time", "Last (UTC)").spare(2),
        ],
    )
});

/// Returns logons as a row of [`LOGONS`].
pub fn logons_row(of: &LogonSummary) -> Vec<Value> {
    let way = match &of.logon_type {
        None if of.explicit > 0 => Some("explicit credentials"),
        None => None,
        Some(number) => logon_type_name(number),
    };
    let reasons: Vec<&str> =
        of.statuses.iter().map(|(status, _)| failure_name(status).unwrap_or(status)).filter(|text| !text.is_empty()).collect();
    vec![
        json!(of.user),
        json!(of.domain),
        json!(of.source),
        json!(of.host),
        json!(of.logon_type),
        json!(way),
        json!(of.successes),
        json!(of.privileged),
        json!(of.failures),
        json!(reasons),
        json!(of.explicit),
        time(of.metrics.first_us),
        time(of.metrics.last_us),
    ]
}

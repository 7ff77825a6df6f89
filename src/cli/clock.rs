//! The clock. It is read here and nowhere below.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now (µs UTC).
pub(super) fn now_us() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

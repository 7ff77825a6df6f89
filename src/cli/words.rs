//! Numbers in sentences.

/// `1 rule`, `2 rules`, `1,200,000 events`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// As [`counted`], for lengths.
pub(crate) fn counted_len(count: usize, noun: &str) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), noun)
}

/// `1,200,000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12 B`, `3.4 MB`, in powers of 1,000.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (count, None);
    let mut scaled = 0;
    while value >= 1000 && unit.is_none_or(|u| u + 1 < units.len()) {
        scaled = value / 100; // tenths of the next unit: integers, because floats would round 999,999 up to `1000 kB`
        value /= 1000;
        unit = Some(unit.map_or(0, |u| u + 1));
    }
    match unit {
        None => format!("{count} B"),
        Some(unit) if scaled < 100 => format!("{}.{} {}", scaled / 10, scaled % 10, units[unit]),
        Some(unit) => format!("{value} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(counted(0, "event"), "0 events");
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(1_234_567, "event"), "1,234,567 events");
        assert_eq!(thousands(999), "999");
        assert_eq!([bytes(999), bytes(1_000), bytes(12_345), bytes(2_444_146_707)], ["999 B", "1.0 kB", "12 kB", "2.4 GB"]);
    }
}

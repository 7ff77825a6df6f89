//! What a finding is known by: the same in every hunt, and in every store that has the same sources.

use sha2::{Digest, Sha256};

use crate::event::hex;

/// What a finding is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'a> {
    /// One event: the hash of its source, and its position there.
    Event(&'a str, u64),
    /// The rows of a group: by-field and value.
    Group(&'a [(String, String)]),
}

/// The identity of a finding of a rule.
pub(super) fn identity(rule_id: &str, window_start_us: Option<i64>, about: About<'_>, ordinal: u32) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        // The length in front: without it `ab`, `c` and `a`, `bc` would be one identity.
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(rule_id);
    add(&window_start_us.map(|us| us.to_string()).unwrap_or_default());
    match about {
        About::Event(sha256, position) => {
            add(sha256);
            add(&position.to_string());
        }
        About::Group(group) => group.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        }),
    }
    // Only where there is more than one, so that findings of older hunts keep their identity.
    if ordinal > 0 {
        add(&ordinal.to_string());
    }
    // 128 bits: half the length, and still no two findings meet by chance.
    hex(&hasher.finalize()[..16])
}

/// Ordinals that are tried: a rule that makes more rows of one event makes them by the thousand, of a list.
const MAX_ORDINAL: u32 = 1_000;

/// The identity that a finding of one event has once the event counts as another source's: (hash of the source, position) before and then.
/// None where the finding is not about that event alone, or is one of a window, whose start no store keeps.
pub(super) fn moved(identity_before: &str, rule_id: &str, from: (&str, u64), to: (&str, u64)) -> Option<String> {
    let of = |about, ordinal| identity(rule_id, None, about, ordinal);
    let ordinal = (0..MAX_ORDINAL).find(|ordinal| of(About::Event(from.0, from.1), *ordinal) == identity_before)?;
    Some(of(About::Event(to.0, to.1), ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_of_an_event_moves_with_it_and_no_other() {
        let of = |about, ordinal| identity("r", None, about, ordinal);
        let (from, to) = (("a", 3), ("b", 7));
        for ordinal in [0, 1, 12] {
            assert_eq!(moved(&of(About::Event("a", 3), ordinal), "r", from, to), Some(of(About::Event("b", 7), ordinal)));
        }
        let group = [("user".to_owned(), "ann".to_owned())];
        assert_eq!(moved(&of(About::Group(&group), 0), "r", from, to), None);
        assert_eq!(moved(&of(About::Event("a", 4), 0), "r", from, to), None);
        assert_eq!(moved(&of(About::Event("a", 3), 0), "s", from, to), None);
    }
}

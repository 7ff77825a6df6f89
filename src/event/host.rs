//! What people call a host, against what an event calls it.

use super::fold_into;

/// A host as somebody named it: its name without case, or the part of it before the first dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(String);

impl HostName {
    /// Takes what somebody wrote.
    pub(crate) fn new(name: &str) -> Self {
        Self(folded(name))
    }

    /// Whether an event's host is meant.
    pub(crate) fn is(&self, host: &str) -> bool {
        // Most names are ASCII: those are compared without a new string, because every value of a store may be asked.
        let is_same = |name: &str| if name.is_ascii() { name.eq_ignore_ascii_case(&self.0) } else { folded(name) == self.0 };
        is_same(host) || host.split_once('.').is_some_and(|(first, _)| is_same(first))
    }
}

fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::HostName;

    #[test]
    fn a_host_is_named_whole_or_by_its_first_part() {
        let is = |host, name: &str| HostName::new(name).is(host);
        assert!(is("WS07.corp.example", "ws07") && is("ws07.corp.example", "WS07.CORP.example") && is("MÜNCHEN.x", "münchen"));
        assert!(!is("ws07.corp.example", "ws0") && !is("ws07.corp.example", "ws07.corp") && !is("ws07", "ws07.corp.example"));
    }
}

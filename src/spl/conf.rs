//! Splunk's `.conf` files: stanzas with settings.

use std::ops::Range;

/// A stanza: `[name]` and the lines below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stanza<'t> {
    pub(super) name: &'t str,
    /// Bytes of its first line.
    pub(super) span: Range<usize>,
    /// Key, value; of a key that is there twice the last value counts.
    settings: Vec<(&'t str, String)>,
}

impl Stanza<'_> {
    /// The value of a setting.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

/// Reads a file. Settings in front of the first stanza are for all of Splunk and are left out.
pub(super) fn stanzas(text: &str) -> Vec<Stanza<'_>> {
    let mut out: Vec<Stanza<'_>> = Vec::new();
    let mut continues = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches(['\r', '\n']);
        let (content, goes_on) = line.strip_suffix('\\').map_or((line, false), |content| (content, true));
        let is_more = std::mem::replace(&mut continues, goes_on);
        let trimmed = content.trim();
        if is_more {
            if let Some((_, value)) = out.last_mut().and_then(|stanza| stanza.settings.last_mut()) {
                value.push('\n');
                value.push_str(content);
            }
        } else if trimmed.starts_with('#') || trimmed.is_empty() {
            continues = false;
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            out.push(Stanza { name, span: start..start + line.len(), settings: Vec::new() });
        } else if let (Some(stanza), Some((key, value))) = (out.last_mut(), trimmed.split_once('=')) {
            stanza.settings.push((key.trim(), value.trim().to_owned()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_have_settings_that_may_go_on() {
        let text = "x = 1\n# c\n[one]\r\nfilename = a.csv\r\nmatch_type = WILDCARD(a), \\\nCIDR(b)\n\n[two]\nfilename=b.csv\nfilename = c.csv\nnothing\n";
        let found = stanzas(text);
        assert_eq!(found.iter().map(|s| s.name).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(&text[found[1].span.clone()], "[two]");
        assert_eq!(found[0].get("match_type"), Some("WILDCARD(a),\nCIDR(b)"));
        assert_eq!((found[0].get("filename"), found[1].get("filename"), found[1].get("nothing")), (Some("a.csv"), Some("c.csv"), None));
    }
}

//! What kinds of Windows events say, in a few words: the data of `rules/names`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{fault, root_of};
use crate::catalog::EventType;
use crate::diag::Diagnostic;

/// The files of the names, as built in.
const NAMES: &[(&str, &str)] = &[("rules/names/windows.yml", include_str!("../../rules/names/windows.yml"))];

/// Channel in lower case → event id → name.
#[derive(Debug, Default)]
pub struct EventNames(HashMap<String, HashMap<String, String>>);

impl EventNames {
    /// Returns the built-in names; they are parsed once.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<EventNames> =
            LazyLock::new(|| EventNames::parse(NAMES).expect("the built-in names parse: a test reads them"));
        &EMBEDDED
    }

    /// Parses data files: (path, text).
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Diagnostic> {
        let mut out = Self::default();
        for file in files {
            let (source, root) = root_of(*file)?;
            for (channel, names) in root.entries() {
                let known = out.0.entry(channel.text.to_lowercase()).or_default();
                for (code, name) in names.entries() {
                    let text = name.scalar_text().ok_or_else(|| fault(&source, name, "a name is expected here"))?;
                    known.insert(code.text.clone(), text.to_owned());
                }
            }
        }
        Ok(out)
    }

    /// What events of a type say; none where nobody wrote it down.
    pub fn of(&self, event_type: &EventType) -> Option<&str> {
        if event_type.product != "windows" {
            return None;
        }
        self.0.get(&event_type.dataset.to_lowercase())?.get(&event_type.code).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_names_parse_and_are_short() {
        let names = EventNames::embedded();
        assert_eq!(names.0["security"]["1102"], "audit log cleared");
        for name in names.0.values().flat_map(HashMap::values) {
            assert!(!name.is_empty() && name.chars().count() <= 50, "{name}");
        }
    }
}

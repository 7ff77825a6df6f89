//! ATT&CK: the tactics in their order, the techniques with their names, and the ids that newer ones replaced.
//!
//! Rules keep the ids they were written with. [`AttackMatrix::current`] says which technique such an id is today, so that one
//! technique is not told under two names. What the matrix does not know stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::{fault, root_of, texts};
use crate::diag::Diagnostic;
use crate::yaml::Node;

/// The matrix as built in.
const MATRIX: (&str, &str) = ("rules/attack/enterprise.yml", include_str!("../../rules/attack/enterprise.yml"));

/// One version of the matrix for enterprises.
#[derive(Debug, Default)]
pub struct AttackMatrix {
    version: String,
    tactics: Vec<AttackTactic>,
    techniques: BTreeMap<String, AttackTechnique>,
    replaced: BTreeMap<String, String>,
}

/// What an attacker is after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttackTactic {
    /// `TA0008`
    pub id: String,
    /// `Lateral Movement`
    pub name: String,
    /// As tags have it: `lateral-movement`.
    pub short: String,
    /// Short names of older versions that it stands for.
    pub former: Vec<String>,
}

/// How an attacker gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttackTechnique {
    /// Its own name: `LSASS Memory`.
    pub name: String,
    /// The short names of its tactics, in the order of the matrix.
    pub tactics: Vec<String>,
}

impl AttackMatrix {
    /// Returns the built-in matrix; it is parsed once.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<AttackMatrix> =
            LazyLock::new(|| AttackMatrix::parse(MATRIX).expect("the built-in matrix parses: a test reads it"));
        &EMBEDDED
    }

    /// Parses a matrix: (path, text).
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(file: (&str, &str)) -> Result<Self, Diagnostic> {
        let (source, root) = root_of(file)?;
        let mut out = Self::default();
        let part = |key: &str| root.get(key).ok_or_else(|| fault(&source, &root, format!("`{key}` is missing")));
        out.version = part("version")?.scalar_text().unwrap_or_default().to_owned();
        for node in part("tactics")?.items() {
            let text = |key: &str| {
                let text = node.get(key).and_then(Node::scalar_text).map(str::to_owned);
                text.ok_or_else(|| fault(&source, node, format!("a tactic without `{key}`")))
            };
            let former = node.get("former").map(|former| texts(&source, former)).transpose()?.unwrap_or_default();
            out.tactics.push(AttackTactic { id: text("id")?, name: text("name")?, short: text("short")?, former });
        }
        for (id, node) in part("techniques")?.entries() {
            let parts = node.scalar_text().and_then(|text| text.split_once(" | "));
            let (name, tactics) = parts.ok_or_else(|| fault(&source, node, "a technique is `name | tactics`"))?;
            let tactics: Vec<String> = tactics.split(", ").map(str::to_owned).collect();
            if let Some(unknown) = tactics.iter().find(|short| out.tactics.iter().all(|tactic| tactic.short != **short)) {
                return Err(fault(&source, node, format!("there is no tactic {unknown}")));
            }
            out.techniques.insert(id.text.clone(), AttackTechnique { name: name.to_owned(), tactics });
        }
        for (id, node) in part("replaced")?.entries() {
            let by = node.scalar_text().filter(|by| out.techniques.contains_key(*by));
            let by = by.ok_or_else(|| fault(&source, node, "an id is replaced by one of the techniques"))?;
            out.replaced.insert(id.text.clone(), by.to_owned());
        }
        Ok(out)
    }

    /// The version of ATT&CK.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The tactics, in the order of the matrix.
    pub fn tactics(&self) -> &[AttackTactic] {
        &self.tactics
    }

    /// The technique that an id is today; an id that is not known is itself.
    pub fn current<'a>(&'a self, id: &'a str) -> &'a str {
        self.replaced.get(id).map_or(id, String::as_str)
    }

    /// The techniques that ids of any version are today, each once, in the order of the ids: two older ones may be one today. Whatever
    /// counts techniques asks this first, so that all of it counts the same.
    pub fn techniques_of(&self, ids: &[String]) -> Vec<String> {
        each_once(ids.iter().map(|id| self.current(id)))
    }

    /// The short names of tactics as they are today, each once; a name that is not known stays.
    pub fn tactics_of(&self, names: &[String]) -> Vec<String> {
        each_once(names.iter().map(|name| self.tactic(name).map_or(name.as_str(), |tactic| &tactic.short)))
    }

    /// Whether an id is one of a technique, today or in an older version.
    pub fn knows(&self, id: &str) -> bool {
        self.techniques.contains_key(id) || self.replaced.contains_key(id)
    }

    /// Returns a technique by its id of today.
    pub fn technique(&self, id: &str) -> Option<&AttackTechnique> {
        self.techniques.get(id)
    }

    /// The name of a technique with that of its parent: `OS Credential Dumping: LSASS Memory`. Empty where it is not known.
    pub fn full_name(&self, id: &str) -> String {
        let name = |id: &str| self.techniques.get(id).map(|technique| technique.name.as_str());
        match (id.split_once('.').and_then(|(parent, _)| name(parent)), name(id)) {
            (Some(parent), Some(own)) => format!("{parent}: {own}"),
            (_, own) => own.unwrap_or_default().to_owned(),
        }
    }

    /// What rules may call that which a tag names, in any case: the tag itself, and all ids of the techniques that a technique is today or
    /// was, with its sub-techniques; all short names of a tactic, which its id and its name stand for too. A rule is meant where it has one
    /// of them, or a sub-technique of one.
    pub fn names_of(&self, tag: &str) -> Vec<String> {
        let lower = tag.trim().to_lowercase();
        let bare = lower.strip_prefix("attack.").unwrap_or(&lower);
        let mut names = BTreeSet::from([lower.clone(), bare.to_owned()]);
        let short = bare.replace([' ', '_'], "-");
        let is_meant =
            |tactic: &&AttackTactic| tactic.id.eq_ignore_ascii_case(&short) || tactic.name.to_lowercase().replace(' ', "-") == short;
        if let Some(tactic) = self.tactics.iter().find(is_meant).or_else(|| self.tactic(&short)) {
            names.extend(tactic.former.iter().chain([&tactic.short]).cloned().chain([tactic.id.to_lowercase()]));
        }
        let id = bare.to_ascii_uppercase();
        let is_of = |own: &str, id: &str| own.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        // An old id stands for what became of it and of its sub-techniques. One of today is what it is.
        let mut today = BTreeSet::from([self.current(&id)]);
        if !self.techniques.contains_key(&id) {
            today.extend(self.replaced.iter().filter(|(old, _)| is_of(old, &id)).map(|(_, by)| by.as_str()));
        }
        let ids = self.techniques.keys().map(|id| (id, id)).chain(&self.replaced);
        names.extend(ids.filter(|(_, by)| today.iter().any(|today| is_of(by, today))).map(|(id, _)| id.to_lowercase()));
        names.into_iter().collect()
    }

    /// The tactic that a short name means, also one of an older version.
    pub fn tactic(&self, short: &str) -> Option<&AttackTactic> {
        self.tactics.iter().find(|tactic| tactic.short == short || tactic.former.iter().any(|former| former == short))
    }
}

fn each_once<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in texts {
        if !out.iter().any(|known| known == text) {
            out.push(text.to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_names_tactics_and_what_older_ids_became() {
        let matrix = AttackMatrix::embedded();
        assert_eq!((matrix.tactics().len(), matrix.tactics()[0].id.as_str()), (15, "TA0043"));
        assert_eq!(matrix.full_name("T1003.001"), "OS Credential Dumping: LSASS Memory");
        assert_eq!((matrix.full_name("T1047").as_str(), matrix.full_name("T9999").as_str()), ("Windows Management Instrumentation", ""));
        assert_eq!((matrix.current("T1562.001"), matrix.current("T1086"), matrix.current("T9999")), ("T1685", "T1059.001", "T9999"));
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(matrix.techniques_of(&own(&["T1562.001", "T1003", "T1685", "T9999"])), own(&["T1685", "T1003", "T9999"]));
        assert_eq!(matrix.tactics_of(&own(&["defense-evasion", "stealth", "own"])), own(&["stealth", "own"]));
        assert!(matrix.knows("T1070.001") && matrix.knows("T1059") && !matrix.knows("T9999"));
        let of = |short| matrix.tactic(short).map(|tactic| tactic.id.as_str());
        assert_eq!([of("defense-evasion"), of("defense-impairment"), of("evasion")], [Some("TA0005"), Some("TA0112"), None]);
        assert!(matrix.replaced.keys().all(|old| !matrix.techniques.contains_key(old)), "what is replaced is not a technique");
    }

    #[test]
    fn a_tag_has_the_names_of_older_versions_and_of_parts() {
        let matrix = AttackMatrix::embedded();
        let has = |tag: &str, name: &str| matrix.names_of(tag).iter().any(|own| own == name);
        for (tag, name) in [
            ("T1003", "t1003.006"),
            ("attack.t1003", "t1003"),
            ("T1685", "t1562.001"),
            ("T1562.001", "t1685"),
            // Its old sub-techniques are several techniques today.
            ("T1562", "t1686"),
            ("TA0005", "defense-evasion"),
            ("Defense Evasion", "stealth"),
            ("stealth", "ta0005"),
            ("Some Story", "some story"),
        ] {
            assert!(has(tag, name), "{tag}: {:?}", matrix.names_of(tag));
        }
        for (tag, name) in [("T1003.001", "t1003"), ("T100", "t1003"), ("T1562.001", "t1686"), ("", "t1003"), ("T1070", "t1685.005")] {
            assert!(!has(tag, name), "{tag}: {:?}", matrix.names_of(tag));
        }
    }

    #[test]
    fn faults_have_their_place() {
        let fault = |techniques: &str| {
            let text =
                format!("version: '1'\ntactics: [{{id: TA1, name: One, short: one}}]\ntechniques: {{{techniques}}}\nreplaced: {{}}\n");
            AttackMatrix::parse(("own.yml", &text)).map(|_| ()).unwrap_err().message
        };
        assert_eq!(fault("T1: Name"), "a technique is `name | tactics`");
        assert_eq!(fault("T1: Name | two"), "there is no tactic two");
    }
}

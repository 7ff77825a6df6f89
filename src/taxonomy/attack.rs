//! ATT&CK: the tactics in their order, the techniques with their names, and the ids that newer ones replaced.
//!
//! Rules keep the ids they were written with. [`AttackMatrix::current`] says which technique such an id is today, so that one
//! technique is not told under two names. What the matrix does not know stays as it is.

use std::collections::BTreeMap;
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

    /// The tactic that a short name means, also one of an older version.
    pub fn tactic(&self, short: &str) -> Option<&AttackTactic> {
        self.tactics.iter().find(|tactic| tactic.short == short || tactic.former.iter().any(|former| former == short))
    }
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
        assert!(matrix.knows("T1070.001") && matrix.knows("T1059") && !matrix.knows("T9999"));
        let of = |short| matrix.tactic(short).map(|tactic| tactic.id.as_str());
        assert_eq!([of("defense-evasion"), of("defense-impairment"), of("evasion")], [Some("TA0005"), Some("TA0112"), None]);
        assert!(matrix.replaced.keys().all(|old| !matrix.techniques.contains_key(old)), "what is replaced is not a technique");
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

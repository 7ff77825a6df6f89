//! Which tactics a technique belongs to, as the rules have it.

use std::collections::BTreeMap;

use super::data::ReportRule;

/// Tactics in the order of an attack: the short name of tags, and the name.
const TACTICS: [(&str, &str); 15] = [
    ("reconnaissance", "Reconnaissance"),
    ("resource-development", "Resource Development"),
    ("initial-access", "Initial Access"),
    ("execution", "Execution"),
    ("persistence", "Persistence"),
    ("privilege-escalation", "Privilege Escalation"),
    ("defense-evasion", "Defense Evasion"),
    ("stealth", "Stealth"),
    ("credential-access", "Credential Access"),
    ("discovery", "Discovery"),
    ("lateral-movement", "Lateral Movement"),
    ("collection", "Collection"),
    ("command-and-control", "Command and Control"),
    ("exfiltration", "Exfiltration"),
    ("impact", "Impact"),
];

/// A technique stands under each tactic that has at least this part of the votes of its first: a rule with two tactics and two
/// techniques does not say which belongs to which, many rules together do.
const SHARE: f64 = 0.5;

/// The matrix of the techniques that rules name. What rules put under no tactic stands under the last heading.
pub(super) fn tactics(rules: &[ReportRule], techniques: usize) -> Vec<(String, Vec<u32>)> {
    let mut votes: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); techniques];
    for rule in rules {
        let own: Vec<usize> = rule.tactics.iter().filter_map(|tactic| TACTICS.iter().position(|(short, _)| short == tactic)).collect();
        let weight = 1.0 / f64::from(u32::try_from(own.len().max(1)).unwrap_or(1));
        for technique in &rule.techniques {
            own.iter().for_each(|tactic| *votes[*technique as usize].entry(*tactic).or_default() += weight);
        }
    }
    let mut columns: Vec<(String, Vec<u32>)> = TACTICS.iter().map(|(_, name)| ((*name).to_owned(), Vec::new())).collect();
    columns.push(("No tactic named".to_owned(), Vec::new()));
    for (technique, votes) in (0..).zip(&votes) {
        let most = votes.values().copied().fold(0.0, f64::max);
        votes.iter().filter(|(_, votes)| **votes >= most * SHARE).for_each(|(tactic, _)| columns[*tactic].1.push(technique));
        if votes.is_empty() {
            columns[TACTICS.len()].1.push(technique);
        }
    }
    columns.retain(|(_, techniques)| !techniques.is_empty());
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rules_say_where_a_technique_belongs() {
        let rule = |tactics: &[&str], techniques: &[u32]| ReportRule {
            tactics: tactics.iter().map(ToString::to_string).collect(),
            techniques: techniques.to_vec(),
            ..ReportRule::default()
        };
        let rules = [rule(&["execution", "impact"], &[0, 1]), rule(&["execution"], &[0]), rule(&["impact"], &[1]), rule(&["of-old"], &[2])];
        let columns = tactics(&rules, 3);
        let shown: Vec<(&str, &[u32])> = columns.iter().map(|(name, techniques)| (name.as_str(), techniques.as_slice())).collect();
        assert_eq!(shown, [("Execution", &[0_u32][..]), ("Impact", &[1][..]), ("No tactic named", &[2][..])]);
    }
}

//! Where the techniques of rules stand in the matrix, and what they are called.

use crate::taxonomy::AttackMatrix;

/// The matrix, tactics in their order with the places of techniques, which have their ids of today; and the names of all techniques. What
/// ATT&CK does not know stands under the last heading.
pub(super) fn matrix(techniques: &[String]) -> (Vec<(String, Vec<u32>)>, Vec<String>) {
    let attack = AttackMatrix::embedded();
    let places = |is_here: &dyn Fn(&str) -> bool| -> Vec<u32> {
        (0..).zip(techniques).filter(|(_, id)| is_here(id)).map(|(place, _)| place).collect()
    };
    let is_of = |id: &str, short: &str| attack.technique(id).is_some_and(|technique| technique.tactics.iter().any(|own| own == short));
    let mut columns: Vec<(String, Vec<u32>)> =
        attack.tactics().iter().map(|tactic| (tactic.name.clone(), places(&|id| is_of(id, &tactic.short)))).collect();
    columns.push((format!("Not in ATT&CK {}", attack.version()), places(&|id| attack.technique(id).is_none())));
    columns.retain(|(_, places)| !places.is_empty());
    (columns, techniques.iter().map(|id| attack.full_name(id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_stand_under_their_tactics_and_unknown_ones_under_none() {
        let techniques = ["T1003.001", "T1059.001", "T9999"].map(str::to_owned);
        let (columns, names) = matrix(&techniques);
        assert_eq!(names, ["OS Credential Dumping: LSASS Memory", "Command and Scripting Interpreter: PowerShell", ""]);
        let of = |name: &str| columns.iter().find(|(column, _)| column.starts_with(name)).map(|(_, places)| places.as_slice());
        assert_eq!([of("Execution"), of("Credential Access"), of("Not in ATT&CK")], [Some(&[1_u32][..]), Some(&[0]), Some(&[2])]);
    }
}

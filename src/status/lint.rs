//! Warnings about a Splunk detection whose own search does not output what its message and risk objects speak of.
//!
//! Splunk fills `$user$` of a risk message, and takes the user who carries the risk, from the columns of the result. Where
//! the search does not output one, the message keeps its token and the risk goes nowhere, in silence.

use crate::diag::Diagnostic;
use crate::ir::{Language, Mention, MentionKind, Rule};
use crate::plan::result_columns;
use crate::suggest::nearest;

/// Types of detections that give risk or a notable event; the others are only looked at.
const TYPES_WITH_RISK: [&str; 2] = ["TTP", "Anomaly"];

/// Says which fields a detection speaks of that its search does not output, and that nothing carries its risk.
pub fn lint(rule: &Rule) -> Vec<Diagnostic> {
    if rule.meta.language != Some(Language::Splunk) {
        return Vec::new();
    }
    let mut out = Vec::new();
    if let Some(columns) = result_columns(&rule.query) {
        let mut seen: Vec<(MentionKind, &str)> = Vec::new();
        for mention in &rule.origin.mentions {
            let key = (mention.kind, mention.name.as_str());
            if !columns.contains(&mention.name) && !seen.contains(&key) {
                seen.push(key);
                out.push(not_output(rule, mention, &columns));
            }
        }
    }
    out.extend(without_risk_object(rule));
    out
}

fn not_output(rule: &Rule, mention: &Mention, columns: &[String]) -> Diagnostic {
    let name = &mention.name;
    let (code, message) = match mention.kind {
        MentionKind::Message => {
            ("spl-message-field", format!("the message has `${name}$`, which the search does not output: the token stays as it is"))
        }
        MentionKind::RiskObject => {
            ("spl-risk-field", format!("the risk object `{name}` is not a field that the search outputs: nothing carries its risk"))
        }
        MentionKind::ThreatObject => ("spl-threat-field", format!("the threat object `{name}` is not a field that the search outputs")),
    };
    let unnamed = columns.iter().find(|column| column.strip_suffix(')').is_some_and(|call| call.ends_with(&format!("({name}"))));
    let hint = match (unnamed, nearest(name, columns.iter().map(String::as_str))) {
        (Some(unnamed), _) => format!("the search outputs it as `{unnamed}`: name it, `{unnamed} as {name}`"),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => format!("the search outputs {}", columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")),
    };
    Diagnostic::warning(code, message).at(&rule.origin.source, mention.span.clone()).hint(hint)
}

/// Pages do not name risk objects; a detection in YAML that gives risk must.
fn without_risk_object(rule: &Rule) -> Option<Diagnostic> {
    let place = rule.origin.risk.clone()?;
    let names_one = rule.origin.mentions.iter().any(|mention| mention.kind == MentionKind::RiskObject);
    if names_one || !TYPES_WITH_RISK.contains(&rule.meta.detection_type.as_str()) {
        return None;
    }
    let diagnostic = Diagnostic::warning("spl-no-risk-object", "the detection names nothing that carries its risk");
    let hint = "name a field under `risk_objects` of `rba`, or give an observable the role Victim";
    Some(diagnostic.at(&rule.origin.source, place).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_text};

    /// Codes, the text they point at, and the hints of a detection.
    fn warned(search: &str, rest: &str) -> Vec<(&'static str, String, String)> {
        let text = format!("name: Own\nid: 11111111-2222-4333-8444-555555555555\ntype: TTP\nsearch: '{search}'\n{rest}");
        let set = load_text("own.yml", &text, &CompileOptions::default());
        assert_eq!(set.rules.len(), 1, "{search}: {:?}", set.diagnostics);
        lint(&set.rules[0]).into_iter().map(|d| (d.code, text[d.span.clone().unwrap()].to_owned(), d.hints.concat())).collect()
    }

    fn entry(code: &'static str, at: &str, hint: &str) -> (&'static str, String, String) {
        (code, at.to_owned(), hint.to_owned())
    }

    const SEARCH: &str = "a=1 | stats count by dest user_name";

    #[test]
    fn tokens_and_objects_that_are_not_output_are_told_where_they_stand() {
        let old = "tags:\n  message: 'it''s $user-name$ on $dest$, $gone$ and $gone$'\n  observable:\n  \
            - {name: dest, type: Hostname, role: [Victim]}\n  - {name: dst, type: Hostname, role: [Victim]}\n  \
            - {name: parent, type: Process, role: [Attacker]}\n";
        let all = "the search outputs `dest`, `user_name`, `count`";
        assert_eq!(
            warned(SEARCH, old),
            [
                entry("spl-message-field", "$user-name$", "did you mean `user_name`?"),
                entry("spl-message-field", "$gone$", all),
                entry("spl-risk-field", "dst", "did you mean `dest`?"),
                entry("spl-threat-field", "parent", all),
            ]
        );
        assert_eq!(
            warned("a=1 | stats values(user) by dest", "tags:\n  message: $user$\n"),
            [entry("spl-message-field", "$user$", "the search outputs it as `values(user)`: name it, `values(user) as user`")]
        );
        let new = "rba:\n  message: $dest$\n  risk_objects:\n  - {field: user, type: user, score: 4}\n  threat_objects:\n  \
            - {field: dest, type: system}\n  - {field: file, type: file_name}\n";
        assert_eq!(warned(SEARCH, new), [entry("spl-risk-field", "user", all), entry("spl-threat-field", "file", all)]);
    }

    #[test]
    fn what_a_search_may_output_is_not_warned_of() {
        let rest = "tags:\n  message: $anything$ at $dest$\n  observable:\n  - {name: any, type: User, role: [Victim]}\n";
        for search in ["a=1", "a=1 | eval x=1 | rename x as y", "a=1 | fields - x", "a=1 | table *"] {
            assert_eq!(warned(search, rest), [], "{search}");
        }
    }

    #[test]
    fn a_detection_that_gives_risk_names_who_carries_it() {
        let attacker = "tags:\n  observable:\n  - {name: dest, type: Hostname, role: [Attacker]}\n";
        let hint = "name a field under `risk_objects` of `rba`, or give an observable the role Victim";
        assert_eq!(warned(SEARCH, attacker), [entry("spl-no-risk-object", "observable", hint)]);
        assert_eq!(warned(SEARCH, "rba: {message: m, risk_objects: []}\n"), [entry("spl-no-risk-object", "risk_objects", hint)]);
        assert_eq!(warned(SEARCH, "tags: {analytic_story: [S]}\n"), []);
        let hunting = attacker.replace("tags:", "type: Hunting\ntags:");
        assert_eq!(hunting.matches("type: Hunting").count(), 1);
        let text = format!("name: O\nid: i\nsearch: '{SEARCH}'\n{hunting}");
        assert_eq!(lint(&load_text("o.yml", &text, &CompileOptions::default()).rules[0]), []);
    }

    #[test]
    fn a_page_points_into_its_table() {
        let text = "---\ntitle: P\n---\n- **Type**: TTP\n- **ID**: x\n\n#### Search\n```\na=1 | stats count by dest\n```\n\n#### RBA\n\n\
            | Risk Score | Impact | Confidence | Message |\n|-|-|-|-|\n| 1 | 1 | 1 | $dest$ and $user$ |\n";
        let set = load_text("p.md", text, &CompileOptions::default());
        let found = lint(&set.rules[0]);
        assert_eq!(found.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect::<Vec<_>>(), [("spl-message-field", "$user$")]);
    }
}

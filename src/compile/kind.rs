//! What a file holds, told by what it says and not by its name or layout.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diag::SourceText;
use crate::yaml::{self, Node};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// Sigma YAML.
    Sigma,
    /// An ESCU detection.
    Escu,
    /// A documentation page.
    Page,
    /// A part of ESCU that is not a rule.
    Content(EscuContent),
}

/// What a folder of ESCU holds beside detections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EscuContent {
    /// A search that prepares data for detections.
    Baseline,
    /// A story, which detections belong to.
    Story,
    /// What Splunk SOAR does about a finding.
    Playbook,
    /// A search that an analyst runs about a finding.
    Investigation,
    /// When and how Splunk runs detections.
    Deployment,
    /// What a data source gives.
    DataSource,
    /// A lookup table.
    Lookup,
    /// A macro.
    Macro,
}

impl EscuContent {
    /// The word for several of them.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Baseline => "baselines",
            Self::Story => "stories",
            Self::Playbook => "playbooks",
            Self::Investigation => "investigations",
            Self::Deployment => "deployments",
            Self::DataSource => "data sources",
            Self::Lookup => "lookups",
            Self::Macro => "macros",
        }
    }

    /// Why it is not a rule.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Baseline => "a baseline prepares data for detections",
            Self::Story => "a story groups detections",
            Self::Playbook => "a playbook is for Splunk SOAR",
            Self::Investigation => "an investigation asks about one finding",
            Self::Deployment => "a deployment says when detections run",
            Self::DataSource => "a data source says what fields there are",
            Self::Lookup => "a lookup is a table that rules look into",
            Self::Macro => "a macro is a part of searches",
        }
    }
}

/// What a text is, and its documents where it is YAML or JSON.
pub(super) fn recognised(source: &Arc<SourceText>) -> (Option<RuleKind>, Vec<Node>) {
    let documents = yaml::parse(source);
    // A rule that is no sound YAML is told so, and is not one of the other files of a folder.
    let unsound = documents.is_err();
    let documents = documents.unwrap_or_default();
    let has_key = |key: &str| match unsound {
        true => source.text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))),
        false => documents.iter().any(|document| document.get(key).is_some()),
    };
    // A filter has no `detection:` of its own. A rule that lost its detection should get Sigma's message, not "not a rule".
    let sigma = has_key("logsource") && (has_key("filter") || has_key("title"));
    // Last, and only where no key of YAML matched: a `Search` heading may stand in a comment of any file.
    let is_search =
        |line: &str| line.trim_start().starts_with('#') && line.trim_matches(['#', ' ', '\t', '\r']).eq_ignore_ascii_case("search");
    let named = has_key("name") || has_key("id");
    let kind = if has_key("detection") || has_key("correlation") || sigma {
        Some(RuleKind::Sigma)
    } else if let Some(content) = content(&documents, &has_key).filter(|_| named) {
        Some(RuleKind::Content(content))
    } else if has_key("search") && named && !has_key("deployments") {
        Some(RuleKind::Escu)
    } else {
        source.text.lines().any(is_search).then_some(RuleKind::Page)
    };
    (kind, documents)
}

/// The parts of ESCU have no common key that says what they are: each is known by the keys that only it has.
fn content(documents: &[Node], has_key: &dyn Fn(&str) -> bool) -> Option<EscuContent> {
    let type_is = |name: &str| documents.first().and_then(|d| d.get("type")).and_then(Node::as_str) == Some(name);
    let any = |keys: &[&str]| keys.iter().any(|key| has_key(key));
    // First, because baselines and investigations have a search of their own.
    if type_is("Baseline") {
        return Some(EscuContent::Baseline);
    }
    if type_is("Investigation") && has_key("search") {
        return Some(EscuContent::Investigation);
    }
    if has_key("search") {
        return None; // a detection, whatever else it has
    }
    if has_key("narrative") {
        Some(EscuContent::Story)
    } else if any(&["playbook", "playbook_type", "playbooks"]) {
        Some(EscuContent::Playbook)
    } else if has_key("scheduling") {
        Some(EscuContent::Deployment)
    } else if has_key("definition") {
        Some(EscuContent::Macro)
    } else if any(&["filename", "collection", "lookup_type"]) {
        Some(EscuContent::Lookup)
    } else if has_key("sourcetype") && has_key("source") {
        Some(EscuContent::DataSource)
    } else {
        None
    }
}

/// Tells what a text is, by what it says and not by how it is laid out.
pub fn rule_kind(text: &str) -> Option<RuleKind> {
    recognised(&Arc::new(SourceText { path: String::new(), text: text.to_owned() })).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_collection_are_told_apart() {
        let is = |text: &str| rule_kind(&format!("name: N\nid: I\n{text}\n"));
        let content = |content| Some(RuleKind::Content(content));
        assert_eq!(is("type: Baseline\nsearch: a=1"), content(EscuContent::Baseline));
        assert_eq!(is("type: Investigation\nsearch: a=1"), content(EscuContent::Investigation));
        assert_eq!(is("narrative: It was night."), content(EscuContent::Story));
        assert_eq!(is("type: Investigation\nplaybook: disable_account\ntags: {}"), content(EscuContent::Playbook));
        assert_eq!(is("type: TTP\nscheduling: {cron_schedule: 0 * * * *}"), content(EscuContent::Deployment));
        assert_eq!(is("definition: a=1\ndescription: d"), content(EscuContent::Macro));
        assert_eq!(is("filename: x.csv"), content(EscuContent::Lookup));
        assert_eq!(is("collection: x\nfields_list: a"), content(EscuContent::Lookup));
        assert_eq!(is("source: s\nsourcetype: t\nfields: [a]"), content(EscuContent::DataSource));
        assert_eq!(is("type: TTP\nsearch: a=1\nsource: s\nsourcetype: t"), Some(RuleKind::Escu));
        assert_eq!(is("a: 1"), None);
    }
}

//! The store's findings as rows: what a search over `Risk.All_Risk` reads.
//!
//! The names are those of Splunk's data model. A rule reads them when all others of the hunt have run, so that a
//! correlation search sees what they found.

use std::sync::Arc;

use super::field::seconds;
use crate::exec::{Cell, GroupKey, GroupOrigin, Row, RowOrigin};
use crate::plan::{RowSchema, TIME};
use crate::store::RiskEvent;

/// The search that made a finding, as Splunk names it for every row of its index `risk`.
const SOURCE: &str = "source";

/// Makes the row of a risk event, under these columns.
pub(super) fn row(event: &RiskEvent, prefix: Option<&str>, columns: &RowSchema) -> Row {
    let cell = |name: &str| {
        if name == TIME {
            return seconds(event.last_us);
        }
        match prefix {
            None => field(event, name),
            // `tstats` knows what every row has by its bare name too; the model's own names have the prefix.
            Some(_) if name == SOURCE => field(event, name),
            Some(prefix) => name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).map_or(Cell::Null, |bare| field(event, bare)),
        }
    };
    let cells = columns.columns.iter().map(|column| cell(&column.name)).collect();
    let origin = GroupOrigin::of(GroupKey::default(), event.events.clone(), event.count, (event.first_us, event.last_us)).of_finding();
    Row { cells, origin: RowOrigin::Group(Box::new(origin)) }
}

fn field(event: &RiskEvent, name: &str) -> Cell {
    let text = |text: &str| if text.is_empty() { Cell::Null } else { Cell::text_of(text) };
    let list = |texts: &[String]| Cell::list_of(texts.iter().map(|text| Arc::from(text.as_str())).collect());
    match name {
        "risk_object" | "normalized_risk_object" => text(&event.object),
        "risk_object_type" => text(&event.object_kind),
        "risk_score" | "calculated_risk_score" => event.score.map_or(Cell::Null, Cell::number_of),
        "risk_message" => text(&event.message),
        SOURCE | "search_name" => text(&event.rule),
        "analyticstories" | "annotations.analytic_story" => list(&event.stories),
        "annotations.mitre_attack" | "annotations.mitre_attack.mitre_technique_id" => list(&event.techniques),
        "annotations.mitre_attack.mitre_tactic" => list(&event.tactics),
        "annotations.mitre_attack.mitre_tactic_id" => {
            Cell::list_of(event.tactics.iter().filter_map(|tactic| tactic_id(tactic)).map(Arc::from).collect())
        }
        "user" if event.object_kind == "user" => text(&event.object),
        "dest" if event.object_kind == "system" => text(&event.object),
        _ => Cell::Null,
    }
}

/// The number of an ATT&CK tactic.
fn tactic_id(tactic: &str) -> Option<&'static str> {
    Some(match tactic.to_ascii_lowercase().replace([' ', '_'], "-").as_str() {
        "reconnaissance" => "TA0043",
        "resource-development" => "TA0042",
        "initial-access" => "TA0001",
        "execution" => "TA0002",
        "persistence" => "TA0003",
        "privilege-escalation" => "TA0004",
        "defense-evasion" => "TA0005",
        "credential-access" => "TA0006",
        "discovery" => "TA0007",
        "lateral-movement" => "TA0008",
        "collection" => "TA0009",
        "command-and-control" => "TA0011",
        "exfiltration" => "TA0010",
        "impact" => "TA0040",
        _ => return None,
    })
}

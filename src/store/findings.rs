//! Findings: identity, history, evidence.
//!
//! A finding is the same one when its rule id and group (or, row-wise, the event: host, type, record, time, payload
//! position) are the same. Hunting again updates it and adds a line to its history; what a hunt with the same rule no
//! longer finds is marked `gone`, what an older text of the rule found is `superseded`. Nothing is deleted.

use super::Envelope;
use crate::catalog::EventId;
use crate::ir::RuleMeta;

/// Events kept as evidence of one finding; its count stays exact.
pub const EVIDENCE_CAP: usize = 1_000;

/// Events of a correlation's finding that are read for its users: those of a group are much alike, and each costs a read.
pub const DESCRIBED_EVENTS: usize = 100;

/// A risk object of a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRiskObject {
    /// The field as the rule spells it.
    pub field: String,
    /// `user`, `system`, …
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Its own score.
    pub score: Option<f64>,
}

/// A result to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Index into the hunt's rules.
    pub rule_index: usize,
    /// By-field in the rule's spelling → value.
    pub group: Vec<(String, String)>,
    /// How many findings of the rule with the same group or event come before it in the hunt.
    pub ordinal: u32,
    /// Start of the window, for windowed rules.
    pub window_start_us: Option<i64>,
    /// The event, for row-wise rules.
    pub event: Option<Envelope>,
    /// Events behind it.
    pub count: u64,
    /// Time of the first.
    pub first_time_us: Option<i64>,
    /// Time of the last.
    pub last_time_us: Option<i64>,
    /// Risk score.
    pub risk_score: Option<f64>,
    /// The filled message.
    pub message: String,
    /// Risk objects with values.
    pub risk_objects: Vec<FindingRiskObject>,
    /// The columns of the result row: null, text, number or list of texts.
    pub columns: Vec<(String, serde_json::Value)>,
    /// The events, at most [`EVIDENCE_CAP`] of which are kept.
    pub evidence: Vec<EventId>,
}

/// A rule that is hunted, as it is saved.
#[derive(Debug, Clone)]
pub struct HuntedRule<'r> {
    /// What it says of itself.
    pub meta: &'r RuleMeta,
    /// The fields that its conditions test, in its own spelling, in their order.
    pub fields: Vec<String>,
    /// Those of them that not only a `not` asks something of.
    pub asked: Vec<String>,
    /// Whether it reads what other rules found, and not events.
    pub reads_findings: bool,
}

/// A finding that is to be described: it is new, or what is behind it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndescribedFinding {
    /// Its row.
    pub row: i64,
    /// Index into the hunt's rules.
    pub rule_index: usize,
    /// The first of its events by id; none for rows that are made of no event.
    pub first_event: Option<EventId>,
    /// Whether its event tells what happened; else the result row did.
    pub by_event: bool,
    /// Whether its first event follows the result row where this tells little of it.
    pub is_completed: bool,
    /// Whether its rule leaves it open who carries the risk.
    pub derives_risk: bool,
    /// Of a finding that is a row: by-field → value.
    pub group: Vec<(String, String)>,
    /// The first events of a row whose users and hosts are to be found, at most [`DESCRIBED_EVENTS`].
    pub events: Vec<EventId>,
}

/// What a finding tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindingDescription {
    /// What happened; empty where nothing is to be changed.
    pub details: String,
    /// The users that it is about, beside those who carry its risk.
    pub users: Vec<String>,
    /// Hosts that it is about, beside those of its events.
    pub hosts: Vec<String>,
    /// Who carries its risk, where its rule leaves that open.
    pub risk: Option<Vec<FindingRiskObject>>,
}

/// What became of a rule in a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It found something.
    Found,
    /// It could have, and found nothing.
    Nothing,
    /// The store has no events that it asks for.
    NoData,
    /// Its events lack fields that it needs.
    NoField,
    /// It does not compile, or this engine has no text for it.
    Unsupported,
    /// It could not run to its end.
    Failed,
}

impl RuleOutcome {
    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Nothing => "nothing",
            Self::NoData => "no-data",
            Self::NoField => "no-field",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

/// A hunt to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuntRecord {
    /// When it began (µs UTC).
    pub started_us: i64,
    /// Its lower bound in time.
    pub since_us: Option<i64>,
    /// Its upper bound in time.
    pub until_us: Option<i64>,
    /// The last event it saw.
    pub last_event: EventId,
}

/// A row of `hunt`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HuntId(pub i64);

/// What saving a hunt did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HuntOutcome {
    /// The hunt's number.
    pub hunt_id: HuntId,
    /// Findings that were not there before.
    pub new: u64,
    /// Findings that were there.
    pub known: u64,
    /// Findings that are no longer true.
    pub gone: u64,
    /// Findings of an older text of their rule.
    pub superseded: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load};
    use crate::store::{FindingFilter, FindingRow, Store};

    fn store() -> Store {
        let (names, mut batch) = (Names::default(), EventBatch::default());
        for n in 0..3 {
            add(&mut batch, &names, n, &[("A", "x")]);
        }
        let mut store = Store::in_memory().unwrap();
        load(&mut store, "a", "1", &batch, &names);
        store
    }

    fn rule(id: &str, hash: &str) -> RuleMeta {
        RuleMeta { id: id.into(), hash: hash.into(), title: format!("rule {id}"), ..RuleMeta::default() }
    }

    fn grouped(user: &str, count: u64) -> Finding {
        Finding {
            rule_index: 0,
            group: vec![("user".into(), user.into())],
            ordinal: 0,
            window_start_us: None,
            event: None,
            count,
            first_time_us: Some(1),
            last_time_us: Some(2),
            risk_score: None,
            message: String::new(),
            risk_objects: Vec::new(),
            columns: Vec::new(),
            evidence: vec![EventId(1), EventId(2)],
        }
    }

    fn row_wise(store: &Store, event: i64) -> Finding {
        let envelope = store.envelopes().unwrap().of(EventId(event)).unwrap();
        Finding { group: Vec::new(), event: Some(envelope), evidence: vec![EventId(event)], ..grouped("", 1) }
    }

    fn hunt(store: &mut Store, since_us: Option<i64>, rule: &RuleMeta, findings: &[Finding]) -> HuntOutcome {
        let record = HuntRecord { started_us: 5, since_us, until_us: None, last_event: EventId(3) };
        let mut writer =
            store.hunt_writer(&record, &[HuntedRule { meta: rule, fields: Vec::new(), asked: Vec::new(), reads_findings: false }]).unwrap();
        findings.iter().for_each(|finding| writer.save(finding, None).unwrap());
        writer.finish().unwrap()
    }

    fn all(store: &Store) -> Vec<FindingRow> {
        store.findings(&FindingFilter { with_past: true, ..FindingFilter::default() }).unwrap()
    }

    fn history(store: &Store) -> Vec<(i64, i64, String, i64)> {
        let mut statement = store.connection.prepare("SELECT finding, hunt, state, count FROM finding_history ORDER BY 1, 2").unwrap();
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn the_same_finding_is_updated_and_its_history_kept() {
        let mut store = store();
        let (rule, event) = (rule("r", "1"), row_wise(&store, 1));
        let first = hunt(&mut store, None, &rule, &[grouped("ann", 2), grouped("bob", 1), event.clone()]);
        assert_eq!((first.new, first.known, first.gone), (3, 0, 0));
        store
            .connection
            .execute("INSERT INTO triage (finding_id, status, changed_us) SELECT finding_id, 'closed', 1 FROM finding WHERE id = 1", [])
            .unwrap();
        let identities: Vec<String> = all(&store).into_iter().map(|f| f.identity).collect();
        let second = hunt(&mut store, None, &rule, &[event, grouped("ann", 3)]);
        assert_eq!((second.new, second.known, second.gone), (0, 2, 1));
        let rows = all(&store);
        assert_eq!(rows.iter().map(|f| f.identity.clone()).collect::<Vec<_>>(), identities);
        assert_eq!(
            rows.iter().map(|f| (f.count, f.state.as_str(), f.hunt_id.0)).collect::<Vec<_>>(),
            [(3, "current", 2), (1, "gone", 1), (1, "current", 2)]
        );
        let current = "current".to_owned();
        let lines = [
            (1, 1, current.clone(), 2),
            (1, 2, current.clone(), 3),
            (2, 1, current.clone(), 1),
            (2, 2, "gone".into(), 1),
            (3, 1, current, 1),
        ];
        assert_eq!(history(&store), lines, "a line where something has changed");
        let of_hunt = |hunt| {
            let filter = FindingFilter { hunt: Some(HuntId(hunt)), with_past: true, ..FindingFilter::default() };
            store.findings(&filter).unwrap().into_iter().map(|f| f.finding_id).collect::<Vec<_>>()
        };
        assert_eq!((of_hunt(1), of_hunt(2)), (vec![1, 2, 3], vec![1, 3]), "each hunt knows what it found");
        let triage: String = store
            .connection
            .query_row("SELECT t.status FROM triage t JOIN finding f USING (finding_id) WHERE f.id = 1", [], |r| r.get(0))
            .unwrap();
        assert_eq!(triage, "closed");
        let third = hunt(&mut store, None, &rule, &[grouped("bob", 1)]);
        assert_eq!((third.new, third.known, third.gone), (0, 1, 2));
        assert_eq!(store.findings(&FindingFilter::default()).unwrap().len(), 1);
    }

    #[test]
    fn a_changed_rule_supersedes_its_findings() {
        let mut store = store();
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2), grouped("bob", 1)]);
        let outcome = hunt(&mut store, None, &rule("r", "2"), &[grouped("ann", 4)]);
        assert_eq!((outcome.new, outcome.known, outcome.gone, outcome.superseded), (0, 1, 0, 1));
        assert_eq!(all(&store).iter().map(|f| (f.count, f.state.as_str())).collect::<Vec<_>>(), [(4, "current"), (1, "superseded")]);
    }

    #[test]
    fn rules_that_were_not_hunted_and_hunts_over_a_part_of_time_retire_nothing() {
        let mut store = store();
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2)]);
        for (since_us, other) in [(None, rule("other", "1")), (None, rule("", "1")), (Some(1), rule("r", "1"))] {
            let outcome = hunt(&mut store, since_us, &other, &[]);
            assert_eq!((outcome.gone, outcome.superseded), (0, 0), "{other:?}");
        }
        assert_eq!(store.findings(&FindingFilter::default()).unwrap().len(), 1);
    }

    #[test]
    fn identity_depends_on_rule_window_group_and_event_alone() {
        let mut store = store();
        let window = Finding { window_start_us: Some(60), ..grouped("ann", 1) };
        let shifted = Finding { group: vec![("use".into(), "rann".into())], ..grouped("", 1) };
        let findings = [grouped("ann", 1), grouped("bob", 1), window, shifted, row_wise(&store, 1), row_wise(&store, 2)];
        assert_eq!(hunt(&mut store, None, &rule("r", "1"), &findings).new, 6);
        assert_eq!(hunt(&mut store, None, &rule("s", "1"), &findings).new, 6);
        let changed = Finding { count: 9, message: "new".into(), risk_score: Some(1.0), last_time_us: None, ..grouped("ann", 1) };
        assert_eq!(hunt(&mut store, None, &rule("r", "1"), &[changed]).known, 1);
    }

    #[test]
    fn evidence_is_capped_and_names_every_source_of_an_event() {
        let mut store = store();
        let (names, mut batch) = (Names::default(), EventBatch::default());
        add(&mut batch, &names, 1, &[("A", "x")]);
        assert_eq!(load(&mut store, "copy", "2", &batch, &names).new_events, 0);
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2)]);
        let evidence = store.evidence(&FindingFilter::default()).unwrap();
        assert_eq!(
            evidence.iter().map(|e| (e.path.as_str(), e.event.0, e.record)).collect::<Vec<_>>(),
            [("a", 1, 7), ("a", 2, 7), ("copy", 2, 7)]
        );
        let many = Finding { count: 5_000, evidence: (1..=5_000).map(EventId).collect(), ..grouped("ann", 2) };
        hunt(&mut store, None, &rule("r", "1"), &[many]);
        let kept: i64 = store.connection.query_row("SELECT count(*) FROM evidence", [], |r| r.get(0)).unwrap();
        assert_eq!((kept.unsigned_abs() as usize, all(&store)[0].count), (EVIDENCE_CAP, 5_000));
    }
}

//! What findings tell: what happened, on which hosts, by which users; and what became of each rule.
//!
//! Done last, for the findings of all engines and of correlations alike, and only for those that are new or have changed: hunting
//! again over the same events reads none of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::HuntError;
use super::correlation::InputPlan;
use super::entity::{EntityKind, is_personal, kind_of_field};
use super::unanswered::scope_name;
use crate::catalog::{Catalog, ColumnIndex, EventId, EventType, TypeId};
use crate::diag::Diagnostic;
use crate::event::format_time;
use crate::ir::{Correlation, InputSource, Match, Part, Pred, Query, Rule, RuleMeta, Source, Stage, Test};
use crate::plan::{FieldExpr, Plan, RowSource};
use crate::store::{
    Envelope, FieldsReader, FindingDescription, FindingRiskObject, HuntRecord, HuntWriter, HuntedRule, RuleOutcome, SQL_BYTES_MAX, Store,
    StoreError, StoredEvent, StoredValue, TESTED, UndescribedFinding, is_said, is_somebody, joined, joined_behind, one_line,
};
use crate::taxonomy::{DetailField, EventDetails, EventNames, Taxonomy};

/// Values of an event that no details are defined for.
const UNKNOWN_VALUES_MAX: usize = 6;
/// Event types of a rule whose SQL text is kept with it.
const SQL_TYPES_MAX: usize = 8;

/// The rules of a hunt with the fields that they test, correlations behind rules.
pub(super) fn hunted<'r>(rules: &'r [Rule], correlations: &'r [Correlation]) -> Vec<HuntedRule<'r>> {
    let hunted = |meta: &'r RuleMeta, queries: &[&Query]| {
        let filters = || queries.iter().map(|query| &query.filter);
        let fields = distinct(|add| filters().for_each(|filter| filter.each_field(&mut |field| add(&field.name))));
        let asked = distinct(|add| filters().for_each(|filter| positive(filter, &mut |field| add(&field.name))));
        // A search in brackets over findings beside events leaves its rule one of events.
        let reads_findings = queries.iter().any(|query| matches!(query.source, Source::Findings { .. }));
        HuntedRule { meta, fields, asked, reads_findings }
    };
    let of_rules = rules.iter().map(|rule| hunted(&rule.meta, &[&rule.query]));
    let of_correlations = correlations.iter().map(|correlation| {
        let queries = correlation.inputs.iter().filter_map(|input| match &input.source {
            InputSource::Query(query) => Some(query),
            InputSource::Correlation(_) => None,
        });
        hunted(&correlation.meta, &queries.collect::<Vec<_>>())
    });
    of_rules.chain(of_correlations).collect()
}

/// Names in their order, each once.
fn distinct(each: impl Fn(&mut dyn FnMut(&str))) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    each(&mut |name| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    });
    names
}

/// Visits the fields that a condition asks something of, without those that only a `not` asks.
fn positive<F>(pred: &Pred<F>, visit: &mut dyn FnMut(&F)) {
    match pred {
        Pred::Not(_) => {}
        Pred::And(parts) | Pred::Or(parts) => parts.iter().for_each(|part| positive(part, visit)),
        Pred::Match(matched) if matched.negated => {}
        leaf => leaf.each_field(&mut |field| visit(field)),
    }
}

/// What a hunt knows of its rules when their findings are made, each list by the rule's index.
pub(super) struct Describer<'a> {
    store: &'a Store,
    catalog: &'a Catalog,
    taxonomy: &'a Taxonomy,
    rules: &'a [HuntedRule<'a>],
    /// The queries, for what the store lacks; none for correlations.
    queries: Vec<Option<&'a Query>>,
    /// The plans.
    plans: Vec<Vec<&'a Plan>>,
    /// Rules that cannot find anything in this store.
    pub(super) without_events: BTreeSet<usize>,
    /// Rules that could not run, and why.
    pub(super) failed: BTreeMap<usize, (RuleOutcome, String)>,
    /// That only a part of the time was hunted, in words; empty where all of it was.
    hunted_time: String,
    /// By rule and event type: the columns that the rule tests.
    tested: RefCell<FxHashMap<(usize, TypeId), Rc<[ColumnIndex]>>>,
}

/// The part of the time that a hunt looked at, in words; empty for the whole of it.
fn hunted_time(record: &HuntRecord) -> String {
    let bounds = [("from", record.since_us), ("before", record.until_us)];
    let bounds = bounds.into_iter().filter_map(|(word, us)| Some(format!("{word} {}", format_time(us?))));
    match bounds.collect::<Vec<_>>().join(" and ").as_str() {
        "" => String::new(),
        bounds => format!("only events {bounds} were hunted"),
    }
}

/// A diagnostic as the reason of a failure.
pub(super) fn failures(failed: &[(usize, Diagnostic)]) -> BTreeMap<usize, (RuleOutcome, String)> {
    failed.iter().map(|(index, diagnostic)| (*index, (RuleOutcome::Failed, diagnostic.message.clone()))).collect()
}

/// Fewer bytes than the SQL text of a plan has: those of the words that it looks for, which stand in the text.
fn least_text(plan: &Plan) -> usize {
    let mut bytes = 0;
    for branch in &plan.branches {
        branch.filter.each_leaf(&mut |leaf| {
            let glob = match leaf {
                Pred::Match(Match { test: Test::Glob { glob, .. }, .. }) | Pred::Keyword { glob, .. } => glob,
                _ => return,
            };
            bytes += glob.parts().iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum::<usize>();
        });
    }
    bytes
}

impl<'a> Describer<'a> {
    /// Knows the rules; `plans` are those of the rules alone. What became of them is filled in when they have run.
    pub(super) fn new(
        (store, catalog, taxonomy): (&'a Store, &'a Catalog, &'a Taxonomy),
        (rules, correlations): (&'a [Rule], &'a [Correlation]),
        hunted: &'a [HuntedRule<'a>],
        plans: impl Iterator<Item = Vec<&'a Plan>>,
        (inputs, record): (&'a [InputPlan], &HuntRecord),
    ) -> Self {
        let of_correlation = |index: usize| inputs.iter().filter(|(own, ..)| *own == index).map(|(.., plan)| plan).collect();
        Self {
            store,
            catalog,
            taxonomy,
            rules: hunted,
            queries: rules.iter().map(|rule| Some(&rule.query)).chain(correlations.iter().map(|_| None)).collect(),
            plans: plans.chain((0..correlations.len()).map(of_correlation)).collect(),
            without_events: BTreeSet::new(),
            failed: BTreeMap::new(),
            hunted_time: hunted_time(record),
            tested: RefCell::default(),
        }
    }

    /// Describes the findings of the hunt and notes what became of its rules.
    pub(super) fn run(&self, writer: &mut HuntWriter<'_>) -> Result<(), HuntError> {
        self.findings(writer)?;
        for index in writer.undescribed_rules() {
            writer.describe_rule(index, &self.rules[index], &self.sql(index).unwrap_or_default())?;
        }
        self.outcomes(writer)
    }

    /// What the events tell that findings of these rules are made of, one by one.
    pub(super) fn telling(&self, rules: BTreeSet<usize>) -> Result<EventTelling<'a, '_>, HuntError> {
        let rules = Rc::new(rules);
        let of = Rc::clone(&rules);
        let fields = self.store.fields_reader(self.catalog, move |event_type| self.wanted(event_type, &of))?;
        Ok(EventTelling { describer: self, rules, fields })
    }

    /// Describes the findings that were saved since this was last done.
    pub(super) fn findings(&self, writer: &mut HuntWriter<'_>) -> Result<(), HuntError> {
        let mut event: Option<(EventId, StoredEvent)> = None;
        let undescribed = writer.undescribed();
        let rules: BTreeSet<usize> = undescribed.iter().map(|finding| finding.rule_index).collect();
        let mut fields = self.store.fields_reader(self.catalog, |event_type| self.wanted(event_type, &rules))?;
        for finding in undescribed {
            // Rows made of the store's own findings are about these, not about one of the events behind them.
            let reads_events = self.plans[finding.rule_index].iter().all(|plan| plan.source == RowSource::Events);
            let by_event = finding.by_event && reads_events;
            let mut description = if finding.derives_risk && !by_event {
                self.of_group(&finding, writer, &mut fields)?
            } else {
                FindingDescription::default()
            };
            let Some(id) = finding.first_event.filter(|_| finding.by_event || finding.is_completed) else {
                writer.describe(finding.row, &description)?;
                continue;
            };
            if event.as_ref().is_none_or(|(known, _)| *known != id) {
                event = Some((id, fields.of(id)?));
            }
            let Some((_, first)) = &event else { continue };
            if by_event {
                description = self.of_event(finding.rule_index, finding.derives_risk, first)?;
            } else {
                let (details, told) = writer.told(finding.row)?;
                // Rows with the columns of another source tell of that, as long as they tell anything.
                if reads_events || details.is_empty() {
                    description.details = self.completed(&finding, first, &details, &told)?;
                }
            }
            writer.describe(finding.row, &description)?;
        }
        Ok(())
    }

    /// The portable text of a rule; only its own plan has one.
    fn sql(&self, index: usize) -> Option<String> {
        self.queries[index]?;
        // One over many event types is longer than what is kept, and writing it costs more than the hunt.
        let plan = self.plans[index].first().filter(|plan| plan.branches.len() <= SQL_TYPES_MAX && least_text(plan) <= SQL_BYTES_MAX)?;
        let statement = crate::sql::portable(plan, self.catalog).ok()?;
        statement.not_portable.is_empty().then_some(statement.sql)
    }

    fn outcomes(&self, writer: &mut HuntWriter<'_>) -> Result<(), HuntError> {
        for (index, rule) in self.rules.iter().enumerate() {
            let (outcome, reason) = match self.failed.get(&index) {
                Some((outcome, reason)) => (*outcome, reason.clone()),
                None if writer.has_findings(index) => (RuleOutcome::Found, String::new()),
                None if self.without_events.contains(&index) => self.lacking(index),
                None => (RuleOutcome::Nothing, self.hunted_time.clone()),
            };
            writer.set_outcome(rule.meta, outcome, &reason)?;
        }
        Ok(())
    }

    /// What a rule needs that the store does not have.
    fn lacking(&self, index: usize) -> (RuleOutcome, String) {
        let missing: BTreeSet<&str> = self.plans[index].iter().flat_map(|plan| plan.missing.iter().map(String::as_str)).collect();
        if missing.is_empty() {
            let scope = self.queries[index].map(|query| scope_name(query.scope())).unwrap_or_default();
            return (RuleOutcome::NoData, scope);
        }
        (RuleOutcome::NoField, missing.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// What one event tells.
    fn of_event(&self, rule: usize, derives_risk: bool, event: &StoredEvent) -> Result<FindingDescription, StoreError> {
        let mut out = FindingDescription::default();
        let event_type = self.type_of(event)?;
        let tested = self.tested(rule, event_type);
        out.details = or_message(self.store, event_type, event, of_event(event_type, event, self.taxonomy.details(event_type), &tested))?;
        let users = self.users(event_type, event);
        if derives_risk {
            let host = event.envelope.host.iter().map(|host| (HOST_FIELD.to_owned(), host.to_string()));
            out.risk = Some(at_risk(host, &users));
        }
        out.users = users.into_iter().map(|(_, user)| user).collect();
        Ok(out)
    }

    /// The details of a row of several events: where nothing in them tells of what happened in the first, that follows; empty where the
    /// row's own are enough.
    fn completed(
        &self,
        finding: &UndescribedFinding,
        event: &StoredEvent,
        details: &str,
        told: &[(String, String)],
    ) -> Result<String, StoreError> {
        let event_type = self.type_of(event)?;
        let known = self.taxonomy.details(event_type);
        let tested = self.tested(finding.rule_index, event_type);
        let parts = parts_of_event(event_type, event, known, &tested);
        // A search may give a field another name, and a list of its values has that of the first event.
        let has_value = |value: &str| told.iter().any(|(_, text)| text == value || text.split(", ").any(|member| member == value));
        let has_label = told.iter().any(|(name, _)| known.is_some_and(|known| known.field(bare_field(name)).is_some()));
        if !details.is_empty() && (has_label || parts.iter().any(|(_, value)| has_value(value))) {
            return Ok(String::new());
        }
        if parts.is_empty() && details.is_empty() {
            return or_message(self.store, event_type, event, String::new());
        }
        Ok(joined_behind(details, told.len(), parts.into_iter()))
    }

    /// Whom a group is about: the users and hosts that its own fields name, else those of the events behind it.
    fn of_group(
        &self,
        finding: &UndescribedFinding,
        writer: &HuntWriter<'_>,
        fields: &mut FieldsReader<'_>,
    ) -> Result<FindingDescription, StoreError> {
        let named = |kind| -> Vec<(String, String)> {
            let own = finding.group.iter().filter(|(name, value)| is_somebody(value) && kind_of_field(self.taxonomy, name) == Some(kind));
            own.cloned().collect()
        };
        let (mut users, mut hosts) = (named(EntityKind::User), named(EntityKind::Host));
        let mut out = FindingDescription { hosts: hosts.iter().map(|(_, host)| host.clone()).collect(), ..FindingDescription::default() };
        if users.is_empty() {
            for event in &finding.events {
                let event = fields.of(*event)?;
                for user in self.users(self.type_of(&event)?, &event) {
                    if !users.iter().any(|(_, known)| known.eq_ignore_ascii_case(&user.1)) {
                        users.push(user);
                    }
                }
            }
        }
        if hosts.is_empty() {
            hosts.extend(writer.hosts_of(finding.row)?.into_iter().map(|host| (HOST_FIELD.to_owned(), host)));
        }
        out.risk = Some(at_risk(hosts.into_iter(), &users));
        out.users = users.into_iter().map(|(_, user)| user).collect();
        Ok(out)
    }

    /// The columns of an event type that a rule tests.
    fn tested(&self, rule: usize, event_type: &EventType) -> Rc<[ColumnIndex]> {
        let mut tested = self.tested.borrow_mut();
        tested.entry((rule, event_type.id)).or_insert_with(|| tested_columns(&self.plans[rule], event_type).into()).clone()
    }

    /// The columns of an event type that tell something in findings of these rules.
    fn wanted(&self, event_type: &EventType, rules: &BTreeSet<usize>) -> Vec<ColumnIndex> {
        let all = (0..).map(ColumnIndex).take(event_type.columns.len());
        let Some(details) = self.taxonomy.details(event_type) else { return all.collect() };
        let names = details.fields.iter().flat_map(|field| &field.names).chain(&details.users);
        let named: BTreeSet<ColumnIndex> = names.filter_map(|name| event_type.column_any_case(name)).collect();
        let tested: Vec<Rc<[ColumnIndex]>> = rules.iter().map(|rule| self.tested(*rule, event_type)).collect();
        all.filter(|column| named.contains(column) || tested.iter().any(|tested| tested.contains(column))).collect()
    }

    fn type_of(&self, event: &StoredEvent) -> Result<&'a EventType, StoreError> {
        let id = event.envelope.event_type;
        self.catalog.event_type(id).ok_or_else(|| StoreError::Damaged(format!("an event has the unknown type {}", id.0)))
    }

    /// The users of an event, each with its field.
    fn users(&self, event_type: &EventType, event: &StoredEvent) -> Vec<(String, String)> {
        let fields = self.taxonomy.details(event_type).into_iter().flat_map(|details| &details.users);
        let said = |name: &String| {
            values(event_type, event, name).into_iter().filter(|value| is_somebody(value)).map(str::to_owned).collect::<Vec<_>>()
        };
        fields.flat_map(|name| said(name).into_iter().map(|user| (name.clone(), user)).collect::<Vec<_>>()).collect()
    }
}

/// What single events tell.
pub(super) struct EventTelling<'a, 'd> {
    describer: &'d Describer<'a>,
    rules: Rc<BTreeSet<usize>>,
    fields: FieldsReader<'d>,
}

impl EventTelling<'_, '_> {
    /// Where an event is from, and what it tells in a finding of a rule.
    pub(super) fn of(&mut self, rule: usize, derives_risk: bool, event: EventId) -> Result<(Envelope, FindingDescription), HuntError> {
        debug_assert!(self.rules.contains(&rule), "columns that it tests were not read");
        let event = self.fields.of(event)?;
        let description = self.describer.of_event(rule, derives_risk, &event)?;
        Ok((event.envelope, description))
    }
}

/// The field that the host of an event is named by.
const HOST_FIELD: &str = "Computer";

/// Hosts, and the users who are persons, as what carries the risk of a finding; each once.
fn at_risk(hosts: impl Iterator<Item = (String, String)>, users: &[(String, String)]) -> Vec<FindingRiskObject> {
    let of = |kind: &str, (field, value): (String, String)| FindingRiskObject { field, kind: kind.to_owned(), value, score: None };
    let persons = users.iter().filter(|(_, user)| is_personal(user)).cloned().map(|user| of("user", user));
    let mut out: Vec<FindingRiskObject> = Vec::new();
    for object in hosts.map(|host| of("system", host)).chain(persons) {
        if !out.iter().any(|known| known.kind == object.kind && known.value.eq_ignore_ascii_case(&object.value)) {
            out.push(object);
        }
    }
    out
}

/// What happened in an event of this type: the fields that tell of its kind.
///
/// # Errors
/// When there is no such event, or the store fails.
pub fn event_details(store: &Store, taxonomy: &Taxonomy, event_type: &EventType, event: EventId) -> Result<String, StoreError> {
    let fields = store.event_fields(event)?;
    or_message(store, event_type, &fields, details_of_event(event_type, &fields, taxonomy, &[]))
}

/// The details of an event that was read without its message; where they are empty, the message is read after all, and where there is
/// none, its kind is all that it tells.
fn or_message(store: &Store, event_type: &EventType, event: &StoredEvent, details: String) -> Result<String, StoreError> {
    let details = if details.is_empty() && event_type.has_messages { first_line(&store.event(event.envelope.id)?) } else { details };
    Ok(if details.is_empty() { name_of(event_type) } else { details })
}

/// What events of a type say: all that is known of one without fields and without a message.
fn name_of(event_type: &EventType) -> String {
    let numbered = || format!("{} {}", event_type.dataset, event_type.code).trim().to_owned();
    EventNames::embedded().of(event_type).map_or_else(numbered, str::to_owned)
}

/// The field that a column of a search is of: without the data set in front, as Splunk writes `Processes.user`.
fn bare_field(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The columns that conditions of plans ask something of, those alone that a `not` asks left out.
fn tested_columns(plans: &[&Plan], event_type: &EventType) -> Vec<ColumnIndex> {
    let mut columns = Vec::new();
    let mut add = |field: &FieldExpr| field.each_column(&mut |column| columns.push(column));
    for plan in plans {
        for branch in plan.branches.iter().filter(|branch| branch.event_type == event_type.id) {
            positive(&branch.filter, &mut add);
            // `where` behind other commands, of columns that are fields of the event.
            for pred in plan.stages().filter_map(|stage| if let Stage::Filter(pred) = stage { Some(pred) } else { None }) {
                positive(pred, &mut |field| branch.fields.get(&field.name).into_iter().for_each(&mut add));
            }
        }
    }
    // In the order of the event's fields: a rule's order is that of its author's thoughts.
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Says what happened in one event of a finding. `fields`: what the rule tests, as it spells them.
pub fn details_of_event(event_type: &EventType, event: &StoredEvent, taxonomy: &Taxonomy, fields: &[String]) -> String {
    let mut tested: Vec<ColumnIndex> = fields.iter().filter_map(|field| event_type.column_any_case(field)).collect();
    tested.sort_unstable();
    tested.dedup();
    of_event(event_type, event, taxonomy.details(event_type), &tested)
}

/// `Command line*: powershell -enc … · Parent: …`: what the rule tested first, then what tells of such events.
fn of_event(event_type: &EventType, event: &StoredEvent, details: Option<&EventDetails>, tested: &[ColumnIndex]) -> String {
    let parts = parts_of_event(event_type, event, details, tested);
    if parts.is_empty() { first_line(event) } else { joined(parts.into_iter()) }
}

/// Labels and values of an event.
fn parts_of_event(
    event_type: &EventType,
    event: &StoredEvent,
    details: Option<&EventDetails>,
    tested: &[ColumnIndex],
) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for name in tested.iter().map(|index| event_type.column(*index).field.as_str()).filter(|name| !is_same_for_all(name)) {
        // Of several fields with one label, that with the value the label is shown with has it.
        let has_label = |field: &&DetailField| {
            let first = field.names.iter().find(|name| shown(event_type, event, name, field.first_line).is_some());
            first.is_some_and(|first| first.eq_ignore_ascii_case(name))
        };
        let field = details.and_then(|details| details.field(name)).filter(has_label);
        let first_line = field.is_some_and(|field| field.first_line);
        if let Some(value) = shown(event_type, event, name, first_line) {
            let label = field.map_or(name, |field| field.label.as_str());
            parts.push((format!("{label}{TESTED}"), value));
            told.push(name);
        }
    }
    if let Some(details) = details {
        for field in &details.fields {
            let mut values = field.names.iter().filter_map(|name| Some((name, shown(event_type, event, name, field.first_line)?)));
            let first = values.next().filter(|(name, _)| !told.iter().any(|told| told.eq_ignore_ascii_case(name)));
            parts.extend(first.map(|(_, value)| (field.label.clone(), value)));
        }
    } else {
        let names = event_type.columns.iter().map(|column| column.field.as_str());
        let names = names.filter(|name| !told.contains(name) && !is_same_for_all(name) && !is_number_of_something(name));
        let values = names.filter_map(|name| Some((name.to_owned(), shown(event_type, event, name, false)?)));
        parts.extend(values.take(UNKNOWN_VALUES_MAX));
    }
    parts
}

/// The first line of the rendered text: where an event has nothing else, it says what happened.
fn first_line(event: &StoredEvent) -> String {
    event.message.as_deref().and_then(|message| message.lines().next()).map(one_line).unwrap_or_default()
}

/// A field's value on one line; none where it says nothing.
fn shown(event_type: &EventType, event: &StoredEvent, name: &str, first_line: bool) -> Option<String> {
    let members = values(event_type, event, name);
    let text = members.into_iter().filter(|member| is_said(member)).collect::<Vec<_>>().join(", ");
    let text = if first_line { text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default() } else { &text };
    let text = one_line(text);
    is_said(&text).then_some(text)
}

fn values<'e>(event_type: &EventType, event: &'e StoredEvent, name: &str) -> Vec<&'e str> {
    let value = event_type.column_any_case(name).and_then(|column| event.columns.get(column.0 as usize)?.as_ref());
    value.map(StoredValue::members).unwrap_or_default().iter().map(String::as_str).collect()
}

/// Fields that every event of a kind has with the same value, or with one that says nothing about what happened.
fn is_same_for_all(name: &str) -> bool {
    const NAMES: [&str; 11] =
        ["Provider_Name", "Provider_Guid", "Channel", "EventID", "Computer", "Keywords", "Level", "Opcode", "Task", "Version", "RuleName"];
    NAMES.contains(&name) || name.starts_with("Execution_") || name.starts_with("Correlation_")
}

/// Fields that number something for machines.
fn is_number_of_something(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["guid", "id", "uuid", "version", "utctime", "time", "timestamp"].iter().any(|end| name.ends_with(end))
}

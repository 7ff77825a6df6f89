//! What findings tell: what happened, on which hosts, by which users; and what became of each rule.
//!
//! Done last, for the findings of all engines and of correlations alike, and only for those that are new or have changed: hunting
//! again over the same events reads none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::HuntError;
use super::at_once::at_once;
use super::correlation::InputPlan;
use super::entity::{EntityKind, kind_of_field};
use super::telling::{EventTeller, HOST_FIELD, TellingFacts, at_risk};
use super::unanswered::scope_name;
use crate::catalog::{Catalog, EventId};
use crate::diag::Diagnostic;
use crate::event::format_time;
use crate::ir::{Correlation, InputSource, Match, Part, Pred, Query, Rule, RuleMeta, Source, Test};
use crate::plan::{Plan, RowSource};
use crate::store::{
    FieldsReader, FindingDescription, HuntRecord, HuntWriter, HuntedRule, RuleOutcome, SQL_BYTES_MAX, Store, StoreError, StoredEvent,
    UndescribedFinding, is_somebody,
};
use crate::taxonomy::Taxonomy;

/// Event types of a rule whose SQL text is kept with it.
const SQL_TYPES_MAX: usize = 8;
/// What stands around a pattern with wildcards: `LIKE '…%' ESCAPE '\'`, and more.
const PATTERN_BYTES: usize = 16;

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
pub(super) fn positive<F>(pred: &Pred<F>, visit: &mut dyn FnMut(&F)) {
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
    /// How many threads may work.
    jobs: usize,
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

/// Fewer bytes than the SQL text of a plan has: those of the words that it looks for, which stand in the text, and what it takes to look.
fn least_text(plan: &Plan) -> usize {
    let mut bytes = 0;
    for branch in &plan.branches {
        branch.filter.each_leaf(&mut |leaf| {
            let glob = match leaf {
                Pred::Match(Match { test: Test::Glob { glob, .. }, .. }) | Pred::Keyword { glob, .. } => glob,
                _ => return,
            };
            bytes += glob.parts().iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum::<usize>();
            bytes += if glob.as_literal().is_none() { PATTERN_BYTES } else { 0 };
        });
    }
    bytes
}

/// The portable text of a rule; only its own plan has one.
fn sql(query: Option<&Query>, plans: &[&Plan], catalog: &Catalog) -> Option<String> {
    query?;
    // One over many event types is longer than what is kept, and writing it costs more than the hunt.
    let plan = plans.first().filter(|plan| plan.branches.len() <= SQL_TYPES_MAX && least_text(plan) <= SQL_BYTES_MAX)?;
    let statement = crate::sql::portable(plan, catalog).ok()?;
    statement.not_portable.is_empty().then_some(statement.sql)
}

impl<'a> Describer<'a> {
    /// Knows the rules; `plans` are those of the rules alone. What became of them is filled in when they have run.
    pub(super) fn new(
        (store, catalog, taxonomy): (&'a Store, &'a Catalog, &'a Taxonomy),
        (rules, correlations): (&'a [Rule], &'a [Correlation]),
        hunted: &'a [HuntedRule<'a>],
        plans: impl Iterator<Item = Vec<&'a Plan>>,
        (inputs, record, jobs): (&'a [InputPlan], &HuntRecord, usize),
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
            jobs,
        }
    }

    /// Describes the findings of the hunt and notes what became of its rules.
    pub(super) fn run(&self, writer: &mut HuntWriter<'_>) -> Result<(), HuntError> {
        self.findings(writer)?;
        let undescribed = writer.undescribed_rules();
        let (queries, plans, catalog) = (&self.queries, &self.plans, self.catalog);
        let texts = at_once(self.jobs, &undescribed, |index| sql(queries[*index], &plans[*index], catalog).unwrap_or_default());
        for (index, sql) in undescribed.iter().zip(texts) {
            writer.describe_rule(*index, &self.rules[*index], &sql)?;
        }
        self.outcomes(writer)
    }

    /// What tells of single events.
    pub(super) fn telling(&self) -> TellingFacts<'_> {
        TellingFacts { catalog: self.catalog, taxonomy: self.taxonomy, plans: &self.plans }
    }

    /// Describes the findings that were saved since this was last done.
    pub(super) fn findings(&self, writer: &mut HuntWriter<'_>) -> Result<(), HuntError> {
        let mut event: Option<(EventId, StoredEvent)> = None;
        let undescribed = writer.undescribed();
        let rules: BTreeSet<usize> = undescribed.iter().map(|finding| finding.rule_index).collect();
        let teller = EventTeller::new(self.telling(), self.store);
        let mut fields = self.store.fields_reader(self.catalog, |event_type| teller.wanted(event_type, &rules))?;
        for finding in undescribed {
            // Rows made of the store's own findings are about these, not about one of the events behind them.
            let reads_events = self.plans[finding.rule_index].iter().all(|plan| plan.source == RowSource::Events);
            let by_event = finding.by_event && reads_events;
            let mut description = if finding.derives_risk && !by_event {
                self.of_group(&finding, writer, (&teller, &mut fields))?
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
                description = teller.of_event(finding.rule_index, finding.derives_risk, first)?;
            } else {
                let (details, told) = writer.told(finding.row)?;
                // Rows with the columns of another source tell of that, as long as they tell anything.
                if reads_events || details.is_empty() {
                    description.details = teller.completed(&finding, first, &details, &told)?;
                }
            }
            writer.describe(finding.row, &description)?;
        }
        Ok(())
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

    /// Whom a group is about: the users and hosts that its own fields name, else those of the events behind it.
    fn of_group(
        &self,
        finding: &UndescribedFinding,
        writer: &HuntWriter<'_>,
        (teller, fields): (&EventTeller<'_>, &mut FieldsReader<'_>),
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
                for user in teller.users(teller.type_of(&event)?, &event) {
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
}

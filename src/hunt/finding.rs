//! From matched events and result rows to findings: groups, times, risk, the filled message, evidence.

mod rows;
mod statement;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use std::thread::Scope;

use rustc_hash::FxHashMap;

use super::describe::Describer;
use super::feed::Feed;
use super::matched::Matched;
use super::stages::{StageError, run_stages};
use super::telling::TellingFacts;
use super::{HuntError, HuntOptions};
use crate::catalog::{Catalog, EventId};
use crate::exec::{Cell, Context, Fault, GroupKey, Number, Row, RowKey, RuleLimits, spread_columns};
use crate::ir::Rule;
use crate::plan::{Kind, Plan, RowColumn, RowSource};
use crate::store::{EVIDENCE_CAP, EnvelopeReader, Finding, FindingRiskObject, HuntOutcome, HuntWriter, RuleMemory, Store};

pub(super) use rows::{FindingsMaker, MatchedRows};
pub(super) use statement::{StatementRunner, StatementStopped, ids, whole};

/// The fields a rule's findings show: tokens of its message and its risk objects.
pub(super) fn needed_fields(rule: &Rule) -> Vec<String> {
    let mut names: BTreeSet<String> = tokens(&rule.meta.message).map(str::to_owned).collect();
    names.extend(rule.meta.risk_objects.iter().map(|object| object.field.clone()));
    names.into_iter().collect()
}

/// The names between dollar signs in a message.
fn tokens(message: &str) -> impl Iterator<Item = &str> {
    pieces(message).filter_map(|(text, is_token)| is_token.then_some(text))
}

/// A message cut into text and `$tokens$`; a token is made of letters, digits, `_`, `.`, `{`, `}` and `-`.
fn pieces(message: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('$')
            && let Some(end) = after.find('$')
            && end > 0
            // The letters that field names have: an amount of money, or a whole sentence, is not a token.
            && after[..end].chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '{' | '}' | '-'))
        {
            rest = &after[end + 1..];
            return Some((&after[..end], true));
        }
        // A `$` that opens no token is text; searched from behind it, or the loop would stand still.
        let skip = usize::from(rest.starts_with('$'));
        let end = rest[skip..].find('$').map_or(rest.len(), |i| i + skip);
        let text = &rest[..end];
        rest = &rest[end..];
        Some((text, false))
    })
}

/// Fills the tokens of a message; one without a value stays as it is.
fn fill(message: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    pieces(message)
        .map(|(text, is_token)| match (is_token, value(text)) {
            (true, Some(filled)) => filled,
            // Kept as written: an analyst sees which field was missing, where an empty place would read like a fact.
            (true, None) => format!("${text}$"),
            (false, _) => text.to_owned(),
        })
        .collect()
}

/// Makes findings and saves each at once.
pub(super) struct FindingSaver<'s> {
    store: &'s Store,
    feed: Feed<'s>,
    context: &'s Context,
    envelopes: EnvelopeReader<'s>,
    writer: HuntWriter<'s>,
}

impl<'s> FindingSaver<'s> {
    /// Starts with a hunt that is being saved.
    pub(super) fn new(store: &'s Store, catalog: &'s Catalog, context: &'s Context, writer: HuntWriter<'s>) -> Result<Self, HuntError> {
        Ok(Self { store, feed: Feed::new(store, catalog), context, envelopes: store.envelopes()?, writer })
    }

    /// Reads the risk of what was found so far, for the rules that ask for it.
    pub(super) fn read_risk(&mut self) -> Result<(), HuntError> {
        let mut risk = Vec::new();
        self.writer.each_risk(&mut |event| {
            risk.push(event);
            Ok(())
        })?;
        self.feed.set_risk(risk);
        Ok(())
    }

    /// How many findings were made.
    pub(super) fn findings(&self) -> u64 {
        self.writer.findings()
    }

    /// Describes what was found so far.
    pub(super) fn describe(&mut self, describer: &Describer<'_>) -> Result<(), HuntError> {
        describer.findings(&mut self.writer)
    }

    /// Describes what was found and ends the hunt.
    pub(super) fn finish(mut self, describer: &Describer<'_>) -> Result<HuntOutcome, HuntError> {
        drop(self.envelopes);
        describer.run(&mut self.writer)?;
        Ok(self.writer.finish()?)
    }

    /// Lets findings of earlier hunts, so many, stay as they are.
    pub(super) fn stay(&mut self, index: usize, findings: u64) {
        self.writer.stay(index, findings);
    }

    /// Notes what the next hunt may know of a rule.
    pub(super) fn remember(&mut self, index: usize, state: &RuleMemory) -> Result<(), HuntError> {
        Ok(self.writer.remember(index, state)?)
    }

    /// Notes that the next hunt may know of a rule what this one knew, up to an event.
    pub(super) fn advance(&mut self, index: usize, last_event: EventId) -> Result<(), HuntError> {
        Ok(self.writer.advance(index, last_event)?)
    }

    /// Lets the next hunt read all events for a rule.
    pub(super) fn forget(&mut self, index: usize) -> Result<(), HuntError> {
        Ok(self.writer.forget(index)?)
    }

    /// Notes that a rule could not run to its end.
    pub(super) fn failed(&mut self, index: usize) {
        self.writer.failed(index);
    }

    /// Saves a finding that was made elsewhere.
    pub(super) fn save(&mut self, finding: &Finding) -> Result<(), HuntError> {
        Ok(self.writer.save(finding, None)?)
    }

    /// A rule without stages and the events that it matches; `is_new`: no earlier hunt had these.
    pub(super) fn rows<'h>(
        &self,
        index: usize,
        (rule, plan): (&'h Rule, &'h Plan),
        matched: &Matched,
        is_new: bool,
    ) -> Result<MatchedRows<'h>, HuntError> {
        let events = matched.sorted();
        // Most rules match nothing: of those the store is not asked.
        let is_new = !events.is_empty() && plan.source == RowSource::Events && (is_new || !self.writer.has_earlier(index)?);
        let (derives_risk, needs_fields) = (self.writer.derives_risk(index), !needed_fields(rule).is_empty());
        Ok(MatchedRows { index, rule, plan, derives_risk, needs_fields, events, is_new })
    }

    /// What makes the findings of these. See [`FindingsMaker::new`].
    pub(super) fn maker<'scope, 'h: 's + 'scope>(
        &self,
        facts: TellingFacts<'h>,
        rows: Vec<MatchedRows<'h>>,
        options: &HuntOptions,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<FindingsMaker<'s>, HuntError> {
        FindingsMaker::new((self.store, facts), rows, options, scope)
    }

    /// One finding for each event of a rule without stages. Where they are new, they are described at once: a row that is written whole
    /// costs half of one that is filled in later.
    pub(super) fn row_findings(&mut self, rows: &MatchedRows<'_>, maker: &mut FindingsMaker<'_>) -> Result<(), HuntError> {
        if rows.is_new {
            return maker.each(rows, &mut |finding, description| Ok(self.writer.save(&finding, Some(&description))?));
        }
        for event in &rows.events {
            let finding = rows.finding(self.store, self.envelopes.of(*event)?)?;
            self.writer.save(&finding, None)?;
        }
        Ok(())
    }

    /// One finding for each result row of a rule with stages; `matched` are the events of each plan of [`Plan::tree`].
    /// The inner error says why the rule could not run to its end; then nothing of it is saved.
    pub(super) fn stage_findings(
        &mut self,
        index: usize,
        rule: &Rule,
        plan: &Plan,
        matched: &[Matched],
        window_us: Option<i64>,
    ) -> Result<Result<(), Fault>, HuntError> {
        if matched.iter().all(|matched| matched.count() == 0) && plan.tree().iter().all(|plan| plan.source == RowSource::Events) {
            return Ok(Ok(()));
        }
        self.writer.begin_rule()?;
        let whole = [(None, matched.to_vec())];
        let windows = match window_us.filter(|_| rule.query.window_class().is_replayed()) {
            Some(length_us) => self.windows(plan, matched, length_us)?,
            None => whole.into(),
        };
        let now = self.context.now();
        let ended = windows.iter().try_for_each(|(start, matched)| self.window_findings(index, rule, plan, (*start, window_us), matched));
        self.context.set_now(now);
        match ended {
            Ok(()) => {
                self.writer.end_rule()?;
                Ok(Ok(()))
            }
            Err(StageError::Rule(fault)) => {
                // The writer's savepoint brings back the state before the rule; findings of other rules stay.
                self.writer.take_back_rule()?;
                self.writer.failed(index);
                Ok(Err(fault))
            }
            Err(StageError::Hunt(error)) => Err(error),
        }
    }
}

impl FindingSaver<'_> {
    /// The events of each window that has any, in the order of time, by plan of the tree.
    fn windows(&self, plan: &Plan, matched: &[Matched], length_us: i64) -> Result<Vec<(Option<i64>, Vec<Matched>)>, HuntError> {
        let mut windows: BTreeMap<Option<i64>, Vec<Matched>> = BTreeMap::new();
        let mut times = FxHashMap::default();
        for (place, (plan, own)) in plan.tree().into_iter().zip(matched).enumerate() {
            times.clear();
            self.feed.times(plan, own, &mut times)?;
            for (start, events) in own.by_window(length_us, &times) {
                windows.entry(start).or_insert_with(|| vec![Matched::default(); matched.len()])[place] = events;
            }
        }
        Ok(windows.into_iter().collect())
    }

    /// The findings of one window. Its end is the time that is now, as for a search that a schedule had started then.
    fn window_findings(
        &mut self,
        index: usize,
        rule: &Rule,
        plan: &Plan,
        (start_us, length_us): (Option<i64>, Option<i64>),
        matched: &[Matched],
    ) -> Result<(), StageError> {
        #[allow(clippy::cast_precision_loss, reason = "a double holds the microseconds of our times")]
        if let (Some(start_us), Some(length_us)) = (start_us, length_us) {
            self.context.set_now(Some((start_us + length_us) as f64 / 1e6));
        }
        let (envelopes, writer) = (&mut self.envelopes, &mut self.writer);
        let mut saver = StageSaver { index, rule, plan, window_start_us: start_us, envelopes, writer, ordinals: FxHashMap::default() };
        run_stages(&self.feed, self.context, plan, matched, RuleLimits::default(), &mut |row| saver.save(row))
    }
}

/// Makes a finding of each result row.
struct StageSaver<'a, 's> {
    index: usize,
    rule: &'a Rule,
    plan: &'a Plan,
    /// Start of the window that the rows are of (µs UTC); none where the whole time is one.
    window_start_us: Option<i64>,
    envelopes: &'a mut EnvelopeReader<'s>,
    writer: &'a mut HuntWriter<'s>,
    /// How many rows with this key there were.
    ordinals: FxHashMap<RowKey, u32>,
}

impl StageSaver<'_, '_> {
    fn save(&mut self, row: Row) -> Result<(), HuntError> {
        if row.origin.rows() == 0 {
            return Ok(()); // the one row that an aggregation of nothing gives
        }
        let key = row.origin.key();
        let event = if let RowKey::Event(id) = key { Some(self.envelopes.of(id)?) } else { None };
        let group =
            if let RowKey::Group(group) = &key { group.pairs().map(|(k, v)| (k.to_string(), v.to_string())).collect() } else { Vec::new() };
        // Rows with equal keys are told apart by their place among them, which no stage can change: the order is the same in each hunt.
        // A row made of no event is saved as one of a group without columns is, so they are counted together.
        let key = if key == RowKey::Made { RowKey::Group(GroupKey::default()) } else { key };
        let seen = self.ordinals.entry(key).or_insert(0);
        let ordinal = *seen;
        *seen += 1;

        let columns = &self.plan.result().columns;
        let value = |name: &str| columns.iter().position(|column| column.name == name).and_then(|place| text(&row.cells[place]));
        // Columns that the rule itself named are shown empty too; those that a `*` brought only where they have a value.
        let shown = columns.iter().zip(&row.cells).filter(|(column, cell)| column.named || !cell.is_null());
        let (first_time_us, last_time_us) = row.origin.span_us();
        let finding = Finding {
            rule_index: self.index,
            group,
            ordinal,
            window_start_us: self.window_start_us,
            event,
            count: row.origin.count(),
            first_time_us,
            last_time_us,
            risk_score: self.rule.meta.effective_risk_score(),
            message: message(self.rule, &value),
            risk_objects: risk_objects(self.rule, &value),
            columns: shown.flat_map(|(column, cell)| opened(column, cell)).collect(),
            evidence: row.origin.events().iter().take(EVIDENCE_CAP).copied().collect(),
        };
        Ok(self.writer.save(&finding, None)?)
    }
}

fn text(cell: &Cell) -> Option<String> {
    cell.text().map(Cow::into_owned)
}

/// A column of the result; the one of all that only the rows know becomes what it holds.
fn opened(column: &RowColumn, cell: &Cell) -> Vec<(String, serde_json::Value)> {
    match cell {
        Cell::List(members) if column.kind == Kind::Spread => {
            spread_columns(members).iter().map(|(name, cell)| (name.to_string(), json(cell))).collect()
        }
        cell => vec![(column.name.clone(), json(cell))],
    }
}

/// A cell as JSON: whole numbers are integers, so that a count is `3` and not `3.0`. A number that JSON would write with
/// fewer places than it has (`2.00`) is its text.
fn json(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Null => serde_json::Value::Null,
        Cell::Number(number) => match (*number, Number::of(number.value())) {
            (Number::Decimal { .. }, Some(exact)) if exact.text() != number.text() => serde_json::Value::from(number.text()),
            (Number::Whole(whole), _) | (_, Some(Number::Whole(whole))) => serde_json::Value::from(whole),
            (number, _) => serde_json::Value::from(number.value()),
        },
        Cell::List(members) => members.iter().map(AsRef::as_ref).collect(),
        Cell::Text(_) | Cell::Bool(_) => serde_json::Value::from(text(cell)),
    }
}

fn message(rule: &Rule, value: &dyn Fn(&str) -> Option<String>) -> String {
    if rule.meta.message.is_empty() { rule.meta.title.clone() } else { fill(&rule.meta.message, value) }
}

fn risk_objects(rule: &Rule, value: &dyn Fn(&str) -> Option<String>) -> Vec<FindingRiskObject> {
    let mut out = Vec::new();
    for object in &rule.meta.risk_objects {
        let values = value(&object.field).unwrap_or_default();
        // A multivalue field arrives as its members joined by line breaks (rule E8); each member is a risk object of its own.
        for value in values.split('\n').filter(|v| !v.is_empty()) {
            out.push(FindingRiskObject {
                field: object.field.clone(),
                kind: object.kind.clone(),
                value: value.to_owned(),
                score: object.score,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{fill, tokens};

    #[test]
    fn tokens_are_filled_and_lone_dollars_stay() {
        let message = r"$user$ wrote to \\*\C$ for 5$ on $dest$, $gone$";
        assert_eq!(tokens(message).collect::<Vec<_>>(), ["user", "dest", "gone"]);
        let filled = fill(message, &|name| (name != "gone").then(|| name.to_uppercase()));
        assert_eq!(filled, r"USER wrote to \\*\C$ for 5$ on DEST, $gone$");
    }
}

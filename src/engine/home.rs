//! Brings home what rules ask of a lake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::unit::{LakeUnit, units};
use super::{EngineError, LakeEngine, UnitRules};
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventType};
use crate::fingerprint::fingerprint;
use crate::hunt::{AskedTypes, asked_types};
use crate::ir::{Correlation, InputSource, Pred, Rule};
use crate::lake::{LakeCatalog, LakeView, WholeRows, load_home};
use crate::plan::FieldExpr;
use crate::store::{LakeRow, LakeUnitId, Store, StoreOrigin};
use crate::taxonomy::Taxonomy;

/// Rows that an engine is asked for at once.
const ROWS_AT_ONCE: usize = 5_000;

/// What is asked of a lake.
#[derive(Debug)]
pub struct LakeQuestion<'a> {
    /// The lake.
    pub lake: &'a LakeCatalog,
    /// Rules, and correlations behind them.
    pub rules: (&'a [Rule], &'a [Correlation]),
    /// Whose fields mean what.
    pub taxonomy: &'a Taxonomy,
    /// What tells the rules from others, with all that went into them.
    pub rules_key: [u8; 16],
    /// The most events that may come home for one rule: with more of them it is withheld.
    pub most_rows: u64,
    /// Units that are done for these rules are not asked again.
    pub resume: bool,
    /// Bytes for caches.
    pub memory: u64,
    /// Stops the work; the unit at hand is not done then.
    pub cancel: Cancel,
}

/// What came home.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Brought {
    /// Units that rules ask for.
    pub units: usize,
    /// Those of them that were done before.
    pub done_before: usize,
    /// Those that have no answer, and why.
    pub failed: Vec<FailedUnit>,
    /// Rules (correlations behind them) that must not be hunted, and why.
    pub withheld: BTreeMap<usize, String>,
    /// Events that came home now.
    pub rows: u64,
    /// Events of the lake in the units that were asked.
    pub events: u64,
    /// The work was stopped before its end.
    pub interrupted: bool,
}

/// A unit without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedUnit {
    /// Which.
    pub unit: LakeUnitId,
    /// Why.
    pub why: String,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeProgress {
    /// Units that have been asked, or were done before.
    pub units: usize,
    /// All units.
    pub of: usize,
    /// The event type that is asked now.
    pub view: String,
}

/// Has an engine say which events of a lake rules need, brings these into the store, and says which rules can be hunted there.
///
/// # Errors
/// When the store is not the lake's, it fails, or the engine does not open. What an engine does not answer is told in what is returned.
pub fn bring_home(
    store: &mut Store,
    engine: &mut dyn LakeEngine,
    asked: &LakeQuestion<'_>,
    progress: &mut dyn FnMut(HomeProgress),
) -> Result<Brought, EngineError> {
    begin(store, asked)?;
    let catalog = asked.lake.catalog();
    let types = asked_types(asked.rules, &catalog, asked.taxonomy);
    let key = fingerprint(&(asked.rules_key, asked.most_rows));
    if !asked.resume {
        store.forget_lake_units()?;
    }
    let mut work = HomeWork::new(store, asked, key)?;
    let left = work.left(&catalog, &types);
    if !left.is_empty() {
        engine.open()?;
        engine.expect(&left);
    }
    for (event_type, filters) in typed(&catalog, &types) {
        if !work.view(engine, event_type, filters, progress)? {
            work.out.interrupted = true;
            return Ok(work.out);
        }
    }
    let HomeWork { mut out, counts, .. } = work;
    out.withheld = withheld(asked, (&catalog, &types), &counts, &out.failed);
    out.interrupted = load_home(store, asked.lake, (asked.memory, &asked.cancel))?.interrupted;
    Ok(out)
}

/// The store must be empty, or this lake's home.
fn begin(store: &Store, asked: &LakeQuestion<'_>) -> Result<(), EngineError> {
    let key = asked.lake.key();
    match store.origin()? {
        StoreOrigin::Empty => Ok(store.begin_lake(key)?),
        StoreOrigin::Lake(own) if own == key => Ok(()),
        StoreOrigin::Lake(_) => Err(EngineError::Home(
            "the store has events of another lake, or of this one before it changed: begin with a new store".to_owned(),
        )),
        StoreOrigin::Loaded => Err(EngineError::Home(
            "the store has events that were loaded, and what comes from a lake is not all of its sources: begin with a new store"
                .to_owned(),
        )),
    }
}

/// The event types that are asked for, with what is asked.
fn typed<'a>(catalog: &'a Catalog, types: &'a AskedTypes) -> impl Iterator<Item = (&'a EventType, &'a [(usize, Pred<FieldExpr>)])> {
    types.filters.iter().filter_map(|(id, filters)| Some((catalog.event_type(*id)?, filters.as_slice())))
}

struct HomeWork<'a> {
    store: &'a Store,
    asked: &'a LakeQuestion<'a>,
    key: [u8; 16],
    done: BTreeSet<LakeUnitId>,
    /// Rule → events that it needs, as far as units were asked.
    counts: BTreeMap<usize, u64>,
    /// Units that are over.
    over: usize,
    out: Brought,
}

impl<'a> HomeWork<'a> {
    fn new(store: &'a Store, asked: &'a LakeQuestion<'a>, key: [u8; 16]) -> Result<Self, EngineError> {
        let done = store.lake_units_done(key)?.into_iter().collect();
        let counts = store.lake_counts(key)?.into_iter().collect();
        Ok(Self { store, asked, key, done, counts, over: 0, out: Brought::default() })
    }

    fn lake_view(&self, event_type: &EventType) -> &'a LakeView {
        // The catalog of types has them in the order of the views.
        &self.asked.lake.views[event_type.id.0 as usize - 1]
    }

    /// Counts the units, and returns those that are to be asked.
    fn left(&mut self, catalog: &Catalog, types: &AskedTypes) -> Vec<LakeUnit> {
        let mut units: Vec<LakeUnit> = typed(catalog, types).flat_map(|(of, _)| units(self.asked.lake, self.lake_view(of))).collect();
        self.out.units = units.len();
        units.retain(|unit| !self.done.contains(&unit.id));
        self.out.done_before = self.out.units - units.len();
        units
    }

    /// Asks all units of an event type that are not done; false where the work was stopped.
    fn view(
        &mut self,
        engine: &mut dyn LakeEngine,
        event_type: &EventType,
        filters: &[(usize, Pred<FieldExpr>)],
        progress: &mut dyn FnMut(HomeProgress),
    ) -> Result<bool, EngineError> {
        let view = self.lake_view(event_type);
        let all = units(self.asked.lake, view);
        let left: Vec<LakeUnit> = all.iter().filter(|unit| !self.done.contains(&unit.id)).cloned().collect();
        self.over += all.len() - left.len();
        if left.is_empty() {
            return Ok(true);
        }
        // Before anything is asked: rows that the engine does not see are never a reason for fewer findings.
        let fault = match engine.count(view) {
            Ok(seen) if seen == view.events => None,
            Ok(seen) => Some(format!("the engine has {seen} events of `{}`, and the catalog says {}", view.view, view.events)),
            Err(_) if self.asked.cancel.is_cancelled() => return Ok(false),
            Err(error) if error.is_of_engine() => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        self.out.events += view.events;
        for unit in left {
            progress(HomeProgress { units: self.over, of: self.out.units, view: view.view.clone() });
            if self.asked.cancel.is_cancelled() {
                return Ok(false);
            }
            match &fault {
                Some(why) => self.failed(&unit, why.clone())?,
                None => match self.unit(engine, &unit, UnitRules { event_type, filters }) {
                    Ok(()) => {}
                    Err(_) if self.asked.cancel.is_cancelled() => return Ok(false),
                    Err(error) if error.is_of_engine() => self.failed(&unit, error.to_string())?,
                    Err(error) => return Err(error),
                },
            }
            self.over += 1;
        }
        Ok(true)
    }

    fn failed(&mut self, unit: &LakeUnit, why: String) -> Result<(), EngineError> {
        self.store.fail_lake_unit(&unit.id, self.key, &why)?;
        self.out.failed.push(FailedUnit { unit: unit.id.clone(), why });
        Ok(())
    }

    /// Asks one unit and keeps what comes.
    fn unit(&mut self, engine: &mut dyn LakeEngine, unit: &LakeUnit, rules: UnitRules<'_>) -> Result<(), EngineError> {
        let found = self.matches(engine, unit, rules)?;
        let rows = WholeRows::of(self.asked.lake, &unit.id.view).ok_or_else(|| EngineError::Answer("it is of no view".to_owned()))?;
        let events: BTreeSet<i64> = found.events.values().flatten().copied().collect();
        let events: Vec<i64> = events.into_iter().collect();
        let mut missing = self.store.lake_events_missing(&events)?;
        missing.sort_unstable();
        let mut writer = self.store.lake_unit_writer(unit.id.clone())?;
        for wanted in missing.chunks(ROWS_AT_ONCE) {
            if self.asked.cancel.is_cancelled() {
                return Err(EngineError::Stopped);
            }
            let mut seen: BTreeSet<i64> = BTreeSet::new();
            engine.rows(unit, wanted, &mut |text| {
                let row = rows.read(text).map_err(|fault| EngineError::Answer(format!("a row of `{}`: {fault}", unit.id.view)))?;
                let is_asked = wanted.binary_search(&row.event).is_ok() && seen.insert(row.event);
                if !is_asked || !unit.has(row.time_us) {
                    return Err(EngineError::Answer(format!("event {} of `{}` was not asked for, or came twice", row.event, unit.id.view)));
                }
                Ok(writer.row(LakeRow { event: row.event, places: &row.places, data: &row.data })?)
            })?;
            if let Some(lost) = wanted.iter().find(|event| !seen.contains(event)) {
                return Err(EngineError::Answer(format!("event {lost} of `{}` did not come", unit.id.view)));
            }
        }
        let counts: Vec<(usize, u64)> = found.counts.iter().map(|(rule, count)| (*rule, *count)).collect();
        writer.finish(self.key, &counts)?;
        self.out.rows += missing.len() as u64;
        for (rule, count) in counts {
            *self.counts.entry(rule).or_default() += count;
        }
        Ok(())
    }

    /// The events that each rule needs of a unit; of a rule with too many only the number.
    fn matches(&self, engine: &mut dyn LakeEngine, unit: &LakeUnit, rules: UnitRules<'_>) -> Result<FoundEvents, EngineError> {
        let (most, cancel) = (self.asked.most_rows, &self.asked.cancel);
        let mut found = FoundEvents::default();
        engine.matches(unit, rules, &mut |event, rule| {
            // A rule that asks several conditions reports an event several times: counted are those that differ, once they are many.
            let before = self.counts.get(&rule).copied().unwrap_or(0);
            found.add(event, rule, most.saturating_sub(before));
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if cancel.is_cancelled() {
            return Err(EngineError::Stopped);
        }
        found.finish();
        Ok(found)
    }
}

/// The events of one unit that rules need.
#[derive(Debug, Default)]
struct FoundEvents {
    /// Rule → events; not of rules with too many.
    events: BTreeMap<usize, Vec<i64>>,
    /// Rule → how many events; of rules with too many, more than they may have.
    counts: BTreeMap<usize, u64>,
    too_many: BTreeSet<usize>,
}

impl FoundEvents {
    /// Adds an event of a rule that may have so many.
    fn add(&mut self, event: i64, rule: usize, most: u64) {
        if self.too_many.contains(&rule) {
            return;
        }
        let events = self.events.entry(rule).or_default();
        events.push(event);
        if events.len() as u64 > most {
            events.sort_unstable();
            events.dedup();
            if events.len() as u64 > most {
                self.counts.insert(rule, events.len() as u64);
                self.too_many.insert(rule);
                self.events.remove(&rule);
            }
        }
    }

    fn finish(&mut self) {
        for (rule, events) in &mut self.events {
            events.sort_unstable();
            events.dedup();
            self.counts.insert(*rule, events.len() as u64);
        }
    }
}

/// The rules for which not all events are home, and why.
fn withheld(
    asked: &LakeQuestion<'_>,
    (catalog, types): (&Catalog, &AskedTypes),
    counts: &BTreeMap<usize, u64>,
    failed: &[FailedUnit],
) -> BTreeMap<usize, String> {
    let mut out: BTreeMap<usize, String> = BTreeMap::new();
    for (event_type, filters) in typed(catalog, types) {
        let is_failed = failed.iter().any(|failed| failed.unit.view == event_type.view);
        for (rule, _) in filters.iter().filter(|_| is_failed) {
            out.entry(*rule).or_insert_with(|| "the engine gave no answer for some of the events that it needs".to_owned());
        }
    }
    for (rule, count) in counts.iter().filter(|(_, count)| **count > asked.most_rows) {
        out.entry(*rule).or_insert_with(|| format!("it needs {count} events or more, and {} may come home for a rule", asked.most_rows));
    }
    let rules = asked.rules.0.len();
    for (index, correlation) in asked.rules.1.iter().enumerate() {
        let is_withheld = |source: &InputSource| matches!(source, InputSource::Correlation(inner) if out.contains_key(&(rules + inner)));
        if correlation.inputs.iter().any(|input| is_withheld(&input.source)) {
            out.entry(rules + index).or_insert_with(|| "a correlation that it builds on is not hunted".to_owned());
        }
    }
    if !out.is_empty() {
        for rule in &types.reads_findings {
            out.entry(*rule).or_insert_with(|| "it reads what other rules find, and not all of them are hunted".to_owned());
        }
    }
    out
}

//! A hunt that is asked what the last one was asked, over the same events: its answer is known.

use serde::{Deserialize, Serialize};

use super::{HuntError, HuntOptions, HuntSummary, LeftOut};
use crate::fingerprint::{BUILD, fingerprint};
use crate::store::{HuntOutcome, Store, StoreError};

/// What is kept of a summary beside the number of the hunt.
#[derive(Debug, Serialize, Deserialize)]
struct KeptSummary {
    rules: usize,
    rules_without_events: Vec<usize>,
    rules_with_findings: usize,
    findings: u64,
    windowed_rules: usize,
    left_out: Vec<(usize, LeftOut)>,
}

/// What a hunt is asked; none where it has no answer that the next could take over.
fn key(store: &Store, options: &HuntOptions) -> Result<Option<[u8; 16]>, StoreError> {
    let Some(rules) = options.rules_key.filter(|_| options.is_whole()) else { return Ok(None) };
    Ok(Some(fingerprint(&(BUILD, rules, options.window_us, store.generation()?))))
}

/// Repeats the last hunt, where this one is asked the same and there is no new event; else does nothing. The rules need not even
/// be read for it: [`HuntOptions::rules_key`] says which they are.
///
/// # Errors
/// When the store cannot be read or written.
pub fn again(store: &Store, options: &HuntOptions) -> Result<Option<HuntSummary>, HuntError> {
    let (Some(key), Some(last)) = (key(store, options)?, store.last_hunt()?) else { return Ok(None) };
    if options.full || !options.withheld.is_empty() || last.key.as_deref() != Some(&key[..]) || last.last_event != store.last_event()? {
        return Ok(None);
    }
    let Ok(kept) = postcard::from_bytes::<KeptSummary>(&last.summary) else { return Ok(None) };
    let hunt_id = store.repeat_hunt(last.hunt_id, options.started_us)?;
    Ok(Some(HuntSummary {
        outcome: HuntOutcome { hunt_id, known: kept.findings, ..HuntOutcome::default() },
        rules: kept.rules,
        rules_without_events: kept.rules_without_events,
        rules_with_findings: kept.rules_with_findings,
        findings: kept.findings,
        events_scanned: 0,
        windowed_rules: kept.windowed_rules,
        full_rules: 0,
        failed: Vec::new(),
        without_text: Vec::new(),
        left_out: kept.left_out,
        unfinished: None,
    }))
}

/// Keeps the answer of a hunt for the next one. One with rules that failed, or that are not finished, has none.
pub(super) fn keep(store: &Store, options: &HuntOptions, summary: &HuntSummary) -> Result<(), HuntError> {
    let Some(key) = key(store, options)?.filter(|_| summary.failed.is_empty() && summary.unfinished.is_none()) else { return Ok(()) };
    let kept = KeptSummary {
        rules: summary.rules,
        rules_without_events: summary.rules_without_events.clone(),
        rules_with_findings: summary.rules_with_findings,
        findings: summary.findings,
        windowed_rules: summary.windowed_rules,
        left_out: summary.left_out.clone(),
    };
    let bytes = postcard::to_stdvec(&kept).expect("numbers and lists can always be written");
    Ok(store.note_hunt(summary.outcome.hunt_id, &key, &bytes)?)
}

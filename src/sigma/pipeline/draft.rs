//! What a pipeline works on: a rule or a correlation, and what became of it so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::context::MAX_LEAVES;
use super::super::correlation::FieldAlias;
use super::super::item::{Detection, NamedDetection};
use super::scalar::YamlScalar;
use crate::ir::{CorrelationKind, Scope};
use crate::yaml::Node;

/// A rule or correlation on its way through the pipelines.
pub(in crate::sigma) struct Draft<'n> {
    pub(in crate::sigma) is_correlation: bool,
    pub(super) document: &'n Node,
    /// Where an error about the whole is reported.
    pub(super) head: Range<usize>,
    /// The log source of a rule; those of the rules of a correlation.
    pub(in crate::sigma) scopes: Vec<Scope>,
    /// The detections of the rule, then those of each filter that is for it.
    pub(in crate::sigma) detections: Vec<Vec<NamedDetection<'n>>>,
    /// What every event must meet besides, the last one first.
    pub(in crate::sigma) added: Vec<Added<'n>>,
    /// What makes groups, of a correlation or a legacy aggregation.
    pub(in crate::sigma) grouping: Option<Grouping>,
    /// The rule's `fields`.
    pub(in crate::sigma) output_fields: Vec<String>,
    pub(super) progress: Progress,
}

/// A condition that a pipeline adds.
pub(in crate::sigma) struct Added<'n> {
    pub(in crate::sigma) detection: Detection<'n>,
    pub(in crate::sigma) negated: bool,
}

/// The fields of a correlation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sigma) struct Grouping {
    pub(in crate::sigma) aliases: Vec<FieldAlias>,
    pub(in crate::sigma) group_by: Vec<String>,
    pub(in crate::sigma) kind: CorrelationKind,
}

/// What the pipelines remember while they work on one rule.
#[derive(Debug, Default)]
pub(super) struct Progress {
    made: usize,
    /// Ids of the items that ran.
    pub(super) applied: BTreeSet<String>,
    /// Ids of the items that made a field name what it is.
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
    pub(super) state: BTreeMap<String, YamlScalar>,
    pub(super) attributes: BTreeMap<String, YamlScalar>,
    /// Fields that a mapping knows, and what it made of them.
    pub(super) mapped: BTreeSet<String>,
}

impl Progress {
    /// Counts values and names that are made; false past the limit, which is that of a rule's value tests.
    pub(super) fn make(&mut self, count: usize) -> bool {
        self.made = self.made.saturating_add(count);
        !self.is_exhausted()
    }

    /// Whether the pipelines made more of a rule than they may.
    pub(super) fn is_exhausted(&self) -> bool {
        self.made > MAX_LEAVES
    }

    /// Gives up on a rule.
    pub(super) fn exhaust(&mut self) {
        self.made = usize::MAX;
    }
}

impl<'n> Draft<'n> {
    pub(in crate::sigma) fn rule(document: &'n Node, head: Range<usize>, scope: Scope, named: Vec<NamedDetection<'n>>) -> Self {
        Self { detections: vec![named], ..Self::new(document, head, vec![scope]) }
    }

    pub(in crate::sigma) fn correlation(document: &'n Node, head: Range<usize>, scopes: Vec<Scope>, grouping: Grouping) -> Self {
        Self { is_correlation: true, grouping: Some(grouping), ..Self::new(document, head, scopes) }
    }

    fn new(document: &'n Node, head: Range<usize>, scopes: Vec<Scope>) -> Self {
        Self {
            is_correlation: false,
            document,
            head,
            scopes,
            detections: Vec::new(),
            added: Vec::new(),
            grouping: None,
            output_fields: Vec::new(),
            progress: Progress::default(),
        }
    }

    /// Every detection, added ones included.
    pub(super) fn all_detections(&self) -> impl Iterator<Item = &Detection<'n>> {
        let own = self.detections.iter().flatten().map(|named| &named.detection);
        own.chain(self.added.iter().map(|added| &added.detection))
    }
}

//! The hosts of a store. They are few, so a test that none of them passes need not be asked of any event.
//!
//! A keyword asks every value of an event, its host among them, and the host lies in another table than the scanned one.
//! Asked event by event that made a hunt with all rules over events without messages four times slower.

use crate::ir::{Match, Pred};
use crate::plan::{FieldExpr, Plan};
use crate::store::{Store, StoreError};

/// More hosts than these are not looked at one by one.
// Bounds what is kept and asked for each test: in a store with more hosts the events themselves are asked.
const MAX_HOSTS: usize = 50_000;

/// The hosts of the events, as far as a hunt needs them.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// None: nobody asked, or there are too many.
    texts: Option<Vec<String>>,
}

impl Hosts {
    /// Reads the hosts of the store, where some plan asks for them.
    pub(super) fn of(store: &Store, plans: &[&Plan]) -> Result<Self, StoreError> {
        let asks = |leaf: &Pred<FieldExpr>| matches!(leaf, Pred::Match(Match { field: FieldExpr::Host, .. }));
        let is_asked = plans.iter().flat_map(|plan| &plan.branches).any(|branch| branch.filter.any_leaf(&asks));
        Ok(Self { texts: if is_asked { store.hosts(MAX_HOSTS)? } else { None } })
    }

    /// Whether it is known that no event can pass the test on its host.
    pub(super) fn none_passes(&self, test: &Match<FieldExpr>) -> bool {
        test.field == FieldExpr::Host
            && self.texts.as_ref().is_some_and(|texts| !texts.iter().any(|text| test.test.passes(text) != test.negated))
    }
}

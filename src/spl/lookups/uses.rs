//! The lookups of one search while it is parsed: what it reads, what it would write, what went into its result.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Lookups, Unusable, builtin_reason};
use crate::diag::SubjectKind;
use crate::ir::Table;
use crate::spl::cursor::Cursor;
use crate::spl::fault::SearchFault;
use crate::suggest::nearest;

/// How to mend it that a lookup is not there.
const GIVE_IT: &str = "give it as a CSV file of that name with the option `lookups`";

/// What a search does with lookups.
#[derive(Debug, Default)]
pub(in crate::spl) struct LookupUses<'l> {
    lookups: Option<&'l Lookups>,
    read: RefCell<BTreeSet<String>>,
    hashes: RefCell<BTreeMap<String, Arc<str>>>,
    written: RefCell<Vec<(String, Range<usize>)>>,
}

impl<'l> LookupUses<'l> {
    pub(in crate::spl) fn new(lookups: Option<&'l Lookups>) -> Self {
        Self { lookups, ..Self::default() }
    }

    /// The tables that went into the search, as `lookup name=hash`.
    pub(in crate::spl) fn used(&self) -> Vec<String> {
        self.hashes.borrow().iter().map(|(name, hash)| format!("lookup {name}={hash}")).collect()
    }

    /// The table of a name that stands at `span`. Nothing: it is a fault.
    pub(super) fn table(&self, cursor: &mut Cursor<'_>, name: &str, span: &Range<usize>) -> Option<Arc<Table>> {
        self.read.borrow_mut().insert(plain(name).to_owned());
        let unusable = match self.lookups.map_or(Err(Unusable::Absent(None)), |lookups| lookups.table(name)) {
            Ok(found) => {
                self.hashes.borrow_mut().insert(name.to_owned(), found.hash);
                return Some(found.table);
            }
            Err(unusable) => unusable,
        };
        cursor.faults.push(self.fault(unusable, name, span.clone()).about(SubjectKind::Lookup, name));
        None
    }

    fn fault(&self, unusable: Unusable, name: &str, span: Range<usize>) -> SearchFault {
        match unusable {
            Unusable::Absent(reason) => {
                let reason = reason.or_else(|| builtin_reason(name).map(str::to_owned));
                let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                let names = self.lookups.map(Lookups::names).unwrap_or_default();
                let near = if why.is_empty() { nearest(name, names) } else { None };
                let near = near.map(|near| format!("did you mean `{near}`? Otherwise ")).unwrap_or_default();
                SearchFault::error("spl-lookup-absent", format!("the lookup `{name}` is not there{why}"), span).hint(near + GIVE_IT)
            }
            Unusable::Empty => {
                let message = format!("the lookup `{name}` is empty: Splunk fills it while it runs");
                let hint = format!("{GIVE_IT}; a header line alone stands for one with nothing in it");
                SearchFault::error("spl-lookup-empty", message, span).hint(hint)
            }
            Unusable::Unsupported(feature) => {
                let message = format!("the definition of the lookup `{name}` has `{feature}`, which is not supported");
                SearchFault::error("spl-unsupported-lookup", message, span)
            }
            Unusable::Unreadable(reason) => {
                SearchFault::error("spl-lookup-unreadable", format!("the lookup `{name}` cannot be read: {reason}"), span)
            }
        }
    }

    /// Notes that the search would write a lookup.
    pub(super) fn writes(&self, name: &str, span: Range<usize>) {
        self.written.borrow_mut().push((name.to_owned(), span));
    }

    /// What is to be said of the lookups that the search would write, once all of it is read.
    ///
    /// A search that reads what it writes keeps a baseline: its rows go on as they are, and what it would write counts for
    /// later runs alone. One that only writes has no result that a hunt could give.
    pub(in crate::spl) fn faults(&self) -> Vec<SearchFault> {
        let written = self.written.borrow();
        written.iter().map(|(name, span)| self.write_fault(name, span.clone())).collect()
    }

    fn write_fault(&self, name: &str, span: Range<usize>) -> SearchFault {
        let fault = if !self.read.borrow().contains(plain(name)) {
            let message = format!("`outputlookup` would write the rows to the lookup `{name}`: a hunt only reads");
            return SearchFault::error("spl-unsupported-output", message, span).about(SubjectKind::Command, "outputlookup");
        } else if self.is_unfilled(name) {
            let message = format!("the lookup `{name}` is a baseline that the search fills itself, and nothing is in it");
            SearchFault::error("spl-lookup-empty", message, span).hint(GIVE_IT)
        } else {
            let message = format!("`outputlookup` writes nothing: the lookup `{name}` stays as it is, and the rows go on");
            SearchFault::note("spl-output-ignored", message, span)
        };
        fault.about(SubjectKind::Lookup, name)
    }

    /// Whether a table has no rows, and nobody gave it so. One that is not there was told already.
    fn is_unfilled(&self, name: &str) -> bool {
        let known = self.lookups.and_then(|lookups| lookups.table(name).ok());
        known.is_some_and(|found| found.table.rows.is_empty() && !found.is_given)
    }
}

/// The name of a lookup without the ending of its file.
fn plain(name: &str) -> &str {
    name.strip_suffix(".csv").unwrap_or(name)
}

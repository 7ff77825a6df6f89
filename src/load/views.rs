//! The views that people query: one for each event type, each Sigma category and each CIM dataset.
//!
//! The store makes the first kind by itself. The others stand on the taxonomy and on generated SQL, which the store does not know.

use crate::plan::{CategoryView, category_views};
use crate::sql::category_select;
use crate::store::{Store, StoreError, ViewDefinition};
use crate::taxonomy::Taxonomy;

/// Makes all views anew, for what the store holds now.
pub(super) fn make(store: &mut Store) -> Result<(), StoreError> {
    let catalog = store.catalog()?;
    let views = category_views(&catalog, Taxonomy::embedded());
    let definition = |view: &CategoryView| Some(ViewDefinition { name: view.name.clone(), select: category_select(view, &catalog)? });
    let definitions: Vec<ViewDefinition> = views.iter().filter_map(definition).collect();
    store.make_views(&definitions)
}

//! Views over several event types: one per Sigma category of Windows and one per CIM dataset.
//!
//! A category view has the Sigma names, a dataset view the CIM names; where the event types call a field differently,
//! the view has the one name (`process_creation.Image` is `NewProcessName` of event 4688).

use std::collections::BTreeMap;

use crate::catalog::{Catalog, EventType, TypeId};
use crate::ir::{Field, Pred, Vocabulary};
use crate::taxonomy::{LookupVocabulary, Selector, Taxonomy};

use super::FieldExpr;
use super::resolve::NameResolver;

/// A view over event types.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryView {
    /// Name: the category, or the dataset in lower case with `_` for `.` (`endpoint_processes`).
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// Its event types, ordered by id; never empty.
    pub members: Vec<CategoryMember>,
}

/// What one event type gives to a view.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryMember {
    /// The type.
    pub event_type: TypeId,
    /// Which of its events belong to the view.
    pub condition: Pred<FieldExpr>,
    /// For each column of the view where its value is.
    pub columns: Vec<FieldExpr>,
}

/// Most columns of a view. A view that would have more is not made.
// SQLite's default limit. Names are resolved for each type and column, so the count comes first.
const MAX_COLUMNS: usize = 2_000;

/// Returns the views whose event types the catalog has, by name; without those of more columns than a view can have.
pub fn category_views(catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<CategoryView> {
    let categories = taxonomy.categories("windows").map(|(name, s)| (name.to_owned(), s, Vocabulary::Sigma));
    let datasets = taxonomy.datasets().map(|(name, s)| (name.to_ascii_lowercase().replace('.', "_"), s, Vocabulary::Splunk));
    let mut views: Vec<CategoryView> =
        categories.chain(datasets).filter_map(|(name, selectors, v)| view(name, selectors, v, catalog, taxonomy)).collect();
    // Sorted: the file must be the same byte for byte whichever order the taxonomy has.
    views.sort_by(|a, b| a.name.cmp(&b.name));
    views
}

fn view(name: String, selectors: &[Selector], vocabulary: Vocabulary, catalog: &Catalog, taxonomy: &Taxonomy) -> Option<CategoryView> {
    let resolvers: Vec<(NameResolver<'_>, Option<&Selector>)> = catalog
        .types
        .iter()
        .filter_map(|ty| {
            let selector = selectors.iter().find(|s| s.selects(ty))?;
            Some((NameResolver::new(ty, Some(selector), taxonomy), Some(selector)))
        })
        .collect();
    if resolvers.is_empty() {
        return None;
    }
    // SQLite compares column names without case: one column for each folded name, in the spelling first met.
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for (resolver, selector) in &resolvers {
        for name in names(resolver.event_type(), *selector, vocabulary, taxonomy) {
            columns.entry(name.to_ascii_lowercase()).or_insert(name);
        }
    }
    if columns.len() > MAX_COLUMNS {
        return None;
    }
    let columns: Vec<String> = columns.into_values().collect();
    let members = resolvers
        .iter()
        .map(|(resolver, _)| CategoryMember {
            event_type: resolver.event_type().id,
            condition: Pred::all(resolver.conditions()),
            columns: columns.iter().map(|name| resolver.resolve(&Field { name: name.clone(), vocabulary }).value()).collect(),
        })
        .collect();
    Some(CategoryView { name, columns, members })
}

/// The names that an event type can answer in a vocabulary: Sigma has the stored and the renamed, a dataset the mapped.
fn names(event_type: &EventType, selector: Option<&Selector>, vocabulary: Vocabulary, taxonomy: &Taxonomy) -> Vec<String> {
    match vocabulary {
        Vocabulary::Sigma => {
            let renames = selector.map_or(&[][..], |s| &s.renames);
            let stored = event_type.columns.iter().map(|c| c.field.clone());
            renames.iter().map(|(name, _)| name.clone()).chain(stored).collect()
        }
        Vocabulary::Splunk | Vocabulary::Row => {
            // Capitals are spellings of the add-on; the CIM names that a dataset view shows are lower case.
            let lower = |name: &&&str| !name.starts_with('_') && !name.contains(|c: char| c.is_ascii_uppercase());
            taxonomy.names(event_type).all(LookupVocabulary::Splunk).iter().filter(lower).map(|name| (*name).to_owned()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FieldFunction;
    use crate::plan::tests::{catalog, column};

    #[test]
    fn views_have_one_name_for_what_types_call_differently() {
        let catalog = catalog();
        let views = category_views(&catalog, Taxonomy::embedded());
        let view = |name: &str| views.iter().find(|v| v.name == name).expect("the fixture has its events");
        let at = |view: &CategoryView, id: u32, name: &str| {
            let position = view.columns.iter().position(|c| c == name).expect("the view has the column");
            let member = view.members.iter().find(|m| m.event_type == TypeId(id)).expect("the type is a member");
            member.columns[position].clone()
        };
        let processes = view("process_creation");
        assert_eq!(at(processes, 2, "Image"), column(&catalog, 2, "NewProcessName"));
        assert_eq!(at(processes, 3, "Image"), column(&catalog, 3, "Image"));
        assert_eq!(at(processes, 3, "MandatoryLabel"), FieldExpr::Missing);
        assert_eq!(processes.columns.iter().filter(|c| c.eq_ignore_ascii_case("image")).count(), 1);
        let endpoint = view("endpoint_processes");
        let base = |column| FieldExpr::Apply(FieldFunction::BaseName, Box::new(column));
        assert_eq!(at(endpoint, 2, "process_name"), base(column(&catalog, 2, "NewProcessName")));
        assert_eq!(at(endpoint, 3, "process_name"), base(column(&catalog, 3, "Image")));
        assert!(matches!(view("registry_add").members[0].condition, Pred::Match(_)));
        assert!(views.iter().all(|v| v.name != "dns_query"), "no event of it is there");
    }
}

//! Views over several event types: one per Sigma category of Windows and one per CIM dataset.
//!
//! A category view has the Sigma names, a dataset view the CIM names; where the event types call a field differently,
//! the view has the one name (`process_creation.Image` is `NewProcessName` of event 4688).

use std::collections::BTreeMap;

use crate::catalog::{Catalog, TypeId};
use crate::ir::{Field, Pred, Vocabulary};
use crate::taxonomy::{Dataset, Selector, Taxonomy};

use super::FieldExpr;
use super::resolve::NameResolver;
use super::scope::{self, Scoped};

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
    let categories = taxonomy.categories("windows").filter_map(|(name, selectors)| category(name, selectors, catalog, taxonomy));
    let datasets = taxonomy.datasets().filter_map(|dataset| rows_of(dataset, catalog, taxonomy));
    let mut views: Vec<CategoryView> = categories.chain(datasets).collect();
    views.sort_by(|a, b| a.name.cmp(&b.name));
    views
}

fn category(name: &str, selectors: &[Selector], catalog: &Catalog, taxonomy: &Taxonomy) -> Option<CategoryView> {
    let scoped = catalog.types.iter().filter_map(|ty| Some(Scoped::new(ty, Some(selectors.iter().find(|s| s.selects(ty))?))));
    let scoped: Vec<Scoped<'_>> = scoped.collect();
    // SQLite compares column names without case: one column for each folded name, in the spelling first met.
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for of in &scoped {
        let renamed = of.selector.into_iter().flat_map(|s| &s.renames).map(|(name, _)| name);
        for name in renamed.chain(of.event_type.columns.iter().map(|column| &column.field)) {
            columns.entry(name.to_ascii_lowercase()).or_insert_with(|| name.clone());
        }
    }
    view(name.to_owned(), columns.into_values().collect(), scoped, Vocabulary::Sigma, taxonomy)
}

/// The view of a dataset: the fields that an event can have, whether or not the store has such events.
fn rows_of(dataset: Dataset<'_>, catalog: &Catalog, taxonomy: &Taxonomy) -> Option<CategoryView> {
    let fields = dataset.fields().into_iter().filter(|(_, (_, field))| !field.is_enriched);
    let columns = fields.map(|(name, _)| name.to_owned()).collect();
    view(view_name(dataset), columns, scope::rows_of(dataset, false, catalog), Vocabulary::Splunk, taxonomy)
}

/// The name of a dataset's view: that of the model alone where the dataset is called the same.
fn view_name(dataset: Dataset<'_>) -> String {
    let name = if dataset.model() == dataset.name() { dataset.name().to_owned() } else { dataset.full_name() };
    name.to_ascii_lowercase().replace('.', "_")
}

fn view(name: String, columns: Vec<String>, scoped: Vec<Scoped<'_>>, vocabulary: Vocabulary, taxonomy: &Taxonomy) -> Option<CategoryView> {
    if scoped.is_empty() || columns.len() > MAX_COLUMNS {
        return None;
    }
    let member = |scoped| {
        let resolver = NameResolver::new(scoped, taxonomy);
        let column = |name: &String| resolver.resolve(&Field { name: name.clone(), vocabulary }).value();
        let (event_type, condition) = (resolver.event_type().id, Pred::all(resolver.conditions()));
        CategoryMember { event_type, condition, columns: columns.iter().map(column).collect() }
    };
    let members = scoped.into_iter().map(member).filter(|member| member.condition != Pred::False).collect::<Vec<_>>();
    (!members.is_empty()).then_some(CategoryView { name, columns, members })
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
        let base = |column| {
            let name = FieldExpr::Apply(FieldFunction::BaseName, Box::new(column));
            FieldExpr::Default(Box::new(name), "unknown".to_owned())
        };
        assert_eq!(at(endpoint, 2, "process_name"), base(column(&catalog, 2, "NewProcessName")));
        assert_eq!(at(endpoint, 3, "process_name"), base(column(&catalog, 3, "Image")));
        assert!(matches!(view("registry_add").members[0].condition, Pred::Match(_)));
        assert!(views.iter().all(|v| v.name != "dns_query"), "no event of it is there");
    }
}

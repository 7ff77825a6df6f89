//! Datasets: what a name is in the rows of a data model.
//!
//! A row has the dataset's fields and no others. Each is, in this order: what the selector of its event type says, a formula
//! over other fields, the event's add-on name (rules/fields); and a text where the model has one for what is missing or empty.

use crate::catalog::EventType;
use crate::ir::{Case, Field, Glob, Match, Pred, Scope, Test, Vocabulary};
use crate::taxonomy::{Dataset, ModelField, RowCondition, Selector, Taxonomy};

use super::FieldExpr;
use super::fold::fold_test;
use super::resolve::{NameResolver, Resolved, or_default};

/// What every row has beside its dataset's fields, without a prefix.
const OF_EVERY_ROW: [&str; 8] = ["_time", "_raw", "host", "source", "sourcetype", "index", "eventtype", NODE_NAME];

/// The field that says of which datasets a row is.
const NODE_NAME: &str = "nodename";

/// The field with the tags by which events are rows.
pub(super) const TAG: &str = "tag";

/// The events of one type as rows of a dataset.
#[derive(Debug, Clone)]
pub(super) struct DatasetRows<'a> {
    dataset: Dataset<'a>,
    /// Whether names have the dataset's in front of them.
    is_prefixed: bool,
    /// By which its events are rows, the root's first.
    selectors: Vec<&'a Selector>,
}

impl<'a> DatasetRows<'a> {
    /// Makes the rows; `None` where the type's events are not rows of the dataset.
    pub(super) fn new(dataset: Dataset<'a>, is_prefixed: bool, event_type: &EventType) -> Option<Self> {
        Some(Self { dataset, is_prefixed, selectors: dataset.selectors(event_type)? })
    }

    /// The names that its fields go by.
    pub(super) fn names(&self) -> Vec<String> {
        names(self.dataset, self.is_prefixed)
    }

    /// Returns the name without a prefix, where every row has it.
    pub(super) fn of_every_row<'n>(&self, name: &'n str) -> Option<&'n str> {
        let short = self.dataset.split(name).map_or(name, |(_, rest)| rest);
        OF_EVERY_ROW.contains(&short).then_some(short)
    }
}

/// The names of a dataset's fields and of those of its parts, as rules write them.
pub(super) fn names(dataset: Dataset<'_>, is_prefixed: bool) -> Vec<String> {
    let mut out: Vec<String> = dataset.fields().into_iter().map(|(name, (of, _))| written(of, name, is_prefixed)).collect();
    out.push(written(dataset, TAG, is_prefixed));
    for part in dataset.descendants() {
        let own = part.fields().into_iter().filter(|(name, _)| dataset.field(name).is_none());
        out.extend(own.map(|(name, (of, _))| written(of, name, true)));
    }
    out.extend(OF_EVERY_ROW.into_iter().filter(|name| *name != "_raw").map(str::to_owned));
    out.sort_unstable();
    out.dedup();
    out
}

fn written(of: Dataset<'_>, name: &str, is_prefixed: bool) -> String {
    if is_prefixed { format!("{}.{name}", of.path()) } else { name.to_owned() }
}

/// Whether a name is one of a scope's dataset; true for every other scope.
pub fn is_field_of(scope: &Scope, name: &str, taxonomy: &Taxonomy) -> bool {
    let Scope::Dataset { model, object, prefix } = scope else { return true };
    let Some(dataset) = taxonomy.dataset(model, object) else { return true };
    OF_EVERY_ROW.contains(&name) || found(dataset, prefix.is_some(), name).is_some()
}

/// Returns the dataset that a name's field is looked up in, and the field's name there.
fn found<'a, 'n>(dataset: Dataset<'a>, is_prefixed: bool, name: &'n str) -> Option<(Dataset<'a>, &'n str)> {
    let whole = (!is_prefixed).then_some((dataset, name));
    let (of, name) = whole.filter(|(of, name)| is_listed(*of, name)).or_else(|| dataset.split(name))?;
    is_listed(of, name).then_some((of, name))
}

fn is_listed(dataset: Dataset<'_>, name: &str) -> bool {
    name == TAG || dataset.field(name).is_some()
}

impl<'a> NameResolver<'a> {
    /// Resolves a name in the rows of a dataset.
    pub(super) fn in_rows(&self, rows: &DatasetRows<'a>, name: &str) -> Resolved {
        match rows.of_every_row(name) {
            Some(NODE_NAME) => return Resolved::Nodes(self.nodes(rows)),
            Some(name) => return self.of_event(&splunk(name)),
            None => {}
        }
        let Some((of, name)) = found(rows.dataset, rows.is_prefixed, name) else { return Resolved::One(FieldExpr::Missing) };
        if name == TAG {
            return Resolved::Synonyms(self.tags(rows));
        }
        match of.field(name) {
            Some(field) if of.path().len() <= rows.dataset.path().len() => self.field_of_row(rows, name, field),
            // Not every row is one of the part that has the field, so it has no default; other rows have no value.
            Some(field) if of.selectors(self.event_type()).is_some() => {
                self.field_of_row(rows, name, &ModelField { default: None, ..field.clone() })
            }
            _ => Resolved::One(FieldExpr::Missing),
        }
    }

    fn field_of_row(&self, rows: &DatasetRows<'a>, name: &str, field: &ModelField) -> Resolved {
        let value = match &field.formula {
            Some(formula) => self.build_from(formula, &|name| self.without_formula(rows, name).value()),
            None => self.without_formula(rows, name),
        };
        match &field.default {
            Some(default) => or_default(value, default),
            None => value,
        }
    }

    fn without_formula(&self, rows: &DatasetRows<'a>, name: &str) -> Resolved {
        let mut renames = rows.selectors.iter().rev().flat_map(|selector| &selector.renames);
        match renames.find(|(renamed, _)| renamed == name) {
            Some((_, definition)) => self.build(definition),
            None => self.of_event(&splunk(name)),
        }
    }

    /// The tags of the rows: those of the dataset, and of the parts that all events of the type are rows of.
    fn tags(&self, rows: &DatasetRows<'a>) -> Vec<String> {
        let parts = rows.dataset.descendants().filter(|part| self.condition_of(rows, *part).is_some_and(|pred| pred == Pred::True));
        let mut out: Vec<String> = std::iter::once(rows.dataset).chain(parts).flat_map(Dataset::tags).map(str::to_owned).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The tags of the type's events: those of each dataset that they are rows of, with when they are.
    pub(super) fn tags_of_event(&self, taxonomy: &'a Taxonomy) -> Resolved {
        let mut tags: Vec<(String, Pred<FieldExpr>)> = Vec::new();
        for dataset in taxonomy.datasets() {
            let Some(rows) = DatasetRows::new(dataset, false, self.event_type()) else { continue };
            let when = Pred::all(self.conditions_of_rows(&rows));
            if when != Pred::False {
                tags.extend(dataset.tags().map(|tag| (tag.to_owned(), when.clone())));
            }
        }
        if tags.is_empty() { Resolved::One(FieldExpr::Missing) } else { Resolved::Tags(tags) }
    }

    /// The datasets that rows of the type may be of, each with when they are.
    fn nodes(&self, rows: &DatasetRows<'a>) -> Vec<(String, Pred<FieldExpr>)> {
        let parents = rows.dataset.lineage().into_iter().map(|of| (of.path(), Pred::True));
        let parts = rows.dataset.descendants().filter_map(|part| Some((part.path(), self.condition_of(rows, part)?)));
        parents.chain(parts).filter(|(_, condition)| *condition != Pred::False).collect()
    }

    /// When a row is also a row of a part of its dataset; `None`: never.
    fn condition_of(&self, rows: &DatasetRows<'a>, part: Dataset<'a>) -> Option<Pred<FieldExpr>> {
        let selectors = part.selectors(self.event_type())?;
        let own = part.conditions().skip(rows.dataset.conditions().count());
        let parts: Vec<_> = own.map(|condition| self.holds(rows, condition)).collect();
        Some(Pred::all(selectors.iter().skip(1).flat_map(|selector| self.conditions_of(selector)).chain(parts)))
    }

    /// What must hold of an event for it to be a row.
    pub(super) fn conditions_of_rows(&self, rows: &DatasetRows<'a>) -> Vec<Pred<FieldExpr>> {
        let of_selectors = rows.selectors.iter().flat_map(|selector| self.conditions_of(selector));
        of_selectors.chain(rows.dataset.conditions().map(|condition| self.holds(rows, condition))).collect()
    }

    fn holds(&self, rows: &DatasetRows<'a>, condition: &RowCondition) -> Pred<FieldExpr> {
        let all = Pred::all(condition.fields.iter().map(|(name, values)| {
            let unlisted = ModelField::default();
            let resolved = self.field_of_row(rows, name, rows.dataset.field(name).unwrap_or(&unlisted));
            Pred::any(values.iter().map(|value| {
                let test = Test::Glob { glob: Glob::wildcard(value), case: Case::Ignore };
                fold_test(&resolved, &Match { field: (), test, negated: false, span: 0..0 })
            }))
        }));
        if condition.negated { all.negated() } else { all }
    }
}

fn splunk(name: &str) -> Field {
    Field { name: name.to_owned(), vocabulary: Vocabulary::Splunk }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::ir::{Query, Stage, Stats};
    use crate::plan::tests::{catalog, column, event_type};
    use crate::plan::{FieldFunction, known_fields, plan, resolve};

    fn scope(model: &str, object: &str, prefix: Option<&str>) -> Scope {
        Scope::Dataset { model: model.to_owned(), object: object.to_owned(), prefix: prefix.map(str::to_owned) }
    }

    fn at(scope: &Scope, catalog: &Catalog, id: usize, name: &str) -> FieldExpr {
        resolve(&splunk(name), scope, &catalog.types[id - 1], Taxonomy::embedded())
    }

    fn search(scope: Scope, name: &str, text: &str) -> Query {
        let test = Test::Glob { glob: Glob::wildcard(text), case: Case::Ignore };
        let filter = Pred::Match(Match { field: splunk(name), test, negated: false, span: 0..0 });
        Query { source: crate::ir::Source::Events(scope), filter, stages: Vec::new() }
    }

    fn matches(scope: &Scope, name: &str, text: &str, catalog: &Catalog) -> Vec<(u32, Pred<FieldExpr>)> {
        let plan = plan(&search(scope.clone(), name, text), &[], catalog, Taxonomy::embedded());
        plan.branches.into_iter().map(|branch| (branch.event_type.0, branch.filter)).collect()
    }

    #[test]
    fn names_have_the_prefix_that_the_scope_says() {
        let catalog = catalog();
        let (with, without) = (scope("Endpoint", "Processes", Some("Processes")), scope("endpoint", "processes", None));
        let base = FieldExpr::Apply(FieldFunction::BaseName, Box::new(column(&catalog, 2, "NewProcessName")));
        let name = FieldExpr::Default(Box::new(base), "unknown".to_owned());
        assert_eq!(at(&with, &catalog, 2, "Processes.process_name"), name);
        assert_eq!(at(&without, &catalog, 2, "process_name"), name);
        for absent in ["process_name", "processes.process_name", "Registry.process_name", "Processes.NewProcessName", "NewProcessName"] {
            assert_eq!(at(&with, &catalog, 2, absent), FieldExpr::Missing, "{absent}");
        }
        assert_eq!(at(&without, &catalog, 2, "NewProcessName"), FieldExpr::Missing);
        for name in ["_time", "Processes._time"] {
            assert_eq!(at(&with, &catalog, 2, name), FieldExpr::Time);
        }
        assert_eq!(at(&with, &catalog, 2, "host"), FieldExpr::Host);
        assert_eq!(at(&without, &catalog, 2, "nodename"), FieldExpr::Constant("Processes".to_owned()));
    }

    #[test]
    fn what_is_missing_is_unknown_where_the_model_says_so() {
        let catalog = catalog();
        let processes = scope("Endpoint", "Processes", Some("Processes"));
        assert_eq!(at(&processes, &catalog, 2, "Processes.original_file_name"), FieldExpr::Constant("unknown".to_owned()));
        assert_eq!(at(&processes, &catalog, 2, "Processes.process_current_directory"), FieldExpr::Missing);
        assert_eq!(at(&processes, &catalog, 2, "Processes.dest_category"), FieldExpr::Missing);
    }

    /// A test of a field with a default asks for the field alone.
    #[test]
    fn tests_of_defaults_fold() {
        let catalog = catalog();
        let processes = scope("Endpoint", "Processes", None);
        let asks = |text: &str| {
            let all = matches(&processes, "process", text, &catalog);
            all.into_iter().find(|(id, _)| *id == 3).map(|(_, filter)| format!("{filter:?}"))
        };
        for text in ["*", "unknown", "*know*", "a", ""] {
            let folded = asks(text).unwrap_or_default();
            assert!(!folded.contains("Default"), "{text}: {folded}");
        }
        assert_eq!(asks("*").as_deref(), Some("True"));
        assert!(asks("a").is_some_and(|folded| folded.starts_with("Match")));
        assert!(asks("*know*").is_some_and(|folded| folded.starts_with("Or")));
    }

    #[test]
    fn rows_of_parts_are_those_that_the_condition_selects() {
        let fields = ["TargetUserName", "SubjectUserName", "LogonType"];
        let mut catalog = Catalog { types: vec![event_type(1, "windows", "Security", "4624", &fields)] };
        catalog.types.push(event_type(2, "windows", "Security", "4625", &fields));
        catalog.types.push(event_type(3, "windows", "Security", "4776", &["TargetUserName", "Status"]));
        catalog.types.push(event_type(4, "windows", "Security", "4720", &fields));
        let root = scope("Authentication", "", Some("Authentication"));
        let failed = scope("Authentication", "Failed_Authentication", Some("Failed_Authentication"));
        let ids = |found: Vec<(u32, Pred<FieldExpr>)>| found.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids(matches(&failed, "_time", "*", &catalog)), [2, 3]);
        assert_eq!(ids(matches(&root, "nodename", "Authentication.Failed_Authentication", &catalog)), [2, 3]);
        assert_eq!(ids(matches(&root, "nodename", "Authentication", &catalog)), [1, 2, 3]);
        assert_eq!(ids(matches(&root, "Authentication.tag", "authentication", &catalog)), [1, 2, 3]);
        // A machine's own success is not a row.
        let (_, success) = matches(&root, "_time", "*", &catalog).remove(0);
        assert!(matches!(success, Pred::And(parts) if parts.iter().any(|part| matches!(part, Pred::Not(_)))));
        let accounts = scope("Change", "All_Changes", Some("All_Changes"));
        let of_part = at(&accounts, &catalog, 4, "All_Changes.Account_Management.src_user");
        assert_eq!(of_part, column(&catalog, 4, "SubjectUserName"));
        assert_eq!(ids(matches(&accounts, "nodename", "All_Changes.Account_Management.Accounts_Created", &catalog)), [4]);
    }

    #[test]
    fn names_that_no_dataset_has_are_known_as_such() {
        let taxonomy = Taxonomy::embedded();
        let scope = scope("Change", "", Some("All_Changes"));
        for (name, is_there) in [
            ("All_Changes.user", true),
            ("All_Changes.src_priority", true),
            ("All_Changes.Instance_Changes.image_id", true),
            ("All_Changes.tag", true),
            ("nodename", true),
            ("user", false),
            ("All_Changes.image_id", false),
            ("All_Changes.usr", false),
        ] {
            assert_eq!(is_field_of(&scope, name, taxonomy), is_there, "{name}");
        }
        let known = known_fields(&scope, &catalog(), taxonomy);
        assert!(known.iter().any(|name| name == "All_Changes.Instance_Changes.image_id") && known.iter().any(|name| name == "_time"));
    }

    #[test]
    fn a_dataset_without_events_says_so() {
        for (model, object, code) in [
            ("Risk", "All_Risk", "plan-dataset-nowhere"),
            ("Endpoint", "", "plan-unknown-dataset"),
            ("Endpoint", "Nonsense", "plan-unknown-dataset"),
            ("Nonsense", "", "plan-unknown-dataset"),
        ] {
            let plan = plan(&search(scope(model, object, None), "_time", "*"), &[], &catalog(), Taxonomy::embedded());
            assert_eq!(plan.notes[0].code, code, "{model}.{object}");
        }
    }

    /// A row has the dataset's fields, not those of its event: a pattern means the former.
    #[test]
    fn patterns_mean_the_fields_of_the_dataset() {
        let mut query = search(scope("Endpoint", "Registry", None), "_time", "*");
        query.stages = vec![Stage::Keep(vec!["registry_*".to_owned()])];
        let of_keep = plan(&query, &[], &catalog(), Taxonomy::embedded());
        let names: Vec<&str> = of_keep.result().columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names[..2], ["registry_hive", "registry_key_name"]);
        query.stages = vec![Stage::Stats(Stats { aggregates: vec![], by: vec![splunk("dest")], fill_null_by: None })];
        assert_eq!(plan(&query, &[], &catalog(), Taxonomy::embedded()).branches.len(), 1);
    }
}

//! What a name is in the rows of a dataset, read as the first comments of `rules/datamodels` say.

use retrohunt::catalog::EventType;
use retrohunt::ir::{Case, Field, Glob, Match, Part, Pred, Test, Vocabulary};
use retrohunt::taxonomy::Dataset;

use super::lookup::{Place, find_as_splunk, place, place_over};

/// Names that rows have whatever their dataset.
pub(crate) const GENERAL: [&str; 7] = ["_time", "_raw", "host", "source", "sourcetype", "index", "eventtype"];

/// Finds a name in an event type whose events are rows of a dataset.
pub(crate) fn find(dataset: Dataset<'static>, prefixed: bool, name: &str, event_type: &EventType) -> Place {
    let parts: Vec<&str> = name.split('.').collect();
    let related: Vec<Dataset<'_>> = dataset.lineage().into_iter().chain(dataset.descendants()).collect();
    let named: Vec<Dataset<'_>> =
        parts.iter().map_while(|part| related.iter().copied().find(|of| of.name() == *part)).take(parts.len() - 1).collect();
    let short = parts[named.len()..].join(".");
    if GENERAL.contains(&short.as_str()) {
        return find_as_splunk(&short, event_type);
    }
    if short == "nodename" {
        let always = related.iter().filter(|of| is_always(**of, dataset, event_type));
        return Place::Constants(always.map(|of| of.path()).collect());
    }
    if !prefixed && (name == "tag" || dataset.field(name).is_some()) {
        return field(dataset, dataset, name, event_type);
    }
    match named.last() {
        Some(of) => field(dataset, *of, &short, event_type),
        None => Place::Missing,
    }
}

/// Whether every row of the dataset in the type is one of another dataset too.
fn is_always(of: Dataset<'_>, dataset: Dataset<'_>, event_type: &EventType) -> bool {
    let is_parent = dataset.lineage().iter().any(|parent| parent.path() == of.path());
    let unconditional = of.conditions().count() == dataset.conditions().count();
    let selectors = of.selectors(event_type);
    is_parent || (unconditional && selectors.is_some_and(|selectors| selectors.iter().skip(1).all(|s| s.conditions.is_empty())))
}

fn field(dataset: Dataset<'_>, of: Dataset<'_>, name: &str, event_type: &EventType) -> Place {
    if name == "tag" {
        let related = dataset.lineage().into_iter().chain(dataset.descendants());
        let mut tags: Vec<String> =
            related.filter(|of| is_always(*of, dataset, event_type)).flat_map(Dataset::tags).map(str::to_owned).collect();
        tags.sort();
        tags.dedup();
        return Place::Constants(tags);
    }
    let (Some(found), Some(selectors)) = (of.field(name), of.selectors(event_type)) else { return Place::Missing };
    let plain = |name: &str| {
        let renames = selectors.iter().rev().flat_map(|selector| &selector.renames);
        match renames.into_iter().find(|(from, _)| from == name) {
            Some((_, definition)) => place(definition, event_type),
            None => find_as_splunk(name, event_type),
        }
    };
    let value = found.formula.as_ref().map_or_else(|| plain(name), |formula| place_over(formula, event_type, &plain));
    let is_part = !dataset.lineage().iter().any(|parent| parent.path() == of.path());
    match &found.default {
        Some(text) if !is_part && matches!(value, Place::Missing) => Place::Constants(vec![text.clone()]),
        Some(text) if !is_part => Place::OrText(Box::new(value), text.clone()),
        _ => value,
    }
}

/// What a dataset asks of its rows beside where they come from, over names as rules write them.
pub(crate) fn conditions(dataset: Dataset<'_>, prefixed: bool) -> Vec<Pred> {
    let written = |name: &str| if prefixed { format!("{}.{name}", dataset.path()) } else { name.to_owned() };
    let one = |name: &str, value: &str| {
        let pieces = value.split('*').enumerate();
        let parts = pieces.flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())]));
        let test = Test::Glob { glob: Glob::new(parts), case: Case::Ignore };
        Pred::Match(Match { field: Field { name: written(name), vocabulary: Vocabulary::Splunk }, test, negated: false, span: 0..0 })
    };
    let all = dataset.conditions().map(|condition| {
        let fields = condition.fields.iter().map(|(name, values)| Pred::Or(values.iter().map(|value| one(name, value)).collect()));
        let holds = Pred::And(fields.collect());
        if condition.negated { Pred::Not(Box::new(holds)) } else { holds }
    });
    all.collect()
}

//! What a rule asks for that no log which this program reads can give it, known without a store.

use crate::diag::{Diagnostic, Severity, SubjectKind};
use crate::event::fold_into;
use crate::ir::{Match, Part, Pred, Query, Rule, Scope, Source, Stage, Test};
use crate::taxonomy::{Dataset, LogSource, Taxonomy};

/// The names under which Splunk says where an event comes from. Their values are constants of event types.
const SOURCE_FIELDS: [&str; 3] = ["source", "sourcetype", "eventtype"];

/// The field whose values say of which data models an event is a row.
const TAG: &str = "tag";

/// What Splunk makes of the markup of a Windows event, where a store keeps its elements as fields of their own, and not the text.
const MARKUP_FIELDS: [&str; 2] = ["EventData_Xml", "System_Props_Xml"];

/// Notes of what a rule asks for that no log can give: a log source or data model that nothing here knows, the markup of events.
pub fn needs(rule: &Rule, taxonomy: &Taxonomy) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    of_query(&rule.query, taxonomy, &mut found);
    found.dedup();
    let place = rule.origin.scope.clone();
    found.into_iter().map(|need| need.note().at(&rule.origin.source, place.clone())).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Need {
    /// `sourcetype=…` that no event has.
    Source(String),
    /// A Sigma log source that no event log holds.
    Nowhere(String),
    /// A dataset that is not known.
    UnknownDataset(String),
    /// A dataset whose events are in no log that is read.
    EmptyDataset(String),
    /// A field with the markup of the event.
    Markup(String),
}

impl Need {
    fn note(self) -> Diagnostic {
        let coded = |code, message, kind, name| Diagnostic::new(Severity::Note, code, message).about(kind, name);
        let note = |message, kind, name| coded("rule-needs-logsource", message, kind, name);
        match self {
            Self::Source(name) => note(format!("no log that retrohunt reads has `{name}`"), SubjectKind::LogSource, name),
            Self::Nowhere(name) => note(format!("no log that retrohunt reads has the events of `{name}`"), SubjectKind::LogSource, name),
            Self::UnknownDataset(name) => note(format!("retrohunt does not know the data set `{name}`"), SubjectKind::DataModel, name),
            Self::EmptyDataset(name) => {
                note(format!("no log that retrohunt reads has rows of the data set `{name}`"), SubjectKind::DataModel, name)
            }
            Self::Markup(name) => {
                let message =
                    format!("the search groups by `{name}`, the markup of an event, which only exports of Splunk have as a field");
                coded("rule-needs-field", message, SubjectKind::Field, name)
            }
        }
    }
}

fn of_query(query: &Query, taxonomy: &Taxonomy, out: &mut Vec<Need>) {
    if let Source::Events(scope) = &query.source {
        of_scope(scope, taxonomy, out);
        // Filters that follow directly are part of the condition.
        let filters = query.stages.iter().map_while(|stage| match stage {
            Stage::Filter(pred) => Some(pred),
            _ => None,
        });
        for pred in std::iter::once(&query.filter).chain(filters) {
            let mut absent = Vec::new();
            if !possible(pred, taxonomy, &mut absent) {
                out.extend(absent.into_iter().map(Need::Source));
            }
        }
        out.extend(markup_grouped_by(&query.stages).into_iter().map(Need::Markup));
    }
    for stage in &query.stages {
        // Without partners an inner join has no rows; everything else in brackets only adds some.
        if let Stage::Join(join) = stage
            && !join.left
        {
            of_query(&join.query, taxonomy, out);
        }
    }
}

fn of_scope(scope: &Scope, taxonomy: &Taxonomy, out: &mut Vec<Need>) {
    match scope {
        Scope::Any => {}
        Scope::LogSource { product, category, service } => {
            if taxonomy.log_source(product.as_deref(), category.as_deref(), service.as_deref()) == LogSource::Nowhere {
                let parts = [product, category, service].into_iter().flatten().map(String::as_str);
                out.push(Need::Nowhere(parts.collect::<Vec<_>>().join(" ")));
            }
        }
        Scope::Dataset { model, object, .. } => {
            let name = || if object.is_empty() { model.clone() } else { format!("{model}.{object}") };
            match taxonomy.dataset(model, object) {
                None => out.push(Need::UnknownDataset(name())),
                Some(dataset) if !dataset.has_events() => out.push(Need::EmptyDataset(name())),
                Some(_) => {}
            }
        }
    }
}

/// The markup by which the first statistics group. An event without it is in no group, so there are none.
fn markup_grouped_by(stages: &[Stage]) -> Vec<String> {
    // Any other stage may make a column of this name.
    let mut rest = stages.iter().skip_while(|stage| matches!(stage, Stage::Filter(_) | Stage::Unpack(_)));
    let Some(Stage::Stats(stats)) = rest.next() else { return Vec::new() };
    let is_markup = |name: &&str| stats.fill_null_by.is_none() && MARKUP_FIELDS.contains(name);
    stats.by.iter().map(|field| field.name.as_str()).filter(is_markup).map(str::to_owned).collect()
}

/// Whether a condition can hold for an event of any log source that is known. `absent` gets what no event has.
fn possible(pred: &Pred, taxonomy: &Taxonomy, absent: &mut Vec<String>) -> bool {
    match pred {
        Pred::And(parts) => parts.iter().all(|part| possible(part, taxonomy, absent)),
        Pred::Or(parts) => {
            let before = absent.len();
            let any = parts.iter().any(|part| possible(part, taxonomy, absent));
            if any {
                absent.truncate(before);
            }
            any
        }
        Pred::Match(matched) if !matched.negated && (matched.field.name == TAG || SOURCE_FIELDS.contains(&matched.field.name.as_str())) => {
            let any = match matched.field.name.as_str() {
                TAG => taxonomy.datasets().filter(|of| of.has_events()).flat_map(Dataset::tags).any(|tag| matched.test.passes(tag)),
                name => taxonomy.constants(name).iter().any(|constant| may_pass(&matched.test, constant)),
            };
            if !any {
                absent.push(shown(matched));
            }
            any
        }
        Pred::False => false,
        _ => true,
    }
}

/// Whether a constant of an event type may pass. `$dataset` and the like in it stand for any text.
fn may_pass(test: &Test, constant: &str) -> bool {
    let Some((before, _)) = constant.split_once('$') else { return test.passes(constant) };
    let Test::Glob { glob, .. } = test else { return true };
    let literal = match glob.parts().first() {
        Some(Part::Text(text)) => text.as_str(),
        Some(_) => "",
        None => return false,
    };
    let (literal, before) = (folded(literal), folded(before));
    let exact = glob.as_literal().is_some();
    literal.starts_with(&before) || (!exact && before.starts_with(&literal))
}

fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// The sources that the condition of a search names, as it would say them: `sourcetype=aws:firehose`.
pub fn named_sources(query: &Query) -> Vec<String> {
    let mut out = Vec::new();
    let filters = query.stages.iter().map_while(|stage| match stage {
        Stage::Filter(pred) => Some(pred),
        _ => None,
    });
    for pred in std::iter::once(&query.filter).chain(filters) {
        pred.each_leaf(&mut |leaf| {
            if let Pred::Match(matched) = leaf
                && !matched.negated
                && SOURCE_FIELDS.contains(&matched.field.name.as_str())
                && !out.contains(&shown(matched))
            {
                out.push(shown(matched));
            }
        });
    }
    out
}

/// `sourcetype=aws:firehose`, as a search would say it.
fn shown(matched: &Match) -> String {
    let value = match &matched.test {
        Test::Glob { glob, .. } => glob
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Any => "*",
                Part::One => "?",
            })
            .collect(),
        _ => "…".to_owned(),
    };
    format!("{}={value}", matched.field.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_text};

    fn needed(search: &str) -> Vec<String> {
        let text = format!("name: Own\nid: 11111111-2222-4333-8444-555555555555\nsearch: '{search}'\n");
        let set = load_text("own.yml", &text, &CompileOptions::default());
        assert_eq!(set.rules.len(), 1, "{search}: {:?}", set.diagnostics);
        let notes = needs(&set.rules[0], Taxonomy::embedded());
        assert!(notes.iter().all(|note| note.severity == Severity::Note && note.code.starts_with("rule-needs-")));
        notes.into_iter().map(|note| note.subject.unwrap().name).collect()
    }

    #[test]
    fn a_source_type_that_no_event_has_is_named() {
        assert_eq!(needed("sourcetype=our:own:thing a=1"), ["sourcetype=our:own:thing"]);
        assert_eq!(needed("(sourcetype=our:one OR source=\"our two\") a=1"), ["sourcetype=our:one", "source=our two"]);
        assert_eq!(needed("a=1 | search eventtype=our_*"), ["eventtype=our_*"]);
        assert_eq!(needed("tag=our_own a=1"), ["tag=our_own"]);
    }

    #[test]
    fn the_markup_of_an_event_is_named_where_rows_need_it() {
        assert_eq!(needed("EventCode=70 | xmlkv EventData_Xml | stats count by Computer, EventData_Xml"), ["EventData_Xml"]);
        for search in [
            "EventCode=70 | spath input=EventData_Xml | stats count by Computer",
            "EventCode=70 | stats count values(EventData_Xml) by Computer",
            "EventCode=70 | eval EventData_Xml=Message | stats count by EventData_Xml",
            "EventCode=70 | xmlkv UserData_Xml | stats count by Computer, UserData_Xml",
        ] {
            assert_eq!(needed(search), [""; 0], "{search}");
        }
    }

    #[test]
    fn sources_that_are_known_or_not_asked_for_are_not() {
        for search in [
            "a=1",
            "sourcetype=aws:cloudtrail",
            "sourcetype=MSExchange:management EventCode=1",
            "source=XmlWinEventLog:Our-Channel/Operational",
            "source=xmlwineventlog:*",
            "source=Xml*",
            "sourcetype=*",
            "NOT sourcetype=our:thing",
            "tag=process",
            "(tag=our_own OR tag=auth*) a=1",
            "sourcetype!=our:thing",
            "sourcetype=our:thing OR a=1",
            "`wineventlog_security` EventCode=1",
            "`sysmon` EventCode=1",
            "a=1 | eval source=\"x\" | search source=x",
        ] {
            assert_eq!(needed(search), [""; 0], "{search}");
        }
    }
}

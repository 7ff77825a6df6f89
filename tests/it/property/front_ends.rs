//! What a front end reads from a text means what the generator meant by it: both go through the evaluator. What it says
//! can never match does not.

use std::sync::Arc;

use proptest::prelude::*;
use retrohunt::diag::{Diagnostic, Severity, SourceText};
use retrohunt::ir::Rule;
use retrohunt::sigma::{Pipelines, SigmaOptions, parse_rules};

use super::check;
use crate::support::evaluate::{Event, FieldValue, matching};
use crate::support::generate::{Case, events, sigma};

fn cases() -> impl Strategy<Value = (Vec<Event>, Vec<Case>)> {
    events::events().prop_flat_map(|list| {
        let pool = events::pool(&list);
        (Just(list), prop::collection::vec(sigma::rule(&pool), 1..4))
    })
}

#[test]
fn sigma_text_means_what_was_meant() {
    check(400, &cases(), |(list, cases)| {
        let stored = events::normalised(&list);
        let mut options = SigmaOptions::default();
        options.validate = true;
        for case in cases {
            let source = Arc::new(SourceText { path: "generated.yml".into(), text: case.text.clone() });
            let (rules, diagnostics) = parse_rules(&source, &options);
            let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
            prop_assert!(errors.is_empty() && rules.len() == 1, "{}\n{errors:?}", case.text);
            prop_assert_eq!(
                matching(&rules[0].query, &stored),
                matching(&case.query, &stored),
                "{}\nread as {:?}",
                case.text,
                rules[0].query.filter
            );
            // Lists may meet what one value cannot.
            let never =
                diagnostics.iter().any(|d| d.code == "sigma-never-matches" && d.message.starts_with("no event meets the condition"));
            let is_list = |event: &Event| event.fields.iter().any(|(_, value)| matches!(value, FieldValue::List(_)));
            let single: Vec<Event> = stored.iter().filter(|event| !is_list(event)).cloned().collect();
            prop_assert!(!never || matching(&rules[0].query, &single).is_empty(), "{}\n{diagnostics:?}", case.text);
        }
        Ok(())
    });
}

/// Every field may also have a name that no event has.
const ANOTHER_NAME: &str = "transformations: [{type: field_name_prefix_mapping, mapping: {'': ['', no_such_]}}]\n";
/// Every kind of transformation and condition.
const PIPELINE: &str = include_str!("pipeline.yml");

fn pipelines(text: &str) -> (Pipelines, Vec<Diagnostic>) {
    let source = Arc::new(SourceText { path: "pipeline.yml".into(), text: text.into() });
    Pipelines::read(&[source], &mut |_, _| Ok("a\nb\n".to_owned()))
}

fn compiled(text: &str, pipelines: &Pipelines) -> (Vec<Rule>, Vec<Diagnostic>) {
    let mut options = SigmaOptions::default();
    options.pipelines = pipelines.clone();
    parse_rules(&Arc::new(SourceText { path: "generated.yml".into(), text: text.into() }), &options)
}

#[test]
fn another_name_that_no_event_has_changes_no_match() {
    let (pipelines, faults) = pipelines(ANOTHER_NAME);
    assert!(faults.is_empty(), "{faults:?}");
    check(300, &cases(), |(list, cases)| {
        let stored = events::normalised(&list);
        for case in cases {
            let (rules, diagnostics) = compiled(&case.text, &pipelines);
            prop_assert!(rules.len() == 1, "{}\n{diagnostics:?}", case.text);
            let matches = matching(&rules[0].query, &stored);
            prop_assert_eq!(matches, matching(&case.query, &stored), "{}\nbecame {:?}", case.text, rules[0].query.filter);
        }
        Ok(())
    });
}

#[test]
fn no_pipeline_makes_a_front_end_panic() {
    let (whole, faults) = pipelines(PIPELINE);
    assert!(faults.iter().all(|fault| fault.severity != Severity::Error), "{faults:#?}");
    let edits = prop::collection::vec((0..PIPELINE.len(), "[-a-z:*%\\\\{}\\[\\]'\"| \n|]{0,3}"), 1..5);
    check(200, &(cases(), edits), |((_, cases), edits)| {
        let mut text = PIPELINE.to_owned();
        for (at, insert) in edits {
            let at = at.min(text.len());
            let end = (at + 2).min(text.len());
            text.replace_range(at..end, &insert);
        }
        let (edited, _) = pipelines(&text);
        for case in cases {
            for pipelines in [&whole, &edited] {
                let (rules, diagnostics) = compiled(&case.text, pipelines);
                prop_assert!(!rules.is_empty() || !diagnostics.is_empty(), "{}", case.text);
            }
        }
        Ok(())
    });
}

//! What a front end reads from a text means what the generator meant by it: both go through the evaluator. What it says
//! can never match does not.

use std::sync::Arc;

use proptest::prelude::*;
use retrohunt::diag::{Severity, SourceText};
use retrohunt::sigma::{SigmaOptions, parse_rules};

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
        let options = SigmaOptions { validate: true, ..SigmaOptions::default() };
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

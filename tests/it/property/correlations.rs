//! Correlations in a hunt = correlations by brute force = their portable SQL, whatever the order of loading.

use std::cell::Cell;

use proptest::prelude::*;
use retrohunt::compile::{CompileOptions, load_text};

use super::check;
use crate::support::correlate::{Expected, correlate};
use crate::support::engines;
use crate::support::generate::correlation::{events, file};
use crate::support::stored::Stored;

#[test]
fn windows_by_brute_force() {
    let (findings, all, sql) = (Cell::new(0), Cell::new(0), Cell::new(0));
    check(150, &(events(), file(), any::<bool>()), |(list, text, as_json)| {
        let set = load_text("generated.yml", &text, &CompileOptions::default());
        prop_assert!(set.correlations.len() == 3 && !set.has_errors(), "{text}\n{:?}", set.diagnostics);
        let mut stored = if as_json { Stored::of_json(&list) } else { Stored::of_batches(&list, 7) };
        let hunted = stored.hunt_correlations(&set.correlations);
        let expected = correlate(&set.correlations, &list);
        for (index, ((correlation, hunted), expected)) in set.correlations.iter().zip(hunted).zip(expected).enumerate() {
            if let Some(portable) = stored.portable_correlation(index, &set.correlations) {
                sql.set(sql.get() + 1);
                let rows: Vec<_> = expected.iter().map(|e| (Expected { events: Vec::new(), ..e.clone() }, e.events.len())).collect();
                prop_assert_eq!(portable, rows, "portable SQL of {}\n{}", correlation.meta.id, text);
            }
            all.set(all.get() + 1);
            findings.set(findings.get() + expected.len());
            prop_assert_eq!(hunted, expected, "{}\n{}", correlation.meta.id, text);
        }
        let both = engines::both(&mut stored.store, &[], &set.correlations);
        prop_assert!(both.failed.is_empty(), "{:?}", both.failed);
        prop_assert!(both.differences.is_empty(), "{}\n{}", both.differences.join("\n"), text);
        Ok(())
    });
    println!("{} correlations, {} of them portable, {} findings", all.get(), sql.get(), findings.get());
    assert!(sql.get() * 10 > all.get(), "portable SQL hardly takes part");
    assert!(findings.get() > all.get(), "the generators miss");
}

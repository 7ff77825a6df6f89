//! Hunt = portable SQL = evaluator, over generated rules and events; P and NOT P part the events. Windows events
//! are the same whatever encoding they come from.
//!
//! Runs take a fixed seed, so that a failure can be repeated; `RETROHUNT_SEED` and `PROPTEST_CASES` change seed and
//! length.

mod adhoc;
mod correlations;
mod front_ends;
mod incremental;
mod never_panics;
mod planner;
mod round_trip;
mod store;
mod three_ways;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Runs a property with a seed that can be repeated, over `cases` cases unless `PROPTEST_CASES` says otherwise.
pub(crate) fn check<S: proptest::strategy::Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), proptest::test_runner::TestCaseError>,
) {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seed = number("RETROHUNT_SEED").unwrap_or(5145);
    let cases = number("PROPTEST_CASES").and_then(|c| u32::try_from(c).ok()).unwrap_or(cases);
    println!("seed {seed}, {cases} cases");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    match runner.run(strategy, test) {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("seed {seed}: {reason}\n{value:#?}"),
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

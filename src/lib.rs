//! retrohunt: hunt years of log archives with Sigma rules and Splunk detections over one SQLite file.
//!
//! Two chains meet at the [`Store`]. Archives are read, normalised and loaded once; rules are compiled to relational queries and
//! hunted over what was loaded. Five calls do it: open a store, [`load()`] logs, compile rules ([`load_rules`], [`load_text`],
//! [`starter_pack`]), [`hunt()`], read the findings.
//!
//! ```
//! use retrohunt::{CompileOptions, FindingFilter, HuntOptions, LoadOptions, Store, Taxonomy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let log = folder.path().join("security.jsonl");
//! std::fs::write(&log, r#"{"Channel": "Security", "EventID": 1102, "TimeCreated": "2024-05-01T03:00:00Z", "Computer": "dc01"}"#)?;
//!
//! // 1. A store is one SQLite file.
//! let mut store = Store::open(&folder.path().join("case.db"))?;
//!
//! // 2. Files, folders and archives go into it. Damage is not an error: the summary tells of it.
//! let loaded = retrohunt::load(&mut store, &[log], &LoadOptions::default(), &mut |_progress| {})?;
//! assert!(!loaded.is_partial());
//!
//! // 3. Rules are compiled. What is wrong with them is in `diagnostics`, each with its place.
//! let sigma = "
//! title: Event log cleared
//! id: 11111111-2222-4333-8444-555555555555
//! logsource: { product: windows, service: security }
//! detection:
//!     cleared: { EventID: 1102 }
//!     condition: cleared
//! ";
//! let rules = retrohunt::load_text("cleared.yml", sigma, &CompileOptions::default());
//! assert!(rules.diagnostics.is_empty());
//!
//! // 4. The hunt saves its findings in the store. The clock is the caller's (µs since 1970).
//! let options = HuntOptions::starting_at(1_714_536_000_000_000);
//! let hunted = retrohunt::hunt(&mut store, &rules.rules, &rules.correlations, Taxonomy::embedded(), &options, &mut |_progress| {})?;
//! assert_eq!(hunted.findings, 1);
//!
//! // 5. Findings keep their identity from hunt to hunt, and lead back to file and record.
//! for finding in store.findings(&FindingFilter::default())? {
//!     assert_eq!(finding.rule_title, "Event log cleared");
//! }
//! for evidence in store.evidence(&FindingFilter::default())? {
//!     assert!(evidence.path.ends_with("security.jsonl"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Options and results can grow: make options with their constructor, then set fields.
//!
//! Next to these, [`mod@search`] finds words in all events, [`overview`] counts what a store has, [`sql`] prints a rule as a statement for
//! any SQLite client, [`regression`] runs the tests of rules, `lake` (feature `lake`, on by default) writes a store as Parquet files and
//! reads them back, and [`mod@reader`] with [`archive`] reads logs without a store. [`architecture`] has the map and the invariants.
//!
//! The library never prints, never exits and reads no clock: that is the work of the module `cli`, which the feature `cli` (on by
//! default) adds together with `report`, its output formats. A program that needs neither takes `default-features = false`.

pub mod archive;
pub mod cancel;
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compile;
pub mod coverage;
pub mod diag;
#[cfg(feature = "engine")]
pub mod engine;
pub mod event;
pub mod exec;
pub mod fingerprint;
pub mod hunt;
pub mod ir;
#[cfg(feature = "lake")]
pub mod lake;
pub mod load;
pub mod normalise;
pub mod overview;
pub mod pcre;
pub mod plan;
pub mod reader;
pub mod regression;
#[cfg(feature = "cli")]
pub mod report;
pub mod search;
mod serial;
pub mod sigma;
pub mod spl;
pub mod sql;
pub mod status;
pub mod store;
pub mod suggest;
pub mod taxonomy;
pub mod yaml;

#[doc = include_str!("../ARCHITECTURE.md")]
pub mod architecture {}

pub use compile::{CompileOptions, RuleSet, load_rules, load_text, starter_pack};
pub use diag::Diagnostic;
pub use hunt::{HuntError, HuntOptions, HuntSummary, run as hunt};
pub use load::{LoadOptions, LoadSummary, load};
pub use store::{FindingFilter, Store, StoreError};
pub use taxonomy::Taxonomy;

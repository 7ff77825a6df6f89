//! retrohunt: hunt years of log archives with Sigma rules and Splunk detections over one SQLite file.
//!
//! Two chains meet at the store. Archives are read, normalised and loaded once; rules are compiled to
//! relational queries and hunted over what was loaded. `ARCHITECTURE.md` has the map and the invariants.
//! The library never prints and never exits: that is the work of [`cli`].

pub mod archive;
pub mod catalog;
pub mod cli;
pub mod compile;
pub mod diag;
pub mod event;
pub mod hunt;
pub mod ir;
pub mod load;
pub mod normalise;
pub mod plan;
pub mod reader;
pub mod regression;
pub mod report;
pub mod sigma;
pub mod spl;
pub mod sql;
pub mod store;
pub mod taxonomy;
pub mod yaml;

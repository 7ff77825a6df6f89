//! All integration tests in one binary: see `tests/README.md` for how to add each kind.

#[path = "../support/mod.rs"]
mod support;

mod meaning;
mod sample_evtx;
mod sample_files;
mod property;
mod tidy;

//! All integration tests in one binary: see `tests/README.md` for how to add each kind.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a panic is the report, and skipped tests say so")]

#[path = "../support/mod.rs"]
mod support;

mod documents;
mod meaning;
mod property;
mod sample_evtx;
mod sample_files;
mod starter_pack;
mod tidy;

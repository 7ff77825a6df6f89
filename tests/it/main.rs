//! All integration tests in one binary: see `tests/README.md` for how to add each kind.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test; a skipped test says so")]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod breadth;
mod cache;
mod check;
mod cli;
mod corpus;
mod coverage;
mod damage;
mod dialect;
mod documents;
mod engine;
mod examples;
mod export;
mod faults;
mod filters;
mod hostile;
mod hostile_corpus;
mod hostile_searches;
mod interrupt;
mod jobs;
mod kill;
mod known;
mod layout;
mod lookups;
mod match_rows;
mod meaning;
mod messages;
mod overview;
mod pipelines;
mod property;
mod reading;
mod regression;
mod remote;
mod report;
mod risk;
mod sample_files;
mod screens;
mod search;
mod shapes;
mod starter_pack;
mod store;
mod tidy;
mod triage;
mod windows;

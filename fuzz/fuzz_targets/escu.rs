//! Detections of Splunk's content, and files of macros, in YAML.
#![no_main]

#[path = "../../tests/support/hold.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hold::run("escu", bytes));

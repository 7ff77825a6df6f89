//! The reader of JSON in every framing.
#![no_main]

#[path = "../../tests/support/hold.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hold::run("json", bytes));

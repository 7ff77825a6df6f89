//! Zip archives, and what is in them.
#![no_main]

#[path = "../../tests/support/hold.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hold::run("zip", bytes));

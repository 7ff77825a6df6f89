//! Streams of gzip, bzip2, xz and zstandard, one in another.
#![no_main]

#[path = "../../tests/support/hold.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hold::run("compressed", bytes));

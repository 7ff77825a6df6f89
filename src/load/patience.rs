//! How long a source is read on after the user asked to stop.

use std::io::{self, Read};

use crate::cancel::Cancel;

/// Bytes of the source at hand that are still read once the user asked to stop: some seconds of work. What is longer is
/// taken back, because nobody who pressed Ctrl-C waits for the rest of a hundred gigabytes.
pub(super) const FINISH_BYTES: u64 = 64 * 1024 * 1024;

/// A stream that ends early where the user asked to stop and much of it is left.
pub(super) struct Patience<'r> {
    inner: &'r mut dyn Read,
    cancel: &'r Cancel,
    left: u64,
}

impl<'r> Patience<'r> {
    pub(super) fn new(inner: &'r mut dyn Read, cancel: &'r Cancel, bytes: u64) -> Self {
        Self { inner, cancel, left: bytes }
    }

    /// The stream was ended early.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }
}

impl Read for Patience<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        if self.cancel.is_cancelled() {
            self.left = self.left.saturating_sub(count as u64);
        }
        Ok(if self.is_over() { 0 } else { count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_early_only_where_much_is_left() {
        let cancel = Cancel::default();
        let read = |bytes: u64| {
            let mut input = std::io::repeat(b'x').take(bytes);
            let mut stream = Patience::new(&mut input, &cancel, 1_000);
            let count = io::copy(&mut stream, &mut io::sink()).unwrap();
            (count, stream.is_over())
        };
        assert_eq!(read(5_000), (5_000, false));
        cancel.cancel();
        assert_eq!(read(999), (999, false));
        assert!(read(100_000).1);
    }
}

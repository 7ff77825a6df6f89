//! Runs of zeros in a stream that is text: a disk or a copy has a hole there, and something was lost with it.

/// Zeros one after the other that no text has.
const MIN_HOLE_BYTES: u64 = 64;

/// The holes of one stream. Zeros at its end are padding.
#[derive(Debug, Default)]
pub(super) struct Holes {
    count: u64,
    /// Where the first one is, and its length.
    first: Option<(u64, u64)>,
    /// Zeros at the end of what was looked at.
    run: u64,
}

impl Holes {
    /// Looks at the next bytes, which are at an offset of the stream.
    pub(super) fn look(&mut self, bytes: &[u8], offset: u64) {
        let mut at = 0;
        loop {
            let zeros = bytes[at..].iter().take_while(|b| **b == 0).count();
            self.run += zeros as u64;
            at += zeros;
            if at == bytes.len() {
                return;
            }
            if self.run >= MIN_HOLE_BYTES {
                self.count += 1;
                self.first.get_or_insert((offset + at as u64 - self.run, self.run));
            }
            self.run = 0;
            match memchr::memchr(0, &bytes[at..]) {
                Some(found) => at += found,
                None => return,
            }
        }
    }

    /// Where the first hole is, and what is to be said.
    pub(super) fn told(&self) -> Option<(u64, String)> {
        let (offset, length) = self.first?;
        let more = if self.count > 1 { format!(", and {} more such holes", self.count - 1) } else { String::new() };
        Some((offset, format!("{length} zeros: what stood there is lost{more}")))
    }
}

//! Runs of zeros in a stream that is text: a disk or a copy has a hole there, and something was lost with it.
//!
//! Looking for them costs next to nothing: one byte in 32 is looked at first.

/// Zeros one after the other that no text has: two steps, so that one step falls into them whole.
const MIN_HOLE_BYTES: u64 = 2 * STEP_BYTES as u64;
/// See [`MIN_HOLE_BYTES`].
const STEP_BYTES: usize = 32;

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
        let mut at = zeros(bytes.iter());
        self.run += at as u64;
        while at < bytes.len() {
            self.end_run(offset + at as u64);
            // Whatever is shorter than a step is not a hole, unless it goes on in the next bytes.
            let rest = &bytes[at..];
            let found = rest.chunks_exact(STEP_BYTES).position(|step| step[0] == 0 && step.iter().all(|b| *b == 0));
            let Some(found) = found.map(|steps| at + steps * STEP_BYTES) else {
                self.run = zeros(rest.iter().rev()) as u64;
                return;
            };
            let before = zeros(bytes[at..found].iter().rev());
            let behind = zeros(bytes[found..].iter());
            self.run = (before + behind) as u64;
            at = found + behind;
        }
    }

    /// The zeros so far end at an offset.
    fn end_run(&mut self, offset: u64) {
        if self.run >= MIN_HOLE_BYTES {
            self.count += 1;
            self.first.get_or_insert((offset - self.run, self.run));
        }
        self.run = 0;
    }

    /// Where the first hole is, and what is to be said.
    pub(super) fn told(&self) -> Option<(u64, String)> {
        let (offset, length) = self.first?;
        let more = if self.count > 1 { format!(", and {} more runs of zeros", self.count - 1) } else { String::new() };
        Some((offset, format!("{length} zeros: the text there is lost{more}")))
    }
}

fn zeros<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    bytes.take_while(|b| **b == 0).count()
}

#[cfg(test)]
mod tests {
    use super::Holes;

    #[test]
    fn holes_are_found_wherever_they_are_and_however_they_are_read() {
        for length in [1, 31, 32, 63, 64, 65, 95, 200] {
            for before in [0, 1, 31, 32, 33, 64, 100] {
                let bytes = [&vec![b'x'; before][..], &vec![0; length], b"x\0\0y", &[0; 70], b"z\0"].concat();
                for block in [1, 7, 32, 64, 1_000] {
                    let mut holes = Holes::default();
                    for (number, bytes) in bytes.chunks(block).enumerate() {
                        holes.look(bytes, (number * block) as u64);
                    }
                    let (count, first) =
                        if length >= 64 { (2, (before as u64, length as u64)) } else { (1, ((before + length + 4) as u64, 70)) };
                    assert_eq!(
                        (holes.count, holes.first, holes.run),
                        (count, Some(first), 1),
                        "{length} behind {before} in blocks of {block}"
                    );
                }
            }
        }
    }
}

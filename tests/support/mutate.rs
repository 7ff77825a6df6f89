//! Damage as disks, networks and enemies do it, repeatable by its seed.

/// A small generator of numbers (splitmix64): the same seed, the same damage.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below another.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("below a usize")
    }
}

/// The bytes up to a random place.
pub(crate) fn cut(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    bytes[..random.below(bytes.len())].to_vec()
}

/// The bytes with so many bits turned over.
pub(crate) fn flip(bytes: &[u8], bits: usize, random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..bits {
        let at = random.below(out.len());
        out[at] ^= 1 << random.below(8);
    }
    out
}

/// The bytes with a run of zeros in them: a sector or more, but at most a third of all.
pub(crate) fn zeros(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let length = (512 + random.below(out.len() / 3)).min(out.len() / 3);
    let at = random.below(out.len() - length);
    out[at..at + length].fill(0);
    out
}

/// The bytes with a piece of them somewhere else a second time.
pub(crate) fn repeat(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let from = random.below(bytes.len());
    let piece = &bytes[from..from + random.below(bytes.len() - from)];
    let at = random.below(bytes.len());
    [&bytes[..at], piece, &bytes[at..]].concat()
}

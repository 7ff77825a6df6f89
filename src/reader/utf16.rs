//! UTF-16 to UTF-8, block by block.

/// Bytes that tell UTF-16 without a mark: four characters of ASCII with a zero beside each do not occur at the start of binary logs.
const SAMPLE_BYTES: usize = 8;

/// A stream of UTF-16.
pub(super) struct Utf16 {
    big_endian: bool,
    /// Bytes of a character that the next block ends.
    carry: Vec<u8>,
    units: Vec<u16>,
}

impl Utf16 {
    /// Whether a stream that begins so is UTF-16: it has a byte order mark, or ASCII with a zero beside each.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let sample = head.get(..SAMPLE_BYTES);
        let plain = |text: usize| {
            sample.is_some_and(|s| {
                let ascii = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~');
                s.iter().skip(text).step_by(2).all(ascii) && s.iter().skip(1 - text).step_by(2).all(|b| *b == 0)
            })
        };
        let big_endian = match head {
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ if plain(0) => false,
            _ if plain(1) => true,
            _ => return None,
        };
        Some(Self { big_endian, carry: Vec::new(), units: Vec::new() })
    }

    /// Appends a block as UTF-8; what is no UTF-16 becomes U+FFFD. The last block may be empty.
    pub(super) fn decode(&mut self, block: &[u8], last: bool, out: &mut Vec<u8>) {
        self.carry.extend_from_slice(block);
        let unit =
            |pair: &[u8]| if self.big_endian { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) };
        self.units.clear();
        self.units.extend(self.carry.chunks_exact(2).map(unit));
        // The second half of a pair may be in the next block.
        if !last && self.units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.units.pop();
        }
        for character in char::decode_utf16(self.units.iter().copied()) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.carry.drain(..self.units.len() * 2);
        if last && !self.carry.is_empty() {
            self.carry.clear();
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }

    /// How many bytes a text was in UTF-16.
    pub(super) fn length(utf8: &[u8]) -> u64 {
        let units = |b: &u8| match b {
            0x80..=0xbf => 0_u64,
            0xf0.. => 2,
            _ => 1,
        };
        utf8.iter().map(units).sum::<u64>() * 2
    }
}

#[cfg(test)]
mod tests {
    use super::Utf16;

    #[test]
    fn blocks_of_any_length_in_both_orders() {
        let text = "<Event>grüße 😀</Event>";
        for big_endian in [false, true] {
            let bytes: Vec<u8> =
                text.encode_utf16().flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            for length in 1..9 {
                let mut utf16 = Utf16::of(&bytes).expect("ASCII with zeros");
                let mut out = Vec::new();
                for block in bytes.chunks(length) {
                    utf16.decode(block, false, &mut out);
                }
                utf16.decode(&[], true, &mut out);
                assert_eq!(out, text.as_bytes());
            }
            assert_eq!(Utf16::length(text.as_bytes()), bytes.len() as u64);
        }
        assert!(Utf16::of(b"{\"a\":1}\n").is_none() && Utf16::of(b"\xff\xfe").is_some() && Utf16::of(b"").is_none());
    }
}

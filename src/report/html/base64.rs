//! Base64 while bytes pass: what is packed into a page is never whole in memory.

use std::io::{self, Write};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes what it gets as base64; [`Base64Writer::finish`] writes the last characters.
pub(super) struct Base64Writer<W: Write> {
    out: W,
    rest: Vec<u8>,
}

impl<W: Write> Base64Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, rest: Vec::with_capacity(3) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&encoded(&self.rest))
    }
}

impl<W: Write> Write for Base64Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / 3 * 3;
        self.out.write_all(&encoded(&self.rest[..whole]))?;
        self.rest.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Bytes as base64, padded.
pub(super) fn base64(bytes: &[u8]) -> String {
    encoded(bytes).into_iter().map(char::from).collect()
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        out.extend((0..4).map(|place| if place > group.len() { b'=' } else { ALPHABET[number >> (18 - 6 * place) & 63] }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_has_it() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn in_pieces_it_is_the_same() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for size in [1, 2, 3, 7, 500] {
            let mut out = Vec::new();
            let mut writer = Base64Writer::new(&mut out);
            bytes.chunks(size).for_each(|piece| writer.write_all(piece).unwrap());
            writer.finish().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), base64(&bytes));
        }
    }
}

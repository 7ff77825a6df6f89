//! Modifiers that write a value in other ways: UTF-16, base64, and the dashes of Windows command lines.

use super::text::{Piece, Text};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// What command lines have for a dash: pasted ones bring the three of typography, which Windows programs take too.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// Most ways to write one value under `windash`: five dashes in five places.
pub(super) const MAX_WINDASH_VARIANTS: usize = 3125;

/// Base64 with padding (RFC 4648, section 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let index = word >> (18 - 6 * i) & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    out
}

/// The base64 that `bytes` leave behind in a longer base64 text, at each of the three alignments: without the characters
/// that depend on what stands before or after.
pub(super) fn base64_offsets(bytes: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|offset| {
        let mut padded = vec![b' '; offset];
        padded.extend_from_slice(bytes);
        // The first letters also hold bits of what stands in front of the value, which nobody knows: they go.
        let start = [0, 2, 3][offset];
        // So do the last, which hold bits of what follows.
        let cut = [0, 3, 2][padded.len() % 3];
        let text = base64(&padded);
        text.get(start..text.len() - cut).unwrap_or("").to_string()
    })
}

/// UTF-16, little endian.
pub(super) fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// UTF-16, big endian.
pub(super) fn utf16be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// UTF-16, little endian, after a byte order mark.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(utf16le(text)).collect()
}

/// All ways to write the option dashes of a text: each dash that starts a word, whichever it is, varies over all dashes.
/// `None` where there are more than [`MAX_WINDASH_VARIANTS`].
pub(super) fn windash(text: &Text) -> Option<Vec<Text>> {
    let mut variants: Vec<Vec<Piece>> = vec![Vec::new()];
    for piece in &text.0 {
        let Piece::Text(literal) = piece else {
            variants.iter_mut().for_each(|variant| variant.push(piece.clone()));
            continue;
        };
        let written = windash_literal(literal, MAX_WINDASH_VARIANTS / variants.len())?;
        variants = variants
            .iter()
            .flat_map(|variant| {
                written.iter().map(move |text| {
                    let mut next = variant.clone();
                    next.push(Piece::Text(text.clone()));
                    next
                })
            })
            .collect();
    }
    Some(variants.into_iter().map(Text).collect())
}

fn windash_literal(text: &str, limit: usize) -> Option<Vec<String>> {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut variants = vec![String::with_capacity(text.len())];
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Only in front of a word: within one it is a hyphen and means itself.
        if DASHES.contains(&c) && !word(before) && word(chars.peek().copied()) {
            if variants.len() * DASHES.len() > limit {
                return None;
            }
            variants = variants.iter().flat_map(|variant| DASHES.map(|dash| format!("{variant}{dash}"))).collect();
        } else {
            variants.iter_mut().for_each(|variant| variant.push(c));
        }
        before = Some(c);
    }
    Some(variants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_bytes() {
        for (text, wanted) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), wanted);
        }
        assert_eq!(base64(&utf16("ab")), "//5hAGIA");
        assert_eq!(base64(&utf16be("ab")), "AGEAYg==");
        assert_eq!(base64(&utf16le("ab")), "YQBiAA==");
    }

    #[test]
    fn offsets_occur_in_any_longer_base64() {
        assert_eq!(base64_offsets(b"foobar"), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        assert_eq!(base64_offsets(b"foob"), ["Zm9vY", "Zvb2", "mb29i"]);
        for value in ["foobar", "foob", "é", "日本", "abcde", "a-b"] {
            for before in ["", "x", "xy", "xyz", "é"] {
                for after in ["", "1", "22", "€"] {
                    let whole = base64(format!("{before}{value}{after}").as_bytes());
                    let variants = base64_offsets(value.as_bytes());
                    assert!(variants.iter().any(|v| !v.is_empty() && whole.contains(v)), "{before}{value}{after}");
                    assert!(whole.contains(&variants[before.len() % 3]));
                }
            }
        }
    }

    #[test]
    fn only_dashes_that_start_a_word_vary() {
        let write = |text: &str| windash(&Text::parse(text)).map(|v| v.len());
        assert_eq!(write("-a-b -c"), Some(25));
        assert_eq!(write("a-b"), Some(1));
        assert_eq!(write("--x"), Some(5));
        for dash in DASHES {
            let written = windash(&Text::parse(&format!("{dash}f"))).expect("few");
            assert_eq!(written, DASHES.map(|d| Text::literal(format!("{d}f"))), "{dash}");
        }
        assert_eq!(write("- x"), Some(1));
        assert_eq!(write("*-x"), Some(5));
        assert_eq!(write("-a -b -c -d -e"), Some(3125));
        assert_eq!(write("-a -b -c -d -e -f"), None);
        assert_eq!(write("-a*-b*-c*-d*-e*-f"), None);
    }
}

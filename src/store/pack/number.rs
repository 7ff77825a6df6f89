//! Texts that are one large number: GUIDs and digits of hashes. They have nothing in common, but half of their bytes say nothing.

use super::{LOWER_DIGITS, UPPER_DIGITS, digits};

/// In the place of a base: a GUID with braces in upper case, digits in lower case, digits in upper case.
pub(super) const GUID: u16 = 0xffff;
pub(super) const LOWER: u16 = 0xfffe;
pub(super) const UPPER: u16 = 0xfffd;
/// Shorter digits are hardly shorter as bytes.
const MIN_DIGITS: usize = 24;
const MAX_DIGITS: usize = 256;
/// Where a GUID has its dashes, and how long it is.
const DASHES: [usize; 4] = [9, 14, 19, 24];
const GUID_BYTES: usize = 38;

/// Packs a text that is a number and nothing else; `out` holds nothing else afterwards.
pub(in crate::store) fn pack_number(text: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(kind) = kind(text) else { return false };
    out.clear();
    out.extend_from_slice(&kind.to_be_bytes());
    let mut high = None;
    for digit in text.iter().filter(|byte| byte.is_ascii_hexdigit()) {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            other => (other | 0x20) - b'a' + 10,
        };
        match high.take() {
            None => high = Some(value),
            Some(high) => out.push(high << 4 | value),
        }
    }
    true
}

fn kind(text: &[u8]) -> Option<u16> {
    let is_upper = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let is_lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == GUID_BYTES && text[0] == b'{' {
        let inner = text[1..].iter().zip(1..).take(GUID_BYTES - 2);
        let is_guid = text[GUID_BYTES - 1] == b'}'
            && inner.into_iter().all(|(byte, at)| if DASHES.contains(&at) { *byte == b'-' } else { is_upper(byte) });
        return is_guid.then_some(GUID);
    }
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&text.len()) || text.len() % 2 == 1 {
        return None;
    }
    match text {
        _ if text.iter().all(is_lower) => Some(LOWER),
        _ if text.iter().all(is_upper) => Some(UPPER),
        _ => None,
    }
}

/// Appends the text of a packed number; `None` where the cell is something else.
pub(in crate::store) fn unpack_number(cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (kind, bytes) = cell.split_first_chunk()?;
    match u16::from_be_bytes(*kind) {
        GUID if bytes.len() == 16 => {
            let mut begin = 0;
            for (length, before) in [(4, b'{'), (2, b'-'), (2, b'-'), (2, b'-'), (6, b'-')] {
                out.push(before);
                digits(&bytes[begin..begin + length], UPPER_DIGITS, out);
                begin += length;
            }
            out.push(b'}');
        }
        LOWER => digits(bytes, LOWER_DIGITS, out),
        UPPER => digits(bytes, UPPER_DIGITS, out),
        _ => return None,
    }
    Some(())
}

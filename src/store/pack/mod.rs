//! Long texts that are mostly their own: each is packed for itself, against a base of what the texts of its column have in common.
//!
//! A packed cell is a BLOB that plain SQL unpacks ([`sql`]), so that a store is readable in any SQLite client; a compressed block
//! would need a program. What a text shares with the others of its column lies once in a base, a row of `text_base`.
//!
//! The cell: two bytes, the base's id; then pieces. Each begins with a byte `t`:
//!
//! | `t` | then | says |
//! |---|---|---|
//! | 0–31 | `t` + 1 bytes | these bytes |
//! | 32–47 | `t` - 29 bytes | their digits in lower-case hexadecimal |
//! | 48–63 | `t` - 45 bytes | their digits in upper-case hexadecimal |
//! | 64–127 | one byte, with 256 × (`t` - 64) the number `w` | `w` / 2,048 + 5 bytes from the place `w` mod 2,048 in the base |
//! | 128–239 | place | `t` - 124 bytes from there |
//! | 240–255 | place | 128 × (`t` - 239) bytes from there |
//!
//! The base whose id is 0 is every byte once, in order: texts without a base of their own are packed against it, and plain SQL reads
//! the number of a byte from it. Behind the ids 65,535, 65,534 and 65,533 stand no pieces but all bytes of a GUID `{…}` in upper case, of
//! digits in lower case, and in upper case: what has nothing else in common.
//!
//! A place is two bytes, the higher first: below 32,768 a place in the base, counted from 0; else 32,767 more than how far back it is in
//! this text. What is taken from this text never overlaps its own end, because SQL could not say it.

mod base;
mod encode;
mod number;
mod sql;

use std::ops::Range;

pub(super) use base::{Sample, train};
pub(super) use encode::Packer;
pub(super) use number::{pack_number, unpack_number};
pub(super) use sql::{ARGUMENTS, FUNCTION, unpack, without_unpack};

/// The longest base: places behind it are within the text.
pub(super) const MAX_BASE_BYTES: usize = 32 * 1024;
/// A row of `text_base` begins so many bytes behind the one before, and has as many more as the longest match: SQL reads a row of one
/// page for a match, and not all of a base.
const ROW_STEP: usize = 1_536;
/// Rows of a base that have a number of their own.
pub(super) const ROWS: i64 = 32;
/// How far back a place within the text reaches.
const MAX_BACK: usize = (1 << 16) - MAX_BASE_BYTES;
/// A longer text is not packed: what unpacks by plain SQL copies all that it has at each piece.
pub(super) const MAX_PACKED_TEXT: usize = 64 * 1024;

/// Ids from this on are not bases.
pub(super) const MAX_BASES: u16 = 0xff00;

const LITERAL: u8 = 0;
const LOWER: u8 = 32;
const UPPER: u8 = 48;
const NEAR: u8 = 64;
const MATCH: u8 = 128;
const LONG: u8 = 240;
/// Bytes that a piece of one kind begins with: literal bytes, pairs of digits, bytes of a short and steps of a long match.
const MIN_PAIRS: usize = 3;
const MIN_MATCH: usize = 4;
const MIN_NEAR: usize = 5;
/// The beginning of a base, where what most texts have stands: two bytes say a short piece of it.
const NEAR_BYTES: usize = 2_048;
const LONG_STEP: usize = 128;

/// The id of a packed cell's base.
pub(super) fn base_id(cell: &[u8]) -> Option<u16> {
    cell.first_chunk().map(|id| u16::from_be_bytes(*id))
}

/// The rows of `text_base` that say a base.
pub(super) fn rows(base: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = move |start: usize| (start + ROW_STEP + LONG_STEP * 16).min(base.len());
    (0..base.len()).step_by(ROW_STEP).map(move |start| &base[start..ends(start)])
}

/// Puts the rows of a base together again, in order.
pub(super) fn of_rows<R: AsRef<[u8]>>(rows: impl Iterator<Item = R>) -> Vec<u8> {
    let mut base = Vec::new();
    for (number, row) in rows.enumerate() {
        base.truncate(number * ROW_STEP);
        base.extend_from_slice(row.as_ref());
    }
    base
}

/// Appends the text of a packed cell; `None` where it is damaged.
pub(super) fn unpack_into(cell: &[u8], base: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let mut rest = cell.get(2..)?;
    while let Some((t, tail)) = rest.split_first() {
        let t = *t;
        let (count, follow) = match t {
            LITERAL..LOWER => (usize::from(t) + 1, usize::from(t) + 1),
            LOWER..UPPER => (0, usize::from(t - LOWER) + MIN_PAIRS),
            UPPER..NEAR => (0, usize::from(t - UPPER) + MIN_PAIRS),
            NEAR..MATCH => (0, 1),
            MATCH..LONG => (usize::from(t - MATCH) + MIN_MATCH, 2),
            LONG.. => ((usize::from(t - LONG) + 1) * LONG_STEP, 2),
        };
        let (piece, after) = tail.split_at_checked(follow)?;
        rest = after;
        match t {
            LITERAL..LOWER => out.extend_from_slice(piece),
            LOWER..UPPER => digits(piece, LOWER_DIGITS, out),
            UPPER..NEAR => digits(piece, UPPER_DIGITS, out),
            NEAR..MATCH => {
                let w = usize::from(t - NEAR) << 8 | usize::from(piece[0]);
                copy(w % NEAR_BYTES, w / NEAR_BYTES + MIN_NEAR, base, out, start)?;
            }
            MATCH.. => copy(usize::from(u16::from_be_bytes([piece[0], piece[1]])), count, base, out, start)?,
        }
        if out.len() - start > MAX_PACKED_TEXT {
            return None;
        }
    }
    Some(())
}

const LOWER_DIGITS: &[u8; 16] = b"0123456789abcdef";
const UPPER_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

fn digits(bytes: &[u8], digits: &[u8; 16], out: &mut Vec<u8>) {
    out.extend(bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]));
}

fn copy(place: usize, count: usize, base: &[u8], out: &mut Vec<u8>, start: usize) -> Option<()> {
    if place < MAX_BASE_BYTES {
        out.extend_from_slice(base.get(place..place + count)?);
        return Some(());
    }
    let from = out.len().checked_sub(place - MAX_BASE_BYTES + 1).filter(|from| *from >= start)?;
    let range: Range<usize> = from..from + count;
    if range.end > out.len() {
        return None;
    }
    out.extend_from_within(range);
    Some(())
}

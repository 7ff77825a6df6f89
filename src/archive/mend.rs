//! Containers whose first bytes are damaged: what stands behind them says what they are.
//!
//! A wrong bit in a mark of three bytes must not cost an archive of a gigabyte. Each kind is told by something that chance
//! does not make: a checksum, a second mark, names and sizes that fit, bytes that decompress. The mark is then put right in
//! memory, and the walk tells of the damage. A stream with its mark in place never comes here.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::members::Codec;
use super::{Container, tar, zip};

/// Bytes that the beginning of a damaged gzip stream must give at least: fewer come about by chance.
const MIN_INFLATED_BYTES: u64 = 16;

/// Recognises a container behind a damaged mark, and puts the mark right.
pub(super) fn mend(head: &mut [u8]) -> Option<Container> {
    // From the surest sign, a checksum over the whole header, to the weakest: bytes that happen to decompress.
    if let Some(variant) = tar::without_its_mark(head) {
        head[tar::MARK_AT..tar::MARK_AT + variant.len()].copy_from_slice(variant);
        return Some(Container::Tar);
    }
    let (mark, kind): (&[u8], _) = if is_xz(head) {
        (b"\xfd7zXZ\0", Container::Compressed(Codec::Xz))
    } else if is_bzip2(head) {
        // The digit is the size of a block: the largest reads all.
        (if matches!(head[3], b'1'..=b'9') { b"BZh" } else { b"BZh9" }, Container::Compressed(Codec::Bzip2))
    } else if zip::is_member_without_its_mark(head) {
        (zip::MEMBER_MARK, Container::Zip)
    } else if is_zstd(head) {
        (ZSTD_MARK, Container::Compressed(Codec::Zstd))
    } else if is_gzip(head) {
        (b"\x1f\x8b\x08", Container::Compressed(Codec::Gzip))
    } else {
        return None;
    };
    head[..mark.len()].copy_from_slice(mark);
    Some(kind)
}

/// The flags of the stream have a checksum of their own.
fn is_xz(head: &[u8]) -> bool {
    let (Some(flags), Some(sum)) = (head.get(6..8), head.get(8..12)) else { return false };
    let mut crc = Crc::new();
    crc.update(flags);
    flags[0] == 0 && crc.sum().to_le_bytes() == sum
}

/// The first block has a mark of its own, the digits of pi.
fn is_bzip2(head: &[u8]) -> bool {
    head.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59")
}

const ZSTD_MARK: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Three of the four bytes of the mark, and a frame whose reserved bit is not set.
fn is_zstd(head: &[u8]) -> bool {
    let right = head.iter().zip(ZSTD_MARK).filter(|(a, b)| a == b).count();
    right == ZSTD_MARK.len() - 1 && head.get(4).is_some_and(|descriptor| descriptor & 0x08 == 0)
}

/// A header as programs write it, and bytes behind it that decompress.
fn is_gzip(head: &[u8]) -> bool {
    let Some(&[_, _, _, flags, _, _, _, _, level, system]) = head.first_chunk::<10>() else { return false };
    // Only the headers that programs write: any other beginning would give chance too many ways.
    let is_header = matches!(flags, 0 | NAMED) && matches!(level, 0 | 2 | 4) && (system <= 13 || system == 255);
    let name = if flags == NAMED { head[10..].iter().position(|b| *b == 0).map(|end| end + 1) } else { Some(0) };
    match name {
        Some(name) if is_header => inflates(&head[10 + name..]),
        _ => false,
    }
}

/// The flag of a gzip stream that has the name of its file.
const NAMED: u8 = 8;

fn inflates(mut bytes: &[u8]) -> bool {
    let mut inflater = Decompress::new(false);
    let mut out = [0; 4096];
    loop {
        let (taken, given) = (inflater.total_in(), inflater.total_out());
        match inflater.decompress(bytes, &mut out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return inflater.total_out() >= MIN_INFLATED_BYTES,
            Ok(Status::Ok | Status::BufError) if (inflater.total_in(), inflater.total_out()) == (taken, given) => {
                return bytes.is_empty() && given >= MIN_INFLATED_BYTES;
            }
            Ok(Status::Ok | Status::BufError) => bytes = &bytes[usize::try_from(inflater.total_in() - taken).unwrap_or(usize::MAX)..],
            Err(_) => return false,
        }
    }
}

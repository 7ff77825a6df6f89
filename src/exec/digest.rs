//! MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180) in hexadecimal, for `md5()` and its kin. MD5 and SHA-1 here identify, they
//! protect nothing.

use sha2::{Digest, Sha256, Sha512};

use crate::event::hex;

/// SHA-256 of a text.
pub(super) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// SHA-512 of a text.
pub(super) fn sha512(text: &str) -> String {
    hex(&Sha512::digest(text.as_bytes()))
}

/// SHA-1 of a text.
pub(super) fn sha1(text: &str) -> String {
    let message = padded(text, u64::to_be_bytes);
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in message.as_chunks::<64>().0 {
        let mut words: Vec<u32> = block.as_chunks::<4>().0.iter().map(|chunk| u32::from_be_bytes(*chunk)).collect();
        for i in 16..80 {
            words.push((words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.into_iter().enumerate() {
            let (mix, constant) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999_u32),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *whole = whole.wrapping_add(part);
        }
    }
    hex(&state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>())
}

/// The text, a one bit, zeros, and the number of its bits: whole blocks of 64 bytes.
fn padded(text: &str, length: fn(u64) -> [u8; 8]) -> Vec<u8> {
    let mut message = text.as_bytes().to_vec();
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    message.push(0x80);
    // The length takes the last eight bytes; where the mark leaves no room for them it goes into a block of its own.
    message.resize((message.len() + size_of::<u64>()).next_multiple_of(64), 0);
    let end = message.len() - 8;
    message[end..].copy_from_slice(&length(bits));
    message
}

const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// MD5 of a text.
pub(super) fn md5(text: &str) -> String {
    let message = padded(text, u64::to_le_bytes);
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in message.as_chunks::<64>().0 {
        round(&mut state, block);
    }
    hex(&state.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
}

fn round(state: &mut [u32; 4], block: &[u8; 64]) {
    let words: Vec<u32> = block.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    let [mut a, mut b, mut c, mut d] = *state;
    for i in 0..64_usize {
        let (mix, word) = match i / 16 {
            0 => ((b & c) | (!b & d), i),
            1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
            2 => (b ^ c ^ d, (3 * i + 5) % 16),
            _ => (c ^ (b | !d), (7 * i) % 16),
        };
        let sum = mix.wrapping_add(a).wrapping_add(constant(i)).wrapping_add(words[word]);
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
    }
    for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
        *whole = whole.wrapping_add(part);
    }
}

/// The integer part of 2^32 · |sin(i + 1)|.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "below 2^32 and positive by definition"
)]
fn constant(i: usize) -> u32 {
    (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32
}

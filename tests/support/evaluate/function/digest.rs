//! Digests, in hexadecimal.

use std::fmt::Write as _;

use retrohunt::ir::Function;
use sha2::{Digest, Sha256, Sha512};

use super::super::scalar::Value;

pub(super) fn call(function: Function, text: &str) -> Option<Value> {
    Some(Value::Text(match function {
        Function::Md5 => md5(text),
        Function::Sha1 => sha1(text),
        Function::Sha256 => sha256(text),
        Function::Sha512 => sha512(text),
        other => panic!("{other:?} is not a digest"),
    }))
}

/// RFC 1321, by its text.
fn md5(text: &str) -> String {
    const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut bytes = text.as_bytes().to_vec();
    let bits = (bytes.len() as u64) * 8;
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(bits.to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in bytes.chunks(64) {
        let words: Vec<u32> = block.chunks(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64_usize {
            let (mixed, word) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), 7 * step % 16),
            };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "below 2^32")]
            let sine = (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(mixed).wrapping_add(sine).wrapping_add(words[word]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(TURNS[step / 16][step % 4])));
        }
        for (old, new) in state.iter_mut().zip([a, b, c, d]) {
            *old = old.wrapping_add(new);
        }
    }
    hex(&state.map(u32::to_le_bytes).concat())
}

/// FIPS 180, by a crate.
fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// FIPS 180, by a crate.
fn sha512(text: &str) -> String {
    hex(&Sha512::digest(text.as_bytes()))
}

/// FIPS 180, by its text.
fn sha1(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let bits = (bytes.len() as u64) * 8;
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(bits.to_be_bytes());
    let mut h: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in bytes.chunks(64) {
        let mut w: Vec<u32> = block.chunks(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]])).collect();
        (16..80).for_each(|t| w.push((w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1)));
        let mut v = h;
        for (t, word) in w.iter().enumerate() {
            let f = match t {
                0..20 => ((v[1] & v[2]) | (!v[1] & v[3])).wrapping_add(0x5a82_7999),
                20..40 => (v[1] ^ v[2] ^ v[3]).wrapping_add(0x6ed9_eba1),
                40..60 => ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])).wrapping_add(0x8f1b_bcdc),
                _ => (v[1] ^ v[2] ^ v[3]).wrapping_add(0xca62_c1d6),
            };
            let first = v[0].rotate_left(5).wrapping_add(f).wrapping_add(v[4]).wrapping_add(*word);
            v = [first, v[0], v[1].rotate_left(30), v[2], v[3]];
        }
        (0..5).for_each(|i| h[i] = h[i].wrapping_add(v[i]));
    }
    hex(&h.map(u32::to_be_bytes).concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[test]
fn digests_are_those_of_the_documents() {
    assert_eq!(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    assert_eq!(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"), "57edf4a22be3c955ac49da2e2107b67a");
    assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

//! Packs texts against a base; see [`super`].

use super::{LITERAL, LONG, LONG_STEP, LOWER, MATCH, MAX_BACK, MAX_BASE_BYTES, MIN_MATCH, MIN_NEAR, MIN_PAIRS, NEAR, NEAR_BYTES, UPPER};

/// Bytes that are hashed: a shorter match is hardly shorter packed.
const HASHED: usize = 5;
const HASH_BITS: u32 = 14;
/// Places of one hash that are looked at. More gain little: a base has few places that begin alike.
const MAX_TRIES: usize = 24;
/// A match this long is not outdone by a look at the next byte.
const GOOD_MATCH: usize = 24;
/// Digits from which on hexadecimal is worth a piece of its own.
const MIN_DIGITS: usize = 8;

/// Packs texts against one base.
pub(in crate::store) struct Packer {
    id: u16,
    base: Vec<u8>,
    /// Hash → the first place in the base, plus one; and from each place to the next with the same hash.
    heads: Vec<u16>,
    next: Vec<u16>,
    /// Hash → the last place in the text at work, counted over all texts, so that no text must clear it.
    own: Vec<u32>,
    /// Where the text at work begins in that count.
    start: u32,
}

/// What is in the base or was in the text, and is not said again.
#[derive(Clone, Copy)]
struct CopiedPart {
    place: usize,
    length: usize,
}

impl Packer {
    /// Makes ready to pack against a base.
    pub(in crate::store) fn new(id: u16, base: Vec<u8>) -> Self {
        let mut heads = vec![0_u16; 1 << HASH_BITS];
        let mut next = vec![0_u16; base.len()];
        // From behind: of two places that say the same, the one nearer to the beginning is found first, because two bytes may say it.
        for (place, window) in base.windows(HASHED).enumerate().rev() {
            let head = &mut heads[hash(window)];
            next[place] = *head;
            *head = u16::try_from(place + 1).unwrap_or(0); // a base is shorter than that
        }
        Self { id, base, heads, next, own: vec![0; 1 << HASH_BITS], start: 1 }
    }

    /// Packs a text; `out` holds nothing else afterwards.
    pub(in crate::store) fn pack(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.id.to_be_bytes());
        if self.start > u32::MAX / 2 {
            self.own.fill(0);
            self.start = 1;
        }
        let (mut at, mut literal, mut noted) = (0, 0, 0);
        while at < text.len() {
            let digits = run_of_digits(&text[at..]);
            let mut found = self.find(text, at);
            if found.length < GOOD_MATCH && found.length > 0 && at + 1 < text.len() {
                // One byte later there may be a longer one.
                let next = self.find(text, at + 1);
                if next.length > found.length + 1 && digits < MIN_DIGITS {
                    found.length = 0;
                }
            }
            let step = if digits >= MIN_DIGITS && found.length < digits {
                literals(&text[literal..at], out);
                hexadecimal(&text[at..at + digits], out);
                literal = at + digits;
                digits
            } else if found.length >= HASHED {
                literals(&text[literal..at], out);
                let taken = put_match(found, out);
                literal = at + taken;
                taken
            } else {
                1
            };
            at += step;
            while noted < at {
                self.note(text, noted);
                noted += 1;
            }
        }
        literals(&text[literal..], out);
        self.start += u32::try_from(text.len()).unwrap_or(u32::MAX / 4); // a packed text is short
    }

    fn note(&mut self, text: &[u8], at: usize) {
        if let Some(window) = text.get(at..at + HASHED) {
            self.own[hash(window)] = self.start + u32::try_from(at).unwrap_or(0);
        }
    }

    /// The longest match at a place; its length is 0 where there is none.
    fn find(&self, text: &[u8], at: usize) -> CopiedPart {
        let mut best = CopiedPart { place: 0, length: 0 };
        let Some(window) = text.get(at..at + HASHED) else { return best };
        let hash = hash(window);
        let rest = &text[at..];
        let mut place = usize::from(self.heads[hash]);
        for _ in 0..MAX_TRIES {
            if place == 0 {
                break;
            }
            let known = &self.base[place - 1..];
            // The byte that would make it longer than the best so far is looked at first: most places end there.
            if known.get(best.length).is_some_and(|byte| rest.get(best.length) == Some(byte)) {
                let length = same(known, rest);
                if length > best.length {
                    best = CopiedPart { place: place - 1, length };
                }
            }
            place = usize::from(self.next[place - 1]);
        }
        if let Some(from) = self.own[hash].checked_sub(self.start) {
            let from = from as usize;
            let back = at - from;
            let length = same(&text[from..at], rest);
            if length > best.length && back <= MAX_BACK {
                best = CopiedPart { place: MAX_BASE_BYTES + back - 1, length };
            }
        }
        if best.length < HASHED { CopiedPart { place: 0, length: 0 } } else { best }
    }
}

fn hash(window: &[u8]) -> usize {
    let mut bytes = [0; 8];
    bytes[..HASHED].copy_from_slice(&window[..HASHED]);
    (u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HASH_BITS)) as usize
}

/// How many bytes are the same.
fn same(a: &[u8], b: &[u8]) -> usize {
    let mut length = 0;
    let mut pairs = a.chunks_exact(8).zip(b.chunks_exact(8));
    for (a, b) in pairs.by_ref() {
        if a != b {
            break;
        }
        length += 8;
    }
    length + a[length..].iter().zip(&b[length..]).take_while(|(a, b)| a == b).count()
}

/// How many digits of hexadecimal a text begins with, in one case and an even number.
fn run_of_digits(text: &[u8]) -> usize {
    let mut letters = 0;
    let mut count = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => {}
            b'a'..=b'f' if letters != b'A' => letters = b'a',
            b'A'..=b'F' if letters != b'a' => letters = b'A',
            _ => break,
        }
        count += 1;
    }
    count & !1
}

fn literals(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(usize::from(LOWER)) {
        out.push(LITERAL + u8::try_from(piece.len() - 1).unwrap_or(0));
        out.extend_from_slice(piece);
    }
}

/// Digits: an even number of them, [`MIN_DIGITS`] or more.
fn hexadecimal(digits: &[u8], out: &mut Vec<u8>) {
    const MAX_PAIRS: usize = MIN_PAIRS + 15;
    let kind = if digits.iter().any(u8::is_ascii_uppercase) { UPPER } else { LOWER };
    let mut rest = digits;
    while !rest.is_empty() {
        let pairs = rest.len() / 2;
        // No rest may be too short for a piece of its own.
        let pairs = if pairs > MAX_PAIRS { MAX_PAIRS.min(pairs - MIN_PAIRS) } else { pairs };
        let (piece, after) = rest.split_at(pairs * 2);
        out.push(kind + u8::try_from(pairs - MIN_PAIRS).unwrap_or(0));
        out.extend(piece.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
        rest = after;
    }
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        other => (other | 0x20) - b'a' + 10,
    }
}

/// Writes as much of a match as one piece can say, and returns how much that is.
fn put_match(found: CopiedPart, out: &mut Vec<u8>) -> usize {
    const MAX_NEAR: usize = MIN_NEAR + 7;
    const MAX_SHORT: usize = MIN_MATCH + (LONG - MATCH) as usize - 1;
    if found.place < NEAR_BYTES && (MIN_NEAR..=MAX_NEAR).contains(&found.length) {
        let w = (found.length - MIN_NEAR) * NEAR_BYTES + found.place;
        out.extend([NEAR + u8::try_from(w >> 8).unwrap_or(0), u8::try_from(w & 255).unwrap_or(0)]);
        return found.length;
    }
    let (code, length) = match found.length / LONG_STEP {
        0 => short(found.length.min(MAX_SHORT)),
        steps => {
            let steps = steps.min(16);
            (LONG + u8::try_from(steps - 1).unwrap_or(0), steps * LONG_STEP)
        }
    };
    out.push(code);
    out.extend_from_slice(&u16::try_from(found.place).unwrap_or(0).to_be_bytes());
    length
}

fn short(length: usize) -> (u8, usize) {
    (MATCH + u8::try_from(length - MIN_MATCH).unwrap_or(0), length)
}

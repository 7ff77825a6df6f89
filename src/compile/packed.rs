//! Compiled rules as bytes, for another process of the same build: what an engine's executors judge rows with.

use sha2::{Digest, Sha256};

use super::RuleSet;
use super::kept::{decode, encode};
use crate::fingerprint::BUILD;

/// How packed rules begin.
const MAGIC: &[u8; 8] = b"rh-rules";
/// Bytes of the identity of a build, and of a SHA-256.
const PART: usize = 32;

/// Packs the rules and correlations of a set, without what there is to say of them.
pub fn pack(set: &RuleSet) -> Vec<u8> {
    let body = encode(&RuleSet { rules: set.rules.clone(), correlations: set.correlations.clone(), ..RuleSet::default() });
    [MAGIC.as_slice(), BUILD.as_bytes(), &Sha256::digest(&body), &body].concat()
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// When they are not packed rules, another build packed them, or they are damaged; in words.
pub fn unpack(bytes: &[u8]) -> Result<RuleSet, &'static str> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("they are not packed rules")?;
    let (build, rest) = rest.split_at_checked(PART).ok_or("they are cut off")?;
    if build != BUILD.as_bytes() {
        return Err("another build of the program packed them");
    }
    let (sum, body) = rest.split_at_checked(PART).ok_or("they are cut off")?;
    if Sha256::digest(body)[..] != *sum {
        return Err("they are damaged");
    }
    decode(body).ok_or("they are damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_text};

    #[test]
    fn packed_rules_are_the_same_or_refused() {
        let text = "title: A\nid: 11111111-1111-4111-8111-111111111111\nlogsource:\n    product: windows\ndetection:\n    s:\n        A: b\n    condition: s\n";
        let set = load_text("a.yml", text, &CompileOptions::default());
        let packed = pack(&set);
        let again = unpack(&packed).expect("packed rules");
        assert_eq!((again.rules, again.correlations.len()), (set.rules, 0));
        let mut damaged = packed.clone();
        *damaged.last_mut().expect("bytes") ^= 1;
        let mut other = packed.clone();
        other[10] ^= 1;
        for (bytes, expected) in [
            (&packed[1..], "they are not packed rules"),
            (&packed[..30], "they are cut off"),
            (&packed[..60], "they are cut off"),
            (&damaged, "they are damaged"),
            (&other, "another build of the program packed them"),
        ] {
            assert_eq!(unpack(bytes).err(), Some(expected));
        }
    }
}

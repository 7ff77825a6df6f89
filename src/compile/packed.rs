//! Compiled rules as bytes, for another process of the same build: what an engine's executors judge rows with.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::RuleSet;
use super::kept::{decode, encode};
use crate::fingerprint::BUILD;

/// How packed rules begin.
const MAGIC: &[u8; 8] = b"rh-rules";
/// Bytes of the identity of a build, and of a SHA-256.
const PART: usize = 32;

/// Rules that were packed.
#[derive(Debug)]
pub struct PackedRules {
    /// The rules and correlations, without what there is to say of them.
    pub set: RuleSet,
    /// View of a lake → the rules (correlations behind them) that need its events; of views that are not here none does.
    pub asked: AskedByView,
}

/// See [`PackedRules::asked`].
pub type AskedByView = BTreeMap<String, BTreeSet<usize>>;

/// Packs the rules and correlations of a set, and which of them need events of a view: to find that out for each type anew costs an
/// executor as much as to judge some thousand rows.
pub fn pack(set: &RuleSet, asked: &AskedByView) -> Vec<u8> {
    let asked = postcard::to_stdvec(asked).expect("texts and numbers are always encoded");
    let length = (asked.len() as u64).to_be_bytes();
    let set = encode(&RuleSet { rules: set.rules.clone(), correlations: set.correlations.clone(), ..RuleSet::default() });
    let body = [&length[..], &asked, &set].concat();
    [MAGIC.as_slice(), BUILD.as_bytes(), &Sha256::digest(&body), &body].concat()
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// When they are not packed rules, another build packed them, or they are damaged; in words.
pub fn unpack(bytes: &[u8]) -> Result<PackedRules, &'static str> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("they are not packed rules")?;
    let (build, rest) = rest.split_at_checked(PART).ok_or("they are cut off")?;
    if build != BUILD.as_bytes() {
        return Err("another build of the program packed them");
    }
    let (sum, body) = rest.split_at_checked(PART).ok_or("they are cut off")?;
    if Sha256::digest(body)[..] != *sum {
        return Err("they are damaged");
    }
    parts(body).ok_or("they are damaged")
}

fn parts(body: &[u8]) -> Option<PackedRules> {
    let (length, rest) = body.split_first_chunk()?;
    let (asked, set) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    Some(PackedRules { set: decode(set)?, asked: postcard::from_bytes(asked).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_text};

    #[test]
    fn packed_rules_are_the_same_or_refused() {
        let text = "title: A\nid: 11111111-1111-4111-8111-111111111111\nlogsource:\n    product: windows\ndetection:\n    s:\n        A: b\n    condition: s\n";
        let set = load_text("a.yml", text, &CompileOptions::default());
        let asked: AskedByView = [("security_1".to_owned(), [0, 3].into())].into();
        let packed = pack(&set, &asked);
        let again = unpack(&packed).expect("packed rules");
        assert_eq!((again.set.rules, again.set.correlations.len(), again.asked), (set.rules, 0, asked));
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

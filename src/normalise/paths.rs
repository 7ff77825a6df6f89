//! Names of members of nested records, interned.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::event::hex;

/// Bytes of a name. Longer ones are made for harm: they keep their beginning, and a hash that tells them apart.
const MAX_NAME_BYTES: usize = 1_024;

/// The path of a member, e.g. `Event.System.EventID`; 0 is the record itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PathId(pub(super) u32);

impl PathId {
    /// The record itself.
    pub(crate) const ROOT: Self = Self(0);
}

/// All paths met by one normaliser.
#[derive(Debug)]
pub(super) struct Paths {
    texts: Vec<String>,
    children: Vec<FxHashMap<Box<str>, PathId>>,
}

impl Paths {
    /// Starts with the root alone.
    pub(super) fn new() -> Self {
        Self { texts: vec![String::new()], children: vec![FxHashMap::default()] }
    }

    /// The path of a member below another; new ones are made.
    pub(super) fn child(&mut self, parent: PathId, key: &str) -> PathId {
        let key = &*shortened(key);
        if let Some(id) = self.children[parent.0 as usize].get(key) {
            return *id;
        }
        let id = PathId(u32::try_from(self.texts.len()).expect("fewer than 2^32 paths"));
        let above = &self.texts[parent.0 as usize];
        let key_text = key.replace('\0', "\u{2400}");
        let text = if above.is_empty() { key_text } else { format!("{above}.{key_text}") };
        self.texts.push(text);
        self.children.push(FxHashMap::default());
        self.children[parent.0 as usize].insert(key.into(), id);
        id
    }

    /// The text of a path.
    pub(super) fn text(&self, id: PathId) -> &str {
        &self.texts[id.0 as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}

/// A name of bearable length.
pub(super) fn shortened(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        return Cow::Borrowed(name);
    }
    // Cut at a border of letters, with a hash: two long names that begin alike stay two.
    let start = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
    Cow::Owned(format!("{start}…{}", &hex(&Sha256::digest(name))[..16]))
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAME_BYTES, shortened};

    #[test]
    fn long_names_stay_apart() {
        let (one, other) = ("ä".repeat(MAX_NAME_BYTES) + "x", "ä".repeat(MAX_NAME_BYTES) + "y");
        assert_ne!(shortened(&one), shortened(&other));
        assert!(shortened(&one).len() < MAX_NAME_BYTES + 32 && shortened(&one).starts_with("ää"));
        assert_eq!(shortened(&"x".repeat(MAX_NAME_BYTES)).len(), MAX_NAME_BYTES);
    }
}

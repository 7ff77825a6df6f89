//! Names of members of nested records, interned.

use rustc_hash::FxHashMap;

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

//! A set of ids, a bit each: asking it costs no look-up in a table.

/// Ids of a page: 4 kB of bits.
const PAGE_IDS: usize = 1 << 15;
/// Higher ids are in no set. A hostile store may have any; the highest of an honest one are the number of its rows.
const MAX_ID: i64 = 1 << 36;

/// Ids from 1 on.
#[derive(Debug, Default)]
pub(super) struct IdSet {
    pages: Vec<Option<Box<[u64; PAGE_IDS / 64]>>>,
    len: u64,
}

impl IdSet {
    /// Adds an id; says whether it is new. One that no honest store has is not added.
    pub(super) fn insert(&mut self, id: i64) -> bool {
        let Some((page, word, bit)) = place(id) else { return false };
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        let word = &mut self.pages[page].get_or_insert_with(|| Box::new([0; PAGE_IDS / 64]))[word];
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += u64::from(is_new);
        is_new
    }

    /// Whether an id is there.
    pub(super) fn contains(&self, id: i64) -> bool {
        place(id).is_some_and(|(page, word, bit)| self.pages.get(page).and_then(Option::as_ref).is_some_and(|page| page[word] & bit != 0))
    }

    /// How many ids are there.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether none is there.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Page, word of it, bit of this.
fn place(id: i64) -> Option<(usize, usize, u64)> {
    let id = usize::try_from(id).ok().filter(|_| id <= MAX_ID)?;
    Some((id / PAGE_IDS, id % PAGE_IDS / 64, 1 << (id % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_there_once_they_were_added() {
        let mut set = IdSet::default();
        for id in [1, 2, 63, 64, 40_000, 10_000_000] {
            assert!(!set.contains(id) && set.insert(id) && !set.insert(id) && set.contains(id), "{id}");
        }
        for id in [0, -1, 3, i64::MAX, i64::MIN] {
            assert!(!set.contains(id), "{id}");
        }
        assert!(!set.insert(i64::MAX) && !set.insert(-1));
        assert_eq!(set.len(), 6);
    }
}

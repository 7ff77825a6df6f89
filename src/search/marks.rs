//! What many values or events have of the terms: one byte each, found by their ids.

use rustc_hash::FxHashMap;

use super::terms::Mask;

/// Ids so far above what was counted are not in the row of bytes.
// The ids of a store have no gaps to speak of. A store that somebody made may, and must not ask for a row as long as its largest id.
const GAP_MAX: usize = 1 << 20;

/// Masks by id; what has none costs a byte at most.
#[derive(Debug, Default)]
pub(super) struct ValueMarks {
    dense: Vec<Mask>,
    /// Ids that are too far away.
    sparse: FxHashMap<i64, Mask>,
    /// Masks that were set so far.
    any: Mask,
    /// Ids that were met.
    met: usize,
}

impl ValueMarks {
    /// Adds what an id has; ids that have nothing are told too, so that the row grows with them.
    pub(super) fn add(&mut self, id: i64, mask: Mask) {
        self.met += 1;
        if mask == 0 {
            return;
        }
        self.any |= mask;
        match usize::try_from(id) {
            Ok(at) if at <= self.met.saturating_mul(2).saturating_add(GAP_MAX) => {
                if at >= self.dense.len() {
                    self.dense.resize(at + 1, 0);
                }
                self.dense[at] |= mask;
            }
            _ => *self.sparse.entry(id).or_default() |= mask,
        }
    }

    /// What an id has.
    pub(super) fn get(&self, id: i64) -> Mask {
        let dense = usize::try_from(id).ok().and_then(|at| self.dense.get(at)).copied().unwrap_or(0);
        if self.sparse.is_empty() { dense } else { dense | self.sparse.get(&id).copied().unwrap_or(0) }
    }

    /// What any of them has.
    pub(super) fn any(&self) -> Mask {
        self.any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_far_away_take_no_room() {
        let mut marks = ValueMarks::default();
        for (id, mask) in [(1, 1), (2, 0), (3, 2), (3, 1), (1 << 52, 4), (-7, 8)] {
            marks.add(id, mask);
        }
        assert_eq!([1, 2, 3, 4, 1 << 52, -7].map(|id| marks.get(id)), [1, 0, 3, 0, 4, 8]);
        assert!(marks.dense.len() < 10 && marks.any() == 15);
    }
}

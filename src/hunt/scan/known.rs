//! What the values of columns answer, by the numbers that stand for them.
//!
//! Numbers of the dictionary are given in the order in which values are first met, so those of one time lie together. A table with a place
//! for each number of a page finds an answer faster than a hash, which a scan asks for each cell.

use rustc_hash::FxHashMap;

/// Numbers of one page.
const PAGE: usize = 64;
/// Larger numbers, and those below zero, have no page.
// Their table alone would take 8 MB a column.
const MAX_PAGED: i64 = 1 << 26;
/// Stands for what is not known.
const UNKNOWN: u32 = u32::MAX;
/// What the answers of all columns may take, in bytes. When it is full they are forgotten, and asked again.
const MAX_BYTES: usize = 48 << 20;
/// What an answer without a page takes, and what a page does.
const OTHER_BYTES: usize = 24;
const PAGE_BYTES: usize = PAGE * 4 + 8;

/// See the module.
pub(super) struct KnownAnswers {
    columns: Vec<KnownColumn>,
    bytes: usize,
    most: usize,
}

/// What the values of one column answer: those of the dictionary, and plain numbers.
#[derive(Default)]
struct KnownColumn {
    values: KnownNumbers,
    numbers: KnownNumbers,
}

#[derive(Default)]
struct KnownNumbers {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
    others: FxHashMap<i64, u32>,
}

/// A number in a cell.
#[derive(Clone, Copy)]
pub(super) enum CellNumber {
    /// Of a value of the dictionary.
    Value(i64),
    /// Itself.
    Plain(i64),
}

impl KnownAnswers {
    /// Knows nothing of so many columns; `scans` at a time share what memory there is.
    pub(super) fn new(columns: usize, scans: usize) -> Self {
        Self { columns: (0..columns).map(|_| KnownColumn::default()).collect(), bytes: 0, most: MAX_BYTES / scans.max(1) }
    }

    /// What a column's number answers.
    #[inline]
    pub(super) fn get(&self, column: usize, number: CellNumber) -> Option<u32> {
        let column = &self.columns[column];
        match number {
            CellNumber::Value(id) => column.values.get(id),
            CellNumber::Plain(number) => column.numbers.get(number),
        }
    }

    /// Notes it.
    pub(super) fn insert(&mut self, column: usize, number: CellNumber, answer: u32) {
        if self.bytes >= self.most {
            self.columns.iter_mut().for_each(|column| *column = KnownColumn::default());
            self.bytes = 0;
        }
        let column = &mut self.columns[column];
        self.bytes += match number {
            CellNumber::Value(id) => column.values.insert(id, answer),
            CellNumber::Plain(number) => column.numbers.insert(number, answer),
        };
    }
}

impl KnownNumbers {
    #[inline]
    fn get(&self, number: i64) -> Option<u32> {
        let Some((page, place)) = paged(number) else { return self.others.get(&number).copied() };
        let answer = self.pages.get(page)?.as_ref()?[place];
        (answer != UNKNOWN).then_some(answer)
    }

    /// Returns the bytes that this took.
    fn insert(&mut self, number: i64, answer: u32) -> usize {
        let Some((page, place)) = paged(number) else {
            self.others.insert(number, answer);
            return OTHER_BYTES;
        };
        let mut bytes = 0;
        if page >= self.pages.len() {
            bytes += (page + 1 - self.pages.len()) * size_of::<Option<Box<[u32; PAGE]>>>();
            self.pages.resize(page + 1, None);
        }
        let page = self.pages[page].get_or_insert_with(|| {
            bytes += PAGE_BYTES;
            Box::new([UNKNOWN; PAGE])
        });
        page[place] = answer;
        bytes
    }
}

/// The page of a number and its place there.
fn paged(number: i64) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok().filter(|_| number < MAX_PAGED)?;
    Some((number / PAGE, number % PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_again_until_memory_is_full_and_each_kind_of_number_has_its_own() {
        let mut known = KnownAnswers::new(2, 1);
        let numbers = [0, 1, 63, 64, 1_000_000, MAX_PAGED - 1, MAX_PAGED, i64::MAX, -1, i64::MIN];
        for (answer, number) in (0..).zip(numbers) {
            known.insert(1, CellNumber::Value(number), answer);
            known.insert(1, CellNumber::Plain(number), answer + 100);
        }
        for (answer, number) in (0..).zip(numbers) {
            assert_eq!(known.get(1, CellNumber::Value(number)), Some(answer), "{number}");
            assert_eq!(known.get(1, CellNumber::Plain(number)), Some(answer + 100), "{number}");
            assert_eq!(known.get(0, CellNumber::Value(number)), None, "{number}");
        }
        assert_eq!(known.get(1, CellNumber::Value(2)), None);
        let mut small = KnownAnswers::new(1, MAX_BYTES / 1_000);
        for number in 0..10_000 {
            small.insert(0, CellNumber::Value(number * 64), 7);
            assert!(small.bytes < 12_000 + 8 * 10_000, "{number}");
        }
        assert_eq!(small.get(0, CellNumber::Value(0)), None, "it was forgotten");
    }
}

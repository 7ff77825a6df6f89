//! Which members of a record tell its shape: a set of small numbers, one for each name that the shapes ask for.

use rustc_hash::FxHashMap;

/// Words of a set: it is copied for every member of every record, so it is not larger than the data needs.
const WORDS: usize = 5;
/// Members that shapes may ask for; the rest of the bits are [`Flag`]s.
const MAX_MEMBERS: usize = WORDS * 64 - 4;

/// What is known of a member beside the shapes that ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Its elements are named by an attribute.
    NamedElements,
    /// It holds the event's own text.
    Raw,
    /// Its text is an object in its turn, in one shape or another.
    Embedded,
    /// It holds the whole record.
    Wrapper,
}

/// A set of members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks([u64; WORDS]);

impl Marks {
    fn set(&mut self, bit: usize) {
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Adds a flag where the condition holds.
    pub(super) fn flag(&mut self, flag: Flag, holds: bool) {
        if holds {
            self.set(MAX_MEMBERS + flag as usize);
        }
    }

    /// Whether the flag is there.
    pub(super) fn has(&self, flag: Flag) -> bool {
        let bit = MAX_MEMBERS + flag as usize;
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Adds all of another set.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    /// Whether all of another set is there.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & other == *other)
    }
}

/// The numbers of the names that shapes ask for. A name that ends in `.` stands for any member below it.
#[derive(Debug, Default)]
pub(super) struct MarkTable {
    whole: FxHashMap<String, usize>,
    below: Vec<(String, usize)>,
}

impl MarkTable {
    /// The set of some names; names met for the first time get a number. None when there are more than a set has room for.
    pub(super) fn needs(&mut self, names: &[String]) -> Option<Marks> {
        let mut marks = Marks::default();
        for name in names {
            let next = self.whole.len() + self.below.len();
            let known = if name.ends_with('.') {
                self.below.iter().find(|(known, _)| known == name).map(|(_, bit)| *bit)
            } else {
                self.whole.get(name).copied()
            };
            let bit = match known {
                Some(bit) => bit,
                None if next == MAX_MEMBERS => return None,
                None if name.ends_with('.') => {
                    self.below.push((name.clone(), next));
                    next
                }
                None => {
                    self.whole.insert(name.clone(), next);
                    next
                }
            };
            marks.set(bit);
        }
        Some(marks)
    }

    /// The names that a member answers to.
    pub(super) fn of(&self, path: &str) -> Marks {
        let mut marks = Marks::default();
        self.whole.get(path).into_iter().for_each(|bit| marks.set(*bit));
        self.below.iter().filter(|(above, _)| path.starts_with(above.as_str())).for_each(|(_, bit)| marks.set(*bit));
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_too_many_is_told_and_never_becomes_a_flag() {
        let names: Vec<String> = (0..=MAX_MEMBERS).map(|n| format!("m{n}")).collect();
        let mut table = MarkTable::default();
        let all = table.needs(&names[..MAX_MEMBERS]).expect("there is room");
        assert!([Flag::NamedElements, Flag::Raw, Flag::Embedded, Flag::Wrapper].iter().all(|flag| !all.has(*flag)));
        assert_eq!(table.needs(&names[..2]).expect("known names take no room"), table.needs(&names[..2]).expect("again"));
        assert_eq!(table.needs(&names[MAX_MEMBERS..]), None);
        let mut flagged = all;
        flagged.flag(Flag::Wrapper, true);
        assert!(flagged.has(Flag::Wrapper) && !flagged.has(Flag::Raw) && flagged.contains(&all) && !all.contains(&flagged));
    }

    #[test]
    fn a_member_answers_to_its_name_and_to_what_is_above_it() {
        let mut table = MarkTable::default();
        let needs = table.needs(&["winlog.".to_owned(), "@timestamp".to_owned()]).expect("there is room");
        let mut have = table.of("winlog.channel");
        assert!(!have.contains(&needs));
        have.add(&table.of("@timestamp"));
        assert!(have.contains(&needs));
        assert_eq!(table.of("winlog"), Marks::default());
    }
}

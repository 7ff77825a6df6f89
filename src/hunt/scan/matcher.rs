//! All patterns that rules hold against one column, answered for one value in a single pass.
//!
//! Most patterns are literal texts at the start, at the end, anywhere in, or equal to the value, compared without
//! case. They go into a hash table (equal), two tables in order (start, end) and one search ([`LiteralSearch`], anywhere);
//! a pattern with inner wildcards or with case registers its longest literal there and is verified when that
//! occurs. Addresses and numbers are parsed once per value. Expensive tests (regular expressions) are not here:
//! the scan asks them only of rows that the rest of the rule already accepts.
//!
//! Nothing is built before the first value is asked: many columns of a type are empty in every event.

use rustc_hash::FxHashMap;

use super::ends::Beginnings;
use super::literals::LiteralSearch;
use crate::event::fold_into;
use crate::ir::{Case, Glob, Part, Test, parse_address};

/// A pattern's number within one [`Matcher`].
pub(super) type PatternId = u32;

/// Collects patterns for a [`Matcher`].
#[derive(Default)]
pub(super) struct MatcherBuilder {
    tests: Vec<(Test, bool)>,
    ignoring_case: FxHashMap<Glob, PatternId>,
    exact: FxHashMap<Glob, PatternId>,
}

/// Answers all patterns of a column for one value.
pub(super) struct Matcher {
    tests: Vec<(Test, bool)>,
    /// None until the first value is asked.
    built: Option<Built>,
    /// The value folded, with one byte more.
    folded: String,
    reversed: Vec<u8>,
}

/// The patterns by how they are searched.
struct Built {
    equal: FxHashMap<Box<str>, Vec<PatternId>>,
    /// Bytes of the longest of these: to hash a longer value would be for nothing.
    longest_equal: usize,
    prefix: Option<LiteralGroup<Beginnings>>,
    suffix: Option<LiteralGroup<Beginnings>>,
    anywhere: Option<LiteralGroup<LiteralSearch>>,
    unfiltered: Vec<PatternId>,
    /// What is asked where the literal of a pattern occurs: folded where case does not count.
    globs: FxHashMap<PatternId, (Glob, Case)>,
    negated: Vec<PatternId>,
    /// Those that are neither, nor compared with literals.
    others: Vec<PatternId>,
}

/// Literals that are searched together.
struct LiteralGroup<S> {
    search: S,
    /// Literal → what its occurrence means.
    actions: Vec<Vec<OnMatch>>,
}

#[derive(Clone, Copy)]
enum OnMatch {
    Hit(PatternId),
    Verify(PatternId),
}

impl MatcherBuilder {
    /// Adds a test; equal ones share a number.
    pub(super) fn add(&mut self, test: &Test, negated: bool) -> PatternId {
        let next = u32::try_from(self.tests.len()).expect("fewer than 2^32 patterns");
        // Thousands of rules share patterns (`\powershell.exe`), most written the same way: equal ones are searched once.
        if let (Test::Glob { glob, case }, false) = (test, negated) {
            let known = if *case == Case::Ignore { &mut self.ignoring_case } else { &mut self.exact };
            if let Some(id) = known.get(glob) {
                return *id;
            }
            known.insert(glob.clone(), next);
        }
        self.tests.push((test.clone(), negated));
        next
    }

    /// Returns how many patterns there are.
    pub(super) fn len(&self) -> usize {
        self.tests.len()
    }

    /// Returns the matcher.
    pub(super) fn build(self) -> Matcher {
        Matcher { tests: self.tests, built: None, folded: String::new(), reversed: Vec::new() }
    }
}

/// Literals and what their occurrences mean.
type Actions = FxHashMap<Box<[u8]>, Vec<OnMatch>>;

#[derive(Default)]
struct Sorted {
    equal: FxHashMap<Box<str>, Vec<PatternId>>,
    prefix: Actions,
    suffix: Actions,
    anywhere: Actions,
    unfiltered: Vec<PatternId>,
    globs: FxHashMap<PatternId, (Glob, Case)>,
    negated: Vec<PatternId>,
    others: Vec<PatternId>,
}

impl Sorted {
    fn glob(&mut self, id: PatternId, glob: &Glob, case: Case) {
        let folded = glob.folded();
        if case == Case::Ignore {
            match folded.parts() {
                [] => return self.equal.entry(Box::default()).or_default().push(id),
                [Part::Text(t)] => return self.equal.entry(t.as_str().into()).or_default().push(id),
                [Part::Any, Part::Text(t), Part::Any] => return push(&mut self.anywhere, t.as_bytes().into(), OnMatch::Hit(id)),
                [Part::Text(t), Part::Any] => return push(&mut self.prefix, t.as_bytes().into(), OnMatch::Hit(id)),
                [Part::Any, Part::Text(t)] => return push(&mut self.suffix, t.bytes().rev().collect(), OnMatch::Hit(id)),
                _ => {}
            }
        }
        match folded.longest_text() {
            Some(text) => push(&mut self.anywhere, text.as_bytes().into(), OnMatch::Verify(id)),
            None => self.unfiltered.push(id),
        }
        self.globs.insert(id, (if case == Case::Ignore { folded } else { glob.clone() }, case));
    }
}

fn push(map: &mut Actions, key: Box<[u8]>, action: OnMatch) {
    map.entry(key).or_default().push(action);
}

fn grouped<S>(actions: Actions, search: fn(Vec<Box<[u8]>>) -> S) -> Option<LiteralGroup<S>> {
    if actions.is_empty() {
        return None;
    }
    let mut patterns: Vec<(Box<[u8]>, Vec<OnMatch>)> = actions.into_iter().collect();
    patterns.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let (literals, actions) = patterns.into_iter().unzip();
    Some(LiteralGroup { search: search(literals), actions })
}

impl Built {
    fn of(tests: &[(Test, bool)]) -> Self {
        let mut sorted = Sorted::default();
        for (id, (test, negated)) in (0..).zip(tests) {
            match test {
                _ if *negated => sorted.negated.push(id),
                Test::Glob { glob, case } => sorted.glob(id, glob, *case),
                _ => sorted.others.push(id),
            }
        }
        Self {
            longest_equal: sorted.equal.keys().map(|text| text.len()).max().unwrap_or(0),
            equal: sorted.equal,
            prefix: grouped(sorted.prefix, Beginnings::new),
            suffix: grouped(sorted.suffix, Beginnings::new),
            anywhere: grouped(sorted.anywhere, LiteralSearch::new),
            unfiltered: sorted.unfiltered,
            globs: sorted.globs,
            negated: sorted.negated,
            others: sorted.others,
        }
    }
}

impl Matcher {
    /// Appends the patterns that `value` passes to `hits`, in no order and with repetitions.
    pub(super) fn matches(&mut self, value: &str, hits: &mut Vec<PatternId>) {
        let tests = self.tests.as_slice();
        let built = self.built.get_or_insert_with(|| Built::of(tests));
        self.folded.clear();
        fold_into(value, &mut self.folded);
        // The one byte more that the search for literals wants.
        self.folded.push('\0');
        let (padded, folded) = (self.folded.as_bytes(), &self.folded[..self.folded.len() - 1]);
        let equal = if folded.len() <= built.longest_equal { built.equal.get(folded) } else { None };
        hits.extend(equal.into_iter().flatten());
        let globs = &built.globs;
        let mut act = |actions: &[OnMatch]| {
            hits.extend(actions.iter().filter_map(|action| match action {
                OnMatch::Hit(id) => Some(*id),
                OnMatch::Verify(id) => verified(globs, *id, value, folded).then_some(*id),
            }));
        };
        if let Some(LiteralGroup { search, actions }) = &built.prefix {
            search.each(folded.as_bytes(), |literal| act(&actions[literal as usize]));
        }
        if let Some(LiteralGroup { search, actions }) = &built.suffix {
            self.reversed.clear();
            self.reversed.extend(folded.bytes().rev().take(search.longest()));
            search.each(&self.reversed, |literal| act(&actions[literal as usize]));
        }
        if let Some(LiteralGroup { search, actions }) = &mut built.anywhere {
            search.each(padded, |literal| act(&actions[literal as usize]));
        }
        hits.extend(built.unfiltered.iter().filter(|id| verified(globs, **id, value, folded)));
        hits.extend(built.negated.iter().filter(|id| !tests[**id as usize].0.passes(value)));
        others(tests, &built.others, value, hits);
    }
}

fn others(tests: &[(Test, bool)], ids: &[PatternId], value: &str, hits: &mut Vec<PatternId>) {
    if ids.is_empty() {
        return;
    }
    // Once a value and not once a network: rules list dozens of them.
    let address = parse_address(value);
    hits.extend(ids.iter().filter(|id| match &tests[**id as usize].0 {
        Test::Cidr(net) => address.is_some_and(|ip| net.contains(ip)),
        other => other.passes(value),
    }));
}

fn verified(globs: &FxHashMap<PatternId, (Glob, Case)>, id: PatternId, value: &str, folded: &str) -> bool {
    let (glob, case) = &globs[&id];
    glob.matches(if *case == Case::Ignore { folded } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::MatcherBuilder;
    use crate::ir::{Case, Cidr, Glob, NumberOp, Part, Test};

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[aAbB\\\\%_.*]{0,6}",
            prop::sample::select(vec!["", "ß", "K", "ſk", "ÄÖ", "äö", "İi", "10.1.2.3", "::ffff:10.1.2.3", "7", "-1.5e3", "0x10", "a\nb"])
                .prop_map(str::to_owned),
        ]
    }

    fn test() -> impl Strategy<Value = Test> {
        let part = prop_oneof![3 => text().prop_map(Part::Text), 2 => Just(Part::Any), 1 => Just(Part::One)];
        let case = prop_oneof![Just(Case::Ignore), Just(Case::Exact)];
        let glob = (prop::collection::vec(part, 0..5), case).prop_map(|(parts, case)| Test::Glob { glob: Glob::new(parts), case });
        let op = prop::sample::select(vec![NumberOp::Lt, NumberOp::Ge, NumberOp::Ne]);
        prop_oneof![
            8 => glob,
            1 => Just(Test::Cidr(Cidr { address: "10.1.0.0".parse().expect("an address"), prefix: 16 })),
            1 => (op, -10.0..10.0_f64).prop_map(|(op, value)| Test::Number { op, value }),
        ]
    }

    #[test]
    fn a_pattern_inside_another_needs_its_own_place() {
        let glob = |parts: &[Part]| Test::Glob { glob: Glob::new(parts.to_vec()), case: Case::Ignore };
        let text = |t: &str| Part::Text(t.to_owned());
        let tests =
            [glob(&[Part::Any, text("ab")]), glob(&[Part::Any, text("a")]), glob(&[text("ab"), Part::Any]), glob(&[text("b"), Part::Any])];
        let mut builder = MatcherBuilder::default();
        let ids: Vec<_> = tests.iter().map(|test| builder.add(test, false)).collect();
        let mut matcher = builder.build();
        let mut hits = Vec::new();
        matcher.matches("ab", &mut hits);
        hits.sort_unstable();
        assert_eq!(hits, [ids[0], ids[2]], "`ab` ends with `ab` and not with `a`, begins with `ab` and not with `b`");
    }

    proptest! {
        /// All tests at once say what each test says on its own.
        #[test]
        fn together_is_one_by_one(tests in prop::collection::vec((test(), any::<bool>()), 1..12), values in prop::collection::vec(text(), 1..8)) {
            let mut builder = MatcherBuilder::default();
            let ids: Vec<_> = tests.iter().map(|(test, negated)| builder.add(test, *negated)).collect();
            let mut matcher = builder.build();
            for value in &values {
                let mut hits = Vec::new();
                matcher.matches(value, &mut hits);
                for (id, (test, negated)) in ids.iter().zip(&tests) {
                    prop_assert_eq!(hits.contains(id), test.passes(value) != *negated, "{:?} negated {} on {:?}", test, negated, value);
                }
            }
        }
    }
}

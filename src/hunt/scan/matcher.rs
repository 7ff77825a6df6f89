//! All patterns that rules hold against one column, answered for one value in a single pass.
//!
//! Most patterns are literal texts at the start, at the end, anywhere in, or equal to the value, compared without
//! case. They go into a hash table (equal), two anchored automata (start, end) and one free automaton (anywhere);
//! a pattern with inner wildcards or with case registers its longest literal there and is verified when that
//! occurs. Addresses and numbers are parsed once per value. Expensive tests (regular expressions) are not here:
//! the scan asks them only of rows that the rest of the rule already accepts.
//!
//! The automata are contiguous NFAs: a DFA over the public rules took four times the memory and was not faster.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use rustc_hash::FxHashMap;

use crate::event::fold_into;
use crate::hunt::HuntError;
use crate::ir::{Case, Glob, Part, Test, parse_address};

/// A pattern's number within one [`Matcher`].
pub(super) type PatternId = u32;

/// Collects patterns; [`MatcherBuilder::build`] makes the automata.
#[derive(Default)]
pub(super) struct MatcherBuilder {
    tests: Vec<(Test, bool)>,
    known: FxHashMap<(Glob, Case), PatternId>,
}

/// Answers all patterns of a column for one value.
pub(super) struct Matcher {
    equal: FxHashMap<String, Vec<PatternId>>,
    prefix: Option<Automaton>,
    suffix: Option<Automaton>,
    anywhere: Option<Automaton>,
    unfiltered: Vec<PatternId>,
    negated: Vec<PatternId>,
    globs: FxHashMap<PatternId, (Glob, Case)>,
    others: Vec<(PatternId, Test)>,
    tests: Vec<(Test, bool)>,
    folded: String,
    reversed: Vec<u8>,
}

struct Automaton {
    automaton: AhoCorasick,
    /// Automaton pattern → what its occurrence means.
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
        // Thousands of rules share patterns (`\powershell.exe`): equal ones are one state of the automaton and one answer.
        if let (Test::Glob { glob, case }, false) = (test, negated) {
            let key = (if *case == Case::Ignore { glob.folded() } else { glob.clone() }, *case);
            if let Some(id) = self.known.get(&key) {
                return *id;
            }
            self.tests.push((Test::Glob { glob: key.0.clone(), case: *case }, false));
            self.known.insert(key, next);
        } else {
            self.tests.push((test.clone(), negated));
        }
        next
    }

    /// Returns how many patterns there are.
    pub(super) fn len(&self) -> usize {
        self.tests.len()
    }

    /// Builds the automata.
    ///
    /// # Errors
    /// When an automaton exceeds its size limits.
    pub(super) fn build(self) -> Result<Matcher, HuntError> {
        let mut sorted = Sorted::default();
        for (id, (test, negated)) in (0..).zip(&self.tests) {
            match test {
                _ if *negated => sorted.negated.push(id),
                Test::Glob { glob, case } => sorted.glob(id, glob, *case),
                other => sorted.others.push((id, other.clone())),
            }
        }
        Ok(Matcher {
            equal: sorted.equal,
            prefix: automaton(sorted.prefix, StartKind::Anchored)?,
            suffix: automaton(sorted.suffix, StartKind::Anchored)?,
            anywhere: automaton(sorted.anywhere, StartKind::Unanchored)?,
            unfiltered: sorted.unfiltered,
            negated: sorted.negated,
            globs: sorted.globs,
            others: sorted.others,
            tests: self.tests,
            folded: String::new(),
            reversed: Vec::new(),
        })
    }
}

#[derive(Default)]
struct Sorted {
    equal: FxHashMap<String, Vec<PatternId>>,
    prefix: FxHashMap<Vec<u8>, Vec<OnMatch>>,
    suffix: FxHashMap<Vec<u8>, Vec<OnMatch>>,
    anywhere: FxHashMap<Vec<u8>, Vec<OnMatch>>,
    unfiltered: Vec<PatternId>,
    negated: Vec<PatternId>,
    globs: FxHashMap<PatternId, (Glob, Case)>,
    others: Vec<(PatternId, Test)>,
}

impl Sorted {
    fn glob(&mut self, id: PatternId, glob: &Glob, case: Case) {
        if case == Case::Ignore {
            match glob.parts() {
                [] => return self.equal.entry(String::new()).or_default().push(id),
                [Part::Text(t)] => return self.equal.entry(t.clone()).or_default().push(id),
                [Part::Any, Part::Text(t), Part::Any] => return push(&mut self.anywhere, t.as_bytes().to_vec(), OnMatch::Hit(id)),
                [Part::Text(t), Part::Any] => return push(&mut self.prefix, t.as_bytes().to_vec(), OnMatch::Hit(id)),
                [Part::Any, Part::Text(t)] => return push(&mut self.suffix, t.bytes().rev().collect(), OnMatch::Hit(id)),
                _ => {}
            }
        }
        let folded = glob.folded();
        match folded.longest_text() {
            Some(text) => push(&mut self.anywhere, text.as_bytes().to_vec(), OnMatch::Verify(id)),
            None => self.unfiltered.push(id),
        }
        self.globs.insert(id, (glob.clone(), case));
    }
}

fn push(map: &mut FxHashMap<Vec<u8>, Vec<OnMatch>>, key: Vec<u8>, action: OnMatch) {
    map.entry(key).or_default().push(action);
}

fn automaton(map: FxHashMap<Vec<u8>, Vec<OnMatch>>, start: StartKind) -> Result<Option<Automaton>, HuntError> {
    if map.is_empty() {
        return Ok(None);
    }
    let mut patterns: Vec<(Vec<u8>, Vec<OnMatch>)> = map.into_iter().collect();
    // The order of a hash map differs from run to run; sorted, the automaton is the same each time.
    patterns.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::Standard)
        .start_kind(start)
        // A prefilter jumps to rare bytes; among the patterns of thousands of rules no byte is rare, so it would only add work.
        .prefilter(false)
        .build(patterns.iter().map(|(text, _)| text))
        .map_err(|error| HuntError::Automaton { patterns: patterns.len(), source: error.into() })?;
    Ok(Some(Automaton { automaton, actions: patterns.into_iter().map(|(_, actions)| actions).collect() }))
}

impl Automaton {
    fn each(&self, haystack: &[u8], anchored: Anchored, mut visit: impl FnMut(OnMatch)) {
        let mut state = aho_corasick::automaton::OverlappingState::start();
        loop {
            self.automaton.find_overlapping(Input::new(haystack).anchored(anchored), &mut state);
            let Some(found) = state.get_match() else { break };
            // An anchored search also reports patterns that are the end of a pattern found here: they do not begin at 0.
            if anchored == Anchored::Yes && found.start() != 0 {
                continue;
            }
            for action in &self.actions[found.pattern().as_usize()] {
                visit(*action);
            }
        }
    }
}

impl Matcher {
    /// Appends the patterns that `value` passes to `hits`, in no order and with repetitions.
    pub(super) fn matches(&mut self, value: &str, hits: &mut Vec<PatternId>) {
        self.folded.clear();
        fold_into(value, &mut self.folded);
        if let Some(ids) = self.equal.get(&self.folded) {
            hits.extend_from_slice(ids);
        }
        let mut verify = |action: OnMatch| match action {
            OnMatch::Hit(id) => hits.push(id),
            OnMatch::Verify(id) => {
                if verified(&self.globs, id, value, &self.folded) {
                    hits.push(id);
                }
            }
        };
        if let Some(prefix) = &self.prefix {
            prefix.each(self.folded.as_bytes(), Anchored::Yes, &mut verify);
        }
        if let Some(suffix) = &self.suffix {
            self.reversed.clear();
            self.reversed.extend(self.folded.bytes().rev());
            // From the end an anchored search stops after a few letters; unanchored it would walk through the whole path.
            suffix.each(&self.reversed, Anchored::Yes, &mut verify);
        }
        if let Some(anywhere) = &self.anywhere {
            anywhere.each(self.folded.as_bytes(), Anchored::No, &mut verify);
        }
        for id in &self.unfiltered {
            if verified(&self.globs, *id, value, &self.folded) {
                hits.push(*id);
            }
        }
        for id in &self.negated {
            if !self.tests[*id as usize].0.passes(value) {
                hits.push(*id);
            }
        }
        self.others(value, hits);
    }

    fn others(&self, value: &str, hits: &mut Vec<PatternId>) {
        if self.others.is_empty() {
            return;
        }
        // Once a value and not once a network: rules list dozens of them.
        let address = parse_address(value);
        for (id, test) in &self.others {
            let hit = match test {
                Test::Cidr(net) => address.is_some_and(|ip| net.contains(ip)),
                other => other.passes(value),
            };
            if hit {
                hits.push(*id);
            }
        }
    }
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
        let mut matcher = builder.build().expect("small automata");
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
            let mut matcher = builder.build().expect("small automata");
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

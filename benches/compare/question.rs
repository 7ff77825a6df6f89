//! A test of one text, and the answers so far.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use regex::Regex;
use retrohunt::ir::{Case, Cidr, Glob, NumberOp, Part, Test};

use super::archive::{Archive, ValueNumber};
use super::evaluate::pred::{holds, in_network};
use super::evaluate::text::{characters, number};

/// A test and the answers so far.
pub(crate) struct Question {
    test: Asked,
    answers: RefCell<HashMap<ValueNumber, bool>>,
}

enum Asked {
    Present,
    Pattern {
        pieces: Vec<Vec<Option<char>>>,
        case: Case,
    },
    /// Made when it is first asked: most rules have no events.
    Expression(String, OnceCell<Regex>),
    Network(Cidr),
    Number(NumberOp, f64),
    TextOrder(NumberOp, String),
}

impl Question {
    /// A test without answers.
    pub(crate) fn of(test: &Test) -> Self {
        let test = match test {
            Test::Exists => Asked::Present,
            Test::Glob { glob, case } => Asked::Pattern { pieces: pieces(glob, *case), case: *case },
            Test::Regex(regex) => Asked::Expression(regex.clone(), OnceCell::new()),
            Test::Cidr(cidr) => Asked::Network(*cidr),
            Test::Number { op, value } => Asked::Number(*op, *value),
            Test::TextOrder { op, value } => Asked::TextOrder(*op, value.clone()),
            Test::DatePart { .. } => panic!("no public rule asks for {test:?}"),
        };
        Self { test, answers: RefCell::default() }
    }

    /// Whether a text of the archive passes.
    pub(crate) fn answer(&self, number: ValueNumber, archive: &Archive) -> bool {
        if let Some(known) = self.answers.borrow().get(&number) {
            return *known;
        }
        let text = &archive.texts[number as usize];
        let characters = if let Asked::Pattern { case, .. } = self.test { text.characters(case) } else { &[] };
        let passes = self.test.passes(&text.text, characters);
        self.answers.borrow_mut().insert(number, passes);
        passes
    }

    /// Whether another text passes.
    pub(crate) fn passes(&self, text: &str) -> bool {
        let case = if let Asked::Pattern { case, .. } = self.test { case } else { Case::Exact };
        self.test.passes(text, &characters(text, case))
    }
}

impl Asked {
    fn passes(&self, text: &str, characters: &[char]) -> bool {
        match self {
            Self::Present => true,
            Self::Pattern { pieces, .. } => matches(pieces, characters),
            Self::Expression(pattern, regex) => regex.get_or_init(|| Regex::new(pattern).unwrap()).is_match(text),
            Self::Network(cidr) => in_network(cidr, text),
            Self::Number(op, right) => number(text).is_some_and(|left| holds(*op, left.partial_cmp(right))),
            Self::TextOrder(op, right) => holds(*op, Some(text.as_bytes().cmp(right.as_bytes()))),
        }
    }
}

/// A pattern as the pieces between its `*`; `None` in a piece is any one character.
fn pieces(glob: &Glob, case: Case) -> Vec<Vec<Option<char>>> {
    let mut out = vec![Vec::new()];
    for part in glob.parts() {
        let last = out.last_mut().unwrap();
        match part {
            Part::Text(text) => last.extend(characters(text, case).into_iter().map(Some)),
            Part::One => last.push(None),
            Part::Any => out.push(Vec::new()),
        }
    }
    out
}

/// The first piece begins the text, the last ends it, the others follow one another as early as they can.
fn matches(pieces: &[Vec<Option<char>>], text: &[char]) -> bool {
    let fits = |piece: &[Option<char>], at: usize| {
        text.len() - at >= piece.len() && piece.iter().zip(&text[at..]).all(|(want, is)| want.is_none_or(|want| want == *is))
    };
    let [first, middle @ .., last] = pieces else { return pieces[0].len() == text.len() && fits(&pieces[0], 0) };
    if first.len() + last.len() > text.len() || !fits(first, 0) || !fits(last, text.len() - last.len()) {
        return false;
    }
    let (mut at, end) = (first.len(), text.len() - last.len());
    for piece in middle {
        match (at..=end.saturating_sub(piece.len())).find(|at| *at + piece.len() <= end && fits(piece, *at)) {
            Some(found) => at = found + piece.len(),
            None => return false,
        }
    }
    true
}

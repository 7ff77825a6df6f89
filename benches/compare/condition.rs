//! A rule's condition, asked of one event after the other. Two-valued: false on a missing field, true when any text of a
//! field passes. An answer about a text of the archive is kept, because there are far fewer texts than events.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;
use retrohunt::catalog::EventType;
use retrohunt::ir::{Case, Cidr, FieldCompare, Glob, NumberOp, Part, Pred, Query, Test};
use retrohunt::taxonomy::Selector;

use super::archive::{Archive, Event, ValueNumber};
use super::evaluate::pred::{holds, in_network, texts_compare};
use super::evaluate::text::{characters, number};
use super::lookup::{Found, Place, find, selectors};

/// The events that pass, ascending.
pub(crate) fn matching(archive: &Archive, query: &Query) -> Vec<i64> {
    let mut out = Vec::new();
    let chosen = selectors(&query.scope);
    for (event_type, events) in &archive.types {
        let selector = match &chosen {
            None => None,
            Some((first, second)) => {
                let Some(selector) = first.iter().find(|s| s.selects(event_type)) else { continue };
                if !second.is_empty() && !second.iter().any(|s| s.selects(event_type)) {
                    continue;
                }
                Some(*selector)
            }
        };
        let condition = Condition::of(&query.filter, event_type, selector);
        let meant = selector.map_or_else(Vec::new, |s| s.conditions.clone());
        let meant: Vec<(Place, Vec<String>)> =
            meant.into_iter().map(|(name, values)| (find(&name, event_type, selector), values)).collect();
        let is_meant = |event: &Event| {
            meant.iter().all(|(place, values)| {
                let texts = place.texts(event, archive);
                let is = |found: &Found<'_>| values.iter().any(|value| value.eq_ignore_ascii_case(archive.shown(found)));
                texts.iter().any(is)
            })
        };
        out.extend(events.iter().filter(|event| is_meant(event) && condition.holds(event, archive)).map(|event| event.id));
    }
    out.sort_unstable();
    out
}

/// A condition with its names found in one event type.
enum Condition {
    Always,
    Never,
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Field(Place, Question),
    Keyword(Question),
    Same { left: Place, right: Place, compare: FieldCompare },
}

impl Condition {
    fn of(pred: &Pred, event_type: &EventType, selector: Option<&Selector>) -> Self {
        let of = |pred: &Pred| Self::of(pred, event_type, selector);
        let place = |name: &str| find(name, event_type, selector);
        match pred {
            Pred::True => Self::Always,
            Pred::False => Self::Never,
            Pred::And(all) => Self::All(all.iter().map(of).collect()),
            Pred::Or(any) => Self::Any(any.iter().map(of).collect()),
            Pred::Not(inner) => Self::Not(Box::new(of(inner))),
            Pred::Match(m) => {
                assert!(!m.negated, "Sigma negates conditions, not tests");
                Self::Field(place(&m.field.name), Question::of(&m.test))
            }
            Pred::Keyword { glob, case } => {
                let question = || Question::of(&Test::Glob { glob: glob.clone(), case: *case });
                let envelope = ["EventID", "Channel", "Computer"].into_iter().filter(|_| event_type.product == "windows");
                Self::Any(envelope.map(|name| Self::Field(place(name), question())).chain([Self::Keyword(question())]).collect())
            }
            Pred::Compare(c) => Self::Same { left: place(&c.left.name), right: place(&c.right.name), compare: c.clone() },
            Pred::Scalar(_) => panic!("Sigma has no expressions"),
        }
    }

    fn holds(&self, event: &Event, archive: &Archive) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(all) => all.iter().all(|c| c.holds(event, archive)),
            Self::Any(any) => any.iter().any(|c| c.holds(event, archive)),
            Self::Not(inner) => !inner.holds(event, archive),
            Self::Field(Place::Column(column), question) => event.columns[*column].iter().any(|n| question.answer(*n, archive)),
            Self::Field(place, question) => place.texts(event, archive).iter().any(|found| match found {
                Found::Stored(number) => question.answer(*number, archive),
                Found::Made(text) => question.test.passes(text, &characters(text, question.case())),
            }),
            Self::Keyword(question) => event.columns.iter().flatten().chain(&event.message).any(|n| question.answer(*n, archive)),
            Self::Same { left, right, compare } => {
                let texts = |place: &Place| -> Vec<Vec<char>> {
                    place.texts(event, archive).iter().map(|found| characters(archive.shown(found), compare.case)).collect()
                };
                let (left, right) = (texts(left), texts(right));
                left.iter().any(|l| right.iter().any(|r| texts_compare(compare, l, r)))
            }
        }
    }
}

/// A test and the answers so far.
struct Question {
    test: Asked,
    answers: RefCell<HashMap<ValueNumber, bool>>,
}

enum Asked {
    Present,
    Pattern { pieces: Vec<Vec<Option<char>>>, case: Case },
    Expression(Regex),
    Network(Cidr),
    Number(NumberOp, f64),
}

impl Question {
    fn of(test: &Test) -> Self {
        let test = match test {
            Test::Exists => Asked::Present,
            Test::Glob { glob, case } => Asked::Pattern { pieces: pieces(glob, *case), case: *case },
            Test::Regex(regex) => Asked::Expression(Regex::new(regex).unwrap()),
            Test::Cidr(cidr) => Asked::Network(*cidr),
            Test::Number { op, value } => Asked::Number(*op, *value),
            other => panic!("no public rule asks for {other:?}"),
        };
        Self { test, answers: RefCell::default() }
    }

    fn case(&self) -> Case {
        if let Asked::Pattern { case, .. } = self.test { case } else { Case::Exact }
    }

    fn answer(&self, number: ValueNumber, archive: &Archive) -> bool {
        if let Some(known) = self.answers.borrow().get(&number) {
            return *known;
        }
        let text = &archive.texts[number as usize];
        let characters = if let Asked::Pattern { case, .. } = self.test { text.characters(case) } else { &[] };
        let passes = self.test.passes(&text.text, characters);
        self.answers.borrow_mut().insert(number, passes);
        passes
    }
}

impl Asked {
    fn passes(&self, text: &str, characters: &[char]) -> bool {
        match self {
            Self::Present => true,
            Self::Pattern { pieces, .. } => matches(pieces, characters),
            Self::Expression(regex) => regex.is_match(text),
            Self::Network(cidr) => in_network(cidr, text),
            Self::Number(op, right) => number(text).is_some_and(|left| holds(*op, left.partial_cmp(right))),
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

//! What a database can say of a condition: a condition that holds wherever the rule's does, and perhaps elsewhere.
//!
//! The rows that pass are few, and a hunt over them decides. A test without a form is left out where that lets more rows through, and is
//! false under a NOT; of a regular expression the texts are asked for that it cannot match without.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

use super::field::ViewFields;
use super::pred::pred;
use super::writer::StatementWriter;
use super::{DialectName, StatementOptions, typed};
use crate::catalog::{Catalog, EventType, TypeId};
use crate::event::fold_char;
use crate::ir::{Case, Glob, Match, Part, Pred, Test};
use crate::plan::{FieldExpr, Plan};

/// A condition over the events of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Narrowed {
    /// The type.
    pub event_type: TypeId,
    /// The condition in the database's words, over a table or view of the type that is called `v`. Every event that the rule's condition
    /// holds of passes.
    pub condition: String,
    /// Whether no others pass: the whole condition could be said.
    pub is_exact: bool,
}

/// Says for each event type of a plan which of its events can match, with what a database has words for. Stages are not looked at: they
/// only see what passes.
pub fn narrow(plan: &Plan, catalog: &Catalog, dialect: DialectName) -> Vec<Narrowed> {
    typed(plan, catalog).map(|(event_type, branch)| narrow_condition(&branch.filter, event_type, dialect)).collect()
}

/// Says which events of a type can pass a condition, with what a database has words for.
pub fn narrow_condition(condition: &Pred<FieldExpr>, event_type: &EventType, dialect: DialectName) -> Narrowed {
    let narrower = Narrower { event_type, options: StatementOptions { dialect, ..StatementOptions::default() } };
    let (condition, is_exact) = narrower.bound(condition, BoundSide::Above);
    let condition = narrower.text(&condition);
    Narrowed { event_type: event_type.id, condition, is_exact }
}

/// On which side of a condition another one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BoundSide {
    /// It holds wherever the condition does.
    Above,
    /// It holds nowhere else.
    Below,
}

impl BoundSide {
    fn other(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }
}

struct Narrower<'a> {
    event_type: &'a EventType,
    options: StatementOptions,
}

impl Narrower<'_> {
    /// The nearest condition that can be said, and whether it is the same.
    fn bound(&self, condition: &Pred<FieldExpr>, bound: BoundSide) -> (Pred<FieldExpr>, bool) {
        let each = |terms: &[Pred<FieldExpr>]| -> (Vec<Pred<FieldExpr>>, bool) {
            let made: Vec<(Pred<FieldExpr>, bool)> = terms.iter().map(|term| self.bound(term, bound)).collect();
            let is_exact = made.iter().all(|(_, is_exact)| *is_exact);
            (made.into_iter().map(|(term, _)| term).collect(), is_exact)
        };
        match condition {
            Pred::True | Pred::False => (condition.clone(), true),
            Pred::And(terms) => {
                let (terms, is_exact) = each(terms);
                (Pred::all(terms), is_exact)
            }
            Pred::Or(terms) => {
                let (terms, is_exact) = each(terms);
                (Pred::any(terms), is_exact)
            }
            Pred::Not(inner) => {
                let (inner, is_exact) = self.bound(inner, bound.other());
                (inner.negated(), is_exact)
            }
            leaf if self.can_say(leaf) => (leaf.clone(), true),
            _ if bound == BoundSide::Below => (Pred::False, false),
            Pred::Match(test) => (self.wider(test), false),
            _ => (Pred::True, false),
        }
    }

    /// A test that can be said, and that every value passes which passes this one.
    fn wider(&self, test: &Match<FieldExpr>) -> Pred<FieldExpr> {
        let on_field = |wanted: Test| Pred::Match(Match { test: wanted, negated: false, ..test.clone() });
        let texts = match &test.test {
            Test::Regex(expression) if !test.negated => necessary_texts(expression),
            _ => None,
        };
        let has_text = |wanted: NecessaryText| {
            let glob = Glob::new([Part::Any, Part::Text(wanted.text), Part::Any]);
            on_field(Test::Glob { glob, case: wanted.case })
        };
        let wider = match texts {
            Some(texts) => Pred::any(texts.into_iter().map(has_text)),
            None => on_field(Test::Exists),
        };
        if self.can_say(&wider) { wider } else { Pred::True }
    }

    fn can_say(&self, condition: &Pred<FieldExpr>) -> bool {
        let writer = StatementWriter::with(self.options);
        pred(&ViewFields { writer: &writer, event_type: self.event_type }, condition);
        writer.is_whole()
    }

    fn text(&self, condition: &Pred<FieldExpr>) -> String {
        let writer = StatementWriter::with(self.options);
        pred(&ViewFields { writer: &writer, event_type: self.event_type }, condition).to_string()
    }
}

/// A text that must be somewhere in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NecessaryText {
    text: String,
    case: Case,
}

/// Most texts of which one is necessary: more narrow nothing.
const TEXTS_MAX: usize = 64;

/// The texts of which each match of an expression has one; `None`: there are no such.
fn necessary_texts(expression: &str) -> Option<Vec<NecessaryText>> {
    necessary(&regex_syntax::parse(expression).ok()?)
}

fn necessary(hir: &Hir) -> Option<Vec<NecessaryText>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => best_of(std::slice::from_ref(hir)),
        HirKind::Concat(parts) => best_of(parts),
        HirKind::Capture(capture) => necessary(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => necessary(&repetition.sub),
        HirKind::Alternation(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(necessary).collect();
            all.map(|all| all.concat()).filter(|texts| texts.len() <= TEXTS_MAX)
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// Of what stands one after the other, the part whose shortest text is longest.
fn best_of(parts: &[Hir]) -> Option<Vec<NecessaryText>> {
    let mut found: Vec<Vec<NecessaryText>> = Vec::new();
    let mut run = NecessaryText { text: String::new(), case: Case::Exact };
    let end_run = |run: &mut NecessaryText| {
        let ended = std::mem::replace(run, NecessaryText { text: String::new(), case: Case::Exact });
        if ended.text.is_empty() { None } else { Some(vec![ended]) }
    };
    for part in parts {
        match part.kind() {
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => run.text.push_str(text),
                Err(_) => found.extend(end_run(&mut run)),
            },
            HirKind::Class(Class::Unicode(class)) => match one_letter(class) {
                Some(letter) => {
                    run.text.push(letter);
                    run.case = Case::Ignore;
                }
                None => found.extend(end_run(&mut run)),
            },
            _ => {
                found.extend(end_run(&mut run));
                found.extend(necessary(part));
            }
        }
    }
    found.extend(end_run(&mut run));
    // A text of which one letter is enough lets nearly everything through, but not more than nothing.
    found.into_iter().max_by_key(|texts| texts.iter().map(|text| text.text.len()).min())
}

/// The letter that all characters of a class are without case. `[kK\u{212a}]`, which is what `(?i)k` says, is not one: U+212A folds to
/// itself.
fn one_letter(class: &ClassUnicode) -> Option<char> {
    let mut folded = class.ranges().iter().take(8).flat_map(|range| (range.start()..=range.end()).take(8)).map(fold_char);
    let first = folded.next()?;
    let count: usize = class.ranges().iter().map(|range| u32::from(range.end()) as usize - u32::from(range.start()) as usize + 1).sum();
    (count <= 8 && folded.all(|letter| letter == first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expression: &str) -> Option<Vec<String>> {
        let mark = |text: NecessaryText| if text.case == Case::Ignore { format!("{}/i", text.text) } else { text.text };
        necessary_texts(expression).map(|texts| texts.into_iter().map(mark).collect())
    }

    #[test]
    fn the_longest_texts_are_necessary() {
        for (expression, expected) in [
            (r"^a.*bcd\d+e", Some(vec!["bcd"])),
            ("(foo|barbaz)x?", Some(vec!["foo", "barbaz"])),
            ("(?i)hellok", Some(vec!["hello/i"])),
            ("(?i)power", Some(vec!["power/i"])),
            ("(abc)+", Some(vec!["abc"])),
            ("(abc)*", None),
            (r"\d+", None),
            ("a|", None),
            ("", None),
        ] {
            assert_eq!(texts(expression), expected.map(|texts| texts.into_iter().map(str::to_owned).collect()), "{expression}");
        }
    }

    #[test]
    fn every_match_has_one_of_the_texts() {
        let values = ["HELLO\u{212a}", "hellok", "xabcx", "barbazx", "a\nbcd7e", "\u{17f}tart", "START", "pOWER"];
        for expression in ["(?i)hellok", "(?i)start", "(foo|barbaz)x?", "(?s)^a.*bcd\\d+e", "(?i)power", "(abc)+"] {
            let regex = regex::Regex::new(expression).unwrap();
            let necessary = necessary_texts(expression).unwrap();
            for value in values.iter().filter(|value| regex.is_match(value)) {
                let test = |text: &NecessaryText| {
                    let glob = Glob::new([Part::Any, Part::Text(text.text.clone()), Part::Any]);
                    Test::Glob { glob, case: text.case }.passes(value)
                };
                assert!(necessary.iter().any(test), "{expression} {value}");
            }
        }
    }
}

//! A rule's condition, asked of one event after the other. Two-valued: false on a missing field, true when any text of a
//! field passes. An answer about a text of the archive is kept, because there are far fewer texts than events; what the
//! constants of an event type answer is not asked again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use retrohunt::catalog::EventType;
use retrohunt::ir::{Field, FieldCompare, Pred, Scalar, Test, Vocabulary};

use super::archive::{Archive, Event};
use super::evaluate::Value;
use super::evaluate::pred::{Subject, texts_compare};
use super::evaluate::scalar::evaluate;
use super::evaluate::text::characters;
use super::lookup::{Found, Meant, Place, find};
use super::question::Question;

/// The questions of one rule, each made once for all event types: by where the test stands in memory.
#[derive(Default)]
pub(crate) struct Questions(RefCell<HashMap<*const Pred, Rc<Question>>>);

impl Questions {
    fn of(&self, pred: &Pred, test: &dyn Fn() -> Test) -> Rc<Question> {
        self.0.borrow_mut().entry(std::ptr::from_ref(pred)).or_insert_with(|| Rc::new(Question::of(&test()))).clone()
    }
}

/// A condition with its names found in one event type.
pub(crate) enum Condition<'r> {
    Always,
    Never,
    All(Vec<Condition<'r>>),
    Any(Vec<Condition<'r>>),
    Not(Box<Condition<'r>>),
    Field { place: Place, question: Rc<Question>, negated: bool },
    Keyword(Rc<Question>),
    Same { left: Place, right: Place, compare: FieldCompare },
    Expression { scalar: &'r Scalar, places: Vec<(Field, Place)>, answers: RefCell<HashMap<Vec<Option<Vec<String>>>, bool>> },
}

impl<'r> Condition<'r> {
    /// Finds the names of a condition in an event type.
    pub(crate) fn of(pred: &'r Pred, event_type: &EventType, meant: &Meant, questions: &Questions) -> Self {
        let of = |pred: &'r Pred| Self::of(pred, event_type, meant, questions);
        let place = |field: &Field| find(field, event_type, meant);
        match pred {
            Pred::True => Self::Always,
            Pred::False => Self::Never,
            Pred::Subsearch(_) => unreachable!("searches in brackets are put in place before"),
            Pred::And(all) => Self::all(all.iter().map(of).collect()),
            Pred::Or(any) => Self::any(any.iter().map(of).collect()),
            Pred::Not(inner) => match of(inner) {
                Self::Always => Self::Never,
                Self::Never => Self::Always,
                inner => Self::Not(Box::new(inner)),
            },
            Pred::Match(m) => Self::tested(place(&m.field), questions.of(pred, &|| m.test.clone()), m.negated),
            Pred::Keyword { glob, case } => {
                let question = questions.of(pred, &|| Test::Glob { glob: glob.clone(), case: *case });
                let envelope = ["EventID", "Channel", "Computer"].into_iter().filter(|_| event_type.product == "windows");
                let field = |name: &str| Field { name: name.to_owned(), vocabulary: Vocabulary::Sigma };
                let fields = envelope.map(|name| Self::tested(place(&field(name)), question.clone(), false));
                Self::any(fields.chain([Self::Keyword(question.clone())]).collect())
            }
            Pred::Compare(c) => Self::Same { left: place(&c.left), right: place(&c.right), compare: c.clone() },
            Pred::Scalar(scalar) => {
                let mut places: Vec<(Field, Place)> = Vec::new();
                scalar.each_field(&mut |field| places.push((field.clone(), place(field))));
                Self::Expression { scalar, places, answers: RefCell::default() }
            }
        }
    }

    fn tested(place: Place, question: Rc<Question>, negated: bool) -> Self {
        match place {
            Place::Missing => Self::Never,
            Place::Constants(texts) if texts.iter().any(|text| question.passes(text) != negated) => Self::Always,
            Place::Constants(_) => Self::Never,
            place => Self::Field { place, question, negated },
        }
    }

    fn all(mut parts: Vec<Self>) -> Self {
        if parts.iter().any(|part| matches!(part, Self::Never)) {
            return Self::Never;
        }
        parts.retain(|part| !matches!(part, Self::Always));
        parts.sort_by_key(Self::is_dear);
        if parts.is_empty() { Self::Always } else { Self::All(parts) }
    }

    fn any(mut parts: Vec<Self>) -> Self {
        if parts.iter().any(|part| matches!(part, Self::Always)) {
            return Self::Always;
        }
        parts.retain(|part| !matches!(part, Self::Never));
        parts.sort_by_key(Self::is_dear);
        if parts.is_empty() { Self::Never } else { Self::Any(parts) }
    }

    /// Expressions are asked last.
    fn is_dear(&self) -> bool {
        matches!(self, Self::Expression { .. })
    }

    /// Whether it holds for an event.
    pub(crate) fn holds(&self, event: &Event, archive: &Archive) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(all) => all.iter().all(|c| c.holds(event, archive)),
            Self::Any(any) => any.iter().any(|c| c.holds(event, archive)),
            Self::Not(inner) => !inner.holds(event, archive),
            Self::Field { place: Place::Column(column), question, negated } => {
                event.columns[*column].iter().any(|n| question.answer(*n, archive) != *negated)
            }
            Self::Field { place, question, negated } => place.texts(event, archive).iter().any(|found| {
                let passes = match found {
                    Found::Stored(number) => question.answer(*number, archive),
                    Found::Made(text) => question.passes(text),
                };
                passes != *negated
            }),
            Self::Keyword(question) => event.columns.iter().flatten().chain(&event.message).any(|n| question.answer(*n, archive)),
            Self::Same { left, right, compare } => {
                let texts = |place: &Place| -> Vec<Vec<char>> {
                    place.texts(event, archive).iter().map(|found| characters(archive.shown(found), compare.case)).collect()
                };
                let (left, right) = (texts(left), texts(right));
                left.iter().any(|l| right.iter().any(|r| texts_compare(compare, l, r)))
            }
            Self::Expression { scalar, places, answers } => {
                let values = Values { places, values: places.iter().map(|(_, place)| value(place, event, archive)).collect() };
                let key = values.values.iter().map(Value::members).collect();
                *answers.borrow_mut().entry(key).or_insert_with(|| evaluate(scalar, &values) == Value::Bool(true))
            }
        }
    }
}

/// The value of a name in an event.
pub(crate) fn value(place: &Place, event: &Event, archive: &Archive) -> Value {
    let texts: Vec<String> = place.value(event, archive).iter().map(|found| archive.shown(found).to_owned()).collect();
    Value::of_members(&texts)
}

/// What an expression asks of an event.
struct Values<'a> {
    places: &'a [(Field, Place)],
    values: Vec<Value>,
}

impl Subject for Values<'_> {
    fn texts(&self, field: &Field) -> Option<Vec<String>> {
        self.value(field).members()
    }

    fn value(&self, field: &Field) -> Value {
        let place = self.places.iter().position(|(name, _)| name == field).unwrap();
        self.values[place].clone()
    }

    fn all(&self) -> Vec<String> {
        unreachable!("an expression searches no keyword")
    }
}

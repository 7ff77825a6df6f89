//! Functions over lists.

use retrohunt::ir::{BinaryOp, Function, Scalar};

use super::super::digits::{Measured, combined};
use super::super::pred::Subject;
use super::super::scalar::{Value, evaluate};
use super::{Arguments, number, size, text};

pub(super) fn call(function: Function, a: &Arguments<'_>) -> Option<Value> {
    match function {
        Function::MvCount => number(size(a.members(0)?.len())),
        Function::MvIndex => index(a),
        Function::MvJoin => Some(Value::Text(a.members(0)?.join(&a.text(1)?))),
        Function::MvAppend => Some(Value::of_members(&(0..a.0.len()).filter_map(|i| a.members(i)).flatten().collect::<Vec<_>>())),
        Function::MvDedup => without_repeats(a.members(0)?),
        Function::MvFind => number(size(a.members(0)?.iter().position(|m| a.text(1).is_some_and(|regex| text::is_match(m, &regex)))?)),
        Function::MvSort => sorted(a.members(0)?),
        Function::MvReverse => Some(Value::of_members(&a.members(0)?.into_iter().rev().collect::<Vec<_>>())),
        Function::MvZip => zipped(a),
        Function::MvRange => range(a),
        other => panic!("{other:?} is not a function of lists"),
    }
}

/// A text without the separator is one member; an empty separator parts the characters.
pub(super) fn split(text: &str, at: &str) -> Option<Value> {
    let members: Vec<String> =
        if at.is_empty() { text.chars().map(String::from).collect() } else { text.split(at).map(str::to_owned).collect() };
    Some(Value::of_members(&members))
}

/// From 0, or from -1 at the end; a last index counts too; what is out of range is null.
fn index(a: &Arguments<'_>) -> Option<Value> {
    let members = a.members(0)?;
    let place = |number: f64| {
        let place = if number < 0.0 { size(members.len()) + number } else { number };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
        (place >= 0.0 && place < size(members.len())).then_some(place as usize)
    };
    let first = a.number(1)?;
    let (first, last) = (place(first)?, place(a.number_or(2, first)?)?);
    members.get(first..=last).map(Value::of_members)
}

/// The first of equal members stays.
fn without_repeats(members: Vec<String>) -> Option<Value> {
    let mut seen: Vec<String> = Vec::new();
    for member in members {
        if !seen.contains(&member) {
            seen.push(member);
        }
    }
    Some(Value::of_members(&seen))
}

/// As texts, by bytes.
fn sorted(mut members: Vec<String>) -> Option<Value> {
    members.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Some(Value::of_members(&members))
}

/// A subject whose fields all are one member: the condition of a filter names one field.
struct Member<'a, F> {
    subject: &'a dyn Subject<F>,
    member: &'a str,
}

impl<F> Subject<F> for Member<'_, F> {
    fn texts(&self, _: &F) -> Option<Vec<String>> {
        Some(vec![self.member.to_owned()])
    }

    fn value(&self, _: &F) -> Value {
        Value::Text(self.member.to_owned())
    }

    fn all(&self) -> Vec<String> {
        self.subject.all()
    }
}

/// The members for which a condition on the one field that it names is true.
pub(super) fn filter<F>(condition: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    let mut field: Option<&F> = None;
    condition.each_field(&mut |f| field = field.or(Some(f)));
    let members = field.and_then(|field| subject.value(field).members()).unwrap_or_default();
    let passes = |member: &&String| evaluate(condition, &Member { subject, member }) == Value::Bool(true);
    Value::of_members(&members.iter().filter(passes).cloned().collect::<Vec<_>>())
}

/// What an expression gives for each member of a list, one behind the other.
pub(super) fn map<F>(list: &Scalar<F>, each: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    let members = evaluate(list, subject).members().unwrap_or_default();
    let made = |member: &String| evaluate(each, &Member { subject, member }).members().unwrap_or_default();
    Value::of_members(&members.iter().flat_map(made).collect::<Vec<_>>())
}

/// Members of two lists side by side, until one has no more.
fn zipped(a: &Arguments<'_>) -> Option<Value> {
    let between = a.text_or(2, ",")?;
    let pairs = a.members(0)?.into_iter().zip(a.members(1)?);
    Some(Value::of_members(&pairs.map(|(left, right)| left + &between + &right).collect::<Vec<_>>()))
}

/// From the first number, in steps, as long as the second is not reached.
fn range(a: &Arguments<'_>) -> Option<Value> {
    let (first, end) = (a.measured(0)?, a.number(1)?);
    let step = match a.text_or(2, "1")? {
        span if span.ends_with('d') => Measured::exact(86_400.0 * span.strip_suffix('d')?.parse::<f64>().ok()?),
        number => Measured::read(&number)?,
    };
    let mut members = Vec::new();
    for place in 0..10_000 {
        let offset = combined(BinaryOp::Multiply, step, Measured::exact(f64::from(place))).limited();
        let reached = first.number + step.number * f64::from(place);
        if step.number == 0.0 || (step.number > 0.0 && reached >= end) || (step.number < 0.0 && reached <= end) {
            break;
        }
        members.push(combined(BinaryOp::Add, first, offset).end().text()?);
    }
    Some(Value::of_members(&members))
}

/// The first word of each part between pipes; in front of the first one the word `search` may be left out.
pub(super) fn commands(search: &str) -> Option<Value> {
    let mut parts: Vec<&str> = search.split('|').map(str::trim).collect();
    let first = parts.remove(0);
    let words = parts.into_iter().filter_map(|part| part.split_whitespace().next());
    let all: Vec<String> = (!first.is_empty()).then_some("search").into_iter().chain(words).map(str::to_owned).collect();
    Some(Value::of_members(&all))
}

#[test]
fn indexes_count_from_both_ends() {
    let list = Value::List(["a", "b", "c"].map(str::to_owned).to_vec());
    let at = |numbers: &[f64]| {
        let values: Vec<Value> = std::iter::once(list.clone()).chain(numbers.iter().map(|n| Value::Number(*n))).collect();
        index(&Arguments(&values)).and_then(|value| value.text())
    };
    assert_eq!(at(&[0.0]).as_deref(), Some("a"));
    assert_eq!(at(&[-1.0]).as_deref(), Some("c"));
    assert_eq!(at(&[1.0, -1.0]).as_deref(), Some("b\nc"));
    assert_eq!((at(&[3.0]), at(&[-4.0]), at(&[2.0, 1.0])), (None, None, None));
}

#[test]
fn a_filter_sees_one_member_at_a_time() {
    use retrohunt::ir::{BinaryOp, Field, Vocabulary};
    let field = Field { name: "f".to_owned(), vocabulary: Vocabulary::Row };
    let condition = Scalar::Binary(BinaryOp::Ge, Box::new(Scalar::Field(field)), Box::new(Scalar::Text("b".to_owned())));
    let row: super::super::Row = [("f".to_owned(), Value::List(["a", "b", "c"].map(str::to_owned).to_vec()))].into();
    assert_eq!(filter(&condition, &row).text().as_deref(), Some("b\nc"));
}

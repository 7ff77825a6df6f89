//! `searchmatch("…")`: a search expression inside of an expression of eval, made of eval's own functions.

use super::cursor::Cursor;
use super::lookups::LookupUses;
use super::search;
use crate::ir::{BinaryOp, Case, Field, Function, Glob, Match, NumberOp, Part, Pred, Scalar, Test, Vocabulary};

/// What cannot be said of a search inside of an expression.
pub(super) enum Refusal {
    /// The search itself is wrong.
    Fault(&'static str, String),
    /// It asks for more than the fields of a row.
    NotOfFields,
}

/// Reads a search and says it as an expression.
pub(super) fn expression(text: &str) -> Result<Scalar, Refusal> {
    let no_lookups = LookupUses::default();
    let mut cursor = Cursor::new(text, 0..text.len(), &no_lookups);
    let pred = search::parse(&mut cursor, Vocabulary::Row);
    if let Some(fault) = cursor.faults.into_iter().find(|fault| fault.severity == crate::diag::Severity::Error) {
        return Err(Refusal::Fault(fault.code, fault.message));
    }
    of_pred(&pred).ok_or(Refusal::NotOfFields)
}

fn of_pred(pred: &Pred) -> Option<Scalar> {
    Some(match pred {
        Pred::True => Scalar::Bool(true),
        Pred::False => Scalar::Bool(false),
        Pred::And(parts) => Scalar::And(parts.iter().map(of_pred).collect::<Option<_>>()?),
        Pred::Or(parts) => Scalar::Or(parts.iter().map(of_pred).collect::<Option<_>>()?),
        Pred::Not(inner) => Scalar::Not(Box::new(of_pred(inner)?)),
        Pred::Match(matched) => of_match(matched)?,
        Pred::Compare(_) | Pred::Keyword { .. } | Pred::Scalar(_) | Pred::Subsearch(_) => return None,
    })
}

/// Some member of the field passes: `isnotnull(mvfilter(…))`.
fn of_match(matched: &Match<Field>) -> Option<Scalar> {
    let field = || Scalar::Field(matched.field.clone());
    let call = |function, arguments| Scalar::Call(function, arguments);
    let compare = |op, value| Scalar::Binary(op, Box::new(field()), Box::new(value));
    let passes = match &matched.test {
        Test::Exists => call(Function::IsNotNull, vec![field()]),
        Test::Glob { glob, case: Case::Exact } => call(Function::Match, vec![field(), Scalar::Text(pattern(glob))]),
        Test::Glob { glob, case: Case::Ignore } => {
            call(Function::Match, vec![call(Function::Lower, vec![field()]), Scalar::Text(pattern(&glob.folded()))])
        }
        Test::Cidr(network) => {
            let text = format!("{}/{}", network.address, network.prefix);
            call(Function::CidrMatch, vec![Scalar::Text(text), field()])
        }
        Test::Number { op, value } => Scalar::And(vec![call(Function::IsNum, vec![field()]), compare(binary(*op), Scalar::Number(*value))]),
        // Texts with a letter in front are never numbers.
        Test::TextOrder { op, value } => {
            let lettered = |scalar| Scalar::Binary(BinaryOp::Concat, Box::new(Scalar::Text("x".to_owned())), Box::new(scalar));
            Scalar::Binary(binary(*op), Box::new(lettered(field())), Box::new(lettered(Scalar::Text(value.clone()))))
        }
        Test::Regex(_) | Test::DatePart { .. } => return None,
    };
    let passes = if matched.negated { Scalar::Not(Box::new(passes)) } else { passes };
    Some(call(Function::IsNotNull, vec![call(Function::MvFilter, vec![passes])]))
}

/// A pattern of a search as a regular expression over the whole text.
fn pattern(glob: &Glob) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => escaped(text),
        Part::One => ".".to_owned(),
        Part::Any => ".*".to_owned(),
    };
    format!(r"(?s)\A{}\z", glob.parts().iter().map(part).collect::<String>())
}

/// A text that a regular expression takes as it stands.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

fn binary(op: NumberOp) -> BinaryOp {
    match op {
        NumberOp::Lt => BinaryOp::Lt,
        NumberOp::Le => BinaryOp::Le,
        NumberOp::Gt => BinaryOp::Gt,
        NumberOp::Ge => BinaryOp::Ge,
        NumberOp::Eq => BinaryOp::Eq,
        NumberOp::Ne => BinaryOp::Ne,
    }
}

//! The functions of eval and where, one line each; what is longer stands beside: texts, lists, times, digests.

mod convert;
mod digest;
mod json;
mod list;
mod numbers;
mod text;

use retrohunt::ir::{Function, NumberOp, Scalar};

use super::digits::{self, Measured};
use super::pred::{self, Subject};
use super::scalar::{Value, compare, evaluate};
use super::{aggregate, text as texts, time};

/// The values of a call's arguments; null where there is none.
struct Arguments<'a>(&'a [Value]);

impl Arguments<'_> {
    fn at(&self, place: usize) -> Value {
        self.0.get(place).cloned().unwrap_or(Value::Null)
    }

    fn is_true(&self, place: usize) -> bool {
        self.at(place) == Value::Bool(true)
    }

    /// The one text of an argument: of a list there is none.
    fn text(&self, place: usize) -> Option<String> {
        self.at(place).single()
    }

    /// A text that may be left out, but not null.
    fn text_or(&self, place: usize, default: &str) -> Option<String> {
        if place < self.0.len() { self.text(place) } else { Some(default.to_owned()) }
    }

    fn measured(&self, place: usize) -> Option<Measured> {
        self.at(place).measured()
    }

    fn number(&self, place: usize) -> Option<f64> {
        self.at(place).number()
    }

    /// An argument that may be left out, but not null.
    fn number_or(&self, place: usize, default: f64) -> Option<f64> {
        if place < self.0.len() { self.number(place) } else { Some(default) }
    }

    fn members(&self, place: usize) -> Option<Vec<String>> {
        self.at(place).members()
    }

    /// Whether some member of the first argument and some of the second go together.
    fn some_pair(&self, fits: impl Fn(&str, &str) -> bool) -> bool {
        let members = |place| self.members(place).unwrap_or_default();
        members(0).iter().any(|first| members(1).iter().any(|second| fits(first, second)))
    }
}

/// Calls a function.
pub(super) fn call<F>(function: Function, arguments: &[Scalar<F>], subject: &dyn Subject<F>) -> Value {
    match function {
        Function::MvFilter => return list::filter(&arguments[0], subject),
        Function::MvMap => return list::map(&arguments[0], &arguments[1], subject),
        Function::Exact | Function::SigFig | Function::Sum | Function::Avg => {
            return numbers::calculated(
                function,
                &arguments.iter().map(|argument| digits::calculate(argument, subject)).collect::<Vec<_>>(),
            );
        }
        // Roots, powers, logarithms and angles were never written with places: rounding gives them none.
        Function::Round if matches!(&arguments[0], Scalar::Call(inner, _) if inner.computes()) => {
            let values: Vec<Value> = arguments.iter().map(|argument| evaluate(argument, subject)).collect();
            let rounded = apply(function, &Arguments(&values)).and_then(|value| value.number());
            return rounded.map_or(Value::Null, Value::Number);
        }
        _ => {}
    }
    let values: Vec<Value> = arguments.iter().map(|argument| evaluate(argument, subject)).collect();
    apply(function, &Arguments(&values)).unwrap_or(Value::Null)
}

fn apply(function: Function, a: &Arguments<'_>) -> Option<Value> {
    match function {
        Function::If => Some(a.at(if a.is_true(0) { 1 } else { 2 })),
        Function::Case => pair(a, true),
        Function::Validate => pair(a, false),
        Function::Coalesce => a.0.iter().find(|value| **value != Value::Null).cloned(),
        Function::IsNull => truth(a.at(0) == Value::Null),
        Function::IsNotNull => truth(a.at(0) != Value::Null),
        Function::NullIf => Some(a.at(0)).filter(|_| !compare(NumberOp::Eq, &a.at(0), &a.at(1))),
        Function::IsNum | Function::IsInt | Function::IsDouble | Function::IsStr | Function::IsBool | Function::IsMv | Function::TypeOf => {
            kind(function, &a.at(0))
        }
        Function::Like => truth(a.some_pair(|text, pattern| text::like(text, pattern))),
        Function::Match => truth(a.text(1).is_some() && a.some_pair(text::is_match)),
        Function::CidrMatch => truth(in_network(a)),
        Function::SearchMatch => panic!("no front end makes it"),
        Function::In => truth((1..a.0.len()).any(|place| compare(NumberOp::Eq, &a.at(0), &a.at(place)))),
        Function::Lower | Function::Upper | Function::Len | Function::Trim | Function::LTrim | Function::RTrim | Function::Substr => {
            text::call(function, a)
        }
        Function::Replace | Function::UrlDecode | Function::BaseName => text::call(function, a),
        Function::Split => list::split(&a.text(0)?, &a.text(1)?),
        Function::ToString => text::written(a),
        Function::ToNumber | Function::ToDouble => text::read(a),
        Function::ToInt => number(text::read(a)?.number()?.trunc()),
        Function::ToBool => convert::truth_of(&a.at(0)),
        Function::Printf => convert::printf(a),
        Function::IpMask => convert::mask(a),
        Function::Decimal => Some(a.measured(0)?.end()),
        Function::Abs => a.measured(0).map(|m| Measured { number: m.number.abs(), ..m }.end()),
        Function::Ceiling => number(a.number(0)?.ceil()),
        Function::Floor => number(a.number(0)?.floor()),
        Function::Round => round(a.number(0)?, a.number_or(1, 0.0)?),
        Function::Exact | Function::SigFig | Function::Sum | Function::Avg => unreachable!("calculated before"),
        Function::Sqrt
        | Function::Pow
        | Function::Ln
        | Function::Log
        | Function::Exp
        | Function::Pi
        | Function::Hypot
        | Function::Atan2 => numbers::computed(function, a),
        Function::Acos | Function::Acosh | Function::Asin | Function::Asinh | Function::Atan | Function::Atanh => {
            numbers::computed(function, a)
        }
        Function::Cos | Function::Cosh | Function::Sin | Function::Sinh | Function::Tan | Function::Tanh => numbers::computed(function, a),
        Function::BitAnd | Function::BitOr | Function::BitXor => numbers::bits(function, a),
        Function::BitNot | Function::BitShiftLeft | Function::BitShiftRight => numbers::bits(function, a),
        Function::Min => extreme(a, false),
        Function::Max => extreme(a, true),
        Function::MvCount | Function::MvIndex | Function::MvJoin | Function::MvAppend | Function::MvDedup | Function::MvFind => {
            list::call(function, a)
        }
        Function::MvSort | Function::MvReverse | Function::MvZip | Function::MvRange => list::call(function, a),
        Function::Commands => list::commands(&a.text(0)?),
        Function::Spath | Function::Json | Function::JsonValid | Function::JsonArray | Function::JsonObject | Function::JsonKeys => {
            json::call(function, a)
        }
        Function::JsonHasKeyExact | Function::JsonExtract | Function::JsonExtractExact | Function::JsonArrayToMv => json::call(function, a),
        Function::MvToJsonArray | Function::ToJson => json::call(function, a),
        Function::MvFilter | Function::MvMap => unreachable!("their argument is evaluated once a member"),
        Function::Now => unreachable!("replaced by the time that it means"),
        Function::RelativeTime => number(time::relative(a.number(0)?, &a.text(1)?)?),
        Function::Strftime => time::format(a.number(0)?, &a.text(1)?).map(Value::Text),
        Function::Strptime => number(time::parse(&a.text(0)?, &a.text(1)?)?),
        Function::Md5 | Function::Sha1 | Function::Sha256 | Function::Sha512 => digest::call(function, &a.text(0)?),
        Function::Null => None,
        Function::True | Function::False => truth(function == Function::True),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "an arm as the others")]
fn truth(truth: bool) -> Option<Value> {
    Some(Value::Bool(truth))
}

/// A number that no double is (a root of -1, a logarithm of 0) is null.
fn number(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Number(number))
}

#[allow(clippy::cast_precision_loss, reason = "test texts and lists are short")]
fn size(size: usize) -> f64 {
    size as f64
}

/// The value of the first pair whose condition is as wanted.
fn pair(a: &Arguments<'_>, wanted: bool) -> Option<Value> {
    (0..a.0.len() / 2).find(|pair| a.is_true(pair * 2) == wanted).map(|pair| a.at(pair * 2 + 1))
}

/// Half goes away from zero; the places that were asked for are shown.
fn round(value: f64, places: f64) -> Option<Value> {
    #[allow(clippy::cast_possible_truncation, reason = "clamped")]
    let places = places.clamp(0.0, 15.0) as i32;
    let number = digits::half_away(value, places);
    Some(Measured { number, places: (places > 0).then_some(places) }.end())
}

/// What a value is; the text of a number is one.
fn kind(function: Function, value: &Value) -> Option<Value> {
    let number = value.measured();
    let is_whole = number.is_some_and(|m| m.places.is_none() && m.number.fract() == 0.0);
    truth(match function {
        Function::IsNum => number.is_some(),
        Function::IsInt => is_whole,
        Function::IsDouble => number.is_some() && !is_whole,
        Function::IsStr => number.is_none() && matches!(value, Value::Text(_)),
        Function::IsBool => matches!(value, Value::Bool(_)),
        Function::IsMv => matches!(value, Value::List(_)),
        _ => {
            let name = match value {
                Value::Null => "Invalid",
                Value::List(_) => "Multivalue",
                Value::Bool(_) => "Bool",
                _ if number.is_some() => "Number",
                _ => "String",
            };
            return Some(Value::Text(name.to_owned()));
        }
    })
}

fn in_network(a: &Arguments<'_>) -> bool {
    let (Some(network), Some(members)) = (a.text(0), a.members(1)) else { return false };
    members.iter().any(|member| pred::in_written_network(&network, member))
}

/// Numbers come before texts; of a list the members count.
fn extreme(a: &Arguments<'_>, greatest: bool) -> Option<Value> {
    let mut texts: Vec<String> = (0..a.0.len()).filter_map(|place| a.members(place)).flatten().collect();
    texts.sort_by(|a, b| aggregate::order(a, b));
    let text = if greatest { texts.pop()? } else { texts.into_iter().next()? };
    Some(Measured::read(&text).map_or(Value::Text(text), Measured::end))
}

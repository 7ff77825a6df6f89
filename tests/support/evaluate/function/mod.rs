//! The functions of eval and where, one line each; what is longer stands beside: texts, lists, times, digests.

mod convert;
mod digest;
mod json;
mod list;
mod numbers;
pub(super) mod text;

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
    use Function as F;
    match function {
        F::If => Some(a.at(if a.is_true(0) { 1 } else { 2 })),
        F::Case => pair(a, true),
        F::Validate => pair(a, false),
        F::Coalesce => a.0.iter().find(|value| **value != Value::Null).cloned(),
        F::IsNull => truth(a.at(0) == Value::Null),
        F::IsNotNull => truth(a.at(0) != Value::Null),
        F::NullIf => Some(a.at(0)).filter(|_| !compare(NumberOp::Eq, &a.at(0), &a.at(1))),
        F::IsNum | F::IsInt | F::IsDouble | F::IsStr | F::IsBool | F::IsMv | F::TypeOf => kind(function, &a.at(0)),
        F::Like => truth(a.some_pair(text::like)),
        F::Match => truth(a.text(1).is_some() && a.some_pair(text::is_match)),
        F::CidrMatch => truth(in_network(a)),
        F::SearchMatch => panic!("no front end makes it"),
        F::In => truth((1..a.0.len()).any(|place| compare(NumberOp::Eq, &a.at(0), &a.at(place)))),
        F::Lower | F::Upper | F::Len | F::Trim | F::LTrim | F::RTrim | F::Substr => text::call(function, a),
        F::Replace | F::UrlDecode | F::BaseName => text::call(function, a),
        F::Split => list::split(&a.text(0)?, &a.text(1)?),
        F::ToString => text::written(a),
        F::ToNumber | F::ToDouble => text::read(a),
        F::ToInt => number(text::read(a)?.number()?.trunc()),
        F::ToBool => convert::truth_of(&a.at(0)),
        F::Printf => convert::printf(a),
        F::IpMask => convert::mask(a),
        F::Decimal => Some(a.measured(0)?.end()),
        F::Abs => a.measured(0).map(|m| Measured { number: m.number.abs(), ..m }.end()),
        F::Ceiling => number(a.number(0)?.ceil()),
        F::Floor => number(a.number(0)?.floor()),
        F::Round => round(a.number(0)?, a.number_or(1, 0.0)?),
        F::Exact | F::SigFig | F::Sum | F::Avg => unreachable!("calculated before"),
        F::Sqrt | F::Pow | F::Ln | F::Log | F::Exp | F::Pi | F::Hypot | F::Atan2 => numbers::computed(function, a),
        F::Acos | F::Acosh | F::Asin | F::Asinh | F::Atan | F::Atanh => numbers::computed(function, a),
        F::Cos | F::Cosh | F::Sin | F::Sinh | F::Tan | F::Tanh => numbers::computed(function, a),
        F::BitAnd | F::BitOr | F::BitXor => numbers::bits(function, a),
        F::BitNot | F::BitShiftLeft | F::BitShiftRight => numbers::bits(function, a),
        F::Min => extreme(a, false),
        F::Max => extreme(a, true),
        F::MvCount | F::MvIndex | F::MvJoin | F::MvAppend | F::MvDedup | F::MvFind => list::call(function, a),
        F::MvSort | F::MvReverse | F::MvZip | F::MvRange => list::call(function, a),
        F::Commands => list::commands(&a.text(0)?),
        F::Spath | F::Json | F::JsonValid | F::JsonArray | F::JsonObject | F::JsonKeys => json::call(function, a),
        F::JsonHasKeyExact | F::JsonExtract | F::JsonExtractExact | F::JsonArrayToMv => json::call(function, a),
        F::IsArray | F::IsObject | F::JsonAppend | F::JsonDelete | F::JsonExtend | F::JsonSet | F::JsonSetExact => json::call(function, a),
        F::MvToJsonArray | F::ToJson => json::call(function, a),
        F::MvFilter | F::MvMap => unreachable!("their argument is evaluated once a member"),
        F::Now => unreachable!("replaced by the time that it means"),
        F::RelativeTime => number(time::relative(a.number(0)?, &a.text(1)?)?),
        F::Strftime => time::format(a.number(0)?, &a.text(1)?).map(Value::Text),
        F::Strptime => number(time::parse(&a.text(0)?, &a.text(1)?)?),
        F::Md5 | F::Sha1 | F::Sha256 | F::Sha512 => digest::call(function, &a.text(0)?),
        F::Null => None,
        F::True | F::False => truth(function == F::True),
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

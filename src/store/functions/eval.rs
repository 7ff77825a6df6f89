//! `retro_eval(name, …)`: the functions of eval by their Splunk names, by the Splunk notes on them.

use rusqlite::functions::Context;
use rusqlite::types::Value as Output;

use super::test::{read_network, regex_at};
use super::value::{Value, list, number, number_text, size, truth};
use super::{aggregate, digest, folded, time};

/// The dispatch.
pub(super) fn call(context: &Context<'_>) -> rusqlite::Result<Output> {
    let name = context.get::<String>(0)?;
    match name.as_str() {
        "match" => return matches(context),
        "replace" => return replaced(context),
        "mvfind" => return mv_find(context),
        _ => {}
    }
    let arguments: Vec<Value> = (1..context.len()).map(|i| Value::at(context, i)).collect::<Result<_, _>>()?;
    let at = |i: usize| arguments.get(i).cloned().unwrap_or(Value::Null);
    let made = on_numbers(&name, &at).or_else(|| on_text(&name, &at, arguments.len())).or_else(|| on_lists(&name, &at, &arguments));
    made.ok_or_else(|| rusqlite::Error::UserFunctionError(format!("no function `{name}`").into()))
}

fn optional<T>(value: Option<T>, make: impl Fn(T) -> Output) -> Output {
    value.map_or(Output::Null, make)
}

fn on_numbers(name: &str, at: &dyn Fn(usize) -> Value) -> Option<Output> {
    let one = |f: fn(f64) -> f64| optional(at(0).number(), |n| number(f(n)));
    Some(match name {
        "abs" => one(f64::abs),
        "ceiling" => one(f64::ceil),
        "floor" => one(f64::floor),
        "sqrt" => one(f64::sqrt),
        "ln" => one(f64::ln),
        "exp" => one(f64::exp),
        "round" => {
            let digits = at(1).number().unwrap_or(0.0).clamp(0.0, 15.0);
            let scale = 10_f64.powf(digits.trunc());
            optional(at(0).number(), |n| number((n * scale).round() / scale))
        }
        "pow" => optional(at(0).number().zip(at(1).number()), |(a, b)| number(a.powf(b))),
        "log" => optional(at(0).number(), |n| {
            number(if matches!(at(1), Value::Null) { n.log10() } else { n.ln() / at(1).number().unwrap_or(f64::NAN).ln() })
        }),
        "relative_time" => optional(at(0).number().zip(at(1).text()).and_then(|(t, s)| time::relative_time(t, &s)), number),
        "strptime" => optional(at(0).text().zip(at(1).text()).and_then(|(t, f)| time::strptime(&t, &f)), number),
        "tonumber" => to_number(&at(0), &at(1)),
        _ => return None,
    })
}

fn to_number(value: &Value, base: &Value) -> Output {
    match (base.number(), value.text()) {
        (None, _) => optional(value.number(), number),
        (Some(base), Some(text)) => {
            let digits = text.trim().strip_prefix("0x").filter(|_| base == 16.0).unwrap_or(text.trim()).to_owned();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a base is 2 to 36")]
            let base = base.clamp(2.0, 36.0) as u32;
            i64::from_str_radix(&digits, base).map_or(Output::Null, Output::Integer)
        }
        (Some(_), None) => Output::Null,
    }
}

fn on_text(name: &str, at: &dyn Fn(usize) -> Value, count: usize) -> Option<Output> {
    let one = |f: &dyn Fn(String) -> Output| optional(at(0).text(), f);
    let set = || at(1).text().map_or_else(|| vec![' ', '\t'], |s| s.chars().collect());
    Some(match name {
        "lower" => at(0).map_members(|m| Some(folded(m))),
        "upper" => at(0).map_members(|m| Some(m.chars().map(upper).collect())),
        "len" => one(&|t| size(t.chars().count())),
        "trim" => one(&|t| Output::Text(t.trim_matches(set().as_slice()).to_owned())),
        "ltrim" => one(&|t| Output::Text(t.trim_start_matches(set().as_slice()).to_owned())),
        "rtrim" => one(&|t| Output::Text(t.trim_end_matches(set().as_slice()).to_owned())),
        "substr" => {
            one(&|t| optional(at(1).number(), |from| Output::Text(substr(&t, from, if count > 2 { at(2).number() } else { None }))))
        }
        "basename" => one(&|t| Output::Text(t.rsplit(['\\', '/']).next().unwrap_or_default().to_owned())),
        "like" => optional(at(0).text().zip(at(1).text()), |(text, pattern)| truth(like(&text, &pattern))),
        "cidrmatch" => {
            let inside = at(0)
                .text()
                .and_then(|net| read_network(&net))
                .is_some_and(|net| at(1).members().unwrap_or_default().iter().any(|m| net.contains_text(m)));
            truth(inside)
        }
        "urldecode" => one(&|t| Output::Text(url_decode(&t))),
        "md5" => one(&|t| Output::Text(digest::md5(&t))),
        "sha256" => one(&|t| Output::Text(digest::sha256(&t))),
        "strftime" => optional(at(0).number().zip(at(1).text()).and_then(|(t, f)| time::strftime(t, &f)), Output::Text),
        "tostring" => to_string(&at(0), at(1).text().as_deref()),
        "split" => one(&|t| {
            let by = at(1).text().unwrap_or_default();
            list(if by.is_empty() { t.chars().map(String::from).collect() } else { t.split(&by).map(str::to_owned).collect() })
        }),
        _ => return None,
    })
}

/// Simple upper case: one character to one character.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(u), None) => u,
        _ => c,
    }
}

/// `substr` as in SQLite: from 1, negative from the end.
pub(super) fn substr(text: &str, from: f64, length: Option<f64>) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and texts are shorter")]
    let (from, length) = (from as i64, length.map(|n| n as i64));
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let mut start = if from < 0 { count.saturating_add(from) } else { from - 1 };
    let mut length = length.unwrap_or(i64::MAX);
    if length < 0 {
        length = length.saturating_neg();
        start = start.saturating_sub(length);
    }
    if start < 0 {
        length = length.saturating_add(start);
        start = 0;
    }
    let (skip, take) = (usize::try_from(start).unwrap_or(0), usize::try_from(length).unwrap_or(0));
    text.chars().skip(skip).take(take).collect()
}

/// `%` any run, `_` one character, with case, the whole text.
fn like(text: &str, pattern: &str) -> bool {
    use crate::ir::{Glob, Part};
    let parts = pattern.chars().map(|c| match c {
        '%' => Part::Any,
        '_' => Part::One,
        c => Part::Text(c.to_string()),
    });
    Glob::new(parts).matches(text)
}

fn url_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).replace('\0', "\u{2400}")
}

fn to_string(value: &Value, form: Option<&str>) -> Output {
    let Some(text) = value.text() else { return Output::Null };
    let Some(n) = value.number() else { return Output::Text(text) };
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let whole = n.trunc() as i64;
    Output::Text(match form {
        Some("hex") => format!("0x{whole:X}"),
        Some("commas") => {
            let rounded = number_text((n * 100.0).round() / 100.0);
            let (sign, digits) = rounded.strip_prefix('-').map_or(("", rounded.as_str()), |digits| ("-", digits));
            let (whole, fraction) = digits.split_once('.').map_or((digits, String::new()), |(w, f)| (w, format!(".{f:0<2}")));
            let grouped: Vec<&str> = whole.as_bytes().rchunks(3).rev().filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
            format!("{sign}{}{fraction}", grouped.join(","))
        }
        Some("duration") => {
            let (days, seconds) = (whole / 86_400, whole % 86_400);
            let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
            if days > 0 { format!("{days}+{clock}") } else { clock }
        }
        _ => text,
    })
}

fn on_lists(name: &str, at: &dyn Fn(usize) -> Value, arguments: &[Value]) -> Option<Output> {
    let members = || at(0).members();
    Some(match name {
        "mvcount" => optional(members(), |m| size(m.len())),
        "mvjoin" => optional(members().zip(at(1).text()), |(m, between)| Output::Text(m.join(&between))),
        "mvappend" => list(arguments.iter().filter_map(|v| v.clone().members()).flatten().collect()),
        "mvdedup" => optional(members(), |m| {
            let mut seen = std::collections::HashSet::new();
            list(m.into_iter().filter(|member| seen.insert(member.clone())).collect())
        }),
        "mvsort" => optional(members(), |mut m| {
            m.sort();
            list(m)
        }),
        "mvindex" => optional(members().zip(at(1).number()), |(m, from)| mv_index(m, from, at(2).number())),
        "min" | "max" => {
            let texts = arguments.iter().filter_map(|v| v.clone().members()).flatten();
            let best =
                if name == "min" { texts.min_by(|a, b| aggregate::order(a, b)) } else { texts.max_by(|a, b| aggregate::order(a, b)) };
            optional(best, |text| crate::ir::parse_number(&text).map_or_else(|| Output::Text(text.clone()), number))
        }
        _ => return None,
    })
}

/// From 0, negative from the end, the end inclusive; nothing where it is out of range.
fn mv_index(members: Vec<String>, from: f64, to: Option<f64>) -> Output {
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and lists are shorter")]
    let place = |n: f64| if n < 0.0 { count.saturating_add(n as i64) } else { n as i64 };
    let (from, to) = (place(from), place(to.unwrap_or(from)));
    if from < 0 || from > to || from >= count || to >= count {
        return Output::Null;
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from + 1).unwrap_or(0));
    list(members.into_iter().skip(skip).take(take).collect())
}

/// `match(text, regex)`: anywhere in the text; false where either is missing.
fn matches(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (text, pattern) = (Value::at(context, 1)?.text(), Value::at(context, 2)?.text());
    let (Some(text), Some(_)) = (text, pattern) else { return Ok(truth(false)) };
    Ok(truth(regex_at(context, 2)?.is_match(&text)))
}

/// `replace(text, regex, by)`: every match; `\1` is a group.
fn replaced(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (text, pattern, by) = (Value::at(context, 1)?.text(), Value::at(context, 2)?.text(), Value::at(context, 3)?.text());
    let (Some(text), Some(_), Some(by)) = (text, pattern, by) else { return Ok(Output::Null) };
    let mut template = String::new();
    let mut characters = by.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek().copied()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                template.push_str(&format!("${{{digit}}}"));
                characters.next();
            }
            ('$', _) => template.push_str("$$"),
            (c, _) => template.push(c),
        }
    }
    Ok(Output::Text(regex_at(context, 2)?.replace_all(&text, template.as_str()).into_owned()))
}

/// `mvfind(list, regex)`: the place of the first member that matches, from 0.
fn mv_find(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (members, pattern) = (Value::at(context, 1)?.members(), Value::at(context, 2)?.text());
    let (Some(members), Some(_)) = (members, pattern) else { return Ok(Output::Null) };
    let regex = regex_at(context, 2)?;
    Ok(optional(members.iter().position(|m| regex.is_match(m)), size))
}

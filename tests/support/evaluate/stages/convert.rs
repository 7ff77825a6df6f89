//! `convert`: values become other spellings of themselves.

use retrohunt::ir::{Conversion, Convert, ConvertItem};

use super::super::scalar::Value;
use super::super::{text, time};
use super::{Table, is_meant, set};

impl Table {
    /// One conversion after the other, each over all columns that it means.
    pub(super) fn convert(&mut self, convert: &Convert) {
        let excepted: Vec<&str> =
            convert.items.iter().filter(|item| item.kind == Conversion::None).map(|item| item.field.as_str()).collect();
        for item in convert.items.iter().filter(|item| item.kind != Conversion::None) {
            let is_converted = |name: &&String| is_meant(&item.field, name) && !excepted.iter().any(|pattern| is_meant(pattern, name));
            let names: Vec<String> = if item.field.contains('*') {
                self.columns.iter().filter(is_converted).cloned().collect()
            } else {
                vec![item.field.clone()]
            };
            names.iter().for_each(|name| self.convert_column(item, name, &convert.format));
        }
    }

    fn convert_column(&mut self, item: &ConvertItem, name: &str, format: &str) {
        let target = item.alias.as_deref().unwrap_or(name);
        if self.columns.iter().any(|column| column == name) || item.alias.is_some() {
            self.know(target);
        }
        let all = self.rows.iter().filter_map(|row| row.get(name)?.members()).flatten();
        if item.kind == Conversion::Auto && all.into_iter().any(|member| automatic(&member).is_none()) {
            if item.alias.is_some() {
                self.put(target, |row| row.get(name).cloned());
            }
            return;
        }
        for row in &mut self.rows {
            let Some(value) = row.get(name).cloned() else { continue };
            let converted = converted(item.kind, &value, format);
            if converted != Value::Null || target == name {
                set(row, target, converted);
            }
        }
    }
}

/// Each member by itself.
fn converted(kind: Conversion, value: &Value, format: &str) -> Value {
    if let Value::List(members) = value {
        let members: Vec<String> =
            members.iter().filter_map(|member| converted(kind, &Value::Text(member.clone()), format).text()).collect();
        return Value::of_members(&members);
    }
    let Some(text) = value.text() else { return Value::Null };
    let number = |number: Option<f64>| number.map_or(Value::Null, Value::Number);
    match kind {
        Conversion::None => value.clone(),
        Conversion::Auto => number(automatic(&text)),
        Conversion::Ctime => text::number(&text).and_then(|at| time::format(at, format)).map_or(value.clone(), Value::Text),
        Conversion::Mktime => number(time::parse(&text, format)),
        Conversion::Num => number(automatic(&text)),
        Conversion::Dur2Sec => number(duration(&text)),
        Conversion::Mstime => number(minutes(&text)),
        Conversion::Memk => number(kilobytes(&text)),
        Conversion::RmComma => Value::Text(text.replace(',', "")),
        Conversion::RmUnit => Value::Text(leading_number(&text).unwrap_or(&text).to_owned()),
    }
}

fn automatic(text: &str) -> Option<f64> {
    text::number(text).or_else(|| duration(text)).or_else(|| minutes(text))
}

fn digits(text: &str) -> Option<f64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// `[D+]HH:MM:SS`, the seconds perhaps with a fraction.
fn duration(text: &str) -> Option<f64> {
    let (days, clock) = text.split_once('+').map_or((Some(0.0), text), |(days, clock)| (digits(days), clock));
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(((days? * 24.0 + digits(hours)?) * 60.0 + digits(minutes)?) * 60.0 + decimal(seconds)?)
}

/// `[MM:]SS.SSS`
fn minutes(text: &str) -> Option<f64> {
    let (minutes, seconds) = text.split_once(':').map_or((Some(0.0), text), |(minutes, seconds)| (digits(minutes), seconds));
    Some(minutes? * 60.0 + decimal(seconds)?)
}

/// A number of kilobytes, or with `k`, `m` or `g` behind it.
fn kilobytes(text: &str) -> Option<f64> {
    let unit = text.chars().last()?.to_ascii_lowercase();
    let factor = match unit {
        'k' => 1.0,
        'm' => 1_024.0,
        'g' => 1_048_576.0,
        _ => return decimal(text),
    };
    Some(decimal(text[..text.len() - 1].trim_end_matches(' '))? * factor)
}

/// Digits, perhaps with a fraction.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole).and(digits(fraction)).and(text.parse().ok())
}

/// The number that a text begins with: a sign, digits, a fraction.
fn leading_number(text: &str) -> Option<&str> {
    let is_number = |part: &&str| decimal(part.strip_prefix(['+', '-']).unwrap_or(part)).is_some();
    (1..=text.len()).rev().filter_map(|end| text.get(..end)).find(is_number)
}

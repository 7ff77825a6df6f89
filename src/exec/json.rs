//! JSON as eval sees it: members keep their order and numbers their spelling.
//!
//! Paths are Splunk's: `a.b`, `a{0}` for a place in an array from 0, `a{}` for all of them.

use std::fmt;

/// Arrays and objects inside of each other at most: reading and dropping them takes so much stack.
const MAX_DEPTH: u32 = 100;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum JsonValue {
    Null,
    Bool(bool),
    /// As it is spelled.
    Number(String),
    Text(String),
    Array(Vec<JsonValue>),
    Object(Vec<(String, JsonValue)>),
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PathStep {
    Key(String),
    Place(usize),
    All,
}

/// Reads a path; none where its brackets are not closed or hold something else than a place.
pub(super) fn path(text: &str) -> Option<Vec<PathStep>> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (name, mut brackets) = part.split_at(part.find('{').unwrap_or(part.len()));
        if !name.is_empty() {
            steps.push(PathStep::Key(name.to_owned()));
        }
        while let Some((inside, behind)) = brackets.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            steps.push(if inside.is_empty() { PathStep::All } else { PathStep::Place(inside.parse().ok()?) });
            brackets = behind;
        }
        if !brackets.is_empty() {
            return None;
        }
    }
    Some(steps)
}

impl JsonValue {
    /// Reads a text that is JSON and nothing else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = JsonText { rest: text, depth: 0 };
        let value = reader.value()?;
        reader.blanks();
        reader.rest.is_empty().then_some(value)
    }

    /// The values at a path, in their order.
    pub(super) fn at<'j>(&'j self, path: &[PathStep]) -> Vec<&'j Self> {
        let Some((step, rest)) = path.split_first() else { return vec![self] };
        match (step, self) {
            (PathStep::Key(key), Self::Object(_)) => self.member(key).map_or_else(Vec::new, |value| value.at(rest)),
            (PathStep::Place(place), Self::Array(members)) => members.get(*place).map_or_else(Vec::new, |value| value.at(rest)),
            (PathStep::All, Self::Array(members)) => members.iter().flat_map(|member| member.at(rest)).collect(),
            _ => Vec::new(),
        }
    }

    /// Sets the values at a path. Objects get the keys that they lack, where the path goes on with keys alone; what else is not there
    /// stays away.
    pub(super) fn set(&mut self, path: &[PathStep], value: &Self) {
        let Some((step, rest)) = path.split_first() else {
            *self = value.clone();
            return;
        };
        if let (PathStep::Key(key), Self::Object(members)) = (step, &mut *self)
            && !members.iter().any(|(name, _)| name == key)
            && rest.iter().all(|step| matches!(step, PathStep::Key(_)))
        {
            members.push((key.clone(), Self::Object(Vec::new())));
        }
        self.each_at(step, &mut |inner| inner.set(rest, value));
    }

    /// Puts values behind those of the arrays at a path.
    pub(super) fn append(&mut self, path: &[PathStep], values: &[Self]) {
        match path.split_first() {
            Some((step, rest)) => self.each_at(step, &mut |inner| inner.append(rest, values)),
            None => {
                if let Self::Array(members) = self {
                    members.extend_from_slice(values);
                }
            }
        }
    }

    /// Removes the members at a path.
    pub(super) fn remove(&mut self, path: &[PathStep]) {
        match (path, &mut *self) {
            ([PathStep::Key(key)], Self::Object(members)) => members.retain(|(name, _)| name != key),
            ([PathStep::Place(place)], Self::Array(members)) if *place < members.len() => {
                members.remove(*place);
            }
            ([PathStep::All], Self::Array(members)) => members.clear(),
            ([step, rest @ ..], _) if !rest.is_empty() => self.each_at(step, &mut |inner| inner.remove(rest)),
            _ => {}
        }
    }

    fn each_at(&mut self, step: &PathStep, visit: &mut dyn FnMut(&mut Self)) {
        match (step, self) {
            (PathStep::Key(key), Self::Object(members)) => {
                // As reading does: the last of a key counts.
                members.iter_mut().rev().find(|(name, _)| name == key).into_iter().for_each(|(_, value)| visit(value));
            }
            (PathStep::Place(place), Self::Array(members)) => members.get_mut(*place).into_iter().for_each(visit),
            (PathStep::All, Self::Array(members)) => members.iter_mut().for_each(visit),
            _ => {}
        }
    }

    /// The last member of an object with this key.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl fmt::Display for JsonValue {
    /// Without spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => quoted(text, f),
            Self::Array(members) => {
                f.write_str("[")?;
                for (place, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if place > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (place, (name, value)) in members.iter().enumerate() {
                    f.write_str(if place > 0 { "," } else { "" })?;
                    quoted(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

/// Text that is read from left to right.
struct JsonText<'t> {
    rest: &'t str,
    depth: u32,
}

impl<'t> JsonText<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        let behind = self.rest.strip_prefix(token);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn value(&mut self) -> Option<JsonValue> {
        self.blanks();
        for (word, value) in [("null", JsonValue::Null), ("true", JsonValue::Bool(true)), ("false", JsonValue::Bool(false))] {
            if self.take(word) {
                return Some(value);
            }
        }
        match self.rest.chars().next()? {
            '"' => self.text().map(JsonValue::Text),
            '[' | '{' => {
                self.depth += 1;
                let value = if self.depth > MAX_DEPTH { None } else { self.group() };
                self.depth -= 1;
                value
            }
            _ => self.number(),
        }
    }

    fn group(&mut self) -> Option<JsonValue> {
        if self.take("[") {
            let mut members = Vec::new();
            while !self.take("]") {
                if !members.is_empty() && !self.take(",") {
                    return None;
                }
                members.push(self.value()?);
            }
            return Some(JsonValue::Array(members));
        }
        let (mut members, _) = (Vec::new(), self.take("{"));
        while !self.take("}") {
            if !members.is_empty() && !self.take(",") {
                return None;
            }
            self.blanks();
            let name = self.text()?;
            if !self.take(":") {
                return None;
            }
            members.push((name, self.value()?));
        }
        Some(JsonValue::Object(members))
    }

    fn number(&mut self) -> Option<JsonValue> {
        let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(self.rest.len());
        let (text, behind) = self.rest.split_at(end);
        let digits = text.strip_prefix('-').unwrap_or(text);
        // Rust reads more than JSON allows: zeros in front, and a point with nothing on one of its sides.
        let begins = digits == "0" || !digits.starts_with('0') || digits.starts_with("0.") || digits.to_ascii_lowercase().starts_with("0e");
        let pointless = digits.ends_with('.') || digits.contains(".e") || digits.contains(".E");
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit()) && begins && !pointless && text.parse::<f64>().is_ok();
        self.rest = behind;
        is_number.then(|| JsonValue::Number(text.to_owned()))
    }

    fn text(&mut self) -> Option<String> {
        let mut rest = self.rest.strip_prefix('"')?;
        let mut out = String::new();
        loop {
            let at = rest.find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            out.push_str(&rest[..at]);
            let (mark, behind) = rest[at..].split_at(1);
            rest = behind;
            match mark {
                "\"" => break,
                "\\" => rest = escape(rest, &mut out)?,
                _ => return None,
            }
        }
        self.rest = rest;
        // No text of the store holds a zero byte: SQLite would end there.
        Some(if out.contains('\0') { out.replace('\0', "\u{2400}") } else { out })
    }
}

/// Reads what stands behind a backslash; gives what is left. Half a pair of surrogates becomes a replacement character.
fn escape<'t>(rest: &'t str, out: &mut String) -> Option<&'t str> {
    let c = rest.chars().next()?;
    let behind = &rest[c.len_utf8()..];
    if c == 'u' {
        let unit = |text: &str| {
            text.get(..4).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|hex| u32::from_str_radix(hex, 16).ok())
        };
        let (first, behind) = (unit(behind)?, &behind[4..]);
        let second =
            behind.strip_prefix("\\u").and_then(unit).filter(|low| (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(low));
        return Some(match second {
            Some(low) => {
                out.push(char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00)).unwrap_or(char::REPLACEMENT_CHARACTER));
                &behind[6..]
            }
            None => {
                out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                behind
            }
        });
    }
    out.push(match c {
        '"' | '\\' | '/' => c,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        _ => return None,
    });
    Some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_and_written_as_it_stands() {
        for text in [r#"{"b":1.50,"a":[true,null,"x\"\n\\"]}"#, "[]", "{}", "-0.5e3", r#""ä""#, r#"[[],{"":0}]"#] {
            assert_eq!(JsonValue::read(text).map(|value| value.to_string()).as_deref(), Some(text));
        }
        assert_eq!(JsonValue::read(r#"" \ud83d\ude00 \u0041 \ud800 ""#), Some(JsonValue::Text(" \u{1f600} A \u{fffd} ".to_owned())));
    }

    #[test]
    fn what_is_not_json_is_refused_whatever_it_is() {
        let deep = "[".repeat(10_000);
        let texts = [
            "",
            "x",
            "[1",
            "[1,]",
            "[,1]",
            "{a:1}",
            "{\"a\"}",
            "01",
            "1.",
            ".5",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "1 2",
            "\"a\nb\"",
            "+1",
            &deep,
        ];
        for text in texts {
            assert_eq!(JsonValue::read(text), None, "{text:.20}");
        }
    }

    #[test]
    fn paths_lead_to_all_that_they_mean() {
        let value = JsonValue::read(r#"{"a":[{"b":1},{"b":[2,3]},{"c":4}]}"#).unwrap();
        let at = |text: &str| value.at(&path(text).unwrap()).iter().map(|value| value.to_string()).collect::<Vec<_>>();
        assert_eq!(at("a{}.b"), ["1", "[2,3]"]);
        assert_eq!(at("a{1}.b{1}"), ["3"]);
        assert_eq!(at("a{}.b{}"), ["2", "3"]);
        assert_eq!(at("a.b"), Vec::<String>::new());
        assert_eq!((path("a{x}"), path("a{1"), path("a{1}b")), (None, None, None));
    }
}

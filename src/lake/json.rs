//! Reads JSON objects whose members are texts, lists of texts and what else a row has, without keeping any of it.
//!
//! A worker spends half of its time here, so texts are found by vector instructions and written where they are needed, once, and only
//! those that are. What is not JSON is refused, also in texts that are skipped.

use memchr::{memchr, memchr2};

use crate::event::NUL_SYMBOL;

/// What is wrong with a text: a part of a sentence.
pub(super) type RowFault = String;

/// Goes through a text.
pub(super) struct RowCursor<'t> {
    text: &'t str,
    at: usize,
}

/// A text between its quotes, as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowText<'t>(&'t str);

/// A value; of an array its beginning: the members come from [`RowCursor::next_member`].
#[derive(Debug, Clone, Copy)]
pub(super) enum RowValue<'t> {
    Null,
    Flag,
    Number(&'t str),
    Text(RowText<'t>),
    Array,
}

impl<'t> RowText<'t> {
    /// As it is, where nothing in it is written otherwise.
    pub(super) fn plain(self) -> Option<&'t str> {
        memchr(b'\\', self.0.as_bytes()).is_none().then_some(self.0)
    }

    /// Appends the text. As in everything that is read, U+2400 stands for NUL.
    pub(super) fn write_to(self, out: &mut String) -> Result<(), RowFault> {
        let mut rest = self.0;
        while let Some(at) = memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            let (c, length) = escaped(&rest[at + 1..])?;
            out.push(if c == '\0' { NUL_SYMBOL } else { c });
            rest = &rest[at + 1 + length..];
        }
        out.push_str(rest);
        Ok(())
    }
}

/// What stands behind a backslash: the letter that is meant, and how many bytes say so.
fn escaped(text: &str) -> Result<(char, usize), RowFault> {
    let plain = match text.as_bytes().first() {
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        _ => return Err("a backslash with nothing that it can stand before".to_owned()),
    };
    Ok((plain, 1))
}

/// `u00e4`, or a pair of surrogates.
fn unicode(text: &str) -> Result<(char, usize), RowFault> {
    let unit = |from: usize| {
        let digits = text.get(from..from + 4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let fault = || "`\\u` without a letter of that number behind it".to_owned();
    let first = unit(1).ok_or_else(fault)?;
    if let Some(c) = char::from_u32(first) {
        return Ok((c, 5));
    }
    let second = text.get(5..7).filter(|mark| *mark == "\\u").and_then(|_| unit(7)).filter(|second| (0xdc00..0xe000).contains(second));
    let pair = second.filter(|_| first < 0xdc00).map(|second| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    pair.and_then(char::from_u32).map(|c| (c, 11)).ok_or_else(fault)
}

impl<'t> RowCursor<'t> {
    /// Begins an object that is all of a text.
    pub(super) fn object(text: &'t str) -> Result<Self, RowFault> {
        let mut cursor = Self { text, at: 0 };
        cursor.expect(b'{', "an object")?;
        Ok(cursor)
    }

    /// The name of the next member, whose value must be read next; none at the end, behind which there must be nothing.
    pub(super) fn next_name(&mut self, is_first: bool) -> Result<Option<RowText<'t>>, RowFault> {
        match (self.peek(), is_first) {
            (Some(b'}'), _) => {
                self.at += 1;
                return if self.peek().is_none() { Ok(None) } else { Err(self.fault("the end of the line")) };
            }
            (Some(b','), false) => {
                self.at += 1;
                self.skip_space();
            }
            (_, false) => return Err(self.fault("`,` or `}`")),
            (_, true) => {}
        }
        let name = self.quoted("a name")?;
        self.expect(b':', "`:`")?;
        Ok(Some(name))
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<RowValue<'t>, RowFault> {
        match self.peek() {
            Some(b'"') => self.quoted("a text").map(RowValue::Text),
            Some(b'[') => {
                self.at += 1;
                Ok(RowValue::Array)
            }
            Some(b'-' | b'0'..=b'9') => {
                let from = self.at;
                let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                self.at += self.text.as_bytes()[from..].iter().take_while(|byte| is_of_number(byte)).count();
                Ok(RowValue::Number(&self.text[from..self.at]))
            }
            _ => {
                let words = [("null", RowValue::Null), ("true", RowValue::Flag), ("false", RowValue::Flag)];
                let rest = &self.text[self.at..];
                let (word, value) = words
                    .into_iter()
                    .find(|(word, _)| rest.starts_with(word))
                    .ok_or_else(|| self.fault("a text, a list of texts, a number"))?;
                self.at += word.len();
                Ok(value)
            }
        }
    }

    /// The next member of an array of texts; none at its end.
    pub(super) fn next_member(&mut self, is_first: bool) -> Result<Option<RowText<'t>>, RowFault> {
        match (self.peek(), is_first) {
            (Some(b']'), _) => {
                self.at += 1;
                return Ok(None);
            }
            (Some(b','), false) => self.at += 1,
            (_, false) => return Err(self.fault("`,` or `]`")),
            (_, true) => {}
        }
        self.skip_space();
        self.quoted("a text").map(Some)
    }

    fn quoted(&mut self, what: &str) -> Result<RowText<'t>, RowFault> {
        self.expect(b'"', what)?;
        let (bytes, from) = (self.text.as_bytes(), self.at);
        let mut at = from;
        loop {
            match memchr2(b'"', b'\\', &bytes[at..]) {
                None => return Err("it ends within a text".to_owned()),
                Some(found) if bytes[at + found] == b'"' => {
                    at += found;
                    break;
                }
                // A backslash, and what it stands before.
                Some(found) if at + found + 2 <= bytes.len() => at += found + 2,
                Some(_) => return Err("it ends within a text".to_owned()),
            }
        }
        // All of them, without an end in the middle: that goes many bytes at a time.
        if bytes[from..at].iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ' {
            return Err(format!("a text at byte {} has a control character in it, which JSON has as `\\n`, `\\t` or `\\u0000`", from + 1));
        }
        self.at = at + 1;
        Ok(RowText(&self.text[from..at]))
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), RowFault> {
        if self.peek() != Some(byte) {
            return Err(self.fault(what));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fault(&self, what: &str) -> RowFault {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) if c.is_ascii_graphic() => format!("byte {} is `{c}`, where {what} should be", self.at + 1),
            Some(c) => format!("byte {} is `{}`, where {what} should be", self.at + 1, c.escape_debug()),
            None => format!("it ends where {what} should be"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// All members of an object, as this module reads them.
    fn read(text: &str) -> Result<Map<String, Value>, RowFault> {
        let mut cursor = RowCursor::object(text)?;
        let own = |text: RowText<'_>| {
            let mut out = String::new();
            text.write_to(&mut out).map(|()| out)
        };
        let mut members = Map::new();
        while let Some(name) = cursor.next_name(members.is_empty())? {
            let value = match cursor.value()? {
                RowValue::Null => Value::Null,
                RowValue::Flag => Value::Bool(true),
                RowValue::Number(number) => serde_json::from_str(number).map_err(|error| error.to_string())?,
                RowValue::Text(text) => Value::String(own(text)?),
                RowValue::Array => {
                    let mut list = Vec::new();
                    while let Some(member) = cursor.next_member(list.is_empty())? {
                        list.push(Value::String(own(member)?));
                    }
                    Value::Array(list)
                }
            };
            if members.insert(own(name)?, value).is_some() {
                return Err("a name is there twice".to_owned());
            }
        }
        Ok(members)
    }

    proptest! {
        /// What another program writes is read as it was, in its spelling and with all letters as `\u`.
        #[test]
        fn objects_are_read_as_they_were_written(members in prop::collection::btree_map("[a-z\\\\\"é]{0,4}", ("[ -~\t\n\u{1}\u{7f}é\u{212a}\u{1F600}\"\\\\]{0,9}", 0..3_u8), 0..6)) {
            let value = |(text, kind): &(String, u8)| match kind {
                0 => Value::from(text.as_str()),
                1 => Value::from(vec![text.as_str(), "", text.as_str()]),
                _ => Value::from(text.len()),
            };
            let object: Map<String, Value> = members.iter().map(|(name, text)| (name.clone(), value(text))).collect();
            let written = Value::Object(object.clone()).to_string();
            prop_assert_eq!(read(&written), Ok(object.clone()));
            prop_assert_eq!(read(&serde_json::to_string_pretty(&object).unwrap()), Ok(object.clone()));
            let letters: String = written.chars().map(|c| if c.is_ascii() { c.to_string() } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }).collect();
            prop_assert_eq!(read(&letters), Ok(object));
        }

        /// Whatever is no JSON for another program is none here.
        #[test]
        fn what_is_cut_or_changed_is_refused_where_others_refuse_it(cut in 0..60_usize, put in "[{}\\[\\]:,\"\\\\a1 \t]{0,2}") {
            let whole = r#"{"a":"x\\y","b":["1","\u00e4"],"c":-12,"d":null,"e":true}"#;
            let at = cut.min(whole.len());
            let changed = format!("{}{put}{}", &whole[..at], &whole[at..]);
            for text in [&changed, &whole[..at]] {
                if serde_json::from_str::<Map<String, Value>>(text).is_err() {
                    prop_assert!(read(text).is_err(), "{}", text);
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("", "it ends where an object should be"),
            ("[1]", "byte 1 is `[`, where an object should be"),
            ("{\"a\":\"b\"} x", "byte 11 is `x`, where the end of the line should be"),
            ("{\"a\" \"b\"}", "byte 6 is `\"`, where `:` should be"),
            ("{\"a\":{}}", "byte 6 is `{`, where a text, a list of texts, a number should be"),
            ("{\"a\":[\"x\",1]}", "byte 11 is `1`, where a text should be"),
            ("{\"a\":\"b", "it ends within a text"),
            ("{\"a\":\"b\\", "it ends within a text"),
            ("{\"a\":\"b\tc\"}", "a text at byte 7 has a control character in it, which JSON has as `\\n`, `\\t` or `\\u0000`"),
            ("{\"a\":\"\\x\"}", "a backslash with nothing that it can stand before"),
            ("{\"a\":\"\\ud800x\"}", "`\\u` without a letter of that number behind it"),
            ("{\"a\":\"\\u+123\"}", "`\\u` without a letter of that number behind it"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        let mut out = String::new();
        RowText("a\\u0000b").write_to(&mut out).unwrap();
        assert_eq!(out, "a\u{2400}b");
    }
}

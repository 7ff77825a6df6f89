//! Search expressions: what stands in front of the first pipe and behind `search`.
//!
//! NOT binds first, then OR, then AND, which may be left out. A value is compared as text and without case; `*` is a
//! wildcard and nothing else is.

use std::ops::Range;

use super::cursor::{Cursor, unescape};
use crate::ir::{Case, Cidr, Field, Glob, Match, NumberOp, Part, Pred, Test, Vocabulary};
use crate::yaml::number;

/// Groups inside of groups.
const MAX_DEPTH: u32 = 100;

/// Parses a search expression up to the end of the command.
pub(super) fn parse(cursor: &mut Cursor<'_>, vocabulary: Vocabulary) -> Pred {
    let mut parser = Parser { cursor, vocabulary, depth: 0 };
    let pred = parser.and();
    if !parser.cursor.is_done() {
        parser.cursor.unexpected("a comparison");
    }
    pred
}

struct Parser<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    vocabulary: Vocabulary,
    depth: u32,
}

impl Parser<'_, '_> {
    fn and(&mut self) -> Pred {
        let mut parts = Vec::new();
        while !self.cursor.is_done() && self.cursor.peek() != Some(')') {
            parts.push(self.or());
            self.keyword("AND");
        }
        if parts.len() == 1 { parts.remove(0) } else { Pred::And(parts) }
    }

    fn or(&mut self) -> Pred {
        let mut parts = vec![self.not()];
        while self.keyword("OR") {
            parts.push(self.not());
        }
        if parts.len() == 1 { parts.remove(0) } else { Pred::Or(parts) }
    }

    fn not(&mut self) -> Pred {
        if !self.keyword("NOT") {
            return self.primary();
        }
        self.depth += 1;
        let inner = if self.depth > MAX_DEPTH { self.too_deep() } else { self.not() };
        self.depth -= 1;
        Pred::Not(Box::new(inner))
    }

    /// Upper-case words only: in lower case they are terms.
    fn keyword(&mut self, word: &str) -> bool {
        self.cursor.peek();
        let rest = self.cursor.rest();
        let found = rest.starts_with(word) && rest[word.len()..].chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == '"');
        if found {
            self.cursor.at += word.len();
        }
        found
    }

    fn too_deep(&mut self) -> Pred {
        let at = self.cursor.at;
        self.cursor.fault("spl-depth", format!("conditions are nested deeper than MAX_DEPTH = {MAX_DEPTH}"), at..at);
        self.cursor.at = self.cursor.end;
        Pred::False
    }

    fn primary(&mut self) -> Pred {
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.take("(");
                self.depth += 1;
                let inner = if self.depth > MAX_DEPTH { self.too_deep() } else { self.and() };
                self.depth -= 1;
                if !self.cursor.take(")") {
                    self.cursor.unexpected("`)`");
                }
                inner
            }
            Some('[') => {
                let start = self.cursor.at;
                self.cursor.fault("spl-unsupported-subsearch", "a subsearch in a search is not supported", start..self.cursor.end);
                self.cursor.at = self.cursor.end;
                Pred::False
            }
            Some(_) => self.comparison(),
            None => {
                self.cursor.unexpected("a comparison");
                Pred::False
            }
        }
    }

    fn comparison(&mut self) -> Pred {
        let start = self.cursor.at;
        let was_quoted = self.cursor.peek() == Some('"');
        let left = if was_quoted {
            self.cursor.quoted()
        } else {
            self.bare(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | '"' | '=' | '<' | '>' | '!' | '[' | ']'))
        };
        let Some((name, span)) = left else {
            self.cursor.unexpected("a field name");
            return Pred::False;
        };
        if let Some(op) = self.operator() {
            return self.compare(&name, op, start);
        }
        if self.keyword("IN") {
            return self.one_of(&name, start);
        }
        self.term(&name, was_quoted, span)
    }

    fn bare(&mut self, fits: impl Fn(char) -> bool) -> Option<(String, Range<usize>)> {
        let span = self.cursor.take_while(fits);
        (!span.is_empty()).then(|| (self.cursor.slice(span.clone()).to_owned(), span))
    }

    /// A term that is no comparison asks the raw text, which a store of fields does not keep.
    fn term(&mut self, text: &str, quoted: bool, span: Range<usize>) -> Pred {
        if !quoted && text.chars().all(|c| c == '*') {
            return Pred::True;
        }
        self.cursor.fault(
            "spl-unsupported-free-text",
            format!("the term `{text}` searches the raw text of events, which is not kept"),
            span,
        );
        Pred::False
    }

    fn operator(&mut self) -> Option<Op> {
        let operators = [
            ("!=", Op::Ne),
            ("<=", Op::Order(NumberOp::Le)),
            (">=", Op::Order(NumberOp::Ge)),
            ("==", Op::Eq),
            ("=", Op::Eq),
            ("<", Op::Order(NumberOp::Lt)),
            (">", Op::Order(NumberOp::Gt)),
        ];
        operators.into_iter().find(|(token, _)| self.cursor.take(token)).map(|(_, op)| op)
    }

    fn value(&mut self) -> Option<String> {
        if self.cursor.peek() == Some('"') {
            return self.cursor.quoted().map(|(text, _)| text);
        }
        self.bare_value().map(|text| unescape(&text))
    }

    /// A bare value ends at white space, a comma or a bracket, whatever stands in front; `\"` does not end it.
    fn bare_value(&mut self) -> Option<String> {
        self.cursor.peek();
        let mut escaped = false;
        let rest = self.cursor.rest();
        let end = rest.char_indices().find(|(_, c)| {
            let ends = c.is_whitespace() || matches!(c, '(' | ')' | ',' | '[' | ']') || (*c == '"' && !escaped);
            escaped = !escaped && *c == '\\';
            ends
        });
        let length = end.map_or(rest.len(), |(i, _)| i);
        self.cursor.at += length;
        (length > 0).then(|| rest[..length].to_owned())
    }

    fn compare(&mut self, name: &str, op: Op, start: usize) -> Pred {
        let Some(value) = self.value() else {
            self.cursor.unexpected("a value");
            return Pred::False;
        };
        let span = start..self.cursor.at;
        if name == "index" {
            return Pred::True; // where Splunk keeps its events says nothing about them
        }
        let matched = |test: Test, negated: bool| Pred::Match(Match { field: self.field(name), test, negated, span: span.clone() });
        match op {
            Op::Eq => self.equals(name, &value, span),
            Op::Ne if value == "*" => Pred::False,
            Op::Ne => matched(text_test(&value), true),
            Op::Order(op) => match number(&value) {
                // Numbers compare as numbers, a value that is none as text.
                Some(right) => Pred::Or(vec![
                    matched(Test::Number { op, value: right }, false),
                    Pred::And(vec![
                        matched(Test::Number { op: NumberOp::Ge, value: f64::MIN }, true),
                        matched(Test::TextOrder { op, value }, false),
                    ]),
                ]),
                None => matched(Test::TextOrder { op, value }, false),
            },
        }
    }

    fn equals(&self, name: &str, value: &str, span: Range<usize>) -> Pred {
        let matched = |test: Test| Pred::Match(Match { field: self.field(name), test, negated: false, span: span.clone() });
        if !value.is_empty() && value.chars().all(|c| c == '*') {
            return matched(Test::Exists);
        }
        match cidr(value) {
            Some(net) => Pred::Or(vec![matched(text_test(value)), matched(Test::Cidr(net))]),
            None => matched(text_test(value)),
        }
    }

    fn one_of(&mut self, name: &str, start: usize) -> Pred {
        if !self.cursor.take("(") {
            self.cursor.unexpected("`(` after IN");
            return Pred::False;
        }
        let mut parts = Vec::new();
        loop {
            while self.cursor.take(",") {}
            if self.cursor.take(")") {
                break;
            }
            let Some(value) = self.value() else {
                self.cursor.unexpected("a value or `)`");
                break;
            };
            let span = start..self.cursor.at;
            parts.push(self.equals(name, &value, span));
        }
        Pred::Or(parts)
    }

    fn field(&self, name: &str) -> Field {
        Field { name: name.to_owned(), vocabulary: self.vocabulary }
    }
}

#[derive(Clone, Copy)]
enum Op {
    Eq,
    Ne,
    Order(NumberOp),
}

/// Equality as `search` understands it.
pub(super) fn text_test(value: &str) -> Test {
    let mut parts = Vec::new();
    for (index, text) in value.split('*').enumerate() {
        if index > 0 {
            parts.push(Part::Any);
        }
        parts.push(Part::Text(text.to_owned()));
    }
    Test::Glob { glob: Glob::new(parts), case: Case::Ignore }
}

/// A network in CIDR notation, its host bits cleared.
fn cidr(value: &str) -> Option<Cidr> {
    let (address, prefix) = value.split_once('/')?;
    let (address, prefix): (std::net::IpAddr, u8) = (address.parse().ok()?, prefix.parse().ok()?);
    let address = match address {
        std::net::IpAddr::V4(v4) if prefix <= 32 => {
            u32::from(v4).checked_shr(32 - u32::from(prefix)).map_or(0, |n| n << (32 - u32::from(prefix))).to_be_bytes().into()
        }
        std::net::IpAddr::V6(v6) if prefix <= 128 => {
            u128::from(v6).checked_shr(128 - u32::from(prefix)).map_or(0, |n| n << (128 - u32::from(prefix))).to_be_bytes().into()
        }
        _ => return None,
    };
    Some(Cidr { address, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Pred {
        let mut cursor = Cursor::new(text, 0..text.len());
        let pred = parse(&mut cursor, Vocabulary::Splunk);
        assert!(cursor.faults.is_empty(), "{text}");
        pred
    }

    #[test]
    fn a_backslash_does_not_glue_the_next_comparison_to_a_bare_value() {
        for text in [r"path=*\\temp\\ code=1", r"path=*\temp\ code=1", r"(path=*\temp\) code=1"] {
            let Pred::And(parts) = parsed(text) else { panic!("{text}: two comparisons") };
            let [Pred::Match(path), Pred::Match(code)] = &parts[..] else { panic!("{text}: two comparisons") };
            assert!(path.test.passes(r"C:\Temp\") && code.test.passes("1"), "{text}");
        }
    }
}

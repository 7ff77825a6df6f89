//! Search expressions: what stands in front of the first pipe and behind `search`.
//!
//! NOT binds first, then OR, then AND, which may be left out. A value is compared as text and without case; `*` is a
//! wildcard and nothing else is. What asks for more than the fields of an event (its raw text, the index or the
//! time range it is searched in) is a fault of its own, never a test that quietly fails.

use std::ops::Range;

use super::cursor::{Cursor, unescape};
use super::fault::SearchFault;
use crate::ir::{BinaryOp, Case, Cidr, Field, Function, Glob, Match, NumberOp, Pred, Scalar, Test, Vocabulary};
use crate::yaml::number;

/// Groups inside of groups.
// NOT and groups recurse; the same bound as for expressions.
const MAX_DEPTH: u32 = 100;

/// Words in front of `=` that set the time range of a search.
const TIME_MODIFIERS: [&str; 10] = [
    "earliest",
    "latest",
    "_index_earliest",
    "_index_latest",
    "starttime",
    "endtime",
    "starttimeu",
    "endtimeu",
    "startdaysago",
    "enddaysago",
];

/// Indexes that hold what Splunk writes about itself.
// They hold findings and summaries, not events: a search over them means something else here.
const INTERNAL_INDEXES: [&str; 4] = ["risk", "notable", "summary", "cim_modactions"];

/// Parses a search expression up to the end of the command.
pub(super) fn parse(cursor: &mut Cursor<'_>, vocabulary: Vocabulary) -> Pred {
    let mut parser = SearchParser { cursor, vocabulary, depth: 0, negations: 0 };
    let pred = parser.and();
    if !parser.cursor.is_done() {
        parser.cursor.unexpected("a comparison");
    }
    pred
}

struct SearchParser<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    vocabulary: Vocabulary,
    depth: u32,
    /// How many NOTs are around.
    // Excluding an index cannot be noted and ignored: it would let events in that the rule keeps out.
    negations: u32,
}

/// A value on the right of a comparison.
struct Comparand {
    text: String,
    case: Case,
}

impl Comparand {
    fn is_any(&self) -> bool {
        // `f=*` asks for presence (rule S7); the empty text is a value to compare with.
        !self.text.is_empty() && self.text.chars().all(|c| c == '*')
    }

    /// Equality as `search` understands it.
    fn test(&self) -> Test {
        Test::Glob { glob: self.glob(), case: self.case }
    }

    /// The value as a pattern: `*` is any run of characters.
    fn glob(&self) -> Glob {
        Glob::wildcard(&self.text)
    }
}

impl SearchParser<'_, '_> {
    fn and(&mut self) -> Pred {
        let mut parts = Vec::new();
        while !self.cursor.is_done() && self.cursor.peek() != Some(')') {
            parts.push(self.or());
            // A word that joins nothing: half of a condition is missing, and to drop it would change the rule.
            if self.keyword("AND") && (self.cursor.is_done() || self.cursor.peek() == Some(')')) {
                self.cursor.unexpected("a comparison after AND");
            }
        }
        Pred::all(parts)
    }

    fn or(&mut self) -> Pred {
        let mut parts = vec![self.not()];
        while self.keyword("OR") {
            parts.push(self.not());
        }
        Pred::any(parts)
    }

    fn not(&mut self) -> Pred {
        if !self.keyword("NOT") {
            return self.primary();
        }
        self.depth += 1;
        self.negations += 1;
        let inner = if self.depth > MAX_DEPTH { self.too_deep() } else { self.not() };
        self.negations -= 1;
        self.depth -= 1;
        inner.negated()
    }

    /// Upper-case words only: in lower case they are terms.
    // Splunk knows `and` as a search term: reading it as AND would change rules in silence.
    fn keyword(&mut self, word: &str) -> bool {
        self.cursor.peek();
        let rest = self.cursor.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '[');
        let found = rest.starts_with(word) && rest[word.len()..].chars().next().is_none_or(ends);
        if found {
            self.cursor.at += word.len();
        }
        found
    }

    fn too_deep(&mut self) -> Pred {
        let at = self.cursor.at;
        self.cursor.error("spl-depth", format!("conditions are nested deeper than MAX_DEPTH = {MAX_DEPTH}"), at..at);
        self.cursor.give_up();
        Pred::False
    }

    fn primary(&mut self) -> Pred {
        match self.cursor.peek() {
            Some('(') => self.group(),
            Some('[') => {
                let vocabulary = self.vocabulary;
                super::brackets::subsearch(self.cursor, vocabulary).unwrap_or(Pred::False)
            }
            Some(_) => self.comparison(),
            None => {
                self.cursor.unexpected("a comparison");
                Pred::False
            }
        }
    }

    fn group(&mut self) -> Pred {
        self.cursor.take("(");
        if self.cursor.peek() == Some(')') {
            self.cursor.unexpected("a comparison");
        }
        self.depth += 1;
        let inner = if self.depth > MAX_DEPTH { self.too_deep() } else { self.and() };
        self.depth -= 1;
        if !self.cursor.take(")") {
            self.cursor.unexpected("`)`");
        }
        inner
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

    /// A term that is no comparison asks the raw text in Splunk; here, every value of the event and its message (rule S10).
    fn term(&mut self, text: &str, quoted: bool, span: Range<usize>) -> Pred {
        if !quoted && text.chars().all(|c| c == '*') {
            return Pred::True;
        }
        if !quoted && matches!(text, "AND" | "OR") {
            self.cursor.at = span.start;
            self.cursor.unexpected("a comparison");
            return Pred::False;
        }
        let (mut text, mut case, mut whole) = (unescape_unless(quoted, text), Case::Ignore, span.clone());
        if !quoted && matches!(text.as_str(), "TERM" | "CASE") && self.cursor.rest().starts_with('(') {
            case = if text == "CASE" { Case::Exact } else { Case::Ignore };
            let start = self.cursor.at + 1;
            let close = self.cursor.rest().find(')').map(|length| start - 1 + length);
            text = self.cursor.slice(start..close.unwrap_or(self.cursor.end)).trim().to_owned();
            self.cursor.at = close.map_or(self.cursor.end, |close| close + 1);
            whole = span.start..self.cursor.at;
            if close.is_none() {
                self.cursor.unexpected("`)`");
            }
        }
        let message = format!("`{text}` is searched in the values of fields and in the message: the raw text of events is not kept");
        let mut fault = SearchFault::note("spl-free-text", message, whole);
        if !quoted && ["and", "or", "not", "in"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            fault = fault.hint("AND, OR, NOT and IN are written in capitals");
        }
        self.cursor.faults.push(fault);
        Pred::Keyword { glob: Comparand { text, case }.glob().contains(), case }
    }

    fn operator(&mut self) -> Option<Op> {
        let operators = [
            // Longest first: `<` would take the first half of `<=`.
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

    fn value(&mut self) -> Option<Comparand> {
        if self.cursor.peek() == Some('"') {
            return self.cursor.quoted().map(|(text, _)| Comparand { text, case: Case::Ignore });
        }
        let text = self.bare_value()?;
        if text == "CASE" && self.cursor.rest().starts_with('(') {
            return self.exact_value();
        }
        Some(Comparand { text: unescape(&text), case: Case::Ignore })
    }

    /// What stands in the brackets of `CASE(…)` is compared with case.
    fn exact_value(&mut self) -> Option<Comparand> {
        self.cursor.take("(");
        let quoted = self.cursor.quoted().map(|(text, _)| text);
        let text = quoted.or_else(|| self.bare_value().map(|text| unescape(&text)))?;
        if !self.cursor.take(")") {
            self.cursor.unexpected("`)`");
        }
        Some(Comparand { text, case: Case::Exact })
    }

    /// A bare value ends at white space, a comma or a bracket, whatever stands in front; `\"` does not end it.
    fn bare_value(&mut self) -> Option<String> {
        self.cursor.peek();
        let (mut escaped, mut open) = (false, 0_u32);
        let rest = self.cursor.rest();
        let end = rest.char_indices().find(|(index, c)| {
            match c {
                // `*GetCurrent()*`: brackets that open and close inside of the value are part of it.
                '(' if *index > 0 && &rest[..*index] != "CASE" && closes(&rest[*index..]) => open += 1,
                ')' if open > 0 => open -= 1,
                _ => {
                    let ends = c.is_whitespace() || matches!(c, '(' | ')' | ',' | '[' | ']') || (*c == '"' && !escaped);
                    escaped = !escaped && *c == '\\';
                    return ends;
                }
            }
            escaped = false;
            false
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
        if let Some(pred) = self.about_the_search(name, op, &value, &span) {
            return pred;
        }
        match op {
            Op::Eq => self.equals(name, &value, &span),
            // `f!=*` can never be: a value that is there is any value.
            Op::Ne if value.is_any() => Pred::False,
            Op::Ne => self.differs(name, &value, &span),
            Op::Order(op) => self.ordered(name, op, value.text, &span),
        }
    }

    fn matched(&self, name: &str, test: Test, negated: bool, span: &Range<usize>) -> Pred {
        let field = Field { name: name.to_owned(), vocabulary: self.vocabulary };
        Pred::Match(Match { field, test, negated, span: span.clone() })
    }

    fn equals(&self, name: &str, value: &Comparand, span: &Range<usize>) -> Pred {
        if value.is_any() {
            return self.matched(name, Test::Exists, false, span);
        }
        let text = self.matched(name, value.test(), false, span);
        match cidr(&value.text) {
            // The text as well: a field may hold the network itself, as firewall rules do (rule S9).
            Some(net) => Pred::Or(vec![text, self.matched(name, Test::Cidr(net), false, span)]),
            None => text,
        }
    }

    /// `!=`: present and different.
    fn differs(&self, name: &str, value: &Comparand, span: &Range<usize>) -> Pred {
        let text = self.matched(name, value.test(), true, span);
        match cidr(&value.text) {
            Some(net) => Pred::And(vec![text, self.matched(name, Test::Cidr(net), true, span)]),
            None => text,
        }
    }

    /// Numbers compare as numbers; where a side is none, both as text.
    fn ordered(&self, name: &str, op: NumberOp, value: String, span: &Range<usize>) -> Pred {
        let Some(right) = number(&value) else { return self.matched(name, Test::TextOrder { op, value }, false, span) };
        let is_number = Test::Number { op: NumberOp::Ge, value: f64::MIN };
        Pred::Or(vec![
            self.matched(name, Test::Number { op, value: right }, false, span),
            // Only where the value is not a number: `9 < 10` is decided above, and as texts it would be false.
            Pred::And(vec![self.matched(name, is_number, true, span), self.matched(name, Test::TextOrder { op, value }, false, span)]),
        ])
    }

    fn one_of(&mut self, name: &str, start: usize) -> Pred {
        if !self.cursor.take("(") {
            self.cursor.unexpected("`(` after IN");
            return Pred::False;
        }
        let mut parts = Vec::new();
        loop {
            while self.cursor.take(",") {}
            if !parts.is_empty() && self.cursor.take(")") {
                break;
            }
            self.cursor.peek();
            let value_at = self.cursor.at;
            let Some(value) = self.value() else {
                self.cursor.unexpected(if parts.is_empty() { "a value" } else { "a value or `)`" });
                break;
            };
            let span = value_at..self.cursor.at;
            let pred = self.about_the_search(name, Op::Eq, &value, &(start..self.cursor.at));
            parts.push(pred.unwrap_or_else(|| self.equals(name, &value, &span)));
        }
        Pred::any(parts)
    }

    /// Comparisons that are not about a field of the event.
    fn about_the_search(&mut self, name: &str, op: Op, value: &Comparand, span: &Range<usize>) -> Option<Pred> {
        if name == super::RAW_TEXT {
            return Some(self.raw_text(op, value, span));
        }
        if self.vocabulary != Vocabulary::Splunk {
            return None; // in later stages these are columns like others
        }
        if matches!(name, "index" | "_index") {
            return Some(self.index(op, value, span));
        }
        if TIME_MODIFIERS.contains(&name) {
            let pred = time_bound(name, op, &value.text);
            if pred.is_none() {
                let message = format!("the time modifier `{name}` with this value is not supported");
                let fault = SearchFault::error("spl-unsupported-time-modifier", message, span.clone());
                self.cursor.faults.push(fault.hint("give seconds since 1970, a time like 12/31/2025:23:59:00, or one like -70m@m"));
            }
            return Some(pred.unwrap_or(Pred::False));
        }
        if name.starts_with("tag::") {
            self.cursor.error("spl-unsupported-tag", "tags of a field's values are not supported", span.clone());
            return Some(Pred::False);
        }
        None
    }

    /// A comparison with `_raw` is one with some value of the event, or its message.
    fn raw_text(&mut self, op: Op, value: &Comparand, span: &Range<usize>) -> Pred {
        let Op::Eq = op else {
            super::refuse_raw_text(self.cursor, "`_raw`", span.clone());
            return Pred::False;
        };
        let message = "`_raw` is searched in the values of fields and in the message: the raw text of events is not kept";
        self.cursor.faults.push(SearchFault::note("spl-free-text", message, span.clone()));
        Pred::Keyword { glob: value.glob().contains(), case: value.case }
    }

    /// Where Splunk keeps events says nothing about them: every event of the store is searched.
    fn index(&mut self, op: Op, value: &Comparand, span: &Range<usize>) -> Pred {
        let internal = value.text.starts_with('_') || INTERNAL_INDEXES.contains(&value.text.as_str());
        if internal || self.negations > 0 || !matches!(op, Op::Eq) {
            let message = format!("a search cannot ask for or exclude the index `{}`: the store has no indexes", value.text);
            self.cursor.error("spl-unsupported-index", message, span.clone());
            return Pred::False;
        }
        let message = format!("`index={}` does not restrict the search: the store has no indexes", value.text);
        self.cursor.faults.push(SearchFault::note("spl-index-ignored", message, span.clone()));
        Pred::True
    }
}

/// Whether a bracket closes before the value ends.
fn closes(text: &str) -> bool {
    text.find(|c: char| c == ')' || c.is_whitespace()).is_some_and(|end| text[end..].starts_with(')'))
}

/// What `earliest=` and `latest=` ask of an event's time: from the first on, and before the second. A relative time counts
/// from `now()`. Nothing: it is none that is understood.
fn time_bound(name: &str, op: Op, value: &str) -> Option<Pred> {
    let is_start = match (name, op) {
        ("earliest" | "starttime", Op::Eq) => true,
        ("latest" | "endtime", Op::Eq) => false,
        _ => return None,
    };
    let field = Field { name: super::TIME.to_owned(), vocabulary: Vocabulary::Splunk };
    let order = if is_start { NumberOp::Ge } else { NumberOp::Lt };
    if let Some(seconds) = number(value).or_else(|| calendar_time(value)) {
        let test = Test::Number { op: order, value: seconds };
        return Some(Pred::Match(Match { field, test, negated: false, span: 0..0 }));
    }
    let now = Scalar::Call(Function::Now, Vec::new());
    let bound = match value {
        "now" | "now()" => now,
        _ if is_relative(value) => Scalar::Call(Function::RelativeTime, vec![now, Scalar::Text(value.to_owned())]),
        _ => return None,
    };
    let order = if is_start { BinaryOp::Ge } else { BinaryOp::Lt };
    Some(Pred::Scalar(Scalar::Binary(order, Box::new(Scalar::Field(field)), Box::new(bound))))
}

/// `%m/%d/%Y:%H:%M:%S` in UTC, as seconds since 1970.
fn calendar_time(value: &str) -> Option<f64> {
    let (date, clock) = value.split_once(':')?;
    let mut parts = date.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let time_us = crate::event::parse_iso_time(&format!("{year}-{month:0>2}-{day:0>2}T{clock}Z"))?;
    #[allow(clippy::cast_precision_loss, reason = "seconds of our times fit a double")]
    Some(time_us as f64 / 1e6)
}

/// Whether a text is like `-70m@m`, `@d`, `-1d@d+4h`.
fn is_relative(value: &str) -> bool {
    let mut rest = value;
    let mut steps = 0;
    while !rest.is_empty() {
        let Some(sign) = rest.chars().next().filter(|c| matches!(c, '+' | '-' | '@')) else { return false };
        rest = &rest[1..];
        let digits = if sign == '@' { 0 } else { rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()) };
        let unit = &rest[digits..];
        let length = unit.find(['+', '-', '@']).unwrap_or(unit.len());
        if length == 0 || !unit[..length].chars().all(|c| c.is_ascii_alphanumeric()) {
            return false;
        }
        rest = &unit[length..];
        steps += 1;
    }
    steps > 0
}

/// Rule S12 for a bare word; quoted ones have had theirs.
fn unescape_unless(quoted: bool, text: &str) -> String {
    if quoted { text.to_owned() } else { unescape(text) }
}

#[derive(Clone, Copy)]
enum Op {
    Eq,
    Ne,
    Order(NumberOp),
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
        let lookups = crate::spl::lookups::LookupUses::default();
        let mut cursor = Cursor::new(text, 0..text.len(), &lookups);
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

//! Conditions: `not` binds tighter than `and`, `and` tighter than `or`; `1 of x*`, `all of them`.
//!
//! A list of conditions means any of them. Names are compared with case. Patterns and `them` leave out detections whose
//! name begins with `_`, unless the pattern itself begins so. Operators in capitals are accepted with a warning.

use std::ops::Range;

use super::context::ReadContext;
use crate::ir::{Glob, Part};
use crate::suggest::nearest;
use crate::yaml::{Node, Value};

/// Deepest nesting of parentheses and `not`.
// The parser and every walk over the condition recurse; real conditions nest three or four levels.
pub(super) const MAX_CONDITION_DEPTH: usize = 64;
/// Longest condition in bytes.
// The longest public condition has some hundred bytes.
pub(super) const MAX_CONDITION_BYTES: usize = 64 << 10;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConditionTree {
    /// A detection by name.
    Name(String, Range<usize>),
    /// `1 of`, `any of` or `all of` a pattern; `None`: `them`.
    Select {
        all: bool,
        pattern: Option<String>,
        span: Range<usize>,
    },
    Not(Box<ConditionTree>),
    And(Vec<ConditionTree>),
    Or(Vec<ConditionTree>),
}

impl ConditionTree {
    /// Calls `visit` on every name and selection.
    pub(super) fn visit_leaves<'c>(&'c self, visit: &mut dyn FnMut(&'c ConditionTree)) {
        match self {
            Self::Name(..) | Self::Select { .. } => visit(self),
            Self::Not(inner) => inner.visit_leaves(visit),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit_leaves(visit)),
        }
    }
}

/// Whether a selection takes a detection.
pub(super) fn selects(pattern: Option<&str>, name: &str) -> bool {
    match pattern {
        None => !name.starts_with('_'),
        Some(pattern) if name.starts_with('_') && !pattern.starts_with('_') => false,
        Some(pattern) => {
            let pieces = pattern.split('*').map(|text| Part::Text(text.to_string()));
            let parts = pieces.enumerate().flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([text]));
            Glob::new(parts).matches(name)
        }
    }
}

/// Parses a condition that cannot aggregate; `None` after an error.
pub(super) fn parse(context: &mut ReadContext<'_>, node: &Node) -> Option<ConditionTree> {
    for member in node.items().iter().chain([node]) {
        let text = member.scalar_text().unwrap_or("");
        if let Some(at) = pipe(text) {
            let span = place(context, member, &(at..text.len()));
            context.error(&span, "sigma-unsupported-aggregation", "a condition cannot aggregate here");
            return None;
        }
    }
    parse_detections(context, node)
}

/// Parses the condition of a rule as far as its aggregation; `None` after an error.
pub(super) fn parse_before_pipe(context: &mut ReadContext<'_>, node: &Node) -> Option<ConditionTree> {
    match node.value {
        Value::Sequence(_) => parse(context, node),
        _ => parse_detections(context, node),
    }
}

fn parse_detections(context: &mut ReadContext<'_>, node: &Node) -> Option<ConditionTree> {
    match &node.value {
        Value::String(_) | Value::Number(_) => parse_one(context, node),
        Value::Sequence(members) if !members.is_empty() => {
            let mut parts = Vec::new();
            for member in members {
                parts.push(parse_one(context, member));
            }
            // All members are parsed before any fault ends it: one look shows every fault.
            let mut parts: Vec<ConditionTree> = parts.into_iter().collect::<Option<_>>()?;
            Some(if parts.len() == 1 { parts.remove(0) } else { ConditionTree::Or(parts) })
        }
        _ => {
            context.error(&node.span, "sigma-condition-syntax", "the condition is not text");
            None
        }
    }
}

fn parse_one(context: &mut ReadContext<'_>, node: &Node) -> Option<ConditionTree> {
    let text = node.scalar_text().unwrap_or("");
    if text.len() > MAX_CONDITION_BYTES {
        let message = format!("the condition is longer than {MAX_CONDITION_BYTES} bytes");
        context.error(&node.span, "sigma-rule-limit", message);
        return None;
    }
    // What follows is an aggregation: see [`super::legacy`].
    let text = &text[..pipe(text).unwrap_or(text.len())];
    let tokens = tokenize(text);
    let mut parser = ConditionParser { context, node, tokens: &tokens, at: 0, end: text.len() };
    let condition = parser.parse_or(0)?;
    match parser.peek() {
        None => Some(condition),
        Some(token) => {
            let message = if token.text == ")" {
                "a closing parenthesis without an opening one".to_string()
            } else {
                format!("`and` or `or` is missing before `{}`", token.text)
            };
            parser.fail(&token.span.clone(), message)
        }
    }
}

/// Where the aggregation of a condition begins: the byte of its `|`.
pub(super) fn pipe(text: &str) -> Option<usize> {
    text.find('|')
}

fn place(context: &ReadContext<'_>, node: &Node, part: &Range<usize>) -> Range<usize> {
    node.part_span(&context.source.text, part.clone())
}

#[derive(Debug, Clone, Copy)]
struct ConditionToken<'t> {
    text: &'t str,
    start: usize,
}

struct Spanned<'t> {
    text: &'t str,
    span: Range<usize>,
}

fn tokenize(text: &str) -> Vec<Spanned<'_>> {
    let mut tokens = Vec::new();
    let mut word: Option<ConditionToken<'_>> = None;
    for (at, c) in text.char_indices() {
        let single = matches!(c, '(' | ')' | '|');
        if c.is_whitespace() || single {
            finish(&mut tokens, word.take());
        }
        if single {
            tokens.push(Spanned { text: &text[at..=at], span: at..at + 1 });
        } else if !c.is_whitespace() {
            let start = word.map_or(at, |word| word.start);
            word = Some(ConditionToken { text: &text[start..at + c.len_utf8()], start });
        }
    }
    finish(&mut tokens, word);
    tokens
}

fn finish<'t>(tokens: &mut Vec<Spanned<'t>>, word: Option<ConditionToken<'t>>) {
    if let Some(ConditionToken { text, start }) = word {
        tokens.push(Spanned { text, span: start..start + text.len() });
    }
}

struct ConditionParser<'a, 'b, 't> {
    context: &'a mut ReadContext<'b>,
    node: &'a Node,
    tokens: &'t [Spanned<'t>],
    at: usize,
    end: usize,
}

impl<'t> ConditionParser<'_, '_, 't> {
    fn peek(&self) -> Option<&'t Spanned<'t>> {
        self.tokens.get(self.at)
    }

    fn fail<T>(&mut self, part: &Range<usize>, message: impl Into<String>) -> Option<T> {
        let span = place(self.context, self.node, part);
        self.context.error(&span, "sigma-condition-syntax", message);
        None
    }

    /// Takes a word of the language.
    fn eat(&mut self, word: &str) -> bool {
        let Some(token) = self.peek().filter(|token| token.text.eq_ignore_ascii_case(word)) else { return false };
        if token.text != word {
            let span = place(self.context, self.node, &token.span);
            let message = format!("`{}` is read as `{word}`: operators are written in lower case", token.text);
            self.context.warn(&span, "sigma-condition-case", message);
        }
        self.at += 1;
        true
    }

    fn parse_or(&mut self, depth: usize) -> Option<ConditionTree> {
        let mut parts = vec![self.parse_and(depth)?];
        while self.eat("or") {
            parts.push(self.parse_and(depth)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { ConditionTree::Or(parts) })
    }

    fn parse_and(&mut self, depth: usize) -> Option<ConditionTree> {
        let mut parts = vec![self.parse_not(depth)?];
        while self.eat("and") {
            parts.push(self.parse_not(depth)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { ConditionTree::And(parts) })
    }

    fn parse_not(&mut self, depth: usize) -> Option<ConditionTree> {
        let Some(token) = self.peek() else {
            return self.fail(&(self.end..self.end), "the condition ends, but a detection is expected");
        };
        if depth > MAX_CONDITION_DEPTH {
            let span = place(self.context, self.node, &token.span);
            let message = format!("the condition is nested deeper than {MAX_CONDITION_DEPTH}");
            self.context.error(&span, "sigma-rule-limit", message);
            return None;
        }
        if self.eat("not") {
            return Some(ConditionTree::Not(Box::new(self.parse_not(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.parse_or(depth + 1)?;
            if !self.eat(")") {
                let part = self.peek().map_or(token.span.clone(), |next| next.span.clone());
                let message = match self.peek() {
                    Some(next) => format!("`and`, `or` or `)` is missing before `{}`", next.text),
                    None => "this parenthesis is never closed".to_string(),
                };
                return self.fail(&part, message);
            }
            return Some(inner);
        }
        self.parse_operand(token)
    }

    fn parse_operand(&mut self, token: &'t Spanned<'t>) -> Option<ConditionTree> {
        self.at += 1;
        let of = self.peek().is_some_and(|next| next.text.eq_ignore_ascii_case("of"));
        if of {
            return self.parse_select(token);
        }
        match token.text {
            ")" => self.fail(&token.span, "a detection is missing before `)`"),
            text if ["and", "or", "of"].iter().any(|word| text.eq_ignore_ascii_case(word)) => {
                self.fail(&token.span, format!("a detection is missing before `{text}`"))
            }
            text => Some(ConditionTree::Name(text.to_string(), place(self.context, self.node, &token.span))),
        }
    }

    fn parse_select(&mut self, quantity: &'t Spanned<'t>) -> Option<ConditionTree> {
        let all = match quantity.text.to_ascii_lowercase().as_str() {
            "1" | "any" => false,
            "all" => true,
            other => {
                return self.fail(&quantity.span, format!("`{other} of`: only `1 of`, `any of` and `all of` exist"));
            }
        };
        self.eat("of");
        let Some(target) = self.peek().filter(|target| !matches!(target.text, "(" | ")")) else {
            return self.fail(&quantity.span, "`of` needs `them` or a pattern of detection names");
        };
        self.at += 1;
        let pattern = (target.text != "them").then(|| target.text.to_string());
        let span = place(self.context, self.node, &(quantity.span.start..target.span.end));
        Some(ConditionTree::Select { all, pattern, span })
    }
}

/// Reports a name that no detection has.
pub(super) fn unknown_name(context: &mut ReadContext<'_>, name: &str, span: &Range<usize>, known: &[&str]) {
    let message = format!("the condition names `{name}`, but there is no such detection");
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the detections are: {}", known.join(", ")),
    };
    context.error_with(span, "sigma-unknown-detection", message, hint);
}

/// Reports a pattern that takes no detection.
pub(super) fn unknown_pattern(context: &mut ReadContext<'_>, pattern: Option<&str>, span: &Range<usize>, known: &[&str]) {
    let message = format!("no detection is named like `{}`", pattern.unwrap_or("them"));
    let stem = pattern.unwrap_or("").trim_end_matches('*');
    let starts = known.iter().map(|name| name.get(..stem.len()).unwrap_or(name));
    let near = nearest(stem, starts).filter(|_| !stem.is_empty());
    let hint = match near {
        Some(near) => format!("did you mean `{near}*`?"),
        None => format!("the detections are: {}", known.join(", ")),
    };
    context.error_with(span, "sigma-unknown-detection", message, hint);
}

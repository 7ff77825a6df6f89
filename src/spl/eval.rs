//! Eval expressions, as `eval`, `where` and `count(eval(…))` have them: AND before OR, comparisons, arithmetic, calls.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::function;
use super::pattern;
use super::refuse;
use super::searchmatch::{self, Refusal};
use crate::ir::{BinaryOp, Field, Function, Scalar, Vocabulary};

/// 2^53: below it every whole number is a double of its own.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Expressions inside of expressions; a chain of operators nests once an operator.
// Every later walk over an expression recurses: a hundred levels are far from the end of any stack.
const MAX_DEPTH: u32 = 100;

/// Parses an expression; stops at what cannot go on with it.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Scalar {
    let mut parser = ExpressionParser { cursor, open: 0 };
    parser.xor().scalar
}

/// A field of a row.
pub(super) fn field(name: String) -> Scalar {
    Scalar::Field(Field { name, vocabulary: Vocabulary::Row })
}

/// A parsed expression and how deep it is nested: dropping and walking it takes so much stack.
struct NestedScalar {
    scalar: Scalar,
    depth: u32,
    /// Where it stands; only known of arguments.
    span: Range<usize>,
}

impl NestedScalar {
    // The span is only needed for the argument that is a pattern, where a fault must point inside of it.
    fn new(scalar: Scalar, depth: u32) -> Self {
        Self { scalar, depth, span: 0..0 }
    }

    fn leaf(scalar: Scalar) -> Self {
        Self::new(scalar, 1)
    }
}

struct ExpressionParser<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    /// Brackets and calls that are open.
    open: u32,
}

impl ExpressionParser<'_, '_> {
    /// Nests an expression in another, within the limit.
    fn nest(&mut self, depth: u32, scalar: impl FnOnce() -> Scalar) -> NestedScalar {
        if depth < MAX_DEPTH {
            return NestedScalar::new(scalar(), depth + 1);
        }
        self.too_deep();
        NestedScalar::leaf(Scalar::Null)
    }

    fn too_deep(&mut self) {
        if !self.cursor.gave_up() {
            let at = self.cursor.at;
            self.cursor.error("spl-depth", format!("expressions are nested deeper than MAX_DEPTH = {MAX_DEPTH}"), at..at);
            self.cursor.give_up();
        }
    }

    /// `XOR` binds last.
    fn xor(&mut self) -> NestedScalar {
        self.open += 1;
        if self.open > MAX_DEPTH {
            self.too_deep();
        }
        let mut left = self.or();
        while self.cursor.take_word("XOR") {
            let right = self.or();
            left = self.binary(BinaryOp::Xor, left, right);
        }
        self.open -= 1;
        left
    }

    fn or(&mut self) -> NestedScalar {
        let mut parts = vec![self.and()];
        while self.cursor.take_word("OR") {
            parts.push(self.and());
        }
        self.join(parts, Scalar::Or)
    }

    fn and(&mut self) -> NestedScalar {
        let mut parts = vec![self.not()];
        while self.cursor.take_word("AND") {
            parts.push(self.not());
        }
        self.join(parts, Scalar::And)
    }

    fn join(&mut self, mut parts: Vec<NestedScalar>, make: fn(Vec<Scalar>) -> Scalar) -> NestedScalar {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let depth = parts.iter().map(|p| p.depth).max().unwrap_or(0);
        self.nest(depth, || make(parts.into_iter().map(|p| p.scalar).collect()))
    }

    fn not(&mut self) -> NestedScalar {
        let mut negated = false;
        // `!=` is a comparison, so a `!` in front of `=` is not a NOT.
        while self.cursor.take_word("NOT") || (!self.cursor.rest().trim_start().starts_with("!=") && self.cursor.take("!")) {
            negated = !negated;
        }
        let inner = self.comparison();
        if negated { self.nest(inner.depth, || Scalar::Not(Box::new(inner.scalar))) } else { inner }
    }

    fn comparison(&mut self) -> NestedScalar {
        let left = self.sum();
        // Longest first: `<` would take the first half of `<=`.
        let operators = [
            ("!=", BinaryOp::Ne),
            ("<=", BinaryOp::Le),
            (">=", BinaryOp::Ge),
            ("==", BinaryOp::Eq),
            ("=", BinaryOp::Eq),
            ("<", BinaryOp::Lt),
            (">", BinaryOp::Gt),
        ];
        if let Some((_, op)) = operators.into_iter().find(|(token, _)| self.cursor.take(token)) {
            let right = self.sum();
            return self.binary(op, left, right);
        }
        if self.cursor.take_word("LIKE") {
            let pattern = self.sum();
            return self.nest(left.depth.max(pattern.depth), || Scalar::Call(Function::Like, vec![left.scalar, pattern.scalar]));
        }
        if self.cursor.take_word("IN") {
            let mut arguments = vec![left];
            arguments.extend(self.arguments());
            return self.join(arguments, |arguments| Scalar::Call(Function::In, arguments));
        }
        left
    }

    fn binary(&mut self, op: BinaryOp, left: NestedScalar, right: NestedScalar) -> NestedScalar {
        self.nest(left.depth.max(right.depth), || Scalar::Binary(op, Box::new(left.scalar), Box::new(right.scalar)))
    }

    fn sum(&mut self) -> NestedScalar {
        let mut left = self.product();
        loop {
            let op = match self.cursor.peek() {
                Some('+') => BinaryOp::Add,
                Some('-') => BinaryOp::Subtract,
                Some('.') => BinaryOp::Concat,
                _ => return left,
            };
            self.cursor.at += 1;
            let right = self.product();
            left = self.binary(op, left, right);
        }
    }

    fn product(&mut self) -> NestedScalar {
        let mut left = self.unary();
        loop {
            let op = match self.cursor.peek() {
                Some('*') => BinaryOp::Multiply,
                Some('/') => BinaryOp::Divide,
                Some('%') => BinaryOp::Modulo,
                _ => return left,
            };
            self.cursor.at += 1;
            let right = self.unary();
            left = self.binary(op, left, right);
        }
    }

    fn unary(&mut self) -> NestedScalar {
        if !self.cursor.take("-") {
            return self.primary();
        }
        match self.primary() {
            // Folded at once, so that `-1` is a number also where only a literal may stand.
            NestedScalar { scalar: Scalar::Number(number), depth, .. } => NestedScalar::new(Scalar::Number(-number), depth),
            NestedScalar { scalar: Scalar::Call(Function::Decimal, arguments), depth, .. } => {
                let text = Function::Decimal.decimal(&arguments).unwrap_or_default();
                let negated = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned);
                NestedScalar::new(decimal(negated), depth)
            }
            inner => self.nest(inner.depth, || Scalar::Negate(Box::new(inner.scalar))),
        }
    }

    fn primary(&mut self) -> NestedScalar {
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.take("(");
                let inner = self.xor();
                if !self.cursor.take(")") {
                    self.cursor.unexpected("`)`");
                }
                inner
            }
            Some('"') => NestedScalar::leaf(self.cursor.quoted().map_or(Scalar::Null, |(text, _)| Scalar::Text(text))),
            Some('\'') => {
                let name = self.cursor.name();
                NestedScalar::leaf(name.map_or(Scalar::Null, |(name, span)| self.field(name, span)))
            }
            Some(c) if c.is_ascii_digit() || (c == '.' && self.cursor.rest()[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                NestedScalar::leaf(self.number())
            }
            Some(c) if is_name_char(c) => self.word(),
            _ => {
                self.cursor.unexpected("an expression");
                NestedScalar::leaf(Scalar::Null)
            }
        }
    }

    fn number(&mut self) -> Scalar {
        self.cursor.peek();
        let start = self.cursor.at;
        self.cursor.take_while(|c| c.is_ascii_digit());
        if self.cursor.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            self.cursor.at += 1;
            self.cursor.take_while(|c| c.is_ascii_digit());
        }
        let text = self.cursor.slice(start..self.cursor.at);
        let number: f64 = text.parse().expect("digits with at most one point among them are a number");
        // What a double does not say keeps its spelling: places behind the point, and long whole numbers.
        if text.contains('.') || number >= EXACT_MAX { decimal(text.to_owned()) } else { Scalar::Number(number) }
    }

    fn field(&mut self, name: String, span: Range<usize>) -> Scalar {
        if name == super::RAW_TEXT {
            super::refuse_raw_text(self.cursor, "`_raw`", span);
        }
        field(name)
    }

    /// A field, or a call when a bracket follows.
    fn word(&mut self) -> NestedScalar {
        let span = self.cursor.take_while(|c| is_name_char(c) || matches!(c, '{' | '}' | ':' | '@'));
        let name = self.cursor.slice(span.clone()).to_owned();
        if self.cursor.peek() != Some('(') {
            return NestedScalar::leaf(match name.as_str() {
                "true" => Scalar::Bool(true),
                "false" => Scalar::Bool(false),
                "null" | "NULL" => Scalar::Null,
                _ => self.field(name, span),
            });
        }
        let arguments = self.arguments();
        if name.eq_ignore_ascii_case(Function::SearchMatch.name()) {
            return self.search_match(&arguments, span);
        }
        let Some(function) = function::named(&name) else {
            refuse::function(self.cursor, &name, span);
            return NestedScalar::leaf(Scalar::Null);
        };
        self.call(function, arguments, span)
    }

    fn call(&mut self, function: Function, mut arguments: Vec<NestedScalar>, span: Range<usize>) -> NestedScalar {
        if let Some(refusal) = function::refuse(function, arguments.len()) {
            if !self.cursor.gave_up() {
                self.cursor.error("spl-arguments", refusal, span);
            }
            return NestedScalar::leaf(Scalar::Null);
        }
        // Now and not for each row: a literal pattern is known, and a fault in it has a place to point at.
        if let Some(NestedScalar { scalar: Scalar::Text(text), span, .. }) = function.pattern_argument().and_then(|i| arguments.get_mut(i))
        {
            let used = if function == Function::Replace { pattern::Use::Replaces } else { pattern::Use::Searches };
            match pattern::translate(self.cursor, text, used, span) {
                Some(translated) => *text = translated,
                None => return NestedScalar::leaf(Scalar::Null),
            }
        }
        if let Some(fault) = misused(function, &arguments) {
            self.cursor.error("spl-arguments", fault, span);
            return NestedScalar::leaf(Scalar::Null);
        }
        let depth = arguments.iter().map(|a| a.depth).max().unwrap_or(0);
        self.nest(depth, || Scalar::Call(function, arguments.into_iter().map(|a| a.scalar).collect()))
    }

    /// `searchmatch("a=b*")`.
    fn search_match(&mut self, arguments: &[NestedScalar], span: Range<usize>) -> NestedScalar {
        let [NestedScalar { scalar: Scalar::Text(text), span: place, .. }] = arguments else {
            self.cursor.error("spl-arguments", "`searchmatch` takes a search in quotes", span);
            return NestedScalar::leaf(Scalar::Null);
        };
        match searchmatch::expression(text) {
            Ok(scalar) => {
                let depth = depth_of(&scalar);
                self.nest(depth, || scalar)
            }
            Err(Refusal::Fault(code, message)) => {
                self.cursor.error(code, format!("in the search of `searchmatch`: {message}"), place.clone());
                NestedScalar::leaf(Scalar::Null)
            }
            Err(Refusal::NotOfFields) => {
                let message = "`searchmatch` with a search that asks for more than fields is not supported";
                self.cursor.error("spl-unsupported-function", message, place.clone());
                NestedScalar::leaf(Scalar::Null)
            }
        }
    }

    fn arguments(&mut self) -> Vec<NestedScalar> {
        let mut out = Vec::new();
        if !self.cursor.take("(") {
            self.cursor.unexpected("`(`");
            return out;
        }
        if self.cursor.take(")") {
            return out;
        }
        loop {
            self.cursor.peek();
            let start = self.cursor.at;
            let argument = self.xor();
            out.push(NestedScalar { span: start..self.cursor.at, ..argument });
            if self.cursor.take(",") {
                continue;
            }
            if !self.cursor.take(")") {
                self.cursor.unexpected("`,` or `)`");
            }
            return out;
        }
    }
}

/// A number literal that keeps its spelling.
fn decimal(text: String) -> Scalar {
    Scalar::Call(Function::Decimal, vec![Scalar::Text(text)])
}

/// What is wrong with the arguments of some functions.
fn misused(function: Function, arguments: &[NestedScalar]) -> Option<&'static str> {
    let about_one_field = || arguments.first().is_some_and(|argument| has_one_field(&argument.scalar));
    match function {
        Function::MvFilter if !about_one_field() => Some("the condition of `mvfilter` must be about exactly one field"),
        Function::MvMap if !about_one_field() => Some("the first argument of `mvmap` must be about exactly one field"),
        Function::Sum | Function::Avg if arguments.iter().any(|argument| matches!(argument.scalar, Scalar::Text(_))) => {
            Some("a text in quotes is not a number")
        }
        _ => None,
    }
}

/// How deep an expression is nested.
fn depth_of(scalar: &Scalar) -> u32 {
    1 + match scalar {
        Scalar::Null | Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Field(_) => 0,
        Scalar::Call(_, parts) | Scalar::And(parts) | Scalar::Or(parts) => parts.iter().map(depth_of).max().unwrap_or(0),
        Scalar::Binary(_, left, right) => depth_of(left).max(depth_of(right)),
        Scalar::Negate(inner) | Scalar::Not(inner) => depth_of(inner),
    }
}

fn has_one_field(scalar: &Scalar) -> bool {
    let mut names = Vec::new();
    field_names(scalar, &mut names);
    names.dedup();
    names.len() == 1
}

fn field_names<'s>(scalar: &'s Scalar, out: &mut Vec<&'s str>) {
    match scalar {
        Scalar::Field(field) => out.push(&field.name),
        Scalar::Call(_, parts) | Scalar::And(parts) | Scalar::Or(parts) => parts.iter().for_each(|p| field_names(p, out)),
        Scalar::Binary(_, left, right) => [left, right].into_iter().for_each(|p| field_names(p, out)),
        Scalar::Negate(inner) | Scalar::Not(inner) => field_names(inner, out),
        Scalar::Null | Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) => {}
    }
}

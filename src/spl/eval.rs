//! Eval expressions, as `eval`, `where` and `count(eval(…))` have them: AND before OR, comparisons, arithmetic, calls.

use super::cursor::{Cursor, is_name_char};
use crate::ir::{BinaryOp, Field, Function, Scalar, Vocabulary};

/// Expressions inside of expressions.
const MAX_DEPTH: u32 = 100;

/// Parses an expression; stops at what cannot go on with it.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Scalar {
    Parser { cursor, depth: 0 }.or()
}

struct Parser<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    depth: u32,
}

impl Parser<'_, '_> {
    fn or(&mut self) -> Scalar {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.cursor.at;
            self.cursor.fault("spl-depth", format!("expressions are nested deeper than MAX_DEPTH = {MAX_DEPTH}"), at..at);
            self.cursor.at = self.cursor.end;
        }
        let mut parts = vec![self.and()];
        while self.cursor.take_word("OR") {
            parts.push(self.and());
        }
        self.depth -= 1;
        if parts.len() == 1 { parts.remove(0) } else { Scalar::Or(parts) }
    }

    fn and(&mut self) -> Scalar {
        let mut parts = vec![self.not()];
        while self.cursor.take_word("AND") {
            parts.push(self.not());
        }
        if parts.len() == 1 { parts.remove(0) } else { Scalar::And(parts) }
    }

    fn not(&mut self) -> Scalar {
        let mut negations = 0;
        while self.cursor.take_word("NOT") || (!self.cursor.rest().trim_start().starts_with("!=") && self.cursor.take("!")) {
            negations += 1;
        }
        let inner = self.comparison();
        (0..negations % 2).fold(inner, |inner, _| Scalar::Not(Box::new(inner)))
    }

    fn comparison(&mut self) -> Scalar {
        let left = self.sum();
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
            return Scalar::Binary(op, Box::new(left), Box::new(self.sum()));
        }
        if self.cursor.take_word("LIKE") {
            let pattern = self.sum();
            return Scalar::Call(Function::Like, vec![left, pattern]);
        }
        if self.cursor.take_word("IN") {
            let mut arguments = vec![left];
            arguments.extend(self.arguments());
            return Scalar::Call(Function::In, arguments);
        }
        left
    }

    fn sum(&mut self) -> Scalar {
        let mut left = self.product();
        loop {
            let op = match self.cursor.peek() {
                Some('+') => BinaryOp::Add,
                Some('-') => BinaryOp::Subtract,
                Some('.') => BinaryOp::Concat,
                _ => return left,
            };
            self.cursor.at += 1;
            left = Scalar::Binary(op, Box::new(left), Box::new(self.product()));
        }
    }

    fn product(&mut self) -> Scalar {
        let mut left = self.unary();
        loop {
            let op = match self.cursor.peek() {
                Some('*') => BinaryOp::Multiply,
                Some('/') => BinaryOp::Divide,
                Some('%') => BinaryOp::Modulo,
                _ => return left,
            };
            self.cursor.at += 1;
            left = Scalar::Binary(op, Box::new(left), Box::new(self.unary()));
        }
    }

    fn unary(&mut self) -> Scalar {
        if self.cursor.take("-") {
            return Scalar::Negate(Box::new(self.primary()));
        }
        self.primary()
    }

    fn primary(&mut self) -> Scalar {
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.take("(");
                let inner = self.or();
                if !self.cursor.take(")") {
                    self.cursor.unexpected("`)`");
                }
                inner
            }
            Some('"') => self.cursor.quoted().map_or(Scalar::Null, |(text, _)| Scalar::Text(text)),
            Some('\'') => self.cursor.name().map_or(Scalar::Null, |(name, _)| field(name)),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if is_name_char(c) => self.word(),
            _ => {
                self.cursor.unexpected("an expression");
                Scalar::Null
            }
        }
    }

    fn number(&mut self) -> Scalar {
        let start = self.cursor.at;
        self.cursor.take_while(|c| c.is_ascii_digit());
        if self.cursor.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            self.cursor.at += 1;
            self.cursor.take_while(|c| c.is_ascii_digit());
        }
        let text = self.cursor.slice(start..self.cursor.at);
        Scalar::Number(text.parse().unwrap_or(0.0))
    }

    /// A field, or a call when a bracket follows.
    fn word(&mut self) -> Scalar {
        let span = self.cursor.take_while(|c| is_name_char(c) || matches!(c, '{' | '}' | ':' | '@'));
        let name = self.cursor.slice(span.clone()).to_owned();
        if self.cursor.peek() != Some('(') {
            return match name.as_str() {
                "true" => Scalar::Bool(true),
                "false" => Scalar::Bool(false),
                "null" | "NULL" => Scalar::Null,
                _ => field(name),
            };
        }
        let arguments = self.arguments();
        let Some((function, least, most)) = function(&name.to_ascii_lowercase()) else {
            self.cursor.fault("spl-unsupported-function", format!("the function `{name}` is not supported"), span);
            return Scalar::Null;
        };
        if arguments.len() < least || arguments.len() > most {
            let wanted = if least == most { least.to_string() } else { format!("{least} or more") };
            self.cursor.fault("spl-arguments", format!("`{name}` takes {wanted} arguments, not {}", arguments.len()), span);
            return Scalar::Null;
        }
        Scalar::Call(function, arguments)
    }

    fn arguments(&mut self) -> Vec<Scalar> {
        let mut out = Vec::new();
        if !self.cursor.take("(") {
            self.cursor.unexpected("`(`");
            return out;
        }
        if self.cursor.take(")") {
            return out;
        }
        loop {
            out.push(self.or());
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

/// A field of a row.
pub(super) fn field(name: String) -> Scalar {
    Scalar::Field(Field { name, vocabulary: Vocabulary::Row })
}

/// The functions: name → (function, fewest and most arguments).
fn function(name: &str) -> Option<(Function, usize, usize)> {
    const MANY: usize = 1_000;
    Some(match name {
        "if" => (Function::If, 3, 3),
        "case" => (Function::Case, 2, MANY),
        "coalesce" => (Function::Coalesce, 1, MANY),
        "isnull" => (Function::IsNull, 1, 1),
        "isnotnull" => (Function::IsNotNull, 1, 1),
        "nullif" => (Function::NullIf, 2, 2),
        "validate" => (Function::Validate, 2, MANY),
        "like" => (Function::Like, 2, 2),
        "match" => (Function::Match, 2, 2),
        "cidrmatch" => (Function::CidrMatch, 2, 2),
        "in" => (Function::In, 2, MANY),
        "lower" => (Function::Lower, 1, 1),
        "upper" => (Function::Upper, 1, 1),
        "len" => (Function::Len, 1, 1),
        "trim" => (Function::Trim, 1, 2),
        "ltrim" => (Function::LTrim, 1, 2),
        "rtrim" => (Function::RTrim, 1, 2),
        "substr" => (Function::Substr, 2, 3),
        "replace" => (Function::Replace, 3, 3),
        "split" => (Function::Split, 2, 2),
        "urldecode" => (Function::UrlDecode, 1, 1),
        "tostring" => (Function::ToString, 1, 2),
        "tonumber" => (Function::ToNumber, 1, 2),
        "abs" => (Function::Abs, 1, 1),
        "ceiling" | "ceil" => (Function::Ceiling, 1, 1),
        "floor" => (Function::Floor, 1, 1),
        "round" => (Function::Round, 1, 2),
        "sqrt" => (Function::Sqrt, 1, 1),
        "pow" => (Function::Pow, 2, 2),
        "ln" => (Function::Ln, 1, 1),
        "log" => (Function::Log, 1, 2),
        "exp" => (Function::Exp, 1, 1),
        "min" => (Function::Min, 1, MANY),
        "max" => (Function::Max, 1, MANY),
        "mvcount" => (Function::MvCount, 1, 1),
        "mvindex" => (Function::MvIndex, 2, 3),
        "mvjoin" => (Function::MvJoin, 2, 2),
        "mvappend" => (Function::MvAppend, 1, MANY),
        "mvdedup" => (Function::MvDedup, 1, 1),
        "mvfind" => (Function::MvFind, 2, 2),
        "mvsort" => (Function::MvSort, 1, 1),
        "now" => (Function::Now, 0, 0),
        "relative_time" => (Function::RelativeTime, 2, 2),
        "strftime" => (Function::Strftime, 2, 2),
        "strptime" => (Function::Strptime, 2, 2),
        "md5" => (Function::Md5, 1, 1),
        "sha256" => (Function::Sha256, 1, 1),
        "null" => (Function::Null, 0, 0),
        "true" => (Function::True, 0, 0),
        "false" => (Function::False, 0, 0),
        _ => return None,
    })
}

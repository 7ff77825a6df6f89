//! ClickHouse, over the tables of a lake.
//!
//! `lower()` folds ASCII alone, which is what is meant; `ILIKE` and the functions for UTF-8 fold as they like. Literals double their
//! backslashes, and what a pattern has behind a backslash is doubled once more. A missing value is NULL, so columns are `Nullable`;
//! an array cannot be, and is empty instead. Regular expressions are RE2's.

use sqlparser::ast::{Array, BinaryOperator, Expr, LambdaSyntax};

use super::ast;
use super::expression::Flavour;
use super::lake::{ASCII, LakeWords, backslashed, like_pattern};
use crate::ir::Glob;

/// ClickHouse 24 or later.
#[derive(Debug)]
pub(super) struct ClickHouse;

/// Most texts of one `multiSearchAny`; it takes 255.
const SEARCHED_MAX: usize = 250;

impl LakeWords for ClickHouse {
    fn name(&self) -> &'static str {
        "SQL of ClickHouse"
    }

    fn escaped_name(&self, name: &str) -> (char, String) {
        ('`', name.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn literal(&self, text: &str) -> Expr {
        // Byte by byte: an escape is one byte.
        let bytes = |c: char| c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        ast::quoted_escaped(backslashed(text, bytes))
    }

    fn flavour(&self) -> Flavour {
        Flavour::Re2
    }

    fn some_member(&self, array: Expr, name: &'static str, passes: Expr) -> Expr {
        ast::call("arrayExists", vec![ast::lambda(name, passes, LambdaSyntax::Arrow), array])
    }

    fn mapped(&self, array: Expr, name: &'static str, member: Expr) -> Expr {
        ast::call("arrayMap", vec![ast::lambda(name, member, LambdaSyntax::Arrow), array])
    }

    fn lines(&self, array: Expr) -> Expr {
        let lines = ast::call("arrayStringConcat", vec![array.clone(), self.literal("\n")]);
        ast::case(vec![(ast::call("notEmpty", vec![array]), lines)], None)
    }

    fn end_of(&self, array: Expr, last: bool) -> Expr {
        let end = ast::call("arrayElement", vec![array.clone(), ast::integer(if last { -1 } else { 1 })]);
        ast::case(vec![(ast::call("notEmpty", vec![array]), end)], None)
    }

    fn folded(&self, text: Expr, from: &str, to: &str) -> Expr {
        if from.is_empty() {
            return ast::call("lower", vec![text]);
        }
        let [from, to] = [(ASCII.0, from), (ASCII.1, to)].map(|(ascii, more)| self.literal(&format!("{ascii}{more}")));
        ast::call("translateUTF8", vec![text, from, to])
    }

    fn contains(&self, text: Expr, part: Expr) -> Expr {
        ast::op(ast::call("position", vec![text, part]), BinaryOperator::Gt, ast::integer(0))
    }

    fn starts_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("startsWith", vec![text, part])
    }

    fn ends_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("endsWith", vec![text, part])
    }

    fn like(&self, text: Expr, glob: &Glob) -> Expr {
        ast::like(text, self.literal(&like_pattern(glob, '\\')), None)
    }

    fn contains_some(&self, text: Expr, parts: &[String]) -> Option<Expr> {
        // One pass over the text for all of them: a third of the time of as many `position`s.
        let searches = parts.chunks(SEARCHED_MAX).map(|parts| {
            let parts = parts.iter().map(|part| self.literal(part)).collect();
            ast::call("multiSearchAny", vec![text.clone(), Expr::Array(Array { elem: parts, named: false })])
        });
        Some(ast::any(searches.collect()))
    }

    fn has_match(&self, text: Expr, expression: &str) -> Expr {
        ast::call("match", vec![text, self.literal(expression)])
    }

    fn first_group(&self, text: Expr, expression: &str) -> Expr {
        ast::call("extract", vec![text, self.literal(expression)])
    }

    fn number(&self, text: Expr) -> Expr {
        ast::call("toFloat64OrNull", vec![text])
    }

    fn integer_text(&self, number: Expr) -> Expr {
        ast::call("toString", vec![number])
    }

    fn length_text(&self, text: Expr) -> Expr {
        self.integer_text(ast::call("lengthUTF8", vec![text]))
    }

    fn decimal_of_hex(&self, digits: Expr) -> Expr {
        // As bytes, the least first: there is no other reader of hexadecimal digits that takes a column.
        let padded = ast::call("leftPad", vec![digits, ast::integer(16), self.literal("0")]);
        let bytes = ast::call("reverse", vec![ast::call("unhex", vec![padded])]);
        self.integer_text(ast::call("reinterpretAsUInt64", vec![bytes]))
    }
}

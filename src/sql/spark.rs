//! Spark, over the tables of a lake.
//!
//! Texts compare by their bytes, and case is folded by `translate`: `ILIKE`, `lower()` and collations take U+212A for a `k`. A doubled
//! quote joins two literals in some versions, so quotes are behind backslashes, and so are backslashes. Regular expressions are Java's.

use sqlparser::ast::{BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, LambdaSyntax};

use super::ast;
use super::expression::Flavour;
use super::lake::{ASCII, LakeWords, backslashed, like_pattern};
use crate::ir::Glob;

/// Spark 3.4 or later.
#[derive(Debug)]
pub(super) struct Spark;

/// What stands in front of a character of a LIKE that is meant as itself. Not the backslash, which literals would double.
const ESCAPE: char = '!';

impl LakeWords for Spark {
    fn name(&self) -> &'static str {
        "SQL of Spark"
    }

    fn escaped_name(&self, name: &str) -> (char, String) {
        ('`', name.replace('`', "``"))
    }

    fn literal(&self, text: &str) -> Expr {
        ast::quoted_escaped(backslashed(text, |c| format!("\\u{:04x}", u32::from(c))))
    }

    fn flavour(&self) -> Flavour {
        Flavour::Java
    }

    fn some_member(&self, array: Expr, name: &'static str, passes: Expr) -> Expr {
        ast::call("exists", vec![array, ast::lambda(name, passes, LambdaSyntax::Arrow)])
    }

    fn mapped(&self, array: Expr, name: &'static str, member: Expr) -> Expr {
        ast::call("transform", vec![array, ast::lambda(name, member, LambdaSyntax::Arrow)])
    }

    fn lines(&self, array: Expr) -> Expr {
        let is_filled = ast::op(ast::call("size", vec![array.clone()]), BinaryOperator::Gt, ast::integer(0));
        ast::case(vec![(is_filled, ast::call("array_join", vec![array, self.literal("\n")]))], None)
    }

    fn end_of(&self, array: Expr, last: bool) -> Expr {
        ast::call("try_element_at", vec![array, ast::integer(if last { -1 } else { 1 })])
    }

    fn folded(&self, text: Expr, from: &str, to: &str) -> Expr {
        let [from, to] = [(ASCII.0, from), (ASCII.1, to)].map(|(ascii, more)| self.literal(&format!("{ascii}{more}")));
        ast::call("translate", vec![text, from, to])
    }

    fn contains(&self, text: Expr, part: Expr) -> Expr {
        ast::call("contains", vec![text, part])
    }

    fn starts_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("startswith", vec![text, part])
    }

    fn ends_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("endswith", vec![text, part])
    }

    fn like(&self, text: Expr, glob: &Glob) -> Expr {
        ast::like(text, self.literal(&like_pattern(glob, ESCAPE)), Some(ESCAPE))
    }

    fn contains_some(&self, _text: Expr, _parts: &[String]) -> Option<Expr> {
        None
    }

    fn has_match(&self, text: Expr, expression: &str) -> Expr {
        ast::call("regexp_like", vec![text, self.literal(expression)])
    }

    fn first_group(&self, text: Expr, expression: &str) -> Expr {
        ast::call("regexp_extract", vec![text, self.literal(expression), ast::integer(1)])
    }

    fn number(&self, text: Expr) -> Expr {
        // A CAST of a text that is no number stops the statement.
        ast::cast_as(CastKind::TryCast, text, DataType::Double(ExactNumberInfo::None))
    }

    fn integer_text(&self, number: Expr) -> Expr {
        ast::cast(number, DataType::String(None))
    }

    fn length_text(&self, text: Expr) -> Expr {
        self.integer_text(ast::call("char_length", vec![text]))
    }

    fn decimal_of_hex(&self, digits: Expr) -> Expr {
        ast::call("conv", vec![digits, ast::integer(16), ast::integer(10)])
    }
}

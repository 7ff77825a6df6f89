//! DuckDB, over the tables of a lake.
//!
//! Texts compare by their bytes, and case is folded by `translate`: `ILIKE` and `lower()` take U+212A for a `k`. Literals know no
//! escapes but the doubled quote. Regular expressions are RE2's.

use sqlparser::ast::{BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, LambdaSyntax};

use super::ast;
use super::expression::Flavour;
use super::lake::{ASCII, LakeWords, like_pattern};
use crate::ir::Glob;
use crate::store::quote::escaped_name;

/// DuckDB 1.3 or later: the arrow of lambdas before it is an error from 2.0 on.
#[derive(Debug)]
pub(super) struct DuckDb;

/// What stands in front of a character of a LIKE that is meant as itself.
const ESCAPE: char = '!';

impl LakeWords for DuckDb {
    fn name(&self) -> &'static str {
        "SQL of DuckDB"
    }

    fn escaped_name(&self, name: &str) -> (char, String) {
        ('"', escaped_name(name))
    }

    fn literal(&self, text: &str) -> Expr {
        ast::pieces(text, "chr")
    }

    fn flavour(&self) -> Flavour {
        Flavour::Re2
    }

    fn some_member(&self, array: Expr, name: &'static str, passes: Expr) -> Expr {
        let passing = ast::call("list_filter", vec![array, ast::lambda(name, passes, LambdaSyntax::LambdaKeyword)]);
        ast::op(ast::call("len", vec![passing]), BinaryOperator::Gt, ast::integer(0))
    }

    fn mapped(&self, array: Expr, name: &'static str, member: Expr) -> Expr {
        ast::call("list_transform", vec![array, ast::lambda(name, member, LambdaSyntax::LambdaKeyword)])
    }

    fn lines(&self, array: Expr) -> Expr {
        let is_filled = ast::op(ast::call("len", vec![array.clone()]), BinaryOperator::Gt, ast::integer(0));
        ast::case(vec![(is_filled, ast::call("array_to_string", vec![array, self.literal("\n")]))], None)
    }

    fn end_of(&self, array: Expr, last: bool) -> Expr {
        ast::call("list_extract", vec![array, ast::integer(if last { -1 } else { 1 })])
    }

    fn folded(&self, text: Expr, from: &str, to: &str) -> Expr {
        let [from, to] = [(ASCII.0, from), (ASCII.1, to)].map(|(ascii, more)| self.literal(&format!("{ascii}{more}")));
        ast::call("translate", vec![text, from, to])
    }

    fn contains(&self, text: Expr, part: Expr) -> Expr {
        ast::call("contains", vec![text, part])
    }

    fn starts_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("starts_with", vec![text, part])
    }

    fn ends_with(&self, text: Expr, part: Expr) -> Expr {
        ast::call("ends_with", vec![text, part])
    }

    fn like(&self, text: Expr, glob: &Glob) -> Expr {
        ast::like(text, self.literal(&like_pattern(glob, ESCAPE)), Some(ESCAPE))
    }

    fn contains_some(&self, _text: Expr, _parts: &[String]) -> Option<Expr> {
        None
    }

    fn has_match(&self, text: Expr, expression: &str) -> Expr {
        ast::call("regexp_matches", vec![text, self.literal(expression)])
    }

    fn first_group(&self, text: Expr, expression: &str) -> Expr {
        ast::call("regexp_extract", vec![text, self.literal(expression), ast::integer(1)])
    }

    fn number(&self, text: Expr) -> Expr {
        ast::cast_as(CastKind::TryCast, text, DataType::Double(ExactNumberInfo::None))
    }

    fn integer_text(&self, number: Expr) -> Expr {
        ast::cast(number, DataType::Varchar(None))
    }

    fn length_text(&self, text: Expr) -> Expr {
        self.integer_text(ast::call("length", vec![text]))
    }

    fn decimal_of_hex(&self, digits: Expr) -> Expr {
        let number = ast::op(self.literal("0x"), BinaryOperator::StringConcat, digits);
        self.integer_text(ast::cast_as(CastKind::TryCast, number, DataType::UBigInt))
    }
}

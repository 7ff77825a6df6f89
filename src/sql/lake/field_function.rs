//! Functions of field maps over a lake: what they mean says [`FieldFunction::apply`].

use sqlparser::ast::{BinaryOperator, Expr};

use super::{LakeWords, folded_wholly, matches};
use crate::ir::{Case, Glob};
use crate::plan::FieldFunction;
use crate::sql::ast;
use crate::sql::expression::escaped;
use crate::sql::network::WHITE_SPACE;

/// Makes a function of a field map of an engine's words.
pub(super) fn field_function(words: &dyn LakeWords, function: &FieldFunction, x: Expr) -> Result<Expr, &'static str> {
    let text = |text: &str| words.literal(text);
    // What a group matches, where the whole matches; else something else.
    let group_or = |expression: &str, x: &Expr, other: Option<Expr>| {
        let found = words.has_match(x.clone(), expression);
        ast::case(vec![(found, words.first_group(x.clone(), expression))], other)
    };
    Ok(match function {
        FieldFunction::BaseName => words.first_group(x, r"([^\\/]*)\z"),
        FieldFunction::WithoutDomain => words.first_group(x, r"([^\\]*)\z"),
        FieldFunction::Root => words.first_group(x, r"\A([^\\]*)"),
        FieldFunction::Parent => group_or(r"\A((?s:.*))\\[^\\]*\z", &x, None),
        FieldFunction::Lower => folded_wholly(words, x),
        FieldFunction::Hash(kind) => group_or(&hash_part(kind), &x, None),
        FieldFunction::RegistryData => group_or(r"\A[DQ]WORD \(((?s:.*))\)\z", &x, Some(x.clone())),
        FieldFunction::WithoutMappedPrefix => group_or(r"\A::[fF]{4}:((?s:.*))\z", &x, Some(x.clone())),
        FieldFunction::HexToDecimal => {
            let expression = r"\A0[xX]0*([0-9a-fA-F]{1,16})\z";
            let digits = words.first_group(x.clone(), expression);
            ast::case(vec![(words.has_match(x.clone(), expression), words.decimal_of_hex(digits))], Some(x))
        }
        FieldFunction::FirstMember | FieldFunction::LastMember => x,
        FieldFunction::Translate(pairs) => chosen(translations(words, &x, pairs), Some(x)),
        FieldFunction::TranslateElse(pairs, otherwise) => {
            let otherwise = ast::case(vec![(ast::is_not_null(x.clone()), text(otherwise))], None);
            chosen(translations(words, &x, pairs), Some(otherwise))
        }
        FieldFunction::Choose(pairs) => {
            let fits = |pattern: &str| matches(words, x.clone(), &Glob::wildcard(pattern), Case::Ignore);
            chosen(pairs.iter().map(|(pattern, to)| (fits(pattern), text(to))).collect(), None)
        }
        FieldFunction::Length => words.length_text(x),
        FieldFunction::Prefix(pairs) => {
            let replaced = pairs.iter().map(|(from, to)| {
                let expression = format!(r"\A(?:{})((?s:.*))\z", any_case(from));
                let rest = words.first_group(x.clone(), &expression);
                (words.has_match(x.clone(), &expression), ast::op(text(to), BinaryOperator::StringConcat, rest))
            });
            chosen(replaced.collect(), Some(x.clone()))
        }
        FieldFunction::RegistryType => {
            let kinds = vec![
                (ast::is_null(x.clone()), ast::null()),
                (ast::eq(x.clone(), text("Binary Data")), text("REG_BINARY")),
                (words.starts_with(x.clone(), text("DWORD (")), text("REG_DWORD")),
                (words.starts_with(x, text("QWORD (")), text("REG_QWORD")),
            ];
            ast::case(kinds, Some(text("REG_SZ")))
        }
        FieldFunction::IsoTime => return Err("the time of a text"),
        FieldFunction::InnerObject(_) => return Err("an object inside of a field that is JSON"),
    })
}

/// An empty CASE is a syntax error.
fn chosen(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    if branches.is_empty() { otherwise.unwrap_or_else(ast::null) } else { ast::case(branches, otherwise) }
}

/// Translations compare without the case of ASCII letters.
fn translations(words: &dyn LakeWords, x: &Expr, pairs: &[(String, String)]) -> Vec<(Expr, Expr)> {
    let same = |from: &str| ast::eq(words.folded(x.clone(), "", ""), words.literal(&from.to_ascii_lowercase()));
    pairs.iter().map(|(from, to)| (same(from), words.literal(to))).collect()
}

/// The first `K=` part of a comma-separated text, with the value as a group.
fn hash_part(kind: &str) -> String {
    format!(r"(?:\A|,)[{WHITE_SPACE}]*{}=([^,]*?)[{WHITE_SPACE}]*(?:,|\z)", any_case(kind))
}

/// A text without the case of ASCII letters, as a regular expression.
fn any_case(text: &str) -> String {
    let one =
        |c: char| if c.is_ascii_alphabetic() { format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase()) } else { escaped(c) };
    text.chars().map(one).collect()
}

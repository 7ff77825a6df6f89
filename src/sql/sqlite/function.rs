//! Functions of field maps in SQLite's words.

use sqlparser::ast::{BinaryOperator, Expr, SelectItem};

use super::glob::{like, matches};
use super::literal;
use crate::ir::{Case, Glob, Part};
use crate::plan::FieldFunction;
use crate::sql::ast::{self, SelectParts};

/// Makes a function of a field map of SQLite's own functions.
pub(super) fn field_function(function: &FieldFunction, x: Expr) -> Result<Expr, &'static str> {
    let substr = |from: i64, length: Option<Expr>| ast::call("substr", [x.clone(), ast::integer(from)].into_iter().chain(length).collect());
    let length_less = |n: i64| ast::op(ast::call("length", vec![x.clone()]), BinaryOperator::Minus, ast::integer(n));
    let glob = |pattern: &str| ast::call("glob", vec![literal(pattern), x.clone()]);
    let separator = || ast::call("instr", vec![x.clone(), literal("\\")]);
    let has_separator = || ast::op(separator(), BinaryOperator::Gt, ast::integer(0));
    Ok(match function {
        FieldFunction::BaseName => after_last(&x, &["\\", "/"]),
        FieldFunction::WithoutDomain => after_last(&x, &["\\"]),
        FieldFunction::Lower => return Err("lower case of letters outside ASCII"),
        FieldFunction::Hash(kind) => hash(&x, kind),
        FieldFunction::RegistryData => {
            let is_wrapped = ast::any(vec![glob("DWORD (*)"), glob("QWORD (*)")]);
            // `DWORD (` has seven characters, and the closing bracket is left out of the length.
            ast::case(vec![(is_wrapped, substr(8, Some(length_less(8))))], Some(x))
        }
        FieldFunction::WithoutMappedPrefix => ast::case(vec![(like(x.clone(), literal("::ffff:%")), substr(8, None))], Some(x)),
        FieldFunction::HexToDecimal => hex_to_decimal(&x),
        FieldFunction::FirstMember | FieldFunction::LastMember => x,
        FieldFunction::Translate(pairs) => ast::case(translations(&x, pairs), Some(x)),
        FieldFunction::TranslateElse(pairs, otherwise) => {
            let otherwise = ast::case(vec![(ast::is_not_null(x.clone()), literal(otherwise))], None);
            ast::case(translations(&x, pairs), Some(otherwise))
        }
        FieldFunction::Choose(pairs) => {
            let fits = |pattern: &str| match pattern.contains('*') {
                true => matches(x.clone(), &Glob::wildcard(pattern), Case::Ignore),
                false => same_letters(&x, pattern),
            };
            let chosen: Vec<_> = pairs.iter().map(|(pattern, text)| (fits(pattern), literal(text))).collect();
            if chosen.is_empty() { ast::null() } else { ast::case(chosen, None) }
        }
        FieldFunction::Length => super::as_text(ast::call("length", vec![x])),
        FieldFunction::Prefix(pairs) => {
            let replaced = pairs.iter().map(|(from, to)| {
                let begins = Glob::new([Part::Text(from.clone()), Part::Any]);
                let rest = substr(i64::try_from(from.chars().count() + 1).expect("a short text"), None);
                (matches(x.clone(), &begins, Case::Ignore), ast::op(literal(to), BinaryOperator::StringConcat, rest))
            });
            ast::case(replaced.collect(), Some(x.clone()))
        }
        FieldFunction::Parent => {
            let end = ast::op(ast::call("length", vec![up_to_last(&x, &["\\"])]), BinaryOperator::Minus, ast::integer(1));
            ast::case(vec![(has_separator(), substr(1, Some(end)))], None)
        }
        FieldFunction::Root => {
            let end = ast::op(separator(), BinaryOperator::Minus, ast::integer(1));
            ast::case(vec![(has_separator(), substr(1, Some(end)))], Some(x))
        }
        FieldFunction::RegistryType => ast::case(
            vec![
                (ast::is_null(x.clone()), ast::null()),
                (ast::eq(x.clone(), literal("Binary Data")), literal("REG_BINARY")),
                (glob("DWORD (*"), literal("REG_DWORD")),
                (glob("QWORD (*"), literal("REG_QWORD")),
            ],
            Some(literal("REG_SZ")),
        ),
        FieldFunction::IsoTime => x,
        FieldFunction::InnerObject(path) => inner_object(&x, path),
    })
}

/// Makes the text after the last of some separators: what stays when all other characters are taken from the right.
fn after_last(x: &Expr, separators: &[&str]) -> Expr {
    let end = ast::op(ast::call("length", vec![up_to_last(x, separators)]), BinaryOperator::Plus, ast::integer(1));
    ast::call("substr", vec![x.clone(), end])
}

fn up_to_last(x: &Expr, separators: &[&str]) -> Expr {
    let others = separators.iter().fold(x.clone(), |x, s| ast::call("replace", vec![x, literal(s), literal("")]));
    // Whatever is not the separator is trimmed from the right: SQLite has no search from behind.
    ast::call("rtrim", vec![x.clone(), others])
}

/// The object at a path, where the text is JSON; a list only if it has an object or a list in it.
fn inner_object(x: &Expr, path: &str) -> Expr {
    let keys: String = path.split('.').map(|key| format!(".\"{key}\"")).collect();
    let path = || literal(&format!("${keys}"));
    // Not every text of the column is JSON, and SQLite raises an error for one that is not.
    let json = || ast::case(vec![(ast::call("json_valid", vec![x.clone()]), x.clone())], None);
    let kind = || ast::call("json_type", vec![json(), path()]);
    let nested = ast::exists(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::truth(true))],
        from: vec![ast::table_function("json_each", vec![json(), path()], "t")],
        filter: Some(ast::any(vec![
            ast::eq(ast::column("t", "type"), literal("object")),
            ast::eq(ast::column("t", "type"), literal("array")),
        ])),
        ..Default::default()
    })));
    let is_list = ast::all(vec![ast::eq(kind(), literal("array")), nested]);
    let is_object = ast::any(vec![ast::eq(kind(), literal("object")), is_list]);
    ast::case(vec![(is_object, ast::call("json_extract", vec![json(), path()]))], None)
}

/// Translations compare without the case of ASCII letters.
fn translations(x: &Expr, pairs: &[(String, String)]) -> Vec<(Expr, Expr)> {
    match pairs.is_empty() {
        // An empty CASE is a syntax error.
        true => vec![(ast::truth(false), ast::null())],
        false => pairs.iter().map(|(from, to)| (same_letters(x, from), literal(to))).collect(),
    }
}

/// Equality without the case of ASCII letters. Not by a collation: SQLite would compare what is made of it by that one too.
fn same_letters(x: &Expr, text: &str) -> Expr {
    ast::eq(ast::call("lower", vec![x.clone()]), literal(&text.to_ascii_lowercase()))
}

/// Every white space character, for `trim`.
// SQLite's `trim` knows spaces only; the scan trims what Unicode calls white space.
const WHITE_SPACE: &str = " \t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The first `K=` part of a comma-separated text: the parts as a JSON array, one row each.
fn hash(x: &Expr, kind: &str) -> Expr {
    let concat = |terms: Vec<Expr>| terms.into_iter().reduce(|a, b| ast::op(a, BinaryOperator::StringConcat, b)).unwrap_or_else(ast::null);
    // The text as JSON, its commas as borders: SQLite has no split.
    let parts = ast::call("replace", vec![ast::call("json_quote", vec![x.clone()]), literal(","), literal("\",\"")]);
    let rows = ast::table_function("json_each", vec![concat(vec![literal("["), parts, literal("]")])], "t");
    let part = || ast::call("trim", vec![ast::column("t", "value"), literal(WHITE_SPACE)]);
    let is_kind = like(part(), literal(&format!("{}=%", kind.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))));
    let after =
        ast::call("substr", vec![part(), ast::op(ast::call("instr", vec![part(), literal("=")]), BinaryOperator::Plus, ast::integer(1))]);
    let query = ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(after)],
        from: vec![rows],
        filter: Some(is_kind),
        ..Default::default()
    }));
    let first = ast::ordered(query, vec![(ast::column("t", "id"), false)], Some(1));
    ast::case(vec![(ast::is_not_null(x.clone()), ast::scalar_query(first))], None)
}

/// `0x1f4` → `500`: two halves of eight digits, put together as billions and the rest, because 64 bits are more than SQLite's
/// numbers hold. Views have no recursion, also none that ends: a store with one is taken for a stranger's.
fn hex_to_decimal(x: &Expr) -> Expr {
    let int = ast::integer;
    let times = |a, b| ast::op(a, BinaryOperator::Multiply, b);
    let plus = |a, b| ast::op(a, BinaryOperator::Plus, b);
    let digits = ast::call("ltrim", vec![ast::call("lower", vec![ast::call("substr", vec![x.clone(), int(3)])]), literal("0")]);
    let padded = ast::op(literal("0000000000000000"), BinaryOperator::StringConcat, digits);
    // SQLite computes a subquery without a table once, and does not put it into the place of each digit.
    let all = ast::call("substr", vec![padded, int(-16)]);
    let all = ast::query(ast::select(SelectParts { items: vec![ast::item(all, "s")], ..Default::default() }));
    let digit = |place: i64| {
        let one = ast::call("substr", vec![ast::column("t", "s"), int(place), int(1)]);
        ast::op(ast::call("instr", vec![literal("0123456789abcdef"), one]), BinaryOperator::Minus, int(1))
    };
    let half = |first: i64| (first + 1..first + 8).fold(digit(first), |number, place| plus(times(number, int(16)), digit(place)));
    let halves = vec![ast::item(half(1), "h"), ast::item(half(9), "l")];
    let halves = ast::query(ast::select(SelectParts { items: halves, from: vec![ast::derived(all, "t")], ..Default::default() }));
    let (high, low) = (|| ast::column("n", "h"), || ast::column("n", "l"));
    // 2^32 is 4 billions and 294,967,296.
    let billion = 1_000_000_000;
    let rest = || plus(times(high(), int(294_967_296)), low());
    let billions = || plus(times(high(), int(4)), ast::op(rest(), BinaryOperator::Divide, int(billion)));
    let below = || ast::op(rest(), BinaryOperator::Modulo, int(billion));
    let long = ast::call("printf", vec![literal("%d%09d"), billions(), below()]);
    let text = ast::case(vec![(ast::op(billions(), BinaryOperator::Gt, int(0)), long)], Some(super::as_text(below())));
    let decimal = ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(text)],
        from: vec![ast::derived(halves, "n")],
        ..Default::default()
    })));
    let glob = |pattern: &str| ast::call("glob", vec![literal(pattern), x.clone()]);
    let fits = ast::op(
        ast::call("length", vec![ast::call("ltrim", vec![ast::call("substr", vec![x.clone(), int(3)]), literal("0")])]),
        BinaryOperator::LtEq,
        int(16),
    );
    let is_hex = ast::all(vec![
        glob("0[xX][0-9a-fA-F]*"),
        ast::not(ast::call("coalesce", vec![glob("0[xX]*[^0-9a-fA-F]*"), ast::truth(false)])),
        fits,
    ]);
    ast::case(vec![(is_hex, decimal)], Some(x.clone()))
}

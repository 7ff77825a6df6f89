//! Tests of one column with constants, asked of the dictionary.

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, InTarget, SelectItem, UnaryOperator, Value,
};

use super::super::ast::{self, SelectParts};
use super::scope::{ScopeColumn, SelectScope};

/// Longer patterns are an error to SQLite, which a statement must meet where it was typed.
const MAX_PATTERN_BYTES: usize = 50_000;

impl SelectScope<'_> {
    /// A condition on the text of one column, by ids; NULL stays NULL, and what has no id is tested as typed.
    pub(super) fn by_id(&self, condition: &Expr) -> Option<Expr> {
        let column = self.tested(condition)?;
        // Few texts pass a test, and most pass its opposite: the ids of the few are looked among.
        let (negated, test) = positive(condition.clone());
        let passes = match equal_texts(&test) {
            // The hash of a list is another than that of its text.
            Some(texts) if !(column.has_lists && texts.iter().any(|text| text.contains('\n'))) => {
                let of_texts = texts.iter().map(|text| is_text_of_hash(text)).reduce(|a, b| ast::op_plain(a, BinaryOperator::Or, b));
                of_texts?
            }
            _ if column.pays => {
                let mut of_value = test.clone();
                replace_columns(&mut of_value);
                of_value
            }
            _ => return None,
        };
        let ids = self.ids(&column)?;
        let values = ast::query(ast::select(SelectParts {
            items: vec![SelectItem::UnnamedExpr(Expr::Identifier(Ident::new("id")))],
            // With its schema: a WITH may have the name.
            from: vec![ast::table(&["main", "value"], "_values")],
            filter: Some(passes),
            ..Default::default()
        }));
        let among = Expr::In { expr: Box::new(ids.clone()), target: InTarget::Subquery(Box::new(values)), negated, global: false };
        Some(ast::case(vec![(ast::is_not_null(ids), among)], Some(condition.clone())))
    }

    /// The only column of a condition that is true or false of every text: NULL of NULL alone.
    fn tested(&self, expr: &Expr) -> Option<ScopeColumn<'_>> {
        match expr {
            Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => self.tested(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                let (left, right) = (self.tested(left)?, self.tested(right)?);
                left.is(&right).then_some(left)
            }
            Expr::Like { any: false, expr, pattern, escape_char, .. } => {
                let is_escape = |escape: &Expr| text_value(escape).is_some_and(|text| text.chars().count() == 1);
                let is_constant = is_pattern(pattern) && escape_char.as_ref().is_none_or(|escape| is_escape(escape));
                is_constant.then(|| self.text(expr))?
            }
            Expr::BinaryOp { left, op: BinaryOperator::Glob, right } => is_pattern(right).then(|| self.text(left))?,
            Expr::BinaryOp { left, op, right } if is_comparison(op) => match (is_text(left), is_text(right)) {
                (false, true) => self.text(left),
                (true, false) => self.text(right),
                _ if is_number(right) => self.number(left),
                _ => None,
            },
            Expr::In { expr, target: InTarget::List(list), global: false, .. } => {
                (!list.is_empty() && list.iter().all(is_text)).then(|| self.text(expr))?
            }
            Expr::Between { expr, low, high, .. } => (is_text(low) && is_text(high)).then(|| self.text(expr))?,
            _ => None,
        }
    }

    /// A text that is made of a column's and is NULL where that is.
    fn text(&self, expr: &Expr) -> Option<ScopeColumn<'_>> {
        match expr {
            Expr::Nested(inner) => self.text(inner),
            Expr::Function(_) => match call(expr)? {
                (name, [of]) if ["lower", "upper"].iter().any(|known| known.eq_ignore_ascii_case(&name)) => self.text(argument(of)?),
                _ => None,
            },
            column => self.column(column),
        }
    }

    /// A number that is made of a column's text and is NULL where that is.
    fn number(&self, expr: &Expr) -> Option<ScopeColumn<'_>> {
        match call(expr)? {
            (name, [of]) if name.eq_ignore_ascii_case("length") => self.text(argument(of)?),
            (name, [of, what]) if name.eq_ignore_ascii_case("instr") => is_text(argument(what)?).then(|| self.text(argument(of)?))?,
            _ => None,
        }
    }
}

/// A test without its NOTs, and whether it is the opposite of what it was.
fn positive(test: Expr) -> (bool, Expr) {
    let opposite = |(negated, test): (bool, Expr)| (!negated, test);
    match test {
        Expr::Nested(inner) => positive(*inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => opposite(positive(*expr)),
        Expr::Like { negated, any, expr, pattern, escape_char } => {
            (negated, Expr::Like { negated: false, any, expr, pattern, escape_char })
        }
        Expr::In { expr, target, negated, global } => (negated, Expr::In { expr, target, negated: false, global }),
        Expr::Between { expr, negated, low, high } => (negated, Expr::Between { expr, negated: false, low, high }),
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => (true, Expr::BinaryOp { left, op: BinaryOperator::Eq, right }),
        other => (false, other),
    }
}

/// The name and the arguments of a plain call.
fn call(expr: &Expr) -> Option<(String, &[FunctionArg])> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = list.clauses.is_empty()
        && list.duplicate_treatment.is_none()
        && function.filter.is_none()
        && function.over.is_none()
        && function.within_group.is_empty()
        && function.null_treatment.is_none();
    is_plain.then(|| (function.name.to_string(), list.args.as_slice()))
}

fn argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// The texts that a column must be one of, where a condition says so and nothing else.
fn equal_texts(condition: &Expr) -> Option<Vec<&str>> {
    let is_column = |expr: &Expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    match condition {
        Expr::Nested(inner) => equal_texts(inner),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_column(left) => Some(vec![text_value(right)?]),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_column(right) => Some(vec![text_value(left)?]),
        Expr::In { expr, target: InTarget::List(list), negated: false, .. } if is_column(expr) => list.iter().map(text_value).collect(),
        _ => None,
    }
}

/// `(hash = … AND "text" = …)`: the hash has an index; the text decides, because two texts may share a hash.
fn is_text_of_hash(text: &str) -> Expr {
    let of_hash = ast::eq(Expr::Identifier(Ident::new("hash")), ast::call("retro_value_hash", vec![literal(text)]));
    Expr::Nested(Box::new(ast::op_plain(of_hash, BinaryOperator::And, ast::eq(text_of_value(), literal(text)))))
}

/// A text that was typed. sqlparser prints it as it reads it.
fn literal(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

/// Puts the text of a value in the place of every column.
fn replace_columns(expr: &mut Expr) {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => *expr = text_of_value(),
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::In { expr: inner, .. }
        | Expr::Between { expr: inner, .. } => replace_columns(inner),
        Expr::BinaryOp { left, right, .. } => {
            replace_columns(left);
            replace_columns(right);
        }
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &mut function.args else { return };
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    replace_columns(expr);
                }
            }
        }
        _ => {}
    }
}

/// The text of a row of the dictionary.
pub(super) fn text_of_value() -> Expr {
    Expr::Identifier(Ident::with_quote('"', "text"))
}

fn text_value(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn is_text(expr: &Expr) -> bool {
    text_value(expr).is_some()
}

fn is_pattern(expr: &Expr) -> bool {
    text_value(expr).is_some_and(|text| text.len() <= MAX_PATTERN_BYTES)
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(&value.value, Value::Number(digits, false) if digits.bytes().all(|b| b.is_ascii_digit())))
}

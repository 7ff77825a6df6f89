//! Expressions of eval and where as SQL.
//!
//! SQL does not know Splunk's rules for what is a number, what is a list, and how two values compare: they are spelled
//! out where it can say them, and told where it cannot.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast;
use super::dialect::{ListSource, TrimSide};
use super::pred::{self, SqlFields, operator};
use super::writer::{Kind, StatementWriter, Typed, without_minus_zero};
use crate::ir::{BinaryOp, Case, Function, Gives, Glob, NumberOp, Part, Scalar, parse_number};
use crate::plan::FieldFunction;

/// Makes an expression as a condition: 1, or 0 or NULL for false.
pub(super) fn truth<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Expr {
    let value = scalar(fields, expression);
    // Splunk takes truths only: any other value as a condition is false.
    match value.kind {
        Kind::Truth => value.expr,
        Kind::TruthText => ast::eq(value.expr, fields.writer().dialect.text("True")),
        Kind::Any => fields.writer().gap("a condition that is a truth in some rows and something else in others"),
        _ => fields.writer().dialect.truth(false),
    }
}

/// Makes an expression as data: a truth is its text.
pub(super) fn data<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Typed {
    fields.writer().data(scalar(fields, expression))
}

/// Makes an expression as a value that is shown: a number whose digits are not those of its double has no form, except a
/// literal that is written as its double is.
pub(super) fn shown<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Typed {
    let value = data(fields, expression);
    let is_plain = match expression {
        Scalar::Call(function, arguments) => match function.decimal(arguments) {
            Some(text) => parse_number(text).is_some_and(|number| number_text(number) == text),
            None => is_choice(*function), // its parts are shown, each by itself
        },
        Scalar::Field(_) => true,
        _ => false,
    };
    if value.kind == Kind::Decimal && !is_plain { Typed::new(fields.writer().gap(DIGITS), Kind::Decimal) } else { value }
}

/// Whether a function gives one of its arguments.
fn is_choice(function: Function) -> bool {
    function.gives() == Gives::Arguments
}

/// What no SQL can say of numbers that are read from texts.
const DIGITS: &str = "the digits of a number that a text or a calculation with it gives";

/// Makes an expression.
pub(super) fn scalar<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Typed {
    let is = |e: Expr| Typed::new(e, Kind::Truth);
    match expression {
        Scalar::Null => Typed::new(ast::null(), Kind::Text),
        Scalar::Text(text) => Typed::new(fields.writer().dialect.text(text), Kind::Text),
        Scalar::Number(number) => literal(fields.writer(), *number),
        Scalar::Bool(value) => is(fields.writer().dialect.truth(*value)),
        Scalar::Field(field) => fields.value(field),
        Scalar::Call(function, arguments) => call(fields, *function, arguments),
        Scalar::Binary(op, left, right) => binary(fields, *op, left, right),
        Scalar::Negate(inner) => {
            let kind = if data(fields, inner).kind.is_exact() { Kind::Number } else { Kind::Decimal };
            let zero = ast::integer(0);
            Typed::new(ast::op(zero, BinaryOperator::Minus, number(fields, inner)), kind)
        }
        Scalar::Not(inner) => is(ast::not(fields.writer().two_valued(truth(fields, inner)))),
        Scalar::And(terms) => is(fields.writer().all(terms.iter().map(|t| truth(fields, t)).collect())),
        Scalar::Or(terms) => is(fields.writer().any(terms.iter().map(|t| truth(fields, t)).collect())),
    }
}

/// A whole number is an integer, so that its text has no fraction.
fn literal(writer: &StatementWriter, number: f64) -> Typed {
    // 2^53: from there on the integer and the double of one literal are two numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let integer = number as i64;
        return Typed::new(ast::integer(integer), Kind::Integer);
    }
    Typed::new(writer.dialect.real(number), Kind::Number)
}

fn number<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Expr {
    let value = data(fields, expression);
    single(fields.writer(), value, |w, v| if v.kind.is_number() { v.expr } else { without_minus_zero(w.as_number(v)) })
}

/// The text of a number literal: whole numbers without a fraction.
fn number_text(n: f64) -> String {
    if n == n.trunc() && n.abs() < 1e15 { format!("{n:.0}") } else { n.to_string() }
}

/// The number of an operand: only one that has every digit of its double gives what a calculation in SQL gives.
fn operand<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Expr {
    let value = data(fields, expression);
    let exact = *expression == Scalar::Null || value.kind.is_exact();
    single(fields.writer(), value, |writer, value| if exact { writer.as_number(value) } else { writer.gap(DIGITS) })
}

/// The text of a literal, where it is one of a number.
fn literal_text<F>(expression: &Scalar<F>) -> Option<String> {
    match expression {
        Scalar::Number(n) => Some(number_text(*n)),
        Scalar::Call(function, arguments) => function.decimal(arguments).map(str::to_owned),
        _ => None,
    }
}

fn text<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> Expr {
    if let Some(literal) = literal_text(expression) {
        return fields.writer().dialect.text(&literal); // from the literal itself: SQLite would print 5.0 or 1e+15
    }
    let value = data(fields, expression);
    let writer = fields.writer();
    if value.multi { writer.gap("the text of a multivalue field") } else { writer.as_text(value) }
}

fn single(writer: &StatementWriter, value: Typed, make: impl Fn(&StatementWriter, Typed) -> Expr) -> Expr {
    if value.multi { writer.gap("arithmetic with multivalue fields") } else { make(writer, value) }
}

fn binary<F: PartialEq>(fields: &dyn SqlFields<F>, op: BinaryOp, left: &Scalar<F>, right: &Scalar<F>) -> Typed {
    let writer = fields.writer();
    let numbers = |op| Typed::new(ast::op(operand(fields, left), op, operand(fields, right)), Kind::Number);
    match op {
        BinaryOp::Eq => compare(fields, NumberOp::Eq, left, right),
        BinaryOp::Ne => compare(fields, NumberOp::Ne, left, right),
        BinaryOp::Lt => compare(fields, NumberOp::Lt, left, right),
        BinaryOp::Le => compare(fields, NumberOp::Le, left, right),
        BinaryOp::Gt => compare(fields, NumberOp::Gt, left, right),
        BinaryOp::Ge => compare(fields, NumberOp::Ge, left, right),
        BinaryOp::Concat => Typed::new(ast::op(text(fields, left), BinaryOperator::StringConcat, text(fields, right)), Kind::Text),
        BinaryOp::Add => add(fields, left, right),
        BinaryOp::Subtract => numbers(BinaryOperator::Minus),
        BinaryOp::Multiply => numbers(BinaryOperator::Multiply),
        BinaryOp::Divide => {
            // As a real: SQLite divides two integers without a fraction. By zero is null (rule E5).
            let divisor = ast::call("nullif", vec![operand(fields, right), ast::integer(0)]);
            Typed::new(ast::op(writer.dialect.as_real(operand(fields, left)), BinaryOperator::Divide, divisor), Kind::Number)
        }
        BinaryOp::Modulo => Typed::new(writer.gap("the remainder of numbers with fractions"), Kind::Number),
        BinaryOp::Xor => {
            let side = |e| writer.two_valued(truth(fields, e));
            Typed::new(ast::op(side(left), BinaryOperator::NotEq, side(right)), Kind::Truth)
        }
    }
}

fn compare<F: PartialEq>(fields: &dyn SqlFields<F>, op: NumberOp, left: &Scalar<F>, right: &Scalar<F>) -> Typed {
    let writer = fields.writer();
    let (a, b) = (data(fields, left), data(fields, right));
    let made = |expr| Typed::new(expr, Kind::Truth);
    // Of a list some member has to pass.
    match (left, right) {
        (Scalar::Field(field), _) if a.multi && !b.multi => {
            return made(fields.test(field, &|member| compare_single(writer, op, (left, member), (right, b.clone()))));
        }
        (_, Scalar::Field(field)) if b.multi && !a.multi => {
            return made(fields.test(field, &|member| compare_single(writer, op, (left, a.clone()), (right, member))));
        }
        _ if a.multi && !b.multi && a.list.is_some() => {
            let passes = |member| compare_single(writer, op, (left, member), (right, b.clone()));
            return made(any_member(writer, &a, &passes));
        }
        _ if b.multi && !a.multi && b.list.is_some() => {
            let passes = |member| compare_single(writer, op, (left, a.clone()), (right, member));
            return made(any_member(writer, &b, &passes));
        }
        _ if a.multi || b.multi => return made(writer.gap("a comparison of multivalue fields")),
        _ => {}
    }
    made(compare_single(writer, op, (left, a), (right, b)))
}

/// Whether some member of a value that a statement made passes.
fn any_member(writer: &StatementWriter, value: &Typed, passes: &dyn Fn(Typed) -> Expr) -> Expr {
    let list = value.list_or_null();
    let made = |x| passes(Typed::new(x, if value.kind.is_number() { Kind::Any } else { value.kind }));
    writer.in_members(|alias| writer.dialect.any_member(ListSource::Made(&list), value.expr.clone(), alias, &made))
}

/// A side of a comparison: the expression, and its value, which is no list.
type Side<'e, F> = (&'e Scalar<F>, Typed);

fn compare_single<F>(writer: &StatementWriter, op: NumberOp, (left, a): Side<'_, F>, (right, b): Side<'_, F>) -> Expr {
    let never_number = |e: &Scalar<F>, v: &Typed| match e {
        Scalar::Text(text) => parse_number(text).is_none(),
        _ => v.kind == Kind::TruthText,
    };
    let always_number = |e: &Scalar<F>, v: &Typed| v.kind.is_number() || matches!(e, Scalar::Text(t) if parse_number(t).is_some());
    // A side that can never be a number settles it: the whole comparison is one of texts, and far shorter.
    if never_number(left, &a) || never_number(right, &b) {
        let side = |e: &Scalar<F>, v: Typed| literal_text(e).map_or_else(|| writer.as_text(v), |literal| writer.dialect.text(&literal));
        return ast::op(side(left, a), operator(op), side(right, b));
    }
    let (an, bn) = (writer.as_number(a.clone()), writer.as_number(b.clone()));
    let as_numbers = ast::op(an.clone(), operator(op), bn.clone());
    let both = [(left, &a, an), (right, &b, bn)];
    let open: Vec<Expr> = both.into_iter().filter(|(e, v, _)| !always_number(e, v)).map(|(_, _, n)| ast::is_not_null(n)).collect();
    if open.is_empty() {
        return as_numbers;
    }
    // Here at least one side is not a number: both are compared by their text.
    let side = |e: &Scalar<F>, v: Typed, other_is_number: bool| match literal_text(e) {
        Some(literal) => writer.dialect.text(&literal),
        None if other_is_number => v.expr,
        None => writer.as_text(v),
    };
    let (a_is_number, b_is_number) = (always_number(left, &a), always_number(right, &b));
    let as_texts = ast::op(side(left, a, b_is_number), operator(op), side(right, b, a_is_number));
    ast::case(vec![(ast::all(open), as_numbers)], Some(as_texts))
}

fn add<F: PartialEq>(fields: &dyn SqlFields<F>, left: &Scalar<F>, right: &Scalar<F>) -> Typed {
    let is_text = |e: &Scalar<F>| matches!(e, Scalar::Text(_));
    if is_text(left) || is_text(right) {
        return Typed::new(ast::op(text(fields, left), BinaryOperator::StringConcat, text(fields, right)), Kind::Text);
    }
    Typed::new(ast::op(operand(fields, left), BinaryOperator::Plus, operand(fields, right)), Kind::Number)
}

/// Functions that choose among their arguments, or test for null, are SQL's own.
fn call<F: PartialEq>(fields: &dyn SqlFields<F>, function: Function, arguments: &[Scalar<F>]) -> Typed {
    let value = |i: usize| arguments.get(i).map_or_else(|| Typed::new(ast::null(), Kind::Text), |e| shown(fields, e));
    let given = |i: usize| arguments.get(i).map_or_else(ast::null, |e| data(fields, e).expr);
    let is = |e: Expr| Typed::new(e, Kind::Truth);
    match function {
        Function::If => choice(fields, &arguments[..arguments.len().min(2)], arguments.get(2)),
        Function::Case => choice(fields, arguments, None),
        Function::Validate => {
            let negated: Vec<(Expr, Typed)> = arguments
                .chunks(2)
                .filter(|pair| pair.len() == 2)
                .map(|pair| (ast::not(fields.writer().two_valued(truth(fields, &pair[0]))), shown(fields, &pair[1])))
                .collect();
            chosen(negated, None)
        }
        Function::Coalesce => {
            let values: Vec<Typed> = (0..arguments.len()).map(value).collect();
            let (kind, multi) = (values.iter().map(|v| v.kind).reduce(Kind::or).unwrap_or(Kind::Text), values.iter().any(|v| v.multi));
            let lists = values.iter().map(|v| (ast::is_not_null(v.expr.clone()), v.list_or_null())).collect();
            let mut exprs: Vec<Expr> = values.into_iter().map(|v| v.expr).collect();
            let expr = if exprs.len() == 1 { exprs.remove(0) } else { ast::call("coalesce", exprs) };
            Typed { multi, ..Typed::new(expr, kind) }.with_list(|| ast::case(lists, None))
        }
        Function::IsNull => is(ast::is_null(given(0))),
        Function::IsNotNull => is(ast::is_not_null(given(0))),
        Function::Null => Typed::new(ast::null(), Kind::Text),
        Function::True => is(fields.writer().dialect.truth(true)),
        Function::False => is(fields.writer().dialect.truth(false)),
        Function::In => {
            let (Some(first), rest) = (arguments.first(), arguments.get(1..).unwrap_or_default()) else {
                return is(fields.writer().dialect.truth(false));
            };
            is(fields.writer().any(rest.iter().map(|right| compare(fields, NumberOp::Eq, first, right).expr).collect()))
        }
        Function::NullIf => {
            let same = match arguments {
                [a, b, ..] => compare(fields, NumberOp::Eq, a, b).expr,
                _ => ast::truth(false),
            };
            let kept = value(0);
            let list = ast::case(vec![(same.clone(), ast::null())], Some(kept.list_or_null()));
            Typed { expr: ast::case(vec![(same, ast::null())], Some(kept.expr.clone())), ..kept }.with_list(|| list)
        }
        Function::Now => Typed::new(now(fields.writer()), Kind::Number),
        _ => portable_call(fields, function, arguments),
    }
}

fn choice<F: PartialEq>(fields: &dyn SqlFields<F>, pairs: &[Scalar<F>], otherwise: Option<&Scalar<F>>) -> Typed {
    let branches = pairs.chunks(2).filter(|pair| pair.len() == 2).map(|pair| (truth(fields, &pair[0]), shown(fields, &pair[1]))).collect();
    chosen(branches, otherwise.map(|e| shown(fields, e)))
}

fn chosen(branches: Vec<(Expr, Typed)>, otherwise: Option<Typed>) -> Typed {
    let results = || branches.iter().map(|(_, v)| v).chain(&otherwise);
    let is_null = |v: &&Typed| v.expr == ast::null();
    let kind = results().filter(|v| !is_null(v)).map(|v| v.kind).reduce(Kind::or).unwrap_or(Kind::Text);
    let multi = results().any(|v| v.multi);
    if branches.is_empty() {
        return otherwise.unwrap_or_else(|| Typed::new(ast::null(), Kind::Text));
    }
    let lists = branches.iter().map(|(condition, v)| (condition.clone(), v.list_or_null())).collect();
    let other_list = otherwise.as_ref().map(Typed::list_or_null);
    let branches = branches.into_iter().map(|(condition, v)| (condition, v.expr)).collect();
    let value = Typed { multi, ..Typed::new(ast::case(branches, otherwise.map(|v| v.expr)), kind) };
    value.with_list(|| ast::case(lists, other_list))
}

/// `now()` is the time of the newest event of the store: the end of what is hunted, the same in every run.
fn now(writer: &StatementWriter) -> Expr {
    let Some(stages) = writer.stages else { return writer.gap("`now()`") };
    ast::op(stages.newest_time_us(), BinaryOperator::Divide, ast::real(1_000_000.0))
}

/// How many values there are: NULL of none.
pub(super) fn value_count(writer: &StatementWriter, value: Typed) -> Expr {
    let length = value.list.zip(writer.stages).map(|(list, stages)| (ast::is_not_null(list.clone()), stages.list_length(&list)));
    let one = (ast::is_not_null(value.expr), ast::integer(1));
    ast::case(length.into_iter().chain([one]).collect(), None)
}

fn portable_call<F: PartialEq>(fields: &dyn SqlFields<F>, function: Function, arguments: &[Scalar<F>]) -> Typed {
    let writer = fields.writer();
    if let Some(truth) = text_test(fields, function, arguments) {
        return Typed::new(truth, Kind::Truth);
    }
    let Some(dialect) = writer.stages else { return Typed::new(writer.gap(&format!("{}()", function.name())), Kind::Text) };
    let first = || arguments.first().map_or_else(ast::null, |e| text(fields, e));
    let numeric = || arguments.first().map_or_else(ast::null, |e| number(fields, e));
    // Splunk trims spaces and tabs; SQLite only spaces.
    let blanks = || dialect.text(" \t");
    let trim = |side| match arguments {
        [_] => Typed::new(dialect.trimmed(side, first(), blanks()), Kind::Text),
        [_, set, ..] => Typed::new(dialect.trimmed(side, first(), text(fields, set)), Kind::Text),
        [] => Typed::new(ast::null(), Kind::Text),
    };
    match function {
        Function::Len => Typed::new(dialect.length(first()), Kind::Integer),
        Function::Trim => trim(TrimSide::Both),
        Function::LTrim => trim(TrimSide::Left),
        Function::RTrim => trim(TrimSide::Right),
        Function::BaseName => {
            let made = dialect.field_function(&FieldFunction::BaseName, first());
            Typed::new(made.unwrap_or_else(|feature| writer.gap(feature)), Kind::Text)
        }
        Function::Substr => {
            let place = |i: usize| arguments.get(i).map(|e| dialect.whole(number(fields, e)));
            Typed::new(dialect.substring(first(), place(1).unwrap_or_else(|| ast::integer(1)), place(2)), Kind::Text)
        }
        Function::Decimal => match function.decimal(arguments).and_then(parse_number) {
            Some(number) => Typed { kind: Kind::Decimal, ..literal(writer, number) },
            None => Typed::new(writer.gap(DIGITS), Kind::Decimal),
        },
        Function::ToNumber if arguments.len() == 1 => Typed::new(numeric(), Kind::Decimal),
        Function::Abs => {
            let exact = arguments.first().is_some_and(|e| data(fields, e).kind.is_exact());
            Typed::new(ast::call("abs", vec![numeric()]), if exact { Kind::Number } else { Kind::Decimal })
        }
        Function::Floor => Typed::new(dialect.floor(&numeric()), Kind::Integer),
        Function::Ceiling => {
            let negated = ast::op(ast::integer(0), BinaryOperator::Minus, numeric());
            Typed::new(ast::op(ast::integer(0), BinaryOperator::Minus, dialect.floor(&negated)), Kind::Integer)
        }
        Function::MvIndex => member(fields, arguments),
        Function::Split => split(fields, arguments),
        Function::MvCount => {
            let value = arguments.first().map(|e| data(fields, e));
            match value {
                Some(v) if !v.multi || v.list.is_some() => Typed::new(value_count(writer, v), Kind::Integer),
                _ => Typed::new(writer.gap("mvcount()"), Kind::Integer),
            }
        }
        _ => {
            let kind = if function.gives() == Gives::Truth { Kind::Truth } else { Kind::Text };
            Typed::new(writer.gap(&format!("{}()", function.name())), kind)
        }
    }
}

/// The functions that test a text by a pattern.
fn text_test<F: PartialEq>(fields: &dyn SqlFields<F>, function: Function, arguments: &[Scalar<F>]) -> Option<Expr> {
    let writer = fields.writer();
    match (function, arguments) {
        (Function::Like, [value, Scalar::Text(pattern)]) => Some(like(fields, value, &sql_pattern(pattern))),
        (Function::Like, _) => Some(writer.gap("like() with a computed pattern")),
        (Function::Match, [value, Scalar::Text(expression)]) => {
            Some(of_some(fields, value, &|member| pred::regex(writer, member, expression)))
        }
        (Function::Match, _) => Some(writer.gap("match() with a computed expression")),
        _ => None,
    }
}

/// Whether a condition needs nothing but comparisons and patterns of texts of fields and of literals: all databases have a form for that.
pub(super) fn is_plain<F: PartialEq>(fields: &dyn SqlFields<F>, expression: &Scalar<F>) -> bool {
    let is_text = |side: &Scalar<F>| match side {
        Scalar::Field(field) => fields.value(field).kind == Kind::Text,
        Scalar::Text(_) | Scalar::Number(_) => true,
        _ => false,
    };
    match expression {
        Scalar::Bool(_) => true,
        Scalar::Not(inner) => is_plain(fields, inner),
        Scalar::And(terms) | Scalar::Or(terms) => terms.iter().all(|term| is_plain(fields, term)),
        Scalar::Binary(BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge, left, right) => {
            is_text(left) && is_text(right)
        }
        Scalar::Call(Function::In | Function::Like | Function::Match | Function::IsNull | Function::IsNotNull, arguments) => {
            arguments.iter().all(is_text)
        }
        _ => false,
    }
}

/// Of a list some member has to match.
fn like<F: PartialEq>(fields: &dyn SqlFields<F>, value: &Scalar<F>, pattern: &Glob) -> Expr {
    let writer = fields.writer();
    of_some(fields, value, &|member| writer.dialect.matches(writer.as_text(member), pattern, Case::Exact))
}

/// A test of a value's text; of a list some member has to pass.
fn of_some<F: PartialEq>(fields: &dyn SqlFields<F>, value: &Scalar<F>, passes: &dyn Fn(Typed) -> Expr) -> Expr {
    let made = data(fields, value);
    match value {
        Scalar::Field(field) if made.multi => fields.test(field, passes),
        _ if made.list.is_some() => any_member(fields.writer(), &made, passes),
        _ => passes(Typed::new(text(fields, value), Kind::Text)),
    }
}

/// `mvindex(x, n)`: one member.
fn member<F: PartialEq>(fields: &dyn SqlFields<F>, arguments: &[Scalar<F>]) -> Typed {
    let writer = fields.writer();
    let gap = |feature| Typed { multi: true, ..Typed::new(writer.gap(feature), Kind::Text) };
    let [list, place] = arguments else { return gap("mvindex() of several members") };
    let Some(place) = whole_literal(place) else { return gap("mvindex() with a computed place") };
    let value = data(fields, list);
    if value.multi && value.list.is_none() {
        return gap("mvindex() of a computed multivalue field");
    }
    let listed = value.list.clone().zip(writer.stages);
    let of_list = listed.map(|(list, stages)| (ast::is_not_null(list.clone()), stages.member_at(list, place)));
    let multi = value.multi;
    // A single value is a list of one.
    let of_one = (ast::truth(place == 0 || place == -1), writer.as_text(value));
    let expr = ast::case(of_list.into_iter().chain([of_one]).collect(), None);
    Typed { multi, ..Typed::new(expr, Kind::Text) }.with_list(ast::null)
}

/// A literal of a whole number, as a place in a list.
fn whole_literal<F>(expression: &Scalar<F>) -> Option<i64> {
    match expression {
        Scalar::Negate(inner) => whole_literal(inner).map(|number| -number),
        other => literal_text(other)?.parse().ok(),
    }
}

/// `split(x, by)` of a text.
fn split<F: PartialEq>(fields: &dyn SqlFields<F>, arguments: &[Scalar<F>]) -> Typed {
    let writer = fields.writer();
    let gap = |feature| Typed { multi: true, ..Typed::new(writer.gap(feature), Kind::Text) };
    let [value, Scalar::Text(by)] = arguments else { return gap("split() with a computed separator") };
    match writer.stages.and_then(|stages| stages.split(text(fields, value), by)) {
        Some((lines, list)) => Typed { multi: true, ..Typed::new(lines, Kind::Text) }.with_list(|| list),
        None => gap("split() by letters, digits, quotes or nothing"),
    }
}

/// `%` any run, `_` one character.
fn sql_pattern(pattern: &str) -> Glob {
    Glob::new(pattern.chars().map(|c| match c {
        '%' => Part::Any,
        '_' => Part::One,
        c => Part::Text(c.to_string()),
    }))
}

/// Makes the sort keys of a value: missing last, numbers before texts, numbers by size, texts by bytes.
pub(super) fn sort_keys(writer: &StatementWriter, value: &Typed) -> Vec<Expr> {
    let x = || value.expr.clone();
    if value.kind.is_number() {
        return vec![ast::is_null(x()), x()];
    }
    let number = || writer.as_number(value.clone());
    // Four keys instead of one, because in SQLite numbers and texts of a column have an order of their own. The last is for texts alone:
    // `1` and `01` are one number, and stay in the order in which they came.
    let of_text = ast::case(vec![(ast::is_null(number()), x())], None);
    vec![ast::is_null(x()), ast::is_null(number()), number(), of_text]
}

/// Whether a text column's value is a number, for stages that leave other values alone.
pub(super) fn number_or_null(writer: &StatementWriter, value: &Typed) -> Expr {
    if value.kind.is_number() { value.expr.clone() } else { writer.as_number(value.clone()) }
}

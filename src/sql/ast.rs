//! Safe construction of SQL syntax trees: the only place where text from rules and logs becomes SQL.
//!
//! sqlparser's `Display` does not escape: it leaves a quote after a backslash alone and takes a doubled quote for
//! an escaped one. Literals and identifiers are therefore escaped here, before they enter the tree; what is
//! escaped already, `Display` prints unchanged. NUL and line breaks become `char(…)`, so that a literal holds
//! neither. `AND` and `OR` are built as balanced trees: a left-deep chain of thousands exceeds SQLite's depth of
//! 1,000 and overflows the stack of recursive printers.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, InTarget, LambdaFunction, LambdaFunctionParameter,
    LambdaSyntax, LimitClause, ObjectName, OneOrManyWithParens, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Query,
    Select, SelectFlavor, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins,
    UnaryOperator, Value, WindowSpec, WindowType, With,
};

use crate::store::quote::{escaped_name, escaped_text};

/// One key of an order: expression, descending.
pub(super) type OrderKey = (Expr, bool);

/// Makes a quoted identifier of any text. NUL, which no identifier can hold, becomes its symbol.
pub(super) fn ident(name: &str) -> Ident {
    if is_plain(name) { Ident::new(name) } else { Ident::with_quote('"', escaped_name(name)) }
}

/// Lower-case names of our own making need no quotes.
fn is_plain(name: &str) -> bool {
    let is_row = name.strip_prefix('r').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let known = is_row
        // The names that this module makes itself. `_rowid_` is SQLite's own name for the row id.
        || name.starts_with('_')
        || matches!(name, "i" | "m" | "v" | "t" | "r" | "c" | "id" | "list" | "position" | "value_item" | "event");
    known && name.len() < 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') && name != "_rowid_"
}

/// Makes `table.column`.
pub(super) fn column(table: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(table), ident(name)])
}

pub(super) fn quoted(text: &str) -> Expr {
    quoted_escaped(escaped_text(text))
}

/// Makes a literal of what stands between its quotes. Every quote in it must be a doubled one, or behind a backslash.
pub(super) fn quoted_escaped(inside: String) -> Expr {
    value(Value::SingleQuotedString(inside))
}

/// More special characters than these are replaced in a text, and not put between its pieces.
const MANY_PIECES: usize = 4;
/// What may stand for a special character.
const STAND_INS: [&str; 6] = ["~", "|", "#", "@", ";", "="];

/// Makes a text literal of any text; NUL and line breaks are made by a function of their code.
pub(super) fn pieces(text: &str, function: &'static str) -> Expr {
    let is_special = |c: char| matches!(c, '\0' | '\n' | '\r');
    if !text.contains(is_special) {
        return quoted(text);
    }
    if let Some((special, stand_in)) = many_of_one(text, is_special) {
        let code = call(function, vec![integer(i64::from(u32::from(special)))]);
        return call("replace", vec![quoted(&text.replace(special, stand_in)), quoted(stand_in), code]);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_special) {
        if at > 0 {
            pieces.push(quoted(&rest[..at]));
        }
        pieces.push(call(function, vec![integer(i64::from(rest.as_bytes()[at]))]));
        rest = &rest[at + 1..];
    }
    if !rest.is_empty() {
        pieces.push(quoted(rest));
    }
    if pieces.len() == 1 {
        // A lone char(…) is a text already.
        return pieces.remove(0);
    }
    Expr::Nested(Box::new(balanced(pieces, &BinaryOperator::StringConcat).unwrap_or_else(|| quoted(""))))
}

/// The character that a text has often, where no other special one is in it, and one to stand for it. In pieces such a text would be far
/// longer: the pattern of a thousand characters that are no line breaks has a thousand of them.
fn many_of_one(text: &str, is_special: impl Fn(char) -> bool) -> Option<(char, &'static str)> {
    let mut specials = text.chars().filter(|c| is_special(*c));
    let first = specials.next()?;
    let count = 1 + specials.try_fold(0, |count, c| (c == first).then_some(count + 1))?;
    let stand_in = STAND_INS.into_iter().find(|stand_in| !text.contains(stand_in))?;
    (count > MANY_PIECES).then_some((first, stand_in))
}

/// Makes TRUE or FALSE.
pub(super) fn boolean(is_true: bool) -> Expr {
    value(Value::Boolean(is_true))
}

/// Makes a literal of a double: with an exponent, so that no database reads a decimal. A number without a finite value becomes NULL.
pub(super) fn double(number: f64) -> Expr {
    if !number.is_finite() {
        return null();
    }
    let literal = value(Value::Number(format!("{:e}", number.abs()), false));
    if number.is_sign_negative() {
        return Expr::Nested(Box::new(Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(literal) }));
    }
    literal
}

/// Makes a function of one argument, for calls that take one: `x -> …`, or `lambda x : …`.
pub(super) fn lambda(parameter: &str, body: Expr, syntax: LambdaSyntax) -> Expr {
    let parameter = LambdaFunctionParameter { name: Ident::new(parameter), data_type: None };
    Expr::Lambda(LambdaFunction { params: OneOrManyWithParens::One(parameter), body: operand(body), syntax })
}

fn value(value: Value) -> Expr {
    Expr::Value(value.into())
}

/// Makes an integer literal.
pub(super) fn integer(number: i64) -> Expr {
    match number {
        // SQLite reads the digits before the sign, and 2^63 is not an integer to it.
        i64::MIN => op(integer(i64::MIN + 1), BinaryOperator::Minus, integer(1)),
        // In brackets, because `1--2` begins a comment.
        n if n < 0 => Expr::Nested(Box::new(value(Value::Number(n.to_string(), false)))),
        n => value(Value::Number(n.to_string(), false)),
    }
}

/// Makes a floating-point literal; a number without a finite value becomes NULL.
pub(super) fn real(number: f64) -> Expr {
    if !number.is_finite() {
        return null();
    }
    // Debug form: it always has a point or an exponent, so SQLite does not take 5.0 for an integer.
    let literal = value(Value::Number(format!("{:?}", number.abs()), false));
    if number.is_sign_negative() {
        Expr::Nested(Box::new(Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(literal) }))
    } else {
        literal
    }
}

/// Makes NULL.
pub(super) fn null() -> Expr {
    value(Value::Null)
}

/// Makes a truth, a number as in SQLite: 1 or 0.
pub(super) fn truth(is_true: bool) -> Expr {
    integer(i64::from(is_true))
}

pub(super) fn operand(expr: Expr) -> Box<Expr> {
    let atomic = matches!(
        expr,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::Function(_)
            | Expr::Nested(_)
            | Expr::Cast { .. }
            | Expr::Subquery(_)
    );
    Box::new(if atomic { expr } else { Expr::Nested(Box::new(expr)) })
}

/// Makes a binary operation; operands get parentheses where they need them.
pub(super) fn op(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: operand(left), op, right: operand(right) }
}

/// Makes a binary operation of operands that bind tighter.
pub(super) fn op_plain(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// Makes `left = right`.
pub(super) fn eq(left: Expr, right: Expr) -> Expr {
    op(left, BinaryOperator::Eq, right)
}

pub(super) fn balanced(mut terms: Vec<Expr>, op: &BinaryOperator) -> Option<Expr> {
    match terms.len() {
        0 => None,
        1 => terms.pop(),
        2 => {
            let (right, left) = (terms.pop()?, terms.pop()?);
            Some(Expr::BinaryOp { left: operand(left), op: op.clone(), right: operand(right) })
        }
        3 => {
            // left-associative without parentheses: the common short chain reads as written
            let right = terms.pop()?;
            let left = balanced(terms, op)?;
            Some(Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: operand(right) })
        }
        n => {
            let right = terms.split_off(n / 2);
            Some(Expr::BinaryOp { left: operand(balanced(terms, op)?), op: op.clone(), right: operand(balanced(right, op)?) })
        }
    }
}

/// Makes a balanced AND; of nothing: 1.
pub(super) fn all(terms: Vec<Expr>) -> Expr {
    balanced(terms, &BinaryOperator::And).unwrap_or_else(|| truth(true))
}

/// Makes a balanced OR; of nothing: 0.
pub(super) fn any(terms: Vec<Expr>) -> Expr {
    balanced(terms, &BinaryOperator::Or).unwrap_or_else(|| truth(false))
}

/// Makes `NOT x`. The caller sees to it that `x` is never NULL.
pub(super) fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: operand(expr) }
}

/// Makes `x IS NULL`.
pub(super) fn is_null(expr: Expr) -> Expr {
    Expr::IsNull(operand(expr))
}

/// Makes `x IS NOT NULL`.
pub(super) fn is_not_null(expr: Expr) -> Expr {
    Expr::IsNotNull(operand(expr))
}

/// Makes `x IN (…)`.
pub(super) fn in_list(expr: Expr, list: Vec<Expr>) -> Expr {
    Expr::In { expr: operand(expr), target: InTarget::List(list), negated: false, global: false }
}

/// Makes `x NOT IN (…)`.
pub(super) fn not_in_list(expr: Expr, list: Vec<Expr>) -> Expr {
    Expr::In { expr: operand(expr), target: InTarget::List(list), negated: true, global: false }
}

/// Makes a searched CASE.
pub(super) fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: branches.into_iter().map(|(condition, result)| CaseWhen { condition, result }).collect(),
        else_result: otherwise.map(Box::new),
    }
}

/// Makes `CAST(x AS type)`.
pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    cast_as(CastKind::Cast, expr, data_type)
}

/// Makes a cast of any kind.
pub(super) fn cast_as(kind: CastKind, expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind, expr: Box::new(expr), data_type, format: None }
}

/// Makes `x LIKE pattern`, with or without an escape.
pub(super) fn like(expr: Expr, pattern: Expr, escape: Option<char>) -> Expr {
    let escape_char = escape.map(|escape| Box::new(quoted(escape.encode_utf8(&mut [0; 4]))));
    Expr::Like { negated: false, any: false, expr: operand(expr), pattern: operand(pattern), escape_char }
}

/// What a call carries besides its arguments.
#[derive(Default)]
pub(super) struct Extras {
    /// `f(DISTINCT x)`
    pub(super) distinct: bool,
    /// `f(x ORDER BY …)`
    pub(super) order: Vec<OrderKey>,
    /// `f(x) FILTER (WHERE …)`
    pub(super) filter: Option<Expr>,
    /// `f(x) OVER (PARTITION BY … ORDER BY …)`
    pub(super) over: Option<(Vec<Expr>, Vec<OrderKey>)>,
}

/// Makes a function call.
pub(super) fn call(name: &'static str, arguments: Vec<Expr>) -> Expr {
    call_with(name, arguments, Extras::default())
}

/// Makes `count(*)`, where no `Expr` can be the star.
pub(super) fn count_star(over: Option<(Vec<Expr>, Vec<OrderKey>)>) -> Expr {
    function("count", vec![FunctionArgExpr::Wildcard], Extras { over, ..Extras::default() })
}

/// Makes a function call with DISTINCT, ORDER BY or OVER.
pub(super) fn call_with(name: &'static str, arguments: Vec<Expr>, extras: Extras) -> Expr {
    function(name, arguments.into_iter().map(FunctionArgExpr::Expr).collect(), extras)
}

fn function(name: &'static str, arguments: Vec<FunctionArgExpr>, extras: Extras) -> Expr {
    let clauses = if extras.order.is_empty() { Vec::new() } else { vec![FunctionArgumentClause::OrderBy(order_exprs(extras.order))] };
    let over = extras.over.map(|(partition_by, order)| {
        WindowType::WindowSpec(WindowSpec { window_name: None, partition_by, order_by: order_exprs(order), window_frame: None })
    });
    Expr::Function(Function {
        name: ObjectName::from(Ident::new(name)),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: extras.distinct.then_some(DuplicateTreatment::Distinct),
            args: arguments.into_iter().map(FunctionArg::Unnamed).collect(),
            clauses,
        }),
        filter: extras.filter.map(Box::new),
        null_treatment: None,
        over,
        within_group: Vec::new(),
    })
}

fn order_exprs(keys: Vec<OrderKey>) -> Vec<OrderByExpr> {
    let expr = |(expr, descending): OrderKey| OrderByExpr {
        expr,
        options: OrderByOptions { sort: descending.then_some(OrderBySort::Desc), nulls_first: None },
        with_fill: None,
    };
    keys.into_iter().map(expr).collect()
}

/// Makes `EXISTS (query)`.
pub(super) fn exists(query: Query) -> Expr {
    Expr::Exists { subquery: Box::new(query), negated: false }
}

/// Makes `(query)` as a value.
pub(super) fn scalar_query(query: Query) -> Expr {
    Expr::Subquery(Box::new(query))
}

/// Makes `expr AS name`.
pub(super) fn item(expr: Expr, name: &str) -> SelectItem {
    item_named(expr, ident(name))
}

/// Makes `expr AS name`, of an identifier.
pub(super) fn item_named(expr: Expr, alias: Ident) -> SelectItem {
    match &expr {
        Expr::CompoundIdentifier(parts) if parts.last() == Some(&alias) => SelectItem::UnnamedExpr(expr),
        _ => SelectItem::ExprWithAlias { expr, alias },
    }
}

/// Makes `table.*`.
pub(super) fn everything(table: &str) -> SelectItem {
    let kind = ast::SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(ident(table)));
    SelectItem::QualifiedWildcard(kind, ast::WildcardAdditionalOptions::default())
}

fn table_alias(alias: &str) -> TableAlias {
    TableAlias { explicit: true, name: ident(alias), columns: Vec::new(), at: None }
}

/// Makes a table or view with an alias.
pub(super) fn table(parts: &[&str], alias: &str) -> TableWithJoins {
    let name = ObjectName::from(parts.iter().map(|p| ident(p)).collect::<Vec<_>>());
    factor(named_table(name, alias, None))
}

/// Makes a table of an identifier, with an alias.
pub(super) fn table_named(name: Ident, alias: &str) -> TableWithJoins {
    factor(named_table(ObjectName::from(name), alias, None))
}

/// Makes a table-valued function with an alias.
pub(super) fn table_function(name: &'static str, arguments: Vec<Expr>, alias: &str) -> TableWithJoins {
    let args = arguments.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect();
    factor(named_table(ObjectName::from(Ident::new(name)), alias, Some(TableFunctionArgs { args, settings: None })))
}

fn named_table(name: ObjectName, alias: &str, args: Option<TableFunctionArgs>) -> TableFactor {
    TableFactor::Table {
        name,
        alias: Some(table_alias(alias)),
        args,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_directives: Vec::new(),
        inheritance: None,
    }
}

/// Makes a subquery with an alias.
pub(super) fn derived(query: Query, alias: &str) -> TableWithJoins {
    factor(TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: Some(table_alias(alias)), sample: None })
}

fn factor(relation: TableFactor) -> TableWithJoins {
    TableWithJoins { relation, joins: Vec::new() }
}

/// Adds a join; `on: None` is a cross join, which SQLite never reorders.
pub(super) fn join(mut left: TableWithJoins, right: TableWithJoins, on: Option<Expr>, outer: bool) -> TableWithJoins {
    use ast::{Join, JoinConstraint, JoinOperator};
    let join_operator = match (on, outer) {
        (Some(on), true) => JoinOperator::LeftOuter(JoinConstraint::On(on)),
        (Some(on), false) => JoinOperator::Join(JoinConstraint::On(on)),
        (None, _) => JoinOperator::CrossJoin(JoinConstraint::None),
    };
    left.joins.push(Join { relation: right.relation, global: false, join_operator });
    left
}

/// A SELECT in the making.
#[derive(Default)]
pub(super) struct SelectParts {
    /// The output columns.
    pub(super) items: Vec<SelectItem>,
    /// FROM; several are a cross product.
    pub(super) from: Vec<TableWithJoins>,
    /// WHERE.
    pub(super) filter: Option<Expr>,
    /// GROUP BY.
    pub(super) group_by: Vec<Expr>,
}

/// Makes a SELECT.
pub(super) fn select(parts: SelectParts) -> SetExpr {
    SetExpr::Select(Box::new(Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: parts.items,
        exclude: None,
        into: None,
        from: parts.from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection: parts.filter,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(parts.group_by, Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }))
}

/// Makes a query of a body.
pub(super) fn query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// Adds ORDER BY and LIMIT.
pub(super) fn ordered(mut query: Query, keys: Vec<OrderKey>, limit: Option<u64>) -> Query {
    if !keys.is_empty() {
        query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order_exprs(keys)), interpolate: None });
    }
    let limit = limit.map(|n| integer(i64::try_from(n).unwrap_or(i64::MAX)));
    query.limit_clause = limit.map(|n| LimitClause::LimitOffset { limit: Some(n), offset: None, limit_by: Vec::new() });
    query
}

/// Makes `WITH name AS (query), … body`.
pub(super) fn with(mut body: Query, tables: Vec<(String, Query)>, recursive: bool) -> Query {
    let cte = |(name, query): (String, Query)| ast::Cte {
        alias: TableAlias { explicit: false, ..table_alias(&name) },
        query: Box::new(query),
        from: None,
        materialized: None,
        closing_paren_token: AttachedToken::empty(),
    };
    if !tables.is_empty() {
        body.with = Some(With { with_token: AttachedToken::empty(), recursive, cte_tables: tables.into_iter().map(cte).collect() });
    }
    body
}

/// Most terms of one compound SELECT; SQLite takes 500.
const COMPOUND_MAX: usize = 400;

/// Makes a UNION ALL of SELECTs of the same columns, nested where there are more than SQLite takes. Never of nothing.
pub(super) fn union_all(selects: Vec<SetExpr>) -> SetExpr {
    let chain = |terms: Vec<SetExpr>| {
        let union = |left, right| SetExpr::SetOperation {
            left: Box::new(left),
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            right: Box::new(right),
        };
        terms.into_iter().reduce(union).expect("a union has at least one term")
    };
    if selects.len() <= COMPOUND_MAX {
        return chain(selects);
    }
    let mut groups = Vec::new();
    let mut rest = selects;
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(COMPOUND_MAX));
        let group = query(chain(rest));
        let star = SelectItem::Wildcard(ast::WildcardAdditionalOptions::default());
        groups.push(select(SelectParts { items: vec![star], from: vec![derived(group, "t")], ..SelectParts::default() }));
        rest = tail;
    }
    chain(groups)
}

/// Prints a query on one line, for a machine.
pub(super) fn print(query: &Query) -> String {
    query.to_string()
}

/// Prints a query over several lines, for a reader. No literal holds a line break, so indenting changes none.
pub(super) fn print_pretty(query: &Query) -> String {
    let pretty = format!("{query:#}");
    // A guard: a literal with a line break in it would be indented, and so be another text.
    if pretty.contains("\n") && query.to_string().contains('\n') { query.to_string() } else { pretty }
}

/// The FROM of a SELECT in the making: a table, what is joined to it.
pub(super) struct Tables(TableWithJoins);

impl Tables {
    /// Starts with a table.
    pub(super) fn new(first: TableWithJoins) -> Self {
        Self(first)
    }

    /// Adds a left outer join.
    pub(super) fn outer(&mut self, right: TableWithJoins, on: Expr) {
        self.add(right, Some(on), true);
    }

    /// Adds an inner join.
    pub(super) fn inner(&mut self, right: TableWithJoins, on: Expr) {
        self.add(right, Some(on), false);
    }

    fn add(&mut self, right: TableWithJoins, on: Option<Expr>, outer: bool) {
        let left = self.0.clone();
        self.0 = join(left, right, on, outer);
    }

    /// The FROM.
    pub(super) fn into_from(self) -> Vec<TableWithJoins> {
        vec![self.0]
    }
}

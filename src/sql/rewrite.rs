//! Typed statements, made faster where that changes nothing: tests and groups by value ids instead of texts.
//!
//! A text column of a view looks its text up per row. A test of it by `=`, `IN` or `LIKE` with literals asks the
//! dictionary once instead and compares ids; a `GROUP BY` with `count(*)` counts ids first and looks up one text a
//! group. The view has no ids, so its SELECT takes its place, with the raw cells after its columns (a join of the table
//! would look up every row a second time). Only a SELECT over one event type's view is touched, and of it only what is
//! exactly equivalent, NULL included; everything else stays as typed. sqlparser's printing is not trusted with what people
//! type: the printed form must parse back to the very tree, else the statement stays as it was.

use sqlparser::ast::{
    self as tree, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, InTarget, OrderByKind, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, UnaryOperator, Value,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::ast::{self, SelectParts};
use crate::catalog::{Catalog, Column, ColumnIndex, Encoding, EventType};
use crate::store::{cell_name, select_with_cells, view_columns};

/// Reading the whole dictionary for a pattern pays where the type holds at least one event in this many.
// A LIKE over the dictionary reads every value of the store once: for a small type its own rows are fewer.
const DICTIONARY_SHARE: u64 = 16;
/// A view with a longer SELECT is left alone: parsing it again would take longer than it saves. Real ones have some 20 kB.
const MAX_VIEW_BYTES: usize = 200_000;

/// Rewrites a typed statement; returns it unchanged where nothing helps.
pub fn rewrite_adhoc(sql: &str, catalog: &Catalog) -> String {
    rewritten(sql, catalog).unwrap_or_else(|| sql.to_owned())
}

fn rewritten(sql: &str, catalog: &Catalog) -> Option<String> {
    let mut statements = Parser::parse_sql(&SQLiteDialect {}, sql).ok()?;
    let (Some(Statement::Query(mut query)), true) = (statements.pop(), statements.is_empty()) else { return None };
    // A WITH may name a table like the view; who writes one gets it as typed.
    if query.with.is_some() {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let scope = SelectView::of(select, catalog)?;
    let mut changed = false;
    if let Some(filter) = &mut select.selection {
        changed |= scope.condition(filter);
    }
    scope.read_cells(select)?;
    changed |= scope.groups(&mut query).is_some();
    let statement = Statement::Query(query);
    let text = statement.to_string();
    let same = Parser::parse_sql(&SQLiteDialect {}, &text).is_ok_and(|parsed| parsed == [statement]);
    (changed && same).then_some(text)
}

/// The one view that a SELECT reads.
struct SelectView<'a> {
    event_type: &'a EventType,
    alias: Ident,
    pays_for_patterns: bool,
}

impl<'a> SelectView<'a> {
    fn of(select: &Select, catalog: &'a Catalog) -> Option<Self> {
        let [from] = select.from.as_slice() else { return None };
        let TableFactor::Table { name, alias, args: None, .. } = &from.relation else { return None };
        let [tree::ObjectNamePart::Identifier(view)] = name.0.as_slice() else { return None };
        let event_type = catalog.types.iter().find(|t| t.view.eq_ignore_ascii_case(&view.value))?;
        // In a join the raw cells of two tables would have one name.
        if !from.joins.is_empty() {
            return None;
        }
        let all: u64 = catalog.types.iter().map(|t| t.events).sum();
        Some(Self {
            event_type,
            alias: alias.as_ref().map_or(view, |a| &a.name).clone(),
            pays_for_patterns: event_type.events.saturating_mul(DICTIONARY_SHARE) >= all,
        })
    }

    /// The dictionary column that an expression names, and the expression of its raw cell.
    fn column(&self, expr: &Expr) -> Option<(&'a Column, Expr)> {
        let (prefix, name) = match expr {
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] if table.value.eq_ignore_ascii_case(&self.alias.value) => (Some(table), name),
                _ => return None,
            },
            Expr::Nested(inner) => return self.column(inner),
            _ => return None,
        };
        let (index, column) = (0..).zip(&self.event_type.columns).find(|(_, c)| c.view_name.eq_ignore_ascii_case(&name.value))?;
        let is_literal = name.quote_style.is_some_and(|q| q == '\'');
        // SQLite takes `'name'` for a column where there is one; here it is the text that was typed.
        if column.encoding != Encoding::Dictionary || column.has_packed || is_literal {
            return None;
        }
        let raw = Ident::new(cell_name(ColumnIndex(index)));
        let raw = prefix.map_or_else(|| Expr::Identifier(raw.clone()), |table| Expr::CompoundIdentifier(vec![table.clone(), raw.clone()]));
        Some((column, raw))
    }

    /// Puts the view's own SELECT in its place, with the raw cells; `*` stays what the view shows.
    fn read_cells(&self, select: &mut Select) -> Option<()> {
        let dictionary = (0..)
            .zip(&self.event_type.columns)
            .filter(|(_, c)| c.encoding == Encoding::Dictionary && !c.has_packed && !c.view_name.is_empty());
        let cells: Vec<ColumnIndex> = dictionary.map(|(index, _)| ColumnIndex(index)).collect();
        let text = select_with_cells(self.event_type, &cells);
        if text.len() > MAX_VIEW_BYTES {
            return None;
        }
        let Some(Statement::Query(view)) = Parser::parse_sql(&SQLiteDialect {}, &text).ok()?.pop() else { return None };
        let mut projection = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match &item {
                SelectItem::Wildcard(_) => projection.extend(view_columns(self.event_type).iter().map(|name| shown(name))),
                // `v.*` would show the raw cells that were added.
                SelectItem::QualifiedWildcard(..) => return None,
                _ => projection.push(item),
            }
        }
        select.projection = projection;
        let from = &mut select.from.first_mut()?.relation;
        let alias = Some(tree::TableAlias { explicit: true, name: self.alias.clone(), columns: Vec::new(), at: None });
        *from = TableFactor::Derived { lateral: false, subquery: view, alias, sample: None };
        Some(())
    }

    /// Rewrites the tests of a condition in place; whether there were any.
    fn condition(&self, expr: &mut Expr) -> bool {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                let changed = self.condition(left);
                self.condition(right) || changed
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } | Expr::Nested(inner) => self.condition(inner),
            other => match self.test(other) {
                Some(test) => {
                    *other = test;
                    true
                }
                None => false,
            },
        }
    }

    fn test(&self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let (name, literal) = if is_text(left) { (right, left) } else { (left, right) };
                self.equals(name, std::slice::from_ref(literal), expr)
            }
            Expr::In { expr: name, target: InTarget::List(list), negated: false, global: false } if !list.is_empty() => {
                self.equals(name, list, expr)
            }
            Expr::Like { negated: false, any: false, expr: name, pattern, escape_char } if self.pays_for_patterns => {
                let literal_escape = escape_char.as_ref().is_none_or(|e| is_text(e));
                let (_, raw) = self.column(name)?;
                let on = Expr::Like {
                    negated: false,
                    any: false,
                    expr: Box::new(text_of_value()),
                    pattern: pattern.clone(),
                    escape_char: escape_char.clone(),
                };
                let inline = Expr::Like {
                    negated: false,
                    any: false,
                    expr: Box::new(raw.clone()),
                    pattern: pattern.clone(),
                    escape_char: escape_char.clone(),
                };
                (is_text(pattern) && literal_escape).then(|| by_id(raw, on, inline))
            }
            _ => None,
        }
    }

    /// `name IN (literals)`; the hash of a value finds it in the dictionary's index.
    fn equals(&self, name: &Expr, literals: &[impl AsExpr], whole: &Expr) -> Option<Expr> {
        let (column, raw) = self.column(name)?;
        let mut found = Vec::new();
        for literal in literals {
            let literal = literal.as_expr();
            let text = text_value(literal)?;
            if column.has_lists && text.contains('\n') {
                return None; // the text of a list, whose hash is another
            }
            let hash = ast::call("retro_value_hash", vec![literal.clone()]);
            // The hash has an index; the text decides, because two texts may share a hash.
            let of_hash = ast::eq(Expr::Identifier(Ident::new("hash")), hash);
            found.push(Expr::Nested(Box::new(ast::op_plain(of_hash, BinaryOperator::And, ast::eq(text_of_value(), literal.clone())))));
        }
        let on = found.into_iter().reduce(|a, b| Expr::BinaryOp { left: Box::new(a), op: BinaryOperator::Or, right: Box::new(b) })?;
        let inline = with_column(whole, &raw)?;
        Some(by_id(raw, on, inline))
    }

    /// `SELECT columns, count(*) … GROUP BY columns`: counts raw cells, then texts.
    fn groups(&self, query: &mut Query) -> Option<()> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let mut select = select.clone();
        let GroupByExpr::Expressions(by, modifiers) = &select.group_by else { return None };
        // Anything that looks at single rows would see groups of ids instead.
        if by.is_empty() || !modifiers.is_empty() || select.distinct.is_some() || select.having.is_some() || !select.named_window.is_empty()
        {
            return None;
        }
        let keys: Vec<(&Column, Expr)> = by.iter().map(|e| self.column(e)).collect::<Option<_>>()?;
        let texts: Vec<Expr> = (0..keys.len()).map(|i| text_of(&own(&format!("_g{i}")))).collect();
        let place = |expr: &Expr| self.column(expr).and_then(|(c, _)| keys.iter().position(|(k, _)| std::ptr::eq(*k, c)));
        let total = || ast::call("sum", vec![own("_n")]);
        let mut items = Vec::new();
        let mut shown = Vec::new();
        for item in &select.projection {
            let (expr, alias) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.clone())),
                _ => return None,
            };
            let (output, name) = match place(expr) {
                Some(i) => (texts[i].clone(), keys[i].0.view_name.clone()),
                None if is_count(expr) => (total(), expr.to_string()),
                None => return None,
            };
            let alias = alias.unwrap_or_else(|| Ident::with_quote('"', name));
            shown.push(alias.value.clone());
            items.push(SelectItem::ExprWithAlias { expr: output, alias });
        }
        if let Some(order) = &mut query.order_by {
            let OrderByKind::Expressions(order) = &mut order.kind else { return None };
            for key in order {
                // A name of the result stays; any other expression would have to be rewritten as well.
                match &key.expr {
                    Expr::Identifier(name) if shown.iter().any(|s| s.eq_ignore_ascii_case(&name.value)) => {}
                    Expr::Value(value) if matches!(value.value, Value::Number(..)) => {}
                    expr if is_count(expr) => key.expr = total(),
                    _ => return None,
                }
            }
        }
        let mut inner_items: Vec<SelectItem> = keys.iter().enumerate().map(|(i, (_, raw))| named(raw.clone(), &format!("_g{i}"))).collect();
        inner_items.push(named(ast::count_star(None), "_n"));
        let group_by = keys.into_iter().map(|(_, raw)| raw).collect();
        let inner = ast::select(SelectParts {
            items: inner_items,
            from: std::mem::take(&mut select.from),
            filter: select.selection.take(),
            group_by,
        });
        let outer =
            ast::select(SelectParts { items, from: vec![ast::derived(ast::query(inner), "_groups")], filter: None, group_by: texts });
        *query.body = outer;
        Some(())
    }
}

/// A column of the view, by its name.
fn shown(name: &str) -> SelectItem {
    SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', name.replace('"', "\"\""))))
}

/// Literals come as boxed and as plain expressions.
trait AsExpr {
    fn as_expr(&self) -> &Expr;
}

impl AsExpr for Expr {
    fn as_expr(&self) -> &Expr {
        self
    }
}

impl AsExpr for Box<Expr> {
    fn as_expr(&self) -> &Expr {
        self
    }
}

fn named(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: Ident::new(name) }
}

fn own(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
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

fn is_count(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let FunctionArguments::List(list) = &function.args else { return false };
    let is_star = matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
    is_star && function.filter.is_none() && function.over.is_none() && function.name.to_string().eq_ignore_ascii_case("count")
}

fn text_of_value() -> Expr {
    Expr::Identifier(Ident::with_quote('"', "text"))
}

/// The same test with the raw cell for the column.
fn with_column(test: &Expr, raw: &Expr) -> Option<Expr> {
    Some(match test {
        Expr::BinaryOp { left, op, .. } if is_text(left) => {
            Expr::BinaryOp { left: left.clone(), op: op.clone(), right: Box::new(raw.clone()) }
        }
        Expr::BinaryOp { op, right, .. } => Expr::BinaryOp { left: Box::new(raw.clone()), op: op.clone(), right: right.clone() },
        Expr::In { target, negated, global, .. } => {
            Expr::In { expr: Box::new(raw.clone()), target: target.clone(), negated: *negated, global: *global }
        }
        _ => return None,
    })
}

fn is_id(raw: &Expr) -> Expr {
    ast::eq(ast::call("typeof", vec![raw.clone()]), super::sqlite::literal("integer"))
}

/// A test of a cell: ids among the values that pass, other text itself; NULL stays NULL.
fn by_id(raw: Expr, passes: Expr, inline: Expr) -> Expr {
    let values = ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(own("id"))],
        from: vec![ast::table(&["value"], "_values")],
        filter: Some(passes),
        ..Default::default()
    }));
    let among = Expr::In { expr: Box::new(raw.clone()), target: InTarget::Subquery(Box::new(values)), negated: false, global: false };
    ast::case(vec![(is_id(&raw), among)], Some(inline))
}

/// The text of a raw cell.
fn text_of(raw: &Expr) -> Expr {
    let same = ast::eq(own("id"), raw.clone());
    let text = ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(text_of_value())],
        from: vec![ast::table(&["value"], "_values")],
        filter: Some(same),
        ..Default::default()
    })));
    ast::case(vec![(is_id(raw), text)], Some(raw.clone()))
}

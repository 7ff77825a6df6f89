//! `SELECT columns, count(*) … GROUP BY columns`: counts ids, then looks up one text a group.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, OrderBy, OrderByKind, Query, SelectItem, SetExpr, Value,
};

use super::super::ast::{self, SelectParts};
use super::scope::{ScopeColumn, SelectScope};
use super::tests_of_text::text_of_value;

impl SelectScope<'_> {
    /// Counts ids first, where the query is such a one and its columns have ids.
    pub(super) fn count_ids(&self, query: &mut Query) -> Option<()> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let mut select = select.clone();
        let GroupByExpr::Expressions(by, modifiers) = &select.group_by else { return None };
        // Anything that looks at single rows would see groups of ids instead. A WITH may name what the groups are called.
        if by.is_empty()
            || !modifiers.is_empty()
            || select.distinct.is_some()
            || select.having.is_some()
            || !select.named_window.is_empty()
            || query.with.is_some()
            || !self.is_single()
        {
            return None;
        }
        let columns: Vec<Expr> = by.iter().map(|key| Some(of_place(key, &select.projection)?.clone())).collect::<Option<_>>()?;
        let keys: Vec<ScopeColumn<'_>> = columns.iter().map(|e| self.column(e)).collect::<Option<_>>()?;
        let texts: Vec<Expr> = (0..keys.len()).map(|i| text_of(&own(&format!("_g{i}")))).collect();
        let place = |expr: &Expr| self.column(expr).and_then(|c| keys.iter().position(|k| k.is(&c)));
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
                Some(i) => (texts[i].clone(), ast::ident(keys[i].name)),
                None if is_count(expr) => (total(), ast::ident(&expr.to_string())),
                None => return None,
            };
            let alias = alias.unwrap_or(name);
            shown.push(alias.value.clone());
            items.push(SelectItem::ExprWithAlias { expr: output, alias });
        }
        let mut order_by = query.order_by.clone();
        if let Some(order) = &mut order_by {
            order_groups(order, &shown, &total())?;
        }
        // An id is a number, a text of the row itself is a text: they never meet in one group.
        let group_by: Vec<Expr> = keys
            .iter()
            .zip(columns)
            .map(|(key, column)| Some(ast::call("coalesce", vec![self.ids(key)?, column])))
            .collect::<Option<_>>()?;
        self.read_ids(&mut select);
        let mut inner_items: Vec<SelectItem> = group_by.iter().enumerate().map(|(i, key)| named(key.clone(), &format!("_g{i}"))).collect();
        inner_items.push(named(ast::count_star(None), "_n"));
        let inner = ast::select(SelectParts {
            items: inner_items,
            from: std::mem::take(&mut select.from),
            filter: select.selection.take(),
            group_by,
        });
        let outer =
            ast::select(SelectParts { items, from: vec![ast::derived(ast::query(inner), "_groups")], filter: None, group_by: texts });
        *query.body = outer;
        query.order_by = order_by;
        Some(())
    }
}

/// Orders groups by what is shown and by their number of events; anything else would have to be rewritten as well.
fn order_groups(order: &mut OrderBy, shown: &[String], total: &Expr) -> Option<()> {
    let OrderByKind::Expressions(order) = &mut order.kind else { return None };
    for key in order {
        match &key.expr {
            Expr::Identifier(name) if shown.iter().any(|s| s.eq_ignore_ascii_case(&name.value)) => {}
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {}
            expr if is_count(expr) => key.expr = total.clone(),
            _ => return None,
        }
    }
    Some(())
}

/// What a key of a GROUP BY groups by: itself, or the column of the result whose number it is.
fn of_place<'q>(key: &'q Expr, projection: &'q [SelectItem]) -> Option<&'q Expr> {
    let Expr::Value(value) = key else { return Some(key) };
    let Value::Number(number, false) = &value.value else { return None };
    match projection.get(number.parse::<usize>().ok()?.checked_sub(1)?)? {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

fn named(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: Ident::new(name) }
}

fn own(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

fn is_count(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let FunctionArguments::List(list) = &function.args else { return false };
    let is_star = matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
    is_star && function.filter.is_none() && function.over.is_none() && function.name.to_string().eq_ignore_ascii_case("count")
}

/// The text of a group: that of its id, or itself.
fn text_of(group: &Expr) -> Expr {
    let same = ast::eq(own("id"), group.clone());
    let text = ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(text_of_value())],
        from: vec![ast::table(&["main", "value"], "_values")],
        filter: Some(same),
        ..Default::default()
    })));
    let kind = ast::call("typeof", vec![group.clone()]);
    let is_id = ast::in_list(kind, vec![ast::quoted("integer"), ast::quoted("real")]);
    ast::case(vec![(is_id, text)], Some(group.clone()))
}

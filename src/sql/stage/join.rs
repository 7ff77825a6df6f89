//! `join` as a join with the statement of the other side.

use sqlparser::ast::{BinaryOperator, Expr, SelectItem};

use super::{GROUP, ROW, SqlOrigin, SqlRows};
use crate::ir::Join;
use crate::plan::{Inner, Step};
use crate::sql::ast::{self, Extras, SelectParts};
use crate::sql::writer::Typed;

/// The alias of the other side.
const OTHER: &str = "_j";

impl<'a> SqlRows<'a> {
    /// Joins rows of groups with rows of groups. A row keeps the key of its own group, and the events of both are behind it.
    pub(super) fn join(&mut self, join: &Join, step: &Step) {
        let Inner::Plan(plan) = &step.inner else { return };
        let other = match crate::sql::rows((self.writer, self.words), plan, self.catalog) {
            Ok(other) => other,
            Err(fault) => return drop(self.writer.gap(&fault.message)),
        };
        let (SqlOrigin::Group { hidden, .. }, SqlOrigin::Group { .. }) = (&self.behind, &other.behind) else {
            // What identifies such a row, and whether its event is counted once more, no statement says.
            return drop(self.writer.gap("`join` of rows that are single events"));
        };
        if other.is_too_wide() {
            self.writer.gap("`join` with more columns than a table can have");
        }
        let hidden = hidden.clone();
        let common = || other.schema.columns.iter().map(|column| &column.name).filter(|name| self.schema.place(name).is_some());
        let fields: Vec<String> = if join.fields.is_empty() { common().cloned().collect() } else { join.fields.clone() };
        let own_keys: Vec<Expr> = fields.iter().map(|name| self.writer.as_text(self.value_of(name))).collect();
        let values: Vec<(String, Typed)> = (other.schema.columns.iter().enumerate())
            .filter(|(_, column)| !fields.contains(&column.name))
            .map(|(place, column)| (column.name.clone(), self.taken_over(join, step, &column.name, (place, &other.value_at(place)))))
            .collect();

        let mut on: Vec<Expr> = (0..).zip(own_keys).map(|(i, own)| ast::eq(ast::column(OTHER, &format!("_k{i}")), own)).collect();
        if let Some(most) = join.max {
            let most = ast::integer(i64::try_from(most).unwrap_or(i64::MAX));
            on.push(ast::op(ast::column(OTHER, PLACE), BinaryOperator::LtEq, most));
        }
        let mut joined = ast::Tables::new(ast::table(&[&self.last()], ROW));
        let table = ast::derived(other.keyed(&fields), OTHER);
        if join.left {
            joined.outer(table, ast::all(on))
        } else {
            joined.inner(table, ast::all(on))
        }

        let place = self.fresh(PLACE);
        let names = GROUP.map(|name| self.fresh(name));
        let mut items = vec![ast::everything(ROW), ast::item(ast::column(OTHER, PLACE), &place)];
        items.extend(both(&hidden).into_iter().zip(&names).map(|(expr, name)| ast::item(expr, name)));
        for (name, value) in values {
            let column = self.add(&name, &value, &mut items);
            self.write(&name, value.kind, value.multi, column);
        }
        self.push_query(ast::query(ast::select(SelectParts { items, from: joined.into_from(), ..Default::default() })));
        self.order.push((ast::column(ROW, &place), false));
        if let SqlOrigin::Group { hidden, .. } = &mut self.behind {
            *hidden = names;
        }
    }

    /// A column behind the join: the other side's value where it has one, or only where the row has none.
    fn taken_over(&self, join: &Join, step: &Step, name: &str, (place, theirs): (usize, &Typed)) -> Typed {
        let own = self.value_of(name);
        let (kind, multi) = step.row.column(name).map_or((theirs.kind, theirs.multi), |column| (column.kind, column.multi));
        if [&own, theirs].into_iter().any(|value| value.multi && value.list.is_none()) {
            self.writer.gap("the members of a computed multivalue field");
        }
        let value = ast::column(OTHER, &format!("_c{place}"));
        let has_value = ast::is_not_null(value.clone());
        let takes = || if join.overwrite { has_value.clone() } else { ast::all(vec![has_value.clone(), ast::is_null(own.expr.clone())]) };
        let list = if theirs.list.is_some() { ast::column(OTHER, &format!("_l{place}")) } else { ast::null() };
        let lists = ast::case(vec![(takes(), list)], Some(own.list_or_null()));
        Typed { multi, ..Typed::new(ast::case(vec![(takes(), value)], Some(own.expr.clone())), kind) }.with_list(|| lists)
    }

    /// Ends the other side of a join: its keys as texts, its columns, what is behind each row, and its place among those of one key.
    fn keyed(self, fields: &[String]) -> sqlparser::ast::Query {
        let keys: Vec<Expr> = fields.iter().map(|name| self.writer.as_text(self.value_of(name))).collect();
        let mut items: Vec<SelectItem> = (0..).zip(&keys).map(|(i, key)| ast::item(key.clone(), &format!("_k{i}"))).collect();
        for place in 0..self.schema.columns.len() {
            let value = self.value_at(place);
            items.push(ast::item(value.expr, &format!("_c{place}")));
            items.extend(value.list.map(|list| ast::item(list, &format!("_l{place}"))));
        }
        if let SqlOrigin::Group { hidden, .. } = &self.behind {
            items.extend(hidden.iter().zip(GROUP).map(|(own, name)| ast::item(ast::column(ROW, own), name)));
        }
        // Rows without a key are no partners, and take no place.
        let filter = Some(ast::all(keys.iter().cloned().map(ast::is_not_null).collect()));
        let place = ast::call_with("row_number", Vec::new(), Extras { over: Some((keys, self.order.clone())), ..Extras::default() });
        items.push(ast::item(place, PLACE));
        let from = vec![ast::table(&[&self.last()], ROW)];
        ast::with(ast::query(ast::select(SelectParts { items, from, filter, ..Default::default() })), self.tables, false)
    }
}

/// The place of a row among the partners of a key.
const PLACE: &str = "_place";

/// What is behind a row of both sides; the other may be missing.
fn both(own: &[String; 4]) -> [Expr; 4] {
    let sides = |i: usize| (ast::column(ROW, &own[i]), ast::column(OTHER, GROUP[i]));
    let or = |a: &Expr, b: &Expr| ast::call("coalesce", vec![a.clone(), b.clone()]);
    let (count, others) = sides(0);
    let count = ast::op(count, BinaryOperator::Plus, or(&others, &ast::integer(0)));
    // Of two NULL is neither, but of one and a time it is the time.
    let nearer = |name, (a, b): (Expr, Expr)| ast::call(name, vec![or(&a, &b), or(&b, &a)]);
    let (events, more) = sides(3);
    let comma = ast::op(events.clone(), BinaryOperator::StringConcat, ast::quoted(","));
    let events = ast::call("coalesce", vec![ast::op(comma, BinaryOperator::StringConcat, more.clone()), events, more]);
    [count, nearer("min", sides(1)), nearer("max", sides(2)), events]
}

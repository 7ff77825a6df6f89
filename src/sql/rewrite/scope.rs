//! One SELECT: which views it reads, and what a name means in it.

use std::cell::Cell;

use sqlparser::ast::{Expr, Ident, JoinConstraint, JoinOperator, Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor};

use super::super::ast;
use super::known::{KnownView, KnownViews, name_of, rename};
use crate::store::id_name;

/// The tables of a SELECT.
pub(super) struct SelectScope<'a> {
    views: &'a KnownViews<'a>,
    tables: Vec<ScopeTable<'a>>,
}

/// A table of the FROM.
struct ScopeTable<'a> {
    /// What its columns are qualified by; a subquery may have none.
    alias: Option<Ident>,
    view: Option<KnownView<'a>>,
    /// Whether its ids are asked for in this SELECT.
    is_read: Cell<bool>,
}

/// A column of a view in this SELECT.
pub(super) struct ScopeColumn<'s> {
    table: usize,
    /// Its name in the view.
    pub(super) name: &'s str,
    /// Whether any event holds a list in it.
    pub(super) has_lists: bool,
    /// Whether the dictionary is worth reading as a whole.
    pub(super) pays: bool,
}

impl ScopeColumn<'_> {
    pub(super) fn is(&self, other: &Self) -> bool {
        self.table == other.table && self.name == other.name
    }
}

impl<'a> SelectScope<'a> {
    /// The scope of a SELECT that reads a known view; `None` where names may mean something else than they say.
    pub(super) fn of(select: &mut Select, views: &'a KnownViews<'a>) -> Option<Self> {
        let mut tables = Vec::new();
        for from in &mut select.from {
            tables.push(ScopeTable::of(&from.relation, views)?);
            for join in &mut from.joins {
                // What is joined by name has columns that belong to neither table alone.
                let is_by_name = !matches!(constraint(&mut join.join_operator)?, JoinConstraint::On(_) | JoinConstraint::None);
                if is_by_name {
                    return None;
                }
                tables.push(ScopeTable::of(&join.relation, views)?);
            }
        }
        let aliases: Vec<&Ident> = tables.iter().filter_map(|table| table.alias.as_ref()).collect();
        let is_twice = |(i, alias): (usize, &&Ident)| aliases[..i].iter().any(|other| other.value.eq_ignore_ascii_case(&alias.value));
        let is_unclear = aliases.iter().enumerate().any(is_twice);
        let is_of_use = tables.iter().any(|table| table.view.is_some()) && !is_unclear;
        is_of_use.then_some(Self { views, tables })
    }

    /// The column that an expression names.
    pub(super) fn column(&self, expr: &Expr) -> Option<ScopeColumn<'_>> {
        let (prefix, name) = match expr {
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] => (Some(table), name),
                _ => return None,
            },
            Expr::Nested(inner) => return self.column(inner),
            _ => return None,
        };
        // SQLite takes `'name'` for a column where there is one; here it is the text that was typed.
        if name.quote_style == Some('\'') {
            return None;
        }
        let is_meant = |table: &ScopeTable<'_>| match (prefix, &table.alias) {
            (Some(prefix), Some(alias)) => prefix.value.eq_ignore_ascii_case(&alias.value),
            (Some(_), None) => false,
            (None, _) => true,
        };
        // A name of two tables is ambiguous to SQLite, which has prepared the statement already.
        self.tables.iter().enumerate().filter(|(_, table)| is_meant(table)).find_map(|(index, table)| {
            let view = table.view.as_ref()?;
            let (name, has_lists) = view.column(&name.value)?;
            Some(ScopeColumn { table: index, name, has_lists: *has_lists, pays: view.pays })
        })
    }

    /// The ids of a column's values, which the SELECT reads from now on.
    pub(super) fn ids(&self, column: &ScopeColumn<'_>) -> Option<Expr> {
        let table = &self.tables[column.table];
        let (alias, view) = (table.alias.clone()?, table.view.as_ref()?);
        self.views.note_use(view, column.name);
        table.is_read.set(true);
        Some(Expr::CompoundIdentifier(vec![alias, ast::ident(&id_name(column.name))]))
    }

    /// Whether the FROM is one table and nothing else.
    pub(super) fn is_single(&self) -> bool {
        self.tables.len() == 1
    }

    /// Puts the views with ids in their place; `*` stays what the views show.
    pub(super) fn read_ids(&self, select: &mut Select) {
        if !self.tables.iter().any(|table| table.is_read.get()) {
            return;
        }
        let relations = select
            .from
            .iter_mut()
            .flat_map(|from| std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation)));
        for (table, relation) in self.tables.iter().zip(relations) {
            if let (true, Some(view)) = (table.is_read.get(), &table.view) {
                rename(relation, &view.name_with_ids());
            }
        }
        let mut projection = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match &item {
                SelectItem::Wildcard(_) => self.tables.iter().for_each(|table| table.show(&mut projection)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let is_it = |table: &&ScopeTable<'_>| {
                        let (Some(name), Some(alias)) = (name_of(name), &table.alias) else { return false };
                        name.value.eq_ignore_ascii_case(&alias.value)
                    };
                    match self.tables.iter().find(is_it) {
                        Some(table) => table.show(&mut projection),
                        None => projection.push(item),
                    }
                }
                _ => projection.push(item),
            }
        }
        select.projection = projection;
    }
}

impl<'a> ScopeTable<'a> {
    fn of(relation: &TableFactor, views: &'a KnownViews<'a>) -> Option<Self> {
        let (alias, view) = match relation {
            TableFactor::Table { name, alias, args: None, .. } => {
                let view = name_of(name).and_then(|name| views.view(&name.value));
                // A table of another schema has the last part of its name for an alias.
                (alias.as_ref().map(|alias| alias.name.clone()).or_else(|| name_of(name).cloned()), view)
            }
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => (alias.as_ref().map(|alias| alias.name.clone()), None),
            _ => return None,
        };
        // What has no name cannot be shown by `name.*`.
        alias.is_some().then_some(Self { alias, view, is_read: Cell::new(false) })
    }

    /// What `*` shows of this table.
    fn show(&self, projection: &mut Vec<SelectItem>) {
        let Some(alias) = &self.alias else { return };
        match self.view.as_ref().filter(|_| self.is_read.get()) {
            Some(view) => projection.extend(view.columns.iter().map(|column| {
                let expr = Expr::CompoundIdentifier(vec![alias.clone(), ast::ident(column)]);
                SelectItem::ExprWithAlias { expr, alias: ast::ident(column) }
            })),
            None => {
                let kind = SelectItemQualifiedWildcardKind::ObjectName(alias.clone().into());
                projection.push(SelectItem::QualifiedWildcard(kind, sqlparser::ast::WildcardAdditionalOptions::default()));
            }
        }
    }
}

/// How two tables are joined; `None` for joins that SQLite does not have.
fn constraint(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match join {
        JoinOperator::Join(how)
        | JoinOperator::Inner(how)
        | JoinOperator::Left(how)
        | JoinOperator::LeftOuter(how)
        | JoinOperator::Right(how)
        | JoinOperator::RightOuter(how)
        | JoinOperator::FullOuter(how)
        | JoinOperator::CrossJoin(how) => Some(how),
        _ => None,
    }
}

/// The condition of a join.
pub(super) fn on_condition(join: &mut JoinOperator) -> Option<&mut Expr> {
    match constraint(join)? {
        JoinConstraint::On(on) => Some(on),
        _ => None,
    }
}

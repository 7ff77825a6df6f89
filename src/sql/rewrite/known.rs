//! The views whose columns can have ids beside them: those of event types, and those of categories over them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    Expr, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement, TableFactor,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::super::ast;
use crate::catalog::{Catalog, ColumnIndex, EventType};
use crate::store::{TypedQueries, has_ids, id_name, select_with_ids, view_columns};

/// A view with a longer SELECT is left alone: parsing it again would take longer than it saves. Real ones have some 20 kB.
const MAX_VIEW_BYTES: usize = 200_000;
/// Reading the whole dictionary for a test pays where it has at most so many values for each event of the view.
// A value is read in order, and one of a row is looked up: the dictionary is the faster of the two.
const VALUES_PER_EVENT: u64 = 2;
/// A dictionary of so many values is read in a few milliseconds.
const FEW_VALUES: u64 = 10_000;

/// A view.
pub(super) struct KnownView<'a> {
    name: String,
    /// All of its columns, in order.
    pub(super) columns: Vec<String>,
    /// The columns that can have ids, and whether any event holds a list in them.
    with_ids: Vec<(String, bool)>,
    /// Whether the dictionary is worth reading as a whole.
    pub(super) pays: bool,
    of: ViewOf<'a>,
}

enum ViewOf<'a> {
    EventType(&'a EventType),
    Category(Vec<CategorySelect<'a>>, Box<Query>),
}

/// One SELECT of a category's view, and which of its columns are columns of an event type as they are.
struct CategorySelect<'a> {
    event_type: &'a EventType,
    columns: Vec<(String, ColumnIndex)>,
}

impl KnownView<'_> {
    /// A column that can have ids: its name in the view, and whether it has lists.
    pub(super) fn column(&self, name: &str) -> Option<&(String, bool)> {
        self.with_ids.iter().find(|(column, _)| column.eq_ignore_ascii_case(name))
    }

    /// The name of the same view with ids.
    pub(super) fn name_with_ids(&self) -> String {
        with_ids(&self.name)
    }
}

fn with_ids(view: &str) -> String {
    format!("{view} with ids")
}

/// All that a statement names.
pub(super) struct KnownViews<'a> {
    catalog: &'a Catalog,
    queries: &'a TypedQueries<'a>,
    /// Names that the WITH of the statement gives.
    taken: Vec<String>,
    /// Names that mean something else in the query that is looked at.
    hidden: RefCell<Vec<String>>,
    values: u64,
    /// Whose ids are asked for, and which.
    used: RefCell<BTreeMap<String, BTreeSet<String>>>,
}

impl<'a> KnownViews<'a> {
    pub(super) fn new(catalog: &'a Catalog, queries: &'a TypedQueries<'_>, taken: Vec<String>) -> Self {
        Self {
            catalog,
            queries,
            taken,
            hidden: RefCell::default(),
            values: queries.value_count().unwrap_or(u64::MAX),
            used: RefCell::default(),
        }
    }

    /// Hides names while a query is looked at; returns what [`KnownViews::show`] takes back.
    pub(super) fn hide(&self, names: Vec<String>) -> usize {
        let mut hidden = self.hidden.borrow_mut();
        let before = hidden.len();
        hidden.extend(names);
        before
    }

    /// Shows what was hidden since.
    pub(super) fn show(&self, hidden: usize) {
        self.hidden.borrow_mut().truncate(hidden);
    }

    /// The view of a name.
    pub(super) fn view(&self, name: &str) -> Option<KnownView<'a>> {
        if self.hidden.borrow().iter().any(|hidden| hidden.eq_ignore_ascii_case(name)) {
            return None;
        }
        let pays = |events: u64| self.values <= events.saturating_mul(VALUES_PER_EVENT).max(FEW_VALUES);
        if let Some(event_type) = self.catalog.types.iter().find(|t| t.view.eq_ignore_ascii_case(name)) {
            let columns = columns_with_ids(event_type).map(|(_, column)| (column.view_name.clone(), column.has_lists)).collect();
            return Some(KnownView {
                name: event_type.view.clone(),
                columns: view_columns(event_type),
                with_ids: columns,
                pays: pays(event_type.events),
                of: ViewOf::EventType(event_type),
            });
        }
        let text = self.queries.view_select(name).ok()??;
        let query = parsed(&text)?;
        let mut members = Vec::new();
        self.members(&query.body, &mut members)?;
        let SetExpr::Select(first) = first_of(&query.body) else { return None };
        let columns: Vec<String> = first.projection.iter().map(|item| item_name(item).map(str::to_owned)).collect::<Option<_>>()?;
        let with_ids = columns.iter().filter_map(|column| {
            let of = |member: &CategorySelect<'a>| {
                let (_, index) = member.columns.iter().find(|(name, _)| name == column)?;
                Some(member.event_type.column(*index).has_lists)
            };
            members.iter().filter_map(of).reduce(|a, b| a || b).map(|has_lists| (column.clone(), has_lists))
        });
        Some(KnownView {
            name: name.to_owned(),
            with_ids: with_ids.collect(),
            columns,
            pays: pays(members.iter().map(|member| member.event_type.events).sum()),
            of: ViewOf::Category(members, query),
        })
    }

    /// The SELECTs of a category's view, in order; `None` where one is not over the view of an event type.
    fn members(&self, body: &SetExpr, members: &mut Vec<CategorySelect<'a>>) -> Option<()> {
        match body {
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier: SetQuantifier::All, right } => {
                self.members(left, members)?;
                self.members(right, members)
            }
            SetExpr::Select(select) => {
                let (view, alias) = only_table(select)?;
                let event_type = self.catalog.types.iter().find(|t| t.view == view)?;
                let columns = select.projection.iter().filter_map(|item| {
                    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { return None };
                    let Expr::CompoundIdentifier(parts) = expr else { return None };
                    let [table, column] = parts.as_slice() else { return None };
                    let (index, _) = columns_with_ids(event_type).find(|(_, c)| table.value == alias && c.view_name == column.value)?;
                    Some((item_name(item)?.to_owned(), index))
                });
                members.push(CategorySelect { event_type, columns: columns.collect() });
                Some(())
            }
            _ => None,
        }
    }

    /// Notes that the ids of a column are asked for.
    pub(super) fn note_use(&self, view: &KnownView<'_>, column: &str) {
        self.used.borrow_mut().entry(view.name.clone()).or_default().insert(column.to_owned());
    }

    pub(super) fn are_unused(&self) -> bool {
        self.used.borrow().is_empty()
    }

    /// Puts the views with ids in front of a statement that names them; returns what they are called.
    pub(super) fn define(&self, query: &mut Query) -> Option<Vec<String>> {
        let mut of_types: BTreeMap<&str, BTreeSet<ColumnIndex>> = BTreeMap::new();
        let mut categories = Vec::new();
        for (name, used) in self.used.borrow().iter() {
            let view = self.view(name)?;
            match view.of {
                ViewOf::EventType(event_type) => {
                    let ids = columns_with_ids(event_type).filter(|(_, column)| used.contains(&column.view_name)).map(|(index, _)| index);
                    of_types.entry(&event_type.view).or_default().extend(ids);
                }
                ViewOf::Category(members, mut category) => {
                    for member in &members {
                        let ids = member.columns.iter().filter(|(name, _)| used.contains(name)).map(|(_, index)| *index);
                        of_types.entry(&member.event_type.view).or_default().extend(ids);
                    }
                    show_ids(&mut category.body, &mut members.iter(), used)?;
                    categories.push((with_ids(name), *category));
                }
            }
        }
        let (mut names, mut tables) = (Vec::new(), Vec::new());
        for (view, ids) in of_types {
            let event_type = self.catalog.types.iter().find(|t| t.view == view)?;
            let text = select_with_ids(event_type, &ids.into_iter().collect::<Vec<_>>());
            if self.is_captured(&text) {
                return None;
            }
            names.push(with_ids(view));
            tables.push(super::defined(&with_ids(view), *parsed(&text)?));
        }
        for (name, category) in categories {
            if self.is_captured(&category.to_string()) {
                return None;
            }
            tables.push(super::defined(&name, category));
            names.push(name);
        }
        match &mut query.with {
            Some(with) => drop(with.cte_tables.splice(0..0, tables)),
            None => {
                let with_token = sqlparser::ast::helpers::attached_token::AttachedToken::empty();
                query.with = Some(sqlparser::ast::With { with_token, recursive: false, cte_tables: tables });
            }
        }
        Some(names)
    }

    /// Whether a name of the statement's own WITH stands where a view's SELECT means a table.
    fn is_captured(&self, select: &str) -> bool {
        let words: Vec<&str> = select.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
        let tables = words.windows(2).filter(|pair| ["FROM", "JOIN"].contains(&pair[0])).map(|pair| pair[1]).chain(["text_base", "value"]);
        let is_taken = |table: &str| self.taken.iter().any(|taken| taken.eq_ignore_ascii_case(table));
        tables.into_iter().any(is_taken)
    }
}

/// Adds the ids to each SELECT of a category's view, which reads the views with ids instead.
fn show_ids<'m, 'a: 'm>(
    body: &mut SetExpr,
    members: &mut dyn Iterator<Item = &'m CategorySelect<'a>>,
    used: &BTreeSet<String>,
) -> Option<()> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            show_ids(left, members, used)?;
            show_ids(right, members, used)
        }
        SetExpr::Select(select) => {
            let member = members.next()?;
            let (_, alias) = only_table(select)?;
            for column in used {
                let id = member.columns.iter().find(|(name, _)| name == column).map(|(_, index)| {
                    let id = id_name(&member.event_type.column(*index).view_name);
                    ast::column(&alias, &id)
                });
                select.projection.push(ast::item(id.unwrap_or_else(ast::null), &id_name(column)));
            }
            let from = select.from.first_mut()?;
            rename(&mut from.relation, &with_ids(&member.event_type.view))
        }
        _ => None,
    }
}

/// Gives a table another name; its alias stays, or is the name that it had.
pub(super) fn rename(table: &mut TableFactor, to: &str) -> Option<()> {
    let TableFactor::Table { name, alias, .. } = table else { return None };
    let before = name_of(name)?.clone();
    *name = ObjectName::from(ast::ident(to));
    alias.get_or_insert(sqlparser::ast::TableAlias { explicit: true, name: before, columns: Vec::new(), at: None });
    Some(())
}

/// A name of one part.
pub(super) fn name_of(name: &ObjectName) -> Option<&sqlparser::ast::Ident> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name),
        _ => None,
    }
}

/// The columns that can have ids.
fn columns_with_ids(event_type: &EventType) -> impl Iterator<Item = (ColumnIndex, &crate::catalog::Column)> {
    // A quote in a name is read and written by sqlparser in two ways.
    let columns = (0..).map(ColumnIndex).zip(&event_type.columns);
    columns.filter(|(index, column)| has_ids(event_type, *index) && !column.view_name.contains('"'))
}

fn parsed(text: &str) -> Option<Box<Query>> {
    if text.len() > MAX_VIEW_BYTES {
        return None;
    }
    match Parser::parse_sql(&SQLiteDialect {}, text).ok()?.pop()? {
        Statement::Query(query) => Some(query),
        _ => None,
    }
}

fn first_of(body: &SetExpr) -> &SetExpr {
    match body {
        SetExpr::SetOperation { left, .. } => first_of(left),
        other => other,
    }
}

/// The only table of a SELECT and its alias.
fn only_table(select: &Select) -> Option<(String, String)> {
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::Table { name, alias: Some(alias), args: None, .. } = &from.relation else { return None };
    from.joins.is_empty().then(|| Some((name_of(name)?.value.clone(), alias.name.value.clone())))?
}

/// What a column of a result is called.
fn item_name(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(&alias.value),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(|name| name.value.as_str()),
        _ => None,
    }
}

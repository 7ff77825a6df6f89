//! Stages as SQL: each becomes a table `rN` of a WITH, over the one before.
//!
//! Tables only ever gain columns, until an aggregation starts anew: renaming, keeping and dropping change which
//! column stands for which name, and the last SELECT gives the names. So an order stays an expression over the
//! columns, and a name of a rule never decides a name in SQL (SQLite compares those without case). Which names there
//! are, and what a stage does to them, the plan's row schema says.

mod join;

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr};

use super::aggregate::{SqlAggregate, aggregate};
use super::ast::{self, Extras, OrderKey, SelectParts};
use super::dialect::{ListSource, StageDialect};
use super::pred::{SqlFields, pred};
use super::scalar;
use super::writer::{Kind, StatementWriter, Typed};
use super::{HIDDEN, LISTS, StatementColumns, StatementOrigin};
use crate::catalog::Catalog;
use crate::ir::{Dedup, Field, SortBy, SortKey, Stage, Stats};
use crate::plan::{RowSchema, Step};

/// The alias of the table before.
const ROW: &str = "r";

/// A column of the rows in SQL; what it is for the rule, the schema says at the same place.
#[derive(Debug, Clone)]
pub(super) struct SqlColumn {
    /// Its name in SQL.
    pub(super) sql: String,
    /// The column beside it with the members of its lists, where it may have any.
    pub(super) list: Option<String>,
}

/// What the rows are made of, and so which hidden columns say where each comes from.
enum SqlOrigin {
    /// One event: [`HIDDEN`].
    Event,
    /// The events of a group: [`GROUP`] and the columns of its key, by the by-field's name.
    Group {
        keys: Vec<(String, String)>,
        /// The columns of [`GROUP`].
        hidden: [String; 4],
    },
}

/// Hidden columns of a group: how many events it has, the times of the first and the last, their ids.
const GROUP: [&str; 4] = ["_count", "_first_us", "_last_us", "_events"];

/// The rows after some stages.
pub(super) struct SqlRows<'a> {
    writer: &'a StatementWriter,
    words: &'static dyn StageDialect,
    catalog: &'a Catalog,
    tables: Vec<(String, Query)>,
    schema: RowSchema,
    /// By place in the schema.
    columns: Vec<SqlColumn>,
    /// Names in SQL that are taken, in lower case.
    taken: BTreeSet<String>,
    /// Columns of the widest table so far.
    widest: usize,
    order: Vec<OrderKey>,
    behind: SqlOrigin,
}

impl SqlFields<Field> for SqlRows<'_> {
    fn writer(&self) -> &StatementWriter {
        self.writer
    }

    fn value(&self, field: &Field) -> Typed {
        self.value_of(&field.name)
    }

    fn test(&self, field: &Field, passes: &dyn Fn(Typed) -> Expr) -> Expr {
        let Some(place) = self.schema.place(&field.name) else { return ast::truth(false) };
        let value = self.value_at(place);
        match &self.columns[place].list {
            Some(list) => {
                let list = ast::column(ROW, list);
                let passes = |x| passes(Typed::new(x, Kind::Text));
                self.writer.in_members(|alias| self.words.any_member(ListSource::Made(&list), value.expr, alias, &passes))
            }
            None if value.multi => self.writer.gap("a test of a computed multivalue field"),
            None => passes(value),
        }
    }

    fn all(&self) -> Vec<Field> {
        self.schema.columns.iter().map(|c| Field { name: c.name.clone(), vocabulary: crate::ir::Vocabulary::Row }).collect()
    }
}

impl<'a> SqlRows<'a> {
    /// Starts from the matching events: a body whose first columns are the hidden ones, then these.
    pub(super) fn new(
        (writer, words): (&'a StatementWriter, &'static dyn StageDialect),
        catalog: &'a Catalog,
        body: SetExpr,
        columns: Vec<SqlColumn>,
        schema: &RowSchema,
    ) -> Self {
        let mut taken: BTreeSet<String> = HIDDEN.iter().map(|name| (*name).to_owned()).collect();
        taken.extend(columns.iter().flat_map(|c| std::iter::once(&c.sql).chain(&c.list)).map(|name| name.to_lowercase()));
        // Newest first (rule P1), and among equal times the event that was loaded last, as in a hunt.
        let order = ["_time_us", "_id"].map(|name| (ast::column(ROW, name), true)).to_vec();
        let (tables, widest) = (vec![("r0".to_owned(), ast::query(body))], taken.len());
        Self { writer, words, catalog, tables, schema: schema.clone(), columns, taken, widest, order, behind: SqlOrigin::Event }
    }

    /// Applies a stage.
    pub(super) fn apply(&mut self, step: &Step) {
        match &step.stage {
            Stage::Filter(condition) => {
                let filter = pred(self, condition);
                self.push(Vec::new(), Some(filter));
            }
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    let value = scalar::shown(self, expression);
                    // A table an assignment: a later one may read what an earlier one wrote, and SQLite has no alias inside of one SELECT.
                    self.assign(vec![(name.clone(), value)]);
                }
            }
            Stage::Stats(stats) => return self.stats(stats, step),
            Stage::EventStats(stats) => self.event_stats(stats),
            Stage::Rename(_) | Stage::Keep(_) | Stage::Drop(_) => {}
            Stage::Sort { keys, limit } => self.sort(keys, *limit),
            Stage::Head(count) => self.head(*count),
            Stage::Reverse => self.reverse(),
            Stage::Tail(count) => {
                self.reverse();
                self.head(*count);
            }
            Stage::Dedup(dedup) => self.dedup(dedup),
            Stage::FormatTime { fields, format } => self.format_time(fields, format),
            Stage::FillNull { fields, value } => self.fill_null(fields, value),
            Stage::Join(join) => self.join(join, step),
            Stage::Bin { field, span, alias } => self.bin(field, *span, alias.as_ref()),
            stage => {
                self.writer.gap(&feature(stage));
            }
        }
        self.carry(step);
    }

    /// Takes over the columns that the step leaves: what the stage wrote it has put under their names already.
    fn carry(&mut self, step: &Step) {
        let mut columns = Vec::with_capacity(step.row.columns.len());
        for (column, from) in step.row.columns.iter().zip(&step.from) {
            let place = from.or_else(|| self.schema.place(&column.name));
            let carried = match place {
                Some(place) => self.columns[place].clone(),
                None => self.null_column(&column.name),
            };
            columns.push(carried);
        }
        self.columns = columns;
        self.schema = step.row.clone();
    }

    /// A column that is null in every row: a name that the rule keeps although nothing has it.
    fn null_column(&mut self, name: &str) -> SqlColumn {
        let sql = self.fresh(name);
        self.push(vec![ast::item(ast::null(), &sql)], None);
        SqlColumn { sql, list: None }
    }

    /// Ends the pipeline: the rows in order under the rule's names, then what says where each comes from.
    pub(super) fn finish(mut self) -> (Query, StatementColumns) {
        if self.is_too_wide() {
            self.writer.gap(&format!("a step of more than {} columns", self.writer.dialect.column_max()));
        }
        let mut names: Vec<String> = self.schema.columns.iter().map(|c| c.name.clone()).collect();
        let named = self.columns.iter().zip(&names);
        let mut items: Vec<SelectItem> = named.map(|(column, name)| ast::item(ast::column(ROW, &column.sql), name)).collect();
        let shown = names.len();
        // Beside the rule's names, which these must not take.
        let mut taken: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let mut add = |expr: Expr, name: &str| {
            let name = unused(&mut taken, name);
            items.push(ast::item(expr, &name));
            names.push(name);
            names.len() - 1
        };
        let lists = self.lists().map(|lists| add(lists, LISTS));
        let origin = match std::mem::replace(&mut self.behind, SqlOrigin::Event) {
            SqlOrigin::Event => StatementOrigin::Event { id: add(ast::column(ROW, "_id"), "_id") },
            SqlOrigin::Group { keys, hidden } => {
                let shown = |sql: &String| self.columns.iter().position(|column| column.sql == *sql);
                let keys = keys.into_iter().map(|(name, sql)| {
                    let place = shown(&sql).unwrap_or_else(|| add(ast::column(ROW, &sql), &format!("_{name}")));
                    (name, place)
                });
                let keys = keys.collect();
                let mut place = 0;
                let [count, first_us, last_us, events] = hidden.map(|sql| {
                    place += 1;
                    add(ast::column(ROW, &sql), GROUP[place - 1])
                });
                StatementOrigin::Group { keys, count, first_us, last_us, events }
            }
        };
        let last = ast::table(&[&self.last()], ROW);
        let body = ast::query(ast::select(SelectParts { items, from: vec![last], ..Default::default() }));
        let query = ast::ordered(body, self.order, None);
        (ast::with(query, self.tables, false), StatementColumns { columns: names, shown, lists, origin })
    }

    fn is_too_wide(&self) -> bool {
        self.widest > self.writer.dialect.column_max()
    }

    fn lists(&self) -> Option<Expr> {
        let multi = self.schema.columns.iter().zip(&self.columns).filter(|(column, _)| column.multi);
        lists_of(
            self.words,
            multi.map(|(column, own)| match &own.list {
                Some(list) => (column.name.as_str(), ast::column(ROW, list)),
                None => (column.name.as_str(), self.writer.gap("the members of a computed multivalue field")),
            }),
        )
    }

    fn last(&self) -> String {
        self.tables.last().map_or_else(String::new, |(name, _)| name.clone())
    }

    fn value_at(&self, place: usize) -> Typed {
        let (column, own) = (&self.schema.columns[place], &self.columns[place]);
        let list = own.list.as_ref().filter(|_| column.multi).map(|list| ast::column(ROW, list));
        Typed { expr: ast::column(ROW, &own.sql), kind: column.kind, multi: column.multi, list }
    }

    fn value_of(&self, name: &str) -> Typed {
        self.schema.place(name).map_or_else(|| Typed::new(ast::null(), Kind::Text), |place| self.value_at(place))
    }

    /// Returns a name in SQL that nothing has yet.
    fn fresh(&mut self, name: &str) -> String {
        unused(&mut self.taken, name)
    }

    fn push(&mut self, more: Vec<SelectItem>, filter: Option<Expr>) {
        let items = std::iter::once(ast::everything(ROW)).chain(more).collect();
        let from = vec![ast::table(&[&self.last()], ROW)];
        self.push_query(ast::query(ast::select(SelectParts { items, from, filter, ..Default::default() })));
    }

    fn push_query(&mut self, query: Query) {
        // `SELECT *`: the tables only gain columns, so what was taken is how wide it is.
        self.widest = self.widest.max(self.taken.len());
        self.tables.push((format!("r{}", self.tables.len()), query));
    }

    /// Adds columns, or replaces those that have the name.
    fn assign(&mut self, values: Vec<(String, Typed)>) {
        let mut items = Vec::new();
        for (name, value) in values {
            let own = self.add(&name, &value, &mut items);
            self.write(&name, value.kind, value.multi, own);
        }
        self.push(items, None);
    }

    /// A column in SQL for a value, and one beside it for its lists.
    fn add(&mut self, name: &str, value: &Typed, items: &mut Vec<SelectItem>) -> SqlColumn {
        let sql = self.fresh(name);
        items.push(ast::item(value.expr.clone(), &sql));
        let list = value.list.clone().map(|list| {
            let sql = self.fresh(&format!("{name} list"));
            items.push(ast::item(list, &sql));
            sql
        });
        SqlColumn { sql, list }
    }

    /// Notes that a name now stands for a column in SQL, until the step's own schema is taken over.
    fn write(&mut self, name: &str, kind: Kind, multi: bool, column: SqlColumn) {
        let written = crate::plan::RowColumn { name: name.to_owned(), kind, multi, named: true };
        match self.schema.place(name) {
            Some(place) => {
                self.schema.columns[place] = written;
                self.columns[place] = column;
            }
            None => {
                self.schema.columns.push(written);
                self.columns.push(column);
            }
        }
    }

    fn sort(&mut self, keys: &[SortKey], limit: Option<u64>) {
        let mut order = Vec::new();
        for key in keys {
            if key.by != SortBy::Auto {
                self.writer.gap("a sort by `num()`, `str()` or `ip()`");
            }
            let value = self.value_of(&key.field);
            order.extend(scalar::sort_keys(self.writer, &value).into_iter().map(|expr| (expr, key.descending)));
        }
        // The order before stays behind the new keys: that is what a stable sort is in SQL.
        order.append(&mut self.order);
        self.order = order;
        if let Some(limit) = limit {
            self.head(limit);
        }
    }

    fn head(&mut self, count: u64) {
        let from = vec![ast::table(&[&self.last()], ROW)];
        let all = ast::query(ast::select(SelectParts { items: vec![ast::everything(ROW)], from, ..Default::default() }));
        // LIMIT with the order inside: the tables that follow must see the same rows.
        self.push_query(ast::ordered(all, self.order.clone(), Some(count)));
    }

    fn reverse(&mut self) {
        self.order.iter_mut().for_each(|(_, descending)| *descending = !*descending);
    }

    fn dedup(&mut self, dedup: &Dedup) {
        if dedup.fields.is_empty() || dedup.consecutive || dedup.keep_empty || dedup.keep_events {
            self.writer.gap("an option of `dedup`");
            return;
        }
        let values: Vec<Typed> = dedup.fields.iter().map(|name| self.value_of(name)).collect();
        // Its lines do not tell a list from a text that has them.
        let lists: Vec<Expr> = values.iter().filter_map(|value| value.list.clone()).collect();
        let mut values: Vec<Expr> =
            values.into_iter().map(|value| if value.kind.is_number() { value.expr } else { self.writer.as_text(value) }).collect();
        let present = ast::all(values.iter().cloned().map(ast::is_not_null).collect());
        values.extend(lists);
        // By the order so far: which of several equal rows is the first depends on it.
        let place = ast::call_with("row_number", Vec::new(), Extras { over: Some((values, self.order.clone())), ..Extras::default() });
        let name = self.fresh("_place");
        self.push(vec![ast::item(place, &name)], Some(present));
        let limit = ast::integer(i64::try_from(dedup.count).unwrap_or(i64::MAX));
        self.push(Vec::new(), Some(ast::op(ast::column(ROW, &name), BinaryOperator::LtEq, limit)));
    }

    fn format_time(&mut self, fields: &[String], format: &str) {
        let mut values: Vec<(String, Typed)> = Vec::new();
        for name in fields.iter().filter(|name| self.schema.place(name).is_some()) {
            let value = self.value_of(name);
            if value.multi {
                self.writer.gap("the time of a multivalue field");
            }
            let number = scalar::number_or_null(self.writer, &value);
            let text = self.words.format_time(format, &number).unwrap_or_else(|feature| self.writer.gap(&feature));
            let expr = ast::call("coalesce", vec![text, value.expr.clone()]);
            values.push((name.clone(), Typed { expr, kind: Kind::Text, ..value }));
        }
        if !values.is_empty() {
            self.assign(values);
        }
    }

    fn fill_null(&mut self, fields: &[String], text: &str) {
        let all = fields.is_empty();
        let values: Vec<(String, Typed)> = self
            .schema
            .filled(fields)
            .into_iter()
            .map(|name| {
                let value = self.value_of(&name);
                // Without a list of fields, one that is null in every row stays so.
                let some =
                    ast::call_with("count", vec![value.expr.clone()], Extras { over: Some((Vec::new(), Vec::new())), ..Extras::default() });
                let filling = self.writer.dialect.text(text);
                let filling =
                    if all { ast::case(vec![(ast::op(some, BinaryOperator::Gt, ast::integer(0)), filling)], None) } else { filling };
                let expr = ast::call("coalesce", vec![value.expr.clone(), filling]);
                (name, Typed { expr, kind: value.kind.or(Kind::Text), ..value })
            })
            .collect();
        if !values.is_empty() {
            self.assign(values);
        }
    }

    fn bin(&mut self, name: &str, span: f64, alias: Option<&String>) {
        let value = self.value_of(name);
        let number = scalar::number_or_null(self.writer, &value);
        let floor = self.words.floor(&ast::op(number.clone(), BinaryOperator::Divide, ast::real(span)));
        let is_whole = span.fract() == 0.0 && span < 1e15;
        #[allow(clippy::cast_possible_truncation, reason = "whole and below 10^15")]
        let width = if is_whole { ast::integer(span as i64) } else { ast::real(span) };
        let floored = ast::op(floor, BinaryOperator::Multiply, width);
        let target = alias.map_or(name, String::as_str).to_owned();
        let old = self.value_of(&target);
        let list = ast::case(vec![(ast::is_not_null(number.clone()), ast::null())], Some(old.list_or_null()));
        let expr = ast::case(vec![(ast::is_not_null(number), floored)], Some(old.expr.clone()));
        self.assign(vec![(target, Typed { expr, ..old }.with_list(|| list))]);
    }

    /// A by-field for grouping, and the tables that give a row once per member of its list.
    fn by_value(&mut self, field: &Field, fill: Option<&String>, place: usize, tables: &mut ast::Tables) -> SqlGroupKey {
        let value = self.value_of(&field.name);
        let dialect = self.words;
        let filled = |x: Expr| match fill {
            Some(fill) => ast::call("coalesce", vec![x, dialect.text(fill)]),
            None => x,
        };
        if value.multi {
            let alias = format!("_m{place}");
            // Members are texts: a number beside them would be a group of its own, and have another text.
            if !matches!(value.kind, Kind::Text | Kind::TruthText) {
                return SqlGroupKey::of(self.writer.gap("grouping by a field of lists and numbers"));
            }
            let Some(list) = self.schema.place(&field.name).and_then(|place| self.columns[place].list.clone()) else {
                return SqlGroupKey::of(self.writer.gap("grouping by a computed multivalue field"));
            };
            let (members, member) = dialect.members_table(ast::column(ROW, &list), &alias);
            tables.outer(members, ast::truth(true));
            return SqlGroupKey::of(filled(ast::call("coalesce", vec![member, value.expr])));
        }
        let is_mixed = matches!(value.kind, Kind::TextOrInteger | Kind::Any) || (value.kind.is_number() && fill.is_some());
        if !is_mixed {
            return SqlGroupKey::of(filled(value.expr));
        }
        // The number 5 and the text `5` are one group, but two values in SQL: groups are those of the texts, and a group's value
        // is the number where it has numbers only.
        let value = Typed::new(filled(value.expr), if value.kind.is_number() { value.kind.or(Kind::Text) } else { value.kind });
        let is_number = ast::case(vec![(dialect.is_stored_number(value.expr.clone()), ast::integer(1))], Some(ast::integer(0)));
        let are_numbers = ast::eq(ast::call("min", vec![is_number]), ast::integer(1));
        let text = self.writer.as_text(value.clone());
        let shown = ast::case(vec![(are_numbers, ast::call("min", vec![value.expr]))], Some(text.clone()));
        SqlGroupKey { by: text, shown }
    }

    fn stats(&mut self, stats: &Stats, step: &Step) {
        let mut tables = ast::Tables::new(ast::table(&[&self.last()], ROW));
        let fill = stats.fill_null_by.as_ref();
        let by: Vec<SqlGroupKey> = stats.by.iter().enumerate().map(|(i, f)| self.by_value(f, fill, i, &mut tables)).collect();
        let aggregates: Vec<SqlAggregate> = stats.aggregates.iter().map(|a| aggregate((self, self.words), a, &self.order)).collect();
        let present = by.iter().map(|key| ast::is_not_null(key.by.clone())).collect();
        let filter = if by.is_empty() { None } else { Some(ast::all(present)) };

        let multiplied = stats.by.iter().any(|field| self.value_of(&field.name).multi);
        let mut items: Vec<SelectItem> = GROUP.iter().zip(self.behind_group(multiplied)).map(|(name, e)| ast::item(e, name)).collect();
        self.taken = GROUP.map(str::to_owned).into();
        let names = stats.by.iter().map(|f| &f.name).chain(stats.aggregates.iter().map(|a| &a.alias));
        let mut columns: Vec<Option<SqlColumn>> = vec![None; step.row.columns.len()];
        let (mut keys, mut order, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        let values = by.iter().map(|key| SqlAggregate::Made(Box::new(Typed::new(key.shown.clone(), Kind::Text)))).chain(aggregates);
        for (i, (name, value)) in names.zip(values).enumerate() {
            let column = match value {
                SqlAggregate::Made(value) => self.add(name, &value, &mut items),
                SqlAggregate::Gathered(gathered, wanted) => {
                    let sql = self.fresh("_gathered");
                    items.push(ast::item(*gathered, &sql));
                    let made = wanted.of(self.words, &ast::column(ROW, &sql));
                    self.add(name, &made, &mut behind)
                }
            };
            let place = step.row.place(name);
            if i < by.len() {
                let key = ast::column(ROW, &column.sql);
                // Groups are in the order of the texts of their keys, as those of a hunt.
                let is_integer = place.is_some_and(|place| matches!(step.row.columns[place].kind, Kind::Integer | Kind::TextOrInteger));
                order.push((if is_integer { self.words.as_text(key) } else { key }, false));
                keys.push((name.clone(), column.sql.clone()));
            }
            if let Some(place) = place {
                columns[place] = Some(column);
            }
        }
        self.push_query(ast::query(ast::select(SelectParts {
            items,
            from: tables.into_from(),
            filter,
            group_by: by.into_iter().map(|key| key.by).collect(),
        })));
        if !behind.is_empty() {
            self.push(behind, None);
        }
        self.columns = columns.into_iter().flatten().collect();
        self.schema = step.row.clone();
        (self.order, self.behind) = (order, SqlOrigin::Group { keys, hidden: GROUP.map(str::to_owned) });
    }

    /// What [`GROUP`] says of the rows of a group; `multiplied`: a row may be in it more than once.
    fn behind_group(&self, multiplied: bool) -> [Expr; 4] {
        let of = |function, name| ast::call(function, vec![ast::column(ROW, name)]);
        match &self.behind {
            SqlOrigin::Event => {
                let distinct = || ast::call_with("count", vec![ast::column(ROW, "_id")], Extras { distinct: true, ..Extras::default() });
                let count = if multiplied { distinct() } else { ast::count_star(None) };
                [count, of("min", "_time_us"), of("max", "_time_us"), self.words.joined_ids(ast::column(ROW, "_id"))]
            }
            SqlOrigin::Group { hidden: [count, first_us, last_us, events], .. } => {
                [of("sum", count), of("min", first_us), of("max", last_us), self.words.joined_ids(ast::column(ROW, events))]
            }
        }
    }

    /// Puts around the groups of an `eventstats` what is made of their members, once a group and not once a row.
    fn made_of_members(&self, groups: Query, aggregates: Vec<SqlAggregate>) -> (Query, Vec<Typed>) {
        let mut more = Vec::new();
        let made = aggregates.into_iter().enumerate().map(|(i, value)| match value {
            SqlAggregate::Made(value) => *value,
            SqlAggregate::Gathered(_, wanted) => {
                let value = wanted.of(self.words, &ast::column(GATHERED, &format!("_m{i}")));
                more.push(ast::item(value.expr.clone(), &format!("_a{i}")));
                more.extend(value.list.clone().map(|list| ast::item(list, &format!("_l{i}"))));
                value
            }
        });
        let made = made.collect();
        if more.is_empty() {
            return (groups, made);
        }
        let items = std::iter::once(ast::everything(GATHERED)).chain(more).collect();
        (ast::query(ast::select(SelectParts { items, from: vec![ast::derived(groups, GATHERED)], ..Default::default() })), made)
    }

    /// Groups in a table of their own, joined to the rows. A row of no group keeps what it has.
    fn event_stats(&mut self, stats: &Stats) {
        let fill = stats.fill_null_by.as_ref();
        let mut tables = ast::Tables::new(ast::table(&[&self.last()], ROW));
        let by: Vec<SqlGroupKey> = stats.by.iter().enumerate().map(|(i, f)| self.by_value(f, fill, i, &mut tables)).collect();
        let own: Vec<Expr> = by.iter().map(|key| key.by.clone()).collect();
        let aggregates: Vec<SqlAggregate> = stats.aggregates.iter().map(|a| aggregate((self, self.words), a, &self.order)).collect();
        let mut items: Vec<SelectItem> = by.iter().enumerate().map(|(i, key)| ast::item(key.by.clone(), &format!("_k{i}"))).collect();
        for (i, value) in aggregates.iter().enumerate() {
            match value {
                SqlAggregate::Made(value) => {
                    items.push(ast::item(value.expr.clone(), &format!("_a{i}")));
                    items.extend(value.list.clone().map(|list| ast::item(list, &format!("_l{i}"))));
                }
                SqlAggregate::Gathered(gathered, _) => items.push(ast::item((**gathered).clone(), &format!("_m{i}"))),
            }
        }
        // A join that finds nothing and an aggregate that is null look the same; this column tells them apart.
        items.push(ast::item(ast::integer(1), "_found"));
        let present = by.iter().map(|key| ast::is_not_null(key.by.clone())).collect();
        let filter = if by.is_empty() { None } else { Some(ast::all(present)) };
        let groups = ast::query(ast::select(SelectParts {
            items,
            from: tables.into_from(),
            filter,
            group_by: by.into_iter().map(|key| key.by).collect(),
        }));

        let same = stats.by.iter().zip(own).enumerate().map(|(i, (field, own))| {
            // A row would be joined once a member, and there would be more rows than before.
            let is_multi = self.value_of(&field.name).multi;
            let own = if is_multi { self.writer.gap("eventstats by a multivalue field") } else { own };
            ast::eq(ast::column("_g", &format!("_k{i}")), own)
        });
        let on = ast::all(same.collect());
        let (groups, aggregates) = self.made_of_members(groups, aggregates);
        let mut joined = ast::Tables::new(ast::table(&[&self.last()], ROW));
        joined.outer(ast::derived(groups, "_g"), on);
        let mut items = vec![ast::everything(ROW)];
        for (i, (wanted, value)) in stats.aggregates.iter().zip(aggregates).enumerate() {
            let old = self.value_of(&wanted.alias);
            let is_kept = !stats.by.is_empty() && self.schema.place(&wanted.alias).is_some();
            let (kind, multi) = if is_kept { (value.kind.or(old.kind), value.multi || old.multi) } else { (value.kind, value.multi) };
            let found = |name: &str, old: Expr| {
                let found = ast::is_not_null(ast::column("_g", "_found"));
                ast::case(vec![(found, ast::column("_g", &format!("{name}{i}")))], Some(old))
            };
            let list = if value.list.is_some() { found("_l", old.list_or_null()) } else { not_found(old.list_or_null()) };
            let made = Typed { multi, ..Typed::new(found("_a", old.expr), kind) }.with_list(|| list);
            let column = self.add(&wanted.alias, &made, &mut items);
            self.write(&wanted.alias, kind, multi, column);
        }
        self.push_query(ast::query(ast::select(SelectParts { items, from: joined.into_from(), ..Default::default() })));
    }
}

/// The alias of the groups of an `eventstats` before what is made of their members.
const GATHERED: &str = "_h";

/// Makes the lists of a row by the names of their columns; of no column: nothing. What stands in a column are the members on
/// lines, and a text may have lines too.
pub(super) fn lists_of<'n>(dialect: &dyn StageDialect, lists: impl Iterator<Item = (&'n str, Expr)>) -> Option<Expr> {
    let lists: Vec<(&str, Expr)> = lists.collect();
    (!lists.is_empty()).then(|| dialect.lists_by_name(lists))
}

/// A stage, as a message names it.
pub(super) fn feature(stage: &Stage) -> String {
    format!("`{}`", crate::ir::print_stage(stage).lines().next().unwrap_or_default())
}

/// A key of groups: what rows are grouped by, and what a group's row shows of it.
struct SqlGroupKey {
    by: Expr,
    shown: Expr,
}

impl SqlGroupKey {
    fn of(by: Expr) -> Self {
        Self { shown: by.clone(), by }
    }
}

/// What a row of no group of an `eventstats` keeps.
fn not_found(old: Expr) -> Expr {
    ast::case(vec![(ast::is_null(ast::column("_g", "_found")), old)], None)
}

/// Returns a name that is not taken, and takes it.
pub(super) fn unused(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut candidate = if name.is_empty() { "_".to_owned() } else { name.replace('\0', "\u{2400}") };
    let base = candidate.clone();
    let mut number = 1;
    // Compared in lower case: SQLite takes two names that differ in case for one.
    while !taken.insert(candidate.to_lowercase()) {
        number += 1;
        candidate = format!("{base}~{number}");
    }
    candidate
}

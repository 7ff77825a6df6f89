//! SQLite, over the views and tables of a store.
//!
//! The view of an event type gives each field as text, a list as its members on lines; the raw cell is in the type's table. A list's raw
//! cell is the id of its value: INTEGER in dictionary columns, REAL in all others; its members are looked up in `value_item`. A list that
//! a statement makes is a JSON array.

mod function;
mod glob;
mod list;

use sqlparser::ast::{BinaryOperator, DataType, Expr, Ident, Query, SelectItem, TableWithJoins};

use super::ast::{self, Extras, OrderKey, SelectParts};
use super::dialect::{Dialect, Flattened, GatheredMembers, HeadColumn, ListSource, StageDialect, TextRelation, TrimSide};
use super::field::VIEW;
use super::letters;
use super::regex::patterns;
use crate::catalog::{Column, Encoding, EventType, Storage};
use crate::ir::{Case, Cidr, Glob};
use crate::plan::FieldFunction;

/// SQLite 3.44 or later.
#[derive(Debug)]
pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn name(&self) -> &'static str {
        "portable SQL"
    }

    fn events(&self, event_type: &EventType) -> TableWithJoins {
        ast::table(&[&event_type.view], VIEW)
    }

    fn head(&self, head: HeadColumn) -> Expr {
        match head {
            HeadColumn::Id => ast::column(VIEW, "_id"),
            HeadColumn::TimeUs => ast::column(VIEW, "_time_us"),
            HeadColumn::IsoTime => ast::column(VIEW, "_time"),
            HeadColumn::Host => ast::column(VIEW, "_host"),
            HeadColumn::Record => as_text(record()),
        }
    }

    fn message(&self) -> Result<Expr, &'static str> {
        Err("rendered text, which is stored compressed")
    }

    fn cell(&self, column: &Column) -> Result<Expr, &'static str> {
        // Columns beyond what a table can have are rows of `other_fields`, and the view does not name them.
        Ok(if column.view_name.is_empty() { other_field(column, "value") } else { ast::column(VIEW, &column.view_name) })
    }

    fn orders_rows(&self) -> bool {
        true
    }

    fn column_max(&self) -> usize {
        COLUMN_MAX
    }

    fn any_member(&self, list: ListSource<'_>, text: Expr, _alias: &'static str, passes: &dyn Fn(Expr) -> Expr) -> Expr {
        let members = ListMembers::of(list);
        let some = members.query(ast::truth(true), Some(passes(members.text.clone())));
        ast::case(vec![(members.is_list.clone(), ast::exists(some))], Some(passes(text)))
    }

    fn lines_of(&self, list: ListSource<'_>, text: Expr, function: &dyn Fn(Expr) -> Expr) -> Expr {
        let members = ListMembers::of(list);
        let joined = ast::call("group_concat", vec![function(members.text.clone()), ast::call("char", vec![ast::integer(10)])]);
        ast::case(vec![(members.is_list.clone(), ast::scalar_query(members.query(joined, None)))], Some(function(text)))
    }

    fn end_member(&self, list: ListSource<'_>, text: Expr, last: bool) -> Expr {
        let members = ListMembers::of(list);
        let member = ast::ordered(members.query(members.text.clone(), None), vec![(members.place.clone(), last)], Some(1));
        // `coalesce` the other way round would give the joined text of a list.
        ast::call("coalesce", vec![ast::scalar_query(member), text])
    }

    fn ident(&self, name: &str) -> Ident {
        ast::ident(name)
    }

    fn truth(&self, is_true: bool) -> Expr {
        ast::truth(is_true)
    }

    fn real(&self, number: f64) -> Expr {
        ast::real(number)
    }

    fn text(&self, text: &str) -> Expr {
        literal(text)
    }

    fn as_real(&self, expr: Expr) -> Expr {
        as_real(expr)
    }

    fn is_number(&self, text: &Expr) -> Expr {
        is_number(text)
    }

    fn matches(&self, value: Expr, glob: &Glob, case: Case) -> Expr {
        glob::matches(value, glob, case)
    }

    fn contains_any(&self, _value: Expr, _parts: &[&str], _case: Case) -> Option<Expr> {
        None
    }

    fn regex(&self, value: Expr, expression: &str) -> Result<Expr, &'static str> {
        let patterns = patterns(expression).ok_or("a regular expression that is not one of plain patterns")?;
        Ok(ast::any(patterns.iter().map(|pattern| glob::matches_classes(value.clone(), pattern)).collect()))
    }

    fn in_network(&self, _value: Expr, _network: &Cidr) -> Result<Expr, &'static str> {
        Err("a network (CIDR) comparison")
    }

    fn relates(&self, left: Expr, right: Expr, relation: TextRelation) -> Result<Expr, &'static str> {
        let TextRelation { any_before, any_after, case } = relation;
        if case == Case::Ignore {
            return Err("a comparison of two fields without case");
        }
        let length = self.length(right.clone());
        Ok(match (any_before, any_after) {
            (false, false) => ast::eq(left, right),
            (true, true) => ast::op(ast::call("instr", vec![left, right]), BinaryOperator::Gt, ast::integer(0)),
            (false, true) => ast::eq(self.substring(left, ast::integer(1), Some(length)), right),
            (true, false) => {
                let from = ast::op(
                    ast::op(self.length(left.clone()), BinaryOperator::Minus, length.clone()),
                    BinaryOperator::Plus,
                    ast::integer(1),
                );
                // Without it a needle longer than the text would compare from before its beginning.
                let fits = ast::op(self.length(left.clone()), BinaryOperator::GtEq, length);
                ast::all(vec![fits, ast::eq(self.substring(left, from, None), right)])
            }
        })
    }

    fn relates_lists(&self) -> bool {
        false
    }

    fn field_function(&self, function: &FieldFunction, x: Expr) -> Result<Expr, &'static str> {
        function::field_function(function, x)
    }

    fn print(&self, query: &Query) -> String {
        ast::print_pretty(query)
    }
}

impl StageDialect for Sqlite {
    fn newest_time_us(&self) -> Expr {
        ast::scalar_query(ast::query(ast::select(SelectParts {
            items: vec![SelectItem::UnnamedExpr(ast::call("max", vec![ast::column("event", "time_us")]))],
            from: vec![ast::table(&["event"], "event")],
            ..Default::default()
        })))
    }

    fn list_of(&self, list: ListSource<'_>, function: &dyn Fn(Expr) -> Expr) -> Expr {
        let members = ListMembers::of(list);
        let member = || function(members.text.clone());
        let is_list = ast::op(ast::call("count", vec![member()]), BinaryOperator::Gt, ast::integer(1));
        let order = vec![(members.place.clone(), false)];
        let extras = Extras { order, filter: Some(ast::is_not_null(member())), ..Extras::default() };
        let array = ast::call_with("json_group_array", vec![member()], extras);
        ast::scalar_query(members.query(ast::case(vec![(is_list, array)], None), None))
    }

    fn list_length(&self, list: &Expr) -> Expr {
        ast::call("json_array_length", vec![list.clone()])
    }

    fn members_table(&self, list: Expr, alias: &str) -> (TableWithJoins, Expr) {
        (ast::table_function("json_each", vec![list], alias), ast::column(alias, "value"))
    }

    fn distinct_lines(&self, text: Expr) -> Expr {
        distinct_lines(text)
    }

    fn distinct_list(&self, text: Expr) -> Expr {
        distinct_list(text)
    }

    fn gathered(&self, text: Expr, list: Option<Expr>, order: Vec<OrderKey>) -> Expr {
        list::gathered(text, list, order)
    }

    fn flattened(&self, gathered: &Expr, members: GatheredMembers) -> Flattened {
        list::flattened(gathered, members)
    }

    fn first_text(&self, text: Expr, order: Vec<OrderKey>) -> Expr {
        list::first_text(text, order)
    }

    fn first_list(&self, text: Expr, list: Expr, order: Vec<OrderKey>) -> Expr {
        list::first_list(text, list, order)
    }

    fn member_at(&self, list: Expr, place: i64) -> Expr {
        list::member_at(list, place)
    }

    fn split(&self, text: Expr, by: &str) -> Option<(Expr, Expr)> {
        list::split(text, by)
    }

    fn joined_ids(&self, id: Expr) -> Expr {
        ast::call("group_concat", vec![id])
    }

    fn lists_by_name(&self, lists: Vec<(&str, Expr)>) -> Expr {
        list::by_name(&lists)
    }

    fn as_text(&self, expr: Expr) -> Expr {
        as_text(expr)
    }

    fn whole(&self, number: Expr) -> Expr {
        whole(number)
    }

    fn floor(&self, number: &Expr) -> Expr {
        // CAST cuts towards zero, so a negative number with a fraction is one too high.
        ast::op(whole(number.clone()), BinaryOperator::Minus, ast::op(number.clone(), BinaryOperator::Lt, whole(number.clone())))
    }

    fn is_stored_number(&self, value: Expr) -> Expr {
        ast::in_list(ast::call("typeof", vec![value]), vec![literal("integer"), literal("real")])
    }

    fn length(&self, text: Expr) -> Expr {
        ast::call("length", vec![text])
    }

    fn substring(&self, text: Expr, from: Expr, length: Option<Expr>) -> Expr {
        ast::call("substr", [text, from].into_iter().chain(length).collect())
    }

    fn trimmed(&self, side: TrimSide, text: Expr, characters: Expr) -> Expr {
        let name = match side {
            TrimSide::Both => "trim",
            TrimSide::Left => "ltrim",
            TrimSide::Right => "rtrim",
        };
        ast::call(name, vec![text, characters])
    }

    fn format_time(&self, format: &str, seconds: &Expr) -> Result<Expr, String> {
        let format = time_format(format)?;
        Ok(ast::call("strftime", vec![literal(&format), self.floor(seconds), literal("unixepoch")]))
    }

    fn letters(&self) -> (&'static str, String) {
        let (large, small) = letters::all();
        ("letters (large, small)", format!("SELECT '{large}', '{small}'"))
    }

    fn folded(&self, column: &str) -> String {
        folded(column)
    }

    fn number_of(&self, column: &str) -> String {
        format!("CAST({column} AS REAL)")
    }

    fn ids_by_time(&self, id: &str, time: &str) -> String {
        format!("group_concat({id} ORDER BY {time}, {id})")
    }
}

/// Most columns of one result; SQLite takes 2,000.
// A hundred less than SQLite takes: hidden columns come on top.
const COLUMN_MAX: usize = 1_900;

/// The members of a list in a query.
struct ListMembers {
    /// Whether there is a list.
    is_list: Expr,
    from: TableWithJoins,
    /// Which rows are its members.
    of_list: Option<Expr>,
    text: Expr,
    place: Expr,
}

impl ListMembers {
    fn of(list: ListSource<'_>) -> Self {
        match list {
            ListSource::Column(event_type, column) => {
                let id = list_id(event_type, column);
                let same_value = ast::eq(ast::column("m", "id"), ast::column("i", "value"));
                Self {
                    is_list: is_list(id.clone()),
                    from: ast::join(ast::table(&["value_item"], "i"), ast::table(&["value"], "m"), Some(same_value), false),
                    of_list: Some(ast::eq(ast::column("i", "list"), id)),
                    text: ast::column("m", "text"),
                    place: ast::column("i", "position"),
                }
            }
            ListSource::Made(list) => Self {
                is_list: ast::is_not_null(list.clone()),
                from: ast::table_function("json_each", vec![list.clone()], "m"),
                of_list: None,
                text: ast::column("m", "value"),
                place: ast::column("m", "id"),
            },
        }
    }

    /// A query over the members for which a condition holds.
    fn query(&self, output: Expr, condition: Option<Expr>) -> Query {
        let terms: Vec<Expr> = self.of_list.clone().into_iter().chain(condition).collect();
        ast::query(ast::select(SelectParts {
            items: vec![SelectItem::UnnamedExpr(output)],
            from: vec![self.from.clone()],
            filter: (!terms.is_empty()).then(|| ast::all(terms)),
            ..Default::default()
        }))
    }
}

/// The record number; the view's `_record` stands in the place in the source where there is none.
fn record() -> Expr {
    ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::column("t", "record"))],
        from: vec![ast::table(&["event"], "t")],
        filter: Some(ast::eq(ast::column("t", "id"), ast::column(VIEW, "_id"))),
        ..Default::default()
    })))
}

/// The cell as it is stored, read from the type's table: views have text only.
fn raw_cell(event_type: &EventType, column: &Column) -> Expr {
    let Storage::Table(table) = &event_type.storage else { return other_field(column, "value_id") };
    if column.view_name.is_empty() {
        return other_field(column, "value_id");
    }
    ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::column("r", &column.sql_name))],
        from: vec![ast::table(&[table], "r")],
        filter: Some(ast::eq(ast::column("r", "_id"), ast::column(VIEW, "_id"))),
        ..Default::default()
    })))
}

/// A field for which the type's view has no place.
fn other_field(column: &Column, output: &str) -> Expr {
    let number = column.sql_name.trim_start_matches('c').parse().unwrap_or(-1);
    let same_event = ast::eq(ast::column("f", "_id"), ast::column(VIEW, "_id"));
    let same_field = ast::eq(ast::column("f", "_column"), ast::integer(number));
    ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::column("f", output))],
        from: vec![ast::table(&["other_fields"], "f")],
        filter: Some(ast::all(vec![same_event, same_field])),
        ..Default::default()
    })))
}

/// Makes the id of a column's list, NULL where the cell holds none.
fn list_id(event_type: &EventType, column: &Column) -> Expr {
    let raw = || raw_cell(event_type, column);
    // REAL marks a list outside of dictionary columns: the views read the same mark.
    let class = if column.encoding == Encoding::Dictionary { "integer" } else { "real" };
    ast::case(vec![(ast::eq(ast::call("typeof", vec![raw()]), literal(class)), raw())], None)
}

fn is_list(id: Expr) -> Expr {
    let same = ast::eq(ast::column("i", "list"), id);
    let one = vec![SelectItem::UnnamedExpr(ast::truth(true))];
    ast::exists(ast::query(ast::select(SelectParts {
        items: one,
        from: vec![ast::table(&["value_item"], "i")],
        filter: Some(same),
        ..Default::default()
    })))
}

/// Makes a text literal of any text.
pub(super) fn literal(text: &str) -> Expr {
    ast::pieces(text, "char")
}

/// Makes `CAST(x AS TEXT)`.
fn as_text(expr: Expr) -> Expr {
    ast::cast(expr, DataType::Text)
}

/// Makes `CAST(x AS REAL)`.
fn as_real(expr: Expr) -> Expr {
    ast::cast(expr, DataType::Real)
}

/// Makes `CAST(x AS INTEGER)`, which cuts towards zero.
fn whole(expr: Expr) -> Expr {
    ast::cast(expr, DataType::Integer(None))
}

/// Makes a test whether a text is a number as [`crate::ir::parse_number`] reads it. The text is named once: it may be long.
fn is_number(text: &Expr) -> Expr {
    let glob = |x: Expr, pattern: &str| ast::call("glob", vec![literal(pattern), x]);
    let unsigned = |x: Expr| ast::case(vec![(glob(x.clone(), "[+-]*"), ast::call("substr", vec![x.clone(), ast::integer(2)]))], Some(x));
    let t = || ast::column("t", "t");
    let e = || ast::call("instr", vec![ast::call("lower", vec![t()]), literal("e")]);
    let has_e = || ast::op(e(), BinaryOperator::Gt, ast::integer(0));
    let before = ast::op(e(), BinaryOperator::Minus, ast::integer(1));
    let mantissa = || unsigned(ast::case(vec![(has_e(), ast::call("substr", vec![t(), ast::integer(1), before.clone()]))], Some(t())));
    let exponent = || {
        let from = ast::op(e(), BinaryOperator::Plus, ast::integer(1));
        unsigned(ast::case(vec![(has_e(), ast::call("substr", vec![t(), from]))], Some(literal("0"))))
    };
    let largest = ast::op(ast::call("abs", vec![as_real(t())]), BinaryOperator::LtEq, ast::real(f64::MAX));
    let test = ast::all(vec![
        glob(mantissa(), "*[0-9]*"),
        ast::not(glob(mantissa(), "*[^0-9.]*")),
        ast::not(glob(mantissa(), "*.*.*")),
        glob(exponent(), "[0-9]*"),
        ast::not(glob(exponent(), "*[^0-9]*")),
        largest,
    ]);
    let inner = ast::query(ast::select(SelectParts { items: vec![ast::item(text.clone(), "t")], ..Default::default() }));
    ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(test)],
        from: vec![ast::derived(inner, "t")],
        ..Default::default()
    })))
}

/// The distinct texts in order, on lines. `group_concat(DISTINCT …)` takes no separator but the comma: commas in the
/// texts are written as unit separator and `c` meanwhile, and unit separators as unit separator and `u`.
fn distinct_lines(text: Expr) -> Expr {
    const COMMA: &str = "\u{1f}c";
    const SEPARATOR: &str = "\u{1f}u";
    let replace = |x, from, to| ast::call("replace", vec![x, literal(from), literal(to)]);
    let extras = Extras { distinct: true, order: vec![(text.clone(), false)], ..Extras::default() };
    // Unit separators first: else those that stand for commas would be written a second time.
    let written = replace(replace(text, "\u{1f}", SEPARATOR), ",", COMMA);
    let joined = ast::call_with("group_concat", vec![written], extras);
    // The comma of the list becomes the line break before the commas of the texts come back.
    replace(replace(replace(joined, ",", "\n"), COMMA, ","), SEPARATOR, "\u{1f}")
}

/// The distinct texts in order as a JSON array, NULL where these are fewer than two.
fn distinct_list(text: Expr) -> Expr {
    let count = ast::call_with("count", vec![text.clone()], Extras { distinct: true, ..Extras::default() });
    let (order, filter) = (vec![(text.clone(), false)], Some(ast::is_not_null(text.clone())));
    let members = ast::call_with("json_group_array", vec![text], Extras { distinct: true, order, filter, over: None });
    ast::case(vec![(ast::op(count, BinaryOperator::Gt, ast::integer(1)), members)], None)
}

/// A text without case, as [`crate::event::fold_char`] says it: `lower()` knows ASCII only, and is right where nothing else is.
fn folded(text: &str) -> String {
    let letter = format!("substr({text}, n + 1, 1)");
    let small = format!("coalesce(nullif(substr(small, nullif(instr(large, {letter}), 0), 1), ''), lower({letter}))");
    format!(
        "CASE WHEN {text} GLOB '*[^ -~]*' THEN (WITH RECURSIVE f (n, folded) AS (SELECT 0, '' UNION ALL SELECT n + 1, folded || {small} \
         FROM f, letters WHERE n < length({text})) SELECT folded FROM f ORDER BY n DESC LIMIT 1) ELSE lower({text}) END"
    )
}

/// A format for SQLite's own strftime, of whole seconds (it rounds fractions up), of the parts that every version knows.
fn time_format(format: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', Some('F')) => expanded.push_str("%Y-%m-%d"),
            ('%', Some('T')) => expanded.push_str("%H:%M:%S"),
            // Only parts that every SQLite since 3.44 writes the same way; others print as they stand, in silence.
            ('%', Some(part @ ('d' | 'H' | 'j' | 'm' | 'M' | 'S' | 'Y' | '%'))) => expanded.extend(['%', part]),
            ('%', part) => {
                let part = part.map_or_else(String::new, |c| c.to_string());
                return Err(format!("the time format %{part}"));
            }
            (c, _) => expanded.push(c),
        }
    }
    Ok(expanded)
}

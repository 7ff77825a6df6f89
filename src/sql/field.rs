//! Fields of events as SQL over a type's text view: values, tests of their members, functions of field maps.
//!
//! The view gives each field as text, a list as its members on lines; the raw cell is in the type's table. A list's raw cell is
//! the id of its value: INTEGER in dictionary columns, REAL in all others; its members are looked up in `value_item`.

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, TableWithJoins};

use super::ast::{self, Extras, SelectParts};
use super::glob::matches;
use super::writer::{Kind, StatementWriter, Typed, two_valued};
use crate::catalog::{Column, Encoding, EventType, Storage};
use crate::ir::{Case, Glob, Part};
use crate::plan::{FieldExpr, FieldFunction, wildcard};

/// The alias of the view in every SELECT over one.
pub(super) const VIEW: &str = "v";

/// The fields of one event type.
pub(super) struct ViewFields<'a> {
    /// Shared state.
    pub(super) writer: &'a StatementWriter,
    /// The type.
    pub(super) event_type: &'a EventType,
}

impl ViewFields<'_> {
    /// Makes a field's value; the members of a list are joined by newline.
    pub(super) fn value(&self, field: &FieldExpr) -> Typed {
        if let FieldExpr::Time = field {
            return Typed::new(ast::op(ast::column(VIEW, "_time_us"), BinaryOperator::Divide, ast::real(1_000_000.0)), Kind::Number);
        }
        let value = Typed { multi: self.may_be_list(field), ..Typed::new(self.text(field), Kind::Text) };
        value.with_list(|| self.list(field))
    }

    /// Whether the field may be a list in some event.
    pub(super) fn may_be_list(&self, field: &FieldExpr) -> bool {
        field.may_be_list(self.event_type)
    }

    /// Makes the members of a field as a JSON array, NULL where it has fewer than two.
    fn list(&self, field: &FieldExpr) -> Expr {
        match field {
            FieldExpr::Apply(function, inner) => match self.list_id(inner) {
                Some(id) => list_of(id, &|x| portable_function(self.writer, function, x)),
                None => ast::null(), // the gap is noted where the text is made
            },
            FieldExpr::Coalesce(parts) => {
                let list = |part| if self.may_be_list(part) { self.list(part) } else { ast::null() };
                ast::case(parts.iter().map(|part| (self.is_present(part), list(part))).collect(), None)
            }
            FieldExpr::Default(inner, _) => ast::case(vec![(self.is_not_empty(inner), self.list(inner))], None),
            field => self.list_id(field).map_or_else(ast::null, |id| list_of(id, &|x| x)),
        }
    }

    /// Makes the id of a field's list, NULL where it is none; only a bare column has one.
    fn list_id(&self, field: &FieldExpr) -> Option<Expr> {
        match field {
            FieldExpr::Column(index) => Some(list_id(self.event_type, self.event_type.column(*index))),
            _ => None,
        }
    }

    fn text(&self, field: &FieldExpr) -> Expr {
        match field {
            FieldExpr::Missing => ast::null(),
            FieldExpr::Constant(text) => ast::text(text),
            FieldExpr::Column(index) => text_cell(self.event_type.column(*index)),
            FieldExpr::Time => self.writer.gap("the text of an event's time"),
            FieldExpr::Host => ast::column(VIEW, "_host"),
            FieldExpr::Record => ast::as_text(record()),
            FieldExpr::Message => self.writer.gap("rendered text, which is stored compressed"),
            // The head of every view has it.
            FieldExpr::Apply(FieldFunction::IsoTime, inner) if **inner == FieldExpr::Time => ast::column(VIEW, "_time"),
            FieldExpr::Apply(function, inner) => self.apply(function, inner),
            FieldExpr::Coalesce(parts) => {
                let branches = parts.iter().map(|part| (self.is_present(part), self.text(part))).collect();
                ast::case(branches, None)
            }
            FieldExpr::Default(inner, text) => ast::case(vec![(self.is_not_empty(inner), self.text(inner))], Some(ast::text(text))),
        }
    }

    /// Whether a field has a value of its own before its default: some member is not empty.
    fn is_not_empty(&self, field: &FieldExpr) -> Expr {
        self.test(field, &|x: Expr| ast::not_in_list(x, vec![ast::text("")]))
    }

    /// Whether a part of a Coalesce counts: some member is neither empty nor `-`.
    fn is_present(&self, field: &FieldExpr) -> Expr {
        self.test(field, &|x: Expr| ast::not_in_list(x, vec![ast::text(""), ast::text("-")]))
    }

    fn apply(&self, function: &FieldFunction, inner: &FieldExpr) -> Expr {
        if matches!(function, FieldFunction::FirstMember | FieldFunction::LastMember) {
            return self.end_member(inner, *function == FieldFunction::LastMember);
        }
        let on = |x: Expr| portable_function(self.writer, function, x);
        match self.list_id(inner) {
            // A list and a single value may stand in one column, so both forms are in the statement.
            Some(id) if self.may_be_list(inner) => {
                let joined = ast::call("group_concat", vec![on(ast::column("m", "text")), ast::call("char", vec![ast::integer(10)])]);
                ast::case(vec![(is_list(id.clone()), ast::scalar_query(members_of(id, joined)))], Some(on(self.text(inner))))
            }
            _ if self.may_be_list(inner) => self.writer.gap("a function of a function of a multivalue field"),
            _ => on(self.text(inner)),
        }
    }

    fn end_member(&self, inner: &FieldExpr, last: bool) -> Expr {
        match self.list_id(inner) {
            Some(id) if self.may_be_list(inner) => {
                // `coalesce` the other way round would give the joined text of a list.
                let member = members_of(id, ast::column("m", "text"));
                let member = ast::ordered(member, vec![(ast::column("i", "position"), last)], Some(1));
                ast::call("coalesce", vec![ast::scalar_query(member), self.text(inner)])
            }
            _ if self.may_be_list(inner) => self.writer.gap("the first or last member of a function of a multivalue field"),
            _ => self.text(inner),
        }
    }

    /// Makes "some member passes"; NULL where the field is missing.
    pub(super) fn test(&self, field: &FieldExpr, passes: &dyn Fn(Expr) -> Expr) -> Expr {
        match field {
            FieldExpr::Missing => ast::truth(false),
            FieldExpr::Column(index) => {
                let column = self.event_type.column(*index);
                let text = text_cell(column);
                if column.has_lists { some_member(list_id(self.event_type, column), text, passes) } else { passes(text) }
            }
            // These give one value for the whole list: there are no members to test.
            FieldExpr::Apply(FieldFunction::FirstMember | FieldFunction::LastMember | FieldFunction::IsoTime, _) => {
                passes(self.text(field))
            }
            FieldExpr::Apply(function, inner) => self.test(inner, &|x| passes(portable_function(self.writer, function, x))),
            FieldExpr::Coalesce(parts) => {
                let branches = parts.iter().map(|part| (self.is_present(part), self.test(part, passes))).collect();
                ast::case(branches, Some(ast::truth(false)))
            }
            FieldExpr::Default(inner, text) => {
                ast::case(vec![(self.is_not_empty(inner), self.test(inner, passes))], Some(passes(ast::text(text))))
            }
            FieldExpr::Constant(_) | FieldExpr::Time | FieldExpr::Host | FieldExpr::Record | FieldExpr::Message => passes(self.text(field)),
        }
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

fn text_cell(column: &Column) -> Expr {
    // Columns beyond what a table can have are rows of `other_fields`, and the view does not name them.
    if column.view_name.is_empty() { other_field(column, "value") } else { ast::column(VIEW, &column.view_name) }
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
    ast::case(vec![(ast::eq(ast::call("typeof", vec![raw()]), ast::text(class)), raw())], None)
}

/// Makes what a function gives of the members of a list as a JSON array, NULL where these are fewer than two.
fn list_of(id: Expr, function: &dyn Fn(Expr) -> Expr) -> Expr {
    let member = || function(ast::column("m", "text"));
    let is_list = ast::op(ast::call("count", vec![member()]), BinaryOperator::Gt, ast::integer(1));
    let order = vec![(ast::column("i", "position"), false)];
    let extras = Extras { order, filter: Some(ast::is_not_null(member())), ..Extras::default() };
    let members = ast::call_with("json_group_array", vec![member()], extras);
    ast::scalar_query(members_of(id, ast::case(vec![(is_list, members)], None)))
}

/// The column of [`listed`] with a member.
pub(super) const LISTED: &str = "value";

/// Makes the members of a JSON array as a table to join.
pub(super) fn listed(list: Expr, alias: &str) -> TableWithJoins {
    ast::table_function("json_each", vec![list], alias)
}

/// Makes "some member of a JSON array, or the text where there is none, passes".
pub(super) fn some_listed(list: Expr, text: Expr, passes: &dyn Fn(Expr) -> Expr) -> Expr {
    let members = ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::truth(true))],
        from: vec![listed(list.clone(), "m")],
        filter: Some(passes(ast::column("m", LISTED))),
        ..Default::default()
    }));
    ast::case(vec![(ast::is_not_null(list), ast::exists(members))], Some(passes(text)))
}

/// Makes "some member of the list, or the text where it is none, passes".
fn some_member(id: Expr, text: Expr, passes: &dyn Fn(Expr) -> Expr) -> Expr {
    let mut query = members_of(id.clone(), ast::truth(true));
    if let sqlparser::ast::SetExpr::Select(select) = query.body.as_mut() {
        let of_list = select.selection.take().into_iter();
        select.selection = Some(ast::all(of_list.chain([passes(ast::column("m", "text"))]).collect()));
    }
    ast::case(vec![(is_list(id), ast::exists(query))], Some(passes(text)))
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

/// Makes a query over the members of a list: `i` is the place, `m` the member's value.
fn members_of(id: Expr, output: Expr) -> Query {
    let same_value = ast::eq(ast::column("m", "id"), ast::column("i", "value"));
    ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(output)],
        from: vec![member_tables(same_value)],
        filter: Some(ast::eq(ast::column("i", "list"), id)),
        ..Default::default()
    }))
}

fn member_tables(on: Expr) -> TableWithJoins {
    ast::join(ast::table(&["value_item"], "i"), ast::table(&["value"], "m"), Some(on), false)
}

/// Makes the text after the last of some separators: what stays when all other characters are taken from the right.
pub(super) fn after_last(x: &Expr, separators: &[&str]) -> Expr {
    let end = ast::op(ast::call("length", vec![up_to_last(x, separators)]), BinaryOperator::Plus, ast::integer(1));
    ast::call("substr", vec![x.clone(), end])
}

fn up_to_last(x: &Expr, separators: &[&str]) -> Expr {
    let others = separators.iter().fold(x.clone(), |x, s| ast::call("replace", vec![x, ast::text(s), ast::text("")]));
    // Whatever is not the separator is trimmed from the right: SQLite has no search from behind.
    ast::call("rtrim", vec![x.clone(), others])
}

/// Makes a function of a field map of SQLite's own functions.
fn portable_function(writer: &StatementWriter, function: &FieldFunction, x: Expr) -> Expr {
    let substr = |from: i64, length: Option<Expr>| ast::call("substr", [x.clone(), ast::integer(from)].into_iter().chain(length).collect());
    let length_less = |n: i64| ast::op(ast::call("length", vec![x.clone()]), BinaryOperator::Minus, ast::integer(n));
    let glob = |pattern: &str| ast::call("glob", vec![ast::text(pattern), x.clone()]);
    let separator = || ast::call("instr", vec![x.clone(), ast::text("\\")]);
    let has_separator = || ast::op(separator(), BinaryOperator::Gt, ast::integer(0));
    match function {
        FieldFunction::BaseName => after_last(&x, &["\\", "/"]),
        FieldFunction::WithoutDomain => after_last(&x, &["\\"]),
        FieldFunction::Lower => writer.gap("lower case of letters outside ASCII"),
        FieldFunction::Hash(kind) => hash(&x, kind),
        FieldFunction::RegistryData => {
            let is_wrapped = ast::any(vec![glob("DWORD (*)"), glob("QWORD (*)")]);
            // `DWORD (` has seven characters, and the closing bracket is left out of the length.
            ast::case(vec![(is_wrapped, substr(8, Some(length_less(8))))], Some(x))
        }
        FieldFunction::WithoutMappedPrefix => ast::case(vec![(ast::like(x.clone(), ast::text("::ffff:%")), substr(8, None))], Some(x)),
        FieldFunction::HexToDecimal => hex_to_decimal(&x),
        FieldFunction::FirstMember | FieldFunction::LastMember => x,
        FieldFunction::Translate(pairs) => ast::case(translations(&x, pairs), Some(x)),
        FieldFunction::TranslateElse(pairs, otherwise) => {
            let otherwise = ast::case(vec![(ast::is_not_null(x.clone()), ast::text(otherwise))], None);
            ast::case(translations(&x, pairs), Some(otherwise))
        }
        FieldFunction::Choose(pairs) => {
            let fits = |pattern: &str| match pattern.contains('*') {
                true => matches(x.clone(), &wildcard(pattern), Case::Ignore),
                false => same_letters(&x, pattern),
            };
            let chosen: Vec<_> = pairs.iter().map(|(pattern, text)| (fits(pattern), ast::text(text))).collect();
            if chosen.is_empty() { ast::null() } else { ast::case(chosen, None) }
        }
        FieldFunction::Length => ast::as_text(ast::call("length", vec![x])),
        FieldFunction::Prefix(pairs) => {
            let replaced = pairs.iter().map(|(from, to)| {
                let begins = Glob::new([Part::Text(from.clone()), Part::Any]);
                let rest = substr(i64::try_from(from.chars().count() + 1).expect("a short text"), None);
                (matches(x.clone(), &begins, Case::Ignore), ast::op(ast::text(to), BinaryOperator::StringConcat, rest))
            });
            ast::case(replaced.collect(), Some(x.clone()))
        }
        FieldFunction::Parent => {
            let end = ast::op(ast::call("length", vec![up_to_last(&x, &["\\"])]), BinaryOperator::Minus, ast::integer(1));
            ast::case(vec![(has_separator(), substr(1, Some(end)))], None)
        }
        FieldFunction::Root => {
            let end = ast::op(separator(), BinaryOperator::Minus, ast::integer(1));
            ast::case(vec![(has_separator(), substr(1, Some(end)))], Some(x))
        }
        FieldFunction::RegistryType => ast::case(
            vec![
                (ast::is_null(x.clone()), ast::null()),
                (ast::eq(x.clone(), ast::text("Binary Data")), ast::text("REG_BINARY")),
                (glob("DWORD (*"), ast::text("REG_DWORD")),
                (glob("QWORD (*"), ast::text("REG_QWORD")),
            ],
            Some(ast::text("REG_SZ")),
        ),
        FieldFunction::IsoTime => x,
        FieldFunction::InnerObject(path) => inner_object(&x, path),
    }
}

/// The object at a path, where the text is JSON; a list only if it has an object or a list in it.
fn inner_object(x: &Expr, path: &str) -> Expr {
    let keys: String = path.split('.').map(|key| format!(".\"{key}\"")).collect();
    let path = || ast::text(&format!("${keys}"));
    // Not every text of the column is JSON, and SQLite raises an error for one that is not.
    let json = || ast::case(vec![(ast::call("json_valid", vec![x.clone()]), x.clone())], None);
    let kind = || ast::call("json_type", vec![json(), path()]);
    let nested = ast::exists(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(ast::truth(true))],
        from: vec![ast::table_function("json_each", vec![json(), path()], "t")],
        filter: Some(ast::any(vec![
            ast::eq(ast::column("t", "type"), ast::text("object")),
            ast::eq(ast::column("t", "type"), ast::text("array")),
        ])),
        ..Default::default()
    })));
    let is_list = ast::all(vec![ast::eq(kind(), ast::text("array")), nested]);
    let is_object = ast::any(vec![ast::eq(kind(), ast::text("object")), is_list]);
    ast::case(vec![(is_object, ast::call("json_extract", vec![json(), path()]))], None)
}

/// Translations compare without the case of ASCII letters.
fn translations(x: &Expr, pairs: &[(String, String)]) -> Vec<(Expr, Expr)> {
    match pairs.is_empty() {
        true => vec![(ast::truth(false), ast::null())],
        false => pairs.iter().map(|(from, to)| (same_letters(x, from), ast::text(to))).collect(),
    }
}

/// Equality without the case of ASCII letters. Not by a collation: SQLite would compare what is made of it by that one too.
fn same_letters(x: &Expr, text: &str) -> Expr {
    ast::eq(ast::call("lower", vec![x.clone()]), ast::text(&text.to_ascii_lowercase()))
}

/// Every white space character, for `trim`.
// SQLite's `trim` knows spaces only; the scan trims what Unicode calls white space.
const WHITE_SPACE: &str = " \t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The first `K=` part of a comma-separated text: the parts as a JSON array, one row each.
fn hash(x: &Expr, kind: &str) -> Expr {
    let concat = |terms: Vec<Expr>| terms.into_iter().reduce(|a, b| ast::op(a, BinaryOperator::StringConcat, b)).unwrap_or_else(ast::null);
    // The text as JSON, its commas as borders: SQLite has no split.
    let parts = ast::call("replace", vec![ast::call("json_quote", vec![x.clone()]), ast::text(","), ast::text("\",\"")]);
    let rows = ast::table_function("json_each", vec![concat(vec![ast::text("["), parts, ast::text("]")])], "t");
    let part = || ast::call("trim", vec![ast::column("t", "value"), ast::text(WHITE_SPACE)]);
    let is_kind = ast::like(part(), ast::text(&format!("{}=%", kind.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))));
    let after =
        ast::call("substr", vec![part(), ast::op(ast::call("instr", vec![part(), ast::text("=")]), BinaryOperator::Plus, ast::integer(1))]);
    let query = ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(after)],
        from: vec![rows],
        filter: Some(is_kind),
        ..Default::default()
    }));
    let first = ast::ordered(query, vec![(ast::column("t", "id"), false)], Some(1));
    ast::case(vec![(ast::is_not_null(x.clone()), ast::scalar_query(first))], None)
}

/// `0x1f4` → `500`: two halves of eight digits, put together as billions and the rest, because 64 bits are more than SQLite's
/// numbers hold. Views have no recursion, also none that ends: a store with one is taken for a stranger's.
fn hex_to_decimal(x: &Expr) -> Expr {
    let int = ast::integer;
    let times = |a, b| ast::op(a, BinaryOperator::Multiply, b);
    let plus = |a, b| ast::op(a, BinaryOperator::Plus, b);
    let digits = ast::call("ltrim", vec![ast::call("lower", vec![ast::call("substr", vec![x.clone(), int(3)])]), ast::text("0")]);
    let padded = ast::op(ast::text("0000000000000000"), BinaryOperator::StringConcat, digits);
    // SQLite computes a subquery without a table once, and does not put it into the place of each digit.
    let all = ast::call("substr", vec![padded, int(-16)]);
    let all = ast::query(ast::select(SelectParts { items: vec![ast::item(all, "s")], ..Default::default() }));
    let digit = |place: i64| {
        let one = ast::call("substr", vec![ast::column("t", "s"), int(place), int(1)]);
        ast::op(ast::call("instr", vec![ast::text("0123456789abcdef"), one]), BinaryOperator::Minus, int(1))
    };
    let half = |first: i64| (first + 1..first + 8).fold(digit(first), |number, place| plus(times(number, int(16)), digit(place)));
    let halves = vec![ast::item(half(1), "h"), ast::item(half(9), "l")];
    let halves = ast::query(ast::select(SelectParts { items: halves, from: vec![ast::derived(all, "t")], ..Default::default() }));
    let (high, low) = (|| ast::column("n", "h"), || ast::column("n", "l"));
    // 2^32 is 4 billions and 294,967,296.
    let billion = 1_000_000_000;
    let rest = || plus(times(high(), int(294_967_296)), low());
    let billions = || plus(times(high(), int(4)), ast::op(rest(), BinaryOperator::Divide, int(billion)));
    let below = || ast::op(rest(), BinaryOperator::Modulo, int(billion));
    let long = ast::call("printf", vec![ast::text("%d%09d"), billions(), below()]);
    let text = ast::case(vec![(ast::op(billions(), BinaryOperator::Gt, int(0)), long)], Some(ast::as_text(below())));
    let decimal = ast::scalar_query(ast::query(ast::select(SelectParts {
        items: vec![SelectItem::UnnamedExpr(text)],
        from: vec![ast::derived(halves, "n")],
        ..Default::default()
    })));
    let glob = |pattern: &str| ast::call("glob", vec![ast::text(pattern), x.clone()]);
    let fits = ast::op(
        ast::call("length", vec![ast::call("ltrim", vec![ast::call("substr", vec![x.clone(), int(3)]), ast::text("0")])]),
        BinaryOperator::LtEq,
        int(16),
    );
    let is_hex = ast::all(vec![glob("0[xX][0-9a-fA-F]*"), ast::not(two_valued(glob("0[xX]*[^0-9a-fA-F]*"))), fits]);
    ast::case(vec![(is_hex, decimal)], Some(x.clone()))
}

//! Lists that statements make, as JSON arrays of texts.

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem};

use super::literal;
use crate::sql::ast::{self, Extras, OrderKey, SelectParts};
use crate::sql::dialect::{Flattened, GatheredMembers};

/// The values of a group's rows: an array of the arrays of their members.
pub(super) fn gathered(text: Expr, list: Option<Expr>, order: Vec<OrderKey>) -> Expr {
    let single = ast::call("json_array", vec![plain(text.clone())]);
    let members = list.map_or_else(|| single.clone(), |list| ast::call("coalesce", vec![list, single.clone()]));
    // `json()`, because a column has only the text of an array, and `json_group_array` would quote it.
    let extras = Extras { order, filter: Some(ast::is_not_null(text)), ..Extras::default() };
    ast::call_with("json_group_array", vec![ast::call("json", vec![members])], extras)
}

/// The members of an array of arrays. SQLite lets no aggregate be the argument of `json_each`: it has to stand in a column.
pub(super) fn flattened(gathered: &Expr, members: GatheredMembers) -> Flattened {
    let value = || ast::column("m", "value");
    let order = || match members {
        GatheredMembers::Distinct => vec![(value(), false)],
        GatheredMembers::First(_) => vec![(ast::column("m", "_row"), false), (ast::column("m", "_place"), false)],
    };
    let over = |output: Expr| {
        let from = vec![ast::derived(members_of(gathered, members), "m")];
        let items = vec![SelectItem::UnnamedExpr(output)];
        ast::scalar_query(ast::query(ast::select(SelectParts { items, from, ..Default::default() })))
    };
    let in_order = |name, arguments| ast::call_with(name, arguments, Extras { order: order(), ..Extras::default() });
    let count = || ast::call("count", vec![value()]);
    let is_list = ast::op(count(), BinaryOperator::Gt, ast::integer(1));
    Flattened {
        text: over(in_order("group_concat", vec![value(), line_break()])),
        list: over(ast::case(vec![(is_list, in_order("json_group_array", vec![value()]))], None)),
        count: over(count()),
    }
}

fn members_of(gathered: &Expr, members: GatheredMembers) -> Query {
    let member = |name| ast::column("m", name);
    let rows = ast::table_function("json_each", vec![gathered.clone()], "i");
    let from = vec![ast::join(rows, ast::table_function("json_each", vec![ast::column("i", "value")], "m"), None, false)];
    match members {
        GatheredMembers::Distinct => {
            let items = vec![ast::item(member("value"), "value")];
            ast::query(ast::select(SelectParts { items, from, group_by: vec![member("value")], ..Default::default() }))
        }
        GatheredMembers::First(count) => {
            let row = ast::column("i", "key");
            let items = vec![ast::item(member("value"), "value"), ast::item(row.clone(), "_row"), ast::item(member("key"), "_place")];
            let all = ast::query(ast::select(SelectParts { items, from, ..Default::default() }));
            ast::ordered(all, vec![(row, false), (member("key"), false)], Some(count))
        }
    }
}

/// Of a group: the first value in an order.
// As the first of all: SQLite has no aggregate for it, and the columns beside `min()` hold only where it is the only one.
pub(super) fn first_text(text: Expr, order: Vec<OrderKey>) -> Expr {
    // An integer must stay one.
    let is_text = ast::eq(ast::call("typeof", vec![text.clone()]), literal("text"));
    let value = ast::case(vec![(is_text, plain(text.clone()))], Some(text.clone()));
    first(value, ast::is_not_null(text), order)
}

/// Of a group: the list of its first value in an order.
pub(super) fn first_list(text: Expr, list: Expr, order: Vec<OrderKey>) -> Expr {
    first(ast::call("json", vec![list]), ast::is_not_null(text), order)
}

fn first(value: Expr, present: Expr, order: Vec<OrderKey>) -> Expr {
    let extras = Extras { order, filter: Some(present), ..Extras::default() };
    ast::call("json_extract", vec![ast::call_with("json_group_array", vec![value], extras), literal("$[0]")])
}

/// One member of an array.
pub(super) fn member_at(list: Expr, place: i64) -> Expr {
    let path = if place < 0 { format!("$[#{place}]") } else { format!("$[{place}]") };
    ast::call("json_extract", vec![list, literal(&path)])
}

/// The parts of a text: on lines, and as an array where these are two or more. The text is written as JSON first, so only separators
/// are known that no escape of JSON has in it: letters and digits are (`\n`, `\u001f`), and the quote is.
pub(super) fn split(text: Expr, by: &str) -> Option<(Expr, Expr)> {
    let is_plain = |c: char| c == ' ' || (c.is_ascii_punctuation() && c != '"');
    if by.is_empty() || !by.chars().all(is_plain) {
        return None;
    }
    let replace = |x, from: &str, to| ast::call("replace", vec![x, literal(from), to]);
    let quoted = ast::call("json_quote", vec![plain(text.clone())]);
    // Backslashes are doubled in JSON, so a separator of them is found at whole pairs from the left.
    let parts = replace(quoted, &by.replace('\\', "\\\\"), literal("\",\""));
    let array = concat(concat(literal("["), parts), literal("]"));
    let has_some = ast::op(ast::call("instr", vec![text.clone(), literal(by)]), BinaryOperator::Gt, ast::integer(0));
    Some((replace(text, by, line_break()), ast::case(vec![(has_some, array)], None)))
}

/// Most lists that one `json_object` gets: a function of SQLite takes 127 arguments, or fewer where it was built so.
const OBJECT_MAX: usize = 50;

/// Lists by name as the text of a JSON object.
pub(super) fn by_name(lists: &[(&str, Expr)]) -> Expr {
    let object = |lists: &[(&str, Expr)]| {
        let pairs = lists.iter().flat_map(|(name, list)| [literal(name), ast::call("json", vec![list.clone()])]);
        ast::call("json_object", pairs.collect())
    };
    if lists.len() <= OBJECT_MAX {
        return object(lists);
    }
    // The pairs alone, without the brackets around them.
    let pairs = lists.chunks(OBJECT_MAX).map(|chunk| {
        let bare = ast::call("rtrim", vec![object(chunk), literal("}")]);
        ast::call("substr", vec![bare, ast::integer(2)])
    });
    let all = pairs.reduce(|some, more| concat(concat(some, literal(",")), more)).unwrap_or_else(|| literal(""));
    concat(concat(literal("{"), all), literal("}"))
}

/// A text as nothing but a text: SQLite remembers what a JSON function gave, and puts it into other JSON without quotes.
fn plain(text: Expr) -> Expr {
    concat(text, literal(""))
}

fn concat(left: Expr, right: Expr) -> Expr {
    ast::op(left, BinaryOperator::StringConcat, right)
}

fn line_break() -> Expr {
    ast::call("char", vec![ast::integer(10)])
}

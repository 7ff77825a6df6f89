//! What a statement leaves to the database: where events lie in it, and how it spells what SQL leaves open.
//!
//! Everything else in `sql` builds statements of these words and of what all databases share: SELECT, JOIN, UNION ALL, CASE, GROUP BY,
//! window functions, AND, OR, NOT and comparisons. A database is one implementation, a module of its own. Conditions and the rows of
//! events ask for [`Dialect`], which all have; stages and correlations for [`StageDialect`].
//!
//! What an implementation makes must mean what the plan means, to the letter: folding of letters, what is a number, missing values. What
//! a database cannot say it answers with an error that names the feature; the statement then has no text.

use std::fmt::Debug;

use sqlparser::ast::{Expr, Ident, Query, TableWithJoins};

use super::ast::OrderKey;
use crate::catalog::{Column, EventType};
use crate::ir::{Case, Cidr, Glob};
use crate::plan::FieldFunction;

/// What every event has, in the row of [`Dialect::events`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadColumn {
    /// Its id: a number that grows in the order of loading.
    Id,
    /// Its time in microseconds since 1970.
    TimeUs,
    /// Its time as text, as every output has it.
    IsoTime,
    /// The host's name.
    Host,
    /// The record number as text.
    Record,
}

/// Where the members of a list are.
#[derive(Clone, Copy)]
pub(super) enum ListSource<'a> {
    /// A column of an event type that may hold lists.
    Column(&'a EventType, &'a Column),
    /// A list made by a statement: an expression that [`StageDialect::list_of`] or [`StageDialect::distinct_list`] gave, NULL for no list.
    Made(&'a Expr),
}

/// Which members of a group's values are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatheredMembers {
    /// The distinct ones in the order of their bytes.
    Distinct,
    /// So many, in the order of the rows.
    First(u64),
}

/// The members of a group's values.
pub(super) struct Flattened {
    /// On lines; NULL where there is none.
    pub(super) text: Expr,
    /// As a list, NULL where these are fewer than two.
    pub(super) list: Expr,
    /// How many.
    pub(super) count: Expr,
}

/// On which sides characters are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrimSide {
    /// On both.
    Both,
    /// From the front.
    Left,
    /// From the end.
    Right,
}

/// How two texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextRelation {
    /// Anything may stand before the right one in the left one.
    pub(super) any_before: bool,
    /// Anything may stand after it.
    pub(super) any_after: bool,
    /// With or without case.
    pub(super) case: Case,
}

/// A database: what conditions and the rows of events need. What it cannot say is an error that names the feature.
pub(super) trait Dialect: Debug + Sync {
    /// What messages call its SQL.
    fn name(&self) -> &'static str;

    // The layout.

    /// The events of a type, under the alias [`super::field::VIEW`].
    fn events(&self, event_type: &EventType) -> TableWithJoins;
    /// What every event has.
    fn head(&self, head: HeadColumn) -> Expr;
    /// The rendered text of an event.
    fn message(&self) -> Result<Expr, &'static str>;
    /// A column as text; a list is its members on lines.
    fn cell(&self, column: &Column) -> Result<Expr, &'static str>;
    /// Whether the rows of a result come in the order of loading.
    fn orders_rows(&self) -> bool;
    /// Most columns of one table or result.
    fn column_max(&self) -> usize;

    // Lists. `text` is what stands in the place of the list where there is none.

    /// Whether some member, or the text, passes. `alias` is a name that a member can have: no test around this one has it.
    fn any_member(&self, list: ListSource<'_>, text: Expr, alias: &'static str, passes: &dyn Fn(Expr) -> Expr) -> Expr;
    /// What a function gives of the members, on lines; of the text where there is no list.
    fn lines_of(&self, list: ListSource<'_>, text: Expr, function: &dyn Fn(Expr) -> Expr) -> Expr;
    /// The first or last member, or the text.
    fn end_member(&self, list: ListSource<'_>, text: Expr, last: bool) -> Expr;

    // Words.

    /// A name as an identifier.
    fn ident(&self, name: &str) -> Ident;
    /// A truth.
    fn truth(&self, is_true: bool) -> Expr;
    /// A floating-point number.
    fn real(&self, number: f64) -> Expr;
    /// A text literal of any text.
    fn text(&self, text: &str) -> Expr;
    /// An integer, or a text that [`Dialect::is_number`] holds of, as a number that divides with a fraction.
    fn as_real(&self, expr: Expr) -> Expr;
    /// Whether a text is a number as [`crate::ir::parse_number`] reads it.
    fn is_number(&self, text: &Expr) -> Expr;
    /// The test of a text by a pattern.
    fn matches(&self, value: Expr, glob: &Glob, case: Case) -> Expr;
    /// Whether a text has one of these in it, where one test of all is better than a test of each.
    fn contains_any(&self, value: Expr, parts: &[&str], case: Case) -> Option<Expr>;
    /// The test of a text by a regular expression in the syntax of [`crate::ir::Test::Regex`].
    fn regex(&self, value: Expr, expression: &str) -> Result<Expr, &'static str>;
    /// Whether a text is an address of a network.
    fn in_network(&self, value: Expr, network: &Cidr) -> Result<Expr, &'static str>;
    /// Whether two texts compare so.
    fn relates(&self, left: Expr, right: Expr, relation: TextRelation) -> Result<Expr, &'static str>;
    /// Whether values that may be lists are compared member by member.
    fn relates_lists(&self) -> bool;
    /// A function of a field map.
    fn field_function(&self, function: &FieldFunction, x: Expr) -> Result<Expr, &'static str>;

    /// Prints a statement for a reader, over several lines. Identifiers that need quotes have them.
    fn print(&self, query: &Query) -> String;
}

/// A database that the stages of a rule and correlations have words in too.
pub(super) trait StageDialect: Dialect {
    /// The time of the newest event of the store in microseconds since 1970.
    fn newest_time_us(&self) -> Expr;

    // Lists that statements make.

    /// What a function gives of the members as a list, NULL where these are fewer than two.
    fn list_of(&self, list: ListSource<'_>, function: &dyn Fn(Expr) -> Expr) -> Expr;
    /// The number of members; NULL where there is no list.
    fn list_length(&self, list: &Expr) -> Expr;
    /// The members of a made list as a table to join, and the column that has them; no row where there is no list.
    fn members_table(&self, list: Expr, alias: &str) -> (TableWithJoins, Expr);
    /// Of a group: its distinct texts in the order of their bytes, on lines.
    fn distinct_lines(&self, text: Expr) -> Expr;
    /// Of a group: its distinct texts in the order of their bytes as a list, NULL where these are fewer than two.
    fn distinct_list(&self, text: Expr) -> Expr;
    /// Of a group: the values of its rows in this order, each as a list of its members; the missing are left out.
    fn gathered(&self, text: Expr, list: Option<Expr>, order: Vec<OrderKey>) -> Expr;
    /// What [`StageDialect::gathered`] gave, as one list.
    fn flattened(&self, gathered: &Expr, members: GatheredMembers) -> Flattened;
    /// Of a group: the first in this order of the texts or integers that are not NULL.
    fn first_text(&self, text: Expr, order: Vec<OrderKey>) -> Expr;
    /// Of a group: the list of the row whose text [`StageDialect::first_text`] gives.
    fn first_list(&self, text: Expr, list: Expr, order: Vec<OrderKey>) -> Expr;
    /// One member of a made list, by its place from 0, or from -1 at the end; NULL where there is none, or no list.
    fn member_at(&self, list: Expr, place: i64) -> Expr;
    /// The parts of a text between separators: on lines, and as a list that is NULL where they are fewer than two. None: the separator
    /// has a character for which there are no words.
    fn split(&self, text: Expr, by: &str) -> Option<(Expr, Expr)>;
    /// Of a group: all its ids, parted by commas.
    fn joined_ids(&self, id: Expr) -> Expr;
    /// Lists by name as the text of a JSON object.
    fn lists_by_name(&self, lists: Vec<(&str, Expr)>) -> Expr;

    // Words.

    /// The text of an integer; a text stays as it is.
    fn as_text(&self, expr: Expr) -> Expr;
    /// A number without its fraction.
    fn whole(&self, number: Expr) -> Expr;
    /// The largest integer that is not greater.
    fn floor(&self, number: &Expr) -> Expr;
    /// Whether a value is stored as a number, in a column that has numbers in some rows and texts in others.
    fn is_stored_number(&self, value: Expr) -> Expr;
    /// How many characters a text has.
    fn length(&self, text: Expr) -> Expr;
    /// A part of a text: from a place (from 1; negative: from the end), so many characters, or all.
    fn substring(&self, text: Expr, from: Expr, length: Option<Expr>) -> Expr;
    /// A text without these characters at its ends.
    fn trimmed(&self, side: TrimSide, text: Expr, characters: Expr) -> Expr;
    /// Seconds since 1970 as text in UTC.
    fn format_time(&self, format: &str, seconds: &Expr) -> Result<Expr, String>;

    // Correlations.

    /// A table that [`StageDialect::folded`] reads: its name with its columns, and its SELECT.
    fn letters(&self) -> (&'static str, String);
    /// A column, by its name in the statement, without case: as [`crate::event::fold_char`] says it.
    fn folded(&self, column: &str) -> String;
    /// A column with the text of a number as the number.
    fn number_of(&self, column: &str) -> String;
    /// Of a group: ids in the order of times, parted by commas.
    fn ids_by_time(&self, id: &str, time: &str) -> String;
}

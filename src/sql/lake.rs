//! What the dialects of lakes share: the layout, and how conditions are said in a few words that each engine has.
//!
//! A lake has a table an event type, by the name of the store's view. What every event has begins with `_`; a field is a column by its
//! name, a string or NULL. A field that is a list in some event is an array of strings in all of them; where it is missing the array is
//! NULL or empty.
//!
//! Engines fold letters by rules of their own, which are not [`crate::event::fold_char`]: `ILIKE` and `lower()` of most take U+212A for a
//! `k`. So a text is folded letter by letter: those of ASCII, and the forms of those beyond it that a pattern has.

mod field_function;

use std::fmt::Debug;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Query, TableWithJoins};

use super::ast;
use super::dialect::{Dialect, HeadColumn, ListSource, TextRelation};
use super::expression::{self, Flavour};
use super::field::VIEW;
use super::letters;
use super::network;
use crate::catalog::{Column, EventType};
use crate::ir::{Case, Cidr, Glob, Part};
use crate::plan::FieldFunction;

/// The words of an engine. NULL gives NULL everywhere.
pub(super) trait LakeWords: Debug + Sync {
    /// What messages call its SQL.
    fn name(&self) -> &'static str;
    /// The inside of a quoted identifier, and its quote.
    fn escaped_name(&self, name: &str) -> (char, String);
    /// A text literal.
    fn literal(&self, text: &str) -> Expr;
    /// Which regular expressions it has.
    fn flavour(&self) -> Flavour;

    /// Whether some member of an array passes a test of the name.
    fn some_member(&self, array: Expr, name: &'static str, passes: Expr) -> Expr;
    /// An array whose members are made of the name.
    fn mapped(&self, array: Expr, name: &'static str, member: Expr) -> Expr;
    /// The members that are not NULL, on lines; NULL of an empty array.
    fn lines(&self, array: Expr) -> Expr;
    /// The first or last member; NULL of an empty array.
    fn end_of(&self, array: Expr, last: bool) -> Expr;

    /// Large letters of ASCII as small ones, and each character of `from` as the one of `to` at its place.
    fn folded(&self, text: Expr, from: &str, to: &str) -> Expr;
    /// Whether a text has another in it.
    fn contains(&self, text: Expr, part: Expr) -> Expr;
    /// Whether it begins with another.
    fn starts_with(&self, text: Expr, part: Expr) -> Expr;
    /// Whether it ends with another.
    fn ends_with(&self, text: Expr, part: Expr) -> Expr;
    /// Whether all of it fits a pattern.
    fn like(&self, text: Expr, glob: &Glob) -> Expr;
    /// Whether it contains one of these, where there is one word for that.
    fn contains_some(&self, text: Expr, parts: &[String]) -> Option<Expr>;
    /// Whether a regular expression in the engine's syntax matches somewhere.
    fn has_match(&self, text: Expr, expression: &str) -> Expr;
    /// What the first group of the first match is; something where there is no match.
    fn first_group(&self, text: Expr, expression: &str) -> Expr;

    /// The number of a text that is one; NULL or infinity of any other.
    fn number(&self, text: Expr) -> Expr;
    /// The text of an integer.
    fn integer_text(&self, number: Expr) -> Expr;
    /// How many characters a text has, as a text.
    fn length_text(&self, text: Expr) -> Expr;
    /// Up to sixteen hexadecimal digits as a decimal number.
    fn decimal_of_hex(&self, digits: Expr) -> Expr;
}

/// Most columns of one result: what no engine refuses.
const COLUMN_MAX: usize = 1_900;

impl<W: LakeWords> Dialect for W {
    fn name(&self) -> &'static str {
        LakeWords::name(self)
    }

    fn events(&self, event_type: &EventType) -> TableWithJoins {
        ast::table_named(self.ident(&event_type.view), VIEW)
    }

    fn head(&self, head: HeadColumn) -> Expr {
        let name = match head {
            HeadColumn::Id => "_id",
            HeadColumn::TimeUs => "_time_us",
            HeadColumn::IsoTime => "_time",
            HeadColumn::Host => "_host",
            HeadColumn::Record => return self.integer_text(of_view(self.ident("_record"))),
        };
        of_view(self.ident(name))
    }

    fn message(&self) -> Result<Expr, &'static str> {
        Ok(of_view(self.ident("_message")))
    }

    fn cell(&self, column: &Column) -> Result<Expr, &'static str> {
        if column.view_name.is_empty() {
            return Err("a field without a column of its own");
        }
        let cell = of_view(self.ident(&column.view_name));
        Ok(if column.has_lists { self.lines(cell) } else { cell })
    }

    fn orders_rows(&self) -> bool {
        false // a lake may give millions of rows, and sorting them is for who wants it
    }

    fn column_max(&self) -> usize {
        COLUMN_MAX
    }

    fn any_member(&self, list: ListSource<'_>, text: Expr, alias: &'static str, passes: &dyn Fn(Expr) -> Expr) -> Expr {
        match array(self, list) {
            Some(array) => self.some_member(array, alias, passes(name(alias))),
            None => passes(text),
        }
    }

    fn lines_of(&self, list: ListSource<'_>, text: Expr, function: &dyn Fn(Expr) -> Expr) -> Expr {
        match array(self, list) {
            Some(array) => self.lines(self.mapped(array, MEMBER, function(name(MEMBER)))),
            None => function(text),
        }
    }

    fn end_member(&self, list: ListSource<'_>, text: Expr, last: bool) -> Expr {
        array(self, list).map_or(text, |array| self.end_of(array, last))
    }

    fn ident(&self, name: &str) -> Ident {
        // Names that a view gives every event read better bare; all others may be words of the language.
        let is_own = name.starts_with('_') && name.len() < 20 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if is_own {
            return Ident::new(name);
        }
        let (quote, inside) = self.escaped_name(&name.replace('\0', "\u{2400}"));
        Ident::with_quote(quote, inside)
    }

    fn truth(&self, is_true: bool) -> Expr {
        ast::boolean(is_true)
    }

    fn real(&self, number: f64) -> Expr {
        ast::double(number)
    }

    fn text(&self, text: &str) -> Expr {
        self.literal(text)
    }

    fn as_real(&self, expr: Expr) -> Expr {
        self.number(expr)
    }

    fn is_number(&self, text: &Expr) -> Expr {
        let spelling = self.has_match(text.clone(), r"\A[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z");
        // `1e999` is spelled as a number, and no double has its value.
        let size = ast::call("abs", vec![self.number(text.clone())]);
        ast::all(vec![spelling, ast::op(size, BinaryOperator::LtEq, ast::double(f64::MAX))])
    }

    fn matches(&self, value: Expr, glob: &Glob, case: Case) -> Expr {
        matches(self, value, glob, case)
    }

    fn contains_any(&self, value: Expr, parts: &[&str], case: Case) -> Option<Expr> {
        let globs = parts.iter().map(|part| Glob::literal(*part));
        let globs: Vec<Glob> = if case == Case::Ignore { globs.map(|glob| glob.folded()).collect() } else { globs.collect() };
        let forms = |glob: &Glob| if case == Case::Ignore { letters::other_forms_in(glob) } else { Vec::new() };
        // No value holds a NUL, and letters beyond ASCII need a folding of their own each.
        if globs.iter().any(|glob| !forms(glob).is_empty() || has_nul(glob)) {
            return None;
        }
        let value = if case == Case::Ignore { self.folded(value, "", "") } else { value };
        let parts: Vec<String> = globs.iter().filter_map(Glob::as_literal).map(str::to_owned).collect();
        self.contains_some(value, &parts)
    }

    fn regex(&self, value: Expr, expression: &str) -> Result<Expr, &'static str> {
        Ok(self.has_match(value, &expression::written(expression, self.flavour())?))
    }

    fn in_network(&self, value: Expr, network: &Cidr) -> Result<Expr, &'static str> {
        Ok(self.has_match(value, &network::addresses(network)))
    }

    fn relates(&self, left: Expr, right: Expr, relation: TextRelation) -> Result<Expr, &'static str> {
        let side = |text| if relation.case == Case::Ignore { folded_wholly(self, text) } else { text };
        let (left, right) = (side(left), side(right));
        Ok(match (relation.any_before, relation.any_after) {
            (false, false) => ast::eq(left, right),
            (true, true) => self.contains(left, right),
            (false, true) => self.starts_with(left, right),
            (true, false) => self.ends_with(left, right),
        })
    }

    fn relates_lists(&self) -> bool {
        true
    }

    fn field_function(&self, function: &FieldFunction, x: Expr) -> Result<Expr, &'static str> {
        field_function::field_function(self, function, x)
    }

    fn print(&self, query: &Query) -> String {
        ast::print_pretty(query)
    }
}

/// The name of a member where no test of members is around.
const MEMBER: &str = "m";

fn name(alias: &str) -> Expr {
    Expr::Identifier(Ident::new(alias))
}

fn of_view(column: Ident) -> Expr {
    Expr::CompoundIdentifier(vec![Ident::new(VIEW), column])
}

/// The array of a list.
fn array(words: &dyn LakeWords, list: ListSource<'_>) -> Option<Expr> {
    match list {
        ListSource::Column(_, column) => {
            let (quote, inside) = words.escaped_name(&column.view_name.replace('\0', "\u{2400}"));
            Some(of_view(Ident::with_quote(quote, inside)))
        }
        // No statement over a lake makes lists.
        ListSource::Made(_) => None,
    }
}

fn has_nul(glob: &Glob) -> bool {
    glob.parts().iter().any(|part| matches!(part, Part::Text(text) if text.contains('\0')))
}

/// A text with all letters folded.
pub(super) fn folded_wholly(words: &dyn LakeWords, text: Expr) -> Expr {
    let (from, to) = letters::all();
    words.folded(text, &from, &to)
}

fn matches(words: &dyn LakeWords, value: Expr, glob: &Glob, case: Case) -> Expr {
    if has_nul(glob) {
        return ast::boolean(false); // no value holds a NUL
    }
    let (value, glob) = match case {
        Case::Exact => (value, glob.clone()),
        Case::Ignore => {
            let folded = glob.folded();
            let (from, to): (String, String) = letters::other_forms_in(&folded).into_iter().unzip();
            let has_letters = |part: &Part| matches!(part, Part::Text(text) if text.bytes().any(|b| b.is_ascii_alphabetic()));
            let is_folded = !from.is_empty() || folded.parts().iter().any(has_letters);
            (if is_folded { words.folded(value, &from, &to) } else { value }, folded)
        }
    };
    let literal = |text: &str| words.literal(text);
    match glob.parts() {
        [] => ast::eq(value, literal("")),
        [Part::Any] => ast::is_not_null(value),
        [Part::Text(text)] => ast::eq(value, literal(text)),
        [Part::Any, Part::Text(text), Part::Any] => words.contains(value, literal(text)),
        [Part::Text(text), Part::Any] => words.starts_with(value, literal(text)),
        [Part::Any, Part::Text(text)] => words.ends_with(value, literal(text)),
        _ => words.like(value, &glob),
    }
}

/// A pattern for LIKE, `%` any run and `_` one character; these and the escape itself stand behind the escape.
pub(super) fn like_pattern(glob: &Glob, escape: char) -> String {
    let mut out = String::new();
    for part in glob.parts() {
        match part {
            Part::Any => out.push('%'),
            Part::One => out.push('_'),
            Part::Text(text) => text.chars().for_each(|c| {
                if matches!(c, '%' | '_') || c == escape {
                    out.push(escape);
                }
                out.push(c);
            }),
        }
    }
    out
}

/// The large letters of ASCII, and the small ones.
pub(super) const ASCII: (&str, &str) = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz");

/// The inside of a literal of an engine that reads backslashes: neither line breaks nor other controls stand in it.
pub(super) fn backslashed(text: &str, control: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&control(c)),
            c => out.push(c),
        }
    }
    out
}

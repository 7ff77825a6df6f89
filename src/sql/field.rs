//! Fields of events as SQL: values, tests of their members, functions of field maps. Where the columns of an event type are, and what
//! a list is, the dialect knows.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast;
use super::dialect::{Dialect, HeadColumn, ListSource};
use super::writer::{Kind, StatementWriter, Typed};
use crate::catalog::EventType;
use crate::plan::{FieldExpr, FieldFunction};

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
            return Typed::new(
                ast::op(self.dialect().head(HeadColumn::TimeUs), BinaryOperator::Divide, ast::real(1_000_000.0)),
                Kind::Number,
            );
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
        // Only stages take lists apart, and only their dialects have a form for one.
        let Some(stages) = self.writer.stages else { return ast::null() };
        match field {
            FieldExpr::Apply(function, inner) => match self.source(inner) {
                Some(list) => stages.list_of(list, &|x| self.function(function, x)),
                None => ast::null(), // the gap is noted where the text is made
            },
            FieldExpr::Coalesce(parts) => {
                let list = |part| if self.may_be_list(part) { self.list(part) } else { ast::null() };
                ast::case(parts.iter().map(|part| (self.is_present(part), list(part))).collect(), None)
            }
            FieldExpr::Default(inner, _) if self.may_be_list(inner) => ast::case(vec![(self.is_not_empty(inner), self.list(inner))], None),
            field => self.source(field).map_or_else(ast::null, |list| stages.list_of(list, &|x| x)),
        }
    }

    fn dialect(&self) -> &'static dyn Dialect {
        self.writer.dialect
    }

    /// The column whose lists a field has; only a bare column has any.
    fn source(&self, field: &FieldExpr) -> Option<ListSource<'_>> {
        match field {
            FieldExpr::Column(index) => Some(ListSource::Column(self.event_type, self.event_type.column(*index))),
            _ => None,
        }
    }

    fn function(&self, function: &FieldFunction, x: Expr) -> Expr {
        self.writer.said(self.dialect().field_function(function, x))
    }

    fn text(&self, field: &FieldExpr) -> Expr {
        match field {
            FieldExpr::Missing => ast::null(),
            FieldExpr::Constant(text) => self.dialect().text(text),
            FieldExpr::Column(index) => self.writer.said(self.dialect().cell(self.event_type.column(*index))),
            FieldExpr::Time => self.writer.gap("the text of an event's time"),
            FieldExpr::Host => self.dialect().head(HeadColumn::Host),
            FieldExpr::Record => self.dialect().head(HeadColumn::Record),
            FieldExpr::Message => self.writer.said(self.dialect().message()),
            // The head of every view has it.
            FieldExpr::Apply(FieldFunction::IsoTime, inner) if **inner == FieldExpr::Time => self.dialect().head(HeadColumn::IsoTime),
            FieldExpr::Apply(function, inner) => self.apply(function, inner),
            FieldExpr::Coalesce(parts) => {
                let branches = parts.iter().map(|part| (self.is_present(part), self.text(part))).collect();
                ast::case(branches, None)
            }
            FieldExpr::Default(inner, text) => {
                ast::case(vec![(self.is_not_empty(inner), self.text(inner))], Some(self.dialect().text(text)))
            }
        }
    }

    /// Whether a field has a value of its own before its default: some member is not empty.
    fn is_not_empty(&self, field: &FieldExpr) -> Expr {
        self.test(field, &|x: Expr| ast::not_in_list(x, vec![self.dialect().text("")]))
    }

    /// Whether a part of a Coalesce counts: some member is neither empty nor `-`.
    fn is_present(&self, field: &FieldExpr) -> Expr {
        self.test(field, &|x: Expr| ast::not_in_list(x, vec![self.dialect().text(""), self.dialect().text("-")]))
    }

    fn apply(&self, function: &FieldFunction, inner: &FieldExpr) -> Expr {
        if matches!(function, FieldFunction::FirstMember | FieldFunction::LastMember) {
            return self.end_member(inner, *function == FieldFunction::LastMember);
        }
        let on = |x: Expr| self.function(function, x);
        match self.source(inner) {
            // A list and a single value may stand in one column, so both forms are in the statement.
            Some(list) if self.may_be_list(inner) => self.dialect().lines_of(list, self.text(inner), &on),
            _ if self.may_be_list(inner) => self.writer.gap("a function of a function of a multivalue field"),
            _ => on(self.text(inner)),
        }
    }

    fn end_member(&self, inner: &FieldExpr, last: bool) -> Expr {
        match self.source(inner) {
            Some(list) if self.may_be_list(inner) => self.dialect().end_member(list, self.text(inner), last),
            _ if self.may_be_list(inner) => self.writer.gap("the first or last member of a function of a multivalue field"),
            _ => self.text(inner),
        }
    }

    /// Makes "some member passes"; NULL where the field is missing.
    pub(super) fn test(&self, field: &FieldExpr, passes: &dyn Fn(Expr) -> Expr) -> Expr {
        match field {
            FieldExpr::Missing => self.dialect().truth(false),
            FieldExpr::Column(index) => {
                let column = self.event_type.column(*index);
                let (text, list) = (self.writer.said(self.dialect().cell(column)), ListSource::Column(self.event_type, column));
                if !column.has_lists {
                    return passes(text);
                }
                self.writer.in_members(|alias| self.dialect().any_member(list, text, alias, passes))
            }
            // These give one value for the whole list: there are no members to test.
            FieldExpr::Apply(FieldFunction::FirstMember | FieldFunction::LastMember | FieldFunction::IsoTime, _) => {
                passes(self.text(field))
            }
            FieldExpr::Apply(function, inner) => self.test(inner, &|x| passes(self.function(function, x))),
            FieldExpr::Coalesce(parts) => {
                let branches = parts.iter().map(|part| (self.is_present(part), self.test(part, passes))).collect();
                ast::case(branches, Some(self.dialect().truth(false)))
            }
            FieldExpr::Default(inner, text) => {
                ast::case(vec![(self.is_not_empty(inner), self.test(inner, passes))], Some(passes(self.dialect().text(text))))
            }
            FieldExpr::Constant(_) | FieldExpr::Time | FieldExpr::Host | FieldExpr::Record | FieldExpr::Message => passes(self.text(field)),
        }
    }
}

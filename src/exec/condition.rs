//! Conditions on a row.

use std::rc::Rc;

use regex::Regex;

use super::eval::{Fields, evaluate};
use super::{Cell, Context, Fault, folded};
use crate::ir::{Case, Field, FieldCompare, Glob, Pred, Scalar, Test};
use crate::plan::RowSchema;

/// A column by its place; none where the rows have no such column.
pub(super) type Slot = Option<usize>;

impl Fields<Slot> for &[Cell] {
    fn value(&self, slot: &Slot) -> Cell {
        slot.map_or(Cell::Null, |place| self[place].clone())
    }
}

/// Finds an expression's columns.
pub(super) fn placed(expression: &Scalar, columns: &RowSchema) -> Scalar<Slot> {
    expression.map_fields(&|field: &Field| columns.place(&field.name))
}

/// A condition in the form that is fast for many rows.
pub struct Condition(ConditionNode);

enum ConditionNode {
    True,
    False,
    All(Vec<ConditionNode>),
    Any(Vec<ConditionNode>),
    Not(Box<ConditionNode>),
    Test { place: usize, test: PreparedTest, negated: bool },
    Compare(FieldCompare<Slot>),
    Keyword { glob: Glob, case: Case },
    Scalar(Scalar<Slot>),
}

enum PreparedTest {
    Plain(Test),
    /// With a folded pattern.
    Folded(Glob),
    Regex(Rc<Regex>),
}

impl Condition {
    /// Finds the columns of a condition.
    ///
    /// # Errors
    /// When a regular expression does not compile.
    pub fn new(condition: &Pred, columns: &RowSchema, context: &Context) -> Result<Self, Fault> {
        Ok(Self(node(&condition.map_fields(&|field: &Field| columns.place(&field.name)), context)?))
    }

    /// Whether it holds for a row.
    ///
    /// # Errors
    /// When a regular expression that the row gives does not compile.
    pub fn holds(&self, cells: &[Cell], context: &Context) -> Result<bool, Fault> {
        self.0.holds(cells, context)
    }
}

fn node(condition: &Pred<Slot>, context: &Context) -> Result<ConditionNode, Fault> {
    let all = |parts: &[Pred<Slot>]| parts.iter().map(|part| node(part, context)).collect::<Result<Vec<_>, _>>();
    Ok(match condition {
        Pred::True => ConditionNode::True,
        Pred::False => ConditionNode::False,
        Pred::And(parts) => ConditionNode::All(all(parts)?),
        Pred::Or(parts) => ConditionNode::Any(all(parts)?),
        Pred::Not(inner) => ConditionNode::Not(Box::new(node(inner, context)?)),
        Pred::Match(m) => {
            let test = match &m.test {
                Test::Regex(pattern) => PreparedTest::Regex(context.regex(pattern)?),
                // Patterns are folded once a rule and not once a row.
                Test::Glob { glob, case: Case::Ignore } => PreparedTest::Folded(glob.folded()),
                test => PreparedTest::Plain(test.clone()),
            };
            // A column that is not there: false, also where the test is negated, because `!=` needs the field (rule S6).
            m.field.map_or(ConditionNode::False, |place| ConditionNode::Test { place, test, negated: m.negated })
        }
        Pred::Compare(compare) => ConditionNode::Compare(compare.clone()),
        Pred::Keyword { glob, case: Case::Ignore } => ConditionNode::Keyword { glob: glob.folded(), case: Case::Ignore },
        Pred::Keyword { glob, case } => ConditionNode::Keyword { glob: glob.clone(), case: *case },
        Pred::Scalar(scalar) => ConditionNode::Scalar(scalar.clone()),
        Pred::Subsearch(_) => ConditionNode::False, // the hunt has put its rows in its place
    })
}

impl ConditionNode {
    fn holds(&self, cells: &[Cell], context: &Context) -> Result<bool, Fault> {
        Ok(match self {
            Self::True => true,
            Self::False => false,
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(cells, context)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(cells, context)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(inner) => !inner.holds(cells, context)?,
            Self::Test { place, test, negated } => cells[*place].any_member(|member| test.passes(member) != *negated),
            Self::Compare(compare) => compare.holds(&cells.value(&compare.left).members(), &cells.value(&compare.right).members()),
            Self::Keyword { glob, case } => cells.iter().any(|cell| cell.any_member(|member| has_keyword(glob, *case, member))),
            Self::Scalar(scalar) => evaluate(scalar, &cells, context)?.is_true(),
        })
    }
}

fn has_keyword(glob: &Glob, case: Case, text: &str) -> bool {
    if case == Case::Ignore { glob.matches(&folded(text)) } else { glob.matches(text) }
}

impl PreparedTest {
    fn passes(&self, member: &str) -> bool {
        match self {
            Self::Plain(test) => test.passes(member),
            Self::Folded(glob) => glob.matches(&folded(member)),
            Self::Regex(regex) => regex.is_match(member),
        }
    }
}

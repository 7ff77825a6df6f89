//! Folding: a condition over a rule's names becomes a condition over one event type's columns.
//!
//! Tests on constants are answered here and now, tests on missing fields are false, and what follows from that is
//! simplified away. Truth is two-valued, so every step is exact; a property test holds folded against unfolded.

use rustc_hash::FxHashMap;

use crate::ir::{BinaryOp, Case, Field, FieldCompare, Function, Glob, Match, Part, Pred, Scalar, Test};

use super::FieldExpr;
use super::resolve::Resolved;

/// The fields of a query in the order met, each once.
#[derive(Debug, Default)]
pub(super) struct FieldTable<'a> {
    /// The fields.
    pub(super) fields: Vec<&'a Field>,
    index: FxHashMap<&'a Field, usize>,
}

impl<'a> FieldTable<'a> {
    /// Adds a field.
    pub(super) fn add(&mut self, field: &'a Field) {
        if !self.index.contains_key(field) {
            self.index.insert(field, self.fields.len());
            self.fields.push(field);
        }
    }

    /// Adds the fields of a condition.
    pub(super) fn add_pred(&mut self, pred: &'a Pred) {
        pred.each_field(&mut |field| self.add(field));
    }

    /// Returns the position of a field that was added.
    pub(super) fn position(&self, field: &Field) -> usize {
        self.index[field]
    }
}

/// Answers a condition from what is constant alone; `None` where it depends on the event.
pub(super) fn answer(pred: &Pred, table: &FieldTable<'_>, constants: &[Option<Resolved>]) -> Option<bool> {
    match pred {
        Pred::True => Some(true),
        Pred::False => Some(false),
        Pred::And(parts) => all(parts.iter().map(|part| answer(part, table, constants))),
        // An OR is a negated AND of the negated: one definition of "known" for both.
        Pred::Or(parts) => all(parts.iter().map(|part| answer(part, table, constants).map(|t| !t))).map(|t| !t),
        Pred::Not(inner) => answer(inner, table, constants).map(|truth| !truth),
        Pred::Match(m) => match constants[table.position(&m.field)].as_ref()? {
            Resolved::One(FieldExpr::Constant(text)) => Some(m.test.passes(text) != m.negated),
            Resolved::Synonyms(texts) => Some(texts.iter().any(|text| m.test.passes(text)) != m.negated),
            _ => None,
        },
        Pred::Compare(_) | Pred::Keyword { .. } | Pred::Scalar(_) | Pred::Subsearch(_) => None,
    }
}

fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// The names of a query in one event type.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryNames<'a> {
    /// The fields.
    pub(super) table: &'a FieldTable<'a>,
    /// What each is, by position.
    pub(super) resolved: &'a [Resolved],
    /// What of an event's envelope a keyword searches beside the stored fields.
    pub(super) envelope: &'a [Resolved],
}

impl QueryNames<'_> {
    fn get(&self, field: &Field) -> &Resolved {
        &self.resolved[self.table.position(field)]
    }

    /// Returns where the value of a field is.
    pub(super) fn value(&self, field: &Field) -> FieldExpr {
        self.get(field).value()
    }

    /// Folds a condition.
    pub(super) fn fold(&self, pred: &Pred) -> Pred<FieldExpr> {
        match pred {
            Pred::True => Pred::True,
            Pred::False => Pred::False,
            Pred::And(parts) => Pred::all(parts.iter().map(|part| self.fold(part))),
            Pred::Or(parts) => Pred::any(parts.iter().map(|part| self.fold(part))),
            Pred::Not(inner) => self.fold(inner).negated(),
            Pred::Match(m) => self.fold_match(m),
            Pred::Compare(compare) => self.fold_compare(compare),
            Pred::Keyword { glob, case } => {
                // A keyword means the whole event: what the envelope answers is not a column, so it is asked here.
                let beside = self.envelope.iter().map(|resolved| {
                    let test = Test::Glob { glob: glob.clone(), case: *case };
                    fold_test(resolved, &Match { field: (), test, negated: false, span: 0..0 })
                });
                Pred::any(beside.chain([Pred::Keyword { glob: glob.clone(), case: *case }]))
            }
            Pred::Scalar(scalar) => truth(self.fold_scalar(scalar)),
            // A hunt has put its rows in its place; who only compiles must see that it is there.
            Pred::Subsearch(subsearch) => Pred::Subsearch(subsearch.clone()),
        }
    }

    fn fold_match(&self, m: &Match) -> Pred<FieldExpr> {
        fold_test(self.get(&m.field), m)
    }

    fn fold_compare(&self, compare: &FieldCompare) -> Pred<FieldExpr> {
        let (left, right) = (alternatives(self.get(&compare.left)), alternatives(self.get(&compare.right)));
        // Every reading of the left with every reading of the right: one pair that holds is enough, as for lists.
        Pred::any(left.iter().flat_map(|l| right.iter().map(move |r| fold_pair(compare, l, r))))
    }

    /// Folds an expression: a missing field is null.
    pub(super) fn fold_scalar(&self, scalar: &Scalar) -> Scalar<FieldExpr> {
        let fold_all = |parts: &[Scalar]| parts.iter().map(|part| self.fold_scalar(part)).collect();
        match scalar {
            Scalar::Null => Scalar::Null,
            Scalar::Text(text) => Scalar::Text(text.clone()),
            Scalar::Number(number) => Scalar::Number(*number),
            Scalar::Bool(truth) => Scalar::Bool(*truth),
            Scalar::Field(field) => match self.get(field).value() {
                FieldExpr::Missing => Scalar::Null,
                expr => Scalar::Field(expr),
            },
            Scalar::Call(function, parts) => Scalar::Call(*function, fold_all(parts)),
            Scalar::Binary(op, left, right) => Scalar::Binary(*op, Box::new(self.fold_scalar(left)), Box::new(self.fold_scalar(right))),
            Scalar::Negate(inner) => Scalar::Negate(Box::new(self.fold_scalar(inner))),
            Scalar::Not(inner) => Scalar::Not(Box::new(self.fold_scalar(inner))),
            Scalar::And(parts) => Scalar::And(fold_all(parts)),
            Scalar::Or(parts) => Scalar::Or(fold_all(parts)),
        }
    }
}

/// Folds a test on what its field is.
pub(super) fn fold_test<F>(resolved: &Resolved, m: &Match<F>) -> Pred<FieldExpr> {
    let with = |field: FieldExpr| Pred::Match(Match { field, test: m.test.clone(), negated: m.negated, span: m.span.clone() });
    match resolved {
        // Rule E6 and Sigma's missing fields in one place: false here, and NOT of it true.
        Resolved::One(FieldExpr::Missing) => Pred::False,
        Resolved::One(FieldExpr::Constant(text)) => bool_pred(m.test.passes(text) != m.negated),
        Resolved::One(FieldExpr::Default(field, default)) => fold_default(field, default, m),
        Resolved::One(field) => with(field.clone()),
        Resolved::Nodes(nodes) | Resolved::Tags(nodes) => {
            Pred::any(nodes.iter().filter(|(text, _)| m.test.passes(text) != m.negated).map(|(_, when)| when.clone()))
        }
        Resolved::Synonyms(texts) => bool_pred(texts.iter().any(|text| m.test.passes(text)) != m.negated),
        Resolved::Members(members) => Pred::any(members.iter().map(|member| match member {
            FieldExpr::Constant(text) => bool_pred(m.test.passes(text) != m.negated),
            field => with(field.clone()),
        })),
    }
}

/// Folds a test on a field with a default, so that what is left is a test on the field alone.
fn fold_default<F>(field: &FieldExpr, default: &str, m: &Match<F>) -> Pred<FieldExpr> {
    let on_field = |test: Test, negated| Pred::Match(Match { field: field.clone(), test, negated, span: m.span.clone() });
    let is_filled = || on_field(Test::Glob { glob: Glob::new([Part::One, Part::Any]), case: Case::Ignore }, false);
    let passes = |text: &str| m.test.passes(text) != m.negated;
    let own = on_field(m.test.clone(), m.negated);
    let passes_all = match &m.test {
        Test::Exists => !m.negated,
        Test::Glob { glob, .. } => glob.parts() == [Part::Any] && !m.negated,
        _ => false,
    };
    match (passes(default), passes_all) {
        (true, true) => Pred::True,
        (true, false) => Pred::any([own, is_filled().negated()]),
        (false, _) if passes("") => Pred::all([is_filled(), own]),
        (false, _) => own,
    }
}

fn alternatives(resolved: &Resolved) -> Vec<FieldExpr> {
    match resolved {
        Resolved::One(expr) => vec![expr.clone()],
        Resolved::Synonyms(_) | Resolved::Nodes(_) | Resolved::Tags(_) => resolved.always().into_iter().map(FieldExpr::Constant).collect(),
        Resolved::Members(members) => members.clone(),
    }
}

/// Folds a comparison of two values. A constant that is searched (`contains` and its kin on the left) stays one: it has
/// no other form.
fn fold_pair(compare: &FieldCompare, left: &FieldExpr, right: &FieldExpr) -> Pred<FieldExpr> {
    let around = |text: &str| {
        let before = compare.any_before.then_some(Part::Any);
        let after = compare.any_after.then_some(Part::Any);
        let glob = Glob::new(before.into_iter().chain([Part::Text(text.to_owned())]).chain(after));
        Test::Glob { glob, case: compare.case }
    };
    let matching = |field: &FieldExpr, test| Pred::Match(Match { field: field.clone(), test, negated: false, span: compare.span.clone() });
    match (left, right) {
        (FieldExpr::Missing, _) | (_, FieldExpr::Missing) => Pred::False,
        (FieldExpr::Constant(haystack), FieldExpr::Constant(needle)) => bool_pred(around(needle).passes(haystack)),
        (field, FieldExpr::Constant(needle)) => matching(field, around(needle)),
        // Turned round only for equality: `contains` is not symmetric.
        (FieldExpr::Constant(text), field) if !compare.any_before && !compare.any_after => matching(field, around(text)),
        (left, right) => Pred::Compare(FieldCompare {
            left: left.clone(),
            right: right.clone(),
            any_before: compare.any_before,
            any_after: compare.any_after,
            case: compare.case,
            span: compare.span.clone(),
        }),
    }
}

/// Makes a condition of an expression's truth: null is not true, and NOT of null is.
fn truth(scalar: Scalar<FieldExpr>) -> Pred<FieldExpr> {
    let exists = |field| Pred::Match(Match { field, test: Test::Exists, negated: false, span: 0..0 });
    match scalar {
        Scalar::Null => Pred::False,
        Scalar::Bool(truth) => bool_pred(truth),
        // Through conditions and not as an expression: only a condition can be answered by leaves of the scan.
        Scalar::And(parts) => Pred::all(parts.into_iter().map(truth)),
        Scalar::Or(parts) => Pred::any(parts.into_iter().map(truth)),
        Scalar::Not(inner) => truth(*inner).negated(),
        Scalar::Call(function @ (Function::IsNull | Function::IsNotNull), mut parts) if parts.len() == 1 => {
            let present = match parts.remove(0) {
                Scalar::Null => Pred::False,
                Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Field(FieldExpr::Constant(_) | FieldExpr::Default(..)) => {
                    Pred::True
                }
                Scalar::Field(field) => exists(field),
                other => return Pred::Scalar(Scalar::Call(function, vec![other])),
            };
            if function == Function::IsNull { present.negated() } else { present }
        }
        // Null on one side: false whatever the other is (rule E6). The event need not be asked.
        Scalar::Binary(op, left, right) if is_comparison(op) && (*left == Scalar::Null || *right == Scalar::Null) => Pred::False,
        other => Pred::Scalar(other),
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    match op {
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => true,
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => false,
        BinaryOp::Concat | BinaryOp::Xor => false,
    }
}

fn bool_pred(truth: bool) -> Pred<FieldExpr> {
    if truth { Pred::True } else { Pred::False }
}

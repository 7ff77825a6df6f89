//! Making conditions of conditions, and going through what they hold.
//!
//! The constructors keep conditions flat and free of constants, so that what front ends and the planner build has one form.

use super::{Field, FieldCompare, Function, Match, Pred, Scalar};

impl<F> Pred<F> {
    /// All of: nested conjunctions become one list, what is always true goes, one part alone is itself.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Self::True => {}
                // One false part decides; the others need not be kept, and the planner drops the whole event type.
                Self::False => return Self::False,
                Self::And(inner) => out.extend(inner),
                other => out.push(other),
            }
        }
        match out.len() {
            0 => Self::True,
            1 => out.remove(0),
            _ => Self::And(out),
        }
    }

    /// Any of: nested alternatives become one list, what is never true goes, one part alone is itself.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Self::False => {}
                Self::True => return Self::True,
                Self::Or(inner) => out.extend(inner),
                other => out.push(other),
            }
        }
        match out.len() {
            0 => Self::False,
            1 => out.remove(0),
            _ => Self::Or(out),
        }
    }

    /// Its opposite. Truth is two-valued, so a double negation goes.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The conditions that it joins or negates; none of a leaf.
    pub fn children(&self) -> &[Self] {
        match self {
            Self::And(parts) | Self::Or(parts) => parts,
            Self::Not(inner) => std::slice::from_ref(inner),
            Self::True | Self::False | Self::Match(_) | Self::Compare(_) | Self::Keyword { .. } | Self::Scalar(_) | Self::Subsearch(_) => {
                &[]
            }
        }
    }

    /// Calls `visit` for every condition without children, from left to right.
    pub fn each_leaf<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match self {
            Self::And(_) | Self::Or(_) | Self::Not(_) => self.children().iter().for_each(|child| child.each_leaf(visit)),
            leaf => visit(leaf),
        }
    }

    /// Whether some leaf is as asked.
    pub fn any_leaf(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::And(_) | Self::Or(_) | Self::Not(_) => self.children().iter().any(|child| child.any_leaf(is)),
            leaf => is(leaf),
        }
    }

    /// Whether it looks at the values of all fields.
    pub fn has_keyword(&self) -> bool {
        self.any_leaf(&|leaf| matches!(leaf, Self::Keyword { .. }))
    }

    /// Calls `visit` for every field, from left to right, as often as it occurs.
    pub fn each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a F)) {
        self.each_leaf(&mut |leaf| match leaf {
            Self::Match(matched) => visit(&matched.field),
            Self::Compare(compare) => {
                visit(&compare.left);
                visit(&compare.right);
            }
            Self::Scalar(scalar) => scalar.each_field(visit),
            Self::True | Self::False | Self::And(_) | Self::Or(_) | Self::Not(_) | Self::Keyword { .. } | Self::Subsearch(_) => {}
        });
    }

    /// The same condition over other fields.
    pub fn map_fields<G>(&self, map: &dyn Fn(&F) -> G) -> Pred<G> {
        let all = |parts: &[Self]| parts.iter().map(|part| part.map_fields(map)).collect();
        match self {
            Self::True => Pred::True,
            Self::False => Pred::False,
            Self::And(parts) => Pred::And(all(parts)),
            Self::Or(parts) => Pred::Or(all(parts)),
            Self::Not(inner) => Pred::Not(Box::new(inner.map_fields(map))),
            Self::Match(m) => Pred::Match(Match { field: map(&m.field), test: m.test.clone(), negated: m.negated, span: m.span.clone() }),
            Self::Compare(c) => Pred::Compare(FieldCompare {
                left: map(&c.left),
                right: map(&c.right),
                any_before: c.any_before,
                any_after: c.any_after,
                case: c.case,
                span: c.span.clone(),
            }),
            Self::Keyword { glob, case } => Pred::Keyword { glob: glob.clone(), case: *case },
            Self::Scalar(scalar) => Pred::Scalar(scalar.map_fields(map)),
            Self::Subsearch(subsearch) => Pred::Subsearch(subsearch.clone()),
        }
    }
}

impl<F> Scalar<F> {
    /// The same expression over other fields.
    pub fn map_fields<G>(&self, map: &dyn Fn(&F) -> G) -> Scalar<G> {
        self.mapped(map, &str::to_owned)
    }

    fn mapped<G>(&self, map: &dyn Fn(&F) -> G, write: &dyn Fn(&str) -> String) -> Scalar<G> {
        let all = |parts: &[Self]| parts.iter().map(|part| part.mapped(map, write)).collect();
        let one = |inner: &Self| Box::new(inner.mapped(map, write));
        match self {
            Self::Null => Scalar::Null,
            Self::Text(text) => Scalar::Text(write(text)),
            Self::Number(number) => Scalar::Number(*number),
            Self::Bool(truth) => Scalar::Bool(*truth),
            Self::Field(field) => Scalar::Field(map(field)),
            Self::Call(function, parts) => Scalar::Call(*function, all(parts)),
            Self::Binary(op, left, right) => Scalar::Binary(*op, one(left), one(right)),
            Self::Negate(inner) => Scalar::Negate(one(inner)),
            Self::Not(inner) => Scalar::Not(one(inner)),
            Self::And(parts) => Scalar::And(all(parts)),
            Self::Or(parts) => Scalar::Or(all(parts)),
        }
    }

    /// Whether the expression calls a function, at any depth.
    pub fn calls(&self, wanted: Function) -> bool {
        match self {
            Self::Null | Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::Field(_) => false,
            Self::Call(function, parts) => *function == wanted || parts.iter().any(|part| part.calls(wanted)),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.calls(wanted)),
            Self::Binary(_, left, right) => left.calls(wanted) || right.calls(wanted),
            Self::Negate(inner) | Self::Not(inner) => inner.calls(wanted),
        }
    }

    /// Calls `visit` for every field, from left to right, as often as it occurs.
    pub fn each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a F)) {
        match self {
            Self::Null | Self::Text(_) | Self::Number(_) | Self::Bool(_) => {}
            Self::Field(field) => visit(field),
            Self::Call(_, parts) | Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_field(visit)),
            Self::Binary(_, left, right) => {
                left.each_field(visit);
                right.each_field(visit);
            }
            Self::Negate(inner) | Self::Not(inner) => inner.each_field(visit),
        }
    }
}

impl Scalar {
    /// The same expression with the names of its fields and its texts written anew.
    pub fn map_texts(&self, write: &dyn Fn(&str) -> String) -> Self {
        self.mapped(&|field| Field { name: write(&field.name), ..field.clone() }, write)
    }

    /// The same expression with its texts written anew; the names of its fields stay.
    pub fn map_literals(&self, write: &dyn Fn(&str) -> String) -> Self {
        self.mapped(&Field::clone, write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Match, Test, Vocabulary};

    fn leaf(name: &str) -> Pred {
        let field = Field { name: name.to_owned(), vocabulary: Vocabulary::Sigma };
        Pred::Match(Match { field, test: Test::Exists, negated: false, span: 0..0 })
    }

    #[test]
    fn conditions_are_flat_and_free_of_constants() {
        let (a, b, c) = (leaf("a"), leaf("b"), leaf("c"));
        assert_eq!(Pred::all([Pred::True, a.clone()]), a);
        assert_eq!(Pred::<Field>::all([]), Pred::True);
        assert_eq!(Pred::all([a.clone(), Pred::False]), Pred::False);
        assert_eq!(Pred::all([Pred::And(vec![a.clone(), b.clone()]), c.clone()]), Pred::And(vec![a.clone(), b.clone(), c.clone()]));
        assert_eq!(Pred::<Field>::any([]), Pred::False);
        assert_eq!(Pred::any([a.clone(), Pred::True]), Pred::True);
        assert_eq!(Pred::any([Pred::False, Pred::Or(vec![a.clone(), b.clone()])]), Pred::Or(vec![a.clone(), b]));
        assert_eq!(a.clone().negated().negated(), a);
        assert_eq!(Pred::<Field>::True.negated(), Pred::False);
    }

    #[test]
    fn fields_are_met_from_left_to_right() {
        let pred = Pred::all([leaf("a"), Pred::any([leaf("b"), leaf("c").negated()]), Pred::Scalar(Scalar::Field(leaf_field("d")))]);
        let mut names = Vec::new();
        pred.each_field(&mut |field| names.push(field.name.as_str()));
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert!(pred.any_leaf(&|leaf| matches!(leaf, Pred::Scalar(_))));
    }

    fn leaf_field(name: &str) -> Field {
        Field { name: name.to_owned(), vocabulary: Vocabulary::Row }
    }
}

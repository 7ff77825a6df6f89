//! The tokens of `foreach`: what stands for the column at hand in a template.

use crate::ir::{Field, Glob, Scalar};

/// What the tokens stand for.
pub(super) struct ForEachTokens {
    /// Token → text, longest first does not matter: none is the start of another.
    values: Vec<(String, String)>,
}

impl ForEachTokens {
    /// The tokens of a column that a pattern means.
    pub(super) fn new(pattern: &str, name: &str) -> Self {
        let segments = segments(pattern, name);
        let mut values = vec![("<<FIELD>>".to_owned(), name.to_owned())];
        // One `*`: what it took; several: from the first to the last of them, which is rarely of use, as Splunk has it.
        let whole = segments.concat();
        values.push(("<<MATCHSTR>>".to_owned(), if segments.is_empty() { name.to_owned() } else { whole }));
        values.extend((1..).zip(segments).map(|(number, text)| (format!("<<MATCHSEG{number}>>"), text)));
        Self { values }
    }

    /// Puts texts in place of tokens. `left` is how many bytes may still be made; nothing: they are not enough.
    pub(super) fn fill(&self, template: &str, left: &mut usize) -> Option<String> {
        let mut text = template.to_owned();
        for (token, value) in &self.values {
            // Counted first: names that double with each `foreach` fill any memory in one replacement.
            let size = text.len() + text.matches(token.as_str()).count() * value.len();
            if size > *left {
                return None;
            }
            text = text.replace(token, value);
        }
        *left -= text.len();
        Some(text)
    }

    /// The same in an expression.
    pub(super) fn scalar(&self, scalar: &Scalar, left: &mut usize) -> Option<Scalar> {
        *left = left.checked_sub(SCALAR_BYTES)?;
        let mut all = |parts: &[Scalar]| parts.iter().map(|part| self.scalar(part, left)).collect::<Option<Vec<_>>>();
        Some(match scalar {
            Scalar::Null | Scalar::Number(_) | Scalar::Bool(_) => scalar.clone(),
            Scalar::Text(text) => Scalar::Text(self.fill(text, left)?),
            Scalar::Field(field) => Scalar::Field(Field { name: self.fill(&field.name, left)?, ..field.clone() }),
            Scalar::Call(function, parts) => Scalar::Call(*function, all(parts)?),
            Scalar::Binary(op, left_side, right_side) => {
                let left_side = Box::new(self.scalar(left_side, left)?);
                Scalar::Binary(*op, left_side, Box::new(self.scalar(right_side, left)?))
            }
            Scalar::Negate(inner) => Scalar::Negate(Box::new(self.scalar(inner, left)?)),
            Scalar::Not(inner) => Scalar::Not(Box::new(self.scalar(inner, left)?)),
            Scalar::And(parts) => Scalar::And(all(parts)?),
            Scalar::Or(parts) => Scalar::Or(all(parts)?),
        })
    }
}

/// What a part of an expression counts beside its text.
const SCALAR_BYTES: usize = 64;

/// What each `*` of a pattern takes of a name that it means, each as little as it can.
pub(super) fn segments(pattern: &str, name: &str) -> Vec<String> {
    let Some((before, after)) = pattern.split_once('*') else { return Vec::new() };
    let Some(rest) = name.strip_prefix(before) else { return Vec::new() };
    let glob = Glob::wildcard(after);
    let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
    for end in ends {
        if glob.matches(&rest[end..]) {
            let mut out = vec![rest[..end].to_owned()];
            out.extend(segments(after, &rest[end..]));
            return out;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_star_takes_its_part() {
        let fill = |tokens: ForEachTokens, template: &str| tokens.fill(template, &mut 1_000).expect("a short text");
        assert_eq!(fill(ForEachTokens::new("a*_*x", "a1_2_x"), "<<FIELD>>|<<MATCHSEG1>>|<<MATCHSEG2>>"), "a1_2_x|1|2_");
        assert_eq!(fill(ForEachTokens::new("count_*", "count_é"), "p_<<MATCHSTR>>"), "p_é");
        assert_eq!(fill(ForEachTokens::new("plain", "plain"), "<<MATCHSTR>>=<<FIELD>>"), "plain=plain");
    }

    #[test]
    fn no_more_bytes_are_made_than_may_be() {
        let tokens = ForEachTokens::new("plain", &"x".repeat(1_000));
        let mut left = 10_000;
        assert_eq!(tokens.fill(&"<<FIELD>>".repeat(20), &mut left), None);
        assert_eq!(tokens.fill("<<FIELD>>", &mut left).map(|text| text.len()), Some(1_000));
        assert_eq!(left, 9_000);
        let deep = Scalar::And(vec![Scalar::Text("<<FIELD>>".to_owned()); 20]);
        assert_eq!(tokens.scalar(&deep, &mut left), None);
    }
}

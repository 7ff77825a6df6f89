//! The tokens of `foreach`: what stands for the column at hand in a template.

use super::schema::wildcard;
use crate::ir::{Field, Scalar};

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

    /// Puts texts in place of tokens.
    pub(super) fn fill(&self, template: &str) -> String {
        self.values.iter().fold(template.to_owned(), |text, (token, value)| text.replace(token, value))
    }

    /// The same in an expression.
    pub(super) fn scalar(&self, scalar: &Scalar) -> Scalar {
        let all = |parts: &[Scalar]| parts.iter().map(|part| self.scalar(part)).collect();
        let one = |inner: &Scalar| Box::new(self.scalar(inner));
        match scalar {
            Scalar::Null | Scalar::Number(_) | Scalar::Bool(_) => scalar.clone(),
            Scalar::Text(text) => Scalar::Text(self.fill(text)),
            Scalar::Field(field) => Scalar::Field(Field { name: self.fill(&field.name), ..field.clone() }),
            Scalar::Call(function, parts) => Scalar::Call(*function, all(parts)),
            Scalar::Binary(op, left, right) => Scalar::Binary(*op, one(left), one(right)),
            Scalar::Negate(inner) => Scalar::Negate(one(inner)),
            Scalar::Not(inner) => Scalar::Not(one(inner)),
            Scalar::And(parts) => Scalar::And(all(parts)),
            Scalar::Or(parts) => Scalar::Or(all(parts)),
        }
    }
}

/// What each `*` of a pattern takes of a name that it means, each as little as it can.
fn segments(pattern: &str, name: &str) -> Vec<String> {
    let Some((before, after)) = pattern.split_once('*') else { return Vec::new() };
    let Some(rest) = name.strip_prefix(before) else { return Vec::new() };
    let glob = wildcard(after);
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
        let tokens = ForEachTokens::new("a*_*x", "a1_2_x");
        assert_eq!(tokens.fill("<<FIELD>>|<<MATCHSEG1>>|<<MATCHSEG2>>"), "a1_2_x|1|2_");
        assert_eq!(ForEachTokens::new("count_*", "count_é").fill("p_<<MATCHSTR>>"), "p_é");
        assert_eq!(ForEachTokens::new("plain", "plain").fill("<<MATCHSTR>>=<<FIELD>>"), "plain=plain");
    }
}

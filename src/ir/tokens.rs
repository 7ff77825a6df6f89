//! Tokens: `$name$` in the texts of a search that `map` runs for each row stands for what the row has in that column.

use super::{Aggregate, Glob, Match, Part, Pred, Scalar, Stage, Stats, Test};

/// Calls `visit` with the name in each `$name$` of a text, and with the text between them.
fn each_piece<'t>(text: &'t str, visit: &mut dyn FnMut(Result<&'t str, &'t str>)) {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '{' | '}'));
    let (mut rest, mut at) = (text, 0);
    while let Some(found) = rest[at..].find('$') {
        let start = at + found;
        let end = rest[start + 1..].find('$').map(|length| start + 1 + length);
        match end.filter(|end| is_name(&rest[start + 1..*end])) {
            Some(end) => {
                visit(Err(&rest[..start]));
                visit(Ok(&rest[start + 1..end]));
                (rest, at) = (&rest[end + 1..], 0);
            }
            // A `$` by itself: an account of a machine, the end of an expression.
            None => at = start + 1,
        }
    }
    visit(Err(rest));
}

/// The names of the tokens in a text, in order.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    each_piece(text, &mut |piece| out.extend(piece.ok()));
    out
}

/// A text with values in place of its tokens.
pub fn fill_tokens(text: &str, value: &dyn Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    each_piece(text, &mut |piece| match piece {
        Ok(name) => out.push_str(&value(name)),
        Err(text) => out.push_str(text),
    });
    out
}

impl<F: Clone> Pred<F> {
    /// The same condition with the texts that it compares with written anew.
    #[must_use]
    pub fn map_texts(&self, write: &dyn Fn(&str) -> String, scalar: &dyn Fn(&Scalar<F>) -> Scalar<F>) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.map_texts(write, scalar)).collect();
        match self {
            Self::And(parts) => Self::And(all(parts)),
            Self::Or(parts) => Self::Or(all(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.map_texts(write, scalar))),
            Self::Match(Match { field, test: Test::Glob { glob, case }, negated, span }) => {
                let test = Test::Glob { glob: written(glob, write), case: *case };
                Self::Match(Match { field: field.clone(), test, negated: *negated, span: span.clone() })
            }
            Self::Keyword { glob, case } => Self::Keyword { glob: written(glob, write), case: *case },
            Self::Scalar(inner) => Self::Scalar(scalar(inner)),
            Self::True | Self::False | Self::Match(_) | Self::Compare(_) | Self::Subsearch(_) => self.clone(),
        }
    }
}

fn written(glob: &Glob, write: &dyn Fn(&str) -> String) -> Glob {
    Glob::new(glob.parts().iter().map(|part| match part {
        Part::Text(text) => Part::Text(write(text)),
        other => other.clone(),
    }))
}

impl Stage {
    /// The same stage with the texts of its conditions and expressions written anew; the names of columns stay.
    #[must_use]
    pub fn map_texts(&self, write: &dyn Fn(&str) -> String) -> Self {
        let scalar = |value: &Scalar| value.map_literals(write);
        let stats = |stats: &Stats| Stats {
            aggregates: stats.aggregates.iter().map(|a| Aggregate { argument: a.argument.as_ref().map(scalar), ..a.clone() }).collect(),
            ..stats.clone()
        };
        match self {
            Self::Filter(pred) => Self::Filter(pred.map_texts(write, &scalar)),
            Self::Eval(assignments) => Self::Eval(assignments.iter().map(|(name, value)| (name.clone(), scalar(value))).collect()),
            Self::Stats(of) => Self::Stats(stats(of)),
            Self::EventStats(of) => Self::EventStats(stats(of)),
            other => other.clone(),
        }
    }

    /// The names of the tokens in its conditions and expressions, in order, as often as they occur.
    pub fn tokens(&self) -> Vec<String> {
        let found = std::cell::RefCell::new(Vec::new());
        let _ = self.map_texts(&|text| {
            found.borrow_mut().extend(tokens(text).into_iter().map(str::to_owned));
            String::new()
        });
        found.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_name_between_dollars() {
        assert_eq!(tokens("$a$ and $b.c{}$, $d"), ["a", "b.c{}"]);
        assert_eq!(tokens("^a$|^b$"), [""; 0]);
        assert_eq!(tokens("WS01$ $x$"), ["x"]);
        assert_eq!(fill_tokens("$a$-$b$$", &|name| name.to_uppercase()), "A-B$");
    }
}

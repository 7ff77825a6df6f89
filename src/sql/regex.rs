//! Regular expressions as patterns: the ones that only name characters, their places, alternatives and small counts.
//!
//! A database has no regular expressions of its own, but patterns with classes of characters. Where an expression is one of a few of
//! them, to the letter, it has a form; all others are told.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

/// Some texts: those that have these characters at their places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CharPattern {
    /// Whether it begins where the text begins.
    pub(super) from_start: bool,
    /// The characters that may stand in each place.
    pub(super) places: Vec<ClassUnicode>,
    /// Whether it ends where the text ends.
    pub(super) to_end: bool,
}

/// Most patterns of one expression, and most places of all: an expression with more would be a statement that nobody reads.
const PATTERNS_MAX: usize = 64;
const PLACES_MAX: usize = 2_000;
/// Most ranges of one class: `\d` has some seventy, `\w` several hundred.
const RANGES_MAX: usize = 128;

/// Reads an expression in the syntax of [`crate::ir::Test::Regex`]: a text matches when one of these patterns fits. None: there are no
/// such patterns, or too many.
pub(super) fn patterns(expression: &str) -> Option<Vec<CharPattern>> {
    let sequences = expanded(&regex_syntax::parse(expression).ok()?)?;
    sequences.into_iter().map(pattern).collect()
}

#[derive(Debug, Clone, PartialEq)]
enum PatternItem {
    Place(ClassUnicode),
    Start,
    End,
    /// More of what the last so many items match.
    More(usize),
}

/// The sequences of an expression: one has to match.
fn expanded(hir: &Hir) -> Option<Vec<Vec<PatternItem>>> {
    let one = |item| Some(vec![vec![item]]);
    let sequences = match hir.kind() {
        HirKind::Empty => vec![Vec::new()],
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            vec![text.chars().map(|c| PatternItem::Place(ClassUnicode::new([ClassUnicodeRange::new(c, c)]))).collect()]
        }
        HirKind::Class(class) => {
            let class = match class {
                Class::Unicode(class) => class.clone(),
                Class::Bytes(class) => class.to_unicode_class()?,
            };
            // A class of nothing matches nothing, and no pattern says that.
            let is_short = !class.ranges().is_empty() && class.ranges().len() <= RANGES_MAX;
            return if is_short { one(PatternItem::Place(class)) } else { None };
        }
        HirKind::Look(Look::Start) => return one(PatternItem::Start),
        HirKind::Look(Look::End) => return one(PatternItem::End),
        HirKind::Look(_) => return None,
        HirKind::Capture(capture) => expanded(&capture.sub)?,
        HirKind::Concat(parts) => parts.iter().try_fold(vec![Vec::new()], |all, part| joined(&all, &expanded(part)?))?,
        HirKind::Alternation(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(expanded).collect();
            all?.concat()
        }
        HirKind::Repetition(repetition) => {
            let sub = expanded(&repetition.sub)?;
            let mut some = (0..repetition.min).try_fold(vec![Vec::new()], |all, _| joined(&all, &sub))?;
            match repetition.max {
                None => some.iter_mut().for_each(|items| items.push(PatternItem::More(items.len()))),
                Some(most) => {
                    let mut last = some.clone();
                    for _ in repetition.min..most {
                        last = joined(&last, &sub)?;
                        some.extend(last.iter().cloned());
                        within(&some)?;
                    }
                }
            }
            some
        }
    };
    within(&sequences)?;
    Some(sequences)
}

/// Each of the sequences with each of the others behind it.
fn joined(all: &[Vec<PatternItem>], more: &[Vec<PatternItem>]) -> Option<Vec<Vec<PatternItem>>> {
    // Before they are made: two lists of sixty make thousands.
    if all.len().saturating_mul(more.len()) > PATTERNS_MAX {
        return None;
    }
    let both: Vec<Vec<PatternItem>> = all.iter().flat_map(|left| more.iter().map(|right| [left.as_slice(), right].concat())).collect();
    within(&both)?;
    Some(both)
}

fn within(sequences: &[Vec<PatternItem>]) -> Option<()> {
    let places: usize = sequences.iter().map(Vec::len).sum();
    (sequences.len() <= PATTERNS_MAX && places <= PLACES_MAX).then_some(())
}

/// A sequence as a pattern, where its ends and what is repeated stand at its ends.
fn pattern(mut items: Vec<PatternItem>) -> Option<CharPattern> {
    let count = |wanted: &PatternItem, items: &mut dyn Iterator<Item = &PatternItem>| items.take_while(|item| *item == wanted).count();
    let starts = count(&PatternItem::Start, &mut items.iter());
    items.drain(..starts);
    let ends = count(&PatternItem::End, &mut items.iter().rev());
    items.truncate(items.len() - ends);
    // Where nothing has to follow, or to stand in front, a match with more of it has one with the least of it inside.
    if ends == 0 && matches!(items.last(), Some(PatternItem::More(_))) {
        items.pop();
    }
    let leading = items.iter().position(|item| matches!(item, PatternItem::More(_)));
    if let Some(at) = leading.filter(|at| starts == 0 && items[*at] == PatternItem::More(*at)) {
        items.remove(at);
    }
    let place = |item| if let PatternItem::Place(class) = item { Some(class) } else { None };
    let places: Option<Vec<ClassUnicode>> = items.into_iter().map(place).collect();
    Some(CharPattern { from_start: starts > 0, places: places?, to_end: ends > 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &CharPattern, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let last = chars.len().checked_sub(pattern.places.len());
        let holds = |class: &ClassUnicode, c: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
        last.is_some_and(|last| {
            (0..=last).any(|from| {
                (!pattern.from_start || from == 0)
                    && (!pattern.to_end || from == last)
                    && pattern.places.iter().zip(&chars[from..]).all(|(class, c)| holds(class, *c))
            })
        })
    }

    #[test]
    fn patterns_fit_what_the_expression_matches() {
        let texts = ["", "a", "ab", "abc", "xaby", "aab", "a\n", "AB", "a-b", "ab\n", "b]", "12", "x12y", "1", "a.b", "éa", "bab", "aXb"];
        for expression in [
            "ab",
            "^ab",
            r"ab\n?\z",
            "(?i)ab",
            "^(a|ab|12)$",
            "a.b",
            "[0-9]{2}",
            r"^[a-b]{1,3}\n?\z",
            "a+b",
            "ba*",
            "(a|b)+",
            "x?a",
            r"\d",
            "^a+",
            "",
            r"a.{0,2}\n?\z",
            r"[\]b-]",
            "a$",
        ] {
            let found = patterns(expression).unwrap_or_else(|| panic!("{expression}"));
            let regex = regex::Regex::new(expression).expect("an expression");
            for text in texts {
                assert_eq!(found.iter().any(|p| fits(p, text)), regex.is_match(text), "{expression} {text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for expression in ["a.+b", r"\bab", r"\w", "a^b", "^a+b", "a*b+c$", "(?m)^a", "[a-z]{3000}", "(ab|c){9}"] {
            assert_eq!(patterns(expression), None, "{expression}");
        }
    }
}

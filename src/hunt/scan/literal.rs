//! Literals that any match of a regular expression must contain: a cheap question asked first.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::event::fold_char;

/// Shorter literals do not serve as a filter.
// Two letters occur in nearly every path or command line: the expression would be asked anyway.
const MIN_CHARS: usize = 3;
/// More alternatives than this do not serve as a filter.
// Each becomes a pattern of the column's automaton, which every value goes through: this bounds what one expression adds to it.
const MAX_ALTERNATIVES: usize = 64;

/// Returns folded texts of which at least one occurs in the folded form of every value that the expression
/// matches; `None` where nothing useful is known.
pub(super) fn required_literals(pattern: &Hir) -> Option<Vec<String>> {
    required(pattern).filter(|set| set.len() <= MAX_ALTERNATIVES && set.iter().all(|t| t.chars().count() >= MIN_CHARS))
}

fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => folded_text(hir).map(|text| vec![text]),
        HirKind::Capture(capture) => required(&capture.sub),
        // Only what must occur at least once is necessary: `x*` also matches without an `x`.
        HirKind::Repetition(repetition) if repetition.min >= 1 => required(&repetition.sub),
        HirKind::Concat(parts) => best_of_concat(parts),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(required(part)?);
                // Inside of the loop: alternatives nest, and their number can multiply before anybody looks.
                if all.len() > MAX_ALTERNATIVES {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn best_of_concat(parts: &[Hir]) -> Option<Vec<String>> {
    let mut candidates: Vec<Vec<String>> = Vec::new();
    let mut run = String::new();
    for part in parts {
        if let Some(text) = folded_text(part) {
            run.push_str(&text);
        } else {
            if !run.is_empty() {
                candidates.push(vec![std::mem::take(&mut run)]);
            }
            candidates.extend(required(part));
        }
    }
    if !run.is_empty() {
        candidates.push(vec![run]);
    }
    // The best is the one whose shortest text is longest: it lets the fewest values through.
    candidates.into_iter().filter(|set| !set.is_empty()).max_by_key(|set| set.iter().map(|t| t.len()).min())
}

/// The folded text of a literal, or of a class whose members all fold to one character.
fn folded_text(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(std::str::from_utf8(&literal.0).ok()?.chars().map(fold_char).collect()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut folded = None;
            for range in class.ranges() {
                // The spellings of one letter are few and seldom neighbours; a longer range is a real class, and not worth walking through.
                if range.len() > 4 {
                    return None;
                }
                for c in range.start()..=range.end() {
                    let c = fold_char(c);
                    if folded.is_some_and(|f| f != c) {
                        return None;
                    }
                    folded = Some(c);
                }
            }
            folded.map(String::from)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::required_literals;

    fn texts(pattern: &str) -> Vec<String> {
        required_literals(&regex_syntax::parse(pattern).unwrap()).unwrap_or_default()
    }

    #[test]
    fn the_longest_run_is_taken() {
        assert_eq!(texts(r"\\Temp\\[a-z]+\.EXE"), [r"\temp\"]);
        assert_eq!(texts(r"(?i)invoke-\w+"), ["invo"]); // k and s also fold from the Kelvin sign and the long s
    }

    #[test]
    fn alternatives_are_all_needed() {
        assert_eq!(texts("(abc|defg)+x"), ["abc", "defg"]);
        assert!(texts("abc|d").is_empty());
        assert!(texts("(abc)?").is_empty());
        assert!(texts(".*").is_empty());
    }
}

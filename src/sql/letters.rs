//! Letters beyond ASCII that have forms of another case: what a database that folds ASCII alone must be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::event::fold_char;
use crate::ir::{Glob, Part};

/// No character behind this one has a case: the rest of Unicode is eight times as long.
const LAST_WITH_CASE: char = '\u{1ffff}';

/// All letters beyond ASCII that fold to another, and these: the same number of characters.
pub(super) fn all() -> (String, String) {
    other_forms().iter().flat_map(|(folded, forms)| forms.iter().map(|form| (*form, *folded))).unzip()
}

/// Of a folded pattern's letters beyond ASCII every other form, each with the letter: in the order of the letters.
pub(super) fn other_forms_in(folded: &Glob) -> Vec<(char, char)> {
    let texts = folded.parts().iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None });
    let letters: BTreeSet<char> = texts.flat_map(str::chars).filter(|c| !c.is_ascii()).collect();
    letters.into_iter().flat_map(|c| other_forms().get(&c).into_iter().flatten().map(move |form| (*form, c))).collect()
}

/// Folded character → the characters that fold to it.
fn other_forms() -> &'static BTreeMap<char, Vec<char>> {
    // Walked through once a process: it takes some milliseconds, and most rules need none of it.
    static FORMS: OnceLock<BTreeMap<char, Vec<char>>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let mut forms: BTreeMap<char, Vec<char>> = BTreeMap::new();
        for c in '\u{80}'..=LAST_WITH_CASE {
            let folded = fold_char(c);
            if folded != c {
                forms.entry(folded).or_default().push(c);
            }
        }
        forms
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_behind_the_last_with_case_have_none() {
        assert!((LAST_WITH_CASE..=char::MAX).all(|c| fold_char(c) == c));
        assert!(('\u{1e900}'..LAST_WITH_CASE).any(|c| fold_char(c) != c), "the last ones are among them");
    }
}

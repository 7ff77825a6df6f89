//! Pairs of names and values: `a=1, b="x y"`.

use crate::ir::PairMarks;

/// What ends a pair where a search does not say it, beside white space.
const PAIR_ENDS: [char; 3] = [',', ';', '|'];

/// Calls `visit` with the name and value of each pair. A name is made of letters, digits and `_`: what else is in it becomes `_`.
pub(super) fn each(text: &str, marks: &PairMarks, visit: &mut dyn FnMut(&str, &str)) {
    let ends_pair = |c: char| {
        if marks.pairs.is_empty() { c.is_whitespace() || PAIR_ENDS.contains(&c) } else { marks.pairs.contains(c) }
    };
    let mut quoted = false;
    let pieces = text.split(|c: char| {
        quoted ^= c == '"';
        !quoted && ends_pair(c)
    });
    for piece in pieces {
        let mut rest = piece;
        while let Some((name, value)) = rest.split_once(|c: char| marks.values.contains(c)) {
            let value = value.trim();
            // What stands behind the closing quote is no part of it: `a="7">` is an attribute of a tag.
            let quoted = value.strip_prefix('"').and_then(|inner| inner.split_once('"'));
            let (value, behind) = quoted.unwrap_or((value, ""));
            let name = clean(name);
            if !name.is_empty() && !value.is_empty() {
                visit(&name, value);
            }
            rest = behind;
        }
    }
}

/// A name as Splunk cleans it.
fn clean(name: &str) -> String {
    let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

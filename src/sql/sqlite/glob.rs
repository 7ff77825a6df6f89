//! Patterns as portable SQL: `=`, `LIKE … ESCAPE '\'` and `GLOB`, with the project's folding.
//!
//! SQLite folds ASCII letters only. [`fold_char`] maps no character outside ASCII to one inside, so ASCII patterns
//! are exact as they are. For each other letter of a pattern that has forms of another case, the value's forms are
//! replaced by the pattern's one before it is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName};

use super::literal;
use crate::event::fold_char;
use crate::ir::{Case, Glob, Part};
use crate::sql::ast;
use crate::sql::regex::CharPattern;

/// Makes the test of a text by a pattern.
pub(super) fn matches(value: Expr, glob: &Glob, case: Case) -> Expr {
    if glob.parts().iter().any(|part| matches!(part, Part::Text(text) if text.contains('\0'))) {
        return ast::truth(false); // no value holds a NUL, and LIKE would stop at the pattern's
    }
    match case {
        Case::Exact => match glob.as_literal() {
            Some(text) => ast::eq(value, literal(text)),
            None => ast::call("glob", vec![literal(&glob_pattern(glob)), value]),
        },
        Case::Ignore => {
            let folded = glob.folded();
            let value = unify(value, &folded);
            match folded.as_literal() {
                Some(text) if text.bytes().any(|b| b.is_ascii_alphabetic()) => eq_nocase(value, literal(text)),
                Some(text) => ast::eq(value, literal(text)),
                None => like(value, literal(&like_pattern(&folded))),
            }
        }
    }
}

fn like_pattern(glob: &Glob) -> String {
    let mut out = String::new();
    for part in glob.parts() {
        match part {
            Part::Any => out.push('%'),
            Part::One => out.push('_'),
            Part::Text(text) => text.chars().for_each(|c| {
                if matches!(c, '%' | '_' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }),
        }
    }
    out
}

fn glob_pattern(glob: &Glob) -> String {
    let mut out = String::new();
    for part in glob.parts() {
        match part {
            Part::Any => out.push('*'),
            Part::One => out.push('?'),
            Part::Text(text) => text.chars().for_each(|c| match c {
                // GLOB has no escape: a class of one character is the only way to write them.
                '*' | '?' | '[' => out.extend(['[', c, ']']),
                c => out.push(c),
            }),
        }
    }
    out
}

/// Makes the test of a text by a pattern of classes of characters.
pub(super) fn matches_classes(value: Expr, pattern: &CharPattern) -> Expr {
    let nul = ClassUnicodeRange::new('\0', '\0');
    if pattern.places.iter().any(|class| class.ranges() == [nul]) {
        return ast::truth(false); // no value holds a NUL, and the pattern would end at it
    }
    let border = |is_there: bool| if is_there { "" } else { "*" };
    let mut out = border(pattern.from_start).to_owned();
    pattern.places.iter().for_each(|class| push_class(&mut out, class));
    out.push_str(border(pattern.to_end));
    ast::call("glob", vec![literal(&out), value])
}

/// A class as GLOB has it. GLOB has no escape: what is special in a class has to stand where it is not.
fn push_class(out: &mut String, class: &ClassUnicode) {
    if let [one] = class.ranges()
        && one.start() == one.end()
    {
        let c = one.start();
        let is_special = matches!(c, '*' | '?' | '[');
        return if is_special { out.extend(['[', c, ']']) } else { out.push(c) };
    }
    let mut class = class.clone();
    // Written as what is not in it where that is shorter to read; no value holds a NUL, and none can stand in a pattern.
    let is_negated = class.ranges().last().is_some_and(|last| last.end() == char::MAX);
    if is_negated {
        class.negate();
        if class.ranges().is_empty() {
            return out.push('?');
        }
    }
    let special = |c: char| ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    let has = |c: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
    let [bracket, caret, dash] = [']', '^', '-'].map(has);
    let mut plain = class.clone();
    ['\0', ']', '^', '-'].iter().for_each(|c| plain.difference(&special(*c)));
    out.push_str(if is_negated { "[^" } else { "[" });
    out.push_str(if bracket { "]" } else { "" });
    for range in plain.ranges() {
        out.push(range.start());
        if range.start() != range.end() {
            out.extend(['-', range.end()]);
        }
    }
    // `-` is itself at the end and at the beginning, `^` everywhere but there.
    let caret_first = !bracket && plain.ranges().is_empty() && !is_negated;
    out.push_str(match (caret, dash) {
        (true, true) if caret_first => "-^",
        (true, true) => "^-",
        (true, false) => "^",
        (false, true) => "-",
        (false, false) => "",
    });
    out.push(']');
}

/// Replaces in the value every other form of the pattern's letters outside ASCII by the folded form.
fn unify(value: Expr, folded: &Glob) -> Expr {
    let texts = folded.parts().iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None });
    let letters: BTreeSet<char> = texts.flat_map(str::chars).filter(|c| !c.is_ascii()).collect();
    let forms = |c: char| other_forms().get(&c).into_iter().flatten().map(move |form| (*form, c));
    letters.into_iter().flat_map(forms).fold(value, |value, (form, letter)| {
        ast::call("replace", vec![value, literal(form.encode_utf8(&mut [0; 4])), literal(letter.encode_utf8(&mut [0; 4]))])
    })
}

/// No character behind this one has a case: the rest of Unicode is eight times as long.
const LAST_WITH_CASE: char = '\u{1ffff}';

/// All letters beyond ASCII that fold to another, and these: the same number of characters.
pub(super) fn letters() -> (String, String) {
    other_forms().iter().flat_map(|(folded, forms)| forms.iter().map(|form| (*form, *folded))).unzip()
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

/// Makes `left = right COLLATE NOCASE`: SQLite's folding of ASCII letters.
pub(super) fn eq_nocase(left: Expr, right: Expr) -> Expr {
    let right = Expr::Collate { expr: ast::operand(right), collation: ObjectName::from(Ident::new("NOCASE")) };
    ast::op_plain(*ast::operand(left), BinaryOperator::Eq, right)
}

/// Makes `x LIKE pattern ESCAPE '\\'`.
pub(super) fn like(expr: Expr, pattern: Expr) -> Expr {
    let escape_char = Some(Box::new(ast::quoted("\\")));
    Expr::Like { negated: false, any: false, expr: ast::operand(expr), pattern: ast::operand(pattern), escape_char }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(expression: &str) -> String {
        let patterns = crate::sql::regex::patterns(expression).expect("a pattern");
        let mut out = String::new();
        patterns[0].places.iter().for_each(|class| push_class(&mut out, class));
        out
    }

    #[test]
    fn characters_behind_the_last_with_case_have_none() {
        assert!((LAST_WITH_CASE..=char::MAX).all(|c| fold_char(c) == c));
        assert!(('\u{1e900}'..LAST_WITH_CASE).any(|c| fold_char(c) != c), "the last ones are among them");
    }

    #[test]
    fn what_is_special_in_a_class_stands_where_it_is_not() {
        let written = [r"[\]a]", r"[\^\-]", r"[\^\-a]", r"[\]\^]", "[^a]", ".", r"[^\]\^-]", r"[\[-a]", r"\*\[", "[0-9a-f]"].map(class);
        let wanted = ["[]a]", "[-^]", "[a^-]", "[]^]", "[^a]", "[^\n]", "[^]^-]", "[][-\\_-a^]", "[*][[]", "[0-9a-f]"];
        assert_eq!(written, wanted.map(str::to_owned));
    }
}

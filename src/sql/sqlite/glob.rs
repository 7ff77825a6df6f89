//! Patterns as portable SQL: `=`, `LIKE … ESCAPE '\'` and `GLOB`, with the project's folding.
//!
//! SQLite folds ASCII letters only. [`crate::event::fold_char`] maps no character outside ASCII to one inside, so ASCII patterns
//! are exact as they are. For each other letter of a pattern that has forms of another case, the value's forms are
//! replaced by the pattern's one before it is compared.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName};

use super::literal;
use crate::ir::{Case, Glob, Part};
use crate::sql::regex::CharPattern;
use crate::sql::{ast, letters};

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
    letters::other_forms_in(folded).into_iter().fold(value, |value, (form, letter)| {
        ast::call("replace", vec![value, literal(form.encode_utf8(&mut [0; 4])), literal(letter.encode_utf8(&mut [0; 4]))])
    })
}

/// Makes `left = right COLLATE NOCASE`: SQLite's folding of ASCII letters.
pub(super) fn eq_nocase(left: Expr, right: Expr) -> Expr {
    let right = Expr::Collate { expr: ast::operand(right), collation: ObjectName::from(Ident::new("NOCASE")) };
    ast::op_plain(*ast::operand(left), BinaryOperator::Eq, right)
}

/// Makes `x LIKE pattern ESCAPE '\\'`.
pub(super) fn like(expr: Expr, pattern: Expr) -> Expr {
    ast::like(expr, pattern, Some('\\'))
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
    fn what_is_special_in_a_class_stands_where_it_is_not() {
        let written = [r"[\]a]", r"[\^\-]", r"[\^\-a]", r"[\]\^]", "[^a]", ".", r"[^\]\^-]", r"[\[-a]", r"\*\[", "[0-9a-f]"].map(class);
        let wanted = ["[]a]", "[-^]", "[a^-]", "[]^]", "[^a]", "[^\n]", "[^]^-]", "[][-\\_-a^]", "[*][[]", "[0-9a-f]"];
        assert_eq!(written, wanted.map(str::to_owned));
    }
}

//! Text as rules see it: folding, wildcards, numbers, times.

use retrohunt::ir::{Case, Glob, Part};

/// Lower-case letters that Unicode's simple folding (CaseFolding.txt, C and S) takes for another one.
const SECOND_FORMS: &[(char, char)] = &[
    ('\u{b5}', '\u{3bc}'),
    ('\u{345}', 'ι'),
    ('ς', 'σ'),
    ('ϐ', 'β'),
    ('ϑ', 'θ'),
    ('ϕ', 'φ'),
    ('ϖ', 'π'),
    ('ϰ', 'κ'),
    ('ϱ', 'ρ'),
    ('ϵ', 'ε'),
    ('ẛ', 'ṡ'),
    ('\u{1fbe}', 'ι'),
    ('\u{1c80}', 'в'),
    ('\u{1c81}', 'д'),
    ('\u{1c82}', 'о'),
    ('\u{1c83}', 'с'),
    ('\u{1c84}', 'т'),
    ('\u{1c85}', 'т'),
    ('\u{1c86}', 'ъ'),
    ('\u{1c87}', 'ѣ'),
    ('\u{1c88}', 'ꙋ'),
    ('\u{1fd3}', '\u{390}'),
    ('\u{1fe3}', '\u{3b0}'),
    ('\u{fb05}', '\u{fb06}'),
];

/// Folds one character: ASCII letters to lower case; any other character to its lower case if that is one character
/// outside ASCII, and to the usual one where there are two; everything else stays as it is.
pub(crate) fn fold(c: char) -> char {
    if c.is_ascii_uppercase() {
        return char::from(c as u8 + 32);
    }
    if let Some((_, usual)) = SECOND_FORMS.iter().find(|(second, _)| *second == c) {
        return *usual;
    }
    let lower: Vec<char> = c.to_lowercase().collect();
    if !c.is_ascii() && lower.len() == 1 && !lower[0].is_ascii() { lower[0] } else { c }
}

/// The characters of a text as a comparison sees them.
pub(crate) fn characters(text: &str, case: Case) -> Vec<char> {
    match case {
        Case::Ignore => text.chars().map(fold).collect(),
        Case::Exact => text.chars().collect(),
    }
}

/// Whether a pattern matches the whole of a text: a table of (pieces used, characters used).
pub(crate) fn glob_matches(glob: &Glob, text: &str, case: Case) -> bool {
    enum Step {
        Char(char),
        One,
        Any,
    }
    let mut steps = Vec::new();
    for part in glob.parts() {
        match part {
            Part::Text(text) => steps.extend(characters(text, case).into_iter().map(Step::Char)),
            Part::One => steps.push(Step::One),
            Part::Any => steps.push(Step::Any),
        }
    }
    let text = characters(text, case);
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for step in &steps {
        let mut next = vec![false; text.len() + 1];
        match step {
            Step::Any => {
                let mut seen = false;
                for at in 0..=text.len() {
                    seen |= reach[at];
                    next[at] = seen;
                }
            }
            Step::One => (0..text.len()).for_each(|at| next[at + 1] = reach[at]),
            Step::Char(c) => (0..text.len()).for_each(|at| next[at + 1] = reach[at] && text[at] == *c),
        }
        reach = next;
    }
    reach[text.len()]
}

/// A pattern of which `*` is the only wildcard.
pub(crate) fn pattern_of(text: &str) -> Glob {
    let pieces = text.split('*').enumerate();
    Glob::new(pieces.flat_map(|(i, piece)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(piece.to_owned())])))
}

/// Reads a number: an optional sign, digits with an optional point (`.5` and `5.` too), an optional exponent, and nothing around.
pub(crate) fn number(text: &str) -> Option<f64> {
    fn digits(at: &mut &[u8]) -> bool {
        let count = at.iter().take_while(|b| b.is_ascii_digit()).count();
        *at = &at[count..];
        count > 0
    }
    fn sign(at: &mut &[u8]) {
        if let [b'+' | b'-', rest @ ..] = at {
            *at = rest;
        }
    }
    let mut at = text.as_bytes();
    sign(&mut at);
    let mut has_digits = digits(&mut at);
    if let [b'.', rest @ ..] = at {
        at = rest;
        has_digits |= digits(&mut at);
    }
    if !has_digits {
        return None;
    }
    if let [b'e' | b'E', rest @ ..] = at {
        at = rest;
        sign(&mut at);
        if !digits(&mut at) {
            return None;
        }
    }
    let number: f64 = text.parse().ok()?;
    // `1e999` is none: no double has its value.
    (at.is_empty() && number.is_finite()).then_some(number)
}

/// Writes a number: whole numbers without a fraction, with all digits up to 2^63.
pub(crate) fn number_text(number: f64) -> String {
    let number = number + 0.0; // minus zero is zero
    if number == number.trunc() && number.abs() < 2_f64.powi(63) { format!("{number:.0}") } else { format!("{number}") }
}

/// Writes a time as seconds since 1970 in decimal, without trailing zeros.
pub(crate) fn seconds(time_us: i64) -> String {
    let (whole, fraction) = (time_us.div_euclid(1_000_000), time_us.rem_euclid(1_000_000));
    if fraction == 0 {
        return whole.to_string();
    }
    format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned()
}

#[test]
fn folding_is_one_to_one_and_never_meets_ascii() {
    let folded: String = "AZäÄßİ\u{212a}ſςΣЯ".chars().map(fold).collect();
    assert_eq!(folded, "azääßİ\u{212a}ſσσя");
}

#[test]
fn wildcards_take_any_character_and_the_whole_text() {
    let glob = Glob::new([Part::Text("a".into()), Part::Any, Part::One, Part::Text("b".into())]);
    for (text, expected) in [("axb", true), ("a\n\nb", true), ("ab", false), ("AxB", true), ("axbc", false), ("a%_b", true)] {
        assert_eq!(glob_matches(&glob, text, Case::Ignore), expected, "{text:?}");
    }
    assert!(glob_matches(&Glob::default(), "", Case::Exact) && !glob_matches(&Glob::default(), "x", Case::Exact));
}

#[test]
fn numbers_have_nothing_around() {
    for (text, expected) in [
        ("10", Some(10.0)),
        ("-1.5e2", Some(-150.0)),
        (" 1", None),
        ("1 ", None),
        ("0x10", None),
        ("", None),
        ("1.", Some(1.0)),
        (".5", Some(0.5)),
        (".", None),
        ("-.e1", None),
        ("inf", None),
        ("1e999", None),
        ("+7", Some(7.0)),
    ] {
        assert_eq!(number(text), expected, "{text:?}");
    }
}

//! Forms of conditions: every test that a rule can make of a value, over texts, lists and missing fields, and any of them joined.

use retrohunt::ir::{BinaryOp, Case, Cidr, Field, FieldCompare, Function, Glob, Match, NumberOp, Part, Pred, Scalar, Test, Vocabulary};

use super::query;
use super::values::ODD;
use crate::support::evaluate::{Event, matching};
use crate::support::random::Random;

/// A condition.
pub(crate) struct Form {
    /// How a failure names it.
    pub(crate) name: String,
    /// What it asks.
    pub(crate) filter: Pred,
    /// No engine has a form for it: it is told, and narrowed.
    pub(crate) is_told: bool,
}

fn field(name: &str) -> Field {
    Field { name: name.to_owned(), vocabulary: Vocabulary::Splunk }
}

fn on(name: &str, test: Test) -> Pred {
    Pred::Match(Match { field: field(name), test, negated: false, span: 0..0 })
}

fn differs(name: &str, test: Test) -> Pred {
    Pred::Match(Match { field: field(name), test, negated: true, span: 0..0 })
}

fn not(filter: Pred) -> Pred {
    Pred::Not(Box::new(filter))
}

fn form(name: String, filter: Pred) -> Form {
    Form { name, filter, is_told: false }
}

/// `*` any run, `?` one character, everything else itself; a tilde in front makes either itself.
fn pattern(text: &str) -> Glob {
    let mut parts = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '~' => Part::Text(chars.next().expect("what it stands before").to_string()),
            c => Part::Text(c.to_string()),
        });
    }
    Glob::new(parts)
}

const CASES: [(Case, &str); 2] = [(Case::Ignore, ""), (Case::Exact, " cased")];

/// What texts are looked for, whole and in every place.
const LITERALS: [&str; 26] = [
    "k", "K", "\u{212a}", "s", "i", "I", "\u{130}", "é", "É", "ß", "σ", "Σ", "😀", "'", "''", "\"", "\\", "\\'", "\\n", "\n", "%", "_",
    "!", "3", "abc", "a?c",
];

const PATTERNS: [&str; 24] = [
    "?",
    "??",
    "?*",
    "*?*?",
    "a?c",
    "A?C",
    "a*c",
    "a%c",
    "a_c",
    "a~*c",
    "a~?c",
    "a\\c",
    "a!c",
    "*\\*\"*",
    "?😀?",
    "*\n?*",
    "?é*",
    "É?*",
    "*!%",
    "*\\?",
    "\\\\*\\*",
    "*'?'*",
    "?:\\*\\*'*",
    "w?r*\u{212a}",
];

const EXPRESSIONS: [&str; 30] = [
    "a.c",
    "(?s)a.c",
    "(?i)a.C",
    "(?i)k",
    "k",
    "(?i)é",
    "(?i)s",
    "^a",
    "c$",
    "(?m)^C$",
    r"\d",
    r"^\d+$",
    "[[:alpha:]]{3}",
    r"\\",
    r"\\\\",
    "(?i)abc|É",
    "[^a-z]",
    r"^[^a-z]*$",
    r"\s",
    "'",
    r"^.{1}$",
    r"(?s)^.{2}$",
    r"a\.c",
    r"^(?:a|b|10)(?:\.0)?$",
    r"[\]'-]",
    r"\w\w",
    r"(?-u:\b)c",
    r"[0-9a-f]{2,}?",
    "\u{212a}",
    r"^\W+$",
];

/// What is no form in any dialect.
const TOLD: [&str; 3] = [r"\babc", r"(?R)c$", r"work\b|abc"];

const NUMBERS: [(NumberOp, f64); 10] = [
    (NumberOp::Lt, 10.0),
    (NumberOp::Ge, 10.0),
    (NumberOp::Eq, 10.0),
    (NumberOp::Eq, 3.0),
    (NumberOp::Ne, 3.0),
    (NumberOp::Gt, -0.5),
    (NumberOp::Le, 0.0),
    (NumberOp::Eq, 0.5),
    (NumberOp::Gt, 9e15),
    (NumberOp::Eq, 9_007_199_254_740_992.0),
];

const NETWORKS: [(&str, u8); 6] = [("10.0.0.0", 8), ("10.0.0.0", 31), ("0.0.0.0", 0), ("fe80::", 10), ("::", 0), ("::1", 128)];

const FIELDS: [&str; 2] = ["Text", "Tags"];

/// All forms.
pub(crate) fn forms(events: &[Event]) -> Vec<Form> {
    let mut all = texts();
    all.extend(patterns());
    all.extend(expressions());
    all.extend(numbers_and_orders());
    all.extend(networks());
    all.extend(comparisons());
    all.extend(presence());
    all.extend(scalars());
    all.extend(keywords());
    let joined = joined(&all, events);
    all.extend(joined);
    all.push(many(events));
    all
}

fn texts() -> Vec<Form> {
    let mut forms = Vec::new();
    for literal in LITERALS {
        let text = || Part::Text(literal.to_owned());
        let shapes = [
            ("is", Glob::new([text()])),
            ("contains", Glob::new([Part::Any, text(), Part::Any])),
            ("starts with", Glob::new([text(), Part::Any])),
            ("ends with", Glob::new([Part::Any, text()])),
        ];
        for ((shape, glob), (case, cased)) in shapes.into_iter().flat_map(|shape| CASES.map(|case| (shape.clone(), case))) {
            // Some shapes of some texts alone: all of all would take minutes on engines that compile each statement.
            let name = FIELDS[literal.len() % 2];
            forms.push(form(format!("{name} {shape} {literal:?}{cased}"), on(name, Test::Glob { glob, case })));
        }
    }
    forms
}

fn patterns() -> Vec<Form> {
    let made = PATTERNS.iter().flat_map(|text| CASES.map(|case| (text, case))).map(|(text, (case, cased))| {
        let test = Test::Glob { glob: pattern(text), case };
        form(format!("Text like {text:?}{cased}"), on("Text", test))
    });
    made.collect()
}

fn expressions() -> Vec<Form> {
    let made = EXPRESSIONS.iter().map(|text| form(format!("Text matches {text:?}"), on("Text", Test::Regex((*text).to_owned()))));
    let told = TOLD.iter().map(|text| Form {
        is_told: true,
        ..form(format!("Tags matches {text:?}"), Pred::Or(vec![on("Tags", Test::Regex((*text).to_owned())), on("Text", Test::Exists)]))
    });
    let under_not = TOLD
        .iter()
        .map(|text| Form { is_told: true, ..form(format!("not Text matches {text:?}"), not(on("Text", Test::Regex((*text).to_owned())))) });
    made.chain(told).chain(under_not).collect()
}

fn numbers_and_orders() -> Vec<Form> {
    let numbers = NUMBERS.iter().flat_map(|(op, value)| FIELDS.map(|name| (name, *op, *value)));
    let numbers = numbers.map(|(name, op, value)| form(format!("{name} {op:?} {value}"), on(name, Test::Number { op, value })));
    let orders = [
        (NumberOp::Lt, "a"),
        (NumberOp::Ge, "É"),
        (NumberOp::Eq, "k"),
        (NumberOp::Gt, "\u{212a}"),
        (NumberOp::Le, "\\"),
        (NumberOp::Ne, ""),
    ];
    let orders = orders.map(|(op, value)| {
        let test = Test::TextOrder { op, value: value.to_owned() };
        form(format!("Text {op:?} text {value:?}"), on("Text", test))
    });
    numbers.chain(orders).collect()
}

fn networks() -> Vec<Form> {
    let made = NETWORKS.iter().flat_map(|network| FIELDS.map(|name| (name, network))).map(|(name, (address, prefix))| {
        let network = Cidr { address: address.parse().expect("an address"), prefix: *prefix };
        form(format!("{name} in {address}/{prefix}"), on(name, Test::Cidr(network)))
    });
    made.collect()
}

fn comparisons() -> Vec<Form> {
    let sides = [("Other", "Text"), ("Tags", "Text"), ("Text", "Tags"), ("Tags", "Other"), ("Text", ODD)];
    let around = [(false, false), (true, true), (true, false), (false, true)];
    let mut forms = Vec::new();
    for (index, ((left, right), (case, cased))) in sides.into_iter().flat_map(|sides| CASES.map(|case| (sides, case))).enumerate() {
        for (any_before, any_after) in around.into_iter().skip(index % 3).take(2) {
            let compare = FieldCompare { left: field(left), right: field(right), any_before, any_after, case, span: 0..0 };
            let name = format!("{left} {any_before} {any_after} {right}{cased}");
            forms.push(form(name.clone(), Pred::Compare(compare.clone())));
            forms.push(form(format!("not {name}"), not(Pred::Compare(compare))));
        }
    }
    forms
}

fn presence() -> Vec<Form> {
    let names = ["Text", "Tags", "Other", ODD];
    let empty = || Test::Glob { glob: Glob::default(), case: Case::Ignore };
    let any = || Test::Glob { glob: Glob::new([Part::Any]), case: Case::Ignore };
    let forms = names.iter().flat_map(|name| {
        [
            form(format!("{name} exists"), on(name, Test::Exists)),
            form(format!("{name} is missing"), not(on(name, Test::Exists))),
            form(format!("{name} is empty"), on(name, empty())),
            form(format!("{name} is not empty"), not(on(name, empty()))),
            form(format!("{name} != empty"), differs(name, empty())),
            form(format!("{name} is anything"), on(name, any())),
        ]
    });
    forms.filter(|form| !(form.name.starts_with(ODD) && form.name.ends_with("is empty"))).collect()
}

fn scalars() -> Vec<Form> {
    let of = |name: &str| Scalar::Field(field(name));
    let text = |text: &str| Scalar::Text(text.to_owned());
    let binary = |op, left, right| Scalar::Binary(op, Box::new(left), Box::new(right));
    let made = [
        ("text = 10", binary(BinaryOp::Eq, of("Text"), Scalar::Number(10.0))),
        ("text < 3.5", binary(BinaryOp::Lt, of("Text"), Scalar::Number(3.5))),
        ("text >= É", binary(BinaryOp::Ge, of("Text"), text("É"))),
        ("tags = \"10\"", binary(BinaryOp::Eq, of("Tags"), text("10"))),
        ("text != other", binary(BinaryOp::Ne, of("Text"), of("Other"))),
        ("like", Scalar::Call(Function::Like, vec![of("Text"), text("a_c%")])),
        ("like of a list", Scalar::Call(Function::Like, vec![of("Tags"), text("%\\%")])),
        ("match", Scalar::Call(Function::Match, vec![of("Tags"), text("(?i)^[a-c]+$")])),
        ("in", Scalar::Call(Function::In, vec![of("Text"), text("k"), text("it's"), Scalar::Number(3.0)])),
        ("not of missing", Scalar::Not(Box::new(binary(BinaryOp::Eq, of("Other"), text(""))))),
    ];
    let condition = |(name, expression): (&str, Scalar)| form(format!("where {name}"), Pred::Scalar(expression));
    made.into_iter().map(condition).collect()
}

fn keywords() -> Vec<Form> {
    let words = [
        ("*work*", Case::Ignore),
        ("*É*", Case::Ignore),
        ("*É*", Case::Exact),
        ("*\\*", Case::Exact),
        ("*host1*", Case::Ignore),
        ("10", Case::Exact),
    ];
    let keyword = |(word, case): (&str, Case)| form(format!("keyword {word:?} {case:?}"), Pred::Keyword { glob: pattern(word), case });
    words.into_iter().map(keyword).collect()
}

/// Conditions of conditions, three deep: what NULL becomes under a NOT shows here.
fn joined(leaves: &[Form], events: &[Event]) -> Vec<Form> {
    let mut random = Random::new(7);
    let mut forms = Vec::new();
    while forms.len() < 60 {
        let mut name = String::new();
        let filter = tree(leaves, &mut random, 3, &mut name);
        let found = matching(&query(&filter), events).len();
        if found == 0 || found == events.len() {
            continue; // it would be right by accident
        }
        forms.push(Form { is_told: name.contains("\\b") || name.contains("(?R)"), name, filter });
    }
    forms
}

fn tree(leaves: &[Form], random: &mut Random, depth: u64, name: &mut String) -> Pred {
    if depth == 0 || random.below(5) == 0 {
        let leaf = &leaves[usize::try_from(random.below(leaves.len() as u64)).expect("an index")];
        name.push_str(&leaf.name);
        return leaf.filter.clone();
    }
    let word = ["not", "all", "any", "any"][usize::try_from(random.below(4)).expect("an index")];
    name.push_str(&format!("{word}("));
    let count = if word == "not" { 1 } else { 2 + random.below(3) };
    let mut parts = Vec::new();
    for _ in 0..count {
        parts.push(tree(leaves, random, depth - 1, name));
        name.push_str("; ");
    }
    name.push(')');
    match word {
        "not" => not(parts.remove(0)),
        "all" => Pred::And(parts),
        _ => Pred::Or(parts),
    }
}

/// Hundreds of texts of which one has to be there: some databases look for all at once.
fn many(events: &[Event]) -> Form {
    let known =
        events.iter().flat_map(|event| &event.fields).filter(|(name, _)| name == ODD).step_by(4).flat_map(|(_, value)| value.members());
    let words = (0..300).map(|number| format!("Word{number}")).chain(known.filter(|text| text.len() > 1).cloned());
    let test = |text: String| on("Text", Test::Glob { glob: Glob::new([Part::Any, Part::Text(text), Part::Any]), case: Case::Ignore });
    form("one of many".to_owned(), Pred::Or(words.map(test).collect()))
}

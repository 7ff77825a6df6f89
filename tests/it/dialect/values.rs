//! Values that tell right from wrong.

use crate::support::evaluate::{Event, FieldValue};
use crate::support::random::Random;

/// Texts that some engine folds, escapes, cuts, reads as a number or as missing, and should not.
pub(crate) const TEXTS: [&str; 90] = [
    "",
    " ",
    "a",
    "A",
    "abc",
    "ABC",
    "xabcx",
    "aXc",
    "a.c",
    "a%c",
    "a_c",
    "a*c",
    "a?c",
    "a\\c",
    "a!c",
    "a\nc",
    "a\r\nc",
    "A\nC\n",
    "\n",
    "\t",
    "C:\\Windows\\a'b\"c.exe",
    "it's",
    "''",
    "a''b",
    "\\'",
    "'",
    "\"",
    "\\",
    "\\\\",
    "\\\\srv\\share",
    "\\n",
    "\\x41",
    "\\u0041",
    "k",
    "K",
    "\u{212a}",
    "wor\u{212a}",
    "work",
    "s",
    "S",
    "\u{17f}",
    "i",
    "I",
    "\u{130}",
    "\u{131}",
    "i\u{307}",
    "é",
    "É",
    "e\u{301}",
    "ß",
    "\u{1e9e}",
    "σ",
    "ς",
    "Σ",
    "😀",
    "a😀c",
    "1e1",
    "10",
    "10.0",
    " 3",
    "3",
    "3 ",
    "0x10",
    "٣",
    "-0",
    "+7",
    ".5",
    "5.",
    "1e999",
    "1_000",
    "1,5",
    "NaN",
    "inf",
    "9007199254740993",
    "1d",
    "null",
    "-",
    "--",
    "`;{$x}",
    "\u{85}",
    "\u{2028}",
    "a!%",
    "10.0.0.1",
    "fe80::1%12",
    "%",
    "_",
    "!",
    "xéy",
    "Éa",
    "'a'",
];

/// Texts that are addresses, or nearly.
const ADDRESSES: [&str; 14] = [
    "10.255.3.9",
    "11.0.0.1",
    "::ffff:10.0.0.1",
    "::FFFF:a00:1",
    "0:0:0:0:0:ffff:10.0.0.1",
    "010.0.0.1",
    " 10.0.0.1\n",
    "10.0.0",
    "10.0.0.256",
    "FE80:0::1",
    "fec0::1",
    "::1",
    "::",
    "fe80::1%",
];

/// The name of a field with everything in it that quotes names.
pub(crate) const ODD: &str = "odd `\"'\\ name";

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}

/// Events of two types: every text once as `Text`, then texts and lists that are drawn. The second type has no lists, and lacks `Other`.
pub(crate) fn events() -> Vec<Event> {
    let mut random = Random::new(20);
    let mut drawn = || TEXTS[usize::try_from(random.below(TEXTS.len() as u64)).expect("an index")].to_owned();
    let mut events = Vec::new();
    for (index, value) in TEXTS.iter().chain(&ADDRESSES).enumerate() {
        let (other, first, second) = (drawn(), drawn(), drawn());
        let mut fields = vec![("Text".to_owned(), text(value)), ("Tags".to_owned(), text(value))];
        match index % 4 {
            0 => fields.push(("Other".to_owned(), FieldValue::Text(value.to_uppercase()))),
            1 => fields.push(("Other".to_owned(), FieldValue::Text(other))),
            2 => fields[1].1 = FieldValue::List(vec![(*value).to_owned(), first]),
            _ => fields[1].1 = FieldValue::List(vec![first, second, (*value).to_owned()]),
        }
        let odd = drawn();
        fields.push((ODD.to_owned(), if index % 7 == 0 { text(value) } else { FieldValue::Text(odd) }));
        events.push(("7001", fields));
        events.push(("7002", vec![("Text".to_owned(), FieldValue::Text(drawn())), ("Tags".to_owned(), FieldValue::Text(drawn()))]));
    }
    // What is missing is not what is empty.
    events.push(("7001", Vec::new()));
    events.push(("7001", vec![("Tags".to_owned(), FieldValue::List(vec![String::new(), "-".to_owned()]))]));
    events.push(("7002", vec![("Tags".to_owned(), text(""))]));
    let whole = |(id, (code, fields)): (i64, (&str, Vec<(String, FieldValue)>))| Event {
        id,
        product: "windows".into(),
        dataset: "Security".into(),
        code: code.into(),
        time_us: 1_709_287_200_000_000 + id,
        host: format!("host{}", id % 3),
        message: (id % 5 == 0).then(|| format!("A message of É{id} about 'work'")),
        fields,
    };
    (1..).zip(events).map(whole).collect()
}

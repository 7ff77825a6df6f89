//! Hostile rules: every kind of rule in every way of damage, and rules that somebody made to do harm.

use std::fmt::Write as _;

use crate::support::mutate::{Random, cut, flip, repeat, zeros};
use crate::support::samples::{escu_rule, sigma_rule};
use crate::support::valid::rules;

/// Nesting deeper than any stack.
const DEEP: usize = 20_000;

/// One rule file.
#[derive(Debug, Clone)]
pub(crate) struct HostileRule {
    /// Its name, which begins with its number.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether it cannot be a rule, so that something must be said of it.
    pub(crate) is_told: bool,
}

/// All of them.
pub(crate) fn files() -> Vec<HostileRule> {
    let mut random = Random(5_145);
    let mut files = Vec::new();
    for round in 0..8 {
        for whole in rules() {
            let bytes = match round {
                0..3 => cut(&whole.bytes, &mut random),
                3 => flip(&whole.bytes, 1, &mut random),
                4 => flip(&whole.bytes, 9, &mut random),
                5 => flip(&whole.bytes, 99, &mut random),
                6 => zeros(&whole.bytes, &mut random),
                _ => repeat(&whole.bytes, &mut random),
            };
            files.push((format!("{round}-{}", whole.name), bytes, false));
        }
    }
    files.extend(crafted().into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes(), true)));
    files.extend(steering());
    let named = files.into_iter().enumerate();
    named.map(|(number, (name, bytes, is_told))| HostileRule { name: format!("r{number:03}-{name}"), bytes, is_told }).collect()
}

/// Rules that no reader may take.
fn crafted() -> Vec<(&'static str, String)> {
    let id = "dddddddd-0000-4000-8000-000000000001";
    let sigma = |selection: &str| sigma_rule(id, selection);
    let condition = |condition: &str| sigma("EventID: 1").replace("condition: selection", &format!("condition: {condition}"));
    let escu = |search: &str| escu_rule(id, search);
    let page = |search: &str| format!("---\ntitle: x\n---\n\n#### Search\n\n```\n{search}\n```\n");
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for level in b'b'..=b'k' {
        let (this, before) = (char::from(level), char::from(level - 1));
        let _ = writeln!(laughs, "{this}: &{this} [{}]", vec![format!("*{before}"); 10].join(", "));
    }
    let cycle = "title: c\nname: c\ncorrelation: {type: event_count, rules: [c], group-by: [a], timespan: 1m, condition: {gte: 1}}\n";
    vec![
        ("laughs.yml", laughs + &sigma("A: *k")),
        ("deep.yml", format!("title: x\nlogsource: {{product: windows}}\ndetection: {}x{}\n", "[".repeat(DEEP), "]".repeat(DEEP))),
        ("deep-condition.yml", condition(&format!("{}selection{}", "(".repeat(DEEP), ")".repeat(DEEP)))),
        ("deep-not.yml", condition(&format!("{}selection", "not ".repeat(DEEP)))),
        ("deep-search.yml", escu(&format!("a=1 {}b=2{}", "(".repeat(DEEP), ")".repeat(DEEP)))),
        ("deep-eval.yml", escu(&format!("a=1 | eval x={}1{}", "if(".repeat(DEEP), ")".repeat(DEEP)))),
        ("deep-not-search.yml", escu(&format!("{} a=1", "NOT ".repeat(DEEP)))),
        ("deep-page.md", page(&format!("a=1 [{}", "search [".repeat(DEEP)))),
        ("pipes.md", page(&"a=1 | ".repeat(DEEP))),
        ("giant.yml", sigma(&format!("A: {}", "x".repeat(17 << 20)))),
        ("twice.yml", sigma("A: 1\n        A: 2")),
        ("regex.yml", sigma("A|re: '(a{1000}){1000}'")),
        ("nest.yml", sigma(&format!("A|re: '{}a{}'", "(".repeat(5_000), ")".repeat(5_000)))),
        ("windash.yml", sigma(&format!("A|windash: '{}'", " -x".repeat(60)))),
        ("cycle.yml", cycle.to_owned()),
        ("unknown.yml", sigma("A|\"; DROP TABLE finding; --: 1")),
    ]
}

/// Rules whose texts are meant for the terminal, and texts that are none. Some of them are rules.
fn steering() -> Vec<(String, Vec<u8>, bool)> {
    let id = "dddddddd-0000-4000-8000-000000000002";
    let sigma = sigma_rule(id, "\"Na\\u202eme\\e[2J\": \"\\e]0;owned\\a\"").replace("title: Rule", "title: \"\\e[31m\\u202eRule\" #");
    let broken = sigma.replace("condition: selection", "condition: \"\\e[31m\\u202enobody\"");
    let raw = sigma_rule(id, "A: '\u{1b}[2J\u{202e}'").replace("condition: selection", "condition: other\u{202e}");
    let latin = sigma_rule(id, "A: BEGIN").into_bytes();
    let at = memchr::memmem::find(&latin, b"BEGIN").expect("it is there");
    let mut invalid = latin;
    invalid[at] = 0xff;
    vec![
        ("escapes.yml".to_owned(), sigma.into_bytes(), false),
        ("escapes-broken.yml".to_owned(), broken.into_bytes(), true),
        ("raw\u{1b}[2J\u{202e}.yml".to_owned(), raw.into_bytes(), true),
        ("invalid.yml".to_owned(), invalid, true),
        ("utf16.yml".to_owned(), crate::support::valid::utf16("title: x\ndetection: {a: 1}\n"), true),
    ]
}

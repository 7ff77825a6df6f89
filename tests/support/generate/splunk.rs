//! Splunk searches as ESCU YAML text, with what they mean: OR before AND, IN, quoting, wildcards, comparison.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{Case as TextCase, Field, Glob, Match, NumberOp, Part, Pred, Query, Scope, Source, Test, Vocabulary};

use super::{ABSENT_FIELD, Case, NUMBER_FIELD, TEXT_FIELDS, field, pattern, yaml_scalar};

/// A search expression and its meaning.
#[derive(Debug, Clone)]
enum Search {
    Leaf(String, Pred),
    Not(Box<Search>),
    /// Joined by spaces, or by `AND` where the flag says so.
    And(Vec<Search>, bool),
    Or(Vec<Search>),
}

fn splunk_field() -> impl Strategy<Value = Field> {
    select(TEXT_FIELDS.into_iter().chain([ABSENT_FIELD, "alpha"]).collect::<Vec<_>>()).prop_map(|n| field(n, Vocabulary::Splunk))
}

/// Patterns that the language can say: only `*` is a wildcard and nothing escapes it.
fn sayable(pool: &[String]) -> impl Strategy<Value = Glob> + use<> {
    pattern::pattern(pool, false).prop_map(|glob| {
        let clean = |c: char| !c.is_control() && !matches!(c, '`' | '*' | '$');
        Glob::new(glob.parts().iter().map(|part| match part {
            Part::Text(text) => Part::Text(text.chars().filter(|c| clean(*c)).collect()),
            other => other.clone(),
        }))
    })
}

fn quoted(glob: &Glob) -> String {
    let text: String = glob
        .parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.replace('\\', "\\\\").replace('"', "\\\""),
            _ => "*".to_owned(),
        })
        .collect();
    format!("\"{text}\"")
}

fn leaf(pool: &[String]) -> impl Strategy<Value = Search> + use<> {
    let test = |glob: &Glob| Test::Glob { glob: glob.clone(), case: TextCase::Ignore };
    let equal = (splunk_field(), sayable(pool), any::<bool>()).prop_map(move |(field, glob, negated)| {
        let text = format!("{}{}{}", field.name, if negated { "!=" } else { "=" }, quoted(&glob));
        Search::Leaf(text, Pred::Match(Match { field, test: test(&glob), negated, span: 0..0 }))
    });
    let within = (splunk_field(), prop::collection::vec(sayable(pool), 1..4)).prop_map(move |(field, globs)| {
        let list = globs.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let any = globs.iter().map(|g| Pred::Match(Match { field: field.clone(), test: test(g), negated: false, span: 0..0 })).collect();
        Search::Leaf(format!("{} IN ({list})", field.name), Pred::Or(any))
    });
    let ops = vec![("<", NumberOp::Lt), ("<=", NumberOp::Le), (">", NumberOp::Gt), (">=", NumberOp::Ge)];
    // Only over event ids, which are numbers in every event: a text that is no number compares as text.
    let number = (select(ops), 64000u32..64005).prop_map(|((name, op), value)| {
        let test = Test::Number { op, value: f64::from(value) };
        Search::Leaf(
            format!("EventCode{name}{value}"),
            Pred::Match(Match { field: field("EventCode", Vocabulary::Splunk), test, negated: false, span: 0..0 }),
        )
    });
    let exists = select(TEXT_FIELDS.into_iter().chain([NUMBER_FIELD]).collect::<Vec<_>>()).prop_map(|name| {
        Search::Leaf(
            format!("{name}=*"),
            Pred::Match(Match { field: field(name, Vocabulary::Splunk), test: Test::Exists, negated: false, span: 0..0 }),
        )
    });
    prop_oneof![6 => equal, 3 => within, 1 => number, 1 => exists]
}

fn search(pool: &[String]) -> impl Strategy<Value = Search> + use<> {
    leaf(pool).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            2 => (prop::collection::vec(inner.clone(), 2..4), any::<bool>()).prop_map(|(all, word)| Search::And(all, word)),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Search::Or),
            2 => inner.prop_map(|s| Search::Not(Box::new(s))),
        ]
    })
}

impl Search {
    /// The text with no parenthesis that precedence (NOT, OR, AND) makes needless.
    fn text(&self, binding: u8) -> String {
        let join = |all: &[Search], word: &str, level: u8| {
            let text = all.iter().map(|s| s.text(level + 1)).collect::<Vec<_>>().join(word);
            if binding > level { format!("({text})") } else { text }
        };
        match self {
            Self::Leaf(text, _) => text.clone(),
            Self::Not(s) => format!("NOT {}", s.text(3)),
            Self::Or(any) => join(any, " OR ", 2),
            Self::And(all, word) => join(all, if *word { " AND " } else { " " }, 1),
        }
    }

    fn meaning(&self) -> Pred {
        match self {
            Self::Leaf(_, pred) => pred.clone(),
            Self::Not(s) => Pred::Not(Box::new(s.meaning())),
            Self::And(all, _) => Pred::And(all.iter().map(Self::meaning).collect()),
            Self::Or(any) => Pred::Or(any.iter().map(Self::meaning).collect()),
        }
    }
}

/// An ESCU detection around a search.
pub(crate) fn escu_yaml(search: &str) -> String {
    format!(
        "name: Generated\nid: 11111111-2222-3333-4444-555555555555\nversion: 1\ndate: '2024-01-01'\nauthor: Tests\nstatus: production\ntype: Hunting\ndescription: Generated\nsearch: {}\n",
        yaml_scalar(search)
    )
}

/// A row-wise detection.
pub(crate) fn rule(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    search(pool).prop_map(|search| Case {
        text: escu_yaml(&search.text(0)),
        query: Query { source: Source::Events(Scope::Any), filter: search.meaning(), stages: Vec::new() },
    })
}

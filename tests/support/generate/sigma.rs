//! Sigma rules as text, with what they mean: selections, lists, modifiers, escapes, the condition grammar.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{Case as TextCase, Field, Glob, Match, NumberOp, Part, Pred, Query, Source, Test, Vocabulary};

use super::events::stored;
use super::queries::REGEXES;
use super::{ABSENT_FIELD, Case, NUMBER_FIELD, TEXT_FIELDS, field, pattern, security_scope, yaml_scalar};

/// A piece of YAML and its meaning.
#[derive(Debug, Clone)]
struct Item {
    /// `Field|modifiers: values`, without indent; lines of a list follow with their own indent.
    yaml: String,
    meaning: Pred,
}

/// Writes a pattern as Sigma text: wildcards bare, literal wildcards and backslashes escaped. A backslash that
/// nothing can mistake for an escape stays single when `terse`.
fn sigma_text(glob: &Glob, terse: bool) -> String {
    let mut symbols: Vec<(char, bool)> = Vec::new(); // character, literal
    for part in glob.parts() {
        match part {
            Part::Any => symbols.push(('*', false)),
            Part::One => symbols.push(('?', false)),
            Part::Text(text) => symbols.extend(text.chars().map(|c| (c, true))),
        }
    }
    let mut out = String::new();
    for (i, (c, literal)) in symbols.iter().enumerate() {
        let special_next = matches!(symbols.get(i + 1), Some(('*' | '?' | '\\', _)));
        match (c, literal) {
            ('*' | '?', true) => out.extend(['\\', *c]),
            ('\\', true) if terse && !special_next && !out.ends_with('\\') => out.push('\\'),
            ('\\', true) => out.push_str("\\\\"),
            _ => out.push(*c),
        }
    }
    out
}

/// What a pattern means: NUL in a rule asks for what NUL becomes when an event is normalised.
fn visible(glob: &Glob) -> Glob {
    Glob::new(glob.parts().iter().map(|part| match part {
        Part::Text(text) => Part::Text(stored(text)),
        other => other.clone(),
    }))
}

fn sigma_field() -> impl Strategy<Value = Field> {
    select(TEXT_FIELDS.into_iter().chain([ABSENT_FIELD, "alpha", "BETA"]).collect::<Vec<_>>()).prop_map(|n| field(n, Vocabulary::Sigma))
}

fn matches(field: &Field, test: Test) -> Pred {
    Pred::Match(Match { field: field.clone(), test, negated: false, span: 0..0 })
}

/// `Field|modifiers: value` or with a list.
fn write(field: &Field, modifiers: &str, values: &[String]) -> String {
    match values {
        [one] => format!("{}{modifiers}: {}", field.name, yaml_scalar(one)),
        many => many.iter().fold(format!("{}{modifiers}:", field.name), |out, v| out + "\n        - " + &yaml_scalar(v)),
    }
}

fn pattern_item(pool: &[String]) -> impl Strategy<Value = Item> + use<> {
    let modifiers = select(vec!["", "", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased"]);
    (sigma_field(), modifiers, prop::collection::vec(pattern::pattern(pool, true), 1..4), any::<bool>()).prop_map(
        |(field, modifiers, globs, terse)| {
            let case = if modifiers.ends_with("cased") { TextCase::Exact } else { TextCase::Ignore };
            let padded = |glob: &Glob| {
                let before = (modifiers.contains("contains") || modifiers == "|endswith").then_some(Part::Any);
                let after = (modifiers.contains("contains") || modifiers == "|startswith").then_some(Part::Any);
                Glob::new(before.into_iter().chain(visible(glob).parts().iter().cloned()).chain(after))
            };
            let meanings: Vec<Pred> = globs.iter().map(|g| matches(&field, Test::Glob { glob: padded(g), case })).collect();
            let values: Vec<String> = globs.iter().map(|g| sigma_text(g, terse)).collect();
            // `all` on one value says nothing: it is written without.
            let modifiers = if values.len() == 1 { modifiers.trim_end_matches("|all") } else { modifiers };
            let meaning = if modifiers.ends_with("|all") { Pred::And(meanings) } else { Pred::Or(meanings) };
            Item { yaml: write(&field, modifiers, &values), meaning }
        },
    )
}

fn special_item() -> impl Strategy<Value = Item> {
    let null =
        sigma_field().prop_map(|f| Item { yaml: format!("{}: null", f.name), meaning: Pred::Not(Box::new(matches(&f, Test::Exists))) });
    let exists = (sigma_field(), any::<bool>()).prop_map(|(f, yes)| {
        let exists = matches(&f, Test::Exists);
        Item { yaml: format!("{}|exists: {yes}", f.name), meaning: if yes { exists } else { Pred::Not(Box::new(exists)) } }
    });
    let regex = (sigma_field(), select(&REGEXES[..])).prop_map(|(f, r)| {
        let (modifiers, bare) = match r.strip_prefix("(?") {
            Some(rest) => (format!("|re|{}", &rest[..1]), &rest[2..]),
            None => ("|re".to_owned(), r),
        };
        Item { yaml: write(&f, &modifiers, &[bare.to_owned()]), meaning: matches(&f, Test::Regex(r.to_owned())) }
    });
    let ops = vec![("|lt", NumberOp::Lt), ("|lte", NumberOp::Le), ("|gt", NumberOp::Gt), ("|gte", NumberOp::Ge)];
    let number = (select(ops), -5i32..12).prop_map(|((name, op), value)| {
        let f = field(NUMBER_FIELD, Vocabulary::Sigma);
        Item { yaml: format!("{NUMBER_FIELD}{name}: {value}"), meaning: matches(&f, Test::Number { op, value: f64::from(value) }) }
    });
    let code = select(vec!["64001", "64002", "64003"]).prop_map(|code| {
        let test = Test::Glob { glob: Glob::literal(code), case: TextCase::Ignore };
        Item { yaml: format!("EventID: {code}"), meaning: matches(&field("EventID", Vocabulary::Sigma), test) }
    });
    prop_oneof![2 => null, 1 => exists, 2 => regex, 2 => number, 1 => code]
}

/// A map of items (all of), a list of maps (any of), or a list of keywords (any of).
fn selection(pool: &[String]) -> impl Strategy<Value = Item> + use<> {
    let item = prop_oneof![4 => pattern_item(pool), 1 => special_item()];
    let map = prop::collection::vec(item.clone(), 1..4).prop_map(distinct_keys);
    let maps = prop::collection::vec(item, 1..4).prop_map(|items| Item {
        yaml: items.iter().map(|i| format!("\n      - {}", i.yaml.replace("\n        ", "\n          "))).collect(),
        meaning: Pred::Or(items.into_iter().map(|i| i.meaning).collect()),
    });
    let keywords = prop::collection::vec(pattern::pattern(pool, true).prop_filter("a keyword has text", |g| !g.parts().is_empty()), 1..3)
        .prop_map(|globs| Item {
            yaml: globs.iter().map(|g| format!("\n      - {}", yaml_scalar(&sigma_text(g, false)))).collect(),
            meaning: Pred::Or(globs.iter().map(|g| Pred::Keyword { glob: visible(g).contains(), case: TextCase::Ignore }).collect()),
        });
    prop_oneof![5 => map, 2 => maps, 1 => keywords]
}

/// Leaves out items whose key is taken: YAML has each key once.
fn distinct_keys(items: Vec<Item>) -> Item {
    let mut keys = Vec::new();
    let mut yaml = String::new();
    let mut meanings = Vec::new();
    for item in items {
        let key = item.yaml.split(':').next().unwrap_or_default().to_owned();
        if !keys.contains(&key) {
            keys.push(key);
            yaml += &format!("\n      {}", item.yaml);
            meanings.push(item.meaning);
        }
    }
    Item { yaml, meaning: Pred::And(meanings) }
}

/// A condition over numbered selections.
#[derive(Debug, Clone)]
enum Condition {
    Name(usize),
    OneOf,
    AllOf,
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

fn condition(selections: usize) -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![8 => (0..selections).prop_map(Condition::Name), 1 => Just(Condition::OneOf), 1 => Just(Condition::AllOf)];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::Or),
            2 => inner.prop_map(|c| Condition::Not(Box::new(c))),
        ]
    })
}

impl Condition {
    /// The text with no parenthesis that precedence (not, and, or) makes needless.
    fn text(&self, binding: u8) -> String {
        let join = |all: &[Condition], word: &str, level: u8| {
            let text = all.iter().map(|c| c.text(level + 1)).collect::<Vec<_>>().join(word);
            if binding > level { format!("({text})") } else { text }
        };
        match self {
            Self::Name(i) => format!("sel{i}"),
            Self::OneOf => "1 of sel*".into(),
            Self::AllOf => "all of them".into(),
            Self::Not(c) => format!("not {}", c.text(3)),
            Self::And(all) => join(all, " and ", 2),
            Self::Or(any) => join(any, " or ", 1),
        }
    }

    fn meaning(&self, selections: &[Pred]) -> Pred {
        let all = |all: &[Condition]| all.iter().map(|c| c.meaning(selections)).collect();
        match self {
            Self::Name(i) => selections[*i].clone(),
            Self::OneOf => Pred::Or(selections.to_vec()),
            Self::AllOf => Pred::And(selections.to_vec()),
            Self::Not(c) => Pred::Not(Box::new(c.meaning(selections))),
            Self::And(c) => Pred::And(all(c)),
            Self::Or(c) => Pred::Or(all(c)),
        }
    }
}

/// A rule over the Security channel.
pub(crate) fn rule(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    let selections = prop::collection::vec(selection(pool), 1..4);
    selections.prop_flat_map(|s| (condition(s.len()), Just(s))).prop_map(|(condition, selections)| {
        let mut text =
            String::from("title: Generated\nstatus: test\nlogsource:\n    product: windows\n    service: security\ndetection:\n");
        for (i, selection) in selections.iter().enumerate() {
            text += &format!("    sel{i}:{}\n", selection.yaml);
        }
        text += &format!("    condition: {}\n", condition.text(0));
        let meanings: Vec<Pred> = selections.into_iter().map(|s| s.meaning).collect();
        Case { text, query: Query { source: Source::Events(security_scope()), filter: condition.meaning(&meanings), stages: Vec::new() } }
    })
}

#[test]
fn escapes_follow_the_table() {
    let part = |t: &str| Part::Text(t.to_owned());
    for (parts, full, terse) in [
        (vec![part("a*b")], r"a\*b", r"a\*b"),
        (vec![part("\\"), Part::Any], r"\\*", r"\\*"),
        (vec![part("\\*")], r"\\\*", r"\\\*"),
        (vec![part("C:\\Windows\\")], r"C:\\Windows\\", r"C:\Windows\"),
        (vec![part("\\\\server")], r"\\\\server", r"\\\\server"),
    ] {
        assert_eq!((sigma_text(&Glob::new(parts.clone()), false).as_str(), sigma_text(&Glob::new(parts), true).as_str()), (full, terse));
    }
}

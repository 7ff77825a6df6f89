//! Queries made directly as IR: every test, every connective, names in both vocabularies.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{Case as TextCase, Cidr, Field, FieldCompare, Match, NumberOp, Pred, Query, Scope, Source, Test, Vocabulary};

use super::{ABSENT_FIELD, ADDRESS_FIELD, Case, NUMBER_FIELD, TEXT_FIELDS, field, pattern, security_scope};

const OPS: [NumberOp; 6] = [NumberOp::Lt, NumberOp::Le, NumberOp::Gt, NumberOp::Ge, NumberOp::Eq, NumberOp::Ne];

/// Regular expressions that are valid and mean something over the alphabet.
pub(crate) const REGEXES: [&str; 10] = ["^a", "b$", "a.b", "(?i)K", "(?s)a.*b", r"\\", "[0-9]+", "(?i)ä", "^$", "(?m)^b$"];

const NUMBERS: [f64; 9] = [0.0, 1.0, 1.5, 5.0, -5.0, 9.0, 10.0, 1000.0, 9_223_372_036_854_775_807.0];

/// A text field in one of the vocabularies; in Sigma's also in another case; sometimes one that no event has.
pub(crate) fn text_field() -> impl Strategy<Value = Field> {
    let names = TEXT_FIELDS.into_iter().chain([ABSENT_FIELD]).collect::<Vec<_>>();
    (select(names), 0..5u8).prop_map(|(name, way)| match way {
        0..=1 => field(name, Vocabulary::Sigma),
        2 => field(&name.to_uppercase(), Vocabulary::Sigma),
        _ => field(name, Vocabulary::Splunk),
    })
}

fn any_field() -> impl Strategy<Value = Field> {
    let envelope = select(vec!["EventID", "Channel"]).prop_map(|name| field(name, Vocabulary::Sigma));
    let others = select(vec![NUMBER_FIELD, ADDRESS_FIELD]).prop_map(|name| field(name, Vocabulary::Splunk));
    prop_oneof![8 => text_field(), 1 => envelope, 2 => others]
}

fn text_case() -> impl Strategy<Value = TextCase> {
    prop_oneof![3 => Just(TextCase::Ignore), 1 => Just(TextCase::Exact)]
}

fn networks() -> Vec<Cidr> {
    let net = |address: &str, prefix| Cidr { address: address.parse().expect("an address"), prefix };
    vec![net("10.0.0.0", 8), net("0.0.0.0", 0), net("192.168.0.0", 16), net("fe80::", 10), net("::1", 128), net("10.0.0.1", 32)]
}

/// A test of a value, of every kind that the language has for one field.
pub(crate) fn test(pool: &[String]) -> impl Strategy<Value = Test> + use<> {
    let glob = (pattern::pattern(pool, true), text_case()).prop_map(|(glob, case)| Test::Glob { glob, case });
    let number = (select(&OPS[..]), select(&NUMBERS[..])).prop_map(|(op, value)| Test::Number { op, value });
    let order = (select(&OPS[..]), pattern::value(pool)).prop_map(|(op, value)| Test::TextOrder { op, value });
    prop_oneof![
        2 => Just(Test::Exists),
        14 => glob,
        2 => select(&REGEXES[..]).prop_map(|r| Test::Regex(r.to_owned())),
        1 => select(networks()).prop_map(Test::Cidr),
        2 => number,
        1 => order,
    ]
}

fn leaf(pool: &[String]) -> impl Strategy<Value = Pred> + use<> {
    let matches = (any_field(), test(pool), prop::bool::weighted(0.15))
        .prop_map(|(field, test, negated)| Pred::Match(Match { field, test, negated, span: 0..0 }));
    let typical = prop_oneof![
        (select(networks())).prop_map(|net| Pred::Match(Match {
            field: field(ADDRESS_FIELD, Vocabulary::Sigma),
            test: Test::Cidr(net),
            negated: false,
            span: 0..0
        })),
        (select(&OPS[..]), select(&NUMBERS[..])).prop_map(|(op, value)| Pred::Match(Match {
            field: field(NUMBER_FIELD, Vocabulary::Sigma),
            test: Test::Number { op, value },
            negated: false,
            span: 0..0
        })),
    ];
    let keyword = (pattern::pattern(pool, true), text_case()).prop_map(|(glob, case)| Pred::Keyword { glob: glob.contains(), case });
    let compare =
        (text_field(), text_field(), any::<(bool, bool)>(), text_case()).prop_map(|(left, right, (any_before, any_after), case)| {
            Pred::Compare(FieldCompare { left, right, any_before, any_after, case, span: 0..0 })
        });
    prop_oneof![16 => matches, 3 => typical, 2 => keyword, 1 => compare, 1 => select(vec![Pred::True, Pred::False])]
}

/// A condition of any shape.
pub(crate) fn pred(pool: &[String]) -> impl Strategy<Value = Pred> + use<> {
    leaf(pool).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Pred::And),
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Pred::Or),
            2 => inner.prop_map(|p| Pred::Not(Box::new(p))),
        ]
    })
}

/// A row-wise query.
pub(crate) fn query(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    (pred(pool), any::<bool>()).prop_map(|(filter, all)| {
        let scope = if all { Scope::Any } else { security_scope() };
        Case { text: String::new(), query: Query { source: Source::Events(scope), filter, stages: Vec::new() } }
    })
}

//! Conditions: two-valued, false on a missing field, true when any member of a list passes.

use std::net::IpAddr;

use retrohunt::ir::{Cidr, Field, FieldCompare, Match, NumberOp, Pred, Test, Vocabulary};

use super::scalar::{self, Value};
use super::{Event, Row, dataset, text};

/// What a condition is asked about.
pub(crate) trait Subject<F = Field> {
    /// The texts of a field; `None` when it is missing.
    fn texts(&self, field: &F) -> Option<Vec<String>>;
    /// The value of a field in an expression.
    fn value(&self, field: &F) -> Value;
    /// All texts that a keyword searches.
    fn all(&self) -> Vec<String>;
}

impl Subject for Event {
    fn texts(&self, field: &Field) -> Option<Vec<String>> {
        let found = self.lookup(field).map(|value| value.members().to_vec());
        let tags = || Some(dataset::tags(self)).filter(|tags| !tags.is_empty());
        // They can be asked for, and are not a field that a row shows.
        found.or_else(|| (field.vocabulary == Vocabulary::Splunk && field.name == "tag").then(tags)?)
    }

    fn value(&self, field: &Field) -> Value {
        self.lookup(field).map_or(Value::Null, |value| Value::of_members(value.members()))
    }

    fn all(&self) -> Vec<String> {
        let fields = self.fields.iter().flat_map(|(_, value)| value.members().to_vec()).chain(self.message.clone());
        let envelope = [&self.dataset, &self.code, &self.host].into_iter().filter(|_| self.product == "windows").cloned();
        fields.chain(envelope).collect()
    }
}

impl Subject for Row {
    fn texts(&self, field: &Field) -> Option<Vec<String>> {
        self.get(&field.name).and_then(Value::members)
    }

    fn value(&self, field: &Field) -> Value {
        self.get(&field.name).cloned().unwrap_or(Value::Null)
    }

    fn all(&self) -> Vec<String> {
        self.values().filter_map(Value::members).flatten().collect()
    }
}

/// Whether an event passes.
pub(crate) fn event_passes(pred: &Pred, event: &Event) -> bool {
    passes(pred, event)
}

/// Whether a subject passes.
pub(crate) fn passes<F>(pred: &Pred<F>, subject: &dyn Subject<F>) -> bool {
    match pred {
        Pred::True => true,
        Pred::False => false,
        Pred::And(all) => all.iter().all(|p| passes(p, subject)),
        Pred::Or(any) => any.iter().any(|p| passes(p, subject)),
        Pred::Not(p) => !passes(p, subject),
        Pred::Match(m) => match_passes(m, subject),
        Pred::Compare(c) => compare_passes(c, subject),
        Pred::Keyword { glob, case } => subject.all().iter().any(|value| text::glob_matches(glob, value, *case)),
        Pred::Scalar(expression) => scalar::evaluate(expression, subject) == Value::Bool(true),
        Pred::Subsearch(_) => unreachable!("searches in brackets are put in place before"),
    }
}

fn match_passes<F>(m: &Match<F>, subject: &dyn Subject<F>) -> bool {
    let Some(texts) = subject.texts(&m.field) else { return false };
    texts.iter().any(|value| test_passes(&m.test, value) != m.negated)
}

fn test_passes(test: &Test, value: &str) -> bool {
    match test {
        Test::Exists => true,
        Test::Glob { glob, case } => text::glob_matches(glob, value, *case),
        Test::Regex(regex) => regex::Regex::new(regex).expect("generated regexes are valid").is_match(value),
        Test::Cidr(cidr) => in_network(cidr, value),
        Test::Number { op, value: right } => text::number(value).is_some_and(|left| holds(*op, left.partial_cmp(right))),
        Test::TextOrder { op, value: right } => holds(*op, Some(value.as_bytes().cmp(right.as_bytes()))),
        Test::DatePart { .. } => panic!("date parts are tested by fixed examples, not by generated rules"),
    }
}

/// Whether an ordering satisfies a comparison.
pub(crate) fn holds(op: NumberOp, ordering: Option<std::cmp::Ordering>) -> bool {
    let Some(ordering) = ordering else { return false };
    match op {
        NumberOp::Lt => ordering.is_lt(),
        NumberOp::Le => ordering.is_le(),
        NumberOp::Gt => ordering.is_gt(),
        NumberOp::Ge => ordering.is_ge(),
        NumberOp::Eq => ordering.is_eq(),
        NumberOp::Ne => ordering.is_ne(),
    }
}

/// Address arithmetic in one space: an IPv4 address is its mapped IPv6 address.
pub(crate) fn in_network(cidr: &Cidr, value: &str) -> bool {
    fn bits(address: IpAddr) -> String {
        match address {
            // IPv4 lives among the mapped addresses.
            IpAddr::V4(v4) => format!("{:0>96}{:032b}", "1".repeat(16), u32::from(v4)),
            IpAddr::V6(v6) => format!("{:0128b}", u128::from(v6)),
        }
    }
    let value = value.trim();
    // The zone of an IPv6 address is none of its bits.
    let address = match value.split_once('%') {
        Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
        _ => value,
    };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    if address.is_ipv4() && cidr.address.is_ipv6() {
        return false;
    }
    let prefix = usize::from(cidr.prefix) + if cidr.address.is_ipv4() { 96 } else { 0 };
    bits(address)[..prefix] == bits(cidr.address)[..prefix]
}

/// Whether a value is an address of a network written as `address/prefix`; what is not written so has no addresses.
pub(crate) fn in_written_network(network: &str, value: &str) -> bool {
    let Some((address, prefix)) = network.split_once('/') else { return false };
    let (Ok(address), Ok(prefix)) = (address.parse(), prefix.parse()) else { return false };
    in_network(&Cidr { address, prefix }, value)
}

fn compare_passes<F>(c: &FieldCompare<F>, subject: &dyn Subject<F>) -> bool {
    let (Some(left), Some(right)) = (subject.texts(&c.left), subject.texts(&c.right)) else { return false };
    left.iter().any(|l| right.iter().any(|r| texts_compare(c, &text::characters(l, c.case), &text::characters(r, c.case))))
}

/// Whether two texts, as characters, compare so.
pub(crate) fn texts_compare<F>(c: &FieldCompare<F>, haystack: &[char], needle: &[char]) -> bool {
    match (c.any_before, c.any_after) {
        (false, false) => haystack == needle,
        (false, true) => haystack.starts_with(needle),
        (true, false) => haystack.ends_with(needle),
        (true, true) => (0..=haystack.len()).any(|at| haystack[at..].starts_with(needle)),
    }
}

#[test]
fn networks_hold_mapped_addresses() {
    let net = |text: &str, prefix| Cidr { address: text.parse().expect("an address"), prefix };
    for (cidr, value, expected) in [
        (net("10.0.0.0", 8), "10.1.2.3", true),
        (net("10.0.0.0", 8), "::ffff:10.1.2.3", true),
        (net("10.0.0.0", 8), "11.1.2.3", false),
        (net("0.0.0.0", 0), "fe80::1", false),
        (net("fe80::", 10), "FE80::1", true),
        (net("::", 0), "10.1.2.3", false),
        (net("::", 0), "::ffff:10.1.2.3", true),
        (net("::ffff:0:0", 96), "::ffff:10.1.2.3", true),
        (net("fe80::", 10), "fe80::c50d:519f:96a4:e108%12", true),
        (net("10.0.0.0", 8), "10.1.2.3%1", false),
        (net("10.0.0.0", 8), "10.1", false),
    ] {
        assert_eq!(in_network(&cidr, value), expected, "{cidr:?} {value}");
    }
}

#[test]
fn not_of_a_missing_field_is_true() {
    let field = Field { name: "Absent".into(), vocabulary: retrohunt::ir::Vocabulary::Sigma };
    let test = Test::Glob { glob: retrohunt::ir::Glob::literal("x"), case: retrohunt::ir::Case::Ignore };
    let leaf = Pred::Match(Match { field, test, negated: false, span: 0..0 });
    let event = Event::default();
    assert!(!passes(&leaf, &event) && passes(&Pred::Not(Box::new(leaf)), &event));
}

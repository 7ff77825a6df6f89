//! Events of the kinds that data models take their rows from, and questions about datasets.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use retrohunt::ir::{
    Aggregate, AggregateFunction, Field, Glob, Match, Part, Pred, Query, Scalar, Scope, Source, Stage, Stats, Test, Vocabulary,
};

use super::{Case, queries};
use crate::support::evaluate::{Event, FieldValue};

/// A kind of event: channel, event id, fields.
type Kind = (&'static str, &'static str, &'static [&'static str]);

const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

/// Kinds of events, most of which are rows of a dataset.
const KINDS: [Kind; 11] = [
    ("Security", "4688", &["NewProcessName", "NewProcessId", "ProcessId", "CommandLine", "TargetUserName", "SubjectUserName"]),
    (SYSMON, "1", &["Image", "ProcessId", "CommandLine", "User", "IntegrityLevel", "OriginalFileName", "Hashes"]),
    (SYSMON, "3", &["Image", "User", "Protocol", "SourceIp", "DestinationIp", "DestinationHostname", "DestinationPort", "Initiated"]),
    ("Security", "5157", &["Application", "Protocol", "SourceAddress", "DestAddress", "Direction"]),
    (SYSMON, "12", &["TargetObject", "EventType", "User"]),
    (SYSMON, "13", &["TargetObject", "Details", "User"]),
    ("Security", "4657", &["ObjectName", "ObjectValueName", "NewValue", "OperationType"]),
    ("Security", "4624", &["TargetUserName", "SubjectUserName", "LogonType", "IpAddress", "WorkstationName"]),
    ("Security", "4776", &["TargetUserName", "Status", "Workstation"]),
    ("Security", "4720", &["TargetUserName", "SubjectUserName", "TargetSid"]),
    ("Security", "4634", &["TargetUserName"]),
];

/// Values that formulas read, beside such as they cannot.
const VALUES: [&str; 30] = [
    "",
    "-",
    "unknown",
    "null",
    "a",
    "FS01$",
    "$",
    r"CORP\bob",
    r"a\",
    r"C:\Windows\cmd.exe",
    "/usr/bin/sh",
    "0x1f4",
    "0x",
    "500",
    "DWORD (0x00000001)",
    "QWORD ()",
    "Binary Data",
    r"HKLM\Run\x",
    r"\REGISTRY\MACHINE\a",
    "CreateKey",
    "%%1904",
    "%%14592",
    "::ffff:10.0.0.1",
    "10.0.0.2",
    "0x0",
    "3",
    "6",
    "true",
    "MD5=1,SHA256=2",
    "\u{e4}\u{df}%_",
];

/// Datasets with some of their fields.
const DATASETS: [(&str, &str, &[&str]); 8] = [
    (
        "Endpoint",
        "Processes",
        &["process_name", "process", "process_id", "user", "original_file_name", "process_hash", "os", "dest_category"],
    ),
    (
        "Endpoint",
        "Registry",
        &["registry_path", "registry_hive", "registry_key_name", "registry_value_name", "registry_value_data", "action"],
    ),
    ("Network_Traffic", "All_Traffic", &["dest", "src", "app", "transport", "direction", "action", "dest_port", "nodename"]),
    ("Network_Traffic", "Blocked_Traffic", &["dest", "action", "tag"]),
    ("Authentication", "Authentication", &["user", "src", "src_user", "action", "app", "signature", "reason", "nodename", "tag"]),
    ("Authentication", "Failed_Authentication", &["user", "src", "dest"]),
    ("Change", "All_Changes", &["user", "object", "action", "object_category", "result_id", "nodename", "no_such_field"]),
    ("Change", "Account_Management", &["user", "src_user", "action"]),
];

/// A handful of events.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let value = || {
        let text = || select(&VALUES[..]).prop_map(str::to_owned);
        prop_oneof![9 => text().prop_map(FieldValue::Text), 1 => prop::collection::vec(text(), 2..4).prop_map(FieldValue::List)]
    };
    let event = select(&KINDS[..]).prop_flat_map(move |(channel, code, names)| {
        let fields = subsequence(names, 0..=names.len()).prop_flat_map(move |names| {
            let values = prop::collection::vec(value(), names.len());
            (Just(names), values).prop_map(|(names, values)| names.iter().map(|name| (*name).to_owned()).zip(values).collect::<Vec<_>>())
        });
        (Just((channel, code)), fields)
    });
    prop::collection::vec(event, 1..14).prop_map(|events| {
        let made = (1..).zip(events).map(|(id, ((channel, code), fields))| Event {
            id,
            product: "windows".to_owned(),
            dataset: channel.to_owned(),
            code: code.to_owned(),
            time_us: 1_709_287_200_000_000 + id * 1_000_000,
            host: "host.test".to_owned(),
            message: None,
            fields,
        });
        made.collect()
    })
}

/// A question about the rows of a dataset.
pub(crate) fn query(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    let pool = pool.to_vec();
    (select(&DATASETS[..]), any::<bool>()).prop_flat_map(move |((model, object, fields), prefixed)| {
        let field = || {
            select(fields).prop_map(move |name| {
                let root = if model == "Endpoint" { object } else { root_of(model) };
                let name = if prefixed && name != "nodename" { format!("{root}.{name}") } else { name.to_owned() };
                Field { name, vocabulary: Vocabulary::Splunk }
            })
        };
        // A row has one value of them to show, and several to test.
        let shown =
            move || field().prop_filter("it has several", |field| !field.name.ends_with("nodename") && !field.name.ends_with("tag"));
        let literal = select(&["unknown", "failure", "success", "blocked", "modified", "Authentication.Failed_Authentication", "*n*"][..]);
        let literal = literal.prop_map(|text| Test::Glob { glob: wildcard(text), case: retrohunt::ir::Case::Ignore });
        let test = prop_oneof![2 => queries::test(&pool), 1 => literal];
        let leaf = (field(), test, prop::bool::weighted(0.2))
            .prop_map(|(field, test, negated)| Pred::Match(Match { field, test, negated, span: 0..0 }));
        let filter = leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..3).prop_map(Pred::And),
                prop::collection::vec(inner.clone(), 1..3).prop_map(Pred::Or),
                inner.prop_map(|pred| Pred::Not(Box::new(pred))),
            ]
        });
        let filter = prop_oneof![1 => Just(Pred::True), 2 => filter];
        let fill = prop::option::of(Just("null".to_owned()));
        let stats = (prop::collection::vec(shown(), 0..3), shown(), fill).prop_map(|(mut by, of, fill_null_by)| {
            by.dedup_by(|a, b| a.name == b.name);
            let aggregate = |function, argument, alias: &str| Aggregate { function, argument, alias: alias.to_owned() };
            let aggregates =
                vec![aggregate(AggregateFunction::Count, None, "n"), aggregate(AggregateFunction::Values, Some(Scalar::Field(of)), "v")];
            vec![Stage::Stats(Stats { aggregates, by, fill_null_by })]
        });
        let stages = prop_oneof![Just(Vec::new()), stats];
        (filter, stages).prop_map(move |(filter, stages)| {
            let prefix = prefixed.then(|| object.to_owned());
            let scope = Scope::Dataset { model: model.to_owned(), object: object.to_owned(), prefix };
            Case { text: String::new(), query: Query { source: Source::Events(scope), filter, stages } }
        })
    })
}

/// The only root of a model.
fn root_of(model: &str) -> &'static str {
    match model {
        "Network_Traffic" => "All_Traffic",
        "Change" => "All_Changes",
        _ => "Authentication",
    }
}

fn wildcard(text: &str) -> Glob {
    let pieces = text.split('*').enumerate();
    Glob::new(pieces.flat_map(|(i, piece)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(piece.to_owned())])))
}

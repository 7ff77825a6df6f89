//! Readers over small inputs: framings, broken records, limits.

use std::collections::BTreeMap;

use super::*;

use crate::event::{FieldValue, format_time};

mod csv;
mod splunk_text;
mod xml;

/// An event as text, for comparison.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    kind: (String, String, String),
    time: Option<String>,
    host: Option<String>,
    record: Option<i64>,
    position: u64,
    message: Option<String>,
    fields: Vec<(String, Vec<String>)>,
}

impl Shown {
    fn field(&self, name: &str) -> Option<&[String]> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice())
    }
}

fn show(batch: &EventBatch, names: &Names, out: &mut Vec<Shown>) {
    for head in &batch.events {
        let text = |span| batch.str(span).to_owned();
        let field = |entry: &crate::event::FieldEntry| {
            let values = match entry.value {
                FieldValue::Text(span) => vec![text(span)],
                FieldValue::List { start, end } => batch.members[start as usize..end as usize].iter().map(|s| text(*s)).collect(),
            };
            (names.name(entry.name).to_string(), values)
        };
        let key = names.key(head.key);
        let fields: Vec<_> = batch.fields_of(head).iter().map(field).collect();
        let mut sorted: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
        sorted.sort();
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "no name twice: {fields:?}");
        out.push(Shown {
            kind: (key.product.clone(), key.dataset.clone(), key.code.clone()),
            time: head.time_us.map(format_time),
            host: head.host.map(text),
            record: head.record,
            position: head.position,
            message: head.message.map(text),
            fields,
        });
    }
}

fn read(bytes: &[u8]) -> (LeafReport, Vec<Shown>) {
    let (names, mut events, mut bytes) = (Names::default(), Vec::new(), bytes);
    let leaf = Leaf { path: "leaf".to_owned(), known_size: None, reader: &mut bytes };
    let report = read_leaf(leaf, &names, &ReadOptions::default(), &mut |batch| {
        show(&batch, &names, &mut events);
        ControlFlow::Continue(())
    });
    assert_eq!(report.events + report.recovered, events.len() as u64);
    (report, events)
}

/// Format, events and bad records.
fn counts(bytes: &[u8]) -> (&'static str, u64, u64) {
    let report = read(bytes).0;
    (report.format, report.events, report.bad)
}

#[test]
fn framings_of_json() {
    for (text, expected) in [
        ("{\"a\":1}\n{\"a\":2}\n", ("json-lines", 2, 0)),
        ("\u{feff}{\"a\":1}\r\n{\"a\":2}\r\n", ("json-lines", 2, 0)),
        ("[{\"a\":1},\n{\"a\":2}]\n", ("json-array", 2, 0)),
        ("[]", ("json-array", 0, 0)),
        ("[{\"a\":1}]\n[{\"a\":2}]\n", ("json-array", 2, 0)),
        ("{\n \"a\": 1\n}", ("json", 1, 0)),
        ("{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", ("json-concatenated", 2, 0)),
        ("{\"Records\":[{\"eventName\":\"x\"},{\"eventName\":\"y\"}]}", ("cloudtrail", 2, 0)),
        ("{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"a\":2},{\"a\":3}]}\n", ("cloudtrail", 3, 0)),
        ("{\n\"Records\" : [\n{\"a\":1}\n]\n}\n", ("cloudtrail", 1, 0)),
    ] {
        assert_eq!(counts(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn a_broken_record_costs_only_itself() {
    for (text, expected) in [
        ("{\"a\":1}\nno json\n{\"a\":\n{\"a\":2}\n", ("json-lines", 2, 2)),
        ("{\"a\":\"cut\n{\"a\":1}\n{\"a\":2}\n", ("json-lines", 2, 1)),
        ("{\"a\":1,\n{\"a\":1}\n{\"a\":2}\n", ("json-lines", 2, 1)),
        ("# made by a tool\n{\"a\":1}\n{\"a\":2}\n", ("json-lines", 2, 1)),
        ("{\n \"a\": 1\n}\n{\n \"a\": \"cut\n{\n \"a\": 2\n}\n", ("json-concatenated", 2, 1)),
        ("{\n \"a\": 1\n}\n{\n \"a\":\n{\n \"a\": 2\n}\n{\n \"a\": 3\n}\n", ("json-concatenated", 3, 1)),
        ("[\n{\"a\":1},\n{\"a\":\n{\"a\":2},\n{\"a\":3}\n]", ("json-array", 3, 1)),
        ("[\n{\"a\":1,\n{\"a\":2},\n{\"a\":3}\n]", ("json-array", 2, 1)),
        ("{\n \"a\": 1\n}\n{\n \"a\": [", ("json", 1, 1)),
        ("[{\"a\":1},{\"a\":],{\"a\":2}]", ("json-array", 2, 1)),
        ("{\"a\":1} {\"a\":2}\n{\"a\":3}\n", ("json-concatenated", 3, 0)),
        ("{\"x\":1}\n{\"Records\":[{\"a\":2},{\"a\":3}]} rest\n", ("cloudtrail", 3, 1)),
    ] {
        assert_eq!(counts(text.as_bytes()), expected, "{text:?}");
    }
    let report = read(b"{\"a\":1}\n{\"a\":\n").0;
    let problem = &report.problems[0];
    assert_eq!((problem.line, problem.offset), (Some(2), Some(8)), "{problem:?}");
}

#[test]
fn an_array_that_does_not_end_is_told() {
    for text in ["[{\"a\":1},\n{\"a\":2}", "[{\"a\":1},{\"a\":2},", "{\"Records\":[{\"a\":1},{\"a\":2}"] {
        let report = read(text.as_bytes()).0;
        let told: Vec<_> = report.problems.iter().map(|problem| (problem.offset, problem.message.as_str())).collect();
        assert_eq!((report.events, report.bad), (2, 0), "{text}");
        assert_eq!(told, [(Some(text.len() as u64), "the JSON array does not end")], "{text}");
    }
}

#[test]
fn zeros_in_a_text_are_a_loss() {
    let (line, zeros) = ("{\"a\":1}\n".repeat(3), "\0".repeat(70));
    let text = format!("{line}{zeros}\n{line}{zeros}\n{line}{zeros}");
    let report = read(text.as_bytes()).0;
    let hole = report.problems.iter().find(|problem| problem.message.starts_with("70 zeros")).expect("it is told");
    assert_eq!((hole.offset, hole.message.contains("1 more")), (Some(24), true), "zeros at the end are padding");
    let event = "<Event><System><EventID>1</EventID></System></Event>\n";
    let (report, events) = read(format!("{event}{}{event}", "\0".repeat(300_000)).as_bytes());
    assert_eq!((events.len(), report.problems.len(), report.problems[0].offset), (2, 1, Some(event.len() as u64)));
}

#[test]
fn limits_of_json_are_named_and_the_rest_is_read() {
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let report = read(format!("{{\"a\":1}}\n{deep}\n{{\"a\":2}}\n").as_bytes()).0;
    assert_eq!((report.events, report.bad), (2, 1));
    assert!(report.problems[0].message.contains("MAX_DEPTH"), "{:?}", report.problems);

    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(17 << 20));
    for text in [format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}\n"), format!("[\n{{\"a\":1}},\n{long},\n{{\"a\":2}}\n]")] {
        let report = read(text.as_bytes()).0;
        assert_eq!((report.events, report.bad), (2, 1), "{:?}", report.problems);
        assert!(report.problems[0].message.contains("MAX_DOCUMENT_BYTES"), "{:?}", report.problems);
    }
    let wide = format!("{{\"a\":[{}]}}\n{{\"a\":2}}\n", vec!["1"; 100_001].join(","));
    let report = read(wide.as_bytes()).0;
    assert_eq!((report.events, report.bad), (2, 0));
    assert!(report.problems[0].message.contains("MAX_MEMBERS"), "{:?}", report.problems);
}

#[test]
fn what_is_no_log_is_skipped_with_its_reason() {
    for (bytes, reason) in [
        (&b""[..], "empty"),
        (b"\n \r\n", "white space only"),
        (&[0; 5_000], "starts with zeros only"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0", "unknown binary format"),
        (b"just words\nand more\n", "unknown text format"),
    ] {
        let report = read(bytes).0;
        assert_eq!((report.skipped.as_deref(), report.bad, report.events), (Some(reason), 0, 0));
    }
}

#[test]
fn values_keep_their_spelling() {
    let text = r#"{"big":18446744073709551617,"float":1.50,"yes":true,"none":null,"empty":"","nul":"a\u0000b","pair":"\ud83d\ude00",
        "half":"\ud800x","list":["a",1,null,"c"],"objects":[{"k":"1"},{"k":"2","m":"3"}],"deep":{"er":{"est":"4"}},"twice":"1","twice":"2",
        "Case":"1","case":"2"}"#;
    let (_, events) = read(text.replace('\n', " ").as_bytes());
    let event = &events[0];
    for (name, values) in [
        ("big", &["18446744073709551617"][..]),
        ("float", &["1.50"]),
        ("yes", &["true"]),
        ("empty", &[""]),
        ("nul", &["a\u{2400}b"]),
        ("pair", &["\u{1f600}"]),
        ("half", &["\u{fffd}x"]),
        ("list", &["a", "1", "c"]),
        ("objects.k", &["1", "2"]),
        ("objects.m", &["3"]),
        ("deep.er.est", &["4"]),
        ("twice", &["1", "2"]),
        ("Case", &["1"]),
        ("case", &["2"]),
    ] {
        assert_eq!(event.field(name), Some(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>()[..]), "{name}");
    }
    assert_eq!(event.field("none"), None);
}

#[test]
fn invalid_text_is_kept_and_told() {
    let (report, events) = read(b"{\"a\":\"x\xffy\"}\n");
    assert_eq!((report.events, report.bad, report.problems.len()), (1, 0, 1));
    assert_eq!(events[0].field("a"), Some(&["x\u{fffd}y".to_owned()][..]));
}

#[test]
fn members_that_want_one_name_stay_apart() {
    let text = r#"{"Channel":"Security","EventID":1,"SourceName":"first","Provider_Name":"second","a b":"1","ab":"2"}"#;
    let event = &read(text.as_bytes()).1[0];
    let all: Vec<&str> = event.fields.iter().flat_map(|(_, values)| values.iter().map(String::as_str)).collect();
    assert_eq!(all, ["first", "second", "1", "2"]);
}

/// One event in the encodings of different exporters: the same type, host, record and fields.
#[test]
fn one_event_whatever_the_encoding() {
    let flat = r#"{"@timestamp":"2021-04-21T09:40:32.343Z","Channel":"Security","EventID":5145,"Hostname":"h","RecordNumber":7,
        "ShareName":"\\\\*\\C$","AccessMask":"0x2","LogonGuid":"{B8C3A477-69DB-D96F-F0C0-889CCECB69EE}"}"#;
    let beat6 = r#"{"@timestamp":"2021-04-21T09:40:32.343Z","log_name":"Security","event_id":5145,"computer_name":"h","record_number":"7",
        "event_data":{"ShareName":"\\\\*\\C$","AccessMask":"0x2","LogonGuid":"{B8C3A477-69DB-D96F-F0C0-889CCECB69EE}"}}"#;
    let beat8 = r#"{"@timestamp":"2021-04-21T09:40:32.343Z","winlog":{"channel":"Security","event_id":"5145","computer_name":"h","record_id":7,
        "event_data":{"ShareName":"\\\\*\\C$","AccessMask":"0x2","LogonGuid":"{B8C3A477-69DB-D96F-F0C0-889CCECB69EE}"}}}"#;
    let dump = r##"{"Event":{"System":{"TimeCreated":{"#attributes":{"SystemTime":"2021-04-21T09:40:32.343Z"}},"Channel":"Security",
        "EventID":{"#attributes":{"Qualifiers":""},"#text":5145},"Computer":"h","EventRecordID":7},
        "EventData":{"ShareName":"\\\\*\\C$","AccessMask":"0x2","LogonGuid":"B8C3A477-69DB-D96F-F0C0-889CCECB69EE"}}}"##;
    let converted = r##"{"Event":{"System":{"TimeCreated":{"@SystemTime":"2021-04-21T09:40:32.343Z"},"Channel":"Security",
        "EventID":"5145","Computer":"h","EventRecordID":"7"},
        "EventData":{"Data":[{"@Name":"ShareName","#text":"\\\\*\\C$"},{"@Name":"AccessMask","#text":"0x2"},{"@Name":"Empty","#text":null},
        {"@Name":"LogonGuid","#text":"B8C3A477-69DB-D96F-F0C0-889CCECB69EE"}]}}}"##;
    let evtxecmd = r##"{"Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"ShareName\",\"#text\":\"\\\\\\\\*\\\\C$\"},
        {\"@Name\":\"AccessMask\",\"#text\":\"0x2\"},{\"@Name\":\"LogonGuid\",\"#text\":\"B8C3A477-69DB-D96F-F0C0-889CCECB69EE\"}]}}",
        "Channel":"Security","EventId":5145,"EventRecordId":"7","Computer":"h","TimeCreated":"2021-04-21T09:40:32.3430000+00:00"}"##;
    let fields: BTreeMap<&str, &str> =
        BTreeMap::from([("AccessMask", "0x2"), ("LogonGuid", "{B8C3A477-69DB-D96F-F0C0-889CCECB69EE}"), ("ShareName", r"\\*\C$")]);
    for text in [flat, beat6, beat8, dump, converted, evtxecmd] {
        let text = text.replace('\n', "");
        let event = &read(text.as_bytes()).1[0];
        assert_eq!(event.kind, ("windows".to_owned(), "Security".to_owned(), "5145".to_owned()), "{text}");
        assert_eq!((event.host.as_deref(), event.record), (Some("h"), Some(7)), "{text}");
        assert_eq!(event.time.as_deref(), Some("2021-04-21T09:40:32.343Z"), "{text}");
        let found: BTreeMap<&str, &str> = event
            .fields
            .iter()
            .filter(|(name, _)| name != "Qualifiers")
            .map(|(name, values)| (name.as_str(), values[0].as_str()))
            .collect();
        assert_eq!(found, fields, "{text}");
    }
}

#[test]
fn data_without_a_name_and_user_data() {
    let text = r##"{"Event":{"System":{"Channel":"Application","EventID":1},"EventData":{"Data":{"#text":["a","b"]},"Threat Name":"t"}}}
{"Event":{"System":{"Channel":"Application","EventID":1},"EventData":{"Data":{"#text":"a"}},"UserData":{"Outer":{"#attributes":{"xmlns":"x"},"Inner":{"Leaf":"v"}}}}}
"##;
    let events = read(text.as_bytes()).1;
    assert_eq!(events[0].field("Data"), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(events[0].field("ThreatName"), Some(&["t".to_owned()][..]));
    assert_eq!(events[1].field("Data"), Some(&["a".to_owned()][..]));
    assert_eq!(events[1].field("Leaf"), Some(&["v".to_owned()][..]));
    assert_eq!(events[1].field("UserData_Xml"), Some(&["<Outer><Inner><Leaf>v</Leaf></Inner></Outer>".to_owned()][..]));
    assert_eq!(events[1].fields.len(), 3, "{events:?}");
}

/// As EVTX becomes JSON, and as converters of XML write it.
#[test]
fn the_markup_of_user_data_from_json() {
    let expected = r#"<A b="1"><N>x</N><N>y</N><N c="2" /><N_5>z</N_5><Empty /><T d="&lt;">&amp;</T></A>"#;
    let system = r#""System":{"Channel":"Application","EventID":1}"#;
    for data in [
        r##"{"A":{"#attributes":{"b":1,"xmlns":"u"},"N":"x","N_1":"y","N_2":{"#attributes":{"c":"2"}},"N_5":"z","Empty":null,
            "T":{"#attributes":{"d":"<"},"#text":"&"}}}"##,
        r##"{"A":{"@b":"1","@xmlns":"u","N":["x","y",{"@c":2}],"N_5":"z","Empty":{},"T":{"@d":"<","#text":"&"}}}"##,
    ] {
        let text = format!(r#"{{"Event":{{{system},"UserData":{data}}}}}"#).replace('\n', "");
        let events = read(text.as_bytes()).1;
        assert_eq!(events[0].field("UserData_Xml"), Some(&[expected.to_owned()][..]), "{data}");
    }
}

#[test]
fn records_of_one_line_have_places_of_their_own() {
    let (_, events) = read(b"{\"Records\":[{\"eventName\":\"x\"},{\"eventName\":\"y\"}]}");
    assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 2]);
}

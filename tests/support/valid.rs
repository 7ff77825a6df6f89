//! Whole inputs of every reader, container and rule parser: what the tests of bad input damage, and where fuzzing begins.
//!
//! Every record has its number in it, so that no two inputs have the same bytes and a lost one can be named.

use std::fmt::Write as _;
use std::io::Write as _;

use retrohunt::archive::Leaf;
use retrohunt::reader::{ReadOptions, recognise};

use super::encode::binary_xml::{Element, Record, evtx};
use super::encode::event::{KINDS, Kind, WindowsEvent};
use super::encode::{Encoding, encodings};
use super::samples::{escu_rule, gzip, security_line, sigma_rule, zip};

/// One whole input.
#[derive(Debug, Clone)]
pub(crate) struct Valid {
    /// The fuzz target that reads it.
    pub(crate) target: &'static str,
    /// A name for the file.
    pub(crate) name: &'static str,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Events in it.
    pub(crate) events: usize,
}

fn valid(target: &'static str, name: &'static str, events: usize, bytes: impl Into<Vec<u8>>) -> Valid {
    Valid { target, name, bytes: bytes.into(), events }
}

/// The records of one input, each made from its number.
fn each(first: usize, count: usize, make: impl Fn(usize) -> String) -> String {
    (first..first + count).map(make).collect()
}

/// Inputs of every reader with so many records each, numbered from one on.
pub(crate) fn logs(first: usize, count: usize) -> Vec<Valid> {
    let many = |make: fn(usize) -> String| each(first, count, make);
    let commas = |text: String| text.trim_end().trim_end_matches(',').to_owned();
    vec![
        valid("evtx", "whole.evtx", count, evtx_file(first, count)),
        valid("splunk_text", "classic.log", count, many(classic)),
        valid("splunk_text", "crlf.log", count, many(classic).replace('\n', "\r\n")),
        valid("splunk_text", "keyvalue.log", count, many(key_values)),
        valid("xml", "lines.xml", count, many(|n| xml(n) + "\n")),
        valid("xml", "document.xml", count, format!("<?xml version=\"1.0\"?>\n<Events>{}</Events>\n", many(xml))),
        valid("xml", "utf16.xml", count, utf16(&many(|n| xml(n) + "\r\n"))),
        valid("json", "lines.jsonl", count, many(|n| security_line(number(n), 4624, ",\"Deep\":{\"a\":[1,{\"b\":\"é\"}]}"))),
        valid("json", "array.json", count, format!("[\n{}\n]\n", commas(many(|n| json(n) + ",\n")))),
        valid("json", "pretty.json", count, many(|n| json(n).replace(",\"", ",\n  \"") + "\n")),
        valid("json", "trail.json", count, format!("{{\"Records\":[{}]}}", commas(many(|n| trail(n) + ",")))),
        valid("json", "results.json", count, format!("{{\"preview\":false,\"results\":[{}]}}", commas(many(|n| export(n) + ",")))),
        valid("json", "beats.jsonl", count, many(|n| beat(n) + "\n")),
        valid("csv", "flat.csv", count, format!("EventID,Channel,Hostname,EventTime,RecordNumber,Text\n{}", many(row))),
        valid(
            "csv",
            "semicolon.csv",
            count,
            format!("{};Zeit\r\n{}", "a;b;c", many(|n| format!("{n};\"x;\n\"\"y\"\"\";é;2024-01-01\r\n"))),
        ),
        valid("csv", "raw.csv", count, format!("_time,host,_raw\n{}", many(raw_row))),
    ]
}

/// An event of every kind in every encoding that the tests can write.
pub(crate) fn encoded() -> Vec<Valid> {
    let event = |(kind, record): (&'static Kind, i64)| WindowsEvent::typical(kind, record, 1_700_000_000_000_000 + record * 1_500_000);
    let events: Vec<WindowsEvent> = KINDS.iter().zip(1..).map(event).collect();
    let input = |encoding: &Encoding| {
        let bytes = (encoding.write)(&events);
        let leaf = Leaf { path: encoding.name.to_owned(), known_size: None, reader: &mut bytes.as_slice() };
        let target = match recognise(leaf, &ReadOptions::default()).format {
            "splunk-text" => "splunk_text",
            format => format,
        };
        valid(target, encoding.name, events.len(), bytes)
    };
    encodings().into_iter().map(input).collect()
}

fn number(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}

/// A Security log of so many records; its last chunk is there to the end of its last record and then zeros.
fn evtx_file(first: usize, count: usize) -> Vec<u8> {
    let records: Vec<Record> = (first..first + count).map(evtx_record).collect();
    evtx(&records)
}

fn evtx_record(n: usize) -> Record {
    let leaf = |name: &str, text: &str| Element::new(name).text(text);
    let system = Element::new("System").children([
        Element::new("Provider").attribute("Name", "Microsoft-Windows-Security-Auditing"),
        leaf("EventID", "4624"),
        Element::new("TimeCreated").attribute("SystemTime", &format!("2024-03-02T10:{:02}:{:02}Z", n / 60 % 60, n % 60)),
        leaf("EventRecordID", &n.to_string()),
        leaf("Channel", "Security"),
        leaf("Computer", "host.test"),
    ]);
    let data = Element::new("EventData").children([Element::new("Data").attribute("Name", "TargetUserName").text(&format!("user{n}"))]);
    let root = Element::new("Event").attribute("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event").children([system, data]);
    Record { id: n as u64, filetime: 133_540_000_000_000_000 + n as u64 * 10_000_000, root }
}

fn classic(n: usize) -> String {
    format!(
        "07/20/2022 06:{:02}:{:02} PM\nLogName=Security\nSourceName=Microsoft Windows security auditing.\nEventCode=5145\nEventType=0\n\
         Type=Information\nComputerName=fs01.test\nTaskCategory=Detailed File Share\nOpCode=Info\nRecordNumber={n}\n\
         Keywords=Audit Success\nMessage=A network share object was checked.\n\t\nSubject:\n\tAccount Name:\t\tuser{n}\n\n\
         Network Information:\t\n\tSource Address:\t\t10.0.0.7\n\tSource Port:\t\t{}\n",
        n / 60 % 60,
        n % 60,
        50_000 + n % 10_000
    )
}

fn key_values(n: usize) -> String {
    format!("07/20/2022 06:33:{:02}.250\nevent_status=\"(0)The operation completed.\"\npid={n}\nuser=\"user{n}\"\n", n % 60)
}

fn xml(n: usize) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/><EventID>7036</EventID>\
         <TimeCreated SystemTime='2021-04-21T09:{:02}:{:02}.5Z'/><EventRecordID>{n}</EventRecordID><Channel>System</Channel>\
         <Computer>pc.test</Computer></System><EventData><Data Name='a'>x &amp; y{n}</Data><Data Name='b'><![CDATA[<z>]]></Data>\
         </EventData></Event>",
        n / 60 % 60,
        n % 60
    )
}

fn json(n: usize) -> String {
    security_line(number(n), 4688, ",\"CommandLine\":\"cmd \\\"/c\\\" {} [\"").trim_end().to_owned()
}

fn trail(n: usize) -> String {
    format!(
        "{{\"eventVersion\":\"1.08\",\"eventTime\":\"2024-03-01T10:00:{:02}Z\",\"eventSource\":\"iam.amazonaws.com\",\
         \"eventName\":\"CreateUser\",\"eventID\":\"id-{n}\",\"userIdentity\":{{\"type\":\"IAMUser\",\"userName\":\"u{n}\"}}}}",
        n % 60
    )
}

fn export(n: usize) -> String {
    let raw = serde_json::Value::from(classic(n)).to_string();
    format!("{{\"_raw\":{raw},\"_time\":\"2022-07-20 16:33:56.250 UTC\",\"host\":\"h\",\"source\":\"WinEventLog:Security\"}}")
}

fn beat(n: usize) -> String {
    format!(
        "{{\"@timestamp\":\"2024-03-01T10:00:{:02}.000Z\",\"winlog\":{{\"channel\":\"Security\",\"event_id\":4624,\"record_id\":{n},\
         \"computer_name\":\"pc.test\",\"event_data\":{{\"TargetUserName\":\"u{n}\",\"Many\":[\"a\",\"b\"]}}}},\"message\":\"m\"}}",
        n % 60
    )
}

fn row(n: usize) -> String {
    format!("4624,Security,pc.test,2021-04-21 09:40:{:02},{n},\"a, \"\"b\"\"\nc{n}\"\n", n % 60)
}

fn raw_row(n: usize) -> String {
    format!("2022-07-20T18:33:{:02}Z,fs01,\"{}\"\n", n % 60, classic(n).replace('"', "\"\""))
}

/// Little-endian UTF-16 with its mark.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Containers of every kind around JSON lines, with so many events each.
pub(crate) fn containers(first: usize, count: usize) -> Vec<Valid> {
    let line = |n: usize| security_line(number(n), 4625, "");
    let lines = |from: usize, count: usize| each(from, count, line).into_bytes();
    let (half, all) = (count / 2, lines(first, count));
    let parts = [("a/one.jsonl", lines(first, half)), ("b/two.jsonl", lines(first + half, count - half))];
    let members: Vec<(&str, &[u8])> = parts.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    vec![
        valid("compressed", "lines.jsonl.gz", count, gzip(&all)),
        valid("compressed", "members.jsonl.gz", count, [gzip(&parts[0].1), gzip(&parts[1].1)].concat()),
        valid("compressed", "lines.jsonl.bz2", count, bzip2(&all)),
        valid("compressed", "lines.jsonl.xz", count, xz(&all)),
        valid("compressed", "lines.jsonl.zst", count, zstd(&all)),
        valid("compressed", "nested.jsonl.gz.zst", count, zstd(&gzip(&all))),
        valid("zip", "members.zip", count, zip(&members)),
        valid("zip", "nested.zip", count, zip(&[("inner.zip", &zip(&members)), ("__MACOSX/._x", b"\x00\x05\x16\x07")])),
        valid("tar", "members.tar", count, tar(&members)),
        valid("tar", "members.tar.gz", count, gzip(&tar(&members))),
    ]
}

/// Compresses with bzip2.
pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Compresses with xz.
pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).expect("options of xz");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Compresses with zstandard.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// A tar archive of members.
pub(crate) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// The whole of a pipeline's format in small.
const PIPELINE: &str = "name: acme\npriority: 10\nvars:\n  name: [ann, 'svc-*']\ntransformations:\n\
    - id: fields\n  type: field_name_mapping\n  mapping:\n    Image: process.path\n    User: [user.name, user.target]\n  \
    rule_conditions:\n  - type: logsource\n    category: process_creation\n\
    - id: prefix\n  type: field_name_prefix\n  prefix: 'x.'\n  field_name_cond_expr: a and not b\n  field_name_conditions:\n    \
    a: {type: include_fields, fields: [Id]}\n    b: {type: exclude_fields, fields: [Text]}\n\
    - type: value_placeholders\n- type: replace_string\n  regex: '^a(.)'\n  replacement: 'b\\1'\n\
    - type: add_condition\n  conditions: {Channel: Security}\n- type: change_logsource\n  service: security\n\
    - type: file_placeholders\n  path: values.yml\n";

const RULE_ID: &str = "cccccccc-0000-4000-8000-000000000001";

/// Rules of every kind.
pub(crate) fn rules() -> Vec<Valid> {
    let selection = "Image|endswith|windash: ['\\cmd.exe', 'a*b?c']\n        Path|re|i: '^C:\\\\[a-z]{1,3}'\n        \
                     Ip|cidr: 10.0.0.0/8\n        Name|expand: '%name%'\n        Text|wide|base64offset|contains: secret";
    let rule = sigma_rule(RULE_ID, selection).replace("condition: selection", "condition: 1 of selection* and not (selection)");
    let mut correlations = String::new();
    for (kind, more) in [
        ("event_count", "condition: {gte: 2}"),
        ("value_count", "condition: {field: User, gt: 2, lte: 9}"),
        ("temporal", "aliases: {A: {base: User}}"),
        ("temporal_ordered", ""),
        ("value_avg", "condition: {field: Size, lt: 1.5}"),
        ("value_percentile", "condition: {field: Size, percentile: 95, gte: 1}"),
    ] {
        let _ = write!(
            correlations,
            "---\ntitle: {kind}\nname: {kind}\ncorrelation:\n  type: {kind}\n  rules: [base]\n  group-by: [User]\n  timespan: 5m\n  {more}\n"
        );
    }
    let base = sigma_rule(RULE_ID, "EventID: 4624").replace("status: test", "name: base");
    let filter = format!(
        "title: Filter\nlogsource: {{product: windows, service: security}}\nfilter:\n  rules: [{RULE_ID}]\n  keep: {{User|startswith: adm}}\n  condition: not keep\n"
    );
    let page = "---\ntitle: \"Page\"\n---\n\n- **Type**: TTP\n- **ID**: 11111111-2222-3333-4444-555555555555\n\n#### [ATT&CK](https://x)\n\n\
                | ID | Technique | Tactic |\n| -- | -- | -- |\n| [T1021](https://x) | Remote | Lateral Movement |\n\n#### Search\n\n```\n\
                `wineventlog_security` EventCode=5145 Access_Mask= \"0x2\" NOT Name IN (\"a*\", b)\n\
                | stats min(_time) as firstTime count values(x) as x by user Share_Name\n| where count > 2 AND like(x, \"a%\")\n\
                | eval y=if(match(x, \"^a\"), lower(x), \"z\")\n| `security_content_ctime(firstTime)`\n| `page_filter`\n```\n\n#### RBA\n\n\
                | Risk Score | Impact | Confidence | Message |\n| - | - | - | - |\n| 70.0 | 70 | 100 | $user$ wrote $Share_Name$ |\n";
    let search = "`wineventlog_security` EventCode=4624 Account=\"*\" | stats count by Account | where count > 1 | sort - count | head 5";
    let macros = "definition: index=x sourcetype=y $a$\nname: own(1)\narguments: [a]\n";
    vec![
        valid("sigma", "rule.yml", 0, rule),
        valid("sigma", "keywords.yml", 0, sigma_rule(RULE_ID, "x: 1").replace("        x: 1", "        - one\n        - 'two*'")),
        valid(
            "sigma",
            "legacy.yml",
            0,
            sigma_rule(RULE_ID, "EventID: 1").replace("condition: selection", "condition: selection | count(A) by B > 3"),
        ),
        valid("sigma", "correlations.yml", 0, format!("{base}{correlations}")),
        valid("sigma", "filter.yml", 0, format!("{base}---\n{filter}")),
        valid("pipeline", "pipeline.yml", 0, PIPELINE),
        valid("pipeline", "values.yml", 0, "Workstations: ['ws-*', 'lt-*']\n'%dc%': 10.0.0.1\n"),
        valid("escu", "detection.yml", 0, escu_rule(RULE_ID, search)),
        valid("escu", "macro.yml", 0, macros),
        valid("page", "page.md", 0, page),
        valid("page", "search.spl", 0, search),
    ]
}

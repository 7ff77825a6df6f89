//! XML events: every place they are found in, and the same event as EVTX gives.

use std::path::{Path, PathBuf};

use super::*;

const SYSTEM: &str = "<System><Provider Name='P' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID Qualifiers='16384'>7036</EventID>\
    <TimeCreated SystemTime='2021-04-21T09:40:32.343360000Z'/><EventRecordID>7</EventRecordID><Correlation/><Channel>System</Channel>\
    <Computer>pc</Computer><Security UserID='S-1-5-18'/></System>";

fn event(inside: &str) -> String {
    format!("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>{SYSTEM}{inside}</Event>")
}

fn data(inside: &str) -> String {
    event(&format!("<EventData>{inside}</EventData>"))
}

fn fields(inside: &str) -> Vec<(String, Vec<String>)> {
    let (report, events) = read(event(inside).as_bytes());
    assert_eq!((events.len(), report.problems), (1, vec![]));
    let system = ["Provider_Name", "Provider_Guid", "Qualifiers", "Security_UserID"];
    events.into_iter().flat_map(|e| e.fields).filter(|(name, _)| !system.contains(&name.as_str())).collect()
}

fn pairs(pairs: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    pairs.iter().map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect())).collect()
}

#[test]
fn the_envelope() {
    let (report, events) = read(data("<Data Name='a'>1</Data>").as_bytes());
    assert_eq!((report.format, report.events, report.bad), ("xml", 1, 0));
    let e = &events[0];
    assert_eq!(e.kind, ("windows".to_owned(), "System".to_owned(), "7036".to_owned()));
    assert_eq!((e.time.as_deref(), e.host.as_deref(), e.record), (Some("2021-04-21T09:40:32.343360Z"), Some("pc"), Some(7)));
    assert_eq!(e.field("Provider_Guid"), Some(&["{54849625-5478-4994-A5BA-3E3B0328C30D}".to_owned()][..]));
}

#[test]
fn every_framing_gives_the_same_events() {
    let (one, two) = (data("<Data Name='a'>x\r\n\ty</Data>"), data("<Data Name='a'>2</Data>"));
    let lines = format!("{one}\n{two}\n");
    let expected = read(lines.as_bytes()).1;
    assert_eq!(expected.len(), 2);
    let rooted = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Events>{one}{two}</Events>\r\n");
    let syslog = format!("Aug  9 10:42:47 pc sysmon: {one}\nAug  9 10:42:48 pc sysmon: {two}\n");
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let marked = format!("\u{feff}{lines}");
    let all =
        [rooted.into_bytes(), syslog.into_bytes(), utf16(&lines, false), utf16(&lines, true), utf16(&marked, false), utf16(&marked, true)];
    for bytes in all {
        let (report, events) = read(&bytes);
        assert_eq!((report.format, report.bad, report.problems), ("xml", 0, vec![]), "{:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(events, expected);
    }
}

#[test]
fn what_is_inside_of_an_event() {
    let unnamed = "<EventData><Data>one</Data><Data/><Data>two</Data><Binary>00FF</Binary></EventData>";
    assert_eq!(fields(unnamed), pairs(&[("Data", &["one", "", "two"]), ("Binary", &["00FF"])]));
    let named =
        "<EventData Name='N'><Data Name='a'>&lt;&#x41;&#66;&amp;&quot;&apos;&gt;&unknown; & x</Data><Data Name=\"e\"></Data></EventData>";
    assert_eq!(fields(named), pairs(&[("EventData_Name", &["N"]), ("a", &["<AB&\"'>&unknown; & x"]), ("e", &[""])]));
    let cdata = "<EventData><Data Name='a'><![CDATA[<b>&amp;]]></Data></EventData>";
    assert_eq!(fields(cdata), pairs(&[("a", &["<b>&amp;"])]));
    let user = "<UserData>\n <LogFileCleared xmlns='m'>\n  <SubjectUserName>x</SubjectUserName>\n  <F v='1'>y</F>\n </LogFileCleared>\n</UserData>";
    let markup = r#"<LogFileCleared><SubjectUserName>x</SubjectUserName><F v="1">y</F></LogFileCleared>"#;
    assert_eq!(fields(user), pairs(&[("SubjectUserName", &["x"]), ("v", &["1"]), ("F", &["y"]), ("UserData_Xml", &[markup])]));
    let broken = "<ProcessingErrorData><ErrorCode>15005</ErrorCode><EventPayload>00</EventPayload></ProcessingErrorData>";
    assert_eq!(fields(broken), pairs(&[("ErrorCode", &["15005"]), ("EventPayload", &["00"])]));
    let times =
        "<EventData><Data Name='t'>2021-04-21T09:40:32.343360100Z</Data><Data Name='u'>2021-04-21T09:40:32.343360199Z</Data></EventData>";
    assert_eq!(fields(times), pairs(&[("t", &["2021-04-21T09:40:32.3433601Z"]), ("u", &["2021-04-21T09:40:32.343360199Z"])]));
}

#[test]
fn what_was_rendered() {
    let rendered = "<EventData/><RenderingInfo Culture='en-US'><Message>Text\nof it.</Message><Level>Information</Level><Task>T</Task>\
        <Opcode>Info</Opcode><Channel>System</Channel><Provider>P</Provider><Keywords><Keyword>Audit Success</Keyword></Keywords></RenderingInfo>";
    let (_, events) = read(event(rendered).as_bytes());
    assert_eq!(events[0].message.as_deref(), Some("Text\nof it."));
    let names = ["RenderingInfo_Level", "RenderingInfo_Task", "RenderingInfo_Opcode", "RenderingInfo_Keywords"];
    let values = names.map(|name| events[0].field(name).map(|v| v[0].clone()).unwrap_or_default());
    assert_eq!(values, ["Information", "T", "Info", "Audit Success"]);
    assert_eq!(events[0].fields.len(), 8, "{:?}", events[0].fields);
}

#[test]
fn what_is_cut_off_or_broken_costs_only_itself() {
    let (one, two) = (data("<Data Name='a'>one</Data>"), data("<Data Name='a'>two</Data>"));
    let cut = &one[..one.len() - "e</Data></EventData></Event>".len()];
    let (report, events) = read(format!("{cut}\n{two}\n{cut}\n").as_bytes());
    assert_eq!((report.events, report.bad, report.problems.len()), (3, 0, 2));
    let values: Vec<_> = events.iter().map(|e| e.field("a").expect("a field")[0].clone()).collect();
    assert_eq!(values, ["on", "two", "on"]);
    assert_eq!(report.problems[1].offset, Some((cut.len() + two.len() + 2) as u64));

    let broken = one.replace("one", "one<!-- ");
    let (report, events) = read(format!("{broken}\nno event\n{two}\n").as_bytes());
    assert_eq!((report.bad, events.len()), (2, 1), "{:?}", report.problems);
    assert_eq!(report.problems[1].message, "skipped text that is not an event");

    let deep = data(&format!("{}x", "<d>".repeat(10_000)));
    let (report, events) = read(format!("{deep}{two}").as_bytes());
    assert_eq!((report.bad, events.len()), (1, 1));
    let long = data(&format!("<Data Name='a'>{}</Data>", "x".repeat(17 << 20)));
    let (report, events) = read(format!("{one}{long}{two}").as_bytes());
    assert_eq!((report.bad > 0, events.len()), (true, 2), "{:?}", report.problems);
    for length in 0..one.len() {
        read(&one.as_bytes()[..length]);
    }
}

#[test]
fn xml_in_a_member_of_json() {
    let row = r#"{"TenantId":"t","TimeGenerated":"2021-04-21T09:40:32.343Z","Computer":"pc","EventID":5145,"Channel":"Security",
        "EventData":"<EventData xmlns=\"x\"><Data Name=\"ShareName\">\\\\*\\C$</Data></EventData>"}"#;
    let wrapped =
        row.replace("<EventData", "<DataItem type=\\\"System.XmlData\\\"><EventData").replace("</EventData>", "</EventData></DataItem>");
    for row in [row, &wrapped] {
        let (report, events) = read(row.as_bytes());
        assert_eq!((report.events, report.bad), (1, 0), "{:?}", report.problems);
        assert_eq!(events[0].kind.1, "Security");
        assert_eq!(events[0].field("ShareName"), Some(&["\\\\*\\C$".to_owned()][..]), "{:?}", events[0].fields);
    }
}

fn evtx_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("RETROHUNT_EVTX").map_or_else(|| root.join("tests/samples"), PathBuf::from);
    let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok).map(walkdir::DirEntry::into_path);
    files.filter(|path| path.extension().is_some_and(|e| e == "evtx")).collect()
}

/// Every record of event logs, written as XML, gives the event that EVTX gave.
#[test]
fn an_event_is_the_same_from_evtx_and_from_its_xml() {
    let (mut compared, mut differences) = (0, Vec::new());
    for path in evtx_files() {
        let bytes = std::fs::read(&path).expect("a file");
        let (report, expected) = read(&bytes);
        let Ok(mut parser) = ::evtx::EvtxParser::from_buffer(bytes) else { continue };
        let xml: Vec<String> = parser.records().filter_map(|r| r.ok().map(|r| r.data)).collect();
        if report.bad + report.recovered > 0 || xml.len() != expected.len() {
            continue;
        }
        let (xml_report, found) = read(format!("<Events>{}</Events>", xml.join("\n")).as_bytes());
        assert_eq!((xml_report.bad, found.len()), (0, expected.len()), "{}: {:?}", path.display(), xml_report.problems);
        for ((a, b), xml) in expected.iter().zip(&found).zip(&xml) {
            compared += 1;
            if a != b {
                let of = |x: &Shown, y: &Shown| x.fields.iter().filter(|f| !y.fields.contains(f)).cloned().collect::<Vec<_>>();
                differences.push(format!(
                    "{}: {:?} {:?}\n evtx {:?}\n xml  {:?}\n{xml}",
                    path.display(),
                    a.kind,
                    b.kind,
                    of(a, b),
                    of(b, a)
                ));
            }
        }
    }
    let shown = differences.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} of {compared} differ:\n{shown}", differences.len());
    assert!(compared > 40, "{compared} events compared");
}

#[test]
fn the_markup_of_user_data_has_one_spelling() {
    let text = |inside: &str| {
        let (_, events) = read(event(&format!("<UserData>{inside}</UserData>")).as_bytes());
        events[0].field("UserData_Xml").map(|values| values[0].clone())
    };
    let plain = r#"<A b="1" c="&quot;&lt;&amp;'"><D /><D>x &amp; y</D><E f="" /></A>"#;
    for (note, inside) in [
        ("quotes and empty elements", r#"<A b='1' c='&quot;&lt;&amp;&apos;'><D></D><D>x &#38; y</D><E f=""/></A>"#),
        ("namespaces", r#"<A xmlns="u" xmlns:p='v' b='1' c='&quot;&lt;&amp;&apos;'><D/><p:D>x &amp; y</p:D><E f=''/></A>"#),
        ("indentation", "\n <A b='1' c='&quot;&lt;&amp;&apos;'>\n  <D />\n  <D>x &amp; y</D>\n  <E f='' />\n </A>\n"),
        ("sections of text", "<A b='1' c='&quot;&lt;&amp;&apos;'><D/><D><![CDATA[x & y]]></D><E f=''/></A>"),
    ] {
        assert_eq!(text(inside).as_deref(), Some(plain), "{note}");
    }
    assert_eq!(text("<A/><B/>").as_deref(), Some("<A /><B />"));
    assert_eq!(text(""), None);
    let cut = event("<UserData><A><B>x</B>").replace("</Event>", "");
    assert_eq!(read(cut.as_bytes()).1[0].field("UserData_Xml"), None, "the event is cut off");
    let (_, events) = read(event("<EventData><UserData>x</UserData></EventData>").as_bytes());
    assert_eq!(events[0].field("UserData_Xml"), None, "of the event's own element alone");
}

//! Small files as Splunk exports them.

use super::{Shown, counts, read};

const HEADER: &str = "LogName=Security\nSourceName=Microsoft Windows security auditing.\nEventCode=5145\nEventType=0\nType=Information\n\
                      ComputerName=fs01.corp.example\nTaskCategory=Detailed File Share\nOpCode=Info\nRecordNumber=7\nKeywords=Audit Success\n";
const MESSAGE: &str = "Message=A network share object was checked.\r\n\t\r\nSubject:\r\n\tAccount Name:\t\tanna\r\n\r\n\
                       Network Information:\t\r\n\tSource Address:\t\t10.0.0.7\r\n\tSource Port:\t\t50123\r\n";

fn event(time: &str) -> String {
    format!("{time}\n{HEADER}{MESSAGE}")
}

fn field(event: &Shown, name: &str) -> String {
    event.field(name).map(|values| values.join("|")).unwrap_or_default()
}

#[test]
fn header_and_message_become_one_event() {
    let (report, events) = read(event("07/20/2022 06:33:56 PM").as_bytes());
    assert_eq!((report.format, report.events, report.bad), ("splunk-wineventlog", 1, 0), "{:?}", report.problems);
    let event = &events[0];
    assert_eq!(event.kind, ("windows".to_owned(), "Security".to_owned(), "5145".to_owned()));
    assert_eq!(event.time.as_deref(), Some("2022-07-20T18:33:56.000Z"));
    assert_eq!((event.host.as_deref(), event.record, event.position), (Some("fs01.corp.example"), Some(7), 1));
    for (name, value) in [
        ("Provider_Name", "Microsoft-Windows-Security-Auditing"),
        ("Level", "0"),
        ("Opcode", "0"),
        ("Keywords", "0x8020000000000000"),
        ("TaskCategory", "Detailed File Share"),
        ("SubjectUserName", "anna"),
        ("IpAddress", "10.0.0.7"),
        ("IpPort", "50123"),
    ] {
        assert_eq!(field(event, name), value, "{name}");
    }
    let message = event.message.as_deref().expect("a message");
    assert!(message.starts_with("A network share") && message.ends_with("50123"), "{message:?}");
}

#[test]
fn every_order_of_the_header() {
    let lines: Vec<&str> = HEADER.lines().collect();
    for turn in 0..lines.len() {
        let turned: Vec<&str> = lines[turn..].iter().chain(&lines[..turn]).copied().collect();
        let one = format!("{}\r\n{MESSAGE}", turned.join("\r\n"));
        let text = format!("07/20/2022 06:33:56 AM\r\n{one}07/20/2022 06:33:57 AM\r\n{one}");
        assert_eq!(counts(text.as_bytes()), ("splunk-wineventlog", 2, 0), "{text}");
        let text = format!("Date=07/20/2022 06:33:56 AM\n{one}Date=07/20/2022 06:33:57 AM\n{one}");
        assert_eq!(counts(text.as_bytes()), ("splunk-wineventlog", 2, 0), "{text}");
    }
    let without_times = format!("{HEADER}{MESSAGE}{HEADER}{MESSAGE}");
    assert_eq!(counts(without_times.as_bytes()), ("splunk-wineventlog", 2, 0));
}

#[test]
fn a_message_may_hold_what_looks_like_the_start_of_an_event() {
    let block = "LogName=Microsoft-Windows-PowerShell/Operational\nEventCode=4104\nMessage=Creating Scriptblock text (1 of 1):\n\
                 07/20/2022 06:33:56 AM\nwrite 'x'\n<EventData>\n\nScriptBlock ID: 1\nPath: \n";
    let text = format!("07/20/2022 06:33:56 AM\n{block}07/20/2022 06:33:56 AM\n{block}");
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.events, report.bad), (2, 0));
    assert_eq!(field(&events[1], "ScriptBlockText"), "07/20/2022 06:33:56 AM\nwrite 'x'\n<EventData>");
}

#[test]
fn names_of_header_and_message_do_not_mix() {
    let text = "07/20/2022 06:33:56 AM\nLogName=Microsoft-Windows-Sysmon/Operational\nEventCode=1\nUser=NOT_TRANSLATED\nSid=S-1-5-18\n\
                Message=Process Create:\nUser: CORP\\anna\nSid: x\nType: y\n";
    let event = &read(text.as_bytes()).1[0];
    assert_eq!(field(event, "User"), "CORP\\anna");
    assert_eq!(field(event, "Security_UserID"), "S-1-5-18");
}

#[test]
fn damage_costs_only_itself() {
    let one = event("07/20/2022 06:33:56 AM");
    let without_code = "07/20/2022 06:33:56 AM\nLogName=Security\nMessage=x\n";
    let text = format!("stray\n{one}{without_code}{one}");
    let report = read(text.as_bytes()).0;
    assert_eq!((report.format, report.events, report.bad), ("splunk-wineventlog", 2, 2), "{:?}", report.problems);
    assert_eq!(report.problems[0].offset, Some(0));
    assert_eq!(report.problems[1].offset, Some(6 + one.len() as u64));
    let long = format!("{one}07/20/2022 06:33:56 AM\nLogName=Security\nMessage={}\n{one}", "x\n".repeat(9 << 20));
    let report = read(long.as_bytes()).0;
    assert_eq!((report.events, report.bad), (2, 1), "{:?}", report.problems);
    assert!(report.problems[0].message.contains("MAX_EVENT_BYTES"), "{:?}", report.problems);
}

#[test]
fn other_lines_of_keys_and_values() {
    let text = "07/20/2022 06:33:56.250\nevent_status=\"(0)The operation completed successfully.\"\npid=4\n\
                07/20/2022 06:33:57.250\nevent_status=\"(0)Done.\"\npid=5\n";
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.format, report.events, report.bad), ("splunk-keyvalue", 2, 0), "{:?}", report.problems);
    assert_eq!(events[0].time.as_deref(), Some("2022-07-20T06:33:56.250Z"));
    assert_eq!(field(&events[1], "event_status"), "(0)Done.");
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[test]
fn exports_as_json_are_read_by_the_reader_of_their_text() {
    let raw = quoted(&event("07/20/2022 06:33:56 PM"));
    let result = format!(
        "{{\"_raw\":{raw},\"_time\":\"2022-07-20 16:33:56.250 UTC\",\"host\":\"h\",\"source\":\"WinEventLog:Security\",\"linecount\":\"9\"}}"
    );
    let line = format!("{{\"preview\":false,\"offset\":0,\"result\":{result}}}");
    let document = format!(
        "{{\"preview\":false,\"init_offset\":0,\"messages\":[],\"fields\":[{{\"name\":\"_raw\"}}],\"results\":[{result},{result}],\"highlighted\":{{}}}}"
    );
    for (text, format, count) in [
        (format!("{line}\n{line}\n"), "json-lines", 2),
        (format!("[{result},\n{result}]"), "json-array", 2),
        (result.clone(), "json-lines", 1),
        (document.clone(), "splunk-results", 2),
        (format!("{document}\n{document}\n"), "splunk-results", 4),
    ] {
        let (report, events) = read(text.as_bytes());
        assert_eq!((report.format, report.events, report.bad), (format, count, 0), "{text}\n{:?}", report.problems);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        for event in &events {
            assert_eq!(event.kind, ("windows".to_owned(), "Security".to_owned(), "5145".to_owned()));
            assert_eq!(event.time.as_deref(), Some("2022-07-20T16:33:56.250Z"), "the export's time counts");
            assert_eq!((event.host.as_deref(), event.record), (Some("fs01.corp.example"), Some(7)));
            assert_eq!(field(event, "IpAddress"), "10.0.0.7");
            assert_eq!(field(event, "linecount"), "");
        }
    }
}

#[test]
fn exports_of_other_texts_and_without_text() {
    let xml = quoted(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID><Channel>C</Channel></System></Event>",
    );
    let text = format!(
        "{{\"preview\":false,\"result\":{{\"_raw\":{xml},\"_time\":\"2022-07-20T16:33:56.250+00:00\"}}}}\n\
         {{\"preview\":false,\"result\":{{\"_raw\":\"{{\\\"eventVersion\\\":\\\"1\\\",\\\"eventSource\\\":\\\"s3\\\",\\\"eventName\\\":\\\"x\\\"}}\"}}}}\n\
         {{\"preview\":false,\"result\":{{\"_raw\":\"no known text\",\"_time\":\"1658334836.250\",\"host\":\"h\"}}}}\n\
         {{\"preview\":false,\"result\":{{\"LogName\":\"Security\",\"EventCode\":\"4624\",\"Logon_Type\":\"3\"}}}}\n"
    );
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.events, report.bad), (4, 0), "{:?}", report.problems);
    let kinds: Vec<_> = events.iter().map(|e| (e.kind.0.as_str(), e.kind.1.as_str(), e.kind.2.as_str())).collect();
    assert_eq!(kinds, [("windows", "C", "1"), ("aws", "cloudtrail", ""), ("generic", "", ""), ("windows", "Security", "4624")]);
    assert_eq!(events[2].message.as_deref(), Some("no known text"));
    assert_eq!(events[2].time.as_deref(), Some("2022-07-20T16:33:56.250Z"));
    assert_eq!(field(&events[3], "Logon_Type"), "3");
}

#[test]
fn text_and_xml_in_one_file() {
    let xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID></System>\
               <EventData><Data Name='CommandLine'>a\nb</Data></EventData></Event>\n";
    let classic = event("07/20/2022 06:33:56 PM");
    for text in [format!("{classic}{xml}{xml}{classic}"), format!("{xml}{classic}{xml}{classic}")] {
        let (report, events) = read(text.as_bytes());
        assert_eq!((report.format, report.events, report.bad), ("splunk-mixed", 4, 0), "{:?}", report.problems);
        assert_eq!(events.iter().filter(|e| field(e, "CommandLine") == "a\nb").count(), 2);
    }
    let cut = xml.replace("</Event>", "");
    let (report, events) = read(format!("{classic}{cut}{xml}").as_bytes());
    assert_eq!((report.events, report.bad), (3, 0), "{:?}", report.problems);
    assert_eq!(events.len(), 3);
}

#[test]
fn a_table_of_events_is_a_table() {
    let raw = event("07/20/2022 06:33:56 PM").replace('"', "\"\"");
    let text = format!("_raw,_time,host\n\"{raw}\",2022-07-20T16:33:56.250+0000,h\n\"{raw}\",2022-07-20T16:33:56.250+0000,h\n");
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.format, report.events, report.bad), ("csv-splunk", 2, 0), "{:?}", report.problems);
    assert_eq!(events[1].time.as_deref(), Some("2022-07-20T16:33:56.250Z"));
    assert_eq!(field(&events[1], "IpPort"), "50123");
}

#[test]
fn the_end_may_be_anywhere() {
    let xml = "<Event xmlns='x'><System><EventID>1</EventID></System></Event>\n";
    let text = format!("{}{xml}{}", event("07/20/2022 06:33:56 PM"), event("07/20/2022 06:33:57 PM"));
    let mut before = 0;
    for end in 0..text.len() {
        let (report, events) = read(&text.as_bytes()[..end]);
        assert!(report.events >= before || report.events + 1 >= before, "{end}: {} after {before} events", report.events);
        assert!(events.len() <= 3);
        before = report.events;
    }
    assert_eq!(before, 3);
}

/// Gives a byte or two at a time.
struct Drops<'b>(&'b [u8]);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(buffer.len()).min(2);
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn it_does_not_matter_how_the_bytes_come() {
    let xml = "<Event xmlns='x'><System><EventID>1</EventID></System></Event>\n";
    let text = [&event("07/20/2022 06:33:56 PM"), xml, &event("07/20/2022 06:33:57 PM"), xml, xml].concat();
    let (mut drops, mut count) = (Drops(text.as_bytes()), 0);
    let leaf = crate::archive::Leaf { path: "leaf".to_owned(), known_size: None, reader: &mut drops };
    let report = crate::reader::read_leaf(leaf, &crate::event::Names::default(), &crate::reader::ReadOptions::default(), &mut |batch| {
        count += batch.events.len();
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((report.format, report.events, report.bad, count), ("splunk-mixed", 5, 0, 5), "{:?}", report.problems);
    let many = event("07/20/2022 06:33:56 PM").repeat(2_000);
    assert_eq!(counts(many.as_bytes()), ("splunk-wineventlog", 2_000, 0));
}

#[test]
fn what_looks_like_an_event_in_a_script_is_the_script() {
    let text = "07/20/2022 06:33:56 PM\nLogName=Microsoft-Windows-PowerShell/Operational\nEventCode=4104\nMessage=Creating Scriptblock text (1 of 1):\n\
                <Event xmlns='x'>\n\u{a0}\n\nScriptBlock ID: 1\nPath: \u{a0}\n";
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.events, report.bad), (1, 0), "{:?}", report.problems);
    assert_eq!(field(&events[0], "ScriptBlockText"), "<Event xmlns='x'>\n\u{a0}");
    assert_eq!(field(&events[0], "Path"), "\u{a0}", "a space that is no ASCII is a value");
}

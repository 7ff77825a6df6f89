//! Tables: delimiters, headers, rows that do not fit, the texts of Splunk's exports.

use super::*;

fn one(text: &str) -> Shown {
    let (report, mut events) = read(text.as_bytes());
    assert_eq!((events.len(), report.bad), (1, 0), "{text}: {report:?}");
    events.remove(0)
}

fn first<'e>(event: &'e Shown, name: &str) -> Option<&'e str> {
    event.field(name).map(|values| values[0].as_str())
}

#[test]
fn every_delimiter_and_line_end() {
    for delimiter in [',', ';', '\t', '|'] {
        for end in ["\n", "\r\n"] {
            let header = ["EventID", "Channel", "Hostname", "EventTime", "Text", "Empty"].join(&delimiter.to_string());
            let row = ["5145", "Security", "pc", "2021-04-21 09:40:32", "\"a, b;\t|\"\"c\nd\"", ""].join(&delimiter.to_string());
            let event = one(&format!("\u{feff}{header}{end}{row}{end}"));
            assert_eq!(event.kind, ("windows".to_owned(), "Security".to_owned(), "5145".to_owned()));
            assert_eq!((event.time.as_deref(), event.host.as_deref()), (Some("2021-04-21T09:40:32.000Z"), Some("pc")));
            assert_eq!(first(&event, "Text"), Some("a, b;\t|\"c\nd"));
            assert_eq!((event.field("Empty"), event.position), (None, 2));
        }
    }
}

#[test]
fn tables_are_told_from_other_text() {
    for (text, format) in [
        ("a,b,c\n1,2,3\n4,5,6\n", "csv"),
        ("a b,c d,e\n1,2,3\n", "csv"),
        ("EventID,Channel\n", "csv"),
        ("EventID;Channel\n1;x, y, z\n", "csv"),
        ("#TYPE X\r\n\"LogName\",\"Id\"\r\n\"a\",\"1\"\r\n", "csv"),
        ("a,b,c\n1,2\n", ""),
        ("a,b\n1,2\n", ""),
        ("Jan 22 07:52:33 host client[30840]: one, two, three\n", ""),
        ("2022-01-02,a,b\n2022-01-02,a,b\n", ""),
        ("title: a\nid: b, c\n", ""),
        ("LogName=Security, x, y\na, b, c\n", ""),
    ] {
        assert_eq!(read(text.as_bytes()).0.format, format, "{text:?}");
    }
}

#[test]
fn rows_that_do_not_fit_are_read_and_told() {
    let (report, events) = read(b"EventID,Channel,x\n1,a\n\n2,b,c,d,e\n3,c,d\n");
    assert_eq!((events.len(), report.bad, report.problems.len()), (3, 0, 2));
    assert_eq!(events[1].field("_extra"), Some(&["d".to_owned(), "e".to_owned()][..]));
    assert_eq!((report.problems[1].line, report.problems[1].offset), (Some(4), Some(23)));

    let (report, events) = read(b"EventID,Channel,x\n1,a,b\n2,\"b,c\n3,c,d\n4,c,d\n");
    assert_eq!((events.len(), report.bad), (3, 1), "{:?}", report.problems);
    let (report, events) = read(b"EventID,Channel,x\n1,a,b\n2,b,\"c\nd\n\ne f\n3,c,d\n4,c");
    assert_eq!((events.len(), report.bad), (3, 1), "the rest of a broken record is no row: {:?}", report.problems);
    let (report, events) = read(b"EventID,Channel,x,y\n0,a,b,c\n1,a\n2,\"b,c\n3,c\n4,c\n");
    assert_eq!((events.len(), report.bad), (4, 1), "rows as short as those before are rows: {:?}", report.problems);
    let long = format!("EventID,Channel,x\n1,a,b\n2,\"b,c\n{}", format!("3,{},d\n", "c".repeat(1 << 16)).repeat(300));
    let (report, events) = read(long.as_bytes());
    assert_eq!((events.len(), report.bad), (301, 1), "{:?}", report.problems);
    let text = "EventID,Channel,x\n1,\"a\"\"\",b\n";
    for length in 0..text.len() {
        read(&text.as_bytes()[..length]);
    }
}

#[test]
fn tools_of_windows() {
    let payload = r##""{""EventData"":{""Data"":[{""@Name"":""ShareName"",""#text"":""\\\\*\\C$""}]}}""##;
    let evtxecmd = format!(
        "\u{feff}RecordNumber,EventRecordId,TimeCreated,EventId,Channel,Computer,Payload\r\n1,9,2020-10-05 20:43:58.4505228,5145,Security,pc,{payload}\r\n"
    );
    let event = one(&evtxecmd);
    assert_eq!((first(&event, "ShareName"), event.record, event.kind.2.as_str()), (Some("\\\\*\\C$"), Some(9), "5145"));
    assert_eq!(event.time.as_deref(), Some("2020-10-05T20:43:58.450522Z"));

    let viewer = "Keywords,Date and Time,Source,Event ID,Task Category\r\n\
        Audit Success,4/21/2021 9:40:32 AM,Microsoft-Windows-Security-Auditing,5145,Detailed File Share,\"A share\r\n\r\nSubject:\"\r\n";
    let event = one(viewer);
    assert_eq!((event.kind.2.as_str(), event.time.as_deref()), ("5145", Some("2021-04-21T09:40:32.000Z")));
    assert_eq!(event.message.as_deref(), Some("A share\r\n\r\nSubject:"));

    let powershell = "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\n\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"MachineName\",\"TimeCreated\",\"RecordId\"\n\
        \"m\",\"1\",\"P\",\"System\",\"pc\",\"4/21/2021 9:40:32 PM\",\"3\"\n";
    let event = one(powershell);
    assert_eq!((event.kind.1.as_str(), event.host.as_deref(), event.record), ("System", Some("pc"), Some(3)));
    assert_eq!(event.time.as_deref(), Some("2021-04-21T21:40:32.000Z"));
}

#[test]
fn the_text_of_an_exported_event_is_read_as_what_it_is() {
    let xml = "<Event><System><EventID>5145</EventID><TimeCreated SystemTime='2021-04-21T11:00:00Z'/><Channel>Security</Channel>\
        <Computer>pc</Computer></System><EventData><Data Name='a'>1\n2</Data></EventData></Event>";
    let json = r##"{""eventVersion"":""1"",""eventSource"":""s3"",""eventName"":""Get"",""eventTime"":""2021-04-21T11:00:00Z""}"##;
    let text = format!(
        "\"_raw\",\"_time\",host,action\n\"{xml}\",2021-04-21T09:40:32.000+0000,fw,x\n\"{json}\",2021-04-21T09:40:33.000+0000,fw,x\nplain,1618998034.5,fw,allowed\n\"{{broken\",,fw,x\n"
    );
    let (report, events) = read(text.as_bytes());
    assert_eq!((report.format, events.len(), report.bad, report.problems.len()), ("csv-splunk", 4, 0, 1), "{report:?}");
    assert_eq!((events[0].kind.2.as_str(), events[0].host.as_deref(), first(&events[0], "a")), ("5145", Some("pc"), Some("1\n2")));
    assert_eq!(events[0].time.as_deref(), Some("2021-04-21T09:40:32.000Z"), "_time wins");
    assert_eq!(events[0].field("action"), None);
    assert_eq!(
        (events[1].kind.1.as_str(), events[1].time.as_deref()),
        ("cloudtrail", Some("2021-04-21T11:00:00.000Z")),
        "its own time is UTC"
    );
    assert_eq!((events[2].message.as_deref(), first(&events[2], "action")), (Some("plain"), Some("allowed")));
    assert_eq!(events[2].time.as_deref(), Some("2021-04-21T09:40:34.500Z"));
    assert_eq!(first(&events[3], "action"), Some("x"));
}

#[test]
fn an_event_in_a_cell_without_quotes_is_a_cell() {
    let xml = "<Event xmlns='x'><System><EventID>1</EventID><Channel>C</Channel></System></Event>";
    for text in [
        format!("_raw,_time,host\n{xml},2021-04-21T09:40:32.000+0000,fw\n"),
        format!("_time,host,_raw\n2021-04-21T09:40:32.000+0000,fw,{xml}\n"),
    ] {
        let (report, events) = read(text.as_bytes());
        assert_eq!((report.format, report.events, report.bad), ("csv-splunk", 1, 0), "{:?}", report.problems);
        assert_eq!((events[0].kind.2.as_str(), events[0].time.as_deref()), ("1", Some("2021-04-21T09:40:32.000Z")));
    }
}

#[test]
fn an_element_without_text_is_there() {
    let payload =
        r##""{""EventData"":{""Data"":[{""@Name"":""A""},{""@Name"":""B"",""#text"":null},{""@Name"":""C"",""#text"":""c""}]}}""##;
    let event =
        one(&format!("EventRecordId,TimeCreated,EventId,Channel,Computer,Payload\n9,2020-10-05 20:43:58,5145,Security,pc,{payload}\n"));
    assert_eq!([first(&event, "A"), first(&event, "B"), first(&event, "C")], [Some(""), None, Some("c")]);
}

#[test]
fn lines_of_a_log_with_commas_are_no_table() {
    for line in [
        "Jan  2 10:00:00 fw1 kernel: IN=eth0, OUT=eth1, ACCEPT",
        "sshd[7]: failed, user root, port 22",
        "Jan 12 10:00:00 host app alpha, beta, gamma",
    ] {
        let (report, events) = read(format!("{line}\n{line}\n{line}\n").as_bytes());
        assert_eq!((events.len(), report.skipped.as_deref()), (0, Some("unknown text format")), "{line}");
    }
    assert_eq!(read(b"Start: local,b,c\n1,2,3\n").1.len(), 0);
    assert_eq!(read(b"Start (local),b,c:d\n1,2,3\n").1.len(), 1);
}

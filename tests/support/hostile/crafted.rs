//! Files that somebody made to do harm: every reader with giant records, deep nesting, names given twice, names as SQL,
//! terminal escapes, marks of direction, text that is no text.

use super::{Hostile, Told};
use crate::support::encode::binary_xml::{Element, Record, evtx};
use crate::support::samples::security_line;
use crate::support::valid::{tar, utf16};

/// A value longer than a record of any format may be.
const GIANT_BYTES: usize = 17 * 1024 * 1024;
/// Characters of a value that fit into a chunk of an event log.
const EVTX_CHARS: usize = 15_000;
/// Elements inside of each other: more than a stack of 2 MiB holds careless calls.
const DEEP: usize = 20_000;
/// What no terminal may see.
const ESCAPES: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\u{8}";
/// Marks that turn the direction of text, or hide it.
const BIDI: &str = "\u{202e}txt.exe\u{2066}\u{200f}\u{200b}\u{feff}";
/// A name that ends a statement, if anybody lets it.
const SQL: &str = "\"]`'); DROP TABLE event; --";

/// All of them.
pub(super) fn files() -> Vec<Hostile> {
    [giant(), deep(), twins(), names(), encodings(), odd_files()].concat()
}

/// One event of each text format that holds a name and a value: the file's name and its bytes.
fn each_format(tag: &str, name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
    let line = |record: i64, more: &str| security_line(record, 7100, more);
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let xml_text = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let xml = |data: &str| {
        format!("<Event><System><EventID>7100</EventID><Channel>Security</Channel></System><EventData>{data}</EventData></Event>\n")
    };
    let classic =
        |more: &str| format!("07/20/2022 06:33:56 PM\nLogName=Security\nEventCode=7100\nComputerName=h\nMessage=Text of {tag}.\n{more}\n");
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let good = format!("<Data Name=\"Good\">{tag}</Data>");
    let short: String = value.chars().take(EVTX_CHARS).collect();
    let data = Element::new("Data").attribute("Name", name).text(&short);
    vec![
        (
            format!("{tag}.jsonl"),
            (line(1, &format!(",\"Tag\":{}", json(tag))) + &line(2, &format!(",{}:{}", json(name), json(value)))).into(),
        ),
        (format!("{tag}.xml"), (xml(&good) + &xml(&format!("<Data Name=\"{}\">{}</Data>", xml_text(name), xml_text(value)))).into()),
        (format!("{tag}.log"), (classic("\tA:\t1") + &classic(&format!("\t{name}:\t{value}"))).into()),
        (format!("{tag}.csv"), format!("EventID,Channel,{}\n7100,{tag},x\n7100,Security,{}\n", cell(name), cell(value)).into()),
        (format!("{tag}.evtx"), evtx(&[event(1, Element::new("Data").attribute("Name", "Good").text(tag)), event(2, data)])),
    ]
}

fn event(id: u64, data: Element) -> Record {
    let leaf = |name: &str, text: &str| Element::new(name).text(text);
    let system = Element::new("System").children([leaf("EventID", "7100"), leaf("Channel", "Security"), leaf("Computer", "h")]);
    Record {
        id,
        filetime: 133_540_000_000_000_000 + id,
        root: Element::new("Event").children([system, Element::new("EventData").children([data])]),
    }
}

/// One record of each text format that is too long, between two that are not.
fn giant() -> Vec<Hostile> {
    let giant = "x".repeat(GIANT_BYTES);
    let mut out = Vec::new();
    for (name, bytes) in each_format("giant", "Big", &giant) {
        if name.ends_with(".evtx") {
            out.push(Hostile::new(name, bytes, 2, 2..=2, Told::Free));
            continue;
        }
        let last = each_format("last", "Small", "x").into_iter().find(|(last, _)| last[5..] == name[6..]).expect("the same formats");
        let last = if name.ends_with(".csv") { b"7100,Security,last\n".to_vec() } else { last.1 };
        let records = if name.ends_with(".csv") { 2 } else { 3 };
        out.push(Hostile::new(name, [bytes, last].concat(), records + 1, records..=records, Told::Bad(1)));
    }
    out.push(Hostile::new("line.txt", giant, 0, 0..=0, Told::Free));
    out
}

/// Nesting deeper than any stack.
fn deep() -> Vec<Hostile> {
    let nested = |open: &str, close: &str| format!("{}x{}", open.repeat(DEEP), close.repeat(DEEP));
    let (objects, arrays) = (nested("{\"a\":", "}").replace('x', "1"), nested("[", "]").replace('x', "1"));
    let lines = |middle: &str| format!("{}{middle}\n{}", security_line(1, 7101, ""), security_line(2, 7101, ""));
    let xml = |inside: &str| format!("<Event><System><EventID>7101</EventID></System><EventData>{inside}</EventData></Event>\n");
    let mut element = Element::new("e").text("x");
    for _ in 0..1_500 {
        element = Element::new("e").children([element]);
    }
    let one = |name: &str, bytes: String, records, events, told| Hostile::new(name, bytes, records, events, told);
    vec![
        one("deep-objects.jsonl", lines(&objects), 3, 2..=2, Told::Bad(1)),
        one("deep-arrays.jsonl", lines(&format!("{{\"a\":{arrays}}}")), 3, 2..=2, Told::Bad(1)),
        one("deep-alone.json", objects.clone(), 1, 0..=0, Told::Bad(1)),
        one("deep-array.json", format!("[{}\n,{objects}]", security_line(1, 7101, "")), 2, 1..=1, Told::Bad(1)),
        one("deep-brackets.json", "[".repeat(DEEP * 10), 0, 0..=0, Told::Free),
        one("deep.xml", xml("<Data>1</Data>") + &xml(&nested("<a>", "</a>")) + &xml("<Data>2</Data>"), 3, 2..=3, Told::LossIfFewer),
        one("deep-open.xml", xml("<Data>1</Data>") + "<Event>" + &"<a>".repeat(DEEP), 2, 1..=2, Told::Loss),
        one(
            "deep-tabs.log",
            format!("07/20/2022 06:33:56 PM\nLogName=Security\nEventCode=7101\nMessage=A.\n{}", nested("A:\n\t", "\n")),
            1,
            1..=1,
            Told::Free,
        ),
        one("deep-quotes.csv", format!("EventID,Channel,x\n7101,deep,{}\n7101,deep,y\n", "\"".repeat(DEEP)), 2, 0..=2, Told::LossIfFewer),
        Hostile::new("deep.evtx", evtx(&[event(1, Element::new("Data").text("deep")), event(2, element)]), 2, 1..=2, Told::LossIfFewer),
    ]
}

/// Names that are there twice, or differ in case alone.
fn twins() -> Vec<Hostile> {
    let members: String = (0..2_000).map(|n| format!(",\"{}\":\"{n}\"", if n % 2 == 0 { "Twin" } else { "twin" })).collect();
    let columns = "Twin,twin,TWIN,".repeat(300);
    let cells = "a,b,c,".repeat(300);
    let data: String = (0..2_000).map(|n| format!("<Data Name='Twin' Name='b'>{n}</Data><Data Name='Twin'>{n}</Data>")).collect();
    let labels: String = (0..2_000).map(|n| format!("\tTwin:\t{n}\n")).collect();
    let record =
        |n| event(n, Element::new("x").children((0..200).map(|n| Element::new("Data").attribute("Name", "Twin").text(&n.to_string()))));
    vec![
        Hostile::new("twins.jsonl", security_line(1, 7102, &members), 1, 1..=1, Told::Free),
        Hostile::new("twins.csv", format!("EventID,Channel,{columns}z\n7102,twins,{cells}z\n"), 1, 1..=1, Told::Free),
        Hostile::new(
            "twins.xml",
            format!("<Event><System><EventID>7102</EventID></System><EventData>{data}</EventData></Event>"),
            1,
            0..=1,
            Told::LossIfFewer,
        ),
        Hostile::new(
            "twins.log",
            format!("07/20/2022 06:33:56 PM\nLogName=Security\nLogName=Twin\nEventCode=7102\nMessage=A.\n{labels}"),
            1,
            1..=1,
            Told::Free,
        ),
        Hostile::new("twins.evtx", evtx(&[record(1), record(2)]), 2, 2..=2, Told::Free),
    ]
}

/// Names and values that mean something to SQL or to a terminal.
fn names() -> Vec<Hostile> {
    let mut out = Vec::new();
    for (tag, text) in [("sql", SQL), ("escapes", ESCAPES), ("bidi", BIDI), ("nul", "a\0b")] {
        for (name, bytes) in
            each_format(&format!("{tag}-name"), text, "x").into_iter().chain(each_format(&format!("{tag}-value"), "Name", text))
        {
            // No reader takes a table for one whose columns have such names; that is said as the reason.
            let least = if name.contains("-name.csv") { 0 } else { 1 };
            out.push(Hostile::new(name, bytes, 2, least..=2, Told::LossIfFewer));
        }
    }
    out
}

/// Bytes that are no text, and text in other encodings that breaks off or is wrong.
fn encodings() -> Vec<Hostile> {
    let mut out = Vec::new();
    for (name, bytes) in each_format("invalid", "Name", "BEGIN-END") {
        let text =
            if name.ends_with(".evtx") { "BEGIN-END".encode_utf16().flat_map(u16::to_le_bytes).collect() } else { b"BEGIN-END".to_vec() };
        // Bytes of no UTF-8, and a surrogate of UTF-16 alone.
        let wrong: &[u8] = if text.len() > 9 { &[0x00, 0xd8, 0x41, 0x00, 0x00, 0xdc] } else { b"\xff\xfe\xc3\xed\xa0" };
        let at = memchr::memmem::find(&bytes, &text).expect("the text is in the file");
        let mut bytes = bytes;
        bytes[at..at + wrong.len()].copy_from_slice(wrong);
        out.push(Hostile::new(name, bytes, 2, 1..=2, Told::LossIfFewer));
    }
    for (name, bytes) in each_format("utf16", "Name", "x").into_iter().filter(|(name, _)| !name.ends_with(".evtx")) {
        let mut little = utf16(&String::from_utf8(bytes).expect("text"));
        let big: Vec<u8> = little.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        out.push(Hostile::new(format!("big-{name}"), big, 2, 2..=2, Told::Bad(0)));
        little.pop();
        out.push(Hostile::new(format!("odd-{name}"), little.clone(), 2, 1..=2, Told::Free));
        let at = (little.len() / 2) & !1;
        little[at..at + 2].copy_from_slice(&[0x00, 0xdc]);
        out.push(Hostile::new(format!("lone-{name}"), little, 2, 0..=2, Told::LossIfFewer));
    }
    let lone = security_line(1, 7103, ",\"a\":\"\\ud800\"") + &security_line(2, 7103, ",\"\\udc00\":\"\\ud83d\\ud83d\"");
    out.push(Hostile::new("surrogates.jsonl", lone, 2, 0..=2, Told::LossIfFewer));
    out
}

/// Files whose own names, or those of their members, are meant for the terminal.
fn odd_files() -> Vec<Hostile> {
    let line = |record| security_line(record, 7104, "");
    let (one, two, three) = (line(1), line(2), line(3));
    vec![
        Hostile::new(format!("name{}.jsonl", ESCAPES.replace('\0', "")), line(4), 1, 1..=1, Told::Free),
        Hostile::new(format!("name{BIDI}.jsonl"), line(5) + "{", 1, 1..=1, Told::Bad(1)),
        Hostile::new("name'\"; DROP TABLE source; --.jsonl", line(6), 1, 1..=1, Told::Free),
        Hostile::new(
            "members.tar",
            tar(&[(ESCAPES, one.as_bytes()), (BIDI, two.as_bytes()), (SQL, three.as_bytes())]),
            3,
            3..=3,
            Told::Free,
        ),
        Hostile::new("same-name.tar", tar(&[("a", line(7).as_bytes()), ("a", line(8).as_bytes())]), 2, 2..=2, Told::Free),
        Hostile::new("up.tar", up_tar(line(9).as_bytes()), 1, 1..=1, Told::Free),
    ]
}

/// A tar archive whose member is named as a file outside: nothing is ever written by name.
fn up_tar(content: &[u8]) -> Vec<u8> {
    let mut bytes = tar(&[("xx/xx/etc/passwd", content)]);
    bytes[..6].copy_from_slice(b"../../");
    let sum =
        |header: &[u8]| header.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) }).sum::<u32>();
    let digits = format!("{:06o}\0 ", sum(&bytes[..512]));
    bytes[148..156].copy_from_slice(digits.as_bytes());
    bytes
}

//! Windows events with the values that writers and readers of formats get wrong.

use proptest::prelude::*;
use proptest::sample::select;

use crate::support::encode::event::{KINDS, WindowsEvent};

/// Texts and parts of texts that mean something in one format or another.
const HOSTILE: [&str; 66] = [
    "",
    "-",
    " ",
    " in front",
    "behind ",
    "say \"so\"",
    "\"",
    "\"\"",
    "it's",
    "a,b;c|d",
    "<b>&amp;</b>",
    "&",
    "<",
    ">",
    "&lt;",
    "&#65;",
    "&unknown;",
    "]]>",
    "<![CDATA[x]]>",
    "<!-- -->",
    "</Data>",
    "</Event>",
    "<Event xmlns='x'>",
    "<Event><Data>",
    "\\\\host\\share$\\",
    "C:\\",
    "\\n",
    "\\u0041",
    "\\",
    "%SystemRoot%\\x",
    "%%1833",
    "%41%00",
    "é日本",
    "😀𝄞",
    "\u{feff}",
    "\u{2028}",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    "0x1F",
    "007",
    "1e5",
    "1.0",
    "{\"a\":1}",
    "{\"Event\":{}}",
    "[1,2]",
    "null",
    "true",
    "a=b",
    "Message=x",
    "LogName=Security",
    "EventCode=1",
    "Key: value",
    "\t",
    "tab\there",
    "one\ntwo",
    "one\r\ntwo",
    "one\n\ntwo",
    "07/20/2022 06:33:56 AM",
    "{5ae6f2d1-65c1-0000-0010-0000abcdef01}",
    "5ae6f2d1-65c1-0000-0010-0000abcdef01",
    "2021-04-21T09:40:32.3423970Z",
    "2021-04-21T09:40:32.342397000Z",
    "2021-04-21 09:40:32.343",
    "#text",
    "_raw",
];

fn text() -> impl Strategy<Value = String> {
    let one = select(&HOSTILE[..]).prop_map(str::to_owned);
    let joined = prop::collection::vec(select(&HOSTILE[..]), 2..5).prop_map(|parts| parts.concat());
    prop_oneof![3 => one, 2 => joined, 1 => "\\PC{0,12}"]
        .prop_filter("no NUL and nothing that XML cannot have", |t: &String| !t.contains(['\u{fffe}', '\u{ffff}']))
}

fn guid() -> impl Strategy<Value = String> {
    any::<(u64, u32)>()
        .prop_map(|(a, b)| format!("{b:08X}-{:04X}-{:04X}-{:04X}-{:012X}", a & 0xffff, a >> 16 & 0xffff, a >> 32 & 0xffff, a >> 16))
}

fn event() -> impl Strategy<Value = WindowsEvent> {
    let times = 946_684_800_000_000..1_893_456_000_000_000i64;
    let users = select(vec!["S-1-5-18", "S-1-5-21-1004336348-1177238915-682003330-1104"]).prop_map(str::to_owned);
    let head = (select(&[0, 1, 2, 3, 4, 5, 6][..]), times, any::<(u16, u16)>(), prop::option::of(guid()), prop::option::of(users));
    head.prop_flat_map(|(kind, time_us, (process, thread), activity, user)| {
        let kind = &KINDS[kind];
        prop::collection::vec(prop::option::of(text()), kind.fields.len()).prop_map(move |texts| WindowsEvent {
            kind,
            record: 0,
            time_us,
            host: "fs01.corp.example".to_owned(),
            process: process.into(),
            thread: thread.into(),
            activity: activity.clone(),
            user: user.clone(),
            data: kind
                .fields
                .iter()
                .zip(texts)
                .map(|(field, text)| (field.name, text.filter(|_| field.free).unwrap_or_else(|| field.typical.to_owned())))
                .collect(),
        })
    })
}

/// Some events, with record numbers that go beyond 32 bits.
pub(crate) fn events() -> impl Strategy<Value = Vec<WindowsEvent>> {
    prop::collection::vec(event(), 1..9).prop_map(|mut events| {
        (4_294_967_290..).zip(&mut events).for_each(|(record, event)| event.record = record);
        events
    })
}

//! Writers of Windows events in the encodings that archives have them in.
//!
//! One file for each family. Beside its writer, an [`Encoding`] says as data what it carries: the stored events are
//! compared with [`Encoding::expected`], so what gets lost must be said there. Nothing here asks the program.

pub(crate) mod beats;
pub(crate) mod binary_xml;
pub(crate) mod classic;
pub(crate) mod event;
pub(crate) mod evtxecmd;
pub(crate) mod flat;
pub(crate) mod message;
pub(crate) mod splunk;
pub(crate) mod velociraptor;
pub(crate) mod wrapped;
pub(crate) mod xml;

use std::collections::BTreeMap;

use event::{Kind, WindowsEvent};

/// Fields by name; what is not in the fields of an event stands under `<time>`, `<host>` and so on.
pub(crate) type Shown = BTreeMap<String, String>;

/// One way to write events down.
pub(crate) struct Encoding {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&[WindowsEvent]) -> Vec<u8>,
    /// The members of `System` that it has, under the names of the store, `<record>` among them.
    pub(crate) system: &'static [&'static str],
    /// Its times are cut to this many µs.
    pub(crate) time_unit_us: i64,
    /// What it has of a value of the event's data; `None`: nothing.
    pub(crate) value: fn(&WindowsEvent, &str, &str) -> Option<String>,
    /// What it says beside or in place of that, under the names of the store.
    pub(crate) adds: fn(&WindowsEvent) -> Vec<(&'static str, String)>,
}

/// All of them.
pub(crate) fn encodings() -> Vec<&'static Encoding> {
    let families = [
        xml::ENCODINGS,
        evtxecmd::ENCODINGS,
        beats::ENCODINGS,
        flat::ENCODINGS,
        classic::ENCODINGS,
        message::ENCODINGS,
        splunk::ENCODINGS,
        velociraptor::ENCODINGS,
        wrapped::ENCODINGS,
    ];
    families.into_iter().flatten().collect()
}

/// All that `System` can have.
pub(crate) const WHOLE_SYSTEM: &[&str] = &[
    "<record>",
    "Provider_Name",
    "Provider_Guid",
    "Qualifiers",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "Execution_ProcessID",
    "Execution_ThreadID",
    "Correlation_ActivityID",
    "Security_UserID",
];

impl Encoding {
    /// What must be stored of an event.
    pub(crate) fn expected(&self, event: &WindowsEvent) -> Shown {
        let kind: &Kind = event.kind;
        let mut shown: Shown = BTreeMap::new();
        let mut put = |name: &str, value: String| drop(shown.insert(name.to_owned(), with_braces(value)));
        put("<product>", "windows".to_owned());
        put("<channel>", kind.channel.to_owned());
        put("<code>", kind.code.to_string());
        put("<host>", event.host.clone());
        put("<time>", (event.time_us - event.time_us.rem_euclid(self.time_unit_us)).to_string());
        let record = ("<record>", event.record.to_string());
        for (name, value) in event.system().into_iter().chain([record]).filter(|(name, _)| self.system.contains(name)) {
            put(name, value);
        }
        for (name, value) in &event.data {
            if let Some(value) = (self.value)(event, name, value) {
                put(name, value);
            }
        }
        for (name, value) in (self.adds)(event) {
            put(name, value);
        }
        shown
    }
}

/// A GUID is stored in braces and upper case, whatever encoding it comes from.
fn with_braces(value: String) -> String {
    let inner = value.strip_prefix('{').and_then(|v| v.strip_suffix('}')).unwrap_or(&value);
    let digits = |(i, b): (usize, u8)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() };
    if inner.len() == 36 && inner.bytes().enumerate().all(digits) { format!("{{{}}}", inner.to_ascii_uppercase()) } else { value }
}

/// The value as it is.
pub(crate) fn whole(_: &WindowsEvent, _: &str, value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// The value, where it is not empty: an empty cell is none.
pub(crate) fn filled(_: &WindowsEvent, _: &str, value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// Nothing beside the event.
pub(crate) fn nothing(_: &WindowsEvent) -> Vec<(&'static str, String)> {
    Vec::new()
}

/// One JSON document a line.
pub(crate) fn json_lines(documents: impl Iterator<Item = serde_json::Value>) -> Vec<u8> {
    documents.map(|document| format!("{document}\n")).collect::<String>().into_bytes()
}

/// A table with a header; `line_end` ends its records.
pub(crate) fn csv(header: &[&str], rows: impl Iterator<Item = Vec<String>>, line_end: &str) -> String {
    let cell = |text: &str| match text.contains(['"', ',', '\n', '\r']) || text.trim() != text {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let mut out = header.join(",") + line_end;
    for row in rows {
        out += &(row.iter().map(|c| cell(c)).collect::<Vec<_>>().join(",") + line_end);
    }
    out
}

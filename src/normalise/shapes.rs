//! The shapes of records: data of `rules/normalise`, loaded once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use super::codes::Coded;
use crate::diag::SourceText;
use crate::yaml::{Node, parse};

/// What the members of one shape of record are; see the comment in `rules/normalise/json.yml`.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) product: String,
    pub(super) when: Vec<String>,
    /// How the file's name begins; empty: anyhow.
    pub(super) file: String,
    pub(super) time: Vec<String>,
    pub(super) utc: Vec<String>,
    pub(super) dataset: Vec<String>,
    pub(super) dataset_text: String,
    pub(super) code: Vec<String>,
    pub(super) host: Vec<String>,
    pub(super) record: Vec<String>,
    pub(super) message: Vec<String>,
    /// Members that are together the vendor's id of the event.
    pub(super) identity: Vec<String>,
    pub(super) strip: Vec<String>,
    pub(super) last: Vec<String>,
    pub(super) embedded: String,
    /// Channels whose messages have all there is of the data; none: all.
    pub(super) rendered: Option<Vec<String>>,
    pub(super) provider: String,
    pub(super) unnamed: String,
    pub(super) guid: String,
    /// Members that are objects are fields too.
    pub(super) objects: bool,
    pub(super) lower: bool,
    pub(super) doubled: bool,
    pub(super) names: HashMap<String, String>,
    pub(super) codes: HashMap<String, Coded>,
    pub(super) drop: HashSet<String>,
}

/// The shapes of records, first match first; the last one fits all.
pub(super) static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let splunk = load("rules/normalise/splunk.yml", include_str!("../../rules/normalise/splunk.yml"));
    let mut shapes: Vec<Shape> =
        splunk.into_iter().chain(load("rules/normalise/json.yml", include_str!("../../rules/normalise/json.yml"))).collect();
    // The shape that fits all stays last: whatever stands behind it would never be asked.
    let any = shapes.pop().expect("the last shape fits all");
    shapes.extend(zeek());
    shapes.push(any);
    shapes
});

/// Zeek's own JSON, whose records do not say which log they are of: those of files whose names say it come first.
fn zeek() -> Vec<Shape> {
    let logs = documents("rules/normalise/zeek.yml", include_str!("../../rules/normalise/zeek.yml"));
    let logs: Vec<&Node> = logs.iter().flat_map(Node::items).collect();
    let shape = |log: &Node, members: &Node, by_name: bool| {
        let name = log.get("log").and_then(Node::as_str).expect("the embedded data names its logs").to_owned();
        Shape {
            name: "zeek".to_owned(),
            product: "zeek".to_owned(),
            when: std::iter::once("ts".to_owned()).chain(members.texts()).collect(),
            time: vec!["ts".to_owned()],
            dataset_text: name.clone(),
            file: if by_name { name } else { String::new() },
            objects: true,
            ..Shape::default()
        }
    };
    let named = logs.iter().filter_map(|log| Some(shape(log, log.get("named")?, true)));
    named.chain(logs.iter().filter_map(|log| Some(shape(log, log.get("when")?, false)))).collect()
}

/// Whether a file's name begins with that of a log: `conn.log`, `zeek-conn.log.gz`, `dns_20240101.log`, and not
/// `connections.log`.
pub(super) fn is_named(path: &str, log: &str) -> bool {
    let name = path.rsplit(['/', '\\', '!']).next().unwrap_or_default().to_ascii_lowercase();
    let name = ["zeek", "bro", "corelight"].iter().find_map(|tool| name.strip_prefix(tool)?.strip_prefix(['_', '-', '.'])).unwrap_or(&name);
    let Some(rest) = name.strip_prefix(log) else { return false };
    let behind = rest.strip_prefix(['_', '-']).map(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    rest.is_empty() || rest.starts_with('.') || behind == Some(true)
}

fn load(path: &str, text: &str) -> Vec<Shape> {
    documents(path, text).iter().flat_map(Node::items).map(shape).collect()
}

fn documents(path: &str, text: &str) -> Vec<Node> {
    let source = Arc::new(SourceText { path: path.to_owned(), text: text.to_owned() });
    parse(&source).expect("the embedded data is valid YAML")
}

fn shape(node: &Node) -> Shape {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or(false);
    let texts =
        |key: &str| node.get(key).map(|n| n.items().iter().filter_map(|i| i.as_str().map(str::to_owned)).collect()).unwrap_or_default();
    let pairs = node.get("names").map(|n| n.entries().iter().filter_map(|(k, v)| Some((k.text.clone(), v.as_str()?.to_owned()))).collect());
    let codes = node.get("codes").map(Node::entries).unwrap_or_default();
    let codes = codes.iter().map(|(member, name)| {
        let coded = name.as_str().and_then(Coded::named).expect("the embedded data names kinds of codes");
        (member.text.clone(), coded)
    });
    let drop: Vec<String> = texts("drop");
    Shape {
        name: text("name"),
        product: text("product"),
        when: texts("when"),
        file: text("file"),
        time: texts("time"),
        utc: texts("utc"),
        dataset: texts("dataset"),
        dataset_text: text("dataset_text"),
        code: texts("code"),
        host: texts("host"),
        record: texts("record"),
        message: texts("message"),
        identity: texts("identity"),
        strip: texts("strip"),
        last: texts("last"),
        embedded: text("embedded"),
        rendered: node.get("rendered").map(Node::texts),
        provider: text("provider"),
        unnamed: text("unnamed"),
        guid: text("guid"),
        objects: flag("objects"),
        lower: flag("lower"),
        doubled: flag("doubled"),
        names: pairs.unwrap_or_default(),
        codes: codes.collect(),
        drop: drop.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn names_of_files_say_which_log_it_is() {
        for path in
            ["conn.log", "a/b/conn.2024-01-01-00.log.gz", "x.zip!/CONN.log", "conn_20240101.log", "conn-2024-01-01.json", "zeek_conn.log"]
        {
            assert!(is_named(path, "conn"), "{path}");
        }
        for path in ["connections.log", "conn-summary.log", "my_conn.log", "con.log", "conn/dns.log", "conn_long.log"] {
            assert!(!is_named(path, "conn"), "{path}");
        }
    }
}

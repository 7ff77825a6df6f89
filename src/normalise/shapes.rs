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
    pub(super) time: Vec<String>,
    pub(super) utc: Vec<String>,
    pub(super) dataset: Vec<String>,
    pub(super) dataset_text: String,
    pub(super) code: Vec<String>,
    pub(super) host: Vec<String>,
    pub(super) record: Vec<String>,
    pub(super) message: Vec<String>,
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
    splunk.into_iter().chain(load("rules/normalise/json.yml", include_str!("../../rules/normalise/json.yml"))).collect()
});

fn load(path: &str, text: &str) -> Vec<Shape> {
    let source = Arc::new(SourceText { path: path.to_owned(), text: text.to_owned() });
    let documents = parse(&source).expect("the embedded data is valid YAML");
    documents.iter().flat_map(Node::items).map(shape).collect()
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
        time: texts("time"),
        utc: texts("utc"),
        dataset: texts("dataset"),
        dataset_text: text("dataset_text"),
        code: texts("code"),
        host: texts("host"),
        record: texts("record"),
        message: texts("message"),
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

//! Rows of data models: an own reading of `rules/datamodels` and `rules/fields`, from what their first comments say.
//!
//! An event becomes the event that its row is: its fields are those of the dataset, under the names that rules use. Nothing of
//! the taxonomy or the planner takes part.

use std::sync::{Arc, LazyLock};

use retrohunt::diag::SourceText;
use retrohunt::ir::{Case, Glob, Part};
use retrohunt::yaml::{self, Node};

use super::text::{fold, glob_matches, seconds};
use super::{Event, FieldValue};

/// Data models and field maps.
struct Files {
    models: Vec<Node>,
    /// In the order in which, among equally narrow ones, the first wins.
    fields: Vec<Node>,
}

static FILES: LazyLock<Files> = LazyLock::new(|| Files {
    models: ["endpoint", "network", "identity", "other"].map(|name| read("datamodels", name)).to_vec(),
    fields: ["windows", "sysmon", "security", "other"].map(|name| read("fields", name)).to_vec(),
});

/// The names that every row has.
const GENERAL: [&str; 5] = ["_raw", "eventtype", "host", "source", "sourcetype"];

fn read(folder: &str, name: &str) -> Node {
    let path = format!("{}/rules/{folder}/{name}.yml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let source = Arc::new(SourceText { path, text });
    yaml::parse(&source).expect("data files are YAML").into_iter().next().expect("data files hold something")
}

fn texts(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let one = node.scalar_text().map(str::to_owned);
    one.into_iter().chain(node.items().iter().filter_map(Node::scalar_text).map(str::to_owned)).collect()
}

/// A dataset: its own part and those of its parents, the root first.
struct Dataset {
    parts: Vec<(&'static str, &'static Node)>,
    /// Datasets that are a part of it, each with all its parts.
    below: Vec<Vec<(&'static str, &'static Node)>>,
}

impl Dataset {
    fn find(model: &str, object: &str) -> Option<Self> {
        let (_, entries) = FILES.models.iter().flat_map(Node::entries).find(|(name, _)| name.text.eq_ignore_ascii_case(model))?;
        let lineage = |name: &str| {
            let mut parts: Vec<(&'static str, &'static Node)> = Vec::new();
            let mut next = Some(name.to_owned());
            while let Some(name) = next {
                let (key, node) = entries.entries().iter().find(|(key, _)| key.text.eq_ignore_ascii_case(&name)).expect("a dataset");
                next = texts(node.get("parent")).pop();
                parts.insert(0, (key.text.as_str(), node));
            }
            parts
        };
        let names: Vec<&str> = entries.entries().iter().map(|(name, _)| name.text.as_str()).collect();
        let name = match object.rsplit('.').next() {
            None | Some("") => names.iter().find(|name| lineage(name).len() == 1)?,
            Some(object) => names.iter().find(|name| name.eq_ignore_ascii_case(object))?,
        };
        let parts = lineage(name);
        let all = names.iter().map(|name| lineage(name));
        let below = all.filter(|other| other.len() > parts.len() && other.iter().any(|(part, _)| part == name)).collect();
        Some(Self { parts, below })
    }
}

/// The row that an event is of a dataset, under the names that rules use; `None` where it is none.
pub(crate) fn row(event: &Event, model: &str, object: &str, prefixed: bool) -> Option<Event> {
    let dataset = Dataset::find(model, object)?;
    if !is_row(event, &dataset.parts) {
        return None;
    }
    let name_of = |parts: &[(&'static str, &'static Node)]| parts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(".");
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for depth in 1..=dataset.parts.len() {
        let parts = &dataset.parts[..depth];
        let prefix = if prefixed { format!("{}.", name_of(parts)) } else { String::new() };
        let own = listed(parts[depth - 1].1);
        fields.extend(own.into_iter().map(|name| (format!("{prefix}{name}"), value(event, &dataset.parts, &name))));
    }
    let mut nodes: Vec<String> = (1..=dataset.parts.len()).map(|depth| name_of(&dataset.parts[..depth])).collect();
    let mut tags: Vec<String> = dataset.parts.iter().flat_map(|(_, node)| texts(node.get("tags"))).collect();
    for parts in dataset.below.iter().filter(|parts| is_row(event, parts)) {
        nodes.push(name_of(parts));
        tags.extend(parts.iter().flat_map(|(_, node)| texts(node.get("tags"))));
        for name in listed(parts[parts.len() - 1].1) {
            fields.push((format!("{}.{name}", name_of(parts)), bare(event, parts, &name)));
        }
    }
    tags.sort();
    tags.dedup();
    let tagged = (1..=dataset.parts.len()).filter(|_| prefixed).map(|depth| format!("{}.tag", name_of(&dataset.parts[..depth])));
    let tagged: Vec<String> = tagged.chain((!prefixed).then(|| "tag".to_owned())).collect();
    fields.extend(tagged.into_iter().map(|name| (name, tags.clone())));
    fields.push(("nodename".to_owned(), nodes));
    fields.extend(GENERAL.map(|name| (name.to_owned(), of_event(event, name))));
    let fields = fields.into_iter().filter_map(|(name, mut values)| {
        let one = if values.len() == 1 { values.pop().map(FieldValue::Text) } else { None };
        one.or_else(|| (!values.is_empty()).then_some(FieldValue::List(values))).map(|value| (name, value))
    });
    Some(Event { product: "row".to_owned(), fields: fields.collect(), ..event.clone() })
}

/// The tags of an event: those of each dataset, with its parents, that it is a row of.
pub(super) fn tags(event: &Event) -> Vec<String> {
    let mut out = Vec::new();
    for (model, entries) in FILES.models.iter().flat_map(Node::entries) {
        for (name, _) in entries.entries() {
            let dataset = Dataset::find(&model.text, &name.text).expect("it is listed");
            if is_row(event, &dataset.parts) {
                out.extend(dataset.parts.iter().flat_map(|(_, node)| texts(node.get("tags"))));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The fields that a part of a dataset lists.
fn listed(part: &Node) -> Vec<String> {
    let formulas = part.get("formulas").map(Node::entries).unwrap_or_default().iter().map(|(name, _)| name.text.clone());
    let mut names: Vec<String> = texts(part.get("fields")).into_iter().chain(formulas).collect();
    names.sort();
    names.dedup();
    names
}

fn is_row(event: &Event, parts: &[(&'static str, &'static Node)]) -> bool {
    let from = parts.iter().filter_map(|(_, node)| node.get("events")).collect::<Vec<_>>();
    let chosen: Vec<&Node> = from.iter().filter_map(|events| events.items().iter().find(|s| selects(s, event))).collect();
    let is_meant = |selector: &&Node| {
        selector.get("where").map(Node::entries).unwrap_or_default().iter().all(|(name, wanted)| {
            let is = stored(event, &name.text);
            texts(Some(wanted)).iter().any(|wanted| is.iter().any(|is| is.eq_ignore_ascii_case(wanted)))
        })
    };
    let all_hold = |node: &Node| {
        node.entries().iter().all(|(name, wanted)| {
            let is = value(event, parts, &name.text);
            texts(Some(wanted)).iter().any(|wanted| is.iter().any(|is| fits(wanted, is)))
        })
    };
    !from.is_empty()
        && chosen.len() == from.len()
        && chosen.iter().all(is_meant)
        && parts.iter().filter_map(|(_, node)| node.get("where")).all(all_hold)
        && !parts.iter().filter_map(|(_, node)| node.get("unless")).any(all_hold)
}

fn selects(selector: &Node, event: &Event) -> bool {
    let is_of = |name: &String| match name.strip_suffix('*') {
        Some(start) => event.dataset.to_lowercase().starts_with(&start.to_lowercase()),
        None => event.dataset.eq_ignore_ascii_case(name),
    };
    let (products, datasets, codes) = (texts(selector.get("product")), texts(selector.get("dataset")), texts(selector.get("codes")));
    (products.is_empty() || products.contains(&event.product))
        && (datasets.is_empty() || datasets.iter().any(is_of))
        && (codes.is_empty() || codes.contains(&event.code))
}

/// The value of a dataset's field, with its default.
fn value(event: &Event, parts: &[(&'static str, &'static Node)], name: &str) -> Vec<String> {
    let found = bare(event, parts, name);
    let is_unknown = parts.iter().any(|(_, node)| texts(node.get("unknown")).iter().any(|n| n == name));
    if is_unknown && found.iter().all(String::is_empty) { vec!["unknown".to_owned()] } else { found }
}

/// The value of a dataset's field without its default.
fn bare(event: &Event, parts: &[(&'static str, &'static Node)], name: &str) -> Vec<String> {
    let renamed = |name: &str| {
        let selectors = parts.iter().rev().filter_map(|(_, node)| node.get("events")?.items().iter().find(|s| selects(s, event)));
        let mut renames = selectors.filter_map(|selector| selector.get("rename")?.get(name));
        renames.next().and_then(Node::scalar_text).map(|definition| evaluated(definition, event, &|name| stored(event, name)))
    };
    let plain = |name: &str| renamed(name).unwrap_or_else(|| of_event(event, name));
    let formula = parts.iter().rev().find_map(|(_, node)| node.get("formulas")?.get(name)).and_then(Node::scalar_text);
    formula.map_or_else(|| plain(name), |formula| evaluated(formula, event, &plain))
}

/// A stored field, without case.
fn stored(event: &Event, name: &str) -> Vec<String> {
    let exact = event.fields.iter().find(|(n, _)| n == name);
    let found = exact.or_else(|| event.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)));
    found.map(|(_, value)| value.members().to_vec()).unwrap_or_default()
}

/// What Splunk's add-on calls so: a name that comes before the stored ones, a stored one, a name that comes after.
fn of_event(event: &Event, name: &str) -> Vec<String> {
    if let Some(found) = mapped(event, name, true) {
        return found;
    }
    match event.fields.iter().find(|(stored, _)| stored == name) {
        Some((_, value)) => value.members().to_vec(),
        None => mapped(event, name, false).unwrap_or_default(),
    }
}

fn mapped(event: &Event, name: &str, first: bool) -> Option<Vec<String>> {
    let maps = FILES.fields.iter().flat_map(Node::items).filter(|map| {
        let vocabulary = map.get("vocabulary").and_then(Node::as_str);
        map.get("first").and_then(Node::as_bool).unwrap_or(false) == first
            && vocabulary.is_none_or(|vocabulary| vocabulary == "splunk")
            && map.get("events").is_some_and(|events| selects(events, event))
            && (map.get("fields").is_some_and(|f| f.get(name).is_some()) || map.get("by_code").is_some_and(|f| f.get(name).is_some()))
    });
    let breadth = |map: &&Node| {
        let events = map.get("events").expect("it was asked for");
        ["codes", "dataset", "product"].into_iter().position(|key| events.get(key).is_some()).unwrap_or(3)
    };
    let map = maps.min_by_key(breadth)?;
    if let Some(definition) = map.get("fields").and_then(|fields| fields.get(name)) {
        return Some(evaluated(definition.scalar_text().expect("a definition"), event, &|name| stored(event, name)));
    }
    Some(texts(map.get("by_code").and_then(|names| names.get(name)?.get(&event.code))))
}

/// The values that a definition has, over fields that `field` finds.
fn evaluated(definition: &str, event: &Event, field: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    let definition = definition.trim();
    let written = |text: &str| text.replace("$product", &event.product).replace("$code", &event.code).replace("$dataset", &event.dataset);
    match definition {
        "$host" => return vec![event.host.clone()],
        "$time" => return vec![seconds(event.time_us)],
        "$record" => return Vec::new(),
        "$message" => return event.message.iter().cloned().collect(),
        _ => {}
    }
    let Some((function, rest)) = definition.split_once('(') else { return field(definition) };
    let inside = rest.strip_suffix(')').expect("a closed bracket");
    let arguments = arguments(inside);
    let of = |argument: &str| evaluated(argument, event, field);
    let is_filled = |values: &Vec<String>| values.iter().any(|value| !matches!(value.as_str(), "" | "-"));
    match function {
        "text" => vec![written(inside)],
        "any" => vec![written(arguments[0].trim_matches('"'))],
        "all" if inside.is_empty() => Vec::new(),
        "all" => arguments.iter().rev().map(|argument| of(argument)).find(is_filled).unwrap_or_default(),
        "coalesce" => arguments.iter().map(|argument| of(argument)).find(is_filled).unwrap_or_default(),
        "default" => {
            let found = of(arguments[0]);
            if found.iter().all(String::is_empty) { vec![arguments[1].to_owned()] } else { found }
        }
        "first" => of(arguments[0]).into_iter().take(1).collect(),
        "last" => of(arguments[0]).pop().into_iter().collect(),
        _ => of(arguments[0]).iter().filter_map(|text| applied(function, text, &arguments[1..])).collect(),
    }
}

/// Splits at the commas that are in no brackets.
fn arguments(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let outside = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(outside).map(str::trim).collect()
}

fn applied(function: &str, text: &str, rest: &[&str]) -> Option<String> {
    let pairs = || rest.iter().map(|pair| pair.split_once('=').expect("a=b"));
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let wrapped = ["DWORD (", "QWORD ("].into_iter().find_map(|start| text.strip_prefix(start)?.strip_suffix(')'));
    let starts = |start: &str| text.get(..start.len()).is_some_and(|begin| same(begin, start));
    Some(match function {
        "basename" => text[text.rfind(['\\', '/']).map_or(0, |at| at + 1)..].to_owned(),
        "nodomain" => text[text.rfind('\\').map_or(0, |at| at + 1)..].to_owned(),
        "parent" => text[..text.rfind('\\')?].to_owned(),
        "root" => text[..text.find('\\').unwrap_or(text.len())].to_owned(),
        "lower" => text.chars().map(fold).collect(),
        "length" => text.chars().count().to_string(),
        "hash" => text.split(',').find_map(|part| part.trim().split_once('=').filter(|(name, _)| same(name, rest[0])))?.1.to_owned(),
        "registry_data" => wrapped.unwrap_or(text).to_owned(),
        "registry_type" if text == "Binary Data" => "REG_BINARY".to_owned(),
        "registry_type" if text.starts_with("DWORD (") => "REG_DWORD".to_owned(),
        "registry_type" if text.starts_with("QWORD (") => "REG_QWORD".to_owned(),
        "registry_type" => "REG_SZ".to_owned(),
        "unmapped" => if starts("::ffff:") { &text[7..] } else { text }.to_owned(),
        "decimal" => {
            let number =
                text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).and_then(|digits| u64::from_str_radix(digits, 16).ok());
            number.map_or_else(|| text.to_owned(), |number| number.to_string())
        }
        "map" => {
            let own = pairs().find(|(from, _)| *from != "*" && same(from, text));
            own.or_else(|| pairs().find(|(from, _)| *from == "*")).map_or(text, |(_, to)| to).to_owned()
        }
        "choose" => pairs().find(|(pattern, _)| fits(pattern, text))?.1.to_owned(),
        "prefix" => {
            let found = pairs().find(|(start, _)| starts(start));
            found.map_or_else(|| text.to_owned(), |(start, to)| format!("{to}{}", &text[start.len()..]))
        }
        other => panic!("{other} is not read here"),
    })
}

/// Whether a text fits a pattern whose `*` is any text, without case.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = Vec::new();
    for (place, piece) in pattern.split('*').enumerate() {
        parts.extend((place > 0).then_some(Part::Any));
        parts.push(Part::Text(piece.to_owned()));
    }
    glob_matches(&Glob::new(parts), text, Case::Ignore)
}

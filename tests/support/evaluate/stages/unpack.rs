//! Fields inside of a text: JSON, XML, elements, pairs.

use retrohunt::ir::{PairMarks, TextForm, Unpack};
use serde_json::Value as Json;

use super::super::scalar::Value;
use super::{Table, put};

/// A path of a text and one of its values, in the order of the text.
type Found = Vec<(String, String)>;

impl Table {
    /// Columns of what a text holds. What it does not hold stays as it is.
    pub(super) fn unpack(&mut self, unpack: &Unpack) {
        let mut known: Vec<String> = Vec::new();
        for row in &mut self.rows {
            let Some(text) = row.get(&unpack.field).and_then(Value::text) else { continue };
            match &unpack.path {
                Some(path) => {
                    let name = unpack.output.as_ref().unwrap_or(path);
                    let members = at_path(&text, path);
                    put(row, name, Some(Value::of_members(&members)).filter(|value| *value != Value::Null));
                }
                None => {
                    for (name, members) in gathered(found(&unpack.form, &text), &unpack.form) {
                        let name = format!("{}{name}", unpack.prefix);
                        put(row, &name, Some(Value::of_members(&members)));
                        known.push(name);
                    }
                }
            }
        }
        known.extend(unpack.path.as_ref().map(|path| unpack.output.as_ref().unwrap_or(path).clone()));
        known.iter().for_each(|name| self.know(name));
    }
}

fn found(form: &TextForm, text: &str) -> Found {
    match form {
        TextForm::Structured => structured(text),
        TextForm::Elements => elements(text),
        TextForm::Pairs(marks) => pairs(text, marks),
        TextForm::Object => object(text),
    }
}

/// The values of each name, in the order in which names are met first. Of elements the last counts, of pairs the first.
fn gathered(found: Found, form: &TextForm) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for (name, text) in found {
        match out.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => match form {
                TextForm::Elements | TextForm::Object => *members = vec![text],
                TextForm::Pairs(_) => {}
                TextForm::Structured => members.push(text),
            },
            None => out.push((name, vec![text])),
        }
    }
    out
}

/// Every leaf of a JSON or XML text by its path.
fn structured(text: &str) -> Found {
    let mut out = Found::new();
    match json(text) {
        Some(json) => leaves(&json, "", &mut out),
        None => xml(text).into_iter().flatten().for_each(|node| node.leaves(&node.name, &mut out)),
    }
    out
}

fn json(text: &str) -> Option<Json> {
    text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten()
}

fn shown(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn leaves(json: &Json, path: &str, out: &mut Found) {
    match json {
        Json::Object(members) => {
            for (name, inner) in members {
                leaves(inner, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, out);
            }
        }
        Json::Array(members) => members.iter().for_each(|inner| leaves(inner, &format!("{path}{{}}"), out)),
        leaf => out.extend(shown(leaf).map(|text| (path.to_owned(), text))),
    }
}

/// The values at a path: of JSON places count from 0, of XML from 1; `{}` is all, `{@name}` an attribute.
fn at_path(text: &str, path: &str) -> Vec<String> {
    let steps: Vec<(&str, Vec<&str>)> = path.split('.').map(step).collect();
    if let Some(json) = json(text) {
        let found = steps.iter().fold(vec![&json], |values, (name, places)| {
            let named = values.into_iter().filter_map(|value| if name.is_empty() { Some(value) } else { value.as_object()?.get(*name) });
            places.iter().fold(named.collect(), |values: Vec<&Json>, place| {
                values.into_iter().filter_map(Json::as_array).flat_map(|members| members_at(members, place, 0)).collect()
            })
        });
        return found.into_iter().filter_map(shown).collect();
    }
    let Some(nodes) = xml(text) else { return Vec::new() };
    let (mut level, mut nodes): (usize, Vec<&Node>) = (0, nodes.iter().collect());
    for (name, places) in &steps {
        let inner: Vec<&Node> = if level == 0 { nodes.clone() } else { nodes.iter().flat_map(|node| &node.children).collect() };
        let mut named: Vec<&Node> = inner.into_iter().filter(|node| node.name == *name).collect();
        for place in places {
            if let Some(attribute) = place.strip_prefix('@') {
                let value = |node: &&Node| node.attributes.iter().find(|(name, _)| name == attribute).map(|(_, text)| text.clone());
                return named.iter().filter_map(value).collect();
            }
            named = match place.parse::<usize>() {
                Ok(0) => Vec::new(),
                Ok(place) => named.into_iter().skip(place - 1).take(1).collect(),
                Err(_) => named,
            };
        }
        (level, nodes) = (level + 1, named);
    }
    nodes.iter().map(|node| node.text()).filter(|text| !text.is_empty()).collect()
}

fn members_at<'j>(members: &'j [Json], place: &str, first: usize) -> Vec<&'j Json> {
    match place.parse::<usize>() {
        Ok(place) => members.iter().skip(place.saturating_sub(first)).take(1).collect(),
        Err(_) => members.iter().collect(),
    }
}

/// `name{}{2}` → the name and what stands in brackets.
fn step(text: &str) -> (&str, Vec<&str>) {
    let name = text.split('{').next().unwrap_or_default();
    (name, text[name.len()..].split('{').skip(1).map(|place| place.trim_end_matches('}')).collect())
}

/// `<name>text</name>` with nothing inside but text; blanks alone are none.
fn elements(text: &str) -> Found {
    let regex = super::rewrite::regex(r"<([^\s/<>!?]+)[^<>]*>([^<]*)</([^\s<>]+)\s*>");
    let pairs = regex.captures_iter(text).filter(|found| found[1] == found[3] && !found[2].trim().is_empty());
    pairs.map(|found| (found[1].to_owned(), entities(&found[2]))).collect()
}

/// `name=value`, the value perhaps in double quotes; in names, what is not a letter, digit or `_` becomes `_`, at their ends it goes.
fn pairs(text: &str, marks: &PairMarks) -> Found {
    let is_between = |c: char| if marks.pairs.is_empty() { c.is_whitespace() || ",;|".contains(c) } else { marks.pairs.contains(c) };
    let is_mark = |c: char| marks.values.contains(c);
    let (mut out, mut rest) = (Found::new(), text);
    loop {
        rest = rest.trim_start_matches(is_between);
        let Some(end) = rest.find(|c| is_mark(c) || is_between(c)) else { return out };
        let (name, behind) = rest.split_at(end);
        let Some(value) = behind.strip_prefix(is_mark) else {
            rest = behind;
            continue;
        };
        let quoted = value.strip_prefix('"').and_then(|inner| inner.find('"').map(|end| (&inner[..end], &inner[end + 1..])));
        let (value, behind) = quoted.unwrap_or_else(|| value.split_at(value.find(is_between).unwrap_or(value.len())));
        let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let name: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
        if !name.is_empty() {
            out.push((name, value.trim().to_owned()));
        }
        rest = behind;
    }
}

/// The members of an object.
fn object(text: &str) -> Found {
    let json = json(text);
    let members = json.as_ref().and_then(Json::as_object).into_iter().flatten();
    members.filter_map(|(name, inner)| Some((name.clone(), shown(inner)?))).collect()
}

/// An XML element.
#[derive(Debug, Default)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
    own_text: String,
    /// What stands in it, as it is written.
    inside: String,
}

impl Node {
    /// Its text; of an element with others inside what stands in it.
    fn text(&self) -> String {
        let text = if self.children.is_empty() { &self.own_text } else { &self.inside };
        text.trim().to_owned()
    }

    fn leaves(&self, path: &str, out: &mut Found) {
        out.extend(self.attributes.iter().map(|(name, text)| (format!("{path}{{@{name}}}"), text.clone())));
        if self.children.is_empty() {
            let text = self.text();
            out.extend((!text.is_empty()).then(|| (path.to_owned(), text)));
        }
        self.children.iter().for_each(|child| child.leaves(&format!("{path}.{}", child.name), out));
    }
}

/// The elements of a text; none where it is not XML.
fn xml(text: &str) -> Option<Vec<Node>> {
    let tags = super::rewrite::regex(r"(?s)<!--.*?-->|<\?.*?\?>|<(/?)([^\s<>/]+)([^<>]*?)(/?)>");
    let attributes = super::rewrite::regex(r#"([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')"#);
    let mut stack = vec![Node::default()];
    let mut starts = vec![0];
    let mut at = 0;
    for found in tags.captures_iter(text) {
        let whole = found.get(0)?;
        stack.last_mut()?.own_text.push_str(&entities(&text[at..whole.start()]));
        at = whole.end();
        let Some(name) = found.get(2) else { continue };
        if &found[1] == "/" {
            let mut node = stack.pop()?;
            node.inside = text[starts.pop()?..whole.start()].to_owned();
            if node.name != name.as_str() || stack.is_empty() {
                return None;
            }
            stack.last_mut()?.children.push(node);
            continue;
        }
        let value = |of: &regex::Captures<'_>| of.get(2).or(of.get(3)).map(|text| entities(text.as_str()));
        let attributes = attributes.captures_iter(&found[3]).filter_map(|of| Some((of[1].to_owned(), value(&of)?))).collect();
        let node = Node { name: name.as_str().to_owned(), attributes, ..Node::default() };
        if &found[4] == "/" {
            stack.last_mut()?.children.push(node);
        } else {
            stack.push(node);
            starts.push(whole.end());
        }
    }
    let root = stack.pop()?;
    (stack.is_empty() && !root.children.is_empty()).then_some(root.children)
}

fn entities(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn paths_lead_to_values() {
    let json = r#"{"a":[{"b":1},{"b":"x"},{"c":null}],"d":{"e":true}}"#;
    assert_eq!(at_path(json, "a{}.b"), ["1", "x"]);
    assert_eq!(at_path(json, "a{1}.b"), ["x"]);
    assert_eq!(at_path(json, "d"), [r#"{"e":true}"#]);
    assert_eq!(structured(json), [("a{}.b", "1"), ("a{}.b", "x"), ("d.e", "true")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    let xml = r#"<r><a n="1">x</a><a>y &amp; z</a><b/></r>"#;
    assert_eq!(at_path(xml, "r.a"), ["x", "y & z"]);
    assert_eq!(
        (at_path(xml, "r.a{2}"), at_path(xml, "r.a{@n}"), at_path("x", "r")),
        (vec!["y & z".to_owned()], vec!["1".to_owned()], vec![])
    );
    assert_eq!(elements("<t><n>1</n><n>2</n></t>").len(), 2);
    assert_eq!(
        pairs(r#"a=1, b="x y" c=d"#, &PairMarks { pairs: String::new(), values: "=".into() })
            .iter()
            .map(|(_, v)| v.as_str())
            .collect::<Vec<_>>(),
        ["1", "x y", "d"]
    );
}

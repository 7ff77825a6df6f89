//! XML as a search reads it: forgiving, since log texts are cut off and have other text around their XML.
//!
//! A text may hold several elements one behind the other. What is not closed ends where the element around it ends; a closing
//! tag that closes nothing is passed by. Nothing outside of the text is ever read: entities are the five that XML has and
//! numbers of characters.

use super::MAX_NAME_BYTES;

/// Elements inside of each other at most; what is deeper is passed by.
const MAX_DEPTH: usize = 100;

/// Characters of an entity at most: `#x10ffff`, and zeros before it. A `&` far from any `;` must not cost a look at all behind it.
const LONGEST_ENTITY: usize = 12;

/// The elements of a text.
pub(super) struct Forest<'t> {
    text: &'t str,
    roots: Vec<Element<'t>>,
}

/// An element.
struct Element<'t> {
    name: &'t str,
    /// What stands behind the name in its tag.
    attributes: &'t str,
    children: Vec<Element<'t>>,
    /// Its own text, entities resolved, without that of its children.
    text: String,
    /// Where its content is in the whole text.
    start: usize,
    end: usize,
}

/// A step of a path.
#[derive(Debug, PartialEq)]
pub(super) struct XmlStep {
    name: String,
    /// Which of those with the name, from 1; none: all.
    place: Option<usize>,
}

/// A path: steps, and perhaps an attribute of the last one.
#[derive(Debug, PartialEq)]
pub(super) struct XmlSteps {
    steps: Vec<XmlStep>,
    attribute: Option<String>,
}

/// Reads a path: `a.b{2}.c{@d}`; none where its brackets hold something else.
pub(super) fn path(text: &str) -> Option<XmlSteps> {
    let (mut steps, mut attribute) = (Vec::new(), None);
    for part in text.split('.') {
        if attribute.is_some() {
            return None;
        }
        let (name, mut brackets) = part.split_at(part.find('{').unwrap_or(part.len()));
        let mut step = XmlStep { name: name.to_owned(), place: None };
        while let Some((inside, behind)) = brackets.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            match inside.strip_prefix('@') {
                Some(name) => attribute = Some(name.to_owned()),
                None if inside.is_empty() => {}
                None => step.place = Some(inside.parse().ok()?),
            }
            brackets = behind;
        }
        if !brackets.is_empty() || name.is_empty() {
            return None;
        }
        steps.push(step);
    }
    Some(XmlSteps { steps, attribute })
}

/// Reads a text.
pub(super) fn read(text: &str) -> Forest<'_> {
    let mut roots = Vec::new();
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut too_deep = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (token, length) = token(rest);
        match token {
            XmlToken::Text(part) => open.last_mut().into_iter().for_each(|element| unescape(part, &mut element.text)),
            XmlToken::Data(part) => open.last_mut().into_iter().for_each(|element| element.text.push_str(part)),
            XmlToken::Nothing => {}
            XmlToken::Open { .. } if open.len() >= MAX_DEPTH => {
                too_deep += usize::from(!matches!(token, XmlToken::Open { closed: true, .. }))
            }
            XmlToken::Open { name, attributes, closed } => {
                let start = at + length;
                open.push(Element { name, attributes, children: Vec::new(), text: String::new(), start, end: start });
                if closed {
                    close(&mut open, &mut roots, start);
                }
            }
            XmlToken::Close(_) if too_deep > 0 => too_deep -= 1,
            XmlToken::Close(name) => {
                if open.iter().any(|element| element.name == name) {
                    while open.last().is_some_and(|element| element.name != name) {
                        close(&mut open, &mut roots, at);
                    }
                    close(&mut open, &mut roots, at);
                }
            }
        }
        at += length;
    }
    while !open.is_empty() {
        close(&mut open, &mut roots, text.len());
    }
    Forest { text, roots }
}

/// Ends the innermost element.
fn close<'t>(open: &mut Vec<Element<'t>>, roots: &mut Vec<Element<'t>>, end: usize) {
    if let Some(mut element) = open.pop() {
        element.end = end;
        open.last_mut().map_or(roots, |above| &mut above.children).push(element);
    }
}

/// What a text begins with.
enum XmlToken<'t> {
    Text(&'t str),
    /// Text without entities.
    Data(&'t str),
    Open {
        name: &'t str,
        attributes: &'t str,
        closed: bool,
    },
    Close(&'t str),
    /// A comment, a declaration.
    Nothing,
}

/// The first token of a text and how long it is.
fn token(text: &str) -> (XmlToken<'_>, usize) {
    let until = |end: &str, from: usize| text.get(from..).and_then(|rest| rest.find(end)).map(|found| from + found);
    let Some(inside) = text.strip_prefix('<') else {
        let end = text.find('<').unwrap_or(text.len());
        return (XmlToken::Text(&text[..end]), end);
    };
    if inside.starts_with("!--") {
        return (XmlToken::Nothing, until("-->", 4).map_or(text.len(), |end| end + 3));
    }
    if inside.starts_with("![CDATA[") {
        let (end, length) = until("]]>", 9).map_or((text.len(), text.len()), |end| (end, end + 3));
        return (XmlToken::Data(&text[9..end]), length);
    }
    if inside.starts_with(['!', '?']) {
        return (XmlToken::Nothing, until(">", 1).map_or(text.len(), |end| end + 1));
    }
    let is_close = inside.starts_with('/');
    let from = 1 + usize::from(is_close);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let name_end = text[from..].find(|c| !is_name(c)).map_or(text.len(), |end| from + end);
    let name = &text[from..name_end];
    let Some(end) = tag_end(text, name_end).filter(|_| name.starts_with(|c: char| c.is_alphabetic() || c == '_')) else {
        // A `<` that begins no tag is text.
        let end = inside.find('<').map_or(text.len(), |end| end + 1);
        return (XmlToken::Text(&text[..end]), end);
    };
    if is_close {
        return (XmlToken::Close(name), end + 1);
    }
    let attributes = text[name_end..end].trim();
    let closed = attributes.ends_with('/');
    (XmlToken::Open { name, attributes: attributes.strip_suffix('/').unwrap_or(attributes), closed }, end + 1)
}

/// Where the `>` of a tag is; one in quotes does not end it.
fn tag_end(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text[from..].char_indices() {
        match (quote, c) {
            (None, '>') => return Some(from + at),
            (None, '<') => return None,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// Appends a text with its entities resolved; what is not one stays.
fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let name = rest[at + 1..].chars().take(LONGEST_ENTITY + 1).position(|c| c == ';').and_then(|_| rest[at + 1..].split_once(';'));
        let entity = name.and_then(|(name, behind)| Some((character(name)?, behind)));
        match entity {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = number.strip_prefix(['x', 'X']).map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
            // No text of the store holds a zero byte: SQLite would end there.
            if code == 0 { '\u{2400}' } else { char::from_u32(code)? }
        }
    })
}

/// Calls `visit` with the names and values of what stands behind a tag's name.
fn each_attribute(attributes: &str, visit: &mut dyn FnMut(&str, &str)) {
    let mut rest = attributes;
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let Some(quote) = behind.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return };
        let Some((value, behind)) = behind[1..].split_once(quote) else { return };
        let mut text = String::new();
        unescape(value, &mut text);
        visit(name.trim(), &text);
        rest = behind;
    }
}

impl Element<'_> {
    /// Its text, if it has no children and says something.
    fn value(&self) -> Option<&str> {
        (self.children.is_empty() && !self.text.trim().is_empty()).then_some(self.text.as_str())
    }

    fn each_path(&self, path: &mut String, visit: &mut dyn FnMut(&str, &str)) {
        let length = path.len();
        if length + self.name.len() > MAX_NAME_BYTES {
            return;
        }
        if length > 0 {
            path.push('.');
        }
        path.push_str(self.name);
        if let Some(value) = self.value() {
            visit(path, value);
        }
        each_attribute(self.attributes, &mut |name, value| visit(&format!("{path}{{@{name}}}"), value));
        self.children.iter().for_each(|child| child.each_path(path, visit));
        path.truncate(length);
    }

    fn each_leaf(&self, visit: &mut dyn FnMut(&str, &str)) {
        if let Some(value) = self.value() {
            visit(self.name, value);
        }
        self.children.iter().for_each(|child| child.each_leaf(visit));
    }
}

impl Forest<'_> {
    /// Calls `visit` with the path and value of every element that has text alone, and of every attribute.
    pub(super) fn each_path(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.roots.iter().for_each(|root| root.each_path(&mut String::new(), visit));
    }

    /// Calls `visit` with the name and value of every element that has text alone.
    pub(super) fn each_leaf(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.roots.iter().for_each(|root| root.each_leaf(visit));
    }

    /// The values at a path. Of an element with children it is what stands inside, as it is written.
    pub(super) fn at(&self, path: &XmlSteps) -> Vec<String> {
        let mut level: Vec<&Element<'_>> = Vec::new();
        for (depth, step) in path.steps.iter().enumerate() {
            level = match depth {
                0 => step.chosen(&self.roots).collect(),
                _ => level.into_iter().flat_map(|above| step.chosen(&above.children)).collect(),
            };
        }
        match &path.attribute {
            Some(wanted) => {
                let mut out = Vec::new();
                for element in level {
                    each_attribute(element.attributes, &mut |name, value| {
                        if name == wanted {
                            out.push(value.to_owned());
                        }
                    });
                }
                out
            }
            None => level.into_iter().filter_map(|element| self.inside(element)).collect(),
        }
    }

    fn inside(&self, element: &Element<'_>) -> Option<String> {
        if element.children.is_empty() {
            return element.value().map(str::to_owned);
        }
        Some(self.text[element.start..element.end].trim().to_owned())
    }
}

impl XmlStep {
    /// The elements that it means.
    fn chosen<'f, 't>(&'f self, elements: &'f [Element<'t>]) -> impl Iterator<Item = &'f Element<'t>> {
        let named = elements.iter().filter(|element| element.name == self.name);
        (1..).zip(named).filter(|(place, _)| self.place.is_none_or(|wanted| wanted == *place)).map(|(_, element)| element)
    }
}

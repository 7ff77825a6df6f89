//! Documentation pages of detections: Markdown with front matter, the search in a code block, ATT&CK and risk in tables.
//!
//! The reader is lenient: a table may have blank lines between its rows, sections may stand in `<details>`, values may
//! be links. A page gives no risk objects; they are derived from its risk message (see [`derived_risk_objects`]).

use std::ops::Range;
use std::sync::Arc;

use super::escu::hash;
use super::risk::{derived_risk_objects, tokens};
use super::{Knowledge, parse_search};
use crate::diag::{Diagnostic, SourceText};
use crate::ir::{Language, Mention, MentionKind, Risk, Rule, RuleMeta, RuleOrigin};

/// Parses a page; there is no rule when anything in its search is unsupported.
pub fn parse_page<'k>(source: &Arc<SourceText>, knowledge: impl Into<Knowledge<'k>>) -> (Option<Rule>, Vec<Diagnostic>) {
    let page = Page::new(&source.text);
    let Some(search) = page.search.clone() else {
        return (None, vec![Diagnostic::error("spl-no-search", "the page has no code block under its `Search` heading").at(source, 0..0)]);
    };
    let parsed = parse_search(&source.text[search.clone()], knowledge);
    let diagnostics = parsed.faults.into_iter().map(|fault| {
        let span = fault.span.start + search.start..fault.span.end + search.start;
        fault.at(source, span)
    });
    let diagnostics = diagnostics.collect();
    let mut meta = page.meta(&source.path);
    meta.hash = hash(&source.text, parsed.used.iter());
    let origin = RuleOrigin { scope: search, mentions: page.mentions(), ..RuleOrigin::of(source) };
    (parsed.query.map(|query| Rule { meta, query, origin }), diagnostics)
}

/// Id and title of a page; empty where it has none.
pub fn page_name(source: &SourceText) -> (String, String) {
    let page = Page::new(&source.text);
    (page.property("ID"), page.front_matter("title").unwrap_or_default())
}

/// What a page says of its rule, whether or not its search compiles.
#[cfg(test)]
pub(super) fn metadata(source: &SourceText) -> RuleMeta {
    Page::new(&source.text).meta(&source.path)
}

struct Page<'t> {
    text: &'t str,
    /// Headings outside of the search: title and where the text under it is.
    sections: Vec<(&'t str, Range<usize>)>,
    /// What stands in the code block under `Search`.
    search: Option<Range<usize>>,
}

impl<'t> Page<'t> {
    fn new(text: &'t str) -> Self {
        let mut page = Self { text, sections: Vec::new(), search: None };
        let (mut at, mut fenced) = (0, false);
        while at < text.len() {
            let line = text[at..].split_inclusive('\n').next().unwrap_or_default();
            let next = at + line.len();
            // A fence that opens and closes in one line opens nothing.
            if line.trim_start().starts_with("```") && line.matches("```").count() == 1 {
                fenced = !fenced;
            }
            let title = if fenced { None } else { heading(line) };
            if let Some(title) = title {
                page.end_section(at);
                page.sections.push((title, next..text.len()));
            }
            at = next;
            if title.is_some_and(|title| page.search.is_none() && title.eq_ignore_ascii_case("Search")) {
                page.search = code_block(text, next);
                at = page.search.as_ref().map_or(next, |block| block.end);
                fenced = at != next; // the block's closing fence comes next
            }
        }
        page
    }

    fn end_section(&mut self, at: usize) {
        if let Some((_, range)) = self.sections.last_mut() {
            range.end = at;
        }
    }

    fn lines(&self, title: &str) -> impl Iterator<Item = &'t str> {
        let text = self.text;
        let section = self.sections.iter().find(|(name, _)| name.eq_ignore_ascii_case(title));
        section.map(|(_, range)| text[range.clone()].lines().map(str::trim)).into_iter().flatten()
    }

    /// The bullets of a section, links reduced to their text.
    fn bullets(&self, title: &str) -> Vec<String> {
        self.lines(title)
            .filter_map(|line| line.strip_prefix("* ").or_else(|| line.strip_prefix("- ")))
            .map(|item| plain(link_text(item.trim())))
            .collect()
    }

    /// The rows of a section's table as written between their bars, without its head and rule; blank lines between rows
    /// do not end it.
    fn rows(&self, title: &str) -> Vec<Vec<&'t str>> {
        let rows = self.lines(title).filter(|line| line.starts_with('|'));
        let cells = rows.map(|row| {
            let row = row.strip_prefix('|').unwrap_or(row);
            let row = row.strip_suffix('|').unwrap_or(row);
            row.split('|').collect::<Vec<_>>()
        });
        cells.skip(1).filter(|cells| !cells.iter().all(|c| c.chars().all(|c| matches!(c, '-' | ':' | ' ' | '\t')))).collect()
    }

    /// `- **Key**: value` anywhere on the page.
    fn property(&self, key: &str) -> String {
        let mark = format!("- **{key}**:");
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix(&mark));
        line.map(|value| plain(link_text(value.trim()))).unwrap_or_default()
    }

    fn front_matter(&self, key: &str) -> Option<String> {
        let body = self.text.trim_start().strip_prefix("---")?;
        let body = &body[..body.find("\n---")?];
        let value = body.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(plain(value.trim().trim_matches('"')))
    }

    fn paragraph(&self, title: &str) -> String {
        let lines: Vec<&str> = self.lines(title).take_while(|line| !line.starts_with("- **")).filter(|l| !l.is_empty()).collect();
        plain(&lines.join(" "))
    }

    /// Pages of detections that are not in production carry a banner.
    fn status(&self) -> &'static str {
        let banner = |word: &str| self.sections.iter().any(|(title, _)| title.contains(word) && title.contains("DETECTION"));
        if banner("DEPRECATED") {
            "deprecated"
        } else if banner("EXPERIMENTAL") {
            "experimental"
        } else {
            "production"
        }
    }

    fn meta(&self, path: &str) -> RuleMeta {
        let id = self.property("ID");
        let mut meta = RuleMeta {
            id: if id.is_empty() { path.to_owned() } else { id },
            title: self.front_matter("title").unwrap_or_default(),
            path: path.to_owned(),
            language: Some(Language::Splunk),
            detection_type: self.property("Type"),
            status: self.status().to_owned(),
            description: self.paragraph("Description"),
            author: self.property("Author"),
            date: self.property("Last Updated"),
            stories: self.bullets("Associated Analytic Story"),
            references: self.bullets("Reference"),
            false_positives: Some(self.paragraph("Known False Positives")).filter(|t| !t.is_empty()).into_iter().collect(),
            required_fields: [self.bullets("Required field"), self.bullets("Required fields")].concat(),
            ..RuleMeta::default()
        };
        for row in self.rows("ATT&CK") {
            let text = |index: usize| row.get(index).map(|text| cell(text)).unwrap_or_default();
            let (technique, tactics) = (text(0).to_uppercase(), text(2));
            // A CVE table in the same section has years and numbers where techniques are expected.
            if !technique.strip_prefix('T').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit())) {
                continue; // the section may hold other tables, such as CVE with their scores
            }
            if !meta.techniques.contains(&technique) {
                meta.techniques.push(technique);
            }
            for tactic in tactics.split(',').map(|t| t.trim().to_lowercase().replace(' ', "-")).filter(|t| !t.is_empty()) {
                if !meta.tactics.contains(&tactic) {
                    meta.tactics.push(tactic);
                }
            }
        }
        self.risk(&mut meta);
        meta
    }

    /// The tokens of the risk message, which is the only cell that has any.
    fn mentions(&self) -> Vec<Mention> {
        let Some((_, range)) = self.sections.iter().find(|(title, _)| title.eq_ignore_ascii_case("RBA")) else { return Vec::new() };
        let of = |(name, span): (&str, Range<usize>)| Mention {
            name: name.to_owned(),
            kind: MentionKind::Message,
            span: range.start + span.start..range.start + span.end,
        };
        tokens(&self.text[range.clone()]).into_iter().map(of).collect()
    }

    /// The message is the last cell; a `|` in it is its own.
    fn risk(&self, meta: &mut RuleMeta) {
        if let Some(row) = self.rows("RBA").into_iter().next() {
            let number = |index: usize| row.get(index).and_then(|text| cell(text).parse::<f64>().ok()).filter(|n| n.is_finite());
            meta.risk = number(0).map(|score| Risk { score, impact: number(1), confidence: number(2) });
            // The message is text and may hold a bar; the columns in front of it never do.
            meta.message = cell(&row[3.min(row.len())..].join("|"));
        }
        meta.risk_objects = derived_risk_objects(&meta.message);
    }
}

/// A cell of a table as text.
fn cell(text: &str) -> String {
    plain(link_text(text.trim())).replace("\\|", "|")
}

/// The title of a heading, without the target of a link.
fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with([' ', '\t'])).then(|| link_text(title.trim()))
}

/// What stands between the next fence and the last one before the next heading: a search may hold ```` ``` ```` itself.
fn code_block(text: &str, from: usize) -> Option<Range<usize>> {
    let (mut at, mut start, mut end) = (from, None, None);
    for line in text[from..].split_inclusive('\n') {
        let next = at + line.len();
        match start {
            None if heading(line).is_some() => return None,
            None if line.trim_start().starts_with("```") => start = Some(next),
            None => {}
            // Only a heading ends it for good: a comment of the search is fenced in the same way.
            Some(_) if end.is_some() && heading(line).is_some() => break,
            Some(_) if line.trim() == "```" => end = Some(at),
            Some(_) => {}
        }
        at = next;
    }
    start.map(|start| start..end.unwrap_or(text.len()))
}

/// `[text](target)` is its text.
fn link_text(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("](")) {
        Some((label, _)) => label,
        None => text,
    }
}

/// Text whose HTML entities are the characters they stand for.
fn plain(text: &str) -> String {
    const ENTITIES: [(&str, &str); 6] = [("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    if !text.contains('&') {
        return text.to_owned();
    }
    // `&amp;` stands last: `&amp;lt;` is the text `&lt;`.
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

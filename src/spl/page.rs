//! Documentation pages of detections: Markdown with front matter, the search in a code block, ATT&CK and risk in tables.

use std::ops::Range;
use std::sync::Arc;

use super::escu::hash;
use super::{Macros, parse_search};
use crate::diag::{Diagnostic, SourceText};
use crate::ir::{Language, Risk, RiskObject, Rule, RuleMeta};

/// Parses a page; there is no rule when anything in its search is unsupported.
pub fn parse_page(source: &Arc<SourceText>, macros: &Macros) -> (Option<Rule>, Vec<Diagnostic>) {
    let page = Page { text: &source.text };
    let Some(search) = page.search() else {
        return (None, vec![Diagnostic::error("spl-no-search", "the page has no code block under its `Search` heading").at(source, 0..0)]);
    };
    let parsed = parse_search(&source.text[search.clone()], macros);
    let diagnostics = parsed
        .faults
        .into_iter()
        .map(|(code, message, span)| Diagnostic::error(code, message).at(source, span.start + search.start..span.end + search.start))
        .collect();
    let mut meta = page.meta(&source.path);
    meta.hash = hash(&source.text, parsed.macros.iter());
    (parsed.query.map(|query| Rule { meta, query }), diagnostics)
}

/// Who carries the risk where a page does not say: the message's tokens that name users or systems.
pub(super) fn derived_risk_objects(message: &str) -> Vec<RiskObject> {
    let mut out: Vec<RiskObject> = Vec::new();
    for token in message.split('$').skip(1).step_by(2) {
        let lower = token.to_lowercase();
        let kind = if lower.contains("user") || lower.contains("account") {
            "user"
        } else if ["dest", "computer", "computername", "host", "src", "src_ip", "dvc"].contains(&lower.as_str()) {
            "system"
        } else {
            continue;
        };
        if !out.iter().any(|o| o.field == token) {
            out.push(RiskObject { field: token.to_owned(), kind: kind.to_owned(), score: None });
        }
    }
    out
}

struct Page<'t> {
    text: &'t str,
}

impl<'t> Page<'t> {
    /// The text under a heading, up to the next one.
    fn section(&self, title: &str) -> Option<Range<usize>> {
        let mut start = None;
        let mut at = 0;
        let mut fenced = false;
        for line in self.text.split_inclusive('\n') {
            fenced ^= line.trim_start().starts_with("```");
            let heading = !fenced && line.starts_with('#');
            if let Some(start) = start.filter(|_| heading) {
                return Some(start..at);
            }
            let words: String = line.trim().trim_matches('#').replace(['[', ']'], "");
            if heading && words.split('(').next().is_some_and(|t| t.trim().eq_ignore_ascii_case(title)) {
                start = Some(at + line.len());
            }
            at += line.len();
        }
        start.map(|start| start..self.text.len())
    }

    /// The search: what stands in the first code block of its section.
    fn search(&self) -> Option<Range<usize>> {
        let section = self.section("Search")?;
        let body = &self.text[section.clone()];
        let open = body.find("```")?;
        let start = open + body[open..].find('\n')? + 1;
        let length = body[start..].find("\n```").unwrap_or(body.len() - start);
        Some(section.start + start..section.start + start + length)
    }

    fn lines(&self, title: &str) -> impl Iterator<Item = &'t str> {
        let text = self.text;
        self.section(title).map(|range| text[range].lines().map(str::trim)).into_iter().flatten()
    }

    /// The bullets of a section, links reduced to their text.
    fn bullets(&self, title: &str) -> Vec<String> {
        self.lines(title)
            .filter_map(|line| line.strip_prefix("* ").or_else(|| line.strip_prefix("- ")))
            .map(|item| link_text(item).to_owned())
            .collect()
    }

    /// The rows of a section's table, without its head and rule; blank lines between rows do not end it.
    fn rows(&self, title: &str) -> Vec<Vec<String>> {
        let rows = self.lines(title).filter(|line| line.starts_with('|'));
        let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| link_text(cell.trim()).to_owned()).collect::<Vec<_>>());
        cells.skip(1).filter(|cells| !cells.iter().all(|c| c.chars().all(|c| matches!(c, '-' | ':' | ' ')))).collect()
    }

    /// `- **Key**: value` anywhere on the page.
    fn property(&self, key: &str) -> String {
        let mark = format!("- **{key}**:");
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix(&mark));
        line.map(|value| value.trim().to_owned()).unwrap_or_default()
    }

    fn front_matter(&self, key: &str) -> Option<&'t str> {
        let body = self.text.trim_start().strip_prefix("---")?;
        let body = &body[..body.find("\n---")?];
        let value = body.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(value.trim().trim_matches('"'))
    }

    fn paragraph(&self, title: &str) -> String {
        let lines: Vec<&str> = self.lines(title).take_while(|line| !line.starts_with("- **")).filter(|l| !l.is_empty()).collect();
        lines.join(" ")
    }

    fn meta(&self, path: &str) -> RuleMeta {
        let id = self.property("ID");
        let mut meta = RuleMeta {
            id: if id.is_empty() { path.to_owned() } else { id },
            title: self.front_matter("title").unwrap_or_default().to_owned(),
            path: path.to_owned(),
            language: Some(Language::Splunk),
            detection_type: self.property("Type"),
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
            let (technique, tactics) = (row.first().map(|t| t.to_uppercase()).unwrap_or_default(), row.get(2).cloned().unwrap_or_default());
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

    fn risk(&self, meta: &mut RuleMeta) {
        if let Some(row) = self.rows("RBA").into_iter().next() {
            let number = |index: usize| row.get(index).and_then(|cell: &String| cell.parse::<f64>().ok());
            meta.risk = number(0).map(|score| Risk { score, impact: number(1), confidence: number(2) });
            meta.message = row[3.min(row.len())..].join("|").trim().to_owned();
        }
        meta.risk_objects = derived_risk_objects(&meta.message);
    }
}

/// `[text](target)` is its text.
fn link_text(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("](")) {
        Some((label, _)) => label,
        None => text,
    }
}

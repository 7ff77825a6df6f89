//! The report as one page: markup, style, script and data in one file that asks for nothing else.
//!
//! A log is written by whoever is being hunted, and this page is opened in a browser. So nothing of a log ever becomes markup: static
//! tables are made by `markup`, which escapes all text; the list is made by the script with `textContent` from data that are base64 in
//! the page. A policy before anything else forbids every request, every script and every style but the two of this program, by their
//! hashes, and all ways to make markup of a text.

mod appendix;
mod attack;
mod base64;
mod chart;
mod data;
mod encode;
mod gather;
mod markup;
mod processes;
mod redact;
mod summary;
mod tactics;
mod times;

use std::io::{self, Write};

use sha2::{Digest, Sha256};

pub use data::{ReportData, ReportEvent, ReportFinding, ReportOutcome, ReportProcess, ReportRisk, ReportRule, ReportSource};
pub use gather::gather;
pub use redact::redact;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they need each other.
const SCRIPTS: [&str; 5] = [
    include_str!("page/data.js"),
    include_str!("page/facets.js"),
    include_str!("page/detail.js"),
    include_str!("page/table.js"),
    include_str!("page/main.js"),
];

/// What a page begins with, and nothing else does: who overwrites a file can see that it was a report.
pub const MARK: &str = "<!doctype html>\n<!-- retrohunt report -->";

/// Writes the page.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_html(data: &ReportData, out: &mut dyn Write) -> io::Result<()> {
    let (style, script) = (with_line_feeds(STYLE), with_line_feeds(&SCRIPTS.concat()));
    // The template is cut at its names and never searched after something was put in: data may hold such a name.
    for (place, part) in with_line_feeds(PAGE).split("{{").enumerate() {
        let (name, markup) = if place == 0 { ("", part) } else { part.split_once("}}").unwrap_or(("", part)) };
        match name {
            "policy" => out.write_all(policy(&style, &script).as_bytes())?,
            "style" => out.write_all(style.as_bytes())?,
            "script" => out.write_all(script.as_bytes())?,
            "data" => encode::write_data(data, out)?,
            "head" => out.write_all(summary::head(data).as_str().as_bytes())?,
            "summary" => out.write_all(summary::summary(data).as_str().as_bytes())?,
            "top" => out.write_all(summary::top_findings(data).as_str().as_bytes())?,
            "attack" => out.write_all(attack::attack(data).as_str().as_bytes())?,
            "risk" => out.write_all(attack::risk(data).as_str().as_bytes())?,
            "appendix" => out.write_all(appendix::appendix(data).as_str().as_bytes())?,
            _ => {}
        }
        out.write_all(markup.as_bytes())?;
    }
    out.flush()
}

/// What a browser may do with the page. The hashes are those of the text between the tags.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| base64::base64(&Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(script),
        hash(style)
    )
}

/// The same text on every system: a checkout may have other line ends, and a browser reads them as line feeds before it hashes.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(data: &ReportData) -> String {
        let mut out = Vec::new();
        write_html(data, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_policy_comes_first_and_names_what_is_there() {
        let page = page(&ReportData::default());
        assert!(page.starts_with(MARK));
        let head = page.split_once("<head>\n").unwrap().1;
        assert!(head.starts_with("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-"));
        let between = |open: &str, close: &str| page.split_once(open).unwrap().1.split_once(close).unwrap().0.to_owned();
        for (text, directive) in [(between("<style>", "</style>"), "style-src"), (between("<script>", "</script>"), "script-src")] {
            let hash = base64::base64(&Sha256::digest(text.as_bytes()));
            assert!(page.contains(&format!("{directive} 'sha256-{hash}'")), "{directive}");
            assert!(!text.contains("</") || directive == "script-src");
        }
        assert!(!page.contains("{{") && !page.contains("\r"));
    }

    #[test]
    fn the_script_has_no_way_to_make_markup_and_asks_for_nothing() {
        let script = SCRIPTS.concat();
        let forbidden =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(", "XMLHttpRequest"];
        let forbidden =
            forbidden.iter().chain(&["import(", ".href", ".src", "setAttribute('style'", "<script", "</script", "<!--", "localStorage"]);
        assert_eq!(forbidden.filter(|word| script.contains(**word)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(!PAGE.contains("http:") && !PAGE.contains("https:") && !STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(!PAGE.contains(" style=") && !PAGE.contains(" onclick"));
    }

    #[test]
    fn data_that_look_like_names_of_the_template_stay_text() {
        let data = ReportData { scope: vec![("{{script}}".to_owned(), "{{data}}</dd><script>".to_owned())], ..ReportData::default() };
        let page = page(&data);
        assert!(page.contains("{{data}}&lt;/dd&gt;&lt;script&gt;") && page.matches("'use strict'").count() == 1);
    }
}

//! What the report stands on: the sources with their hashes, the rules that ran, and those that could not, with the reason.

use super::data::{ReportData, ReportOutcome, ReportRule};
use super::markup::{PageMarkup, counted, thousands};
use super::summary::{cut, level, more};

/// Sources and rules that are listed. A page must open with all of them, so a store of 100,000 files does not have all in its report.
const SOURCES_MAX: usize = 5_000;
const RULES_MAX: usize = 10_000;

/// Sources, rules that ran, rules that did not.
pub(super) fn appendix(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    out.raw("<h3>Sources</h3>").add(&sources(data));
    let mut findings = vec![0_u64; data.rules.len()];
    data.findings.iter().for_each(|finding| findings[finding.rule as usize] += 1);
    let of = |wanted: &[ReportOutcome]| -> Vec<(&ReportRule, u64)> {
        data.rules.iter().zip(findings.iter().copied()).filter(|(rule, _)| wanted.contains(&rule.outcome)).collect()
    };
    let ran = of(&[ReportOutcome::Found, ReportOutcome::Nothing]);
    let (blind, failed) = (of(&[ReportOutcome::Blind]), of(&[ReportOutcome::NotRun]));
    out.raw("<h3>Rules</h3><p>").text(&counted(data.rules.len(), "rule")).raw(": ");
    out.text(&thousands(ran.len() as u64)).raw(" ran, ").text(&thousands(blind.len() as u64)).raw(" had no data in the store, ");
    out.text(&thousands(failed.len() as u64)).raw(" could not run.</p>");
    section(&mut out, "could not run", &failed);
    section(&mut out, "had no data", &blind);
    section(&mut out, "ran", &ran);
    out
}

fn sources(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    out.raw("<details><summary>").text(&counted(data.sources.len(), "source")).raw("</summary>");
    out.raw("<div class=\"scroll\"><table><caption>In the order they were loaded; an event that several have is counted for each</caption><thead><tr><th scope=\"col\">File</th><th scope=\"col\">Format</th>");
    out.raw("<th scope=\"col\" class=\"number\">Events</th><th scope=\"col\" class=\"number\">Unreadable</th>");
    out.raw("<th scope=\"col\" class=\"number\">Bytes</th><th scope=\"col\">SHA-256</th><th scope=\"col\">Remark</th></tr></thead><tbody>");
    for source in data.sources.iter().take(SOURCES_MAX) {
        out.named("<tr><th scope=\"row\">", &source.path, "</th>").element("<td>", &source.format, "</td>");
        for count in [source.events, source.bad, source.bytes] {
            out.element("<td class=\"number\">", &thousands(count), "</td>");
        }
        // In two lines: one would push the table off the page.
        let (first, second) = source.sha256.split_at_checked(source.sha256.len() / 2).unwrap_or((&source.sha256, ""));
        out.element("<td class=\"hash\">", first, "<wbr>").text(second).raw("</td>");
        out.named("<td>", &cut(&source.remark), "</td></tr>");
    }
    out.raw("</tbody></table></div>");
    more(&mut out, data.sources.len(), SOURCES_MAX, "source");
    out.raw("</details>");
    out
}

/// The rules of one outcome.
fn section(out: &mut PageMarkup, what: &'static str, rules: &[(&ReportRule, u64)]) {
    if rules.is_empty() {
        return;
    }
    out.raw("<details><summary>").text(&counted(rules.len(), "rule")).raw(" that ").raw(what).raw("</summary>");
    out.raw("<div class=\"scroll\"><table><caption>Highest level first</caption><thead><tr><th scope=\"col\">Level</th><th scope=\"col\">Rule</th>");
    out.raw("<th scope=\"col\" class=\"number\">Findings</th><th scope=\"col\">Reason</th><th scope=\"col\">File</th></tr></thead><tbody>");
    let mut sorted = rules.to_vec();
    sorted.sort_by(|(a, _), (b, _)| (a.level, &a.reason, &a.title).cmp(&(b.level, &b.reason, &b.title)));
    for (rule, findings) in sorted.iter().take(RULES_MAX) {
        out.raw("<tr><td>");
        level(out, rule.level);
        out.element("</td><th scope=\"row\">", &cut(&rule.title), "</th>");
        out.element("<td class=\"number\">", &thousands(*findings), "</td>");
        out.element("<td class=\"text\">", &cut(&rule.reason), "</td>").element("<td class=\"text\">", &rule.path, "</td></tr>");
    }
    out.raw("</tbody></table></div>");
    more(out, rules.len(), RULES_MAX, "rule");
    out.raw("</details>");
}

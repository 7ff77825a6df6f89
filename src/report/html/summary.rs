//! What a reader sees first, and all that one without JavaScript or with paper sees: counts, rules, hosts, the top findings.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::chart;
use super::data::{LEVELS, ReportData};
use super::markup::{PageMarkup, counted, thousands};
use crate::event::format_time;

/// Rules and hosts in the summary: what fits beside each other on a screen.
const TOP_RULES: usize = 15;
const TOP_HOSTS: usize = 10;
/// Lines of the table that stands for the list on paper.
const TOP_FINDINGS: usize = 150;

/// A level by its word.
pub(super) fn level(out: &mut PageMarkup, level: usize) {
    let class = LEVELS[level];
    out.raw("<span class=\"level ").raw(if class.is_empty() { "none" } else { class }).raw("\">");
    out.raw(if class.is_empty() { "no level" } else { class }).raw("</span>");
}

/// A time to the second.
pub(super) fn time(time_us: Option<i64>) -> String {
    time_us.map(|us| format_time(us).chars().take(19).collect::<String>().replace('T', " ")).unwrap_or_default()
}

/// What the report is of.
pub(super) fn head(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    out.raw("<dl class=\"facts\">");
    for (name, value) in &data.scope {
        out.element("<div><dt>", name, "</dt>").element("<dd>", value, "</dd></div>");
    }
    out.raw("</dl>");
    out
}

/// Levels, timeline, top rules, top hosts.
pub(super) fn summary(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    if data.findings.is_empty() {
        out.raw("<p>There are no findings in this report.</p>");
        return out;
    }
    out.raw("<div class=\"columns\"><div><h3>By level</h3>").add(&levels(data)).raw("</div><div>").add(&chart(data)).raw("</div></div>");
    out.raw("<div class=\"halves\"><div><h3>Top rules</h3>").add(&top_rules(data)).raw("</div><div><h3>Top hosts</h3>");
    out.add(&top_hosts(data)).raw("</div></div>");
    out
}

fn levels(data: &ReportData) -> PageMarkup {
    let mut counts: [(u64, BTreeSet<u32>); LEVELS.len()] = Default::default();
    for finding in &data.findings {
        let of_level = &mut counts[data.rules[finding.rule as usize].level];
        of_level.0 += 1;
        of_level.1.insert(finding.rule);
    }
    let mut out = PageMarkup::default();
    out.raw("<table id=\"levels\"><caption>Levels of Sigma and Splunk on one scale</caption><thead><tr><th scope=\"col\">Level</th><th scope=\"col\" class=\"number\">Findings</th>");
    out.raw("<th scope=\"col\" class=\"number\">Rules</th></tr></thead><tbody>");
    for (place, (count, rules)) in counts.iter().enumerate().filter(|(place, (count, _))| *place < 5 || *count > 0) {
        out.raw("<tr><th scope=\"row\">");
        level(&mut out, place);
        out.raw("</th><td class=\"number\"");
        // A zero leads to nothing.
        if *count > 0 {
            show(&mut out, "level", place);
        } else {
            out.raw(">");
        }
        out.text(&thousands(*count)).element("</td><td class=\"number\">", &thousands(rules.len() as u64), "</td></tr>");
    }
    out.raw("</tbody></table>");
    out
}

/// Ends a tag with what makes its content a way into the list.
fn show(out: &mut PageMarkup, facet: &'static str, value: usize) {
    out.raw(" data-show=\"").raw(facet).raw(" ").text(&value.to_string()).raw("\">");
}

#[derive(Default)]
struct OfRule {
    findings: u64,
    hosts: BTreeSet<u32>,
    first: Option<i64>,
    last: Option<i64>,
}

fn top_rules(data: &ReportData) -> PageMarkup {
    let mut rules: BTreeMap<u32, OfRule> = BTreeMap::new();
    for finding in &data.findings {
        let of_rule = rules.entry(finding.rule).or_default();
        of_rule.findings += 1;
        of_rule.hosts.extend(&finding.hosts);
        of_rule.first = of_rule.first.into_iter().chain(finding.first_time_us).min();
        of_rule.last = of_rule.last.max(finding.last_time_us);
    }
    let all = rules.len();
    let mut rules: Vec<(u32, OfRule)> = rules.into_iter().collect();
    rules.sort_by_key(|(rule, of_rule)| (data.rules[*rule as usize].level, std::cmp::Reverse(of_rule.findings), *rule));
    let mut out = PageMarkup::default();
    out.raw("<div class=\"scroll\"><table class=\"stack\"><caption>Highest level first, then most findings</caption>");
    out.raw("<thead><tr><th scope=\"col\">Level</th><th scope=\"col\">Rule</th>");
    out.raw(
        "<th scope=\"col\" class=\"number\">Findings</th><th scope=\"col\" class=\"number\">Hosts</th><th scope=\"col\">First (UTC)</th>",
    );
    out.raw("<th scope=\"col\">Last (UTC)</th></tr></thead><tbody>");
    for (place, of_rule) in rules.iter().take(TOP_RULES) {
        let rule = &data.rules[*place as usize];
        out.raw("<tr><td>");
        level(&mut out, rule.level);
        out.raw("</td><th scope=\"row\"");
        show(&mut out, "rule", *place as usize);
        out.name(&cut(&rule.title)).element("</th><td class=\"number\" data-label=\"Findings\">", &thousands(of_rule.findings), "</td>");
        out.element("<td class=\"number\" data-label=\"Hosts\">", &thousands(of_rule.hosts.len() as u64), "</td>");
        out.element("<td class=\"time\" data-label=\"First (UTC)\">", &time(of_rule.first), "</td>");
        out.element("<td class=\"time\" data-label=\"Last (UTC)\">", &time(of_rule.last), "</td></tr>");
    }
    out.raw("</tbody></table></div>");
    more(&mut out, all, TOP_RULES, "rule");
    out
}

fn top_hosts(data: &ReportData) -> PageMarkup {
    let mut hosts: BTreeMap<u32, ([u64; LEVELS.len()], BTreeSet<u32>)> = BTreeMap::new();
    for finding in &data.findings {
        for host in &finding.hosts {
            let of_host = hosts.entry(*host).or_default();
            of_host.0[data.rules[finding.rule as usize].level] += 1;
            of_host.1.insert(finding.rule);
        }
    }
    let all = hosts.len();
    let mut hosts: Vec<_> = hosts.into_iter().collect();
    // Who has the most of the highest level comes first; a flood of a low level is not what a reader looks for.
    hosts.sort_by(|(a, (x, _)), (b, (y, _))| y.cmp(x).then_with(|| data.hosts[*a as usize].cmp(&data.hosts[*b as usize])));
    let mut out = PageMarkup::default();
    out.raw("<div class=\"scroll\"><table class=\"stack\"><caption>Most findings of the highest level first</caption>");
    out.raw("<thead><tr><th scope=\"col\">Host</th><th scope=\"col\" class=\"number\">Critical</th>");
    out.raw("<th scope=\"col\" class=\"number\">High</th><th scope=\"col\" class=\"number\">Findings</th>");
    out.raw("<th scope=\"col\" class=\"number\">Rules</th></tr></thead><tbody>");
    for (host, (levels, rules)) in hosts.iter().take(TOP_HOSTS) {
        out.raw("<tr><th scope=\"row\"");
        show(&mut out, "host", *host as usize);
        out.name(&named(&data.hosts[*host as usize])).raw("</th>");
        out.element("<td class=\"number\" data-label=\"Critical\">", &thousands(levels[0]), "</td>");
        out.element("<td class=\"number\" data-label=\"High\">", &thousands(levels[1]), "</td>");
        out.element("<td class=\"number\" data-label=\"Findings\">", &thousands(levels.iter().sum()), "</td>");
        out.element("<td class=\"number\" data-label=\"Rules\">", &thousands(rules.len() as u64), "</td></tr>");
    }
    out.raw("</tbody></table></div>");
    more(&mut out, all, TOP_HOSTS, "host");
    out
}

/// Says that a table does not have everything.
pub(super) fn more(out: &mut PageMarkup, all: usize, shown: usize, noun: &str) {
    if all > shown {
        out.raw("<p class=\"note\">").text(&format!("{} of {} are shown.", thousands(shown as u64), counted(all, noun))).raw("</p>");
    }
}

/// The findings as they are printed: a line for each rule and host, highest level first.
pub(super) fn top_findings(data: &ReportData) -> PageMarkup {
    #[derive(Default)]
    struct Line {
        findings: u64,
        first: Option<i64>,
        last: Option<i64>,
        details: usize,
    }
    let mut lines: BTreeMap<(usize, u32, Option<u32>), Line> = BTreeMap::new();
    for (place, finding) in data.findings.iter().enumerate() {
        let rule = &data.rules[finding.rule as usize];
        let hosts = finding.hosts.iter().copied().map(Some).chain(finding.hosts.is_empty().then_some(None));
        for host in hosts {
            let line = lines.entry((rule.level, finding.rule, host)).or_insert_with(|| Line { details: place, ..Line::default() });
            line.findings += 1;
            line.first = line.first.into_iter().chain(finding.first_time_us).min();
            line.last = line.last.max(finding.last_time_us);
        }
    }
    let mut out = PageMarkup::default();
    if lines.is_empty() {
        return out;
    }
    out.raw("<table><caption>A line for each rule and host, highest level first; details are those of its first finding, * marks what the rule tests</caption>");
    out.raw("<thead><tr><th scope=\"col\">Level</th><th scope=\"col\">Rule</th><th scope=\"col\">Host</th>");
    out.raw("<th scope=\"col\" class=\"number\">Findings</th><th scope=\"col\">First (UTC)</th><th scope=\"col\">Last (UTC)</th>");
    out.raw("<th scope=\"col\">Details</th></tr></thead><tbody>");
    for ((place, rule, host), line) in lines.iter().take(TOP_FINDINGS) {
        out.raw("<tr><td>");
        level(&mut out, *place);
        out.named("</td><th scope=\"row\">", &cut(&data.rules[*rule as usize].title), "</th>");
        out.named("<td class=\"host\">", &host.map_or_else(String::new, |host| cut(&data.hosts[host as usize])), "</td>");
        out.element("<td class=\"number\">", &thousands(line.findings), "</td>");
        out.element("<td class=\"time\">", &time(line.first), "</td>").element("<td class=\"time\">", &time(line.last), "</td>");
        let finding = &data.findings[line.details];
        let details = if finding.details.is_empty() { &finding.message } else { &finding.details };
        out.named("<td class=\"text\">", &cut(details), "</td></tr>");
    }
    out.raw("</tbody></table>");
    more(&mut out, lines.len(), TOP_FINDINGS, "line");
    out
}

/// Characters of a text in a table on paper.
const CELL_MAX: usize = 240;

/// The beginning of a text: it ends with a word, where a word ends in its second half.
pub(super) fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(CELL_MAX) else { return text.to_owned() };
    let ends_word = |c: char| c.is_whitespace() || r"\/.,;:=&|".contains(c);
    let whole = text[..end].rfind(ends_word).filter(|at| *at > end / 2);
    format!("{}…", text[..whole.map_or(end, |at| at + 1)].trim_end_matches([' ', '·']))
}

/// A name as it is shown: one of blanks alone would be a place that nobody sees.
pub(super) fn named(name: &str) -> String {
    if name.trim().is_empty() { "(blank)".to_owned() } else { cut(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_with_a_word() {
        let path = format!(r"Image: C:\{}\Windows\System32\cmd.exe", "x".repeat(CELL_MAX - 30));
        assert!(cut(&path).ends_with(r"\Windows\System32\…"), "{}", cut(&path));
        assert_eq!(cut(&"é".repeat(CELL_MAX + 1)), format!("{}…", "é".repeat(CELL_MAX)));
        assert_eq!(cut("short · text"), "short · text");
    }
}

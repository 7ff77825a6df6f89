//! The ATT&CK matrix, and hosts and users by risk.

use super::data::{ReportData, ReportOutcome};
use super::markup::{PageMarkup, counted, thousands};
use super::summary::{cut, more, named, time};

/// Objects in the ranking.
const RISK_MAX: usize = 100;
/// Titles of rules beside an object.
const TITLES_MAX: usize = 3;

/// What the rules of a technique come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MatrixState {
    Fired,
    Could,
    Blind,
}

#[derive(Debug, Clone, Copy)]
struct MatrixCount {
    state: MatrixState,
    findings: u64,
    rules: u64,
}

/// Which techniques fired, which could have, and which the store cannot show.
pub(super) fn attack(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    let counts = techniques(data);
    let of_state = |state| counts.iter().flatten().filter(|count| count.state == state).count();
    if counts.iter().all(Option::is_none) {
        out.raw("<p>No rule names a technique.</p>");
        return out;
    }
    out.raw("<p>").text(&counted(of_state(MatrixState::Fired), "technique")).raw(" fired (a rule found something), ");
    out.text(&thousands(of_state(MatrixState::Could) as u64)).raw(" could have fired (a rule ran, and this report has no finding of it), ");
    out.text(&thousands(of_state(MatrixState::Blind) as u64)).raw(" are blind (there are rules, and none could run here).");
    out.raw("</p><div class=\"matrix\">");
    for (name, places) in &data.tactics {
        tactic(&mut out, data, name, places, &counts);
    }
    out.raw("</div>");
    out
}

fn techniques(data: &ReportData) -> Vec<Option<MatrixCount>> {
    let mut findings = vec![0_u64; data.rules.len()];
    data.findings.iter().for_each(|finding| findings[finding.rule as usize] += 1);
    let mut counts: Vec<Option<MatrixCount>> = vec![None; data.techniques.len()];
    for (rule, found) in data.rules.iter().zip(findings) {
        let state = match rule.outcome {
            _ if found > 0 => MatrixState::Fired,
            // What it found is not in this report: a filter left it out.
            ReportOutcome::Found | ReportOutcome::Nothing => MatrixState::Could,
            ReportOutcome::Blind | ReportOutcome::NotRun => MatrixState::Blind,
        };
        for technique in &rule.techniques {
            let count = counts[*technique as usize].get_or_insert(MatrixCount { state, findings: 0, rules: 0 });
            *count = MatrixCount { state: count.state.min(state), findings: count.findings + found, rules: count.rules + 1 };
        }
    }
    counts
}

fn tactic(out: &mut PageMarkup, data: &ReportData, name: &str, places: &[u32], counts: &[Option<MatrixCount>]) {
    let mut known: Vec<(usize, MatrixCount)> =
        places.iter().filter_map(|place| Some((*place as usize, counts[*place as usize]?))).collect();
    known.sort_by_key(|(place, count)| (count.state, std::cmp::Reverse(count.findings), data.techniques[*place].clone()));
    out.raw("<section><h3>").text(name).raw("</h3>");
    for (state, words) in [(MatrixState::Fired, ""), (MatrixState::Could, " could have fired"), (MatrixState::Blind, " blind")] {
        let of_state: Vec<_> = known.iter().filter(|(_, count)| count.state == state).collect();
        if of_state.is_empty() {
            continue;
        }
        // What fired is what a reader looks for; hundreds of techniques that did not would hide it.
        if state != MatrixState::Fired {
            out.raw("<details><summary>").text(&thousands(of_state.len() as u64)).raw(words).raw("</summary>");
        }
        out.raw("<ul>");
        of_state.iter().for_each(|(place, count)| technique(out, data, *place, *count));
        out.raw("</ul>").raw(if state == MatrixState::Fired { "" } else { "</details>" });
    }
    out.raw("</section>");
}

fn technique(out: &mut PageMarkup, data: &ReportData, place: usize, count: MatrixCount) {
    let (class, word) = match count.state {
        MatrixState::Fired => ("fired", counted(usize::try_from(count.findings).unwrap_or(usize::MAX), "finding")),
        MatrixState::Could => ("could", "could fire".to_owned()),
        MatrixState::Blind => ("blind", "blind".to_owned()),
    };
    out.raw("<li class=\"").raw(class).raw("\"><span");
    if count.state == MatrixState::Fired {
        out.raw(" data-show=\"technique ").text(&place.to_string()).raw("\"");
    }
    let name = data.technique_names.get(place).filter(|name| !name.is_empty());
    let title = name.map_or_else(|| data.techniques[place].clone(), |name| format!("{} {name}", data.techniques[place]));
    let rules = counted(usize::try_from(count.rules).unwrap_or(usize::MAX), "rule");
    out.raw(">").name(&title).element("</span><span class=\"word\">", &word, ", ").text(&rules).raw("</span></li>");
}

/// Who carries the most risk.
pub(super) fn risk(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    if data.risk.is_empty() {
        out.raw("<p>No finding names a host or user.</p>");
        return out;
    }
    out.raw(
        "<div class=\"scroll\"><table class=\"stack\"><caption>The score is the sum of the scores of its findings</caption><thead><tr>",
    );
    out.raw("<th scope=\"col\">Name</th><th scope=\"col\">Kind</th><th scope=\"col\" class=\"number\">Score</th>");
    out.raw("<th scope=\"col\" class=\"number\">Findings</th><th scope=\"col\">Rules that add most</th><th scope=\"col\">First (UTC)</th>");
    out.raw("<th scope=\"col\">Last (UTC)</th></tr></thead><tbody>");
    for object in data.risk.iter().take(RISK_MAX) {
        let facet = match object.kind.as_str() {
            "system" => Some(("host", &data.hosts)),
            "user" => Some(("user", &data.users)),
            _ => None,
        };
        let place =
            facet.and_then(|(facet, names)| Some((facet, names.iter().position(|name| name.eq_ignore_ascii_case(&object.object))?)));
        out.raw("<tr><th scope=\"row\" class=\"host\"");
        if let Some((facet, place)) = place {
            out.raw(" data-show=\"").raw(facet).raw(" ").text(&place.to_string()).raw("\"");
        }
        out.named(">", &named(&object.object), "</th>");
        let kind = if object.kind == "system" { "host" } else { &object.kind };
        out.element("<td data-label=\"Kind\">", kind, "</td><td class=\"number\" data-label=\"Score\">").number(object.score);
        out.element("</td><td class=\"number\" data-label=\"Findings\">", &thousands(object.findings), "</td><td data-label=\"Rules\">");
        out.name(&object.rule_titles.iter().take(TITLES_MAX).map(|title| cut(title)).collect::<Vec<_>>().join("; "));
        if object.rule_titles.len() > TITLES_MAX {
            out.text(&format!(" and {} more", thousands((object.rule_titles.len() - TITLES_MAX) as u64)));
        }
        let (first, last) = object.times_us;
        out.element("</td><td class=\"time\" data-label=\"First (UTC)\">", &time(first), "</td>");
        out.element("<td class=\"time\" data-label=\"Last (UTC)\">", &time(last), "</td></tr>");
    }
    out.raw("</tbody></table></div>");
    more(&mut out, data.risk.len(), RISK_MAX, "object");
    out
}

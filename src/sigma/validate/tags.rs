//! Tags: a namespace, a dot and a name; what the namespaces of the specification may hold.

use super::super::context::ReadContext;
use super::super::rule::{self, TACTICS};
use crate::suggest::nearest;
use crate::yaml::Node;

/// The namespaces of the specification's appendix. Others are the author's own.
const NAMESPACES: [&str; 7] = ["attack", "car", "cve", "d3fend", "detection", "stp", "tlp"];
const DETECTIONS: [&str; 3] = ["dfir", "emerging-threats", "threat-hunting"];
const TLP: [&str; 5] = ["red", "amber", "amber-strict", "green", "clear"];

/// Checks one tag.
pub(super) fn check(context: &mut ReadContext<'_>, tag: &Node) {
    let text = tag.scalar_text().unwrap_or("");
    let formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let Some((namespace, name)) = text.split_once('.').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty()) else {
        return malformed(context, tag);
    };
    if !text.chars().all(formed) || text.ends_with('.') {
        return malformed(context, tag);
    }
    match namespace {
        "attack" if rule::attack(text).is_none() => unknown_attack(context, tag, name),
        "cve" if !is_cve(name) => context.lint(&tag.span, "sigma-invalid-tag", "a CVE is tagged as `cve.2021-44228`"),
        "detection" => one_of(context, tag, namespace, name, &DETECTIONS),
        "tlp" => one_of(context, tag, namespace, name, &TLP),
        _ if NAMESPACES.contains(&namespace) => {}
        _ => {
            if let Some(near) = nearest(namespace, NAMESPACES) {
                let message = format!("Sigma has no tag namespace `{namespace}`");
                context.lint_with(&tag.span, "sigma-invalid-tag", message, format!("did you mean `{near}.{name}`?"));
            }
        }
    }
}

fn malformed(context: &mut ReadContext<'_>, tag: &Node) {
    let message = "a tag is a namespace, a dot and a name, in lower case: `attack.t1059`";
    context.lint(&tag.span, "sigma-invalid-tag", message);
}

fn unknown_attack(context: &mut ReadContext<'_>, tag: &Node, name: &str) {
    let message = format!("`{name}` is not a tactic, technique, group or software id of ATT&CK");
    match nearest(name, TACTICS) {
        Some(near) => context.lint_with(&tag.span, "sigma-unknown-attack", message, format!("did you mean `attack.{near}`?")),
        None => context.lint_with(&tag.span, "sigma-unknown-attack", message, "a technique is `attack.t1059` or `attack.t1059.001`"),
    }
}

fn one_of(context: &mut ReadContext<'_>, tag: &Node, namespace: &str, name: &str, known: &[&'static str]) {
    if !known.contains(&name) {
        let message = format!("`{namespace}.` is followed by one of {}", known.join(", "));
        match nearest(name, known.iter().copied()) {
            Some(near) => context.lint_with(&tag.span, "sigma-invalid-tag", message, format!("did you mean `{namespace}.{near}`?")),
            None => context.lint(&tag.span, "sigma-invalid-tag", message),
        }
    }
}

/// `2021-44228`
fn is_cve(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    name.split_once('-').is_some_and(|(year, number)| year.len() == 4 && number.len() >= 4 && digits(year) && digits(number))
}

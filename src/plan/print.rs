//! Printing: a plan as indented text, for people (`retrohunt explain`).

use std::fmt::Write as _;

use crate::catalog::{Catalog, EventType};
use crate::ir::print_pred;

use super::{FieldExpr, FieldFunction, Plan};

/// Prints a plan: a block for each event type, what is missing, what there is to note. The stages are the same on every store.
pub fn print(plan: &Plan, catalog: &Catalog) -> String {
    let mut out = String::new();
    for branch in &plan.branches {
        let Some(event_type) = catalog.event_type(branch.event_type) else { continue };
        let name = |expr: &FieldExpr| field(expr, event_type);
        let events = if event_type.events == 1 { "event" } else { "events" };
        line(&mut out, &format!("{} ({}, {} {events}):", event_type.view, described(event_type), event_type.events));
        out.push_str(&print_pred(&branch.filter, 1, &name));
        for (rule_name, expr) in &branch.fields {
            line(&mut out, &format!("  {rule_name:?} is {}", name(expr)));
        }
    }
    if !plan.missing.is_empty() {
        line(&mut out, &format!("no event type has: {}", plan.missing.join(", ").escape_debug()));
    }
    for note in &plan.notes {
        line(&mut out, &format!("{}: {}", note.severity.as_str(), note.message.escape_debug()));
    }
    out
}

/// Prints where a field's value comes from.
pub fn field(expr: &FieldExpr, event_type: &EventType) -> String {
    match expr {
        FieldExpr::Missing => "nothing".to_owned(),
        FieldExpr::Constant(text) => format!("{text:?}"),
        FieldExpr::Column(index) => event_type.column(*index).field.escape_debug().to_string(),
        FieldExpr::Time => "the time".to_owned(),
        FieldExpr::Host => "the host".to_owned(),
        FieldExpr::Record => "the record number".to_owned(),
        FieldExpr::Message => "the rendered text".to_owned(),
        FieldExpr::Apply(FieldFunction::IsoTime, _) => "the time".to_owned(),
        FieldExpr::Apply(FieldFunction::InnerObject(path), inner) => format!("{}.{}", field(inner, event_type), path.escape_debug()),
        FieldExpr::Apply(function, inner) => {
            // Names of variants are the only names that functions of field maps have; their arguments would fill the screen.
            let name = format!("{function:?}");
            let name = name.split(['(', ' ']).next().unwrap_or_default();
            format!("{name}({})", field(inner, event_type))
        }
        FieldExpr::Coalesce(candidates) => {
            let candidates: Vec<String> = candidates.iter().map(|c| field(c, event_type)).collect();
            format!("first of ({})", candidates.join(", "))
        }
        FieldExpr::Default(inner, text) => format!("{} or {text:?}", field(inner, event_type)),
    }
}

fn described(event_type: &EventType) -> String {
    let parts = [event_type.product.as_str(), event_type.dataset.as_str(), event_type.code.as_str()];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ").escape_debug().to_string()
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string never fails");
}

//! `retrohunt explain`: what becomes of a rule on this store.

use std::path::PathBuf;

use super::Outcome;
use super::changes::ChangeArgs;
use super::printer::Printer;
use super::rules::{report_left_out, rules_of};
use super::store::StoreArgs;
use crate::catalog::Catalog;
use crate::hunt::{plan_inputs, plan_rule};
use crate::ir::{InputSource, RuleMeta, print_correlation, print_query};
use crate::plan::{self, Plan};
use crate::report::{visible, visible_text};
use crate::sql;
use crate::store::{SqlValue, Store};
use crate::taxonomy::Taxonomy;

/// Show what becomes of rules on this store.
///
/// The query in plain form; the event types that can answer it and where each field is in them; fields that are
/// missing; what is pruned; the SQL that a hunt runs, and SQLite's plan for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt explain rule.yml
  retrohunt explain page.md --store case.db | less")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let set = rules_of(&args.rules, &args.changes, printer)?;
    report_left_out(&set.diagnostics, set.documents, printer);
    let catalog = store.catalog()?;
    for rule in &set.rules {
        let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
        let mut text = String::new();
        head(&rule.meta, &mut text);
        section("Query", &print_query(&rule.query), &mut text);
        section("On this store", &format!("{}{}", plan::print(&plan, &catalog), pruning(&plan, &catalog)), &mut text);
        statement(&store, &plan, &catalog, &mut text)?;
        printer.data().write_all(visible_text(&text).as_bytes())?;
    }
    let inputs = plan_inputs(&set.correlations, &catalog, Taxonomy::embedded());
    for (index, correlation) in set.correlations.iter().enumerate() {
        let mut text = String::new();
        head(&correlation.meta, &mut text);
        section("Correlation", &print_correlation(correlation, &set.correlations), &mut text);
        for (_, number, plan) in inputs.iter().filter(|(of, ..)| *of == index) {
            let input = &correlation.inputs[*number];
            if let InputSource::Query(query) = &input.source {
                section(&format!("Query of {}", input.name), &print_query(query), &mut text);
            }
            let on_store = format!("{}{}", plan::print(plan, &catalog), pruning(plan, &catalog));
            section(&format!("{} on this store", input.name), &on_store, &mut text);
        }
        section("In a hunt", "the scan finds the events; a window slides over them by group and time, without SQL", &mut text);
        printer.data().write_all(visible_text(&text).as_bytes())?;
    }
    Ok(Outcome::partial_if(set.has_errors()))
}

fn head(meta: &RuleMeta, out: &mut String) {
    let level = meta.level.map_or(meta.detection_type.as_str(), |l| l.as_str());
    let attack: Vec<&str> = meta.techniques.iter().chain(&meta.tactics).map(String::as_str).collect();
    for (name, value) in
        [("Rule", meta.title.as_str()), ("Id", &meta.id), ("File", &meta.path), ("Level", level), ("ATT&CK", &attack.join(", "))]
    {
        if !value.is_empty() {
            out.push_str(&format!("{name:<8}{}\n", visible(value)));
        }
    }
}

fn section(title: &str, text: &str, out: &mut String) {
    out.push_str(&format!("\n{title}\n"));
    for line in text.lines() {
        out.push_str(&format!("  {line}\n"));
    }
}

fn pruning(plan: &Plan, catalog: &Catalog) -> String {
    match plan.branches.len() {
        0 => "none of the store's event types can match: the rule finds nothing here".to_owned(),
        kept => format!("{} of {} event types cannot match and are not read", catalog.types.len() - kept, catalog.types.len()),
    }
}

fn statement(store: &Store, plan: &Plan, catalog: &Catalog, out: &mut String) -> anyhow::Result<()> {
    if plan.branches.is_empty() || plan.stages.is_empty() {
        let text = if plan.branches.is_empty() { "none" } else { "none: the scan finds the events, each is a finding" };
        section("SQL of a hunt", text, out);
        return Ok(());
    }
    let statement = match sql::hunt(plan, catalog) {
        Ok(statement) => statement,
        Err(diagnostic) => {
            section("SQL of a hunt", &format!("none: {}", diagnostic.message), out);
            return Ok(());
        }
    };
    section("SQL of a hunt", &statement.sql, out);
    let result = store.run(&format!("EXPLAIN QUERY PLAN {}", statement.sql), &statement.parameters)?;
    let steps: Vec<String> = result.rows.iter().filter_map(|row| row.last()).filter_map(text).collect();
    section("Plan of SQLite", &steps.join("\n"), out);
    Ok(())
}

fn text(value: &SqlValue) -> Option<String> {
    if let SqlValue::Text(text) = value { Some(text.clone()) } else { None }
}

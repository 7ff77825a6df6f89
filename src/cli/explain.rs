//! `retrohunt explain`: how a rule runs on this store.

use std::path::PathBuf;

use super::Outcome;
use super::changes::ChangeArgs;
use super::clock::now_us;
use super::flags::with_flags;
use super::printer::Printer;
use super::rules::{report_left_out, rules_of};
use super::store::StoreArgs;
use super::words::{counted, thousands};
use crate::catalog::{Catalog, EventId};
use crate::exec::needs_order;
use crate::hunt::{HuntOptions, RuleMode, count_conditions, plan_inputs, plan_rule, rule_modes};
use crate::ir::{InputSource, RuleMeta, WindowClass, print_correlation, print_query, print_stage};
use crate::plan::{self, Plan};
use crate::report::{visible, visible_text};
use crate::sql;
use crate::store::Store;
use crate::taxonomy::Taxonomy;

/// Show how rules run on this store.
///
/// Prints the query in plain form, the event types that can match and where each field is stored in them, the fields
/// that are missing, how many event types are not read, what a hunt does stage by stage, the rule as portable SQL, and what
/// the next hunt would read for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt explain rule.yml
  retrohunt explain --counts rule.yml
  retrohunt explain page.md --store case.db | less")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// Count the events that meet each condition: shows where a rule that finds nothing loses its events
    #[arg(long)]
    counts: bool,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let set = rules_of(&args.rules, &args.changes, printer)?;
    report_left_out(&set, printer);
    let catalog = store.catalog()?;
    let modes = rule_modes(&store, &set.rules, &set.correlations, Taxonomy::embedded(), &HuntOptions::starting_at(now_us()))?;
    let mut modes = modes.iter();
    let last = store.last_event()?;
    // An empty line between two rules, none before the first.
    let mut gap = "";
    for rule in &set.rules {
        let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
        let mut text = std::mem::replace(&mut gap, "\n").to_owned();
        head(&rule.meta, &mut text);
        section("Query", &print_query(&rule.query), &mut text);
        section("On this store", &format!("{}{}", plan::print(&plan, &catalog), pruning(&plan, &catalog)), &mut text);
        if args.counts {
            counts(&store, &plan, &catalog, &mut text)?;
        }
        in_a_hunt(&plan, &rule.query.window_class(), &catalog, &mut text);
        next_hunt(modes.next(), last, &mut text);
        printer.data().write_all(visible_text(&text).as_bytes())?;
    }
    let inputs = plan_inputs(&set.correlations, &catalog, Taxonomy::embedded());
    for (index, correlation) in set.correlations.iter().enumerate() {
        let mut text = std::mem::replace(&mut gap, "\n").to_owned();
        head(&correlation.meta, &mut text);
        section("Correlation", &print_correlation(correlation, &set.correlations), &mut text);
        for (_, number, plan) in inputs.iter().filter(|(of, ..)| *of == index) {
            let input = &correlation.inputs[*number];
            if let InputSource::Query(query) = &input.source {
                section(&format!("Query of {}", input.name), &print_query(query), &mut text);
            }
            let on_store = format!("{}{}", plan::print(plan, &catalog), pruning(plan, &catalog));
            section(&format!("{} on this store", input.name), &on_store, &mut text);
            if args.counts {
                counts(&store, plan, &catalog, &mut text)?;
            }
        }
        section("In a hunt", "one scan of each event type finds the events; a window slides over them by group and time", &mut text);
        next_hunt(modes.next(), last, &mut text);
        printer.data().write_all(visible_text(&text).as_bytes())?;
    }
    Ok(Outcome::partial_if(set.has_errors()))
}

/// What the next hunt would read for the rule.
fn next_hunt(mode: Option<&RuleMode>, last: EventId, out: &mut String) {
    let new = |after: &EventId| match u64::try_from(last.0 - after.0) {
        Ok(0) | Err(_) => "there is no new event".to_owned(),
        Ok(new) => format!("it reads only what is new, at most {}", counted(new, "event")),
    };
    let text = match mode {
        None => return,
        Some(RuleMode::NewEvents { after }) => format!("{}; its earlier findings stay", new(after)),
        Some(RuleMode::NewMatches { after }) => {
            format!("{}; where one matches, it runs again over all its matches, else its earlier findings stay", new(after))
        }
        Some(RuleMode::Full(why)) => with_flags(&format!("it reads all events: {why}")).into_owned(),
    };
    section("Next hunt", &text, out);
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
        0 => format!("none of {} is read: the rule finds nothing here", counted(catalog.types.len() as u64, "event type")),
        kept => format!("{} of {} event types cannot match and are not read", catalog.types.len() - kept, catalog.types.len()),
    }
}

/// How many events meet each condition.
fn counts(store: &Store, plan: &Plan, catalog: &Catalog, out: &mut String) -> anyhow::Result<()> {
    let mut text = String::new();
    for (id, conditions) in count_conditions(store, catalog, plan)? {
        let event_type = catalog.event_type(id);
        let (view, events) = event_type.map_or(("", 0), |event_type| (event_type.view.as_str(), event_type.events));
        text.push_str(&format!("{view}, {}\n", counted(events, "event")));
        for condition in conditions {
            text.push_str(&format!("  {:>11}  {}\n", thousands(condition.events), condition.condition));
        }
    }
    if !text.is_empty() {
        section("Events that meet each condition", &text, out);
    }
    Ok(())
}

/// What a hunt does behind the condition, and the same rule as SQL for those who want to go on with it.
fn in_a_hunt(plan: &Plan, class: &WindowClass, catalog: &Catalog, out: &mut String) {
    if plan.branches.is_empty() {
        section("In a hunt", "nothing is read for this rule", out);
        return;
    }
    let mut text = "one scan of each event type finds the events that match\n".to_owned();
    if plan.steps.is_empty() {
        text.push_str("each of them is a finding");
    } else {
        let order = if needs_order(plan.stages()) { ", newest first" } else { "" };
        text.push_str(&format!("they go through these stages{order}; each row at the end is a finding\n"));
        for step in &plan.steps {
            let columns: Vec<String> = step.row.columns.iter().map(|column| visible(&column.name).into_owned()).collect();
            text.push_str(&format!("{}\n  columns: {}\n", print_stage(&step.stage).trim_end(), columns.join(", ")));
        }
    }
    text.push_str(&match class {
        WindowClass::Rows => "\nwith `--window` it is judged event by event as without".to_owned(),
        WindowClass::Groups => {
            "\nwith `--window` each window of time has groups of its own; without, the same groups have larger counts".to_owned()
        }
        WindowClass::Windows(why) => {
            format!("\nwith `--window` each window of time has a result of its own; without, the whole time is one window: {why}")
        }
        WindowClass::Whole => "\nit reads findings or a lookup, whole in every hunt".to_owned(),
    });
    section("In a hunt", &text, out);
    match sql::portable(plan, catalog) {
        Ok(statement) if statement.not_portable.is_empty() => section("As portable SQL", &statement.sql, out),
        Ok(statement) => {
            let gaps: Vec<&str> = statement.not_portable.iter().map(|gap| gap.message.as_str()).collect();
            section("As portable SQL", &format!("none: {}", gaps.join("; ")), out);
        }
        Err(diagnostic) => section("As portable SQL", &format!("none: {}", diagnostic.message), out),
    }
}

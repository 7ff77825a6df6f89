//! `retrohunt views`: which views the store has, and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use super::Outcome;
use super::format::FormatArgs;
use super::hints::did_you_mean_or;
use super::printer::Printer;
use super::sql::value;
use super::store::StoreArgs;
use super::words::counted_len;
use crate::catalog::Catalog;
use crate::ir::Pred;
use crate::plan::category_views;
use crate::report::{ListWriter, VIEW, VIEW_COLUMN, ViewRow, cell_text, view_column_row, view_row, visible};
use crate::store::{QueryLimits, SqlValue, StoreError, TypedQueries};
use crate::taxonomy::Taxonomy;

/// List the views of the store, or the columns of one.
///
/// `retrohunt sql` queries these views. There is one for each kind of event (`security_5145`, `sysmon_1`), one for each Sigma
/// category (`process_creation`), and `events` has what all events share.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt views
  retrohunt views process_creation
  retrohunt views --format json > views.json")]
pub(crate) struct Args {
    /// Show the columns of this view, each with a value
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

/// Views that every store has, and what they hold.
const GENERAL: [(&str, &str); 12] = [
    ("events", "all events: time, host, kind, source"),
    ("findings", "what hunts found, as `retrohunt findings` lists it"),
    ("finding_summary", "findings by rule and host"),
    ("finding_events", "the events behind findings"),
    ("timeline", "the events behind current findings, with level and details"),
    ("hunts", "when each hunt ran, over which time, and what it found"),
    ("rules", "what the rules of findings say of themselves"),
    ("rule_outcomes", "what became of each rule in its last hunt"),
    ("messages", "rendered messages (compressed: only `retrohunt sql` reads them)"),
    ("other_fields", "fields and kinds of events that have no column or view of their own"),
    ("event_head", "what the other views begin with"),
    ("overflow_text", "what the other views read of fields that have no column"),
];

/// Rows among which an example for each column is looked for.
const EXAMPLE_ROWS: usize = 200;

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut store = args.store.open_read_only()?;
    let catalog = store.catalog()?;
    let queries = store.typed_queries(&QueryLimits::default())?;
    let names = queries.view_names()?;
    match &args.name {
        Some(name) => columns(name, &names, &queries, args, printer)?,
        None => list(&names, &catalog, &queries, args, printer)?,
    }
    Ok(Outcome::Complete)
}

fn columns(name: &str, names: &[String], queries: &TypedQueries<'_>, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    let Some(view) = names.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
        bail!("there is no view `{}`{}", visible(name), did_you_mean_or(name, names, "`retrohunt views` lists them"));
    };
    let (columns, rows) = (queries.view_columns(view)?, queries.view_rows(view, EXAMPLE_ROWS)?);
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &VIEW_COLUMN, width)?;
    for (index, column) in columns.iter().enumerate() {
        let example = rows.iter().map(|row| &row[index]).find(|cell| !matches!(cell, SqlValue::Null));
        let example = example.cloned().map(value);
        writer.row(&view_column_row(view, column, example.as_ref().map(cell_text).as_deref()))?;
    }
    writer.finish()?;
    printer.note(&counted_len(columns.len(), "column"));
    Ok(())
}

fn list(names: &[String], catalog: &Catalog, queries: &TypedQueries<'_>, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    let mut views = described(names, catalog, queries)?;
    let order = ["general", "category", "data set", "event type"];
    let place =
        |view: &ViewRow| (order.iter().position(|kind| *kind == view.kind), GENERAL.iter().position(|(name, _)| *name == view.view));
    views.sort_by(|a, b| (place(a), &a.view).cmp(&(place(b), &b.view)));
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &VIEW, width)?;
    for view in &views {
        writer.row(&view_row(view))?;
    }
    writer.finish()?;
    printer.note(&format!("{}; `retrohunt views NAME` shows the columns of one", counted_len(views.len(), "view")));
    Ok(())
}

fn described(names: &[String], catalog: &Catalog, queries: &TypedQueries<'_>) -> Result<Vec<ViewRow>, StoreError> {
    let taxonomy = Taxonomy::embedded();
    let categories: BTreeSet<&str> = taxonomy.categories("windows").map(|(name, _)| name).collect();
    let events: BTreeMap<_, _> = catalog.types.iter().map(|of| (of.id, of.events)).collect();
    let combined: BTreeMap<String, Option<u64>> = category_views(catalog, taxonomy)
        .into_iter()
        .map(|view| {
            // Without a condition a member gives all its events: nothing has to be read to count them.
            let whole = view.members.iter().all(|member| member.condition == Pred::True);
            (view.name, whole.then(|| view.members.iter().filter_map(|member| events.get(&member.event_type)).sum()))
        })
        .collect();
    let types: BTreeMap<&str, _> = catalog.types.iter().map(|of| (of.view.as_str(), of)).collect();
    let all: u64 = events.values().sum();
    let describe = |view: &String| {
        let (kind, holds, known) = match (GENERAL.iter().find(|(name, _)| name == view), types.get(view.as_str()), combined.get(view)) {
            (Some((name, holds)), ..) => ("general", (*holds).to_owned(), (*name == "events").then_some(all)),
            (_, Some(of), _) => ("event type", [&of.dataset, " ", &of.code].map(|part: &str| part).concat(), Some(of.events)),
            (_, _, Some(known)) if categories.contains(view.as_str()) => ("category", "events of this Sigma category".to_owned(), *known),
            (_, _, known) => ("data set", "events of this CIM data set".to_owned(), known.copied().flatten()),
        };
        let rows = known.or_else(|| queries.view_count(view).ok());
        Ok(ViewRow { view: view.clone(), kind, holds: holds.trim().to_owned(), rows, columns: queries.view_columns(view)? })
    };
    names.iter().map(describe).collect()
}

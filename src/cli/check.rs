//! `retrohunt check`: what is wrong with rules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::Outcome;
use super::changes::ChangeArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::verdicts::{KEPT_OUT, OBSTACLES_OF_CHECK, documents, kept_out_list, obstacles, statuses, summary};
use super::words::{counted_len, thousands};
use crate::catalog::Catalog;
use crate::compile::{RuleSet, load_rules};
use crate::diag::{Diagnostic, Severity, has_errors};
use crate::hunt::{unanswered, unanswered_correlation};
use crate::report::{Format, ListWriter, ListingShape, TableColumn, sarif, to_json, visible};
use crate::status::{KeptOut, Verdict, kept_out, lint, needs, unknown_techniques, verdicts};
use crate::taxonomy::{AttackMatrix, Taxonomy};

/// Check rules and show each fault with its place.
///
/// An error means that a rule does not compile. A warning means that it departs from the Sigma specification or cannot do
/// what it says: misspelt keys, unknown tags, unused detections, conditions that no event can meet, messages and risk
/// objects of fields that a search does not output. Pipelines are checked too, and the rules after them. Every rule has a
/// status: answered, needs data, unsupported or invalid; what keeps most rules out is counted. Only `--against-store` needs
/// a store. Exits with 3 when there is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt check rules/
  retrohunt check rules/ --deny warnings --format sarif > rules.sarif
  retrohunt check sigma/rules --against-store --store case.db
  retrohunt check my_rule.yml --format json")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    changes: ChangeArgs,
    /// Also exit with 3 on this
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Also note what the store has no events for: log sources, and fields that none of their events has
    #[arg(long)]
    against_store: bool,
    #[command(flatten)]
    store: StoreArgs,
    /// How the output is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, hide_default_value = true, help_heading = "Output")]
    format: CheckFormat,
}

/// What `--deny` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings too
    Warnings,
}

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum CheckFormat {
    /// Each fault with its line and carets (the default)
    #[default]
    Table,
    /// One object: counts and the list
    Json,
    /// One object a line
    Jsonl,
    /// Comma-separated, with a header line
    Csv,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    if let Some(missing) = args.paths.iter().find(|p| !p.exists()) {
        bail!("there is no rule file or folder `{}`", visible(&missing.to_string_lossy()));
    }
    let store = if args.against_store { Some(args.store.open_read_only()?) } else { None };
    let (mut options, of_changes) = args.changes.read()?;
    options.sigma.validate = true;
    // With a broken pipeline nothing can be said of the rules.
    let mut set = if has_errors(&of_changes) { RuleSet::default() } else { load_rules(&args.paths, &options) };
    // First, because a reader mends the pipeline before the rules.
    set.diagnostics.splice(0..0, of_changes);
    set.rules.iter().for_each(|rule| set.diagnostics.extend(lint(rule)));
    let of_rules = set.rules.iter().map(|rule| (&rule.meta, &rule.origin));
    let all = of_rules.chain(set.correlations.iter().map(|correlation| (&correlation.meta, &correlation.origin)));
    set.diagnostics.extend(all.flat_map(|(meta, origin)| unknown_techniques(meta, origin, AttackMatrix::embedded())));
    let mut without_events = None;
    let notes = match store {
        Some(store) => {
            let (notes, cannot_fire) = against(&set, &store.catalog()?);
            without_events = Some(cannot_fire);
            notes
        }
        // What a store has is known only with one; without it, what no store can have is told.
        None => set.rules.iter().flat_map(|rule| needs(rule, Taxonomy::embedded())).collect(),
    };
    set.diagnostics.extend(notes);
    let verdicts = verdicts(&set);
    let kept_out = kept_out(&verdicts);
    match args.format {
        CheckFormat::Table => printer.listed_diagnostics(&set.diagnostics)?,
        CheckFormat::Json => {
            let diagnostics: Vec<Value> = set.diagnostics.iter().map(object).collect();
            let all = json!({
                "rules": set.documents.len(),
                "compiled": set.compiled,
                "statuses": statuses(&verdicts),
                "kept_out": kept_out_list(&kept_out),
                "skipped": skipped_counts(&set),
                "documents": documents(&verdicts),
                "diagnostics": diagnostics,
            });
            printer.data().write_all(to_json(&all).as_bytes())?;
        }
        CheckFormat::Jsonl => list(Format::Jsonl, &set, printer)?,
        CheckFormat::Csv => list(Format::Csv, &set, printer)?,
        CheckFormat::Sarif => printer.data().write_all(to_json(&sarif(&set.diagnostics)).as_bytes())?,
    }
    printer.flush()?;
    if set.documents.is_empty() && set.diagnostics.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| format!("`{}`", visible(&path.to_string_lossy()))).collect();
        printer.warning(&format!("there are no rules in {}: nothing was checked", paths.join(", ")));
    }
    let cannot_fire = without_events.map(|without| format!("{} cannot fire in `{}`", counted_len(without, "rule"), args.store.shown()));
    say(&set, cannot_fire, &verdicts, &kept_out, printer);
    let (errors, warnings) = (count(&set, Severity::Error), count(&set, Severity::Warning));
    Ok(Outcome::partial_if(errors > 0 || (warnings > 0 && args.deny == Some(Deny::Warnings))))
}

fn count(set: &RuleSet, severity: Severity) -> usize {
    set.diagnostics.iter().filter(|d| d.severity == severity).count()
}

fn say(set: &RuleSet, cannot_fire: Option<String>, verdicts: &[Verdict<'_>], kept_out: &[KeptOut], printer: &Printer) {
    let mut text = format!(
        "{}, {} compiled; {}, {}",
        counted_len(set.documents.len(), "rule"),
        thousands(set.compiled as u64),
        counted_len(count(set, Severity::Error), "error"),
        counted_len(count(set, Severity::Warning), "warning")
    );
    if let Some(cannot_fire) = cannot_fire {
        text.push_str(&format!("; {cannot_fire}"));
    }
    let skipped: Vec<String> = set.skipped.iter().map(|(what, count)| format!("{} {}", what.plural(), thousands(*count as u64))).collect();
    if !skipped.is_empty() {
        text.push_str(&format!("; not rules: {}", skipped.join(", ")));
    }
    printer.note(&text);
    if let Some(summary) = summary(verdicts) {
        printer.note(&format!("status: {summary}"));
        printer.note(&format!("{KEPT_OUT}{}", obstacles(kept_out, OBSTACLES_OF_CHECK)));
    }
}

/// What of the rules and correlations a store cannot answer, and how many of them cannot fire.
fn against(set: &RuleSet, catalog: &Catalog) -> (Vec<Diagnostic>, usize) {
    let (mut notes, mut cannot_fire) = (Vec::new(), 0);
    for rule in &set.rules {
        let unanswered = unanswered(rule, catalog, Taxonomy::embedded());
        cannot_fire += usize::from(unanswered.cannot_fire);
        notes.extend(unanswered.notes);
    }
    for (index, _) in set.correlations.iter().enumerate().filter(|(_, correlation)| correlation.reports) {
        let note = unanswered_correlation(index, &set.correlations, catalog, Taxonomy::embedded());
        cannot_fire += usize::from(note.is_some());
        notes.extend(note);
    }
    (notes, cannot_fire)
}

fn skipped_counts(set: &RuleSet) -> BTreeMap<&str, usize> {
    set.skipped.iter().map(|(what, count)| (what.plural(), *count)).collect()
}

fn list(format: Format, set: &RuleSet, printer: &mut Printer) -> std::io::Result<()> {
    let shape = ListingShape::new(["severity", "code", "message", "path", "line", "column"], vec![TableColumn::text("code", "Code")]);
    let mut writer = ListWriter::new(printer.data(), format, &shape, None)?;
    for diagnostic in &set.diagnostics {
        let object = object(diagnostic);
        let values: Vec<Value> = shape.fields.iter().map(|field| object[field].clone()).collect();
        writer.row(&values)?;
    }
    writer.finish()?;
    Ok(())
}

fn object(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.line_column();
    json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "path": diagnostic.source.as_ref().map(|s| s.path.as_str()),
        "line": place.map(|(line, _)| line),
        "column": place.map(|(_, column)| column),
    })
}

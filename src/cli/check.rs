//! `retrohunt check`: what is wrong with rules.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::words::counted_len;
use crate::compile::{CompileOptions, RuleSet, load_rules};
use crate::diag::{Diagnostic, Severity};
use crate::report::{Format, ListWriter, Shape, TableColumn, to_json, visible};

/// Check rules and show each fault with its place.
///
/// Needs no store. Ends with 3 when a rule does not compile.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt check rules/
  retrohunt check my_rule.yml --format json")]
pub(crate) struct Args {
    /// Rule files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    if let Some(missing) = args.paths.iter().find(|p| !p.exists()) {
        bail!("there is no rule file or folder `{}`", visible(&missing.to_string_lossy()));
    }
    let set = load_rules(&args.paths, &CompileOptions::default());
    match args.output.format {
        Format::Table => printer.listed_diagnostics(&set.diagnostics)?,
        Format::Json => {
            let diagnostics: Vec<Value> = set.diagnostics.iter().map(object).collect();
            let all = json!({ "rules": set.documents, "compiled": set.rules.len(), "diagnostics": diagnostics });
            printer.data().write_all(to_json(&all).as_bytes())?;
        }
        Format::Jsonl | Format::Csv => list(args.output.format, &set, printer)?,
    }
    let count = |severity| set.diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    printer.flush()?;
    let (rules, compiled) = (counted_len(set.documents, "rule"), set.rules.len());
    printer.note(&format!("{rules}, {compiled} compiled; {}, {}", counted_len(errors, "error"), counted_len(warnings, "warning")));
    Ok(Outcome::partial_if(errors > 0))
}

fn list(format: Format, set: &RuleSet, printer: &mut Printer) -> std::io::Result<()> {
    let shape = Shape::new(["severity", "code", "message", "path", "line", "column"], vec![TableColumn::text("code", "Code")]);
    let mut writer = ListWriter::new(printer.data(), format, &shape, None)?;
    for diagnostic in &set.diagnostics {
        let object = object(diagnostic);
        let values: Vec<Value> = shape.fields.iter().map(|field| object[field].clone()).collect();
        writer.row(&values)?;
    }
    writer.finish()
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

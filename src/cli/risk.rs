//! `retrohunt risk`: users and systems by the risk that findings put on them.

use super::Outcome;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::counted_len;
use crate::report::{FINDING, ListWriter, RISK, finding_row, risk_row};
use crate::store::{FindingFilter, Store};

/// Rank users and systems by the risk of their findings, or list the findings of one.
///
/// The score of an object is the sum of the scores of its findings, of Sigma rules and Splunk detections alike.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt risk
  retrohunt risk --type user --limit 20
  retrohunt risk dc01.corp.example
  retrohunt risk --format csv > risk.csv")]
pub(crate) struct Args {
    /// List the findings of this user or system instead
    #[arg(value_name = "OBJECT")]
    object: Option<String>,
    /// Only objects of this type
    #[arg(long, value_name = "TYPE", value_parser = ["user", "system", "other"], help_heading = "Filters")]
    r#type: Option<String>,
    /// Only findings with an event at or after this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only findings with an event before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// At most so many objects; 0: all
    #[arg(long, value_name = "NUMBER", value_parser = values::limit, help_heading = "Filters")]
    limit: Option<usize>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let store = args.store.open_read_only()?;
    let filter = FindingFilter { since_us, until_us, ..FindingFilter::default() };
    match &args.object {
        Some(object) => of_one(&store, &filter, object, args, printer)?,
        None => rank(&store, &filter, args, printer)?,
    }
    Ok(Outcome::Complete)
}

fn rank(store: &Store, filter: &FindingFilter, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    let width = printer.width();
    let mut ranked = store.risk_ranking(filter)?;
    ranked.retain(|object| args.r#type.as_ref().is_none_or(|kind| object.kind == *kind));
    let all = ranked.len();
    ranked.truncate(args.limit.unwrap_or(usize::MAX));
    let mut writer = ListWriter::new(printer.data(), args.output.format, &RISK, width)?;
    ranked.iter().try_for_each(|object| writer.row(&risk_row(object)))?;
    let left_out = writer.finish()?;
    printer.note_left_out(&left_out);
    match (all, ranked.len()) {
        (0, _) => printer.note("no finding names a user or system: hunt first, or widen the filters"),
        (all, shown) if shown < all => printer.note(&format!("{shown} of {} are shown", counted_len(all, "object"))),
        _ => printer.note(&format!("{}; `retrohunt risk OBJECT` lists the findings of one", counted_len(all, "object"))),
    }
    Ok(())
}

fn of_one(store: &Store, filter: &FindingFilter, object: &str, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &FINDING, width)?;
    let mut count = 0;
    store.each_finding(filter, &mut |finding| {
        let is_meant = |own: &serde_json::Value| {
            let text = |key: &str| own.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_lowercase();
            text("value") == object.to_lowercase() && args.r#type.as_ref().is_none_or(|kind| text("type") == *kind)
        };
        if finding.risk_objects.iter().any(is_meant) {
            count += 1;
            writer.row(&finding_row(&finding))?;
        }
        anyhow::Ok(())
    })?;
    let left_out = writer.finish()?;
    printer.note_left_out(&left_out);
    match count {
        0 => printer.note(&format!("no finding puts `{object}` at risk: `retrohunt risk` lists who is")),
        count => printer.note(&counted_len(count, "finding")),
    }
    Ok(())
}

//! `retrohunt logons`: who logged on where, from where and how.

use clap::ValueEnum;

use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::{counted, counted_len, thousands};
use super::{Outcome, values};
use crate::overview::{LogonOptions, LogonSummary, logons};
use crate::report::{LOGONS, ListWriter, logons_row};

/// Count Windows logons: a row for each account, source, host and type of logon.
///
/// Counted are logons (Security 4624), those with special privileges (4672), failed logons (4625) with their reasons, and explicit
/// credentials (4648: somebody on the host `From` used the account for the host `To`). Machine accounts, accounts of Windows itself and
/// logons of services are left out unless `--all` is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt logons
  retrohunt logons --sort failures --limit 20
  retrohunt logons --user alice --since 2024-05-01
  retrohunt logons --host dc01 --all --format csv > logons.csv")]
pub(crate) struct Args {
    /// Also machine accounts, accounts of Windows itself, and logons of services
    #[arg(long)]
    all: bool,
    /// What comes first
    #[arg(long, value_name = "BY", value_enum, default_value_t = LogonSort::Count)]
    sort: LogonSort,
    /// Only this account: `alice` or `CORP\alice`
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    user: Option<String>,
    /// Only events of this host: `ws07` is also `ws07.corp.example`
    #[arg(long, value_name = "HOST", help_heading = "Filters")]
    host: Option<String>,
    /// Only events at or after this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// At most so many rows; 0: all
    #[arg(long, value_name = "NUMBER", value_parser = values::limit, help_heading = "Filters")]
    limit: Option<usize>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogonSort {
    /// The most events
    Count,
    /// The most failed logons
    Failures,
    /// The oldest
    First,
    /// The newest
    Last,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let store = args.store.open_read_only()?;
    let mut options = LogonOptions::new();
    options.filter.host.clone_from(&args.host);
    (options.filter.since_us, options.filter.until_us) = (since_us, until_us);
    options.user.clone_from(&args.user);
    options.all = args.all;
    let mut found = logons(&store, &options)?;
    // Stable: rows that are equal stay in the order of accounts.
    match args.sort {
        LogonSort::Count => found.rows.sort_by_key(|row| std::cmp::Reverse(row.metrics.events)),
        LogonSort::Failures => found.rows.sort_by_key(|row| std::cmp::Reverse((row.failures, row.metrics.events))),
        LogonSort::First => found.rows.sort_by_key(|row| (row.metrics.first_us.is_none(), row.metrics.first_us)),
        LogonSort::Last => found.rows.sort_by_key(|row| std::cmp::Reverse(row.metrics.last_us)),
    }
    let shown: &[LogonSummary] = &found.rows[..found.rows.len().min(args.limit.unwrap_or(usize::MAX))];
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &LOGONS, width)?;
    shown.iter().try_for_each(|row| writer.row(&logons_row(row)))?;
    let left_out = writer.finish()?;
    printer.note_left_out(&left_out);
    let events: u64 = found.rows.iter().map(|row| row.metrics.events).sum();
    printer.note(&match (found.rows.len(), shown.len()) {
        (0, _) => "no logons: the store has no such events of Security (4624, 4625, 4648), or the filters leave none".to_owned(),
        (all, shown) if shown < all => format!("{} of {} are shown", thousands(shown as u64), counted_len(all, "row")),
        (all, _) => format!("{} of {}", counted_len(all, "row"), counted(events, "event")),
    });
    if found.left_out > 0 {
        let what = counted(found.left_out, "event");
        printer.note(&format!("{what} of machine accounts, Windows itself and services left out: `--all` counts them too"));
    }
    Ok(Outcome::Complete)
}

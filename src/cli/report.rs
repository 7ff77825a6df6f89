//! `retrohunt report`: what was found as one page for a browser.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Outcome;
use super::findings::WhomArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::{bytes, counted_len};
use crate::event::format_time;
use crate::ir::Level;
use crate::report::html::{self, ReportData};
use crate::report::visible;
use crate::store::FindingFilter;

/// Write the findings as one page for a browser.
///
/// The page is one file that needs no network: summary, timeline, ATT&CK matrix, hosts and users by risk, and all findings with filters,
/// search, evidence and the SQL of their rules. It opens from a mail, prints, and shows the most important tables without JavaScript.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt report --html report.html
  retrohunt report --html report.html --level high --since 2024-01-01
  retrohunt report --html for-the-vendor.html --redact")]
pub(crate) struct Args {
    /// The file to write; `-` is standard output. An older report is replaced, any other file is not
    #[arg(long, required = true, value_name = "FILE")]
    html: PathBuf,
    /// Only findings of rules of this level or above
    #[arg(long, value_name = "LEVEL", value_parser = values::level, help_heading = "Filters")]
    level: Option<Level>,
    /// Only findings with an event at or after this time; with `--until`, an event between the two
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only findings with an event before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    #[command(flatten)]
    whom: WhomArgs,
    /// Put pseudonyms in place of hosts, users, domains and addresses, in every text of the page
    ///
    /// Names that are encoded (base64 in a command line) stay, and so do names that nothing in the findings marks as such: read the page
    /// before you give it away.
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let is_stdout = args.html.as_os_str() == "-";
    if !is_stdout {
        must_be_free(&args.html)?;
    }
    let store = args.store.open_read_only()?;
    let times_and_level = FindingFilter { min_level: args.level, since_us, until_us, ..FindingFilter::default() };
    let filter = args.whom.filter(times_and_level);
    let mut data = html::gather(&store, &filter)?;
    data.scope.extend(filters(&filter));
    if args.redact {
        html::redact(&mut data);
    }
    if is_stdout {
        html::write_html(&data, printer.data())?;
    } else {
        write_file(&args.html, &data)?;
        let size = std::fs::metadata(&args.html).map(|file| file.len()).unwrap_or(0);
        let shown = visible(&args.html.to_string_lossy()).into_owned();
        printer.note(&format!("{} in `{shown}` ({})", counted_len(data.findings.len(), "finding"), bytes(size)));
    }
    Ok(Outcome::Complete)
}

/// What was asked for, for the head of the page.
fn filters(filter: &FindingFilter) -> Vec<(String, String)> {
    let time = |us: Option<i64>| us.map(format_time);
    let level = filter.min_level.map(|level| format!("{} and above", level.as_str()));
    let (host, user, status) = (filter.host.clone(), filter.user.clone(), filter.status.clone());
    let (since, until) = (time(filter.since_us), time(filter.until_us));
    let all = [("Level", level), ("Since", since), ("Until", until), ("Host", host), ("User", user), ("Status", status)];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Before the long work: the folder must be there, and what stands in the way must be a report. `--html case.db` must not cost a case.
fn must_be_free(path: &Path) -> anyhow::Result<()> {
    let shown = visible(&path.to_string_lossy()).into_owned();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        bail!("cannot write `{shown}`: there is no folder `{}`", visible(&folder.to_string_lossy()));
    }
    if path.is_dir() {
        bail!("cannot write `{shown}`: it is a folder");
    }
    if path.is_file() {
        let mut start = Vec::new();
        let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
        file.take(html::MARK.len() as u64).read_to_end(&mut start).with_context(|| format!("cannot read `{shown}`"))?;
        if !start.is_empty() && start != html::MARK.as_bytes() {
            bail!("`{shown}` exists and is not a report of retrohunt: choose another name, or remove it first");
        }
    }
    Ok(())
}

/// Writes beside the file and then takes its name, so that nobody opens half a page. What is not a file (a pipe, `/dev/stdout`) is
/// written as it is.
fn write_file(path: &Path, data: &ReportData) -> anyhow::Result<()> {
    let shown = visible(&path.to_string_lossy()).into_owned();
    let failed = || format!("cannot write `{shown}`");
    if path.exists() && !path.is_file() {
        let mut out = BufWriter::new(File::create(path).with_context(failed)?);
        return html::write_html(data, &mut out).with_context(failed);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut out = BufWriter::new(File::create(&part).with_context(failed)?);
    let written = html::write_html(data, &mut out).and_then(|()| out.flush()).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        drop(std::fs::remove_file(&part)); // the error is told, and half a page is of no use
    }
    written.with_context(failed)
}

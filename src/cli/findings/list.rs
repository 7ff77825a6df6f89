//! How findings are listed: folded by rule and host, or one by one.

use std::sync::mpsc::sync_channel;

use anyhow::Context;

use crate::cli::printer::Printer;
use crate::cli::words::{counted, counted_len, thousands};
use crate::cli::{UsageError, values};
use crate::event::format_time;
use crate::ir::Level;
use crate::report::{Format, ListWriter, add_group_columns, finding_group_row, finding_group_shape, finding_row, finding_shape, visible};
use crate::store::{FindingFilter, FindingGroup, FindingOrder, FindingRow, FindingSummary, GroupBy, HuntId, Store};
use crate::taxonomy::AttackMatrix;

/// Lines of a folded table where nothing else is asked for: with the summary they are two screens of 50 lines, also where rules do not
/// compile and the names of critical rules take several lines.
const LINES: u64 = 55;
/// What a finding is of which nobody said anything.
const NEW: &str = "new";
/// Findings that one thread hands to another at once, and how many such chunks it is ahead.
const CHUNK: usize = 128;
const CHUNKS_AHEAD: usize = 8;
/// Lines of each part of the summary.
const TOP: usize = 5;

/// How findings are listed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    /// List each finding; else a table has one line for each rule and host
    #[arg(long, conflicts_with = "group_by", help_heading = "List")]
    all: bool,
    /// Fold findings by what they have in common
    #[arg(long, value_enum, value_name = "NAME", help_heading = "List")]
    group_by: Option<GroupName>,
    /// What comes first
    #[arg(long, value_enum, value_name = "ORDER", help_heading = "List")]
    sort: Option<OrderName>,
    /// So many lines at most; 0: all [default: 55 of a folded table, else all]
    #[arg(long, value_name = "N", help_heading = "List")]
    limit: Option<u64>,
}

/// Which findings.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FindingArgs {
    /// Only findings of rules with this id, or with this text in title or path
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    rule: Option<String>,
    /// Only findings of rules of this level or above; a Splunk detection counts by its risk score
    #[arg(long, value_name = "LEVEL", value_parser = values::level, help_heading = "Filters")]
    level: Option<Level>,
    /// Only findings of rules with this tag, ATT&CK technique (with its sub-techniques), tactic or analytic story; older ids and names of
    /// ATT&CK work too
    #[arg(long, value_name = "TAG", help_heading = "Filters")]
    tag: Option<String>,
    /// Only what has an event at or after this time; with `--until`, an event between the two
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only what has an event before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// Only findings of this hunt; `retrohunt sql "SELECT * FROM hunts"` lists the hunts
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    hunt: Option<i64>,
    /// Only findings that the last hunt, or that of `--hunt`, found for the first time
    #[arg(long, help_heading = "Filters")]
    new: bool,
    #[command(flatten)]
    whom: WhomArgs,
}

impl FindingArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// When no time is between `--since` and `--until`.
    pub(crate) fn filter(&self) -> Result<FindingFilter, UsageError> {
        let (since_us, until_us) = values::span(self.since, self.until)?;
        Ok(self.whom.filter(FindingFilter {
            rule: self.rule.clone(),
            min_level: self.level,
            tags: self.tag.as_ref().map(|tag| AttackMatrix::embedded().names_of(tag)).unwrap_or_default(),
            since_us,
            until_us,
            hunt: self.hunt.map(HuntId),
            is_new: self.new,
            ..FindingFilter::default()
        }))
    }
}

/// Whom findings are about, and what was said of them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct WhomArgs {
    /// Only findings about this host, and of their hosts and events only its own; the name before the first dot is enough
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    host: Option<String>,
    /// Only findings about this user, with or without the domain
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    user: Option<String>,
    /// Only findings with this triage status; `new`: without any
    #[arg(long, value_name = "STATUS", help_heading = "Filters")]
    status: Option<String>,
}

impl WhomArgs {
    /// Adds what is asked for to a filter.
    pub(crate) fn filter(&self, filter: FindingFilter) -> FindingFilter {
        let mut filter = filter;
        (filter.host, filter.user, filter.status) = (self.host.clone(), self.user.clone(), self.status.clone());
        filter
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GroupName {
    /// Rule and host
    RuleHost,
    /// Rule
    Rule,
    /// Host
    Host,
    /// User
    User,
    /// ATT&CK technique
    Technique,
    /// Level
    Level,
    /// Day of the first event
    Day,
    /// Triage status
    Status,
}

impl From<GroupName> for GroupBy {
    fn from(name: GroupName) -> Self {
        match name {
            GroupName::RuleHost => Self::RuleHost,
            GroupName::Rule => Self::Rule,
            GroupName::Host => Self::Host,
            GroupName::User => Self::User,
            GroupName::Technique => Self::Technique,
            GroupName::Level => Self::Level,
            GroupName::Day => Self::Day,
            GroupName::Status => Self::Status,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OrderName {
    /// The highest level first, then the most findings
    Level,
    /// The earliest first
    Time,
    /// The most first
    Count,
}

impl From<OrderName> for FindingOrder {
    fn from(name: OrderName) -> Self {
        match name {
            OrderName::Level => Self::Level,
            OrderName::Time => Self::Time,
            OrderName::Count => Self::Count,
        }
    }
}

impl ListArgs {
    /// Lists the findings that a filter lets pass. Returns whether there are any. With `is_long` another thread reads them.
    pub(crate) fn write(
        &self,
        (store, is_long): (&Store, bool),
        filter: &FindingFilter,
        format: Format,
        printer: &mut Printer,
    ) -> anyhow::Result<bool> {
        let is_read = matches!(format, Format::Table | Format::Vertical);
        match self.group_by {
            Some(name) => self.folded(store, filter, name.into(), format, printer),
            None if is_read && !self.all => self.folded(store, filter, GroupBy::RuleHost, format, printer),
            None => self.single((store, is_long), filter, (format, is_read), printer),
        }
    }

    fn folded(&self, store: &Store, filter: &FindingFilter, by: GroupBy, format: Format, printer: &mut Printer) -> anyhow::Result<bool> {
        let groups = store.finding_groups(filter, by, self.sort.map(FindingOrder::from).unwrap_or_default())?;
        let most = match (self.limit, format) {
            (Some(0), _) => usize::MAX,
            (Some(limit), _) => usize::try_from(limit).unwrap_or(usize::MAX),
            (None, Format::Table | Format::Vertical) => usize::try_from(LINES).expect("a small number"),
            (None, _) => usize::MAX,
        };
        let is_triaged = |group: &FindingGroup| group.statuses.iter().any(|status| status != NEW);
        let mut shape = finding_group_shape(by);
        add_group_columns(&mut shape, filter.with_past, groups.iter().any(is_triaged));
        let width = printer.width();
        let mut writer = ListWriter::new(printer.data(), format, &shape, width)?;
        groups.iter().take(most).try_for_each(|group| writer.row(&finding_group_row(group)))?;
        let left_out = writer.finish()?;
        printer.flush()?;
        printer.note_left_out(&left_out);
        if groups.len() > most {
            let (shown, all) = (thousands(most as u64), counted_len(groups.len(), "line"));
            printer.note(&format!("{shown} of {all}: `--limit 0` shows all, `--level high` or `--host NAME` fewer"));
        }
        Ok(!groups.is_empty())
    }

    fn single(
        &self,
        (store, is_long): (&Store, bool),
        filter: &FindingFilter,
        (format, is_read): (Format, bool),
        printer: &mut Printer,
    ) -> anyhow::Result<bool> {
        let limit = self.limit.filter(|limit| *limit > 0);
        let filter = FindingFilter { order: self.sort.map(FindingOrder::from), limit, ..filter.clone() };
        let width = printer.width();
        // Data has the column in any case.
        let statuses = if is_read { store.finding_groups(&filter, GroupBy::Status, FindingOrder::Count)? } else { Vec::new() };
        let shape = finding_shape(filter.with_past, statuses.iter().any(|group| group.statuses != [NEW]));
        let mut writer = ListWriter::new(printer.data(), format, &shape, width)?;
        let mut any = false;
        each_finding(store, &filter, is_long, &mut |finding| {
            any = true;
            Ok(writer.row(&finding_row(&finding))?)
        })?;
        let left_out = writer.finish()?;
        printer.flush()?;
        printer.note_left_out(&left_out);
        Ok(any)
    }
}

/// Passes findings on one at a time. A long list is read by another thread, while this one writes.
fn each_finding(
    store: &Store,
    filter: &FindingFilter,
    is_long: bool,
    visit: &mut dyn FnMut(FindingRow) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // A store in memory cannot be opened a second time.
    let Some(reader) = is_long.then(|| store.reader().ok()).flatten() else { return store.each_finding(filter, visit) };
    std::thread::scope(|scope| {
        let (send, chunks) = sync_channel::<anyhow::Result<Vec<FindingRow>>>(CHUNKS_AHEAD);
        scope.spawn(move || {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = reader.each_finding(filter, &mut |finding| {
                chunk.push(finding);
                if chunk.len() == CHUNK { send.send(Ok(std::mem::take(&mut chunk))).context("nobody listens") } else { Ok(()) }
            });
            // Nobody listens where a line could not be written.
            send.send(read.map(|()| chunk)).ok();
        });
        for chunk in chunks {
            chunk?.into_iter().try_for_each(&mut *visit)?;
        }
        Ok(())
    })
}

/// Says what findings there are: how many of each level, and which rules, hosts and days have most.
pub(crate) fn summarise(summary: &FindingSummary, printer: &Printer) {
    let totals = &summary.totals;
    if totals.findings == 0 {
        return;
    }
    let time = |us: Option<i64>| us.map(|us| format_time(us)[..10].to_owned());
    let span = match (time(totals.first_time_us), time(totals.last_time_us)) {
        (Some(first), Some(last)) if first == last => format!(", {first}"),
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    let (findings, rules, hosts) = (counted(totals.findings, "finding"), counted(totals.rules, "rule"), counted(totals.hosts, "host"));
    printer.headed_note("Summary:", &format!("{findings} from {rules} on {hosts}{span}"));
    let level = |group: &FindingGroup| group.severity.map_or("no level", |level| level.as_str()).to_owned();
    lines("Levels", summary.levels.len(), &summary.levels, level, printer);
    if summary.statuses.iter().any(|group| group.statuses != [NEW]) {
        lines("Status", TOP, &summary.statuses, |group| group.statuses.join(", "), printer);
    }
    lines("Top rules", TOP, &summary.rules, |group| group.rule_title.clone().unwrap_or_default(), printer);
    lines("Top hosts", TOP, &summary.hosts, |group| group.host.clone().unwrap_or_default(), printer);
    lines("Top days", TOP, &summary.days, |group| group.day.clone().unwrap_or_default(), printer);
}

/// One line for each of the first groups, with the number of its findings and, where it has several, of its rules.
fn lines(head: &str, most: usize, groups: &[FindingGroup], name: impl Fn(&FindingGroup) -> String, printer: &Printer) {
    for (place, group) in groups.iter().take(most).enumerate() {
        let head = if place == 0 { head } else { "" };
        let rules = if group.rules > 1 { format!(", {}", counted(group.rules, "rule")) } else { String::new() };
        printer.note(&format!("  {head:<10} {:>7}  {}{rules}", thousands(group.findings), visible(&name(group))));
    }
}

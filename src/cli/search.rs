//! `retrohunt search`: events that hold some words or match some patterns, whatever field they are in.

use anyhow::anyhow;

use super::format::FormatArgs;
use super::hints::did_you_mean_or;
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::{counted, thousands};
use super::{Outcome, UsageError, values};
use crate::event::format_time;
use crate::report::{ListWriter, SEARCH, search_row, visible};
use crate::search::{SearchError, SearchHit, SearchOptions, SearchSummary, search};

/// Search all values and messages for words or patterns.
///
/// Each event that has them is a row, oldest first. A term is plain text, anywhere in a value, without case. An event
/// must have all terms; they may be in different fields. The host that wrote the event counts beside other terms, but
/// not alone; `--host` keeps the events of one host.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt search mimikatz
  retrohunt search 10.20.0.44 --host dc01 --since 2024-05-01
  retrohunt search svc-deploy psexesvc          Both in one event
  retrohunt search --regex '(?i)-enc[a-z]* +[A-Za-z0-9+/=]{40}' --field CommandLine
  retrohunt search alice --channel security --event-id 4624 --format csv > alice.csv")]
pub(crate) struct Args {
    /// What an event must have: all of these
    #[arg(value_name = "TERM", required = true)]
    terms: Vec<String>,
    /// Terms are regular expressions as in Sigma rules: `(?i)` in front ignores case
    #[arg(long, short = 'E')]
    regex: bool,
    /// Only events of this host: `ws07` is also `ws07.corp.example`
    #[arg(long, value_name = "HOST", help_heading = "Filters")]
    host: Option<String>,
    /// Only events at or after this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    /// Only events of this channel, or of those with this in their name
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    channel: Option<String>,
    /// Only events with this id; several with commas
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "Filters")]
    event_id: Vec<String>,
    /// Only in this field; several with commas. `Message` is the rendered text
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Filters")]
    field: Vec<String>,
    /// At most so many events, the oldest ones; 0: all
    #[arg(long, value_name = "NUMBER", value_parser = values::limit, default_value = "1000", help_heading = "Filters")]
    limit: usize,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let store = args.store.open_read_only()?;
    let mut options = SearchOptions::new(args.terms.clone(), args.limit);
    options.is_regex = args.regex;
    options.host.clone_from(&args.host);
    (options.since_us, options.until_us) = (since_us, until_us);
    options.channel.clone_from(&args.channel);
    options.codes.clone_from(&args.event_id);
    options.fields.clone_from(&args.field);
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &SEARCH, width)?;
    let mut first = None;
    let result = search(&store, &options, &mut |hit: SearchHit| {
        writer.row(&search_row(&hit))?;
        first.get_or_insert((hit.view, hit.id.0));
        Ok::<_, SearchStopped>(())
    });
    let summary = result.map_err(explained)?;
    let left_out = writer.finish()?;
    printer.note_left_out(&left_out);
    printer.note(&told(&summary));
    if let Some((view, id)) = first {
        printer.note(&format!("all fields of the first: `retrohunt sql \"SELECT * FROM {view} WHERE _id = {id}\" --format vertical`"));
    }
    Ok(Outcome::Complete)
}

/// Why there are no more rows.
#[derive(Debug, thiserror::Error)]
enum SearchStopped {
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

fn explained(stopped: SearchStopped) -> anyhow::Error {
    match stopped {
        SearchStopped::Search(SearchError::Terms(message)) => UsageError(visible(&message).into_owned()).into(),
        SearchStopped::Search(SearchError::Unknown { what, name, known }) => {
            let listed = match what {
                "field" => "`retrohunt views NAME` lists the fields of a kind of event",
                "host" => "`retrohunt sql \"SELECT DISTINCT _host FROM events\"` lists them",
                _ => "`retrohunt views` lists the kinds of events",
            };
            anyhow!("no event has the {what} `{}`{}", visible(&name), did_you_mean_or(&name, &known, listed))
        }
        SearchStopped::Search(SearchError::Store(error)) => error.into(),
        SearchStopped::Output(error) => error.into(),
    }
}

fn told(summary: &SearchSummary) -> String {
    match (summary.events, summary.shown) {
        (0, _) => "no event has all of this".to_owned(),
        (all, shown) if shown < all => {
            let up_to = summary.last_us.map(|us| format!(" up to {}", format_time(us))).unwrap_or_default();
            format!(
                "{} of {} are shown, the oldest{up_to}; `--limit` shows more, `--since` goes on",
                thousands(shown),
                counted(all, "event")
            )
        }
        (all, _) => counted(all, "event"),
    }
}

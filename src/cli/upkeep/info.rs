//! `retrohunt store info`: what is in the store, and where its bytes are.

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::sections::{ListedSection, must_be_one, write_sections};
use crate::cli::store::StoreArgs;
use crate::cli::values;
use crate::cli::words::{bytes, counted, counted_len, thousands};
use crate::report::{
    Format, ListingShape, STORE_EVENT_TYPES, STORE_SOURCES, STORE_SPACE, STORE_SUMMARY, store_event_type_row, store_sources_row,
    store_space_row, store_summary_row,
};
use crate::store::{Store, StoreInfo};

/// Show what is in the store: events, values, sources, kinds of events, and where its bytes are.
///
/// All sections are shown, kinds of events with the most first; JSON has all rows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store info
  retrohunt store info --section space
  retrohunt store info --section event-types --format csv")]
pub(super) struct InfoArgs {
    /// Show only these sections; several with commas
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    section: Vec<StoreSection>,
    /// At most so many rows of each section, 0: all [default: 15 on a screen, else all]
    #[arg(long, value_name = "NUMBER", value_parser = values::limit)]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreSection {
    /// Events, values, sources, findings, versions
    Summary,
    /// Bytes of the tables
    Space,
    /// Sources by state
    Sources,
    /// Kinds of events
    EventTypes,
}

/// Rows of a section that a screen shows.
const SCREEN_ROWS: usize = 15;

pub(super) fn run(args: &InfoArgs, store: &StoreArgs, format: Format, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let sections: &[StoreSection] = if args.section.is_empty() { StoreSection::value_variants() } else { &args.section };
    must_be_one::<StoreSection>(sections, format)?;
    let store = store.open_read_only()?;
    let info = store.info()?;
    let is_screen = matches!(format, Format::Table | Format::Vertical);
    let limit = args.limit.unwrap_or(if is_screen { SCREEN_ROWS } else { usize::MAX });
    let mut listed = Vec::new();
    for section in sections {
        let (shape, mut rows) = section.rows(&store, &info)?;
        let shown = rows.len().min(limit);
        let heading = section.heading(rows.len(), shown);
        rows.truncate(shown);
        let name = section.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        listed.push(ListedSection { name, heading, shape, rows });
    }
    write_sections(&listed, format, printer)?;
    let (events, size) = (counted(info.events, "event"), bytes(info.file_bytes));
    printer.note(&format!("{events} in {size}, {} of them free", bytes(info.free_bytes)));
    Ok(Outcome::Complete)
}

impl StoreSection {
    fn rows(self, store: &Store, info: &StoreInfo) -> anyhow::Result<(&'static ListingShape, Vec<Vec<Value>>)> {
        Ok(match self {
            Self::Summary => (&STORE_SUMMARY, vec![store_summary_row(info)]),
            Self::Space => {
                let spaces = store.space()?;
                let all = spaces.iter().map(|space| space.bytes).sum();
                (&STORE_SPACE, spaces.iter().map(|space| store_space_row(space, all)).collect())
            }
            Self::Sources => (&STORE_SOURCES, store.source_states()?.iter().map(store_sources_row).collect()),
            Self::EventTypes => {
                let mut types = store.catalog()?.types;
                types.sort_by_key(|of| std::cmp::Reverse(of.events));
                (&STORE_EVENT_TYPES, types.iter().map(store_event_type_row).collect())
            }
        })
    }

    fn heading(self, rows: usize, shown: usize) -> String {
        let heading = match self {
            Self::Summary => "Store".to_owned(),
            Self::Space => "Where the bytes are".to_owned(),
            Self::Sources => "Sources by state".to_owned(),
            Self::EventTypes => counted_len(rows, "kind") + if rows == 1 { " of event" } else { " of events" },
        };
        if shown < rows { format!("{heading}, the first {} (all: --limit 0)", thousands(shown as u64)) } else { heading }
    }
}

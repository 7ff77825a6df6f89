//! What a load says at its end: the table by format, the range of time, the totals.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::cli::printer::Printer;
use crate::cli::words::{bytes, counted, counted_len, thousands};
use crate::event::format_time;
use crate::load::{LoadSummary, LoadedSource};
use crate::report::visible;
use crate::store::{SourceRow, Store};

/// The table at the end: what came in, by format.
pub(super) fn report(summary: &LoadSummary, store: &Store, started: Instant, printer: &Printer) -> anyhow::Result<()> {
    let mut formats: BTreeMap<&str, Totals> = BTreeMap::new();
    let mut all = Totals::default();
    for source in &summary.sources {
        if source.report.skipped.is_some() {
            continue;
        }
        formats.entry(&source.format).or_default().add(source);
        all.add(source);
    }
    if all.files > 0 {
        printer.note(&table(&formats, &all));
    }
    let rows = store.sources()?;
    if let Some(range) = time_range(summary, &rows) {
        printer.note(&range);
    }
    if all.new_events > 0 {
        let unknown: u64 = store.catalog()?.types.iter().filter(|t| t.product == "generic").map(|t| t.events).sum();
        if unknown > 0 {
            printer
                .note(&format!("{} of unknown products in the store; only rules without `product:` see them", counted(unknown, "event")));
        }
    }
    let mut text =
        format!("{} from {} in {:.1} s", counted(all.new_events, "new event"), counted(all.files, "file"), started.elapsed().as_secs_f64());
    if all.duplicates == all.files && all.files > 0 {
        text.push_str("; the store had all of these files already: nothing changed");
    } else if all.events > all.new_events {
        text.push_str(&format!("; {} were in the store already", counted(all.events - all.new_events, "event")));
    }
    if !summary.failed.is_empty() {
        text.push_str(&format!("; {} could not be read", counted_len(summary.failed.len(), "file")));
    }
    printer.headed_note("Loaded:", &text);
    if let Some(text) = unread(summary) {
        printer.note(&text);
    }
    Ok(())
}

/// `18 files were not read: 17 text of no known log format, 1 empty`.
fn unread(summary: &LoadSummary) -> Option<String> {
    let reasons = summary.unread();
    let all: u64 = reasons.iter().map(|(_, count)| count).sum();
    let listed: Vec<String> = reasons.iter().map(|(reason, count)| format!("{} {reason}", thousands(*count))).collect();
    let were = if all == 1 { "was" } else { "were" };
    (all > 0).then(|| format!("{} {were} not read: {}", counted(all, "file"), visible(&listed.join(", "))))
}

/// Sums over leaves.
#[derive(Default)]
struct Totals {
    files: u64,
    events: u64,
    new_events: u64,
    duplicates: u64,
    bad: u64,
    recovered: u64,
    bytes: u64,
}

impl Totals {
    fn add(&mut self, source: &LoadedSource) {
        let report = &source.report;
        self.files += 1;
        // Recovered records are counted apart, as `sources` does.
        self.events += report.events;
        self.new_events += source.new_events;
        self.duplicates += u64::from(source.duplicate);
        self.bad += report.bad;
        self.recovered += report.recovered;
        self.bytes += report.bytes;
    }

    fn cells(&self, name: &str) -> [String; 8] {
        let [files, events, new, duplicates, bad, recovered] =
            [self.files, self.events, self.new_events, self.duplicates, self.bad, self.recovered].map(thousands);
        [name.to_owned(), files, events, new, duplicates, bad, recovered, bytes(self.bytes)]
    }
}

fn table(formats: &BTreeMap<&str, Totals>, all: &Totals) -> String {
    let mut rows = vec![["Format", "Files", "Events", "New", "Copies", "Unreadable", "Recovered", "Size"].map(String::from)];
    rows.extend(formats.iter().map(|(format, totals)| totals.cells(format)));
    if formats.len() > 1 {
        rows.push(all.cells("all"));
    }
    let widths: Vec<usize> = (0..8).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 8]| {
        let numbers: String = (1..8).map(|i| format!("  {:>1$}", row[i], widths[i])).collect();
        format!("{:<1$}{numbers}", row[0], widths[0])
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The first and last time of what was loaded.
fn time_range(summary: &LoadSummary, rows: &[SourceRow]) -> Option<String> {
    let paths: std::collections::HashSet<&str> = summary.sources.iter().map(|source| source.path.as_str()).collect();
    let loaded = || rows.iter().filter(|row| paths.contains(row.path.as_str()));
    let first = loaded().filter_map(|row| row.first_time_us).min()?;
    let last = loaded().filter_map(|row| row.last_time_us).max()?;
    Some(format!("{} to {}, {} in the store", format_time(first), format_time(last), counted_len(rows.len(), "source")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::LeafReport;

    #[test]
    fn recovered_records_are_counted_apart_as_sources_does() {
        let report = LeafReport { events: 7, recovered: 3, ..LeafReport::default() };
        let source = LoadedSource { path: String::new(), format: "evtx".to_owned(), report, new_events: 5, duplicate: false };
        let mut totals = Totals::default();
        totals.add(&source);
        assert_eq!((totals.events, totals.new_events, totals.recovered), (7, 5, 3));
    }
}

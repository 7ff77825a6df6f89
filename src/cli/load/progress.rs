//! What the bar of a load says while files are read.

use std::path::PathBuf;
use std::time::Instant;

use super::is_stdin;
use crate::cancel::Cancel;
use crate::cli::progress::{LazyBar, per_second};
use crate::cli::words::{counted, thousands};
use crate::load::LoadProgress;
use crate::report::visible;

/// Characters that the counts and the name of the file share: a terminal of 80 columns has so many beside the bar.
const MESSAGE_CHARS: usize = 38;
/// A name that would be shorter than this is left out.
const MIN_NAME_CHARS: usize = 8;

/// What a load has before it.
pub(super) struct Total {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// All files and their bytes; none where standard input is among them.
pub(super) fn total(paths: &[PathBuf]) -> Option<Total> {
    let mut total = Total { files: 0, bytes: 0 };
    for path in paths {
        if is_stdin(path) {
            return None;
        }
        // Links are followed, as the load does.
        for entry in walkdir::WalkDir::new(path).follow_links(true).into_iter().filter_map(Result::ok) {
            let is_named = entry.depth() == 0 && !entry.file_type().is_dir();
            if is_named || entry.file_type().is_file() {
                total.files += 1;
                total.bytes += entry.metadata().map_or(0, |meta| meta.len());
            }
        }
    }
    Some(total)
}

/// What the bar says.
#[derive(Default)]
pub(super) struct ShownProgress {
    files: u64,
    events: u64,
    path: String,
    cancel: Cancel,
    started: Option<Instant>,
}

impl ShownProgress {
    /// Nothing is read yet.
    pub(super) fn new(cancel: Cancel) -> Self {
        Self { cancel, started: Some(Instant::now()), ..Self::default() }
    }
}

/// Tells the bar what a load is at.
pub(super) fn show(progress: &LazyBar, shown: &mut ShownProgress, step: LoadProgress) {
    match step {
        LoadProgress::Source { path } => {
            shown.files += 1;
            shown.path = path;
        }
        LoadProgress::Events { events, bytes } => {
            shown.events = events;
            progress.at(bytes);
        }
        LoadProgress::Finished { bytes } => progress.at(bytes),
    }
    if shown.cancel.is_cancelled() {
        return progress.note(|| "stopping: what was read is written; Ctrl-C again ends at once".to_owned());
    }
    progress.note(|| {
        let rate = shown.started.map_or(0, |started| per_second(shown.events, started.elapsed()));
        let counts = format!("{}, {}, {}/s", counted(shown.files, "file"), counted(shown.events, "event"), thousands(rate));
        let name = shown.path.rsplit(['/', '\\']).next().unwrap_or_default();
        beside(&counts, &visible(name))
    });
}

/// The counts, and as much of the name as fits beside them; what is cut says so.
fn beside(counts: &str, name: &str) -> String {
    let room = MESSAGE_CHARS.saturating_sub(counts.chars().count() + 2);
    let length = name.chars().count();
    if length <= room {
        return format!("{counts}  {name}");
    }
    if room < MIN_NAME_CHARS {
        return counts.to_owned();
    }
    // The end of a name tells more than its beginning: numbers, dates, the ending.
    let end: String = name.chars().skip(length - (room - 1)).collect();
    format!("{counts}  …{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_progress_says_fits_beside_the_bar() {
        assert_eq!(beside("59 files, 10,671 events", "a.evtx"), "59 files, 10,671 events  a.evtx");
        assert_eq!(beside("59 files, 10,671 events", "Microsoft-Windows-Sysmon.evtx"), "59 files, 10,671 events  …-Sysmon.evtx");
        assert_eq!(beside("1,179 files, 12,345,678 events", "Microsoft-Windows-Sysmon.evtx"), "1,179 files, 12,345,678 events");
        for files in [1, 100, 100_000] {
            let counts = counted(files, "file");
            assert!(beside(&counts, &"x".repeat(500)).chars().count() <= MESSAGE_CHARS);
        }
    }
}

//! Lakes on the command line: `export --parquet`, `load … --parquet`, `load` of a lake.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

use super::Outcome;
use super::printer::Printer;
use super::progress::{BarUnit, LazyBar};
use super::store::StoreArgs;
use super::words::{bytes, counted, counted_len};
use crate::cancel::Cancel;
use crate::lake::{Lake, LakeProgress, check_target, write};
use crate::load::make_views;
use crate::report::visible;
use crate::store::Store;

/// How the folder of a temporary store begins: hidden, and whose it is.
const SCRATCH: &str = ".retrohunt-";

/// Writes the store as a lake.
pub(super) fn write_store(store_args: &StoreArgs, folder: &Path, cancel: &Cancel, printer: &Printer) -> anyhow::Result<Outcome> {
    check_target(folder)?;
    let store = store_args.open_read_only()?;
    let bar = LazyBar::new(printer, BarUnit::Events);
    bar.total(store.info()?.events);
    let written = write(&store, folder, cancel, &mut |events| {
        bar.at(events);
        bar.note(|| "sorted by time and written".to_owned());
    });
    bar.finish();
    let summary = written.with_context(|| format!("cannot write the lake `{}`", shown(folder)))?;
    if summary.interrupted {
        printer.headed_note("Interrupted:", "no lake was written");
        return Ok(Outcome::Interrupted);
    }
    let (events, views, parts) = (counted(summary.events, "event"), counted(summary.views, "kind"), counted(summary.parts, "file"));
    let size = bytes(summary.bytes);
    printer.headed_note("Exported:", &format!("{events} of {views} in {parts}, {size}, in `{}`", shown(folder)));
    printer.note("`retrohunt load` reads the folder back; findings stay in their store");
    Ok(Outcome::Complete)
}

/// Has a store filled that is not kept, and writes it as a lake.
pub(super) fn write_loaded(
    (paths, folder): (&[PathBuf], &Path),
    cancel: &Cancel,
    printer: &Printer,
    fill: &mut dyn FnMut(&StoreArgs, &Printer) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    check_target(folder)?;
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("cannot make a temporary store in `{}`", shown(beside));
    std::fs::create_dir_all(beside).with_context(cannot)?;
    let whole = beside.canonicalize().with_context(cannot)?;
    // What is written there would be read while it is written.
    if let Some(around) = paths.iter().find(|path| path.is_dir() && path.canonicalize().is_ok_and(|path| whole.starts_with(path))) {
        bail!("`{}` is in `{}`, which is loaded: choose a folder elsewhere", shown(folder), shown(around));
    }
    // Beside the lake, where there is room for it; it goes when this ends.
    let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(beside).with_context(cannot)?;
    let store_args = StoreArgs { store: scratch.path().join("lake.db") };
    let filled = fill(&store_args, printer)?;
    if filled == Outcome::Interrupted {
        printer.note("no lake was written, and the temporary store is gone");
        return Ok(filled);
    }
    let written = write_store(&store_args, folder, cancel, printer)?;
    Ok(if written == Outcome::Complete { filled } else { written })
}

/// Loads a lake into a store.
pub(super) fn load(lake: &Lake, store: &mut Store, (memory, cancel): (u64, &Cancel), printer: &Printer) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let events = lake.catalog().events;
    let bar = LazyBar::new(printer, BarUnit::Events);
    // Each is read once and written once.
    bar.total(2 * events);
    let loaded = lake.load(store, (memory, cancel), &mut |step| match step {
        LakeProgress::Read(read) => {
            bar.at(read);
            bar.note(|| "checking and sorting the lake".to_owned());
        }
        LakeProgress::Written(written) => {
            bar.at(events + written);
            bar.note(|| "writing the store".to_owned());
        }
    });
    bar.finish();
    let outcome = loaded.with_context(|| format!("cannot load the lake `{}`", shown(lake.folder())))?;
    make_views(store)?;
    store.settle()?;
    if outcome.interrupted {
        let sources = counted(outcome.sources, "source");
        printer
            .headed_note("Interrupted:", &format!("{sources} of the lake `{}` are stored; load again to continue", shown(lake.folder())));
        return Ok(Outcome::Interrupted);
    }
    let (new, sources) = (counted(outcome.events, "new event"), counted(outcome.sources, "source"));
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!("{new} of {sources} from the lake `{}` in {seconds:.1} s", shown(lake.folder()));
    if outcome.known_sources > 0 {
        text.push_str(&format!("; {} were in the store already", counted(outcome.known_sources, "source")));
    }
    printer.headed_note("Loaded:", &text);
    Ok(Outcome::Complete)
}

/// Why a folder is read as a lake.
pub(super) fn reason(lake: &Lake) -> String {
    let (events, parts) = (counted(lake.catalog().events, "event"), counted_len(lake.catalog().parts.len(), "file"));
    format!("its `{}` names {events} in {parts}", crate::lake::CATALOG_FILE)
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

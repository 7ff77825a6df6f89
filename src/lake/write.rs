//! A store as a lake.
//!
//! Event types are written one after the other: their events are sorted by time in runs on the disk and go into parts from there, so the
//! memory that it takes does not depend on how many there are. The catalog comes last.

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use super::LakeError;
use super::catalog::{LakeCatalog, LakeView, UNFINISHED_FILE};
use super::columns::{FolderColumns, HEAD, TypeColumns};
use super::part::{PartSource, PartsWriter, RowShape, TimeRange, WindowsShape, joined};
use super::sort::{RecordSorter, SortedRecords};
use super::spool::SpooledEvent;
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventType, Storage};
use crate::event::{NameId, Names, format_time};
use crate::store::{Store, StoreError};

/// The folder of types that share their parts: those that have no table of their own in a store.
const RARE_FOLDER: &str = "type=_rare";
/// Columns of a part of rare types; a type that would make them more begins the next part.
const MAX_RARE_COLUMNS: usize = 1_000;
/// A longer name of a view is cut in the name of its folder: file systems take 255 bytes.
const MAX_FOLDER_NAME: usize = 200;
/// Events written between two looks at the wish to stop.
const EVENTS_PER_LOOK: u64 = 4_096;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LakeSummary {
    /// Events.
    pub events: u64,
    /// Event types that have events.
    pub views: u64,
    /// Files.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// It was stopped; nothing is there.
    pub interrupted: bool,
}

/// Says whether a lake can be written into a folder: one that is empty, or not there yet.
///
/// # Errors
/// When there is anything else.
pub fn check_target(folder: &Path) -> Result<(), LakeError> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(LakeError::NotAFolder(folder.to_owned())),
        Err(error) => return Err(LakeError::file(folder, "read", error)),
    };
    if entries.next().is_some() { Err(LakeError::NotEmpty(folder.to_owned())) } else { Ok(()) }
}

/// Writes all events of a store into a folder as a lake. `progress` hears how many were read so far.
///
/// # Errors
/// When the folder is not empty, it cannot be written, or the store fails. Then, and where the work is stopped, nothing stays in it.
pub fn write(store: &Store, folder: &Path, cancel: &Cancel, progress: &mut dyn FnMut(u64)) -> Result<LakeSummary, LakeError> {
    check_target(folder)?;
    let mut unfinished = UnfinishedLake::begin(folder)?;
    let summary = store.at_one_time(|store| LakeExport::new(store, folder, cancel, progress)?.run())?;
    unfinished.is_finished = !summary.interrupted;
    Ok(summary)
}

/// Takes back what was written of a lake that is not finished.
struct UnfinishedLake<'f> {
    folder: &'f Path,
    is_new: bool,
    is_finished: bool,
}

impl<'f> UnfinishedLake<'f> {
    fn begin(folder: &'f Path) -> Result<Self, LakeError> {
        let is_new = !folder.exists();
        fs::create_dir_all(folder).map_err(|error| LakeError::file(folder, "make the folder", error))?;
        Ok(Self { folder, is_new, is_finished: false })
    }
}

impl Drop for UnfinishedLake<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // It was empty when this began: what has such a name is of this export. Who cannot remove it has been told of another error.
        for entry in fs::read_dir(self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("type=") {
                drop(fs::remove_dir_all(entry.path()));
            } else if entry.file_name() == UNFINISHED_FILE {
                drop(fs::remove_file(entry.path()));
            }
        }
        if self.is_new {
            drop(fs::remove_dir(self.folder));
        }
    }
}

/// Event types that are written into the same parts, by their places in the catalog.
struct PartGroup {
    folder: String,
    types: Vec<usize>,
    /// Places of the folder's columns, ascending.
    columns: Vec<usize>,
}

/// An export at work.
struct LakeExport<'s> {
    store: &'s Store,
    folder: &'s Path,
    cancel: &'s Cancel,
    progress: &'s mut dyn FnMut(u64),
    names: Names,
    types: Catalog,
    /// What each type's columns are in its folder.
    columns: Vec<TypeColumns>,
    /// The folders with the columns that all their types have.
    folders: FxHashMap<String, FolderColumns>,
    groups: Vec<PartGroup>,
    sources: FxHashMap<i64, PartSource>,
    lake: LakeCatalog,
    range: TimeRange,
    read: u64,
}

impl<'s> LakeExport<'s> {
    fn new(store: &'s Store, folder: &'s Path, cancel: &'s Cancel, progress: &'s mut dyn FnMut(u64)) -> Result<Self, LakeError> {
        let (types, ledger) = (store.catalog()?, store.ledger()?);
        let mut folders: FxHashMap<String, FolderColumns> = FxHashMap::default();
        let mut taken: FxHashSet<String> = std::iter::once(RARE_FOLDER.to_owned()).collect();
        let names: Vec<String> = types.types.iter().map(|event_type| folder_name(event_type, &mut taken)).collect();
        let columns: Vec<TypeColumns> =
            types.types.iter().zip(&names).map(|(event_type, name)| folders.entry(name.clone()).or_default().add(event_type)).collect();
        let views = types.types.iter().zip(&names).zip(&columns);
        let views = views.map(|((event_type, name), columns)| lake_view(event_type, name, folders[name].of_type(event_type, columns)));
        let lake = LakeCatalog::new(views.collect(), &ledger);
        let sources = ledger.sources.into_iter().map(|source| (source.id.0, PartSource { path: source.path, sha256: source.end.sha256 }));
        Ok(Self {
            store,
            folder,
            cancel,
            progress,
            names: Names::default(),
            groups: groups(&types, &names, &columns),
            sources: sources.collect(),
            types,
            columns,
            folders,
            lake,
            range: (None, None),
            read: 0,
        })
    }

    fn run(mut self) -> Result<LakeSummary, LakeError> {
        for group in std::mem::take(&mut self.groups) {
            if self.group(&group)?.is_break() {
                return Ok(LakeSummary { interrupted: true, ..LakeSummary::default() });
            }
        }
        let time = |us: Option<i64>| us.map(format_time);
        self.lake.events = self.read;
        (self.lake.first_time, self.lake.last_time) = (time(self.range.0), time(self.range.1));
        self.lake.write(self.folder)?;
        Ok(LakeSummary {
            events: self.read,
            views: self.lake.views.iter().filter(|view| view.events > 0).count() as u64,
            parts: self.lake.parts.len() as u64,
            bytes: self.lake.parts.iter().map(|part| part.bytes).sum(),
            interrupted: false,
        })
    }

    /// Writes the events of some types.
    fn group(&mut self, group: &PartGroup) -> Result<ControlFlow<()>, LakeError> {
        let failed = |source| LakeError::Sort { folder: self.folder.to_owned(), source };
        let mut sorter = RecordSorter::new(self.folder);
        for view in &group.types {
            let columns = &self.types.types[*view].columns;
            let names: Vec<NameId> = columns.iter().map(|column| self.names.intern(&column.field)).collect();
            let (range, read, count) = (&mut self.range, &mut self.read, &mut self.lake.views[*view].events);
            let (cancel, progress) = (self.cancel, &mut *self.progress);
            let flow = self.store.each_whole_event(&self.types, self.types.types[*view].id, &self.names, &mut |events| {
                for (head, beside) in events.batch.events.iter().zip(&events.beside) {
                    let event = SpooledEvent::of_batch(&events.batch, (head, beside), *view, &names);
                    *range = joined(*range, (head.time_us, head.time_us));
                    sorter.push([head.time_us.unwrap_or(i64::MIN), beside.id.0, 0], |out| event.write(out)).map_err(failed)?;
                }
                *read += events.beside.len() as u64;
                *count += events.beside.len() as u64;
                progress(*read);
                Ok::<_, LakeError>(if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        self.parts(group, sorter.finish().map_err(failed)?)
    }

    /// Writes sorted events into parts.
    fn parts(&mut self, group: &PartGroup, mut sorted: SortedRecords) -> Result<ControlFlow<()>, LakeError> {
        if sorted.peek().is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        let failed = |source| LakeError::Sort { folder: self.folder.to_owned(), source };
        let folder = self.folder.join(&group.folder);
        fs::create_dir_all(&folder).map_err(|error| LakeError::file(&folder, "make the folder", error))?;
        let of_folder = &self.folders[&group.folder];
        let columns = group.columns.iter().map(|place| of_folder.get(*place).clone()).collect();
        let shapes: FxHashMap<usize, RowShape> = group.types.iter().map(|view| (*view, self.shape(*view, group))).collect();
        let mut parts = PartsWriter::new(self.folder, &group.folder, columns, self.lake.parts_of(&group.folder).count())?;
        let mut written = 0_u64;
        while let Some((_, bytes)) = sorted.peek() {
            let event = SpooledEvent::read(bytes).map_err(failed)?;
            let (shape, source) = (shapes.get(&event.view), self.sources.get(&event.source));
            let (Some(shape), Some(source)) = (shape, source) else {
                return Err(StoreError::Damaged(format!("event {} is of no finished source", event.id)).into());
            };
            parts.add(&event, shape, source)?;
            sorted.advance().map_err(failed)?;
            written += 1;
            if written.is_multiple_of(EVENTS_PER_LOOK) && self.cancel.is_cancelled() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.lake.parts.extend(parts.finish()?);
        Ok(ControlFlow::Continue(()))
    }

    /// Where the values of a type go in the parts of a group.
    fn shape(&self, view: usize, group: &PartGroup) -> RowShape {
        let (event_type, columns) = (&self.types.types[view], &self.columns[view]);
        let in_part = |place: &usize| HEAD.len() + group.columns.partition_point(|column| column < place);
        let windows = match columns.heads[..] {
            [channel, code, host, record] => Some(WindowsShape {
                channel: event_type.dataset.clone(),
                code: event_type.code.clone(),
                heads: [channel, code, host, record].map(|place| in_part(&place)),
            }),
            _ => None,
        };
        let places = columns.places.iter().zip(&event_type.columns);
        let places = places.map(|(place, column)| place.as_ref().map(in_part).ok_or_else(|| column.field.clone())).collect();
        RowShape { view: event_type.view.clone(), windows, places }
    }
}

/// The name of a type's folder.
fn folder_name(event_type: &EventType, taken: &mut FxHashSet<String>) -> String {
    if event_type.storage == Storage::Overflow {
        return RARE_FOLDER.to_owned();
    }
    // Names of views have letters of ASCII, digits and `_` alone. Another store's may be anything: it comes from a stranger.
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    let base: String = event_type.view.chars().map(plain).take(MAX_FOLDER_NAME).collect();
    let base = format!("type={base}");
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

fn lake_view(event_type: &EventType, folder: &str, columns: Vec<super::catalog::LakeColumn>) -> LakeView {
    LakeView {
        view: event_type.view.clone(),
        product: event_type.product.clone(),
        dataset: event_type.dataset.clone(),
        code: event_type.code.clone(),
        folder: folder.to_owned(),
        rare: event_type.storage == Storage::Overflow,
        events: 0,
        has_messages: event_type.has_messages,
        columns,
    }
}

/// Which types are written together: each alone, and rare ones as long as their columns are not too many.
fn groups(types: &Catalog, names: &[String], columns: &[TypeColumns]) -> Vec<PartGroup> {
    let mut groups: Vec<PartGroup> = Vec::new();
    let (mut rare, mut rare_columns): (Vec<usize>, FxHashSet<usize>) = Default::default();
    let group = |folder: &str, types: Vec<usize>, columns: &FxHashSet<usize>| {
        let mut columns: Vec<usize> = columns.iter().copied().collect();
        columns.sort_unstable();
        PartGroup { folder: folder.to_owned(), types, columns }
    };
    for (view, event_type) in types.types.iter().enumerate() {
        let own: FxHashSet<usize> = columns[view].places.iter().flatten().chain(&columns[view].heads).copied().collect();
        if event_type.storage != Storage::Overflow {
            groups.push(group(&names[view], vec![view], &own));
            continue;
        }
        if !rare.is_empty() && rare_columns.union(&own).count() > MAX_RARE_COLUMNS {
            groups.push(group(RARE_FOLDER, std::mem::take(&mut rare), &std::mem::take(&mut rare_columns)));
        }
        rare.push(view);
        rare_columns.extend(own);
    }
    if !rare.is_empty() {
        groups.push(group(RARE_FOLDER, rare, &rare_columns));
    }
    groups
}

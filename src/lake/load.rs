//! A lake as sources for a store.
//!
//! All parts are read and held against the catalog before the first event is written, so a lake that is not whole changes nothing. A
//! store takes its sources one at a time and a lake has them mixed: events are sorted by source and position in between.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use sha2::{Digest, Sha256};

use super::catalog::{LakeCatalog, LakePart, LakeSourceState};
use super::read::each_event;
use super::sort::{RecordSorter, SortedRecords};
use super::spool::SpooledEvent;
use super::{CATALOG_FILE, LakeError};
use crate::cancel::Cancel;
use crate::event::{KeyId, NameId, Names, TypeKey, hex};
use crate::store::{ImportOutcome, LedgerSource, SourceFeed, Store, StoreError, TakeEvents, WholeEvents};

/// Bytes of a file that are hashed at a time.
const BUFFER: usize = 256 * 1024;
/// Bytes at the beginning of a catalog among which its `format` is.
const HEAD_BYTES: u64 = 4_096;

/// How far reading a lake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LakeProgress {
    /// So many events were read and found whole.
    Read(u64),
    /// So many events were written, or found to be there.
    Written(u64),
}

/// A lake that is there.
#[derive(Debug)]
pub struct Lake {
    folder: PathBuf,
    catalog: LakeCatalog,
}

impl Lake {
    /// Whether a path is that of a lake: a folder with a catalog.
    ///
    /// # Errors
    /// When it has parts and no catalog: an export that was interrupted.
    pub fn is_at(path: &Path) -> Result<bool, LakeError> {
        if !path.is_dir() {
            return Ok(false);
        }
        let has_parts = || parts_there(path).is_ok_and(|parts| !parts.is_empty());
        match File::open(path.join(CATALOG_FILE)) {
            // Other programs may call a file so; one that is damaged is known by what lies beside it.
            Ok(file) => {
                let mut head = Vec::new();
                file.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| LakeError::file(&path.join(CATALOG_FILE), "read", error))?;
                Ok(String::from_utf8_lossy(&head).contains("retrohunt-lake") || has_parts())
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LakeError::file(&path.join(CATALOG_FILE), "read", error)),
            Err(_) if has_parts() => Err(LakeError::Unfinished(path.to_owned())),
            Err(_) => Ok(false),
        }
    }

    /// Opens a lake. Its parts are not read yet; that they are there, and no others, is looked at.
    ///
    /// # Errors
    /// When the catalog is not one of this version, a part is missing or cut off, or there are others.
    pub fn open(folder: &Path) -> Result<Self, LakeError> {
        let catalog = LakeCatalog::read(folder)?;
        for part in &catalog.parts {
            check_length(&part.in_folder(folder), part)?;
        }
        let named: FxHashSet<PathBuf> = catalog.parts.iter().map(|part| part.in_folder(folder)).collect();
        if let Some(path) = parts_there(folder)?.into_iter().find(|path| !named.contains(path)) {
            return Err(LakeError::part(&path, "the catalog does not name this part"));
        }
        Ok(Self { folder: folder.to_owned(), catalog })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is in it.
    pub fn catalog(&self) -> &LakeCatalog {
        &self.catalog
    }

    /// Reads all of the lake and brings what is new into a store, as if the store had loaded the sources itself. `memory`: bytes for the
    /// store's caches. What is stopped is completed by loading again.
    ///
    /// # Errors
    /// When a part is not what the catalog says: then nothing is written. When the store or the disk for temporary files fails.
    pub fn load(
        &self,
        store: &mut Store,
        (memory, cancel): (u64, &Cancel),
        progress: &mut dyn FnMut(LakeProgress),
    ) -> Result<ImportOutcome, LakeError> {
        let scratch = store.path().and_then(Path::parent).map_or_else(std::env::temp_dir, Path::to_owned);
        let Some(records) = self.sorted(&scratch, cancel, progress)? else {
            return Ok(ImportOutcome { interrupted: true, ..ImportOutcome::default() });
        };
        let names = Names::default();
        let mut feed = LakeFeed { records, scratch, types: types(&self.catalog, &names) };
        store.import(&self.catalog.ledger(), (&names, memory), &mut feed, &mut |written| {
            progress(LakeProgress::Written(written));
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// All events by source and position; none where the work was stopped.
    fn sorted(&self, scratch: &Path, cancel: &Cancel, progress: &mut dyn FnMut(LakeProgress)) -> Result<Option<SortedRecords>, LakeError> {
        let failed = |source| LakeError::Sort { folder: scratch.to_owned(), source };
        let complete = self.catalog.sources.iter().filter(|source| source.state == LakeSourceState::Complete);
        let complete: FxHashSet<i64> = complete.map(|source| source.id).collect();
        let mut sorter = RecordSorter::new(scratch);
        let mut read = 0;
        for part in &self.catalog.parts {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let path = part.in_folder(&self.folder);
            check_hash(&path, part)?;
            each_event(&path, part, &self.catalog, &mut |event| {
                let own = (event.source, event.position);
                for (source, position) in [own].iter().chain(&event.also) {
                    if !complete.contains(source) {
                        return Err(LakeError::part(&path, format!("an event is of source {source}, which the catalog has not")));
                    }
                    sorter.push([*source, position.cast_signed(), event.id], |out| event.write(out)).map_err(failed)?;
                }
                Ok(())
            })?;
            read += part.rows;
            progress(LakeProgress::Read(read));
        }
        sorter.finish().map(Some).map_err(failed)
    }
}

/// The keys of the event types of a lake, and the names of their fields.
pub(super) fn types(catalog: &LakeCatalog, names: &Names) -> Vec<(KeyId, Vec<NameId>)> {
    let of_view = |view: &super::LakeView| {
        let key = TypeKey { product: view.product.clone(), dataset: view.dataset.clone(), code: view.code.clone() };
        (names.intern_key(&key), view.columns.iter().map(|column| names.intern(&column.field)).collect())
    };
    catalog.views.iter().map(of_view).collect()
}

/// The files of a folder that look like parts of a lake.
fn parts_there(folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, LakeError> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut paths: Vec<PathBuf> =
            entries.map_err(|error| LakeError::file(folder, "read", error))?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        Ok(paths)
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut parts = Vec::new();
    for inner in list(folder)?.into_iter().filter(|path| name(path).starts_with("type=") && path.is_dir()) {
        parts.extend(list(&inner)?.into_iter().filter(|path| name(path).ends_with(".parquet")));
    }
    Ok(parts)
}

fn check_length(path: &Path, part: &LakePart) -> Result<(), LakeError> {
    match fs::metadata(path) {
        Ok(found) if found.len() == part.bytes => Ok(()),
        Ok(found) => Err(LakeError::part(path, format!("it has {} bytes, and the catalog says {}", found.len(), part.bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(LakeError::part(path, "the catalog names this part, and it is missing"))
        }
        Err(error) => Err(LakeError::file(path, "read", error)),
    }
}

fn check_hash(path: &Path, part: &LakePart) -> Result<(), LakeError> {
    let failed = |error| LakeError::file(path, "read", error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let found = hex(&hash.finalize());
    if found == part.sha256 {
        Ok(())
    } else {
        Err(LakeError::part(path, format!("its SHA-256 is {found}, and the catalog says {}", part.sha256)))
    }
}

/// Gives the sorted events source by source.
struct LakeFeed {
    records: SortedRecords,
    /// Where they wait.
    scratch: PathBuf,
    types: Vec<(KeyId, Vec<NameId>)>,
}

impl LakeFeed {
    fn advance(&mut self) -> Result<(), LakeError> {
        self.records.advance().map_err(|source| LakeError::Sort { folder: self.scratch.clone(), source })
    }
}

impl SourceFeed for LakeFeed {
    type Error = LakeError;

    fn each_batch(&mut self, source: &LedgerSource, take: &mut TakeEvents<'_, LakeError>) -> Result<(), LakeError> {
        // Those of sources that the store knows were not asked for.
        while self.records.peek().is_some_and(|(key, _)| key[0] < source.id.0) {
            self.advance()?;
        }
        let mut events = WholeEvents::default();
        while let Some((key, bytes)) = self.records.peek().filter(|(key, _)| key[0] == source.id.0) {
            let event = SpooledEvent::read(bytes).map_err(|source| LakeError::Sort { folder: self.scratch.clone(), source })?;
            let of_type = self.types.get(event.view).ok_or_else(|| StoreError::Damaged("an event is of no type".to_owned()))?;
            event.add_to(&mut events, key[1].cast_unsigned(), (of_type.0, &of_type.1));
            self.advance()?;
            if events.is_full() {
                if take(&events)?.is_break() {
                    return Ok(());
                }
                events = WholeEvents::default();
            }
        }
        if !events.beside.is_empty() {
            // The last batch: whether more are wanted makes no difference.
            let (ControlFlow::Continue(_) | ControlFlow::Break(())) = take(&events)?;
        }
        Ok(())
    }
}

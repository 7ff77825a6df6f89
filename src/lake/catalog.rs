//! The catalog of a lake: what is in it, as a file beside the parts.
//!
//! It is written last. A folder without it is not a lake, and a part that it does not name is not part of one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CATALOG_FILE, LakeError};
use crate::catalog::{Catalog, Column, Encoding, EventType, SourceId, Storage, TypeId};
use crate::store::{ArchiveId, Ledger, LedgerArchive, LedgerSource, LedgerState, SourceEnd};

/// What `format` says.
const FORMAT: &str = "retrohunt-lake";
/// The version that this program writes and reads.
const VERSION: u32 = 1;
/// The catalog until it is whole.
pub(super) const UNFINISHED_FILE: &str = "_catalog.json-part";
/// A longer catalog is not read: that of a lake with a hundred thousand sources has 60 MB.
const MAX_CATALOG_BYTES: u64 = 1 << 30;

/// A lake's catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeCatalog {
    format: String,
    version: u32,
    /// Events.
    pub events: u64,
    /// Time of the first event, ISO 8601 in UTC.
    pub first_time: Option<String>,
    /// Time of the last event.
    pub last_time: Option<String>,
    /// The event types, in the order of their store. A part's `_view` names one.
    pub views: Vec<LakeView>,
    /// The files.
    pub parts: Vec<LakePart>,
    /// The ledger, as in the store; ids ascend.
    pub sources: Vec<LakeSource>,
    /// Files with members.
    pub archives: Vec<LakeArchive>,
}

/// One event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeView {
    /// Its name: that of the store's view.
    pub view: String,
    /// See [`crate::event::TypeKey`].
    pub product: String,
    /// See [`crate::event::TypeKey`].
    pub dataset: String,
    /// See [`crate::event::TypeKey`].
    pub code: String,
    /// The folder of its parts: `type=` and the view, or that of rare types.
    pub folder: String,
    /// Whether other types are in the same parts.
    pub rare: bool,
    /// Its events.
    pub events: u64,
    /// Whether any of them has rendered text in `_message`.
    pub has_messages: bool,
    /// Its fields, in the order of the store's columns.
    pub columns: Vec<LakeColumn>,
}

/// One field of one event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeColumn {
    /// The field's name, to the letter.
    pub field: String,
    /// The column of the parts; none: it is a member of the JSON object in `_other`.
    pub column: Option<String>,
    /// Whether the column holds arrays of strings, else it holds strings; in `_other`, whether any value is an array.
    pub list: bool,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakePart {
    /// Its path from the lake's folder, with `/`.
    pub path: String,
    /// Events in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Time of its first event.
    pub first_time: Option<String>,
    /// Time of its last event.
    pub last_time: Option<String>,
}

/// A source of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeSource {
    /// What `_source_id` of an event says.
    pub id: i64,
    /// As found; members after `!/`.
    pub path: String,
    /// What became of it.
    pub state: LakeSourceState,
    /// Its format.
    pub format: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Events that a reader found in it.
    pub events: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// Records carved from damaged areas.
    pub recovered: u64,
    /// Why it is not an event log.
    pub skipped: Option<String>,
    /// The zone in which times that say none were read.
    pub timezone: String,
    /// How far the times of its events are from those that Sysmon wrote into them.
    pub clock: String,
    /// The version and options of the reader that read all of it without damage.
    pub reader: String,
    /// The archive whose member it is.
    pub archive: Option<i64>,
    /// The source with the same bytes.
    pub duplicate_of: Option<i64>,
}

/// What became of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LakeSourceState {
    /// It was read.
    Complete,
    /// Another source has its bytes.
    Duplicate,
    /// It holds no events.
    Skipped,
}

/// A file with members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeArchive {
    /// What `archive` of a source says.
    pub id: i64,
    /// Its path.
    pub path: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// The version and options of the reader.
    pub reader: String,
    /// All members were read, and nothing was damaged.
    pub complete: bool,
}

impl LakeCatalog {
    /// A catalog without parts.
    pub(super) fn new(views: Vec<LakeView>, ledger: &Ledger) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            events: 0,
            first_time: None,
            last_time: None,
            views,
            parts: Vec::new(),
            sources: ledger.sources.iter().map(lake_source).collect(),
            archives: ledger.archives.iter().map(lake_archive).collect(),
        }
    }

    /// Reads the catalog of a lake's folder, or a copy of it. The parts are not looked at.
    ///
    /// # Errors
    /// When there is none, or it is not a catalog of this version.
    pub fn read(place: &Path) -> Result<Self, LakeError> {
        let path = if place.is_dir() { place.join(CATALOG_FILE) } else { place.to_owned() };
        let wrong = |reason: String| LakeError::Catalog { path: path.clone(), reason };
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| LakeError::file(&path, "read", error))?;
        file.take(MAX_CATALOG_BYTES).read_to_string(&mut text).map_err(|error| LakeError::file(&path, "read", error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        check_edition(&path, value.get("format"), value.get("version"))?;
        let catalog: Self = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        catalog.check().map_err(wrong)?;
        Ok(catalog)
    }

    /// Writes the catalog into a folder: as a whole, or not at all.
    pub(super) fn write(&self, folder: &Path) -> Result<(), LakeError> {
        let (path, part) = (folder.join(CATALOG_FILE), folder.join(UNFINISHED_FILE));
        let failed = |error| LakeError::file(&path, "write", error);
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let mut file = File::create(&part).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&part, &path).map_err(failed)
    }

    /// The event types and their columns, as [`crate::store::Store::catalog`] has those of a store. A type's `view` is its name in `_view`;
    /// `storage` names the folder of its parts, and rare types have [`Storage::Overflow`], as in a store: they share the folder
    /// [`LakeCatalog::rare_folder`]. A column's `view_name` and `sql_name` are its name in the parts (empty: a member of `_other`), and
    /// `has_lists` says that it holds arrays of strings. All values are text.
    pub fn catalog(&self) -> Catalog {
        Catalog { types: (1..).map(TypeId).zip(&self.views).map(|(id, view)| event_type(id, view)).collect() }
    }

    /// The folder of the parts of rare types, where there are such.
    pub fn rare_folder(&self) -> Option<&str> {
        self.views.iter().find(|view| view.rare).map(|view| view.folder.as_str())
    }

    /// What tells it from the catalogs of other lakes: half a SHA-256.
    pub fn key(&self) -> [u8; 16] {
        crate::fingerprint::fingerprint(self)
    }

    /// The event types alone, as a catalog that [`read_views`] reads: what a worker needs.
    pub fn views_json(&self) -> Vec<u8> {
        let views = serde_json::json!({ "format": self.format, "version": self.version, "views": self.views });
        views.to_string().into_bytes()
    }

    /// The parts of a folder.
    pub fn parts_of<'c>(&'c self, folder: &'c str) -> impl Iterator<Item = &'c LakePart> {
        self.parts.iter().filter(move |part| part.folder() == folder)
    }

    /// The ledger, as a store has it.
    pub(super) fn ledger(&self) -> Ledger {
        Ledger { sources: self.sources.iter().map(ledger_source).collect(), archives: self.archives.iter().map(ledger_archive).collect() }
    }

    /// What serde does not see: what is named must be there, once, and inside the folder.
    fn check(&self) -> Result<(), String> {
        check_views(&self.views)?;
        let mut paths = BTreeSet::new();
        for part in &self.parts {
            if !is_part_path(&part.path) {
                return Err(format!("`{}` is not the path of a part", part.path));
            }
            if !paths.insert(part.path.as_str()) {
                return Err(format!("the part `{}` is named twice", part.path));
            }
            if !self.views.iter().any(|view| view.folder == part.folder()) {
                return Err(format!("the part `{}` belongs to no view", part.path));
            }
        }
        let (rows, events) = (sum(self.parts.iter().map(|part| part.rows)), sum(self.views.iter().map(|view| view.events)));
        if [rows, events] != [Some(self.events); 2] {
            return Err("its parts, its views and the lake have different numbers of events".to_owned());
        }
        if let Some(pair) = self.sources.windows(2).find(|pair| pair[0].id >= pair[1].id) {
            return Err(format!("source {} does not come before source {}", pair[0].id, pair[1].id));
        }
        Ok(())
    }
}

/// Reads the event types alone from the catalog of a lake, or from a copy of it: a worker needs no more, and the rest may be large.
///
/// # Errors
/// When there is none, or it is not a catalog of this version.
pub fn read_views(catalog: &Path) -> Result<Vec<LakeView>, LakeError> {
    #[derive(Deserialize)]
    struct Edition {
        format: Option<Value>,
        version: Option<Value>,
    }
    #[derive(Deserialize)]
    struct Views {
        views: Vec<LakeView>,
    }
    let path = if catalog.is_dir() { catalog.join(CATALOG_FILE) } else { catalog.to_owned() };
    let wrong = |reason: String| LakeError::Catalog { path: path.clone(), reason };
    let open = || File::open(&path).map(BufReader::new).map_err(|error| LakeError::file(&path, "read", error));
    let edition: Edition = serde_json::from_reader(open()?).map_err(|error| wrong(error.to_string()))?;
    check_edition(&path, edition.format.as_ref(), edition.version.as_ref())?;
    let Views { views } = serde_json::from_reader(open()?).map_err(|error| wrong(error.to_string()))?;
    check_views(&views).map_err(wrong)?;
    Ok(views)
}

fn check_edition(path: &Path, format: Option<&Value>, version: Option<&Value>) -> Result<(), LakeError> {
    if format.is_none_or(|format| format != FORMAT) {
        return Err(LakeError::Catalog { path: path.to_owned(), reason: format!("its `format` is not `{FORMAT}`") });
    }
    // Before all else: another version may have other members.
    if version.is_none_or(|version| *version != VERSION) {
        let found = version.map_or_else(|| "null".to_owned(), Value::to_string);
        return Err(LakeError::Version { path: path.to_owned(), found, known: VERSION });
    }
    Ok(())
}

fn check_views(views: &[LakeView]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for view in views {
        if !names.insert(view.view.as_str()) {
            return Err(format!("two views are called `{}`", view.view));
        }
        let mut columns = BTreeSet::new();
        if let Some(twice) = view.columns.iter().find(|column| !columns.insert(column.field.as_str())) {
            return Err(format!("the view `{}` has the field `{}` twice", view.view, twice.field));
        }
    }
    Ok(())
}

/// An event type as the catalog of a store has it.
pub(super) fn event_type(id: TypeId, view: &LakeView) -> EventType {
    EventType {
        id,
        product: view.product.clone(),
        dataset: view.dataset.clone(),
        code: view.code.clone(),
        storage: if view.rare { Storage::Overflow } else { Storage::Table(view.folder.clone()) },
        view: view.view.clone(),
        columns: view.columns.iter().map(column).collect(),
        has_messages: view.has_messages,
        events: view.events,
    }
}

/// The sum of numbers that may be anything.
fn sum(mut numbers: impl Iterator<Item = u64>) -> Option<u64> {
    numbers.try_fold(0_u64, u64::checked_add)
}

impl LakePart {
    /// The folder that it is in.
    pub fn folder(&self) -> &str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// Where it lies.
    pub(super) fn in_folder(&self, folder: &Path) -> PathBuf {
        folder.join(&self.path)
    }
}

/// Whether a path stays inside the lake: a folder that begins with `type=`, and a file of it.
fn is_part_path(path: &str) -> bool {
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.=".contains(&b));
    let Some((folder, file)) = path.split_once('/') else { return false };
    is_plain(folder) && is_plain(file) && folder.starts_with("type=") && file.starts_with("part-") && file.ends_with(".parquet")
}

fn column(column: &LakeColumn) -> Column {
    let name = column.column.clone().unwrap_or_default();
    Column {
        field: column.field.clone(),
        sql_name: name.clone(),
        view_name: name,
        encoding: Encoding::Inline,
        has_lists: column.list,
        has_packed: false,
    }
}

fn lake_source(source: &LedgerSource) -> LakeSource {
    let end = source.end.clone();
    LakeSource {
        id: source.id.0,
        path: source.path.clone(),
        state: match source.state {
            LedgerState::Complete => LakeSourceState::Complete,
            LedgerState::Duplicate => LakeSourceState::Duplicate,
            LedgerState::Skipped => LakeSourceState::Skipped,
        },
        format: end.format,
        sha256: end.sha256,
        bytes: end.bytes,
        events: source.events,
        bad: end.bad,
        recovered: end.recovered,
        skipped: end.skipped,
        timezone: end.timezone,
        clock: end.clock,
        reader: end.reader,
        archive: source.archive.map(|archive| archive.0),
        duplicate_of: source.duplicate_of.map(|of| of.0),
    }
}

fn ledger_source(source: &LakeSource) -> LedgerSource {
    let LakeSource { path, format, sha256, skipped, timezone, clock, reader, .. } = source.clone();
    LedgerSource {
        id: SourceId(source.id),
        path,
        state: match source.state {
            LakeSourceState::Complete => LedgerState::Complete,
            LakeSourceState::Duplicate => LedgerState::Duplicate,
            LakeSourceState::Skipped => LedgerState::Skipped,
        },
        events: source.events,
        archive: source.archive.map(ArchiveId),
        duplicate_of: source.duplicate_of.map(SourceId),
        end: SourceEnd {
            format,
            sha256,
            bytes: source.bytes,
            bad: source.bad,
            recovered: source.recovered,
            skipped,
            timezone,
            clock,
            reader,
            ledger: None,
        },
    }
}

fn lake_archive(archive: &LedgerArchive) -> LakeArchive {
    let LedgerArchive { id, path, sha256, bytes, reader, complete } = archive.clone();
    LakeArchive { id: id.0, path, sha256, bytes, reader, complete }
}

fn ledger_archive(archive: &LakeArchive) -> LedgerArchive {
    let LakeArchive { id, path, sha256, bytes, reader, complete } = archive.clone();
    LedgerArchive { id: ArchiveId(id), path, sha256, bytes, reader, complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> LakeCatalog {
        let part =
            |path: &str| LakePart { path: path.to_owned(), rows: 2, bytes: 10, sha256: "ab".to_owned(), first_time: None, last_time: None };
        let column =
            |field: &str, column: Option<&str>, list| LakeColumn { field: field.to_owned(), column: column.map(str::to_owned), list };
        let view = |view: &str, folder: &str, rare, columns| LakeView {
            view: view.to_owned(),
            product: "windows".to_owned(),
            dataset: "Security".to_owned(),
            code: "1".to_owned(),
            folder: folder.to_owned(),
            rare,
            events: 2,
            has_messages: false,
            columns,
        };
        LakeCatalog {
            events: 4,
            views: vec![
                view("security_1", "type=security_1", false, vec![column("A", Some("A"), true), column("B", None, false)]),
                view("odd", "type=_rare", true, vec![]),
            ],
            parts: vec![part("type=security_1/part-00000.parquet"), part("type=_rare/part-00000.parquet")],
            ..LakeCatalog::new(Vec::new(), &Ledger::default())
        }
    }

    fn written(change: impl FnOnce(&mut LakeCatalog)) -> Result<LakeCatalog, LakeError> {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = catalog();
        change(&mut catalog);
        catalog.write(folder.path()).unwrap();
        LakeCatalog::read(folder.path())
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        assert_eq!(written(|_| {}).unwrap(), catalog());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        type Change = fn(&mut LakeCatalog);
        let cases: [(Change, &str); 8] = [
            (|c| c.version = 7, "has version 7"),
            (|c| "other".clone_into(&mut c.format), "`format`"),
            (|c| "type=security_1/../../x.parquet".clone_into(&mut c.parts[0].path), "is not the path of a part"),
            (|c| "/etc/part-0.parquet".clone_into(&mut c.parts[0].path), "is not the path of a part"),
            (|c| "type=other/part-00000.parquet".clone_into(&mut c.parts[0].path), "belongs to no view"),
            (|c| c.parts[0].rows = u64::MAX, "different numbers of events"),
            (|c| "odd".clone_into(&mut c.views[0].view), "two views are called `odd`"),
            (|c| "A".clone_into(&mut c.views[0].columns[1].field), "has the field `A` twice"),
        ];
        for (change, expected) in cases {
            let error = written(change).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn it_gives_what_a_store_gives_of_its_types() {
        let catalog = catalog();
        let types = catalog.catalog().types;
        assert_eq!(types[0].storage, Storage::Table("type=security_1".to_owned()));
        assert_eq!((types[0].columns[0].view_name.as_str(), types[0].columns[0].has_lists), ("A", true));
        assert_eq!((types[0].columns[1].field.as_str(), types[0].columns[1].view_name.as_str()), ("B", ""));
        assert_eq!((&types[1].storage, catalog.rare_folder()), (&Storage::Overflow, Some("type=_rare")));
        assert_eq!(catalog.parts_of("type=_rare").count(), 1);
        assert_eq!(catalog.catalog().event_type(TypeId(2)), Some(&types[1]));
    }
}

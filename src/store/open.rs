//! Opening a store and letting go of it.
//!
//! While a store is written it has a write-ahead log, so that it can be read meanwhile. A finished store has none, in its header
//! and beside it: it is read on media and in folders that cannot be written, by any SQLite client.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::functions::SharedBases;
use super::lock::WriteLock;
use super::place::{OwnLog, StoreFile};
use super::watch::Watch;
use super::{StoreError, functions, ledger, migrate, views};

/// How often the end of a session asks readers to let go of the log, and the time between. Who reads longer leaves the log
/// to the next session.
const READER_TRIES: u32 = 20;
/// See [`READER_TRIES`].
const READER_PAUSE: Duration = Duration::from_millis(50);

/// A file that is written.
#[derive(Debug)]
pub(super) struct Written {
    place: StoreFile,
    log: OwnLog,
}

/// Writes the log of a store into its file, by a connection of its own, while others read: what is left to do when the store is closed is
/// little then.
#[derive(Debug)]
pub struct LogWriter {
    place: StoreFile,
}

impl LogWriter {
    /// Writes what is committed by now.
    ///
    /// # Errors
    /// When the file was removed or replaced meanwhile, or SQLite fails.
    pub fn run(&self) -> Result<(), StoreError> {
        let connection = connect(&self.place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        keep_log_at_close(&connection, true)?;
        self.place.check()?;
        Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }
}

/// Opens a store for reading and writing, or makes a new one.
pub(super) fn for_writing(path: &Path, watch: &Watch, bases: &SharedBases) -> Result<(Connection, Written, WriteLock), StoreError> {
    let lock = WriteLock::of(path)?;
    // The lock before anything is looked at: what another writer leaves half done must not be taken for the work of a killed load.
    let place = StoreFile::of_new(path)?;
    place.refuse_foreign_log()?;
    let before = OwnLog::beside(&place);
    let mut connection = connect(&place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Until the file is known to be ours: closing it would write a log into it that may be another file's.
    keep_log_at_close(&connection, true)?;
    let (there, progress) = (place.clone(), watch.clone());
    connection.commit_hook(Some(move || {
        progress.note_progress();
        !there.is_there() // true makes a rollback of the commit
    }))?;
    let prepare = |connection: &mut Connection| {
        set_up(connection, watch, bases)?;
        refuse_cut(connection, &place)?;
        make_ready(connection)
    };
    let prepared = prepare(&mut connection);
    let log = OwnLog::beside(&place);
    if let Err(moved) = place.check() {
        // Whose log was there before cannot be known.
        drop(connection);
        log.without(&before).remove();
        return Err(moved);
    }
    prepared.map_err(|error| explain(error, &place))?;
    keep_log_at_close(&connection, false)?;
    Ok((connection, Written { place, log }, lock))
}

/// Opens a store that must be there for reading.
pub(super) fn for_reading(path: &Path, watch: &Watch, bases: &SharedBases) -> Result<Connection, StoreError> {
    for_reading_with(path, watch, bases, migrate::check)
}

/// Opens a store of this version or an older one, to copy it as it is.
pub(super) fn for_copying(path: &Path, watch: &Watch, bases: &SharedBases) -> Result<Connection, StoreError> {
    for_reading_with(path, watch, bases, migrate::check_for_copy)
}

fn for_reading_with(
    path: &Path,
    watch: &Watch,
    bases: &SharedBases,
    check: fn(&Connection) -> Result<(), StoreError>,
) -> Result<Connection, StoreError> {
    let place = StoreFile::of_existing(path)?;
    place.refuse_foreign_log()?;
    let read = |mut connection: Connection| {
        set_up(&mut connection, watch, bases)?;
        refuse_cut(&connection, &place)?;
        check(&connection)?;
        Ok(connection)
    };
    let opened = connect(&place, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(read);
    let opened = match opened {
        Err(error) if needs_to_write(&error) => {
            let log = place.beside("-wal");
            // An empty log is what a reader leaves; one with pages has what the file does not have, and it cannot be read here.
            if std::fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
                return Err(StoreError::UnreadableLog(log));
            }
            connect_unchanging(&place).and_then(read)
        }
        opened => opened,
    };
    opened.map_err(|error| explain(error, &place))
}

/// A store in memory.
pub(super) fn in_memory(watch: &Watch, bases: &SharedBases) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    set_up(&mut connection, watch, bases)?;
    make_ready(&mut connection)?;
    Ok(connection)
}

impl Written {
    /// Ends a session of writing: everything is in the one file, and the file says that it has no log.
    pub(super) fn release(&self, connection: &Connection) -> Result<(), StoreError> {
        if !self.place.is_there() {
            // The log is of the file that was here, wherever it is now: it gets what it has to, and then the log goes, because
            // it would ruin the file that is here now.
            drop(checkpoint(connection));
            self.log.remove();
            return Err(StoreError::Moved);
        }
        for _ in 0..READER_TRIES {
            match connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())) {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => std::thread::sleep(READER_PAUSE),
                done => return Ok(done?),
            }
        }
        Ok(())
    }

    /// What writes the log into the file meanwhile.
    pub(super) fn log_writer(&self) -> LogWriter {
        LogWriter { place: self.place.clone() }
    }

    /// Whether the store is still where it was opened.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.place.check()
    }
}

/// Whether closing leaves the log as it is. Else SQLite writes it into the file and removes it even where the file was refused,
/// and the log that makes it unreadable may be another file's.
fn keep_log_at_close(connection: &Connection, kept: bool) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, kept)?;
    Ok(())
}

/// Brings everything that is committed into the one file.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// The absolute path begins with a separator, so SQLite cannot take it for one of its own names (`:memory:`, `file:…?vfs=…`).
fn connect(place: &StoreFile, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(place.path(), access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    connection.map_err(|error| StoreError::from(error).of(place.path()))
}

/// Reads a file that nobody can write: SQLite takes no locks and asks for no log.
fn connect_unchanging(place: &StoreFile) -> Result<Connection, StoreError> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path: String = place.path().as_os_str().as_encoded_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    let connection = Connection::open_with_flags(format!("file:{path}?immutable=1"), access);
    connection.map_err(|error| StoreError::from(error).of(place.path()))
}

fn set_up(connection: &mut Connection, watch: &Watch, bases: &SharedBases) -> Result<(), StoreError> {
    // The statements of a load differ by type and column count: some hundred are in use at a time.
    connection.set_prepared_statement_cache_capacity(512);
    connection.busy_timeout(Duration::from_secs(10))?;
    watch.install(connection)?;
    migrate::harden(connection)?;
    Ok(functions::register(connection, bases)?)
}

fn make_ready(connection: &mut Connection) -> Result<(), StoreError> {
    // In this order: the schema first, then the log, then what a killed load left, and at last views over what there is.
    migrate::migrate(connection)?;
    migrate::tune(connection)?;
    ledger::recover(connection)?;
    views::catch_up(connection)
}

/// Whether SQLite could not read because it may not write: it makes the index of a log even to read it.
fn needs_to_write(error: &StoreError) -> bool {
    matches!(error.sqlite_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Refuses a file that ends before its last page, or within it. A log may hold what is missing: then SQLite knows.
fn refuse_cut(connection: &Connection, place: &StoreFile) -> Result<(), StoreError> {
    if place.beside("-wal").exists() {
        return Ok(());
    }
    let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
    let wanted = number("page_count")?.unsigned_abs() * number("page_size")?.unsigned_abs();
    let found = std::fs::metadata(place.path()).map_or(wanted, |metadata| metadata.len());
    if found < wanted { Err(cut(found, wanted)) } else { Ok(()) }
}

fn cut(found: u64, wanted: u64) -> StoreError {
    StoreError::Damaged(format!("the file is cut off: it has {found} bytes of {wanted}"))
}

/// SQLite says of a file that was cut off that it is malformed, or no database at all.
fn explain(error: StoreError, place: &StoreFile) -> StoreError {
    let is_damage = matches!(error, StoreError::Damaged(_)) || error.sqlite_code() == Some(ErrorCode::NotADatabase);
    match place.cut().filter(|_| is_damage) {
        Some((found, wanted)) => cut(found, wanted),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::place::beside;
    use super::*;
    use crate::catalog::EventId;
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load};
    use crate::store::{HuntRecord, SourceEnd, SourceStart, Store};

    fn one_event(names: &Names, value: &str) -> EventBatch {
        let mut batch = EventBatch::default();
        add(&mut batch, names, 1, &[("A", value)]);
        batch
    }

    /// A store with events in a folder of its own.
    fn stored(name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let names = Names::default();
        let mut store = Store::open(&path).unwrap();
        load(&mut store, "a", "1", &one_event(&names, "x"), &names);
        store.make_views(&[]).unwrap();
        store.close().unwrap();
        (folder, path)
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn count(path: &Path) -> Result<usize, StoreError> {
        Store::open_read_only(path)?.sources().map(|sources| sources.len())
    }

    /// Which journal the header names: 1 for none that lasts, 2 for a write-ahead log.
    fn journal(path: &Path) -> [u8; 2] {
        let bytes = std::fs::read(path).unwrap();
        [bytes[18], bytes[19]]
    }

    /// What a killed load leaves: a store that says it has a log, and its log beside it.
    fn as_if_killed(path: &Path) {
        let connection = Connection::open(path).unwrap();
        keep_log_at_close(&connection, true).unwrap();
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), connection.execute("UPDATE watermark SET views_for = views_for + 1", []).unwrap()), ("wal", 1));
    }

    #[test]
    fn a_finished_store_is_one_file_without_a_log() {
        let (folder, path) = stored("s.db");
        assert_eq!((journal(&path), names_in(folder.path())), ([1, 1], vec!["s.db".to_owned()]));
        assert_eq!(count(&path).unwrap(), 1);
        drop(Store::open(&path).unwrap());
        assert_eq!((journal(&path), names_in(folder.path())), ([1, 1], vec!["s.db".to_owned()]));
    }

    #[test]
    fn a_store_is_read_while_it_is_written() {
        let (folder, path) = stored("s.db");
        let mut store = Store::open(&path).unwrap();
        let names = Names::default();
        let mut writer = store.writer().unwrap();
        writer.begin_source(&SourceStart { path: "b".into() }).unwrap();
        writer.append(&one_event(&names, "y"), &names).unwrap();
        assert_eq!(count(&path).unwrap(), 1);
        writer.finish_source(&SourceEnd { sha256: "2".into(), bytes: 1, ..SourceEnd::default() }).unwrap();
        drop(writer);
        assert_eq!(count(&path).unwrap(), 2);
        let reader = Store::open_read_only(&path).unwrap();
        assert_eq!(reader.sources().unwrap().len(), 2);
        drop(store);
        assert_eq!(reader.sources().unwrap().len(), 2);
        drop(reader);
        drop(Store::open(&path).unwrap());
        assert_eq!((journal(&path), names_in(folder.path())), ([1, 1], vec!["s.db".to_owned()]));
    }

    #[test]
    fn a_store_that_is_removed_or_replaced_is_written_no_more_and_the_other_stays_as_it_is() {
        for replaced in [false, true] {
            let (folder, path) = stored("s.db");
            let (_other, other_path) = stored("other.db");
            let other = std::fs::read(&other_path).unwrap();
            let mut store = Store::open(&path).unwrap();
            let names = Names::default();
            let mut writer = store.writer().unwrap();
            writer.begin_source(&SourceStart { path: "b".into() }).unwrap();
            writer.append(&one_event(&names, "y"), &names).unwrap();
            std::fs::remove_file(&path).unwrap();
            if replaced {
                std::fs::rename(&other_path, &path).unwrap();
            }
            let ended = writer.finish_source(&SourceEnd { sha256: "2".into(), bytes: 1, ..SourceEnd::default() });
            assert!(matches!(ended, Err(StoreError::Moved)), "{ended:?}");
            drop(writer);
            assert!(matches!(store.settle(), Err(StoreError::Moved)));
            assert!(matches!(store.make_views(&[]), Err(StoreError::Moved)));
            let record = HuntRecord { started_us: 0, since_us: None, until_us: None, last_event: EventId(1) };
            assert!(matches!(store.hunt_writer(&record, &[]).unwrap().finish(), Err(StoreError::Moved)));
            assert!(matches!(store.close(), Err(StoreError::Moved)));
            if replaced {
                assert_eq!(names_in(folder.path()), ["s.db"]);
                assert!(std::fs::read(&path).unwrap() == other);
                assert_eq!(count(&path).unwrap(), 1);
            } else {
                assert!(names_in(folder.path()).is_empty());
            }
        }
    }

    #[test]
    fn a_store_that_is_moved_away_keeps_what_is_complete() {
        let (folder, path) = stored("s.db");
        let away = folder.path().join("away.db");
        let mut store = Store::open(&path).unwrap();
        let names = Names::default();
        load(&mut store, "b", "2", &one_event(&names, "y"), &names);
        std::fs::rename(&path, &away).unwrap();
        assert!(matches!(store.close(), Err(StoreError::Moved)));
        assert_eq!(names_in(folder.path()), ["away.db"]);
        assert_eq!(count(&away).unwrap(), 2);
    }

    #[test]
    fn the_log_of_another_file_is_refused() {
        let (folder, path) = stored("s.db");
        as_if_killed(&path);
        assert_eq!((journal(&path), count(&path).unwrap()), ([2, 2], 1));
        assert!(names_in(folder.path()).contains(&"s.db-wal".to_owned()));
        let (_other, other_path) = stored("other.db");
        std::fs::rename(&other_path, &path).unwrap();
        assert!(matches!(count(&path), Err(StoreError::ForeignLog(_))));
        assert!(matches!(Store::open(&path).err(), Some(StoreError::ForeignLog(_))));
    }

    #[test]
    fn a_log_that_makes_a_store_unreadable_is_not_written_into_it() {
        let (_folder, path) = stored("s.db");
        let log = beside(&path, "-wal");
        as_if_killed(&path);
        let (before, own) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
        let elsewhere = tempfile::tempdir().unwrap();
        let other = elsewhere.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE watermark (views_for)").unwrap();
        Connection::open(&other).unwrap().execute_batch("INSERT INTO watermark VALUES (1)").unwrap();
        as_if_killed(&other);
        std::fs::copy(beside(&other, "-wal"), &log).unwrap();
        assert!(Store::open(&path).is_err());
        assert!(std::fs::read(&path).unwrap() == before);
        std::fs::write(&log, own).unwrap();
        assert_eq!(count(&path).unwrap(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn where_nothing_can_be_written_a_store_is_read_as_it_is() {
        let (folder, path) = stored("a % b?#.db");
        as_if_killed(&path);
        // SQLite cannot make the index of a log here, as in a folder that cannot be written.
        let beside = |ending: &str| folder.path().join(format!("a % b?#.db{ending}"));
        std::fs::remove_file(beside("-shm")).ok();
        std::os::unix::fs::symlink("nowhere", beside("-shm")).unwrap();
        let refused = count(&path);
        assert!(matches!(&refused, Err(StoreError::UnreadableLog(log)) if *log == beside("-wal")), "{refused:?}");
        std::fs::write(beside("-wal"), b"").unwrap();
        assert_eq!(count(&path).unwrap(), 1);
    }

    #[test]
    fn names_of_sqlite_are_no_files() {
        for name in [":memory:", "", "/", ".."] {
            assert!(matches!(Store::open(Path::new(name)).err(), Some(StoreError::Open { .. })), "{name}");
            assert!(Store::open_read_only(Path::new(name)).is_err(), "{name}");
        }
        let (_folder, path) = stored("file:x?mode=memory");
        assert_eq!(count(&path).unwrap(), 1);
    }

    #[test]
    fn a_store_of_an_older_version_says_so_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(migrate::MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "application_id", migrate::APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        drop(connection);
        assert!(matches!(count(&path), Err(StoreError::Older { found: 1, .. })));
        drop(Store::open(&path).unwrap());
        assert_eq!(count(&path).unwrap(), 0);
    }

    #[test]
    fn a_store_without_a_version_is_refused_in_few_words() {
        let (_folder, path) = stored("s.db");
        for version in [0, -1] {
            Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
            for error in [Store::open(&path).err(), Store::open_read_only(&path).err()] {
                let message = error.unwrap().to_string();
                assert!(message.contains("version") && message.len() < 120, "{message}");
            }
        }
    }
}

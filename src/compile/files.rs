//! What compiling asks the file system. It can be kept, so that one can ask again whether anything is different.
//!
//! Everything that decides what comes out of rule files is asked here: what a path is, what a folder has, what a file says. Asking again
//! costs no reading where the system says that a file is the same ([`FileState`]), as git does with its index.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use super::ReadError;
use super::read::read_text;
use crate::diag::SourceText;
use crate::fingerprint::fingerprint;

/// A file that was changed less than so many seconds before its state was noted may change again within the same tick of the system's clock
/// and keep its state, so it is read again. File systems count in steps of up to two seconds.
const UNSURE_SECONDS: i64 = 2;

/// The file system, which may keep what it was asked.
#[derive(Debug, Default)]
pub(super) struct Files {
    asked: Option<RefCell<Asked>>,
}

#[derive(Debug, Default)]
struct Asked {
    known: HashSet<FileQuestion>,
    answers: Vec<FileAnswer>,
}

/// What a path leads to, through links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PathKind {
    File,
    Folder,
    /// Nothing, or what can be neither read nor listed.
    Nothing,
}

/// A question to the file system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum FileQuestion {
    Kind(PathBuf),
    Canonical(PathBuf),
    /// All that is in a folder and in those inside of it, through links.
    Walk(PathBuf),
    /// What is in a folder alone.
    List(PathBuf),
    /// The text of a file of so many bytes at most.
    Text(PathBuf, u64),
}

/// A question, and a fingerprint of what the answer was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileAnswer {
    question: FileQuestion,
    answer: [u8; 16],
    /// Of a text: the file's state before it was read.
    state: Option<FileState>,
}

/// What the system says of a file without reading it: size, time of change of content and of anything, and which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    size: u64,
    modified: FileTime,
    changed: FileTime,
    device_and_inode: (u64, u64),
}

/// Seconds since 1970, nanoseconds.
pub(super) type FileTime = (i64, i64);

/// Whether the answers are as they were.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// Yes, and the states tell it.
    Same,
    /// Yes, as far as the content goes; these are the answers with the states of now.
    Touched(Vec<FileAnswer>),
    /// No.
    Different,
}

impl Files {
    /// Files that keep what they are asked.
    pub(super) fn keeping() -> Self {
        Self { asked: Some(RefCell::default()) }
    }

    /// What was asked, in order.
    pub(super) fn answers(&self) -> Vec<FileAnswer> {
        self.asked.as_ref().map(|asked| asked.borrow().answers.clone()).unwrap_or_default()
    }

    /// What a path leads to.
    pub(super) fn kind(&self, path: &Path) -> PathKind {
        let kind = kind(path);
        self.keep(|| (FileQuestion::Kind(path.to_owned()), fingerprint(&kind), None));
        kind
    }

    /// The path from the root, without links.
    pub(super) fn canonical(&self, path: &Path) -> Option<PathBuf> {
        let canonical = path.canonicalize().ok();
        self.keep(|| (FileQuestion::Canonical(path.to_owned()), fingerprint(&canonical.as_deref().map(bytes)), None));
        canonical
    }

    /// Everything under a path by name, so that the same folder gives the same on every system.
    pub(super) fn walk(&self, path: &Path) -> Vec<walkdir::Result<DirEntry>> {
        let entries = walk(path);
        self.keep(|| (FileQuestion::Walk(path.to_owned()), names(&entries), None));
        entries
    }

    /// What is in a folder, by name.
    pub(super) fn list(&self, path: &Path) -> Vec<walkdir::Result<DirEntry>> {
        let entries = list(path);
        self.keep(|| (FileQuestion::List(path.to_owned()), names(&entries), None));
        entries
    }

    /// Reads a file as rule files are read: UTF-8, without a byte order mark.
    pub(super) fn source(&self, path: &Path, most: u64) -> Result<Arc<SourceText>, ReadError> {
        let (text, metadata) = read_text(path, most);
        self.keep(|| (FileQuestion::Text(path.to_owned(), most), content(&text), metadata.as_ref().and_then(FileState::of)));
        Ok(Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: text? }))
    }

    fn keep(&self, answer: impl FnOnce() -> (FileQuestion, [u8; 16], Option<FileState>)) {
        let Some(asked) = &self.asked else { return };
        let (question, answer, state) = answer();
        let mut asked = asked.borrow_mut();
        // A folder of macros is looked for anew for each rule. A text may differ when it is read a second time, so each reading counts.
        if matches!(question, FileQuestion::Text(..)) || asked.known.insert(question.clone()) {
            asked.answers.push(FileAnswer { question, answer, state });
        }
    }
}

/// Asks everything again. `noted` is a time from before the states were noted.
pub(super) fn compare(answers: &[FileAnswer], noted: FileTime) -> Compared {
    let mut touched = None;
    for (index, known) in answers.iter().enumerate() {
        let FileQuestion::Text(path, most) = &known.question else {
            if known.question.ask() != known.answer {
                return Compared::Different;
            }
            continue;
        };
        let state = std::fs::metadata(path).ok().and_then(|metadata| FileState::of(&metadata));
        if state.is_some() && state == known.state && state.is_some_and(|state| state.is_sure(noted)) {
            continue;
        }
        let (text, metadata) = read_text(path, *most);
        if content(&text) != known.answer {
            return Compared::Different;
        }
        let all: &mut Vec<FileAnswer> = touched.get_or_insert_with(|| answers.to_vec());
        all[index].state = metadata.as_ref().and_then(FileState::of);
    }
    touched.map_or(Compared::Same, Compared::Touched)
}

impl FileAnswer {
    /// Whether it is about the text of a file.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.question, FileQuestion::Text(..))
    }
}

impl FileQuestion {
    /// The fingerprint of the answer of now.
    fn ask(&self) -> [u8; 16] {
        match self {
            Self::Kind(path) => fingerprint(&kind(path)),
            Self::Canonical(path) => fingerprint(&path.canonicalize().ok().as_deref().map(bytes)),
            Self::Walk(path) => names(&walk(path)),
            Self::List(path) => names(&list(path)),
            Self::Text(path, most) => content(&read_text(path, *most).0),
        }
    }
}

impl FileState {
    /// Whether the file's next change is sure to change its state.
    fn is_sure(&self, noted: FileTime) -> bool {
        self.modified.0.max(self.changed.0) + UNSURE_SECONDS < noted.0
    }

    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            device_and_inode: (metadata.dev(), metadata.ino()),
        })
    }

    /// Elsewhere there is no time that a program cannot set back: contents are compared.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

fn kind(path: &Path) -> PathKind {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => PathKind::File,
        Ok(metadata) if metadata.is_dir() => PathKind::Folder,
        _ => PathKind::Nothing,
    }
}

fn walk(path: &Path) -> Vec<walkdir::Result<DirEntry>> {
    WalkDir::new(path).sort_by_file_name().follow_links(true).into_iter().collect()
}

fn list(path: &Path) -> Vec<walkdir::Result<DirEntry>> {
    WalkDir::new(path).max_depth(1).sort_by_file_name().into_iter().collect()
}

fn names(entries: &[walkdir::Result<DirEntry>]) -> [u8; 16] {
    let name = |entry: &walkdir::Result<DirEntry>| match entry {
        Ok(entry) => {
            let of = entry.file_type();
            (entry.path().as_os_str().as_encoded_bytes().to_vec(), [of.is_file(), of.is_dir(), entry.path_is_symlink()])
        }
        Err(error) => (error.to_string().into_bytes(), [false; 3]),
    };
    fingerprint(&entries.iter().map(name).collect::<Vec<_>>())
}

fn content(text: &Result<String, ReadError>) -> [u8; 16] {
    fingerprint(&text.as_deref().map_err(ToString::to_string))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: FileTime = (i64::MAX / 2, 0);

    fn asked(folder: &Path) -> Vec<FileAnswer> {
        let files = Files::keeping();
        assert_eq!(files.kind(folder), PathKind::Folder);
        files.canonical(folder).expect("it is there");
        let entries = files.walk(folder);
        entries.iter().flatten().filter(|e| e.file_type().is_file()).for_each(|e| drop(files.source(e.path(), 1_000)));
        files.answers()
    }

    #[test]
    fn the_same_files_are_the_same_and_any_change_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let fresh = || {
            std::fs::write(path("a.yml"), "a: 1").expect("a file");
            std::fs::write(path("b.yml"), [0xff]).expect("a file that is not text");
        };
        let changes: [(&str, &dyn Fn()); 6] = [
            ("content", &|| std::fs::write(path("a.yml"), "a: 2").expect("a file")),
            ("what is wrong", &|| std::fs::write(path("b.yml"), [b'a', 0xff]).expect("a file")),
            ("too large", &|| std::fs::write(path("a.yml"), "a".repeat(1_001)).expect("a file")),
            ("new", &|| std::fs::write(path("c.yml"), "a: 1").expect("a file")),
            ("gone", &|| std::fs::remove_file(path("b.yml")).expect("a file")),
            ("name", &|| std::fs::rename(path("a.yml"), path("A.yml")).expect("a file")),
        ];
        for (what, change) in changes {
            fresh();
            let answers = asked(folder.path());
            assert_eq!(answers.iter().filter(|answer| answer.is_text()).count(), 2);
            if cfg!(unix) {
                assert_eq!(compare(&answers, NOW), Compared::Same);
            }
            assert_eq!(compare(&answers, (0, 0)), Compared::Touched(answers.clone()), "young files are read");
            change();
            assert_eq!(compare(&answers, NOW), Compared::Different, "{what}");
            for name in ["A.yml", "c.yml"] {
                std::fs::remove_file(path(name)).ok();
            }
        }
    }

    #[test]
    fn a_file_that_was_only_touched_is_noted_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yml");
        std::fs::write(&path, "a: 1").expect("a file");
        let before = asked(folder.path());
        std::fs::remove_file(&path).expect("a file");
        std::fs::write(folder.path().join("other"), "").expect("it takes the inode");
        std::fs::write(&path, "a: 1").expect("a file");
        std::fs::remove_file(folder.path().join("other")).expect("a file");
        let Compared::Touched(now) = compare(&before, NOW) else { panic!("its content is the same") };
        assert_eq!(now, asked(folder.path()));
    }
}

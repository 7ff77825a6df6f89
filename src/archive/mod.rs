//! From paths to streams of leaves: folders are walked, containers are opened in place, nothing is written by name.
//!
//! What a stream is, its first bytes say, never its name. A container inside a stream that must be read from its end
//! (zip) is spooled into an unnamed temporary file. Every container is opened under [`Limits`].

mod directory;
mod limit;
mod members;
mod mend;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use walkdir::WalkDir;

pub use limit::Limits;
use limit::{Metered, Origin};
use members::{Codec, Members};

/// Bytes looked at to tell what a stream is: a tar header has its mark at 257.
const HEAD_BYTES: usize = 512;

/// A stream of bytes that may hold events.
pub struct Leaf<'a> {
    /// Its path; members of containers after `!/`.
    pub path: String,
    /// Its length, where the container says.
    pub known_size: Option<u64>,
    /// Its bytes.
    pub reader: &'a mut dyn Read,
}

/// A file of a folder that is about to be walked.
pub struct FileAhead<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its length.
    pub size: u64,
    /// Whether it is a container: then its members follow, else a leaf does.
    pub is_container: bool,
    /// Its bytes, from the first on; they may be read here and are still there afterwards.
    pub bytes: &'a mut dyn Read,
    /// Set it to go on with the next file.
    pub skip: &'a mut bool,
}

/// What a walk comes upon.
pub enum Walked<'a> {
    /// A file of the file system, before what is in it.
    File(FileAhead<'a>),
    /// The end of that file, unless it was skipped.
    FileEnd,
    /// A stream to be read.
    Leaf(Leaf<'a>),
    /// Something that holds no events by its nature.
    Skipped {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Something that could not be opened or read.
    Failed {
        /// Its path.
        path: String,
        /// What went wrong.
        error: String,
    },
}

/// Receives what a walk comes upon; [`ControlFlow::Break`] ends it.
pub type Visit<'v> = dyn FnMut(Walked<'_>) -> ControlFlow<()> + 'v;

/// Walks files and folders in the order given, folders by name; `-` is standard input.
pub fn walk(paths: &[PathBuf], limits: &Limits, visit: &mut Visit<'_>) {
    walk_counting(paths, limits, &WalkCount::default(), visit);
}

/// How far a walk is; others may look at it meanwhile.
#[derive(Debug, Default)]
pub struct WalkCount {
    bytes: AtomicU64,
    files: AtomicU64,
}

impl WalkCount {
    /// Bytes read from files, compressed as they are.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Files that were walked to their end, archives with all their members.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }
}

/// As [`walk`]; counts what was walked.
pub fn walk_counting(paths: &[PathBuf], limits: &Limits, count: &WalkCount, visit: &mut Visit<'_>) {
    for path in paths {
        if walk_path(path, limits, count, visit).is_break() {
            return;
        }
    }
}

/// Walks one stream that is in memory, as [`walk`] does a file of that name.
pub fn walk_bytes(path: &str, bytes: &[u8], limits: &Limits, visit: &mut Visit<'_>) {
    let top = Opener { limits, depth: 0, origin: None };
    let (path, size) = (path.to_owned(), bytes.len() as u64);
    // A visitor that breaks off has what it wanted.
    let (ControlFlow::Continue(()) | ControlFlow::Break(())) = if zip::is_zip(bytes) {
        zip::members(&top, &path, size, io::Cursor::new(bytes), visit)
    } else {
        top.stream(path, &mut &*bytes, Some(size), visit)
    };
}

/// A file that counts what is read from it.
struct CountedFile<'c> {
    file: File,
    walked: &'c WalkCount,
}

impl Read for CountedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.walked.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for CountedFile<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn walk_path(path: &Path, limits: &Limits, walked: &WalkCount, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let top = Opener { limits, depth: 0, origin: None };
    if path.as_os_str() == "-" {
        top.stream("-".to_owned(), &mut io::stdin().lock(), None, visit)?;
        walked.files.fetch_add(1, Ordering::Relaxed);
        return ControlFlow::Continue(());
    }
    // By name, so that the same folder gives the same store on every system.
    for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                walk_file(entry.path(), &top, walked, visit)?;
                visit(Walked::FileEnd)?;
                walked.files.fetch_add(1, Ordering::Relaxed);
            }
            Ok(entry) if entry.file_type().is_dir() => {}
            // A pipe is read when it is named, never when it is come upon.
            Ok(entry) if entry.depth() == 0 => {
                walk_pipe(entry.path(), &top, walked, visit)?;
                walked.files.fetch_add(1, Ordering::Relaxed);
            }
            Ok(entry) => {
                let path = entry.path().to_string_lossy().into_owned();
                visit(Walked::Skipped { path, reason: "neither a file nor a folder".to_owned() })?;
            }
            Err(error) => {
                let at = error.path().unwrap_or(path).to_string_lossy().into_owned();
                visit(Walked::Failed { path: at, error: error.to_string() })?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn walk_pipe(path: &Path, opener: &Opener<'_>, walked: &WalkCount, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let name = path.to_string_lossy().into_owned();
    match File::open(path) {
        Ok(file) => opener.stream(name, &mut CountedFile { file, walked }, None, visit),
        Err(error) => visit(Walked::Failed { path: name, error: error.to_string() }),
    }
}

fn walk_file(path: &Path, opener: &Opener<'_>, walked: &WalkCount, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let name = path.to_string_lossy().into_owned();
    let opened = File::open(path).and_then(|file| file.metadata().map(|meta| (file, meta.len())));
    match opened {
        Ok((mut file, size)) => {
            let mut head = [0; HEAD_BYTES];
            let (n, _) = read_head(&mut file, &mut head);
            let head = &mut head[..n];
            // A zip first: it is read from its end, which only a file allows.
            let is_zip = zip::is_zip(head) || is_zip_by_its_end(head, &mut file);
            let is_container = is_zip || container(head).is_some() || mend::mend(head).is_some();
            if file.rewind().is_ok() {
                let mut skip = false;
                visit(Walked::File(FileAhead { path: &name, size, is_container, bytes: &mut file, skip: &mut skip }))?;
                if skip {
                    walked.bytes.fetch_add(size, Ordering::Relaxed);
                    return ControlFlow::Continue(());
                }
            }
            let mut file = CountedFile { file, walked };
            if is_zip && file.rewind().is_ok() {
                return zip::members(opener, &name, size, file, visit);
            }
            match file.rewind() {
                Ok(()) => opener.stream(name, &mut BufReader::new(file), Some(size), visit),
                Err(error) => visit(Walked::Failed { path: name, error: error.to_string() }),
            }
        }
        Err(error) => visit(Walked::Failed { path: name, error: error.to_string() }),
    }
}

/// Whether a file whose beginning says nothing is a zip archive by its end: not asked of text and of event logs.
fn is_zip_by_its_end(head: &[u8], file: &mut File) -> bool {
    let is_unknown = head.contains(&0) && container(head).is_none() && mend::mend(&mut head.to_vec()).is_none();
    is_unknown && !head.starts_with(b"ElfFile\0") && zip::ends_as_zip(file).unwrap_or(false)
}

/// Opens streams at some depth of nesting.
struct Opener<'l> {
    limits: &'l Limits,
    depth: u32,
    /// What stands behind the streams, where they are inside of something compressed.
    origin: Option<Origin>,
}

impl Opener<'_> {
    fn deeper(&self, origin: Option<Origin>) -> Self {
        Opener { limits: self.limits, depth: self.depth + 1, origin }
    }

    /// Opens a stream: a container gives its members, anything else is a leaf.
    fn stream(&self, path: String, reader: &mut dyn Read, size: Option<u64>, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let mut head = vec![0; HEAD_BYTES];
        let (n, error) = read_head(reader, &mut head);
        head.truncate(n);
        if let (0, Some(error)) = (n, &error) {
            return visit(Walked::Failed { path, error: error.to_string() });
        }
        let whole = container(&head);
        let kind = whole.or_else(|| mend::mend(&mut head));
        // Before it is opened: the fault names the archive that is not looked into.
        if kind.is_some() && self.depth >= self.limits.max_depth {
            let error = format!("archives are nested deeper than {} (option `max_depth`)", self.limits.max_depth);
            return visit(Walked::Failed { path, error });
        }
        if let (None, Some(kind)) = (whole, kind) {
            let error = format!("its first bytes are damaged: the rest says that it is {}, and is read so", kind.name());
            visit(Walked::Failed { path: path.clone(), error })?;
        }
        let is_fork = is_resource_fork(&head);
        let mut all = Peeked { head: io::Cursor::new(head), error, rest: reader };
        match kind {
            None if is_fork => visit(Walked::Skipped { path, reason: "a resource fork of macOS".to_owned() }),
            None => visit(Walked::Leaf(Leaf { path, known_size: size, reader: &mut all })),
            Some(Container::Compressed(codec)) => {
                let mut inner = Metered::new(self.limits, self.origin.clone(), &mut all, |source| Members::new(codec, source));
                self.deeper(Some(inner.origin())).stream(path.clone(), &mut inner, None, visit)?;
                if let Some(fault) = inner.decoder().fault() {
                    visit(Walked::Failed { path: path.clone(), error: fault.to_owned() })?;
                }
                match inner.decoder().stray_at() {
                    Some(at) => {
                        let error = format!("skipped the bytes from offset {at} on: they follow the end of the {} stream", codec.name());
                        visit(Walked::Failed { path, error })
                    }
                    None => ControlFlow::Continue(()),
                }
            }
            Some(Container::Zip) => match spool(&mut all, self.limits) {
                Ok((file, size)) => zip::members(&self.deeper(self.origin.clone()), &path, size, file, visit),
                Err(error) => visit(Walked::Failed { path, error: error.to_string() }),
            },
            Some(Container::Tar) => tar::members(self, &path, &mut all, visit),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Compressed(Codec),
    Zip,
    Tar,
}

impl Container {
    /// What it is called in a sentence.
    fn name(self) -> String {
        match self {
            Self::Compressed(codec) => format!("a {} stream", codec.name()),
            Self::Zip => "a zip archive".to_owned(),
            Self::Tar => "a tar archive".to_owned(),
        }
    }
}

fn container(head: &[u8]) -> Option<Container> {
    match Codec::of(head) {
        Some(codec) => Some(Container::Compressed(codec)),
        None if zip::is_zip(head) => Some(Container::Zip),
        None if tar::is_tar(head) => Some(Container::Tar),
        None => None,
    }
}

/// `__MACOSX/._name` and other AppleDouble files, by their mark: a name alone says nothing.
fn is_resource_fork(head: &[u8]) -> bool {
    head.starts_with(&[0x00, 0x05, 0x16, 0x07]) || head.starts_with(&[0x00, 0x05, 0x16, 0x00])
}

/// A stream whose first bytes were looked at; it breaks off again where it broke off then.
struct Peeked<'r> {
    head: io::Cursor<Vec<u8>>,
    error: Option<io::Error>,
    rest: &'r mut dyn Read,
}

impl Read for Peeked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 if buffer.is_empty() => Ok(0),
            0 => match self.error.take() {
                Some(error) => Err(error),
                None => self.rest.read(buffer),
            },
            n => Ok(n),
        }
    }
}

/// Fills as much of `head` as the stream has, and says what it broke off with.
fn read_head(reader: &mut dyn Read, head: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < head.len() {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// Copies a stream into an unnamed temporary file and says how long it is.
fn spool(reader: &mut dyn Read, limits: &Limits) -> io::Result<(File, u64)> {
    let mut file = tempfile::tempfile()?;
    // One byte more than the limit, to tell a container of exactly that size from a longer one.
    let copied = io::copy(&mut reader.take(limits.max_spool_bytes.saturating_add(1)), &mut file)?;
    if copied > limits.max_spool_bytes {
        return Err(io::Error::other(format!("more than max_spool_bytes = {} bytes in a container", limits.max_spool_bytes)));
    }
    file.rewind()?;
    Ok((file, copied))
}

#[cfg(test)]
mod tests;

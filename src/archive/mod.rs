//! From paths to streams of leaves: folders are walked, containers are opened in place, nothing is written by name.
//!
//! What a stream is, its first bytes say, never its name. A container inside a stream that must be read from its end
//! (zip) is spooled into an unnamed temporary file. Every container is opened under [`Limits`].

mod gzip;
mod limit;
mod zip;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use walkdir::WalkDir;

pub use limit::Limits;
use limit::Metered;

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

/// What a walk comes upon.
pub enum Found<'a> {
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
pub type Visit<'v> = dyn FnMut(Found<'_>) -> ControlFlow<()> + 'v;

/// Walks files and folders in the order given, folders by name; `-` is standard input.
pub fn walk(paths: &[PathBuf], limits: &Limits, visit: &mut Visit<'_>) {
    walk_counting(paths, limits, &AtomicU64::new(0), visit);
}

/// As [`walk`]; adds the bytes read from files, compressed as they are, to a counter that others may look at meanwhile.
pub fn walk_counting(paths: &[PathBuf], limits: &Limits, bytes_read: &AtomicU64, visit: &mut Visit<'_>) {
    for path in paths {
        if walk_path(path, limits, bytes_read, visit).is_break() {
            return;
        }
    }
}

/// A file that counts what is read from it.
struct CountedFile<'c> {
    file: File,
    bytes_read: &'c AtomicU64,
}

impl Read for CountedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for CountedFile<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn walk_path(path: &Path, limits: &Limits, bytes_read: &AtomicU64, visit: &mut Visit<'_>) -> ControlFlow<()> {
    if path.as_os_str() == "-" {
        return Opener { limits, depth: 0 }.stream("-".to_owned(), &mut io::stdin().lock(), None, visit);
    }
    for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => walk_file(entry.path(), limits, bytes_read, visit)?,
            Ok(_) => {}
            Err(error) => {
                let at = error.path().unwrap_or(path).to_string_lossy().into_owned();
                visit(Found::Failed { path: at, error: error.to_string() })?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn walk_file(path: &Path, limits: &Limits, bytes_read: &AtomicU64, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let name = path.to_string_lossy().into_owned();
    let opened = File::open(path).and_then(|file| file.metadata().map(|meta| (file, meta.len())));
    match opened {
        Ok((mut file, size)) => {
            let mut head = [0; HEAD_BYTES];
            let is_zip = read_head(&mut file, &mut head).is_ok_and(|n| zip::is_zip(&head[..n])) && file.rewind().is_ok();
            let opener = Opener { limits, depth: 0 };
            let mut file = CountedFile { file, bytes_read };
            if is_zip {
                return zip::members(&opener, &name, file, visit);
            }
            match file.rewind() {
                Ok(()) => opener.stream(name, &mut BufReader::with_capacity(1 << 18, file), Some(size), visit),
                Err(error) => visit(Found::Failed { path: name, error: error.to_string() }),
            }
        }
        Err(error) => visit(Found::Failed { path: name, error: error.to_string() }),
    }
}

/// Opens streams at some depth of nesting.
struct Opener<'l> {
    limits: &'l Limits,
    depth: u32,
}

impl Opener<'_> {
    fn deeper(&self) -> Self {
        Opener { limits: self.limits, depth: self.depth + 1 }
    }

    /// Opens a stream: a container gives its members, anything else is a leaf.
    fn stream(&self, path: String, reader: &mut dyn Read, size: Option<u64>, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let mut head = vec![0; HEAD_BYTES];
        match read_head(reader, &mut head) {
            Ok(n) => head.truncate(n),
            Err(error) => return visit(Found::Failed { path, error: error.to_string() }),
        }
        let kind = container(&head);
        let mut all = io::Read::chain(head.as_slice(), reader);
        if kind.is_some() && self.depth >= self.limits.max_depth {
            let error = format!("containers are nested deeper than max_depth = {}", self.limits.max_depth);
            return visit(Found::Failed { path, error });
        }
        match kind {
            None if is_resource_fork(&path) => visit(Found::Skipped { path, reason: "a resource fork of macOS".to_owned() }),
            None => visit(Found::Leaf(Leaf { path, known_size: size, reader: &mut all })),
            Some(Container::Gzip) => {
                let mut inner = Metered::new(self.limits, &mut all, |counted| gzip::Members::new(BufReader::new(counted)));
                self.deeper().stream(path, &mut inner, None, visit)
            }
            Some(Container::Zstd) => match zstd::stream::read::Decoder::new(io::empty()) {
                Err(error) => visit(Found::Failed { path, error: error.to_string() }),
                Ok(_) => {
                    let mut inner = Metered::new(self.limits, &mut all, limit::LazyZstd::new);
                    self.deeper().stream(path, &mut inner, None, visit)
                }
            },
            Some(Container::Zip) => match spool(&mut all, self.limits) {
                Ok(file) => zip::members(&self.deeper(), &path, file, visit),
                Err(error) => visit(Found::Failed { path, error: error.to_string() }),
            },
            Some(Container::Tar) => self.tar(&path, &mut all, visit),
        }
    }

    fn tar(&self, path: &str, reader: &mut dyn Read, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return visit(Found::Failed { path: path.to_owned(), error: error.to_string() }),
        };
        for entry in entries {
            match entry {
                Ok(mut entry) if entry.header().entry_type().is_file() => {
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    let size = entry.size();
                    self.deeper().stream(format!("{path}!/{name}"), &mut entry, Some(size), visit)?;
                }
                Ok(_) => {}
                Err(error) => return visit(Found::Failed { path: path.to_owned(), error: format!("the tar archive is damaged: {error}") }),
            }
        }
        ControlFlow::Continue(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Gzip,
    Zstd,
    Zip,
    Tar,
}

fn container(head: &[u8]) -> Option<Container> {
    match head {
        [0x1f, 0x8b, 8, ..] => Some(Container::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Container::Zstd),
        _ if zip::is_zip(head) => Some(Container::Zip),
        _ if head.len() >= 262 && &head[257..262] == b"ustar" => Some(Container::Tar),
        _ => None,
    }
}

/// `__MACOSX/._name` and other AppleDouble files.
fn is_resource_fork(path: &str) -> bool {
    path.contains("__MACOSX/") || path.rsplit('/').next().is_some_and(|name| name.starts_with("._"))
}

/// Fills as much of `head` as the stream has.
fn read_head(reader: &mut dyn Read, head: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < head.len() {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A stream that breaks off still has what it gave.
            Err(error) if filled == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(filled)
}

/// Copies a stream into an unnamed temporary file.
fn spool(reader: &mut dyn Read, limits: &Limits) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut reader.take(limits.max_bytes + 1), &mut file)?;
    if copied > limits.max_bytes {
        return Err(io::Error::other(format!("more than max_bytes = {} bytes", limits.max_bytes)));
    }
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

//! Members of tar archives, streamed.
//!
//! The library that reads the format takes what stands in front of a member (its long name, its attributes) into memory
//! whole, however long it says it is. So each member is read to its end here, and what is read from there to the next
//! member has a limit.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use ::tar::{Archive, Entry};

use super::limit::{Metered, Origin};
use super::{Opener, Visit, Walked};

/// Bytes in front of a member: its headers, long names, attributes.
// A long name and extended attributes have some kB; what says more would be taken into memory whole.
const MAX_HEADER_BYTES: u64 = 4 * 1024 * 1024;
/// Headers and content are padded to this.
const RECORD_BYTES: usize = 512;

/// Whether a stream begins like a tar archive, also as the oldest ones, which have no mark.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let mark = head.get(MARK_AT..MARK_AT + 5);
    mark == Some(b"ustar") || (mark == Some(&[0; 5]) && without_its_mark(head).is_some_and(|mark| mark[0] == 0))
}

/// Where the mark is in the header of a member.
pub(super) const MARK_AT: usize = 257;
/// Where the checksum of the header is.
const SUM_AT: usize = 148;

/// The mark that a stream must have had, because with it the header has the sum that it says: the two that are written, or
/// none, as in the oldest archives.
pub(super) fn without_its_mark(head: &[u8]) -> Option<&'static [u8]> {
    let header = head.get(..RECORD_BYTES)?;
    let said = std::str::from_utf8(&header[SUM_AT..SUM_AT + 8]).ok()?.trim_matches(['\0', ' ']);
    let said = u64::from_str_radix(said, 8).ok()?;
    // The two marks that programs write, GNU's and POSIX's, and none.
    let marks: [&'static [u8]; 3] = [b"ustar\x0000", b"ustar  \0", b"\0\0\0\0\0\0\0\0"];
    marks.into_iter().find(|mark| {
        let parts = [&header[..SUM_AT], &[b' '; 8], &header[SUM_AT + 8..MARK_AT], mark, &header[MARK_AT + mark.len()..]];
        parts.into_iter().flatten().map(|byte| u64::from(*byte)).sum::<u64>() == said
    })
}

/// Opens every member that is a file.
pub(super) fn members(opener: &Opener<'_>, path: &str, reader: &mut dyn Read, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let budget = Budget { read: Rc::default(), until: Rc::new(Cell::new(MAX_HEADER_BYTES)) };
    let mut archive = Archive::new(Budgeted { inner: reader, budget: budget.clone() });
    // Zeros normally end a tar. They are read past: a second archive may follow, or the zeros are damage.
    archive.set_ignore_zeros(true);
    let failed = |error: io::Error| Walked::Failed { path: path.to_owned(), error: format!("the tar archive is damaged: {error}") };
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return visit(failed(error)),
    };
    for entry in entries {
        match entry {
            Ok(entry) => {
                budget.suspend();
                // A sparse member says in its header how much of it is there; else its attributes count before the header.
                let is_sparse = entry.header().entry_type().is_gnu_sparse();
                let stored = if is_sparse { entry.header().entry_size().unwrap_or(0) } else { entry.size() };
                let begin = budget.read.get();
                member(opener, path, entry, stored, visit)?;
                let rest = stored.saturating_sub(budget.read.get() - begin);
                budget.allow(rest.saturating_add(MAX_HEADER_BYTES + RECORD_BYTES as u64));
            }
            Err(error) => return visit(failed(error)),
        }
    }
    ControlFlow::Continue(())
}

/// Opens one member, and reads what the visitor leaves of it.
fn member<R: Read>(opener: &Opener<'_>, path: &str, entry: Entry<'_, R>, stored: u64, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let kind = entry.header().entry_type();
    let is_file = kind.is_file() || kind.is_gnu_sparse();
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let size = entry.size();
    let origin = opener.origin.as_ref().map(Origin::begun_here);
    let mut content = Metered::decoded(opener.limits, origin.clone(), stored, entry); // a sparse one gives more than it has
    if is_file {
        opener.deeper(origin).stream(format!("{path}!/{name}"), &mut content, Some(size), visit)?;
    }
    // Where this fails, so does looking for the next member.
    drop(io::copy(&mut content, &mut io::sink()));
    ControlFlow::Continue(())
}

/// How many bytes of an archive were read, and how many may be.
#[derive(Debug, Clone)]
struct Budget {
    read: Rc<Cell<u64>>,
    until: Rc<Cell<u64>>,
}

impl Budget {
    /// Lets so many bytes more be read.
    fn allow(&self, bytes: u64) {
        self.until.set(self.read.get().saturating_add(bytes));
    }

    /// Lets everything be read: other limits count.
    fn suspend(&self) {
        self.until.set(u64::MAX);
    }
}

/// The archive's bytes, within the budget.
struct Budgeted<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Budget { read, until } = &self.budget;
        if read.get() > until.get() {
            return Err(io::Error::other(format!("more than MAX_HEADER_BYTES = {MAX_HEADER_BYTES} bytes before a member")));
        }
        let count = self.inner.read(buffer)?;
        // Padding behind the last member has no limit.
        if buffer.len() > RECORD_BYTES || buffer[..count].iter().any(|b| *b != 0) {
            read.set(read.get() + count as u64);
        }
        Ok(count)
    }
}

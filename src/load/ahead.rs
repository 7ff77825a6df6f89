//! Hash first: bytes that the store knows are not read again.
//!
//! A hash costs a hundredth of reading events, so it is worth its second look at the bytes, but only where they can be had
//! twice: a file can be read again, a member of an archive is held in memory while it is small. Archives are always hashed,
//! because that is how they are known the next time, with all their members; other bytes only where the store has
//! something of their length.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::cancel::Cancel;
use crate::event::hex;

/// A member of an archive that is larger is read without looking: memory stays flat, and whole archives are known anyway.
// Larger members are rare in collections, and one of gigabytes must not be held for the sake of a look.
pub(super) const MAX_HELD_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes hashed at a time.
// Large enough that the system call does not count, small enough that Ctrl-C is heard at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// The SHA-256 of a stream, hex; `None` where it cannot be read or the user asked to stop: then whoever reads it says so.
pub(super) fn sha256(stream: &mut dyn Read, cancel: &Cancel) -> Option<String> {
    let (mut hasher, mut block) = (Sha256::new(), vec![0; BLOCK_BYTES]);
    while !cancel.is_cancelled() {
        match stream.read(&mut block) {
            Ok(0) => return Some(hex(&hasher.finalize())),
            Ok(count) => hasher.update(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}

/// The beginning of a stream in memory, the whole of it where it is as long as it says.
pub(super) struct Held {
    bytes: io::Cursor<Vec<u8>>,
    error: Option<io::Error>,
}

impl Held {
    /// Reads so many bytes of a stream, and one more to see that it ends there.
    pub(super) fn read(stream: &mut dyn Read, size: u64) -> Self {
        let mut bytes = Vec::new();
        let error = stream.take(size.saturating_add(1)).read_to_end(&mut bytes).err();
        Self { bytes: io::Cursor::new(bytes), error }
    }

    /// The SHA-256 of all, where it is all.
    pub(super) fn sha256(&self, size: u64, cancel: &Cancel) -> Option<String> {
        let bytes = self.bytes.get_ref();
        if self.error.is_none() && bytes.len() as u64 == size { sha256(&mut bytes.as_slice(), cancel) } else { None }
    }
}

/// Gives what is held, and at its end the error that the stream broke off with.
impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 if !buffer.is_empty() => self.error.take().map_or(Ok(0), Err),
            count => Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(&'static [u8]);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::Error::other("broken")) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn what_is_held_is_the_stream_whatever_it_says_of_its_length() {
        let cancel = Cancel::default();
        for size in [0, 2, 3, 4, 9] {
            let mut stream = &b"abc"[..];
            let held = Held::read(&mut stream, size);
            assert_eq!(held.sha256(size, &cancel).is_some(), size == 3, "{size}");
            let mut text = String::new();
            held.chain(stream).read_to_string(&mut text).unwrap();
            assert_eq!(text, "abc", "{size}");
        }
    }

    #[test]
    fn a_stream_that_breaks_off_does_so_again() {
        let mut held = Held::read(&mut Broken(b"abc"), 3);
        assert_eq!(held.sha256(3, &Cancel::default()), None);
        let mut bytes = Vec::new();
        assert_eq!(held.read_to_end(&mut bytes).unwrap_err().to_string(), "broken");
        assert_eq!(bytes, b"abc");
    }
}

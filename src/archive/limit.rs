//! The budget of decompression: depth, ratio, bytes.
//!
//! A stream is held against its own compressed bytes, and against those of the outermost container: layers that are
//! each within the ratio do not multiply.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Output below this size is never called a bomb: runs of zeros in a small log reach any ratio, and 64 MiB harm nobody.
pub(super) const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// What decoders may have read ahead of a member. A member's share of the outermost container is known to within this, so it is added.
const READ_AHEAD_BYTES: u64 = 512 * 1024;

/// What a walk spends at most on one container.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Containers inside of containers.
    pub max_depth: u32,
    /// Decompressed bytes for each compressed one, once there are 64 MiB of them.
    pub max_ratio: u64,
    /// Decompressed bytes of one stream.
    pub max_bytes: u64,
    /// Bytes of a container that lies inside of another and has to be put into a temporary file to be read (zip).
    pub max_spool_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // Depth: a zip of tars of gz is three; eight leaves room for exports of exports. Ratio: gz reaches 1,032 at most, and logs
        // 10 to 100. Bytes: no single log comes near a TiB. Spool: the largest zip within a zip that is worth a temporary file.
        Self { max_depth: 8, max_ratio: 1_000, max_bytes: 1 << 40, max_spool_bytes: 16 << 30 }
    }
}

/// Counts the bytes read through it.
pub(super) struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    /// Bytes read so far.
    pub(super) fn count(&self) -> u64 {
        self.count.get()
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// How many bytes of the outermost container stand behind a stream.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    read: Rc<Cell<u64>>,
    from: u64,
}

impl Origin {
    /// A stream of which so many bytes are known to be in the container.
    pub(super) fn fixed(bytes: u64) -> Self {
        Self { read: Rc::new(Cell::new(bytes)), from: 0 }
    }

    /// The same container, for a stream that begins here.
    pub(super) fn begun_here(&self) -> Self {
        Self { read: self.read.clone(), from: self.read.get() }
    }

    /// Bytes of the container read since the stream began.
    pub(super) fn bytes(&self) -> u64 {
        self.read.get() - self.from
    }
}

/// A decoder whose output is held against its input.
pub(super) struct Metered<'l, D> {
    decoder: D,
    taken: Rc<Cell<u64>>,
    origin: Option<Origin>,
    given: u64,
    limits: &'l Limits,
}

impl<'l, D> Metered<'l, D> {
    /// Puts a decoder, made by `decode`, over a compressed stream.
    pub(super) fn new<R: Read>(limits: &'l Limits, origin: Option<Origin>, compressed: R, decode: impl FnOnce(Counted<R>) -> D) -> Self {
        let taken = Rc::new(Cell::new(0));
        let decoder = decode(Counted { inner: compressed, count: taken.clone() });
        Self { decoder, taken, origin, given: 0, limits }
    }

    /// Takes a stream that is decompressed already, and of which the container says how many bytes it was.
    pub(super) fn decoded(limits: &'l Limits, origin: Option<Origin>, compressed_bytes: u64, decoder: D) -> Self {
        Self { decoder, taken: Rc::new(Cell::new(compressed_bytes)), origin, given: 0, limits }
    }

    /// What stands behind streams inside of this one.
    pub(super) fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_else(|| Origin { read: self.taken.clone(), from: 0 })
    }

    /// Bytes given so far.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// The decoder.
    pub(super) fn decoder(&self) -> &D {
        &self.decoder
    }

    fn check(&self) -> io::Result<()> {
        let Limits { max_bytes, max_ratio, .. } = self.limits;
        // The absolute bound first: it also holds for what the ratio cannot judge.
        if self.given > *max_bytes {
            return Err(io::Error::other(format!("decompresses to more than {max_bytes} bytes (option `max_bytes`)")));
        }
        if self.given > RATIO_FREE_BYTES {
            let outermost = self.origin.as_ref().map(|origin| origin.bytes() + READ_AHEAD_BYTES);
            // The smaller of the two: a layer may be small because the one around it was inflated.
            let behind = outermost.map_or(self.taken.get(), |bytes| bytes.min(self.taken.get()));
            if self.given / behind.max(1) > *max_ratio {
                return Err(io::Error::other(format!(
                    "decompresses to more than {max_ratio} times its size (option `max_ratio`): probably a decompression bomb"
                )));
            }
        }
        Ok(())
    }
}

impl<D: Read> Read for Metered<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.given += n as u64;
        self.check().map(|()| n)
    }
}

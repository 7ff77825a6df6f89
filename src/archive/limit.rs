//! The budget of decompression: depth, ratio, bytes.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Output below this size is never called a bomb.
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// What a walk spends at most on one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside of containers.
    pub max_depth: u32,
    /// Decompressed bytes for each compressed one, once there are 64 MiB of them.
    pub max_ratio: u64,
    /// Decompressed bytes of one stream.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: 8, max_ratio: 1_000, max_bytes: 1 << 40 }
    }
}

/// Counts the bytes read through it.
pub(super) struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// A decoder whose output is held against its input.
pub(super) struct Metered<'l, D> {
    decoder: D,
    taken: Rc<Cell<u64>>,
    given: u64,
    limits: &'l Limits,
}

impl<'l, D> Metered<'l, D> {
    /// Puts a decoder, made by `decode`, over a compressed stream.
    pub(super) fn new<R: Read>(limits: &'l Limits, compressed: R, decode: impl FnOnce(Counted<R>) -> D) -> Self {
        let taken = Rc::new(Cell::new(0));
        let decoder = decode(Counted { inner: compressed, count: taken.clone() });
        Self { decoder, taken, given: 0, limits }
    }
}

impl<D: Read> Read for Metered<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.given += n as u64;
        if self.given > self.limits.max_bytes {
            return Err(io::Error::other(format!("more than max_bytes = {} bytes when decompressed", self.limits.max_bytes)));
        }
        if self.given > RATIO_FREE_BYTES && self.given / self.taken.get().max(1) > self.limits.max_ratio {
            return Err(io::Error::other(format!("decompresses by more than max_ratio = {}: a bomb", self.limits.max_ratio)));
        }
        Ok(n)
    }
}

/// A zstd decoder that is made when it is first read.
pub(super) struct LazyZstd<R: Read> {
    source: Option<R>,
    decoder: Option<zstd::stream::read::Decoder<'static, io::BufReader<R>>>,
}

impl<R: Read> LazyZstd<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source: Some(source), decoder: None }
    }
}

impl<R: Read> Read for LazyZstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(source) = self.source.take() {
            self.decoder = Some(zstd::stream::read::Decoder::new(source)?);
        }
        match &mut self.decoder {
            Some(decoder) => decoder.read(buffer),
            None => Ok(0),
        }
    }
}

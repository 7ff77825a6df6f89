//! Compressed streams as they occur: one member or several, padding between them, stray bytes behind the last.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::limit::Counted;

/// Bytes read at a time. The block is the only buffer between the file and a decoder, and damage is located within it.
const BLOCK_BYTES: usize = 64 * 1024;
/// Bytes asked of a decoder at a time: what it has ready when it meets damage is lost with it.
const READ_BYTES: usize = 4 * 1024;
/// Bytes that tell a member from what else may follow one: bzip2's mark, with the block mark behind it, is the longest.
const MARK_BYTES: usize = 10;
/// Memory of the dictionary of one xz stream. `xz -9` needs 65 MiB; a stream may ask for 4 GiB, which only an attack does.
const MAX_XZ_KIB: u32 = 256 * 1024;

/// A kind of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Codec {
    /// The kind of a stream that begins so.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // The block's mark too: `BZh9` alone is a text that somebody may write.
            [b'B', b'Z', b'h', b'1'..=b'9', block @ ..]
                if block.starts_with(b"\x31\x41\x59\x26\x53\x59") || block.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
            {
                Some(Self::Bzip2)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

/// The decoder of one member.
enum Decoder<R: Read> {
    Gzip(Box<GzDecoder<Ahead<R>>>),
    /// With the error that came together with bytes.
    Bzip2(BzDecoder<Ahead<R>>, Option<io::Error>),
    Xz(Box<XzReader<Ahead<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, Ahead<R>>),
}

impl<R: Read> Decoder<R> {
    fn new(codec: Codec, source: Ahead<R>) -> io::Result<Self> {
        Ok(match codec {
            Codec::Gzip => Self::Gzip(Box::new(GzDecoder::new(source))),
            Codec::Bzip2 => Self::Bzip2(BzDecoder::new(source), None),
            Codec::Xz => Self::Xz(Box::new(XzReader::new_mem_limit(source, false, MAX_XZ_KIB))),
            Codec::Zstd => Self::Zstd(zstd::stream::read::Decoder::with_buffer(source)?.single_frame()),
        })
    }

    fn into_source(self) -> Ahead<R> {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder, _) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder, late) => {
                if let Some(error) = late.take() {
                    return Err(error);
                }
                // The decoder may fill a part of the buffer and fail in the same call. Its bytes go out first, the error with the next.
                let before = decoder.total_out();
                decoder.read(buffer).or_else(|error| match usize::try_from(decoder.total_out() - before) {
                    Ok(n) if n > 0 => {
                        *late = Some(error);
                        Ok(n)
                    }
                    _ => Err(error),
                })
            }
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// Reads all members. Padding (white space, zeros) between and behind them is left alone; other bytes are told of.
pub(super) struct Members<R: Read> {
    codec: Codec,
    /// Where the first member begins, until it is read.
    source: Option<Ahead<R>>,
    current: Option<Decoder<R>>,
    stray_at: Option<u64>,
    /// Where the current member begins.
    begun_at: u64,
    /// What was wrong with the first damaged member that others follow.
    fault: Option<String>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(codec: Codec, source: Counted<R>) -> Self {
        Self { codec, source: Some(Ahead::new(source)), current: None, stray_at: None, begun_at: 0, fault: None }
    }

    /// Offset of bytes behind the last member that are not padding, once the end is reached.
    pub(super) fn stray_at(&self) -> Option<u64> {
        self.stray_at
    }

    /// What was wrong with the first damaged member behind which the next was read.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Goes on behind a member whose end is wrong, if another begins there.
    fn go_on(&mut self, decoder: Decoder<R>, error: io::Error) -> io::Result<()> {
        let mut source = decoder.into_source();
        let offset = source.offset();
        // A decoder that took nothing would be asked for ever.
        if offset <= self.begun_at || Codec::of(source.peek(MARK_BYTES)?) != Some(self.codec) {
            return Err(error);
        }
        self.begun_at = offset;
        self.fault.get_or_insert_with(|| format!("the {} member that ends at offset {offset} is damaged: {error}", self.codec.name()));
        self.current = Some(Decoder::new(self.codec, source)?);
        Ok(())
    }

    /// Goes on to the next member, if there is one.
    fn advance(&mut self, mut source: Ahead<R>) -> io::Result<()> {
        // Padding first: tape blocks and some downloads fill up with zeros.
        source.skip_padding()?;
        let mark = source.peek(MARK_BYTES)?;
        if Codec::of(mark) == Some(self.codec) {
            self.begun_at = source.offset();
            self.current = Some(Decoder::new(self.codec, source)?);
        } else if !mark.is_empty() {
            self.stray_at = Some(source.offset());
        }
        Ok(())
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(source) = self.source.take() {
            self.current = Some(Decoder::new(self.codec, source)?);
        }
        loop {
            // A decoder that failed is not asked again.
            let Some(mut decoder) = self.current.take() else { return Ok(0) };
            let most = buffer.len().min(READ_BYTES);
            match decoder.read(&mut buffer[..most]) {
                Ok(0) if most > 0 => self.advance(decoder.into_source())?,
                Ok(n) => {
                    self.current = Some(decoder);
                    return Ok(n);
                }
                Err(error) => self.go_on(decoder, error)?,
            }
        }
    }
}

/// A buffered stream that can be looked at without being read.
struct Ahead<R> {
    inner: Counted<R>,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Ahead<R> {
    fn new(inner: Counted<R>) -> Self {
        Self { inner, block: Vec::new(), at: 0 }
    }

    /// Offset in the stream of the next byte.
    fn offset(&self) -> u64 {
        self.inner.count() - (self.block.len() - self.at) as u64
    }

    /// The next bytes, fewer only at the end.
    fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.block.len() - self.at < bytes {
            self.block.drain(..self.at);
            self.at = 0;
            let filled = self.block.len();
            self.block.resize(filled + BLOCK_BYTES, 0);
            let read = self.inner.read(&mut self.block[filled..]);
            self.block.truncate(filled + read.as_ref().map_or(0, |n| *n));
            match read {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(&self.block[self.at..])
    }

    fn skip_padding(&mut self) -> io::Result<()> {
        loop {
            let block = self.fill_buf()?;
            let (length, padding) = (block.len(), block.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count());
            self.consume(padding);
            if length == 0 || padding < length {
                return Ok(());
            }
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block = self.fill_buf()?;
        let n = block.len().min(buffer.len());
        buffer[..n].copy_from_slice(&block[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.block.len());
    }
}

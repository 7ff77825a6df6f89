//! Gzip streams as they occur: one member or several, with stray bytes behind the last.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::limit::Counted;

/// Reads all members. Padding behind the last (white space, zeros) is left alone; other bytes are told of.
pub(super) struct Members<R: Read> {
    current: Option<GzDecoder<BufReader<Counted<R>>>>,
    stray_at: Option<u64>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(source: Counted<R>) -> Self {
        Self { current: Some(GzDecoder::new(BufReader::new(source))), stray_at: None }
    }

    /// Offset of bytes behind the last member that are no padding, once the end is reached.
    pub(super) fn stray_at(&self) -> Option<u64> {
        self.stray_at
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.current else { return Ok(0) };
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let mut source = self.current.take().expect("checked above").into_inner();
            if source.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
                self.current = Some(GzDecoder::new(source));
            } else {
                self.stray_at = stray(&mut source)?;
            }
        }
    }
}

/// Offset of the first byte that is no padding.
fn stray<R: Read>(source: &mut BufReader<Counted<R>>) -> io::Result<Option<u64>> {
    loop {
        let block = source.fill_buf()?;
        let length = block.len();
        if length == 0 {
            return Ok(None);
        }
        let padding = block.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
        source.consume(padding);
        if padding < length {
            return Ok(Some(source.get_ref().count() - source.buffer().len() as u64));
        }
    }
}

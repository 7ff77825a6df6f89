//! Where a JSON document ends, told by its brackets, and where the next one begins when it does not end.

/// What a scan came upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanStep {
    /// The document ends before this byte.
    End(usize),
    /// The document is broken.
    Broken {
        /// The first byte at which another may begin.
        first: usize,
        /// The byte at which one begins for sure.
        last: usize,
    },
}

/// Finds the end of a value block by block.
#[derive(Debug, Default)]
pub(super) struct DocumentScan {
    /// What is open: objects and arrays.
    open: Vec<OpenContainer>,
    in_string: bool,
    escaped: bool,
    /// A string went over the end of a line, which no valid one does.
    broken: bool,
    /// The last byte that is not white space.
    last: u8,
    line_start: bool,
    /// Bytes looked at before the present ones.
    before: usize,
    /// The first `{` inside of the document that begins a line: if the document is broken, the next may begin there.
    inner: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenContainer {
    Object,
    Array,
}

impl DocumentScan {
    /// Looks at the next bytes of the document; without a result the scan goes on with those behind them. Places are
    /// counted from the beginning of the document.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<ScanStep> {
        for (index, byte) in bytes.iter().enumerate() {
            if self.in_string && *byte != b'\n' {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        self.last = b'"';
                    }
                    _ => {}
                }
                continue;
            }
            let at = self.before + index;
            match byte {
                b'"' => self.in_string = true,
                b'{' if self.begins_another() => {
                    return Some(ScanStep::Broken { first: self.inner.unwrap_or(at), last: at });
                }
                b'{' => {
                    if self.line_start && !self.open.is_empty() {
                        self.inner.get_or_insert(at);
                    }
                    self.open.push(OpenContainer::Object);
                }
                b'[' => self.open.push(OpenContainer::Array),
                b'}' | b']' => {
                    self.open.pop();
                    if self.open.is_empty() {
                        return Some(ScanStep::End(at + 1));
                    }
                }
                // Text outside of any document is a document that ends with its line.
                b'\n' if self.open.is_empty() => return Some(ScanStep::End(at)),
                b'\n' if self.in_string => (self.in_string, self.escaped, self.broken) = (false, false, true),
                _ => {}
            }
            self.line_start = *byte == b'\n';
            if !byte.is_ascii_whitespace() {
                self.last = *byte;
            }
        }
        self.before += bytes.len();
        None
    }

    /// Whether a `{` is where no value can be, at the start of a line.
    fn begins_another(&self) -> bool {
        let is_value = match self.open.last() {
            None => return false,
            Some(OpenContainer::Object) => self.last == b':',
            Some(OpenContainer::Array) => matches!(self.last, b'[' | b','),
        };
        self.line_start && (self.broken || !is_value)
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentScan, ScanStep};

    fn steps(text: &str) -> Option<ScanStep> {
        let whole = DocumentScan::default().find(text.as_bytes());
        let mut scan = DocumentScan::default();
        let split = text.as_bytes().chunks(3).find_map(|block| scan.find(block));
        assert_eq!(whole, split, "{text:?} in blocks");
        whole
    }

    #[test]
    fn ends_are_found() {
        let broken = |first, last| Some(ScanStep::Broken { first, last });
        for (text, step) in [
            (r#"{"a":"}{\"","b":[{}]} x"#, Some(ScanStep::End(21))),
            ("garbage\n{}", Some(ScanStep::End(7))),
            ("\"garb\nage", Some(ScanStep::End(5))),
            ("{\"a\":\n{\"b\":1}}\n", Some(ScanStep::End(14))),
            ("{\"a\":[\n{},\n{}\n]}", Some(ScanStep::End(16))),
            ("{\"a\":1", None),
            ("{\"a\":\"cut\n{\"b\":1}", broken(10, 10)),
            ("{\"a\":1\n{\"b\":1}", broken(7, 7)),
            ("{\"a\":\"cut,\n{\"b\":1}", broken(11, 11)),
            ("{\"a\":1,\n{\"b\":1}", broken(8, 8)),
            // What looked like the value of `a` was the next document.
            ("{\"a\":\n{\"b\":1},\n{\"c\":1}]", broken(6, 15)),
            ("{\"a\":[\n{\"b\":1},\n{\"c\":1}", None),
        ] {
            assert_eq!(steps(text), step, "{text:?}");
        }
    }
}

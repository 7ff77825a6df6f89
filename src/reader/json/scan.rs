//! Where a JSON document ends, told by its brackets, and where the next one begins when it does not end.

/// What a scan came upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The document ends before this byte.
    End(usize),
    /// The document is broken: another one begins at this byte.
    Broken(usize),
}

/// Finds the end of a value block by block.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// A string went over the end of a line, which no valid one does.
    broken: bool,
    /// The last byte that is no white space.
    last: u8,
    line_start: bool,
}

impl Scan {
    /// Looks at the next bytes of the document; without a result the scan goes on with those behind them.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<Step> {
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
            match byte {
                b'"' => self.in_string = true,
                b'{' if self.begins_another() => return Some(Step::Broken(index)),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(Step::End(index + 1));
                    }
                }
                // Text outside of any document is a document that ends with its line.
                b'\n' if self.depth == 0 => return Some(Step::End(index)),
                b'\n' if self.in_string => (self.in_string, self.escaped, self.broken) = (false, false, true),
                _ => {}
            }
            self.line_start = *byte == b'\n';
            if !byte.is_ascii_whitespace() {
                self.last = *byte;
            }
        }
        None
    }

    /// Whether a `{` is where no value can be, at the start of a line.
    fn begins_another(&self) -> bool {
        self.depth > 0 && self.line_start && (self.broken || !matches!(self.last, b':' | b'[' | b','))
    }
}

#[cfg(test)]
mod tests {
    use super::{Scan, Step};

    fn steps(text: &str) -> Option<Step> {
        let whole = Scan::default().find(text.as_bytes());
        let mut scan = Scan::default();
        let split = text.as_bytes().chunks(3).enumerate().find_map(|(i, block)| {
            scan.find(block).map(|step| match step {
                Step::End(at) => Step::End(i * 3 + at),
                Step::Broken(at) => Step::Broken(i * 3 + at),
            })
        });
        assert_eq!(whole, split, "{text:?} in blocks");
        whole
    }

    #[test]
    fn ends_are_found() {
        for (text, step) in [
            (r#"{"a":"}{\"","b":[{}]} x"#, Some(Step::End(21))),
            ("garbage\n{}", Some(Step::End(7))),
            ("\"garb\nage", Some(Step::End(5))),
            ("{\"a\":\n{\"b\":1}}\n", Some(Step::End(14))),
            ("{\"a\":[\n{},\n{}\n]}", Some(Step::End(16))),
            ("{\"a\":1", None),
            ("{\"a\":\"cut\n{\"b\":1}", Some(Step::Broken(10))),
            ("{\"a\":1\n{\"b\":1}", Some(Step::Broken(7))),
            ("{\"a\":\"cut,\n{\"b\":1}", Some(Step::Broken(11))),
        ] {
            assert_eq!(steps(text), step, "{text:?}");
        }
    }
}

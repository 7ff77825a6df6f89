//! Records and cells of CSV: where a record ends, what is in it.

/// Where a scan is in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SplitState {
    CellStart,
    Plain,
    Quoted,
    /// Behind a quote that ends a cell, or is the first half of a quote in it.
    Closed,
}

/// Finds the end of a record block by block: a line break outside of quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordScan {
    delimiter: u8,
    state: SplitState,
    torn: bool,
}

impl RecordScan {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, state: SplitState::CellStart, torn: false }
    }

    /// Looks at the next bytes of the record; the position behind its line break, if it ends in them.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                SplitState::Quoted => {
                    at += memchr::memchr(b'"', &bytes[at..])? + 1;
                    self.state = SplitState::Closed;
                    continue;
                }
                SplitState::Plain => match memchr::memchr2(self.delimiter, b'\n', &bytes[at..]) {
                    Some(found) => at += found,
                    None => return None,
                },
                SplitState::CellStart | SplitState::Closed => {}
            }
            self.torn |= self.state == SplitState::Closed && ![b'"', b'\r', b'\n', self.delimiter].contains(&bytes[at]);
            self.state = match bytes[at] {
                b'\n' => return Some(at + 1),
                b'"' if self.state != SplitState::Plain => SplitState::Quoted,
                byte if byte == self.delimiter => SplitState::CellStart,
                _ => SplitState::Plain,
            };
            at += 1;
        }
        None
    }

    /// Whether text follows the end of a quoted cell: a quote was opened or closed where none should be.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whether the record cannot end here: a quote is open.
    pub(super) fn is_open(&self) -> bool {
        self.state == SplitState::Quoted
    }
}

/// The cells of one record; keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    /// Takes a record apart.
    pub(super) fn split(&mut self, record: &str, delimiter: u8) {
        self.text.clear();
        self.ends.clear();
        let record = record.strip_suffix('\n').unwrap_or(record);
        let mut rest = Some(record.strip_suffix('\r').unwrap_or(record));
        while let Some(mut cell) = rest {
            if let Some(quoted) = cell.strip_prefix('"') {
                cell = self.quoted(quoted);
            }
            let end = memchr::memchr(delimiter, cell.as_bytes());
            self.text.push_str(&cell[..end.unwrap_or(cell.len())]);
            self.ends.push(self.text.len());
            rest = end.map(|end| &cell[end + 1..]);
        }
    }

    /// Takes the quoted part of a cell; what follows it is left.
    fn quoted<'t>(&mut self, mut rest: &'t str) -> &'t str {
        while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
            self.text.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    self.text.push('"');
                    rest = more;
                }
                None => return rest,
            }
        }
        self.text.push_str(rest);
        ""
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, RecordScan};

    fn records(text: &str, block: usize) -> Vec<Vec<String>> {
        let (mut all, mut start, mut scan) = (Vec::new(), 0, RecordScan::new(b','));
        let mut at = 0;
        while at < text.len() {
            let end = (at + block).min(text.len());
            match scan.find(&text.as_bytes()[at..end]) {
                Some(found) => {
                    let mut cells = Cells::default();
                    cells.split(&text[start..at + found], b',');
                    all.push(cells.iter().map(str::to_owned).collect());
                    (at, start, scan) = (at + found, at + found, RecordScan::new(b','));
                }
                None => at = end,
            }
        }
        all
    }

    #[test]
    fn records_and_cells() {
        let text = "a,\"b,\"\"c\n\",d\r\n,,\n5\" disk,\"x\"y,\"\"\n\"\"\"\"\n";
        for block in 1..=text.len() {
            let all = records(text, block);
            assert_eq!(all, [&["a", "b,\"c\n", "d"][..], &["", "", ""], &["5\" disk", "xy", ""], &["\""]], "blocks of {block}");
        }
    }
}

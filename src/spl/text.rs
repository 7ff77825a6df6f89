//! Search text after macro expansion that still knows where each piece came from.

use std::ops::Range;

/// A piece of expanded text.
#[derive(Debug, Clone)]
struct Segment {
    /// Where it starts in the expanded text.
    start: usize,
    /// Where it came from in the search as written.
    origin: Range<usize>,
    /// Copied as it stands; else the whole piece came from one macro call.
    verbatim: bool,
}

/// Expanded text with its origins.
#[derive(Debug, Clone, Default)]
pub(super) struct Expanded {
    /// The text.
    pub(super) text: String,
    segments: Vec<Segment>,
}

impl Expanded {
    /// Appends text as it stands in the search from `origin` on.
    pub(super) fn push_verbatim(&mut self, text: &str, origin: usize) {
        if !text.is_empty() {
            self.segments.push(Segment { start: self.text.len(), origin: origin..origin + text.len(), verbatim: true });
            self.text.push_str(text);
        }
    }

    /// Appends text that a macro call at `origin` became.
    pub(super) fn push_replaced(&mut self, text: &str, origin: Range<usize>) {
        if !text.is_empty() {
            self.segments.push(Segment { start: self.text.len(), origin, verbatim: false });
            self.text.push_str(text);
        }
    }

    /// Where a span of the expanded text is in the search as written.
    pub(super) fn origin(&self, span: Range<usize>) -> Range<usize> {
        let start = self.place(span.start, false);
        if span.is_empty() {
            return start;
        }
        let end = self.place(span.end - 1, true);
        start.start..end.end.max(start.start)
    }

    fn place(&self, at: usize, last: bool) -> Range<usize> {
        let index = self.segments.partition_point(|s| s.start <= at);
        let Some(segment) = index.checked_sub(1).and_then(|i| self.segments.get(i)) else { return 0..0 };
        if !segment.verbatim {
            return segment.origin.clone();
        }
        let offset = (segment.origin.start + (at - segment.start)).min(segment.origin.end);
        offset..(offset + usize::from(last)).min(segment.origin.end)
    }
}

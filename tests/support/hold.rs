//! What must hold of any bytes at the library's front doors: shared by the property tests and the fuzz targets.
//!
//! Beyond "no panic": text lies where it says, every loss is counted and has a place, the sizes of reads change nothing,
//! nothing is given beyond the limits of containers. Nothing but the public interface is used here, and nothing of the
//! tests' support, because the fuzz targets include this file.

#![allow(dead_code, reason = "a fuzz target calls one of these")]

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use retrohunt::archive::{Leaf, Limits, Walked, walk_bytes};
use retrohunt::diag::{Diagnostic, Severity, SourceText, render};
use retrohunt::event::{EventBatch, FieldValue, Names};
use retrohunt::reader::{LeafReader, LeafReport, ReadOptions};
use retrohunt::sigma::{Pipelines, SigmaOptions, SigmaSet, read_values};
use retrohunt::spl::{LookupPlace, Macros, parse_escu_yaml, parse_page};

/// Decompressed bytes of one stream here: enough to reach the limits, and to end in time.
const MAX_BYTES: u64 = 96 * 1024 * 1024;
/// Containers inside of each other here.
const MAX_DEPTH: u32 = 3;

/// Reads bytes as a format, in one piece and in small ones; carves too.
pub(crate) fn read(format: &str, bytes: &[u8]) {
    let whole = outcome(format, bytes, usize::MAX, false);
    let pieces = outcome(format, bytes, 1 + bytes.len() % 251, false);
    assert_eq!(whole, pieces, "the sizes of reads change nothing");
    if format == "evtx" {
        outcome(format, bytes, usize::MAX, true);
    }
}

/// What reading gives: the report, the text of all events, the number of their fields.
fn outcome(format: &str, bytes: &[u8], piece: usize, recover: bool) -> (LeafReport, String, usize) {
    let names = Names::default();
    let mut options = ReadOptions::default();
    (options.format, options.recover) = (Some(format.to_owned()), recover);
    let mut reader = Pieces { bytes, piece };
    let mut reader_of_leaves = LeafReader::new(&names, &options);
    if piece != usize::MAX {
        // What was read before changes nothing.
        let leaf = Leaf { path: "before".to_owned(), known_size: None, reader: &mut &bytes[bytes.len() / 2..] };
        reader_of_leaves.read(leaf, &mut |_| ControlFlow::Continue(()));
    }
    let leaf = Leaf { path: "input".to_owned(), known_size: None, reader: &mut reader };
    let (mut events, mut text, mut fields) = (0, String::new(), 0);
    let report = reader_of_leaves.read(leaf, &mut |batch| {
        check(&batch, &names);
        events += batch.events.len() as u64;
        text.push_str(&batch.text);
        fields += batch.fields.len();
        ControlFlow::Continue(())
    });
    assert_eq!(report.events + report.recovered, events, "events are counted");
    assert_eq!(report.bytes, bytes.len() as u64, "all bytes are hashed");
    assert!(report.bad == 0 || !report.problems.is_empty(), "a loss is told: {report:?}");
    assert!(report.problems.iter().all(|p| p.offset.is_some() || p.line.is_some()), "and has a place: {report:?}");
    assert!(report.problems.iter().all(|p| p.offset.is_none_or(|at| at <= report.bytes)), "in the file: {report:?}");
    (report, text, fields)
}

/// Gives so many bytes at most at a time.
struct Pieces<'b> {
    bytes: &'b [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.piece);
        self.bytes.read(&mut buffer[..most])
    }
}

/// Everything in a batch lies where it says, and keeps the invariants of `event`.
fn check(batch: &EventBatch, names: &Names) {
    assert!(!batch.text.contains('\0'), "value text never holds NUL");
    for head in &batch.events {
        names.key(head.key);
        for span in [head.host, head.message].into_iter().flatten() {
            batch.str(span);
        }
        let mut seen = Vec::new();
        for field in batch.fields_of(head) {
            names.name(field.name);
            seen.push(field.name);
            match field.value {
                FieldValue::Text(span) => _ = batch.str(span),
                FieldValue::List { start, end } => {
                    assert!(end - start > 1, "a list has two members or more");
                    batch.members[start as usize..end as usize].iter().for_each(|span| _ = batch.str(*span));
                }
            }
        }
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "no name twice");
    }
}

/// Opens bytes as what they look like and reads everything in them.
pub(crate) fn walk(bytes: &[u8]) {
    let mut limits = Limits::default();
    (limits.max_depth, limits.max_bytes, limits.max_spool_bytes) = (MAX_DEPTH, MAX_BYTES, MAX_BYTES);
    let mut given = 0_u64;
    walk_bytes("input", bytes, &limits, &mut |found| {
        if let Walked::Leaf(leaf) = found {
            assert!(leaf.path.starts_with("input"));
            let mut buffer = vec![0; 1 << 16];
            let mut own = 0_u64;
            while let Ok(n @ 1..) = leaf.reader.read(&mut buffer) {
                own += n as u64;
            }
            assert!(own <= MAX_BYTES + buffer.len() as u64, "a stream of {own} bytes");
            given += own;
        }
        // Many streams, each within its limit, are no fault, but take long here.
        if given > MAX_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

/// As [`walk`]; bytes without one of the marks get the first, so that mutations do not leave the format.
pub(crate) fn walk_behind(marks: &[&[u8]], bytes: &[u8]) {
    if marks.iter().any(|mark| bytes.starts_with(mark)) {
        return walk(bytes);
    }
    walk(&[marks[0], bytes].concat());
}

/// As [`walk`], with the mark of tar where it must be and the checksum of its header right.
pub(crate) fn walk_tar(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + 512).filter(|header| header.iter().any(|b| *b != 0)) {
        header[257..262].copy_from_slice(b"ustar");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = header[124..136].iter().filter(|b| (b'0'..=b'7').contains(b));
        let size = digits.fold(0_usize, |size, digit| size.saturating_mul(8).saturating_add(usize::from(digit - b'0')));
        at = at.saturating_add(512).saturating_add(size.div_ceil(512).saturating_mul(512));
    }
    walk(&bytes);
}

fn source(bytes: &[u8]) -> Option<Arc<SourceText>> {
    let text = std::str::from_utf8(bytes).ok()?.to_owned();
    Some(Arc::new(SourceText { path: "input.yml".to_owned(), text }))
}

/// Diagnostics can be shown: their spans are places in the text.
fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        diagnostic.line_column();
        diagnostic.end_line_column();
    }
    render(diagnostics);
}

/// Reads and links Sigma documents.
pub(crate) fn sigma(bytes: &[u8]) {
    let Some(source) = source(bytes) else { return };
    let placeholders = [("name".to_owned(), vec!["one*".to_owned(), "two".to_owned()])].into();
    let mut options = SigmaOptions::default();
    (options.placeholders, options.validate) = (placeholders, true);
    compile(&source, &options);
}

fn compile(source: &Arc<SourceText>, options: &SigmaOptions) {
    let mut set = SigmaSet::default();
    show(&set.add(source, options));
    let (linked, diagnostics) = set.link();
    show(&diagnostics);
    linked.lower();
}

/// A rule with what pipelines look for.
const PIPED: &str = "title: Piped\nlogsource: {product: windows, category: process_creation}\ndetection:\n  selection:\n    \
                     Image|endswith: ['\\\\cmd.exe', 'a*b?c']\n    User|expand: '%name%'\n    Hashes|contains: 'MD5=00'\n    Id: 4\n    \
                     Text|re: '^a.c$'\n    Empty: null\n  words: ['one', 'two']\n  condition: selection or not 1 of w*\n";

/// Reads a pipeline and runs it over a rule; the same text is read as values of placeholders.
pub(crate) fn pipeline(bytes: &[u8]) {
    let Some(source) = source(bytes) else { return };
    let placeholders = read_values(&source).unwrap_or_else(|faults| {
        show(&faults);
        Default::default()
    });
    let (pipelines, diagnostics) = Pipelines::read(&[source], &mut |_, _| Ok("name:\n  - one\n  - two*\n".to_owned()));
    show(&diagnostics);
    if diagnostics.iter().all(|fault| fault.severity != Severity::Error) {
        let rule = Arc::new(SourceText { path: "rule.yml".to_owned(), text: PIPED.to_owned() });
        let mut options = SigmaOptions::default();
        (options.placeholders, options.pipelines, options.validate) = (placeholders, pipelines, true);
        compile(&rule, &options);
    }
}

/// Reads a detection, and the same text as a file of macros and as definitions of lookups.
pub(crate) fn escu(bytes: &[u8]) {
    let Some(source) = source(bytes) else { return };
    let mut macros = Macros::builtin();
    show(&macros.add_file(&source));
    let mut lookups = LookupPlace::default();
    show(&lookups.add_yaml(&source));
    show(&lookups.add_transforms(&source));
    let (rule, diagnostics) = parse_escu_yaml(&source, &macros);
    assert!(rule.is_some() || !diagnostics.is_empty(), "a rule that is none has a reason");
    show(&diagnostics);
}

/// Reads a page, and the same text as the search of one.
pub(crate) fn page(bytes: &[u8]) {
    let Some(page) = source(bytes) else { return };
    let search = source(&[b"#### Search\n\n```\n", bytes, b"\n```\n"].concat());
    let macros = Macros::builtin();
    for source in [Some(page), search].into_iter().flatten() {
        let (rule, diagnostics) = parse_page(&source, &macros);
        assert!(rule.is_some() || !diagnostics.is_empty(), "a rule that is none has a reason");
        show(&diagnostics);
    }
}

/// Gives bytes to a fuzz target by its name.
pub(crate) fn run(target: &str, bytes: &[u8]) {
    match target {
        "evtx" | "xml" | "json" | "csv" => read(target, bytes),
        "splunk_text" => read("splunk-text", bytes),
        "zip" => walk_behind(&[b"PK\x03\x04", b"PK\x05\x06"], bytes),
        "tar" => walk_tar(bytes),
        "compressed" => walk(bytes),
        "sigma" => sigma(bytes),
        "pipeline" => pipeline(bytes),
        "escu" => escu(bytes),
        "page" => page(bytes),
        _ => panic!("no target `{target}`"),
    }
}

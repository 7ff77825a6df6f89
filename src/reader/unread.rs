//! Leaves that no reader knows: why, and whether that may be a loss.
//!
//! A picture in the folder is harmless. A file that says by its name or its first bytes that it is a log or an archive, and
//! gives nothing, is not: it may be the one that mattered.

/// Bytes of the beginning that the reason is told from.
const SHOWN_BYTES: usize = 1_024;

/// How the catalog of a lake begins. It is JSON, and no log.
const LAKE_CATALOG: &[u8] = b"{\n  \"format\": \"retrohunt-lake\",";

/// First bytes of what is a log or an archive and is not read: where they stand, and what to say of it.
const NOT_READ: &[(usize, &[u8], &str)] = &[
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not read: unpack it first"),
    (0, b"Rar!\x1a\x07", "a RAR archive, which is not read: unpack it first"),
    (0, b"MSCF\0\0\0\0", "a cabinet archive, which is not read: unpack it first"),
    (0, b"\x04\x22\x4d\x18", "an lz4 stream, which is not read: unpack it first"),
    (0, b"\x1f\x9d", "a stream of `compress`, which is not read: unpack it first"),
    (0, b"#separator \\x09", "a tab-separated log of Zeek, which is not read: only Zeek's JSON is"),
    (0, b"PAR1", "a Parquet file, which is not read: a lake is loaded by the path of its folder"),
    (0, LAKE_CATALOG, "the catalog of a lake, which is loaded by the path of its folder"),
    (4, b"LfLe", "an event log of Windows XP or 2003, which is not read: convert it with `wevtutil epl OLD.evt NEW.evtx /lf:true`"),
];

/// Endings of binary logs and of archives. Such a file is never empty when it is whole: an empty one is a copy that failed.
const BINARY_ENDINGS: &[&str] =
    &["evtx", "evt", "etl", "gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "tzst", "zip", "tar", "7z", "rar", "cab", "lz4"];

/// Endings of logs and exports in text. An empty one holds nothing, and so loses nothing. `.txt` is not here: most are notes.
const TEXT_ENDINGS: &[&str] = &["log", "json", "jsonl", "ndjson", "csv", "tsv", "xml"];

/// Endings of compressed streams: the name of what is in one is that without them.
const STREAM_ENDINGS: &[&str] = &["gz", "bz2", "xz", "zst"];

/// Whether a stream is not read although a reader would know its format.
pub(super) fn is_no_log(head: &[u8]) -> bool {
    head.starts_with(LAKE_CATALOG)
}

/// Why nobody reads a stream that begins so.
pub(super) fn reason(head: &[u8]) -> String {
    if head.is_empty() {
        return "empty".to_owned();
    }
    if let Some(reason) = not_read(head) {
        return reason.to_owned();
    }
    let shown = &head[..head.len().min(SHOWN_BYTES)];
    if shown.iter().all(|b| *b == 0) {
        return "starts with zeros only".to_owned();
    }
    if shown.iter().all(u8::is_ascii_whitespace) {
        return "white space only".to_owned();
    }
    // One byte in twenty: texts in old encodings have some control characters, binary data has many.
    let binary = shown.iter().filter(|b| **b < 9 || (**b > 13 && **b < 32)).count() * 20 > shown.len();
    if binary { "unknown binary format".to_owned() } else { "unknown text format".to_owned() }
}

/// Whether a leaf that gives nothing may be a loss: its name or its first bytes say that it is a log or an archive.
/// `unpacked` is the content of a compressed stream, under the stream's name.
pub(super) fn may_be_lost(path: &str, unpacked: bool, head: &[u8]) -> bool {
    if not_read(head).is_some() {
        return true;
    }
    let ending = ending(path, unpacked);
    let is_blank = head.iter().all(u8::is_ascii_whitespace);
    BINARY_ENDINGS.contains(&ending.as_str()) || (TEXT_ENDINGS.contains(&ending.as_str()) && !is_blank)
}

fn not_read(head: &[u8]) -> Option<&'static str> {
    NOT_READ.iter().find(|(at, mark, _)| head.get(*at..*at + mark.len()) == Some(mark)).map(|(_, _, reason)| *reason)
}

/// The ending of a name in lower case, without the number of a log that was rotated (`auth.log.1`).
fn ending(path: &str, unpacked: bool) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    let mut parts: Vec<&str> = name.split('.').skip(1).collect();
    if unpacked && parts.last().is_some_and(|last| STREAM_ENDINGS.contains(last)) {
        parts.pop();
    }
    // A log that was rotated has its number last.
    if parts.last().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())) {
        parts.pop();
    }
    parts.last().copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_mark_says_that_something_is_lost() {
        for path in ["a/Security.EVTX", "x.zip!/b/conn.log", "auth.log.1", "C:\\x\\y.jsonl", "a.7z", "b.tar"] {
            assert!(may_be_lost(path, false, b"\0\0"), "{path}");
        }
        assert!(may_be_lost("conn.log.gz", true, b"x"));
        assert!(may_be_lost("whatever", false, b"7z\xbc\xaf\x27\x1c more"));
        assert!(may_be_lost("Empty.evtx", false, b""), "a copy that failed");
    }

    #[test]
    fn what_is_not_a_log_loses_nothing() {
        for path in ["README.md", "a.log/picture.png", "evtx", "notes.txt", "-", "evil.evtx.exe"] {
            assert!(!may_be_lost(path, false, b"\0\0"), "{path}");
        }
        assert!(!may_be_lost("README.gz", true, b"x"), "the stream was read, and holds no log");
        assert!(!may_be_lost("empty.log", false, b""));
        assert!(!may_be_lost("blank.json", false, b"\r\n\n"));
    }
}

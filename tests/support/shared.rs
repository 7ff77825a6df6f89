//! The corpora and rules beside the project. They are not part of it: a test that needs them says so and passes
//! when they are not there.

use std::path::PathBuf;

/// A file or folder beside the project; `None`, with a note, when it is not there.
pub(crate) fn shared(relative: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("RETROHUNT_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = folder.join(relative);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// A line of `EXPECTED.tsv`: one leaf and what an independent count found in it.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedLeaf {
    /// The file, relative to the corpus.
    pub(crate) file: String,
    /// The leaf inside it; the file itself where it is no archive.
    pub(crate) leaf: String,
    /// Format.
    pub(crate) format: String,
    /// Events.
    pub(crate) events: i64,
    /// Records that the independent reader could not read.
    pub(crate) errors: i64,
}

/// Reads `EXPECTED.tsv`.
pub(crate) fn expected_leaves(tsv: &str) -> Vec<ExpectedLeaf> {
    let mut lines = tsv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap_or_else(|| panic!("no column {name}"));
    let (file, leaf, format, events, errors) = (column("file"), column("leaf"), column("format"), column("events"), column("parse_errors"));
    let number = |text: &str| text.parse().unwrap_or_else(|e| panic!("{text:?}: {e}"));
    lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|cells| ExpectedLeaf {
            file: cells[file].to_owned(),
            leaf: if cells[leaf] == "-" { cells[file] } else { cells[leaf] }.to_owned(),
            format: cells[format].to_owned(),
            events: number(cells[events]),
            errors: number(cells[errors]),
        })
        .collect()
}

/// The last part of a leaf's path, comparable between spellings: after the last `!`, with `/`, without a first `/`.
pub(crate) fn leaf_tail(path: &str) -> String {
    path.rsplit('!').next().unwrap_or_default().replace('\\', "/").trim_start_matches('/').to_owned()
}

/// The name of a leaf without folders.
pub(crate) fn leaf_name(path: &str) -> String {
    leaf_tail(path).rsplit('/').next().unwrap_or_default().to_owned()
}

//! Golden files: real files beside the tests. `RETROHUNT_ACCEPT=1` (`make accept`) rewrites them for review.

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether golden files are to be rewritten.
pub(crate) fn accepting() -> bool {
    std::env::var_os("RETROHUNT_ACCEPT").is_some_and(|v| v == "1")
}

/// Reads a golden file; empty when there is none.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/golden").join(name)).unwrap_or_default()
}

/// Compares a text with a golden file, or rewrites the file.
#[track_caller]
pub(crate) fn compare(name: &str, actual: &str) {
    compare_at(&format!("tests/golden/{name}"), actual);
}

/// As [`compare`], for a file anywhere in the project.
#[track_caller]
pub(crate) fn compare_at(file: &str, actual: &str) {
    let path = root().join(file);
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if accepting() {
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder");
        return std::fs::write(path, actual).expect("the golden file");
    }
    let lost: Vec<&str> = expected.lines().filter(|l| !actual.lines().any(|a| a == *l)).collect();
    let new: Vec<&str> = actual.lines().filter(|l| !expected.lines().any(|e| e == *l)).collect();
    panic!(
        "{file} differs (RETROHUNT_ACCEPT=1 rewrites it)\n  no longer there:\n    {}\n  new:\n    {}",
        lost.join("\n    "),
        new.join("\n    ")
    );
}

/// What a new line of a table with reasons has instead of a reason; it never passes.
const UNEXPLAINED: &str = "UNEXPLAINED";

/// Compares lines that differ from what an independent reading expects with a table whose last column says why they do.
#[track_caller]
pub(crate) fn compare_with_reasons<'a>(name: &str, header: &str, lines: impl IntoIterator<Item = &'a String>) {
    let known = read(name);
    let reason = |line: &str| known.lines().find_map(|k| k.strip_prefix(line)?.strip_prefix('\t')).unwrap_or(UNEXPLAINED);
    let table: String = lines.into_iter().map(|line| format!("{line}\t{}\n", reason(line))).collect();
    compare(name, &format!("{header}\n{table}"));
    assert!(!table.contains(UNEXPLAINED), "differences without a reason in tests/golden/{name}:\n{table}");
}

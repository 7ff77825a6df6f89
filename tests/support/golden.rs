//! Golden files: real files beside the tests. `RETROHUNT_ACCEPT=1` (`make accept`) rewrites them for review.

use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Whether golden files are to be rewritten.
pub(crate) fn accepting() -> bool {
    std::env::var_os("RETROHUNT_ACCEPT").is_some_and(|v| v == "1")
}

/// Reads a golden file; empty when there is none.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_default()
}

/// Compares a text with a golden file, or rewrites the file.
#[track_caller]
pub(crate) fn compare(name: &str, actual: &str) {
    let expected = read(name);
    if expected == actual {
        return;
    }
    if accepting() {
        std::fs::create_dir_all(path(name).parent().expect("a file is in a folder")).expect("the golden folder");
        return std::fs::write(path(name), actual).expect("the golden file");
    }
    let lost: Vec<&str> = expected.lines().filter(|l| !actual.lines().any(|a| a == *l)).collect();
    let new: Vec<&str> = actual.lines().filter(|l| !expected.lines().any(|e| e == *l)).collect();
    panic!(
        "tests/golden/{name} differs (RETROHUNT_ACCEPT=1 rewrites it)\n  no longer there:\n    {}\n  new:\n    {}",
        lost.join("\n    "),
        new.join("\n    ")
    );
}

//! Runs the program as a user does: arguments in, exit code, stdout and stderr out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code; -1 when it was killed.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// Fails the test unless the program ended with one of the codes.
    #[track_caller]
    pub(crate) fn expect_code(self, codes: &[i32]) -> Self {
        assert!(
            codes.contains(&self.code),
            "exit code {} not in {codes:?}\nstdout: {}\nstderr: {}",
            self.code,
            tail(&self.stdout),
            tail(&self.stderr)
        );
        self
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        self.stdout.lines().map(read).collect()
    }
}

fn tail(text: &str) -> &str {
    let from = (text.len().saturating_sub(4_000)..text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[from..]
}

/// The program, ready for arguments. Who tests over large logs may name an optimised one.
pub(crate) fn command() -> Command {
    let own = env!("CARGO_BIN_EXE_retrohunt");
    let mut command = Command::new(std::env::var_os("RETROHUNT_TEST_PROGRAM").unwrap_or_else(|| own.into()));
    command.stdin(Stdio::null()).env_remove("RETROHUNT_STORE").env_remove("COLUMNS");
    // Not in the folder of whoever runs the tests.
    command.env("RETROHUNT_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

/// Runs the program.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    finish(command().args(arguments))
}

/// Runs a prepared program.
pub(crate) fn finish(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

/// A store in a folder of its own that goes away with it.
pub(crate) struct TestStore {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl TestStore {
    /// Names a store that does not exist yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("test.db");
        Self { folder, path }
    }

    /// The store file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder around it, for inputs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes an input file into the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder of the test");
        std::fs::write(&path, content).expect("a file of the test");
        path
    }

    /// Runs the program on this store.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        finish(command().args(arguments).arg("--store").arg(&self.path))
    }

    /// Loads paths; damage is no failure of the test.
    #[track_caller]
    pub(crate) fn load<S: AsRef<OsStr>>(&self, paths: impl IntoIterator<Item = S>) -> Output {
        let mut command = command();
        command.arg("load").args(paths).arg("--store").arg(&self.path);
        finish(&mut command).expect_code(&[0, 3])
    }

    /// The rows of `sources`, copies too.
    #[track_caller]
    pub(crate) fn sources(&self) -> Vec<Value> {
        self.run(["sources", "--all", "--format", "jsonl"]).expect_code(&[0]).json_lines()
    }

    /// The rows of `findings`, or of `findings --evidence`.
    #[track_caller]
    pub(crate) fn findings(&self, evidence: bool) -> Vec<Value> {
        let arguments = ["findings", "--format", "jsonl"].into_iter().chain(evidence.then_some("--evidence"));
        self.run(arguments).expect_code(&[0]).json_lines()
    }

    /// The number that a query gives.
    #[track_caller]
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let rows = self.run(["sql", sql, "--format", "jsonl"]).expect_code(&[0]).json_lines();
        let row = rows.first().and_then(Value::as_object).unwrap_or_else(|| panic!("no row: {sql}"));
        let value = row.values().next().expect("a column");
        value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
    }
}

/// The number in a member of a JSON object.
#[track_caller]
pub(crate) fn integer(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("`{name}` is no number in {row}"))
}

/// The text in a member of a JSON object; null is empty.
#[track_caller]
pub(crate) fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    match &row[name] {
        Value::Null => "",
        value => value.as_str().unwrap_or_else(|| panic!("`{name}` is no text in {row}")),
    }
}

//! Runs the program and watches the memory it takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::binary::{TestStore, command};

/// What a watched run left behind.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Peak of its resident memory in kB.
    pub(crate) peak_kb: u64,
    /// Standard error.
    pub(crate) stderr: String,
}

/// Loads a path into a store; fails the test when that takes longer than the limit.
pub(crate) fn load_watched(store: &TestStore, input: &Path, limit: Duration) -> Watched {
    let mut load = command();
    load.arg("load").arg(input).arg("--store").arg(store.path()).stdout(Stdio::null());
    watched(&mut load, store.folder(), limit)
}

/// Runs a command whose standard output goes somewhere; its messages go into a file in a folder.
pub(crate) fn watched(command: &mut Command, folder: &Path, limit: Duration) -> Watched {
    // A file, because nobody reads a pipe meanwhile.
    let stderr = folder.join("stderr");
    let mut child = command.stderr(std::fs::File::create(&stderr).expect("a file of the test")).spawn().expect("the program starts");
    let started = Instant::now();
    let mut peak_kb = 0;
    let code = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kb = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next()?.parse().ok());
        peak_kb = peak_kb.max(kb.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code().unwrap_or(-1);
        }
        if started.elapsed() > limit {
            child.kill().expect("a child");
            panic!("{command:?} took longer than {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stderr = std::fs::read(&stderr).expect("a file of the test");
    Watched { code, peak_kb, stderr: String::from_utf8(stderr).expect("stderr is UTF-8") }
}

//! The same with ClickHouse itself: the embedded one of a Python package behind its HTTP interface, on the loopback. Skipped, with a word,
//! where that is not installed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Local, RealLogs, assert_same, evidence, rules, said};
use crate::support::binary::{Output, TestStore, command, finish};

/// A server that ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Makes tables of a lake in the database `logs`; none where the engine is not installed.
    fn start(lake: &Path, more: &[&str]) -> Option<Self> {
        let python = std::env::var("RETROHUNT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has = Command::new(&python).args(["-c", "import chdb"]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            println!("skipped: {python} has no package chdb");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/clickhouse_server.py");
        let mut server = Command::new(python);
        server.arg(script).arg(lake).arg("logs").args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = server.spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the server says no port: {line:?}"));
        Some(Self { child, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Hunts<'a> {
    home: &'a TestStore,
    lake: &'a Path,
    rules: Vec<String>,
}

impl Hunts<'_> {
    fn run(&self, server: &Server, lake: &str, more: &[&str], password: Option<&str>) -> Output {
        let mut hunt = command();
        hunt.arg("hunt").args(&self.rules).arg("--store").arg(self.home.path()).args(["--lake", lake, "--catalog"]).arg(self.lake);
        hunt.arg("--engine").arg(format!("http://127.0.0.1:{}", server.port)).args(more);
        if let Some(password) = password {
            hunt.env("RETROHUNT_ENGINE_USER", "hunter").env("RETROHUNT_ENGINE_TOKEN", password);
        }
        finish(&mut hunt)
    }
}

/// The fixture's rules as files.
fn rule_files(store: &TestStore) -> Vec<String> {
    let files = rules().into_iter().map(|(path, text)| store.file(&format!("rules/{path}"), text).to_string_lossy().into_owned());
    ["--rules".to_owned()].into_iter().chain(files).collect()
}

/// A local hunt with the files, so that paths of rules are the same.
fn hunt_locally(local: &Local, rules: &[String]) {
    let mut hunt = command();
    finish(hunt.arg("hunt").args(rules).arg("--store").arg(local.store.path())).expect_code(&[0, 3]);
}

#[test]
fn clickhouse_finds_what_the_local_hunt_finds() {
    let local = Local::new(&rules());
    let Some(server) = Server::start(&local.lake, &["--prefix", "x_", "--user", "hunter", "--password", "se'cret"]) else { return };
    let rules = rule_files(&local.store);
    hunt_locally(&local, &rules);
    let home = TestStore::new();
    let hunts = Hunts { home: &home, lake: &local.lake, rules };
    let wrong = hunts.run(&server, "logs.x_", &[], Some("guess")).expect_code(&[1]).stderr;
    assert!(wrong.contains("the engine refuses: Code: 516") && !wrong.contains("guess"), "{wrong}");
    let told = hunts.run(&server, "logs.x_", &[], Some("se'cret")).expect_code(&[0]).stderr;
    assert!(told.contains("came home"), "{told}");
    assert_same(&home, &local.store);
    let store = std::fs::read(home.path()).unwrap();
    assert!(!store.windows(7).any(|bytes| bytes == b"se'cret"), "the password is not in the store");
    let again = hunts.run(&server, "logs.x_", &["--resume"], Some("se'cret")).expect_code(&[0]).stderr;
    assert!(again.contains("0 events of 0 events came home; 0 of"), "{again}");
    // Tables of another name are no answer.
    let other = TestStore::new();
    let hunts = Hunts { home: &other, lake: &local.lake, rules: hunts.rules };
    let told = hunts.run(&server, "logs", &[], Some("se'cret")).expect_code(&[3]).stderr;
    assert!(told.contains("has no answer from the engine: the engine refuses: Code: 60"), "{told}");
    assert!(said(&other).is_empty(), "nothing looks like an answer");
}

#[test]
fn a_server_that_fails_is_told_and_the_rest_is_asked_again() {
    let local = Local::new(&rules());
    let rules = rule_files(&local.store);
    hunt_locally(&local, &rules);
    let Some(whole) = Server::start(&local.lake, &[]) else { return };
    for (fault, expected) in [
        ("die", "cannot reach the engine"),
        ("cut", "cannot reach the engine"),
        ("rows", "and the catalog says"),
        ("table", "the engine refuses: Code: 60"),
        ("row", "was not asked for, or came twice"),
    ] {
        let home = TestStore::new();
        let hunts = Hunts { home: &home, lake: &local.lake, rules: rules.clone() };
        let server = Server::start(&local.lake, &["--fault", fault]).expect("it started before");
        let told = hunts.run(&server, "logs", &[], None).expect_code(&[3]).stderr;
        assert!(told.contains(expected) && told.contains("`--resume` asks for these alone"), "{fault}: {told}");
        let (found, all) = (said(&home), said(&local.store));
        assert!(found.len() < all.len() && found.iter().all(|row| all.contains(row)), "{fault}");
        assert!(evidence(&home).iter().all(|row| evidence(&local.store).contains(row)), "{fault}");
        hunts.run(&whole, "logs", &["--resume"], None).expect_code(&[0]);
        assert_same(&home, &local.store);
    }
}

/// All rules over event logs beside the project. It takes minutes: who sets `RETROHUNT_ENGINE_CORPUS` asks for it.
#[test]
fn clickhouse_finds_what_the_local_hunt_finds_in_real_logs() {
    let Some(real) = RealLogs::find(&command, None) else { return };
    let Some(server) = Server::start(&real.lake, &[]) else { return };
    let home = TestStore::new();
    let hunts = Hunts { home: &home, lake: &real.lake, rules: real.rules.clone() };
    let told = hunts.run(&server, "logs", &[], None).expect_code(&[0, 3]).stderr;
    real.assert_same(&home, &told);
}

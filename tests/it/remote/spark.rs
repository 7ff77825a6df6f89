//! The same with Spark: a standalone cluster on the loopback, and a program with Spark Connect. `make test-cluster` starts the one and
//! builds the other; without them these tests are skipped, with a word.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Local, RealLogs, assert_same, rules, said};
use crate::support::binary::{Output, TestStore, command, finish};

/// A cluster, and the program that speaks to it.
struct Cluster {
    address: String,
    program: String,
    /// Where its scripts keep what they started.
    folder: String,
}

impl Cluster {
    fn find() -> Option<Self> {
        let named = |name: &str| std::env::var(name).ok();
        let found = named("RETROHUNT_SPARK").zip(named("RETROHUNT_SPARK_PROGRAM")).zip(named("RETROHUNT_SPARK_FOLDER"));
        if found.is_none() {
            println!("skipped: RETROHUNT_SPARK names no cluster (make test-cluster)");
        }
        found.map(|((address, program), folder)| Self { address, program, folder })
    }

    fn hunt(&self, home: &TestStore, lake: &Path, rules: &[String], more: &[&str]) -> Command {
        let mut hunt = Command::new(&self.program);
        hunt.stdin(Stdio::null()).env_remove("RETROHUNT_STORE").env("RETROHUNT_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
        hunt.arg("hunt").args(rules).arg("--store").arg(home.path()).arg("--lake").arg(lake).args(["--engine", &self.address]).args(more);
        hunt
    }

    fn run(&self, home: &TestStore, lake: &Path, rules: &[String], more: &[&str]) -> Output {
        finish(&mut self.hunt(home, lake, rules, more))
    }

    /// Kills those of the cluster's processes whose command has a word in it; others' clusters are not touched.
    fn kill(&self, word: &str) {
        let sessions = std::fs::read_to_string(Path::new(&self.folder).join("pids")).expect("what the script started");
        let sessions: Vec<&str> = sessions.split_whitespace().collect();
        let is_meant = |process: &Path| {
            let read = |name: &str| std::fs::read(process.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let (Ok(stat), Ok(command)) = (read("stat"), read("cmdline")) else { return false };
            let session = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(3));
            command.contains(word) && session.is_some_and(|session| sessions.contains(&session))
        };
        let processes = std::fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
        let meant: Vec<std::ffi::OsString> =
            processes.filter(|process| is_meant(process)).filter_map(|process| process.file_name().map(Into::into)).collect();
        assert!(!meant.is_empty(), "nothing to kill: {word}");
        Command::new("kill").arg("-9").args(meant).status().expect("kill"); // some end with others
    }
}

/// The fixture's rules as files, hunted locally with the program that speaks to the cluster.
fn prepared(cluster: &Cluster) -> (Local, Vec<String>) {
    let local = Local::new(&rules());
    let files = rules().into_iter().map(|(path, text)| local.store.file(&format!("rules/{path}"), text).to_string_lossy().into_owned());
    let rules: Vec<String> = ["--rules".to_owned()].into_iter().chain(files).collect();
    let mut hunt = Command::new(&cluster.program);
    finish(hunt.arg("hunt").args(&rules).arg("--store").arg(local.store.path())).expect_code(&[0, 3]);
    (local, rules)
}

/// In one test: a cluster has few cores, and some of what is tested ends parts of it.
#[test]
fn spark_finds_what_the_local_hunt_finds_and_tells_what_it_cannot() {
    let Some(cluster) = Cluster::find() else { return };
    let (local, rules) = prepared(&cluster);
    let home = TestStore::new();
    let told = cluster.run(&home, &local.lake, &rules, &[]).expect_code(&[0]).stderr;
    assert!(told.contains("came home"), "{told}");
    assert_same(&home, &local.store);
    let again = cluster.run(&home, &local.lake, &rules, &["--resume"]).expect_code(&[0]).stderr;
    assert!(again.contains("0 of"), "{again}");

    // A worker that fails.
    let broken = local.store.file("worker.sh", "#!/bin/sh\nexit 7\n");
    let failing = TestStore::new();
    let told = cluster.run(&failing, &local.lake, &rules, &["--worker", &broken.to_string_lossy()]).expect_code(&[3]).stderr;
    assert!(told.contains("status 7") && said(&failing).is_empty(), "{told}");
    cluster.run(&failing, &local.lake, &rules, &["--resume"]).expect_code(&[0]);
    assert_same(&failing, &local.store);

    // A part that is cut off: the others have answers, and it has one when it is whole again.
    let part = local.lake.join("type=security_4625/part-00000.parquet");
    let whole = std::fs::read(&part).expect("a part");
    std::fs::write(&part, &whole[..whole.len() / 2]).expect("a part");
    let cut = TestStore::new();
    let told = cluster.run(&cut, &local.lake, &rules, &[]).expect_code(&[3]).stderr;
    assert!(told.contains("`security_4625` has no answer") && !said(&cut).is_empty(), "{told}");
    std::fs::write(&part, whole).expect("a part");
    cluster.run(&cut, &local.lake, &rules, &["--resume"]).expect_code(&[0]);
    assert_same(&cut, &local.store);

    // A catalog that says more than there is.
    let text = std::fs::read_to_string(local.lake.join("_catalog.json")).expect("a catalog");
    let mut catalog: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let more = |value: &mut serde_json::Value| *value = (value.as_u64().expect("a number") + 1).into();
    more(&mut catalog["events"]);
    more(&mut catalog["views"][0]["events"]);
    more(&mut catalog["parts"][0]["rows"]);
    let wrong = local.store.file("wrong.json", catalog.to_string());
    let told = cluster.run(&TestStore::new(), &local.lake, &rules, &["--catalog", &wrong.to_string_lossy()]).expect_code(&[3]).stderr;
    assert!(told.contains("were judged, and the catalog says"), "{told}");

    let cluster = kills(cluster, &local, &rules);
    real_logs(&cluster);
}

/// Parts of the cluster are killed. Returns it with the server that is there afterwards.
fn kills(cluster: Cluster, local: &Local, rules: &[String]) -> Cluster {
    // An executor that is killed at work is Spark's to replace.
    let killed = TestStore::new();
    let slow = format!("#!/bin/sh\nsleep 4\nexec {} \"$@\"\n", cluster.program);
    let slow = local.store.file("slow.sh", slow);
    let mut hunt = cluster.hunt(&killed, &local.lake, rules, &["--worker", &slow.to_string_lossy()]);
    let child = hunt.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(Duration::from_secs(3)); // the executors are at work by then
    cluster.kill("CoarseGrainedExecutorBackend");
    let output = child.wait_with_output().expect("an output");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_same(&killed, &local.store);

    // A server that is killed: told, and the rest is asked when there is one again.
    let lost = TestStore::new();
    let mut hunt = cluster.hunt(&lost, &local.lake, rules, &["--worker", &slow.to_string_lossy()]);
    let child = hunt.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(Duration::from_secs(3));
    cluster.kill("SparkConnectServer");
    let output = child.wait_with_output().expect("an output");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && told.contains("has no answer from the engine"), "{told}");
    assert!(said(&lost).is_empty(), "nothing looks like an answer");
    let started = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/start.sh"))
        .arg(&cluster.folder)
        .arg(std::env::var("RETROHUNT_PYTHON").unwrap_or_else(|_| "python3".to_owned()))
        .status();
    assert!(started.expect("a shell").success());
    let port = std::fs::read_to_string(Path::new(&cluster.folder).join("port")).expect("a port");
    let cluster = Cluster { address: format!("sc://127.0.0.1:{}", port.trim()), ..cluster };
    cluster.run(&lost, &local.lake, rules, &["--resume"]).expect_code(&[0]);
    assert_same(&lost, &local.store);

    cluster
}

/// All rules over event logs beside the project, with the program that speaks to the cluster.
fn real_logs(cluster: &Cluster) {
    let program = || {
        let mut program = Command::new(&cluster.program);
        program.stdin(Stdio::null()).env("RETROHUNT_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
        program
    };
    let Some(real) = RealLogs::find(&program, Some("evtx")) else { return };
    let home = TestStore::new();
    let told = cluster.run(&home, &real.lake, &real.rules, &[]).expect_code(&[0, 3]).stderr;
    real.assert_same(&home, &told);
}

#[test]
fn a_program_without_spark_says_so() {
    let store = TestStore::new();
    let output = finish(command().args(["hunt", "--engine", "sc://127.0.0.1:1", "--lake", "x", "--store"]).arg(store.path()));
    // With Spark it gets as far as the lake's catalog.
    let said = output.expect_code(&[1, 2]).stderr;
    assert!(said.contains("--features spark") || said.contains("`--catalog PATH` says where that is"), "{said}");
}

//! Every example that a reader may copy, run: the `$ retrohunt …` lines of the documents and the `Examples:` of every help.
//!
//! A line that fails for a stranger costs more trust than a page without it. Examples are taken from the texts themselves,
//! so a new one is run without being listed anywhere. They run in a folder that has the files they name: the sample of this
//! repository as stores, small rules, pipelines and exports made here.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::support::binary::{Output, finish, run};
use crate::support::samples::{escu_rule, gzip, security_line, sigma_rule, zip};

/// Documents with examples.
const DOCUMENTS: [&str; 6] = ["README.md", "docs/checks.md", "docs/compare.md", "docs/hunting.md", "docs/output.md", "docs/pipelines.md"];

/// Examples that do not work yet, each with the reason. Empty is the aim.
const KNOWN_GAPS: [(&str, &str); 0] = [];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of the console blocks of a document, each with what the document shows below it.
fn of_document(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for block in text.split("```console\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
        let mut open = false;
        for line in block.lines() {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push((command.to_owned(), Vec::new())),
                (None, Some((command, _))) if open => command.push_str(&format!("\n{line}")),
                (None, Some((_, output))) => output.push(line.to_owned()),
                (None, None) => {}
            }
            open = found.last().is_some_and(|(command, output)| output.is_empty() && command.matches('"').count() % 2 == 1);
        }
    }
    let comment = Regex::new(r"\s+# .*$").unwrap();
    found.retain(|(command, _)| command.contains("retrohunt "));
    found.into_iter().map(|(command, output)| (comment.replace(&command, "").into_owned(), output)).collect()
}

/// The examples of a command's help and of its subcommands.
fn of_help(path: &[String], out: &mut Vec<String>) {
    let help = run(path.iter().map(String::as_str).chain(["--help"])).expect_code(&[0]).stdout;
    let explained = Regex::new(r"\s{3,}[A-Z].*$").unwrap();
    let examples = help.split("Examples:\n").nth(1).unwrap_or_default().lines().map_while(|line| line.strip_prefix("  "));
    out.extend(examples.map(|line| explained.replace(line, "").into_owned()));
    let commands = help.split("Commands:\n").nth(1).unwrap_or_default().lines().map_while(|line| line.strip_prefix("  "));
    // A line that goes on with the description of the command before it stands further to the right.
    let commands = commands.filter(|line| !line.starts_with(' '));
    for name in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        if name.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
            of_help(&[path, &[name.to_owned()]].concat(), out);
        }
    }
}

/// A folder in which the examples find what they name.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        symlink(root().join("rules"), place.path().join("rules")).unwrap();
        for folder in [".local/share/bash-completion/completions", ".zfunc"] {
            fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        fs::create_dir_all(place.path().join("tests")).unwrap();
        symlink(root().join("tests/samples"), place.path().join("tests/samples")).unwrap();
        place.logs();
        place.rules();
        place.programs();
        for store in ["retrohunt.db", "case.db", "colleague.db"] {
            place.run(&format!("retrohunt load tests/samples --store {store}")).expect_code(&[0]);
            place.run(&format!("retrohunt hunt --store {store}")).expect_code(&[0]);
        }
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn logs(&self) {
        let sample = fs::read(root().join("tests/samples/fs01-security.evtx")).unwrap();
        let lines = security_line(1, 4624, "");
        self.file("evidence/Security.evtx", &sample);
        self.file("Security.evtx", &sample);
        self.file("export.zip", zip(&[("events.jsonl", lines.as_bytes())]));
        self.file("events.jsonl.gz", gzip(lines.as_bytes()));
        self.file(
            "splunk_export.log",
            "03/01/2024 10:00:00 AM\nLogName=Security\nEventCode=4624\nComputerName=h\nRecordNumber=1\nMessage=An account was logged on.\n",
        );
    }

    fn rules(&self) {
        let id = |n: u32| format!("aaaaaaaa-0000-4000-8000-{n:012}");
        self.file("rule.yml", sigma_rule(&id(1), "EventID: 4624"));
        self.file("my_rule.yml", sigma_rule(&id(2), "EventID: 4625"));
        self.file("detection.yml", escu_rule(&id(3), "Channel=Security EventCode=4625 | stats count by IpAddress Account"));
        self.file("page.md", "# A page\n\n## Search\n\n```\nChannel=Security EventCode=5145 | stats count by ShareName\n```\n");
        let tested = id(4);
        let rule = sigma_rule(&tested, "EventID: 4624");
        self.file("sigma/rules/windows/a.yml", rule + "regression_tests_path: regression_data/a/info.yml\n");
        self.file(&format!("sigma/regression_data/a/{tested}.json"), security_line(1, 4624, ""));
        self.file(
            "sigma/regression_data/a/info.yml",
            format!(
                "id: {}\nrule_metadata:\n  - id: {tested}\n    title: T\nregression_tests_info:\n  - name: One\n    type: json\n    \
                 match_count: 1\n    path: regression_data/a/{tested}.json\n",
                id(5)
            ),
        );
        self.file(
            "baseline.yml",
            "title: Backup agent\nlogsource: {product: windows}\nfilter:\n  rules: any\n  agent: {User: backup}\n  condition: agent\n",
        );
        self.file("fields.yml", "transformations:\n  - type: field_name_mapping\n    mapping: {Image: NewProcessName}\n");
        self.file("escu/detections/a.yml", escu_rule(&id(6), "Channel=Security `own` | lookup seen user as Account OUTPUT first"));
        for (lookups, macros) in [("escu/lookups", "escu/macros/own.yml"), ("own_lookups", "own_macros.yml")] {
            self.file(&format!("{lookups}/seen.csv"), "user,first\nann,1\n");
            self.file(macros, "name: own\ndefinition: EventCode=4624\n");
        }
        self.file("network.yml", "Workstations: ['ws-*']\n");
        self.file("rows.jsonl", "{\"_id\": 1}\n");
        self.file("question.sql", "SELECT count(*) AS n FROM events");
    }

    /// What the examples call beside the program, where this machine may lack it.
    fn programs(&self) {
        symlink(env!("CARGO_BIN_EXE_retrohunt"), self.file("bin/.folder", "").with_file_name("retrohunt")).unwrap();
        for (name, script) in [
            ("less", "exec cat"),
            ("duckdb", "exec cat rows.jsonl"),
            ("man", "exec cat \"$1\""),
            ("sqlite3", "exec retrohunt sql - --store \"$2\""),
        ] {
            let path = self.file(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Runs a line of shell; a failure anywhere in a pipe is a failure.
    fn run(&self, line: &str) -> Output {
        let path = format!("{}:{}", self.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("bash");
        command
            .args(["-o", "pipefail", "-c", line])
            .current_dir(self.path())
            .env("PATH", path)
            .env("HOME", self.path())
            .env_remove("RETROHUNT_STORE");
        finish(command.stdin(std::process::Stdio::null()))
    }
}

/// Runs examples in order and returns the faults.
fn faults(from: &str, examples: &[String]) -> Vec<String> {
    let place = Place::new();
    let mut faults = Vec::new();
    for example in examples {
        let gap = KNOWN_GAPS.iter().find(|(start, _)| example.starts_with(start));
        let output = place.run(&example.replace(" /evidence", " ./evidence"));
        match (output.code, gap) {
            (0, None) => {}
            (0, Some(_)) => faults.push(format!("{from}: `{example}` works: take it out of KNOWN_GAPS")),
            (_, Some(_)) => {}
            (code, None) => faults.push(format!("{from}: `{example}` ended with {code}: {}", output.stderr.trim())),
        }
    }
    faults
}

#[test]
fn every_example_of_the_documents_runs() {
    let mut all = Vec::new();
    for document in DOCUMENTS {
        let examples: Vec<String> =
            of_document(&fs::read_to_string(root().join(document)).unwrap()).into_iter().map(|(command, _)| command).collect();
        if !examples.is_empty() {
            all.extend(faults(document, &examples));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_example_of_every_help_runs() {
    let mut examples = Vec::new();
    of_help(&[], &mut examples);
    assert!(examples.len() > 20, "{examples:#?}");
    let all = faults("--help", &examples);
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn make_installs_the_program_its_manual_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let make = |target: &str| {
        let mut command = Command::new("make");
        command.current_dir(root()).args([target, &format!("DESTDIR={}", folder.path().display()), "PREFIX=/usr"]);
        finish(command.arg(format!("BIN={}", env!("CARGO_BIN_EXE_retrohunt")))).expect_code(&[0]);
    };
    let files = [
        "bin/retrohunt",
        "share/man/man1/retrohunt.1",
        "share/man/man1/retrohunt-findings-show.1",
        "share/bash-completion/completions/retrohunt",
        "share/zsh/site-functions/_retrohunt",
        "share/fish/vendor_completions.d/retrohunt.fish",
    ];
    make("install");
    for file in files {
        assert!(fs::metadata(folder.path().join("usr").join(file)).is_ok_and(|data| data.len() > 100), "{file}");
    }
    make("uninstall");
    assert!(files.iter().all(|file| !folder.path().join("usr").join(file).exists()));
}

/// The words of a line without what differs from run to run, or is left out of the document.
fn words(line: &str) -> Vec<&str> {
    let is_fixed = |word: &&str| *word != "…" && !word.parse::<f64>().is_ok_and(|_| word.contains('.'));
    line.split_whitespace().filter(is_fixed).collect()
}

/// Whether a printed line has the words of a shown one, in their order.
fn shows(printed: &str, shown: &str) -> bool {
    let mut printed = words(printed).into_iter();
    words(shown).into_iter().all(|word| printed.any(|other| other == word))
}

#[test]
fn the_tour_of_the_readme_shows_what_the_program_prints() {
    let place = Place::new();
    fs::remove_file(place.path().join("retrohunt.db")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut shown = 0;
    for (command, lines) in of_document(&readme).into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let output = place.run(&command).expect_code(&[0]);
        let printed = format!("{}\n{}", output.stdout, output.stderr);
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            assert!(printed.lines().any(|other| shows(other, line)), "`{command}` does not print\n{line}\nbut\n{printed}");
            shown += 1;
        }
    }
    assert!(shown > 20, "{shown} lines");
}

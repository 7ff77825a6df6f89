//! What people see at 80 and 160 columns, as golden files in `tests/golden/screens`.

use crate::support::binary::{TestStore, command, finish};
use crate::support::golden;

/// Every screen over the sample: the name of its golden file and the arguments.
const SCREENS: [(&str, &[&str]); 22] = [
    ("sources", &["sources"]),
    ("hunt", &["hunt", "--rules", "rules"]),
    ("hunt-again", &["hunt", "--rules", "rules", "--all", "--level", "high"]),
    ("findings", &["findings"]),
    ("findings-all", &["findings", "--all"]),
    ("findings-by-technique", &["findings", "--group-by", "technique", "--sort", "count"]),
    ("findings-by-host", &["findings", "--group-by", "host"]),
    ("findings-evidence", &["findings", "--evidence", "--rule", "lsass"]),
    ("findings-vertical", &["findings", "--level", "high", "--limit", "2", "--format", "vertical"]),
    ("show-event", &["findings", "show", "1"]),
    ("show-group", &["findings", "show", "15"]),
    ("timeline", &["timeline"]),
    ("timeline-context", &["timeline", "--rule", "lsass", "--context", "30s"]),
    ("risk", &["risk"]),
    ("search", &["search", "lsass"]),
    ("metrics", &["metrics"]),
    ("logons", &["logons"]),
    ("coverage", &["coverage", "--rules", "rules"]),
    ("coverage-by-rule", &["coverage", "--rules", "rules", "--by", "rule"]),
    ("coverage-by-source", &["coverage", "--rules", "rules", "--by", "source"]),
    ("triage", &["triage", "false-positive", "--rule", "lsass", "--note", "the scanner"]),
    ("views", &["views"]),
];

/// What a screen has that is of this run alone: how long it took.
fn timeless(text: &str) -> String {
    let seconds = regex::Regex::new(r"in \d+\.\d s").expect("a pattern");
    seconds.replace_all(text, "in N s").into_owned()
}

fn screens_at(columns: &str) {
    let store = TestStore::new();
    let run = |arguments: &[&str]| {
        let output = finish(command().args(arguments).env("RETROHUNT_STORE", store.path()).env("COLUMNS", columns)).expect_code(&[0]);
        timeless(&format!("{}\n--- messages\n{}", output.stdout, output.stderr))
    };
    golden::compare(
        &format!("screens/load.{columns}.txt"),
        &run(&["load", "tests/samples"]).replace(&store.path().display().to_string(), "STORE"),
    );
    for (name, arguments) in SCREENS {
        let screen = run(arguments).replace(&store.path().display().to_string(), "STORE");
        golden::compare(&format!("screens/{name}.{columns}.txt"), &screen);
    }
}

#[test]
fn screens_at_80_columns() {
    screens_at("80");
}

#[test]
fn screens_at_160_columns() {
    screens_at("160");
}

#[test]
fn no_line_is_wider_than_asked_for() {
    let store = TestStore::new();
    store.load(["tests/samples"]);
    store.run(["hunt", "--rules", "rules"]).expect_code(&[0]);
    for (columns, width) in [("80", 80), ("100", 100), ("160", 160)] {
        for arguments in
            [&["findings"][..], &["findings", "--all"], &["timeline"], &["risk"], &["metrics"], &["search", "alice"], &["logons"]]
        {
            let shown =
                finish(command().args(arguments).env("RETROHUNT_STORE", store.path()).env("COLUMNS", columns)).expect_code(&[0]).stdout;
            let wide = shown.lines().find(|line| unicode_width::UnicodeWidthStr::width(*line) > width);
            assert_eq!(wide, None, "{arguments:?} at {columns} columns");
        }
    }
}

//! retrohunt itself: load, hunt, and hunt again.

use std::path::Path;
use std::process::Command;

use super::{Hunted, Reasons, Step, by_rule, shown};
use crate::child::{self, Output, watch};
use crate::{Bench, size, text};

pub(super) fn measure(bench: &Bench, file: &Path) -> Hunted {
    let store = bench.fresh_store("peers");
    let cache = bench.folder.join("peers-cache");
    drop(std::fs::remove_dir_all(&cache));
    let rules = bench.rules();
    let found = bench.folder.join("peers-retrohunt.jsonl");
    let mut commands = Vec::new();
    let mut run = |arguments: &[&str]| {
        let mut command = Command::new(&bench.program);
        command.arg("--quiet").args(arguments);
        commands.push(shown(bench, &command));
        watch(command, &Output::File(&found), None)
    };
    let load = run(&["load", text(file), "--store", text(&store)]);
    let load = Step::new("retrohunt, load", &load, Some(size(&store)));
    let asked = ["hunt", "--rules", text(&rules), "--store", text(&store), "--cache", text(&cache), "--format", "jsonl"];
    let hunt = Step::new("retrohunt, hunt", &run(&asked), Some(size(&store)));
    let again = Step::new("retrohunt, hunt again", &run(&asked), None);
    let both = Step::both("retrohunt, load and hunt", &hunt, &load);
    let count = "SELECT count(*) AS n FROM rule_outcomes WHERE outcome NOT IN ('unsupported', 'failed')";
    let counted = child::output(&bench.program, &["sql", count, "--store", text(&store), "--format", "jsonl"]);
    let counted: serde_json::Value = serde_json::from_str(&counted).unwrap();
    Hunted {
        steps: vec![load, hunt, both, again],
        whole: 2,
        rules: counted["n"].as_u64().unwrap(),
        matches: by_rule(&found),
        commands,
        remarks: Vec::new(),
        reasons: Reasons { once: "", again: "" },
    }
}

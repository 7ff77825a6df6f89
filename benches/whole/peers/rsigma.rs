//! rsigma: rules evaluated over JSON lines in one pass.

use std::path::Path;
use std::process::Command;

use super::{AGAIN, Hunted, Reasons, Step, by_rule, install, shown};
use crate::child::{Output, messages_file, watch};
use crate::{Bench, text};

/// The newest that Rust 1.95 builds.
const VERSION: &str = "0.23.0";

const ONCE: &str = "Against rsigma, retrohunt's load is what is dear: every value of every event is named, compared with those before, \
compressed and written, before the first rule is asked. rsigma parses a line, asks the few rules that its index names, and forgets the \
line. For one hunt over events that nobody will ask again a store does not pay; each further hunt, and each question that is not a rule, \
does.";

pub(super) fn measure(bench: &Bench, file: &Path) -> Result<Hunted, String> {
    let program = install::from_crate(bench, "rsigma", VERSION, "rsigma")?;
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/whole/peers/rsigma.yml");
    let (rules, found) = (bench.rules(), bench.folder.join("peers-rsigma.jsonl"));
    let mut command = Command::new(program);
    command.args(["engine", "eval", "--rules", text(&rules), "--pipeline", text(&pipeline)]);
    command.args(["--logsource-routing", "--logsource-field-map", "service=Channel", "--output-format", "ndjson"]);
    command.arg("--event").arg(format!("@{}", text(file)));
    let commands = vec![shown(bench, &command)];
    let run = watch(command, &Output::File(&found), None);
    let messages = std::fs::read_to_string(messages_file(&found)).unwrap();
    if run.code != 0 {
        return Err(format!("it ended with {}: {}", run.code, messages.lines().last().unwrap_or_default()));
    }
    // "Loaded 2407 rules from …"
    let rules = messages.split("Loaded ").find_map(|rest| rest.split_once(" rules")?.0.parse().ok()).unwrap_or(0);
    let step = Step::new(&format!("rsigma {VERSION}"), &run, None);
    Ok(Hunted {
        steps: vec![step],
        whole: 0,
        rules,
        matches: by_rule(&found),
        commands,
        remarks: Vec::new(),
        reasons: Reasons { once: ONCE, again: AGAIN },
    })
}

//! pySigma with its SQLite backend: `pysigma.py` loads a flat table, converts the rules and runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{AGAIN, Hunted, Matches, Reasons, Step, install, shown};
use crate::child::{Output, Run, messages_file, watch};
use crate::document::{decimals, thousands};
use crate::{Bench, size, text};

const PYSIGMA: &str = "2.0.1";
const PACKAGES: [&str; 3] = ["pysigma==2.0.1", "pysigma-backend-sqlite==2.1.1", "orjson==3.13.0"];
/// They still ask for an older pySigma; the backend's documentation says to install them so.
const PIPELINES: [&str; 2] = ["pysigma-pipeline-sysmon==2.0.0", "pysigma-pipeline-windows==2.0.1"];
/// Rules run for so many CPU-seconds; what is left is extrapolated, and said to be.
const LIMIT_S: u32 = 1_200;

const ONCE: &str = "Against pySigma, the hunt is where retrohunt saves most: it asks each value once for all rules, where SQL asks each \
event for each rule. Its load saves less, and of one load and one hunt most is the load.";

pub(super) fn measure(bench: &Bench, file: &Path) -> Result<Hunted, String> {
    let python = install::from_python(bench, &PACKAGES, &PIPELINES)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/whole/peers/pysigma.py");
    let database = bench.fresh_store("peers-pysigma");
    let mut commands = Vec::new();
    let mut run = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.arg(&script).args(arguments);
        commands.push(shown(bench, &command));
        answer(command, &bench.folder.join("peers-pysigma.json"))
    };
    let (load, _) = run(&["load", text(file), text(&database)])?;
    let load = Step::new(&format!("pySigma {PYSIGMA}, load"), &load, Some(size(&database)));
    let (mut hunt, told) = run(&["hunt", text(&bench.rules()), text(&database), &LIMIT_S.to_string()])?;
    drop(std::fs::remove_file(&database));
    let number = |name: &str| told[name].as_f64().unwrap();
    let mut remarks = vec![format!(
        "pySigma's hunt: {} CPU-seconds until all rules were SQL, {} to run it. {}",
        decimals(number("convert_seconds")),
        decimals(number("run_seconds")),
        failures(&told)
    )];
    if number("ran") < number("queries") {
        let left = number("run_seconds") * (number("queries") / number("ran") - 1.0);
        (hunt.cpu_seconds, hunt.seconds) = (hunt.cpu_seconds + left, hunt.seconds + left);
        remarks.push(format!(
            "Only {} of its {} queries, chosen by chance, were run within {} CPU-seconds: its hunt is EXTRAPOLATED from them, \
             and its matches are of those rules alone.",
            thousands(number("ran") as u64),
            thousands(number("queries") as u64),
            LIMIT_S
        ));
    }
    let hunt = Step::new(&format!("pySigma {PYSIGMA}, convert and run"), &hunt, None);
    let both = Step::both(&format!("pySigma {PYSIGMA}, all"), &load, &hunt);
    let failed = |name: &str| told[name].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    Ok(Hunted {
        steps: vec![load, hunt, both],
        whole: 2,
        rules: told["ran"].as_u64().unwrap() - failed("run_failures"),
        matches: serde_json::from_value::<Matches>(told["matches"].clone()).unwrap(),
        commands,
        remarks,
        reasons: Reasons { once: ONCE, again: AGAIN },
    })
}

/// Runs the script and reads its answer.
fn answer(command: Command, output: &PathBuf) -> Result<(Run, Value), String> {
    let run = watch(command, &Output::File(output), None);
    let said = std::fs::read_to_string(output).unwrap();
    serde_json::from_str(&said).map(|told| (run, told)).map_err(|_| {
        let messages = std::fs::read_to_string(messages_file(output)).unwrap();
        messages.trim().lines().last().unwrap_or("it said nothing").to_owned()
    })
}

/// Rules without SQL, and SQL that SQLite refuses.
fn failures(told: &Value) -> String {
    let list = |name: &str, what: &str| {
        let reasons = told[name].as_object().unwrap();
        reasons.iter().map(|(reason, n)| format!("{n} rules {what} ({reason}).")).collect::<Vec<_>>()
    };
    let all = [list("convert_failures", "are not converted"), list("run_failures", "do not run")].concat();
    if all.is_empty() { "All are converted and run.".into() } else { all.join(" ") }
}

//! Compares a store with the truth file that the shared generator writes beside its events.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::child;

fn read(file: &Path) -> Option<Value> {
    let path = format!("{}.truth.json", file.to_str()?);
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Compares the events of each channel and event id; whether they are equal.
pub(crate) fn compare(program: &Path, store: &Path, file: &Path) -> bool {
    let Some(truth) = read(file) else {
        println!("  no truth file: counts not compared");
        return false;
    };
    let query = "SELECT t.dataset || '|' || t.code AS kind, count(*) AS n FROM event AS e JOIN event_type AS t ON t.id = e.type GROUP BY 1";
    let rows = child::output(program, &["sql", query, "--store", store.to_str().unwrap(), "--format", "jsonl"]);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        *found.entry(row["kind"].as_str().unwrap().to_lowercase()).or_default() += row["n"].as_u64().unwrap();
    }
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, n) in truth["by_channel_eventid"].as_object().unwrap() {
        *expected.entry(kind.to_lowercase()).or_default() += n.as_u64().unwrap();
    }
    let wrong: Vec<&String> = expected.keys().chain(found.keys()).filter(|k| expected.get(*k) != found.get(*k)).collect();
    println!(
        "  {} events of {} kinds equal the truth file {}",
        if wrong.is_empty() { "ok  " } else { "MISS" },
        expected.len(),
        list(&wrong)
    );
    wrong.is_empty()
}

/// Hunts with the page the project began from and compares its rows with the truth file; whether they are equal.
pub(crate) fn compare_seed(program: &Path, shared: &Path, store: &Path, file: &Path) -> bool {
    let Some(truth) = read(file) else { return false };
    let Some(page) = std::fs::read_dir(shared.join("seed")).ok().and_then(|mut d| d.next()).and_then(Result::ok) else { return false };
    let arguments =
        ["hunt", "--rules", page.path().to_str().unwrap(), "--store", store.to_str().unwrap(), "--format", "jsonl"].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rows = child::output(program, &arguments);
    let keys = ["Share_Name", "Relative_Target_Name", "Object_Type", "Access_Mask", "user", "src_port", "Source_Address"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut found: Vec<Vec<String>> = rows
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            keys.iter().map(|k| text(&row["group"][k])).chain([row["count"].to_string()]).collect()
        })
        .collect();
    let rows = truth["seed_rows"].as_array().unwrap();
    let mut expected: Vec<Vec<String>> =
        rows.iter().map(|row| keys.iter().map(|k| text(&row[k])).chain([row["count"].to_string()]).collect()).collect();
    found.sort();
    expected.sort();
    let wrong: Vec<&Vec<String>> =
        expected.iter().filter(|r| !found.contains(r)).chain(found.iter().filter(|r| !expected.contains(r))).collect();
    println!(
        "  {} {} rows of the first page equal the truth file {}",
        if wrong.is_empty() { "ok  " } else { "MISS" },
        expected.len(),
        list(&wrong)
    );
    wrong.is_empty()
}

fn list<T: std::fmt::Debug>(wrong: &[&T]) -> String {
    if wrong.is_empty() { String::new() } else { format!("; {} differ, e.g. {:?}", wrong.len(), &wrong[..wrong.len().min(3)]) }
}

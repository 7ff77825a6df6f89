//! SARIF 2.1.0: diagnostics as code-scanning services read them.
//!
//! One run, a rule for each code that occurs, a result for each diagnostic. Columns are counted in characters, paths
//! are relative to `%SRCROOT%` unless they are absolute. Hints follow the message, since results have no place for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::diag::{Diagnostic, Severity};

/// Returns diagnostics as a SARIF log.
pub fn sarif(diagnostics: &[Diagnostic]) -> Value {
    let mut codes: BTreeMap<&str, Severity> = BTreeMap::new();
    for diagnostic in diagnostics {
        let worst = codes.entry(diagnostic.code).or_insert(diagnostic.severity);
        *worst = (*worst).max(diagnostic.severity);
    }
    let rules: Vec<Value> = codes.iter().map(|(code, severity)| rule(code, *severity)).collect();
    let index: BTreeMap<&str, usize> = codes.keys().enumerate().map(|(i, code)| (*code, i)).collect();
    let results: Vec<Value> = diagnostics.iter().map(|diagnostic| result(diagnostic, index[diagnostic.code])).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "retrohunt",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &str, severity: Severity) -> Value {
    json!({
        "id": code,
        // Services want a text for each rule. A code is a few words, and docs/checks.md has the rest.
        "shortDescription": { "text": code.replace('-', " ") },
        "defaultConfiguration": { "level": severity.as_str() },
    })
}

fn result(diagnostic: &Diagnostic, rule_index: usize) -> Value {
    let mut text = diagnostic.message.clone();
    for hint in &diagnostic.hints {
        text.push('\n');
        text.push_str(hint);
    }
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": diagnostic.severity.as_str(),
        "message": { "text": text },
    });
    if let Some(source) = &diagnostic.source {
        let mut physical = Map::new();
        physical.insert("artifactLocation".to_owned(), artifact(&source.path));
        if let (Some((line, column)), Some((end_line, end_column))) = (diagnostic.line_column(), diagnostic.end_line_column()) {
            let region = json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column });
            physical.insert("region".to_owned(), region);
        }
        result["locations"] = json!([{ "physicalLocation": physical }]);
    }
    result
}

fn artifact(path: &str) -> Value {
    // A URI has slashes only, whatever the system that wrote the path.
    let path = path.replace('\\', "/");
    if path.starts_with('/') {
        return json!({ "uri": format!("file://{}", encoded(&path)) });
    }
    json!({ "uri": encoded(path.trim_start_matches("./")), "uriBaseId": "%SRCROOT%" })
}

/// A path as part of a URI: everything but unreserved characters and `/` as `%XX`.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all text");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::SourceText;

    #[test]
    fn a_log_has_rules_results_and_regions() {
        let source = Arc::new(SourceText { path: "./rules/a b.yml".into(), text: "título: x\nid: y\n".into() });
        let diagnostics = [
            Diagnostic::error("z-code", "it is wrong").at(&source, 9..11).hint("do better"),
            Diagnostic::new(Severity::Note, "a-code", "by the way"),
            Diagnostic::warning("z-code", "again").at(&Arc::new(SourceText { path: "/r/é.yml".into(), text: String::new() }), 0..0),
        ];
        let log = sarif(&diagnostics);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let rules: Vec<&str> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().filter_map(|r| r["id"].as_str()).collect();
        assert_eq!(rules, ["a-code", "z-code"]);
        let results = run["results"].as_array().unwrap();
        assert_eq!(results[0]["message"]["text"], "it is wrong\ndo better");
        assert_eq!(
            results[0]["locations"][0]["physicalLocation"],
            json!({
                "artifactLocation": { "uri": "rules/a%20b.yml", "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": 1, "startColumn": 9, "endLine": 2, "endColumn": 1 },
            })
        );
        assert_eq!((&results[1]["level"], &results[1]["ruleIndex"], results[1].get("locations")), (&json!("note"), &json!(0), None));
        assert_eq!(results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "file:///r/%C3%A9.yml");
        assert!(results.iter().all(|r| rules[r["ruleIndex"].as_u64().unwrap() as usize] == r["ruleId"]));
    }
}

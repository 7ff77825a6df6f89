//! The listing of regression tests: one row a test, and the same as JUnit XML.

use std::io::{self, Write};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{ListingShape, TableColumn, visible};
use crate::regression::{RuleTest, TestStatus, TestVerdict};

/// What `retrohunt test` lists.
pub static REGRESSION: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["status", "rule_id", "rule_title", "rule_path", "test", "path", "expected", "found", "missing", "unexpected", "message"],
        vec![
            TableColumn::text("status", "Status"),
            TableColumn::text("rule_title", "Rule").or("path"),
            TableColumn::text("test", "Test"),
            TableColumn::number("expected", "Expected"),
            TableColumn::number("found", "Found"),
            TableColumn::text("message", "What is wrong"),
        ],
    )
});

/// Returns a test and its verdict as a row of [`REGRESSION`].
pub fn regression_row(test: &RuleTest, verdict: &TestVerdict) -> Vec<Value> {
    let meta = test.meta();
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    vec![
        json!(verdict.status.as_str()),
        text(&test.rule_id),
        meta.map_or(Value::Null, |meta| json!(meta.title)),
        meta.map_or(Value::Null, |meta| json!(meta.path)),
        json!(test.name),
        json!(test.path),
        json!(verdict.expected),
        json!(verdict.found),
        json!(verdict.missing),
        json!(verdict.unexpected),
        text(&verdict.message),
    ]
}

/// Writes tests and verdicts as JUnit XML: a suite for each file of tests, which are next to each other. There are no
/// times in it, so that the same tests give the same bytes.
///
/// # Errors
/// When the writer fails.
pub fn write_junit(out: &mut dyn Write, results: &[(RuleTest, TestVerdict)]) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"retrohunt\" {}>", counts(results))?;
    for suite in results.chunk_by(|a, b| a.0.path == b.0.path) {
        writeln!(out, "  <testsuite name=\"{}\" {}>", xml(&suite[0].0.path), counts(suite))?;
        for (test, verdict) in suite {
            case(out, test, verdict)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")?;
    out.flush()
}

fn counts(results: &[(RuleTest, TestVerdict)]) -> String {
    let of = |status: TestStatus| results.iter().filter(|(_, verdict)| verdict.status == status).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        results.len(),
        of(TestStatus::Failed),
        of(TestStatus::Error),
        of(TestStatus::Skipped)
    )
}

fn case(out: &mut dyn Write, test: &RuleTest, verdict: &TestVerdict) -> io::Result<()> {
    let meta = test.meta();
    let title = meta.map_or(test.rule_id.as_str(), |meta| meta.title.as_str());
    let name = if title.is_empty() { test.name.clone() } else { format!("{title}: {}", test.name) };
    let class = meta.map_or(test.path.as_str(), |meta| meta.path.as_str());
    write!(out, "    <testcase classname=\"{}\" name=\"{}\"", xml(class), xml(&name))?;
    let element = match verdict.status {
        TestStatus::Passed => return writeln!(out, "/>"),
        TestStatus::Failed => "failure",
        TestStatus::Error => "error",
        TestStatus::Skipped => "skipped",
    };
    writeln!(out, ">\n      <{element} message=\"{}\"/>\n    </testcase>", xml(&verdict.message))
}

/// Text of an attribute. What XML cannot hold is shown as elsewhere: `\x1b`.
fn xml(text: &str) -> String {
    let replace = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        // XML 1.0 forbids these two even as references, and a parser would refuse the whole report.
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    visible(text).chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::TestEvents;

    #[test]
    fn junit_counts_and_escapes() {
        let test = |path: &str, id: &str| RuleTest {
            name: "a <b> & \"c\"\u{1b}".into(),
            path: path.into(),
            rules: Vec::new(),
            correlations: Vec::new(),
            rule_id: id.into(),
            events: TestEvents::Broken(String::new()),
        };
        let verdict = |status, message: &str| TestVerdict {
            status,
            expected: None,
            found: None,
            missing: Vec::new(),
            unexpected: Vec::new(),
            message: message.into(),
        };
        let results = [
            (test("x.json", "1"), verdict(TestStatus::Passed, "")),
            (test("x.json", "1"), verdict(TestStatus::Failed, "2 < 3")),
            (test("y.json", ""), verdict(TestStatus::Skipped, "no rule")),
        ];
        let mut out = Vec::new();
        write_junit(&mut out, &results).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="retrohunt" tests="3" failures="1" errors="0" skipped="1">
          <testsuite name="x.json" tests="2" failures="1" errors="0" skipped="0">
            <testcase classname="x.json" name="1: a &lt;b&gt; &amp; &quot;c&quot;\x1b"/>
            <testcase classname="x.json" name="1: a &lt;b&gt; &amp; &quot;c&quot;\x1b">
              <failure message="2 &lt; 3"/>
            </testcase>
          </testsuite>
          <testsuite name="y.json" tests="1" failures="0" errors="0" skipped="1">
            <testcase classname="y.json" name="a &lt;b&gt; &amp; &quot;c&quot;\x1b">
              <skipped message="no rule"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}

//! Looking for tests: beside rules, in folders of tests, and where a rule says they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::info::{self, Info};
use super::{FileFault, RuleTest, Suite, TestEvents};
use crate::compile::{CompileOptions, RuleSet, load_rules, read_source};
use crate::ir::{Correlation, Rule};

/// The end of the name of a file of tests beside a rule.
const TESTS: &str = ".tests.json";
/// Extensions of rules that have tests beside them, in the order in which they are looked for.
// YAML first, because that is what rules are written in.
const RULES: [&str; 5] = ["yml", "yaml", "json", "md", "txt"];

/// Finds the tests of rules and folders, of `NAME.tests.json` and of `info.yml`.
pub fn find(paths: &[PathBuf], options: &CompileOptions) -> Suite {
    let mut files = TestFiles::default();
    paths.iter().for_each(|path| files.path(path));
    let rules = load_rules(&files.rules, options);
    // A rule may name a test that no path leads to, so the rules come first.
    rules.rules.iter().for_each(|rule| files.named_by(rule));

    let mut suite = Suite::default();
    let mut beside: BTreeMap<PathBuf, Vec<Rule>> = BTreeMap::new();
    for path in files.infos.values() {
        match info::read(path) {
            Ok(Some(info)) => info_tests(path, &info, &rules.rules, &mut beside, options, &mut suite.tests),
            Ok(None) => {}
            Err(fault) => suite.tests.push(broken(path, fault.to_string())),
        }
    }
    for path in &files.inline {
        suite.tests.push(inline_test(path, &rules));
    }
    // By path: folders, rules and `info.yml` lead here in different orders.
    suite.tests.sort_by(|a, b| a.path.cmp(&b.path));
    let tested: BTreeSet<&str> = suite.tests.iter().map(|test| test.rule_id.as_str()).collect();
    suite.untested = rules.rules.iter().filter(|rule| !tested.contains(rule.meta.id.as_str())).count();
    suite.rules = rules;
    suite
}

/// The files that a look through the paths comes upon.
#[derive(Default)]
struct TestFiles {
    rules: Vec<PathBuf>,
    /// By their real paths, since rules and folders lead to the same.
    infos: BTreeMap<PathBuf, PathBuf>,
    inline: BTreeSet<PathBuf>,
}

impl TestFiles {
    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.rules.push(path.to_owned());
            for entry in WalkDir::new(path).sort_by_file_name().follow_links(true).into_iter().filter_map(Result::ok) {
                self.file(entry.path());
            }
        } else if name(path) == info::FILE_NAME || name(path).ends_with(TESTS) {
            self.file(path);
            self.rules.extend(rule_of(path));
        } else {
            self.rules.push(path.to_owned());
            self.inline.extend(Some(path.with_extension("tests.json")).filter(|tests| tests.is_file()));
        }
    }

    fn file(&mut self, path: &Path) {
        if name(path) == info::FILE_NAME {
            self.info(path);
        } else if name(path).ends_with(TESTS) {
            self.inline.insert(path.to_owned());
        }
    }

    /// A rule of SigmaHQ's says where its test is, from the root of the collection.
    fn named_by(&mut self, rule: &Rule) {
        let path = Path::new(&rule.meta.path);
        let Some(named) = &rule.origin.regression_test else { return };
        if let Some(test) = path.ancestors().skip(1).map(|above| above.join(named)).find(|test| test.is_file()) {
            self.info(&test);
        }
    }

    fn info(&mut self, path: &Path) {
        // A file that vanishes in between is kept by the path it was found at: reading it says what is wrong.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.infos.entry(real).or_insert_with(|| path.to_owned());
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("")
}

/// The rule that a `NAME.tests.json` is about.
fn rule_of(tests: &Path) -> Option<PathBuf> {
    let stem = name(tests).strip_suffix(TESTS)?;
    RULES.iter().map(|extension| tests.with_file_name(format!("{stem}.{extension}"))).find(|rule| rule.is_file())
}

fn broken(path: &Path, reason: impl Into<String>) -> RuleTest {
    RuleTest {
        name: "tests".to_owned(),
        path: path.to_string_lossy().into_owned(),
        rules: Vec::new(),
        correlations: Vec::new(),
        rule_id: String::new(),
        events: TestEvents::Broken(reason.into()),
    }
}

fn inline_test(path: &Path, set: &RuleSet) -> RuleTest {
    let Some(rule) = rule_of(path) else { return broken(path, "there is no rule with that name next to it") };
    let own: Vec<Rule> = set.rules.iter().filter(|r| Path::new(&r.meta.path) == rule).cloned().collect();
    let correlations = correlations_of(&rule, &set.correlations);
    let id = own.first().map(|rule| &rule.meta).or_else(|| correlations.iter().find(|c| c.reports).map(|c| &c.meta)).map(|m| m.id.clone());
    let events = if id.is_none() {
        TestEvents::Broken(format!("the rule `{}` does not compile", rule.display()))
    } else {
        listed_events(path).unwrap_or_else(|fault| TestEvents::Broken(fault.to_string()))
    };
    RuleTest {
        name: "match and no_match".to_owned(),
        path: path.to_string_lossy().into_owned(),
        rule_id: id.unwrap_or_default(),
        rules: own,
        correlations,
        events,
    }
}

/// All correlations, of which only those of a file report; none where the file has none.
fn correlations_of(rule: &Path, all: &[Correlation]) -> Vec<Correlation> {
    let is_own = |correlation: &Correlation| correlation.reports && Path::new(&correlation.meta.path) == rule;
    let Some(last) = all.iter().rposition(is_own) else { return Vec::new() };
    // Up to the last own one, because a correlation refers only to earlier ones, by their place in the list.
    all[..=last].iter().map(|correlation| Correlation { reports: is_own(correlation), ..correlation.clone() }).collect()
}

fn listed_events(path: &Path) -> Result<TestEvents, FileFault> {
    let source = read_source(path)?;
    let root: Value = serde_json::from_str(&source.text)?;
    let root = root.as_object().ok_or_else(|| FileFault::content("this is not an object with `match` and `no_match`"))?;
    if let Some(other) = root.keys().find(|key| !["match", "no_match", "description"].contains(&key.as_str())) {
        return Err(FileFault::content(format!("`{other}` is neither `match` nor `no_match`")));
    }
    let list = |key: &str| match root.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(events)) if events.iter().all(Value::is_object) => Ok(events.clone()),
        Some(_) => Err(FileFault::content(format!("`{key}` must be a list of events, each an object"))),
    };
    let (matching, other) = (list("match")?, list("no_match")?);
    if matching.is_empty() && other.is_empty() {
        return Err(FileFault::content("there is no event in `match` or `no_match`"));
    }
    Ok(TestEvents::Listed { matching, other })
}

/// A test for each rule and log of an `info.yml`.
fn info_tests(
    path: &Path,
    info: &Info,
    rules: &[Rule],
    beside: &mut BTreeMap<PathBuf, Vec<Rule>>,
    options: &CompileOptions,
    out: &mut Vec<RuleTest>,
) {
    for id in &info.rules {
        let same = |rule: &&Rule| rule.meta.id == *id;
        let mut rule = rules.iter().find(same).cloned();
        let mut absent = format!("no rule in these paths has the id {id}");
        if rule.is_none()
            && let Some(file) = info::rule_beside(path)
        {
            let own = beside.entry(file.clone()).or_insert_with(|| load_rules(std::slice::from_ref(&file), options).rules);
            rule = own.iter().find(same).cloned();
            absent = format!("`{}` does not compile or has another id than {id}", file.display());
        }
        for log in &info.logs {
            let events = match &rule {
                None => TestEvents::Missing(absent.clone()),
                Some(_) if !log.file.is_file() => TestEvents::Missing(format!("there is no log `{}`", log.file.display())),
                Some(_) => TestEvents::Log { file: log.file.clone(), count: log.count },
            };
            out.push(RuleTest {
                name: log.name.clone(),
                path: path.to_string_lossy().into_owned(),
                rules: rule.clone().into_iter().collect(),
                correlations: Vec::new(),
                rule_id: id.clone(),
                events,
            });
        }
    }
}

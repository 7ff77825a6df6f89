//! SigmaHQ's layout: `info.yml` names rules by their ids, and the logs beside it with the number of events found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FileFault;
use crate::compile::read_source;
use crate::diag::SourceText;
use crate::yaml::{self, Node};

/// The name of the file.
pub(super) const FILE_NAME: &str = "info.yml";

/// What an `info.yml` says.
pub(super) struct Info {
    /// The ids of the rules it is about.
    pub(super) rules: Vec<String>,
    /// Its tests.
    pub(super) logs: Vec<LogTest>,
}

/// A log and what is in it.
pub(super) struct LogTest {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) count: Option<u64>,
}

/// Reads an `info.yml`; `Ok(None)`: it is something else of that name.
pub(super) fn read(path: &Path) -> Result<Option<Info>, FileFault> {
    let source: Arc<SourceText> = read_source(path)?;
    let documents = yaml::parse(&source).map_err(|diagnostic| FileFault::Content(diagnostic.message))?;
    let Some(root) = documents.into_iter().next().filter(|root| root.get("regression_tests_info").is_some()) else { return Ok(None) };
    let items = |key: &str| root.get(key).map(Node::items).unwrap_or_default();
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::scalar_text).unwrap_or("").to_owned();
    let rules: Vec<String> = items("rule_metadata").iter().map(|rule| text(rule, "id")).filter(|id| !id.is_empty()).collect();
    if rules.is_empty() {
        return Err(FileFault::content("`rule_metadata` does not have the `id` of a rule"));
    }
    let mut logs = Vec::new();
    for test in items("regression_tests_info") {
        let named = text(test, "path");
        // Only the name counts: the path is from the root of the collection, and the folder may have been copied elsewhere.
        let Some(file_name) = Path::new(&named).file_name() else {
            return Err(FileFault::content("a test names no `path`"));
        };
        let count = match test.get("match_count") {
            None => None,
            Some(node) => Some(
                node.scalar_text()
                    .and_then(|count| count.parse().ok())
                    .ok_or_else(|| FileFault::content("`match_count` is not a number"))?,
            ),
        };
        let file = path.with_file_name(file_name);
        let name = Some(text(test, "name")).filter(|name| !name.is_empty()).unwrap_or_else(|| "regression".to_owned());
        // The collection has most logs twice, as EVTX and as JSON. Both are what the test is about, and must give the same count.
        let twin = file.with_extension("json");
        if twin != file && twin.is_file() {
            logs.push(LogTest { name: name.clone(), file, count });
            logs.push(LogTest { name: format!("{name} (JSON)"), file: twin, count });
        } else {
            logs.push(LogTest { name, file, count });
        }
    }
    Ok(Some(Info { rules, logs }))
}

/// Where the rule of an `info.yml` may be: `regression_data/rules/a/NAME/info.yml` is about `rules/a/NAME.yml`.
pub(super) fn rule_beside(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    folder.ancestors().skip(1).find_map(|above| {
        let rest = folder.strip_prefix(above).ok()?;
        let rule = above.parent()?.join(format!("{}.yml", rest.display()));
        rule.is_file().then_some(rule)
    })
}

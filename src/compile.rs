//! The one router from rule files to rules: finds files, tells the languages apart, hands each to its front end.
//!
//! A file is a Sigma rule when it has a top-level `detection:` (or `correlation:`, or `logsource:` with a `filter:` or a
//! `title:`), an ESCU detection when it has a top-level `search:`, a documentation page when it has a `Search` heading with a code block.
//! Macros come from every `macros` folder beside or above a Splunk rule; the built-in ones need no folder.
//! Nothing here reads a store.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::diag::{Diagnostic, Severity, SourceText};
use crate::ir::Rule;
use crate::sigma::{self, SigmaOptions};
use crate::spl::{self, Macros};

/// A larger file is no rule.
pub const MAX_RULE_BYTES: u64 = 16 * 1024 * 1024;

/// The rules of some paths, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// What compiled, in path order.
    pub rules: Vec<Rule>,
    /// Everything there is to say, in path order.
    pub diagnostics: Vec<Diagnostic>,
    /// Rule documents met, compiled or not.
    pub documents: usize,
    /// Files in a folder that are no rules (lookups, macros, tests): not an error.
    pub other_files: usize,
}

impl RuleSet {
    /// Whether any rule was left out.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// Sigma YAML.
    Sigma,
    /// An ESCU detection.
    Escu,
    /// A documentation page.
    Page,
}

/// How rules are compiled.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// Values for Sigma's `expand` placeholders and the like.
    pub sigma: SigmaOptions,
}

/// Compiles every rule in the files and folders.
pub fn load_rules(paths: &[PathBuf], options: &CompileOptions) -> RuleSet {
    let mut loader = Loader { options, macros: MacroCache::default(), set: RuleSet::default(), ids: BTreeMap::new() };
    for path in paths {
        loader.path(path);
    }
    loader.set
}

/// Compiles the rules of one text as if it stood in a file of that path, with the built-in macros only.
pub fn load_text(path: &str, text: &str, options: &CompileOptions) -> RuleSet {
    let mut loader = Loader { options, macros: MacroCache::default(), set: RuleSet::default(), ids: BTreeMap::new() };
    let source = Arc::new(SourceText { path: path.to_owned(), text: text.to_owned() });
    loader.text(&source, None, true);
    loader.set
}

/// Tells what a text is by its top-level keys and headings.
pub fn rule_kind(text: &str) -> Option<RuleKind> {
    let has_key = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')));
    let sigma = has_key("logsource") && (has_key("filter") || has_key("title"));
    if has_key("detection") || has_key("correlation") || sigma {
        return Some(RuleKind::Sigma);
    }
    if has_key("search") && (has_key("name") || has_key("id")) && !has_key("deployments") {
        return Some(RuleKind::Escu);
    }
    let heading =
        |line: &str| line.trim_start().starts_with('#') && line.trim_matches(['#', ' ', '\t', '\r']).eq_ignore_ascii_case("search");
    text.lines().any(heading).then_some(RuleKind::Page)
}

struct Loader<'a> {
    options: &'a CompileOptions,
    macros: MacroCache,
    set: RuleSet,
    ids: BTreeMap<String, FirstUse>,
}

/// Where an id was met first, and the files of all rules that have it by their hash.
struct FirstUse {
    path: String,
    files: BTreeMap<String, String>,
}

impl Loader<'_> {
    fn path(&mut self, path: &Path) {
        if path.is_file() {
            return self.file(path, true);
        }
        if !path.is_dir() {
            let diagnostic = Diagnostic::error("rule-path-not-found", format!("no rule file or folder at `{}`", path.display()));
            return self.set.diagnostics.push(diagnostic);
        }
        for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && has_rule_extension(entry.path()) => self.file(entry.path(), false),
                Ok(_) => {}
                Err(error) => {
                    self.set.diagnostics.push(Diagnostic::error("rule-unreadable", format!("cannot read the rule folder: {error}")))
                }
            }
        }
    }

    /// `named`: the user named this very file, so it must be a rule.
    fn file(&mut self, path: &Path, named: bool) {
        match read_source(path) {
            Ok(source) => self.text(&source, Some(path), named),
            Err(reason) => {
                let diagnostic = Diagnostic::error("rule-unreadable", format!("cannot read `{}`: {reason}", path.display()));
                self.set.diagnostics.push(diagnostic);
            }
        }
    }

    fn text(&mut self, source: &Arc<SourceText>, path: Option<&Path>, named: bool) {
        let Some(kind) = rule_kind(&source.text) else {
            if named {
                let diagnostic =
                    Diagnostic::error("rule-not-recognised", "this is no Sigma rule, no Splunk detection and no documentation page")
                        .at(source, 0..0)
                        .hint("a Sigma rule has `detection:`, a Splunk detection `search:`, a page a `Search` heading");
                self.set.diagnostics.push(diagnostic);
            } else {
                self.set.other_files += 1;
            }
            return;
        };
        let (rules, diagnostics) = match kind {
            RuleKind::Sigma => sigma::parse_rules(source, &self.options.sigma),
            RuleKind::Escu => one(spl::parse_escu_yaml(source, self.macros.of(path, &mut self.set.diagnostics))),
            RuleKind::Page => one(spl::parse_page(source, self.macros.of(path, &mut self.set.diagnostics))),
        };
        self.set.documents += rules.len().max(1);
        self.set.diagnostics.extend(diagnostics);
        for rule in rules {
            self.add(rule, source);
        }
    }

    /// Drops copies and warns where one id stands for different rules.
    fn add(&mut self, rule: Rule, source: &Arc<SourceText>) {
        let path = &rule.meta.path;
        let first = self.ids.entry(rule.meta.id.clone()).or_insert_with(|| FirstUse { path: path.clone(), files: BTreeMap::new() });
        let new = first.files.is_empty();
        if first.files.entry(rule.meta.hash.clone()).or_insert_with(|| path.clone()) != path {
            return;
        }
        if !new {
            let message = format!("the id `{}` belongs to another rule too", rule.meta.id);
            let diagnostic = Diagnostic::warning("rule-duplicate-id", message).at(source, id_place(&source.text, &rule.meta.id));
            self.set.diagnostics.push(diagnostic.hint(format!("the other one is in `{}`", first.path)));
        }
        self.set.rules.push(rule);
    }
}

/// Where a file says an id.
fn id_place(text: &str, id: &str) -> Range<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(column) = line.starts_with("id:").then(|| line.find(id)).flatten() {
            return at + column..at + column + id.len();
        }
        at += line.len();
    }
    0..0
}

fn one((rule, diagnostics): (Option<Rule>, Vec<Diagnostic>)) -> (Vec<Rule>, Vec<Diagnostic>) {
    (rule.into_iter().collect(), diagnostics)
}

fn has_rule_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["yml", "yaml", "md", "txt"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// Reads a file as rule files are read: UTF-8, without a byte order mark.
///
/// # Errors
/// The reason, where it cannot be read or has more than [`MAX_RULE_BYTES`].
pub fn read_source(path: &Path) -> Result<Arc<SourceText>, String> {
    Ok(Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: read_text(path)? }))
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_RULE_BYTES {
        return Err(format!("{size} bytes are more than a rule may have (MAX_RULE_BYTES = {MAX_RULE_BYTES})"));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let text = String::from_utf8(bytes).map_err(|e| format!("invalid UTF-8 at byte {}", e.utf8_error().valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The macros that hold for the rules of a folder, read once a folder.
#[derive(Default)]
struct MacroCache {
    folders: BTreeMap<PathBuf, Macros>,
    builtin: Option<Macros>,
}

impl MacroCache {
    fn of(&mut self, rule: Option<&Path>, diagnostics: &mut Vec<Diagnostic>) -> &Macros {
        let folder = rule.and_then(macro_folder);
        match folder {
            Some(folder) => self.folders.entry(folder.clone()).or_insert_with(|| read_macros(&folder, diagnostics)),
            None => self.builtin.get_or_insert_with(Macros::builtin),
        }
    }
}

/// The nearest `macros` folder beside or above a rule, at most eight levels up.
fn macro_folder(rule: &Path) -> Option<PathBuf> {
    let absolute = rule.canonicalize().ok()?;
    absolute.ancestors().skip(1).take(8).map(|folder| folder.join("macros")).find(|folder| folder.is_dir())
}

fn read_macros(folder: &Path, diagnostics: &mut Vec<Diagnostic>) -> Macros {
    let mut macros = Macros::builtin();
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok) {
        if !entry.file_type().is_file() || !has_rule_extension(entry.path()) {
            continue;
        }
        match read_source(entry.path()) {
            Ok(source) => diagnostics.extend(macros.add_file(&source)),
            Err(reason) => {
                diagnostics.push(Diagnostic::error("rule-unreadable", format!("cannot read `{}`: {reason}", entry.path().display())))
            }
        }
    }
    macros
}

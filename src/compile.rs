//! The one router from rule files to rules: finds files, tells the languages apart, hands each to its front end.
//!
//! A file is a Sigma rule when it has a top-level `detection:` (or `correlation:`, or `logsource:` with a `filter:` or a
//! `title:`), an ESCU detection when it has a top-level `search:`, a documentation page when it has a `Search` heading with a code block.
//! Macros come from every `macros` folder beside or above a Splunk rule; the built-in ones need no folder.
//! Sigma's correlations and filters find their rules wherever these are in the set. Nothing here reads a store.

mod change;
mod read;
mod starter_pack;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::diag::{Diagnostic, SourceText, has_errors};
use crate::ir::{Correlation, InputSource, Language, Rule, RuleMeta};
use crate::sigma::{self, SigmaOptions};
use crate::spl::{self, Macros};

pub use change::load_changes;
pub use read::{FileError, MAX_RULE_BYTES, ReadError, read_source};
pub use starter_pack::STARTER_PACK;

/// The rules of some paths, and what is wrong with the others.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RuleSet {
    /// What compiled and makes findings of its own, in path order.
    pub rules: Vec<Rule>,
    /// The correlations, each behind the ones it refers to. They hold the queries of the rules they correlate.
    pub correlations: Vec<Correlation>,
    /// Rule documents that compiled: rules, parts of correlations, correlations, filters.
    pub compiled: usize,
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
        has_errors(&self.diagnostics)
    }

    /// Everything that makes findings: rules, then correlations.
    pub fn reporting(&self) -> impl Iterator<Item = &RuleMeta> {
        self.rules.iter().map(|r| &r.meta).chain(self.correlations.iter().filter(|c| c.reports).map(|c| &c.meta))
    }

    /// Keeps what is wanted, and the correlations that a wanted one refers to.
    pub fn retain(&mut self, wanted: impl Fn(&RuleMeta) -> bool) {
        self.rules.retain(|rule| wanted(&rule.meta));
        let mut needed: Vec<bool> = vec![false; self.correlations.len()];
        for (index, correlation) in self.correlations.iter_mut().enumerate().rev() {
            correlation.reports &= wanted(&correlation.meta);
            needed[index] |= correlation.reports;
            for input in &correlation.inputs {
                if let InputSource::Correlation(earlier) = input.source {
                    needed[earlier] |= needed[index];
                }
            }
        }
        let places: Vec<usize> = needed.iter().scan(0, |next, n| Some(std::mem::replace(next, *next + usize::from(*n)))).collect();
        let mut index = 0..;
        self.correlations.retain(|_| index.next().is_some_and(|i: usize| needed[i]));
        for input in self.correlations.iter_mut().flat_map(|c| &mut c.inputs) {
            if let InputSource::Correlation(earlier) = &mut input.source {
                *earlier = places[*earlier];
            }
        }
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
#[non_exhaustive]
pub struct CompileOptions {
    /// Values for Sigma's `expand` placeholders, pipelines and the like.
    pub sigma: SigmaOptions,
}

/// Compiles every rule in the files and folders.
pub fn load_rules(paths: &[PathBuf], options: &CompileOptions) -> RuleSet {
    let mut loader = Loader::new(options);
    for path in paths {
        loader.path(path);
    }
    loader.finish()
}

/// Compiles the rules that come with the program.
pub fn starter_pack(options: &CompileOptions) -> RuleSet {
    load_texts(STARTER_PACK, options)
}

/// Compiles the rules of one text as if it stood in a file of that path, with the built-in macros only.
pub fn load_text(path: &str, text: &str, options: &CompileOptions) -> RuleSet {
    load_texts(&[(path, text)], options)
}

/// As [`load_text`], for several texts that make one set.
pub fn load_texts(texts: &[(&str, &str)], options: &CompileOptions) -> RuleSet {
    let mut loader = Loader::new(options);
    for (path, text) in texts {
        let source = Arc::new(SourceText { path: (*path).to_owned(), text: (*text).to_owned() });
        loader.text(&source, None, true);
    }
    loader.finish()
}

/// Tells what a text is by its top-level keys and headings.
pub fn rule_kind(text: &str) -> Option<RuleKind> {
    let has_key = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')));
    // A filter has no `detection:` of its own. A rule that lost its detection should get Sigma's message, not "not a rule".
    let sigma = has_key("logsource") && (has_key("filter") || has_key("title"));
    if has_key("detection") || has_key("correlation") || sigma {
        return Some(RuleKind::Sigma);
    }
    if has_key("search") && (has_key("name") || has_key("id")) && !has_key("deployments") {
        return Some(RuleKind::Escu);
    }
    // Last, and only where no key of YAML matched: a `Search` heading may stand in a comment of any file.
    let heading =
        |line: &str| line.trim_start().starts_with('#') && line.trim_matches(['#', ' ', '\t', '\r']).eq_ignore_ascii_case("search");
    text.lines().any(heading).then_some(RuleKind::Page)
}

struct Loader<'a> {
    options: &'a CompileOptions,
    macros: MacroCache,
    set: RuleSet,
    sigma: sigma::RuleSet,
    /// The rules in path order; Sigma's are known when all of them are linked.
    order: Vec<(Slot, Arc<SourceText>)>,
}

/// Where an id was met first, and the hashes of all rules that have it.
struct FirstUse {
    path: String,
    hashes: HashSet<String>,
}

enum Slot {
    Splunk(Box<Rule>),
    /// A place among the rules of the Sigma set.
    Sigma(usize),
}

impl<'a> Loader<'a> {
    fn new(options: &'a CompileOptions) -> Self {
        Self { options, macros: MacroCache::default(), set: RuleSet::default(), sigma: sigma::RuleSet::default(), order: Vec::new() }
    }

    fn path(&mut self, path: &Path) {
        if path.is_file() {
            return self.file(path, true);
        }
        if !path.is_dir() {
            let diagnostic = Diagnostic::error("rule-path-not-found", format!("no rule file or folder at `{}`", path.display()));
            return self.set.diagnostics.push(diagnostic);
        }
        // By name, so that the same folder gives the same rules in the same order on every system.
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
            Err(reason) => self.set.diagnostics.push(unreadable(path, &reason)),
        }
    }

    fn text(&mut self, source: &Arc<SourceText>, path: Option<&Path>, named: bool) {
        let Some(kind) = rule_kind(&source.text) else {
            if named {
                let diagnostic =
                    Diagnostic::error("rule-not-recognised", "this is not a Sigma rule, a Splunk detection or a documentation page")
                        .at(source, 0..0)
                        .hint("a Sigma rule has `detection:`, a Splunk detection `search:`, a page a `Search` heading");
                self.set.diagnostics.push(diagnostic);
            } else {
                self.set.other_files += 1;
            }
            return;
        };
        let (rule, diagnostics) = match kind {
            RuleKind::Sigma => return self.sigma(source),
            RuleKind::Escu => spl::parse_escu_yaml(source, self.macros.of(path, &mut self.set.diagnostics)),
            RuleKind::Page => spl::parse_page(source, self.macros.of(path, &mut self.set.diagnostics)),
        };
        self.set.documents += 1;
        self.order.extend(rule.map(|rule| (Slot::Splunk(Box::new(rule)), source.clone())));
        self.set.diagnostics.extend(diagnostics);
    }

    fn sigma(&mut self, source: &Arc<SourceText>) {
        let before = self.sigma.counts();
        self.set.diagnostics.extend(self.sigma.add(source, &self.options.sigma));
        let after = self.sigma.counts();
        self.set.documents += (after.0 + after.1 + after.2 - before.0 - before.1 - before.2).max(1);
        self.order.extend((before.0..after.0).map(|place| (Slot::Sigma(place), source.clone())));
    }

    /// Links Sigma's documents, drops copies and warns where one id stands for different rules.
    fn finish(mut self) -> RuleSet {
        let (rules, correlations, filters) = self.sigma.counts();
        let (linked, diagnostics) = self.sigma.link();
        let splunk = self.order.iter().filter(|(slot, _)| matches!(slot, Slot::Splunk(_))).count();
        self.set.compiled = splunk + rules + correlations + filters - linked.refused;
        self.set.diagnostics.extend(diagnostics);
        self.set.correlations = linked.lower();
        let mut sigma: Vec<Option<Rule>> = linked.rules.into_iter().map(|r| r.standalone.then_some(r.rule)).collect();
        let mut ids: BTreeMap<String, FirstUse> = BTreeMap::new();
        for (slot, source) in self.order {
            let rule = match slot {
                Slot::Splunk(rule) => Some(*rule),
                Slot::Sigma(place) => sigma[place].take(),
            };
            // A rule that only a correlation uses makes no findings of its own.
            let Some(rule) = rule else { continue };
            let path = || rule.meta.path.clone();
            let first = ids.entry(rule.meta.id.clone()).or_insert_with(|| FirstUse { path: path(), hashes: HashSet::new() });
            let new = first.hashes.is_empty();
            // `sigma::RuleSet` has dropped copies; one Sigma file may hold several rules with the same id and hash.
            if !first.hashes.insert(rule.meta.hash.clone()) && rule.meta.language != Some(Language::Sigma) {
                continue;
            }
            if !new {
                let message = format!("another rule has the same id `{}`", rule.meta.id);
                let diagnostic = Diagnostic::warning("rule-duplicate-id", message).at(&source, id_place(&source.text, &rule.meta.id));
                self.set.diagnostics.push(diagnostic.hint(format!("it is in `{}`", first.path)));
            }
            self.set.rules.push(rule);
        }
        self.set
    }
}

/// A file that cannot be read, as a source without text: so the fault has its file where others have it.
fn unreadable(path: &Path, reason: &ReadError) -> Diagnostic {
    let source = Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: String::new() });
    Diagnostic::error("rule-unreadable", format!("the file cannot be read: {reason}")).at(&source, 0..0)
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

fn has_rule_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["yml", "yaml", "md", "txt"].iter().any(|known| e.eq_ignore_ascii_case(known)))
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

/// The nearest `macros` folder beside or above a rule. Splunk's collection has it two or three levels up; eight keep a rule in a
/// home folder from taking a `macros` of something else near the root.
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
            Err(reason) => diagnostics.push(unreadable(entry.path(), &reason)),
        }
    }
    macros
}

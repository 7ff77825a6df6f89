//! The one router from rule files to rules: finds files, tells the languages apart, hands each to its front end.
//!
//! A file is a Sigma rule when it has a top-level `detection:` (or `correlation:`, or `logsource:` with a `filter:` or a
//! `title:`), an ESCU detection when it has a top-level `search:`, a documentation page when it has a `Search` heading with a code block.
//! Macros and lookups come from the nearest folders `macros` and `lookups` beside or above a Splunk rule, and from the options;
//! the built-in macros need no folder.
//! Sigma's correlations and filters find their rules wherever these are in the set. Nothing here reads a store.

mod cache;
mod change;
mod document;
mod files;
mod kept;
mod kind;
mod knowledge;
mod packed;
mod read;
mod starter_pack;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, SourceText, SubjectKind, has_errors};
use crate::ir::{Correlation, InputSource, Language, Rule, RuleMeta, Scope};
use crate::sigma::{self, SigmaOptions};
use crate::spl;
use crate::taxonomy::{LogSourcePart, Taxonomy};
use crate::yaml::Node;

use files::{Files, PathKind};
use kind::recognised;
use knowledge::KnowledgeCache;

pub use cache::{CachedRules, RuleCache, load_cached};
pub use change::load_changes;
pub use document::RuleDocument;
pub use kind::{EscuContent, RuleKind, rule_kind};
pub use packed::{AskedByView, PackedRules, pack, unpack};
pub use read::{FileError, MAX_RULE_BYTES, ReadError, read_source};
pub use starter_pack::STARTER_PACK;

/// The rules of some paths, and what is wrong with the others.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Rule documents met, compiled or not, in path order.
    pub documents: Vec<RuleDocument>,
    /// Files in a folder that are no rules (lookups, macros, tests): not an error.
    pub other_files: usize,
    /// Parts of ESCU that are not rules among the files of folders.
    pub skipped: BTreeMap<EscuContent, usize>,
}

impl RuleSet {
    /// Whether any rule was left out.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }

    /// What was said of each document, in the order of [`RuleSet::documents`].
    pub fn said(&self) -> Vec<Vec<&Diagnostic>> {
        document::said(&self.documents, &self.diagnostics)
    }

    /// Everything that makes findings: rules, then correlations.
    pub fn reporting(&self) -> impl Iterator<Item = &RuleMeta> {
        self.rules.iter().map(|r| &r.meta).chain(self.correlations.iter().filter(|c| c.reports).map(|c| &c.meta))
    }

    /// Keeps what is wanted, and the correlations that a wanted one refers to.
    pub fn retain(&mut self, wanted: impl Fn(&RuleMeta) -> bool) {
        self.rules.retain(|rule| wanted(&rule.meta));
        let mut needed: Vec<bool> = vec![false; self.correlations.len()];
        // From the last to the first: a correlation is needed by later ones, which come later in the list.
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

/// How rules are compiled.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CompileOptions {
    /// Values for Sigma's `expand` placeholders, pipelines and the like.
    pub sigma: SigmaOptions,
    /// Files and folders with macros of Splunk searches; they replace those beside the rules.
    pub macros: Vec<PathBuf>,
    /// Files and folders with lookups of Splunk searches: CSV, definitions in YAML, `transforms.conf`. They replace those
    /// beside the rules.
    pub lookups: Vec<PathBuf>,
}

/// Compiles every rule in the files and folders.
pub fn load_rules(paths: &[PathBuf], options: &CompileOptions) -> RuleSet {
    load_from(paths, options, &Rc::new(Files::default()))
}

/// As [`load_rules`]; what was asked of the file system is kept in `files`, if these keep it.
fn load_from(paths: &[PathBuf], options: &CompileOptions, files: &Rc<Files>) -> RuleSet {
    let mut loader = Loader::new(options, files);
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
    let mut loader = Loader::new(options, &Rc::new(Files::default()));
    for (path, text) in texts {
        let source = Arc::new(SourceText { path: (*path).to_owned(), text: (*text).to_owned() });
        loader.text(&source, None, true);
    }
    loader.finish()
}

struct Loader<'a> {
    options: &'a CompileOptions,
    files: Rc<Files>,
    knowledge: KnowledgeCache<'a>,
    set: RuleSet,
    sigma: sigma::SigmaSet,
    /// The rules in path order; Sigma's are known when all of them are linked.
    order: Vec<LoadedRule>,
}

/// Where an id was met first, and the hashes of all rules that have it.
struct FirstUse {
    path: String,
    hashes: HashSet<String>,
}

enum LoadedRule {
    Splunk(Box<Rule>),
    /// A place among the rules of the Sigma set.
    Sigma(usize),
}

impl<'a> Loader<'a> {
    fn new(options: &'a CompileOptions, files: &Rc<Files>) -> Self {
        let knowledge = KnowledgeCache::new(&options.macros, &options.lookups, files.clone());
        Self { options, files: files.clone(), knowledge, set: RuleSet::default(), sigma: sigma::SigmaSet::default(), order: Vec::new() }
    }

    fn path(&mut self, path: &Path) {
        match self.files.kind(path) {
            PathKind::File => return self.file(path, true),
            PathKind::Folder => {}
            PathKind::Nothing => {
                let diagnostic = Diagnostic::error("rule-path-not-found", format!("no rule file or folder at `{}`", path.display()));
                return self.set.diagnostics.push(diagnostic);
            }
        }
        // By name, so that the same folder gives the same rules in the same order on every system.
        for entry in self.files.walk(path) {
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
        match self.files.source(path, MAX_RULE_BYTES) {
            Ok(source) => self.text(&source, Some(path), named),
            Err(reason) => self.set.diagnostics.push(unreadable(path, &reason)),
        }
    }

    fn text(&mut self, source: &Arc<SourceText>, path: Option<&Path>, named: bool) {
        let (kind, documents) = recognised(source);
        let (rule, diagnostics) = match kind {
            Some(RuleKind::Sigma) => return self.sigma(source, &documents),
            Some(RuleKind::Escu) => spl::parse_escu_yaml(source, self.knowledge.of(path, &mut self.set.diagnostics)),
            Some(RuleKind::Page) => spl::parse_page(source, self.knowledge.of(path, &mut self.set.diagnostics)),
            Some(RuleKind::Content(content)) => return self.not_a_rule(source, named, Some(content)),
            None => return self.not_a_rule(source, named, None),
        };
        self.set.documents.push(match (kind, documents.first()) {
            (Some(RuleKind::Escu), Some(document)) => RuleDocument::escu(source, document),
            (Some(RuleKind::Page), _) => {
                let (id, title) = spl::page_name(source);
                RuleDocument::splunk(source, &id, &title)
            }
            _ => RuleDocument::splunk(source, "", ""),
        });
        self.order.extend(rule.map(|rule| LoadedRule::Splunk(Box::new(rule))));
        self.set.diagnostics.extend(diagnostics);
    }

    /// A file that is none is an error only where the user named it.
    fn not_a_rule(&mut self, source: &Arc<SourceText>, named: bool, known: Option<EscuContent>) {
        match known {
            _ if named => {
                let message = match known {
                    Some(content) => format!("this is not a rule: {}", content.why()),
                    None => "this is not a Sigma rule, a Splunk detection or a documentation page".to_owned(),
                };
                let hint = "a Sigma rule has `detection:`, a Splunk detection `search:`, a page a `Search` heading";
                self.set.diagnostics.push(Diagnostic::error("rule-not-recognised", message).at(source, 0..0).hint(hint));
            }
            Some(content) => *self.set.skipped.entry(content).or_default() += 1,
            None => self.set.other_files += 1,
        }
    }

    fn sigma(&mut self, source: &Arc<SourceText>, documents: &[Node]) {
        let before = self.sigma.counts();
        let said = match documents {
            [] => self.sigma.add(source, &self.options.sigma),
            documents => self.sigma.add_documents(source, documents, &self.options.sigma),
        };
        self.set.diagnostics.extend(said);
        let after = self.sigma.counts();
        self.set.documents.extend(RuleDocument::sigma(source, documents));
        self.order.extend((before.0..after.0).map(LoadedRule::Sigma));
    }

    /// Links Sigma's documents, drops copies and warns where one id stands for different rules.
    fn finish(mut self) -> RuleSet {
        let (rules, correlations, filters) = self.sigma.counts();
        let (linked, diagnostics) = self.sigma.link();
        let splunk = self.order.iter().filter(|slot| matches!(slot, LoadedRule::Splunk(_))).count();
        self.set.compiled = splunk + rules + correlations + filters - linked.refused;
        self.set.diagnostics.extend(diagnostics);
        self.set.correlations = linked.lower();
        if self.options.sigma.validate {
            linked.rules.iter().for_each(|linked| unknown_log_source(&linked.rule, &mut self.set.diagnostics));
        }
        let mut sigma: Vec<Option<Rule>> = linked.rules.into_iter().map(|r| r.standalone.then_some(r.rule)).collect();
        let mut ids: BTreeMap<String, FirstUse> = BTreeMap::new();
        for slot in self.order {
            let rule = match slot {
                LoadedRule::Splunk(rule) => Some(*rule),
                LoadedRule::Sigma(place) => sigma[place].take(),
            };
            // A rule that only a correlation uses makes no findings of its own.
            let Some(rule) = rule else { continue };
            let path = || rule.meta.path.clone();
            let first = ids.entry(rule.meta.id.clone()).or_insert_with(|| FirstUse { path: path(), hashes: HashSet::new() });
            let new = first.hashes.is_empty();
            // `sigma::SigmaSet` has dropped copies; one Sigma file may hold several rules with the same id and hash.
            if !first.hashes.insert(rule.meta.hash.clone()) && rule.meta.language != Some(Language::Sigma) {
                continue;
            }
            if !new {
                let message = format!("another rule has the same id `{}`", rule.meta.id);
                let diagnostic = Diagnostic::warning("rule-duplicate-id", message).at(&rule.origin.source, rule.origin.id.clone());
                self.set.diagnostics.push(diagnostic.hint(format!("it is in `{}`", first.path)));
            }
            self.set.rules.push(rule);
        }
        self.set
    }
}

/// Warns of the parts of a log source that no taxonomy knows: such a rule is silent everywhere.
fn unknown_log_source(rule: &Rule, diagnostics: &mut Vec<Diagnostic>) {
    let Some(Scope::LogSource { product, category, service }) = rule.query.scope() else { return };
    for unknown in Taxonomy::embedded().unknown_parts(product.as_deref(), category.as_deref(), service.as_deref()) {
        let place = &rule.origin.log_source[unknown.part as usize];
        let message = match (unknown.part, product) {
            (LogSourcePart::Category | LogSourcePart::Service, Some(product)) if unknown.product_is_known => {
                format!("{product} has no {} `{}`: the rule matches nothing", unknown.part.name(), unknown.name)
            }
            _ => format!("there is no {} `{}`: the rule matches nothing", unknown.part.name(), unknown.name),
        };
        let diagnostic = Diagnostic::warning("sigma-unknown-logsource", message)
            .about(SubjectKind::LogSource, unknown.name.as_str())
            .at(&rule.origin.source, place.clone());
        let near = unknown.nearest.map(|near| format!("did you mean `{near}`?"));
        let hint =
            near.unwrap_or_else(|| "log sources are listed in rules/logsources; a pipeline can give the rule another one".to_owned());
        diagnostics.push(diagnostic.hint(hint));
    }
}

/// A file that cannot be read, as a source without text: so the fault has its file where others have it.
fn unreadable(path: &Path, reason: &ReadError) -> Diagnostic {
    let source = Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: String::new() });
    Diagnostic::error("rule-unreadable", format!("the file cannot be read: {reason}")).at(&source, 0..0)
}

fn has_rule_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["yml", "yaml", "json", "md", "txt"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

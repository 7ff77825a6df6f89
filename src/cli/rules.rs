//! Choosing the rules of a hunt: from files and folders or the starter pack, by level and tag.

use std::path::PathBuf;

use anyhow::bail;

use super::cache::CacheArgs;
use super::changes::ChangeArgs;
use super::hints::did_you_mean;
use super::printer::Printer;
use super::values;
use super::verdicts::{KEPT_OUT, OBSTACLES_OF_HUNT, obstacles};
use super::words::{counted_len, thousands};
use crate::compile::{CachedRules, RuleSet, load_cached, starter_pack};
use crate::diag::{Diagnostic, Severity};
use crate::ir::{Level, RuleMeta};
use crate::report::visible;
use crate::status::{kept_out, verdicts};
use crate::taxonomy::AttackMatrix;

/// So many rules that do not compile are shown one by one: they fit on a screen. More are counted by what keeps them out, because with a
/// whole collection the first five would say nothing of the rest.
const SHOWN_DIAGNOSTICS: usize = 5;

/// Which rules a command takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RuleArgs {
    /// Rule files and folders: Sigma, ESCU, documentation pages [default: the rules that come with the program]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) rules: Vec<PathBuf>,
    /// Only rules of this level or above; a Splunk detection counts by its risk score
    #[arg(long, value_name = "LEVEL", value_parser = values::level, help_heading = "Filters")]
    pub(crate) level: Option<Level>,
    /// Only rules with this tag, ATT&CK technique, tactic or analytic story; repeat for more
    #[arg(long, value_name = "TAG", help_heading = "Filters")]
    pub(crate) tag: Vec<String>,
    #[command(flatten)]
    pub(crate) changes: ChangeArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

impl RuleArgs {
    /// Compiles the rules and keeps those that were asked for.
    pub(crate) fn load(&self, printer: &Printer) -> anyhow::Result<RuleSet> {
        let set = self.read(printer)?.rules();
        self.choose(set)
    }

    /// All rules, compiled or kept from an earlier command.
    pub(crate) fn read(&self, printer: &Printer) -> anyhow::Result<CachedRules> {
        for path in &self.rules {
            if !path.exists() {
                bail!("there is no rule file or folder `{}`", visible(&path.to_string_lossy()));
            }
        }
        let options = self.changes.load(printer)?;
        if self.rules.is_empty() {
            return Ok(CachedRules::of(starter_pack(&options)));
        }
        Ok(load_cached(&self.rules, &options, self.cache.folder().as_ref()))
    }

    /// Keeps the rules that were asked for.
    pub(crate) fn choose(&self, mut set: RuleSet) -> anyhow::Result<RuleSet> {
        let compiled = set.reporting().count();
        let tags: Vec<String> = set.reporting().flat_map(all_tags).cloned().collect();
        let names = self.tag_names();
        set.retain(|meta| self.wants(meta, &names));
        if compiled == 0 && !set.has_errors() {
            bail!("found no rules in {}", self.shown());
        }
        if compiled > 0 && set.reporting().next().is_none() {
            bail!("none of {} has {}", counted_len(compiled, "rule"), self.asked(&tags));
        }
        Ok(set)
    }

    /// What the filters ask for, with the nearest tag where one may be misspelt.
    fn asked(&self, known: &[String]) -> String {
        let tags =
            self.tag.iter().map(|tag| format!("the tag `{}`{}", visible(tag), did_you_mean(tag, known))).collect::<Vec<_>>().join(" or ");
        match (self.level, tags.as_str()) {
            (Some(level), "") => format!("level {} or above", level.as_str()),
            (Some(level), tags) => format!("level {} or above and {tags}", level.as_str()),
            (None, tags) => tags.to_owned(),
        }
    }

    fn shown(&self) -> String {
        self.rules.iter().map(|p| format!("`{}`", visible(&p.to_string_lossy()))).collect::<Vec<_>>().join(", ")
    }

    /// Whether it chooses among the rules at all.
    pub(crate) fn chooses(&self) -> bool {
        self.level.is_some() || !self.tag.is_empty()
    }

    /// All names of its tags.
    pub(crate) fn tag_names(&self) -> Vec<String> {
        self.tag.iter().flat_map(|tag| AttackMatrix::embedded().names_of(tag)).collect()
    }

    /// Whether a rule of this level and these tags is asked for; `names` are those of [`Self::tag_names`].
    pub(crate) fn wants(&self, meta: &RuleMeta, names: &[String]) -> bool {
        self.level.is_none_or(|level| meta.effective_level().is_some_and(|own| own >= level))
            && (self.tag.is_empty() || names.iter().any(|name| has_name(meta, name)))
    }
}

/// Everything that `--tag` compares with.
fn all_tags(meta: &RuleMeta) -> impl Iterator<Item = &String> {
    meta.tags.iter().chain(&meta.tactics).chain(&meta.stories).chain(&meta.techniques)
}

/// Whether a rule has a tag of this name. `T1021` also means its sub-techniques.
fn has_name(meta: &RuleMeta, tag: &str) -> bool {
    let same = |own: &String| own.eq_ignore_ascii_case(tag);
    let technique = |own: &String| {
        own.len() >= tag.len()
            && own.is_char_boundary(tag.len())
            && own[..tag.len()].eq_ignore_ascii_case(tag)
            && matches!(own.as_bytes().get(tag.len()), None | Some(b'.'))
    };
    meta.tags.iter().any(same) || meta.tactics.iter().any(same) || meta.stories.iter().any(same) || meta.techniques.iter().any(technique)
}

/// Says which rules were left out: each with its place while they are few, else counted by what keeps them out.
pub(crate) fn report_left_out(set: &RuleSet, printer: &Printer) {
    report_left_out_of(set, set.documents.len(), printer);
}

/// The same of the messages of a set that has so many documents.
pub(crate) fn report_left_out_of(set: &RuleSet, documents: usize, printer: &Printer) {
    let errors: Vec<&Diagnostic> = set.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    if errors.len() <= SHOWN_DIAGNOSTICS {
        for diagnostic in errors {
            printer.diagnostic(diagnostic);
        }
        return;
    }
    printer.warning(&format!(
        "{} of {} do not compile and are skipped; `retrohunt check PATH` shows each fault. {KEPT_OUT}{}",
        thousands(documents.saturating_sub(set.compiled) as u64),
        counted_len(documents, "rule"),
        obstacles(&kept_out(&verdicts(set)), OBSTACLES_OF_HUNT)
    ));
}

/// Compiles the rules of files and folders that must exist.
pub(crate) fn rules_of(paths: &[PathBuf], changes: &ChangeArgs, printer: &Printer) -> anyhow::Result<RuleSet> {
    let (rules, changes, cache) = (paths.to_vec(), changes.clone(), CacheArgs::none());
    RuleArgs { rules, level: None, tag: Vec::new(), changes, cache }.load(printer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> RuleMeta {
        RuleMeta {
            techniques: vec!["T1021.002".into()],
            tactics: vec!["lateral-movement".into()],
            tags: vec!["attack.t1021.002".into()],
            stories: vec!["Over Shares".into()],
            ..RuleMeta::default()
        }
    }

    fn has_tag(meta: &RuleMeta, tag: &str) -> bool {
        AttackMatrix::embedded().names_of(tag).iter().any(|name| has_name(meta, name))
    }

    #[test]
    fn a_tag_is_a_technique_a_tactic_a_story_or_a_tag() {
        for tag in ["T1021", "t1021.002", "Lateral-Movement", "attack.t1021.002", "over shares"] {
            assert!(has_tag(&meta(), tag), "{tag}");
        }
        for tag in ["T102", "T1021.00", "T1021.003", "attack"] {
            assert!(!has_tag(&meta(), tag), "{tag}");
        }
    }
}

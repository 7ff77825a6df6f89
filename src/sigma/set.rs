//! Rules of many files together: correlations find what they refer to, filters find their rules.

mod piped;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::SigmaOptions;
use super::collection::{self, Document, ParsedRule};
use super::context::ReadContext;
use super::correlation::CorrelationDocument;
use super::filter::Filter;
use crate::diag::{Diagnostic, SourceText};
use crate::ir::{Field, Rule, Vocabulary};
use crate::yaml::{self, Node};

/// Sigma documents of any number of files.
#[derive(Debug, Clone, Default)]
pub struct SigmaSet {
    rules: Vec<ParsedRule>,
    correlations: Vec<CorrelationDocument>,
    filters: Vec<Filter>,
    /// Ids, hashes and places in their files of what was read: a copy is not read again.
    known: HashSet<(String, String, usize)>,
    /// How it was read, where pipelines change it.
    options: Option<SigmaOptions>,
}

/// What a set holds when all references are resolved.
#[derive(Debug, Clone, Default)]
pub struct LinkedSet {
    /// The rules in the order of reading, filters applied.
    pub rules: Vec<LinkedRule>,
    /// The correlations, each behind the ones it refers to.
    pub correlations: Vec<LinkedCorrelation>,
    /// Number of correlations and rules that an error keeps out.
    pub refused: usize,
    /// Number of filters that are for no rule of the set; each has a warning.
    pub idle_filters: usize,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedRule {
    /// The rule.
    pub rule: Rule,
    /// Whether its matches are results. A rule that a correlation refers to is only a part of it, unless that
    /// correlation has `generate: true`.
    pub standalone: bool,
}

/// A correlation.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedCorrelation {
    /// The correlation.
    pub correlation: CorrelationDocument,
    /// What each of its references is.
    pub inputs: Vec<LinkedInput>,
    /// As [`LinkedRule::standalone`].
    pub standalone: bool,
}

/// One reference of a correlation, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedInput {
    /// What it refers to.
    pub target: Target,
    /// The fields that group its events, aliases resolved, in the order of `group-by`.
    pub group_by: Vec<Field>,
    /// The fields that are counted or aggregated, aliases resolved.
    pub values: Vec<Field>,
}

/// A rule or a correlation of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An index into [`LinkedSet::rules`].
    Rule(usize),
    /// An index into [`LinkedSet::correlations`], of an earlier one.
    Correlation(usize),
}

impl SigmaSet {
    /// Reads the documents of a file. A document with the id and the text of an earlier one is a copy and left out.
    pub fn add(&mut self, source: &Arc<SourceText>, options: &SigmaOptions) -> Vec<Diagnostic> {
        match yaml::parse(source) {
            Ok(documents) => self.add_documents(source, &documents, options),
            Err(diagnostic) => vec![diagnostic],
        }
    }

    /// As [`SigmaSet::add`], for a text that is parsed already.
    pub fn add_documents(&mut self, source: &Arc<SourceText>, documents: &[Node], options: &SigmaOptions) -> Vec<Diagnostic> {
        if self.options.is_none() && !options.pipelines.is_empty() {
            // Rules are read again for each filter; only the first reading validates them, or each remark would come twice.
            self.options = Some(SigmaOptions { validate: false, ..options.clone() });
        }
        let mut context = ReadContext::new(source, options);
        for (place, document) in collection::read(&mut context, documents).into_iter().enumerate() {
            let meta = document.meta();
            // The place too: one file may hold several documents with one id.
            if !self.known.insert((meta.id.clone(), meta.hash.clone(), place)) {
                continue;
            }
            match document {
                Document::Rule(rule) => self.rules.push(*rule),
                Document::Correlation(correlation) => self.correlations.push(*correlation),
                Document::Filter(filter) => self.filters.push(*filter),
            }
        }
        context.into_diagnostics()
    }

    /// Number of rules, correlations and filters so far.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.rules.len(), self.correlations.len(), self.filters.len())
    }

    /// Resolves references and applies filters. Correlations with an error are left out.
    pub fn link(self) -> (LinkedSet, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let Self { mut rules, correlations, filters, options, .. } = self;
        let idle_filters = match &options {
            None => apply_filters(&mut rules, &filters, &mut diagnostics),
            Some(options) => piped::apply_filters(&mut rules, &filters, options, &mut diagnostics),
        };
        let mut nodes: Vec<Pending> = correlations.into_iter().map(|c| Pending { correlation: c, own: None, targets: None }).collect();
        for (index, rule) in rules.iter_mut().enumerate() {
            if let Some(mut correlation) = rule.aggregation.take().filter(|_| !rule.refused) {
                // A filter may have changed the rule.
                correlation.meta.hash.clone_from(&rule.rule.meta.hash);
                nodes.push(Pending { correlation, own: Some(index), targets: None });
            }
        }
        let names = TargetsByName::new(&rules, &nodes);
        for node in &mut nodes {
            node.targets = node.resolve(&names, &mut diagnostics);
        }
        let mut order = order(&nodes, &mut diagnostics);
        if let Some(options) = &options {
            piped::correlations(&mut nodes, &mut order, &rules, options, &mut diagnostics);
        }
        let mut set = LinkedSet { idle_filters, ..LinkedSet::default() };
        let places: BTreeMap<usize, usize> = order.iter().enumerate().map(|(place, node)| (*node, place)).collect();
        let hidden = hidden(&nodes);
        set.correlations =
            order.iter().filter_map(|index| nodes[*index].link(&places, !hidden.contains(&Target::Correlation(*index)))).collect();
        set.refused = nodes.len() - set.correlations.len() + rules.iter().filter(|rule| rule.refused).count();
        let standalone = |index: usize| !hidden.contains(&Target::Rule(index));
        set.rules = rules
            .into_iter()
            .enumerate()
            .map(|(i, parsed)| LinkedRule { standalone: standalone(i) && !parsed.refused, rule: parsed.rule })
            .collect();
        (set, diagnostics)
    }
}

fn apply_filters(rules: &mut [ParsedRule], filters: &[Filter], diagnostics: &mut Vec<Diagnostic>) -> usize {
    let mut idle = 0;
    for filter in filters {
        let mut used = false;
        for parsed in rules.iter_mut().filter(|parsed| filter.applies_to(&parsed.rule, parsed.name.as_deref())) {
            filter.apply(&mut parsed.rule);
            used = true;
        }
        if !used {
            idle += 1;
            diagnostics.push(idle_filter(filter));
        }
    }
    idle
}

fn idle_filter(filter: &Filter) -> Diagnostic {
    let message = format!("the filter `{}` matches none of the rules given", filter.meta.title);
    let hint = "a filter names rules by id, name or title, and its log source must fit theirs";
    Diagnostic::warning("sigma-filter-idle", message).at(&filter.source, filter.span.clone()).hint(hint)
}

/// A correlation on its way; its targets are indices before ordering.
struct Pending {
    correlation: CorrelationDocument,
    /// The rule that it aggregates, of a legacy aggregation.
    own: Option<usize>,
    targets: Option<Vec<Target>>,
}

impl Pending {
    fn resolve(&self, names: &TargetsByName, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<Target>> {
        if let Some(own) = self.own {
            return Some(vec![Target::Rule(own)]);
        }
        let mut targets = Vec::new();
        for reference in &self.correlation.rules {
            let fault = match names.find(&reference.name) {
                [target] => {
                    targets.push(*target);
                    continue;
                }
                [] => Diagnostic::error("sigma-correlation-reference", format!("no rule that compiles has the name `{}`", reference.name)),
                _ => Diagnostic::error("sigma-correlation-reference", format!("several rules have the name `{}`", reference.name)),
            };
            let near = if names.find(&reference.name).is_empty() { crate::suggest::nearest(&reference.name, names.names()) } else { None };
            let fault = near.map_or(fault.clone(), |near| fault.hint(format!("did you mean `{near}`?")));
            diagnostics.push(fault.at(&self.correlation.source, reference.span.clone()));
        }
        (targets.len() == self.correlation.rules.len()).then_some(targets)
    }

    fn link(&self, places: &BTreeMap<usize, usize>, standalone: bool) -> Option<LinkedCorrelation> {
        let targets = self.targets.as_ref()?;
        let values = self.correlation.kind.values();
        let mut inputs = Vec::with_capacity(targets.len());
        for (index, target) in targets.iter().enumerate() {
            let target = match target {
                Target::Rule(rule) => Target::Rule(*rule),
                Target::Correlation(node) => Target::Correlation(*places.get(node)?),
            };
            let fields = |names: &[String]| names.iter().map(|name| self.field(index, name)).collect();
            inputs.push(LinkedInput { target, group_by: fields(&self.correlation.group_by), values: fields(values) });
        }
        Some(LinkedCorrelation { correlation: self.correlation.clone(), inputs, standalone })
    }

    /// The field of a rule that a name stands for.
    fn field(&self, rule: usize, name: &str) -> Field {
        let alias = self.correlation.aliases.iter().find(|alias| alias.name == name);
        let own = alias.and_then(|alias| alias.fields.iter().find(|(index, _)| *index == rule));
        let name = own.map_or(name, |(_, field)| field.as_str());
        Field { name: name.to_string(), vocabulary: Vocabulary::Sigma }
    }
}

/// What is only a part of a correlation.
fn hidden(nodes: &[Pending]) -> BTreeSet<Target> {
    let mut hidden = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for node in nodes {
        let targets = node.targets.iter().flatten().copied();
        if node.correlation.generate { shown.extend(targets) } else { hidden.extend(targets) }
    }
    // A rule with an aggregation is never row-wise.
    let own: Vec<Target> = nodes.iter().filter_map(|node| node.own.map(Target::Rule)).collect();
    hidden.retain(|target| !shown.contains(target) || own.contains(target));
    hidden
}

/// Every correlation behind the ones it refers to (Kahn's algorithm); the ones in or behind a cycle are reported.
fn order(nodes: &[Pending], diagnostics: &mut Vec<Diagnostic>) -> Vec<usize> {
    let needs = |node: &Pending| -> Vec<usize> {
        let targets = node.targets.iter().flatten();
        targets.filter_map(|target| if let Target::Correlation(index) = target { Some(*index) } else { None }).collect()
    };
    let mut waits: Vec<usize> = nodes.iter().map(|node| needs(node).len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        needs(node).into_iter().for_each(|needed| users[needed].push(index));
    }
    // In the order of reading, so that the same files give the same list.
    let mut order: Vec<usize> = (0..nodes.len()).filter(|index| waits[*index] == 0 && nodes[*index].targets.is_some()).collect();
    let mut next = 0;
    while next < order.len() {
        for user in &users[order[next]] {
            waits[*user] -= 1;
            if waits[*user] == 0 && nodes[*user].targets.is_some() {
                order.push(*user);
            }
        }
        next += 1;
    }
    let usable: BTreeSet<usize> = order.iter().copied().collect();
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.targets.is_some()) {
        if !usable.contains(&index) {
            let span = node.correlation.rules.first().map_or(0..0, |reference| reference.span.clone());
            let message = "the correlation refers to itself through others, or to one that does not compile";
            diagnostics.push(Diagnostic::error("sigma-correlation-cycle", message).at(&node.correlation.source, span));
        }
    }
    order
}

/// Rules and correlations by their names and ids.
struct TargetsByName(BTreeMap<String, Vec<Target>>);

impl TargetsByName {
    fn new(rules: &[ParsedRule], nodes: &[Pending]) -> Self {
        let mut names = Self(BTreeMap::new());
        let aggregated: HashMap<usize, usize> = nodes.iter().enumerate().filter_map(|(i, node)| Some((node.own?, i))).collect();
        for (index, parsed) in rules.iter().enumerate().filter(|(_, parsed)| !parsed.refused) {
            let target = aggregated.get(&index).map_or(Target::Rule(index), |node| Target::Correlation(*node));
            names.add(parsed.rule.meta.id.to_lowercase(), target);
            names.add_name(parsed.name.as_deref(), target);
        }
        for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.own.is_none()) {
            names.add(node.correlation.meta.id.to_lowercase(), Target::Correlation(index));
            names.add_name(node.correlation.name.as_deref(), Target::Correlation(index));
        }
        names
    }

    fn add(&mut self, name: String, target: Target) {
        let targets = self.0.entry(name).or_default();
        if !targets.contains(&target) {
            targets.push(target);
        }
    }

    fn add_name(&mut self, name: Option<&str>, target: Target) {
        if let Some(name) = name {
            self.add(name.to_string(), target);
        }
    }

    /// An exact name, else an id in any case.
    fn find(&self, name: &str) -> &[Target] {
        // The exact name first: a name may be spelled like another rule's id in another case.
        let found = self.0.get(name).or_else(|| self.0.get(&name.to_lowercase()));
        found.map_or(&[], Vec::as_slice)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

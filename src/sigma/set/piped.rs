//! Pipelines where they concern several documents: filters go through them with each of their rules, and correlations
//! when the log sources of their rules are known.

use super::super::collection::{ParsedRule, Unread};
use super::super::context::ReadContext;
use super::super::correlation::CorrelationDocument;
use super::super::filter::Filter;
use super::super::pipeline::{self, Draft, Grouping};
use super::super::{SigmaOptions, rule};
use super::{Pending, Target, idle_filter};
use crate::diag::{Diagnostic, Severity};
use crate::ir::Scope;
use crate::yaml::Node;

/// Reads every rule that filters are for again, together with them. A filter finds its rules by what they were before
/// the pipelines. Returns how many filters are for none.
pub(super) fn apply_filters(
    rules: &mut [ParsedRule],
    filters: &[Filter],
    options: &SigmaOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> usize {
    let mut used = vec![false; filters.len()];
    for parsed in rules {
        // By the log source of the document: a pipeline may give the rule one that no filter names.
        let is_for = |filter: &Filter| filter.is_for(&parsed.rule, parsed.name.as_deref(), &parsed.logsource);
        let own: Vec<usize> = (0..filters.len()).filter(|index| is_for(&filters[*index])).collect();
        own.iter().for_each(|index| used[*index] = true);
        if !own.is_empty() {
            let own: Vec<&Filter> = own.iter().map(|index| &filters[*index]).collect();
            reread(parsed, &own, options, diagnostics);
        }
    }
    let idle = filters.iter().zip(&used).filter(|(_, used)| !**used);
    diagnostics.extend(idle.map(|(filter, _)| idle_filter(filter)));
    used.iter().filter(|used| !**used).count()
}

fn reread(parsed: &mut ParsedRule, filters: &[&Filter], options: &SigmaOptions, diagnostics: &mut Vec<Diagnostic>) {
    let Some(Unread { source, document }) = &parsed.unread else { return };
    let at = document.entry("detection").map_or_else(|| rule::head(document), |(key, _)| key.span.clone());
    let nodes: Vec<Node> = filters.iter().filter_map(|filter| filter.node.as_ref()).map(|node| pipeline::moved(node, &at, None)).collect();
    let mut context = ReadContext::new(source, options);
    let hash = rule::hash(&source.text);
    let read = rule::read(&mut context, document, &hash, &nodes.iter().collect::<Vec<_>>());
    // Warnings were given when it was read the first time.
    diagnostics.extend(context.into_diagnostics().into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error));
    let Some(read) = read else {
        parsed.refused = true;
        return;
    };
    let id = std::mem::take(&mut parsed.rule.meta.id);
    parsed.rule = read.rule;
    parsed.rule.meta.id = id;
    for filter in filters {
        parsed.rule.meta.hash = rule::joined_hash(&parsed.rule.meta.hash, &filter.meta.hash);
    }
}

/// Runs the pipelines over correlations, in their order, so that those of correlations know their log sources too. What
/// they refuse, and what refers to it, leaves the order.
pub(super) fn correlations(
    nodes: &mut [Pending],
    order: &mut Vec<usize>,
    rules: &[ParsedRule],
    options: &SigmaOptions,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut scopes: Vec<Vec<Scope>> = vec![Vec::new(); nodes.len()];
    // In their order: the log sources of a correlation are those of what it refers to.
    order.retain(|index| {
        let targets: Vec<Target> = nodes[*index].targets.iter().flatten().copied().collect();
        let refused = targets.iter().position(|target| matches!(target, Target::Correlation(earlier) if nodes[*earlier].targets.is_none()));
        let of = |target: &Target| match target {
            Target::Rule(rule) => rules[*rule].rule.query.scope().cloned().into_iter().collect(),
            Target::Correlation(earlier) => scopes[*earlier].clone(),
        };
        scopes[*index] = targets.iter().flat_map(of).collect();
        let correlation = &mut nodes[*index].correlation;
        let sound = match refused.and_then(|place| correlation.rules.get(place)) {
            Some(reference) => {
                let message = format!("the pipelines refuse `{}`", reference.name);
                let span = reference.span.clone();
                diagnostics.push(Diagnostic::error("sigma-correlation-reference", message).at(&correlation.source, span));
                false
            }
            None => run(correlation, &scopes[*index], options, diagnostics),
        };
        if !sound {
            nodes[*index].targets = None;
        }
        sound
    });
}

/// Runs the pipelines over one correlation; false after an error.
fn run(correlation: &mut CorrelationDocument, scopes: &[Scope], options: &SigmaOptions, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let Some(document) = correlation.document.clone() else { return true };
    let grouping =
        Grouping { aliases: correlation.aliases.clone(), group_by: correlation.group_by.clone(), kind: correlation.kind.clone() };
    let head = document.entry("correlation").map_or_else(|| rule::head(&document), |(key, _)| key.span.clone());
    let mut draft = Draft::correlation(&document, head, scopes.to_vec(), grouping);
    draft.output_fields.clone_from(&correlation.meta.required_fields);
    let source = correlation.source.clone();
    let mut context = ReadContext::new(&source, options);
    context.start_rule();
    pipeline::run(&mut context, &mut draft);
    correlation.meta.hash = rule::traced_hash(&context, &correlation.meta.hash);
    correlation.meta.required_fields = draft.output_fields;
    if let Some(Grouping { aliases, group_by, kind }) = draft.grouping {
        (correlation.aliases, correlation.group_by, correlation.kind) = (aliases, group_by, kind);
    }
    let sound = context.errors() == 0;
    diagnostics.extend(context.into_diagnostics());
    sound
}

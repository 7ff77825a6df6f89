//! Linked correlations as the intermediate representation has them.

use super::rule;
use super::set::{LinkedSet, Target};
use crate::ir::{Correlation, Input, InputSource};

impl LinkedSet {
    /// The correlations, each behind the ones it refers to. A correlation's hash covers whatever it is made of.
    pub fn lower(&self) -> Vec<Correlation> {
        let mut lowered: Vec<Correlation> = Vec::with_capacity(self.correlations.len());
        for linked in &self.correlations {
            let own = &linked.correlation;
            let mut meta = own.meta.clone();
            let inputs = linked.inputs.iter().zip(&own.rules).map(|(input, reference)| {
                let (source, hash) = match input.target {
                    Target::Rule(rule) => {
                        let rule = &self.rules[rule].rule;
                        (InputSource::Query(rule.query.clone()), rule.meta.hash.as_str())
                    }
                    Target::Correlation(earlier) => (InputSource::Correlation(earlier), lowered[earlier].meta.hash.as_str()),
                };
                if hash != meta.hash {
                    meta.hash = rule::joined_hash(&meta.hash, hash);
                }
                Input { name: reference.name.clone(), source, group_by: input.group_by.clone(), values: input.values.clone() }
            });
            let inputs = inputs.collect();
            lowered.push(Correlation {
                meta,
                inputs,
                group_by: own.group_by.clone(),
                kind: own.kind.clone(),
                window_us: own.timespan_us,
                condition: own.condition.clone(),
                reports: linked.standalone,
                origin: own.origin.clone(),
            });
        }
        lowered
    }
}

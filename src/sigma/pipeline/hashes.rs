//! `hashes_fields`: `Hashes: SHA1=…` as fields of their own.
//!
//! A value with an algorithm that is not wanted is left out with a warning; the item itself must keep one. What `all` and
//! `neq` say of the values stays true of the new items together.

use super::super::context::ReadContext;
use super::super::item::{Detection, Item, ItemValue};
use super::super::modifier::Modifiers;
use super::super::text::Text;
use super::condition::texts;
use super::parameters::Parameters;
use super::run::Run;

/// Algorithms by the length of their digests in hex.
const LENGTHS: [(usize, &str); 4] = [(32, "MD5"), (40, "SHA1"), (64, "SHA256"), (128, "SHA512")];
/// The fields that it is for where no condition says so.
const FIELDS: [&str; 2] = ["Hashes", "Hash"];

/// How hashes become fields.
#[derive(Debug, Clone)]
pub(super) struct Hashes {
    algorithms: Vec<String>,
    prefix: String,
    drop_algorithm: bool,
}

impl Hashes {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let (algorithms, prefix) = (p.texts("valid_hash_algos"), p.optional_text("field_prefix"));
        let drop_algorithm = p.flag("drop_algo_prefix");
        let algorithms: Vec<String> = algorithms?.iter().map(|name| name.to_uppercase()).collect();
        let hashes = Self { algorithms, prefix: prefix?.unwrap_or_default(), drop_algorithm: drop_algorithm? };
        if hashes.drop_algorithm && hashes.prefix.is_empty() {
            return p.fail(&p.head.clone(), "without `field_prefix` and the name of the algorithm the fields have no name");
        }
        Some(hashes)
    }

    /// What an item becomes; `None` where it stays as it is.
    pub(super) fn apply<'n>(&self, run: &Run<'_>, context: &mut ReadContext<'_>, item: &Item<'n>) -> Option<Detection<'n>> {
        let named = item.key.field.as_deref().is_some_and(|field| FIELDS.contains(&field));
        if !named && run.item.field.is_empty() {
            return None;
        }
        let mut fields: Vec<(String, Vec<ItemValue<'n>>)> = Vec::new();
        for value in &item.values {
            for text in texts(item, value)? {
                let text = text.to_string();
                match self.field(&text) {
                    Some((field, digest)) => {
                        let value = ItemValue::Finished(vec![Text::parse(&digest)], value.span().clone());
                        match fields.iter_mut().find(|(known, _)| *known == field) {
                            Some((_, values)) => values.push(value),
                            None => fields.push((field, vec![value])),
                        }
                    }
                    None => {
                        let message = format!("skipped `{text}`: it has none of the hashes {}", self.algorithms.join(", "));
                        context.warn(value.span(), "sigma-pipeline-hash", message);
                    }
                }
            }
        }
        if fields.is_empty() {
            let message = format!("the item has none of the hashes {} of the pipeline at {}", self.algorithms.join(", "), run.item.place);
            context.error(&item.span, "sigma-pipeline-hashes", message);
            return None;
        }
        let (all, neq) = (item.key.modifiers.all, item.key.modifiers.neq);
        let parts = fields.into_iter().map(|(field, values)| {
            let mut part = item.clone();
            part.key.field = Some(field);
            part.key.modifiers = Modifiers { all, neq, ..Modifiers::default() };
            part.values = values;
            Detection::Item(Box::new(part))
        });
        Some(item.joined(parts.collect()))
    }

    /// The field of a value, and its digest.
    fn field(&self, text: &str) -> Option<(String, String)> {
        let (algorithm, digest) = match text.split_once(['|', '=']) {
            Some((algorithm, digest)) => (algorithm.trim_start_matches('*').to_uppercase(), digest),
            None => {
                let length = text.trim_matches('*').len();
                let found = LENGTHS.iter().find(|(known, _)| *known == length)?;
                (found.1.to_string(), text)
            }
        };
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        let name = if self.drop_algorithm { self.prefix.clone() } else { format!("{}{algorithm}", self.prefix) };
        Some((name, digest.to_string()))
    }
}

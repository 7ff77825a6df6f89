//! An event that was found, as it is shown.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use super::excerpt::excerpt;
use super::terms::{Mask, Terms};
use super::{MESSAGE, SearchOptions, is_wanted};
use crate::catalog::{Catalog, EventId};
use crate::store::{Store, StoreError};

/// An event that has all terms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchHit {
    /// The event.
    pub id: EventId,
    /// Its time (µs UTC).
    pub time_us: Option<i64>,
    /// Its host.
    pub host: Option<Arc<str>>,
    /// Its channel or data set.
    pub channel: String,
    /// Its event id; empty where it has none.
    pub code: String,
    /// The field that holds the terms, or most of them.
    pub field: String,
    /// Its value, cut around the hit; terms that only other fields hold follow as ` · Field: value`.
    pub value: String,
    /// Other fields that hold a term.
    pub also_in: Vec<String>,
    /// The record number, else the line or ordinal in its source.
    pub record: i64,
    /// The path of its source.
    pub path: Arc<str>,
    /// The view that has all its fields.
    pub view: String,
}

/// A field that holds terms.
struct HitField<'e> {
    name: &'e str,
    mask: Mask,
    /// Its value; of a list the members with a term.
    text: Cow<'e, str>,
}

/// Reads an event and says where its terms are.
pub(super) fn of(store: &Store, catalog: &Catalog, terms: &Terms, options: &SearchOptions, id: EventId) -> Result<SearchHit, StoreError> {
    let event = store.event(id)?;
    let kind = catalog.event_type(event.envelope.event_type);
    let kind = kind.ok_or_else(|| StoreError::Damaged(format!("event {} has an unknown type", id.0)))?;
    let values =
        kind.columns.iter().zip(&event.columns).filter_map(|(column, value)| Some((column.field.as_str(), value.as_ref()?.members())));
    // The message last: it repeats the fields, and a field says more.
    let message = event.message.as_ref().map(|text| (MESSAGE, std::slice::from_ref(text)));
    let mut memory = String::new();
    let wanted = values.chain(message).filter(|(name, _)| is_wanted(name, options));
    let fields: Vec<HitField<'_>> = wanted.filter_map(|(name, members)| hit_field(name, members, terms, &mut memory)).collect();
    let (shown, others) = cover(fields);
    let mut value = String::new();
    for (place, field) in shown.iter().enumerate() {
        if place > 0 {
            value.push_str(&format!(" · {}: ", field.name));
        }
        value.push_str(&excerpt(&field.text, &terms.places(&field.text)));
    }
    let envelope = event.envelope;
    Ok(SearchHit {
        id,
        time_us: envelope.time_us,
        host: envelope.host,
        channel: kind.dataset.clone(),
        code: kind.code.clone(),
        field: shown.first().map(|field| field.name.to_owned()).unwrap_or_default(),
        value,
        also_in: others.iter().map(|field| field.name.to_owned()).collect(),
        record: envelope.record.unwrap_or(envelope.position),
        path: envelope.path,
        view: kind.view.clone(),
    })
}

/// A field with the members that hold a term; none where none does.
fn hit_field<'e>(name: &'e str, members: &'e [String], terms: &Terms, memory: &mut String) -> Option<HitField<'e>> {
    let mut mask = 0;
    let mut found: Vec<&str> = Vec::new();
    for member in members {
        let own = terms.mask(member, memory);
        if own != 0 {
            mask |= own;
            found.push(member);
        }
    }
    let text = match found.as_slice() {
        [] => return None,
        [one] => Cow::Borrowed(*one),
        many => Cow::Owned(many.join(", ")),
    };
    Some(HitField { name, mask, text })
}

/// The fields that hold all terms together, the one with the most first, and the others.
fn cover(mut fields: Vec<HitField<'_>>) -> (Vec<HitField<'_>>, Vec<HitField<'_>>) {
    let (mut shown, mut has) = (Vec::new(), 0);
    loop {
        let gain = |field: &HitField<'_>| (field.mask & !has).count_ones();
        let best = (0..fields.len())
            .filter(|at| gain(&fields[*at]) > 0)
            .max_by_key(|at| (fields[*at].name != MESSAGE, gain(&fields[*at]), Reverse(*at)));
        let Some(best) = best else { return (shown, fields) };
        has |= fields[best].mask;
        shown.push(fields.remove(best));
    }
}

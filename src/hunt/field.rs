//! Values of fields in an event that was fetched whole.

use crate::plan::{FieldExpr, FieldFunction, is_filled};
use crate::store::StoredEvent;

/// The values of a field, none where it is missing.
pub(super) fn field_values(expr: &FieldExpr, event: &StoredEvent) -> Vec<String> {
    match expr {
        FieldExpr::Missing => Vec::new(),
        FieldExpr::Constant(text) => vec![text.clone()],
        FieldExpr::Column(index) => {
            event.columns.get(index.0 as usize).and_then(Option::as_ref).map(|v| v.members().to_vec()).unwrap_or_default()
        }
        FieldExpr::Time => event.envelope.time_us.map(seconds).into_iter().collect(),
        FieldExpr::Host => event.envelope.host.clone().into_iter().collect(),
        FieldExpr::Record => event.envelope.record.map(|r| r.to_string()).into_iter().collect(),
        FieldExpr::Message => event.message.clone().into_iter().collect(),
        FieldExpr::Apply(FieldFunction::FirstMember, inner) => field_values(inner, event).into_iter().next().into_iter().collect(),
        FieldExpr::Apply(FieldFunction::LastMember, inner) => field_values(inner, event).pop().into_iter().collect(),
        FieldExpr::Apply(function, inner) => {
            field_values(inner, event).iter().filter_map(|value| function.apply(value).map(std::borrow::Cow::into_owned)).collect()
        }
        FieldExpr::Coalesce(parts) => {
            parts.iter().map(|part| field_values(part, event)).find(|values| values.iter().any(|v| is_filled(v))).unwrap_or_default()
        }
    }
}

/// Every value of an event that a keyword can meet: its fields and its rendered text.
pub(super) fn all_values(event: &StoredEvent) -> impl Iterator<Item = &str> {
    event.columns.iter().flatten().flat_map(|value| value.members().iter().map(String::as_str)).chain(event.message.as_deref())
}

/// Seconds since 1970 in decimal, to the microsecond, without trailing zeros.
fn seconds(time_us: i64) -> String {
    let (sign, us) = (if time_us < 0 { "-" } else { "" }, time_us.unsigned_abs());
    let text = format!("{sign}{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

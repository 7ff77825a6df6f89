//! The value of a field in one event: what a planned [`FieldExpr`] means, defined once for every way an event is at hand.

use std::borrow::Cow;
use std::sync::Arc;

use crate::catalog::ColumnIndex;
use crate::exec::Cell;
use crate::plan::{FieldExpr, FieldFunction, is_filled};
use crate::store::{StoreError, StoredEvent, StoredValue};

/// An event at hand: read whole, or as the cells that a scan has before it.
pub(super) trait EventFields {
    /// The value of a column.
    fn column(&self, column: ColumnIndex) -> Result<Cell, StoreError>;
    /// Its time in µs UTC.
    fn time_us(&self) -> Result<Option<i64>, StoreError>;
    /// Its host.
    fn host(&self) -> Result<Cell, StoreError>;
    /// Its record number.
    fn record(&self) -> Result<Option<i64>, StoreError>;
    /// Its rendered text.
    fn message(&self) -> Result<Cell, StoreError>;
}

/// The value of a field; null where it is missing. A time is a number of seconds since 1970.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn field_cell(expr: &FieldExpr, event: &dyn EventFields) -> Result<Cell, StoreError> {
    Ok(match expr {
        FieldExpr::Missing => Cell::Null,
        FieldExpr::Constant(text) => Cell::text_of(text.as_str()),
        FieldExpr::Column(index) => event.column(*index)?,
        FieldExpr::Time => seconds(event.time_us()?),
        FieldExpr::Host => event.host()?,
        FieldExpr::Record => event.record()?.map_or(Cell::Null, |record| Cell::text_of(record.to_string())),
        FieldExpr::Message => event.message()?,
        FieldExpr::Apply(FieldFunction::FirstMember, inner) => end(field_cell(inner, event)?, |members| members.first()),
        FieldExpr::Apply(FieldFunction::LastMember, inner) => end(field_cell(inner, event)?, |members| members.last()),
        FieldExpr::Apply(function, inner) => applied(function, field_cell(inner, event)?),
        FieldExpr::Coalesce(parts) => {
            for part in parts {
                let found = field_cell(part, event)?;
                // The first field that has a value that is not blank: logs write empty members for fields that they do not know.
                if found.any_member(is_filled) {
                    return Ok(found);
                }
            }
            Cell::Null
        }
        FieldExpr::Default(inner, text) => {
            let found = field_cell(inner, event)?;
            if found.any_member(|member| !member.is_empty()) { found } else { Cell::text_of(text.as_str()) }
        }
    })
}

fn end(cell: Cell, pick: impl Fn(&[Arc<str>]) -> Option<&Arc<str>>) -> Cell {
    match &cell {
        Cell::List(members) => pick(members).map_or(Cell::Null, |member| Cell::Text(member.clone())),
        _ => cell,
    }
}

/// A function of the field maps, member by member.
fn applied(function: &FieldFunction, cell: Cell) -> Cell {
    if let Cell::Text(text) = &cell {
        return match function.apply(text) {
            None => Cell::Null,
            // Most functions leave most values alone: then the text is shared.
            Some(Cow::Borrowed(same)) if same.len() == text.len() => cell,
            Some(made) => Cell::text_of(made),
        };
    }
    let mut members = Vec::new();
    cell.each_member(|member| members.extend(function.apply(member).map(Arc::from)));
    Cell::list_of(members)
}

/// A time as a number of seconds since 1970, to the microsecond; null where there is none.
#[allow(clippy::cast_precision_loss, reason = "a double holds the microseconds of our times")]
pub(super) fn seconds(time_us: Option<i64>) -> Cell {
    time_us.map_or(Cell::Null, |us| Cell::number_of(us as f64 / 1e6))
}

impl EventFields for StoredEvent {
    fn column(&self, column: ColumnIndex) -> Result<Cell, StoreError> {
        Ok(self.columns.get(column.0 as usize).and_then(Option::as_ref).map_or(Cell::Null, cell_of))
    }

    fn time_us(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.envelope.time_us)
    }

    fn host(&self) -> Result<Cell, StoreError> {
        Ok(self.envelope.host.as_deref().map_or(Cell::Null, Cell::text_of))
    }

    fn record(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.envelope.record)
    }

    fn message(&self) -> Result<Cell, StoreError> {
        Ok(self.message.as_deref().map_or(Cell::Null, Cell::text_of))
    }
}

/// A value of the dictionary as a cell.
pub(super) fn cell_of(value: &StoredValue) -> Cell {
    match value {
        StoredValue::Text(text) => Cell::text_of(text.as_str()),
        StoredValue::List(members) => Cell::list_of(members.iter().map(|member| Arc::from(member.as_str())).collect()),
    }
}

/// The values of a field in an event that was read whole, none where it is missing.
pub(super) fn field_values(expr: &FieldExpr, event: &StoredEvent) -> Vec<String> {
    let cell = field_cell(expr, event).expect("an event that was read whole is asked nothing of the store");
    cell.members().iter().map(|member| member.as_ref().to_owned()).collect()
}

/// Every value of an event that a keyword can meet: its fields and its rendered text.
pub(super) fn all_values(event: &StoredEvent) -> impl Iterator<Item = &str> {
    event.columns.iter().flatten().flat_map(|value| value.members().iter().map(String::as_str)).chain(event.message.as_deref())
}

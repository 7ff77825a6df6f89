//! Cells as they lie in the tables; what they mean is the column's [`crate::catalog::Encoding`].

use crate::catalog::ValueId;

/// A raw cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawCell<'a> {
    /// The event lacks the field.
    Null,
    /// INTEGER.
    Int(i64),
    /// REAL: a dictionary id in a column that is not [`crate::catalog::Encoding::Dictionary`].
    Value(ValueId),
    /// TEXT.
    Text(&'a str),
}

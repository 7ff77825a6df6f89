//! Passes from IR to IR: a rule's names become columns of the store's event types.
//!
//! [`plan`] takes a query and a catalog and returns one branch per event type that can answer it: scope and
//! constants are folded, so a type that cannot match is not there. A plan knows no Sigma, no SPL and no SQL.

mod function;

use std::collections::BTreeMap;

use crate::catalog::{ColumnIndex, TypeId};
use crate::diag::Diagnostic;
use crate::ir::{Pred, Stage};

/// A query resolved against a catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One per event type that can answer, ordered by type id.
    pub branches: Vec<Branch>,
    /// The stages, unchanged but for conditions that were pushed into the branches.
    pub stages: Vec<Stage>,
    /// Fields that the rule asks for and that no scoped event type has, in the rule's spelling, sorted.
    pub missing: Vec<String>,
    /// What the planner has to say about the query as a whole, e.g. that nobody knows its log source.
    pub notes: Vec<Diagnostic>,
}

/// The part of a query that one event type answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The type.
    pub event_type: TypeId,
    /// The condition on one event, its fields resolved; simplified: no field in it is [`FieldExpr::Missing`] or
    /// [`FieldExpr::Constant`], and it is not [`Pred::False`].
    pub filter: Pred<FieldExpr>,
    /// Every event field that stages, risk message and risk objects read: the rule's spelling → where it is.
    pub fields: BTreeMap<String, FieldExpr>,
}

/// Where the value of a field comes from in one event type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldExpr {
    /// The type has no such field.
    Missing,
    /// The same for every event of the type (channel, event id, product).
    Constant(String),
    /// A column.
    Column(ColumnIndex),
    /// The event's time, as seconds since 1970 in decimal.
    Time,
    /// The event's host.
    Host,
    /// The event's record number.
    Record,
    /// The event's rendered text.
    Message,
    /// A function of another field's value, member by member for lists; missing where its argument is.
    Apply(FieldFunction, Box<FieldExpr>),
    /// The first that is present and neither empty nor `-`.
    Coalesce(Vec<FieldExpr>),
}

/// Functions of field maps. Each maps text to text, or to missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldFunction {
    /// Text after the last `\` or `/`.
    BaseName,
    /// Text after the last `\`.
    WithoutDomain,
    /// Simple lower case (see [`crate::event::fold_char`]).
    Lower,
    /// The `K=` part of `MD5=…,SHA256=…`; missing where it is not there.
    Hash(String),
    /// Registry data: `DWORD (0x00000001)` → `0x00000001`; anything else stays.
    RegistryData,
    /// An IPv4-mapped address without its `::ffff:`.
    WithoutMappedPrefix,
    /// `0x1f4` → `500`; anything else stays.
    HexToDecimal,
    /// The last member of a list; a single value is itself.
    LastMember,
    /// The first member of a list; a single value is itself.
    FirstMember,
    /// Replaces whole values by others, without case: (from, to); anything else stays.
    Translate(Vec<(String, String)>),
    /// Replaces whole values by others, without case: (from, to); anything else becomes the last text.
    TranslateElse(Vec<(String, String)>, String),
    /// Text before the last `\`; missing where there is none.
    Parent,
    /// Text before the first `\`; all of it where there is none.
    Root,
    /// Registry data → its type: `DWORD (…)` → `REG_DWORD`, `QWORD (…)` → `REG_QWORD`, `Binary Data` → `REG_BINARY`,
    /// anything else → `REG_SZ`.
    RegistryType,
}

//! The intermediate representation: what a detection asks, free of Sigma, of Splunk, of SQL and of any store.
//!
//! A front end lowers a rule to a [`Rule`]: its metadata and a [`Query`]. A query is a source (which rows the rule speaks
//! of: events of a scope, findings, a table), one boolean filter over the fields of such a row, and stages that work on
//! rows. A query without stages is row-wise: each event it matches is a result. Stages that combine rows hold further
//! queries, so that a query is a tree. A [`Correlation`] relates the matches of several queries
//! in time.
//!
//! Truth is two-valued everywhere: a test on a missing field is false, and NOT of it true.
//! A test on a multivalue field is true when any of its members passes it.

mod aggregate;
mod correlation;
mod counted;
mod glob;
mod meta;
mod origin;
mod pred;
mod print;
mod print_correlation;
mod print_stage;
mod query;
mod scalar;
mod stage;
mod table_rows;
mod test;
mod tokens;
mod walk;
mod window;

pub use aggregate::{AggregateFunction, Percent};
pub use correlation::{Correlation, CorrelationKind, Input, InputSource, RuleExpression, ValueAggregate, WindowCondition};
pub use glob::{Glob, Part};
pub use meta::{Language, Level, Risk, RiskObject, RuleMeta, technique_id};
pub use origin::{Mention, MentionKind, RuleOrigin};
pub use pred::{Case, Cidr, DatePart, Field, FieldCompare, Match, NumberOp, Pred, Test, Vocabulary, parse_address};
pub use print::{print_pred, print_query, print_scalar};
pub use print_correlation::print_correlation;
pub use print_stage::print_stage;
pub use query::{Aggregate, Query, Rename, Rule, SORT_LIMIT, Scope, SortBy, SortKey, Source, Stage, Stats};
pub use scalar::{BinaryOp, Function, Gives, Scalar};
pub use stage::{
    AddTotals, Chart, Conversion, Convert, ConvertItem, Dedup, Edit, Extract, ForEach, Frequent, HeadWhile, Join, ListSplit, Lookup,
    MakeList, Map, PairMarks, Replace, StreamStats, Subsearch, Substitute, Table, TableMatch, TextForm, TotalsRow, Transaction, Unpack,
};
pub use test::parse_number;
pub use tokens::{fill_tokens, tokens};
pub use window::WindowClass;

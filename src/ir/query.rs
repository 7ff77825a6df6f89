//! A detection as a query: source, filter, stages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AddTotals, AggregateFunction, Chart, Convert, Dedup, Extract, Field, ForEach, Frequent, HeadWhile, Join, Lookup, MakeList, Map, Pred,
    Replace, RuleMeta, RuleOrigin, Scalar, StreamStats, Substitute, Table, Transaction, Unpack,
};

/// A detection in the intermediate representation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is called, what it means, what it risks.
    pub meta: RuleMeta,
    /// What it asks.
    pub query: Query,
    /// Where it stands.
    pub origin: RuleOrigin,
}

/// What a detection asks. A tree: stages that combine rows hold queries of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// Where its rows come from.
    pub source: Source,
    /// The condition on one of them.
    pub filter: Pred,
    /// What follows, in order; empty: row-wise.
    pub stages: Vec<Stage>,
}

/// Where the rows of a query come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// Events of the store, newest first.
    Events(Scope),
    /// The store's own findings, newest first (`Risk.All_Risk`). Their columns are `All_Risk.risk_object` and so on with the
    /// prefix that the rule reads them under, if it does.
    Findings {
        /// e.g. `All_Risk`
        prefix: Option<String>,
    },
    /// A lookup table in its order (`inputlookup`).
    #[serde(with = "crate::serial::shared")]
    Table(Arc<Table>),
    /// So many rows with nothing but `_time`, the time that is now (`makeresults`).
    Rows(u64),
}

impl Query {
    /// The events that it reads, if it reads events.
    pub fn scope(&self) -> Option<&Scope> {
        match &self.source {
            Source::Events(scope) => Some(scope),
            Source::Findings { .. } | Source::Table(_) | Source::Rows(_) => None,
        }
    }
}

/// Which events a query speaks of. The planner resolves it to event types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// All events.
    Any,
    /// A Sigma log source; an absent part does not restrict.
    LogSource {
        /// e.g. `windows`
        product: Option<String>,
        /// e.g. `process_creation`
        category: Option<String>,
        /// e.g. `security`
        service: Option<String>,
    },
    /// The rows of a dataset of a data model.
    Dataset {
        /// The model, e.g. `Endpoint`.
        model: String,
        /// The dataset, e.g. `Processes`; empty: the model's root.
        object: String,
        /// What stands before a field's name, e.g. `Processes` for `Processes.dest`; `None`: nothing. The names `_time`, `host`,
        /// `source`, `sourcetype`, `index` and `nodename` have no prefix.
        prefix: Option<String>,
    },
}

/// A step over rows. The rows before the first stage are the matching events, newest first; their columns are
/// the event's fields and `_time` (seconds since 1970 as a number).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Keeps rows (`search`, `where`, `regex`).
    Filter(Pred),
    /// Adds or replaces columns from left to right; a later one sees the earlier ones.
    Eval(Vec<(String, Scalar)>),
    /// Aggregates to one row per group, or to exactly one row without `by`.
    Stats(Stats),
    /// Adds the aggregates of a row's group to the row.
    EventStats(Stats),
    /// Renames columns. One by its name overwrites its target in every row, also with nothing; a pattern touches in a row only what the row
    /// has.
    Rename(Vec<Rename>),
    /// Keeps (`fields`, `table`) the named columns in this order; `*` is a wildcard. `fields` also keeps `_time`.
    Keep(Vec<String>),
    /// Drops columns; `*` is a wildcard.
    Drop(Vec<String>),
    /// Orders rows.
    Sort {
        /// Keys, first first.
        keys: Vec<SortKey>,
        /// How many rows stay; `None`: all.
        limit: Option<u64>,
    },
    /// Keeps the first rows.
    Head(u64),
    /// Keeps rows as long as a condition holds (`head (x<3)`).
    HeadWhile(HeadWhile),
    /// Keeps the first rows of each combination of values (`dedup`, `uniq`).
    Dedup(Dedup),
    /// Seconds since 1970 → text in UTC, in place (`convert ctime`); values that are not numbers stay.
    FormatTime {
        /// The columns.
        fields: Vec<String>,
        /// A strftime format.
        format: String,
    },
    /// Values become other spellings of themselves (`convert`).
    Convert(Convert),
    /// Replaces null by a text.
    FillNull {
        /// The columns; empty: all that exist.
        fields: Vec<String>,
        /// The text.
        value: String,
    },
    /// Floors a time or number to a multiple of `span` (seconds for `_time`), in place or under another name.
    Bin {
        /// The column.
        field: String,
        /// Width, greater than 0.
        span: f64,
        /// Where the result goes; `None`: in place.
        alias: Option<String>,
    },
    /// Groups of a regular expression become columns (`rex`).
    Extract(Extract),
    /// Rewrites text (`rex mode=sed`).
    Substitute(Substitute),
    /// Replaces whole values (`replace`).
    Replace(Replace),
    /// Fields inside of a text become columns (`spath`, `xmlkv`, `extract`, `fromjson`).
    Unpack(Unpack),
    /// A text becomes a list (`makemv`).
    MakeList(MakeList),
    /// One row for each member of a list; rows without a value go (`mvexpand`).
    Expand {
        /// The column.
        field: String,
        /// Members of a row at most; `None`: all.
        limit: Option<u64>,
    },
    /// Rows that differ in one column alone become one, with a list (`mvcombine`), at the place of the first; rows without a value stay.
    Combine {
        /// The column.
        field: String,
        /// What stands between the members where the list becomes one text again.
        delimiter: String,
    },
    /// A list becomes its members joined to one text (`nomv`).
    JoinMembers {
        /// The column.
        field: String,
        /// What stands between them.
        delimiter: String,
    },
    /// Running aggregates (`streamstats`).
    StreamStats(StreamStats),
    /// Rows that belong together become one (`transaction`).
    Transaction(Transaction),
    /// The most frequent or the rarest values (`top`, `rare`).
    Frequent(Frequent),
    /// Sums over columns and rows (`addtotals`).
    AddTotals(AddTotals),
    /// A table of aggregates (`chart`, `timechart`).
    Chart(Chart),
    /// Assignments for many columns (`foreach`).
    ForEach(ForEach),
    /// A null becomes the value that the column had last (`filldown`).
    FillDown(Vec<String>),
    /// Keeps the last rows, the last first (`tail`).
    Tail(u64),
    /// Turns the order around.
    Reverse,
    /// Columns of a table (`lookup`).
    Lookup(Lookup),
    /// Columns of another query (`join`).
    Join(Join),
    /// The rows of another query in place of each row (`map`).
    Map(Map),
    /// The rows of another query behind the rows (`append`, `union`, `multisearch`), columns by name.
    Append(Box<Query>),
    /// The rows themselves, and behind them what stages make of them (`appendpipe`).
    AppendPipe(Vec<Stage>),
    /// One row with one column `search`: the rows as a condition in Splunk's words (`format`).
    Format,
}

/// `stats` and `eventstats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The aggregates, in output order after the by-columns.
    pub aggregates: Vec<Aggregate>,
    /// Group columns in the rule's spelling and order.
    pub by: Vec<Field>,
    /// What a missing by-value becomes; `None`: the row is dropped. A multivalue by-field counts once per member.
    pub fill_null_by: Option<String>,
}

/// One aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// Its argument; `None` only for `count`. For `count(eval(p))` a truth. A field with `*` in its name is a pattern: it means
    /// an aggregate for each column that fits it and is no by-column, and each `*` of the alias stands for what it took.
    pub argument: Option<Scalar>,
    /// Name of the output column (the default name where the rule gives none: `count`, `min(_time)`).
    pub alias: String,
}

/// One renaming; with one `*` in both names: a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Old name or pattern.
    pub from: String,
    /// New name or pattern.
    pub to: String,
}

/// Rows that `sort` keeps where a search names no number.
pub const SORT_LIMIT: u64 = 10_000;

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// The column.
    pub field: String,
    /// Descending.
    pub descending: bool,
    /// How its values compare.
    pub by: SortBy,
}

/// How the values of a sort key compare. What is missing is greater than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SortBy {
    /// Numbers by size, then texts by bytes.
    #[default]
    Auto,
    /// Numbers by size; all else is missing (`num(x)`).
    Number,
    /// As texts by bytes, numbers too (`str(x)`).
    Text,
    /// Addresses by their number, those of version 4 first; all else is missing (`ip(x)`).
    Address,
}

impl SortKey {
    /// A key whose values compare as [`SortBy::Auto`] says.
    pub fn auto(field: impl Into<String>, descending: bool) -> Self {
        Self { field: field.into(), descending, by: SortBy::Auto }
    }
}

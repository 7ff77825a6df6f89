//! A detection as a query: scope, filter, stages.

use super::{Field, Origin, Pred, RuleMeta, Scalar};

/// A detection in the intermediate representation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is called, what it means, what it risks.
    pub meta: RuleMeta,
    /// What it asks.
    pub query: Query,
    /// Where it stands.
    pub origin: Origin,
}

/// What a detection asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which events it speaks of.
    pub scope: Scope,
    /// The condition on one event.
    pub filter: Pred,
    /// What follows, in order; empty: row-wise.
    pub stages: Vec<Stage>,
}

/// Which events a query speaks of. The planner resolves it to event types.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Keeps rows (`search`, `where`, `regex`).
    Filter(Pred),
    /// Adds or replaces columns from left to right; a later one sees the earlier ones.
    Eval(Vec<(String, Scalar)>),
    /// Aggregates to one row per group, or to exactly one row without `by`.
    Stats(Stats),
    /// Adds the aggregates of a row's group to the row.
    EventStats(Stats),
    /// Renames columns; a target that exists is overwritten.
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
    /// Keeps the first `count` rows of each combination of non-null values.
    Dedup {
        /// Rows per combination.
        count: u64,
        /// The columns.
        fields: Vec<String>,
    },
    /// Seconds since 1970 → text in UTC, in place (`convert ctime`); values that are no number stay.
    FormatTime {
        /// The columns.
        fields: Vec<String>,
        /// A strftime format.
        format: String,
    },
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
}

/// `stats` and `eventstats`.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// The aggregates, in output order after the by-columns.
    pub aggregates: Vec<Aggregate>,
    /// Group columns in the rule's spelling and order.
    pub by: Vec<Field>,
    /// What a missing by-value becomes; `None`: the row is dropped. A multivalue by-field counts once per member.
    pub fill_null_by: Option<String>,
}

/// One aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// Its argument; `None` only for `count`. For `count(eval(p))` a truth.
    pub argument: Option<Scalar>,
    /// Name of the output column (the default name where the rule gives none: `count`, `min(_time)`).
    pub alias: String,
}

/// Aggregates by their Splunk names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is the Splunk aggregate of that name")]
pub enum AggregateFunction {
    Count,
    /// Distinct count, by text.
    Dc,
    Min,
    Max,
    Sum,
    Avg,
    /// Sample standard deviation.
    Stdev,
    /// Distinct values as a list in text order.
    Values,
    /// All values in order, first 100.
    List,
    Earliest,
    Latest,
    First,
    Last,
    Median,
}

impl AggregateFunction {
    /// All aggregates.
    pub const ALL: [Self; 14] = [
        Self::Count,
        Self::Dc,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Avg,
        Self::Stdev,
        Self::Values,
        Self::List,
        Self::Earliest,
        Self::Latest,
        Self::First,
        Self::Last,
        Self::Median,
    ];

    /// Its Splunk name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Dc => "dc",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Stdev => "stdev",
            Self::Values => "values",
            Self::List => "list",
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::First => "first",
            Self::Last => "last",
            Self::Median => "median",
        }
    }

    /// Finds an aggregate by a Splunk name of it, in lower case.
    pub fn named(name: &str) -> Option<Self> {
        let name = match name {
            "c" => "count",
            "distinct_count" => "dc",
            "mean" => "avg",
            other => other,
        };
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether its result depends on the order of the rows.
    pub fn needs_order(self) -> bool {
        matches!(self, Self::List | Self::First | Self::Last | Self::Earliest | Self::Latest)
    }
}

/// One renaming; with one `*` in both names: a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Old name or pattern.
    pub from: String,
    /// New name or pattern.
    pub to: String,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// The column.
    pub field: String,
    /// Descending.
    pub descending: bool,
}

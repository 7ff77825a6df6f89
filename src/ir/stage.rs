//! What the stages of a pipeline hold that have more than a few names: extraction, tables, inner queries, order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Glob, Pred, Query, Scalar, Stats};

/// `rex`: the named groups of a regular expression become columns. Where it does not match, columns stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// The column that is searched; each member of a list by itself.
    pub field: String,
    /// The expression, in the syntax of [`super::Test::Regex`].
    pub pattern: String,
    /// The names of its groups in their order: the columns it writes.
    pub names: Vec<String>,
    /// How many matches are taken; more than one give lists. `None`: all.
    pub max_match: Option<u64>,
}

/// `rex mode=sed`: rewrites the text of a column, each member of a list by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitute {
    /// The column.
    pub field: String,
    /// What is done to it, in order.
    pub edits: Vec<Edit>,
}

/// One command of `rex mode=sed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// `s/pattern/replacement/flags`
    Replace {
        /// The expression, in the syntax of [`super::Test::Regex`].
        pattern: String,
        /// What takes its place; `\1` is a group, `&` nothing special.
        replacement: String,
        /// From which match on (1 is the first); with `all` that one and those after it.
        from: u64,
        /// Whether all matches from there on are replaced (`g`).
        all: bool,
    },
    /// `y/abc/xyz/`: characters by characters.
    Transliterate(Vec<(char, char)>),
}

/// `replace`: whole values by patterns, with case, each member of a list by itself. A pattern without `*` goes before one with; of
/// those without the last decides, of those with `*` the one with the most other characters, then the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replace {
    /// Pattern → new value; the n-th `*` of the new value stands for what the n-th `*` of the pattern took.
    pub pairs: Vec<(Glob, String)>,
    /// The columns; empty: all that do not begin with `_`.
    pub fields: Vec<String>,
}

/// A text that holds fields, read into columns (`spath`, `xmlkv`, `extract`, `fromjson`). What the text does not have stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpack {
    /// The column with the text.
    pub field: String,
    /// How it is written.
    pub form: TextForm,
    /// Only this path of it (`spath path=`), in Splunk's spelling; `None`: every field it has.
    pub path: Option<String>,
    /// The column that the path is written to. With `path`: `None` means the path itself is the name.
    pub output: Option<String>,
    /// A text in front of every name (`fromjson prefix=`); empty: none.
    pub prefix: String,
    /// Without `path`: the columns that it makes. The front end leaves it empty; planning fills in the names that later
    /// stages and the result ask for, because what else a text holds is known only when it is read.
    pub columns: Vec<String>,
}

/// What stands between the parts of pairs: each character by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PairMarks {
    /// Between two pairs; empty: white space, commas, semicolons and `|`.
    pub pairs: String,
    /// Between name and value.
    pub values: String,
}

/// How a text with fields is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TextForm {
    /// `spath`: JSON where it begins so, else XML; names are paths (`a.b{}.c`, `Event.System.EventID{@Qualifiers}`).
    Structured,
    /// `xmlkv`: `<name>text</name>` gives `name`, wherever it stands; the last of a name wins.
    Elements,
    /// `extract`, `kv`: `name=value` pairs, values perhaps in double quotes.
    Pairs(PairMarks),
    /// `fromjson`: the members of a JSON object, inner ones as compact JSON.
    Object,
}

/// `convert`: values become other spellings of themselves; one that cannot stays, or goes where the conversion says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convert {
    /// What is done, in order.
    pub items: Vec<ConvertItem>,
    /// A strftime format, for times.
    pub format: String,
}

/// One conversion of `convert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertItem {
    /// Which.
    pub kind: Conversion,
    /// The column; with `*` all that the pattern means, but those that [`Conversion::None`] excepts.
    pub field: String,
    /// Where the result goes; `None`: in place. With a pattern there is none.
    pub alias: Option<String>,
}

/// The conversions of `convert` by their Splunk names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Conversion {
    /// To a number by the way it is written: a number, a duration, a time; else it stays.
    Auto,
    /// Seconds since 1970 → text.
    Ctime,
    /// `[D+]HH:MM:SS` → seconds; else it goes.
    Dur2Sec,
    /// A number with `k`, `m`, `g` → kilobytes; else it goes.
    Memk,
    /// A text in the time format → seconds since 1970; else it goes.
    Mktime,
    /// `[MM:]SS.SSS` → seconds; else it goes.
    Mstime,
    /// Leaves the column out of the patterns.
    None,
    /// To a number; else it goes.
    Num,
    /// Without commas.
    RmComma,
    /// The number that a text begins with; else it stays.
    RmUnit,
}

impl Conversion {
    /// All conversions with their Splunk names.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Auto, "auto"),
        (Self::Ctime, "ctime"),
        (Self::Dur2Sec, "dur2sec"),
        (Self::Memk, "memk"),
        (Self::Mktime, "mktime"),
        (Self::Mstime, "mstime"),
        (Self::None, "none"),
        (Self::Num, "num"),
        (Self::RmComma, "rmcomma"),
        (Self::RmUnit, "rmunit"),
    ];

    /// Its Splunk name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// `makemv`: a text becomes a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeList {
    /// The column.
    pub field: String,
    /// Where members end.
    pub split: ListSplit,
    /// Whether empty members stay.
    pub allow_empty: bool,
}

/// Where the members of a text end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListSplit {
    /// At this text.
    Delimiter(String),
    /// Each match of the first group of this expression is a member.
    Matches(String),
}

/// `dedup` and `uniq`: the first rows of each combination of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedup {
    /// Rows per combination.
    pub count: u64,
    /// The columns; empty: all, and what is missing is a value like others (`uniq`).
    pub fields: Vec<String>,
    /// Only rows that stand one behind the other are compared.
    pub consecutive: bool,
    /// Whether rows that miss one of the values stay; else they go.
    pub keep_empty: bool,
    /// Whether further rows stay, without the values of these columns.
    pub keep_events: bool,
}

impl Dedup {
    /// The first `count` rows of each combination, wherever they stand; rows that miss a value go.
    pub fn first(count: u64, fields: Vec<String>) -> Self {
        Self { count, fields, consecutive: false, keep_empty: false, keep_events: false }
    }
}

/// `head` with a condition: rows up to the first for which it is not true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadWhile {
    /// The condition.
    pub condition: Scalar,
    /// Rows at most; `None`: any number.
    pub limit: Option<u64>,
    /// Whether the row that ends it stays too (`keeplast`).
    pub keep_last: bool,
}

/// `streamstats`: each row gets the aggregates of the rows before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamStats {
    /// Aggregates and groups.
    pub stats: Stats,
    /// Whether the row itself counts.
    pub current: bool,
    /// How many rows, from this one back (from the one before it where the row itself does not count); 0: all.
    pub window: u64,
    /// Whether the window counts rows of all groups (`global=true`), or only those of the row's group.
    pub global: bool,
    /// Only rows whose time differs from this row's by less than so many seconds (`time_window`); `None`: any. A row without a
    /// time is near no other.
    pub time_window: Option<f64>,
    /// Before a row that passes the first everything starts anew, for all groups (`reset_before`); behind a row that passes the
    /// second, which sees the new columns too (`reset_after`).
    pub reset: (Option<Pred>, Option<Pred>),
    /// Whether a row of another group than the one before starts everything anew (`reset_on_change`); rows of no group do not count.
    pub reset_on_change: bool,
}

/// `transaction`: rows that belong together become one row.
///
/// Rows are taken newest first, those without a time last; of one time in the order in which they come. A row joins the newest open
/// transaction whose values do not contradict its own; where `max_span` or `max_pause` forbids it, that transaction is closed and the row
/// opens another. A row that passes `ends_with` opens one, and no row joins the one that it would have joined any more; one that passes
/// `starts_with` joins and closes. One that passes both closes a transaction that has its end, else it opens one, as its end alone. A
/// transaction that has `max_events` rows is closed. A row that has none of the fields belongs to no transaction and goes.
///
/// A transaction is whole when its last row opened it as an end and its first closed it as a start, where these are given; others stay only
/// with `keep_evicted`.
///
/// A row has `duration` (seconds), `eventcount`, `closed_txn` (1: it is whole, and its start or one of the three limits closed it; else 0:
/// the rows ended, or the end of another one stood before it), `_time` of its first event, and every other column as the sorted distinct
/// values of its rows. Rows stand by that time, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Rows belong together whose values of these columns do not contradict; a missing one contradicts nothing.
    pub fields: Vec<String>,
    /// What the first row of a transaction passes.
    pub starts_with: Option<Pred>,
    /// What its last row passes.
    pub ends_with: Option<Pred>,
    /// Seconds from its first to its last row at most.
    pub max_span: Option<f64>,
    /// Seconds between two of its rows at most.
    pub max_pause: Option<f64>,
    /// Rows at most; `None`: any number.
    pub max_events: Option<u64>,
    /// Whether transactions that are not whole stay in the result.
    pub keep_evicted: bool,
    /// Whether a row that shares no value with a transaction may still join it (`connected=false`).
    pub connected: bool,
}

/// `top` and `rare`. A row counts once for each combination of members, and not at all where one of the values is missing. In each group
/// of `by` the order is that of the counts, then that of the texts; groups stand in the order of their texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frequent {
    /// The rarest instead of the most frequent.
    pub rare: bool,
    /// Combinations of these columns are counted.
    pub fields: Vec<String>,
    /// By these.
    pub by: Vec<String>,
    /// How many a group; 0: all.
    pub limit: u64,
    /// The column of the count; `None`: not shown.
    pub count: Option<String>,
    /// The column of the share of the group in percent, a text with six digits behind the point; `None`: not shown.
    pub percent: Option<String>,
    /// One more row for all others, with this value.
    pub other: Option<String>,
}

/// `addtotals`, `addcoltotals`: the sum of a row's numbers in one column (0 without any), and one more row with the sums of columns
/// (nothing where a column has no number).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddTotals {
    /// The columns that are summed, perhaps by patterns; empty: all that do not begin with `_`. The column of the sums is not summed into
    /// itself, but the last row has its sum too.
    pub fields: Vec<String>,
    /// Where a row's sum goes; `None`: no sum of rows.
    pub row: Option<String>,
    /// A last row with the sums of columns.
    pub column: Option<TotalsRow>,
}

/// The last row of `addtotals col=true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsRow {
    /// The column that gets the label; `None`: none.
    pub field: Option<String>,
    /// The label.
    pub label: String,
}

/// `chart` and `timechart`: aggregates over one column, a column of the result for each value of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Aggregates by `over` and then by `split`, if it is there: `stats.by` has one or two fields. A value of `split` makes a column
    /// of its name, with several aggregates `count: name`.
    pub stats: Stats,
    /// The rows' column is `_time` in buckets of so many seconds (`timechart`).
    pub bucket: Option<f64>,
    /// Whether buckets without a row are shown too, from the first to the last that has one (`cont`).
    pub continuous: bool,
    /// How many values of the second field get a column: those with the greatest sum of the first aggregate, then by text. `None`: all.
    pub limit: Option<u64>,
    /// The column of all others; `None`: they are not shown.
    pub other: Option<String>,
    /// The column of rows without a value of the second field, which does not count for the limit; `None`: they are not shown.
    pub null: Option<String>,
    /// With a second field: the columns that it makes under a name of their own. The front end leaves it empty; planning fills in the
    /// names that later stages and the result ask for. All others share one column, see [`crate::plan::Kind::Spread`].
    pub columns: Vec<String>,
}

impl Chart {
    /// Whether values of a second field make columns.
    pub fn is_split(&self) -> bool {
        self.stats.by.len() > 1
    }
}

/// `foreach`: assignments written once for many columns. Planning makes an [`super::Stage::Eval`] for each column that a pattern means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// Names and patterns of columns.
    pub patterns: Vec<String>,
    /// Name → expression; in names, field names and texts stand the tokens `<<FIELD>>`, `<<MATCHSTR>>`, `<<MATCHSEG1>>` ….
    pub assignments: Vec<(String, super::Scalar)>,
}

/// `lookup`: the rows of a table whose keys fit give columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// The table.
    #[serde(with = "crate::serial::shared")]
    pub table: Arc<Table>,
    /// Column of the table → column of the rows. All must fit; a missing one fits nothing.
    pub keys: Vec<(String, String)>,
    /// Column of the table → column that is written; the front end lists all that are no keys where the rule names none.
    pub outputs: Vec<(String, String)>,
    /// `OUTPUTNEW`: a row that has a value in one of the written columns stays as it is.
    pub only_new: bool,
}

/// A lookup table as its definition has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name in the rule.
    pub name: String,
    /// Column names, in order.
    pub columns: Vec<String>,
    /// Rows, in the order of the file; each as long as `columns`. An empty text is a missing value.
    #[serde(with = "super::table_rows")]
    pub rows: Vec<Box<[Arc<str>]>>,
    /// How each column is compared where it is a key.
    pub matching: Vec<TableMatch>,
    /// Whether case counts.
    pub case_sensitive: bool,
    /// Fewer rows than this that fit: each written column gets `default_match` so that there are as many.
    pub min_matches: u64,
    /// Rows that fit at most; more than one give lists.
    pub max_matches: u64,
    /// What a written column gets where too few rows fit.
    pub default_match: Option<String>,
}

/// How a column of a table is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TableMatch {
    /// As text.
    Exact,
    /// The table's value is a pattern; `*` is any run of characters.
    Wildcard,
    /// The table's value is a network.
    Cidr,
}

/// `join`: columns of another query's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// Rows without a partner stay (`type=left`, `type=outer`).
    pub left: bool,
    /// The columns that must be equal as text, with case; a missing one is equal to nothing. Empty: all that both sides have.
    pub fields: Vec<String>,
    /// Partners of a row at most; `None`: all. More than one give more rows.
    pub max: Option<u64>,
    /// Whether the other side's values replace a row's own.
    pub overwrite: bool,
    /// The other side.
    pub query: Box<Query>,
}

/// `map`: for each row the rows of another query that have the same values, in place of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// Column of the rows → column of the query's rows. All must be equal as text, without case; a missing one is equal to nothing.
    pub keys: Vec<(String, String)>,
    /// The query, without those conditions.
    pub query: Box<Query>,
    /// Stages that those rows of the query go through, for each row by itself; they hold no queries. `$name$` in the texts of their
    /// conditions and expressions stands for what the row has in that column (see [`Map::tokens`]); of a row that lacks one nothing
    /// comes.
    pub each: Vec<super::Stage>,
}

impl Map {
    /// The columns of the rows whose values stand in the texts of the stages, sorted.
    pub fn tokens(&self) -> Vec<String> {
        let mut names: Vec<String> = self.each.iter().flat_map(super::Stage::tokens).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A search in brackets inside a condition: its rows become alternatives of the condition, before the rule is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subsearch {
    /// What it asks. Each result row becomes `column = value` for all its columns that do not begin with `_`, and the rows are
    /// alternatives; a column `search` or `query` gives its text as a term, no row at all gives a condition that nothing passes.
    pub query: Query,
    /// How its fields are looked up in the outer query.
    pub vocabulary: super::Vocabulary,
    /// `return` with values instead of names (`return $field`): each value is a term of its own.
    pub values_only: bool,
}

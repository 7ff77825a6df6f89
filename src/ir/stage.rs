//! What the stages of a pipeline hold that have more than a few names: extraction, tables, inner queries, order.

use std::sync::Arc;

use super::{Glob, Pred, Query, Stats};

/// `rex`: the named groups of a regular expression become columns. Where it does not match, columns stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitute {
    /// The column.
    pub field: String,
    /// What is done to it, in order.
    pub edits: Vec<Edit>,
}

/// One command of `rex mode=sed`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Replace {
    /// Pattern → new value; the n-th `*` of the new value stands for what the n-th `*` of the pattern took.
    pub pairs: Vec<(Glob, String)>,
    /// The columns; empty: all that do not begin with `_`.
    pub fields: Vec<String>,
}

/// A text that holds fields, read into columns (`spath`, `xmlkv`, `extract`, `fromjson`). What the text does not have stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairMarks {
    /// Between two pairs; empty: white space, commas, semicolons and `|`.
    pub pairs: String,
    /// Between name and value.
    pub values: String,
}

/// How a text with fields is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convert {
    /// What is done, in order.
    pub items: Vec<ConvertItem>,
    /// A strftime format, for times.
    pub format: String,
}

/// One conversion of `convert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertItem {
    /// Which.
    pub kind: Conversion,
    /// The column; with `*` all that the pattern means, but those that [`Conversion::None`] excepts.
    pub field: String,
    /// Where the result goes; `None`: in place. With a pattern there is none.
    pub alias: Option<String>,
}

/// The conversions of `convert` by their Splunk names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeList {
    /// The column.
    pub field: String,
    /// Where members end.
    pub split: ListSplit,
    /// Whether empty members stay.
    pub allow_empty: bool,
}

/// Where the members of a text end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListSplit {
    /// At this text.
    Delimiter(String),
    /// Each match of the first group of this expression is a member.
    Matches(String),
}

/// `streamstats`: each row gets the aggregates of the rows before it.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStats {
    /// Aggregates and groups.
    pub stats: Stats,
    /// Whether the row itself counts.
    pub current: bool,
    /// How many rows back; 0: all.
    pub window: u64,
    /// Whether the window counts rows of all groups (`global=true`), or only those of the row's group.
    pub global: bool,
    /// How many seconds back (`time_window`); `None`: any.
    pub time_window: Option<f64>,
    /// Before this row starts anew (`reset_before`), behind it (`reset_after`).
    pub reset: (Option<Pred>, Option<Pred>),
    /// Whether a change of the group starts anew (`reset_on_change`).
    pub reset_on_change: bool,
}

/// `transaction`: rows that belong together become one row.
///
/// A row has `duration` (seconds), `eventcount`, `closed_txn` (1 or 0), `_time` of its first event, and every other column as the sorted
/// distinct values of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction {
    /// Rows belong together whose values of these columns do not contradict; a missing one contradicts nothing.
    pub fields: Vec<String>,
    /// The first row of a transaction.
    pub starts_with: Option<Pred>,
    /// Its last.
    pub ends_with: Option<Pred>,
    /// Seconds from its first to its last row at most.
    pub max_span: Option<f64>,
    /// Seconds between two of its rows at most.
    pub max_pause: Option<f64>,
    /// Rows at most; `None`: any number.
    pub max_events: Option<u64>,
    /// Whether transactions that were not closed stay in the result.
    pub keep_evicted: bool,
    /// Whether a row that shares no value with a transaction may still join it (`connected=false`).
    pub connected: bool,
}

/// `top` and `rare`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The column of the share in percent; `None`: not shown.
    pub percent: Option<String>,
    /// One more row for all others, with this value.
    pub other: Option<String>,
}

/// `addtotals`: the sum of a row's numbers in one column, and one more row with the sums of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddTotals {
    /// The columns that are summed, perhaps by patterns; empty: all.
    pub fields: Vec<String>,
    /// Where a row's sum goes; `None`: no sum of rows.
    pub row: Option<String>,
    /// A last row with the sums of columns.
    pub column: Option<TotalsRow>,
}

/// The last row of `addtotals col=true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsRow {
    /// The column that gets the label; `None`: none.
    pub field: Option<String>,
    /// The label.
    pub label: String,
}

/// `chart` and `timechart`: aggregates over one column, a column of the result for each value of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Aggregates by `over` and then by `split`, if it is there: `stats.by` has one or two fields.
    pub stats: Stats,
    /// The rows' column is `_time` in buckets of so many seconds, and buckets without a row are shown too (`timechart`).
    pub bucket: Option<f64>,
    /// How many values of the second field get a column; the rest is `OTHER`. `None`: all.
    pub limit: Option<u64>,
    /// Whether the rest is shown.
    pub show_other: bool,
    /// Whether rows without a value of the second field are shown as `NULL`.
    pub show_null: bool,
}

/// `foreach`: assignments written once for many columns. Planning makes an [`super::Stage::Eval`] for each column that a pattern means.
#[derive(Debug, Clone, PartialEq)]
pub struct ForEach {
    /// Names and patterns of columns.
    pub patterns: Vec<String>,
    /// Name → expression; in names, field names and texts stand the tokens `<<FIELD>>`, `<<MATCHSTR>>`, `<<MATCHSEG1>>` ….
    pub assignments: Vec<(String, super::Scalar)>,
}

/// `lookup`: the rows of a table whose keys fit give columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The table.
    pub table: Arc<Table>,
    /// Column of the table → column of the rows. All must fit; a missing one fits nothing.
    pub keys: Vec<(String, String)>,
    /// Column of the table → column that is written; the front end lists all that are no keys where the rule names none.
    pub outputs: Vec<(String, String)>,
    /// `OUTPUTNEW`: a row that has a value in one of the written columns stays as it is.
    pub only_new: bool,
}

/// A lookup table as its definition has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in the rule.
    pub name: String,
    /// Column names, in order.
    pub columns: Vec<String>,
    /// Rows, in the order of the file; each as long as `columns`. An empty text is a missing value.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableMatch {
    /// As text.
    Exact,
    /// The table's value is a pattern; `*` is any run of characters.
    Wildcard,
    /// The table's value is a network.
    Cidr,
}

/// `join`: columns of another query's rows.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Column of the rows → column of the query's rows. All must be equal as text, without case; a missing one is equal to nothing.
    pub keys: Vec<(String, String)>,
    /// The query, without those conditions.
    pub query: Box<Query>,
}

/// A search in brackets inside a condition: its rows become alternatives of the condition, before the rule is planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Subsearch {
    /// What it asks. Each result row becomes `column = value` for all its columns that do not begin with `_`, and the rows are
    /// alternatives; a column `search` or `query` gives its text as a term, no row at all gives a condition that nothing passes.
    pub query: Query,
    /// How its fields are looked up in the outer query.
    pub vocabulary: super::Vocabulary,
    /// `return` with values instead of names (`return $field`): each value is a term of its own.
    pub values_only: bool,
}

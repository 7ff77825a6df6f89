//! What Splunk's language has, whether or not it is supported here: commands, functions, aggregates, options.
//!
//! A name that is not in these lists is misspelt or belongs to an app; one that is in them and has no parser is missing
//! here. The two are told apart, because only the author can mend the first.

/// Why a command of Splunk is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// Nobody has written it yet.
    Missing,
    /// It asks where on earth addresses are.
    Geography,
    /// It reads metrics, which are not events.
    Metrics,
    /// It applies a model that the Machine Learning Toolkit has trained.
    Model,
    /// It writes or sends something: a hunt only reads.
    Output,
    /// It runs a program or an app beside Splunk.
    Program,
    /// It is a statistical method of which Splunk publishes no rules that could be followed exactly.
    Statistics,
    /// It asks the Splunk server about itself, its indexes or its jobs.
    Server,
}

impl Lack {
    /// The code of its diagnostic.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Missing => "spl-unsupported-command",
            Self::Geography => "spl-unsupported-geography",
            Self::Metrics => "spl-unsupported-metrics",
            Self::Model => "spl-unsupported-model",
            Self::Output => "spl-unsupported-output",
            Self::Program => "spl-unsupported-program",
            Self::Statistics => "spl-unsupported-statistics",
            Self::Server => "spl-unsupported-server",
        }
    }

    /// What is said of the command `name`.
    pub(super) fn message(self, name: &str) -> String {
        let why = match self {
            Self::Missing => return format!("the command `{name}` is not supported"),
            Self::Geography => "needs a map of addresses, which logs do not hold",
            Self::Metrics => "reads metrics, which are not events: no log that retrohunt reads has them",
            Self::Model => "needs a model that the Machine Learning Toolkit has trained",
            Self::Output => "writes or sends something: a hunt only reads",
            Self::Program => "runs a program or an app beside Splunk",
            Self::Statistics => "is a statistical method whose rules Splunk does not publish",
            Self::Server => "asks a Splunk server about itself: there is none",
        };
        format!("the command `{name}` {why}")
    }
}

use Lack::{Geography, Metrics, Missing, Model, Output, Program, Server, Statistics};

/// All commands of Splunk's search reference, and those of apps that public detections call, with the reason that holds
/// where one has no parser.
const COMMANDS: &[(Lack, &str)] = &[
    (
        Missing,
        "abstract accum addcoltotals addinfo addtotals append appendcols appendpipe autoregress bin bucket bucketdir chart concurrency \
         contingency counttable ctable convert datamodel dedup delta diff discretize erex eval eventstats expandtoken extract kv \
         fieldformat fields fieldsummary filldown fillnull folderize foreach format from fromjson gauge gentimes head highlight iconify \
         inputcsv inputlookup join kvform localize lookup makecontinuous makemv makeresults map multikv multireport multisearch \
         mvcombine mvexpand nomv overlap pivot rangemap rare regex reltime rename replace require return reverse rex rtorder scrub \
         search searchtxn selfjoin set setfields sichart sirare sistats sitimechart sitop sort spath stats strcat streamstats table tags \
         tail timechart timewrap tojson top transaction transpose trendline tstats typer union uniq untable where xmlkv xmlunescape \
         xpath xyseries",
    ),
    (Geography, "geom geomfilter geostats iplocation"),
    (Metrics, "mcatalog mpreview msearch mstats"),
    (Model, "apply deletemodel fit listmodels sample score summary"),
    (
        Output,
        "collect delete dump eventcollect mcollect meventcollect notable outputcsv outputlookup outputtext sendalert sendemail stash tscollect",
    ),
    (Program, "awssnsalert curl cyberchef dbxlookup dbxoutput dbxquery inputintelligence run script snowevent snowincident"),
    (
        Statistics,
        "af analyzefields anomalies anomalousvalue anomalydetection arules associate cluster cofilter correlate entitymerge findtypes \
         kmeans outlier predict relevancy typelearner x11",
    ),
    (
        Server,
        "audit dbinspect datamodelsimple eventcount history loadjob localop metadata metasearch redistribute rest savedsearch typeahead \
         walklex",
    ),
];

/// Evaluation functions of Splunk's search reference, those of arrays and objects included.
const FUNCTIONS: &str = "abs acos acosh array_to_object asin asinh atan atan2 atanh avg bit_and bit_not bit_or bit_shift_left \
    bit_shift_right bit_xor case ceil ceiling cidrmatch cluster coalesce commands cos cosh exact exp false floor getfields has hypot if in \
    ipmask isarray isbool isdouble isint ismv isnotnull isnull isnum isobject isstr json json_append json_array json_array_to_mv \
    json_delete json_entries json_extend json_extract json_extract_exact json_has_key_exact json_keys json_object json_set \
    json_set_exact json_valid len like ln log lookup lower ltrim match max md5 min mv_to_json_array mvappend mvcount mvdedup mvfilter \
    mvfind mvindex mvjoin mvmap mvrange mvreverse mvsort mvzip now null nullif object_to_array pi pow printf random relative_time \
    replace round rtrim searchmatch sha1 sha256 sha512 sigfig sin sinh spath split sqrt stdev strftime strptime substr sum tan tanh time \
    toarray tobool todouble toint tojson tomv tonumber toobject tostring trim true typeof upper urldecode validate";

/// Aggregates of Splunk's search reference. Percentiles (`p95`, `perc95`, `exactperc95`, `upperperc95`) are known by their beginnings.
const AGGREGATES: &str = "avg c count dc distinct_count earliest earliest_time estdc estdc_error first last latest latest_time list max \
    mean median min mode per_day per_hour per_minute per_second range rate rate_avg rate_sum sparkline stdev stdevp sum sumsq values \
    var varp";

/// What `convert` does with a field.
const CONVERSIONS: &str = "auto ctime dur2sec memk mktime mstime none num rmcomma rmunit";

/// How the names of percentiles begin; a number follows.
const PERCENTILES: [&str; 4] = ["exactperc", "upperperc", "perc", "p"];

/// The options of each command that has any.
const OPTIONS: &[(&str, &str)] = &[
    ("addtotals", "row col labelfield label fieldname"),
    ("append", "extendtimerange maxtime maxout timeout"),
    ("appendcols", "override extendtimerange maxtime maxout timeout"),
    ("appendpipe", "run_in_preview"),
    ("bin", "span minspan bins start end aligntime"),
    ("chart", "agg aligntime bins cont dedup_splitvals end format limit minspan nullstr otherstr sep span start usenull useother"),
    ("convert", "timeformat"),
    ("datamodel", "summariesonly allow_old_summaries strict_fields"),
    ("dedup", "keepevents keepempty consecutive sortby"),
    ("eventstats", "allnum span"),
    ("extract", "segment auto reload limit maxchars mv_add clean_keys kvdelim pairdelim"),
    ("fields", ""),
    ("fillnull", "value"),
    ("foreach", "mode itemstr iterstr matchstr matchseg1 matchseg2 matchseg3 fieldstr"),
    ("format", "mvsep maxresults emptystr"),
    ("from", ""),
    ("head", "limit null keeplast"),
    ("inputlookup", "append strict start max"),
    ("join", "type usetime earlier overwrite max"),
    ("lookup", "local update event_time_field"),
    ("makemv", "delim tokenizer allowempty setsv"),
    ("makeresults", "count annotate splunk_server splunk_server_group format data"),
    ("map", "maxsearches search"),
    ("mvcombine", "delim"),
    ("mvexpand", "limit"),
    ("rare", "limit showcount showperc countfield percentfield useother otherstr"),
    ("return", ""),
    ("rex", "field max_match offset_field mode"),
    ("sort", "limit"),
    ("spath", "input output path"),
    ("stats", "partitions allnum delim dedup_splitvals span"),
    ("streamstats", "reset_on_change reset_before reset_after current window time_window global allnum"),
    ("table", ""),
    (
        "timechart",
        "agg aligntime bins cont dedup_splitvals end fixedrange format limit minspan nullstr otherstr partial sep span start usenull \
         useother",
    ),
    ("top", "limit showcount showperc countfield percentfield useother otherstr"),
    (
        "transaction",
        "connected delim endswith keepevicted keeporphans maxevents maxopenevents maxopentxn maxpause maxspan mvlist mvraw name nullstr \
         startswith unifyends",
    ),
    (
        "tstats",
        "allow_old_summaries append chunk_size datamodel fillnull_value include_reduced_buckets local nodename prestats span \
         summariesonly use_summary_index_values",
    ),
    ("union", "maxtime maxout timeout"),
    ("xmlkv", "maxinputs"),
];

/// Why a command of Splunk without a parser is not answered; none where Splunk has no such command.
pub(super) fn lack(name: &str) -> Option<Lack> {
    COMMANDS.iter().find(|(_, names)| has(names, name)).map(|(lack, _)| *lack)
}

/// All commands.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|(_, names)| names.split_whitespace())
}

/// Whether Splunk has an evaluation function.
pub(super) fn is_function(name: &str) -> bool {
    has(FUNCTIONS, name)
}

/// All evaluation functions.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.split_whitespace()
}

/// Whether Splunk has an aggregate.
pub(super) fn is_aggregate(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let percentile = |rest: &str| !rest.is_empty() && rest.parse::<f64>().is_ok();
    has(AGGREGATES, name) || PERCENTILES.iter().any(|prefix| lower.strip_prefix(prefix).is_some_and(percentile))
}

/// All conversions of `convert`.
pub(super) fn conversions() -> impl Iterator<Item = &'static str> {
    CONVERSIONS.split_whitespace()
}

/// All aggregates but percentiles.
pub(super) fn aggregates() -> impl Iterator<Item = &'static str> {
    AGGREGATES.split_whitespace()
}

/// The options of a command; none where nothing is known of them.
pub(super) fn options(command: &str) -> Option<impl Iterator<Item = &'static str>> {
    let command = if matches!(command, "bucket" | "discretize") { "bin" } else { command };
    OPTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(command)).map(|(_, options)| options.split_whitespace())
}

fn has(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        for (what, names) in
            [("commands", commands().collect::<Vec<_>>()), ("functions", functions().collect()), ("aggregates", aggregates().collect())]
        {
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "{what}");
        }
    }

    #[test]
    fn options_belong_to_known_commands() {
        for (command, _) in OPTIONS {
            assert!(lack(command).is_some(), "{command}");
        }
    }

    #[test]
    fn everything_with_a_parser_is_known() {
        for name in crate::spl::command::COMMANDS {
            assert!(lack(name).is_some(), "{name}");
        }
        assert!(crate::spl::function::names().all(is_function));
        assert!(crate::ir::AggregateFunction::ALL.into_iter().all(|function| is_aggregate(&function.name())));
    }

    #[test]
    fn percentiles_are_known_by_their_number() {
        assert!(["p95", "perc99.9", "exactperc50", "upperperc5", "P50"].into_iter().all(is_aggregate));
        assert!(!["p", "perc", "pxx", "percent"].into_iter().any(is_aggregate));
    }
}

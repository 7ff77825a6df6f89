//! The table behind `docs/sigma.md`: see [`super::sigma_book`].

use super::sigma_book::{Feature, shown, tested};

/// Sections of the document.
pub(super) const SECTIONS: &[(&str, &[Feature])] = &[
    ("Values", VALUES),
    ("Case", CASE),
    ("Null, empty, missing", MISSING),
    ("Modifiers", MODIFIERS),
    ("Lists and maps", LISTS),
    ("Conditions", CONDITIONS),
    ("Log sources", LOG_SOURCES),
    ("Correlations", CORRELATIONS),
    ("Filters and several documents", DOCUMENTS),
    ("Pipelines", PIPELINES),
    ("Where implementations disagree", DISAGREEMENTS),
];

const VALUES: &[Feature] = &[
    shown(
        "`*`",
        "any run of characters, also none, also line breaks",
        ("sel: {Alpha: 'a*b'}", "sel"),
        &[r#""Alpha":"ab""#, r#""Alpha":"A-\nB""#],
        &[r#""Alpha":"abc""#],
    ),
    shown(
        "`?`",
        "exactly one character, also a line break",
        ("sel: {Alpha: 'a?b'}", "sel"),
        &[r#""Alpha":"axb""#, r#""Alpha":"a\nb""#],
        &[r#""Alpha":"ab""#],
    ),
    shown(r"`\*`, `\?`", "the character itself", (r"sel: {Alpha: 'a\*\?'}", "sel"), &[r#""Alpha":"a*?""#], &[r#""Alpha":"axx""#]),
    shown(
        r"`\\*`",
        "a backslash, then anything",
        (r"sel: {Alpha: 'C:\dir\\*'}", "sel"),
        &[r#""Alpha":"C:\\dir\\x""#],
        &[r#""Alpha":"C:\\dir*""#],
    ),
    shown(
        r"`\` before other characters",
        "itself",
        (r"sel: {Alpha: 'C:\Windows'}", "sel"),
        &[r#""Alpha":"c:\\windows""#],
        &[r#""Alpha":"c:windows""#],
    ),
    shown(
        r"`\\` at the start",
        "one backslash: a share has four in a rule",
        (r"sel: {Alpha: '\\\\host\share'}", "sel"),
        &[r#""Alpha":"\\\\host\\share""#],
        &[r#""Alpha":"\\host\\share""#],
    ),
    shown(
        r"`\` at the end",
        "itself, also under `contains`",
        (r"sel: {Alpha|contains: 'x\'}", "sel"),
        &[r#""Alpha":"ax\\b""#],
        &[r#""Alpha":"ax%b""#],
    ),
    shown(
        "`%`, `_`, `[`, `'`",
        "themselves",
        ("sel: {Alpha|contains: \"a_b%[it's\"}", "sel"),
        &[r#""Alpha":"xa_b%[it's""#],
        &[r#""Alpha":"xaxb_[it's""#],
    ),
    shown(
        "numbers",
        "equal to the text that spells them",
        ("sel: {Alpha: 10}", "sel"),
        &[r#""Alpha":10"#, r#""Alpha":"10""#],
        &[r#""Alpha":"100""#, r#""Alpha":"10.0""#],
    ),
    shown(
        "numbers beyond 2^63",
        "keep every digit",
        ("sel: {Alpha: 18446744073709551615}", "sel"),
        &[r#""Alpha":18446744073709551615"#],
        &[r#""Alpha":18446744073709551614"#],
    ),
    shown(
        "`true`, `false`",
        "equal to the text, without case",
        ("sel: {Alpha: true}", "sel"),
        &[r#""Alpha":true"#, r#""Alpha":"True""#],
        &[r#""Alpha":false"#, r#""Alpha":1"#],
    ),
    tested(
        "escapes, all combinations",
        "the vectors of the reference implementation",
        &["src/sigma/tests.rs::reference_vectors_of_escapes"],
    ),
];

const CASE: &[Feature] = &[
    shown("values", "without case", ("sel: {Alpha: Abc}", "sel"), &[r#""Alpha":"aBC""#], &[r#""Alpha":"abd""#]),
    shown(
        "letters outside ASCII",
        "without case, one character for one",
        ("sel: {Alpha: 'ÄRGER'}", "sel"),
        &[r#""Alpha":"ärger""#],
        &[r#""Alpha":"arger""#],
    ),
    shown("ASCII and other alphabets", "never equal", ("sel: {Alpha: k}", "sel"), &[r#""Alpha":"K""#], &[r#""Alpha":"\u212a""#]),
    shown("field names", "without case, the exact spelling first", ("sel: {ALPHA: x}", "sel"), &[r#""Alpha":"x""#], &[r#""Beta":"x""#]),
    shown("`cased`", "with case", ("sel: {Alpha|cased: Abc}", "sel"), &[r#""Alpha":"Abc""#], &[r#""Alpha":"abc""#]),
];

const MISSING: &[Feature] = &[
    shown("`null`", "the field is missing", ("sel: {Alpha: null}", "sel"), &["", r#""Alpha":null"#], &[r#""Alpha":"""#]),
    shown("`''`", "the field is there and empty", ("sel: {Alpha: ''}", "sel"), &[r#""Alpha":"""#], &["", r#""Alpha":"x""#]),
    shown("`not`", "true where the field is missing", ("sel: {Alpha: x}", "not sel"), &["", r#""Alpha":"y""#], &[r#""Alpha":"x""#]),
    shown(
        "`exists`",
        "there, also empty; a JSON null is not there",
        ("sel: {'Alpha|exists': true}", "sel"),
        &[r#""Alpha":"""#],
        &["", r#""Alpha":null"#],
    ),
    shown("`exists: false`", "missing", ("sel: {'Alpha|exists': false}", "sel"), &["", r#""Alpha":null"#], &[r#""Alpha":"""#]),
];

const MODIFIERS: &[Feature] = &[
    shown("`contains`", "somewhere in the value", ("sel: {Alpha|contains: b}", "sel"), &[r#""Alpha":"aBc""#], &[r#""Alpha":"ac""#]),
    shown("`startswith`", "at its start", ("sel: {Alpha|startswith: ab}", "sel"), &[r#""Alpha":"ABc""#], &[r#""Alpha":"cab""#]),
    shown("`endswith`", "at its end", ("sel: {Alpha|endswith: bc}", "sel"), &[r#""Alpha":"aBC""#], &[r#""Alpha":"bca""#]),
    shown("`all`", "every value of the list", ("sel: {'Alpha|contains|all': [a, b]}", "sel"), &[r#""Alpha":"xbxa""#], &[r#""Alpha":"xa""#]),
    shown(
        "`neq`",
        "none of the list; true where the field is missing",
        ("sel: {'Alpha|neq': [a, b]}", "sel"),
        &["", r#""Alpha":"c""#],
        &[r#""Alpha":"B""#],
    ),
    shown(
        "`re`",
        "PCRE, searched for anywhere, with case; `.` is not a line break; `$` is the end, or a line break before it",
        ("sel: {Alpha|re: 'a.c'}", "sel"),
        &[r#""Alpha":"xabcx""#],
        &[r#""Alpha":"xABCx""#, r#""Alpha":"a\nc""#],
    ),
    tested(
        "`re` that needs backtracking",
        "look-around, back-references, possessive repetition that matters: refused; the same for Splunk",
        &[
            "src/pcre/tests.rs::what_has_no_counterpart_is_refused",
            "src/pcre/tests.rs::what_gives_nothing_back_is_plain_where_that_cannot_show",
        ],
    ),
    shown("`re|i`", "without case", ("sel: {'Alpha|re|i': 'a.c'}", "sel"), &[r#""Alpha":"xABCx""#], &[r#""Alpha":"ac""#]),
    shown(
        "`re|m`",
        "`^` and `$` at line breaks too",
        ("sel: {'Alpha|re|m': '^b$'}", "sel"),
        &[r#""Alpha":"a\nb\nc""#],
        &[r#""Alpha":"abc""#],
    ),
    shown("`re|s`", "`.` is a line break too", ("sel: {'Alpha|re|s': 'a.c'}", "sel"), &[r#""Alpha":"a\nc""#], &[r#""Alpha":"ac""#]),
    shown(
        "`gt`, `gte`, `lt`, `lte`",
        "numbers only, also those written as text",
        ("sel: {Alpha|gt: 9}", "sel"),
        &[r#""Alpha":"10""#, r#""Alpha":9.5"#],
        &[r#""Alpha":"9""#, r#""Alpha":"Abc""#, ""],
    ),
    shown(
        "`cidr`",
        "address arithmetic; a mapped IPv4 address (`::ffff:…`) is an IPv4 address too",
        ("sel: {Alpha|cidr: 10.0.0.0/8}", "sel"),
        &[r#""Alpha":"10.9.9.9""#, r#""Alpha":"::ffff:10.1.1.1""#],
        &[r#""Alpha":"110.0.0.1""#, r#""Alpha":"10.""#],
    ),
    shown(
        "`cidr`, IPv6",
        "whatever the spelling, with a zone (`%12`) or without; no IPv4 address is in an IPv6 network",
        ("sel: {Alpha|cidr: 'fe80::/10'}", "sel"),
        &[r#""Alpha":"FE90::1""#, r#""Alpha":"fe80:0:0:0:0:0:0:1""#, r#""Alpha":"fe80::1%12""#],
        &[r#""Alpha":"fec0::1""#],
    ),
    shown(
        "`cidr`, `::/0`",
        "every IPv6 address",
        ("sel: {Alpha|cidr: '::/0'}", "sel"),
        &[r#""Alpha":"2001:db8::1""#, r#""Alpha":"::ffff:10.1.1.1""#],
        &[r#""Alpha":"10.1.1.1""#],
    ),
    tested(
        "`cidr` with host bits",
        "refused: the network is not what was meant",
        &["src/sigma/tests.rs::faults_of_items_have_a_code_and_a_place"],
    ),
    shown(
        "`windash`",
        "`-`, `/`, `–`, `—` and `―` at the start of a word, whichever the rule has",
        ("sel: {'Alpha|windash|contains': ' /f'}", "sel"),
        &[r#""Alpha":"x -F""#, r#""Alpha":"x –f""#, r#""Alpha":"x /f""#],
        &[r#""Alpha":"x f""#],
    ),
    shown(
        "`base64`",
        "the value in base64",
        ("sel: {'Alpha|base64|contains': foobar}", "sel"),
        &[r#""Alpha":"x Zm9vYmFy""#],
        &[r#""Alpha":"foobar""#],
    ),
    shown(
        "`base64offset`",
        "at each of three offsets, bytes that neighbours decide left out",
        ("sel: {'Alpha|base64offset|contains': foob}", "sel"),
        &[r#""Alpha":"xxZm9vYxx""#, r#""Alpha":"Zvb2""#],
        &[r#""Alpha":"foob""#],
    ),
    shown(
        "`wide`, `utf16le`",
        "UTF-16, little endian, before `base64`",
        ("sel: {'Alpha|wide|base64offset|contains': ab}", "sel"),
        &[r#""Alpha":"xYQBiAA""#],
        &[r#""Alpha":"YWI""#],
    ),
    tested(
        "`utf16be`, `utf16`",
        "big endian; little endian with its mark",
        &["src/sigma/tests.rs::reference_vectors_of_modifiers", "src/sigma/encode.rs::base64_of_bytes"],
    ),
    shown(
        "`fieldref`",
        "another field of the event has the same value, without case",
        ("sel: {Alpha|fieldref: Beta}", "sel"),
        &[r#""Alpha":"x","Beta":"X""#],
        &[r#""Alpha":"x","Beta":"y""#, r#""Alpha":"x""#],
    ),
    shown(
        "`fieldref|startswith`",
        "begins with it",
        ("sel: {'Alpha|fieldref|startswith': Beta}", "sel"),
        &[r#""Alpha":"xy","Beta":"X""#],
        &[r#""Alpha":"yx","Beta":"x""#],
    ),
    tested("`minute` … `year`", "a part of a time in UTC, weeks from 1", &["src/sigma/tests.rs::reference_vectors_of_modifiers"]),
    tested(
        "`expand`",
        "values of `--values` or a pipeline; without one the rule is refused",
        &["tests/it/pipelines.rs::placeholders_get_the_users_values", "src/sigma/tests.rs::reference_vectors_of_modifiers"],
    ),
    tested("unknown modifiers", "refused, with the nearest name", &["src/sigma/tests.rs::faults_of_items_have_a_code_and_a_place"]),
    tested("combinations", "the vectors of the reference implementation", &["src/sigma/tests.rs::reference_vectors_of_modifiers"]),
];

const LISTS: &[Feature] = &[
    shown("list of values", "any of them", ("sel: {Alpha: [a, b]}", "sel"), &[r#""Alpha":"B""#], &[r#""Alpha":"c""#]),
    shown("map", "all of its items", ("sel: {Alpha: a, Beta: b}", "sel"), &[r#""Alpha":"a","Beta":"b""#], &[r#""Alpha":"a""#]),
    shown(
        "list of maps",
        "any of them",
        ("sel: [{Alpha: a}, {Beta: b}]", "sel"),
        &[r#""Alpha":"a""#, r#""Beta":"b""#],
        &[r#""Alpha":"b""#],
    ),
    shown(
        "keywords",
        "any value of the event: its fields, rendered text, channel, event id and computer; not its time and record number",
        ("sel: [needle]", "sel"),
        &[r#""Alpha":"a NEEDLE""#, r#""Message":"the needle""#],
        &[r#""needle":"x""#],
    ),
    shown(
        "`|all` of keywords",
        "each in some value",
        ("sel: {'|all': [one, two]}", "sel"),
        &[r#""Alpha":"one","Beta":"two""#],
        &[r#""Alpha":"one""#],
    ),
    shown(
        "several values of a field",
        "any of them may match",
        ("sel: {Alpha: b}", "sel"),
        &[r#""Alpha":["a","b"]"#],
        &[r#""Alpha":["a","c"]"#],
    ),
    tested("4,432 values in a list", "stay one flat list", &["src/sigma/tests.rs::long_lists_stay_flat_and_copies_are_limited"]),
];

const CONDITIONS: &[Feature] = &[
    shown(
        "`and`, `or`, `not`",
        "`not` binds first, then `and`",
        ("a: {Alpha: 1}\nb: {Beta: 1}\nc: {Gamma: 1}", "a or not b and c"),
        &[r#""Alpha":1,"Beta":1"#, r#""Gamma":1"#],
        &[r#""Beta":1,"Gamma":1"#, ""],
    ),
    shown(
        "parentheses",
        "kept",
        ("a: {Alpha: 1}\nb: {Beta: 1}\nc: {Gamma: 1}", "a and (b or c)"),
        &[r#""Alpha":1,"Gamma":1"#],
        &[r#""Alpha":1"#, r#""Gamma":1"#],
    ),
    shown("`1 of sel_*`", "any detection of the name", ("sel_a: {Alpha: 1}\nsel_b: {Beta: 1}", "1 of sel_*"), &[r#""Beta":1"#], &[""]),
    shown(
        "`all of sel_*`",
        "all of them",
        ("sel_a: {Alpha: 1}\nsel_b: {Beta: 1}", "all of sel_*"),
        &[r#""Alpha":1,"Beta":1"#],
        &[r#""Beta":1"#],
    ),
    shown(
        "`them`, `_name`",
        "all detections but those that begin with `_`",
        ("a: {Alpha: 1}\n_b: {Beta: 1}", "1 of them"),
        &[r#""Alpha":1"#],
        &[r#""Beta":1"#],
    ),
    shown("list of conditions", "any of them", ("a: {Alpha: 1}\nb: {Beta: 1}", "[a, b]"), &[r#""Alpha":1"#, r#""Beta":1"#], &[""]),
    tested("names that are not a detection", "refused, with the nearest name", &["src/sigma/tests.rs::faults_of_conditions_have_a_place"]),
    tested(
        "old `| count() by x > n`",
        "a correlation of the rule",
        &[
            "src/sigma/set_tests.rs::legacy_aggregations_are_correlations_of_their_rule",
            "tests/it/meaning/correlation.rs::legacy_aggregation_is_a_correlation",
        ],
    ),
];

const LOG_SOURCES: &[Feature] = &[
    tested(
        "product, category, service",
        "choose the event types, by data in `rules/logsources`; a rule runs on no others",
        &["tests/it/corpus/sigma.rs::known_files_give_exactly_the_known_matches"],
    ),
    tested(
        "`process_creation`, `network_connection`, `registry_*`, `wmi_event`, `file_delete`",
        "Sysmon's events and their twins (Security 4688, 5156, 4657, WMI-Activity 5861, Sysmon 26) under Sigma's names; what a twin does not tell is missing; a volume in 5156 is read as `C:`",
        &[
            "tests/it/meaning/log_sources.rs::allowed_connections_are_network_connections",
            "tests/it/meaning/log_sources.rs::audited_registry_values_are_registry_events",
            "tests/it/meaning/log_sources.rs::permanent_subscriptions_are_wmi_events",
            "tests/it/meaning/log_sources.rs::deleted_files_are_told_in_two_ways",
        ],
    ),
    tested(
        "DNS client and server, VHDMP",
        "the channels' names in Windows, and those of the taxonomy",
        &["src/taxonomy/tests.rs::dns_channels_have_the_names_that_windows_writes_and_those_of_the_taxonomy"],
    ),
    tested("all public rules", "compile", &["tests/it/corpus/sigma.rs::windows_rules_compile_and_the_rest_is_listed_by_code"]),
    tested(
        "regression tests of the public rules",
        "pass, EVTX and JSON",
        &["tests/it/corpus/sigma.rs::the_regression_tests_of_the_rules_pass"],
    ),
];

const CORRELATIONS: &[Feature] = &[
    tested(
        "`event_count`, windows",
        "a window ends at every event and reaches back exactly the timespan, in event time",
        &[
            "tests/it/meaning/correlation.rs::a_window_holds_events_exactly_a_timespan_apart",
            "tests/it/meaning/correlation.rs::ties_are_in_the_same_windows",
        ],
    ),
    tested("load order", "cannot show", &["tests/it/property/correlations.rs::windows_by_brute_force"]),
    tested("an event of two rules", "counts once", &["tests/it/meaning/correlation.rs::an_event_that_two_rules_match_counts_once"]),
    tested(
        "`value_count`",
        "distinct values without case, of one or several fields",
        &["tests/it/meaning/correlation.rs::values_are_counted_apart"],
    ),
    tested(
        "`temporal`",
        "every rule in the window, or as the condition says",
        &["tests/it/meaning/correlation.rs::temporal_asks_for_every_rule_or_as_the_condition_says"],
    ),
    tested(
        "`temporal_ordered`",
        "times that increase",
        &["tests/it/meaning/correlation.rs::temporal_ordered_asks_for_times_that_increase"],
    ),
    tested(
        "`value_sum`, `value_avg`, `value_percentile`, `value_median`",
        "exact; percentiles lie between two numbers; text that is not a number is left out and counted",
        &[
            "tests/it/meaning/correlation.rs::numbers_are_aggregated",
            "src/hunt/correlation/number.rs::sums_are_rounded_once",
            "src/hunt/correlation/number.rs::what_lies_between_two_numbers_is_exact",
        ],
    ),
    tested(
        "`group-by`",
        "without case; events without a key are left out and counted",
        &[
            "tests/it/meaning/correlation.rs::missing_keys_are_left_out_and_empty_ones_are_keys",
            "tests/it/meaning/correlation.rs::what_is_left_out_is_counted",
        ],
    ),
    tested(
        "`aliases`",
        "a name for different fields of the rules",
        &["tests/it/meaning/correlation.rs::aliases_name_a_field_otherwise_in_each_rule"],
    ),
    tested("units of `timespan`", "s, m, h, d, w, M, y", &["src/sigma/timespan.rs::units"]),
    tested("ranges, `neq`, boolean conditions", "all of the comparisons", &["src/sigma/set_tests.rs::types_and_conditions"]),
    tested(
        "correlations of correlations",
        "over their alerts, grouped by their own keys: fields of the events behind the alerts; cycles are refused",
        &[
            "tests/it/meaning/correlation.rs::a_chained_correlation_groups_by_the_events_behind_alerts",
            "tests/it/meaning/correlation.rs::correlations_of_correlations",
            "tests/it/meaning/correlation.rs::cycles_are_refused_with_a_place",
        ],
    ),
    tested(
        "`generate`",
        "whether the rules report by themselves too; beside `correlation`, or inside as pySigma has it",
        &["tests/it/meaning/correlation.rs::rules_are_findings_of_their_own_where_the_set_says_so"],
    ),
    tested("many events in one window", "linear", &["src/hunt/correlation/tests.rs::windows_move_in_linear_time"]),
];

const DOCUMENTS: &[Feature] = &[
    tested(
        "`filter`",
        "suppresses what it matches, in both readings of the specification's example",
        &[
            "src/sigma/set_tests.rs::both_readings_of_a_filter_suppress_the_same",
            "tests/it/meaning/correlation.rs::filters_keep_events_out_of_rules_and_correlations",
        ],
    ),
    tested("`action: global`, `repeat`, `reset`", "as they were in Sigma 1", &["src/sigma/tests.rs::action_documents"]),
    tested("references across files", "by id and by name", &["src/sigma/set_tests.rs::a_correlation_counts_events_of_its_rules"]),
];

const PIPELINES: &[Feature] = &[
    tested(
        "`--pipeline`",
        "processing pipelines in pySigma's format; [pipelines.md](pipelines.md) has every transformation and condition",
        &[
            "tests/it/pipelines.rs::the_document_has_every_transformation_and_condition_with_its_parameters",
            "tests/it/pipelines.rs::a_rule_for_other_logs_is_hunted_through_a_pipeline",
        ],
    ),
    tested("order of several", "by priority", &["tests/it/pipelines.rs::a_second_pipeline_runs_after_the_first_by_priority"]),
    tested("`--values`", "values for the placeholders of `expand`", &["tests/it/pipelines.rs::placeholders_get_the_users_values"]),
];

const DISAGREEMENTS: &[Feature] = &[
    shown(
        "1 `not` and a missing field",
        "matches",
        ("a: {Alpha: 1}\nb: {Beta: 1}", "a and not b"),
        &[r#""Alpha":1"#],
        &[r#""Alpha":1,"Beta":1"#],
    ),
    shown("2 `A and (B or C)`", "grouped", ("a: {Alpha: 1}\nb: {Beta: [1, 2]}", "a and b"), &[r#""Alpha":1,"Beta":2"#], &[r#""Beta":2"#]),
    shown(
        "3 equality that differs in case",
        "matches",
        ("sel: {Alpha: 'C:\\Windows'}", "sel"),
        &[r#""Alpha":"c:\\WINDOWS""#],
        &[r#""Alpha":"c:\\win""#],
    ),
    shown(
        "4 case outside ASCII",
        "matches, by Unicode's simple folding (one character for one)",
        ("sel: {Alpha|contains: ['ПРИВЕТ', 'ΟΔΟΣ']}", "sel"),
        &[r#""Alpha":"о, привет!""#, r#""Alpha":"η οδος""#],
        &[r#""Alpha":"пока""#],
    ),
    shown("5 `exists: false`", "matches", ("sel: {'Alpha|exists': false}", "sel"), &[r#""Beta":1"#], &[r#""Alpha":1"#]),
    shown("6 `cased`", "exact case", ("sel: {'Alpha|cased|contains': Ab}", "sel"), &[r#""Alpha":"xAb""#], &[r#""Alpha":"xab""#]),
    shown("7 `true` and the text `true`", "equal", ("sel: {Alpha: true}", "sel"), &[r#""Alpha":"true""#], &[r#""Alpha":"yes""#]),
    shown("8 `re` with a quote", "matches", ("sel: {Alpha|re: \"it's [a-c]\"}", "sel"), &[r#""Alpha":"it's b""#], &[r#""Alpha":"its b""#]),
    tested(
        "9 lists of 4,432 values",
        "compile and run",
        &[
            "src/sigma/tests.rs::long_lists_stay_flat_and_copies_are_limited",
            "tests/it/corpus/sigma.rs::windows_rules_compile_and_the_rest_is_listed_by_code",
        ],
    ),
    shown(
        "10 wildcards and line breaks",
        "`*` and `?` match them",
        ("sel: {Alpha: 'a*b?c'}", "sel"),
        &[r#""Alpha":"a\n\nb\nc""#],
        &[r#""Alpha":"a\nbc""#],
    ),
    shown("11 `gt` on text", "as numbers", ("sel: {Alpha|gt: 9}", "sel"), &[r#""Alpha":"10""#], &[r#""Alpha":"Abc""#]),
    shown("12 `re` and case", "with case", ("sel: {Alpha|re: abc}", "sel"), &[r#""Alpha":"abc""#], &[r#""Alpha":"ABC""#]),
    tested(
        "13 timespan of `event_count`",
        "a trailing window per event, in event time",
        &["tests/it/meaning/correlation.rs::a_window_holds_events_exactly_a_timespan_apart"],
    ),
    tested("14 a range as condition", "both ends hold", &["src/sigma/set_tests.rs::types_and_conditions"]),
    shown(
        "15 `windash` on `/f`",
        "all forms",
        ("sel: {'Alpha|windash': '/f'}", "sel"),
        &[r#""Alpha":"-f""#, r#""Alpha":"―f""#],
        &[r#""Alpha":"f""#],
    ),
];

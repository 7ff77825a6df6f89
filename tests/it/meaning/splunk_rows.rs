//! Splunk: what generated searches showed of charts, running aggregates, and rows that come together, as fixed examples.

use super::splunk::gives;

const EVENTS: [&str; 4] = [
    r#""Alpha":"a","Beta":"x","Amount":"1""#,
    r#""Alpha":"b","Beta":"y","Amount":"2""#,
    r#""Alpha":"c","Beta":"x","Amount":"3""#,
    r#""Alpha":"a","Beta":"x","Amount":"4""#,
];

#[test]
fn what_a_limit_leaves_out_of_a_chart_keeps_its_order() {
    let chart = |aggregate: &str| format!("Channel=Security | chart limit=1 {aggregate} over Beta by Alpha");
    let event = |alpha: &str, word: &str| format!(r#""Alpha":"{alpha}","Beta":"x","Gamma":"{word}""#);
    let events = [event("a", "1st"), event("b", "2nd"), event("c", "3rd"), event("b", "4th")];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    gives("first", &chart("first(Gamma)"), &events, &["Beta=x OTHER=4th a=1st"]);
    gives("last", &chart("last(Gamma)"), &events, &["Beta=x OTHER=2nd a=1st"]);
    gives("list", &chart("list(Gamma)"), &events, &["Beta=x OTHER=4th|3rd|2nd a=1st"]);
}

#[test]
fn a_row_stays_where_the_limit_leaves_out_all_that_it_has() {
    let search = "Channel=Security | chart limit=1 useother=f count over Beta by Alpha";
    gives("P15", search, &EVENTS, &["Beta=x a=2", "Beta=y a=0"]);
}

#[test]
fn columns_that_values_make_have_lists_and_texts_as_others_do() {
    let answer = super::splunk::answer("Channel=Security | chart values(Amount) over Beta by Alpha", &EVENTS);
    let list = crate::support::evaluate::Value::List(vec!["1".to_owned(), "4".to_owned()]);
    assert!(answer.rows.iter().any(|row| row.get("a") == Some(&list)), "{:?}", answer.rows);
}

#[test]
fn rows_of_no_group_take_no_place_in_a_window() {
    let events = [EVENTS[0], EVENTS[1], r#""Beta":"x""#, EVENTS[3]];
    let search = "Channel=Security | streamstats window=2 count by Alpha | stats values(count) as n by Alpha";
    gives("P8", search, &events, &["Alpha=a n=1", "Alpha=b n=1"]);
    let search = "Channel=Security | streamstats window=3 count by Alpha | stats values(count) as n by Alpha";
    gives("P8", search, &events, &["Alpha=a n=1|2", "Alpha=b n=1"]);
}

#[test]
fn a_member_that_is_there_twice_counts_twice_in_a_window_of_its_group() {
    let events = [r#""Alpha":"a""#, r#""Alpha":["a","a"]"#];
    let search = "Channel=Security | streamstats window=2 global=f count by Alpha | stats max(count) as n";
    gives("G2", search, &events, &["n=3"]);
}

#[test]
fn both_rows_of_an_append_have_what_one_side_names() {
    let search = "Channel=Security Beta=y | append [search Channel=Security Beta=y | eval n=lower(Alpha) | table Alpha n]";
    gives("P7", search, &EVENTS, &["Alpha=b _time=1709287202", "Alpha=b n=b"]);
    let search = "Channel=Security Beta=y | appendpipe [eval Alpha=\"new\" | fields Alpha] | fields Alpha | fields - _time";
    gives("P7", search, &EVENTS, &["Alpha=b", "Alpha=new"]);
    let search = "Channel=Security Beta=y | appendpipe [rename Alpha as Beta] | fields - _time";
    gives("renamed", search, &EVENTS, &["Alpha=b Beta=y", "Beta=b"]);
}

#[test]
fn rows_before_an_appendpipe_keep_what_the_copies_replace() {
    let search = "Channel=Security Beta=y | appendpipe [streamstats window=1 count as Alpha] | fields - _time";
    gives("P8", search, &EVENTS, &["Alpha=b", "Alpha=1"]);
    let search = "Channel=Security Beta=y | eval x.Alpha=\"n\" | appendpipe [rename x.* as *] | fields - _time";
    gives("P6", search, &EVENTS, &["Alpha=b x.Alpha=n", "Alpha=n"]);
    let search =
        "Channel=Security Beta=y | append [search Channel=Security Beta=y | stats count as x.Alpha] | rename x.* as * | fields - _time";
    gives("P6", search, &EVENTS, &["Alpha=b", "Alpha=1"]);
}

#[test]
fn spellings_of_one_number_stay_in_their_order() {
    let events = [r#""Amount":"01""#, r#""Amount":"1""#];
    gives("P11", "Channel=Security | sort 1 Amount | table Amount", &events, &["Amount=1"]);
    gives("P11", "Channel=Security | sort 0 Amount | head 1 | table Amount", &events, &["Amount=1"]);
}

#[test]
fn a_text_of_two_lines_is_not_a_list_of_two() {
    let events = [r#""Alpha":"a\nb""#, r#""Alpha":["a","b"]"#, r#""Alpha":["a","b"]"#];
    gives("P10", "Channel=Security | dedup Alpha | stats count", &events, &["count=2"]);
}

#[test]
fn a_text_gives_its_values_to_columns_that_are_there() {
    let search = r#"Channel=Security Beta=y | eval ka="old", doc="{\"ka\":\"x\"}" | fromjson doc | fields - _time doc"#;
    gives("X14", search, &EVENTS, &["ka=x"]);
    let search = r#"Channel=Security Beta=y | eval doc="{\"ka\":\"x\"}" | fromjson doc | fields - _time doc
        | append [search Channel=Security Beta=y | stats count as ka]"#;
    gives("X14", search, &EVENTS, &["ka=x", "ka=1"]);
}

#[test]
fn a_pattern_means_what_every_event_of_windows_says_of_itself() {
    let search = "Channel=Security Beta=y | fields Alpha E* Ch* Comp* | fields - _time";
    gives("P6", search, &EVENTS, &["Alpha=b Channel=Security Computer=host.test EventCode=7001 EventID=7001"]);
}

#[test]
fn foreach_goes_by_the_names() {
    let search = "Channel=Security Beta=y | eval Alpha=\"z\" | fields Alpha Amount Beta | foreach * [eval last='<<FIELD>>'] | table last";
    gives("P16", search, &EVENTS, &["last=y"]);
}

#[test]
fn two_rows_without_a_group_are_two_findings() {
    let search = "Channel=Security | stats sum(Amount) as n | addcoltotals";
    gives("P17", search, &EVENTS, &["n=10", "n=10"]);
}

#[test]
fn a_transaction_joins_the_columns_that_values_make_by_name() {
    let search = "Channel=Security | chart count over Beta by Alpha | eval k=\"k\" | transaction k";
    gives("P14", search, &EVENTS, &["Beta=x|y a=0|2 b=0|1 c=0|1 closed_txn=0 duration=0 eventcount=2 k=k"]);
}

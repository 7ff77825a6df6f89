//! Splunk: search expressions (S), eval and where (E), grouping (G), pipeline commands (P).

use crate::support::generate::splunk::escu_yaml;
use crate::support::three_ways::{Answer, ask};

pub(super) fn answer(search: &str, events: &[&str]) -> Answer {
    ask(&escu_yaml(search), events)
}

/// Asserts which of the events match.
#[track_caller]
fn matches(note: &str, search: &str, events: &[(&str, bool)]) {
    let list: Vec<&str> = events.iter().map(|(event, _)| *event).collect();
    let expected: Vec<i64> = (1..).zip(events).filter(|(_, (_, hit))| *hit).map(|(id, _)| id).collect();
    assert_eq!(answer(search, &list).events, expected, "{note}: {search}\n{list:#?}");
}

/// Asserts the result rows: `column=value` pairs, in the order of columns by name; members of a list joined by `|`.
#[track_caller]
pub(super) fn gives(note: &str, search: &str, events: &[&str], expected: &[&str]) {
    let rows = answer(search, events).rows;
    let mut shown: Vec<String> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|(name, value)| format!("{name}={}", value.text().expect("a value").replace('\n', "|")))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected, "{note}: {search}\n{events:#?}");
}

#[test]
fn comparison_in_search() {
    matches("S1", "Alpha=ADMIN", &[(r#""Alpha":"Admin""#, true), (r#""Alpha":"Admins""#, false)]);
    matches("S2", "alpha=x", &[(r#""Alpha":"x""#, false)]);
    matches("S7", "Alpha!=bob", &[("", false), (r#""Alpha":"al""#, true), (r#""Alpha":"BOB""#, false)]);
    matches("S8", "NOT Alpha=bob", &[("", true), (r#""Alpha":"al""#, true), (r#""Alpha":"BOB""#, false)]);
    matches("S9", "Alpha=*", &[("", false), (r#""Alpha":"x""#, true)]);
    matches("S9", "NOT Alpha=*", &[("", true), (r#""Alpha":"x""#, false)]);
    matches("S9", "Alpha!=*", &[("", false), (r#""Alpha":"x""#, false)]);
    matches("S15", "Amount>9", &[(r#""Amount":"10""#, true), (r#""Amount":"9""#, false), (r#""Amount":10.5"#, true), ("", false)]);
    matches("S15", "Amount>5", &[(r#""Amount":"abc""#, true), (r#""Amount":"!""#, false)]);
    matches("S15 corrected", "Amount=1", &[(r#""Amount":"1.0""#, false), (r#""Amount":1"#, true), (r#""Amount":"01""#, false)]);
    matches(
        "S16",
        "EventCode=7001 Amount=4688",
        &[(r#""Amount":4688"#, true), (r#""Amount":"4688""#, true), (r#""Amount":"04688""#, false)],
    );
    matches("S17", "Alpha=\"0x2\"", &[(r#""Alpha":"0x00000002""#, false), (r#""Alpha":"0X2""#, true)]);
    matches("S18", "Peer=10.0.0.0/8", &[(r#""Peer":"10.1.2.3""#, true), (r#""Peer":"11.1.2.3""#, false)]);
    let list = r#""Alpha":["a","b"]"#;
    matches("S19", "Alpha=a", &[(list, true)]);
    matches("S19", "Alpha!=a", &[(list, true)]);
    matches("S19", "NOT Alpha=a", &[(list, false)]);
    matches("S21", "\"Alpha\"=True", &[(r#""Alpha":true"#, true), (r#""Alpha":"TRUE""#, true)]);
}

#[test]
fn precedence_in_search() {
    matches(
        "S3",
        "Alpha=1 Beta=2 OR Gamma=3",
        &[(r#""Alpha":0,"Gamma":3"#, false), (r#""Alpha":1,"Gamma":3"#, true), (r#""Alpha":1"#, false)],
    );
    matches(
        "S4",
        "Alpha=1 OR Beta=2 AND Gamma=3",
        &[(r#""Alpha":1,"Gamma":0"#, false), (r#""Alpha":1,"Gamma":3"#, true), (r#""Beta":2,"Gamma":3"#, true)],
    );
    matches("S6", "NOT Alpha=1 Beta=2", &[(r#""Beta":2"#, true), (r#""Alpha":1,"Beta":2"#, false), ("", false)]);
    matches("S6", "NOT (Alpha=1 Beta=2)", &[(r#""Beta":2"#, true), (r#""Alpha":1,"Beta":2"#, false), ("", true)]);
}

#[test]
fn wildcards_and_escapes_in_search() {
    matches("S10", r#"Alpha="*\\temp\\*""#, &[(r#""Alpha":"C:\\Temp\\a""#, true), (r#""Alpha":"C:\\Temp""#, false)]);
    matches("S10", r#"Alpha="temp""#, &[(r#""Alpha":"C:\\Temp\\a""#, false)]);
    matches("S11", r#"Alpha="a_b*""#, &[(r#""Alpha":"axbc""#, false), (r#""Alpha":"a_bc""#, true)]);
    matches(
        "S11",
        r#"Alpha="50%?[x]""#,
        &[(r#""Alpha":"50%?[X]""#, true), (r#""Alpha":"50ab?[x]""#, false), (r#""Alpha":"50%ax""#, false)],
    );
    matches(
        "S12",
        r#"Alpha IN ("\\\\*\\C$")"#,
        &[(r#""Alpha":"\\\\*\\c$""#, true), (r#""Alpha":"\\\\srv\\C$""#, true), (r#""Alpha":"\\srv\\C$""#, false)],
    );
    matches("S12", r#"Alpha="say \"hi\"""#, &[(r#""Alpha":"say \"hi\"""#, true)]);
    matches("S13", r"Alpha=*\\cmd.exe", &[(r#""Alpha":"C:\\x\\CMD.EXE""#, true), (r#""Alpha":"xcmd.exe""#, false)]);
    matches("S14", r#"Alpha IN ("*.exe", *.dll)"#, &[(r#""Alpha":"A.DLL""#, true), (r#""Alpha":"a.dll.txt""#, false)]);
    matches("case beyond ASCII", "Alpha=\"ÄRGER*\"", &[(r#""Alpha":"ärgern""#, true)]);
    matches("a wildcard takes newlines", "Alpha=\"a*b\"", &[(r#""Alpha":"a\n\nb""#, true)]);
}

#[test]
fn where_compares_with_case_and_without_wildcards() {
    let all = "Channel=Security";
    matches("E1", &format!("{all} | where Alpha=\"ADMIN\""), &[(r#""Alpha":"admin""#, false), (r#""Alpha":"ADMIN""#, true)]);
    matches("E2", &format!("{all} | where Alpha=\"*\""), &[(r#""Alpha":"x""#, false), (r#""Alpha":"*""#, true)]);
    matches(
        "E3",
        &format!("{all} | where Alpha=1 OR Beta=2 AND Gamma=3"),
        &[(r#""Alpha":1"#, true), (r#""Beta":2"#, false), (r#""Beta":2,"Gamma":3"#, true)],
    );
    matches("E4", &format!("{all} | where Alpha==\"x\""), &[(r#""Alpha":"x""#, true)]);
    matches("E5", &format!("{all} | where Alpha!=\"a\""), &[("", false), (r#""Alpha":"b""#, true)]);
    matches("E5", &format!("{all} | where Alpha=Beta"), &[("", false), (r#""Alpha":"b","Beta":"b""#, true)]);
    matches("E6", &format!("{all} | where NOT Alpha=\"x\""), &[("", true), (r#""Alpha":"x""#, false)]);
    matches("E7", &format!("{all} | where Alpha>Beta"), &[(r#""Alpha":"10","Beta":"9""#, true), (r#""Alpha":"10","Beta":"9a""#, false)]);
    matches("E11", &format!("{all} | where like(Alpha,\"A%\")"), &[(r#""Alpha":"abc""#, false), (r#""Alpha":"Abc""#, true)]);
    matches("E11", &format!("{all} | where like(Alpha,\"a_c\")"), &[(r#""Alpha":"abc""#, true), (r#""Alpha":"abcd""#, false)]);
    matches("E12", &format!("{all} | where match(Alpha,\"(?i)B+\")"), &[(r#""Alpha":"abbc""#, true), (r#""Alpha":"ac""#, false)]);
    matches("E12", &format!("{all} | where match(Alpha,\"B+\")"), &[(r#""Alpha":"abbc""#, false)]);
    matches("E15", &format!("{all} | where coalesce(Alpha,\"z\")=\"z\""), &[("", true), (r#""Alpha":"""#, false)]);
    matches("E16", &format!("{all} | where isnull(Alpha)"), &[("", true), (r#""Alpha":"""#, false)]);
    matches("E17", &format!("{all} | where mvcount(Alpha)=2"), &[(r#""Alpha":["a","b"]"#, true), (r#""Alpha":"a""#, false), ("", false)]);
    matches("E17", &format!("{all} | where mvindex(Alpha,-1)=\"b\""), &[(r#""Alpha":["a","b"]"#, true), (r#""Alpha":["b","a"]"#, false)]);
}

#[test]
fn eval_makes_columns() {
    let one = |expression: &str| format!("Channel=Security | eval r={expression} | stats count by r");
    for (note, expression, event, expected) in [
        ("E5", "if(Alpha=\"a\",1,0)", "", "count=1 r=0"),
        ("E8", "Alpha.Beta", r#""Alpha":"1","Beta":"2""#, "count=1 r=12"),
        ("E8", "Alpha+Beta", r#""Alpha":"1","Beta":"2""#, "count=1 r=3"),
        ("E8", "Alpha+\"x\"", r#""Alpha":"a""#, "count=1 r=ax"),
        ("E10", "case(Alpha=\"x\",\"one\",true(),\"other\")", "", "count=1 r=other"),
        ("E13", r#"replace(Alpha,"(a)(b)","\2\1")"#, r#""Alpha":"abab""#, "count=1 r=baba"),
        ("E18", "mvjoin(split(Alpha,\",\"),\"-\")", r#""Alpha":"a,b,c""#, "count=1 r=a-b-c"),
        ("len", "len(Alpha)", r#""Alpha":"äß😀""#, "count=1 r=3"),
        ("substr", "substr(Alpha,2,2)", r#""Alpha":"abcd""#, "count=1 r=bc"),
        ("lower", "lower(Alpha)", r#""Alpha":"AbC""#, "count=1 r=abc"),
        ("E22", "1,s=r+1 | eval r=s", "", "count=1 r=2"),
        ("a logarithm is exact", "\"n=\".log(1000,10)", "", "count=1 r=n=3"),
        ("a sign is not a digit", "urldecode(Alpha)", r#""Alpha":"a%+1b""#, "count=1 r=a%+1b"),
        (
            "E3: minus zero is zero",
            "mvjoin(mvappend(min(Alpha,Beta),max(Alpha,Beta)),\" \")",
            r#""Alpha":"-0","Beta":"0""#,
            "count=1 r=0 0",
        ),
    ] {
        gives(note, &one(expression), &[event], &[expected]);
    }
    gives("E9: null gives no group", &one("Alpha+1"), &[""], &[]);
    for expression in ["split(Alpha,Beta)", "substr(Alpha,1,Beta)", "trim(Alpha,Beta)", "round(5,Beta)", "mvindex(Alpha,0,Beta)"] {
        gives("a null argument is not one that is left out", &one(expression), &[r#""Alpha":"abc""#], &[]);
    }
    gives("a base is from 2 to 36", &one("tonumber(Alpha,1)"), &[r#""Alpha":"1""#], &[]);
    gives("E10: no case is null", &one("case(Alpha=\"x\",\"one\")"), &[""], &[]);
    gives("division by zero is null", &one("1/0"), &[""], &[]);
}

#[test]
fn grouping() {
    let all = "Channel=Security | stats";
    gives("G1", &format!("{all} count by Alpha"), &["", r#""Alpha":"x""#], &["Alpha=x count=1"]);
    gives("G2", &format!("{all} count by Alpha"), &[r#""Alpha":["a","b"]"#], &["Alpha=a count=1", "Alpha=b count=1"]);
    gives("G2 sharpened", &format!("{all} count by Alpha"), &[r#""Alpha":["a","a"]"#], &["Alpha=a count=2"]);
    gives(
        "groups keep their case",
        &format!("{all} count by Alpha"),
        &[r#""Alpha":"a""#, r#""Alpha":"A""#],
        &["Alpha=A count=1", "Alpha=a count=1"],
    );
    gives(
        "G7",
        &format!("{all} count(eval(Amount>5)) as big count(Alpha) as named count"),
        &[r#""Amount":9"#, r#""Amount":1,"Alpha":"x""#, ""],
        &["big=1 count=3 named=1"],
    );
    gives(
        "G8",
        &format!("{all} values(Alpha) as v"),
        &[r#""Alpha":10"#, r#""Alpha":9"#, r#""Alpha":"a""#, r#""Alpha":"B""#, r#""Alpha":"a""#],
        &["v=10|9|B|a"],
    );
    gives("G10", &format!("{all} dc(Alpha) as n"), &[r#""Alpha":"1""#, r#""Alpha":"1.0""#, r#""Alpha":"01""#, r#""Alpha":"1""#], &["n=3"]);
    gives(
        "G11",
        &format!("{all} min(Alpha) as lo max(Alpha) as hi"),
        &[r#""Alpha":1"#, r#""Alpha":"c""#, r#""Alpha":"a""#, r#""Alpha":2"#, r#""Alpha":100"#],
        &["hi=c lo=1"],
    );
    gives(
        "G12",
        &format!("{all} earliest(Alpha) as e latest(Alpha) as l"),
        &[r#""Alpha":"first""#, r#""Alpha":"second""#],
        &["e=first l=second"],
    );
    gives("G14", &format!("{all} avg(Alpha) as a sum(Alpha) as s"), &[r#""Alpha":1"#, r#""Alpha":"x""#, r#""Alpha":2"#], &["a=1.5 s=3"]);
    gives("G16", &format!("{all} count values(Alpha) by Beta"), &[r#""Alpha":"x","Beta":"y""#], &["Beta=y count=1 values(Alpha)=x"]);
}

#[test]
fn pipeline_commands() {
    let events = [r#""Alpha":"x","Amount":3"#, r#""Alpha":"y","Amount":20"#, r#""Alpha":"x","Amount":100"#];
    gives("a threshold", "Channel=Security | stats count by Alpha | where count>1", &events, &["Alpha=x count=2"]);
    gives("search after stats", "Channel=Security | stats count by Alpha | search count>1 Alpha=X", &events, &["Alpha=x count=2"]);
    gives("P1", "Channel=Security | rename Alpha as who | stats count by who", &events, &["count=2 who=x", "count=1 who=y"]);
    gives("P10", "Channel=Security | dedup Alpha | stats sum(Amount) as s by Alpha", &events, &["Alpha=x s=100", "Alpha=y s=20"]);
    gives("P14", "Channel=Security | stats sum(Amount) as s by Alpha | sort - s | head 1", &events, &["Alpha=x s=103"]);
    gives(
        "P14 numbers",
        "Channel=Security | stats count by Amount | sort Amount | head 2",
        &events,
        &["Amount=20 count=1", "Amount=3 count=1"],
    );
    gives(
        "P15",
        "Channel=Security | stats count values(Amount) as v by Alpha | fields Alpha, count",
        &events,
        &["Alpha=x count=2", "Alpha=y count=1"],
    );
    gives(
        "G15: a row of no group keeps what it has",
        "Channel=Security | eventstats count as Alpha by Beta | table Alpha",
        &[r#""Alpha":"x""#, r#""Alpha":"y","Beta":"b""#],
        &["Alpha=x", "Alpha=1"],
    );
    gives("P1 a pattern renames all at once", "Channel=Security | eval aab=1, ab=2 | rename a* as * | table ab b", &[""], &["ab=1 b=2"]);
    let mixed = [r#""Alpha":"own""#, r#""r.Alpha":"other""#, r#""Alpha":"lost","r.Alpha":"taken""#];
    let kept = ["Alpha=other count=1", "Alpha=own count=1", "Alpha=taken count=1"];
    gives("P6 a pattern touches what a row has", "Channel=Security | rename r.* as * | stats count by Alpha", &mixed, &kept);
    let lost = ["Alpha=other count=1", "Alpha=taken count=1"];
    gives("P6 a name takes the place in every row", "Channel=Security | rename r.Alpha as Alpha | stats count by Alpha", &mixed, &lost);
    gives(
        "P1 a pattern means no column that is not there",
        "Channel=Security | rename x.* as * | bin Amount span=1 as x.Alpha | stats dc(Alpha) as n",
        &events,
        &["n=2"],
    );
    gives(
        "numbers and texts in one column are one group where they look the same",
        "Channel=Security | eval n=if(isnull(Alpha),\"1\",len(Alpha)) | stats count by n",
        &[r#""Alpha":"x""#, ""],
        &["count=2 n=1"],
    );
    matches(
        "a condition that is a text is not true, one that is a truth may be",
        "Channel=Security | where if(Alpha=\"x\",\"1\",Beta=\"y\")",
        &[(r#""Alpha":"x","Beta":"y""#, false), (r#""Beta":"y""#, true), ("", false)],
    );
    gives(
        "a group's value is a number where only numbers are in it",
        "Channel=Security | eval n=len(Alpha) | stats count by n | eval m=n+Nowhere, k=n+1 | table n m k",
        &events,
        &["k=2 n=1"],
    );
    gives("G13: newest first", "Channel=Security | head 1 | stats count by Amount", &events, &["Amount=100 count=1"]);
    gives(
        "P2",
        "Channel=Security Alpha=y | stats min(_time) as t by Alpha | convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime(t)",
        &events,
        &["Alpha=y t=2024-03-01T10:00:02"],
    );
}

#[test]
fn more_fields_than_a_query_can_have_columns() {
    let fields: String = (0..1_100).map(|n| format!(r#","F{n:04}":"x""#)).collect();
    let events = [format!(r#""Alpha":"y"{fields}"#), r#""Alpha":"z""#.to_owned()];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let all = "Channel=Security | fillnull value=none";
    gives(
        "few of them are read",
        &format!("{all} | stats count by Alpha F0007"),
        &events,
        &["Alpha=y F0007=x count=1", "Alpha=z F0007=none count=1"],
    );
    let rows = answer(&format!("{all} | eval Alpha=lower(Alpha)"), &events).rows;
    assert!(rows.len() == 2 && rows.iter().all(|row| row.len() > 1_100), "all of them are shown");
}

/// Asserts what an expression gives for one event.
#[track_caller]
fn evaluates(note: &str, event: &str, cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        let expected = if *expected == "∅" { "r=none".to_owned() } else { format!("r={expected}") };
        let search = format!("Channel=Security | eval r={expression} | fillnull value=none r | table r");
        gives(note, &search, &[event], &[&expected]);
    }
}

#[test]
fn e8_a_list_is_its_members() {
    let event = r#""Alpha":["a","Bb"],"Beta":"a","Gamma":["1","2"]"#;
    let of_all = |condition: &str| format!("Channel=Security | where {condition}");
    for (condition, expected) in [
        ("Alpha=\"a\"", true),
        ("Alpha!=\"a\"", true),
        ("NOT Alpha=\"a\"", false),
        ("Alpha=\"c\"", false),
        ("Alpha=Beta", true),
        ("Gamma>1", true),
        ("Gamma>2", false),
        ("like(Alpha, \"B%\")", true),
        ("like(Alpha, \"a%B%\")", false),
        ("match(Alpha, \"^B\")", true),
        ("match(Alpha, \"a.*B\")", false),
        ("Alpha IN (\"x\", \"Bb\")", true),
        ("in(Alpha, \"x\")", false),
        ("isnull(mvfilter(Alpha=\"z\"))", true),
    ] {
        matches("E8", &of_all(condition), &[(event, expected)]);
    }
    evaluates(
        "E8",
        event,
        &[
            ("upper(Alpha)", "A|BB"),
            ("tostring(Alpha)", "a|Bb"),
            ("Alpha.\"x\"", "∅"),
            ("Gamma+1", "∅"),
            ("len(Alpha)", "∅"),
            ("substr(Alpha, 1, 1)", "∅"),
            ("trim(Alpha)", "∅"),
            ("replace(Alpha, \"a\", \"b\")", "∅"),
            ("split(Alpha, \"a\")", "∅"),
            ("if(true(), Alpha, 1)", "a|Bb"),
            ("coalesce(null(), Alpha)", "a|Bb"),
            ("mvmap(Gamma, Gamma*2)", "2|4"),
            ("mvmap(Alpha, if(Alpha=\"a\", null(), Alpha))", "Bb"),
            ("mvzip(Alpha, Gamma)", "a,1|Bb,2"),
            ("sum(Gamma, 3)", "6"),
            ("max(Gamma)", "2"),
        ],
    );
}

#[test]
fn n1_to_n6_numbers_have_the_digits_they_are_written_with() {
    let event = r#""Alpha":"8.250","Beta":"0.2","Amount":"10","Gamma":"1234567890.1234567""#;
    evaluates(
        "N1 to N6",
        event,
        &[
            ("1.50", "1.50"),
            ("Alpha*Beta", "2"),
            ("Alpha*0.20", "1.7"),
            ("8.250*exact(0.2)", "1.650"),
            ("0.1+0.2", "0.3"),
            ("Alpha-Beta", "8.1"),
            ("Amount/3", "3.3333333333333335"),
            ("Amount*1.5", "15"),
            ("8.250*Beta*Amount", "17"),
            ("sigfig(1.00*1111)", "1110"),
            ("round(2, 2)", "2.00"),
            ("round(sqrt(4), 2)", "2"),
            ("round(Amount/3, 2)", "3.33"),
            ("-1.50", "-1.50"),
            ("Gamma*1", "1234567890.1234567"),
            ("1.50.\"x\"", "1.50x"),
            ("if(0.1+0.2=0.3, \"equal\", \"not\")", "equal"),
        ],
    );
    gives("N1", "Channel=Security | eval r=round(Amount,2) | stats count by r", &[event], &["count=1 r=10.00"]);
}

#[test]
fn e7_look_around_and_back_references() {
    let all = "Channel=Security";
    matches("E7", &format!("{all} | where match(Alpha, \"(?<!x)y\")"), &[(r#""Alpha":"xy""#, false), (r#""Alpha":"ay""#, true)]);
    matches("E7", &format!("{all} | regex Alpha=\"^(.)\\1$\""), &[(r#""Alpha":"aa""#, true), (r#""Alpha":"ab""#, false), ("", false)]);
    matches("E7", &format!("{all} | regex Alpha!=\"a(?!b)\""), &[(r#""Alpha":"ac""#, false), (r#""Alpha":"ab""#, true), ("", true)]);
    evaluates("E7", r#""Alpha":"a1b2""#, &[("replace(Alpha, \"(?<=[a-z])(\\d)\", \"<\\1>\")", "a<1>b<2>")]);
}

#[test]
fn e12_searchmatch_and_xor() {
    let all = "Channel=Security";
    let event = r#""Alpha":["ax","B"],"Amount":"10","Peer":"10.1.2.3""#;
    for (condition, expected) in [
        ("searchmatch(\"alpha=b\")", false),
        ("searchmatch(\"Alpha=b\")", true),
        ("searchmatch(\"Alpha=A*\")", true),
        ("searchmatch(\"Alpha!=b\")", true),
        ("searchmatch(\"NOT Alpha=b\")", false),
        ("searchmatch(\"Amount>9 Peer=10.0.0.0/8\")", true),
        ("searchmatch(\"Amount<9 OR Alpha=CASE(b)\")", false),
        ("searchmatch(\"Beta=*\")", false),
        ("Amount=10 XOR Alpha=\"B\"", false),
        ("Amount=10 XOR Alpha=\"C\" OR Amount=11", true),
    ] {
        matches("E12", &format!("{all} | where {condition}"), &[(event, expected)]);
    }
}

#[test]
fn groups_by_numbers_and_texts_in_one_column_are_those_of_the_texts() {
    let events = [r#""Amount":"3","Alpha":["a","b"]"#, r#""Amount":"8""#, r#""Amount":"9","Alpha":"c""#];
    gives("a number and its text", "EventCode=7001 | eval x=if(Amount>5, 5, \"5\") | stats count by x", &events, &["count=3 x=5"]);
    let sums = "EventCode=7001 | eval x=if(Amount>5, 7, \"a\") | eventstats count as n by x | stats sum(n) as n by x";
    gives("eventstats too", sums, &events, &["n=1 x=a", "n=4 x=7"]);
    let counted = "EventCode=7001 | eval n=mvcount(Alpha) | stats count(Alpha) as all sum(n) as n";
    gives("values of lists", counted, &events, &["all=3 n=3"]);
    gives("the last rows", "EventCode=7001 | sort Amount | tail 2 | table Amount", &events, &["Amount=8", "Amount=9"]);
    gives("turned around", "EventCode=7001 | sort Amount | reverse | head 1 | table Amount", &events, &["Amount=9"]);
}

/// Rule P14: the rows in an order that is not that of their times.
#[test]
fn transactions_take_rows_newest_first() {
    let shown = "table eventcount duration closed_txn Beta";
    let row = |time: &str, beta: &str| format!(r#""Alpha":"x","Amount":{time},"Beta":"{beta}""#);
    let rows: Vec<String> = [("1", "a"), ("9", "b"), ("2", "c"), ("8", "d"), ("7", "e")].map(|(time, beta)| row(time, beta)).into();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let of = |options: &str, expected: &[&str]| {
        let search = format!("Channel=Security | eval _time=Amount | transaction Alpha {options} | {shown}");
        gives("P14", &search, &rows, expected);
    };
    of("", &["Beta=a|b|c|d|e closed_txn=0 duration=8 eventcount=5"]);
    of("maxpause=5", &["Beta=a|b|c|d|e closed_txn=0 duration=8 eventcount=5"]);
    of("maxpause=4", &["Beta=a|c closed_txn=0 duration=1 eventcount=2", "Beta=b|d|e closed_txn=1 duration=2 eventcount=3"]);
    of(
        "maxspan=1",
        &[
            "Beta=a|c closed_txn=0 duration=1 eventcount=2",
            "Beta=b|d closed_txn=1 duration=1 eventcount=2",
            "Beta=e closed_txn=1 duration=0 eventcount=1",
        ],
    );
    of(
        "maxevents=2",
        &[
            "Beta=a closed_txn=0 duration=0 eventcount=1",
            "Beta=b|d closed_txn=1 duration=1 eventcount=2",
            "Beta=c|e closed_txn=1 duration=5 eventcount=2",
        ],
    );
    // The end of another one closes it, and that is no limit.
    of("endswith=(Beta=e)", &["Beta=a|c|e closed_txn=0 duration=6 eventcount=3"]);
    of(
        "endswith=(Beta=b OR Beta=e)",
        &["Beta=a|c|e closed_txn=0 duration=6 eventcount=3", "Beta=b|d closed_txn=0 duration=1 eventcount=2"],
    );
    of("startswith=(Beta=e)", &["Beta=b|d|e closed_txn=1 duration=2 eventcount=3"]);
    // One that is full lacks its start: it shows with the others that do.
    of("startswith=(Beta=a) maxevents=3", &["Beta=a|c closed_txn=1 duration=1 eventcount=2"]);
    of(
        "startswith=(Beta=a) maxevents=3 keepevicted=true",
        &["Beta=a|c closed_txn=1 duration=1 eventcount=2", "Beta=b|d|e closed_txn=0 duration=2 eventcount=3"],
    );
    // A row that is both opens one as its end; the next that is both closes it as its start.
    of("startswith=(Beta=b OR Beta=e) endswith=(Beta=b OR Beta=e)", &["Beta=b|d|e closed_txn=1 duration=2 eventcount=3"]);
    of("startswith=(Beta=b) endswith=(Beta=b) maxevents=1", &[]);
}

/// Rule P14: limits of time do not speak of rows without one, which come last.
#[test]
fn transactions_of_rows_without_a_time() {
    let rows = [r#""Alpha":"x","Beta":"a""#, r#""Alpha":"x","Amount":5,"Beta":"b""#, r#""Alpha":"y","Beta":"c""#];
    let search = "Channel=Security | eval _time=Amount | transaction Alpha maxspan=1 maxevents=2 | table Alpha Beta eventcount closed_txn";
    gives("P14", search, &rows, &["Alpha=x Beta=a|b closed_txn=1 eventcount=2", "Alpha=y Beta=c closed_txn=0 eventcount=1"]);
}

#[test]
fn format_behind_commands_and_foreach_in_brackets() {
    let events = [r#""Alpha":"x","Amount":1"#, r#""Alpha":"y \"z\"","Amount":2"#];
    gives(
        "P18",
        "Channel=Security | stats sum(Amount) as n by Alpha | sort Alpha | format",
        &events,
        &[r#"search=( ( Alpha="x" AND n="1" ) OR ( Alpha="y \"z\"" AND n="2" ) )"#],
    );
    gives("P18", "Channel=Security | stats count by Alpha | where count>5 | format", &events, &["search=NOT ( )"]);
    gives(
        "P18",
        "Channel=Security | stats values(Alpha) as a | format | eval n=len(search)",
        &events,
        &[r#"n=32 search=( ( ( a="x" OR a="y \"z\"" ) ) )"#],
    );
    let per_row = "Channel=Security | stats sum(Amount) as n_one by Alpha | sort Alpha";
    gives(
        "P16",
        &format!("{per_row} | appendpipe [ stats sum(n_one) as n_one | foreach n_* [ eval n_<<MATCHSTR>> = '<<FIELD>>' * 10 ] ]"),
        &events,
        &["Alpha=x n_one=1", r#"Alpha=y "z" n_one=2"#, "n_one=30"],
    );
    gives(
        "P16",
        &format!("{per_row} | append [ search Channel=Security | stats max(Amount) as n_two | foreach n_* [ eval got=\"<<MATCHSTR>>\" ] ]"),
        &events,
        &["Alpha=x n_one=1", r#"Alpha=y "z" n_one=2"#, "got=two n_two=2"],
    );
    gives(
        "P16",
        "Channel=Security [ search Channel=Security | stats max(Amount) as Amount | foreach A* [ eval <<FIELD>> = '<<FIELD>>' - 1 ] ] | table Alpha",
        &events,
        &["Alpha=x"],
    );
}

#[test]
fn map_runs_its_search_for_each_row() {
    let events = [
        r#""Alpha":"x","Kind":"outer","Ref":"one""#,
        r#""Alpha":"X","Kind":"inner","Amount":1,"Note":"for one and all""#,
        r#""Alpha":"x","Kind":"inner","Amount":2,"Note":"two""#,
        r#""Alpha":"y","Kind":"inner","Amount":4,"Note":"one*""#,
        r#""Alpha":"y","Kind":"outer""#,
    ];
    let outer = "Channel=Security Kind=outer | table Alpha Ref";
    let map = |search: &str| format!("{outer} | map search=\"search Channel=Security Kind=inner {search}\"");
    gives("P19", &map("Alpha=$Alpha$ | stats sum(Amount) as n by Kind"), &events, &["Kind=inner n=3", "Kind=inner n=4"]);
    gives("P19", &map("Alpha=$Alpha$ | eval of=Amount . \\\"$Ref$\\\" | table of"), &events, &["of=1one", "of=2one"]);
    gives("P19", &map("Alpha=$Alpha$ | stats count | eval of=1"), &events, &["count=2 of=1", "count=1 of=1"]);
    gives("M3", &map("Alpha=$Alpha$ | stats count as P.n | `drop_dm_object_name(\\\"P\\\")`"), &events, &["n=1", "n=2"]);
    gives("P19", &map("(Alpha=\\\"$Alpha$\\\" OR Note=$Ref$*) | stats count"), &events, &["count=3"]);
    gives("P19", &map("$Ref$ | stats sum(Amount) as n"), &events, &["n=5"]);
    gives("P19", &map("NOT $Ref$ | table Amount"), &events, &["Amount=2"]);
    gives("P19", &map("Alpha=$Alpha$ Note=$Ref$ | table Amount"), &events, &[]);
}

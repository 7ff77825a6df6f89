//! Stages and functions by example, on rows that are given.

mod lookup;
mod stages;
mod texts;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Cell, Context, Fault, Operators, Row, RowOrigin, RuleLimits, call_function, digest, function, needs_order, time};
use crate::catalog::EventId;
use crate::ir::{
    Aggregate, AggregateFunction, BinaryOp, Case, Dedup, Field, Function, Glob, Match, Part, Pred, Rename, Scalar, SortKey, Stage, Stats,
    Test, Vocabulary,
};
use crate::plan::{Inner, Kind, RowColumn, RowSchema, Step};

fn cell(text: &str) -> Cell {
    match text.parse::<f64>() {
        Ok(number) if text.starts_with('#') => Cell::number_of(number),
        _ if text == "∅" => Cell::Null,
        _ => Cell::list_of(text.split('|').map(Arc::from).collect()),
    }
}

fn field(name: &str) -> Field {
    Field { name: name.into(), vocabulary: Vocabulary::Row }
}

fn scalar(name: &str) -> Scalar {
    Scalar::Field(field(name))
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.into())
}

fn call(function: Function, arguments: Vec<Scalar>) -> Scalar {
    Scalar::Call(function, arguments)
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Passes rows through stages. A `∅` is null, `a|b` a list; the rows are events 1, 2, … at as many seconds, in this order.
fn through(stages: &[Stage], names: &[&str], rows: &[&[&str]], limits: RuleLimits) -> Result<Vec<(String, RowOrigin)>, Fault> {
    let column = |name: &&str| RowColumn { name: (*name).to_owned(), kind: Kind::Text, multi: true, named: false };
    let first = RowSchema { columns: names.iter().map(column).collect() };
    let mut steps: Vec<Step> = Vec::new();
    for stage in stages {
        steps.push(steps.last().map_or(&first, |step| &step.row).after(stage, Inner::None));
    }
    let columns: Vec<String> = steps.last().map_or(&first, |step| &step.row).columns.iter().map(|c| c.name.clone()).collect();
    let context = Context::new(Some(1_000.0));
    let mut operators = Operators::new(&steps, &first, &context, limits, Vec::new())?;
    let mut out = Vec::new();
    let mut sink = |row: Row| {
        assert_eq!(row.cells.len(), columns.len(), "a cell for each column of the schema");
        let shown = columns
            .iter()
            .zip(&row.cells)
            .map(|(name, cell)| format!("{name}={}", cell.text().map_or_else(|| "∅".to_owned(), |text| text.replace('\n', "/"))));
        out.push((shown.collect::<Vec<_>>().join(" "), row.origin));
        Ok(ControlFlow::Continue(()))
    };
    for (id, row) in (1..).zip(rows) {
        let cells = row.iter().map(|text| cell(text)).collect();
        let origin = RowOrigin::Event { id: EventId(id), time_us: Some(id * 1_000_000) };
        if operators.push(Row { cells, origin }, &mut sink)?.is_break() {
            break;
        }
    }
    operators.finish(&mut sink)?;
    Ok(out)
}

fn shown(stages: &[Stage], names: &[&str], rows: &[&[&str]]) -> Vec<String> {
    through(stages, names, rows, RuleLimits::default()).unwrap().into_iter().map(|(row, _)| row).collect()
}

fn stats(aggregates: &[(AggregateFunction, Option<&str>, &str)], by: &[&str], fill: Option<&str>) -> Stats {
    let aggregate = |(function, argument, alias): &(AggregateFunction, Option<&str>, &str)| Aggregate {
        function: *function,
        argument: argument.map(scalar),
        alias: (*alias).into(),
    };
    Stats {
        aggregates: aggregates.iter().map(aggregate).collect(),
        by: by.iter().map(|n| field(n)).collect(),
        fill_null_by: fill.map(Into::into),
    }
}

const COUNT: (AggregateFunction, Option<&str>, &str) = (AggregateFunction::Count, None, "count");

#[test]
fn groups_know_their_events_and_their_key_whatever_happens_to_the_columns() {
    let keys: [Vec<Stage>; 5] = [
        vec![],
        vec![Stage::Keep(strings(&["count"]))],
        vec![Stage::Drop(strings(&["P.k"]))],
        vec![Stage::Rename(vec![Rename { from: "P.*".into(), to: "*".into() }])],
        vec![Stage::Eval(vec![("P.k".into(), text("x"))])],
    ];
    for after in keys {
        let stages = [vec![Stage::Stats(stats(&[COUNT], &["P.k"], None))], after].concat();
        let rows = through(&stages, &["P.k"], &[&["a"], &["b"], &["a"], &["∅"]], RuleLimits::default()).unwrap();
        let origins: Vec<(String, u64, Vec<i64>)> = rows
            .iter()
            .map(|(_, origin)| match origin.key() {
                super::RowKey::Group(key) => {
                    (key.pairs().next().unwrap().1.to_string(), origin.count(), origin.events().iter().map(|e| e.0).collect())
                }
                super::RowKey::Event(_) | super::RowKey::Made => panic!("these rows are groups"),
            })
            .collect();
        assert_eq!(origins, [("a".to_owned(), 2, vec![1, 3]), ("b".to_owned(), 1, vec![2])]);
        assert_eq!(rows[0].1.span_us(), (Some(1_000_000), Some(3_000_000)));
    }
}

#[test]
fn a_list_counts_once_for_each_member_and_its_event_once_in_a_group() {
    let rows = through(&[Stage::Stats(stats(&[COUNT], &["f"], None))], &["f"], &[&["a|b|a"], &["b"]], RuleLimits::default()).unwrap();
    assert_eq!(
        rows.iter().map(|(row, origin)| (row.as_str(), origin.count())).collect::<Vec<_>>(),
        [("f=a count=2", 1), ("f=b count=2", 2)]
    );
}

#[test]
fn missing_by_values_drop_the_row_or_are_filled_and_nothing_is_one_row() {
    assert_eq!(shown(&[Stage::Stats(stats(&[COUNT], &["f"], None))], &["f"], &[&["∅"]]), Vec::<String>::new());
    assert_eq!(shown(&[Stage::Stats(stats(&[COUNT], &["f"], Some("null")))], &["f"], &[&["∅"]]), ["f=null count=1"]);
    assert_eq!(shown(&[Stage::Stats(stats(&[COUNT], &[], None))], &["f"], &[]), ["count=0"]);
}

#[test]
fn every_aggregate() {
    let all = AggregateFunction::ALL.map(|function| {
        let name: &'static str = function.name().into_owned().leak();
        (function, Some("x"), name)
    });
    let rows: &[&[&str]] = &[&["10", "3"], &["9|a", "2"], &["B", "1"], &["∅", "0"], &["10", "4"]];
    let row = shown(&[Stage::Stats(stats(&all, &[], None))], &["x", "_time"], rows).remove(0);
    let given: Vec<&str> = row.split(' ').collect();
    let expected = "count=5 dc=4 min=9 max=a sum=29 sumsq=281 avg=9.6666 stdev=0.5773 stdevp=0.4714 var=0.3333 varp=0.2222 range=1 mode=10 \
                    values=10/9/B/a list=10/9/a/B/10 earliest=B latest=10 earliest_time=1 latest_time=4 rate=∅ first=10 last=10 median=10 \
                    perc90=10";
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(given.len(), expected.len());
    // Fractions by their first digits.
    given.iter().zip(expected).for_each(|(given, expected)| assert!(given.starts_with(expected), "{given} and {expected}"));
}

#[test]
fn eventstats_keeps_the_rows_and_those_of_no_group_as_they_are() {
    let stages = [Stage::EventStats(stats(&[COUNT], &["f"], None))];
    assert_eq!(
        shown(&stages, &["f", "count"], &[&["a", "x"], &["∅", "y"], &["a|b", "z"]]),
        ["f=a count=2", "f=∅ count=y", "f=a/b count=2"]
    );
}

#[test]
fn stages_in_a_row() {
    let like = |name: &str, suffix: &str| {
        let glob = Glob::new([Part::Any, Part::Text(suffix.into())]);
        Pred::Match(Match { field: field(name), test: Test::Glob { glob, case: Case::Ignore }, negated: false, span: 0..0 })
    };
    let stages = [
        Stage::Rename(vec![Rename { from: "s".into(), to: "share".into() }, Rename { from: "gone".into(), to: "m".into() }]),
        Stage::Filter(like("share", "X")),
        Stage::Dedup(Dedup::first(1, strings(&["share"]))),
        Stage::Sort { keys: vec![SortKey::auto("n", false)], limit: Some(3) },
        Stage::FillNull { fields: strings(&["n", "new"]), value: "0".into() },
        Stage::Bin { field: "t".into(), span: 300.0, alias: Some("bucket".into()) },
        Stage::FormatTime { fields: strings(&["t"]), format: "%H:%M".into() },
        Stage::Keep(strings(&["share", "n", "new", "bucket", "t", "absent"])),
        Stage::Head(2),
    ];
    let rows: &[&[&str]] =
        &[&["ax", "10", "1", "3700"], &["ax", "1", "1", "0"], &["bx", "9", "1", "no"], &["c", "1", "1", "1"], &["dx", "∅", "1", "61"]];
    assert_eq!(
        shown(&stages, &["s", "n", "m", "t"], rows),
        ["share=bx n=9 new=0 bucket=∅ t=no absent=∅", "share=ax n=10 new=0 bucket=3600 t=01:01 absent=∅"]
    );
}

#[test]
fn without_fields_fillnull_leaves_what_is_null_everywhere() {
    let stages = [Stage::FillNull { fields: Vec::new(), value: "0".into() }];
    assert_eq!(shown(&stages, &["a", "b"], &[&["∅", "∅"], &["x", "∅"]]), ["a=0 b=∅", "a=x b=∅"]);
}

#[test]
fn memory_has_a_limit() {
    let stages = [Stage::Sort { keys: vec![SortKey::auto("a", false)], limit: None }];
    let long = "x".repeat(2_000);
    let row: &[&str] = &[&long];
    let fault = through(&stages, &["a"], &[row; 10], RuleLimits { memory_bytes: 10_000 }).unwrap_err();
    assert_eq!(fault.code(), "exec-memory");
}

/// What a rule needs of few rows may still be more than any machine has.
#[test]
fn what_multiplies_has_a_limit_before_it_is_made() {
    let limits = RuleLimits { memory_bytes: 1_000_000 };
    let many = (0..1_000).map(|i| i.to_string()).collect::<Vec<_>>().join("|");
    let row: [&str; 3] = [&many, &many, &many];
    let by = || stats(&[COUNT], &["a", "b", "c"], None);
    let (long, longer) = ("x".repeat(10_000), "x".repeat(100_000));
    let double = || Scalar::Binary(BinaryOp::Concat, Box::new(scalar("a")), Box::new(scalar("a")));
    let eval = |value| Stage::Eval(vec![("a".to_owned(), value)]);
    let cases: Vec<(Vec<Stage>, [&str; 3])> = vec![
        (vec![Stage::Stats(by())], row),
        (vec![Stage::EventStats(by())], row),
        ((0..40).map(|_| eval(double())).collect(), ["abc", "", ""]),
        ((0..40).map(|_| eval(call(Function::MvAppend, vec![scalar("a"), scalar("a")]))).collect(), ["abc", "", ""]),
        (vec![eval(call(Function::Replace, vec![scalar("a"), text(""), scalar("a")]))], [&long, "", ""]),
        (vec![eval(call(Function::MvJoin, vec![scalar("b"), scalar("a")]))], [&long, &many, ""]),
        (vec![eval(call(Function::Split, vec![scalar("a"), text("")]))], [&longer, "", ""]),
        (vec![eval(call(Function::MvRange, vec![Scalar::Number(0.0), Scalar::Number(1e9)]))], ["", "", ""]),
    ];
    for (place, (stages, row)) in cases.iter().enumerate() {
        let fault = through(stages, &["a", "b", "c"], &[row.as_slice()], limits).err().map(|fault| fault.code());
        assert_eq!(fault, Some("exec-memory"), "case {place}");
    }
    // The same for each of many rows is no more than once.
    let rows: Vec<&[&str]> = vec![&["abc", "", ""]; 1_000];
    assert_eq!(shown(&[eval(double())], &["a", "b", "c"], &rows).len(), 1_000);
}

#[test]
fn the_texts_that_groups_keep_are_counted() {
    use AggregateFunction::{First, Last, Latest, Max};
    let long = "x".repeat(2_000);
    let rows: Vec<[String; 3]> = (0..100).map(|i| [i.to_string(), long.clone(), i.to_string()]).collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let limits = RuleLimits { memory_bytes: 100_000 };
    for function in [First, Last, Latest, Max] {
        let by = |by| [Stage::Stats(stats(&[(function, Some("b"), "kept")], &[by], None))];
        assert_eq!(through(&by("a"), &["a", "b", "_time"], &rows, limits).unwrap_err().code(), "exec-memory", "{function:?}");
        // One takes the place of another: the memory of one.
        assert_eq!(through(&by("b"), &["a", "b", "_time"], &rows, limits).unwrap().len(), 1, "{function:?}");
    }
}

#[test]
fn large_expressions_of_events_are_forgotten_sooner() {
    let context = Context::default();
    let known = |pattern: &str| {
        context.regex(pattern).unwrap();
        context.regexes.borrow().known.len()
    };
    assert_eq!((0..20).map(|i| known(&format!("a{i}"))).max(), Some(20));
    let large: Vec<usize> = (0..17).map(|i| known(&format!("{i}[a-z]{{20000}}"))).collect();
    assert_eq!((large[15], large[16]), (20 + 16, 1));
}

#[test]
fn a_computed_expression_that_does_not_compile_finds_nothing() {
    let stages = [Stage::Filter(Pred::Scalar(call(Function::Match, vec![text("x"), scalar("a")])))];
    assert_eq!(shown(&stages, &["a"], &[&["^x$"], &["("], &["y"]]), ["a=^x$"]);
}

#[test]
fn the_order_of_events_counts_only_where_it_shows() {
    let count = Stage::Stats(stats(&[COUNT], &["a"], None));
    let first = Stage::Stats(stats(&[(AggregateFunction::First, Some("b"), "b")], &["a"], None));
    assert!(!needs_order(&[count.clone(), Stage::Head(1)]));
    assert!(needs_order(&[first]) && needs_order(&[Stage::Head(1), count]) && needs_order(&[]));
}

#[test]
fn expressions() {
    let value = |expression: Scalar| {
        let stages = [Stage::Eval(vec![("x".into(), expression)]), Stage::Keep(strings(&["x"]))];
        shown(&stages, &["m", "n"], &[&["0x1|0x2|0x1", "10"]]).remove(0).strip_prefix("x=").unwrap().to_owned()
    };
    let binary = |op, a, b| Scalar::Binary(op, Box::new(a), Box::new(b));
    let on_list = |function, rest: Vec<Scalar>| call(function, [scalar("m")].into_iter().chain(rest).collect());
    for (expression, expected) in [
        (on_list(Function::MvCount, vec![]), "3"),
        (on_list(Function::MvIndex, vec![Scalar::Number(-2.0)]), "0x2"),
        (on_list(Function::MvDedup, vec![]), "0x1/0x2"),
        (on_list(Function::MvJoin, vec![text("+")]), "0x1+0x2+0x1"),
        (on_list(Function::MvFind, vec![text("2$")]), "1"),
        (call(Function::MvFilter, vec![on_list(Function::Match, vec![text("1$")])]), "0x1/0x1"),
        (call(Function::Replace, vec![text("a-b"), text("(a)-(b)"), text(r"\2$\1")]), "b$a"),
        (call(Function::Split, vec![text("a,b"), text(",")]), "a/b"),
        (call(Function::RelativeTime, vec![Scalar::Number(45_296.0), text("-70m@m")]), "41040"),
        (call(Function::ToNumber, vec![text("0A4"), Scalar::Number(16.0)]), "164"),
        (call(Function::Now, vec![]), "1000"),
        (call(Function::If, vec![call(Function::IsNull, vec![scalar("gone")]), text("a"), text("b")]), "a"),
        (call(Function::Validate, vec![Scalar::Bool(true), text("a"), Scalar::Null, text("b")]), "b"),
        (binary(BinaryOp::Divide, scalar("n"), Scalar::Number(0.0)), "∅"),
        (binary(BinaryOp::Modulo, Scalar::Number(-7.0), Scalar::Number(3.0)), "-1"),
        (binary(BinaryOp::Modulo, Scalar::Number(7.0), Scalar::Number(0.0)), "∅"),
        (binary(BinaryOp::Add, scalar("n"), Scalar::Number(2.0)), "12"),
        (binary(BinaryOp::Add, scalar("n"), text("2")), "102"),
        (binary(BinaryOp::Concat, scalar("n"), Scalar::Number(2.0)), "102"),
        (binary(BinaryOp::Lt, text("9"), scalar("n")), "True"),
        (binary(BinaryOp::Lt, text("a"), text("B")), "False"),
        (binary(BinaryOp::Eq, Scalar::Null, Scalar::Null), "False"),
        (Scalar::Not(Box::new(binary(BinaryOp::Eq, scalar("gone"), text("x")))), "True"),
    ] {
        assert_eq!(value(expression.clone()), expected, "{expression:?}");
    }
}

#[test]
fn functions_of_values() {
    use Function::{CidrMatch, Len, Like, Lower, Max, Md5, MvIndex, MvSort, Round, Strftime, ToString, Trim, Upper, UrlDecode};
    let number = Cell::number_of;
    let cell = |text: &str| cell(text);
    for (function, arguments, expected) in [
        (Round, vec![number(2.345), number(2.0)], "2.35"),
        (ToString, vec![number(15.0), cell("hex")], "0xF"),
        (ToString, vec![number(12_345.678_9), cell("commas")], "12,345.68"),
        (ToString, vec![number(90_061.0), cell("duration")], "1+01:01:01"),
        (Max, vec![number(1.0), cell("c"), number(100.0)], "c"),
        (UrlDecode, vec![cell("a%20b%2")], "a b%2"),
        (CidrMatch, vec![cell("10.0.0.0/8"), cell("10.1.1.1")], "True"),
        (Lower, vec![cell("ÄB|C")], "äb\nc"),
        (Upper, vec![cell("äß")], "Äß"),
        (Len, vec![cell("äöü")], "3"),
        (Trim, vec![cell(" \ta ")], "a"),
        (Like, vec![cell("a_b"), cell("a%")], "True"),
        (MvSort, vec![cell("b|10|9")], "10\n9\nb"),
        (MvIndex, vec![cell("a|b"), number(2.0)], "∅"),
        (Md5, vec![cell("abc")], "900150983cd24fb0d6963f7d28e17f72"),
        (Strftime, vec![number(300.343), cell("%F %H:%M:%S.%3N")], "1970-01-01 00:05:00.343"),
    ] {
        let made = call_function(function, &arguments, &Context::default()).unwrap();
        assert_eq!(made.text().as_deref().unwrap_or("∅"), expected, "{function:?} {arguments:?}");
    }
}

#[test]
fn every_function_has_one_name_and_takes_missing_values() {
    for function in Function::ALL.iter().copied() {
        assert_eq!(Function::named(function.name()), Some(function));
        let nothing = vec![Cell::Null; function.arity().0];
        call_function(function, &nothing, &Context::default()).unwrap();
    }
}

#[test]
fn times() {
    let noon = 1_706_702_700.5; // 2024-01-31 12:05:00.5, a Wednesday
    for (format, expected) in [
        ("%c", "Wed Jan 31 12:05:00 2024"),
        ("%+", "Wed Jan 31 12:05:00 UTC 2024"),
        ("%x %X %D %F %T %R %r", "01/31/24 12:05:00 01/31/24 2024-01-31 12:05:00 12:05 12:05:00 PM"),
        ("%A %a %w %u %B %b %h %d %e %j %y %Y %C", "Wednesday Wed 3 3 January Jan Jan 31 31 031 24 2024 20"),
        ("%U %W %V %G %g", "04 05 05 2024 24"),
        ("%H %k %I %l %M %S %p %P", "12 12 12 12 05 00 PM pm"),
        ("%N %3N %6N %Q %1Q %f %s", "500000000 500 500000 500 5 500000 1706702700"),
        ("%z %:z %::z %Ez %Z %% %n%t", "+0000 +00:00 +00:00:00 +0 UTC % \n\t"),
        ("%i %5Y %", "%i %5Y %"),
    ] {
        assert_eq!(time::strftime(noon, format).as_deref(), Some(expected), "{format}");
    }
    for (text, format, expected) in [
        ("Wed Jan 31 12:05:00 2024", "%c", Some(1_706_702_700.0)),
        ("Wed Jan 31 07:05:00 EST 2024", "%+", Some(1_706_702_700.0)),
        ("31-Jan-24  1:05 pm", "%d-%b-%y %I:%M %p", Some(1_706_706_300.0)),
        ("2024-01-31T12:05:00.25+02:00", "%Y-%m-%dT%H:%M:%S.%N%:z", Some(1_706_695_500.25)),
        ("2024 031", "%Y %j", Some(1_706_659_200.0)),
        ("1706702700.5", "%s.%1N", Some(noon)),
        ("12 AM 2024/1/5", "%I %p %Y/%m/%e", Some(1_704_412_800.0)),
        ("2024-02-30", "%F", None),
        ("2024-01-31 rest", "%F", None),
        ("12:05", "%H:%M", None),
        ("13 PM 2024-01-31", "%I %p %F", None),
        ("2024-01-31 XYZ", "%F %Z", None),
    ] {
        assert_eq!(time::strptime(text, format), expected, "{text} by {format}");
    }
    assert_eq!(time::strftime(noon, "%Y-%m-%dT%H:%M:%S.%3N %a %j %%").as_deref(), Some("2024-01-31T12:05:00.500 Wed 031 %"));
    assert_eq!(time::strftime(noon, "%m/%d/%Y %I:%M %p").as_deref(), Some("01/31/2024 12:05 PM"));
    assert_eq!(time::strftime(f64::MAX, "%Y"), None);
    assert_eq!(time::strptime("2024-01-31 12:05:00", "%Y-%m-%d %H:%M:%S"), Some(1_706_702_700.0));
    assert_eq!(time::strptime("2024-01-31", "%Y-%m-%d"), Some(1_706_659_200.0));
    assert_eq!(time::strptime("no", "%Y"), None);
    for (specifier, expected) in [
        ("-1h@h", 1_706_698_800.0),
        ("@d", 1_706_659_200.0),
        ("@w0", 1_706_400_000.0),
        ("-1mon@mon", 1_701_388_800.0),
        ("+1d@d+2h", 1_706_752_800.0),
        ("@q", 1_704_067_200.0),
        ("@w7", 1_706_400_000.0),
        ("@w3", 1_706_659_200.0),
        ("-1mon@mon+7d", 1_701_993_600.0),
        ("@y", 1_704_067_200.0),
        ("-1qtr", 1_698_753_900.5),
        ("+1mon", 1_709_208_300.5),
        ("now", 1_706_702_700.5),
    ] {
        assert_eq!(time::relative_time(noon, specifier), Some(expected), "{specifier}");
    }
    assert_eq!(time::relative_time(noon, "-1x"), None);
}

#[test]
fn digests_of_every_length() {
    assert_eq!(digest::md5(""), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(
        digest::md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
        "57edf4a22be3c955ac49da2e2107b67a"
    );
    assert_eq!(digest::md5(&"a".repeat(63)), "b06521f39153d618550606be297466d5");
    assert_eq!(digest::sha1(&"a".repeat(63)), "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
    assert_eq!(digest::sha1(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert!(digest::sha512("abc").starts_with("ddaf35a193617aba"));
    assert_eq!(digest::md5(&"a".repeat(56)), "3b0c8ac703f828b04c6c197006d17218");
    assert_eq!(digest::sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn substr_counts_from_one_and_from_the_end() {
    for (from, length, expected) in [
        (1, None, "äbcde"),
        (2, Some(2), "bc"),
        (0, Some(2), "ä"),
        (-2, None, "de"),
        (-2, Some(1), "d"),
        (-9, Some(7), "äbc"),
        (3, Some(-2), "äb"),
        (9, Some(1), ""),
    ] {
        assert_eq!(function::substr("äbcde", f64::from(from), length.map(f64::from)), expected, "{from} {length:?}");
    }
}

/// Rules E8, E10, E11, E13 to E15 of docs/spl.md.
#[test]
fn functions_of_kinds_lists_numbers_and_bits() {
    use Function as F;
    let number = Cell::number_of;
    let (one, list) = (Cell::text_of, |text: &str| cell(text));
    for (function, arguments, expected) in [
        (F::TypeOf, vec![number(1.0)], "Number"),
        (F::TypeOf, vec![one("1")], "Number"),
        (F::TypeOf, vec![one("a")], "String"),
        (F::TypeOf, vec![Cell::Bool(true)], "Bool"),
        (F::TypeOf, vec![list("a|b")], "Multivalue"),
        (F::TypeOf, vec![Cell::Null], "Invalid"),
        (F::IsInt, vec![one("5")], "True"),
        (F::IsInt, vec![one("5.0")], "False"),
        (F::IsDouble, vec![one("5.0")], "True"),
        (F::IsStr, vec![one("5")], "False"),
        (F::IsNum, vec![list("1|2")], "False"),
        (F::Len, vec![list("a|b")], "∅"),
        (F::ToString, vec![list("10|x"), one("hex")], "0xA\nx"),
        (F::Like, vec![list("ab|cd"), one("c%")], "True"),
        (F::Match, vec![list("ab|cd"), one("^d")], "False"),
        (F::MvZip, vec![list("1|2|3"), list("x|y")], "1,x\n2,y"),
        (F::MvRange, vec![number(1.0), number(11.0), number(4.0)], "1\n5\n9"),
        (F::MvRange, vec![number(0.0), number(200_000.0), one("1d")], "0\n86400\n172800"),
        (F::MvRange, vec![number(3.0), number(3.0)], "∅"),
        (F::MvReverse, vec![list("a|b|c")], "c\nb\na"),
        (F::Commands, vec![one("search a [| tstats x] | stats count | eval b=\"|\"")], "search\nstats\neval"),
        (F::Sum, vec![one("1"), list("2|x|3"), Cell::Null], "6"),
        (F::Avg, vec![one("1"), one("2")], "1.5"),
        (F::SigFig, vec![number(1.5)], "1.5"),
        (F::Pi, vec![], "3.141592653589793"),
        (F::Atan2, vec![number(1.0), number(1.0)], "0.7853981633974483"),
        (F::Acos, vec![number(2.0)], "∅"),
        (F::BitAnd, vec![number(12.0), number(10.0)], "8"),
        (F::BitXor, vec![number(12.0), number(10.0)], "6"),
        (F::BitNot, vec![number(1.0), number(7.0)], "6"),
        (F::BitShiftLeft, vec![number(1.0), number(52.0)], "4503599627370496"),
        (F::BitShiftLeft, vec![number(1.0), number(53.0)], "∅"),
        (F::BitShiftRight, vec![number(8.0), number(100.0)], "0"),
        (F::BitOr, vec![number(-1.0), number(1.0)], "∅"),
        (F::IpMask, vec![one("0.255.0.244"), one("10.20.30.120")], "0.20.0.112"),
        (F::ToBool, vec![one("No")], "False"),
        (F::ToBool, vec![one("maybe")], "∅"),
        (F::ToInt, vec![one("-7.9")], "-7"),
        (F::ToNumber, vec![one("0XfF"), number(16.0)], "255"),
    ] {
        gives(function, &arguments, expected);
    }
}

/// Asserts what a function gives, as a text.
#[track_caller]
fn gives(function: Function, arguments: &[Cell], expected: &str) {
    let made = call_function(function, arguments, &Context::default()).unwrap();
    assert_eq!(made.text().as_deref().unwrap_or("∅"), expected, "{function:?} {arguments:?}");
}

/// Rules E16 and E18 of docs/spl.md.
#[test]
fn functions_of_json() {
    use Function as F;
    let number = Cell::number_of;
    let (one, list) = (Cell::text_of, |text: &str| cell(text));
    for (function, arguments, expected) in [
        (F::JsonObject, vec![one("k"), number(1.0), one("l"), one("[true]"), one("m"), list("a|b")], r#"{"k":1,"l":[true],"m":["a","b"]}"#),
        (F::JsonArray, vec![one("a"), Cell::Null, Cell::Bool(false)], r#"["a",null,false]"#),
        (F::JsonExtract, vec![one(r#"{"a":[{"b":1.50},{"b":2}]}"#), one("a{0}.b")], "1.50"),
        (F::JsonExtract, vec![one(r#"{"a":[{"b":1.50},{"b":2}]}"#), one("a{}.b")], "[1.50,2]"),
        (F::JsonExtractExact, vec![one(r#"{"a.b":"x"}"#), one("a.b")], "x"),
        (F::JsonHasKeyExact, vec![one(r#"{"a.b":"x"}"#), one("a")], "False"),
        (F::JsonKeys, vec![one(r#"{"b":1,"a":2}"#)], r#"["b","a"]"#),
        (F::JsonSet, vec![one(r#"{"a":{"b":1}}"#), one("a.b"), number(2.0), one("a.c.d"), one("[1]")], r#"{"a":{"b":2,"c":{"d":[1]}}}"#),
        (
            F::JsonSet,
            vec![one(r#"{"a":[{"b":1},{"b":2}]}"#), one("a{}.b"), one("x"), one("a{5}"), one("y")],
            r#"{"a":[{"b":"x"},{"b":"x"}]}"#,
        ),
        (F::JsonSet, vec![one("{x"), one("a"), one("b")], "∅"),
        (F::JsonSet, vec![one("{}"), one("a{x}"), one("b")], "∅"),
        (F::JsonSetExact, vec![one("{}"), one("a.b"), Cell::Bool(true)], r#"{"a.b":true}"#),
        (F::JsonAppend, vec![one(r#"{"a":[1],"b":2}"#), one("a"), one("[2,3]"), one("b"), one("x")], r#"{"a":[1,[2,3]],"b":2}"#),
        (F::JsonExtend, vec![one(r#"{"a":[1]}"#), one("a"), one("[2,3]"), one("a"), one("x")], r#"{"a":[1,2,3,"x"]}"#),
        (F::JsonDelete, vec![one(r#"{"a":{"b":1,"c":2},"d":[1,2]}"#), one("a.b"), one("d{0}"), one("none")], r#"{"a":{"c":2},"d":[2]}"#),
        (F::IsArray, vec![one("[1]")], "True"),
        (F::IsObject, vec![one("[1]")], "False"),
        (F::JsonValid, vec![one("{x")], "False"),
        (F::Json, vec![one("{x")], "∅"),
        (F::JsonArrayToMv, vec![one(r#"["a",1]"#)], "a\n1"),
        (F::JsonArrayToMv, vec![one(r#"["a",1]"#), Cell::Bool(true)], "\"a\"\n1"),
        (F::MvToJsonArray, vec![list("1|a"), Cell::Bool(true)], r#"[1,"a"]"#),
        (F::ToJson, vec![one("a\"b")], r#""a\"b""#),
        (F::Spath, vec![one(r#"{"k":[{"z":"v"},{"z":"w"}]}"#), one("k{}.z")], "v\nw"),
    ] {
        gives(function, &arguments, expected);
    }
}

/// Rule E7: a pattern that goes back and forth for too long is the rule's fault, never a hang and never no match.
#[test]
fn look_around_runs_within_a_limit() {
    let context = Context::default();
    let matches = |pattern: &str, text: &str| context.pattern(pattern).unwrap().is_match(text);
    assert_eq!(matches(r"(?<!x)y", "ay"), Ok(true));
    assert_eq!(matches(r"(?:(.)\1)", "abba"), Ok(true));
    let fault = matches(r"^(?:(a+)\1?)+b", &"a".repeat(60)).unwrap_err();
    assert_eq!(fault.code(), "exec-regex-backtracking");
    assert!(context.pattern("(").is_err());
    let replaced = [Cell::text_of("a1b2"), Cell::text_of(r"(?<=[a-z])(\d)"), Cell::text_of(r"<\1>")];
    assert_eq!(call_function(Function::Replace, &replaced, &context).unwrap(), Cell::text_of("a<1>b<2>"));
}

#[test]
fn spath_reads_xml_and_rex_looks_around() {
    let xml = [Cell::text_of("<a><b>x</b><b>y</b></a>"), Cell::text_of("a.b{2}")];
    assert_eq!(call_function(Function::Spath, &xml, &Context::default()).unwrap(), Cell::text_of("y"));
    let extract = |max_match| {
        Stage::Extract(crate::ir::Extract {
            field: "a".into(),
            pattern: r"(?<=[a-z])(?P<digit>\d)".into(),
            names: strings(&["digit"]),
            max_match,
        })
    };
    assert_eq!(shown(&[extract(None)], &["a"], &[&["a1b2 3c4"]]), ["a=a1b2 3c4 digit=1/2/4"]);
    assert_eq!(shown(&[extract(Some(2))], &["a"], &[&["a1b2 3c4"]]), ["a=a1b2 3c4 digit=1/2"]);
}

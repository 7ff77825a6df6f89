//! Every statement is run: what is printed is parsed again by sqlparser, executed by SQLite, and its rows compared.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::dialect::Dialect;
use super::{Statement, ast, portable};
use crate::catalog::{Catalog, EventId};
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue, Names, TextSpan, TypeKey};
use crate::ir::{
    Aggregate, AggregateFunction, BinaryOp, Case, Dedup, Field, FieldCompare, Function, Glob, Match, NumberOp, Part, Pred, Query, Rename,
    Scalar, Scope, SortKey, Source, Stage, Stats, Test, Vocabulary,
};
use crate::plan::{Branch, FieldExpr, FieldFunction, Plan, RowSchema, RowSource, plan};
use crate::store::{SourceEnd, SourceStart, SqlValue, Store};
use crate::taxonomy::Taxonomy;

fn span(batch: &mut EventBatch, text: &str) -> TextSpan {
    let start = u32::try_from(batch.text.len()).unwrap();
    batch.text.push_str(text);
    TextSpan { start, end: u32::try_from(batch.text.len()).unwrap() }
}

/// An event: event code, seconds since 1970, fields. Members of a list are parted by `|`.
type Row<'a> = (&'a str, i64, &'a [(&'a str, &'a str)]);

fn store_of(rows: &[Row<'_>]) -> Store {
    let (names, mut batch) = (Names::default(), EventBatch::default());
    for (position, (code, seconds, fields)) in (1..).zip(rows) {
        let key = names.intern_key(&TypeKey { product: "windows".into(), dataset: "Security".into(), code: (*code).into() });
        let fields_start = u32::try_from(batch.fields.len()).unwrap();
        for (name, value) in *fields {
            let value = if value.contains('|') {
                let start = u32::try_from(batch.members.len()).unwrap();
                for member in value.split('|') {
                    let member = span(&mut batch, member);
                    batch.members.push(member);
                }
                FieldValue::List { start, end: u32::try_from(batch.members.len()).unwrap() }
            } else {
                FieldValue::Text(span(&mut batch, value))
            };
            batch.fields.push(FieldEntry { name: names.intern(name), value });
        }
        let host = Some(span(&mut batch, "dc1"));
        let fields_end = u32::try_from(batch.fields.len()).unwrap();
        let message = Some(span(&mut batch, "rendered text"));
        batch.events.push(BatchEvent {
            key,
            time_us: Some(seconds * 1_000_000 + 343_360),
            host,
            record: Some(position),
            identity: None,
            position: u64::try_from(position).unwrap(),
            recovered: false,
            message,
            fields_start,
            fields_end,
        });
    }
    let mut store = Store::in_memory().unwrap();
    let mut writer = store.writer().unwrap();
    writer.begin_source(&SourceStart { path: "a".into() }).unwrap();
    writer.append(&batch, &names).unwrap();
    writer.finish_source(&SourceEnd { format: "test".into(), sha256: "1".into(), bytes: 1, ..SourceEnd::default() }).unwrap();
    drop(writer);
    store.make_views(&[]).unwrap();
    store
}

fn field(name: &str) -> Field {
    Field { name: name.into(), vocabulary: Vocabulary::Splunk }
}

fn test(name: &str, test: Test) -> Pred {
    Pred::Match(Match { field: field(name), test, negated: false, span: 0..0 })
}

fn glob(name: &str, pattern: &str) -> Pred {
    let parts = pattern.split('*').enumerate().flat_map(|(i, t)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(t.into())]));
    test(name, Test::Glob { glob: Glob::new(parts), case: Case::Ignore })
}

fn show(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "∅".into(),
        SqlValue::Integer(n) => n.to_string(),
        SqlValue::Real(n) => n.to_string(),
        SqlValue::Text(t) => t.replace('\n', "/"),
        SqlValue::Blob(b) => panic!("no result holds bytes: {b:?}"),
    }
}

fn run(store: &Store, statement: &Statement) -> Vec<String> {
    assert_eq!(statement.not_portable, []);
    Parser::parse_sql(&SQLiteDialect {}, &statement.sql).unwrap_or_else(|e| panic!("{e}\n{}", statement.sql));
    let result = store.run(&statement.sql, &[]).unwrap_or_else(|e| panic!("{e}\n{}", statement.sql));
    assert_eq!(result.columns, statement.row.columns, "{}", statement.sql);
    result.rows.iter().map(|row| row[..statement.row.shown].iter().map(show).collect::<Vec<_>>().join(" ")).collect()
}

fn planned(store: &Store, filter: Pred, stages: Vec<Stage>) -> (Plan, Catalog) {
    let catalog = store.catalog().unwrap();
    let query = Query { source: Source::Events(Scope::Any), filter, stages };
    (plan(&query, &[], &catalog, Taxonomy::embedded()), catalog)
}

/// The ids that the filter gives.
fn ids(store: &Store, filter: Pred) -> Vec<String> {
    let (plan, catalog) = planned(store, filter, Vec::new());
    run(store, &portable(&plan, &catalog).unwrap()).iter().map(|row| row.split(' ').next().unwrap().to_owned()).collect()
}

/// The rows that stages give.
fn rows(store: &Store, filter: Pred, stages: Vec<Stage>) -> Vec<String> {
    let (plan, catalog) = planned(store, filter, stages);
    let statement = portable(&plan, &catalog).unwrap();
    assert!(!statement.sql.contains("retro_"), "{}", statement.sql);
    run(store, &statement)
}

fn stats(aggregates: &[(AggregateFunction, Option<&str>, &str)], by: &[&str], fill: Option<&str>) -> Stage {
    let aggregate = |(function, argument, alias): &(AggregateFunction, Option<&str>, &str)| Aggregate {
        function: *function,
        argument: argument.map(|name| Scalar::Field(field(name))),
        alias: (*alias).into(),
    };
    Stage::Stats(Stats {
        aggregates: aggregates.iter().map(aggregate).collect(),
        by: by.iter().map(|n| field(n)).collect(),
        fill_null_by: fill.map(Into::into),
    })
}

const SHARE: [Row<'static>; 6] = [
    ("5145", 100, &[("ShareName", r"\\*\C$"), ("RelativeTargetName", r"a\EVIL.exe"), ("Mask", "0x2"), ("N", "10")]),
    ("5145", 200, &[("ShareName", r"\\*\C$"), ("RelativeTargetName", r"a\evil.exe"), ("Mask", "0x2"), ("N", "9")]),
    ("5145", 300, &[("ShareName", r"\\*\IPC$"), ("RelativeTargetName", "b_%.dll"), ("Mask", "0x1|0x2|0x1"), ("N", "abc")]),
    ("5140", 400, &[("ShareName", r"\\*\C$"), ("Mask", "ÄÖ"), ("Hashes", "MD5=a,SHA256=B")]),
    ("5140", 500, &[("ShareName", ""), ("Mask", "äö"), ("user", "DOM\\bob")]),
    ("5140", 600, &[("Pid", "0x1f4"), ("Data", "DWORD (0x00000001)"), ("N", "-1.5e2")]),
];

#[test]
fn filters_with_wildcards_case_lists_and_missing_fields() {
    let store = store_of(&SHARE);
    assert_eq!(ids(&store, glob("ShareName", r"\\*\c$")), ["1", "2", "4"]);
    assert_eq!(ids(&store, glob("RelativeTargetName", "*.EXE")), ["1", "2"]);
    assert_eq!(ids(&store, glob("RelativeTargetName", "b_%.dll")), ["3"]);
    assert_eq!(ids(&store, glob("RelativeTargetName", "b_?.dll")), Vec::<String>::new());
    assert_eq!(ids(&store, glob("Mask", "0X1")), ["3"]);
    assert_eq!(ids(&store, glob("Mask", "äÖ")), ["4", "5"]);
    assert_eq!(ids(&store, Pred::Not(Box::new(glob("Mask", "0x2")))), ["4", "5", "6"]);
    assert_eq!(ids(&store, test("Mask", Test::Exists)), ["1", "2", "3", "4", "5"]);
    assert_eq!(ids(&store, glob("ShareName", "")), ["5"]);
    assert_eq!(ids(&store, Pred::Not(Box::new(glob("ShareName", "*\0*")))), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(ids(&store, test("N", Test::Number { op: NumberOp::Lt, value: 10.0 })), ["2", "6"]);
    assert_eq!(ids(&store, test("N", Test::TextOrder { op: NumberOp::Ge, value: "9".into() })), ["2", "3"]);
    let exact = |pattern: &str| {
        test("RelativeTargetName", Test::Glob { glob: Glob::new([Part::Any, Part::Text(pattern.into())]), case: Case::Exact })
    };
    assert_eq!(ids(&store, exact("evil.exe")), ["2"]);
    let Pred::Match(m) = glob("Mask", "0x1") else { unreachable!() };
    assert_eq!(ids(&store, Pred::Match(Match { negated: true, ..m })), ["1", "2", "3", "4", "5"]);
}

#[test]
fn the_first_detection_of_all_as_a_pipeline() {
    use AggregateFunction::{Count, Max, Min, Values};
    let store = store_of(&SHARE);
    let filter = || Pred::And(vec![glob("ShareName", r"\\*\C$"), glob("RelativeTargetName", "*.exe")]);
    let stages = vec![
        stats(
            &[
                (Min, Some("_time"), "firstTime"),
                (Max, Some("_time"), "lastTime"),
                (Count, None, "count"),
                (Values, Some("RelativeTargetName"), "files"),
            ],
            &["ShareName", "Mask"],
            None,
        ),
        Stage::FormatTime { fields: vec!["firstTime".into()], format: "%Y-%m-%dT%H:%M:%S".into() },
        Stage::Filter(Pred::True),
    ];
    let expected = r"\\*\C$ 0x2 1970-01-01T00:01:40 200.34336 2 a\EVIL.exe/a\evil.exe";
    assert_eq!(rows(&store, filter(), stages), [expected]);
}

#[test]
fn groups_by_lists_missing_values_and_nothing() {
    use AggregateFunction::{Count, Max, Min};
    let store = store_of(&SHARE);
    let count = |by: &[&str], fill| vec![stats(&[(Count, None, "count")], by, fill)];
    assert_eq!(rows(&store, Pred::True, count(&["Mask"], None)), ["0x1 2", "0x2 3", "ÄÖ 1", "äö 1"]);
    assert_eq!(rows(&store, Pred::True, count(&["Mask"], Some("null"))), ["0x1 2", "0x2 3", "null 1", "ÄÖ 1", "äö 1"]);
    assert_eq!(rows(&store, Pred::True, count(&["Absent"], Some("null"))), ["null 6"]);
    assert_eq!(rows(&store, Pred::True, count(&["Absent"], None)), Vec::<String>::new());
    assert_eq!(rows(&store, Pred::False, count(&[], None)), ["0"]);
    assert_eq!(rows(&store, Pred::True, vec![stats(&[(Min, Some("N"), "a"), (Max, Some("N"), "b")], &[], None)]), ["-150 abc"]);
}

#[test]
fn stages_in_a_row() {
    use AggregateFunction::{Count, Max};
    let store = store_of(&SHARE);
    let name = |n: &str| n.to_owned();
    let stages = vec![
        Stage::Rename(vec![Rename { from: name("ShareName"), to: name("share") }, Rename { from: name("Absent"), to: name("Mask") }]),
        Stage::Filter(glob("share", "*$")),
        Stage::Eval(vec![(
            name("x"),
            Scalar::Binary(BinaryOp::Concat, Box::new(Scalar::Field(field("share"))), Box::new(Scalar::Text("'!\n".into()))),
        )]),
        Stage::Dedup(Dedup::first(1, vec![name("share")])),
        Stage::Sort { keys: vec![SortKey::auto(name("N"), true)], limit: Some(5) },
        Stage::FillNull { fields: vec![name("N")], value: name("none") },
        Stage::Keep(vec![name("share"), name("x"), name("N")]),
    ];
    assert_eq!(rows(&store, Pred::True, stages), [r"\\*\C$ \\*\C$'!/ none", r"\\*\IPC$ \\*\IPC$'!/ abc"]);

    let grouped = stats(&[(Max, Some("N"), "top"), (Count, None, "count")], &["ShareName"], None);
    let Stage::Stats(grouped) = grouped else { unreachable!() };
    let stages = vec![
        Stage::EventStats(grouped),
        Stage::Bin { field: name("_time"), span: 250.0, alias: Some(name("bucket")) },
        Stage::Keep(vec![name("count"), name("bucket")]),
        Stage::Head(3),
    ];
    assert_eq!(rows(&store, Pred::True, stages), ["∅ 500", "1 500", "3 250"]);
}

#[test]
fn results_of_aggregates_compare_as_numbers_or_texts() {
    use AggregateFunction::{Count, Max};
    let store = store_of(&SHARE);
    let over = |name: &str, limit: Scalar| {
        let condition = Scalar::Binary(BinaryOp::Gt, Box::new(Scalar::Field(field(name))), Box::new(limit));
        let stages =
            vec![stats(&[(Max, Some("N"), "top"), (Count, None, "n")], &["ShareName"], None), Stage::Filter(Pred::Scalar(condition))];
        rows(&store, Pred::True, stages)
    };
    assert_eq!(over("top", Scalar::Number(9.5)), [r"\\*\C$ 10 3", r"\\*\IPC$ abc 1"]);
    let minus = store_of(&[("1", 1, &[("N", "-0")])]);
    assert_eq!(rows(&minus, Pred::True, vec![stats(&[(Max, Some("N"), "top")], &[], None)]), ["0"]);
    assert_eq!(over("n", Scalar::Number(1.0)), [r"\\*\C$ 10 3"]);
    assert_eq!(over("n", Scalar::Text("1".into())), [r"\\*\C$ 10 3"]);
    let text = Scalar::Binary(BinaryOp::Concat, Box::new(Scalar::Number(1.5)), Box::new(Scalar::Text("x".into())));
    let middle = Scalar::Call(Function::Substr, vec![text.clone(), Scalar::Number(-3.0), Scalar::Number(2.0)]);
    let stages =
        vec![Stage::Eval(vec![("x".into(), text), ("y".into(), middle)]), Stage::Head(1), Stage::Keep(vec!["x".into(), "y".into()])];
    assert_eq!(rows(&store, Pred::True, stages), ["1.5x .5"]);
}

#[test]
fn expressions() {
    let store = store_of(&SHARE);
    let f = |n: &str| Box::new(Scalar::Field(field(n)));
    let compare = |op, n: &str, right: Scalar| Pred::Scalar(Scalar::Binary(op, f(n), Box::new(right)));
    assert_eq!(ids(&store, compare(BinaryOp::Gt, "N", Scalar::Number(9.0))), ["1", "3"]);
    assert_eq!(ids(&store, compare(BinaryOp::Eq, "N", Scalar::Text("9.0".into()))), ["2"]);
    assert_eq!(ids(&store, compare(BinaryOp::Ne, "N", Scalar::Text("abc".into()))), ["1", "2", "6"]);
    assert_eq!(ids(&store, compare(BinaryOp::Eq, "RelativeTargetName", Scalar::Text(r"a\evil.exe".into()))), ["2"]);
    let call = |function, arguments| Scalar::Call(function, arguments);
    let null = Pred::Scalar(Scalar::Not(Box::new(Scalar::Binary(BinaryOp::Eq, f("N"), Box::new(Scalar::Text("9".into()))))));
    assert_eq!(ids(&store, null), ["1", "3", "4", "5", "6"]);
    let like = call(Function::Like, vec![*f("RelativeTargetName"), Scalar::Text("%[_]%".into())]);
    assert_eq!(ids(&store, Pred::Scalar(like)), Vec::<String>::new());
    let chosen = call(Function::If, vec![call(Function::IsNull, vec![*f("N")]), Scalar::Text("a".into()), Scalar::Text("b".into())]);
    assert_eq!(ids(&store, Pred::Scalar(Scalar::Binary(BinaryOp::Eq, Box::new(chosen), Box::new(Scalar::Text("a".into()))))), ["4", "5"]);
}

#[test]
fn two_fields_compared_and_keywords() {
    let store = store_of(&SHARE);
    let compare = |left: &str, right: &str, before, after| {
        Pred::Compare(FieldCompare {
            left: field(left),
            right: field(right),
            any_before: before,
            any_after: after,
            case: Case::Exact,
            span: 0..0,
        })
    };
    assert_eq!(ids(&store, compare("ShareName", "ShareName", false, false)), ["1", "2", "3", "4", "5"]);
    assert_eq!(ids(&store, compare("RelativeTargetName", "N", true, false)), Vec::<String>::new());
    assert_eq!(ids(&store, compare("RelativeTargetName", "RelativeTargetName", true, false)), ["1", "2", "3"]);
    let (plan, catalog) = planned(&store, Pred::Keyword { glob: Glob::literal("evil").contains(), case: Case::Ignore }, Vec::new());
    let codes = portable(&plan, &catalog).unwrap().not_portable;
    assert_eq!(codes.iter().map(|d| d.code).collect::<Vec<_>>(), ["not-portable"]);
    let rendered = store.run("SELECT count(*) FROM messages WHERE Message = 'rendered text'", &[]).unwrap();
    assert_eq!(rendered.rows, [[SqlValue::Integer(6)]]);
}

#[test]
fn functions_of_field_maps_agree_with_their_definition() {
    let store = store_of(&SHARE);
    let catalog = store.catalog().unwrap();
    let functions = [
        FieldFunction::BaseName,
        FieldFunction::WithoutDomain,
        FieldFunction::Hash("sha256".into()),
        FieldFunction::RegistryData,
        FieldFunction::WithoutMappedPrefix,
        FieldFunction::HexToDecimal,
        FieldFunction::FirstMember,
        FieldFunction::LastMember,
        FieldFunction::Translate(vec![("0X2".into(), "two".into())]),
        FieldFunction::TranslateElse(vec![("0x2".into(), "two".into())], "other".into()),
        FieldFunction::Length,
        FieldFunction::Choose(vec![("*EVIL*".into(), "bad".into()), ("0x?".into(), "one".into()), ("%*_".into(), "like".into())]),
        FieldFunction::Choose(vec![(String::new(), "empty".into()), ("0*2".into(), "ends".into()), ("*".into(), "other".into())]),
        FieldFunction::Prefix(vec![(r"\\*\".into(), r"C:\".into()), ("0X".into(), "hex ".into()), ("%".into(), "p".into())]),
        FieldFunction::Parent,
        FieldFunction::Root,
        FieldFunction::RegistryType,
    ];
    for function in functions {
        for event_type in &catalog.types {
            let columns = (0..u32::try_from(event_type.columns.len()).unwrap()).map(crate::catalog::ColumnIndex);
            let fields: BTreeMap<String, FieldExpr> =
                columns.map(|c| (format!("f{:02}", c.0), FieldExpr::Apply(function.clone(), Box::new(FieldExpr::Column(c))))).collect();
            let branch = Branch { event_type: event_type.id, filter: Pred::True, fields };
            let plan = Plan {
                source: RowSource::Events,
                branches: vec![branch],
                row: RowSchema::default(),
                steps: Vec::new(),
                missing: Vec::new(),
                notes: Vec::new(),
            };
            let rows = run(&store, &portable(&plan, &catalog).unwrap());
            let expected: Vec<String> = rows
                .iter()
                .map(|row| {
                    let id = row.split(' ').next().unwrap();
                    let event = store.event(EventId(id.parse().unwrap())).unwrap();
                    let cells = event.columns.iter().map(|value| {
                        let members: Vec<String> = value.as_ref().map(|v| v.members().to_vec()).unwrap_or_default();
                        let members = match function {
                            FieldFunction::FirstMember => members.into_iter().take(1).collect(),
                            FieldFunction::LastMember => members.into_iter().next_back().into_iter().collect(),
                            _ => members,
                        };
                        let applied: Vec<String> = members.iter().filter_map(|m| function.apply(m).map(|m| m.into_owned())).collect();
                        if applied.is_empty() { "∅".to_owned() } else { applied.join("/") }
                    });
                    cells.collect::<Vec<_>>().join(" ")
                })
                .collect();
            let portable_rows: Vec<String> = rows.iter().map(|row| row.splitn(3, ' ').nth(2).unwrap().to_owned()).collect();
            assert_eq!(portable_rows, expected, "{function:?}");
        }
    }
}

#[test]
fn hexadecimal_of_every_size() {
    let values = [
        "0x0",
        "0xffffffffffffffff",
        "0X3E7",
        "0x10000000000000000",
        "0x",
        "0xg",
        "12",
        "0x00000000000000000001",
        "0x3b9aca00",
        "0xde0b6b3a763ffff",
    ];
    let rows: Vec<Vec<(&str, &str)>> = values.iter().map(|v| vec![("V", *v)]).collect();
    let rows: Vec<Row<'_>> = rows.iter().map(|fields| ("1", 1, fields.as_slice())).collect();
    let store = store_of(&rows);
    let catalog = store.catalog().unwrap();
    let apply = FieldExpr::Apply(FieldFunction::HexToDecimal, Box::new(FieldExpr::Column(crate::catalog::ColumnIndex(0))));
    let branch = Branch { event_type: catalog.types[0].id, filter: Pred::True, fields: [("v".to_owned(), apply)].into() };
    let plan = Plan {
        source: RowSource::Events,
        branches: vec![branch],
        row: RowSchema::default(),
        steps: Vec::new(),
        missing: Vec::new(),
        notes: Vec::new(),
    };
    let rows = run(&store, &portable(&plan, &catalog).unwrap());
    let got: Vec<&str> = rows.iter().map(|row| row.rsplit(' ').next().unwrap()).collect();
    let expected: Vec<String> = values.iter().map(|v| FieldFunction::HexToDecimal.apply(v).unwrap().into_owned()).collect();
    assert_eq!(got, expected);
}

#[test]
fn typed_statements_give_the_same_rows_faster() {
    let mut store = store_of(&SHARE);
    let catalog = store.catalog().unwrap();
    let rewritten = |store: &mut Store, sql: &str| {
        let queries = store.typed_queries(&crate::store::QueryLimits::default()).unwrap();
        super::rewrite_adhoc(sql, &catalog, &queries).map_or_else(|| sql.to_owned(), |statement| statement.sql)
    };
    let rows = |store: &Store, sql: &str| {
        let result = store.run(sql, &[]).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        let mut rows: Vec<Vec<String>> = result.rows.iter().map(|row| row.iter().map(show).collect()).collect();
        rows.sort();
        (result.columns, rows)
    };
    let (v, w) = ("security_5145", "security_5140");
    for (sql, is_rewritten) in [
        (format!("SELECT _id FROM {v} WHERE ShareName = '\\\\*\\C$'"), true),
        (format!("SELECT _id FROM {v} AS x WHERE NOT (x.sharename = '\\\\*\\C$' OR '0x2' = Mask)"), true),
        (format!("SELECT _id FROM {v} WHERE NOT Mask IN ('0x2', 'it''s')"), true),
        (format!("SELECT _id FROM {w} WHERE NOT Mask = 'none'"), true),
        (format!("SELECT _id FROM {w} WHERE NOT Mask LIKE 'n%'"), true),
        (format!("SELECT _id FROM {v} WHERE RelativeTargetName LIKE '%EVIL%' AND _time_us > 0"), true),
        (format!("SELECT _id FROM {v} WHERE RelativeTargetName LIKE '%\\_%' ESCAPE '\\'"), true),
        (format!("SELECT ShareName, count(*) FROM {v} WHERE Mask LIKE '0x%' GROUP BY ShareName ORDER BY count(*) DESC LIMIT 5"), true),
        (format!("SELECT COUNT(*) AS n, x.Mask AS m FROM {w} x GROUP BY x.Mask ORDER BY n, 2"), true),
        (format!("SELECT * FROM {v} WHERE Mask = '0x2'"), true),
        (format!("SELECT x.* FROM {v} x WHERE x.Mask = '0x2'"), true),
        (format!("SELECT Mask, max(_id) FROM {v} GROUP BY Mask"), false),
        (format!("SELECT _id FROM {v} WHERE Mask = '0x1\n0x2\n0x1'"), true),
        (format!("SELECT a._id FROM {v} a JOIN {w} b ON a.Mask = b.Mask"), false),
        (format!("WITH {v} AS (SELECT 1 AS Mask) SELECT Mask FROM {v} WHERE Mask = '1'"), false),
        ("SELECT 1".to_owned(), false),
    ] {
        let text = rewritten(&mut store, &sql);
        assert_eq!(text != sql, is_rewritten, "{sql}\n{text}");
        assert_eq!(rows(&store, &text), rows(&store, &sql), "{text}");
    }
    assert_eq!(rewritten(&mut store, "no SQL"), "no SQL");
    let hostile = format!("SELECT _id FROM {v} WHERE Mask = '\\'' OR 1=1 --'");
    let text = rewritten(&mut store, &hostile);
    assert_eq!(rows(&store, &text), rows(&store, &hostile));
}

#[test]
fn more_branches_than_one_compound_takes() {
    let select = |i: i64| ast::select(ast::SelectParts { items: vec![ast::item(ast::integer(i), "_n")], ..Default::default() });
    let query = ast::query(ast::union_all((0..1_001).map(select).collect()));
    let store = Store::in_memory().unwrap();
    assert_eq!(store.run(&ast::print(&query), &[]).unwrap().rows.len(), 1_001);
}

#[test]
fn thousands_of_alternatives_stay_below_the_depth_limit() {
    let store = store_of(&SHARE);
    let many = (0..4_000).map(|i| glob("ShareName", &format!("*x{i}*"))).chain([glob("ShareName", "*IPC$")]).collect();
    assert_eq!(ids(&store, Pred::Or(many)), ["3"]);
}

#[test]
fn numbers_are_read_alike() {
    let values = [
        "1",
        "-1",
        "+1.5",
        "1.",
        ".5",
        ".",
        "",
        "-",
        "1e5",
        "1e",
        "1e+5",
        "1E-2",
        "e5",
        "1.2.3",
        "0x10",
        " 1",
        "1 ",
        "1e999",
        "--1",
        "1-1",
        "1e5.0",
        "inf",
        "nan",
        "٣",
        "123456789012345678901234567890",
    ];
    let store = Store::in_memory().unwrap();
    for value in values {
        let test = super::sqlite::Sqlite.is_number(&super::sqlite::literal(value));
        let sql = ast::print(&ast::query(ast::select(ast::SelectParts { items: vec![ast::item(test, "_n")], ..Default::default() })));
        let is = store.run(&sql, &[]).unwrap().rows[0][0] == SqlValue::Integer(1);
        assert_eq!(is, crate::ir::parse_number(value).is_some(), "{value:?}");
    }
}

proptest! {
    /// Any text survives printing, sqlparser and SQLite as a literal; any text but NUL as an identifier.
    #[test]
    fn any_text_survives(literal in "(?s)[\\\\'\"\\x00\\n\\r`\\[\\]?;%_a-c-/*é\u{1f}\u{2028}]{0,12}|\\PC{0,12}|[\\n~|a'#]{0,24}", name in "(?s)[\\\\'\"\\n`\\[\\]?;.%_a-cé -]{1,12}|\\PC{1,12}") {
        let items = vec![ast::item(super::sqlite::literal(&literal), &name)];
        let inner = ast::query(ast::select(ast::SelectParts { items, ..Default::default() }));
        let outer = ast::select(ast::SelectParts { items: vec![ast::item(ast::column("t", &name), &name)], from: vec![ast::derived(inner, "t")], ..Default::default() });
        let query = ast::query(outer);
        let store = Store::in_memory().unwrap();
        for sql in [ast::print(&query), ast::print_pretty(&query)] {
            let parsed = Parser::parse_sql(&SQLiteDialect {}, &sql).unwrap();
            prop_assert_eq!(parsed.len(), 1);
            let result = store.run(&sql, &[]).unwrap();
            prop_assert_eq!(&result.columns, &vec![name.clone()]);
            prop_assert_eq!(&result.rows, &vec![vec![SqlValue::Text(literal.clone())]]);
        }
    }
}

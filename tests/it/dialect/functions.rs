//! Fields that are made of other fields: what each function of a field map gives in a lake, written down by hand.

use retrohunt::catalog::{Catalog, Column, ColumnIndex, Encoding, EventType, Storage, TypeId};
use retrohunt::ir::Pred;
use retrohunt::plan::{Branch, FieldExpr, FieldFunction, Kind, Plan, RowColumn, RowSchema, RowSource};
use retrohunt::sql::{self, StatementOptions};
use serde_json::{Value, json};

use crate::support::lake_engine::{ENGINES, run};

/// A function, a value, what it gives.
type Case = (FieldFunction, Option<&'static str>, Option<&'static str>);

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

fn cases() -> Vec<Case> {
    use FieldFunction as F;
    let hash = || F::Hash("MD5".to_owned());
    let status = || F::TranslateElse(pairs(&[("0x0", "success")]), "failure".to_owned());
    let hive = || F::Prefix(pairs(&[(r"\REGISTRY\MACHINE\", r"HKLM\")]));
    let choose = || F::Choose(pairs(&[("Run*Instances", "run"), ("\u{c4}b*", "umlaut"), ("", "empty")]));
    vec![
        (F::BaseName, Some(r"C:\a\b.exe"), Some("b.exe")),
        (F::BaseName, Some("/usr/bin/sh"), Some("sh")),
        (F::BaseName, Some("a\nb\\c\n"), Some("c\n")),
        (F::BaseName, Some(r"C:\"), Some("")),
        (F::BaseName, Some(""), Some("")),
        (F::BaseName, None, None),
        (F::WithoutDomain, Some("NT AUTHORITY\\SYSTEM"), Some("SYSTEM")),
        (F::WithoutDomain, Some("a/b"), Some("a/b")),
        (F::Lower, Some("ÀB\u{212a}\u{130}ΣςẞA"), Some("àb\u{212a}\u{130}σσßa")),
        (hash(), Some("SHA1=9, md5=a=b ,MD5=c"), Some("a=b")),
        (hash(), Some("MD5="), Some("")),
        (hash(), Some("MD5 =x,XMD5=1"), None),
        (hash(), Some("\nMD5=1\n2\u{3000},x"), Some("1\n2")),
        (hash(), None, None),
        (F::RegistryData, Some("DWORD (0x00000001)"), Some("0x00000001")),
        (F::RegistryData, Some("QWORD (\n)"), Some("\n")),
        (F::RegistryData, Some("DWORD (0x1"), Some("DWORD (0x1")),
        (F::WithoutMappedPrefix, Some("::FFFF:10.0.0.1"), Some("10.0.0.1")),
        (F::WithoutMappedPrefix, Some("::1"), Some("::1")),
        (F::HexToDecimal, Some("0x1F4"), Some("500")),
        (F::HexToDecimal, Some("0X0"), Some("0")),
        (F::HexToDecimal, Some("0xffffffffffffffff"), Some("18446744073709551615")),
        (F::HexToDecimal, Some("0x00000000000000000010"), Some("16")),
        (F::HexToDecimal, Some("0x10000000000000000"), Some("0x10000000000000000")),
        (F::HexToDecimal, Some("0x"), Some("0x")),
        (F::HexToDecimal, Some("0x1g"), Some("0x1g")),
        (F::HexToDecimal, None, None),
        (status(), Some("0X0"), Some("success")),
        (status(), Some("0x6"), Some("failure")),
        (status(), None, None),
        (F::Translate(pairs(&[("k", "it's")])), Some("K"), Some("it's")),
        (F::Translate(pairs(&[("k", "it's")])), Some("\u{212a}"), Some("\u{212a}")),
        (choose(), Some("RUNxINSTANCES"), Some("run")),
        (choose(), Some("\u{e4}B\n"), Some("umlaut")),
        (choose(), Some(""), Some("empty")),
        (choose(), Some("*"), None),
        (F::Length, Some("é😀a"), Some("3")),
        (F::Length, None, None),
        (hive(), Some(r"\Registry\Machine\a"), Some(r"HKLM\a")),
        (hive(), Some(r"x\REGISTRY\MACHINE\a"), Some(r"x\REGISTRY\MACHINE\a")),
        (F::Parent, Some(r"HKLM\a\b"), Some(r"HKLM\a")),
        (F::Parent, Some("HKLM"), None),
        (F::Root, Some("HK\nLM\\a"), Some("HK\nLM")),
        (F::Root, Some("HKLM"), Some("HKLM")),
        (F::RegistryType, Some("Binary Data"), Some("REG_BINARY")),
        (F::RegistryType, Some("QWORD (0x1)"), Some("REG_QWORD")),
        (F::RegistryType, Some("text"), Some("REG_SZ")),
        (F::RegistryType, None, None),
        (F::FirstMember, Some("x"), Some("x")),
    ]
}

fn column(name: &str, has_lists: bool) -> Column {
    let (field, view_name) = (name.to_owned(), name.to_owned());
    Column { field, sql_name: String::new(), view_name, encoding: Encoding::Inline, has_lists, has_packed: false }
}

fn event_type(columns: Vec<Column>) -> Catalog {
    let (product, dataset, code) = ("windows".to_owned(), "Security".to_owned(), "1".to_owned());
    let (storage, view) = (Storage::Overflow, "events_of_all".to_owned());
    Catalog { types: vec![EventType { id: TypeId(1), product, dataset, code, storage, view, columns, has_messages: false, events: 1 }] }
}

/// The statement of a row with these fields of the event type, by name.
fn statement(catalog: &Catalog, fields: Vec<(String, FieldExpr)>, dialect: sql::DialectName) -> String {
    let column = |(name, _): &(String, FieldExpr)| RowColumn { name: name.clone(), kind: Kind::Text, multi: false, named: false };
    let row = RowSchema { columns: fields.iter().map(column).collect() };
    let branch = Branch { event_type: TypeId(1), filter: Pred::True, fields: fields.into_iter().collect() };
    let plan = Plan { source: RowSource::Events, branches: vec![branch], row, steps: Vec::new(), missing: Vec::new(), notes: Vec::new() };
    let made = sql::portable_with(&plan, catalog, StatementOptions { dialect, ..StatementOptions::default() }).expect("few columns");
    assert_eq!(made.not_portable, []);
    made.sql
}

fn rows_of(columns: &Value, row: &Value) -> Value {
    let heads = [json!(["_id", "integer"]), json!(["_time", "text"])];
    let columns: Vec<Value> = heads.into_iter().chain(columns.as_array().expect("columns").iter().cloned()).collect();
    let cells: Vec<Value> = [json!(7), json!("now")].into_iter().chain(row.as_array().expect("cells").iter().cloned()).collect();
    json!({ "name": "events_of_all", "columns": columns, "rows": [cells] })
}

#[test]
fn functions_of_fields_give_what_they_should() {
    let cases = cases();
    let names: Vec<String> = (0..cases.len()).map(|i| format!("c{i:02}")).collect();
    let catalog = event_type(names.iter().map(|name| column(name, false)).collect());
    let apply = |(i, (function, ..)): (u32, &Case)| FieldExpr::Apply(function.clone(), Box::new(FieldExpr::Column(ColumnIndex(i))));
    let fields: Vec<(String, FieldExpr)> = names.iter().cloned().zip((0..).zip(&cases).map(apply)).collect();
    let columns: Vec<Value> = names.iter().map(|name| json!([name, "text"])).collect();
    let cells: Vec<Value> = cases.iter().map(|(_, value, _)| json!(value)).collect();
    for (dialect, engine) in ENGINES {
        let statement = statement(&catalog, fields.clone(), dialect);
        let Some(answers) = run(engine, &[rows_of(&json!(columns), &json!(cells))], &[statement]) else { continue };
        let rows = answers[0].as_ref().unwrap_or_else(|error| panic!("{engine}: {error}"));
        for ((function, value, expected), got) in cases.iter().zip(&rows[0][2..]) {
            assert_eq!(got.as_deref(), *expected, "{engine} {function:?} {value:?}");
        }
    }
}

#[test]
fn lists_and_fields_of_several_columns_are_read() {
    let catalog = event_type(vec![column("list", true), column("none", true), column("a", false), column("b", false), column("c", false)]);
    let of = |i| FieldExpr::Column(ColumnIndex(i));
    let apply = |function, i| FieldExpr::Apply(function, Box::new(of(i)));
    let fields = [
        ("base", apply(FieldFunction::BaseName, 0), Some("x\ny")),
        ("either", FieldExpr::Coalesce(vec![of(2), of(3), of(4)]), Some("c")),
        ("first", apply(FieldFunction::FirstMember, 0), Some("a\\x")),
        ("last", apply(FieldFunction::LastMember, 0), Some("b/y")),
        ("lines", of(0), Some("a\\x\nb/y")),
        ("nothing", of(1), None),
        ("nothing last", apply(FieldFunction::LastMember, 1), None),
        ("quote`\"'\\", FieldExpr::Default(Box::new(of(2)), "it's".to_owned()), Some("it's")),
        ("text", FieldExpr::Constant("a\\'\n".to_owned()), Some("a\\'\n")),
    ];
    let columns = json!([["list", "list"], ["none", "list"], ["a", "text"], ["b", "text"], ["c", "text"]]);
    let row = json!([["a\\x", "b/y"], null, "", "-", "c"]);
    for (dialect, engine) in ENGINES {
        let named = fields.iter().map(|(name, field, _)| ((*name).to_owned(), field.clone())).collect();
        let Some(answers) = run(engine, &[rows_of(&columns, &row)], &[statement(&catalog, named, dialect)]) else { continue };
        let rows = answers[0].as_ref().unwrap_or_else(|error| panic!("{engine}: {error}"));
        let expected: Vec<Option<String>> = fields.iter().map(|(.., expected)| expected.map(str::to_owned)).collect();
        assert_eq!(rows[0][2..], expected, "{engine}");
    }
}

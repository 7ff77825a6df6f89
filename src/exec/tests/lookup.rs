//! `lookup` by example.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{shown, through};
use crate::exec::{Fault, RuleLimits};
use crate::ir::{Lookup, Stage, Table, TableMatch};

/// A table `a,b` from `1,2;3,4`.
fn table(columns: &str, rows: &str, matching: &[(&str, TableMatch)]) -> Table {
    let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
    let how = |name: &String| matching.iter().find(|(column, _)| column == name).map_or(TableMatch::Exact, |(_, how)| *how);
    let row = |row: &str| row.split(',').map(Arc::from).collect();
    Table {
        name: "t".into(),
        matching: columns.iter().map(how).collect(),
        columns,
        rows: rows.split(';').filter(|row| !row.is_empty()).map(row).collect(),
        case_sensitive: true,
        min_matches: 0,
        max_matches: 100,
        default_match: None,
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| pair.split_once('>').map_or((pair.to_owned(), pair.to_owned()), |(a, b)| (a.to_owned(), b.to_owned()));
    text.split(',').map(pair).collect()
}

fn stage(table: Table, keys: &str, outputs: &str) -> Stage {
    Stage::Lookup(Lookup { table: Arc::new(table), keys: pairs(keys), outputs: pairs(outputs), only_new: false })
}

/// What a lookup of `k` → `v` gives the rows with these values of `f`.
fn found(table: Table, values: &[&str]) -> Vec<String> {
    let rows: Vec<[&str; 1]> = values.iter().map(|value| [*value]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
    shown(&[stage(table, "k>f", "v")], &["f"], &rows)
        .into_iter()
        .map(|row| row.split_once(" v=").expect("a column v").1.to_owned())
        .collect()
}

#[test]
fn values_are_compared_as_text_with_case_unless_the_table_says_otherwise() {
    let rows = "a,1;B,2;,3;a,4;1.0,5";
    assert_eq!(found(table("k,v", rows, &[]), &["a", "b", "B", "", "∅", "1", "#1"]), ["1/4", "∅", "2", "∅", "∅", "∅", "∅"]);
    let no_case = Table { case_sensitive: false, ..table("k,v", "Ä,1;straße,2", &[]) };
    assert_eq!(found(no_case, &["ä", "STRAßE", "x"]), ["1", "2", "∅"]);
}

#[test]
fn a_pattern_of_the_table_is_one_and_the_star_is_its_only_wildcard() {
    let wild = [("k", TableMatch::Wildcard)];
    let rows = "*.a.example,1;*,2;x?*.y,3;lit,4;*mid*le*,5;l*,6";
    let t = || table("k,v", rows, &wild);
    assert_eq!(found(t(), &["b.a.example", "x?1.y", "xx1.y", "lit", "mid le", "*"]), ["1/2", "2/3", "2", "2/4/6", "2/5", "2"]);
    let no_case = Table { case_sensitive: false, ..table("k,v", r"*\ADV.sys,1", &wild) };
    assert_eq!(found(no_case, &[r"C:\x\adv.SYS", "adv.sys"]), ["1", "∅"]);
    // Without the definition the star is a character.
    assert_eq!(found(table("k,v", rows, &[]), &["b.a.example", "*"]), ["∅", "2"]);
}

#[test]
fn of_networks_the_first_in_the_file_counts() {
    let cidr = [("k", TableMatch::Cidr)];
    let rows = "10.0.0.0/8,1;10.1.0.0/16,2;192.168.1.7,3;fd00::/8,4;0.0.0.0/0,5;host,6;10.0.0.0/99,7";
    let values = ["10.1.2.3", "192.168.1.7", "fd00::1", "fe80::1%3", "::ffff:10.9.9.9", "8.8.8.8", "host", "x", "10.0.0.0/99"];
    assert_eq!(found(table("k,v", rows, &cidr), &values), ["1", "3", "4", "∅", "1", "5", "6", "∅", "7"]);
}

#[test]
fn all_keys_must_fit_and_a_missing_one_leaves_the_row_alone() {
    let wild = [("b", TableMatch::Wildcard), ("a", TableMatch::Wildcard)];
    let t = Table { min_matches: 1, default_match: Some("no".into()), ..table("a,b,v", r"x,*\s\*,1;x,*,2;*,y,3;*z*,*q,4", &wild) };
    let rows: [&[&str]; 6] = [&["x", r"c:\s\d"], &["x", "y"], &["w", "y"], &["w", "w"], &["∅", "y"], &["az", "aq"]];
    let out = shown(&[stage(t, "a>f,b>g", "v")], &["f", "g"], &rows);
    let out: Vec<&str> = out.iter().map(|row| row.split(" v=").nth(1).unwrap()).collect();
    assert_eq!(out, ["1/2", "2/3", "3", "no", "∅", "4"]);
}

#[test]
fn a_default_fills_up_what_is_missing_and_a_match_without_a_value_needs_none() {
    let t = Table { min_matches: 2, max_matches: 3, default_match: Some("d".into()), ..table("k,v", "a,1;b,1;b,2;b,3;b,4;c,;c,", &[]) };
    assert_eq!(found(t, &["a", "b", "c", "x"]), ["1/d", "1/2/3", "∅", "d/d"]);
    let without = Table { min_matches: 1, ..table("k,v", "a,1", &[]) };
    assert_eq!(found(without, &["x"]), ["∅"]);
}

#[test]
fn what_fits_replaces_and_what_does_not_leaves_alone() {
    let t = || table("k,v,w", "a,1,;b,2,x", &[]);
    let rows: [&[&str]; 3] = [&["a", "old", "old"], &["b", "∅", "∅"], &["c", "old", "∅"]];
    let output = stage(t(), "k", "v,w>z");
    assert_eq!(shown(&[output], &["k", "v", "z"], &rows), ["k=a v=1 z=∅", "k=b v=2 z=x", "k=c v=old z=∅"]);
    let Stage::Lookup(lookup) = stage(t(), "k", "v,w>z") else { unreachable!() };
    let new = Stage::Lookup(Lookup { only_new: true, ..lookup });
    let rows: [&[&str]; 3] = [&["b", "old", "∅"], &["b", "∅", "∅"], &["b", "∅", "old"]];
    assert_eq!(shown(&[new], &["k", "v", "z"], &rows), ["k=b v=old z=∅", "k=b v=2 z=x", "k=b v=∅ z=old"]);
    // The keys are those of the row as it came.
    assert_eq!(shown(&[stage(t(), "k", "v>k")], &["k"], &[&["a"], &["c"]]), ["k=1", "k=c"]);
}

#[test]
fn each_member_of_a_list_is_looked_up_by_itself() {
    let t = || Table { min_matches: 1, default_match: Some("no".into()), max_matches: 1, ..table("k,v", "a,1;b,2;b,3", &[]) };
    assert_eq!(found(t(), &["b|x|a|a"]), ["2/no/1/1"]);
    let two = table("k,l,v", "a,x,1;b,x,2;b,y,3;a,y,4", &[]);
    assert_eq!(shown(&[stage(two, "k,l", "v>o")], &["k", "l"], &[&["a|b", "y|x"]]), ["k=a/b l=y/x o=4/1/3/2"]);
}

#[test]
fn lists_that_multiply_stop_at_the_budget() {
    let rows = (0..1_000).fold(String::new(), |mut rows, n| {
        write!(rows, "*,*,{n}{};", "v".repeat(50)).unwrap();
        rows
    });
    let wild = [("k", TableMatch::Wildcard), ("l", TableMatch::Wildcard)];
    let list = (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>().join("|");
    let stages = [stage(table("k,l,v", &rows, &wild), "k,l", "v")];
    let limits = RuleLimits { memory_bytes: 4 * 1024 * 1024 };
    assert!(matches!(through(&stages, &["k", "l"], &[&[&list, &list]], limits), Err(Fault::Memory { .. })));
}

#[test]
fn each_use_of_a_table_pays_for_its_index_though_all_share_one() {
    let rows = (0..500).fold(String::new(), |mut rows, n| {
        write!(rows, "*{n}*x,{n};").unwrap();
        rows
    });
    let lookup = stage(table("k,v", &rows, &[("k", TableMatch::Wildcard)]), "k", "v");
    let fits = |stages: &[Stage], memory_bytes| through(stages, &["k"], &[&["a7x"]], RuleLimits { memory_bytes }).is_ok();
    let least = (1..).map(|step| step * 1_000).find(|bytes| fits(std::slice::from_ref(&lookup), *bytes)).unwrap();
    let twice = [lookup.clone(), lookup];
    assert!(!fits(&twice, least) && fits(&twice, 2 * least));
    // Without a row there is no question, and no index.
    assert!(through(&twice, &["k"], &[], RuleLimits { memory_bytes: 1 }).is_ok());
}

#[test]
fn the_index_finds_what_asking_every_row_finds() {
    let parts = ["a", "b", "*", "ab", "*a*", "b*", "ba*b", "", "**"];
    let mut rows = String::new();
    for (n, (k, l)) in parts.iter().flat_map(|k| parts.iter().map(move |l| (k, l))).enumerate() {
        write!(rows, "{k},{l},{n};").unwrap();
    }
    let wild = [("k", TableMatch::Wildcard)];
    let fits = |pattern: &str, value: &str, wild: bool| {
        let matches =
            |pattern: &str| regex::Regex::new(&format!("^{}$", regex::escape(pattern).replace(r"\*", ".*"))).unwrap().is_match(value);
        !pattern.is_empty() && if wild { matches(pattern) } else { pattern == value }
    };
    for value in ["a", "b", "ab", "ba", "bab", "c", "*"] {
        for other in ["a", "*", "ba*b"] {
            let expected: Vec<String> = parts
                .iter()
                .flat_map(|k| parts.iter().map(move |l| (k, l)))
                .enumerate()
                .filter(|(_, (k, l))| fits(k, value, true) && fits(l, other, false))
                .map(|(n, _)| n.to_string())
                .collect();
            let out = shown(&[stage(table("k,l,v", &rows, &wild), "k,l", "v")], &["k", "l"], &[&[value, other]]);
            let joined = if expected.is_empty() { "∅".to_owned() } else { expected.join("/") };
            assert_eq!(out, [format!("k={value} l={other} v={joined}")]);
        }
    }
}

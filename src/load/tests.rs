//! What a load leaves behind; the independently counted corpus, where it is there.

use std::path::{Path, PathBuf};

use super::{LoadOptions, load};
use crate::store::{SqlValue, Store};

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/dev");
    path.is_dir().then_some(path)
}

#[test]
fn a_loaded_store_has_the_views_of_categories() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let event = r#"{"Channel":"Security","EventID":4688,"TimeCreated":"2024-01-01T00:00:00Z","EventData":{"NewProcessName":"C:\\a.exe"}}"#;
    std::fs::write(&path, event).unwrap();
    let mut store = Store::in_memory().unwrap();
    load(&mut store, &[path], &LoadOptions::default(), &mut |_| {}).unwrap();
    let rows = store.run("SELECT \"Image\" FROM process_creation", &[]).unwrap().rows;
    assert_eq!(rows, [[SqlValue::Text("C:\\a.exe".to_owned())]]);
}

#[test]
fn the_corpus_counts_are_met() {
    let Some(corpus) = corpus() else { return eprintln!("skipped: no corpus") };
    let expected = std::fs::read_to_string(corpus.join("EXPECTED.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut checked = 0;
    let formats = ["evtx", "jsonl", "json-1", "json-array", "json-concatenated", "cloudtrail-Records"];
    let mut files: Vec<&str> = expected.lines().skip(1).map(|l| l.split('\t').next().unwrap()).collect();
    files.dedup();
    for file in files {
        let leaves: Vec<Vec<&str>> = expected.lines().map(|l| l.split('\t').collect::<Vec<_>>()).filter(|c| c[0] == file).collect();
        if !leaves.iter().any(|l| formats.contains(&l[5])) {
            continue;
        }
        let mut store = Store::in_memory().unwrap();
        let summary = load(&mut store, &[corpus.join(file)], &LoadOptions::default(), &mut |_| {}).unwrap();
        for leaf in leaves.iter().filter(|l| formats.contains(&l[5])) {
            checked += 1;
            let name = leaf[3].rsplit(['!', '/', '\\']).next().unwrap();
            let found: Vec<_> =
                summary.sources.iter().filter(|s| leaf[3] == "-" || summary.sources.len() == 1 || s.path.ends_with(name)).collect();
            let counts: Vec<String> = found
                .iter()
                .map(|s| {
                    format!(
                        "{} {}+{}b{}r {:?}",
                        s.path.rsplit('/').next().unwrap(),
                        s.report.events,
                        s.report.bad,
                        s.report.recovered,
                        s.report.skipped
                    )
                })
                .collect();
            let want: u64 = leaf[6].parse().unwrap();
            let damaged = leaf[7] != "0" || file.contains("truncated");
            if !found.iter().any(|s| s.report.events == want || (damaged && s.report.events > want)) {
                wrong.push(format!("{file} | {} | {} want {want}: {counts:?}", leaf[3], leaf[5]));
            }
        }
    }
    println!("{checked} leaves");
    assert!(wrong.is_empty(), "{} of {checked}\n{}", wrong.len(), wrong.join("\n"));
}

//! What a load leaves behind; the independently counted corpus, where it is there.

use std::path::{Path, PathBuf};

use super::{Jobs, LoadMemory, LoadOptions, load};
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

/// All that a store has, table by table.
fn dump(store: &Store) -> Vec<String> {
    let tables = store.run("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &[]).unwrap().rows;
    let mut lines = Vec::new();
    for table in tables {
        let SqlValue::Text(name) = &table[0] else { panic!("a name") };
        let rows = store.run(&format!("SELECT * FROM {name}"), &[]).unwrap().rows;
        lines.extend(rows.into_iter().map(|row| format!("{name} {row:?}")));
    }
    lines.extend(store.run("SELECT sql FROM sqlite_schema ORDER BY name", &[]).unwrap().rows.into_iter().map(|row| format!("{row:?}")));
    lines
}

/// Lines of several pieces: events of many types with long texts, and lines that are broken, empty, not UTF-8 and of wrapped records.
fn lines(count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..count {
        let number = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let script =
            format!("if ($a -eq {number:016x}) {{ Get-ChildItem -Path C:\\\\Data\\\\{number:08x} }}\\r\\n").repeat(1 + (n % 4) as usize);
        match n % 977 {
            100 => out.extend_from_slice(b"{\"Channel\":\"Security\",\"EventID\":\n"),
            200 => out.extend_from_slice(b"\n"),
            300 => out.extend_from_slice(b"{\"Channel\":\"Security\",\"EventID\":1,\"A\":\"\xff\"}\n"),
            400 => out.extend_from_slice(b"{\"Channel\":\"Security\",\"EventID\":1,\"TimeCreated\":\"yesterday\"}\n"),
            _ => {
                let line = format!(
                    "{{\"Channel\":\"Chan{}\",\"EventID\":{},\"TimeCreated\":\"2024-01-01T00:{:02}:00\",\"Computer\":\"h{}\",\"User\":\"u{}\",\"Script\":\"{script}\",\"F{}\":[\"a\",\"{n}\"]}}\n",
                    n / 5_000,
                    n % 11,
                    n % 60,
                    n % 5,
                    n % 71,
                    n / 5_000
                );
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
    out
}

/// A log of several pieces: the chunks of a sample again and again, one of them damaged, and some bytes between two.
fn event_log() -> Vec<u8> {
    let sample = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fs01-security.evtx")).unwrap();
    let (header, chunks) = sample.split_at(4_096);
    let chunk = &chunks[..65_536];
    let mut log = header.to_vec();
    for number in 0..100 {
        if number == 60 {
            log.extend_from_slice(&[7; 512]);
        }
        log.extend_from_slice(chunk);
        if number == 41 {
            let at = log.len() - 30_000;
            log[at..at + 2_000].fill(0xa5);
        }
    }
    log
}

#[test]
fn the_store_is_the_same_however_many_threads_and_however_much_memory_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.jsonl", &lines(14_000));
    write("b.evtx", &event_log());
    write("c.jsonl", &lines(10));
    let mut unended = lines(9_000);
    unended.pop();
    write("d.jsonl.zst", &zstd::bulk::compress(&unended, 1).unwrap());
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(String::from_utf8_lossy(&lines(3_000)).encode_utf16()).flat_map(u16::to_le_bytes).collect();
    write("e.jsonl", &utf16);
    let mut long = lines(300);
    long.extend_from_slice(&[b"{\"Channel\":\"Long\",\"A\":\"".as_slice(), &[b'x'; 3 << 20], b"\"}\n"].concat());
    long.extend_from_slice(&vec![b'y'; 17 << 20]);
    long.extend_from_slice(b"\n");
    long.extend_from_slice(&lines(5_000));
    write("f.jsonl", &long);
    let loads = [(1, 256 << 20), (2, 1 << 20), (3, 256 << 20), (4, 100_000)].map(|(jobs, memory): (usize, u64)| {
        let mut store = Store::in_memory().unwrap();
        let options = LoadOptions { jobs: Jobs::new(jobs.try_into().unwrap()), memory: LoadMemory(memory), ..LoadOptions::default() };
        let summary = load(&mut store, &[folder.path().to_owned()], &options, &mut |_| {}).unwrap();
        (summary, dump(&store))
    });
    let (alone, dumped) = &loads[0];
    assert_eq!(alone.sources.len(), 6);
    assert!(alone.sources.iter().filter(|source| source.report.bad > 0).count() >= 4, "{alone:#?}");
    assert!(dumped.iter().any(|line| line.contains("Blob")));
    for (summary, lines) in &loads[1..] {
        assert_eq!(summary, alone);
        let first = dumped.iter().zip(lines).find(|(a, b)| a != b);
        assert!(first.is_none() && dumped.len() == lines.len(), "{first:?}");
    }
}

//! The cache of rules: what a command says and does is the same with and without it, whatever happens to files in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use retrohunt::compile::{CachedRules, CompileOptions, RuleCache, RuleSet, load_cached, load_changes, load_rules};

use crate::support::binary::{Output, TestStore, command, finish};
use crate::support::mutate::{Random, cut, flip, zeros};
use crate::support::samples::{escu_rule, security_line, sigma_rule};
use crate::support::shared::shared;

/// More than the fewest files of a set that is kept.
const RULES: usize = 30;

/// Rules of both languages with everything that may go into them, and a cache.
struct Collection {
    folder: tempfile::TempDir,
}

impl Collection {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a folder") };
        for number in 0..RULES {
            let id = format!("aaaaaaaa-0000-4000-8000-{number:012}");
            this.write(&format!("collection/rules/r{number:02}.yml"), &sigma_rule(&id, &format!("EventID: {}", 4_600 + number)));
        }
        this.write(
            "collection/rules/wrong.yml",
            "title: Wrong\nlogsource: {product: windows}\ndetection: {a: {b|nope: 1}, condition: a}\n",
        );
        this.write("collection/rules/other.yml", "nothing: here\n");
        this.write(
            "collection/rules/placed.yml",
            &sigma_rule("aaaaaaaa-0000-4000-8000-00000000aaaa", "Who|expand: ['%admins%', '%users%']"),
        );
        this.write(
            "collection/rules/sub/escu.yml",
            &escu_rule("bbbbbbbb-0000-4000-8000-000000000001", "EventCode=4624 | lookup tools tool AS Image OUTPUT note | `only_tools`"),
        );
        this.write("collection/macros/only.yml", "name: only_tools\ndefinition: search note=first\n");
        this.write("collection/lookups/tools.yml", "name: tools\nfilename: tools.csv\ncase_sensitive_match: 'false'\n");
        this.write("collection/lookups/tools.csv", "tool,note\nnc.exe,first\nscan.exe,second\n");
        this.write("pipeline.yml", PIPELINE);
        this.write("users.txt", "ann\nbob\n");
        this.write("values.yml", "admins: [ann, bob]\n");
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    fn rules(&self) -> Vec<PathBuf> {
        vec![self.path("collection/rules")]
    }

    fn options(&self) -> CompileOptions {
        let (options, said) = load_changes(&[self.path("pipeline.yml")], Some(&self.path("values.yml"))).expect("they are there");
        assert_eq!(said, []);
        options
    }

    fn cached(&self) -> CachedRules {
        load_cached(&self.rules(), &self.options(), Some(&RuleCache::new(self.path("cache"))))
    }

    fn compiled(&self) -> RuleSet {
        load_rules(&self.rules(), &self.options())
    }

    /// The files of the cache.
    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache")).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

const PIPELINE: &str = "\
name: acme
priority: 10
transformations:
  - type: file_placeholders
    path: users.txt
    include: [users]
  - type: field_name_mapping
    mapping: {Who: TargetUserName}
";

#[test]
fn what_is_kept_is_what_was_compiled() {
    let collection = Collection::new();
    let compiled = collection.compiled();
    let key = CachedRules::of(collection.compiled()).key();
    for kept in [false, true, true] {
        let cached = collection.cached();
        assert_eq!((cached.is_kept(), cached.key()), (kept, key));
        let messages = cached.messages();
        assert_eq!((&messages.diagnostics, messages.compiled, messages.other_files), (&compiled.diagnostics, compiled.compiled, 1));
        assert_eq!((cached.documents(), cached.reporting()), (compiled.documents.len(), compiled.reporting().count()));
        let wrong: Vec<&str> = messages.documents.iter().map(|document| document.name.as_str()).collect();
        assert_eq!(wrong, ["Wrong"]);
        assert_eq!(cached.rules(), compiled);
    }
    assert_eq!(compiled.rules.len(), RULES + 2, "{:?}", compiled.diagnostics);
    assert_eq!(collection.kept().len(), 1);
}

#[test]
fn any_change_is_seen() {
    let rewrite = |c: &Collection, name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(c.path(name)).expect("a file");
        assert!(text.contains(from), "{name}: {text}");
        c.write(name, &text.replace(from, to));
    };
    type Change<'a> = (&'a str, &'a dyn Fn(&Collection));
    let changes: [Change<'_>; 14] = [
        ("a byte of a rule", &|c| rewrite(c, "collection/rules/r07.yml", "4607", "4617")),
        ("a macro", &|c| rewrite(c, "collection/macros/only.yml", "first", "second")),
        ("a table", &|c| rewrite(c, "collection/lookups/tools.csv", "second", "third")),
        ("a definition", &|c| rewrite(c, "collection/lookups/tools.yml", "false", "true")),
        ("a pipeline", &|c| rewrite(c, "pipeline.yml", "TargetUserName", "Account")),
        ("what a pipeline reads", &|c| rewrite(c, "users.txt", "bob", "eve")),
        ("values", &|c| rewrite(c, "values.yml", "bob", "eve")),
        ("a new file", &|c| drop(c.write("collection/rules/new.yml", "nothing: new\n"))),
        ("a new file elsewhere", &|c| drop(c.write("collection/rules/sub/sub/new.md", "# Search\n"))),
        ("a file less", &|c| fs::remove_file(c.path("collection/rules/other.yml")).expect("it was there")),
        ("a name", &|c| fs::rename(c.path("collection/rules/r03.yml"), c.path("collection/rules/r03a.yml")).expect("it was there")),
        ("a nearer folder", &|c| drop(c.write("collection/rules/macros/only.yml", "name: only_tools\ndefinition: search note=third\n"))),
        ("a table less", &|c| fs::remove_file(c.path("collection/lookups/tools.csv")).expect("it was there")),
        ("content of the same size and time", &|c| {
            let path = c.path("collection/rules/r09.yml");
            let modified = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
            rewrite(c, "collection/rules/r09.yml", "4609", "4699");
            fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("a time");
        }),
    ];
    for (what, change) in changes {
        let collection = Collection::new();
        let before = collection.cached().key();
        assert!(collection.cached().is_kept(), "{what}");
        change(&collection);
        let cached = collection.cached();
        assert!(!cached.is_kept(), "{what}");
        assert_ne!(cached.key(), before, "{what}");
        assert_eq!(cached.rules(), collection.compiled(), "{what}");
        let again = collection.cached();
        assert!(again.is_kept(), "{what}");
        assert_eq!(again.rules(), collection.compiled(), "{what}");
    }
}

#[test]
fn each_way_to_ask_has_its_own_rules() {
    let collection = Collection::new();
    let cache = RuleCache::new(collection.path("cache"));
    let mut with_macros = collection.options();
    with_macros.macros = vec![collection.write("own.yml", "name: only_tools\ndefinition: search note=own\n")];
    let mut checked = collection.options();
    checked.sigma.validate = true;
    let rules = collection.rules();
    let spelled = vec![collection.path("collection/./rules")];
    let asked: [(&[PathBuf], &CompileOptions); 5] = [
        (&rules, &collection.options()),
        (&rules, &with_macros),
        (&rules, &checked),
        (&rules, &CompileOptions::default()),
        (&spelled, &collection.options()),
    ];
    for kept in [false, true] {
        for (paths, options) in asked {
            let cached = load_cached(paths, options, Some(&cache));
            assert_eq!(cached.is_kept(), kept);
            assert_eq!(cached.rules(), load_rules(paths, options));
        }
    }
    fs::write(&with_macros.macros[0], "name: only_tools\ndefinition: search note=other\n").expect("a file");
    assert!(!load_cached(&rules, &with_macros, Some(&cache)).is_kept());
    let few = [collection.path("collection/rules/sub")];
    for _ in 0..2 {
        assert!(!load_cached(&few, &CompileOptions::default(), Some(&cache)).is_kept(), "a few files are compiled each time");
    }
    assert_eq!(collection.kept().len(), asked.len());
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let collection = Collection::new();
    let compiled = collection.compiled();
    collection.cached();
    let [file] = &collection.kept()[..] else { panic!("one set is kept") };
    let whole = fs::read(file).expect("it is there");
    let mut random = Random(7);
    let mut damaged: Vec<Vec<u8>> = vec![Vec::new(), [whole.clone(), vec![0]].concat(), vec![0xff; whole.len()]];
    for _ in 0..25 {
        damaged.extend([cut(&whole, &mut random), flip(&whole, 1, &mut random), flip(&whole, 40, &mut random), zeros(&whole, &mut random)]);
    }
    // The head is a small part of the file: each of its bytes.
    for at in 0..160 {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        damaged.push(bytes);
    }
    for bytes in damaged.iter().filter(|bytes| **bytes != whole) {
        fs::write(file, bytes).expect("a file");
        assert!(collection.cached().rules() == compiled);
    }
    fs::write(file, &whole).expect("a file");
    assert!(collection.cached().is_kept());
    fs::remove_file(file).expect("a file");
    fs::create_dir(file).expect("a folder in its place");
    assert!(collection.cached().rules() == compiled);
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_is_not_believed() {
    use std::os::unix::fs::PermissionsExt;

    let collection = Collection::new();
    collection.cached();
    let [file] = &collection.kept()[..] else { panic!("one set is kept") };
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(&collection.path("cache"))), (0o600, 0o700));
    fs::set_permissions(file, fs::Permissions::from_mode(0o620)).expect("it is ours");
    assert!(!collection.cached().is_kept());
    assert_eq!(mode(file), 0o600, "it was made anew");
}

#[test]
fn the_oldest_sets_go_and_files_of_others_stay() {
    let collection = Collection::new();
    let cache = RuleCache::new(collection.path("cache"));
    let own = collection.write("cache/suricata.rules", "alert tcp any any");
    for number in 0..16 {
        let mut options = CompileOptions::default();
        options.sigma.placeholders.insert(format!("n{number}"), Vec::new());
        load_cached(&collection.rules(), &options, Some(&cache));
    }
    assert!(own.exists());
    assert_eq!(collection.kept().len(), 1 + 12);
}

/// A hunt over a store of its own: exit code, data, and what it says without the time that it took.
fn hunt(collection: &Collection, more: &[&str]) -> Output {
    let store = TestStore::new();
    let lines = [security_line(1, 4_624, r#","TargetUserName":"ann","Image":"nc.exe""#), security_line(2, 4_607, "")];
    store.load([store.file("log.jsonl", lines.concat())]).expect_code(&[0]);
    let mut hunt = command();
    hunt.args(["hunt", "--all", "--format", "jsonl", "--store"]).arg(store.path()).arg("--rules").args(collection.rules());
    hunt.arg("--pipeline").arg(collection.path("pipeline.yml")).arg("--values").arg(collection.path("values.yml"));
    hunt.arg("--cache").arg(collection.path("cache")).args(more);
    let Output { code, stdout, stderr } = finish(&mut hunt);
    let times = regex::Regex::new(r"\d+\.\d s").expect("it compiles");
    let found = regex::Regex::new(r#""(first|last)_found":"[^"]*""#).expect("it compiles");
    Output { code, stdout: found.replace_all(&stdout, "").into_owned(), stderr: times.replace_all(&stderr, "? s").into_owned() }
}

#[test]
fn a_hunt_says_the_same_with_and_without_cache() {
    let collection = Collection::new();
    let without = hunt(&collection, &["--no-cache"]);
    assert!(collection.kept().is_empty());
    assert_eq!(without.code, 3, "{}", without.stderr);
    assert!(without.stderr.contains("wrong.yml:3:"), "{}", without.stderr);
    assert!(without.stdout.lines().count() >= 3, "{}", without.stdout);
    for _ in 0..2 {
        let with = hunt(&collection, &[]);
        assert_eq!((with.code, with.stdout, with.stderr), (without.code, without.stdout.clone(), without.stderr.clone()));
        assert_eq!(collection.kept().len(), 1);
    }
}

#[test]
fn hunts_at_the_same_time_share_a_cache() {
    let collection = Collection::new();
    let store = TestStore::new();
    store.load([store.file("log.jsonl", security_line(1, 4_607, ""))]).expect_code(&[0]);
    let start = |_| {
        let mut coverage = command();
        coverage.args(["coverage", "--format", "jsonl", "--store"]).arg(store.path()).arg("--rules").args(collection.rules());
        coverage.arg("--cache").arg(collection.path("cache")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    let running: Vec<_> = (0..4).map(start).collect();
    let said: Vec<_> = running.into_iter().map(|child| child.wait_with_output().expect("it ends").stdout).collect();
    assert!(!said[0].is_empty() && said.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(collection.kept().len(), 1);
}

#[test]
fn public_rules_are_the_same_from_the_cache() {
    for folder in ["rules/sigmahq", "rules/escu", "rules/escu-docs"] {
        let Some(folder) = shared(folder) else { return };
        let cache = tempfile::tempdir().expect("a folder");
        let (paths, options, cache) = ([folder], CompileOptions::default(), RuleCache::new(cache.path()));
        let compiled = load_cached(&paths, &options, Some(&cache));
        let kept = load_cached(&paths, &options, Some(&cache));
        assert_eq!((compiled.is_kept(), kept.is_kept()), (false, true));
        assert_eq!(compiled.key(), kept.key());
        assert!(compiled.rules() == kept.rules());
    }
}

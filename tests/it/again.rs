//! Hunting again: what is said, what is read, what the store holds then.

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::ir::Rule;
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;
use serde_json::Value;

use crate::support::binary::{Output, TestStore};
use crate::support::samples::{security_line, sigma_rule};

const PLAIN: &str = "aaaaaaaa-0000-4000-8000-000000000011";
const COUNTING: &str = "aaaaaaaa-0000-4000-8000-000000000012";

const NOTHING_KNOWN: &str = "it reads all events: what it matched is not known: no hunt over the whole time has finished it since it was \
                             last hunted in another way";

struct Hunted {
    store: TestStore,
    rules: String,
}

impl Hunted {
    fn new() -> Self {
        let store = TestStore::new();
        store.file("rules/plain.yml", sigma_rule(PLAIN, "EventID: 4625"));
        let burst = format!(
            "title: Burst\nid: {COUNTING}\nstatus: test\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [{PLAIN}]\n  group-by: [Computer]\n  timespan: 1h\n  condition: {{gte: 3}}\n  generate: true\n"
        );
        store.file("rules/burst.yml", burst);
        let rules = store.folder().join("rules").to_string_lossy().into_owned();
        let hunted = Self { store, rules };
        hunted.load("first.jsonl", 1..=2);
        hunted
    }

    fn load(&self, name: &str, numbers: std::ops::RangeInclusive<i64>) {
        let lines: String = numbers.map(|n| security_line(n, 4625, "")).collect();
        self.store.load([self.store.file(name, lines)]);
    }

    fn hunt(&self, options: &[&str]) -> Output {
        let arguments = ["hunt", "--rules", &self.rules, "--format", "jsonl"];
        self.store.run(arguments.iter().chain(options)).expect_code(&[0])
    }

    fn next(&self, rule: &str) -> String {
        let text = self.store.run(["explain", &format!("{}/{rule}.yml", self.rules), &format!("{}/plain.yml", self.rules)]).stdout;
        let title = if rule == "plain" { "Rule " } else { "Rule    Burst" };
        let own = &text[text.find(title).unwrap_or_else(|| panic!("{text}"))..];
        let next = own.split("Next hunt\n").nth(1).unwrap_or_else(|| panic!("{text}"));
        next.lines().next().unwrap_or_default().trim().to_owned()
    }
}

/// The findings without the number of the hunt.
fn told(output: &Output) -> Vec<Value> {
    let mut rows = output.json_lines();
    for row in &mut rows {
        row.as_object_mut().expect("an object").remove("hunt_id");
    }
    rows
}

#[test]
fn a_hunt_without_news_says_the_same_and_reads_nothing() {
    let hunted = Hunted::new();
    let first = hunted.hunt(&[]);
    let second = hunted.hunt(&[]);
    assert_eq!(told(&first), told(&second));
    assert!(second.json_lines().iter().all(|row| row["hunt_id"] == 2), "{}", second.stdout);
    assert!(second.stderr.contains("2 rules over 2 events, none new, in"), "{}", second.stderr);
    let whole = hunted.hunt(&["--full"]);
    assert_eq!(told(&first), told(&whole));
    assert!(whole.stderr.contains("2 rules over 2 events in"), "{}", whole.stderr);
    let of_first = hunted.store.run(["findings", "--hunt", "1", "--format", "jsonl", "--all"]).expect_code(&[0]);
    assert_eq!(told(&first), told(&of_first));
    assert_eq!(hunted.store.number("SELECT count(*) FROM hunts"), 3);
    assert_eq!(hunted.store.number("SELECT count(*) FROM rule_outcomes WHERE hunt_id = 3"), 2);
}

#[test]
fn new_events_are_read_and_windows_reach_back() {
    let hunted = Hunted::new();
    assert_eq!(hunted.next("plain"), NOTHING_KNOWN);
    assert_eq!(hunted.hunt(&[]).json_lines().len(), 2, "two events are no burst");
    assert_eq!(hunted.next("plain"), "there is no new event; its earlier findings stay");
    hunted.load("second.jsonl", 3..=3);
    assert_eq!(hunted.next("plain"), "it reads only what is new, at most 1 event; its earlier findings stay");
    assert!(hunted.next("burst").starts_with("it reads only what is new, at most 1 event; where one matches, it runs again"));
    let grown = hunted.hunt(&[]);
    assert!(grown.stderr.contains("2 rules over 1 new event of 3 in"), "{}", grown.stderr);
    let rows = grown.json_lines();
    assert_eq!(rows.iter().filter(|row| row["rule_id"] == PLAIN).count(), 3, "{}", grown.stdout);
    let burst: Vec<&Value> = rows.iter().filter(|row| row["rule_id"] == COUNTING).collect();
    assert_eq!(burst.len(), 1, "{}", grown.stdout);
    assert_eq!(burst[0]["count"], 3, "the window begins before the load");
    assert_eq!(grown.json_lines().iter().filter(|row| row["hunt_id"] == 2).count(), 4);
}

#[test]
fn only_what_is_found_for_the_first_time_is_listed_where_that_is_asked() {
    let hunted = Hunted::new();
    assert_eq!(hunted.hunt(&["--new"]).json_lines().len(), 2);
    assert_eq!(hunted.hunt(&["--new"]).stdout, "", "nothing is new");
    hunted.load("second.jsonl", 3..=3);
    let rules: Vec<Value> = hunted.hunt(&["--new"]).json_lines().iter().map(|row| row["rule_id"].clone()).collect();
    assert_eq!(rules, [PLAIN, COUNTING]);
    assert_eq!(hunted.hunt(&["--new", "--full"]).stdout, "", "all of it was found before");
}

#[test]
fn a_changed_rule_and_a_part_of_the_time_read_everything() {
    let hunted = Hunted::new();
    hunted.hunt(&[]);
    hunted.store.file("rules/plain.yml", sigma_rule(PLAIN, "EventID: 4624"));
    assert_eq!(
        hunted.next("plain"),
        "it reads all events: the last hunt had another text of it, or of a macro, lookup, pipeline or value in it"
    );
    let changed = hunted.hunt(&[]);
    assert_eq!(changed.json_lines().len(), 0, "{}", changed.stdout);
    assert!(changed.stderr.contains("2 earlier findings from older versions of these rules"), "{}", changed.stderr);
    hunted.store.file("rules/plain.yml", sigma_rule(PLAIN, "EventID: 4625"));
    assert_eq!(hunted.hunt(&[]).json_lines().len(), 2, "the first text again");
    hunted.hunt(&["--since", "2000-01-01"]);
    assert_eq!(hunted.next("plain"), "there is no new event; its earlier findings stay", "a finding of one event is the same in each hunt");
    assert_eq!(hunted.next("burst"), NOTHING_KNOWN, "a part of a group is not the group");
    assert_eq!(hunted.hunt(&[]).json_lines().len(), 2);
}

/// Matches that are only counted are looked for again, for each rule among the events that it had read.
#[test]
fn rules_that_had_read_different_events_find_all_matches_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("often.db")).expect("a store");
    let searches = ["EventCode=4625 | stats count by Computer", "EventCode=4625 | stats count min(_time) by Computer"];
    let rule = |(number, search): (usize, &str)| {
        let text = format!("name: Counts\nid: counts-{number}\nsearch: '{search}'\n");
        let mut set = load_text("counts.yml", &text, &CompileOptions::default());
        set.rules.pop().unwrap_or_else(|| panic!("{:?}", set.diagnostics))
    };
    let rules: Vec<Rule> = searches.into_iter().enumerate().map(rule).collect();
    let mut options = HuntOptions::starting_at(0);
    options.kept_matches = 0;
    let mut counts = |number: i64, rules: &[Rule]| -> Vec<u64> {
        let path = folder.path().join(format!("{number}.jsonl"));
        std::fs::write(&path, security_line(number, 4625, "")).expect("a file");
        load(&mut store, &[path], &LoadOptions::default(), &mut |_| {}).expect("a load");
        let summary = hunt::run(&mut store, rules, &[], Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
        let mut of_hunt = FindingFilter::default();
        of_hunt.hunt = Some(summary.outcome.hunt_id);
        store.findings(&of_hunt).expect("findings").iter().map(|finding| finding.count).collect()
    };
    assert_eq!(counts(1, &rules), [1, 1]);
    assert_eq!(counts(2, &rules[1..]), [2]);
    assert_eq!(counts(3, &rules), [3, 3]);
}

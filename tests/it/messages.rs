//! Words in rendered text: each message is asked for itself, however many lie in one block and whatever else is looked for.

use std::collections::BTreeSet;

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::hunt::HuntOptions;
use retrohunt::ir::Glob;

use crate::support::loaded::Loaded;

/// Event codes, so that messages of several types share blocks.
const CODES: [u32; 2] = [4624, 4688];
/// That of every fiftieth event: words that only a few events are asked for are searched apart.
const RARE_CODE: u32 = 1102;
/// More than the messages of some blocks.
const EVENTS: usize = 700;

/// A message, and what it ends and the next begins with: no word may be found across both.
fn message(n: usize) -> String {
    let odd = match n {
        17 => "Sudoedit -s",
        18 => "ends with sudo",
        19 => "edit begins",
        140 | 333 => "\u{212a}elvin and lon\u{17f}",
        200 => "Öffnen der Tür",
        201 => "öFFNEN DER TÜR",
        400 => "a\\b and 100% of it_",
        401 => "SUDO  EDIT",
        _ => "nothing",
    };
    // Both ends of the text are what is odd, and most texts are long enough that blocks end by their bytes too.
    format!("{odd} {} {odd}", "An account was changed. ".repeat(n % 90))
}

fn events() -> String {
    let line = |n: usize| {
        // Some events have no message at all.
        let text = if n % 11 == 5 { String::new() } else { format!(",\"Message\":{}", serde_json::Value::from(message(n))) };
        let code = if n.is_multiple_of(50) { RARE_CODE } else { CODES[n * n % 3] };
        format!(
            "{{\"Channel\":\"Security\",\"EventID\":{code},\"Computer\":\"h\",\"TimeCreated\":\"2024-03-01T00:00:00Z\",\"EventRecordID\":{n},\"Number\":\"v{}\"{text}}}\n",
            n % 7
        )
    };
    (1..=EVENTS).map(line).collect()
}

/// Patterns in Sigma's spelling, and the same as a pattern over a whole message.
fn patterns() -> Vec<(&'static str, Glob)> {
    let of = |text: &str| Glob::wildcard(text).contains();
    vec![
        ("sudoedit", of("sudoedit")),
        ("SUDO*EDIT", of("SUDO*EDIT")),
        ("edit  edit", of("edit  edit")),
        ("kelvin", of("kelvin")),
        ("\u{212a}ELVIN", of("\u{212a}ELVIN")),
        ("long", of("long")),
        ("Tür", of("Tür")),
        ("ÖFFNEN DER TÜR", of("ÖFFNEN DER TÜR")),
        ("nothing", of("nothing")),
        ("changed.*changed.*begins", of("changed.*changed.*begins")),
        ("v3", of("v3")),
        ("never written anywhere", of("never written anywhere")),
    ]
}

fn rule(id: &str, detection: &str) -> String {
    format!("title: {id}\nid: {id}\nlogsource:\n    product: windows\n    service: security\ndetection:\n{detection}\n---\n")
}

/// The rules of all patterns by their ids, and the (rule, event) that they match.
fn expected(loaded: &Loaded) -> (Vec<(String, String)>, BTreeSet<(String, i64)>) {
    let stored = loaded.events();
    let (mut rules, mut expected) = (Vec::new(), BTreeSet::new());
    for (place, (spelling, glob)) in patterns().into_iter().enumerate() {
        let glob = glob.folded();
        let holds = |value: &str| glob.matches(Glob::literal(value).folded().as_literal().unwrap_or_default());
        for (number, event) in (1_i64..).zip(&stored) {
            let in_message = event.message.as_deref().is_some_and(holds);
            let anywhere = in_message || event.fields.values().flatten().any(|value| holds(value));
            let is_creation = event.code == "4688";
            let mut expect = |rule: &str, is_expected: bool| {
                if is_expected {
                    expected.insert((format!("{rule}{place}"), number));
                }
            };
            expect("word", anywhere);
            expect("no", !anywhere);
            expect("some", anywhere && is_creation);
            expect("rare", anywhere && event.code == RARE_CODE.to_string());
            expect("late", is_creation && event.fields.get("Number").is_some_and(|n| n[0] == "v3") && !anywhere);
            expect("field", in_message);
            expect("nofield", event.message.is_some() && !in_message);
        }
        let word = format!("    words:\n        - '{spelling}'\n");
        let number = "    code:\n        EventID: 4688\n    number:\n        Number: v3\n";
        let rare = format!("    code:\n        EventID: {RARE_CODE}\n");
        let field = format!("    field:\n        Message|contains: '{spelling}'\n");
        let any = "    any:\n        Message: '*'\n";
        let mut add = |kind: &str, detection: String| {
            let id = format!("{kind}{place}");
            rules.push((id.clone(), rule(&id, &detection)));
        };
        add("word", format!("{word}    condition: words"));
        add("no", format!("{word}    condition: not words"));
        add("some", format!("{word}{number}    condition: words and code"));
        add("rare", format!("{word}{rare}    condition: words and code"));
        add("late", format!("{word}{number}    condition: code and number and not words"));
        add("field", format!("{field}    condition: field"));
        add("nofield", format!("{field}{any}    condition: any and not field"));
    }
    (rules, expected)
}

/// Hunts with the rules of some kinds, or of some ids.
fn assert_found(kinds: &[&str], options: &HuntOptions) {
    let mut loaded = Loaded::of_bytes(events().as_bytes());
    let (rules, expected) = expected(&loaded);
    let is_of = |rule: &str| kinds.contains(&rule) || kinds.contains(&rule.trim_end_matches(|c: char| c.is_ascii_digit()));
    let text: String = rules.into_iter().filter(|(id, _)| is_of(id)).map(|(_, text)| text).collect();
    let set = load_text("words.yml", &text, &CompileOptions::default());
    assert!(!set.has_errors(), "{:?}", set.diagnostics);
    let expected: BTreeSet<(String, i64)> = expected.into_iter().filter(|(rule, _)| is_of(rule)).collect();
    assert!(!expected.is_empty());
    assert_eq!(loaded.hunt_with(&set, options), expected);
}

#[test]
fn words_are_found_where_they_are_and_nowhere_else() {
    assert_found(&["word", "no", "some", "rare", "late", "field", "nofield"], &HuntOptions::starting_at(0));
}

#[test]
fn words_are_found_where_each_message_is_looked_up() {
    let mut options = HuntOptions::starting_at(0);
    options.until_us = Some(i64::MAX);
    assert_found(&["word", "no", "field"], &options);
}

#[test]
fn words_are_found_where_few_events_are_asked() {
    assert_found(&["some", "late"], &HuntOptions::starting_at(0));
    assert_found(&["late"], &HuntOptions::starting_at(0));
}

#[test]
fn words_of_few_events_are_found_beside_those_of_many() {
    assert_found(&["rare"], &HuntOptions::starting_at(0));
    // The last is a common word that is asked of few events, and late.
    assert_found(&["word0", "field6", "no3", "rare1", "rare6", "rare8", "late8"], &HuntOptions::starting_at(0));
    let mut options = HuntOptions::starting_at(0);
    options.until_us = Some(i64::MAX);
    assert_found(&["word0", "rare6", "rare8", "late8"], &options);
}

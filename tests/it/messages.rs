//! Words in rendered text: each message is asked for itself, however many lie in one block and whatever else is looked for.

use std::collections::BTreeSet;

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::ir::Glob;

use crate::support::loaded::Loaded;

/// Event codes, so that messages of several types share blocks.
const CODES: [u32; 3] = [4624, 4688, 1102];
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
        let code = CODES[n * n % 3];
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

#[test]
fn words_are_found_where_they_are_and_nowhere_else() {
    let mut loaded = Loaded::of_bytes(events().as_bytes());
    let stored = loaded.events();
    let (mut text, mut expected) = (String::new(), BTreeSet::new());
    for (place, (spelling, glob)) in patterns().into_iter().enumerate() {
        let glob = glob.folded();
        let holds = |value: &str| glob.matches(&Glob::literal(value).folded().as_literal().unwrap_or_default().to_owned());
        for (number, event) in (1_i64..).zip(&stored) {
            let in_message = event.message.as_deref().is_some_and(holds);
            let anywhere = in_message || event.fields.values().flatten().any(|value| holds(value));
            let one_type = event.code == "4688";
            let mut expect = |rule: &str, is: bool| {
                if is {
                    expected.insert((format!("{rule}{place}"), number));
                }
            };
            expect("word", anywhere);
            expect("no", !anywhere);
            expect("some", anywhere && one_type);
            expect("late", one_type && event.fields.get("Number").is_some_and(|n| n[0] == "v3") && !anywhere);
            expect("field", in_message);
            expect("nofield", event.message.is_some() && !in_message);
        }
        let word = format!("    words:\n        - '{spelling}'\n");
        let selection = "    selection:\n        EventID: 4688\n";
        let number = "    number:\n        Number: v3\n";
        let field = format!("    field:\n        Message|contains: '{spelling}'\n");
        text += &rule(&format!("word{place}"), &format!("{word}    condition: words"));
        text += &rule(&format!("no{place}"), &format!("{word}    condition: not words"));
        text += &rule(&format!("some{place}"), &format!("{word}{selection}    condition: words and selection"));
        text += &rule(&format!("late{place}"), &format!("{word}{selection}{number}    condition: selection and number and not words"));
        text += &rule(&format!("field{place}"), &format!("{field}    condition: field"));
        text += &rule(&format!("nofield{place}"), &format!("{field}    any:\n        Message: '*'\n    condition: any and not field"));
    }
    let set = load_text("words.yml", &text, &CompileOptions::default());
    assert!(!set.has_errors(), "{:?}", set.diagnostics);
    assert_eq!(loaded.hunt(&set), expected);
}

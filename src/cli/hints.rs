//! What to say to somebody whose SQL does not work: the nearest name, and where the names are.

use crate::report::visible;
use crate::suggest::nearest;
use crate::taxonomy::Taxonomy;

/// `; did you mean `x`?`, or nothing where no name is near.
pub(crate) fn did_you_mean(word: &str, known: &[String]) -> String {
    match nearest(word, known.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{}`?", visible(near)),
        None => String::new(),
    }
}

/// `; did you mean `x`? REST`, or `; REST` where no name is near.
pub(crate) fn did_you_mean_or(word: &str, known: &[String], rest: &str) -> String {
    match did_you_mean(word, known) {
        none if none.is_empty() => format!("; {rest}"),
        near => format!("{near} {rest}"),
    }
}

/// The command of another shell that a text begins with (`.tables`, `describe x`), answered in our words.
pub(crate) fn of_another_shell(text: &str) -> Option<String> {
    let words: Vec<&str> = text.trim().trim_end_matches(';').split_whitespace().collect();
    let first = words.first()?.to_lowercase();
    let name = match (first.as_str(), words.as_slice()) {
        (".schema" | "describe" | "desc" | "\\d" | "\\d+", [_, name]) => Some(*name),
        ("show", [_, columns, from, name]) if columns.eq_ignore_ascii_case("columns") && from.eq_ignore_ascii_case("from") => Some(*name),
        ("show" | "\\d" | "\\dt" | "\\dv" | ".tables" | ".schema" | ".help" | "help" | "describe" | "desc", _) => None,
        _ => return None,
    };
    Some(match name {
        Some(name) => format!("`{}` is not SQL: `retrohunt views {}` shows the columns of a view", visible(text.trim()), visible(name)),
        None => {
            format!("`{}` is not SQL: `retrohunt views` lists the views, `retrohunt views NAME` the columns of one", visible(text.trim()))
        }
    })
}

/// An error of SQLite in one sentence, with what to do about it. `columns` gives the columns of a view.
pub(crate) fn explained(error: &str, query: &str, views: &[String], columns: &dyn Fn(&str) -> Vec<String>) -> String {
    // SQLite repeats the statement, which may be another than the one that was typed.
    let short = if error.contains(" at offset ") { error.split_once(" in ").map_or(error, |(short, _)| short) } else { error };
    let name_after = |mark: &str| short.split_once(mark).map(|(_, name)| name.rsplit('.').next().unwrap_or(name).trim());
    let hint = if let Some(name) = name_after("no such table: ") {
        // A category has a view only where the store has events of it, and no other name is what was meant.
        if Taxonomy::embedded().categories("windows").any(|(category, _)| category == name) {
            format!("; the store has no events of the Sigma category `{name}`")
        } else {
            did_you_mean_or(name, views, "`retrohunt views` lists the names")
        }
    } else if let Some(name) = name_after("no such column: ") {
        of_column(name, query, views, columns)
    } else if short.contains("not authorized") {
        "; only reading is allowed".to_owned()
    } else {
        String::new()
    };
    format!("{short}{hint}")
}

fn of_column(name: &str, query: &str, views: &[String], columns: &dyn Fn(&str) -> Vec<String>) -> String {
    let words = query.split(|c: char| !c.is_alphanumeric() && c != '_');
    let asked: Vec<&String> = words.filter_map(|word| views.iter().find(|view| view.eq_ignore_ascii_case(word))).collect();
    let known: Vec<String> = asked.iter().flat_map(|view| columns(view)).collect();
    match asked.first() {
        Some(view) => did_you_mean_or(name, &known, &format!("`retrohunt views {view}` lists the columns")),
        None => did_you_mean(name, &known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_the_nearest_one_and_where_all_are() {
        let views = ["process_creation", "sysmon_1"].map(String::from);
        let columns = |_: &str| ["CommandLine", "Image"].map(String::from).to_vec();
        let explain = |error: &str, query: &str| explained(error, query, &views, &columns);
        assert_eq!(
            explain("SQLite: no such table: process_creatoin in SELECT 1 at offset 3", "SELECT 1 FROM process_creatoin"),
            "SQLite: no such table: process_creatoin; did you mean `process_creation`? `retrohunt views` lists the names"
        );
        assert_eq!(
            explain("SQLite: no such column: x.CommandLin in SELECT 1 at offset 3", "SELECT x.CommandLin FROM sysmon_1 x"),
            "SQLite: no such column: x.CommandLin; did you mean `CommandLine`? `retrohunt views sysmon_1` lists the columns"
        );
        assert_eq!(
            explain("SQLite: no such table: registry_set", "SELECT 1 FROM registry_set"),
            "SQLite: no such table: registry_set; the store has no events of the Sigma category `registry_set`"
        );
        assert_eq!(explain("SQLite: no such column: q", "SELECT q FROM z"), "SQLite: no such column: q");
        assert_eq!(explain("SQLite: not authorized", "DROP"), "SQLite: not authorized; only reading is allowed");
    }

    #[test]
    fn commands_of_other_shells_are_known() {
        for (text, said) in [
            (".tables", "`retrohunt views` lists"),
            ("SHOW TABLES;", "`retrohunt views` lists"),
            ("describe sysmon_1", "`retrohunt views sysmon_1`"),
            ("show columns from events", "`retrohunt views events`"),
            ("\\dt", "`retrohunt views` lists"),
        ] {
            assert!(of_another_shell(text).is_some_and(|hint| hint.contains(said)), "{text}");
        }
        assert_eq!(of_another_shell("SELECT 1"), None);
    }
}

//! The words of a finding's details: values on one line, and those of a result row.

use serde_json::Value;

/// Characters of a value: enough for a path or the head of a command line, and some values still fit a row of a spreadsheet.
const VALUE_CHARS: usize = 200;
/// Values of one finding.
const VALUES_MAX: usize = 10;
/// Between two values. A dot in the middle of the line is in no path, command line or name.
const SEPARATOR: &str = " · ";
/// Columns of a result that its times and its count are in already.
const TOLD_ELSEWHERE: [&str; 9] =
    ["_time", "count", "firstTime", "lastTime", "first_time", "last_time", "first_window", "last_window", "windows"];

/// The time of an event as a number, which the finding has as its own.
const TIME: &str = "_time";
/// What searches and logs write where there is nothing to say: counts of what did not happen, and the words of Splunk's field maps.
const NOTHING: [&str; 4] = ["0", "unknown", "null", "none"];
/// Marks the label of a field that the rule tested.
pub const TESTED: &str = "*";

/// The values of a result row, those of its group first. `tested`: the fields that the rule's conditions test, which are marked.
pub(super) fn of_row(group: &[(String, String)], columns: &[(String, Value)], tested: &[String]) -> String {
    let label = |name: &str| {
        let mark = if tested.iter().any(|field| is_same_field(field, name)) { TESTED } else { "" };
        format!("{name}{mark}")
    };
    joined(told(group, columns).into_iter().map(|(name, text)| (label(&name), text)))
}

/// What [`of_row`] tells: names of columns and their values on one line.
pub(super) fn told(group: &[(String, String)], columns: &[(String, Value)]) -> Vec<(String, String)> {
    let is_told = |name: &String| group.iter().any(|(by, _)| by == name) || TOLD_ELSEWHERE.contains(&name.as_str());
    let by = group.iter().filter(|(name, _)| name != TIME).map(|(name, value)| (name, one_line(value)));
    let by: Vec<(&String, String)> = by.collect();
    let others = columns.iter().filter(|(name, _)| !is_told(name)).filter_map(|(name, value)| {
        let member = |member: &Value| member.as_str().map_or_else(|| member.to_string(), str::to_owned);
        let text = match value {
            Value::Null => return None,
            Value::String(text) => one_line(text),
            Value::Array(members) => one_line(&members.iter().map(member).collect::<Vec<_>>().join(", ")),
            other => other.to_string(),
        };
        Some((name, text))
    });
    // `dest` beside a group's `Processes.dest`, or under another name: the same once more.
    let is_of_group = |text: &String| by.iter().any(|(_, own)| own == text);
    let all: Vec<(&String, String)> = by.iter().cloned().chain(others.filter(|(_, text)| !is_of_group(text))).collect();
    // A row of nothing but zeros still says which they are.
    let only_nothing = !all.iter().any(|(_, text)| tells(text));
    let says = |text: &String| if only_nothing { is_said(text) } else { tells(text) };
    all.into_iter().filter(|(_, text)| says(text)).take(VALUES_MAX).map(|(name, text)| (name.clone(), text)).collect()
}

/// Whether two names are of one field: with or without the data set in front, as Splunk writes `Processes.user`.
fn is_same_field(a: &str, b: &str) -> bool {
    fn bare(name: &str) -> &str {
        // Names of data sets begin with a capital letter, paths in JSON (`userIdentity.arn`) do not.
        name.split_once('.').filter(|(model, _)| model.starts_with(|c: char| c.is_ascii_uppercase())).map_or(name, |(_, rest)| rest)
    }
    bare(a).eq_ignore_ascii_case(bare(b))
}

/// Values with their labels, as many as fit.
pub fn joined(parts: impl Iterator<Item = (String, String)>) -> String {
    parts.take(VALUES_MAX).map(|(label, value)| format!("{label}: {value}")).collect::<Vec<_>>().join(SEPARATOR)
}

/// The details of a row of so many values, and behind them those of an event, as many as fit.
pub fn joined_behind(row: &str, values: usize, parts: impl Iterator<Item = (String, String)>) -> String {
    let behind = joined(parts.take(VALUES_MAX.saturating_sub(values)));
    [row, &behind].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(SEPARATOR)
}

/// Whether a value says anything: Windows writes `-` for what is not known.
pub fn is_said(value: &str) -> bool {
    let value = value.trim();
    !["", "-", "n/a", "(null)"].iter().any(|nothing| value.eq_ignore_ascii_case(nothing))
}

/// Whether a value says anything, also for a search.
fn tells(value: &str) -> bool {
    is_said(value) && !NOTHING.iter().any(|nothing| value.trim().eq_ignore_ascii_case(nothing))
}

/// Whether a name, with a domain or without, is that of a user or a host, and not what stands for an unknown one.
pub fn is_somebody(name: &str) -> bool {
    tells(name.rsplit_once('\\').map_or(name, |(_, name)| name))
}

/// Blanks and line breaks become one blank; what is too long ends with `…`.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(VALUE_CHARS * 2));
    let mut length = 0;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        let space = usize::from(length > 0);
        if length + space + chars > VALUE_CHARS {
            // A word that is too long by itself is cut, as a script without a blank; others stay whole.
            let room = VALUE_CHARS.saturating_sub(length + space + 1);
            let kept = if room > VALUE_CHARS / 4 { room } else { 0 };
            out.extend((length > 0).then_some(' '));
            out.extend(word.chars().take(kept).chain(['…']));
            return out;
        }
        out.extend((length > 0).then_some(' '));
        out.push_str(word);
        length += space + chars;
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_cut_between_words_where_it_can_be() {
        assert_eq!(one_line(" a \r\n\tb  "), "a b");
        let long = format!("{} {}", "x".repeat(190), "y".repeat(30));
        assert_eq!(one_line(&long), format!("{} …", "x".repeat(190)));
        let script = "z".repeat(500);
        assert_eq!(one_line(&script).chars().count(), VALUE_CHARS);
    }

    #[test]
    fn a_result_row_tells_its_group_and_then_what_else_it_has() {
        let columns = [
            ("user", json!("bob")),
            ("count", json!(3)),
            ("process", json!(["a.exe", "b.exe"])),
            ("dest", Value::Null),
            ("note", json!("-")),
            ("firstTime", json!("1")),
        ];
        let columns = columns.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(of_row(&[("user".to_owned(), "bob".to_owned())], &columns, &[]), "user: bob · process: a.exe, b.exe");
    }

    #[test]
    fn a_result_row_says_nothing_twice_and_marks_what_was_tested() {
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let group = own(&[
            ("Processes.dest", "ws07"),
            ("Processes.process_name", "a.exe"),
            ("DoIt", "0"),
            ("hash", "unknown"),
            ("_time", "1619427600"),
        ]);
        let columns = [("dest", json!("ws07")), ("process_name", json!("a.exe")), ("iex", json!(0)), ("n", json!(4)), ("path", json!([]))];
        let columns = columns.map(|(name, value)| (name.to_owned(), value));
        let tested = ["process_name".to_owned(), "userIdentity.dest".to_owned()];
        assert_eq!(of_row(&group, &columns, &tested), "Processes.dest: ws07 · Processes.process_name*: a.exe · n: 4");
        assert_eq!(of_row(&own(&[("DoIt", "0")]), &[], &[]), "DoIt: 0");
    }
}

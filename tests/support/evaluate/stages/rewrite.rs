//! Stages that rewrite columns: extraction, replacement, lists and what becomes of them.

use std::ops::Range;

use regex::Regex;
use retrohunt::ir::{Edit, Extract, Glob, ListSplit, MakeList, Part, Replace, Substitute};

use super::super::Row;
use super::super::function::text::expanded;
use super::super::scalar::Value;
use super::{Table, put, set, size};

/// A regular expression without look-around.
pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a rule's regular expression is valid")
}

/// The places of a match's groups in a text, the whole match first.
type Groups = Vec<Option<Range<usize>>>;

/// The matches of a rule's regular expression, from left to right.
fn matches(pattern: &str, text: &str) -> Vec<Groups> {
    if let Ok(regex) = Regex::new(pattern) {
        let groups = |found: regex::Captures<'_>| found.iter().map(|group| group.map(|group| group.range())).collect();
        return regex.captures_iter(text).map(groups).collect();
    }
    let regex = fancy_regex::Regex::new(pattern).expect("a rule's regular expression is valid");
    let groups = |found: fancy_regex::Captures<'_, str>| found.iter().map(|group| group.map(|group| group.start()..group.end())).collect();
    regex.captures_iter(text).map_while(Result::ok).map(groups).collect()
}

/// The places of the groups that have names, in their order.
fn named_groups(pattern: &str) -> Vec<usize> {
    let named = |(place, name): (usize, Option<&str>)| name.map(|_| place);
    match Regex::new(pattern) {
        Ok(regex) => regex.capture_names().enumerate().filter_map(named).collect(),
        Err(_) => {
            let regex = fancy_regex::Regex::new(pattern).expect("a rule's regular expression is valid");
            regex.capture_names().enumerate().filter_map(named).collect()
        }
    }
}

impl Table {
    /// Where no match has a group, its column stays.
    pub(super) fn extract(&mut self, extract: &Extract) {
        let groups = named_groups(&extract.pattern);
        extract.names.iter().for_each(|name| self.know(name));
        let most = extract.max_match.map_or(usize::MAX, size);
        for row in &mut self.rows {
            let Some(members) = row.get(&extract.field).and_then(Value::members) else { continue };
            let of_member = |member: &String| {
                let found = matches(&extract.pattern, member).into_iter().take(most);
                found.map(|found| groups.iter().map(|group| found[*group].clone().map(|at| member[at].to_owned())).collect()).collect()
            };
            let found: Vec<Vec<Option<String>>> = members.iter().flat_map(|member| -> Vec<_> { of_member(member) }).collect();
            for (place, name) in extract.names.iter().enumerate() {
                let texts: Vec<String> = found.iter().filter_map(|groups| groups.get(place)?.clone()).collect();
                put(row, name, Some(Value::of_members(&texts)).filter(|value| *value != Value::Null));
            }
        }
    }

    /// Each member by itself.
    pub(super) fn substitute(&mut self, substitute: &Substitute) {
        for row in &mut self.rows {
            let Some(members) = row.get(&substitute.field).and_then(Value::members) else { continue };
            let edited = |member: &String| substitute.edits.iter().fold(member.clone(), |text, edit| edited(edit, &text));
            set(row, &substitute.field, Value::of_members(&members.iter().map(edited).collect::<Vec<_>>()));
        }
    }

    /// Each member by itself; what no pattern fits stays as it is, a number too.
    pub(super) fn replace(&mut self, replace: &Replace) {
        for row in &mut self.rows {
            let names: Vec<String> = if replace.fields.is_empty() {
                row.keys().filter(|name| super::is_meant("*", name)).cloned().collect()
            } else {
                replace.fields.clone()
            };
            for name in names {
                let Some(members) = row.get(&name).and_then(Value::members) else { continue };
                let new: Vec<Option<String>> = members.iter().map(|member| replaced(&replace.pairs, member)).collect();
                if new.iter().any(Option::is_some) {
                    let all: Vec<String> = new.into_iter().zip(members).map(|(new, old)| new.unwrap_or(old)).collect();
                    set(row, &name, Value::of_members(&all));
                }
            }
        }
    }

    /// A value becomes the members of its text.
    pub(super) fn make_list(&mut self, make: &MakeList) {
        for row in &mut self.rows {
            let Some(members) = row.get(&make.field).and_then(Value::members) else { continue };
            let parts = members.iter().flat_map(|member| parts(make, member));
            let parts: Vec<String> = parts.filter(|part| make.allow_empty || !part.is_empty()).collect();
            set(row, &make.field, Value::of_members(&parts));
        }
    }

    /// A row for each member.
    pub(super) fn expand(&mut self, field: &str, limit: Option<u64>) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = rows.into_iter().flat_map(|row| expanded_row(&row, field, limit)).collect();
    }

    /// Rows with the same values beside a column become one; those without a value stay.
    pub(super) fn combine(&mut self, field: &str) {
        let mut out: Vec<(Row, Row)> = Vec::new(); // what must be the same; the row
        for row in std::mem::take(&mut self.rows) {
            let mut others = row.clone();
            others.retain(|name, _| name != field && name != super::ID && name != "_raw");
            let has_value = row.contains_key(field);
            let mut row = row;
            // What may become a list has texts, as members are.
            if let Some(members) = row.get(field).and_then(Value::members) {
                set(&mut row, field, Value::of_members(&members));
            }
            match out.iter_mut().find(|(known, first)| has_value && first.contains_key(field) && *known == others) {
                Some((_, first)) => {
                    let members = |row: &Row| row.get(field).and_then(Value::members).unwrap_or_default();
                    let all = [members(first), members(&row)].concat();
                    set(first, field, Value::of_members(&all));
                }
                None => out.push((others, row)),
            }
        }
        self.rows = out.into_iter().map(|(_, row)| row).collect();
    }

    /// Members become one text.
    pub(super) fn join_members(&mut self, field: &str, delimiter: &str) {
        for row in &mut self.rows {
            if let Some(Value::List(members)) = row.get(field) {
                let text = members.join(delimiter);
                set(row, field, Value::Text(text));
            }
        }
    }
}

fn expanded_row(row: &Row, field: &str, limit: Option<u64>) -> Vec<Row> {
    let of = |value: Value| {
        let mut row = row.clone();
        set(&mut row, field, value);
        row
    };
    match row.get(field) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(members)) => {
            let taken = members.iter().take(limit.map_or(usize::MAX, size));
            taken.map(|member| of(Value::Text(member.clone()))).collect()
        }
        Some(one) => vec![of(one.clone())],
    }
}

fn parts(make: &MakeList, member: &str) -> Vec<String> {
    match &make.split {
        ListSplit::Delimiter(delimiter) => member.split(delimiter.as_str()).map(str::to_owned).collect(),
        ListSplit::Matches(pattern) => {
            let first = |found: Groups| found.get(1)?.clone().map(|at| member[at].to_owned());
            matches(pattern, member).into_iter().filter_map(first).collect()
        }
    }
}

fn edited(edit: &Edit, text: &str) -> String {
    match edit {
        Edit::Replace { pattern, replacement, from, all } => {
            let (mut out, mut rest) = (String::new(), 0);
            for (number, found) in (1..).zip(matches(pattern, text)) {
                if number == *from || (*all && number > *from) {
                    let whole = found[0].clone().expect("the match");
                    out.push_str(&text[rest..whole.start]);
                    let group = |group: usize| found.get(group).and_then(Clone::clone).map_or_else(String::new, |at| text[at].to_owned());
                    out.push_str(&expanded(replacement, &group));
                    rest = whole.end;
                }
            }
            out + &text[rest..]
        }
        Edit::Transliterate(pairs) => text.chars().map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)).collect(),
    }
}

/// What the pattern that decides makes of a text: of those without `*` the last, else of those with `*` the one with the most
/// other characters, the first of these.
fn replaced(pairs: &[(Glob, String)], text: &str) -> Option<String> {
    let fitting = || pairs.iter().filter_map(|(glob, new)| Some((glob, taken(glob.parts(), text)?, new)));
    let others =
        |glob: &Glob| -> usize { glob.parts().iter().map(|part| if let Part::Text(text) = part { text.chars().count() } else { 0 }).sum() };
    let literal = fitting().rfind(|(glob, ..)| glob.as_literal().is_some());
    let starred = || fitting().rev().max_by_key(|(glob, ..)| others(glob));
    let (_, taken, new) = literal.or_else(starred)?;
    let mut taken = taken.into_iter();
    let pieces: Vec<&str> = new.split('*').collect();
    let (last, pieces) = pieces.split_last().expect("a split has a part");
    Some(pieces.iter().fold(String::new(), |out, piece| out + piece + &taken.next().unwrap_or_default()) + last)
}

/// What each `*` of a pattern takes of a text, the first as little as it can.
fn taken(parts: &[Part], text: &str) -> Option<Vec<String>> {
    let characters: Vec<char> = text.chars().collect();
    match parts {
        [] => text.is_empty().then(Vec::new),
        [Part::Text(literal), rest @ ..] => {
            let length = literal.chars().count();
            let head: String = characters.iter().take(length).collect();
            (head == *literal).then(|| taken(rest, &text[head.len()..]))?
        }
        [Part::One, rest @ ..] => taken(rest, &text[characters.first()?.len_utf8()..]),
        [Part::Any, rest @ ..] => (0..=characters.len()).find_map(|length| {
            let head: String = characters[..length].iter().collect();
            let mut behind = taken(rest, &text[head.len()..])?;
            behind.insert(0, head);
            Some(behind)
        }),
    }
}

#[test]
fn stars_take_what_stands_at_their_place() {
    let glob = super::super::text::pattern_of("a*b*");
    assert_eq!(replaced(&[(glob.clone(), "<*|*>".to_owned())], "axxbyb"), Some("<xx|yb>".to_owned()));
    assert_eq!(replaced(&[(glob.clone(), "*".to_owned())], "ab"), Some(String::new()));
    assert_eq!(replaced(&[(glob, "*".to_owned())], "xab"), None);
}

#[test]
fn edits_begin_where_they_are_told() {
    let edit = |from, all| edited(&Edit::Replace { pattern: "(o)".into(), replacement: "[\\1]".into(), from, all }, "oxoxo");
    assert_eq!((edit(1, false).as_str(), edit(2, false).as_str(), edit(2, true).as_str()), ("[o]xoxo", "ox[o]xo", "ox[o]x[o]"));
    assert_eq!(edited(&Edit::Transliterate(vec![('o', 'a')]), "oxo"), "axa");
}

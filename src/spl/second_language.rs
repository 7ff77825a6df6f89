//! Where a search gives itself away as SPL2, which is another language than the one that is read here.

use std::ops::Range;

use super::cursor::is_name_char;

/// What ends a search of SPL2 that reports to Splunk's own analytics.
const MARKER: &str = "--finding_report--";
/// Words behind a data set that only SPL2 has there.
const CLAUSES: [&str; 7] = ["where", "select", "group", "order", "limit", "join", "as"];

/// The text by which a search is known as SPL2.
pub(super) fn mark(search: &str) -> Option<Range<usize>> {
    let start = behind_comment(search);
    assignment(search, start)
        .or_else(|| from(search, start))
        .or_else(|| select(search, start))
        .or_else(|| search.find(MARKER).map(|at| at..at + MARKER.len()))
}

/// Where the text starts, comments in the manner of SPL2 left out.
fn behind_comment(search: &str) -> usize {
    let mut at = search.len() - search.trim_start().len();
    while let Some(end) = search[at..].strip_prefix("/*").and_then(|rest| rest.find("*/")) {
        at += 2 + end + 2;
        at += search[at..].len() - search[at..].trim_start().len();
    }
    at
}

/// `$name =`, also exported.
fn assignment(search: &str, start: usize) -> Option<Range<usize>> {
    let start = word(search, start, "export").unwrap_or(start);
    let rest = search[start..].strip_prefix('$')?;
    let name = rest.find(|c| !is_name_char(c)).filter(|length| *length > 0)?;
    rest[name..].trim_start().starts_with('=').then_some(start..start + 1 + name)
}

/// `from NAME where …`: in the first language a data set has its kind in front (`from datamodel:Web`), and without a pipe
/// `from` is a term, behind which such a clause makes no sense.
fn from(search: &str, start: usize) -> Option<Range<usize>> {
    let at = search[start..].strip_prefix('|').map_or(start, |rest| search.len() - rest.trim_start().len());
    let name = word(search, at, "from")?;
    let end = match search[name..].strip_prefix('\'') {
        Some(quoted) => name + 1 + quoted.find('\'')? + 1,
        None => name + search[name..].find(|c: char| !is_name_char(c) && !matches!(c, '$' | '.' | '-')).filter(|n| *n > 0)?,
    };
    let rest = &search[end..];
    let clause = end + rest.len() - rest.trim_start().len();
    if rest.trim_start().starts_with('|') {
        return Some(at..clause + 1);
    }
    CLAUSES.iter().find(|clause_word| word(search, clause, clause_word).is_some()).map(|found| at..clause + found.len())
}

/// `SELECT … FROM …`.
fn select(search: &str, start: usize) -> Option<Range<usize>> {
    word(search, start, "select")?;
    let first = search[start..].split('|').next().unwrap_or_default();
    let has_from = first.split_whitespace().skip(2).any(|word| word.eq_ignore_ascii_case("from"));
    has_from.then_some(start..start + "select".len())
}

/// Behind a whole word, without case, that stands at a place, and the white space that must follow it.
fn word(search: &str, at: usize, word: &str) -> Option<usize> {
    let rest = &search[at..];
    let behind = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)).map(|_| &rest[word.len()..])?;
    let trimmed = behind.trim_start();
    (trimmed.len() < behind.len()).then(|| search.len() - trimmed.len())
}

//! How wide the columns of a table are on a terminal, which of them are shown, and where a cell breaks.
//!
//! What people copy stays whole: a value of [`SHORT`] columns or less (a time, a host, an address) never breaks. Longer text
//! breaks at spaces, then after the separators of paths and command lines, and within a word only where it has neither.
//! Where even that does not fit, there is no layout: the rows are then shown one field a line.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::shape::{CellStyle, TableColumn};

/// Spaces between two columns.
pub(super) const GAP: usize = 2;
/// A column that is no wider never breaks: a time with microseconds has 27 characters.
const SHORT: usize = 28;
/// The narrowest that a column of longer text becomes.
const TEXT_MIN: usize = 16;
/// The narrowest column of what stands below its row where there is no room for it.
const BESIDE_MIN: usize = 40;
/// The narrowest that a column of one line becomes that is cut between words: the first three or four words of a title.
const WORDS_MIN: usize = 22;
/// What is tried one after the other: the narrowest that a path becomes (name and folder of most files, then the name), and the widest text
/// that never breaks. Short texts break last of all: a table with some broken names is read faster than a field a line.
const LEAST: [(usize, usize); 3] = [(36, SHORT), (18, SHORT), (18, TEXT_MIN)];

/// What the cells of a column need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColumnNeed {
    /// Width of the widest cell.
    pub(super) widest: usize,
    /// Width of the heading.
    pub(super) heading: usize,
    /// The least that says which host it is: the widest first part of a name.
    pub(super) host: usize,
}

/// The columns that are shown, each with its place in the table and its width; `None` where the terminal is too narrow.
pub(super) fn fit(columns: &[TableColumn], needs: &[ColumnNeed], width: usize) -> Option<Vec<(usize, usize)>> {
    // Paths are shortened first: their names are at the end, which stays.
    LEAST.iter().find_map(|least| fit_with(columns, needs, width, *least))
}

fn fit_with(columns: &[TableColumn], needs: &[ColumnNeed], width: usize, mins: (usize, usize)) -> Option<Vec<(usize, usize)>> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    loop {
        let least: Vec<(usize, usize)> = shown.iter().map(|&i| (i, least(&columns[i], needs[i], mins))).collect();
        let taken = least.iter().map(|(_, width)| width).sum::<usize>() + GAP * shown.len().saturating_sub(1);
        if taken <= width {
            return Some(spread(needs, least, width - taken));
        }
        // The least important column goes, not the last: what identifies a row is never spare.
        let (place, _) = shown.iter().enumerate().filter(|(_, i)| columns[**i].spare > 0).max_by_key(|(_, i)| columns[**i].spare)?;
        shown.remove(place);
    }
}

fn least(column: &TableColumn, need: ColumnNeed, (path_min, short): (usize, usize)) -> usize {
    let natural = need.widest.max(need.heading);
    match column.kind {
        // A line of its own says more than a column that is narrower.
        CellStyle::Words if column.is_below => natural.min(BESIDE_MIN),
        CellStyle::Number | CellStyle::Time | CellStyle::ExactTime | CellStyle::Whole => natural,
        // Hosts stay whole as other short texts do. Where even these break, a name ends at a dot; one without is an address of IPv6.
        CellStyle::Host if natural <= short => natural,
        CellStyle::Host if need.host > short => TEXT_MIN.max(need.heading),
        CellStyle::Host if short == SHORT => natural.min(need.host.max(SHORT)),
        CellStyle::Host => natural.min(need.host.max(need.heading)),
        CellStyle::Words => natural.min(WORDS_MIN.max(need.heading)),
        CellStyle::Path => natural.min(path_min),
        CellStyle::Text if natural <= short => natural,
        CellStyle::Text => TEXT_MIN.max(need.heading.min(SHORT)),
    }
}

/// Gives what is left to the columns that need it, first to those that need the least: they become whole.
fn spread(needs: &[ColumnNeed], mut widths: Vec<(usize, usize)>, mut left: usize) -> Vec<(usize, usize)> {
    let missing = |(i, width): (usize, usize)| needs[i].widest.max(needs[i].heading) - width;
    let mut order: Vec<usize> = (0..widths.len()).filter(|&at| missing(widths[at]) > 0).collect();
    // Those that need least first: a column that becomes whole helps more than two that are still cut.
    order.sort_by_key(|&at| missing(widths[at]));
    for (served, &at) in order.iter().enumerate() {
        let more = missing(widths[at]).min(left / (order.len() - served));
        widths[at].1 += more;
        left -= more;
    }
    widths
}

/// Width of a text on a terminal.
pub(super) fn width_of(text: &str) -> usize {
    text.width()
}

/// One line of a path that keeps its end: cut between two folders, or within the name where that alone is too long.
pub(super) fn end_of_path(path: &str, width: usize) -> String {
    if width_of(path) <= width {
        return path.to_owned();
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used < width
    };
    let end: usize = path.chars().rev().take_while(fits).map(char::len_utf8).sum();
    let end = &path[path.len() - end..];
    format!("…{}", end.find(is_path_separator).map_or(end, |at| &end[at..]))
}

/// The width of what is left of a name where it is cut most: `ws07.corp.example` → `ws07…`.
pub(super) fn host_min(text: &str) -> usize {
    host_ends(text).next().map_or_else(|| width_of(text), |at| width_of(&text[..at]) + 1)
}

/// One line of names of hosts: cut where a part of a name ends.
pub(super) fn first_of_host(text: &str, width: usize) -> String {
    match host_ends(text).filter(|at| width_of(&text[..*at]) < width).last() {
        Some(at) if width_of(text) > width => format!("{}…", &text[..at]),
        _ => text.to_owned(),
    }
}

/// Where names of hosts may be cut. The dots of an address are none of these places: `10.20…` is another address.
fn host_ends(text: &str) -> impl Iterator<Item = usize> {
    let is_end = |c: char, at: usize| match c {
        ',' => true,
        '.' => !text[..at].rsplit([',', ' ']).next().unwrap_or_default().chars().all(|c| c.is_ascii_digit() || c == '.'),
        _ => false,
    };
    text.char_indices().filter(move |(at, c)| is_end(*c, *at)).map(|(at, _)| at)
}

fn is_path_separator(c: char) -> bool {
    matches!(c, '\\' | '/')
}

/// One line of a text: cut behind the last word that fits. Of a path that does not fit, the end is shown: it names the program or file.
pub(super) fn whole_words(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let mut used = 0;
    let full = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > room
    });
    let full = full.map_or(text.len(), |(at, _)| at);
    // A word that ends just where the line does is whole.
    let kept = if text[full..].starts_with(' ') { full } else { text[..full].rfind(' ').unwrap_or(0) };
    let rest = text[kept..].trim_start();
    let word = rest.split(' ').next().unwrap_or_default();
    if let Some(end) = end_of_word(word, width.saturating_sub(width_of(&text[..kept]) + 2)) {
        return format!("{} {end}{}", &text[..kept], if word.len() < rest.len() { "…" } else { "" }).trim_start().to_owned();
    }
    let kept = without_bare_name(&text[..kept]);
    // A dash or a colon at the end says nothing.
    let kept = kept.trim_end_matches([' ', '-', ':', ',', '·']);
    // A name whose value is one long word says nothing: then the word is cut.
    let is_name_alone = || text[kept.len()..].starts_with(": ") && !kept.contains(": ");
    if kept.is_empty() || (is_name_alone() && full > kept.len() + 4) { format!("{}…", &text[..full]) } else { format!("{kept}…") }
}

/// The least of a word's end that tells something: `…\cmd.exe`.
const WORD_END_MIN: usize = 6;

/// The end of a path, from a separator on, with a `…` before it; `None` where that is too long or too little.
fn end_of_word(word: &str, room: usize) -> Option<String> {
    let is_path = word.contains('\\') || word.matches('/').count() > 1;
    if !is_path || word.contains('<') {
        return None; // `Channel/Recorder` is two words, and the slashes of markup separate nothing
    }
    let starts = word.char_indices().filter(|(_, c)| is_path_separator(*c)).map(|(at, _)| at);
    let end = starts.map(|at| &word[at..]).find(|end| width_of(end) < room)?;
    (width_of(end) >= WORD_END_MIN).then(|| format!("…{end}"))
}

/// What separates the parts of details, each of which is `name: value`.
const PARTS: &str = " · ";

/// Details without the name at their end whose value is cut off.
fn without_bare_name(kept: &str) -> &str {
    match kept.rfind(PARTS) {
        Some(at) if !kept[at + PARTS.len()..].contains(": ") => &kept[..at],
        _ => kept,
    }
}

/// A text with lines of at most so many columns; what is broken off a line stands below it, a little to the right.
pub fn wrapped_text(text: &str, width: usize) -> String {
    const INDENT: usize = 2;
    let mut out: Vec<String> = Vec::new();
    for line in text.split('\n') {
        if width_of(line) <= width {
            out.push(line.to_owned());
            continue;
        }
        let margin = line.len() - line.trim_start_matches(' ').len() + INDENT;
        let first = break_at(line, width);
        out.push(line[..first].trim_end().to_owned());
        let rest = wrapped(line[first..].trim_start(), width.saturating_sub(margin).max(INDENT));
        out.extend(rest.into_iter().map(|part| format!("{}{part}", " ".repeat(margin))));
    }
    out.join("\n")
}

/// The lines of a text within a width.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while width_of(rest) > width {
        let at = break_at(rest, width);
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines.push(rest.to_owned());
    lines
}

/// Where a text that is too wide breaks: behind the last space that fits, else behind a separator, else where it is full.
fn break_at(text: &str, width: usize) -> usize {
    let mut used = 0;
    let mut full = text.chars().next().map_or(0, char::len_utf8);
    let (mut space, mut separator, mut dot) = (None, None, None);
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if c == ' ' && used <= width + 1 {
            space = Some(at + 1);
        }
        if used > width {
            break;
        }
        full = full.max(at + c.len_utf8());
        if matches!(c, '\\' | '/' | ',' | ';' | '&' | '|' | '=' | '_' | '-') {
            separator = Some(at + 1);
        }
        if c == '.' {
            dot = Some(at + 1); // the last choice: the dot of a file's name stands behind a separator
        }
    }
    // A break far to the left wastes more than it helps.
    let is_far = |at: &usize| text[..*at].width() * 3 >= width;
    space.filter(|at| !text[..*at].trim().is_empty()).or(separator.filter(is_far)).or(dot.filter(is_far)).unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_then_at_separators_and_only_then_within_words() {
        assert_eq!(wrapped("Metasploit SMB Authentication", 12), ["Metasploit", "SMB", "Authenticati", "on"]);
        assert_eq!(wrapped("Metasploit SMB Login", 14), ["Metasploit SMB", "Login"]);
        assert_eq!(wrapped(r"C:\Windows\System32\lsass.exe", 16), [r"C:\Windows\", r"System32\", "lsass.exe"]);
        assert_eq!(
            wrapped("Microsoft-Windows-TerminalServices/Operational", 20),
            ["Microsoft-Windows-", "TerminalServices/", "Operational"]
        );
        assert_eq!(wrapped("日本語のホスト", 6), ["日本語", "のホス", "ト"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("  a", 1), ["", "a"]);
    }

    #[test]
    fn what_is_broken_off_stands_below() {
        assert_eq!(wrapped_text("one two three\n  four five six\nend", 10), "one two\n  three\n  four\n    five\n    six\nend");
        assert_eq!(wrapped_text("", 5), "");
    }

    #[test]
    fn a_line_is_cut_where_it_matters_least() {
        assert_eq!(end_of_path("case/evtx/Security.evtx", 16), "…/Security.evtx");
        assert_eq!(end_of_path("case/evtx/Security.evtx", 15), "…/Security.evtx");
        assert_eq!(end_of_path("case/evtx/Security.evtx", 14), "…Security.evtx");
        assert_eq!(end_of_path("case/evtx/Security.evtx", 10), "…rity.evtx");
        assert_eq!(end_of_path("short", 5), "short");
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(whole_words("Metasploit SMB Authentication", 20), "Metasploit SMB…");
        assert_eq!(whole_words("Metasploit SMB Authentication", 15), "Metasploit SMB…");
        assert_eq!(whole_words("Metasploit SMB", 14), "Metasploit SMB");
        assert_eq!(whole_words("Metasploit", 5), "Meta…");
    }

    #[test]
    fn hosts_are_cut_where_a_part_ends() {
        assert_eq!((host_min("ws07.corp.example"), host_min("ws07"), host_min("a, b")), (5, 4, 2));
        assert_eq!(first_of_host("ws07.corp.example", 17), "ws07.corp.example");
        assert_eq!(first_of_host("ws07.corp.example", 16), "ws07.corp…");
        assert_eq!(first_of_host("ws07.corp.example", 9), "ws07…");
        assert_eq!(first_of_host("ws07, dc01.corp", 14), "ws07, dc01…");
        assert_eq!((host_min("10.20.0.44"), first_of_host("10.20.0.44, 10.20.0.45", 14)), (10, "10.20.0.44…".to_owned()));
        assert_eq!(wrapped("printnightmare.gentilkiwi.com", 25), ["printnightmare.", "gentilkiwi.com"]);
    }

    #[test]
    fn details_show_values_and_not_names_alone() {
        let details = r"Image*: C:\Windows\System32\cmd.exe · Parent: C:\Office\WINWORD.EXE";
        assert_eq!(whole_words(details, 20), r"Image*: …\cmd.exe…");
        assert_eq!(whole_words(details, 28), r"Image*: …\System32\cmd.exe…");
        assert_eq!(whole_words(details, 44), r"Image*: C:\Windows\System32\cmd.exe…");
        assert_eq!(whole_words(details, 60), r"Image*: C:\Windows\System32\cmd.exe · Parent: …\WINWORD.EXE");
        assert_eq!(whole_words("Account: bob · Domain name: CORP", 24), "Account: bob…");
        assert_eq!(whole_words("Account: bob · Domain: CORP · Type: 3", 32), "Account: bob · Domain: CORP…");
        assert_eq!(whole_words("日本語のホスト", 6), "日本…");
    }

    fn need(widest: usize) -> ColumnNeed {
        ColumnNeed { widest, heading: 4, host: widest.min(9) }
    }

    #[test]
    fn short_columns_stay_whole_and_spare_ones_go_first() {
        let columns = [
            TableColumn::number("a", "A"),
            TableColumn::text("b", "B"),
            TableColumn::text("c", "C").spare(2),
            TableColumn::time("d", "D").spare(1),
            TableColumn::new("e", "E", CellStyle::Words),
        ];
        let needs = [need(4), need(60), need(20), need(19), need(40)];
        let shown = |width| fit(&columns, &needs, width).map(|shown| shown.iter().map(|(i, _)| *i).collect::<Vec<_>>());
        assert_eq!(fit(&columns, &needs, 200).unwrap(), [(0, 4), (1, 60), (2, 20), (3, 19), (4, 40)]);
        assert_eq!(shown(80).unwrap(), [0, 1, 3, 4]);
        assert_eq!(shown(50).unwrap(), [0, 1, 4]);
        assert_eq!(shown(40), None);
        let total: usize = fit(&columns, &needs, 80).unwrap().iter().map(|(_, width)| width).sum();
        assert_eq!(total + 3 * GAP, 80);
    }
}

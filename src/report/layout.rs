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
/// The narrowest that a column of one line becomes: most host names are no longer.
const LINE_MIN: usize = 18;
/// The narrowest that a column of one line becomes that is cut between words: the first three or four words of a title.
const WORDS_MIN: usize = 24;
/// The narrowest that a path becomes: name and folder of most files, and where that is too much, the name.
const PATH_MINS: [usize; 2] = [36, 18];

/// What the cells of a column need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColumnNeed {
    /// Width of the widest cell.
    pub(super) widest: usize,
    /// Width of the heading.
    pub(super) heading: usize,
}

/// The columns that are shown, each with its place in the table and its width; `None` where the terminal is too narrow.
pub(super) fn fit(columns: &[TableColumn], needs: &[ColumnNeed], width: usize) -> Option<Vec<(usize, usize)>> {
    // Paths are shortened first: their names are at the end, which stays.
    PATH_MINS.iter().find_map(|path_min| fit_paths(columns, needs, width, *path_min))
}

fn fit_paths(columns: &[TableColumn], needs: &[ColumnNeed], width: usize, path_min: usize) -> Option<Vec<(usize, usize)>> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    loop {
        let least: Vec<(usize, usize)> = shown.iter().map(|&i| (i, least(columns[i].kind, needs[i], path_min))).collect();
        let taken = least.iter().map(|(_, width)| width).sum::<usize>() + GAP * shown.len().saturating_sub(1);
        if taken <= width {
            return Some(spread(needs, least, width - taken));
        }
        // The least important column goes, not the last: what identifies a row is never spare.
        let (place, _) = shown.iter().enumerate().filter(|(_, i)| columns[**i].spare > 0).max_by_key(|(_, i)| columns[**i].spare)?;
        shown.remove(place);
    }
}

fn least(kind: CellStyle, need: ColumnNeed, path_min: usize) -> usize {
    let natural = need.widest.max(need.heading);
    match kind {
        CellStyle::Number | CellStyle::Time | CellStyle::ExactTime | CellStyle::Whole => natural,
        CellStyle::Words => natural.min(WORDS_MIN.max(need.heading)),
        CellStyle::Line => natural.min(LINE_MIN.max(need.heading)),
        CellStyle::Path => natural.min(path_min),
        CellStyle::Text if natural <= SHORT => natural,
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

/// One line of a text: cut at its end, or for a path at its beginning, where it is too long.
pub(super) fn one_line(text: &str, width: usize, keeps_end: bool) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let mut used = 0;
    let mut fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    if keeps_end {
        let end: Vec<char> = text.chars().rev().take_while(|c| fits(c)).collect();
        std::iter::once('…').chain(end.into_iter().rev()).collect()
    } else {
        text.chars().take_while(|c| fits(c)).chain(['…']).collect()
    }
}

/// One line of a text: cut behind the last word that fits, or within the first where that is too long.
pub(super) fn whole_words(text: &str, width: usize) -> String {
    let cut = one_line(text, width, false);
    if cut == text {
        return cut;
    }
    let kept = cut.trim_end_matches('…');
    // A word that ends just where the line does is whole.
    if text[kept.len()..].starts_with(' ') {
        return cut;
    }
    match kept.rfind(' ') {
        // A dash or a colon at the end says nothing.
        Some(space) if !kept[..space].trim().is_empty() => format!("{}…", kept[..space].trim_end_matches([' ', '-', ':', ','])),
        _ => cut,
    }
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
    let (mut space, mut separator) = (None, None);
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
    }
    // A break far to the left wastes more than it helps.
    let is_far = |at: &usize| text[..*at].width() * 3 >= width;
    space.filter(|at| !text[..*at].trim().is_empty()).or(separator.filter(is_far)).unwrap_or(full)
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
    fn a_line_is_cut_where_it_matters_least() {
        assert_eq!(one_line("ws07.corp.example", 10, false), "ws07.corp…");
        assert_eq!(one_line("case/evtx/Security.evtx", 14, true), "…Security.evtx");
        assert_eq!(one_line("short", 5, true), "short");
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(whole_words("Metasploit SMB Authentication", 20), "Metasploit SMB…");
        assert_eq!(whole_words("Metasploit SMB Authentication", 15), "Metasploit SMB…");
        assert_eq!(whole_words("Metasploit SMB", 14), "Metasploit SMB");
        assert_eq!(whole_words("Metasploit", 5), "Meta…");
    }

    fn need(widest: usize) -> ColumnNeed {
        ColumnNeed { widest, heading: 4 }
    }

    #[test]
    fn short_columns_stay_whole_and_spare_ones_go_first() {
        let columns = [
            TableColumn::number("a", "A"),
            TableColumn::text("b", "B"),
            TableColumn::text("c", "C").spare(2),
            TableColumn::time("d", "D").spare(1),
            TableColumn::new("e", "E", CellStyle::Line),
        ];
        let needs = [need(4), need(60), need(20), need(19), need(40)];
        let shown = |width| fit(&columns, &needs, width).map(|shown| shown.iter().map(|(i, _)| *i).collect::<Vec<_>>());
        assert_eq!(fit(&columns, &needs, 200).unwrap(), [(0, 4), (1, 60), (2, 20), (3, 19), (4, 40)]);
        assert_eq!(shown(80).unwrap(), [0, 1, 3, 4]);
        assert_eq!(shown(45).unwrap(), [0, 1, 4]);
        assert_eq!(shown(40), None);
        let total: usize = fit(&columns, &needs, 80).unwrap().iter().map(|(_, width)| width).sum();
        assert_eq!(total + 3 * GAP, 80);
    }
}

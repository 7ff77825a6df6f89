//! HTML that holds no markup but its own: tags are literals of this program, everything else is text.

use crate::report::visible;

/// A piece of a page in the making.
#[derive(Debug, Default)]
pub(super) struct PageMarkup(String);

impl PageMarkup {
    /// Adds markup of the program's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text. What has a meaning in HTML is escaped, what is invisible or changes direction is spelled out.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in visible(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a name: where it is too long for a line it is broken behind a mark or between its parts, not within a word.
    pub(super) fn name(&mut self, text: &str) -> &mut Self {
        for (place, piece) in pieces(&visible(text)).into_iter().enumerate() {
            self.raw(if place == 0 { "" } else { "<wbr>" }).text(piece);
        }
        self
    }

    /// Adds an element that holds a name.
    pub(super) fn named(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.raw(open).name(text).raw(close)
    }

    /// Adds an element that holds a text.
    pub(super) fn element(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    /// Adds a number.
    pub(super) fn number(&mut self, number: impl Into<f64>) -> &mut Self {
        let text = format!("{:.1}", number.into());
        self.0.push_str(text.strip_suffix(".0").unwrap_or(&text));
        self
    }

    /// Adds what was made apart.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// The markup.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters of a word that is broken between its parts (`ServerLevelPlugin`), and of one that is broken anywhere. As in `data.js`.
const LONG_WORD: usize = 14;
const LONGEST_WORD: usize = 20;

/// The pieces of a name between which a line may end.
fn pieces(name: &str) -> Vec<&str> {
    let is_mark = |c: char| c.is_whitespace() || r".\/@_:;,=&|?+%#~)}]>-".contains(c);
    let words = split_between(name, |before, after| is_mark(before) && !is_mark(after));
    let parts = words.into_iter().flat_map(|word| {
        let is_long = word.chars().count() > LONG_WORD;
        split_between(word, move |before, after| is_long && before.is_ascii_lowercase() && after.is_ascii_uppercase())
    });
    parts
        .flat_map(|part| {
            let mut count = 0;
            split_between(part, move |_, _| {
                count += 1;
                count % LONGEST_WORD == 0
            })
        })
        .collect()
}

/// Splits a text between characters.
fn split_between(text: &str, mut splits: impl FnMut(char, char) -> bool) -> Vec<&str> {
    let (mut out, mut start) = (Vec::new(), 0);
    for ((_, before), (at, after)) in text.char_indices().zip(text.char_indices().skip(1)) {
        if splits(before, after) {
            out.push(&text[start..at]);
            start = at;
        }
    }
    out.push(&text[start..]);
    out
}

/// `1,200,000`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// `1 rule`, `2 rules`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let number = number as u64;
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let mut markup = PageMarkup::default();
        markup.raw("<td title=\"").text("\"><script>alert(1)</script>'&\u{202e}\n\u{1b}").raw("\">");
        let expected = r#"<td title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;\u{202e}\n\x1b">"#;
        assert_eq!(markup.as_str(), expected);
    }

    #[test]
    fn names_are_broken_where_a_part_ends() {
        assert_eq!(pieces("srv01.corp.example"), ["srv01.", "corp.", "example"]);
        assert_eq!(pieces(r"\\fs01\c$\PowerShell"), [r"\\", r"fs01\", r"c$\", "PowerShell"]);
        assert_eq!(pieces("Loading the ServerLevelPluginDLL"), ["Loading ", "the ", "Server", "Level", "Plugin", "DLL"]);
        assert_eq!(pieces(&"é".repeat(45)).iter().map(|piece| piece.chars().count()).collect::<Vec<_>>(), [20, 20, 5]);
        assert_eq!(pieces(""), [""]);
        let mut markup = PageMarkup::default();
        markup.named("<td>", "a.<b>", "</td>");
        assert_eq!(markup.as_str(), "<td>a.<wbr>&lt;b&gt;</td>");
    }

    #[test]
    fn numbers_have_groups() {
        assert_eq!([thousands(0), thousands(999), thousands(1_000), thousands(12_345_678)], ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(PageMarkup::default().number(12.04).raw(" ").number(0.25_f32).as_str(), "12 0.2");
    }
}

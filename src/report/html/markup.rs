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
    fn numbers_have_groups() {
        assert_eq!([thousands(0), thousands(999), thousands(1_000), thousands(12_345_678)], ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(PageMarkup::default().number(12.04).raw(" ").number(0.25_f32).as_str(), "12 0.2");
    }
}

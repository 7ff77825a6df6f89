//! A hit in its surroundings, on one line.

use std::ops::Range;

/// Text of so many characters is shown whole.
// Two lines of a wide terminal: longer, and the hits of many events cannot be looked over.
const WHOLE_CHARS: usize = 200;
/// Characters that are shown before and behind a hit in a longer text.
const AROUND_CHARS: usize = 80;
/// Characters of a hit that are shown: a pattern may match all of a script.
const HIT_CHARS: usize = 200;
/// A cut moves so far to stand between two words.
const WORD_CHARS: usize = 24;

/// A text cut around places in it, with `…` where it was cut, on one line.
pub(super) fn excerpt(text: &str, places: &[Range<usize>]) -> String {
    if text.chars().nth(WHOLE_CHARS).is_none() {
        return one_line(text);
    }
    let mut windows: Vec<Range<usize>> = places.iter().map(|place| window(text, place)).collect();
    if windows.is_empty() {
        windows.push(window(text, &(0..0)));
    }
    windows.sort_unstable_by_key(|window| (window.start, window.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => merged.push(window),
        }
    }
    let is_cut_before = merged.first().is_some_and(|first| first.start > 0);
    let is_cut_behind = merged.last().is_some_and(|last| last.end < text.len());
    let parts: Vec<String> = merged.into_iter().map(|window| one_line(&text[window])).collect();
    format!("{}{}{}", if is_cut_before { "… " } else { "" }, parts.join(" … "), if is_cut_behind { " …" } else { "" })
}

/// What of a long text is shown around a place.
fn window(text: &str, place: &Range<usize>) -> Range<usize> {
    let hit_end = nth_after(text, place.start, HIT_CHARS).min(place.end);
    let start = text[..place.start].char_indices().rev().take(AROUND_CHARS).last().map_or(place.start, |(at, _)| at);
    let end = nth_after(text, hit_end, AROUND_CHARS);
    // Inwards to a space, where one is near: half a word is misread.
    let spaces =
        |part: &str, from: usize| part.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| from + at).collect::<Vec<_>>();
    let near_start = nth_after(text, start, WORD_CHARS).min(place.start);
    let start = match start {
        0 => 0,
        _ => spaces(&text[start..near_start], start).first().copied().unwrap_or(start),
    };
    let near_end = text[hit_end..end].char_indices().rev().take(WORD_CHARS).last().map_or(end, |(at, _)| hit_end + at);
    let end = match end {
        end if end == text.len() => end,
        _ => spaces(&text[near_end..end], near_end).last().copied().unwrap_or(end),
    };
    start..end
}

fn nth_after(text: &str, from: usize, count: usize) -> usize {
    text[from..].char_indices().nth(count).map_or(text.len(), |(at, _)| from + at)
}

/// White space between words as one space: a message of twenty lines is one row.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_whole_and_on_one_line() {
        assert_eq!(excerpt("a\r\n\tb  c", &[]), "a b c");
    }

    #[test]
    fn long_text_is_cut_between_words() {
        let text = format!("{}needle {}", "alpha ".repeat(60), "omega ".repeat(60));
        let place = text.find("needle").map(|at| at..at + 6).unwrap();
        let shown = excerpt(&text, &[place]);
        assert!(shown.starts_with("… alpha ") && shown.ends_with(" omega …") && shown.contains(" needle "), "{shown}");
        assert!(shown.chars().count() < 180 && !shown.replace("alpha", "").contains("lpha"), "{shown}");
    }

    #[test]
    fn text_without_spaces_is_cut_all_the_same_and_hits_far_apart_have_a_window_each() {
        let text = format!("{}ONE{}TWO{}", "é".repeat(300), "x".repeat(400), "y".repeat(300));
        let place = |word: &str| text.find(word).map(|at| at..at + 3).unwrap();
        let shown = excerpt(&text, &[place("TWO"), place("ONE")]);
        assert_eq!(shown.matches('…').count(), 3, "{shown}");
        assert!(shown.find("ONE").unwrap() < shown.find("TWO").unwrap());
        let whole = 0..text.len();
        assert!(excerpt(&text, &[whole]).chars().count() < 300);
    }
}

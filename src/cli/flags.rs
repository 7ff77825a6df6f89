//! What the library calls an option is a flag here.
//!
//! The library has no command line, so its messages name options: "option `max_ratio`". Everything that is said to a person goes
//! through [`with_flags`], which puts the flag in its place.

use std::borrow::Cow;

/// Options as the library's messages name them, and the flags that set them.
const FLAGS: [(&str, &str); 8] = [
    ("option `max_depth`", "--max-depth"),
    ("option `max_ratio`", "--max-ratio"),
    ("option `max_bytes`", "--max-bytes"),
    ("option `day_first`", "--day-first"),
    ("the option `full`", "--full"),
    ("option `placeholders`", "--values FILE"),
    ("the option `lookups`", "--lookups PATH"),
    ("options `since_us` and `until_us`", "--since and --until"),
];

/// A message with flags for options.
pub(super) fn with_flags(text: &str) -> Cow<'_, str> {
    // Most messages name none.
    if !text.contains("option") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(FLAGS.iter().fold(text.to_owned(), |text, (option, flag)| text.replace(option, flag)))
}

#[cfg(test)]
mod tests {
    use super::with_flags;

    #[test]
    fn options_become_flags() {
        assert_eq!(with_flags("more than 5 bytes (option `max_bytes`): skipped"), "more than 5 bytes (--max-bytes): skipped");
        assert_eq!(with_flags("an option `unknown`"), "an option `unknown`");
    }
}

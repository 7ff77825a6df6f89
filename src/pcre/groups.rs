//! The names of groups.

/// The names of a pattern's groups in their order; the pattern is one that [`super::translate`] wrote.
pub fn group_names(pattern: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut escaped, mut class) = (false, 0_usize);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            '(' if class == 0 => names.extend(name(&pattern[at..])),
            _ => {}
        }
    }
    names
}

/// The name of the group that a pattern begins with.
fn name(group: &str) -> Option<String> {
    let rest = group.strip_prefix("(?P<").or_else(|| group.strip_prefix("(?<"))?;
    let (name, _) = rest.split_once('>')?;
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_'); // `(?<=` and `(?<!` look behind
    is_name.then(|| name.to_owned())
}

//! Sentences with values in them.

/// A sentence with values: literal, value, literal, …, literal.
#[derive(Debug)]
pub(super) struct Template {
    literals: Vec<String>,
    /// The same with one line end for several.
    squeezed: Vec<String>,
    names: Vec<String>,
    /// The values in the order of the event.
    order: Vec<usize>,
    /// The value that may hold anything: what follows it is looked for from the end.
    open: Option<usize>,
}

impl Template {
    /// Reads `The {name} service …`; a digit before names says which value of the event comes first.
    pub(super) fn new(text: &str) -> Self {
        let (mut literals, mut names, mut open) = (Vec::new(), Vec::new(), None);
        let mut rest = text;
        while let Some((literal, (name, after))) = rest.split_once('{').and_then(|(l, r)| Some((l, r.split_once('}')?))) {
            literals.push(literal.to_owned());
            if name.starts_with('*') {
                open = Some(names.len());
            }
            names.push(name.trim_start_matches('*'));
            rest = after;
        }
        literals.push(rest.to_owned());
        let squeezed = literals.iter().map(|l| squeeze(l)).collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|at| names[*at].chars().next().and_then(|c| c.to_digit(10)));
        let names = names.into_iter().map(|name| name.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()).collect();
        Self { literals, squeezed, names, order, open }
    }

    /// The values of a text of this form, by name.
    pub(super) fn values<'t>(&self, text: &'t str) -> Option<Vec<(&str, &'t str)>> {
        let text = text.trim_ascii_end();
        // Exporters squeeze empty lines; the exact form first, because it also fits values with line breaks in them.
        let found = self.find(text, &self.literals).or_else(|| self.find(text, &self.squeezed))?;
        let shown = |index: usize| {
            let value = if self.open == Some(index) { found[index] } else { found[index].trim_ascii() };
            (self.names[index].as_str(), value)
        };
        Some(self.order.iter().map(|index| shown(*index)).collect())
    }

    fn find<'t>(&self, text: &'t str, literals: &[String]) -> Option<Vec<&'t str>> {
        let (first, rest) = literals.split_first()?;
        let mut left = text.strip_prefix(first.as_str())?;
        let Some((last, between)) = rest.split_last() else { return left.is_empty().then(Vec::new) };
        let open = self.open.unwrap_or(between.len());
        let mut values = Vec::with_capacity(rest.len());
        for literal in &between[..open] {
            let (value, after) = left.split_once(literal.as_str())?;
            values.push(value);
            left = after;
        }
        // Behind the open value from the end: it may hold the very text that follows it.
        let mut left = left.strip_suffix(last.trim_ascii_end())?;
        let mut behind = Vec::with_capacity(between.len() - open);
        for literal in between[open..].iter().rev() {
            let (before, value) = left.rsplit_once(literal.as_str())?;
            behind.push(value);
            left = before;
        }
        values.push(left);
        values.extend(behind.into_iter().rev());
        Some(values)
    }
}

fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| *c != '\r') {
        if !(c == '\n' && out.ends_with('\n')) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn values_of_sentences() {
        let service = Template::new("The {param1} service entered the {param2} state.");
        let values = service.values("The Print Spooler service entered the running state.\n");
        assert_eq!(values, Some(vec![("param1", "Print Spooler"), ("param2", "running")]));
        assert_eq!(service.values("The Print Spooler service stopped."), None);
        let changed = Template::new("from {2Data} to {1Data}.\n{*3Data}");
        let values = changed.values("from None to Stopped.\n\ta\n\tb\n");
        assert_eq!(values, Some(vec![("Data", "Stopped"), ("Data", "None"), ("Data", "\ta\n\tb")]));
        assert_eq!(Template::new("whole").values("whole"), Some(vec![]));
    }

    #[test]
    fn a_value_that_holds_anything() {
        let block = Template::new("text ({a} of {b}):\n{*script}\n\nID: {id}\nPath:{path}");
        let expected = |script| Some(vec![("a", "1"), ("b", "2"), ("script", script), ("id", "x"), ("path", "")]);
        assert_eq!(block.values("text (1 of 2):\n\nID: no\nPath: no\n\nID: x\nPath: \n"), expected("\nID: no\nPath: no"));
        assert_eq!(block.values("text (1 of 2):\nwhoami\nID: x\nPath:"), expected("whoami"));
        assert_eq!(block.values("text (1 of 2):\nwhoami"), None);
    }
}

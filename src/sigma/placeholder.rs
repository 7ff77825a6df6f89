//! Values for placeholders from the user's own file: a map of a name to a value or a list of values.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::text::is_placeholder_name;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::{self, Node, Value};

/// Reads such a file. A name may stand between percent signs, as rules spell it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_values(source: &Arc<SourceText>) -> Result<BTreeMap<String, Vec<String>>, Vec<Diagnostic>> {
    let documents = yaml::parse(source).map_err(|fault| vec![fault])?;
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    let mut fail = |node: &Node, message: String| {
        faults.push(Diagnostic::error("sigma-values", message).at(source, node.span.clone()));
    };
    for document in documents.iter().filter(|document| !document.is_null()) {
        if !matches!(document.value, Value::Mapping(_)) {
            fail(document, format!("values are a map of a placeholder's name to a value or a list, not a {}", document.value.kind()));
        }
        for (key, node) in document.entries() {
            let name = key.text.strip_prefix('%').and_then(|name| name.strip_suffix('%')).unwrap_or(&key.text);
            match node.text_list() {
                _ if !is_placeholder_name(name) => {
                    fail(&Node { span: key.span.clone(), ..node.clone() }, format!("`{name}` is not a valid name for a placeholder"));
                }
                Some(texts) => values.entry(name.to_string()).or_insert_with(Vec::new).extend(texts),
                None => fail(node, format!("the placeholder `{name}` needs a value or a list of values")),
            }
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, Vec<String>>, Vec<String>> {
        let source = Arc::new(SourceText { path: "values.yml".into(), text: text.into() });
        read_values(&source)
            .map_err(|faults| faults.iter().map(|fault| format!("{} {:?}", fault.code, fault.line_column().unwrap_or_default())).collect())
    }

    #[test]
    fn names_may_stand_between_percent_signs() {
        let values = read("'%dc%': [a, 10]\nuser_x: b\n").unwrap();
        assert_eq!(values["dc"], ["a", "10"]);
        assert_eq!(values["user_x"], ["b"]);
        assert_eq!(read("").unwrap(), BTreeMap::new());
    }

    #[test]
    fn faults_have_places() {
        assert_eq!(read("- a\n"), Err(vec!["sigma-values (1, 1)".to_string()]));
        assert_eq!(
            read("a: 1\nb: []\nc: {x: 1}\n'd e': 1\n").unwrap_err(),
            ["sigma-values (2, 4)", "sigma-values (3, 4)", "sigma-values (4, 1)"]
        );
        assert_eq!(read("a: [").unwrap_err().len(), 1);
    }
}

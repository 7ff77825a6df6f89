//! Values of placeholders from a file: one a line, or a column of CSV.

use super::ReadFile;
use super::parameters::Parameters;
use crate::yaml::Value;

/// Most values of one file.
// Each value becomes a pattern of every rule that uses the placeholder.
const MAX_VALUES: usize = 100_000;

/// Reads the values of `file_placeholders`; a path is seen from the folder of the pipeline.
pub(super) fn read(p: &mut Parameters<'_, '_, '_>, files: &mut ReadFile<'_>) -> Option<Vec<String>> {
    let (path, filter) = (p.text("path")?, p.optional_text("filter")?);
    let span = |p: &Parameters<'_, '_, '_>, key| p.node.get(key).map_or(p.head.clone(), |node| node.span.clone());
    let format = match p.node.get("format").and_then(|node| node.scalar_text()) {
        Some(format @ ("json" | "yaml")) => {
            let (span, message) = (span(p, "format"), format!("the format `{format}` is not supported"));
            p.context.error_with(&span, "sigma-pipeline-unsupported", message, "`plaintext` has a value a line, `csv` a column of them");
            return None;
        }
        _ => p.word("format", &["plaintext", "csv"])?,
    };
    let text = match files(&p.context.source.path, &path) {
        Ok(text) => text,
        Err(reason) => {
            let span = span(p, "path");
            p.context.error(&span, "sigma-pipeline-file", format!("cannot read `{path}`: {reason}"));
            return None;
        }
    };
    let mut values = match format {
        "csv" => column(p, &records(&text))?,
        _ => text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect(),
    };
    if let Some(filter) = filter {
        let span = span(p, "filter");
        let filter = p.regex_of(&filter, &span)?;
        values.retain(|value| filter.is_match(value));
    }
    match values.len() {
        0 => p.fail(&span(p, "path"), format!("`{path}` has no value")),
        1..=MAX_VALUES => Some(values),
        count => p.fail(&span(p, "path"), format!("`{path}` has {count} values, more than {MAX_VALUES}")),
    }
}

/// The values of `csv_column`, by the name in the header or by its number from 0.
fn column(p: &mut Parameters<'_, '_, '_>, records: &[Vec<String>]) -> Option<Vec<String>> {
    let node = p.required("csv_column")?;
    let has_header = p.flag_or("csv_has_header", Some(true))?;
    let header = records.first().filter(|_| has_header);
    let index = match &node.value {
        Value::Number(text) => text.parse().ok(),
        _ => node.scalar_text().zip(header).and_then(|(name, header)| header.iter().position(|cell| cell == name)),
    };
    let Some(index) = index else {
        return p.fail(&node.span, "`csv_column` must be a column of the header, or its number from 0");
    };
    let rows = records.iter().skip(usize::from(has_header));
    Some(rows.filter_map(|row| row.get(index)).filter(|cell| !cell.is_empty()).cloned().collect())
}

/// The records of a CSV text (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        records.push(row);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read_with_quotes() {
        let rows = records("a,b\r\n\"x, \"\"y\"\"\",2\n,3");
        assert_eq!(rows, [vec!["a", "b"], vec!["x, \"y\"", "2"], vec!["", "3"]]);
        assert_eq!(records(""), Vec::<Vec<String>>::new());
    }
}

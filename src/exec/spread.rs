//! Columns that only the rows know, in one cell: what a chart makes of the values of a field. Names and values stand in turn in a
//! list of texts; a mark in front of each value says what it is, so that a result shows numbers, texts and lists as any column does.

use std::sync::Arc;

use super::Cell;

const NUMBER: char = '#';
const TEXT: char = '=';
/// A member of a list; those of one list stand one behind the other.
const MEMBER: char = '+';

/// Adds a column; one without a value is not there.
pub(super) fn add_column(to: &mut Vec<Arc<str>>, name: &str, cell: &Cell) {
    let mark = match cell {
        Cell::Number(_) => NUMBER,
        Cell::List(_) => MEMBER,
        Cell::Null | Cell::Text(_) | Cell::Bool(_) => TEXT,
    };
    cell.each_member(|member| to.extend([Arc::from(name), Arc::from(format!("{mark}{member}"))]));
}

/// The columns that a cell holds, with their values.
pub fn spread_columns(members: &[Arc<str>]) -> Vec<(Arc<str>, Cell)> {
    // Two pairs belong together where they are members of one list.
    let pairs: Vec<(&Arc<str>, &Arc<str>)> = members.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
    let columns = pairs.chunk_by(|a, b| a.0 == b.0 && b.1.starts_with(MEMBER));
    let column = |pairs: &[(&Arc<str>, &Arc<str>)]| {
        let values: Vec<Arc<str>> = pairs.iter().map(|(_, value)| Arc::from(value.get(1..).unwrap_or_default())).collect();
        let is_number = pairs[0].1.starts_with(NUMBER);
        let cell = if is_number { Cell::read(values[0].clone()) } else { Cell::list_of(values) };
        (pairs[0].0.clone(), cell)
    };
    columns.map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back() {
        let list = Cell::list_of(vec!["".into(), "1".into(), "a\nb".into()]);
        let columns = [("a", Cell::text_of("1")), ("b", Cell::number_of(1.5)), ("", list.clone()), ("d", list), ("e", Cell::text_of(""))];
        let mut spread = Vec::new();
        columns.iter().for_each(|(name, cell)| add_column(&mut spread, name, cell));
        add_column(&mut spread, "none", &Cell::Null);
        let back: Vec<(String, Cell)> = spread_columns(&spread).into_iter().map(|(name, cell)| (name.to_string(), cell)).collect();
        let shown = |cell: &Cell| format!("{:?} {}", std::mem::discriminant(cell), cell.text().unwrap_or_default());
        assert_eq!(back.len(), columns.len());
        for ((name, cell), (new_name, new_cell)) in columns.iter().zip(&back) {
            assert_eq!((*name, shown(cell)), (new_name.as_str(), shown(new_cell)));
        }
    }
}

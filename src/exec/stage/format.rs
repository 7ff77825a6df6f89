//! `format`: the rows as one text, a condition in Splunk's words.

use super::{Operator, Pushed, held};
use crate::catalog::EventId;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::GroupOrigin;
use crate::exec::{Cell, Fault, Row, RowKey, RowOrigin};
use crate::plan::RowSchema;

/// What no row is as a condition: one that nothing passes.
const NO_ROWS: &str = "NOT ( )";

/// Makes `( ( a="1" AND b="2" ) OR ( a="3" ) )` of the rows as they come. A row without a value is no alternative; a list is any of
/// its members; what columns `search` and `query` hold are words of the condition already.
pub(super) struct FormatOperator {
    /// Place and name of the columns that are terms.
    columns: Vec<(usize, String)>,
    /// The alternatives so far, with `OR` between them.
    text: String,
    /// The rows so far.
    origin: GroupOrigin,
}

impl FormatOperator {
    pub(super) fn new(before: &RowSchema) -> Self {
        let columns = (0..).zip(&before.columns).filter(|(_, column)| !column.name.starts_with('_'));
        let columns = columns.map(|(place, column)| (place, column.name.clone())).collect();
        Self { columns, text: String::new(), origin: GroupOrigin::new(RowKey::default()) }
    }

    /// One row as an alternative; empty where it has no value.
    fn alternative(&self, row: &Row) -> String {
        let mut terms: Vec<String> = Vec::new();
        for (place, name) in &self.columns {
            let members = row.cells[*place].members();
            let term = |text: &str| match name.as_str() {
                "search" | "query" => text.to_owned(),
                name => format!("{name}=\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            };
            match &members[..] {
                [] => {}
                [one] => terms.push(term(one)),
                several => terms.push(format!("( {} )", several.iter().map(|text| term(text)).collect::<Vec<_>>().join(" OR "))),
            }
        }
        if terms.is_empty() { String::new() } else { format!("( {} )", terms.join(" AND ")) }
    }

    fn held_bytes(&self) -> usize {
        self.text.len() + self.origin.events.len() * size_of::<EventId>()
    }
}

impl Operator for FormatOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let before = self.held_bytes();
        let alternative = self.alternative(&row);
        if !alternative.is_empty() {
            if !self.text.is_empty() {
                self.text.push_str(" OR ");
            }
            self.text.push_str(&alternative);
        }
        self.origin.add(&row.origin);
        // Events of a group are dropped where they are too many, so it may hold less than before.
        budget.give(before);
        budget.take(self.held_bytes())?;
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        budget.give(self.held_bytes());
        let alternatives = std::mem::take(&mut self.text);
        let text = if alternatives.is_empty() { NO_ROWS.to_owned() } else { format!("( {alternatives} )") };
        let mut origin = std::mem::take(&mut self.origin);
        origin.settle();
        let row = Row { cells: vec![Cell::text_of(text)], origin: RowOrigin::Group(Box::new(origin)) };
        budget.take(row.size_bytes())?;
        Ok(vec![row])
    }
}

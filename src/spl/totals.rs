//! `addtotals` and `addcoltotals`.

use super::cursor::Cursor;
use super::options;
use crate::ir::{AddTotals, TotalsRow};

/// `addtotals col=true labelfield=a label=Sum fieldname=all x* y`; `command` is `addtotals` or `addcoltotals`.
pub(super) fn parse(cursor: &mut Cursor<'_>, command: &str) -> Option<AddTotals> {
    let sums_rows = command == "addtotals";
    let (mut row, mut column) = (sums_rows, !sums_rows);
    let (mut name, mut label_field, mut label) = ("Total".to_owned(), None, "Total".to_owned());
    let mut fields = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        if let Some((option, span)) = options::take(cursor) {
            match option.as_str() {
                "row" if sums_rows => row = options::truth(cursor)?,
                "col" if sums_rows => column = options::truth(cursor)?,
                "fieldname" if sums_rows => name = options::text(cursor)?,
                "labelfield" => label_field = Some(options::text(cursor)?),
                "label" => label = options::text(cursor)?,
                _ => options::refuse(cursor, &option, span),
            }
            continue;
        }
        match cursor.column() {
            Some((field, _)) => fields.push(field),
            None => cursor.unexpected("a field name"),
        }
    }
    let column = column.then_some(TotalsRow { field: label_field, label });
    cursor.faults.is_empty().then(|| AddTotals { fields, row: row.then_some(name), column })
}

//! The commands `lookup`, `inputlookup` and `outputlookup`.

use std::ops::Range;
use std::sync::Arc;

use crate::diag::SubjectKind;
use crate::ir::{Lookup, Pred, Query, Source, Stage, Table, Vocabulary};
use crate::spl::cursor::Cursor;
use crate::spl::fault::SearchFault;
use crate::spl::generate::is_false;
use crate::spl::{refuse, search};
use crate::suggest::nearest;

/// Options of `lookup` that say where Splunk looks and when it looks again: here there is one place, and a hunt looks once.
const IDLE: [&str; 2] = ["local", "update"];

/// `lookup [local=…] [update=…] NAME KEY [as FIELD] … [OUTPUT|OUTPUTNEW COLUMN [as FIELD] …]`
pub(in crate::spl) fn lookup(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (name, span) = loop {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("the name of a lookup");
            return None;
        };
        if !cursor.take("=") {
            break (name, span);
        }
        let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
        if !IDLE.contains(&name.to_ascii_lowercase().as_str()) {
            refuse::option(cursor, &format!("{name}={value}"), span);
            cursor.give_up();
            return None;
        }
    };
    let keys = pairs(cursor)?;
    let word = ["OUTPUTNEW", "OUTPUT"].into_iter().find(|word| cursor.take_word(word));
    let outputs = match word {
        Some(_) => Some(pairs(cursor)?),
        None => None,
    };
    // Behind the syntax: a search that cannot be read is told so first, whatever lookups there are.
    let table = table(cursor, &name, &span)?;
    let absent = keys.iter().chain(outputs.iter().flatten()).filter(|pair| !has_column(cursor, &table, pair)).count();
    let plain = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| (pair.column, pair.field)).collect::<Vec<_>>();
    let keys = plain(keys);
    let rest = || {
        let rest = table.columns.iter().filter(|column| !keys.iter().any(|(key, _)| key == *column));
        rest.map(|column| (column.clone(), column.clone())).collect()
    };
    let outputs = outputs.map_or_else(rest, plain);
    (absent == 0).then_some(Stage::Lookup(Lookup { table, keys, outputs, only_new: word == Some("OUTPUTNEW") }))
}

/// A column of a table and the field of a row that it stands for.
struct Pair {
    column: String,
    span: Range<usize>,
    field: String,
}

/// `COLUMN [as FIELD] …` up to the end or to what is written.
fn pairs(cursor: &mut Cursor<'_>) -> Option<Vec<Pair>> {
    let mut out = Vec::new();
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let start = cursor.at;
        if cursor.take_word("OUTPUT") || cursor.take_word("OUTPUTNEW") {
            cursor.at = start;
            break;
        }
        let Some((column, span)) = cursor.name() else {
            cursor.unexpected("a column of the lookup");
            return None;
        };
        let field = if cursor.take_word("as") {
            let Some((field, _)) = cursor.name() else {
                cursor.unexpected("a field name");
                return None;
            };
            field
        } else {
            column.clone()
        };
        out.push(Pair { column, span, field });
    }
    if out.is_empty() {
        cursor.unexpected("a column of the lookup");
        return None;
    }
    Some(out)
}

fn has_column(cursor: &mut Cursor<'_>, table: &Table, pair: &Pair) -> bool {
    if table.columns.contains(&pair.column) {
        return true;
    }
    let columns = || table.columns.iter().map(String::as_str);
    let hint = match nearest(&pair.column, columns()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", columns().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    let message = format!("the lookup `{}` has no column `{}`", table.name, pair.column);
    let fault = SearchFault::error("spl-lookup-column", message, pair.span.clone()).hint(hint);
    cursor.faults.push(fault.about(SubjectKind::Lookup, table.name.as_str()));
    false
}

fn table(cursor: &mut Cursor<'_>, name: &str, span: &Range<usize>) -> Option<Arc<Table>> {
    let uses = cursor.lookups;
    uses.table(cursor, name, span)
}

/// What `inputlookup` is told beside the name.
struct LookupInput {
    query: Query,
    append: bool,
}

/// `inputlookup` as the command that makes the rows.
pub(in crate::spl) fn input_rows(cursor: &mut Cursor<'_>) -> Option<Query> {
    input(cursor).map(|input| input.query)
}

/// `inputlookup append=t` behind other commands: the rows of the table come last.
pub(in crate::spl) fn input_lookup(cursor: &mut Cursor<'_>, span: Range<usize>) -> Option<Stage> {
    let input = input(cursor)?;
    if !input.append {
        let message = "behind another command `inputlookup` needs `append=t`: without it, it must be the first command";
        cursor.error("spl-syntax", message, span);
        return None;
    }
    Some(Stage::Append(Box::new(input.query)))
}

/// `[append=…] [strict=…] [start=…] [max=…] NAME [where CONDITION]`; options may stand behind the name too.
fn input(cursor: &mut Cursor<'_>) -> Option<LookupInput> {
    let (mut append, mut start, mut max) = (false, 0, usize::MAX);
    let (mut named, mut filter) = (None, Pred::True);
    while !cursor.is_done() {
        if named.is_some() && cursor.take_word("where") {
            filter = search::parse(cursor, Vocabulary::Row);
            break;
        }
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("the name of a lookup");
            return None;
        };
        if !cursor.take("=") {
            if named.is_some() {
                cursor.error("spl-syntax", format!("expected the end of the command or `where`, found `{name}`"), span);
                cursor.give_up();
                return None;
            }
            named = Some((name, span));
            continue;
        }
        let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), value.parse::<usize>()) {
            ("append", _) => append = !is_false(&value),
            // A table that is not there is a fault here in any case.
            ("strict", _) => {}
            ("start", Ok(number)) => start = number,
            ("max", Ok(number)) => max = number,
            _ => {
                refuse::option(cursor, &format!("{name}={value}"), span);
                cursor.give_up();
                return None;
            }
        }
    }
    let Some((name, span)) = named else {
        cursor.unexpected("the name of a lookup");
        return None;
    };
    let table = table(cursor, &name, &span)?;
    Some(LookupInput { query: Query { source: Source::Table(part(table, start, max)), filter, stages: Vec::new() }, append })
}

/// So many rows of a table from a place on.
fn part(table: Arc<Table>, start: usize, max: usize) -> Arc<Table> {
    if start == 0 && max >= table.rows.len() {
        return table;
    }
    let rows = table.rows.iter().skip(start).take(max).cloned().collect();
    Arc::new(Table {
        name: table.name.clone(),
        columns: table.columns.clone(),
        rows,
        matching: table.matching.clone(),
        case_sensitive: table.case_sensitive,
        min_matches: table.min_matches,
        max_matches: table.max_matches,
        default_match: table.default_match.clone(),
    })
}

/// `outputlookup [OPTION=…] NAME`: nothing is written. What is said of it is known when the whole search is read.
pub(in crate::spl) fn output_lookup(cursor: &mut Cursor<'_>, span: Range<usize>) -> Option<Vec<Stage>> {
    while !cursor.is_done() {
        let Some((name, _)) = cursor.name() else {
            cursor.unexpected("the name of a lookup");
            return None;
        };
        // The options say how the table is written.
        if cursor.take("=") {
            cursor.option_value();
            continue;
        }
        cursor.lookups.writes(&name, span);
        return Some(Vec::new());
    }
    cursor.unexpected("the name of a lookup");
    None
}

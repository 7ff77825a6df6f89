//! How a search is told what it asks for in vain: what Splunk does not have either, and what is missing here.
//!
//! Both are errors, with codes of their own: `spl-unknown-…` is for the author to mend, and has the nearest name as its
//! hint; `spl-unsupported-…` names what this program lacks. What stands in the brackets of a refused command is read all
//! the same, so that one look shows everything that keeps a search out.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::fault::SearchFault;
use super::known;
use super::pipeline::{self, First};
use crate::diag::SubjectKind;
use crate::suggest::nearest;

/// Refuses a command without a parser.
pub(super) fn command(cursor: &mut Cursor<'_>, name: &str, span: Range<usize>) {
    let fault = match known::lack(name) {
        Some(lack) => SearchFault::error(lack.code(), lack.message(name), span.clone()),
        None => unknown("spl-unknown-command", "command", name, &span, known::commands()),
    };
    cursor.faults.push(fault.about(SubjectKind::Command, name.to_ascii_lowercase()));
    // What `foreach` has in brackets is no search before its tokens are filled in.
    if !name.eq_ignore_ascii_case("foreach") {
        brackets(cursor, span.end..cursor.end);
    }
    cursor.give_up();
}

/// Refuses a function of an expression.
pub(super) fn function(cursor: &mut Cursor<'_>, name: &str, span: Range<usize>) {
    let fault = if known::is_function(name) {
        SearchFault::error(
            "spl-unsupported-function",
            format!("the function `{name}` is not supported{}", super::function::known_reason(name)),
            span,
        )
    } else {
        unknown("spl-unknown-function", "function", name, &span, known::functions())
    };
    cursor.faults.push(fault.about(SubjectKind::Function, name.to_ascii_lowercase()));
}

/// Refuses an aggregate.
pub(super) fn aggregate(cursor: &mut Cursor<'_>, name: &str, span: Range<usize>) {
    let fault = if known::is_aggregate(name) {
        SearchFault::error("spl-unsupported-aggregate", format!("the aggregate `{name}` is not supported"), span)
    } else {
        unknown("spl-unknown-aggregate", "aggregate", name, &span, known::aggregates())
    };
    cursor.faults.push(fault.about(SubjectKind::Aggregate, name.to_ascii_lowercase()));
}

/// Refuses what `convert` is to do with a field.
pub(super) fn conversion(cursor: &mut Cursor<'_>, name: &str, span: Range<usize>) {
    let fault = if known::conversions().any(|known| known.eq_ignore_ascii_case(name)) {
        SearchFault::error("spl-unsupported-function", format!("`convert {name}` is not supported"), span)
    } else {
        let fault = SearchFault::error("spl-unknown-function", format!("`convert` has no function `{name}`"), span);
        hinted(fault, name, known::conversions())
    };
    cursor.faults.push(fault.about(SubjectKind::Function, format!("convert {}", name.to_ascii_lowercase())));
}

/// Refuses an option (`name` or `name=value`) of the command that the cursor is in.
pub(super) fn option(cursor: &mut Cursor<'_>, option: &str, span: Range<usize>) {
    let command = cursor.command;
    let name = option.split('=').next().unwrap_or(option);
    let fault = match known::options(command).map(Iterator::collect::<Vec<_>>) {
        // Anything else is the value of one, such as the flags of `rex mode=sed`.
        Some(known) if name.chars().all(is_name_char) && !known.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
            let fault = SearchFault::error("spl-unknown-option", format!("`{command}` has no option `{name}`"), span);
            hinted(fault, name, known)
        }
        _ => SearchFault::error("spl-unsupported-option", format!("the option `{option}` is not supported"), span),
    };
    let subject = format!("{} {name}", command.to_ascii_lowercase());
    cursor.faults.push(fault.about(SubjectKind::Option, subject.trim_start()));
}

fn unknown(code: &'static str, what: &str, name: &str, span: &Range<usize>, known: impl IntoIterator<Item = &'static str>) -> SearchFault {
    hinted(SearchFault::error(code, format!("Splunk has no {what} `{name}`"), span.clone()), name, known)
}

fn hinted(fault: SearchFault, name: &str, known: impl IntoIterator<Item = &'static str>) -> SearchFault {
    match nearest(name, known) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault,
    }
}

/// Reads the searches in the brackets of a range, for what is wrong with them.
pub(super) fn brackets(cursor: &mut Cursor<'_>, range: Range<usize>) {
    let outer = cursor.at;
    cursor.at = range.start;
    while let Some(open) = next_bracket(cursor.slice(cursor.at..range.end)) {
        cursor.at += open;
        if pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named)).is_none() && cursor.gave_up() {
            break;
        }
    }
    cursor.at = outer;
}

/// Where the next bracket outside of quotes opens.
fn next_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(index, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => return Some(index),
            _ => {}
        }
        None
    })
}

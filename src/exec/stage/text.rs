//! Stages that read and rewrite text by regular expressions and patterns: `rex`, `rex mode=sed`, `replace`.

use std::rc::Rc;
use std::sync::Arc;

use super::stream::carried;
use super::{Operator, Pushed, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, CompiledPattern, Context, Fault, Row};
use crate::ir::{Edit, Extract, Glob, Part, Replace, Substitute};
use crate::plan::{RowSchema, Step};

/// `rex`: a column gets what its group took, in each member of the searched column; without a match it stays.
pub(super) struct ExtractOperator<'c> {
    from: Vec<Slot>,
    source: Slot,
    pattern: Rc<CompiledPattern>,
    /// The number of each group and its column.
    groups: Vec<(usize, usize)>,
    max_match: usize,
    context: &'c Context,
}

impl<'c> ExtractOperator<'c> {
    pub(super) fn new(extract: &Extract, before: &RowSchema, step: &Step, context: &'c Context) -> Result<Self, Fault> {
        let pattern = context.pattern(&extract.pattern)?;
        let groups = extract.names.iter().filter_map(|name| Some((pattern.group(name)?, step.row.place(name)?))).collect();
        let max_match = extract.max_match.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        Ok(Self { from: step.from.clone(), source: before.place(&extract.field), pattern, groups, max_match, context })
    }
}

impl Operator for ExtractOperator<'_> {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let texts = self.source.map_or_else(Vec::new, |place| row.cells[place].members());
        let mut cells = carried(&self.from, row.cells);
        let mut taken: Vec<Vec<Arc<str>>> = vec![Vec::new(); self.groups.len()];
        for text in &texts {
            self.pattern.first_matches(text, self.max_match, &mut |found| {
                for ((group, _), taken) in self.groups.iter().zip(&mut taken) {
                    taken.extend(found(*group).map(|part| Arc::from(&text[part])));
                }
                self.context.room_for(taken.iter().map(Vec::len).sum::<usize>() * size_of::<Arc<str>>())
            })?;
        }
        for ((_, column), taken) in self.groups.iter().zip(taken) {
            if !taken.is_empty() {
                cells[*column] = self.context.made(Cell::list_of(taken))?;
            }
        }
        passed(Row { cells, ..row })
    }
}

/// A command of `rex mode=sed`, ready for texts.
enum PreparedEdit {
    Replace { pattern: Rc<CompiledPattern>, replacement: Vec<SedPart>, from: u64, all: bool },
    Transliterate(Vec<(char, char)>),
}

/// A part of what takes a match's place.
enum SedPart {
    Text(String),
    Group(usize),
}

/// Reads a replacement: `\1` is a group, `\n`, `\r` and `\t` are what they are in a regular expression, any other character
/// behind a backslash is itself.
fn pieces(replacement: &str) -> Vec<SedPart> {
    let (mut out, mut text) = (Vec::new(), String::new());
    let mut characters = replacement.chars();
    while let Some(c) = characters.next() {
        match (c, if c == '\\' { characters.next() } else { None }) {
            ('\\', Some(digit @ '0'..='9')) => {
                out.push(SedPart::Text(std::mem::take(&mut text)));
                out.push(SedPart::Group(usize::from(u8::try_from(digit).unwrap_or(b'0') - b'0')));
            }
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some('t')) => text.push('\t'),
            (_, Some(other)) => text.push(other),
            (c, None) => text.push(c),
        }
    }
    out.push(SedPart::Text(text));
    out
}

impl PreparedEdit {
    fn new(edit: &Edit, context: &Context) -> Result<Self, Fault> {
        Ok(match edit {
            Edit::Replace { pattern, replacement, from, all } => {
                Self::Replace { pattern: context.pattern(pattern)?, replacement: pieces(replacement), from: *from, all: *all }
            }
            Edit::Transliterate(pairs) => Self::Transliterate(pairs.clone()),
        })
    }

    fn edited(&self, text: &str, context: &Context) -> Result<String, Fault> {
        let (pattern, replacement, from, all) = match self {
            Self::Replace { pattern, replacement, from, all } => (pattern, replacement, *from, *all),
            Self::Transliterate(pairs) => {
                let other = |c: char| pairs.iter().find(|(old, _)| *old == c).map_or(c, |(_, new)| *new);
                return Ok(text.chars().map(other).collect());
            }
        };
        let (mut out, mut end, mut number) = (String::new(), 0, 0_u64);
        let count = if all { usize::MAX } else { usize::try_from(from).unwrap_or(usize::MAX) };
        pattern.first_matches(text, count, &mut |found| {
            number += 1;
            let Some(place) = found(0).filter(|_| number >= from) else { return Ok(()) };
            out.push_str(&text[end..place.start]);
            for part in replacement {
                out.push_str(match part {
                    SedPart::Text(text) => text,
                    SedPart::Group(group) => found(*group).map_or("", |part| &text[part]),
                });
            }
            end = place.end;
            context.room_for(out.len()) // each match may add as much as the whole text has
        })?;
        out.push_str(&text[end..]);
        Ok(out)
    }
}

/// `rex mode=sed`.
pub(super) struct SubstituteOperator<'c> {
    column: Slot,
    edits: Vec<PreparedEdit>,
    context: &'c Context,
}

impl<'c> SubstituteOperator<'c> {
    pub(super) fn new(substitute: &Substitute, step: &Step, context: &'c Context) -> Result<Self, Fault> {
        let edits = substitute.edits.iter().map(|edit| PreparedEdit::new(edit, context)).collect::<Result<_, _>>()?;
        Ok(Self { column: step.row.place(&substitute.field), edits, context })
    }
}

impl Operator for SubstituteOperator<'_> {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        if let Some(cell) = self.column.map(|place| &mut row.cells[place]) {
            let mut members = cell.members();
            for edit in &self.edits {
                for member in &mut members {
                    *member = edit.edited(member, self.context)?.into();
                }
            }
            *cell = self.context.made(Cell::list_of(members))?;
        }
        passed(row)
    }
}

/// `replace`.
pub(super) struct ReplaceOperator<'c> {
    columns: Vec<usize>,
    /// In the order in which they decide.
    pairs: Vec<(Glob, Vec<Option<String>>)>,
    context: &'c Context,
}

impl<'c> ReplaceOperator<'c> {
    pub(super) fn new(replace: &Replace, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let columns = before.filled(&replace.fields).iter().filter_map(|name| step.row.place(name)).collect();
        // Of those without `*` the last one decides; of the others the fullest: see `ir::Replace`.
        let (mut plain, mut wild): (Vec<_>, Vec<_>) = replace.pairs.iter().partition(|(glob, _)| glob.as_literal().is_some());
        plain.reverse();
        wild.sort_by_key(|(glob, _)| std::cmp::Reverse(text_length(glob)));
        // A piece of the new value, or the place of a `*`.
        let value = |value: &str| {
            let parts = value.split('*').enumerate();
            parts.flat_map(|(i, text)| (i > 0).then_some(None).into_iter().chain([Some(text.to_owned())])).collect()
        };
        let pairs = plain.into_iter().chain(wild).map(|(glob, new)| (glob.clone(), value(new))).collect();
        Self { columns, pairs, context }
    }

    fn replaced(&self, text: &str) -> Option<Arc<str>> {
        let (glob, new) = self.pairs.iter().find(|(glob, _)| glob.matches(text))?;
        let taken = taken(glob, text);
        let mut taken = taken.iter();
        Some(
            new.iter()
                .map(|piece| piece.as_deref().unwrap_or_else(|| taken.next().copied().unwrap_or_default()))
                .collect::<String>()
                .into(),
        )
    }
}

/// How many characters of a pattern are text.
fn text_length(glob: &Glob) -> usize {
    glob.parts().iter().map(|part| if let Part::Text(text) = part { text.chars().count() } else { 0 }).sum()
}

/// What each `*` of a pattern takes of a text that it matches: each as little as it can, the last one the rest.
fn taken<'t>(glob: &Glob, text: &'t str) -> Vec<&'t str> {
    let (mut out, mut rest) = (Vec::new(), text);
    let parts = glob.parts();
    for (place, part) in parts.iter().enumerate() {
        match (part, parts.get(place + 1)) {
            (Part::Text(text), _) => rest = rest.strip_prefix(text.as_str()).unwrap_or(rest),
            (_, None) => out.push(std::mem::take(&mut rest)),
            (_, Some(Part::Text(next))) => {
                let is_last = place + 2 == parts.len();
                let end = if is_last { rest.len().checked_sub(next.len()) } else { rest.find(next.as_str()) };
                let (before, behind) = rest.split_at(end.unwrap_or(rest.len()));
                out.push(before);
                rest = behind;
            }
            (_, Some(_)) => out.push(""),
        }
    }
    out
}

impl Operator for ReplaceOperator<'_> {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        for place in &self.columns {
            let cell = &mut row.cells[*place];
            if cell.any_member(|member| self.pairs.iter().any(|(glob, _)| glob.matches(member))) {
                let members = cell.members().into_iter().map(|member| self.replaced(&member).unwrap_or(member)).collect();
                *cell = self.context.made(Cell::list_of(members))?;
            }
        }
        passed(row)
    }
}

//! Names: what a rule's field is in one event type.
//!
//! | order | Sigma (without case) | Splunk and rows (with case) |
//! |---|---|---|
//! | 1 | a rename of the log source | – |
//! | 2 | what the envelope answers (`EventID`, `Channel`, …) | the same (`EventCode`, `source`, `_time`, …) |
//! | 3 | a stored field, exactly or in another case; an object inside of one | a stored field, exactly; an object inside of one |
//! | 4 | a stored name without its spaces | JSON's `a{}.b` as `a.b`; the same letters with other separators (`Share_Name`) |
//! | 5 | a field map | a field map (add-on, CIM and rendered-text names) |
//! | 6 | what Splunk calls so, with case, but no plain word (`id`, `user`) | – |
//!
//! Step 4 counts only when exactly one stored field fits. A plain word has a meaning of its own in every log, so a rule
//! that asks for it where no field is called so asks for something that is not there.

use crate::catalog::{ColumnIndex, EventType};
use crate::ir::{Case, Field, Glob, Match, Pred, Scope, Test, Vocabulary};
use crate::taxonomy::{Definition, EnvelopeField, LogSource, LookupVocabulary, Selector, Taxonomy, TypeNames};

use super::dataset::{DatasetRows, TAG};
use super::scope::{self, Scoped};
use super::{FieldExpr, FieldFunction, is_filled};

/// The names of an envelope's parts that a keyword searches, where a field map has them.
// What people type as keywords; the time and the record number would be found in any short number.
const SEARCHED: [&str; 3] = ["EventID", "Channel", "Computer"];

/// The names of an envelope's parts that a pattern means beside the stored names.
// What every event of Windows says of itself in Splunk too. Not all names of a field map: each value would be there several times.
const PATTERNED: [&str; 4] = ["EventCode", "EventID", "Channel", "Computer"];

/// What a name is in one event type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    /// One value.
    One(FieldExpr),
    /// A constant with several spellings: equal to each of them.
    Synonyms(Vec<String>),
    /// Several values, as of a list.
    Members(Vec<FieldExpr>),
    /// Texts that are values where a condition holds: the datasets that a row is of.
    Nodes(Vec<(String, Pred<FieldExpr>)>),
    /// The same for the tags of an event. They can be asked for and not shown: a column would have to hold them all.
    Tags(Vec<(String, Pred<FieldExpr>)>),
}

impl Resolved {
    /// Returns the one value to show or to group by: the first spelling, the last member that is there.
    pub(super) fn value(&self) -> FieldExpr {
        match self {
            Self::One(expr) => expr.clone(),
            Self::Synonyms(texts) => texts.first().map_or(FieldExpr::Missing, |t| FieldExpr::Constant(t.clone())),
            // The last: of Splunk's two `Account_Name` the second is the account that something was done to.
            Self::Members(members) => FieldExpr::Coalesce(members.iter().rev().cloned().collect()),
            Self::Tags(_) => FieldExpr::Missing,
            Self::Nodes(_) => self.always().pop().map_or(FieldExpr::Missing, FieldExpr::Constant),
        }
    }

    /// The texts that are values of every event of the type.
    pub(super) fn always(&self) -> Vec<String> {
        match self {
            Self::Synonyms(texts) => texts.clone(),
            Self::Nodes(nodes) | Self::Tags(nodes) => {
                nodes.iter().filter(|(_, when)| *when == Pred::True).map(|(text, _)| text.clone()).collect()
            }
            Self::One(FieldExpr::Constant(text)) => vec![text.clone()],
            Self::One(_) | Self::Members(_) => Vec::new(),
        }
    }

    /// Whether the type has nothing under the name.
    pub(super) fn is_missing(&self) -> bool {
        *self == Self::One(FieldExpr::Missing)
    }

    /// Whether every event of the type answers the same.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::One(FieldExpr::Constant(_)) | Self::Synonyms(_))
    }
}

/// Resolves names in one event type.
#[derive(Debug)]
pub(super) struct NameResolver<'a> {
    event_type: &'a EventType,
    taxonomy: &'a Taxonomy,
    names: TypeNames<'a>,
    selector: Option<&'a Selector>,
    rows: Option<DatasetRows<'a>>,
}

impl<'a> NameResolver<'a> {
    /// Makes a resolver for an event type of a scope.
    pub(super) fn new(scoped: Scoped<'a>, taxonomy: &'a Taxonomy) -> Self {
        let Scoped { event_type, selector, rows } = scoped;
        Self { event_type, taxonomy, names: taxonomy.names(event_type), selector, rows }
    }

    /// Resolves a name.
    pub(super) fn resolve(&self, field: &Field) -> Resolved {
        match &self.rows {
            Some(rows) => self.in_rows(rows, &field.name),
            None => self.of_event(field),
        }
    }

    /// Resolves a name of the event, whatever dataset it is a row of.
    pub(super) fn of_event(&self, field: &Field) -> Resolved {
        if let Some(resolved) = self.before_names(field) {
            return resolved;
        }
        let name = field.name.as_str();
        let stored = match field.vocabulary {
            Vocabulary::Sigma => self.event_type.column_any_case(name),
            // Splunk's names are with case, Sigma's taxonomy is not.
            Vocabulary::Splunk | Vocabulary::Row => self.event_type.column_exact(name),
        };
        match (stored.map(FieldExpr::Column), self.inner_object(field)) {
            // A value in some events, an object in others.
            (Some(column), Some(object)) => return Resolved::Members(vec![object, column]),
            (Some(found), None) | (None, Some(found)) => return Resolved::One(found),
            (None, None) => {}
        }
        // One fitting name or none: of two nothing says which is meant, and a guess would hide a field that is missing.
        let column = match field.vocabulary {
            Vocabulary::Sigma => self.only(|stored| differ_in_spaces(stored, name)),
            Vocabulary::Splunk | Vocabulary::Row => self.by_separators(name),
        };
        if let Some(column) = column {
            return Resolved::One(FieldExpr::Column(column));
        }
        // After the stored ones: a field that a log really has is not hidden by a map.
        match self.names.after_stored(name, lookup(field)) {
            Some(definition) => self.build(definition),
            // Some Sigma rules are written with Splunk's names. Plain words (`user`, `id`) mean too much for a guess.
            None if field.vocabulary == Vocabulary::Sigma && !is_plain_word(name) => {
                self.of_event(&Field { vocabulary: Vocabulary::Splunk, ..field.clone() })
            }
            None if field.vocabulary == Vocabulary::Splunk && name == TAG => self.tags_of_event(self.taxonomy),
            None => Resolved::One(FieldExpr::Missing),
        }
    }

    /// Resolves a name that comes before the stored ones.
    pub(super) fn before_stored(&self, field: &Field) -> Option<Resolved> {
        match &self.rows {
            Some(rows) => {
                rows.of_every_row(&field.name).and_then(|name| self.before_names(&Field { name: name.to_owned(), ..field.clone() }))
            }
            None => self.before_names(field),
        }
    }

    /// The names that a pattern can mean.
    pub(super) fn pattern_names(&self) -> Vec<String> {
        let Some(rows) = &self.rows else {
            let is_there = |name: &&str| {
                let field = Field { name: (*name).to_owned(), vocabulary: Vocabulary::Row };
                self.before_names(&field).is_some_and(|resolved| !resolved.is_missing())
            };
            let stored = self.event_type.columns.iter().map(|column| column.field.clone());
            return stored.chain(PATTERNED.into_iter().filter(is_there).map(str::to_owned)).collect();
        };
        rows.names()
    }

    fn before_names(&self, field: &Field) -> Option<Resolved> {
        if field.vocabulary == Vocabulary::Sigma
            && let Some(selector) = self.selector
            && let Some((_, definition)) = selector.renames.iter().find(|(n, _)| n.eq_ignore_ascii_case(&field.name))
        {
            return Some(self.build(definition));
        }
        self.names.before_stored(&field.name, lookup(field)).map(|definition| self.build(definition))
    }

    /// Returns what the envelope of the type's events answers and a keyword searches. Not the time and the record number:
    /// no keyword means them, and short numbers would be found in them.
    pub(super) fn envelope(&self) -> Vec<Resolved> {
        let field = |name: &str| Field { name: name.to_owned(), vocabulary: Vocabulary::Sigma };
        SEARCHED.iter().filter_map(|name| self.before_names(&field(name))).filter(|resolved| !resolved.is_missing()).collect()
    }

    /// Returns the type.
    pub(super) fn event_type(&self) -> &'a EventType {
        self.event_type
    }

    /// Returns what must hold of an event for the scope to mean it.
    pub(super) fn conditions(&self) -> Vec<Pred<FieldExpr>> {
        match &self.rows {
            Some(rows) => self.conditions_of_rows(rows),
            None => self.selector.into_iter().flat_map(|selector| self.conditions_of(selector)).collect(),
        }
    }

    /// Returns what must hold of an event for a selector to mean it.
    pub(super) fn conditions_of(&self, selector: &'a Selector) -> impl Iterator<Item = Pred<FieldExpr>> {
        selector.conditions.iter().map(|(name, values)| {
            let field = Field { name: name.clone(), vocabulary: Vocabulary::Sigma };
            match self.of_event(&field).value() {
                FieldExpr::Missing => Pred::False,
                expr => Pred::any(values.iter().map(|value| {
                    let test = Test::Glob { glob: Glob::literal(value.as_str()), case: Case::Ignore };
                    Pred::Match(Match { field: expr.clone(), test, negated: false, span: 0..0 })
                })),
            }
        })
    }

    /// Builds a definition over stored fields.
    pub(super) fn build(&self, definition: &Definition) -> Resolved {
        let stored = |name: &str| self.event_type.column_any_case(name).map_or(FieldExpr::Missing, FieldExpr::Column);
        self.build_from(definition, &stored)
    }

    /// Builds a definition over fields that `field` finds.
    pub(super) fn build_from(&self, definition: &Definition, field: &dyn Fn(&str) -> FieldExpr) -> Resolved {
        let present = |definitions: &[Definition]| -> Vec<FieldExpr> {
            let values = definitions.iter().map(|definition| self.build_from(definition, field).value());
            values.filter(|expr| *expr != FieldExpr::Missing).collect()
        };
        Resolved::One(match definition {
            Definition::Field(name) => field(name),
            Definition::Envelope(EnvelopeField::Time) => FieldExpr::Time,
            Definition::Envelope(EnvelopeField::Host) => FieldExpr::Host,
            Definition::Envelope(EnvelopeField::Record) => FieldExpr::Record,
            Definition::Envelope(EnvelopeField::Message) if self.event_type.has_messages => FieldExpr::Message,
            // A type without rendered text has no message field: missing folds the test away, and nothing is read.
            Definition::Envelope(EnvelopeField::Message) => FieldExpr::Missing,
            Definition::Text(text) => FieldExpr::Constant(self.expand(text)),
            Definition::Synonyms(texts) => return Resolved::Synonyms(texts.iter().map(|t| self.expand(t)).collect()),
            Definition::ByCode(by_code) => match by_code.get(&self.event_type.code) {
                Some(text) => FieldExpr::Constant(text.clone()),
                None => FieldExpr::Missing,
            },
            Definition::Members(members) => {
                let mut members = present(members);
                match members.len() {
                    0 | 1 => members.pop().unwrap_or(FieldExpr::Missing),
                    _ => return Resolved::Members(members),
                }
            }
            Definition::Coalesce(candidates) => coalesce(present(candidates)),
            Definition::Default(inner, text) => return or_default(self.build_from(inner, field), text),
            Definition::Apply(function, inner) => match self.build_from(inner, field).value() {
                FieldExpr::Missing => FieldExpr::Missing,
                FieldExpr::Constant(text) => {
                    function.apply(&text).map_or(FieldExpr::Missing, |text| FieldExpr::Constant(text.into_owned()))
                }
                other => FieldExpr::Apply(function.clone(), Box::new(other)),
            },
        })
    }

    fn expand(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let EventType { product, dataset, code, .. } = self.event_type;
        text.replace("$product", product).replace("$code", code).replace("$dataset", dataset)
    }

    fn by_separators(&self, name: &str) -> Option<ColumnIndex> {
        // JSON's `a{}.b` first: the brackets say that it is a path, and a label never has them.
        if name.contains("{}")
            && let Some(column) = self.event_type.column_exact(&name.replace("{}", ""))
        {
            return Some(column);
        }
        if is_label(name) {
            return self.only(|stored| same_letters(stored, name));
        }
        self.only(|stored| {
            stored.len() == name.len() && stored.bytes().zip(name.bytes()).all(|(s, n)| s == n || (n == b'_' && !s.is_ascii_alphanumeric()))
        })
    }

    /// Returns an object inside of a stored one: some stored name goes on behind its own.
    fn inner_object(&self, field: &Field) -> Option<FieldExpr> {
        let (name, any_case) = (field.name.as_str(), field.vocabulary == Vocabulary::Sigma);
        let same = |stored: &str, name: &str| if any_case { stored.eq_ignore_ascii_case(name) } else { stored == name };
        // The outermost stored name: it has the whole text; a name further in would only be a part of it.
        let mut outer = name.rmatch_indices('.').filter_map(|(dot, _)| {
            let fits = |stored: &str| same(stored, &name[..dot]);
            let position = self.event_type.columns.iter().position(|column| fits(&column.field))?;
            Some((dot, ColumnIndex(u32::try_from(position).ok()?)))
        });
        let (dot, column) = outer.next_back()?;
        // Only where something is stored below the name: else the name is not an object in any event of the type.
        let below = |stored: &&str| {
            stored.get(..name.len()).is_some_and(|start| same(start, name)) && stored.as_bytes().get(name.len()) == Some(&b'.')
        };
        let spelling = self.event_type.columns.iter().map(|column| column.field.as_str()).find(below)?;
        let path = spelling[dot + 1..name.len()].to_owned();
        Some(FieldExpr::Apply(FieldFunction::InnerObject(path), Box::new(FieldExpr::Column(column))))
    }

    /// Returns the column whose name fits, when exactly one does.
    fn only(&self, fits: impl Fn(&str) -> bool) -> Option<ColumnIndex> {
        let mut fitting = self.event_type.columns.iter().enumerate().filter(|(_, column)| fits(&column.field));
        let (position, _) = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        u32::try_from(position).ok().map(ColumnIndex)
    }
}

/// Resolves a rule's field in an event type, as a value (see [`super::plan`] for tests on fields with several values).
pub fn resolve(field: &Field, scope: &Scope, event_type: &EventType, taxonomy: &Taxonomy) -> FieldExpr {
    let scoped = scope::scoped_type(scope, event_type, taxonomy).unwrap_or_else(|| Scoped::new(event_type, None));
    NameResolver::new(scoped, taxonomy).resolve(field).value()
}

/// Looks a scope up; `None` for a dataset or no scope at all.
pub(super) fn log_source<'a>(scope: &Scope, taxonomy: &'a Taxonomy) -> Option<LogSource<'a>> {
    match scope {
        Scope::Any | Scope::Dataset { .. } => None,
        Scope::LogSource { product, category, service } => {
            Some(taxonomy.log_source(product.as_deref(), category.as_deref(), service.as_deref()))
        }
    }
}

fn lookup(field: &Field) -> LookupVocabulary {
    match field.vocabulary {
        Vocabulary::Sigma => LookupVocabulary::Sigma,
        Vocabulary::Splunk | Vocabulary::Row => LookupVocabulary::Splunk,
    }
}

/// What is missing or empty becomes a text.
pub(super) fn or_default(resolved: Resolved, text: &str) -> Resolved {
    Resolved::One(match resolved {
        Resolved::Synonyms(texts) => return Resolved::Synonyms(texts),
        other => match other.value() {
            FieldExpr::Constant(own) if !own.is_empty() => FieldExpr::Constant(own),
            FieldExpr::Missing | FieldExpr::Constant(_) => FieldExpr::Constant(text.to_owned()),
            expr => FieldExpr::Default(Box::new(expr), text.to_owned()),
        },
    })
}

/// Keeps what can be the first that is neither empty nor `-`.
fn coalesce(candidates: Vec<FieldExpr>) -> FieldExpr {
    let mut out = Vec::new();
    for expr in candidates {
        match &expr {
            // An empty constant decides nothing, any other decides all that follows: no later field can be reached.
            FieldExpr::Constant(text) if !is_filled(text) => {}
            FieldExpr::Constant(_) if out.is_empty() => return expr,
            FieldExpr::Constant(_) => {
                out.push(expr);
                break;
            }
            _ => out.push(expr),
        }
    }
    if out.is_empty() { FieldExpr::Missing } else { FieldExpr::Coalesce(out) }
}

/// `Relative_Target_Name`: a label of rendered text, its words joined by underscores.
fn is_label(name: &str) -> bool {
    // Words in capitals are how rendered text is labelled; `process_name` is a name of its own and takes no part here.
    name.contains('_') && name.split('_').all(|word| word.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()))
}

/// A name without anything that only Splunk's names and labels have.
fn is_plain_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase())
}

fn same_letters(stored: &str, name: &str) -> bool {
    let letters = |text: &str| -> Vec<u8> {
        text.bytes().filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii()).map(|b| b.to_ascii_lowercase()).collect()
    };
    stored.len() <= name.len() && letters(stored) == letters(name)
}

fn differ_in_spaces(stored: &str, name: &str) -> bool {
    stored.contains(' ')
        && stored.bytes().filter(|b| *b != b' ').map(|b| b.to_ascii_lowercase()).eq(name.bytes().map(|b| b.to_ascii_lowercase()))
}

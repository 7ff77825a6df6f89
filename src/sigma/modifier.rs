//! The key of a detection item: `field|modifier|modifier`, checked as a whole.

use std::ops::Range;

use super::context::ReadContext;
use crate::ir::{DatePart, NumberOp};
use crate::suggest::nearest;
use crate::yaml::Key;

/// Every modifier's name.
pub(super) const NAMES: [&str; 30] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "exists",
    "cased",
    "neq",
    "windash",
    "re",
    "i",
    "m",
    "s",
    "base64",
    "base64offset",
    "wide",
    "utf16le",
    "utf16be",
    "utf16",
    "gt",
    "gte",
    "lt",
    "lte",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "cidr",
    "expand",
];

/// How values are encoded before they are looked for, in the order of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueEncoding {
    Utf16Le,
    Utf16Be,
    Utf16,
    Base64,
    Base64Offset,
}

/// What the values of an item are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Strings with wildcards, numbers, truth values, null.
    Text,
    /// Regular expressions.
    Regex,
    /// Networks.
    Cidr,
    /// Names of other fields.
    FieldRef,
    /// A truth value: whether the field is there.
    Exists,
    /// A number on the right of a comparison.
    Compare(NumberOp),
}

/// The modifiers of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modifiers {
    pub(super) kind: ValueKind,
    pub(super) encodings: Vec<ValueEncoding>,
    pub(super) windash: bool,
    pub(super) expand: bool,
    /// `contains` or `endswith`
    pub(super) any_before: bool,
    /// `contains` or `startswith`
    pub(super) any_after: bool,
    pub(super) all: bool,
    pub(super) cased: bool,
    pub(super) neq: bool,
    /// Flags of a regular expression.
    pub(super) flags: String,
    pub(super) part: Option<DatePart>,
}

impl Default for Modifiers {
    fn default() -> Self {
        Self {
            kind: ValueKind::Text,
            encodings: Vec::new(),
            windash: false,
            expand: false,
            any_before: false,
            any_after: false,
            all: false,
            cased: false,
            neq: false,
            flags: String::new(),
            part: None,
        }
    }
}

/// A parsed key.
#[derive(Debug, Clone)]
pub(super) struct ItemKey {
    /// The field; `None`: keywords.
    pub(super) field: Option<String>,
    pub(super) modifiers: Modifiers,
    /// Where the key is.
    pub(super) span: Range<usize>,
}

/// Reads a key; `None` after an error.
pub(super) fn read(context: &mut ReadContext<'_>, key: &Key) -> Option<ItemKey> {
    let mut parts = key.text.split('|');
    let field = parts.next().unwrap_or("");
    let mut modifiers = Modifiers::default();
    let mut at = field.len();
    let mut sound = true;
    for name in parts {
        let span = part_span(context, key, at + 1..at + 1 + name.len());
        at += 1 + name.len();
        sound &= modifiers.add(context, name, &span).is_some();
    }
    sound &= modifiers.check(context, &key.span).is_some();
    let field = (!field.is_empty()).then(|| field.to_string());
    sound.then(|| ItemKey { field, modifiers, span: key.span.clone() })
}

/// The bytes of a part of a key, where the key is spelled as it reads.
fn part_span(context: &ReadContext<'_>, key: &Key, part: Range<usize>) -> Range<usize> {
    let spelled = context.source.text.get(key.span.clone()).unwrap_or("");
    let quote = usize::from(spelled.starts_with(['\'', '"']));
    if spelled.get(quote..quote + key.text.len()) == Some(key.text.as_str()) {
        let start = key.span.start + quote;
        start + part.start..start + part.end
    } else {
        key.span.clone()
    }
}

impl Modifiers {
    /// Adds one modifier; `None` after an error.
    fn add(&mut self, context: &mut ReadContext<'_>, name: &str, span: &Range<usize>) -> Option<()> {
        match name {
            "contains" => (self.any_before, self.any_after) = (true, true),
            "startswith" => self.any_after = true,
            "endswith" => self.any_before = true,
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.neq = true,
            "expand" => self.expand = true,
            // `windash` writes the plain text in several ways; encoded, there are no dashes left to vary.
            "windash" if self.encodings.is_empty() => self.windash = true,
            "windash" => return order(context, name, span, "`windash` changes the plain text: put it before the encodings"),
            "re" => self.set_kind(context, ValueKind::Regex, name, span)?,
            "cidr" => self.set_kind(context, ValueKind::Cidr, name, span)?,
            "fieldref" => self.set_kind(context, ValueKind::FieldRef, name, span)?,
            "exists" => self.set_kind(context, ValueKind::Exists, name, span)?,
            "i" | "m" | "s" if self.kind == ValueKind::Regex => {
                if !self.flags.contains(name) {
                    self.flags.push_str(name);
                }
            }
            "i" | "m" | "s" => return order(context, name, span, "flags come after `re`"),
            _ => return self.add_other(context, name, span),
        }
        Some(())
    }

    fn add_other(&mut self, context: &mut ReadContext<'_>, name: &str, span: &Range<usize>) -> Option<()> {
        if let Some(encoding) = encoding(name) {
            // What is encoded is the whole value: a wildcard put around it first would be encoded with it.
            if self.any_before || self.any_after {
                let hint = "encode first, then say where the result may stand: `base64offset|contains`";
                return order(context, name, span, hint);
            }
            self.encodings.push(encoding);
        } else if let Some(op) = comparison(name) {
            self.set_kind(context, ValueKind::Compare(op), name, span)?;
        } else if let Some(part) = DatePart::named(name) {
            if self.part.replace(part).is_some() {
                context.error(span, "sigma-modifier-combination", "an item can ask for one part of a time only");
                return None;
            }
        } else {
            return unknown(context, name, span);
        }
        Some(())
    }

    fn set_kind(&mut self, context: &mut ReadContext<'_>, kind: ValueKind, name: &str, span: &Range<usize>) -> Option<()> {
        if self.kind != ValueKind::Text {
            let message = format!("the modifier `{name}` cannot be combined with the ones before it");
            context.error(span, "sigma-modifier-combination", message);
            return None;
        }
        self.kind = kind;
        Some(())
    }

    /// Checks that the modifiers fit together.
    fn check(&mut self, context: &mut ReadContext<'_>, span: &Range<usize>) -> Option<()> {
        let wild = self.any_before || self.any_after;
        let text_only = self.windash || !self.encodings.is_empty();
        let misfit = match self.kind {
            ValueKind::Text if self.part.is_some() && (wild || text_only || self.expand || self.cased) => "a part of a time",
            // Only plain text can be encoded or written with other dashes.
            ValueKind::Text | ValueKind::Regex | ValueKind::FieldRef if self.part.is_none() => match self.kind {
                ValueKind::Regex if text_only => "a regular expression",
                ValueKind::FieldRef if text_only || self.expand => "`fieldref`",
                _ => "",
            },
            ValueKind::Regex | ValueKind::FieldRef => "a part of a time",
            ValueKind::Text => "",
            ValueKind::Cidr if wild || text_only || self.cased || self.part.is_some() => "`cidr`",
            ValueKind::Exists if wild || text_only || self.cased || self.expand || self.part.is_some() => "`exists`",
            ValueKind::Compare(_) if wild || text_only || self.cased || self.expand => "a comparison of numbers",
            ValueKind::Cidr | ValueKind::Exists | ValueKind::Compare(_) => "",
        };
        if !misfit.is_empty() {
            let message = format!("these modifiers cannot be combined: {misfit} is not plain text");
            context.error(span, "sigma-modifier-combination", message);
            return None;
        }
        if self.kind == ValueKind::Regex && (wild || self.cased) {
            let message = "a regular expression is searched for anywhere and with case: the other modifiers change nothing";
            context.lint(span, "sigma-modifier-without-effect", message);
        }
        Some(())
    }
}

fn order(context: &mut ReadContext<'_>, name: &str, span: &Range<usize>, hint: &str) -> Option<()> {
    context.error_with(span, "sigma-modifier-order", format!("the modifier `{name}` is in the wrong place"), hint);
    None
}

fn unknown(context: &mut ReadContext<'_>, name: &str, span: &Range<usize>) -> Option<()> {
    let message = format!("there is no modifier `{name}`");
    let hint = match nearest(name, NAMES.into_iter().chain(["fieldref"])) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("the modifiers are {}, fieldref", NAMES.join(", ")),
    };
    context.error_with(span, "sigma-unknown-modifier", message, hint);
    None
}

fn encoding(name: &str) -> Option<ValueEncoding> {
    Some(match name {
        "wide" | "utf16le" => ValueEncoding::Utf16Le,
        "utf16be" => ValueEncoding::Utf16Be,
        "utf16" => ValueEncoding::Utf16,
        "base64" => ValueEncoding::Base64,
        "base64offset" => ValueEncoding::Base64Offset,
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<NumberOp> {
    Some(match name {
        "gt" => NumberOp::Gt,
        "gte" => NumberOp::Ge,
        "lt" => NumberOp::Lt,
        "lte" => NumberOp::Le,
        _ => return None,
    })
}

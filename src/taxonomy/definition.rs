//! What a name means: the small language of definitions in the field maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::fault;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::Node;

/// Functions of field maps. Each maps text to text, or to missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum FieldFunction {
    /// Text after the last `\` or `/`.
    BaseName,
    /// Text after the last `\`.
    WithoutDomain,
    /// Simple lower case (see [`crate::event::fold_char`]).
    Lower,
    /// The `K=` part of `MD5=…,SHA256=…`; missing where it is not there.
    Hash(String),
    /// Registry data: `DWORD (0x00000001)` → `0x00000001`; anything else stays.
    RegistryData,
    /// An IPv4-mapped address without its `::ffff:`.
    WithoutMappedPrefix,
    /// `0x1f4` → `500`; anything else stays.
    HexToDecimal,
    /// The last member of a list; a single value is itself.
    LastMember,
    /// The first member of a list; a single value is itself.
    FirstMember,
    /// Replaces whole values by others, without case: (from, to); anything else stays.
    Translate(Vec<(String, String)>),
    /// Replaces whole values by others, without case: (from, to); anything else becomes the last text.
    TranslateElse(Vec<(String, String)>, String),
    /// Chooses by the first pattern that the whole value fits, `*` being any text, without case: (pattern, text); missing
    /// where none fits.
    Choose(Vec<(String, String)>),
    /// How many characters a value has.
    Length,
    /// Replaces how a value begins, without case: (from, to), the first that fits; anything else stays.
    Prefix(Vec<(String, String)>),
    /// Text before the last `\`; missing where there is none.
    Parent,
    /// Text before the first `\`; all of it where there is none.
    Root,
    /// Registry data → its type: `DWORD (…)` → `REG_DWORD`, `QWORD (…)` → `REG_QWORD`, `Binary Data` → `REG_BINARY`,
    /// anything else → `REG_SZ`.
    RegistryType,
    /// The object, or the list with objects in it, at a path inside of a compact JSON object.
    InnerObject(String),
    /// The event's time as ISO 8601 in UTC with `Z`, to the millisecond or, where it has them, the microsecond.
    IsoTime,
}

/// What an event's envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeField {
    /// Its time, as seconds since 1970 in decimal.
    Time,
    /// The host that wrote it.
    Host,
    /// Its record number.
    Record,
    /// Its rendered text.
    Message,
}

/// What a name means in an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// A stored field.
    Field(String),
    /// A part of the envelope.
    Envelope(EnvelopeField),
    /// A constant of the event type; `$dataset`, `$code` and `$product` in it stand for those of the type.
    Text(String),
    /// A constant with several spellings.
    Synonyms(Vec<String>),
    /// A constant for each event id.
    ByCode(BTreeMap<String, String>),
    /// Several values in order.
    Members(Vec<Definition>),
    /// The first that is present and neither empty nor `-`.
    Coalesce(Vec<Definition>),
    /// A value, or a text where it is missing or empty.
    Default(Box<Definition>, String),
    /// A function of a value.
    Apply(FieldFunction, Box<Definition>),
}

impl Definition {
    /// Parses the definition that a scalar holds.
    pub(super) fn parse(source: &Arc<SourceText>, node: &Node) -> Result<Self, Diagnostic> {
        let text = node.scalar_text().ok_or_else(|| fault(source, node, "a definition is expected here"))?;
        parse(text).map_err(|message| fault(source, node, message))
    }
}

fn parse(text: &str) -> Result<Definition, String> {
    let text = text.trim();
    if let Some(name) = text.strip_prefix('$') {
        return Ok(Definition::Envelope(match name {
            "time" => EnvelopeField::Time,
            "host" => EnvelopeField::Host,
            "record" => EnvelopeField::Record,
            "message" => EnvelopeField::Message,
            other => return Err(format!("an event has no ${other}")),
        }));
    }
    let Some((function, rest)) = text.split_once('(') else {
        return if text.is_empty() { Err("a name is missing".to_owned()) } else { Ok(Definition::Field(text.to_owned())) };
    };
    let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` does not end with a parenthesis"))?;
    call(function.trim(), inner)
}

fn call(function: &str, inner: &str) -> Result<Definition, String> {
    // Before the arguments are split: a text may hold commas and brackets.
    if function == "text" {
        return Ok(Definition::Text(inner.to_owned()));
    }
    let arguments = split(inner);
    let first = *arguments.first().expect("splitting gives at least one part");
    let list = || arguments.iter().map(|a| parse(a)).collect::<Result<Vec<_>, _>>();
    let function = match function {
        "any" => return Ok(Definition::Synonyms(arguments.iter().map(|a| a.trim_matches('"').to_owned()).collect())),
        "all" if inner.trim().is_empty() => return Ok(Definition::Members(Vec::new())),
        "all" => return list().map(Definition::Members),
        "coalesce" => return list().map(Definition::Coalesce),
        "default" => {
            let [value, text] = arguments.as_slice() else { return Err("default takes a value and a text".to_owned()) };
            return Ok(Definition::Default(Box::new(parse(value)?), (*text).to_owned()));
        }
        "map" => translation(&arguments[1..])?,
        "choose" => FieldFunction::Choose(pairs(&arguments[1..])?),
        "prefix" => match translation(&arguments[1..])? {
            FieldFunction::Translate(pairs) => FieldFunction::Prefix(pairs),
            _ => return Err("a prefix has no `*`".to_owned()),
        },
        "hash" => match arguments.as_slice() {
            [_, name] => FieldFunction::Hash((*name).to_owned()),
            _ => return Err("hash takes a value and the name of the hash".to_owned()),
        },
        "length" => FieldFunction::Length,
        "basename" => FieldFunction::BaseName,
        "nodomain" => FieldFunction::WithoutDomain,
        "lower" => FieldFunction::Lower,
        "registry_data" => FieldFunction::RegistryData,
        "registry_type" => FieldFunction::RegistryType,
        "unmapped" => FieldFunction::WithoutMappedPrefix,
        "decimal" => FieldFunction::HexToDecimal,
        "parent" => FieldFunction::Parent,
        "root" => FieldFunction::Root,
        "first" => FieldFunction::FirstMember,
        "last" => FieldFunction::LastMember,
        "iso" => FieldFunction::IsoTime,
        other => return Err(format!("there is no function {other}")),
    };
    Ok(Definition::Apply(function, Box::new(parse(first)?)))
}

/// Splits arguments at the commas outside of parentheses.
fn split(inner: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(inner[start..].trim());
    out
}

fn pairs(arguments: &[&str]) -> Result<Vec<(String, String)>, String> {
    let pair = |argument: &&str| argument.split_once('=').map(|(from, to)| (from.to_owned(), to.to_owned()));
    arguments.iter().map(|argument| pair(argument).ok_or_else(|| format!("`{argument}` is not a translation a=b"))).collect()
}

fn translation(arguments: &[&str]) -> Result<FieldFunction, String> {
    let mut values = pairs(arguments)?;
    let otherwise = values.iter().position(|(from, _)| from == "*").map(|place| values.remove(place).1);
    Ok(match otherwise {
        Some(otherwise) => FieldFunction::TranslateElse(values, otherwise),
        None => FieldFunction::Translate(values),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_read_as_written() {
        let field = |name: &str| Definition::Field(name.to_owned());
        assert_eq!(parse("id.orig_h"), Ok(field("id.orig_h")));
        assert_eq!(parse("$host"), Ok(Definition::Envelope(EnvelopeField::Host)));
        assert_eq!(parse("text(Microsoft Windows)"), Ok(Definition::Text("Microsoft Windows".to_owned())));
        assert_eq!(
            parse("basename(parent(TargetObject))"),
            Ok(Definition::Apply(
                FieldFunction::BaseName,
                Box::new(Definition::Apply(FieldFunction::Parent, Box::new(field("TargetObject"))))
            ))
        );
        assert_eq!(
            parse("hash(coalesce(Hash, Hashes), MD5)"),
            Ok(Definition::Apply(
                FieldFunction::Hash("MD5".to_owned()),
                Box::new(Definition::Coalesce(vec![field("Hash"), field("Hashes")]))
            ))
        );
        assert_eq!(
            parse("map(Status, 0x0=success, *=failure)"),
            Ok(Definition::Apply(
                FieldFunction::TranslateElse(vec![("0x0".to_owned(), "success".to_owned())], "failure".to_owned()),
                Box::new(field("Status"))
            ))
        );
    }

    #[test]
    fn prefixes_read_as_written() {
        assert_eq!(
            parse(r"prefix(ObjectName, \REGISTRY\MACHINE\=HKLM\)"),
            Ok(Definition::Apply(
                FieldFunction::Prefix(vec![(r"\REGISTRY\MACHINE\".to_owned(), r"HKLM\".to_owned())]),
                Box::new(Definition::Field("ObjectName".to_owned()))
            ))
        );
    }

    #[test]
    fn faults_are_told() {
        for text in ["default(x)", "choose(x, y)", "prefix(x, *=y)", "", "$nothing", "nothing(x)", "lower(x", "hash(x)", "map(x, y)"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

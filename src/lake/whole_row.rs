//! Whole rows of a lake that an engine gives back, held against the catalog: what comes from elsewhere is data and not trusted.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::LakeCatalog;
use super::catalog::{LakeSourceState, LakeView};
use super::columns::{HEAD, OTHER, PARTITION, WINDOWS, WINDOWS_HEAD, head};
use super::json::RowFault;
use super::spool::{SpooledEvent, SpooledValue};

/// Where a field of a view is.
#[derive(Debug, Clone, Copy)]
struct RowField {
    /// Its place among the view's columns.
    place: usize,
    /// Whether the column has arrays; none: it is a member of [`OTHER`].
    list: Option<bool>,
}

/// Reads whole rows of one event type.
#[derive(Debug)]
pub struct WholeRows<'c> {
    place: usize,
    view: &'c LakeView,
    fields: FxHashMap<&'c str, RowField>,
    others: FxHashMap<&'c str, RowField>,
    /// Columns of other types in the same parts: always null.
    foreign: Vec<&'c str>,
    /// The sources whose events a lake has.
    complete: rustc_hash::FxHashSet<i64>,
}

/// A row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeRow {
    /// The event's number in the lake.
    pub event: i64,
    /// Its time, µs UTC.
    pub time_us: Option<i64>,
    /// Where it was met: sources and positions, its own first.
    pub places: Vec<(i64, u64)>,
    /// All of it, as [`super::load_home`] reads it.
    pub data: Vec<u8>,
}

impl<'c> WholeRows<'c> {
    /// Knows the rows of a view of a catalog; none where there is no such view.
    pub fn of(catalog: &'c LakeCatalog, name: &str) -> Option<Self> {
        let place = catalog.views.iter().position(|view| view.view == name)?;
        let view = &catalog.views[place];
        let (mut fields, mut others) = (FxHashMap::default(), FxHashMap::default());
        for (place, column) in view.columns.iter().enumerate() {
            match &column.column {
                Some(name) => fields.insert(name.as_str(), RowField { place, list: Some(column.list) }),
                None => others.insert(column.field.as_str(), RowField { place, list: None }),
            };
        }
        let beside = catalog.views.iter().filter(|other| other.folder == view.folder);
        let foreign = beside.clone().flat_map(|other| other.columns.iter().filter_map(|column| column.column.as_deref()));
        let heads = if beside.clone().any(|other| other.product == WINDOWS) { WINDOWS_HEAD.as_slice() } else { &[] };
        let foreign = foreign.chain(heads.iter().copied()).filter(|name| !fields.contains_key(name)).collect();
        let complete = catalog.sources.iter().filter(|source| source.state == LakeSourceState::Complete).map(|source| source.id).collect();
        Some(Self { place, view, fields, others, foreign, complete })
    }

    /// Reads a row: a JSON object with the columns of a part. A column that is null may be left out; so is an empty array, where an
    /// engine has no array that is null.
    ///
    /// # Errors
    /// A part of a sentence, where it is no row of the view.
    pub fn read(&self, text: &str) -> Result<WholeRow, RowFault> {
        let row: Map<String, Value> = serde_json::from_str(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
        let mut heads: [Option<&Value>; HEAD.len()] = [None; HEAD.len()];
        let (mut fields, mut other) = (Vec::new(), None);
        for (name, value) in row.iter().filter(|(_, value)| !value.is_null()) {
            match (HEAD.iter().position(|(head, _)| head == name), self.fields.get(name.as_str())) {
                (Some(place), _) => heads[place] = Some(value),
                (_, Some(field)) => fields.extend(self.value(name, *field, value)?.map(|value| (field.place, value))),
                _ if name == OTHER => other = Some(text_of(name, value)?),
                _ if name == PARTITION || (self.view.product == WINDOWS && WINDOWS_HEAD.contains(&name.as_str())) => {}
                _ if self.foreign.contains(&name.as_str()) && value.as_array().is_some_and(Vec::is_empty) => {}
                _ if self.foreign.contains(&name.as_str()) => {
                    return Err(format!("it has a value in the column `{name}`, which events of this view do not have"));
                }
                _ => return Err(format!("it has the column `{}`, which the catalog does not know", name.escape_debug())),
            }
        }
        let other: Option<Map<String, Value>> = match other {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| format!("`{OTHER}` is not a JSON object: {error}"))?),
            None => None,
        };
        for (name, value) in other.iter().flatten() {
            let field =
                self.others.get(name.as_str()).ok_or_else(|| format!("`{OTHER}` has the unknown field `{}`", name.escape_debug()))?;
            fields.extend(self.value(name, *field, value)?.map(|value| (field.place, value)));
        }
        fields.sort_by_key(|(place, _)| *place);
        self.whole(&heads, fields)
    }

    fn whole(&self, heads: &[Option<&Value>; HEAD.len()], fields: Vec<(usize, SpooledValue<'_>)>) -> Result<WholeRow, RowFault> {
        let number = |place: usize| heads[place].map(|value| whole_number(HEAD[place].0, value)).transpose();
        let text = |place: usize| heads[place].map(|value| text_of(HEAD[place].0, value)).transpose();
        let needed = |place: usize| number(place)?.ok_or_else(|| format!("it has no `{}`", HEAD[place].0));
        let name = text(head::VIEW)?.unwrap_or_default();
        if name != self.view.view {
            return Err(format!("it is of the view `{}`", name.escape_debug()));
        }
        let time_us = number(head::TIME_US)?;
        if text(head::TIME)?.is_some() != time_us.is_some() {
            return Err(format!("of `{}` and `{}` it has one", HEAD[head::TIME].0, HEAD[head::TIME_US].0));
        }
        let position = needed(head::POSITION)?;
        let position = u64::try_from(position).map_err(|_| format!("its position {position} is not one"))?;
        let own = (needed(head::SOURCE_ID)?, position);
        let also = match heads[head::ALSO] {
            Some(value) => members(HEAD[head::ALSO].0, value)?.into_iter().map(elsewhere).collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        if let Some((source, _)) = [own].iter().chain(&also).find(|(source, _)| !self.complete.contains(source)) {
            return Err(format!("it is of source {source}, which the catalog has not"));
        }
        let event = SpooledEvent {
            id: needed(head::ID)?,
            view: self.place,
            time_us,
            host: text(head::HOST)?,
            source: own.0,
            record: number(head::NUMBER)?,
            position,
            recovered: flag(heads[head::RECOVERED])?,
            identity: number(head::IDENTITY)?,
            message: text(head::MESSAGE)?,
            also: also.clone(),
            fields,
        };
        let mut data = Vec::new();
        event.write(&mut data).map_err(|error| error.to_string())?;
        Ok(WholeRow { event: event.id, time_us, places: [own].into_iter().chain(also).collect(), data })
    }

    /// The value of a field; none where it is missing.
    fn value<'v>(&self, name: &str, field: RowField, value: &'v Value) -> Result<Option<SpooledValue<'v>>, RowFault> {
        match (value, field.list) {
            (Value::String(text), Some(false) | None) => Ok(Some(SpooledValue::Text(text))),
            (Value::Array(_), Some(true) | None) => {
                let members = members(name, value)?;
                Ok(match (members.as_slice(), field.list) {
                    ([], _) => None,
                    // A text of a column that has lists too; a list has two members at least.
                    ([text], Some(true)) => Some(SpooledValue::Text(text)),
                    _ => Some(SpooledValue::List(members)),
                })
            }
            _ => Err(format!("`{}` is not of the kind that the catalog says", name.escape_debug())),
        }
    }
}

fn text_of<'v>(name: &str, value: &'v Value) -> Result<&'v str, RowFault> {
    value.as_str().ok_or_else(|| format!("`{}` is not a text", name.escape_debug()))
}

fn whole_number(name: &str, value: &Value) -> Result<i64, RowFault> {
    // Some engines write numbers of 64 bits as texts.
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| format!("`{name}` is not a whole number of 64 bits"))
}

fn flag(value: Option<&Value>) -> Result<bool, RowFault> {
    let value = value.ok_or_else(|| format!("it has no `{}`", HEAD[head::RECOVERED].0))?;
    let flag = value.as_bool().or_else(|| value.as_u64().filter(|number| *number < 2).map(|number| number == 1));
    flag.ok_or_else(|| format!("`{}` is neither true nor false", HEAD[head::RECOVERED].0))
}

fn members<'v>(name: &str, value: &'v Value) -> Result<Vec<&'v str>, RowFault> {
    let texts = value.as_array().and_then(|members| members.iter().map(Value::as_str).collect());
    texts.ok_or_else(|| format!("`{}` is not a list of texts", name.escape_debug()))
}

/// A place where else an event was met: `SOURCE:POSITION`.
fn elsewhere(text: &str) -> Result<(i64, u64), RowFault> {
    let read = text.split_once(':').and_then(|(source, position)| Some((source.parse().ok()?, position.parse().ok()?)));
    read.ok_or_else(|| format!("`{}` in `{}` is not the number of a source and a position", text.escape_debug(), HEAD[head::ALSO].0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{LakeColumn, LakeSource};
    use crate::store::Ledger;

    fn catalog() -> LakeCatalog {
        let column = |field: &str, column: Option<&str>, list| LakeColumn { field: field.into(), column: column.map(str::to_owned), list };
        let view = LakeView {
            view: "security_1".into(),
            product: "windows".into(),
            dataset: "Security".into(),
            code: "1".into(),
            folder: "type=security_1".into(),
            rare: false,
            events: 1,
            has_messages: true,
            columns: vec![column("A", Some("A"), false), column("L", Some("L"), true), column("O", None, true)],
        };
        let source = LakeSource {
            id: 3,
            path: "a.evtx".into(),
            state: LakeSourceState::Complete,
            format: "evtx".into(),
            sha256: "00".into(),
            bytes: 1,
            events: 1,
            bad: 0,
            recovered: 0,
            skipped: None,
            timezone: String::new(),
            clock: String::new(),
            reader: String::new(),
            archive: None,
            duplicate_of: None,
        };
        let mut catalog = LakeCatalog::new(vec![view], &Ledger::default());
        catalog.sources.push(source);
        catalog
    }

    fn row(more: &str) -> String {
        format!(
            r#"{{"_id":7,"_time":"2024-01-01T00:00:00Z","_time_us":1704067200000000,"_view":"security_1","_source_id":3,"_position":2,"_recovered":false{more}}}"#
        )
    }

    #[test]
    fn a_row_is_the_event_that_it_was() {
        let catalog = catalog();
        let rows = WholeRows::of(&catalog, "security_1").unwrap();
        let read = rows
            .read(&row(r#","A":"x","L":["one"],"_other":"{\"O\":[\"a\",\"b\"]}","_message":"m","_number":9,"Channel":"Security""#))
            .unwrap();
        assert_eq!((read.event, read.time_us, read.places.as_slice()), (7, Some(1_704_067_200_000_000), [(3, 2)].as_slice()));
        let event = SpooledEvent::read(&read.data).unwrap();
        let fields = [(0, SpooledValue::Text("x")), (1, SpooledValue::Text("one")), (2, SpooledValue::List(vec!["a", "b"]))];
        assert_eq!((event.fields.as_slice(), event.message, event.record, event.recovered), (fields.as_slice(), Some("m"), Some(9), false));
        // What engines write of what is missing.
        let empty = rows.read(&row(r#","A":null,"L":[],"_recovered":0,"_identity":"5""#)).unwrap();
        let event = SpooledEvent::read(&empty.data).unwrap();
        assert_eq!((event.fields.len(), event.identity), (0, Some(5)));
    }

    #[test]
    fn what_is_no_row_of_the_view_is_told() {
        let catalog = catalog();
        let rows = WholeRows::of(&catalog, "security_1").unwrap();
        for (more, expected) in [
            (r#","B":"x""#, "it has the column `B`, which the catalog does not know"),
            (r#","A":["x"]"#, "`A` is not of the kind that the catalog says"),
            (r#","L":"x""#, "`L` is not of the kind that the catalog says"),
            (r#","_other":"{\"X\":\"a\"}""#, "`_other` has the unknown field `X`"),
            (r#","_also":["4:1"]"#, "it is of source 4, which the catalog has not"),
            (r#","_also":["4"]"#, "`4` in `_also` is not the number of a source and a position"),
            (r#","_view":"other""#, "it is of the view `other`"),
            (r#","_time":null"#, "of `_time` and `_time_us` it has one"),
            (r#","_position":-1"#, "its position -1 is not one"),
            (r#","_recovered":2"#, "`_recovered` is neither true nor false"),
        ] {
            assert_eq!(rows.read(&row(more)).unwrap_err(), expected);
        }
        assert!(rows.read("[]").unwrap_err().starts_with("it is not a JSON object"));
    }
}

//! The catalog of a lake: which event types it has, and what their fields are.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::catalog::{Catalog, Column, Encoding, EventType, Storage, TypeId};
use crate::report::visible;

/// The file in a lake's folder.
const FILE: &str = "_catalog.json";
/// What it says of itself.
const FORMAT: &str = "retrohunt-lake";
const VERSION: u64 = 1;
/// A longer catalog is not read.
const BYTES_MAX: u64 = 1 << 30;

/// Reads the event types of a lake.
pub(super) fn read(folder: &Path) -> anyhow::Result<Catalog> {
    let path = folder.join(FILE);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
    let shown = visible(&path.to_string_lossy()).into_owned();
    read.with_context(|| format!("cannot read `{shown}`: a lake has its catalog there"))?;
    types_of(&text).with_context(|| format!("`{shown}` is not the catalog of a lake"))
}

fn types_of(text: &str) -> anyhow::Result<Catalog> {
    let catalog: Value = serde_json::from_str(text)?;
    if catalog["format"] != FORMAT {
        bail!("its `format` is not `{FORMAT}`");
    }
    if catalog["version"] != VERSION {
        bail!("it has version {}, and this program reads version {VERSION}", catalog["version"]);
    }
    let types = members(&catalog, "views")?.iter().zip(1..).map(|(view, id)| event_type(view, id)).collect::<anyhow::Result<_>>()?;
    Ok(Catalog { types })
}

fn event_type(view: &Value, id: u32) -> anyhow::Result<EventType> {
    let (name, folder) = (string(view, "view")?, string(view, "folder")?);
    Ok(EventType {
        id: TypeId(id),
        product: string(view, "product")?,
        dataset: string(view, "dataset")?,
        code: string(view, "code")?,
        storage: if flag(view, "rare")? { Storage::Overflow } else { Storage::Table(folder) },
        columns: members(view, "columns")?.iter().map(column).collect::<anyhow::Result<_>>().with_context(|| format!("view `{name}`"))?,
        view: name,
        has_messages: flag(view, "has_messages")?,
        events: view["events"].as_u64().unwrap_or_default(),
    })
}

fn column(column: &Value) -> anyhow::Result<Column> {
    // A field without a column of its own is a member of an object.
    let name = column["column"].as_str().unwrap_or_default().to_owned();
    Ok(Column {
        field: string(column, "field")?,
        sql_name: name.clone(),
        view_name: name,
        encoding: Encoding::Inline,
        has_lists: flag(column, "list")?,
        has_packed: false,
    })
}

fn members<'v>(value: &'v Value, name: &str) -> anyhow::Result<&'v Vec<Value>> {
    value[name].as_array().ok_or_else(|| anyhow!("`{name}` is no list"))
}

fn string(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| anyhow!("`{name}` is no text"))
}

fn flag(value: &Value, name: &str) -> anyhow::Result<bool> {
    value[name].as_bool().ok_or_else(|| anyhow!("`{name}` is neither true nor false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = r#"{"format": "retrohunt-lake", "version": 1, "views": [{"view": "sysmon_1", "product": "windows", "dataset": "d", "code": "1",
        "folder": "type=sysmon_1", "rare": false, "events": 3, "has_messages": true,
        "columns": [{"field": "type", "column": "field_type", "list": true}, {"field": "B", "column": null, "list": false}]}]}"#;

    #[test]
    fn event_types_have_the_columns_of_the_lake() {
        let types = types_of(CATALOG).unwrap().types;
        let [sysmon] = types.as_slice() else { panic!("{types:?}") };
        assert_eq!((sysmon.view.as_str(), sysmon.has_messages, sysmon.events), ("sysmon_1", true, 3));
        let columns: Vec<_> = sysmon.columns.iter().map(|c| (c.field.as_str(), c.view_name.as_str(), c.has_lists)).collect();
        assert_eq!(columns, [("type", "field_type", true), ("B", "", false)]);
    }

    #[test]
    fn what_is_no_catalog_is_refused() {
        for (from, to, expected) in [
            ("retrohunt-lake", "other", "`format`"),
            ("\"version\": 1", "\"version\": 2", "version 2"),
            ("\"list\": true", "\"list\": 1", "`list`"),
            ("\"view\": \"sysmon_1\"", "\"view\": 1", "`view`"),
            ("]}]}", "", "EOF"),
        ] {
            let error = format!("{:#}", types_of(&CATALOG.replace(from, to)).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}

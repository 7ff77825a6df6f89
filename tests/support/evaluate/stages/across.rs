//! Stages that bring rows together with tables and with other queries.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use retrohunt::ir::{
    Case, Cidr, Field, ForEach, Join, Lookup, Map, Query, Scalar, Stage, Table as LookupTable, TableMatch, Vocabulary, fill_tokens,
};

use super::super::pred::in_network;
use super::super::scalar::{Value, evaluate};
use super::super::{Row, text};
use super::summary::combinations;
use super::{ID, Table, World, is_meant, made, put, set, size};

/// The names that searches in brackets give their terms under, and `format` its text.
pub(crate) const SEARCH: &str = "search";

/// The rows of a table as a source: an empty text is a missing value.
pub(crate) fn rows_of(table: &LookupTable) -> Table {
    let row = |cells: &[Arc<str>]| {
        let cells = table.columns.iter().zip(cells).filter(|(_, text)| !text.is_empty());
        cells.map(|(name, text)| (name.clone(), Value::Text(text.to_string()))).chain([made()]).collect()
    };
    Table { columns: table.columns.clone(), rows: table.rows.iter().map(|cells| row(cells)).collect() }
}

impl Table {
    /// Columns of the table's rows that fit.
    pub(super) fn lookup(&mut self, lookup: &Lookup) {
        lookup.outputs.iter().for_each(|(_, name)| self.know(name));
        let table = &lookup.table;
        let place = |name: &String| table.columns.iter().position(|column| column == name).expect("a column of the table");
        let keys: Vec<(usize, &String)> = lookup.keys.iter().map(|(column, name)| (place(column), name)).collect();
        // Where a key is a network, the first that fits counts.
        let is_network = keys.iter().any(|(place, _)| table.matching[*place] == TableMatch::Cidr);
        let most = if is_network { 1 } else { size(table.max_matches) };
        for row in &mut self.rows {
            if lookup.only_new && lookup.outputs.iter().any(|(_, name)| row.contains_key(name)) {
                continue;
            }
            let mut found: Vec<Option<&[Arc<str>]>> = Vec::new();
            // Each combination of members is looked up by itself; of a row that lacks a key there is none.
            for members in combinations(row, keys.iter().map(|(_, name)| *name)) {
                let fits = |cells: &&[Arc<str>]| {
                    keys.iter().zip(&members).all(|((place, _), member)| cell_fits(table, *place, &cells[*place], member))
                };
                let rows: Vec<_> = table.rows.iter().map(AsRef::as_ref).filter(fits).take(most).map(Some).collect();
                let missing = if table.default_match.is_some() { size(table.min_matches).saturating_sub(rows.len()) } else { 0 };
                found.extend(rows);
                found.extend(vec![None; missing]);
            }
            if found.is_empty() {
                continue;
            }
            for (column, name) in &lookup.outputs {
                let default = table.default_match.clone().unwrap_or_default();
                let texts = found.iter().map(|cells| cells.map_or_else(|| default.clone(), |cells| cells[place(column)].to_string()));
                let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
                set(row, name, Value::of_members(&texts));
            }
        }
    }

    /// Rows with the columns of their partners.
    pub(super) fn join(&mut self, join: &Join, world: &dyn World) {
        let other = world.result(&join.query);
        let common = || self.columns.iter().filter(|name| is_meant("*", name) && other.columns.contains(name)).cloned().collect();
        let fields: Vec<String> = if join.fields.is_empty() { common() } else { join.fields.clone() };
        let key = |row: &Row| fields.iter().map(|name| row.get(name).and_then(Value::text)).collect::<Option<Vec<String>>>();
        let mut partners: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
        for row in &other.rows {
            if let Some(key) = key(row) {
                partners.entry(key).or_default().push(row);
            }
        }
        let mut rows = Vec::new();
        for row in &self.rows {
            let found = key(row).and_then(|key| partners.get(&key)).map(Vec::as_slice).unwrap_or_default();
            for partner in found.iter().take(join.max.map_or(usize::MAX, size)) {
                let mut row = row.clone();
                // Behind an aggregation of nothing is an event once it has a partner.
                if let (None, Some(id)) = (row.get(ID), partner.get(ID)) {
                    row.insert(ID.to_owned(), id.clone());
                }
                for (name, value) in partner.iter().filter(|(name, _)| *name != ID && !fields.contains(name)) {
                    if join.overwrite || !row.contains_key(name) {
                        set(&mut row, name, value.clone());
                    }
                }
                rows.push(row);
            }
            if found.is_empty() && join.left {
                rows.push(row.clone());
            }
        }
        self.rows = rows;
        other.columns.iter().for_each(|name| self.know(name));
    }

    /// For each row the rows of a query that have its values.
    pub(super) fn map(&mut self, map: &Map, world: &dyn World) {
        let other = world.result(&map.query);
        let fold = |row: &Row, name: &String| row.get(name).and_then(Value::text).map(|text| text::characters(&text, Case::Ignore));
        let same = |row: &Row, inner: &Row| {
            map.keys.iter().all(|(outer, name)| fold(row, outer).is_some_and(|text| fold(inner, name) == Some(text)))
        };
        // The event behind a row that none is behind is that of the row it stands for.
        let of = |row: &Row, inner: &Row| -> Row {
            let id = row.get(ID).filter(|_| !inner.contains_key(ID)).map(|id| (ID.to_owned(), id.clone()));
            inner.clone().into_iter().chain(id).collect()
        };
        let asked = map.tokens();
        let through = |rows: Vec<Row>, row: &Row| -> Self {
            let mut table = Self { columns: other.columns.clone(), rows };
            let value = |name: &str| row.get(name).and_then(Value::text).unwrap_or_default();
            map.each.iter().for_each(|stage| table.apply(&stage.map_texts(&|text| fill_tokens(text, &value)), world));
            table
        };
        let for_row = |row: &Row| -> Vec<Row> {
            let is_asked = map.keys.iter().map(|(outer, _)| outer).chain(&asked).all(|name| row.contains_key(name));
            let rows = || other.rows.iter().filter(|inner| same(row, inner)).cloned().collect();
            if is_asked { through(rows(), row).rows.iter().map(|inner| of(row, inner)).collect() } else { Vec::new() }
        };
        let rows: Vec<Row> = self.rows.iter().flat_map(for_row).collect();
        *self = Self { columns: through(Vec::new(), &Row::new()).columns, rows };
    }

    /// Rows behind the rows.
    pub(super) fn append(&mut self, query: &Query, world: &dyn World) {
        self.add_rows(world.result(query));
    }

    /// What stages make of the rows, behind them.
    pub(super) fn append_pipe(&mut self, stages: &[Stage], world: &dyn World) {
        let mut other = Self { columns: self.columns.clone(), rows: self.rows.clone() };
        stages.iter().for_each(|stage| other.apply(stage, world));
        self.add_rows(other);
    }

    fn add_rows(&mut self, other: Self) {
        other.columns.iter().for_each(|name| self.know(name));
        self.rows.extend(other.rows);
    }

    /// The rows as a condition in Splunk's words.
    pub(super) fn format(&mut self) {
        let alternatives: Vec<String> = self.rows.iter().filter_map(|row| self.words(row)).collect();
        let text = if alternatives.is_empty() { "NOT ( )".to_owned() } else { format!("( {} )", alternatives.join(" OR ")) };
        let id = self.rows.iter().find_map(|row| row.get(ID)).cloned();
        let mut row: Row = [(SEARCH.to_owned(), Value::Text(text))].into();
        row.extend(id.map(|id| (ID.to_owned(), id)));
        *self = Self { columns: vec![SEARCH.to_owned()], rows: vec![row] };
    }

    /// One row as `( a="1" AND b="2" )`; none where it has no values.
    fn words(&self, row: &Row) -> Option<String> {
        let quoted = |text: &String| text.replace('\\', "\\\\").replace('"', "\\\"");
        let one = |name: &String, text: &String| {
            if name == SEARCH || name == "query" { text.clone() } else { format!("{name}=\"{}\"", quoted(text)) }
        };
        let columns = self.columns.iter().filter(|name| !name.starts_with('_'));
        let terms: Vec<String> = columns
            .filter_map(|name| {
                let members = row.get(name).and_then(Value::members)?;
                let terms: Vec<String> = members.iter().map(|member| one(name, member)).collect();
                Some(if let [term] = &terms[..] { term.clone() } else { format!("( {} )", terms.join(" OR ")) })
            })
            .collect();
        (!terms.is_empty()).then(|| format!("( {} )", terms.join(" AND ")))
    }

    /// The assignments once for each column that a pattern means.
    pub(super) fn for_each(&mut self, each: &ForEach) {
        let mut meant: Vec<(String, Vec<String>)> = Vec::new();
        for pattern in &each.patterns {
            let names: std::collections::BTreeSet<String> = self.columns.iter().cloned().collect();
            for name in names.iter().filter(|name| is_meant(pattern, name)) {
                if !meant.iter().any(|(known, _)| known == name) {
                    meant.push((name.clone(), segments(pattern, name)));
                }
            }
        }
        for (name, segments) in meant {
            for (target, scalar) in &each.assignments {
                let scalar = filled_scalar(scalar, &name, &segments);
                self.put(&filled(target, &name, &segments), |row| Some(evaluate(&scalar, row)));
            }
        }
    }

    /// A null becomes the last value of its column.
    pub(super) fn fill_down(&mut self, fields: &[String]) {
        let is_filled =
            |name: &&String| if fields.is_empty() { is_meant("*", name) } else { fields.iter().any(|field| is_meant(field, name)) };
        let names: Vec<String> = self.columns.iter().filter(is_filled).cloned().collect();
        for name in names {
            let mut last = None;
            for row in &mut self.rows {
                match row.get(&name) {
                    Some(value) => last = Some(value.clone()),
                    None => put(row, &name, last.clone()),
                }
            }
        }
    }
}

/// Whether a cell of a table fits a value.
fn cell_fits(table: &LookupTable, place: usize, cell: &str, value: &str) -> bool {
    let case = if table.case_sensitive { Case::Exact } else { Case::Ignore };
    match table.matching[place] {
        _ if cell.is_empty() => false,
        TableMatch::Exact => text::characters(cell, case) == text::characters(value, case),
        TableMatch::Wildcard => text::glob_matches(&text::pattern_of(cell), value, case),
        TableMatch::Cidr => match network_of(cell) {
            Some(network) => in_network(&network, value),
            // What is no network is a text.
            None => text::characters(cell, case) == text::characters(value, case),
        },
    }
}

/// The network that a cell of a table says, or that of one address.
fn network_of(cell: &str) -> Option<Cidr> {
    let (address, prefix) = cell.split_once('/').map_or((cell, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.trim().parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.trim().parse().ok())?;
    (prefix <= width).then_some(Cidr { address, prefix })
}

/// What each `*` of a pattern took of a name, the last as much as it can.
pub(super) fn segments(pattern: &str, name: &str) -> Vec<String> {
    let Some((before, behind)) = pattern.split_once('*') else { return Vec::new() };
    let rest = &name[before.len()..];
    if !behind.contains('*') {
        return vec![rest[..rest.len() - behind.len()].to_owned()];
    }
    let length = (0..=rest.len())
        .filter(|length| rest.is_char_boundary(*length))
        .find(|length| text::glob_matches(&text::pattern_of(behind), &rest[*length..], Case::Exact))
        .expect("the pattern means the name");
    [vec![rest[..length].to_owned()], segments(behind, &rest[length..])].concat()
}

fn filled(text: &str, name: &str, segments: &[String]) -> String {
    // A name without `*` is matched as a whole.
    let first = segments.first().map_or(name, String::as_str);
    let whole = text.replace("<<FIELD>>", name).replace("<<MATCHSTR>>", first);
    (1..).zip(segments).fold(whole, |text, (number, segment)| text.replace(&format!("<<MATCHSEG{number}>>"), segment))
}

fn filled_scalar(scalar: &Scalar, name: &str, segments: &[String]) -> Scalar {
    fn texts(scalar: &mut Scalar, fill: &dyn Fn(&str) -> String) {
        match scalar {
            Scalar::Text(text) => *text = fill(text),
            Scalar::Call(_, parts) | Scalar::And(parts) | Scalar::Or(parts) => parts.iter_mut().for_each(|part| texts(part, fill)),
            Scalar::Binary(_, left, right) => {
                texts(left, fill);
                texts(right, fill);
            }
            Scalar::Negate(inner) | Scalar::Not(inner) => texts(inner, fill),
            Scalar::Null | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Field(_) => {}
        }
    }
    let fill = |text: &str| filled(text, name, segments);
    let mut out = scalar.map_fields(&|field| Field { name: fill(&field.name), vocabulary: Vocabulary::Row });
    texts(&mut out, &fill);
    out
}

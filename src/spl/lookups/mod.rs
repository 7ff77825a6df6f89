//! Lookups: the tables that searches may name, found by name and read when a search asks for them.
//!
//! There are two places: what the analyst gives, and what stands beside the rules. Definitions (ESCU's YAML, stanzas of
//! `transforms.conf`) say how a table is compared; CSV files are what is in it. The analyst's win, a definition over a
//! definition and a file over a file: a list of one's own takes the place of a shipped one and is compared as that one says.
//!
//! Files are read by a function of the caller: this module opens none itself. A table is read once, and all searches that
//! name it share it.

mod command;
mod definition;
mod table;
mod uses;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub(super) use command::{input_lookup, input_rows, lookup, output_lookup};
use definition::{Content, LookupDefinition};
pub(super) use uses::LookupUses;

use super::builtin;
use crate::diag::{Diagnostic, SourceText};
use crate::event::hex;
use crate::ir::Table;

/// Reads a file as text.
pub type ReadLookup = dyn Fn(&Path) -> Result<Arc<SourceText>, Box<dyn std::error::Error + Send + Sync>>;

/// The caller's function.
#[derive(Clone)]
struct LookupReader(Rc<ReadLookup>);

impl std::fmt::Debug for LookupReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookupReader")
    }
}

/// The lookups of one place.
#[derive(Debug, Clone, Default)]
pub struct LookupPlace {
    /// By name.
    definitions: BTreeMap<String, LookupDefinition>,
    /// CSV files by their names.
    files: BTreeMap<String, PathBuf>,
}

impl LookupPlace {
    /// Adds a CSV file: a lookup by its name with and without `.csv`, and what definitions find under that name. Of two
    /// files with one name the first stays.
    pub fn add_table(&mut self, path: &Path) {
        if let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) {
            self.files.entry(name).or_insert_with(|| path.to_owned());
        }
    }

    /// Adds the definitions of a YAML file.
    pub fn add_yaml(&mut self, source: &Arc<SourceText>) -> Vec<Diagnostic> {
        let (definitions, diagnostics) = definition::of_yaml(source);
        self.add(definitions);
        diagnostics
    }

    /// Adds the stanzas of a `transforms.conf` that define lookups.
    pub fn add_transforms(&mut self, source: &Arc<SourceText>) -> Vec<Diagnostic> {
        let (definitions, diagnostics) = definition::of_transforms(source);
        self.add(definitions);
        diagnostics
    }

    fn add(&mut self, definitions: Vec<LookupDefinition>) {
        definitions.into_iter().for_each(|definition| {
            self.definitions.insert(definition.name.clone(), definition);
        });
    }

    /// The file of a name, which may lack `.csv`.
    fn file(&self, name: &str) -> Option<&PathBuf> {
        self.files.get(name).or_else(|| self.files.get(&format!("{name}.csv")))
    }
}

/// All lookups that a search may name.
#[derive(Debug, Clone)]
pub struct Lookups {
    /// The analyst's, then those beside the rules.
    places: [LookupPlace; 2],
    read: LookupReader,
    /// What was read already, by the lookup's name.
    tables: RefCell<BTreeMap<String, Result<ReadTable, Unusable>>>,
}

/// A table that was read.
#[derive(Debug, Clone)]
struct ReadTable {
    table: Arc<Table>,
    /// SHA-256 of its content and definition, hex.
    hash: Arc<str>,
    /// The analyst gave it.
    is_given: bool,
}

/// Why a lookup cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unusable {
    /// Nothing defines it, or its file is not there: with the reason, where one is known.
    Absent(Option<String>),
    /// A collection that is filled while Splunk runs.
    Empty,
    /// A feature that is not supported.
    Unsupported(String),
    /// Its file cannot be read.
    Unreadable(String),
}

impl Lookups {
    /// The lookups that an analyst gives and those beside the rules, with a way to read their files.
    pub fn new(
        given: LookupPlace,
        beside: LookupPlace,
        read: impl Fn(&Path) -> Result<Arc<SourceText>, Box<dyn std::error::Error + Send + Sync>> + 'static,
    ) -> Self {
        Self { places: [given, beside], read: LookupReader(Rc::new(read)), tables: RefCell::default() }
    }

    /// The names of all lookups, for a hint.
    fn names(&self) -> Vec<&str> {
        let defined = self.places.iter().flat_map(|place| place.definitions.keys());
        let files = self.places.iter().flat_map(|place| place.files.keys());
        let files = files.flat_map(|name| [name.as_str(), name.strip_suffix(".csv").unwrap_or(name)]);
        defined.map(String::as_str).chain(files).collect()
    }

    /// The table of a name.
    fn table(&self, name: &str) -> Result<ReadTable, Unusable> {
        if let Some(known) = self.tables.borrow().get(name) {
            return known.clone();
        }
        let table = self.read(name);
        self.tables.borrow_mut().insert(name.to_owned(), table.clone());
        table
    }

    fn read(&self, name: &str) -> Result<ReadTable, Unusable> {
        let definition = self.places.iter().find_map(|place| place.definitions.get(name));
        let (content, is_given) = self.content(name, definition);
        let plain = LookupDefinition::plain(name);
        let definition = definition.unwrap_or(&plain);
        if let Some(feature) = &definition.unsupported {
            return Err(Unusable::Unsupported(feature.clone()));
        }
        let Some(path) = content else { return Err(definition.without_file()) };
        let unreadable = |reason: String| Unusable::Unreadable(format!("`{}`: {reason}", path.display()));
        let source = (self.read.0)(path).map_err(|error| unreadable(error.to_string()))?;
        let content = table::read(&source.text).map_err(|fault| match fault.line {
            Some(line) => unreadable(format!("line {line}: {}", fault.message)),
            None => unreadable(fault.message),
        })?;
        let table = definition.table(content);
        let mut hasher = Sha256::new();
        hasher.update(source.text.as_bytes());
        hasher.update(definition.text().as_bytes());
        Ok(ReadTable { table: Arc::new(table), hash: hex(&hasher.finalize()).into(), is_given })
    }

    /// The file with what is in a lookup, and whether the analyst gave it.
    fn content(&self, name: &str, definition: Option<&LookupDefinition>) -> (Option<&PathBuf>, bool) {
        // The analyst's files under any name that the lookup has, before the shipped one under the name that it says itself.
        let mut names: Vec<&str> = Vec::new();
        match definition.map(|definition| &definition.content) {
            Some(Content::File(file)) => names.extend([file.as_str(), name]),
            Some(Content::Collection(collection)) => names.extend([name, collection.as_str()]),
            Some(Content::Model | Content::Program(_)) | None => names.push(name),
        }
        let found = (0..).zip(&self.places).find_map(|(at, place)| Some((names.iter().find_map(|name| place.file(name))?, at == 0)));
        (found.map(|(path, _)| path), found.is_some_and(|(_, is_given)| is_given))
    }
}

/// Where a lookup comes from that no collection of rules can hold.
fn builtin_reason(name: &str) -> Option<&'static str> {
    builtin::LOOKUPS.iter().find(|(known, _)| known == &name).map(|(_, reason)| *reason)
}

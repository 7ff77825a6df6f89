//! What Splunk searches may name, from files: macros and lookups beside or above a rule, and the analyst's own.
//!
//! Splunk's collection has folders `macros` and `lookups` beside the one with its detections. The nearest of each counts.
//! What the analyst gives is read once a run, each folder too; a table only when a rule names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::files::{Files, PathKind};
use super::{MAX_RULE_BYTES, has_rule_extension, unreadable};
use crate::diag::Diagnostic;
use crate::spl::{Knowledge, LookupPlace, Lookups, Macros};

/// A larger file is not a lookup: Splunk itself keeps tables of more than 25 MB apart. It bounds what a table takes in memory.
const MAX_LOOKUP_BYTES: u64 = 64 * 1024 * 1024;

/// How many folders up `macros` and `lookups` are looked for. Splunk's collection has them two or three levels up; eight keep
/// a rule in a home folder from taking those of something else near the root.
const FOLDERS_UP: usize = 8;

/// What holds for the rules of the folders met so far.
pub(super) struct KnowledgeCache<'a> {
    files: Rc<Files>,
    given_macros: &'a [PathBuf],
    given_lookups: &'a [PathBuf],
    given: Option<LookupPlace>,
    macros: BTreeMap<Option<PathBuf>, Macros>,
    lookups: BTreeMap<Option<PathBuf>, Lookups>,
}

impl<'a> KnowledgeCache<'a> {
    pub(super) fn new(macros: &'a [PathBuf], lookups: &'a [PathBuf], files: Rc<Files>) -> Self {
        Self { files, given_macros: macros, given_lookups: lookups, given: None, macros: BTreeMap::new(), lookups: BTreeMap::new() }
    }

    /// What a rule may name; one without a file has the analyst's and what is built in.
    pub(super) fn of(&mut self, rule: Option<&Path>, diagnostics: &mut Vec<Diagnostic>) -> Knowledge<'_> {
        let folder = |name| rule.and_then(|rule| folder(rule, name, &self.files));
        let (macros, lookups) = (folder("macros"), folder("lookups"));
        if !self.macros.contains_key(&macros) {
            let mut read = Macros::builtin();
            macros.iter().chain(self.given_macros).for_each(|path| self.files.read_macros(path, &mut read, diagnostics));
            self.macros.insert(macros.clone(), read);
        }
        if !self.lookups.contains_key(&lookups) {
            let paths = self.given_lookups;
            let given = self.given.get_or_insert_with(|| self.files.place(paths, diagnostics)).clone();
            let beside = self.files.place(lookups.as_slice(), diagnostics);
            let files = self.files.clone();
            let read_table = move |path: &Path| Ok(files.source(path, MAX_LOOKUP_BYTES)?);
            self.lookups.insert(lookups.clone(), Lookups::new(given, beside, read_table));
        }
        Knowledge { macros: &self.macros[&macros], lookups: Some(&self.lookups[&lookups]) }
    }
}

/// The nearest folder of a name beside or above a rule.
fn folder(rule: &Path, name: &str, files: &Files) -> Option<PathBuf> {
    let absolute = files.canonical(rule)?;
    let mut folders = absolute.ancestors().skip(1).take(FOLDERS_UP).map(|folder| folder.join(name));
    folders.find(|folder| files.kind(folder) == PathKind::Folder)
}

impl Files {
    /// The files of a path in the order of their names, so that the same folder gives the same on every system.
    fn under(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let entries = self.walk(path).into_iter().filter_map(Result::ok);
        entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
    }

    fn read_macros(&self, path: &Path, macros: &mut Macros, diagnostics: &mut Vec<Diagnostic>) {
        for file in self.under(path).filter(|file| has_rule_extension(file) || has_extension(file, "conf")) {
            match self.source(&file, MAX_RULE_BYTES) {
                Ok(source) if has_extension(&file, "conf") => diagnostics.extend(macros.add_conf(&source)),
                Ok(source) => diagnostics.extend(macros.add_file(&source)),
                Err(reason) => diagnostics.push(unreadable(&file, &reason)),
            }
        }
    }

    /// The lookups of files and folders; of two definitions of one name the last counts.
    fn place(&self, paths: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> LookupPlace {
        let mut place = LookupPlace::default();
        for path in paths {
            let is_file = self.kind(path) == PathKind::File;
            for file in self.under(path) {
                self.add(&file, &mut place, diagnostics);
            }
            // The table of one definition that was given stands beside it.
            if let Some(folder) = path.parent().filter(|_| is_file && !has_extension(path, "csv")) {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                self.tables_of(folder, &mut place);
            }
        }
        place
    }

    fn add(&self, file: &Path, place: &mut LookupPlace, diagnostics: &mut Vec<Diagnostic>) {
        let is_transforms = has_extension(file, "conf");
        if has_extension(file, "csv") {
            return place.add_table(file);
        }
        if !is_transforms && !has_extension(file, "yml") && !has_extension(file, "yaml") {
            return;
        }
        match self.source(file, MAX_RULE_BYTES) {
            Ok(source) if is_transforms => {
                diagnostics.extend(place.add_transforms(&source));
                // An app has its tables in the folder beside the one with its settings.
                if let Some(app) = file.parent().and_then(Path::parent) {
                    self.tables_of(&app.join("lookups"), place);
                }
            }
            Ok(source) => diagnostics.extend(place.add_yaml(&source)),
            Err(reason) => diagnostics.push(unreadable(file, &reason)),
        }
    }

    /// Adds the tables of a folder, not of those in it.
    fn tables_of(&self, folder: &Path, place: &mut LookupPlace) {
        let entries = self.list(folder).into_iter().filter_map(Result::ok);
        entries.filter(|entry| has_extension(entry.path(), "csv")).for_each(|entry| place.add_table(entry.path()));
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
}

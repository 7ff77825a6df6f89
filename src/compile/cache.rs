//! The cache of rules: rule files are compiled once, and read again only where they changed.
//!
//! A set of rules is kept in a file of its own (`kept` has its form). Its name is made of the paths that were asked for and of the
//! options; what is in it is used only where this very build made it and all files and folders that compiling asked for are as they
//! were (`files`). So what a command says and does is the same with and without a cache.
//!
//! **Why it lies with the user and not beside the store.** A store is evidence: it is copied, handed over and opened by others. Compiled
//! rules that came with it would be used in place of the reader's own, and could leave out whatever their maker wanted. They cannot be told
//! from honest ones without compiling. So the cache stays in a folder of the user, a file that others may read or
//! write is not used, and what a damaged file holds is made anew.
//!
//! Everything here may fail without a word: without a cache a command is slower and nothing else.

use std::fs::{File, Metadata};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::NamedTempFile;

use super::files::{Compared, FileTime, Files, compare};
use super::kept::{self, Front, KeptBody, Messages};
use super::{CompileOptions, RuleSet, load_from, load_rules};
use crate::event::hex;
use crate::fingerprint::fingerprint;

/// Sets of fewer files are compiled each time: that costs less than what is kept of them.
const MIN_FILES: usize = 24;
/// Sets that are kept; of more the oldest go. A set of all public rules has some 30 MB.
const MAX_SETS: usize = 12;
/// How the names of files begin. The folder may have files of others, and only what is the cache's own may be removed.
const PREFIX: &str = "retrohunt-";
/// How the name of a kept set ends, and of one that is being written.
const ENDS: [&str; 2] = [".rules", ".rules.new"];
/// An unfinished file of this age belongs to a command that was killed.
const LOST_AFTER: Duration = Duration::from_secs(3600);

/// A folder that keeps compiled rules between commands. It may be deleted at any time.
#[derive(Debug, Clone)]
pub struct RuleCache {
    folder: PathBuf,
}

/// Rules that are compiled, or were: what there is to say of them is here, they themselves come when they are asked for.
#[derive(Debug)]
pub struct CachedRules {
    messages: Messages,
    body: RuleBody,
    paths: Vec<PathBuf>,
    options: CompileOptions,
}

#[derive(Debug)]
enum RuleBody {
    Kept(KeptBody),
    /// With its key, where it was written.
    Compiled(Box<RuleSet>, Option<[u8; 16]>),
}

impl CachedRules {
    /// A set that was compiled without a cache.
    pub fn of(set: RuleSet) -> Self {
        Self {
            messages: Messages::of(&set),
            body: RuleBody::Compiled(Box::new(set), None),
            paths: Vec::new(),
            options: CompileOptions::default(),
        }
    }

    /// Equal for sets that are equal in everything: rules, diagnostics, paths, order. It costs a pass over a set that is not kept,
    /// and nothing where it is.
    pub fn key(&self) -> [u8; 16] {
        match &self.body {
            RuleBody::Kept(body) => body.key(),
            RuleBody::Compiled(_, Some(key)) => *key,
            RuleBody::Compiled(set, None) => kept::key(&kept::checksum(&kept::encode(set))),
        }
    }

    /// What there is to say of the set: all its diagnostics and counts. It has no rules and no correlations, and only
    /// those documents in whose files there is something to be said.
    pub fn messages(&self) -> &RuleSet {
        &self.messages.said
    }

    /// [`Self::messages`] alone, where the rules are not needed.
    pub fn into_messages(self) -> RuleSet {
        self.messages.said
    }

    /// The number of all rule documents, compiled or not.
    pub fn documents(&self) -> usize {
        self.messages.documents
    }

    /// The number of rules and correlations that make findings.
    pub fn reporting(&self) -> usize {
        self.messages.reporting
    }

    /// Whether the rules need not be compiled.
    pub fn is_kept(&self) -> bool {
        matches!(self.body, RuleBody::Kept(_))
    }

    /// The set. Where what was kept of it is damaged it is compiled after all.
    pub fn rules(self) -> RuleSet {
        match self.body {
            RuleBody::Compiled(set, _) => *set,
            RuleBody::Kept(mut body) => {
                let read = body.read().and_then(|bytes| kept::decode(&bytes));
                read.unwrap_or_else(|| load_rules(&self.paths, &self.options))
            }
        }
    }
}

/// Compiles every rule in the files and folders as [`load_rules`] does, or takes what a cache has of them.
pub fn load_cached(paths: &[PathBuf], options: &CompileOptions, cache: Option<&RuleCache>) -> CachedRules {
    let place = cache.and_then(|cache| cache.place(paths, options));
    let found = place.as_ref().and_then(|place| place.read());
    if let Some((messages, body)) = found {
        return CachedRules { messages, body: RuleBody::Kept(body), paths: paths.to_vec(), options: options.clone() };
    }
    // Begun before the first file is read: its time tells which files were changed too late to be sure of.
    let draft = place.filter(|_| paths.iter().any(|path| path.is_dir())).and_then(DraftSet::begin);
    let Some(draft) = draft else { return CachedRules::of(load_rules(paths, options)) };
    let files = Rc::new(Files::keeping());
    let set = load_from(paths, options, &files);
    let answers = files.answers();
    let mut cached = CachedRules::of(set);
    if answers.iter().filter(|answer| answer.is_text()).count() >= MIN_FILES
        && let RuleBody::Compiled(set, key) = &mut cached.body
    {
        let body = kept::encode(set);
        *key = Some(kept::key(&kept::checksum(&body)));
        let front = Front { answers, noted: draft.noted, messages: Messages::of(set) };
        draft.keep(&front, &body);
    }
    cached
}

impl RuleCache {
    /// A cache in this folder, which is made when there is something to keep.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where a set is kept.
    fn place(&self, paths: &[PathBuf], options: &CompileOptions) -> Option<SetPlace> {
        // As the user names them, because messages do so too; and from the root, because the same name may be another file elsewhere.
        let named = |paths: &[PathBuf]| -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
            let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
            paths.iter().map(|path| Some((bytes(path), bytes(&std::path::absolute(path).ok()?)))).collect()
        };
        let sigma = &options.sigma;
        let of_sigma = (&sigma.placeholders, sigma.pipelines.identity(), sigma.validate);
        let name = fingerprint(&(named(paths)?, named(&options.macros)?, named(&options.lookups)?, of_sigma));
        Some(SetPlace { folder: self.folder.clone(), file: self.folder.join(format!("{PREFIX}{}{}", hex(&name), ENDS[0])) })
    }
}

/// Where one set is kept.
struct SetPlace {
    folder: PathBuf,
    file: PathBuf,
}

impl SetPlace {
    /// What is kept, where it is this build's and still true.
    fn read(&self) -> Option<(Messages, KeptBody)> {
        let (front, body) = self.open()?;
        match compare(&front.answers, front.noted) {
            Compared::Same => Some((front.messages, body)),
            Compared::Touched(_) => Some(self.noted_anew(front, body)),
            Compared::Different => None,
        }
    }

    fn open(&self) -> Option<(Front, KeptBody)> {
        let file = File::open(&self.file).ok()?;
        if !is_private(&file.metadata().ok()?) {
            return None;
        }
        kept::read(file)
    }

    /// Notes the states that files have now, so that the next command need not read them.
    fn noted_anew(&self, mut front: Front, mut body: KeptBody) -> (Messages, KeptBody) {
        if let (Some(draft), Some(bytes)) = (DraftSet::begin(Self { folder: self.folder.clone(), file: self.file.clone() }), body.read())
            // Asked again, because the states must be younger than the draft.
            && let Compared::Touched(answers) = compare(&front.answers, front.noted)
        {
            front.answers = answers;
            front.noted = draft.noted;
            draft.keep(&front, &bytes);
        }
        (front.messages, body)
    }
}

/// A set that is being made.
struct DraftSet {
    place: SetPlace,
    file: NamedTempFile,
    noted: FileTime,
}

impl DraftSet {
    fn begin(place: SetPlace) -> Option<Self> {
        make_folder(&place.folder)?;
        // Nobody else may read or write it: that is what the crate does by itself.
        let file = tempfile::Builder::new().prefix(PREFIX).suffix(ENDS[1]).tempfile_in(&place.folder).ok()?;
        let noted = time(&file.as_file().metadata().ok()?)?;
        Some(Self { place, file, noted })
    }

    /// Puts the set in its place. Who reads at the same time reads the old one or the new one.
    fn keep(mut self, front: &Front, body: &[u8]) {
        let mut out = BufWriter::new(&mut self.file);
        let written = kept::write(&mut out, front, body).and_then(|()| out.flush());
        drop(out);
        if written.is_ok() && self.file.persist(&self.place.file).is_ok() {
            prune(&self.place);
        }
    }
}

/// Removes the oldest sets where there are too many, and what killed commands left.
fn prune(new: &SetPlace) {
    let Ok(entries) = std::fs::read_dir(&new.folder) else { return };
    let Some(now) = std::fs::metadata(&new.file).and_then(|m| m.modified()).ok() else { return };
    let mut sets: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let (path, modified) = (entry.path(), entry.metadata().and_then(|m| m.modified()));
        let (Some(name), Ok(modified)) = (path.file_name().and_then(|name| name.to_str()), modified) else { continue };
        if !name.starts_with(PREFIX) {
            continue;
        }
        if name.ends_with(ENDS[0]) {
            sets.push((modified, path));
        } else if name.ends_with(ENDS[1]) && now.duration_since(modified).is_ok_and(|age| age > LOST_AFTER) {
            std::fs::remove_file(&path).ok();
        }
    }
    sets.sort();
    for (_, path) in sets.iter().rev().skip(MAX_SETS) {
        std::fs::remove_file(path).ok();
    }
}

fn time(metadata: &Metadata) -> Option<FileTime> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((i64::try_from(since.as_secs()).ok()?, i64::from(since.subsec_nanos())))
}

/// Makes the folder for its user alone.
#[cfg(unix)]
fn make_folder(folder: &Path) -> Option<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> Option<()> {
    std::fs::create_dir_all(folder).ok()
}

/// Whether only its user can read and write a file. Who reads it is then the user that made it.
#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file() && metadata.mode() & 0o077 == 0
}

/// Elsewhere the folders of a user are private.
#[cfg(not(unix))]
fn is_private(metadata: &Metadata) -> bool {
    metadata.is_file()
}

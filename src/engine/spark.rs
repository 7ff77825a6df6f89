//! Spark, through Spark Connect: its executors run this program's own matcher over the lake's files.
//!
//! The program, the rules and the event types travel as artifacts of a session. One query takes the rows of many units as JSON, hands them
//! to `match` (`TRANSFORM … USING`) and gives back rules, rows and how many rows were judged: no row is read twice, and none is missed
//! without being told. Rows wait in a temporary file until they are asked for. A lost executor is Spark's to repeat; a lost server is met
//! with one new session.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use rustc_hash::FxHashMap;
use spark_connect::SparkSession;
use tempfile::TempDir;

use super::spark_answer::SparkAnswers;
use super::unit::LakeUnit;
use super::{EngineError, LakeEngine, TakeMatch, TakeRow, UnitRules};
use crate::cancel::Cancel;
use crate::lake::{LakeCatalog, LakePart, LakeView, judged_counts};
use crate::sql::{SparkPart, spark_count, spark_transform};
use crate::store::LakeUnitId;

/// Events that one query reads, where it reads several units; and files.
const GROUP_EVENTS: u64 = 1_000_000;
const GROUP_PARTS: usize = 60;
/// Events of a task that reads several units, and the fewest tasks of such a query.
const TASK_EVENTS: u64 = 50_000;
const TASKS_MIN: u64 = 4;
/// What is shown of an error.
const REASON_CHARS: usize = 600;
/// Between two looks whether the work shall stop, and whether the server is there.
const PAUSE: Duration = Duration::from_millis(500);
/// For a server that does not take a connection; how often it may not, one after the other; where it is, unless the address says.
const CONNECT: Duration = Duration::from_secs(2);
const AWAY_MAX: u32 = 10;
const PORT: u16 = 15_002;
/// Lines that are handed on at once, and such handfuls that wait.
const LINES: usize = 512;
const LINES_AHEAD: usize = 16;
/// The names of artifacts.
const WORKER: &str = "retrohunt";
const RULES: &str = "rules";
const CATALOG: &str = "catalog";

/// Where a lake is, and how Spark is reached.
#[derive(Clone)]
pub struct SparkPlace {
    /// `sc://HOST:PORT`, perhaps with parameters behind `/;`.
    pub address: String,
    /// A token for it.
    pub token: Option<String>,
    /// The folder with the lake's files, as Spark's executors name it.
    pub lake: String,
    /// The program that executors run.
    pub worker: PathBuf,
    /// How queries are called, so that they can be stopped.
    pub tag: String,
    /// The command of executors, for a shell: from where the program, the rules and the catalog are there. It reads rows as
    /// [`crate::lake::RowLines`] does, and writes rules by their numbers, rows and [`crate::lake::judged_line`].
    pub command: fn([&str; 3]) -> String,
}

/// A lake that Spark reads.
pub struct SparkLake<'a> {
    place: SparkPlace,
    lake: &'a LakeCatalog,
    /// Packed rules.
    rules: &'a [u8],
    cancel: Cancel,
    session: Option<SparkSession>,
    answers_of: Option<Arc<SparkAnswers>>,
    /// Whether a server was lost and met with a new session.
    was_lost: bool,
    /// Units that will be asked, in that order.
    expected: Vec<LakeUnit>,
    /// Units that must be asked alone: with others, they had no answer.
    alone: Vec<LakeUnitId>,
    answers: BTreeMap<LakeUnitId, UnitAnswer>,
    rows: RowSpool,
}

/// What was said of a unit.
#[derive(Debug, Default)]
struct UnitAnswer {
    /// Events and rules.
    matches: Vec<(i64, usize)>,
    /// Rows that were judged.
    judged: u64,
}

impl<'a> SparkLake<'a> {
    /// Knows where it is. `rules` are packed ([`crate::compile::pack`]). A wish to stop also stops the query that runs.
    ///
    /// # Errors
    /// When there is no room for a temporary file.
    pub fn new(place: SparkPlace, lake: &'a LakeCatalog, rules: &'a [u8], cancel: Cancel) -> Result<Self, EngineError> {
        let rows = RowSpool::new().map_err(|error| EngineError::Home(format!("cannot make a temporary file: {error}")))?;
        Ok(Self {
            place,
            lake,
            rules,
            cancel,
            session: None,
            answers_of: None,
            was_lost: false,
            expected: Vec::new(),
            alone: Vec::new(),
            answers: BTreeMap::new(),
            rows,
        })
    }

    fn connect(&self) -> Result<(SparkSession, SparkAnswers), EngineError> {
        let (address, separator) = (&self.place.address, if self.place.address.contains("/;") { ";" } else { "/;" });
        let url = self.place.token.as_ref().map_or_else(|| address.clone(), |token| format!("{address}{separator}token={token}"));
        let unreachable = |error: spark_connect::SparkError| EngineError::Unreachable {
            address: address.clone(),
            reason: self.shown(&error.to_string()),
        };
        if !self.is_there() {
            return Err(EngineError::Unreachable { address: address.clone(), reason: "nobody takes a connection there".to_owned() });
        }
        let session = SparkSession::builder().remote(&url).get_or_create().map_err(unreachable)?;
        let settings =
            [("spark.sql.caseSensitive", "true"), ("spark.sql.session.timeZone", "UTC"), ("spark.sql.files.ignoreCorruptFiles", "false")];
        for (name, value) in settings {
            session.conf().set(name, value).map_err(unreachable)?;
        }
        let id = session.session_id();
        let folder = self.artifacts(id).map_err(|error| EngineError::Home(format!("cannot send the program to executors: {error}")))?;
        for name in [WORKER, RULES, CATALOG] {
            let path = folder.path().join(artifact(name, id));
            session.add_artifact(&path.to_string_lossy()).map_err(|error| EngineError::Refused(self.shown(&error.to_string())))?;
        }
        session.add_tag(&self.place.tag).map_err(unreachable)?;
        let answers = SparkAnswers::new(&url, id, &self.place.tag).map_err(unreachable)?;
        Ok((session, answers))
    }

    /// The files that travel.
    fn artifacts(&self, session: &str) -> io::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        let place = |name| folder.path().join(artifact(name, session));
        fs::copy(&self.place.worker, place(WORKER))?;
        fs::write(place(RULES), self.rules)?;
        fs::write(place(CATALOG), self.lake.views_json())?;
        Ok(folder)
    }

    fn session(&mut self) -> Result<&SparkSession, EngineError> {
        if self.session.is_none() {
            let (session, answers) = self.connect()?;
            (self.session, self.answers_of) = (Some(session), Some(Arc::new(answers)));
        }
        Ok(self.session.as_ref().expect("it was made"))
    }

    /// Runs a statement and passes pairs of texts on. A server that was lost is met with a new session, once.
    fn each_pair(
        &mut self,
        sql: &dyn Fn(&str) -> String,
        visit: &mut dyn FnMut(Option<&str>, Option<&str>) -> Result<(), EngineError>,
        reset: &mut dyn FnMut(),
    ) -> Result<(), EngineError> {
        match self.try_pairs(sql, visit) {
            Err(error) if self.session.is_none() && !std::mem::replace(&mut self.was_lost, true) && !self.cancel.is_cancelled() => {
                drop(error);
                reset();
                self.try_pairs(sql, visit)
            }
            done => done,
        }
    }

    fn try_pairs(
        &mut self,
        sql: &dyn Fn(&str) -> String,
        visit: &mut dyn FnMut(Option<&str>, Option<&str>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let session = self.session()?.clone();
        let sql = sql(session.session_id());
        let (send, lines) = sync_channel(LINES_AHEAD);
        let own = self.answers_of.clone().expect("it was made with the session");
        // On a thread of its own, which is left behind where the server is gone: the client tries that for a quarter of an hour.
        std::thread::spawn(move || {
            let done = pairs(&own, &sql, &send);
            send.send(SparkSays::End(done)).ok();
        });
        let mut away = 0;
        loop {
            match lines.recv_timeout(PAUSE) {
                Ok(SparkSays::Lines(lines)) => {
                    away = 0;
                    lines.iter().try_for_each(|(id, text)| visit(id.as_deref(), text.as_deref()))?;
                }
                Ok(SparkSays::End(Ok(()))) => return Ok(()),
                Ok(SparkSays::End(Err(error))) => {
                    // What was registered with a server that is gone is gone too.
                    if ["transport error", "Connection refused", "SESSION_"].iter().any(|sign| error.contains(sign)) {
                        self.session = None;
                    }
                    return Err(EngineError::Refused(self.shown(&error)));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(EngineError::Answer("its end is missing".to_owned())),
                Err(RecvTimeoutError::Timeout) => {
                    if self.cancel.is_cancelled() {
                        session.interrupt_tag(&self.place.tag).ok();
                        return Err(EngineError::Stopped);
                    }
                    away = if self.is_there() { 0 } else { away + 1 };
                    if away >= AWAY_MAX {
                        self.session = None;
                        let reason = "the server went away".to_owned();
                        return Err(EngineError::Unreachable { address: self.place.address.clone(), reason });
                    }
                }
            }
        }
    }

    /// Whether the server takes connections.
    fn is_there(&self) -> bool {
        let rest = self.place.address.trim_start_matches("sc://");
        let host = rest.split(['/', ';']).next().unwrap_or(rest);
        let host = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:{PORT}")
        };
        let addresses = host.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        addresses.iter().any(|address| TcpStream::connect_timeout(address, CONNECT).is_ok())
    }

    /// The units that are asked together with one: those behind it, as long as they are small.
    fn group(&self, unit: &LakeUnit) -> Vec<LakeUnit> {
        let own = self.expected.iter().position(|expected| expected.id == unit.id);
        let is_apart = |unit: &LakeUnit| self.alone.contains(&unit.id) || unit.range() != (None, None);
        let Some(own) = own.filter(|_| !is_apart(unit)) else { return vec![unit.clone()] };
        let (mut events, mut parts, mut group) = (0, 0, Vec::new());
        for other in self.expected[own..].iter().filter(|other| !is_apart(other)) {
            let Some(view) = self.view(&other.id.view) else { continue };
            events += view.events;
            parts += self.lake.parts_of(&view.folder).count();
            if !group.is_empty() && (events > GROUP_EVENTS || parts > GROUP_PARTS) {
                break;
            }
            group.push(other.clone());
        }
        group
    }

    fn view(&self, name: &str) -> Option<&'a LakeView> {
        self.lake.views.iter().find(|view| view.view == name)
    }

    fn address_of(&self, part: &LakePart) -> String {
        format!("{}/{}", self.place.lake.trim_end_matches('/'), part.path)
    }

    /// Asks units together.
    fn ask(&mut self, group: &[LakeUnit]) -> Result<(), EngineError> {
        let mut parts: Vec<(String, usize, &LakeUnit, Option<&str>)> = Vec::new();
        for (mark, unit) in group.iter().enumerate() {
            let view = self.view(&unit.id.view).ok_or_else(|| EngineError::Answer("it is of no view".to_owned()))?;
            for part in self.lake.parts_of(&view.folder) {
                parts.push((self.address_of(part), mark, unit, view.rare.then_some(view.view.as_str())));
            }
        }
        let parts: Vec<SparkPart<'_>> =
            parts.iter().map(|(path, mark, unit, view)| SparkPart { path, mark: *mark, range: unit.range(), view: *view }).collect();
        let command_of = self.place.command;
        // One unit alone may be large: it is cut as the engine sees fit.
        let events: u64 = group.iter().filter_map(|unit| Some(self.view(&unit.id.view)?.events)).sum();
        let tasks = (group.len() > 1).then(|| events.div_ceil(TASK_EVENTS).max(TASKS_MIN));
        let statement = |session: &str| spark_transform(&parts, &command(session, command_of), tasks);
        let mut said: Vec<UnitAnswer> = group.iter().map(|_| UnitAnswer::default()).collect();
        let places: FxHashMap<&str, usize> = group.iter().enumerate().map(|(place, unit)| (unit.id.view.as_str(), place)).collect();
        let mut spool = std::mem::replace(&mut self.rows, RowSpool::new().map_err(unspooled)?);
        let shared = std::cell::RefCell::new((&mut said, &mut spool));
        let done = self.each_pair(
            &statement,
            &mut |id, text| {
                let (said, spool) = &mut *shared.borrow_mut();
                note((id, text), said, &places, spool)
            },
            &mut || shared.borrow_mut().0.iter_mut().for_each(|answer| *answer = UnitAnswer::default()),
        );
        self.rows = spool;
        done?;
        for (unit, answer) in group.iter().zip(said) {
            self.answers.insert(unit.id.clone(), answer);
        }
        Ok(())
    }

    /// How many rows a unit's query must have judged; none where only a part of the type is asked.
    fn expected_rows(&self, unit: &LakeUnit) -> Option<u64> {
        self.view(&unit.id.view).filter(|_| unit.range() == (None, None)).map(|view| view.events)
    }

    fn shown(&self, text: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = self.place.token.as_ref().map_or(text.clone(), |token| text.replace(token.as_str(), "…"));
        let short: String = text.chars().take(REASON_CHARS).collect();
        if short.len() < text.len() { format!("{short}…") } else { short }
    }
}

impl LakeEngine for SparkLake<'_> {
    fn open(&mut self) -> Result<(), EngineError> {
        self.session().map(drop)
    }

    fn expect(&mut self, units: &[LakeUnit]) {
        self.expected = units.to_vec();
    }

    fn count(&mut self, view: &LakeView) -> Result<u64, EngineError> {
        // A type that is asked as a whole: the rows that were judged are counted.
        let is_whole = |unit: &&LakeUnit| unit.id.view == view.view && unit.range() == (None, None);
        if self.expected.iter().any(|unit| is_whole(&unit)) {
            return Ok(view.events);
        }
        let paths: Vec<String> = self.lake.parts_of(&view.folder).map(|part| self.address_of(part)).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let session = self.session()?.clone();
        let rows = session.sql(&spark_count(&paths, view.rare.then_some(view.view.as_str()))).and_then(|found| found.collect());
        let rows = rows.map_err(|error| EngineError::Refused(self.shown(&error.to_string())))?;
        let count = rows.first().and_then(|row| row.get(0)).and_then(spark_connect::row::Value::as_i64);
        count.map(i64::unsigned_abs).ok_or_else(|| EngineError::Answer("no number of rows".to_owned()))
    }

    fn matches(&mut self, unit: &LakeUnit, rules: UnitRules<'_>, take: &mut TakeMatch<'_>) -> Result<(), EngineError> {
        let expected = self.expected_rows(unit);
        if !self.answers.contains_key(&unit.id) {
            self.rows.clear().map_err(unspooled)?;
            let group = self.group(unit);
            match self.ask(&group) {
                Err(error) if group.len() > 1 && error.is_of_engine() && !self.cancel.is_cancelled() => {
                    // One of them may be at fault: each has an answer of its own.
                    self.alone.extend(group.into_iter().map(|unit| unit.id));
                    self.ask(std::slice::from_ref(unit))?;
                }
                done => done?,
            }
        }
        let is_whole = |answer: &UnitAnswer| expected.is_none_or(|expected| expected == answer.judged);
        if self.answers.get(&unit.id).is_some_and(|answer| !is_whole(answer)) && !self.alone.contains(&unit.id) {
            self.ask(std::slice::from_ref(unit))?;
        }
        let answer = self.answers.remove(&unit.id).ok_or_else(|| EngineError::Answer("nothing of the unit".to_owned()))?;
        if let (false, Some(expected)) = (is_whole(&answer), expected) {
            let view = &unit.id.view;
            return Err(EngineError::Answer(format!("{} events of `{view}` were judged, and the catalog says {expected}", answer.judged)));
        }
        // What nobody asked of this type is nobody's.
        let asked: BTreeSet<usize> = rules.filters.iter().map(|(rule, _)| *rule).collect();
        for (event, rule) in answer.matches.into_iter().filter(|(_, rule)| asked.contains(rule)) {
            if take(event, rule).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn rows(&mut self, unit: &LakeUnit, events: &[i64], take: &mut TakeRow<'_>) -> Result<(), EngineError> {
        for event in events {
            let row = self.rows.get(*event).map_err(unspooled)?;
            let row = row.ok_or_else(|| EngineError::Answer(format!("event {event} of `{}` came without its row", unit.id.view)))?;
            take(&row)?;
        }
        Ok(())
    }
}

/// The name of an artifact: unlike those of any other session.
fn artifact(name: &str, session: &str) -> String {
    format!("{name}-{session}")
}

/// What executors run. Spark puts the artifacts of a session into a folder whose name only the server knows, so they are looked for by
/// their own.
fn command(session: &str, command: fn([&str; 3]) -> String) -> String {
    let names = [WORKER, RULES, CATALOG].map(|name| artifact(name, session));
    let [worker, rules, catalog] = [0, 1, 2].map(|place: usize| format!("$d/{}", names[place]));
    format!("d=$(dirname ./*/{}) && exec {}", names[0], command([&worker, &rules, &catalog]))
}

fn unspooled(error: io::Error) -> EngineError {
    EngineError::Home(format!("cannot keep rows in a temporary file: {error}"))
}

/// What comes from a query: an id and what is said of it, line by line.
enum SparkSays {
    Lines(Vec<(Option<String>, Option<String>)>),
    /// There is no more, or what the client says of it.
    End(Result<(), String>),
}

/// Hands on what a statement says, in handfuls.
fn pairs(answers: &SparkAnswers, sql: &str, out: &SyncSender<SparkSays>) -> Result<(), String> {
    let mut lines = Vec::new();
    answers.each_pair(sql, &mut |id, said| {
        lines.push((id, said));
        // Nobody listens where the work is over.
        if lines.len() >= LINES {
            out.send(SparkSays::Lines(std::mem::take(&mut lines))).map_err(|error| error.to_string())
        } else {
            Ok(())
        }
    })?;
    out.send(SparkSays::Lines(lines)).map_err(|error| error.to_string())
}

/// Notes what a worker said: a rule of an event, an event's row, or how many rows it judged.
fn note(
    (id, text): (Option<&str>, Option<&str>),
    said: &mut [UnitAnswer],
    places: &FxHashMap<&str, usize>,
    spool: &mut RowSpool,
) -> Result<(), EngineError> {
    let (Some(id), Some(text)) = (id, text) else {
        return Err(EngineError::Answer("a line without an id or without what is said of it".to_owned()));
    };
    let strange = || EngineError::Answer(format!("`{}`", id.chars().take(60).collect::<String>()));
    if let Some(judged) = judged_counts(id, text) {
        for (view, rows) in judged.map_err(EngineError::Answer)? {
            let place = places.get(view.as_str()).ok_or_else(strange)?;
            said[*place].judged += rows;
        }
        return Ok(());
    }
    let (mark, event) =
        id.split_once(':').and_then(|(mark, event)| Some((mark.parse::<usize>().ok()?, event.parse::<i64>().ok()?))).ok_or_else(strange)?;
    let answer = said.get_mut(mark).ok_or_else(strange)?;
    if text.starts_with('{') {
        return spool.put(event, text).map_err(unspooled);
    }
    let rule = text.parse::<usize>().ok().ok_or_else(strange)?;
    answer.matches.push((event, rule));
    Ok(())
}

/// Rows of events in a temporary file.
struct RowSpool {
    file: File,
    end: u64,
    /// Event → where its row is, and how long.
    places: FxHashMap<i64, (u64, u32)>,
}

impl RowSpool {
    fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, end: 0, places: FxHashMap::default() })
    }

    fn clear(&mut self) -> io::Result<()> {
        self.places.clear();
        self.end = 0;
        self.file.set_len(0)
    }

    fn put(&mut self, event: i64, row: &str) -> io::Result<()> {
        let length = u32::try_from(row.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(row.as_bytes())?;
        self.places.insert(event, (self.end, length));
        self.end += u64::from(length);
        Ok(())
    }

    fn get(&mut self, event: i64) -> io::Result<Option<String>> {
        let Some((from, length)) = self.places.get(&event).copied() else { return Ok(None) };
        let mut row = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(from))?;
        self.file.read_exact(&mut row)?;
        String::from_utf8(row).map(Some).map_err(io::Error::other)
    }
}

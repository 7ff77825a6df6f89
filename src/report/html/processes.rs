//! Which process an event is of, who started it and what it started: from process creation events, by ProcessGuid, else by the
//! process's number on its host at that time.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::data::{ReportEvent, ReportProcess};
use crate::catalog::{Catalog, ColumnIndex, Encoding, EventId, EventType, TypeId, ValueId};
use crate::store::{EventRow, RawCell, Store, StoreError};

/// Generations above a process that are shown. Numbers of forged logs may go round.
const GENERATIONS_MAX: usize = 16;
/// Processes below one that are shown: a shell in a loop has thousands.
const CHILDREN_MAX: usize = 20;

/// Process creations that are kept while the report is made, some 200 bytes each: what comes after them is not in any tree.
const CREATIONS_MAX: usize = 3_000_000;

const IMAGE: &[&str] = &["Image", "NewProcessName"];
const COMMAND: &[&str] = &["CommandLine", "ProcessCommandLine"];
const USER: &[&str] = &["User", "SubjectUserName"];
const PARENT_IMAGE: &[&str] = &["ParentImage", "ParentProcessName"];
const PARENT_COMMAND: &[&str] = &["ParentCommandLine"];
/// Of events that are not creations: Sysmon calls the process that acts on another the source.
const ACTING_GUID: &[&str] = &["ProcessGuid", "SourceProcessGUID", "SourceProcessGuid"];
const ACTING_NUMBER: &[&str] = &["ProcessId", "SourceProcessId"];

/// What names a process: its GUID, or its number on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ProcessKey {
    /// A hash of the GUID: a store may have millions.
    Guid(u64),
    Number(Option<ValueId>, u64),
}

/// A process creation event.
struct Creation {
    event: EventId,
    event_type: TypeId,
    time_us: Option<i64>,
    parent: Option<ProcessKey>,
}

/// All process creations of a store.
struct Creations {
    all: Vec<Creation>,
    /// Creations of a key, in the order of time: numbers are used again.
    by_key: HashMap<ProcessKey, Vec<u32>>,
}

impl Creations {
    /// The process that a key named at a time.
    fn of(&self, key: ProcessKey, time_us: Option<i64>) -> Option<u32> {
        let known = self.by_key.get(&key)?;
        let is_before = |place: &u32| match (self.all[*place as usize].time_us, time_us) {
            (Some(start), Some(time)) => start <= time,
            _ => true,
        };
        match key {
            ProcessKey::Guid(_) => known.first().copied(),
            ProcessKey::Number(..) => known[..known.partition_point(is_before)].last().copied(),
        }
    }
}

/// Finds the processes of events and of those around them. `ids` has the id and the type of each event.
pub(super) fn processes(
    store: &Store,
    catalog: &Catalog,
    events: &mut [ReportEvent],
    ids: &[(EventId, TypeId)],
) -> Result<Vec<ReportProcess>, StoreError> {
    let creations = creations(store, catalog)?;
    if creations.all.is_empty() {
        return Ok(Vec::new());
    }
    let own = own_processes(store, catalog, &creations, ids)?;
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let parents: Vec<Option<u32>> = (0..)
        .zip(&creations.all)
        .map(|(place, creation)| creations.of(creation.parent?, creation.time_us).filter(|parent| *parent != place))
        .collect();
    for (place, parent) in (0..).zip(&parents) {
        if let Some(parent) = parent {
            children.entry(*parent).or_default().push(place);
        }
    }
    let mut nodes =
        Nodes { store, catalog, creations: &creations, parents, places: HashMap::new(), made: Vec::new(), unseen: HashMap::new() };
    for (event, process) in events.iter_mut().zip(own) {
        let Some(process) = process else { continue };
        event.process = Some(nodes.chain(process)?);
        for child in children.get(&process).into_iter().flatten().take(CHILDREN_MAX) {
            nodes.chain(*child)?;
        }
    }
    Ok(nodes.made)
}

/// Reads the keys of all process creations.
fn creations(store: &Store, catalog: &Catalog) -> Result<Creations, StoreError> {
    let mut out = Creations { all: Vec::new(), by_key: HashMap::new() };
    let mut keys = Vec::new();
    for event_type in &catalog.types {
        let Some(columns) = KeyColumns::of_creation(event_type) else { continue };
        columns.each(store, event_type, EventId(0), store.last_event()?, &mut |row, own, parent| {
            if keys.len() < CREATIONS_MAX {
                out.all.push(Creation { event: row.id, event_type: event_type.id, time_us: row.time_us, parent });
                keys.push(own);
            }
        })?;
    }
    for (place, key) in (0..).zip(keys) {
        if let Some(key) = key {
            out.by_key.entry(key).or_default().push(place);
        }
    }
    let all = &out.all;
    out.by_key.values_mut().for_each(|places| places.sort_by_key(|place| (all[*place as usize].time_us, *place)));
    Ok(out)
}

/// The process of each event, where its creation is known.
fn own_processes(
    store: &Store,
    catalog: &Catalog,
    creations: &Creations,
    ids: &[(EventId, TypeId)],
) -> Result<Vec<Option<u32>>, StoreError> {
    let by_event: HashMap<EventId, u32> = (0..).zip(&creations.all).map(|(place, creation)| (creation.event, place)).collect();
    let mut own: Vec<Option<u32>> = ids.iter().map(|(id, _)| by_event.get(id).copied()).collect();
    let mut others: BTreeMap<TypeId, Vec<usize>> = BTreeMap::new();
    for (place, (_, event_type)) in ids.iter().enumerate().filter(|(place, _)| own[*place].is_none()) {
        others.entry(*event_type).or_default().push(place);
    }
    for (event_type, places) in others {
        let Some(event_type) = catalog.event_type(event_type) else { continue };
        let Some(columns) = KeyColumns::of_acting(event_type) else { continue };
        for place in places {
            let id = ids[place].0;
            columns.each(store, event_type, id, id, &mut |row, key, _| {
                own[place] = key.and_then(|key| creations.of(key, row.time_us));
            })?;
        }
    }
    Ok(own)
}

/// The columns of a type that name a process and the one that started it.
struct KeyColumns {
    guid: Option<ColumnIndex>,
    number: Option<ColumnIndex>,
    parent_guid: Option<ColumnIndex>,
    parent_number: Option<ColumnIndex>,
}

impl KeyColumns {
    /// Of a type of process creations.
    fn of_creation(event_type: &EventType) -> Option<Self> {
        let column = |name| event_type.column_any_case(name);
        if let Some(number) = column("NewProcessId") {
            return Some(Self { guid: None, number: Some(number), parent_guid: None, parent_number: column("ProcessId") });
        }
        let (parent_guid, parent_number) = (column("ParentProcessGuid"), column("ParentProcessId"));
        parent_guid.or(parent_number)?;
        Some(Self { guid: column("ProcessGuid"), number: column("ProcessId"), parent_guid, parent_number })
    }

    /// Of any other type.
    fn of_acting(event_type: &EventType) -> Option<Self> {
        let (guid, number) = (first_column(event_type, ACTING_GUID), first_column(event_type, ACTING_NUMBER));
        guid.or(number)?;
        Some(Self { guid, number, parent_guid: None, parent_number: None })
    }

    /// Visits events with their own key and their parent's.
    fn each(
        &self,
        store: &Store,
        event_type: &EventType,
        first: EventId,
        last: EventId,
        visit: &mut dyn FnMut(EventRow, Option<ProcessKey>, Option<ProcessKey>),
    ) -> Result<(), StoreError> {
        let named = [self.guid, self.number, self.parent_guid, self.parent_number];
        let columns: Vec<ColumnIndex> = named.iter().flatten().copied().collect();
        store.event_reader(event_type, &columns)?.each(first, last, &mut |row, cells| {
            let mut cells = cells.iter().zip(&columns);
            let mut texts = [None, None, None, None];
            for (text, _) in texts.iter_mut().zip(&named).filter(|(_, column)| column.is_some()) {
                if let Some((cell, column)) = cells.next() {
                    *text = cell_text(store, cell, event_type.column(*column).encoding)?;
                }
            }
            let [guid, number, parent_guid, parent_number] = texts;
            let key = |guid: Option<String>, number: Option<String>| {
                guid.and_then(|guid| guid_key(&guid)).or_else(|| Some(ProcessKey::Number(row.host, process_number(&number?)?)))
            };
            visit(row, key(guid, number), key(parent_guid, parent_number));
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// A GUID without case and braces; one of zeros names no process.
fn guid_key(guid: &str) -> Option<ProcessKey> {
    let digits: String = guid.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect();
    if digits.chars().all(|c| c == '0') {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    digits.hash(&mut hasher);
    Some(ProcessKey::Guid(hasher.finish()))
}

/// `0x1a4` or `420`.
fn process_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn first_column(event_type: &EventType, names: &[&str]) -> Option<ColumnIndex> {
    names.iter().find_map(|name| event_type.column_any_case(name))
}

/// What a cell says; of a list its first member.
fn cell_text(store: &Store, cell: &RawCell<'_>, encoding: Encoding) -> Result<Option<String>, StoreError> {
    let of_value = |id| Ok(store.value(id)?.members().first().cloned());
    match (cell, encoding) {
        (RawCell::Null, _) => Ok(None),
        (RawCell::Text(text), _) => Ok(Some((*text).to_owned())),
        (RawCell::Value(id), _) => of_value(*id),
        (RawCell::Int(id), Encoding::Dictionary) => of_value(ValueId(*id)),
        (RawCell::Int(number), _) => Ok(Some(number.to_string())),
    }
}

/// The processes that the report has, made as they are asked for.
struct Nodes<'s> {
    store: &'s Store,
    catalog: &'s Catalog,
    creations: &'s Creations,
    parents: Vec<Option<u32>>,
    /// Place among the creations → place in the report.
    places: HashMap<u32, u32>,
    made: Vec<ReportProcess>,
    /// Parents whose creation the store does not have: their children tell of them.
    unseen: HashMap<ProcessKey, u32>,
}

impl Nodes<'_> {
    /// Makes a process and those above it.
    fn chain(&mut self, process: u32) -> Result<u32, StoreError> {
        let mut at = process;
        let mut below: Option<u32> = None;
        for _ in 0..GENERATIONS_MAX {
            let known = self.places.get(&at).copied();
            let place = match known {
                Some(place) => place,
                None => self.make(at)?,
            };
            if let Some(below) = below {
                self.made[below as usize].parent = Some(place);
            }
            below = Some(place);
            match self.parents[at as usize] {
                Some(parent) if known.is_none() => at = parent,
                _ => break,
            }
        }
        Ok(self.places[&process])
    }

    fn make(&mut self, process: u32) -> Result<u32, StoreError> {
        let place = self.push(ReportProcess::default());
        self.places.insert(process, place);
        let creation = &self.creations.all[process as usize];
        let Some(event_type) = self.catalog.event_type(creation.event_type) else { return Ok(place) };
        let [image, command_line, user, parent_image, parent_command] = self.texts(event_type, creation.event)?;
        let mut parent = None;
        if let (None, Some(key), false) = (self.parents[process as usize], creation.parent, parent_image.is_empty()) {
            let unseen = ReportProcess { image: parent_image, command_line: parent_command, ..ReportProcess::default() };
            parent = Some(match self.unseen.get(&key) {
                Some(place) => *place,
                None => self.push(unseen),
            });
            self.unseen.extend(parent.map(|place| (key, place)));
        }
        self.made[place as usize] = ReportProcess { time_us: creation.time_us, image, command_line, user, parent };
        Ok(place)
    }

    fn push(&mut self, process: ReportProcess) -> u32 {
        self.made.push(process);
        u32::try_from(self.made.len() - 1).unwrap_or(u32::MAX)
    }

    fn texts(&self, event_type: &EventType, event: EventId) -> Result<[String; 5], StoreError> {
        let named = [IMAGE, COMMAND, USER, PARENT_IMAGE, PARENT_COMMAND].map(|names| first_column(event_type, names));
        let columns: Vec<ColumnIndex> = named.iter().flatten().copied().collect();
        let mut texts: [String; 5] = Default::default();
        self.store.event_reader(event_type, &columns)?.each(event, event, &mut |_, cells| {
            let mut cells = cells.iter().zip(&columns);
            for (text, _) in texts.iter_mut().zip(&named).filter(|(_, column)| column.is_some()) {
                if let Some((cell, column)) = cells.next() {
                    *text =
                        cell_text(self.store, cell, event_type.column(*column).encoding)?.filter(|text| text != "-").unwrap_or_default();
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(texts)
    }
}

//! What a name is in an event: the data of `rules/`, read as its first comments say, and nothing of the planner.

use std::borrow::Cow;

use retrohunt::catalog::EventType;
use retrohunt::ir::{Field, Scope, Vocabulary};
use retrohunt::taxonomy::{Dataset, Definition, EnvelopeField, FieldFunction, LogSource, LookupVocabulary, Selector, Taxonomy};

use super::archive::{Archive, Event, ValueNumber};
use super::dataset;
use super::evaluate::text::{fold, seconds};

/// Where the texts of a name are.
pub(crate) enum Place {
    Missing,
    Constants(Vec<String>),
    Column(usize),
    /// The object at a path of names inside of the objects of a column.
    Inside(usize, Vec<String>),
    Time,
    Host,
    Record,
    Message,
    Function(FieldFunction, Box<Place>),
    FirstFilled(Vec<Place>),
    /// A text where there is nothing, or nothing but empty texts.
    OrText(Box<Place>, String),
    All(Vec<Place>),
}

/// A text of an event.
pub(crate) enum Found<'a> {
    /// One of the archive's.
    Stored(ValueNumber),
    /// Another one.
    Made(Cow<'a, str>),
}

/// What a name is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// All texts that a test may pass on.
    Test,
    /// The one value that expressions and result rows have.
    Value,
}

impl Place {
    /// The texts of an event at this place that a test may pass on.
    pub(crate) fn texts<'a>(&'a self, event: &'a Event, archive: &'a Archive) -> Vec<Found<'a>> {
        self.found(event, archive, Asked::Test)
    }

    /// The texts of the value at this place: of several values the last that is filled, of several spellings the first.
    pub(crate) fn value<'a>(&'a self, event: &'a Event, archive: &'a Archive) -> Vec<Found<'a>> {
        self.found(event, archive, Asked::Value)
    }

    fn found<'a>(&'a self, event: &'a Event, archive: &'a Archive, asked: Asked) -> Vec<Found<'a>> {
        let one = |number: Option<ValueNumber>| number.map(Found::Stored).into_iter().collect();
        let filled = |texts: &Vec<Found<'_>>| texts.iter().any(|found| !matches!(archive.shown(found), "" | "-"));
        match self {
            Self::Missing => Vec::new(),
            Self::Constants(texts) => {
                let spellings = if asked == Asked::Value { 1 } else { texts.len() };
                texts.iter().take(spellings).map(|text| Found::Made(Cow::Borrowed(text.as_str()))).collect()
            }
            Self::Column(column) => event.columns[*column].iter().map(|number| Found::Stored(*number)).collect(),
            Self::Inside(column, path) => {
                let objects = event.columns[*column].iter().filter_map(|number| inside(&archive.texts[*number as usize].text, path));
                objects.map(|text| Found::Made(Cow::Owned(text))).collect()
            }
            Self::Function(FieldFunction::IsoTime, _) => event.time_us.map(|us| Found::Made(Cow::Owned(iso(us)))).into_iter().collect(),
            Self::Time => event.time_us.map(|us| Found::Made(Cow::Owned(seconds(us)))).into_iter().collect(),
            Self::Host => one(event.host),
            Self::Record => one(event.record),
            Self::Message => one(event.message),
            Self::All(places) if asked == Asked::Value => {
                places.iter().rev().map(|place| place.found(event, archive, asked)).find(filled).unwrap_or_default()
            }
            Self::All(places) => places.iter().flat_map(|place| place.found(event, archive, asked)).collect(),
            Self::FirstFilled(places) => places.iter().map(|place| place.found(event, archive, asked)).find(filled).unwrap_or_default(),
            Self::OrText(place, text) => {
                let found = place.found(event, archive, asked);
                let is_empty = found.iter().all(|text| archive.shown(text).is_empty());
                if is_empty { vec![Found::Made(Cow::Borrowed(text.as_str()))] } else { found }
            }
            Self::Function(function, place) => {
                let mut texts = place.found(event, archive, asked);
                match function {
                    FieldFunction::FirstMember => texts.truncate(1),
                    FieldFunction::LastMember => drop(texts.drain(..texts.len().saturating_sub(1))),
                    _ => {}
                }
                texts.iter().filter_map(|found| apply(function, archive.shown(found))).map(|text| Found::Made(Cow::Owned(text))).collect()
            }
        }
    }
}

impl Archive {
    /// A found text itself.
    pub(crate) fn shown<'a>(&'a self, found: &'a Found<'_>) -> &'a str {
        match found {
            Found::Stored(number) => &self.texts[*number as usize].text,
            Found::Made(text) => text,
        }
    }
}

/// What a scope says about the events of a type.
#[derive(Clone, Default)]
pub(crate) struct Meant {
    /// The selectors by which they are meant.
    pub(crate) selectors: Vec<&'static Selector>,
    /// The dataset whose rows they are, and whether its fields have a prefix.
    pub(crate) dataset: Option<(Dataset<'static>, bool)>,
}

/// What a scope says about an event type; `None` where it does not mean its events.
pub(crate) fn meant(scope: &Scope, event_type: &EventType) -> Option<Meant> {
    let taxonomy = Taxonomy::embedded();
    let by = |all: &[&'static Selector]| all.iter().copied().find(|s| s.selects(event_type));
    match scope {
        Scope::Any => Some(Meant::default()),
        Scope::Dataset { model, object, prefix } => {
            let dataset = taxonomy.dataset(model, object)?;
            Some(Meant { selectors: dataset.selectors(event_type)?, dataset: Some((dataset, prefix.is_some())) })
        }
        Scope::LogSource { product, category, service } => {
            match taxonomy.log_source(product.as_deref(), category.as_deref(), service.as_deref()) {
                LogSource::Everything => Some(Meant::default()),
                LogSource::Selected(first, second) if second.is_empty() || by(&second).is_some() => {
                    Some(Meant { selectors: vec![by(&first)?], dataset: None })
                }
                _ => None,
            }
        }
    }
}

/// Finds a rule's name in an event type.
pub(crate) fn find(field: &Field, event_type: &EventType, meant: &Meant) -> Place {
    match (&meant.dataset, field.vocabulary) {
        (Some((dataset, prefixed)), _) => dataset::find(*dataset, *prefixed, &field.name, event_type),
        (None, Vocabulary::Sigma) => find_as_sigma(&field.name, event_type, meant.selectors.first().copied()),
        (None, Vocabulary::Splunk | Vocabulary::Row) => find_as_splunk(&field.name, event_type),
    }
}

/// Finds Sigma's name in an event type.
pub(crate) fn find_as_sigma(name: &str, event_type: &EventType, selector: Option<&Selector>) -> Place {
    let names = Taxonomy::embedded().names(event_type);
    let renamed =
        selector.and_then(|s| s.renames.iter().find(|(from, _)| from.eq_ignore_ascii_case(name)).map(|(_, definition)| definition));
    if let Some(definition) = renamed.or_else(|| names.before_stored(name, LookupVocabulary::Sigma)) {
        return place(definition, event_type);
    }
    if let Some(column) = stored(name, event_type) {
        return Place::Column(column);
    }
    let bare = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    let spaced: Vec<usize> = (0..event_type.columns.len())
        .filter(|column| {
            event_type.columns[*column].field.contains(' ') && bare(&event_type.columns[*column].field) == name.to_ascii_lowercase()
        })
        .collect();
    match spaced[..] {
        [column] => Place::Column(column),
        _ => match names.after_stored(name, LookupVocabulary::Sigma) {
            Some(definition) => place(definition, event_type),
            None if name.chars().all(|c| c.is_ascii_lowercase()) => Place::Missing,
            None => find_as_splunk(name, event_type),
        },
    }
}

/// Finds what Splunk calls so: an envelope's name, a stored name, a label of the rendered text, a name of the add-on.
pub(crate) fn find_as_splunk(name: &str, event_type: &EventType) -> Place {
    let names = Taxonomy::embedded().names(event_type);
    if let Some(definition) = names.before_stored(name, LookupVocabulary::Splunk) {
        return place(definition, event_type);
    }
    if let Some(column) = event_type.columns.iter().position(|column| column.field == name) {
        return Place::Column(column);
    }
    // Splunk's name for the values of a member in all objects of a list, which are stored under the plain path.
    if name.contains("{}")
        && let Some(column) = event_type.columns.iter().position(|column| column.field == name.replace("{}", ""))
    {
        return Place::Column(column);
    }
    let words = name.contains('_') && name.split('_').all(|w| w.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()));
    let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let separated = |stored: &str| {
        stored.len() == name.len() && stored.chars().zip(name.chars()).all(|(s, n)| s == n || (n == '_' && !s.is_ascii_alphanumeric()))
    };
    let fits = |stored: &str| if words { stored.len() <= name.len() && bare(stored) == bare(name) } else { separated(stored) };
    let fitting: Vec<usize> = (0..event_type.columns.len()).filter(|column| fits(&event_type.columns[*column].field)).collect();
    match fitting[..] {
        [column] => Place::Column(column),
        _ => match names.after_stored(name, LookupVocabulary::Splunk) {
            Some(definition) => place(definition, event_type),
            None => object(name, event_type).unwrap_or(Place::Missing),
        },
    }
}

/// The object that a name with dots means inside of a stored outer one.
fn object(name: &str, event_type: &EventType) -> Option<Place> {
    let (outer, path) = name.split_once('.')?;
    let column = event_type.columns.iter().position(|column| column.field == outer)?;
    Some(Place::Inside(column, path.split('.').map(str::to_owned).collect()))
}

/// The compact text of the object, or of the list with objects in it, at a path.
fn inside(text: &str, path: &[String]) -> Option<String> {
    let root: serde_json::Value = serde_json::from_str(text).ok()?;
    let found = path.iter().try_fold(&root, |value, name| value.as_object()?.get(name))?;
    let is_field = match found {
        serde_json::Value::Object(_) => true,
        serde_json::Value::Array(members) => members.is_empty() || members.iter().any(|member| member.is_object() || member.is_array()),
        _ => false,
    };
    is_field.then(|| found.to_string())
}

/// A time in UTC, to the millisecond or, where it has them, the microsecond.
fn iso(time_us: i64) -> String {
    let (milliseconds, rest) = (time_us.rem_euclid(1_000_000) / 1_000, time_us.rem_euclid(1_000));
    let whole = jiff::Timestamp::from_microsecond(time_us).unwrap().strftime("%Y-%m-%dT%H:%M:%S");
    if rest == 0 { format!("{whole}.{milliseconds:03}Z") } else { format!("{whole}.{milliseconds:03}{rest:03}Z") }
}

fn stored(name: &str, event_type: &EventType) -> Option<usize> {
    let columns = &event_type.columns;
    columns.iter().position(|c| c.field == name).or_else(|| columns.iter().position(|c| c.field.eq_ignore_ascii_case(name)))
}

/// The place of a definition over stored fields.
pub(crate) fn place(definition: &Definition, event_type: &EventType) -> Place {
    place_over(definition, event_type, &|name| stored(name, event_type).map_or(Place::Missing, Place::Column))
}

/// The place of a definition over fields that `field` finds.
pub(crate) fn place_over(definition: &Definition, event_type: &EventType, field: &dyn Fn(&str) -> Place) -> Place {
    let written = |text: &str| {
        text.replace("$product", &event_type.product).replace("$code", &event_type.code).replace("$dataset", &event_type.dataset)
    };
    let of = |definition: &Definition| place_over(definition, event_type, field);
    let all = |list: &[Definition]| list.iter().map(&of).collect();
    match definition {
        Definition::Field(name) => field(name),
        Definition::Envelope(EnvelopeField::Host) => Place::Host,
        Definition::Envelope(EnvelopeField::Record) => Place::Record,
        Definition::Envelope(EnvelopeField::Message) => Place::Message,
        Definition::Envelope(EnvelopeField::Time) => Place::Time,
        Definition::Text(text) => Place::Constants(vec![written(text)]),
        Definition::Synonyms(texts) => Place::Constants(texts.iter().map(|text| written(text)).collect()),
        Definition::ByCode(codes) => codes.get(&event_type.code).map_or(Place::Missing, |text| Place::Constants(vec![text.clone()])),
        Definition::Members(list) => Place::All(all(list)),
        Definition::Coalesce(list) => Place::FirstFilled(all(list)),
        Definition::Default(inner, text) => Place::OrText(Box::new(of(inner)), text.clone()),
        Definition::Apply(function, inner) => Place::Function(function.clone(), Box::new(of(inner))),
    }
}

/// Whether a text fits a pattern whose `*` is any text.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
        ([want, pattern @ ..], [is, text @ ..]) => want == is && fits(pattern, text),
        ([], []) => true,
        _ => false,
    }
}

/// Applies a function of the field maps, as its description says.
fn apply(function: &FieldFunction, text: &str) -> Option<String> {
    let after = |text: &str, at: &[char]| text[text.rfind(at).map_or(0, |i| i + 1)..].to_owned();
    let translate = |pairs: &[(String, String)]| pairs.iter().find(|(from, _)| from.eq_ignore_ascii_case(text)).map(|(_, to)| to.clone());
    let wrapped = |kind: &str| text.starts_with(&format!("{kind} (")) && text.ends_with(')');
    Some(match function {
        FieldFunction::BaseName => after(text, &['\\', '/']),
        FieldFunction::WithoutDomain => after(text, &['\\']),
        FieldFunction::Lower => text.chars().map(fold).collect(),
        FieldFunction::Hash(kind) => {
            let parts = text.split(',').map(|part| part.trim().split_once('='));
            parts.flatten().find(|(name, _)| name.eq_ignore_ascii_case(kind))?.1.to_owned()
        }
        FieldFunction::RegistryData if wrapped("DWORD") || wrapped("QWORD") => text[7..text.len() - 1].to_owned(),
        FieldFunction::RegistryType if wrapped("DWORD") => "REG_DWORD".to_owned(),
        FieldFunction::RegistryType if wrapped("QWORD") => "REG_QWORD".to_owned(),
        FieldFunction::RegistryType => if text == "Binary Data" { "REG_BINARY" } else { "REG_SZ" }.to_owned(),
        FieldFunction::WithoutMappedPrefix if text.to_ascii_lowercase().starts_with("::ffff:") => text[7..].to_owned(),
        FieldFunction::HexToDecimal => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            digits.and_then(|d| u64::from_str_radix(d, 16).ok()).map_or_else(|| text.to_owned(), |n| n.to_string())
        }
        FieldFunction::Translate(pairs) => translate(pairs).unwrap_or_else(|| text.to_owned()),
        FieldFunction::TranslateElse(pairs, otherwise) => translate(pairs).unwrap_or_else(|| otherwise.clone()),
        FieldFunction::Choose(pairs) => {
            let text: Vec<char> = text.chars().map(fold).collect();
            let (_, chosen) = pairs.iter().find(|(pattern, _)| fits(&pattern.chars().map(fold).collect::<Vec<_>>(), &text))?;
            chosen.clone()
        }
        FieldFunction::Length => text.chars().count().to_string(),
        FieldFunction::Prefix(pairs) => {
            let lower = text.to_ascii_lowercase();
            let found = pairs.iter().find(|(from, _)| lower.starts_with(&from.to_ascii_lowercase()));
            found.map_or_else(|| text.to_owned(), |(from, to)| to.clone() + &text[from.len()..])
        }
        FieldFunction::Parent => text[..text.rfind('\\')?].to_owned(),
        FieldFunction::Root => text[..text.find('\\').unwrap_or(text.len())].to_owned(),
        FieldFunction::IsoTime => unreachable!("it is of the event's time"),
        FieldFunction::InnerObject(_) => panic!("no field map has it"),
        FieldFunction::RegistryData | FieldFunction::WithoutMappedPrefix | FieldFunction::FirstMember | FieldFunction::LastMember => {
            text.to_owned()
        }
    })
}

//! The data of the page: one dictionary of texts and a column for each fact, JSON, gzip, base64.
//!
//! One JSON object a finding is three times as large and slow: names and texts repeat, and the browser makes an object of each. Every
//! text goes through `visible_text` here, so that the page shows control and direction characters spelled out wherever it shows a text.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::base64::Base64Writer;
use super::data::{ReportData, ReportFinding, ReportRule};
use crate::report::{visible, visible_text};

/// Characters of one text that a page has. A rendered message or a script may have a million; `retrohunt findings show` has all of it.
const TEXT_MAX: usize = 6_000;

/// Texts, each once; a column holds their places.
#[derive(Default)]
struct TextDictionary {
    places: HashMap<String, u32>,
    texts: Vec<String>,
}

impl TextDictionary {
    fn place(&mut self, text: &str) -> u32 {
        // Most texts are there already: they are not made visible again.
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(shown(text));
        self.places.insert(text.to_owned(), place);
        place
    }

    /// The place of a name: it is shown on one line.
    fn name(&mut self, text: &str) -> u32 {
        self.place(&visible(text))
    }

    fn names<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> Vec<u32> {
        texts.into_iter().map(|text| self.name(text)).collect()
    }

    fn places<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> Vec<u32> {
        texts.into_iter().map(|text| self.place(text)).collect()
    }
}

/// A text as a page has it: no longer than [`TEXT_MAX`], nothing hidden in it.
fn shown(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        None => visible_text(text).into_owned(),
        Some((end, _)) => format!("{}… ({} more bytes)", visible_text(&text[..end]), text.len() - end),
    }
}

/// A column of lists: how long each is, and all members behind each other.
#[derive(Serialize, Default)]
struct Lists {
    counts: Vec<u32>,
    values: Vec<u32>,
}

impl Lists {
    fn of<'r, R: 'r>(rows: impl IntoIterator<Item = &'r R>, mut list: impl FnMut(&'r R) -> Vec<u32>) -> Self {
        let mut lists = Self::default();
        for row in rows {
            let members = list(row);
            lists.counts.push(u32::try_from(members.len()).unwrap_or(u32::MAX));
            lists.values.extend(members);
        }
        lists
    }
}

/// A column of runs of times: how many each row has, and of all how far the begin of each is from the end before it (of the first: from
/// the finding's first event) and how long it is. Small numbers, which pack well.
#[derive(Serialize, Default)]
struct TimeRuns {
    runs: Vec<u32>,
    steps: Vec<i64>,
}

impl TimeRuns {
    fn of(findings: &[ReportFinding]) -> Self {
        let mut out = Self::default();
        for finding in findings {
            out.runs.push(u32::try_from(finding.times_us.len()).unwrap_or(u32::MAX));
            let mut at = finding.first_time_us.unwrap_or(0);
            for (first, last) in &finding.times_us {
                out.steps.extend([first - at, last - first]);
                at = *last;
            }
        }
        out
    }
}

#[derive(Serialize)]
struct PageColumns {
    findings: FindingColumns,
    rules: RuleColumns,
    events: EventColumns,
    processes: ProcessColumns,
    sources: SourceColumns,
    // The last one, because it is complete only when all others are made.
    names: NameColumns,
}

#[derive(Serialize)]
struct FindingColumns {
    id: Vec<i64>,
    level: Vec<usize>,
    rule: Vec<u32>,
    hunt: Vec<u32>,
    status: Vec<u32>,
    count: Vec<u64>,
    first: Vec<Option<i64>>,
    last: Vec<Option<i64>>,
    times: TimeRuns,
    risk: Vec<Option<f64>>,
    message: Vec<u32>,
    details: Vec<u32>,
    note: Vec<u32>,
    hosts: Lists,
    users: Lists,
    values: Lists,
    events: Lists,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleColumns {
    id: Vec<u32>,
    title: Vec<u32>,
    path: Vec<u32>,
    level: Vec<u32>,
    status: Vec<u32>,
    description: Vec<u32>,
    author: Vec<u32>,
    sql: Vec<u32>,
    techniques: Lists,
    own_techniques: Lists,
    references: Lists,
    false_positives: Lists,
    fields: Lists,
}

#[derive(Serialize)]
struct EventColumns {
    time: Vec<Option<i64>>,
    host: Vec<u32>,
    kind: Vec<u32>,
    source: Vec<u32>,
    record: Vec<i64>,
    process: Vec<Option<u32>>,
}

#[derive(Serialize)]
struct ProcessColumns {
    time: Vec<Option<i64>>,
    image: Vec<u32>,
    command: Vec<u32>,
    user: Vec<u32>,
    parent: Vec<Option<u32>>,
    children: Lists,
}

#[derive(Serialize)]
struct SourceColumns {
    path: Vec<u32>,
    sha256: Vec<u32>,
}

#[derive(Serialize)]
struct NameColumns {
    hosts: Vec<u32>,
    users: Vec<u32>,
    techniques: Vec<u32>,
    statuses: Vec<u32>,
    hunts: Vec<u32>,
    texts: Vec<String>,
}

/// Writes the data as the page holds it.
pub(super) fn write_data(data: &ReportData, out: &mut dyn Write) -> io::Result<()> {
    let packed = GzEncoder::new(Base64Writer::new(out), Compression::new(6));
    let mut json = BufWriter::with_capacity(1 << 16, packed);
    serde_json::to_writer(&mut json, &page(data))?;
    json.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.finish()
}

fn page(data: &ReportData) -> PageColumns {
    let mut texts = TextDictionary::default();
    // So that a place of 0 is a text that is not there.
    texts.place("");
    let (findings, rules) = (finding_columns(data, &mut texts), rule_columns(&data.rules, &mut texts));
    let events = EventColumns {
        time: data.events.iter().map(|event| event.time_us).collect(),
        host: data.events.iter().map(|event| texts.name(&event.host)).collect(),
        kind: data.events.iter().map(|event| texts.name(&event.kind)).collect(),
        source: data.events.iter().map(|event| event.source).collect(),
        record: data.events.iter().map(|event| event.record).collect(),
        process: data.events.iter().map(|event| event.process).collect(),
    };
    let processes = process_columns(data, &mut texts);
    let sources = SourceColumns {
        path: texts.names(data.sources.iter().map(|source| &source.path)),
        sha256: texts.places(data.sources.iter().map(|source| &source.sha256)),
    };
    let names = NameColumns {
        hosts: texts.names(&data.hosts),
        users: texts.names(&data.users),
        techniques: texts.places(&data.techniques),
        statuses: texts.names(&data.statuses),
        hunts: texts.places(&data.hunts),
        texts: texts.texts,
    };
    PageColumns { findings, rules, events, processes, sources, names }
}

fn finding_columns(data: &ReportData, texts: &mut TextDictionary) -> FindingColumns {
    let all = &data.findings;
    let numbers = |of: fn(&ReportFinding) -> u32| all.iter().map(of).collect::<Vec<_>>();
    FindingColumns {
        id: all.iter().map(|finding| finding.id).collect(),
        level: all.iter().map(|finding| data.rules[finding.rule as usize].level).collect(),
        rule: numbers(|finding| finding.rule),
        hunt: numbers(|finding| finding.hunt),
        status: numbers(|finding| finding.status),
        count: all.iter().map(|finding| finding.count).collect(),
        first: all.iter().map(|finding| finding.first_time_us).collect(),
        last: all.iter().map(|finding| finding.last_time_us).collect(),
        times: TimeRuns::of(all),
        risk: all.iter().map(|finding| finding.risk_score).collect(),
        message: texts.places(all.iter().map(|finding| &finding.message)),
        details: texts.names(all.iter().map(|finding| &finding.details)),
        note: texts.places(all.iter().map(|finding| &finding.note)),
        hosts: Lists::of(all, |finding| finding.hosts.clone()),
        users: Lists::of(all, |finding| finding.users.clone()),
        values: Lists::of(all, |finding| texts.places(finding.values.iter().flat_map(|(name, value)| [name, value]))),
        events: Lists::of(all, |finding| finding.events.clone()),
    }
}

fn rule_columns(rules: &[ReportRule], texts: &mut TextDictionary) -> RuleColumns {
    let mut name = |of: fn(&ReportRule) -> &String| texts.names(rules.iter().map(of));
    let (id, title, path, level) = (name(|r| &r.id), name(|r| &r.title), name(|r| &r.path), name(|r| &r.own_level));
    let (status, author) = (name(|r| &r.status), name(|r| &r.author));
    let mut block = |of: fn(&ReportRule) -> &String| texts.places(rules.iter().map(of));
    let (description, sql) = (block(|r| &r.description), block(|r| &r.sql));
    let techniques = Lists::of(rules, |rule| rule.techniques.clone());
    let own_techniques = Lists::of(rules, |rule| texts.places(&rule.own_techniques));
    let references = Lists::of(rules, |rule| texts.places(&rule.references));
    let false_positives = Lists::of(rules, |rule| texts.places(&rule.false_positives));
    let fields = Lists::of(rules, |rule| texts.places(&rule.fields));
    RuleColumns {
        id,
        title,
        path,
        level,
        status,
        description,
        author,
        sql,
        techniques,
        own_techniques,
        references,
        false_positives,
        fields,
    }
}

fn process_columns(data: &ReportData, texts: &mut TextDictionary) -> ProcessColumns {
    let all = &data.processes;
    let mut children = vec![Vec::new(); all.len()];
    for (child, process) in (0..).zip(all) {
        if let Some(parent) = process.parent {
            children[parent as usize].push(child);
        }
    }
    ProcessColumns {
        time: all.iter().map(|process| process.time_us).collect(),
        image: texts.names(all.iter().map(|process| &process.image)),
        command: texts.places(all.iter().map(|process| &process.command_line)),
        user: texts.names(all.iter().map(|process| &process.user)),
        parent: all.iter().map(|process| process.parent).collect(),
        children: Lists::of(&children, Clone::clone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_steps_from_the_first() {
        let finding = |first, times: &[(i64, i64)]| ReportFinding { first_time_us: first, times_us: times.to_vec(), ..Default::default() };
        let column = TimeRuns::of(&[finding(Some(100), &[(100, 100), (130, 150)]), finding(None, &[]), finding(Some(7), &[(9, 9)])]);
        assert_eq!((column.runs, column.steps), (vec![2, 0, 1], vec![0, 0, 30, 20, 2, 0]));
    }

    #[test]
    fn texts_are_kept_once_and_shown_safely() {
        let mut texts = TextDictionary::default();
        assert_eq!([texts.place("a\u{202e}"), texts.place("b\n\u{7}"), texts.place("a\u{202e}")], [0, 1, 0]);
        assert_eq!(texts.texts, [r"a\u{202e}", "b\n\\x07"]);
        let long = shown(&"é".repeat(TEXT_MAX + 2));
        assert!(long.ends_with("é… (4 more bytes)"), "{long}");
    }
}

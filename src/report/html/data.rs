//! What a report shows, as plain data: texts of the log and of rules as they are, nothing escaped.

/// All of a report.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportData {
    /// What the report is of: names and values for its head.
    pub scope: Vec<(String, String)>,
    /// Hosts of findings, each once without case.
    pub hosts: Vec<String>,
    /// Users of findings, each once without case.
    pub users: Vec<String>,
    /// ATT&CK techniques of rules as they are called today.
    pub techniques: Vec<String>,
    /// Their names; empty where they are not known.
    pub technique_names: Vec<String>,
    /// The matrix: tactics in their order, each with places in [`ReportData::techniques`].
    pub tactics: Vec<(String, Vec<u32>)>,
    /// What people said of findings: triage statuses.
    pub statuses: Vec<String>,
    /// The hunts that found something last.
    pub hunts: Vec<String>,
    /// Rules with findings, then all others that were hunted.
    pub rules: Vec<ReportRule>,
    /// The findings.
    pub findings: Vec<ReportFinding>,
    /// Events behind them.
    pub events: Vec<ReportEvent>,
    /// Processes of these events, those that started them and those that they started.
    pub processes: Vec<ReportProcess>,
    /// What was loaded.
    pub sources: Vec<ReportSource>,
    /// Who carries the most risk.
    pub risk: Vec<ReportRisk>,
}

/// The levels of both languages, highest first; the last stands for none.
pub(super) const LEVELS: [&str; 6] = ["critical", "high", "medium", "low", "informational", ""];

/// The place of a level among [`LEVELS`].
pub(super) fn level_of(name: &str) -> usize {
    LEVELS.iter().position(|level| *level == name).unwrap_or(LEVELS.len() - 1)
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportOutcome {
    /// It found something.
    #[default]
    Found,
    /// It could have, and found nothing.
    Nothing,
    /// The store lacks what it asks for.
    Blind,
    /// It could not run.
    NotRun,
}

/// A rule.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportRule {
    /// Its own id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Path as the hunt's user named it.
    pub path: String,
    /// Place of its level among the levels of both languages.
    pub level: usize,
    /// Its level or type in its own words.
    pub own_level: String,
    /// e.g. `stable`.
    pub status: String,
    /// Places of its techniques in [`ReportData::techniques`].
    pub techniques: Vec<u32>,
    /// Its techniques in its own words, where ATT&CK calls one otherwise today; else empty.
    pub own_techniques: Vec<String>,
    /// ATT&CK tactics as they are called today.
    pub tactics: Vec<String>,
    /// What it finds.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Links, shown as text.
    pub references: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// Fields that it tests.
    pub fields: Vec<String>,
    /// Its SQL.
    pub sql: String,
    /// What became of it.
    pub outcome: ReportOutcome,
    /// Why, where it did not run or could not find anything.
    pub reason: String,
}

/// A finding.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportFinding {
    /// Its number in the store.
    pub id: i64,
    /// Its rule's place in [`ReportData::rules`].
    pub rule: u32,
    /// Place in [`ReportData::hunts`].
    pub hunt: u32,
    /// Place in [`ReportData::statuses`].
    pub status: u32,
    /// What somebody noted.
    pub note: String,
    /// Events behind it.
    pub count: u64,
    /// Time of the first (µs UTC).
    pub first_time_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_time_us: Option<i64>,
    /// When its events happened, in runs (first, last; µs UTC): between two runs there is none. Empty where one may be anywhere between
    /// the first and the last.
    pub times_us: Vec<(i64, i64)>,
    /// Risk score.
    pub risk_score: Option<f64>,
    /// The filled message.
    pub message: String,
    /// What happened.
    pub details: String,
    /// Places in [`ReportData::hosts`].
    pub hosts: Vec<u32>,
    /// Places in [`ReportData::users`].
    pub users: Vec<u32>,
    /// What it is grouped by and the columns of its result.
    pub values: Vec<(String, String)>,
    /// Places in [`ReportData::events`]: the first of its events.
    pub events: Vec<u32>,
}

/// An event.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportEvent {
    /// Its time (µs UTC).
    pub time_us: Option<i64>,
    /// Its host.
    pub host: String,
    /// Channel or data set, and code.
    pub kind: String,
    /// Its source's place in [`ReportData::sources`].
    pub source: u32,
    /// Its record number, or its place in the source.
    pub record: i64,
    /// Its process's place in [`ReportData::processes`].
    pub process: Option<u32>,
}

/// A process that a creation event tells of.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportProcess {
    /// When it was started (µs UTC); none where only its child tells of it.
    pub time_us: Option<i64>,
    /// Its program.
    pub image: String,
    /// Its command line.
    pub command_line: String,
    /// Who ran it.
    pub user: String,
    /// Who started it: a place in [`ReportData::processes`].
    pub parent: Option<u32>,
}

/// A source.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportSource {
    /// Its path.
    pub path: String,
    /// Its format.
    pub format: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// What is to be said of it: why it was skipped, of what it is a copy.
    pub remark: String,
}

/// An object at risk.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportRisk {
    /// Its name.
    pub object: String,
    /// `user`, `system` or `other`.
    pub kind: String,
    /// Sum of its findings' scores.
    pub score: f64,
    /// How many findings.
    pub findings: u64,
    /// Titles of its rules, the one that adds most first.
    pub rule_titles: Vec<String>,
    /// First and last event (µs UTC).
    pub times_us: (Option<i64>, Option<i64>),
}

impl ReportData {
    /// Visits every text that may come from a log, a path or a rule.
    pub(super) fn each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.rules.iter_mut().for_each(|rule| rule.each_text(visit));
        self.risk.iter_mut().flat_map(|risk| &mut risk.rule_titles).for_each(&mut *visit);
        self.each_log_text(visit);
    }

    /// Visits every text that does not come from a rule.
    pub(super) fn each_log_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.scope.iter_mut().for_each(|(_, value)| visit(value));
        for list in [&mut self.hosts, &mut self.users, &mut self.statuses, &mut self.techniques, &mut self.hunts] {
            list.iter_mut().for_each(&mut *visit);
        }
        for finding in &mut self.findings {
            [&mut finding.note, &mut finding.message, &mut finding.details].into_iter().for_each(&mut *visit);
            finding.values.iter_mut().flat_map(|(name, value)| [name, value]).for_each(&mut *visit);
        }
        self.events.iter_mut().flat_map(|event| [&mut event.host, &mut event.kind]).for_each(&mut *visit);
        for process in &mut self.processes {
            [&mut process.image, &mut process.command_line, &mut process.user].into_iter().for_each(&mut *visit);
        }
        self.sources.iter_mut().flat_map(|source| [&mut source.path, &mut source.format, &mut source.remark]).for_each(&mut *visit);
        self.risk.iter_mut().for_each(|risk| visit(&mut risk.object));
    }
}

impl ReportRule {
    fn each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        let texts = [
            &mut self.id,
            &mut self.title,
            &mut self.path,
            &mut self.own_level,
            &mut self.status,
            &mut self.description,
            &mut self.author,
            &mut self.sql,
            &mut self.reason,
        ];
        texts.into_iter().for_each(&mut *visit);
        let lists = [&mut self.own_techniques, &mut self.tactics, &mut self.references, &mut self.false_positives, &mut self.fields];
        lists.into_iter().flatten().for_each(&mut *visit);
    }
}

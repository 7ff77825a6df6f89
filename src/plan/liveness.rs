//! Liveness: which fields of the event a query's stages read.
//!
//! The stages are followed with the row schema, from a row that has every field that anything could mean. A field is
//! needed when a stage reads a column that still is that field.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Dedup, Field, Glob, Pred, Stage, Stats, Transaction, Vocabulary};

use super::outputs::result_columns;
use super::schema::{Inner, Kind, RowColumn, RowSchema, SPREAD, Step, may_write, written};
use super::{Plan, spell};

/// A stage and what it holds in brackets, before the rows that it takes are known.
pub(super) struct Link {
    /// The stage.
    pub(super) stage: Stage,
    /// Its inner query or stages.
    pub(super) brackets: Brackets,
}

/// What a stage holds in brackets.
pub(super) enum Brackets {
    /// Nothing.
    None,
    /// A query, planned by itself.
    Plan(Box<Plan>),
    /// A query, and stages over its rows.
    Each(Box<Plan>, Vec<Link>),
    /// Stages over the rows so far.
    Stages(Vec<Link>),
}

impl Link {
    /// The steps that the stage is over rows with these columns: one, but for a `rename` by a pattern. `foreach` becomes the assignments
    /// that it means there.
    pub(super) fn steps(&self, before: &RowSchema) -> Vec<Step> {
        let inner = match &self.brackets {
            Brackets::None => Inner::None,
            Brackets::Plan(plan) => Inner::Plan(plan.clone()),
            Brackets::Each(plan, links) => Inner::Each(plan.clone(), steps(links, plan.result())),
            Brackets::Stages(links) => Inner::Steps(steps(links, before)),
        };
        match &self.stage {
            Stage::Rename(renames) => before.renamed(renames),
            Stage::ForEach(for_each) => match before.each_of(for_each) {
                Some(assignments) => vec![before.after(&Stage::Eval(assignments), inner)],
                None => vec![before.after(&self.stage, inner)],
            },
            Stage::Unpack(unpack) if unpack.path.is_none() => {
                vec![before.after(&Stage::Unpack(super::unpack::over(unpack, before)), inner)]
            }
            stage => vec![before.after(stage, inner)],
        }
    }

    /// The columns of an inner query that stand beside those of the rows: what these have under such a name is in the result too.
    fn united(&self) -> Vec<String> {
        match (&self.stage, &self.brackets) {
            (Stage::Join(_) | Stage::Append(_), Brackets::Plan(plan)) => {
                plan.result().columns.iter().map(|column| column.name.clone()).filter(|name| name != SPREAD).collect()
            }
            // What inner stages make stands beside what the rows have; which columns a pattern gives is not known here.
            (_, Brackets::Stages(links)) => {
                // Renamed or changed, a column that they read is one that they make.
                let read: BTreeSet<String> = links.iter().flat_map(|link| names_read(std::slice::from_ref(&link.stage))).collect();
                let steps = steps(links, &RowSchema { columns: read.iter().map(|name| text_column(name)).collect() });
                steps.last().map(|step| step.row.columns.iter().map(|column| column.name.clone()).collect()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Calls `visit` with the links of an inner pipeline and with itself.
    fn each<'l>(&'l self, visit: &mut dyn FnMut(&'l Self)) {
        visit(self);
        if let Brackets::Stages(links) = &self.brackets {
            links.iter().for_each(|link| link.each(visit));
        }
    }
}

/// The steps that stages are over rows with these columns.
pub(super) fn steps(links: &[Link], first: &RowSchema) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(links.len());
    for link in links {
        steps.extend(link.steps(steps.last().map_or(first, |step| &step.row)));
    }
    steps
}

/// The names that stages read, as they stand: what an inner query or an extraction may have to give to those behind it.
pub(super) fn names_read(stages: &[Stage]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stage in stages {
        each_read(stage, &mut |field| {
            names.insert(field.name.clone());
        });
        match stage {
            // The result has the columns of an inner query or of inner stages, and shows what the rows in front have under their names.
            Stage::AppendPipe(inner) => {
                names.extend(names_read(inner));
                names.extend(inner.iter().flat_map(|stage| [written(stage, &RowSchema::default()), may_write(stage, None)].concat()));
            }
            Stage::Append(query) => names.extend(result_columns(query).unwrap_or_default()),
            Stage::Join(join) => names.extend(result_columns(&join.query).unwrap_or_default()),
            // What an inner query reads of its own rows is not among them, but what it joins on is.
            Stage::ForEach(for_each) => names.extend(for_each.patterns.iter().filter(|name| !name.contains('*')).cloned()),
            _ => {}
        }
    }
    names
}

/// Returns the fields of the event that stages read and that `extra` names at the end, by name.
/// `known` are the names that a pattern can mean; they are asked for only where there is one. A field that is not there is
/// no column that a pattern could mean.
pub(super) fn needed(links: &[Link], extra: &[Field], known: impl Fn() -> Vec<String>, is_there: impl Fn(&Field) -> bool) -> Needed {
    let mut all: BTreeMap<String, Field> = BTreeMap::new();
    let mut add = |field: &Field| {
        all.entry(field.name.clone()).or_insert_with(|| field.clone());
    };
    let mut patterns: Vec<&str> = Vec::new();
    let mut unpacks = false;
    links.iter().for_each(|link| {
        link.each(&mut |link| {
            each_read(&link.stage, &mut add);
            link.united().iter().for_each(|name| add(&row_field(name)));
            patterns.extend(self::patterns(&link.stage));
            unpacks |= matches!(link.stage, Stage::Unpack(_));
        });
    });
    extra.iter().for_each(&mut add);
    if !patterns.is_empty() {
        let globs: Vec<_> = patterns.iter().map(|pattern| Glob::wildcard(pattern)).collect();
        let known: BTreeSet<String> = known().into_iter().filter(|name| globs.iter().any(|glob| glob.matches(name))).collect();
        known.iter().for_each(|name| add(&row_field(name)));
    }
    let columns = RowSchema { columns: all.keys().map(|name| text_column(name)).collect() };
    let assigned = |link: &Link| match &link.stage {
        Stage::ForEach(for_each) => columns.each_of(for_each).unwrap_or_default(),
        _ => Vec::new(),
    };
    for (_, value) in links.iter().flat_map(assigned) {
        value.each_field(&mut |field| {
            all.entry(field.name.clone()).or_insert_with(|| field.clone());
        });
    }
    for name in renamed_to(links, &RowSchema { columns: all.keys().map(|name| text_column(name)).collect() }) {
        all.entry(name.clone()).or_insert_with(|| row_field(&name));
    }
    let mut rows = LiveRow {
        schema: RowSchema { columns: all.keys().map(|name| text_column(name)).collect() },
        is_of: (0..all.len()).map(Some).collect(),
        // Where no pattern asks, presence does not matter, and finding it out costs a look into each event type.
        is_there: if patterns.is_empty() && !unpacks { vec![true; all.len()] } else { all.values().map(is_there).collect() },
        needed: vec![false; all.len()],
        filled: vec![false; all.len()],
        made: BTreeSet::new(),
    };
    links.iter().for_each(|link| rows.step(link));
    extra.iter().for_each(|field| rows.read(&field.name));
    // Last: `fillnull` over all columns is no reason to read them, unless the result still shows them.
    rows.read_filled();
    let fields = all.into_iter().zip(rows.needed).filter(|(_, needed)| *needed).map(|(field, _)| field).collect();
    Needed { fields, made: rows.made }
}

/// The names that renamings by pattern give. A row that lacks the old one keeps what it has under the new one.
fn renamed_to(links: &[Link], first: &RowSchema) -> BTreeSet<String> {
    let is_pattern = |link: &Link| matches!(&link.stage, Stage::Rename(renames) if renames.iter().any(|rename| rename.from.contains('*')));
    let has_pattern = |link: &Link| {
        let mut has = false;
        link.each(&mut |inner| has |= is_pattern(inner));
        has
    };
    let Some(last) = links.iter().rposition(has_pattern) else { return BTreeSet::new() };
    let (mut row, mut names) = (first.clone(), BTreeSet::new());
    for link in &links[..=last] {
        if let Brackets::Stages(inner) = &link.brackets {
            names.extend(renamed_to(inner, &row));
        }
        row = link.steps(&row).pop().map_or(row, |step| step.row);
        if is_pattern(link) {
            names.extend(row.columns.iter().map(|column| column.name.clone()));
        }
    }
    names
}

/// What stages need of the event.
pub(super) struct Needed {
    /// The fields, by name.
    pub(super) fields: BTreeMap<String, Field>,
    /// Names that a stage gives a value at least in some rows: no event need have them.
    pub(super) made: BTreeSet<String>,
}

fn text_column(name: &str) -> RowColumn {
    RowColumn { name: name.to_owned(), kind: Kind::Text, multi: false, named: false }
}

fn row_field(name: &str) -> Field {
    Field { name: name.to_owned(), vocabulary: Vocabulary::Row }
}

/// Calls `visit` with each field that a stage reads by its name; what a pattern means is not among them.
fn each_read(stage: &Stage, visit: &mut dyn FnMut(&Field)) {
    let mut names = |names: &mut dyn Iterator<Item = &String>| names.filter(|n| !n.contains('*')).for_each(|name| visit(&row_field(name)));
    match stage {
        Stage::Filter(pred) => pred.each_field(&mut |field| visit(field)),
        Stage::Eval(assignments) => assignments.iter().for_each(|(_, scalar)| scalar.each_field(&mut |field| visit(field))),
        Stage::Stats(stats) => read_stats(stats, visit),
        Stage::EventStats(stats) => {
            read_stats(stats, visit);
            // A row of no group keeps what it has.
            if !stats.by.is_empty() {
                stats.aggregates.iter().for_each(|aggregate| visit(&row_field(&aggregate.alias)));
            }
        }
        Stage::Rename(renames) => names(&mut renames.iter().map(|rename| &rename.from)),
        Stage::HeadWhile(head) => head.condition.each_field(&mut |field| visit(field)),
        Stage::Keep(fields) | Stage::Dedup(Dedup { fields, .. }) | Stage::FormatTime { fields, .. } | Stage::FillNull { fields, .. } => {
            names(&mut fields.iter());
        }
        Stage::Sort { keys, .. } => names(&mut keys.iter().map(|key| &key.field)),
        // Where the name is given, what is not a number there stays.
        Stage::Bin { field, alias, .. } => names(&mut std::iter::once(field).chain(alias)),
        // Where nothing is found the columns stay as they were.
        Stage::Extract(extract) => names(&mut std::iter::once(&extract.field).chain(&extract.names)),
        Stage::Substitute(substitute) => visit(&row_field(&substitute.field)),
        Stage::Replace(replace) => names(&mut replace.fields.iter()),
        Stage::Unpack(unpack) => {
            let written = unpack.path.iter().map(|path| unpack.output.as_ref().unwrap_or(path));
            names(&mut std::iter::once(&unpack.field).chain(written));
        }
        // What cannot be converted leaves the new name as it was.
        Stage::Convert(convert) => names(&mut convert.items.iter().flat_map(|item| std::iter::once(&item.field).chain(&item.alias))),
        Stage::MakeList(make) => visit(&row_field(&make.field)),
        Stage::Expand { field, .. } | Stage::Combine { field, .. } | Stage::JoinMembers { field, .. } => visit(&row_field(field)),
        Stage::StreamStats(stream) => {
            read_stats(&stream.stats, visit);
            if !stream.stats.by.is_empty() {
                stream.stats.aggregates.iter().for_each(|aggregate| visit(&row_field(&aggregate.alias)));
            }
            stream.reset.0.iter().chain(&stream.reset.1).for_each(|pred: &Pred| pred.each_field(&mut |field| visit(field)));
        }
        Stage::Transaction(transaction) => {
            names(&mut transaction.fields.iter());
            let conditions = transaction.starts_with.iter().chain(&transaction.ends_with);
            conditions.for_each(|pred| pred.each_field(&mut |field| visit(field)));
        }
        Stage::Frequent(frequent) => names(&mut frequent.by.iter().chain(&frequent.fields)),
        Stage::AddTotals(totals) => {
            names(&mut totals.fields.iter().chain(totals.column.iter().filter_map(|column| column.field.as_ref())));
        }
        Stage::Chart(chart) => read_stats(&chart.stats, visit),
        Stage::ForEach(for_each) => {
            names(&mut for_each.patterns.iter());
            let mut plain = |field: &Field| {
                if !field.name.contains("<<") {
                    visit(field);
                }
            };
            for_each.assignments.iter().for_each(|(_, scalar)| scalar.each_field(&mut |field| plain(field)));
        }
        Stage::FillDown(fields) => names(&mut fields.iter()),
        // `OUTPUTNEW` asks whether what it writes is there, and where nothing fits a row keeps what it has.
        Stage::Lookup(lookup) => names(&mut lookup.keys.iter().chain(&lookup.outputs).map(|(_, field)| field)),
        Stage::Join(join) => names(&mut join.fields.iter()),
        Stage::Map(map) => names(&mut map.keys.iter().map(|(outer, _)| outer).chain(&map.tokens())),
        Stage::Drop(_) | Stage::Head(_) | Stage::Tail(_) | Stage::Reverse | Stage::Append(_) | Stage::AppendPipe(_) | Stage::Format => {}
    }
}

/// The patterns by which a stage reads. Dropping reads nothing.
fn patterns(stage: &Stage) -> Vec<&str> {
    match stage {
        Stage::Rename(renames) => renames.iter().map(|rename| rename.from.as_str()).filter(|name| name.contains('*')).collect(),
        Stage::Keep(names) => names.iter().map(String::as_str).filter(|name| name.contains('*')).collect(),
        Stage::FillNull { fields, .. } | Stage::FillDown(fields) if fields.is_empty() => vec!["*"],
        Stage::FillDown(fields) => fields.iter().map(String::as_str).filter(|name| name.contains('*')).collect(),
        Stage::Replace(replace) if replace.fields.is_empty() => vec!["*"],
        Stage::Convert(convert) => convert.items.iter().map(|item| item.field.as_str()).filter(|name| name.contains('*')).collect(),
        Stage::AddTotals(totals) if totals.fields.is_empty() => vec!["*"],
        Stage::AddTotals(totals) => totals.fields.iter().map(String::as_str).filter(|name| name.contains('*')).collect(),
        Stage::ForEach(for_each) => for_each.patterns.iter().map(String::as_str).filter(|name| name.contains('*')).collect(),
        // Rows are alike when all their other columns are.
        Stage::Combine { .. } | Stage::Format => vec!["*"],
        Stage::Dedup(dedup) if dedup.fields.is_empty() => vec!["*"],
        Stage::Transaction(Transaction { starts_with, ends_with, .. }) if starts_with.iter().chain(ends_with).any(Pred::has_keyword) => {
            vec!["*"]
        }
        Stage::Stats(_) | Stage::EventStats(_) | Stage::StreamStats(_) => {
            let aggregates = spell::stats_of(stage).into_iter().flat_map(|stats| &stats.aggregates);
            aggregates.filter_map(spell::pattern).collect()
        }
        _ => Vec::new(),
    }
}

fn read_stats(stats: &Stats, visit: &mut dyn FnMut(&Field)) {
    stats.by.iter().for_each(&mut *visit);
    let named = stats.aggregates.iter().filter(|aggregate| spell::pattern(aggregate).is_none());
    named.filter_map(|a| a.argument.as_ref()).for_each(|argument| argument.each_field(&mut |field| visit(field)));
}

/// The rows at one point: their columns, and which of them still are fields of the event.
#[derive(Clone)]
struct LiveRow {
    schema: RowSchema,
    /// Column → field, by place.
    is_of: Vec<Option<usize>>,
    /// By field: whether some event can have it.
    is_there: Vec<bool>,
    /// By field.
    needed: Vec<bool>,
    /// By field: `fillnull` without names filled it, which alone is no reason to read it.
    filled: Vec<bool>,
    /// Names that some stage gives a value.
    made: BTreeSet<String>,
}

impl LiveRow {
    fn read(&mut self, name: &str) {
        if let Some(place) = self.schema.place(name) {
            self.read_place(place);
        }
    }

    fn read_place(&mut self, place: usize) {
        if let Some(field) = self.is_of[place] {
            self.needed[field] = true;
        }
    }

    /// Whether some row can have a column.
    fn has(&self, name: &str) -> bool {
        self.schema.place(name).is_some_and(|place| self.is_of[place].is_none_or(|field| self.is_there[field]))
    }

    fn drop_absent(&mut self) {
        let stays: Vec<bool> = self.is_of.iter().map(|field| field.is_none_or(|field| self.is_there[field])).collect();
        let mut columns = stays.iter();
        self.schema.columns.retain(|_| columns.next().is_some_and(|stays| *stays));
        let mut fields = stays.iter();
        self.is_of.retain(|_| fields.next().is_some_and(|stays| *stays));
    }

    /// Reads the fields that `fillnull` filled and the result still has: it shows them.
    fn read_filled(&mut self) {
        let shown: Vec<usize> = self.is_of.iter().flatten().copied().filter(|field| self.filled[*field]).collect();
        shown.into_iter().for_each(|field| self.needed[field] = true);
    }

    fn step(&mut self, link: &Link) {
        if let Stage::ForEach(for_each) = &link.stage {
            self.drop_absent();
            // Whether a column is there decides what is assigned, also where its value does not.
            let meant: Vec<usize> = for_each.patterns.iter().flat_map(|pattern| self.schema.matching(pattern)).collect();
            meant.into_iter().for_each(|place| self.read_place(place));
            if let Some(assignments) = self.schema.each_of(for_each) {
                return self.step(&Link { stage: Stage::Eval(assignments), brackets: Brackets::None });
            }
        }
        let stage = &link.stage;
        if let Stage::Eval(assignments) = stage {
            // A later assignment sees the earlier ones.
            for (name, scalar) in assignments {
                scalar.each_field(&mut |field| self.read(&field.name));
                if let Some(place) = self.schema.place(name) {
                    self.is_of[place] = None;
                }
            }
        } else {
            each_read(stage, &mut |field| self.read(&field.name));
        }
        self.brackets(link);
        if !patterns(stage).is_empty() {
            self.drop_absent();
        }
        // What fills every column changes each by itself: a rule that fills all and then names three reads three.
        let fills_all = matches!(stage, Stage::FillNull { fields, .. } | Stage::FillDown(fields) if fields.is_empty())
            || matches!(stage, Stage::Replace(replace) if replace.fields.is_empty());
        for pattern in patterns(stage) {
            for place in self.schema.matching(pattern) {
                match self.is_of[place] {
                    Some(field) if fills_all => self.filled[field] = true,
                    _ => self.read_place(place),
                }
            }
        }
        // A text that no event has makes no columns: see `RowSchema::after`.
        if let Stage::Unpack(unpack) = stage
            && !self.has(&unpack.field)
        {
            // That the text is missing says it all.
            self.made.extend(may_write(stage, None));
            return;
        }
        for step in link.steps(&self.schema) {
            if let (Stage::Rename(_), Stage::Eval(assignments)) = (stage, &step.stage) {
                assignments.iter().for_each(|(_, scalar)| scalar.each_field(&mut |field| self.read(&field.name)));
            }
            let written = if fills_all { Vec::new() } else { written(&step.stage, &self.schema) };
            let carried = step.from.iter().zip(&step.row.columns).map(|(from, column)| {
                let is_new = written.contains(&column.name);
                from.filter(|_| !is_new).and_then(|place| self.is_of[place])
            });
            self.is_of = carried.collect();
            let may_write = may_write(stage, step.inner.result(&self.schema));
            for (column, is_of) in step.row.columns.iter().zip(&mut self.is_of) {
                // No event has it, but from here on rows do: a pattern means it.
                if is_of.is_some_and(|field| !self.is_there[field]) && may_write.contains(&column.name) {
                    *is_of = None;
                }
            }
            self.made.extend(may_write);
            self.schema = step.row;
        }
    }

    /// Reads what the brackets of a stage read of these rows.
    fn brackets(&mut self, link: &Link) {
        match &link.brackets {
            Brackets::Plan(_) => link.united().iter().for_each(|name| self.read(name)),
            Brackets::Stages(links) => {
                let mut inner = self.clone();
                links.iter().for_each(|link| inner.step(link));
                // What the inner stages leave of the event is in the result too; only what they read must be read. What they put in the
                // place of a field stands beside it.
                (self.needed, self.filled, self.made) = (inner.needed, inner.filled, inner.made);
                for (column, is_of) in inner.schema.columns.iter().zip(&inner.is_of) {
                    let is_own = self.schema.place(&column.name).is_some_and(|place| self.is_of[place] == *is_of);
                    if !is_own || self.made.contains(&column.name) {
                        self.read(&column.name);
                    }
                }
            }
            Brackets::Each(..) | Brackets::None => {}
        }
    }
}

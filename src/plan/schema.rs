//! The row schema: which columns the rows have after each stage.
//!
//! The one place that knows what stages do to columns. The planner asks it which fields of the event are needed, the
//! executor where a cell stands, SQL which names a statement gives; none of them looks at names or patterns itself.
//!
//! A pattern (`table x*`, `rename "a.*" as "*"`, `fillnull` without fields) means the columns that are there at that
//! point. As in Splunk it leaves names that begin with `_` alone unless it begins so itself.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Plan;
use super::tokens::ForEachTokens;
use crate::ir::{
    Aggregate, AggregateFunction, BinaryOp, Chart, Conversion, Convert, ConvertItem, ForEach, Frequent, Function, Gives, Glob, Rename,
    Scalar, Stage, Stats, Transaction,
};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// Text, which may be the text of a number.
    Text,
    /// An integer.
    Integer,
    /// A number with every digit of its double.
    Number,
    /// A number that may have fewer digits than its double: what it shows, and what a calculation with it gives, depend on
    /// the digits that a text or a literal has.
    Decimal,
    /// A truth.
    Truth,
    /// The text `True` or `False`: a truth in a column.
    TruthText,
    /// Text in some rows, an integer in others.
    TextOrInteger,
    /// Anything.
    Any,
    /// Further columns, which only the rows know: a list of names and values in turn, both as texts.
    Spread,
}

impl Kind {
    /// What a value is that is one or the other.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Spread, _) | (_, Self::Spread) => Self::Spread,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            (Self::Integer | Self::Number | Self::Decimal, Self::Integer | Self::Number | Self::Decimal) => Self::Decimal,
            (Self::Text | Self::Integer | Self::TextOrInteger, Self::Text | Self::Integer | Self::TextOrInteger) => Self::TextOrInteger,
            _ => Self::Any,
        }
    }

    /// Whether values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::Decimal)
    }

    /// Whether values are numbers with every digit of their double.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    /// As a column has it: a truth becomes its text.
    pub fn as_data(self) -> Self {
        if self == Self::Truth { Self::TruthText } else { self }
    }
}

/// A column of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowColumn {
    /// The rule's name for it.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// Whether a cell may be a list.
    pub multi: bool,
    /// Whether the rule asks for the column by its name, so that a result shows it where it is null too. A column that
    /// is there because the event has it, or because a pattern means it, shows only in rows that have a value.
    pub named: bool,
}

/// The columns of the rows at one point of a pipeline, in their order; no name twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RowSchema {
    /// The columns.
    pub columns: Vec<RowColumn>,
}

/// A stage and what it makes of the columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The stage.
    pub stage: Stage,
    /// The columns after it.
    pub row: RowSchema,
    /// For each of them the column before the stage that it carries on, by place; the stage may go on to change it.
    /// None: the stage makes it, or it is null.
    pub from: Vec<Option<usize>>,
    /// What the stage holds in brackets.
    pub inner: Inner,
}

/// What a stage holds in brackets.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub enum Inner {
    /// Nothing.
    #[default]
    None,
    /// A query of its own (`join`, `append`).
    Plan(Box<Plan>),
    /// A query of its own, and stages that its rows go through, once for each row before the stage (`map`).
    Each(Box<Plan>, Vec<Step>),
    /// Stages over the rows so far (`appendpipe`).
    Steps(Vec<Step>),
}

impl Inner {
    /// The columns of its result; `before` are those of the rows that `appendpipe` takes.
    pub(super) fn result<'s>(&'s self, before: &'s RowSchema) -> Option<&'s RowSchema> {
        match self {
            Self::None => None,
            Self::Plan(plan) => Some(plan.result()),
            Self::Each(plan, steps) => Some(steps.last().map_or(plan.result(), |step| &step.row)),
            Self::Steps(steps) => Some(steps.last().map_or(before, |step| &step.row)),
        }
    }
}

impl RowSchema {
    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&RowColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The places of the columns that a name or pattern means, in the order of the columns.
    pub fn matching(&self, pattern: &str) -> Vec<usize> {
        let glob = Glob::wildcard(pattern);
        let inner = pattern.contains('*') && !pattern.starts_with('_');
        let is_meant = |name: &str| glob.matches(name) && !(inner && name.starts_with('_'));
        (0..).zip(&self.columns).filter(|(_, column)| is_meant(&column.name)).map(|(place, _)| place).collect()
    }

    /// What a stage makes of the columns. `foreach` is not among them: [`RowSchema::each_of`] makes assignments of it first;
    /// `rename` by a pattern may need one more: `RowSchema::renamed`.
    pub fn after(&self, stage: &Stage, inner: Inner) -> Step {
        let Some(spelled) = self.spelled(stage) else { return self.step(stage, inner) };
        let mut step = self.step(&spelled.stage, inner);
        // A pattern names no column.
        step.row.columns.iter_mut().filter(|column| spelled.made.contains(&column.name)).for_each(|column| column.named = false);
        step
    }

    fn step(&self, stage: &Stage, inner: Inner) -> Step {
        let mut next = NextRow { row: self.clone(), from: (0..self.columns.len()).map(Some).collect() };
        match stage {
            Stage::Filter(_)
            | Stage::Sort { .. }
            | Stage::Head(_)
            | Stage::HeadWhile(_)
            | Stage::Dedup(_)
            | Stage::Tail(_)
            | Stage::Reverse
            | Stage::FillDown(_)
            | Stage::ForEach(_) => {}
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    let (kind, multi) = next.row.type_of(expression);
                    next.set(name, kind.as_data(), multi);
                }
            }
            Stage::Stats(stats) => {
                next = NextRow::default();
                for field in &stats.by {
                    next.set(&field.name, self.by_kind(stats, &field.name), false);
                }
                self.aggregates(stats, &mut next);
            }
            Stage::EventStats(stats) => {
                self.aggregates(stats, &mut next);
                if !stats.by.is_empty() {
                    stats.aggregates.iter().for_each(|aggregate| self.or_kept(&aggregate.alias, &mut next));
                }
            }
            Stage::Rename(renames) => renames.iter().for_each(|rename| next.rename(rename)),
            Stage::Keep(patterns) => next = self.keep(patterns),
            Stage::Drop(patterns) => patterns.iter().for_each(|pattern| next.remove(&next.row.matching(pattern))),
            Stage::FormatTime { fields, .. } => {
                for name in fields {
                    if let Some(column) = self.column(name) {
                        next.set(name, Kind::Text, column.multi);
                    }
                }
            }
            Stage::FillNull { fields, .. } => {
                for name in self.filled(fields) {
                    let (kind, multi) = self.column(&name).map_or((Kind::Text, false), |c| (c.kind.or(Kind::Text), c.multi));
                    next.set(&name, kind, multi);
                }
            }
            Stage::Bin { field, span, alias } => self.binned(alias.as_ref().unwrap_or(field), *span, &mut next),
            Stage::StreamStats(stream) => {
                self.aggregates(&stream.stats, &mut next);
                stream.stats.aggregates.iter().for_each(|aggregate| self.or_kept(&aggregate.alias, &mut next));
            }
            Stage::Join(_) | Stage::Append(_) | Stage::AppendPipe(_) => {
                if let Some(other) = inner.result(self) {
                    other.columns.iter().for_each(|column| next.unite(column));
                }
            }
            Stage::Map(_) => {
                next = NextRow::default();
                if let Some(other) = inner.result(self) {
                    other.columns.iter().for_each(|column| next.push(column.clone(), None));
                }
            }
            Stage::Transaction(transaction) => next = self.transaction(transaction),
            Stage::Frequent(frequent) => next = self.frequent(frequent),
            Stage::Chart(chart) => next = self.chart(chart),
            _ => self.reworked(stage, &mut next),
        }
        Step { stage: stage.clone(), row: next.row, from: next.from, inner }
    }

    fn binned(&self, target: &str, span: f64, next: &mut NextRow) {
        let binned = if span.fract() == 0.0 { Kind::Integer } else { Kind::Number };
        let (kind, multi) = match self.column(target) {
            Some(old) if old.kind.is_number() => (binned, false),
            Some(old) => (old.kind.or(binned), old.multi),
            None => (binned, false),
        };
        next.set(target, kind, multi);
    }

    /// Stages that work on single columns.
    fn reworked(&self, stage: &Stage, next: &mut NextRow) {
        let mut add = |name: &str, kind: Kind, multi: bool| {
            let old = self.column(name);
            let kind = old.map_or(kind, |old| old.kind.or(kind));
            next.set(name, kind, multi || old.is_some_and(|old| old.multi));
        };
        match stage {
            Stage::Extract(extract) => {
                let multi = extract.max_match != Some(1) || self.column(&extract.field).is_some_and(|source| source.multi);
                extract.names.iter().for_each(|name| add(name, Kind::Text, multi));
            }
            // Where no row has the text, nothing is read of it: a renaming by pattern must not find columns without a value.
            Stage::Unpack(unpack) if self.column(&unpack.field).is_none() => {}
            Stage::Unpack(unpack) => match (&unpack.path, &unpack.output) {
                (Some(path), output) => add(output.as_ref().unwrap_or(path), Kind::Text, true),
                (None, _) => unpack.columns.iter().for_each(|name| add(name, Kind::Text, true)),
            },
            Stage::Lookup(lookup) => {
                // A list of keys gives a list of answers.
                let of_list = lookup.keys.iter().any(|(_, name)| self.column(name).is_some_and(|column| column.multi));
                let multi = of_list || lookup.table.max_matches > 1 || lookup.table.min_matches > 1;
                lookup.outputs.iter().for_each(|(_, name)| add(name, Kind::Text, multi));
            }
            Stage::Substitute(substitute) if self.column(&substitute.field).is_some() => add(&substitute.field, Kind::Text, false),
            Stage::Replace(replace) => {
                for name in self.filled(&replace.fields) {
                    if self.column(&name).is_some() {
                        add(&name, Kind::Text, false);
                    }
                }
            }
            Stage::MakeList(make) if self.column(&make.field).is_some() => add(&make.field, Kind::Text, true),
            Stage::Convert(convert) => {
                for (_, source, target) in self.conversions(convert) {
                    let multi = next.row.column(&source).is_some_and(|source| source.multi);
                    let old = next.row.column(&target);
                    let kind = old.map_or(Kind::Any, |old| old.kind.or(Kind::Any));
                    let multi = multi || old.is_some_and(|old| old.multi);
                    next.set(&target, kind, multi);
                }
            }
            Stage::AddTotals(totals) => {
                if let Some(name) = &totals.row {
                    next.set(name, Kind::Number, false);
                }
                if let Some(field) = totals.column.as_ref().and_then(|column| column.field.as_ref()) {
                    next.set(field, Kind::Any, self.column(field).is_some_and(|old| old.multi));
                }
            }
            Stage::Expand { field, .. } | Stage::JoinMembers { field, .. } => {
                if let Some(old) = self.column(field) {
                    next.set(field, if old.multi { Kind::Text } else { old.kind }, false);
                }
            }
            Stage::Combine { field, .. } if self.column(field).is_some() => add(field, Kind::Text, true),
            Stage::Format => {
                *next = NextRow::default();
                next.set(SEARCH, Kind::Text, false);
            }
            _ => {}
        }
    }

    fn transaction(&self, transaction: &Transaction) -> NextRow {
        let mut next = NextRow { row: self.clone(), from: (0..self.columns.len()).map(Some).collect() };
        for column in next.row.columns.iter_mut().filter(|column| column.name != super::TIME) {
            (column.kind, column.multi) = (Kind::Text.or(column.kind), true);
        }
        for name in transaction.fields.iter().filter(|name| self.column(name).is_none()) {
            next.set(name, Kind::Text, true);
        }
        next.set("duration", Kind::Number, false);
        next.set("eventcount", Kind::Integer, false);
        next.set("closed_txn", Kind::Integer, false);
        next
    }

    fn frequent(&self, frequent: &Frequent) -> NextRow {
        let mut next = NextRow::default();
        for name in frequent.by.iter().chain(&frequent.fields) {
            next.set(name, self.column(name).map_or(Kind::Text, |column| if column.multi { Kind::Text } else { column.kind }), false);
        }
        let other = frequent.other.iter().flat_map(|_| &frequent.fields);
        other.for_each(|name| next.set(name, Kind::Any, false));
        frequent.count.iter().for_each(|name| next.set(name, Kind::Integer, false));
        frequent.percent.iter().for_each(|name| next.set(name, Kind::Any, false));
        next
    }

    fn chart(&self, chart: &Chart) -> NextRow {
        let mut next = NextRow::default();
        for field in &chart.stats.by {
            next.set(&field.name, self.by_kind(&chart.stats, &field.name), false);
            if chart.is_split() {
                return self.split(chart, next);
            }
        }
        self.aggregates(&chart.stats, &mut next);
        next
    }

    /// The columns that values of the second field make: some by name, all others in one.
    fn split(&self, chart: &Chart, mut next: NextRow) -> NextRow {
        let types = chart.stats.aggregates.iter().map(|aggregate| self.aggregate_type(aggregate));
        let (kind, multi) = types.reduce(|(kind, multi), (other, lists)| (kind.or(other), multi || lists)).unwrap_or((Kind::Any, false));
        let mut add = |name: &str, kind, multi| next.push(RowColumn { name: name.to_owned(), kind, multi, named: false }, None);
        chart.columns.iter().for_each(|name| add(name, kind, multi));
        add(SPREAD, Kind::Spread, true);
        next
    }

    /// The assignments that `foreach` makes for the columns that its patterns mean, in the order of the names; a name twice counts once.
    /// Nothing: they would be too many or too long, and the rule fails where it runs.
    pub fn each_of(&self, for_each: &ForEach) -> Option<Vec<(String, Scalar)>> {
        let mut left = if self.columns.len() > FOR_EACH_COLUMNS { 0 } else { FOR_EACH_BYTES };
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for pattern in &for_each.patterns {
            let mut names: Vec<&String> = self.matching(pattern).into_iter().map(|place| &self.columns[place].name).collect();
            // Not in that of the columns: where a stage has replaced a field, another field's place would decide.
            names.sort_unstable();
            for name in names {
                if seen.insert(name.as_str()) {
                    let tokens = ForEachTokens::new(pattern, name);
                    for (target, value) in &for_each.assignments {
                        out.push((tokens.fill(target, &mut left)?, tokens.scalar(value, &mut left)?));
                    }
                }
            }
        }
        Some(out)
    }

    /// The columns that `fillnull` fills: the named ones, else all that a pattern `*` means.
    pub fn filled(&self, fields: &[String]) -> Vec<String> {
        if fields.is_empty() { self.matching("*").into_iter().map(|i| self.columns[i].name.clone()).collect() } else { fields.to_vec() }
    }

    /// The conversions of single columns that `convert` means: how, from which, to which.
    pub fn conversions(&self, convert: &Convert) -> Vec<(Conversion, String, String)> {
        let is_none = |item: &&ConvertItem| item.kind == Conversion::None;
        // One after the other: a column that one makes is there for the next.
        let mut row = self.clone();
        let mut out = Vec::new();
        for item in convert.items.iter().filter(|item| !is_none(item)) {
            let excepted: Vec<usize> = convert.items.iter().filter(is_none).flat_map(|item| row.matching(&item.field)).collect();
            let is_pattern = item.field.contains('*');
            for place in row.matching(&item.field).into_iter().filter(|place| !is_pattern || !excepted.contains(place)) {
                let name = row.columns[place].name.clone();
                let target = item.alias.as_ref().unwrap_or(&name).clone();
                if row.place(&target).is_none() {
                    row.columns.push(RowColumn { name: target.clone(), ..row.columns[place].clone() });
                }
                out.push((item.kind, name, target));
            }
        }
        out
    }

    fn by_kind(&self, stats: &Stats, name: &str) -> Kind {
        let kind = self.column(name).map_or(Kind::Text, |column| if column.multi { Kind::Text } else { column.kind });
        if stats.fill_null_by.is_some() { kind.or(Kind::Text) } else { kind }
    }

    fn aggregates(&self, stats: &Stats, next: &mut NextRow) {
        for aggregate in &stats.aggregates {
            let (kind, multi) = self.aggregate_type(aggregate);
            next.set(&aggregate.alias, kind, multi);
        }
    }

    /// A row of no group keeps what it has.
    fn or_kept(&self, name: &str, next: &mut NextRow) {
        if let (Some(old), Some(place)) = (self.column(name), next.row.place(name)) {
            let new = &mut next.row.columns[place];
            (new.kind, new.multi) = (new.kind.or(old.kind), new.multi || old.multi);
        }
    }

    fn keep(&self, patterns: &[String]) -> NextRow {
        let mut next = NextRow::default();
        for pattern in patterns {
            let named = !pattern.contains('*');
            for place in self.matching(pattern) {
                let column = RowColumn { named: named || self.columns[place].named, ..self.columns[place].clone() };
                match next.row.place(&column.name) {
                    Some(known) => next.row.columns[known].named |= named,
                    None => next.push(column, Some(place)),
                }
            }
            // A named column that nothing has is shown empty: the analyst asked for it.
            if named && next.row.place(pattern).is_none() {
                next.push(RowColumn { name: pattern.clone(), kind: Kind::Text, multi: false, named }, None);
            }
        }
        next
    }

    /// What an expression gives: what its values are, and whether they may be lists.
    pub fn type_of(&self, expression: &Scalar) -> (Kind, bool) {
        /// Above it not every whole number is a double.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match expression {
            Scalar::Null | Scalar::Text(_) => (Kind::Text, false),
            Scalar::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => (Kind::Integer, false),
            Scalar::Number(_) => (Kind::Number, false),
            Scalar::Negate(inner) => (if self.type_of(inner).0.is_exact() { Kind::Number } else { Kind::Decimal }, false),
            Scalar::Bool(_) | Scalar::Not(_) | Scalar::And(_) | Scalar::Or(_) => (Kind::Truth, false),
            Scalar::Field(field) => self.column(&field.name).map_or((Kind::Text, false), |column| (column.kind, column.multi)),
            Scalar::Call(function, arguments) => self.call_type(*function, arguments),
            Scalar::Binary(op, left, right) => (self.binary_kind(*op, left, right), false),
        }
    }

    fn binary_kind(&self, op: BinaryOp, left: &Scalar, right: &Scalar) -> Kind {
        let is_text = |e: &Scalar| matches!(e, Scalar::Text(_));
        match op {
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Xor => Kind::Truth,
            BinaryOp::Concat => Kind::Text,
            BinaryOp::Add if is_text(left) || is_text(right) => Kind::Text,
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => {
                // Each side is asked once: asked twice at each `+`, a sum of forty terms would never end.
                let sides = [left, right].map(|side| (side, self.type_of(side).0));
                if op == BinaryOp::Add && sides.iter().all(|(_, kind)| *kind == Kind::Text) {
                    // Two texts are added where both are numbers, and joined where they are not.
                    return Kind::Any;
                }
                let exact = sides.iter().all(|(side, kind)| **side == Scalar::Null || kind.is_exact());
                if exact { Kind::Number } else { Kind::Decimal }
            }
        }
    }

    fn call_type(&self, function: Function, arguments: &[Scalar]) -> (Kind, bool) {
        let multi = || arguments.iter().any(|argument| self.type_of(argument).1);
        match function.gives() {
            Gives::Text | Gives::Null => (Kind::Text, false),
            Gives::Integer => (Kind::Integer, false),
            Gives::Number => (Kind::Number, false),
            Gives::Decimal => (Kind::Decimal, false),
            Gives::Truth => (Kind::Truth, false),
            Gives::NumberOrText => (Kind::Any, false),
            Gives::List => (Kind::Text, true),
            Gives::Members => (Kind::Text, multi()),
            Gives::Arguments => self.chosen_type(&chosen(function, arguments)),
        }
    }

    /// The type of one of several values; a literal null has none of its own.
    fn chosen_type(&self, values: &[&Scalar]) -> (Kind, bool) {
        let types: Vec<(Kind, bool)> =
            // A literal null takes any kind, so `if(x, 5, null())` stays a number.
            values.iter().filter(|v| ***v != Scalar::Null).map(|v| self.type_of(v)).map(|(kind, multi)| (kind.as_data(), multi)).collect();
        let kind = types.iter().map(|(kind, _)| *kind).reduce(Kind::or).unwrap_or(Kind::Text);
        (kind, types.iter().any(|(_, multi)| *multi))
    }

    /// What an aggregate gives.
    pub fn aggregate_type(&self, aggregate: &Aggregate) -> (Kind, bool) {
        let (kind, multi) = aggregate.argument.as_ref().map_or((Kind::Integer, false), |argument| self.type_of(argument));
        let kind = kind.as_data();
        match aggregate.function {
            AggregateFunction::Count | AggregateFunction::Dc => (Kind::Integer, false),
            AggregateFunction::Min | AggregateFunction::Max => (if kind.is_number() { kind } else { Kind::Any }, false),
            AggregateFunction::Sum
            | AggregateFunction::SumSq
            | AggregateFunction::Avg
            | AggregateFunction::Stdev
            | AggregateFunction::StdevP
            | AggregateFunction::Var
            | AggregateFunction::VarP
            | AggregateFunction::Range
            | AggregateFunction::EarliestTime
            | AggregateFunction::LatestTime
            | AggregateFunction::Rate
            | AggregateFunction::Median
            | AggregateFunction::Percentile(_) => (Kind::Number, false),
            AggregateFunction::Mode => (Kind::Text, false),
            AggregateFunction::Values | AggregateFunction::List => (Kind::Text, true),
            AggregateFunction::Earliest | AggregateFunction::Latest | AggregateFunction::First | AggregateFunction::Last => (kind, multi),
        }
    }
}

/// The values among which a function chooses.
fn chosen(function: Function, arguments: &[Scalar]) -> Vec<&Scalar> {
    match function {
        Function::If => arguments.iter().skip(1).collect(),
        Function::Case | Function::Validate => arguments.iter().skip(1).step_by(2).collect(),
        Function::NullIf => arguments.iter().take(1).collect(),
        _ => arguments.iter().collect(),
    }
}

/// The columns after a stage while they are made.
#[derive(Default)]
struct NextRow {
    row: RowSchema,
    from: Vec<Option<usize>>,
}

impl NextRow {
    fn push(&mut self, column: RowColumn, from: Option<usize>) {
        self.row.columns.push(column);
        self.from.push(from);
    }

    /// Sets what a column is; it is made where there is none.
    fn set(&mut self, name: &str, kind: Kind, multi: bool) {
        let column = RowColumn { name: name.to_owned(), kind, multi, named: true };
        match self.row.place(name) {
            Some(place) => self.row.columns[place] = column,
            None => self.push(column, None),
        }
    }

    /// Adds a column of other rows: one of that name is either's.
    fn unite(&mut self, other: &RowColumn) {
        match self.row.place(&other.name) {
            Some(place) => {
                let own = &mut self.row.columns[place];
                (own.kind, own.multi, own.named) = (own.kind.or(other.kind), own.multi || other.multi, own.named || other.named);
            }
            None => self.push(other.clone(), None),
        }
    }

    fn remove(&mut self, places: &[usize]) {
        // From behind: removing moves the places of all that follow.
        for place in places.iter().rev() {
            self.row.columns.remove(*place);
            self.from.remove(*place);
        }
    }

    /// Renames a column, or those of a pattern; what had the new name is gone, also where nothing has the old one. What rows keep of it
    /// under a pattern is said before: [`RowSchema::renamed`].
    fn rename(&mut self, rename: &Rename) {
        let pairs = self.row.renamed_pairs(rename);
        // All at once: what one pair takes away may be what another gives.
        let is_lost = |name: &String| pairs.iter().any(|(_, to)| to == name) && !pairs.iter().any(|(from, _)| from == name);
        let lost: Vec<usize> = (0..self.row.columns.len()).filter(|place| is_lost(&self.row.columns[*place].name)).collect();
        self.remove(&lost);
        for column in &mut self.row.columns {
            if let Some((_, to)) = pairs.iter().find(|(from, _)| *from == column.name) {
                column.named |= !rename.from.contains('*');
                column.name.clone_from(to);
            }
        }
    }
}

/// Columns beyond which `foreach` does not go: each one may double them, so that thirty of them would make a billion. The widest
/// public collection of logs has a tenth of it.
const FOR_EACH_COLUMNS: usize = 10_000;
/// Bytes of the assignments that one `foreach` makes. Those of public detections make some hundred.
const FOR_EACH_BYTES: usize = 1024 * 1024;

/// The names that a stage writes, whatever stood there before.
pub(super) fn written(stage: &Stage, before: &RowSchema) -> Vec<String> {
    match stage {
        Stage::Eval(assignments) => assignments.iter().map(|(name, _)| name.clone()).collect(),
        Stage::Stats(stats) => stats.by.iter().map(|f| &f.name).chain(stats.aggregates.iter().map(|a| &a.alias)).cloned().collect(),
        Stage::EventStats(stats) => stats.aggregates.iter().map(|a| a.alias.clone()).collect(),
        Stage::FormatTime { fields, .. } => fields.clone(),
        Stage::FillNull { fields, .. } => before.filled(fields),
        Stage::Bin { field, alias, .. } => vec![alias.as_ref().unwrap_or(field).clone()],
        Stage::Frequent(frequent) => {
            frequent.by.iter().chain(&frequent.fields).chain(&frequent.count).chain(&frequent.percent).cloned().collect()
        }
        Stage::Chart(chart) => {
            let names = chart.stats.by.iter().map(|f| &f.name).chain(chart.stats.aggregates.iter().map(|a| &a.alias));
            names.chain(&chart.columns).cloned().collect()
        }
        Stage::AddTotals(totals) => totals.row.iter().cloned().collect(),
        Stage::Transaction(_) => ["duration", "eventcount", "closed_txn"].map(str::to_owned).into(),
        Stage::MakeList(make) => vec![make.field.clone()],
        Stage::Convert(convert) => before.conversions(convert).into_iter().map(|(_, _, target)| target).collect(),
        Stage::Expand { field, .. } | Stage::Combine { field, .. } | Stage::JoinMembers { field, .. } => vec![field.clone()],
        Stage::Format => vec![SEARCH.to_owned()],
        Stage::Filter(_)
        | Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { .. }
        | Stage::Head(_)
        | Stage::HeadWhile(_)
        | Stage::Tail(_)
        | Stage::Reverse
        | Stage::Dedup(_)
        | Stage::Extract(_)
        | Stage::Substitute(_)
        | Stage::Replace(_)
        | Stage::Unpack(_)
        | Stage::StreamStats(_)
        | Stage::ForEach(_)
        | Stage::FillDown(_)
        | Stage::Lookup(_)
        | Stage::Join(_)
        | Stage::Map(_)
        | Stage::Append(_)
        | Stage::AppendPipe(_) => Vec::new(),
    }
}

/// The names that a stage writes in some rows, and which keep what stood there in others.
pub(super) fn may_write(stage: &Stage, inner: Option<&RowSchema>) -> Vec<String> {
    match stage {
        Stage::Extract(extract) => extract.names.clone(),
        Stage::Unpack(unpack) => match (&unpack.path, &unpack.output) {
            (Some(path), output) => vec![output.as_ref().unwrap_or(path).clone()],
            (None, _) => unpack.columns.clone(),
        },
        Stage::Lookup(lookup) => lookup.outputs.iter().map(|(_, name)| name.clone()).collect(),
        Stage::StreamStats(stream) => stream.stats.aggregates.iter().map(|aggregate| aggregate.alias.clone()).collect(),
        Stage::Join(_) | Stage::Map(_) | Stage::Append(_) | Stage::AppendPipe(_) => {
            inner.map(|row| row.columns.iter().map(|column| column.name.clone()).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The column of all columns that only the rows know.
pub const SPREAD: &str = "*";

/// The column of `format`.
const SEARCH: &str = "search";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Field, Vocabulary};

    impl RowSchema {
        fn after_one(&self, stage: &Stage) -> Step {
            self.after(stage, Inner::None)
        }
    }

    fn schema(names: &[&str]) -> RowSchema {
        let column = |name: &&str| RowColumn { name: (*name).to_owned(), kind: Kind::Text, multi: false, named: false };
        RowSchema { columns: names.iter().map(column).collect() }
    }

    fn names(step: &Step) -> Vec<&str> {
        step.row.columns.iter().map(|column| column.name.as_str()).collect()
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_type_of_a_long_sum_is_found_term_by_term() {
        let field = |_| Scalar::Field(Field { name: "a".into(), vocabulary: Vocabulary::Row });
        let sum = (0..100).map(field).reduce(|left, right| Scalar::Binary(BinaryOp::Add, Box::new(left), Box::new(right)));
        assert_eq!(schema(&["a"]).type_of(&sum.expect("a hundred terms")), (Kind::Decimal, false));
    }

    #[test]
    fn a_pattern_takes_the_prefix_away_and_carries_the_cells() {
        let before = schema(&["Processes.dest", "dest", "count", "Processes.user"]);
        let step = before.after_one(&Stage::Rename(vec![Rename { from: "Processes.*".into(), to: "*".into() }]));
        assert_eq!(names(&step), ["dest", "count", "user"]);
        assert_eq!(step.from, [Some(0), Some(2), Some(3)]);
    }

    #[test]
    fn a_pattern_renames_all_at_once() {
        let step = schema(&["aab", "ab", "b"]).after_one(&Stage::Rename(vec![Rename { from: "a*".into(), to: "*".into() }]));
        assert_eq!((names(&step), step.from.clone()), (vec!["ab", "b"], vec![Some(0), Some(1)]));
    }

    #[test]
    fn names_are_kept_though_nothing_has_them_and_patterns_leave_hidden_ones() {
        let before = schema(&["_time", "x1", "x2", "y"]);
        let step = before.after_one(&Stage::Keep(strings(&["x*", "gone", "x1"])));
        assert_eq!(names(&step), ["x1", "x2", "gone"]);
        assert_eq!(step.from, [Some(1), Some(2), None]);
        assert_eq!(step.row.columns.iter().map(|c| c.named).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(names(&before.after_one(&Stage::Drop(strings(&["*"])))), ["_time"]);
        assert_eq!(names(&before.after_one(&Stage::Drop(strings(&["_*"])))), ["x1", "x2", "y"]);
    }

    #[test]
    fn each_foreach_may_double_the_columns_and_their_names_up_to_a_limit() {
        let for_each = |targets: [&str; 2]| ForEach {
            patterns: strings(&["*"]),
            assignments: targets.map(|target| (target.to_owned(), Scalar::Null)).to_vec(),
        };
        for target in [["x<<FIELD>>", "y<<FIELD>>"], ["<<FIELD>><<FIELD>>", "<<FIELD>>"]] {
            let (mut row, mut made) = (schema(&["a"]), 0);
            while let Some(assignments) = row.each_of(&for_each(target)) {
                row = row.after(&Stage::Eval(assignments), Inner::None).row;
                made += 1;
                assert!(made < 30, "{target:?}");
            }
            assert!(row.columns.len() <= 3 * FOR_EACH_COLUMNS, "{target:?}: {}", row.columns.len());
        }
    }

    #[test]
    fn a_missing_source_takes_its_target_away() {
        let step = schema(&["b", "c"]).after_one(&Stage::Rename(vec![Rename { from: "a".into(), to: "b".into() }]));
        assert_eq!(names(&step), ["c"]);
    }

    #[test]
    fn without_fields_all_are_filled() {
        let step = schema(&["_time", "a"]).after_one(&Stage::FillNull { fields: Vec::new(), value: "0".into() });
        assert_eq!(step.row.columns.iter().map(|c| c.named).collect::<Vec<_>>(), [false, true]);
    }
}

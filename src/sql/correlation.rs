//! Correlations as portable SQL: the sliding window as window functions over time, alerts that overlap as islands.
//!
//! The steps are CTEs: `matched` (the events of every input with keys `k…`, their spellings `s…` and values `w…`),
//! `items` (each once, with `n` = 1 where an event counts), `windows` (what the window that ends at a row holds),
//! `alerts`, `spans` (alerts that overlap as one) and `behind` (the events of these). Values that are counted have no
//! window function in SQLite, so each window looks its rows up again; a hunt does not. Where texts are compared without case,
//! `letters` comes first: all letters beyond ASCII that have a small form, and these.

use sqlparser::ast::{Expr, SelectItem};

use super::ast;
use super::dialect::{HeadColumn, StageDialect};
use super::field::ViewFields;
use super::pred::pred;
use super::writer::StatementWriter;
use super::{Statement, StatementColumns, StatementOptions, StatementOrigin, base_select, typed};
use crate::catalog::Catalog;
use crate::ir::{Correlation, CorrelationKind, Input, InputSource, NumberOp, RuleExpression, ValueAggregate, WindowCondition};
use crate::plan::{FieldExpr, Plan};

/// Makes the portable form of a correlation; `plans` are those of its inputs. The columns are the group keys, then
/// `count`, `first_time_us` and `last_time_us` of the events, `first_window_us` and `last_window_us` (where alert
/// windows end) and `windows`; then `_events`, the ids of the events in the order of their times.
pub fn portable_correlation(correlation: &Correlation, plans: &[(usize, &Plan)], catalog: &Catalog) -> Statement {
    portable_correlation_with(correlation, plans, catalog, StatementOptions::default())
}

/// As [`portable_correlation`], over the events of some time, or for another database.
pub fn portable_correlation_with(
    correlation: &Correlation,
    plans: &[(usize, &Plan)],
    catalog: &Catalog,
    options: StatementOptions,
) -> Statement {
    let writer = StatementWriter::with(options);
    let own = ["count", "first_time_us", "last_time_us", "first_window_us", "last_window_us", "windows", "_events"];
    let columns: Vec<String> = correlation.group_by.iter().cloned().chain(own.map(str::to_owned)).collect();
    let keys: Vec<(String, usize)> = correlation.group_by.iter().cloned().zip(0..).collect();
    let (first, events) = (keys.len(), columns.len() - 1);
    let origin = StatementOrigin::Group { keys, count: first, first_us: first + 1, last_us: first + 2, events };
    let row = StatementColumns { shown: events, columns, lists: None, origin };
    let Some(words) = writer.stages else {
        writer.gap("a correlation");
        return Statement { sql: String::new(), row, not_portable: writer.finish() };
    };
    if correlation.inputs.iter().any(|input| matches!(input.source, InputSource::Correlation(_))) {
        // Alerts of alerts need a statement a level; ARCHITECTURE says why a hunt does it in Rust.
        writer.gap("a correlation of correlations");
    }
    let ranked = matches!(correlation.kind, CorrelationKind::Value(ValueAggregate::Median | ValueAggregate::Percentile(_), _));
    if ranked {
        writer.gap("a median or percentile of a sliding window");
    }
    let select = CorrelationSelect {
        writer: &writer,
        words,
        correlation,
        catalog,
        keys: correlation.group_by.len(),
        values: correlation.kind.values().len(),
    };
    let sql = if ranked { String::new() } else { select.sql(plans) };
    let gaps = writer.finish();
    Statement { sql: if gaps.is_empty() { sql } else { String::new() }, row, not_portable: gaps }
}

struct CorrelationSelect<'a> {
    writer: &'a StatementWriter,
    words: &'static dyn StageDialect,
    correlation: &'a Correlation,
    catalog: &'a Catalog,
    keys: usize,
    values: usize,
}

impl CorrelationSelect<'_> {
    fn sql(&self, plans: &[(usize, &Plan)]) -> String {
        let steps = [("matched", self.matched(plans)), ("items", self.items()), ("windows", self.windows())];
        let mut out = String::from("WITH ");
        if self.keys > 0 || matches!(self.correlation.kind, CorrelationKind::ValueCount(_)) {
            let (name, select) = self.words.letters();
            out.push_str(&format!("{name} AS (\n{select}\n),\n"));
        }
        for (name, body) in steps.into_iter().chain(self.islands()) {
            out.push_str(&format!("{name} AS (\n{body}\n),\n"));
        }
        out.truncate(out.len() - 2);
        out.push('\n');
        out + &self.result()
    }

    /// `k0, k1, ` with a prefix for each.
    fn list(&self, prefix: &str, letter: char, count: usize) -> String {
        (0..count).map(|i| format!("{prefix}{letter}{i}, ")).collect()
    }

    fn keys(&self, prefix: &str) -> String {
        self.list(prefix, 'k', self.keys)
    }

    /// `PARTITION BY k0, …`, or nothing.
    fn partition(&self, more: &str) -> String {
        let keys = format!("{}{more}", self.keys(""));
        let keys = keys.trim_end_matches(", ");
        if keys.is_empty() { String::new() } else { format!("PARTITION BY {keys} ") }
    }

    fn frame(&self) -> String {
        match self.correlation.window_us {
            Some(us) => format!("RANGE BETWEEN {us} PRECEDING AND CURRENT ROW"),
            None => "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING".to_owned(),
        }
    }

    /// The events of all inputs.
    fn matched(&self, plans: &[(usize, &Plan)]) -> String {
        let mut selects = Vec::new();
        for (number, plan) in plans {
            let input = &self.correlation.inputs[*number];
            for (event_type, branch) in typed(plan, self.catalog) {
                let fields = ViewFields { writer: self.writer, event_type };
                let number = i64::try_from(*number).expect("few inputs");
                let mut items = vec![
                    ast::item(ast::integer(number), "input"),
                    ast::item(self.writer.dialect.head(HeadColumn::Id), "id"),
                    ast::item(self.writer.dialect.head(HeadColumn::TimeUs), "t"),
                ];
                let own = self.fields(&fields, input, &|name| branch.fields.get(name).unwrap_or(&FieldExpr::Missing));
                items.extend(own);
                selects.push(base_select(&fields, pred(&fields, &branch.filter), items));
            }
        }
        if selects.is_empty() {
            let names = format!("input, id, t, {}{}", self.list("", 's', self.keys), self.list("", 'w', self.values));
            let nulls: Vec<String> = names.trim_end_matches(", ").split(", ").map(|name| format!("NULL AS {name}")).collect();
            return format!("SELECT {} WHERE 1 = 0", nulls.join(", "));
        }
        self.writer.dialect.print(&ast::query(ast::union_all(selects)))
    }

    fn fields<'f>(&self, fields: &ViewFields<'_>, input: &Input, field: &dyn Fn(&str) -> &'f FieldExpr) -> Vec<SelectItem> {
        let value = |name: &str| -> Expr {
            let field = field(name);
            if fields.may_be_list(field) {
                // A list makes several rows of one event, which a text view does not have.
                return self.writer.gap("a group key or counted value that may be a list");
            }
            let value = fields.value(field);
            self.writer.as_text(value)
        };
        let keys = input.group_by.iter().enumerate().map(|(i, f)| ast::item(value(&f.name), &format!("s{i}")));
        let values = input.values.iter().enumerate().map(|(i, f)| ast::item(value(&f.name), &format!("w{i}")));
        keys.chain(values).collect()
    }

    fn items(&self) -> String {
        let dialect = self.words;
        let lowered: String = (0..self.keys).map(|i| format!("{} AS k{i}, s{i}, ", dialect.folded(&format!("s{i}")))).collect();
        let raw: String = (0..self.keys).map(|i| format!(", k{i}")).collect();
        let aggregated = matches!(self.correlation.kind, CorrelationKind::Value(..));
        let values: String = (0..self.values)
            .map(|i| {
                if aggregated {
                    format!("{} AS w{i}, ", dialect.number_of(&format!("w{i}")))
                } else {
                    format!("{} AS w{i}, ", dialect.folded(&format!("w{i}")))
                }
            })
            .collect();
        let present = |letter: char, count: usize| (0..count).map(move |i| format!(" AND {letter}{i} IS NOT NULL"));
        let mut usable: String = present('s', self.keys).chain(present('w', self.values)).collect();
        if aggregated {
            usable += &format!(" AND {}", dialect.is_number(&Expr::Identifier(ast::ident("w0"))));
        }
        let own = format!("{}{}", self.list("", 's', self.keys), self.list("", 'w', self.values));
        let all = format!("SELECT input, id, t, {lowered}{values}1 AS _\nFROM matched WHERE t IS NOT NULL{usable}");
        let select = format!(
            "SELECT input, id, t, {}{own}CASE WHEN row_number() OVER (PARTITION BY id{raw} ORDER BY input) = 1 THEN 1 ELSE 0 END AS n FROM (\n{all}\n)",
            self.keys("")
        );
        // Aggregated numbers must not be summed twice, so only that row stays; counts and orders need the others.
        if aggregated { format!("SELECT * FROM (\n{select}\n) WHERE n = 1") } else { select }
    }

    /// What each window holds, as `alert`: whether it meets the condition.
    fn windows(&self) -> String {
        let window = format!("WINDOW w AS ({}ORDER BY t {})", self.partition(""), self.frame());
        let number = |measure: String, tests: &[(NumberOp, f64)]| {
            let tests: Vec<String> = tests.iter().map(|(op, right)| format!("m {} {}", op.symbol(), ast::real(*right))).collect();
            format!("SELECT *, {} AS alert FROM (\nSELECT *, {measure} AS m FROM items {window}\n)", tests.join(" AND "))
        };
        let has = |input: usize| format!("count(CASE WHEN input = {input} THEN 1 END) OVER w > 0");
        match (&self.correlation.kind, &self.correlation.condition) {
            // `sum(n)`, not `count(*)`: an event that two rules match is one.
            (CorrelationKind::EventCount, WindowCondition::Number(tests)) => number("sum(n) OVER w".to_owned(), tests),
            (CorrelationKind::ValueCount(_), WindowCondition::Number(tests)) => number(self.distinct(), tests),
            (CorrelationKind::Value(aggregate, _), WindowCondition::Number(tests)) => {
                let function = match aggregate {
                    ValueAggregate::Avg => "avg",
                    ValueAggregate::Min => "min",
                    ValueAggregate::Max => "max",
                    ValueAggregate::Sum | ValueAggregate::Median | ValueAggregate::Percentile(_) => "sum",
                };
                number(format!("{function}(w0) OVER w"), tests)
            }
            (CorrelationKind::TemporalOrdered, WindowCondition::Rules(expression)) => {
                let (wanted, unwanted) = expression.conjunction().unwrap_or_default();
                self.ordered(&wanted, &unwanted, &window)
            }
            (_, WindowCondition::Number(tests)) => {
                let present: Vec<String> =
                    (0..self.correlation.inputs.len()).map(|i| format!("CASE WHEN {} THEN 1 ELSE 0 END", has(i))).collect();
                number(present.join(" + "), tests)
            }
            (_, WindowCondition::Rules(expression)) => {
                format!("SELECT *, {} AS alert FROM items {window}", truth(expression, &has))
            }
        }
    }

    fn distinct(&self) -> String {
        let same: String = (0..self.keys).map(|i| format!("x.k{i} = items.k{i} AND ")).collect();
        let inside = match self.correlation.window_us {
            Some(us) => format!("x.t BETWEEN items.t - {us} AND items.t"),
            None => "1 = 1".to_owned(),
        };
        let values = self.list("", 'w', self.values);
        format!("(SELECT count(*) FROM (SELECT DISTINCT {} FROM items x WHERE {same}{inside}))", values.trim_end_matches(", "))
    }

    /// `b0`, `b1`, …: when the latest chain of so many steps began that ends at the row.
    fn ordered(&self, wanted: &[usize], unwanted: &[usize], window: &str) -> String {
        // 1 µs before: steps of a chain are strictly one after the other.
        let before = format!("{}ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING", self.partition(""));
        let mut steps = String::from("items");
        for (step, input) in wanted.iter().enumerate() {
            let began = if step == 0 { "t".to_owned() } else { format!("max(b{}) OVER ({before})", step - 1) };
            let carried = self.carried(step);
            steps = format!(
                "(\nSELECT {carried}CASE WHEN input = {input} THEN began END AS b{step} FROM (SELECT {carried}{began} AS began FROM {steps})\n)"
            );
        }
        let until = match self.correlation.window_us {
            Some(_) => "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            None => "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
        };
        // SQLite has no smallest integer as a literal; one above it is as good.
        let oldest = self.correlation.window_us.map_or("-9223372036854775807".to_owned(), |us| format!("t - {us}"));
        let last = wanted.len() - 1;
        let absent: String = unwanted.iter().map(|input| format!(" AND count(CASE WHEN input = {input} THEN 1 END) OVER w = 0")).collect();
        format!("SELECT *, max(b{last}) OVER ({}ORDER BY t {until}) >= {oldest}{absent} AS alert FROM {steps} {window}", self.partition(""))
    }

    /// The columns that a step of a chain keeps.
    fn carried(&self, step: usize) -> String {
        let begun: String = (0..step).map(|i| format!("b{i}, ")).collect();
        format!("input, id, t, {}{}n, {begun}", self.keys(""), self.list("", 's', self.keys))
    }

    /// Alerts, and those that overlap as one.
    fn islands(&self) -> Vec<(&'static str, String)> {
        let (keys, partition) = (self.keys(""), self.partition(""));
        // Two windows overlap where their ends are at most one window apart.
        let span = self.correlation.window_us.map_or_else(|| "t".to_owned(), |us| us.to_string());
        let last = if self.correlation.window_us.is_some() {
            String::new()
        } else {
            let same: String = (0..self.keys).map(|i| format!("x.k{i} = windows.k{i} AND ")).collect();
            format!(" AND t = (SELECT max(x.t) FROM items x WHERE {same}1 = 1)")
        };
        let joined: String = (0..self.keys).map(|i| format!("x.k{i} = spans.k{i} AND ")).collect();
        let inside = match self.correlation.window_us {
            Some(us) => format!("x.t BETWEEN spans.first_window - {us} AND spans.last_window"),
            None => "1 = 1".to_owned(),
        };
        let spelled = self.list("x.", 's', self.keys);
        vec![
            ("alerts", format!("SELECT DISTINCT {keys}t FROM windows WHERE alert{last}")),
            (
                "islands",
                format!("SELECT *, CASE WHEN t - {span} <= lag(t) OVER ({partition}ORDER BY t) THEN 0 ELSE 1 END AS begins FROM alerts"),
            ),
            ("numbered", format!("SELECT *, sum(begins) OVER ({partition}ORDER BY t) AS finding FROM islands")),
            (
                "spans",
                format!(
                    "SELECT {keys}finding, min(t) AS first_window, max(t) AS last_window, count(*) AS windows FROM numbered GROUP BY {keys}finding"
                ),
            ),
            (
                "behind",
                format!(
                    // By time, spelling and id: the spelling that a finding shows is the same as in a hunt.
                    "SELECT spans.*, x.id, x.t, {spelled}row_number() OVER (PARTITION BY {}finding ORDER BY x.t, {spelled}x.id) AS place\nFROM spans JOIN items x ON {joined}{inside}",
                    self.keys("spans."),
                ),
            ),
        ]
    }

    fn result(&self) -> String {
        let names = self.correlation.group_by.iter().enumerate();
        let shown: String = names.map(|(i, name)| format!("max(CASE WHEN place = 1 THEN s{i} END) AS {}, ", quoted(name))).collect();
        let order: String = (1..=self.keys).map(|i| format!(", {i}")).collect();
        format!(
            "SELECT {shown}count(DISTINCT id) AS count, min(t) AS first_time_us, max(t) AS last_time_us,\n  first_window AS first_window_us, last_window AS last_window_us, windows,\n  {} AS _events\nFROM behind GROUP BY {}finding ORDER BY first_time_us{order}",
            self.words.ids_by_time("id", "t"),
            self.keys("")
        )
    }
}

fn truth(expression: &RuleExpression, has: &dyn Fn(usize) -> String) -> String {
    let joined = |parts: &[RuleExpression], word: &str, empty: &str| {
        let parts: Vec<String> = parts.iter().map(|part| truth(part, has)).collect();
        if parts.is_empty() { empty.to_owned() } else { format!("({})", parts.join(word)) }
    };
    match expression {
        RuleExpression::Rule(input) => has(*input),
        RuleExpression::Not(inner) => format!("NOT ({})", truth(inner, has)),
        RuleExpression::And(parts) => joined(parts, " AND ", "1 = 1"),
        RuleExpression::Or(parts) => joined(parts, " OR ", "1 = 0"),
    }
}

/// A name as an identifier.
fn quoted(name: &str) -> String {
    ast::ident(name).to_string()
}

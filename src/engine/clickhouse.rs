//! ClickHouse, through its HTTP interface.
//!
//! A lake's event types are tables, called as its views. Which events rules may need is asked in SQL
//! ([`crate::sql::narrow_condition`]), one scan for some hundred conditions. The server is told to answer when it is done, so that its
//! errors come as errors and never behind half an answer.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::Deserialize;
use ureq::Agent;

use super::unit::LakeUnit;
use super::{EngineError, LakeEngine, TakeMatch, TakeRow, UnitRules};
use crate::cancel::Cancel;
use crate::lake::LakeView;
use crate::sql::{
    DialectName, clickhouse_count, clickhouse_matching, clickhouse_rows, clickhouse_stop, clickhouse_table, clickhouse_version,
    narrow_condition,
};

/// The oldest version whose words are known.
const VERSION_MIN: u64 = 24;
/// Conditions of one statement, and bytes of them after which it has no more.
const CONDITIONS_MAX: usize = 250;
const CONDITION_BYTES: usize = 400_000;
/// The longest line that is read: an event with all its texts is a thousand times smaller.
const LINE_BYTES: u64 = 64 << 20;
/// What is shown of a server's error.
const REASON_CHARS: usize = 600;
/// Between two looks whether the work shall stop.
const PAUSE: Duration = Duration::from_millis(100);
/// For a server that does not take a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// What a statement may need beyond the defaults, and how the answer is written.
const SETTINGS: [(&str, &str); 9] = [
    ("wait_end_of_query", "1"),
    ("max_query_size", "16777216"),
    ("max_ast_elements", "5000000"),
    ("max_expanded_ast_elements", "5000000"),
    ("max_ast_depth", "10000"),
    ("max_parser_depth", "10000"),
    ("output_format_json_quote_64bit_integers", "0"),
    ("output_format_json_escape_forward_slashes", "0"),
    ("output_format_json_named_tuples_as_objects", "1"),
];

/// Where a lake's tables are.
#[derive(Clone)]
pub struct ClickHousePlace {
    /// `http://HOST:PORT` or `https://…`.
    pub address: String,
    /// The database.
    pub database: String,
    /// What stands before each view's name in that of its table.
    pub prefix: String,
    /// Who asks; none: the server's default.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<String>,
    /// How queries are called, so that they can be found and stopped: unlike that of any other hunt.
    pub tag: String,
}

/// A lake in ClickHouse.
pub struct ClickHouseLake {
    place: ClickHousePlace,
    agent: Agent,
    cancel: Cancel,
    /// Queries so far.
    queries: u64,
}

impl ClickHouseLake {
    /// Knows where it is. A wish to stop also stops the query that runs.
    pub fn new(place: ClickHousePlace, cancel: Cancel) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT)).max_redirects(0);
        Self { place, agent: config.build().into(), cancel, queries: 0 }
    }

    /// Runs a statement and passes the lines of its answer on, until the visitor breaks.
    fn each_line(&mut self, sql: &str, visit: &mut dyn FnMut(&str) -> Result<ControlFlow<()>, EngineError>) -> Result<(), EngineError> {
        self.queries += 1;
        let id = format!("{}-{}", self.place.tag, self.queries);
        let (place, agent, cancel) = (&self.place, &self.agent, &self.cancel);
        std::thread::scope(|scope| {
            let (ended, watched) = sync_channel::<()>(1);
            let own = &id;
            scope.spawn(move || {
                while watched.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    if cancel.is_cancelled() {
                        // Where it cannot be stopped, it ends by itself.
                        send(agent, place, &clickhouse_stop(own), &format!("{own}-stop")).ok();
                        break;
                    }
                }
            });
            let done = send(agent, place, sql, own).and_then(|answer| lines(answer, &place.address, visit));
            drop(ended);
            if cancel.is_cancelled() { Err(EngineError::Stopped) } else { done }
        })
    }

    fn table(&self, view: &str) -> String {
        clickhouse_table(&self.place.database, &format!("{}{view}", self.place.prefix))
    }

    /// The one value of an answer.
    fn one<T: for<'de> Deserialize<'de>>(&mut self, sql: &str) -> Result<T, EngineError> {
        let mut found: Option<(T,)> = None;
        self.each_line(sql, &mut |line| {
            found = Some(answered(line)?);
            Ok(ControlFlow::Continue(()))
        })?;
        found.map(|(value,)| value).ok_or_else(|| EngineError::Answer("nothing".to_owned()))
    }
}

impl LakeEngine for ClickHouseLake {
    fn open(&mut self) -> Result<(), EngineError> {
        let version: String = self.one(&clickhouse_version())?;
        let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
        match major {
            Some(major) if major >= VERSION_MIN => Ok(()),
            _ => Err(EngineError::Refused(format!("it is ClickHouse {}, and {VERSION_MIN} or later is needed", shown(&version)))),
        }
    }

    fn count(&mut self, view: &LakeView) -> Result<u64, EngineError> {
        self.one(&clickhouse_count(&self.table(&view.view)))
    }

    fn matches(&mut self, unit: &LakeUnit, rules: UnitRules<'_>, take: &mut TakeMatch<'_>) -> Result<(), EngineError> {
        let conditions = rules.filters.iter().map(|(rule, filter)| {
            let narrowed = narrow_condition(filter, rules.event_type, DialectName::ClickHouse);
            (*rule, narrowed.condition)
        });
        let conditions: Vec<(usize, String)> = conditions.collect();
        let mut rest = conditions.as_slice();
        while !rest.is_empty() {
            let (some, behind) = rest.split_at(fitting(rest));
            rest = behind;
            let texts = some.iter().map(|(_, condition)| condition.as_str());
            let sql = clickhouse_matching(&self.table(&unit.id.view), unit.range(), texts);
            let mut is_ended = false;
            self.each_line(&sql, &mut |line| {
                let (event, met): (i64, Vec<usize>) = answered(line)?;
                for place in met {
                    let (rule, _) = some.get(place).ok_or_else(|| EngineError::Answer(format!("condition {place} was not asked")))?;
                    if take(event, *rule).is_break() {
                        is_ended = true;
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            })?;
            if is_ended {
                break;
            }
        }
        Ok(())
    }

    fn rows(&mut self, unit: &LakeUnit, events: &[i64], take: &mut TakeRow<'_>) -> Result<(), EngineError> {
        let sql = clickhouse_rows(&self.table(&unit.id.view), unit.range(), events);
        self.each_line(&sql, &mut |line| {
            take(line)?;
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// How many of these conditions one statement takes.
fn fitting(conditions: &[(usize, String)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, condition): &&(usize, String)| {
        bytes += condition.len();
        bytes <= CONDITION_BYTES
    };
    conditions.iter().take(CONDITIONS_MAX).take_while(fits).count().max(1)
}

fn answered<'l, T: Deserialize<'l>>(line: &'l str) -> Result<T, EngineError> {
    serde_json::from_str(line).map_err(|_| EngineError::Answer(shown(line)))
}

/// Sends a statement. Returns the answer of a server that says that it has one.
fn send(agent: &Agent, place: &ClickHousePlace, sql: &str, id: &str) -> Result<Box<dyn Read>, EngineError> {
    let unreachable = |error: ureq::Error| EngineError::Unreachable { address: place.address.clone(), reason: error.to_string() };
    let mut request = agent.post(&place.address).query_pairs(SETTINGS).query("query_id", id);
    if let Some(user) = &place.user {
        request = request.header("X-ClickHouse-User", user);
    }
    if let Some(password) = &place.password {
        request = request.header("X-ClickHouse-Key", password);
    }
    let answer = request.send(sql).map_err(unreachable)?;
    let status = answer.status();
    let reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
    if status.is_success() {
        return Ok(Box::new(reader));
    }
    let mut reason = Vec::new();
    // Whatever can be read of it.
    reader.take(64 << 10).read_to_end(&mut reason).ok();
    let reason = shown(&String::from_utf8_lossy(&reason));
    Err(EngineError::Refused(if reason.is_empty() { format!("it answers with status {status}") } else { reason }))
}

/// Passes the lines of an answer on.
fn lines(
    answer: Box<dyn Read>,
    address: &str,
    visit: &mut dyn FnMut(&str) -> Result<ControlFlow<()>, EngineError>,
) -> Result<(), EngineError> {
    let mut answer = BufReader::with_capacity(1 << 17, answer);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = answer.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut line);
        let length = read.map_err(|error| EngineError::Unreachable { address: address.to_owned(), reason: error.to_string() })?;
        if length == 0 {
            return Ok(());
        }
        if length as u64 > LINE_BYTES {
            return Err(EngineError::Answer(format!("a line of more than {LINE_BYTES} bytes")));
        }
        let text = std::str::from_utf8(&line).map_err(|_| EngineError::Answer("a line is not UTF-8".to_owned()))?;
        if visit(text.trim_end_matches(['\n', '\r']))?.is_break() {
            return Ok(());
        }
    }
}

/// What another program says, as a part of a message.
fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(REASON_CHARS).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_so_much_and_at_least_one_condition() {
        let conditions = |count: usize, bytes: usize| vec![(0, "x".repeat(bytes)); count];
        assert_eq!(fitting(&conditions(3, 10)), 3);
        assert_eq!(fitting(&conditions(CONDITIONS_MAX + 3, 10)), CONDITIONS_MAX);
        assert_eq!(fitting(&conditions(3, CONDITION_BYTES / 2)), 2);
        assert_eq!(fitting(&conditions(3, CONDITION_BYTES + 1)), 1);
    }
}

//! What a hunt knew of its rules, for the next one: which events they matched, and that their findings stay as they are.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};
use rustc_hash::FxHashMap;

use super::findings::HuntId;
use super::hunt_writer::count;
use super::{HuntWriter, Store, StoreError};
use crate::catalog::EventId;

/// What the last hunt over the whole time knew of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMemory {
    /// What it depends on beside the rule's text.
    pub key: Vec<u8>,
    /// The last event that was read for the rule.
    pub last_event: EventId,
    /// How many findings the rule had.
    pub findings: u64,
    /// The events that it matched, as the hunt writes them.
    pub matched: Vec<u8>,
}

/// States by the rule's id and hash.
#[derive(Debug, Default)]
pub struct RuleMemories {
    by_rule: FxHashMap<String, Vec<(String, RuleMemory)>>,
}

impl RuleMemories {
    /// The state of a rule with this text.
    pub fn of(&self, rule_id: &str, hash: &str) -> Option<&RuleMemory> {
        self.by_rule.get(rule_id)?.iter().find(|(own, _)| own == hash).map(|(_, state)| state)
    }

    /// Whether the store knows another text of the rule.
    pub fn has_other_text(&self, rule_id: &str, hash: &str) -> bool {
        self.by_rule.get(rule_id).is_some_and(|texts| texts.iter().any(|(own, _)| own != hash))
    }
}

impl Store {
    /// What earlier hunts knew of their rules.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn rule_states(&self) -> Result<RuleMemories, StoreError> {
        let mut out = RuleMemories::default();
        let mut statement = self.connection.prepare(
            "SELECT r.rule_id, r.hash, s.key, s.last_event, s.findings, s.matched FROM rule_state s JOIN rule r ON r.id = s.rule ORDER BY s.rule",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let state = RuleMemory {
                key: row.get(2)?,
                last_event: EventId(row.get(3)?),
                findings: u64::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
                matched: row.get(5)?,
            };
            out.by_rule.entry(row.get(0)?).or_default().push((row.get(1)?, state));
        }
        Ok(out)
    }
}

/// The last hunt of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastHunt {
    /// Its number.
    pub hunt_id: HuntId,
    /// The last event that it saw.
    pub last_event: EventId,
    /// What it was asked; none where the next one cannot repeat it.
    pub key: Option<Vec<u8>>,
    /// What came of it.
    pub summary: Vec<u8>,
}

impl Store {
    /// The last hunt; none where there was none.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn last_hunt(&self) -> Result<Option<LastHunt>, StoreError> {
        let sql = "SELECT id, last_event, key, coalesce(summary, x'') FROM hunt ORDER BY id DESC LIMIT 1";
        let hunt = |row: &rusqlite::Row<'_>| {
            Ok(LastHunt { hunt_id: HuntId(row.get(0)?), last_event: EventId(row.get(1)?), key: row.get(2)?, summary: row.get(3)? })
        };
        Ok(self.connection.query_row(sql, [], hunt).optional()?)
    }

    /// Notes what a hunt was asked and what came of it, so that the next one may repeat it.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn note_hunt(&self, hunt: HuntId, key: &[u8], summary: &[u8]) -> Result<(), StoreError> {
        self.connection.execute("UPDATE hunt SET key = ?2, summary = ?3 WHERE id = ?1", params![hunt.0, key, summary])?;
        Ok(())
    }

    /// Saves a hunt that finds what the last one found: a row of its own, and nothing else is new.
    ///
    /// # Errors
    /// When SQLite fails; then nothing is saved.
    pub fn repeat_hunt(&self, last: HuntId, started_us: i64) -> Result<HuntId, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO hunt (started_us, since_us, until_us, last_event, rules, findings, key, summary)
             SELECT ?2, since_us, until_us, last_event, rules, findings, key, summary FROM hunt WHERE id = ?1",
            params![last.0, started_us],
        )?;
        let hunt = transaction.last_insert_rowid();
        for sql in [
            "INSERT INTO hunt_rule (hunt, rule) SELECT ?2, rule FROM hunt_rule WHERE hunt = ?1",
            "UPDATE rule SET hunt = ?2 WHERE hunt = ?1",
            "UPDATE rule_status SET hunt = ?2 WHERE hunt = ?1",
        ] {
            transaction.execute(sql, params![last.0, hunt])?;
        }
        transaction.commit()?;
        Ok(HuntId(hunt))
    }
}

impl HuntWriter<'_> {
    /// Notes that so many findings of a rule from earlier hunts are still true. What is saved of it comes to them.
    pub fn stay(&mut self, rule_index: usize, findings: u64) {
        let rule = &mut self.rules[rule_index];
        rule.staying = Some(findings);
        self.staying += findings;
    }

    /// Notes what the next hunt may know of a rule.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn remember(&self, rule_index: usize, state: &RuleMemory) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO rule_state (rule, key, last_event, findings, matched) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = self.rules[rule_index].row;
        let (last_event, findings) = (state.last_event.0, count(state.findings));
        self.connection().prepare_cached(sql)?.execute(params![row, state.key, last_event, findings, state.matched])?;
        Ok(())
    }

    /// Notes that what is known of a rule is so up to this event.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn advance(&self, rule_index: usize, last_event: EventId) -> Result<(), StoreError> {
        let sql = "UPDATE rule_state SET last_event = ?2 WHERE rule = ?1";
        self.connection().prepare_cached(sql)?.execute(params![self.rules[rule_index].row, last_event.0])?;
        Ok(())
    }

    /// Forgets what earlier hunts knew of a rule: the next one reads all events for it.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn forget(&self, rule_index: usize) -> Result<(), StoreError> {
        self.connection().prepare_cached("DELETE FROM rule_state WHERE rule = ?1")?.execute(params![self.rules[rule_index].row])?;
        Ok(())
    }

    /// Of a hunt over the whole time: notes which rules have findings in it, and forgets the states of other texts of its rules, whose
    /// findings are superseded now.
    pub(super) fn note_rules(&self) -> Result<(), StoreError> {
        let hunt = self.hunt_id().0;
        let connection = self.connection();
        for rule in self.rules.iter().filter(|rule| rule.has_findings()) {
            connection.prepare_cached("INSERT OR IGNORE INTO hunt_rule (hunt, rule) VALUES (?1, ?2)")?.execute(params![hunt, rule.row])?;
            connection.prepare_cached("UPDATE rule SET hunt = ?2 WHERE id = ?1")?.execute(params![rule.row, hunt])?;
        }
        connection.execute(
            "DELETE FROM rule_state WHERE rule NOT IN (SELECT rule FROM temp.hunted)
                 AND rule IN (SELECT r.id FROM rule r WHERE r.rule_id IN (SELECT rule_id FROM temp.hunted))",
            [],
        )?;
        Ok(())
    }
}

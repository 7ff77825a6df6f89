//! The dictionary: each value under its own hash, lists made of texts.

use super::super::super::{StoreError, dictionary};
use super::Verifier;

impl Verifier<'_> {
    /// Reads all values.
    pub(super) fn dictionary(&mut self) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("SELECT id, hash, text, is_list FROM value ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let id: i64 = row.get(0)?;
            if !self.values.insert(id) {
                self.faults.add("verify-value", || format!("value {id} has an id that no store gives"));
            }
            if row.get(3)? {
                self.lists.insert(id);
                continue;
            }
            match row.get_ref(2)?.as_str() {
                Ok(text) if dictionary::text_hash(text) == row.get::<_, i64>(1)? => {}
                Ok(_) => self.faults.add("verify-value", || format!("value {id} has another hash than its text")),
                Err(_) => self.faults.add("verify-value", || format!("value {id} is not text")),
            }
        }
        self.list_members()?;
        self.faults.end_part("values", self.values.len());
        Ok(())
    }

    /// Reads the members of all lists: each list has its own, and they are texts.
    fn list_members(&mut self) -> Result<(), StoreError> {
        let mut members = self.connection.prepare(
            "SELECT i.position, i.value, v.text FROM value_item i LEFT JOIN value v ON v.id = i.value WHERE i.list = ?1 ORDER BY i.position",
        )?;
        let mut lists = self.connection.prepare("SELECT id, hash, text FROM value WHERE is_list ORDER BY id")?;
        let mut rows = lists.query([])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let (id, hash): (i64, i64) = (row.get(0)?, row.get(1)?);
            let mut texts: Vec<String> = Vec::new();
            let mut is_whole = true;
            let mut own = members.query([id])?;
            while let Some(member) = own.next()? {
                let (position, value): (i64, i64) = (member.get(0)?, member.get(1)?);
                is_whole &= usize::try_from(position) == Ok(texts.len()) && self.values.contains(value) && !self.lists.contains(value);
                texts.push(member.get_ref(2)?.as_str().unwrap_or_default().to_owned());
            }
            if !is_whole {
                self.faults.add("verify-list", || format!("members of list {id} are missing or are not texts"));
            } else if dictionary::list_hash(texts.iter().map(String::as_str)) != hash
                || texts.join("\n") != row.get_ref(2)?.as_str().unwrap_or_default()
            {
                self.faults.add("verify-list", || format!("list {id} has other members than its text and its hash say"));
            }
        }
        let strangers = "SELECT DISTINCT list FROM value_item WHERE list NOT IN (SELECT id FROM value WHERE is_list)";
        let mut statement = self.connection.prepare(strangers)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.faults.add("verify-list", || format!("members of {id}, which is not a list"));
        }
        Ok(())
    }

    /// How many values nothing refers to. Members of lists that are used are used.
    pub(super) fn unused_values(&mut self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare("SELECT list, value FROM value_item")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if self.used.contains(row.get(0)?) {
                self.used.insert(row.get(1)?);
            }
        }
        Ok(self.values.len().saturating_sub(self.used.len()))
    }
}

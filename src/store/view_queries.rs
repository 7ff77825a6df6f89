//! What a store's views are called, which columns they have, how many rows and what stands in the first: read under the same
//! limits as what people type, because a store may come from a stranger.

use super::query::TypedQueries;
use super::{SqlValue, StoreError, quote};

impl TypedQueries<'_> {
    /// The names of all views, sorted.
    ///
    /// # Errors
    /// When SQLite fails or a limit is met.
    pub fn view_names(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.first_rows("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name", usize::MAX)?;
        Ok(rows.into_iter().flatten().filter_map(|name| if let SqlValue::Text(name) = name { Some(name) } else { None }).collect())
    }

    /// The columns of a view, in order.
    ///
    /// # Errors
    /// When there is no such view, SQLite fails or a limit is met.
    pub fn view_columns(&self, view: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.prepare(&format!("SELECT * FROM {}", quote::name(view)))?.columns().to_vec())
    }

    /// The first rows of a view, so many at most.
    ///
    /// # Errors
    /// When there is no such view, SQLite fails or a limit is met.
    pub fn view_rows(&self, view: &str, most: usize) -> Result<Vec<Vec<SqlValue>>, StoreError> {
        self.first_rows(&format!("SELECT * FROM {} LIMIT {most}", quote::name(view)), most)
    }

    /// How many rows a view has.
    ///
    /// # Errors
    /// When there is no such view, SQLite fails or a limit is met.
    pub fn view_count(&self, view: &str) -> Result<u64, StoreError> {
        let rows = self.first_rows(&format!("SELECT count(*) FROM {}", quote::name(view)), 1)?;
        match rows.first().and_then(|row| row.first()) {
            Some(SqlValue::Integer(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
            _ => Err(StoreError::Damaged(format!("the view `{view}` cannot be counted"))),
        }
    }

    /// The SELECT of a view; `None` where there is no such view.
    ///
    /// # Errors
    /// When SQLite fails or a limit is met.
    pub fn view_select(&self, view: &str) -> Result<Option<String>, StoreError> {
        let sql = format!("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = {} COLLATE NOCASE", quote::text(view));
        Ok(match self.first_rows(&sql, 1)?.into_iter().flatten().next() {
            Some(SqlValue::Text(sql)) => sql.strip_prefix(&format!("CREATE VIEW {} AS ", quote::name(view))).map(str::to_owned),
            _ => None,
        })
    }

    /// How many values the dictionary has, or a few more.
    ///
    /// # Errors
    /// When SQLite fails or a limit is met.
    pub fn value_count(&self) -> Result<u64, StoreError> {
        let rows = self.first_rows("SELECT max(id) FROM value", 1)?;
        Ok(if let Some(SqlValue::Integer(count)) = rows.first().and_then(|row| row.first()) {
            u64::try_from(*count).unwrap_or(0)
        } else {
            0
        })
    }

    fn first_rows(&self, sql: &str, most: usize) -> Result<Vec<Vec<SqlValue>>, StoreError> {
        let mut rows = Vec::new();
        self.prepare(sql)?.each::<StoreError>(&[], &mut |row| {
            if rows.len() < most {
                rows.push(row);
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

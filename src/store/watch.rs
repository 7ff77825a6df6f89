//! No statement runs for ever: a store may come from a stranger, and SQLite asks us now and then whether to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::StoreError;

/// How long SQLite may work without a sign of progress: the longest statements of large hunts take minutes.
// Even a hunt reads a row or commits within seconds; an hour without is a statement that somebody made to hang.
const MAX_STILLNESS: Duration = Duration::from_secs(3_600);
/// Steps of SQLite's machine between two looks at the clock: some milliseconds.
const STEPS_PER_LOOK: i32 = 1_000_000;

/// Ends statements of one connection that go on without progress. Progress is a commit, a row that is read, or the
/// beginning of a question: whoever makes it says so.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    progress: Arc<AtomicBool>,
    max_stillness: Duration,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { progress: Arc::default(), max_stillness: MAX_STILLNESS }
    }

    /// Notes that the work goes on.
    pub(super) fn note_progress(&self) {
        self.progress.store(true, Ordering::Relaxed);
    }

    /// Watches a connection from now on.
    pub(super) fn install(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let Self { progress, max_stillness } = self.clone();
        let mut since = Instant::now();
        self.note_progress();
        connection.progress_handler(
            STEPS_PER_LOOK,
            Some(move || {
                if progress.swap(false, Ordering::Relaxed) {
                    since = Instant::now();
                }
                since.elapsed() > max_stillness
            }),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n";

    fn count(watch: &Watch) -> Result<i64, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        watch.install(&mut connection)?;
        Ok(connection.query_row(LONG, [], |row| row.get(0))?)
    }

    #[test]
    fn a_statement_without_progress_is_ended_with_a_word() {
        let watch = Watch { max_stillness: Duration::ZERO, ..Watch::new() };
        assert!(matches!(count(&watch), Err(StoreError::Endless)));
        assert_eq!(count(&Watch::new()).unwrap(), 3_000_000);
    }
}

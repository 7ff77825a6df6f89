//! Progress on stderr: only on a terminal, only after a quarter of a second, never in the way of the work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::printer::Printer;
use super::words::{bytes, thousands};

/// Work that ends sooner shows nothing: a bar that comes and goes within a blink only disturbs.
const PATIENCE: Duration = Duration::from_millis(250);

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BarUnit {
    /// Bytes of input.
    Bytes,
    /// Events.
    Events,
    /// Rules, of which nobody knows how many there are.
    Rules,
    /// Parts of event types that an engine is asked about.
    Units,
}

/// A bar that may never be drawn.
pub(crate) struct LazyBar {
    bar: ProgressBar,
    started: Instant,
    drawn: Cell<bool>,
    unit: BarUnit,
}

impl LazyBar {
    pub(crate) fn new(printer: &Printer, unit: BarUnit) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, started: Instant::now(), drawn: Cell::new(!printer.draws_progress()), unit }
    }

    /// Says how much there is, and that the work begins now; without it nothing says how long it takes.
    pub(crate) fn total(&self, total: u64) {
        self.bar.set_length(total);
        self.bar.reset_elapsed();
    }

    /// Says how much is done.
    pub(crate) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Says at once what is being done: for work that says nothing until it ends.
    pub(crate) fn begin(&self, what: &'static str) {
        if !self.drawn.replace(true) {
            self.bar.set_style(style(self.unit, false));
            self.bar.set_message(what);
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            self.bar.tick();
        }
    }

    /// Says what is being done.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        if !self.drawn.get() && self.started.elapsed() >= PATIENCE {
            self.drawn.set(true);
            // The style is chosen here and not at the start, since the total may become known in between.
            self.bar.set_style(style(self.unit, self.bar.length().is_some()));
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        if !self.bar.is_hidden() {
            self.bar.set_message(what());
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// On a terminal of 80 columns the message must have room: the bar is short.
fn style(unit: BarUnit, known: bool) -> ProgressStyle {
    let template = match (unit, known) {
        (BarUnit::Rules, _) => "{spinner} {wide_msg}",
        (_, true) => "{bar:12} {done}  {wide_msg}",
        (_, false) => "{spinner} {done}  {wide_msg}",
    };
    let done = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // Who draws has nobody to tell of a fault.
        let _ = out.write_str(&done(unit, state.pos(), state.len(), state.elapsed()));
    };
    ProgressStyle::with_template(template).expect("the templates above are well formed").progress_chars("█▉▊▋▌▍▎▏ ").with_key("done", done)
}

/// What is done, of how much, how fast and how long it will take: `1,142,645/2,000,000 events, 103,876/s, 9 s left`.
fn done(unit: BarUnit, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let number = |count| if unit == BarUnit::Bytes { bytes(count) } else { thousands(count) };
    let mut text = number(done);
    if let Some(total) = total {
        text.push('/');
        text.push_str(&number(total.max(done)));
    }
    if unit == BarUnit::Events {
        // The fraction of a rate says nothing.
        text.push_str(&format!(" events, {}/s", thousands(per_second(done, elapsed))));
    }
    // As fast as until now; of nothing no time can be told.
    if let Some(left) = total.filter(|_| done > 0).map(|total| total.saturating_sub(done)) {
        let seconds = u128::from(left) * elapsed.as_millis() / u128::from(done) / 1_000;
        text.push_str(&format!(", {} left", time(u64::try_from(seconds).unwrap_or(u64::MAX))));
    }
    text
}

/// How many a second.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000 / elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// `9 s`, `12 min`, `3 h 20 min`.
fn time(seconds: u64) -> String {
    match (seconds / 60, seconds / 3_600) {
        (0, _) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, hours) => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_much_how_fast_and_how_long() {
        let after = Duration::from_millis;
        for (unit, count, total, elapsed, expected) in [
            (BarUnit::Events, 1_142_645, Some(2_000_000), after(11_000), "1,142,645/2,000,000 events, 103,876/s, 8 s left"),
            (BarUnit::Events, 1_142, None, after(1_000), "1,142 events, 1,142/s"),
            (BarUnit::Events, 0, Some(2_000_000), after(500), "0/2,000,000 events, 0/s"),
            (BarUnit::Events, 10, Some(10), Duration::ZERO, "10/10 events, 10,000/s, 0 s left"),
            (BarUnit::Bytes, 12_345_678, Some(2_444_146_707), after(1_000), "12 MB/2.4 GB, 3 min left"),
            (BarUnit::Bytes, 1_000, Some(13_000_000), after(1_000), "1.0 kB/13 MB, 3 h 36 min left"),
            (BarUnit::Bytes, 999, None, after(1_000), "999 B"),
            // More than was expected: a file has grown.
            (BarUnit::Bytes, 2_000, Some(1_000), after(1_000), "2.0 kB/2.0 kB, 0 s left"),
        ] {
            assert_eq!(done(unit, count, total, elapsed), expected);
        }
    }
}

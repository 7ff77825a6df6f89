//! Progress on stderr: only on a terminal, only after a quarter of a second, never in the way of the work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::printer::Printer;
use super::words::thousands;

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

    /// Says how much there is; without it there is no ETA.
    pub(crate) fn total(&self, total: u64) {
        self.bar.set_length(total);
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

/// On a terminal of 80 columns the message must have room: the bar is short and the rate comes last.
fn style(unit: BarUnit, known: bool) -> ProgressStyle {
    let template = match (unit, known) {
        (BarUnit::Bytes, true) => "{bar:12} {decimal_bytes}/{decimal_total_bytes} ETA {eta}  {wide_msg}",
        (BarUnit::Bytes, false) => "{spinner} {decimal_bytes}  {wide_msg}",
        (BarUnit::Events, true) => "{bar:12} {human_pos}/{human_len} events, {rate}/s, ETA {eta}  {wide_msg}",
        (BarUnit::Events, false) => "{spinner} {human_pos} events, {rate}/s  {wide_msg}",
        (BarUnit::Rules, _) => "{spinner} {wide_msg}",
    };
    ProgressStyle::with_template(template).expect("the templates above are well formed").progress_chars("█▉▊▋▌▍▎▏ ").with_key(
        "rate",
        |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // The fraction of a rate says nothing.
            let _ = out.write_str(&thousands(state.per_sec().max(0.0) as u64));
        },
    )
}

//! The timeline of findings as inline SVG: bars by hour, day, month or year, whichever fits.

use super::data::{LEVELS, ReportData};
use super::markup::{PageMarkup, counted, thousands};
use crate::event::format_time;

/// Bars that are still wide enough to hit with a pointer.
const BARS_MAX: usize = 120;
/// The drawing's size; the page stretches it.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 120.0;
/// A bar with anything in it is seen and can be hit, however high others are.
const BAR_HEIGHT_MIN: f64 = 3.0;
const HOUR_US: i64 = 3_600_000_000;

/// The length of time that a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Month,
    Year,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::Year];

    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The bar that a time stands in, counted from the year 0.
    fn bar(self, time_us: i64) -> Option<i64> {
        let text = format_time(time_us);
        let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<i64>().ok());
        match self {
            Self::Hour => Some(time_us.div_euclid(HOUR_US)),
            Self::Day => Some(time_us.div_euclid(24 * HOUR_US)),
            Self::Month => Some(number(0..4)? * 12 + number(5..7)? - 1),
            Self::Year => number(0..4),
        }
    }

    /// When a bar begins, as far as its unit needs it.
    fn start(self, bar: i64) -> String {
        match self {
            Self::Hour => format_time(bar.saturating_mul(HOUR_US)).chars().take(16).collect(),
            Self::Day => format_time(bar.saturating_mul(24 * HOUR_US)).chars().take(10).collect(),
            Self::Month => format!("{:04}-{:02}", bar.div_euclid(12), bar.rem_euclid(12) + 1),
            Self::Year => format!("{bar:04}"),
        }
    }

    /// The start of a bar as the page's inputs take it.
    fn typed(self, bar: i64) -> String {
        match self {
            Self::Year => format!("{bar:04}-01-01"),
            Self::Month => format!("{}-01", self.start(bar)),
            Self::Hour | Self::Day => self.start(bar),
        }
    }
}

/// Findings by the time of their first event.
struct Bars {
    unit: Unit,
    /// How many units a bar is wide: years alone may need more than one.
    step: i64,
    first: i64,
    /// Findings by level.
    counts: Vec<[u64; LEVELS.len()]>,
}

fn bars(data: &ReportData) -> Option<Bars> {
    let times = || data.findings.iter().filter_map(|finding| finding.first_time_us);
    let (first_us, last_us) = (times().min()?, times().max()?);
    let fits = |unit: &Unit| match (unit.bar(first_us), unit.bar(last_us)) {
        (Some(first), Some(last)) => usize::try_from(last - first).is_ok_and(|bars| bars < BARS_MAX),
        _ => false,
    };
    let unit = Unit::ALL.into_iter().find(fits).unwrap_or(Unit::Year);
    let (first, last) = (unit.bar(first_us)?, unit.bar(last_us)?);
    let step = (last - first) / i64::try_from(BARS_MAX).unwrap_or(i64::MAX) + 1;
    let place = |bar: i64| usize::try_from((bar - first) / step).unwrap_or(0);
    let mut counts = vec![[0; LEVELS.len()]; place(last) + 1];
    for finding in &data.findings {
        if let Some(bar) = finding.first_time_us.and_then(|us| unit.bar(us)) {
            counts[place(bar)][data.rules[finding.rule as usize].level] += 1;
        }
    }
    Some(Bars { unit, step, first, counts })
}

/// Draws the timeline, with the same as a table behind it.
pub(super) fn chart(data: &ReportData) -> PageMarkup {
    let mut out = PageMarkup::default();
    let Some(bars) = bars(data) else { return out };
    let highest = bars.counts.iter().map(|levels| levels.iter().sum()).max().unwrap_or(1).max(1);
    let width = WIDTH / as_float(bars.counts.len() as u64);
    let start = |place: usize| bars.unit.start(bars.first + i64::try_from(place).unwrap_or(0) * bars.step);
    let typed = |place: usize| bars.unit.typed(bars.first + i64::try_from(place).unwrap_or(0) * bars.step);
    out.raw("<h3>Findings by ").text(bars.unit.name()).raw(" (UTC)</h3><p class=\"note axis\">").text(&thousands(highest));
    out.raw(
        "</p><svg class=\"chart\" role=\"group\" aria-label=\"Findings over time\" preserveAspectRatio=\"none\" viewBox=\"0 0 1000 121\">",
    );
    out.raw("<path class=\"axis\" d=\"M0 120.5H1000\"/>");
    for (place, levels) in bars.counts.iter().enumerate().filter(|(_, levels)| levels.iter().any(|count| *count > 0)) {
        let all: u64 = levels.iter().sum();
        out.raw("<g data-since=\"").text(&typed(place)).raw("\" data-until=\"").text(&typed(place + 1)).raw("\" aria-label=\"");
        out.text(&label(&start(place), levels)).raw("\"><title>").text(&label(&start(place), levels)).raw("</title>");
        let left = width * as_float(place as u64);
        rectangle(&mut out, "hit", [left, 0.0, width, HEIGHT]);
        let height = (HEIGHT * as_float(all) / as_float(highest)).max(BAR_HEIGHT_MIN);
        // The highest level stands at the bottom, where all bars can be compared.
        let mut bottom = HEIGHT;
        for (level, count) in LEVELS.iter().zip(levels).filter(|(_, count)| **count > 0) {
            let part = height * as_float(*count) / as_float(all);
            bottom -= part;
            rectangle(&mut out, level, [left + width * 0.08, bottom, width * 0.84, part]);
        }
        out.raw("</g>");
    }
    out.raw("</svg><p class=\"ends\"><span>").text(&start(0)).raw("</span><span>").text(&start(bars.counts.len() / 2)).raw("</span><span>");
    out.text(&start(bars.counts.len() - 1)).raw("</span></p>");
    out.raw("<details><summary>The same as a table</summary>").add(&table(&bars, &start)).raw("</details>");
    out
}

fn rectangle(out: &mut PageMarkup, class: &'static str, [x, y, width, height]: [f64; 4]) {
    out.raw("<rect class=\"").raw(if class.is_empty() { "none" } else { class }).raw("\" x=\"").number(x).raw("\" y=\"").number(y);
    out.raw("\" width=\"").number(width).raw("\" height=\"").number(height).raw("\"/>");
}

fn label(start: &str, levels: &[u64; LEVELS.len()]) -> String {
    let named = LEVELS.iter().zip(levels).filter(|(_, count)| **count > 0);
    let parts: Vec<String> =
        named.map(|(level, count)| format!("{} {}", thousands(*count), if level.is_empty() { "without level" } else { level })).collect();
    format!("{start}: {} ({})", counted(usize::try_from(levels.iter().sum::<u64>()).unwrap_or(usize::MAX), "finding"), parts.join(", "))
}

fn table(bars: &Bars, start: &dyn Fn(usize) -> String) -> PageMarkup {
    let mut out = PageMarkup::default();
    out.raw("<table><caption>Findings by the time of their first event</caption><thead><tr><th scope=\"col\">From (UTC)</th>");
    for level in &LEVELS[..5] {
        out.element("<th scope=\"col\" class=\"number\">", level, "</th>");
    }
    out.raw("<th scope=\"col\" class=\"number\">no level</th></tr></thead><tbody>");
    for (place, levels) in bars.counts.iter().enumerate().filter(|(_, levels)| levels.iter().any(|count| *count > 0)) {
        out.element("<tr><th scope=\"row\">", &start(place), "</th>");
        for count in levels {
            out.element("<td class=\"number\">", &thousands(*count), "</td>");
        }
        out.raw("</tr>");
    }
    out.raw("</tbody></table>");
    out
}

/// Counts are far below 2^53, where floats begin to miss integers.
#[allow(clippy::cast_precision_loss, reason = "a drawing needs no exact number")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_iso_time;
    use crate::report::html::data::{ReportFinding, ReportRule};

    fn of_times(times: &[&str]) -> ReportData {
        let finding = |time: &&str| ReportFinding { first_time_us: parse_iso_time(time), ..ReportFinding::default() };
        ReportData { rules: vec![ReportRule::default()], findings: times.iter().map(finding).collect(), ..ReportData::default() }
    }

    #[test]
    fn the_unit_is_the_smallest_that_fits() {
        for (times, unit, count) in [
            (["2024-01-31T12:00:00", "2024-01-31T23:59:59"], "hour", 12),
            (["2024-01-31T12:00:00", "2024-02-28T01:00:00"], "day", 29),
            (["2019-12-31", "2024-02-28"], "month", 51),
            (["1969-12-31", "2024-02-28"], "year", 56),
            (["1601-01-01", "2024-02-28"], "year", 106),
        ] {
            let bars = bars(&of_times(&times)).unwrap();
            assert_eq!((bars.unit.name(), bars.counts.len()), (unit, count));
            assert_eq!(bars.counts.iter().flatten().sum::<u64>(), 2);
            assert!(parse_iso_time(&bars.unit.typed(bars.first)).unwrap() <= parse_iso_time(times[0]).unwrap());
        }
    }

    #[test]
    fn no_time_is_no_chart() {
        assert_eq!(chart(&of_times(&[])).as_str(), "");
        assert_eq!(chart(&ReportData { findings: vec![ReportFinding::default()], ..of_times(&[]) }).as_str(), "");
    }
}

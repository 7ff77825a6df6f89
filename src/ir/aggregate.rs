//! Aggregates: which there are, and by which names a search calls them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Aggregates by their Splunk names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is the Splunk aggregate of that name")]
pub enum AggregateFunction {
    Count,
    /// Distinct count, by text.
    Dc,
    Min,
    Max,
    Sum,
    /// Sum of squares.
    SumSq,
    Avg,
    /// Sample standard deviation.
    Stdev,
    /// Standard deviation of the whole population.
    StdevP,
    /// Sample variance.
    Var,
    /// Variance of the whole population.
    VarP,
    /// The greatest number less the least.
    Range,
    /// The value that most often occurs; among equals the first in text order.
    Mode,
    /// Distinct values as a list in text order.
    Values,
    /// All values in order, first 100.
    List,
    Earliest,
    Latest,
    /// The time of the earliest row that has a value.
    EarliestTime,
    /// The time of the latest row that has a value.
    LatestTime,
    /// The change of a number in a second: latest less earliest value by latest less earliest time.
    Rate,
    First,
    Last,
    /// Of an even count the higher of the two in the middle.
    Median,
    /// Nearest rank.
    Percentile(Percent),
}

/// A share in percent, to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent {
    thousandths: u32,
}

impl Percent {
    /// A share of whole percents; more than all is all.
    pub const fn of(percent: u32) -> Self {
        Self { thousandths: if percent > 100 { 100_000 } else { percent * 1_000 } }
    }

    /// Reads `90` or `99.95`: above 0 and at most 100, three digits behind the point at most.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let thousandths = whole.parse::<u32>().ok()? * 1_000 + format!("{fraction:0<3}").parse::<u32>().ok()?;
        (1..=100_000).contains(&thousandths).then_some(Self { thousandths })
    }

    /// Of so many values in order the place, from 0, of the least that so large a share of them does not exceed.
    pub fn nearest_rank(self, count: usize) -> usize {
        let rank = (count as u128 * u128::from(self.thousandths)).div_ceil(100_000);
        usize::try_from(rank).unwrap_or(count).saturating_sub(1)
    }
}

impl AggregateFunction {
    /// All aggregates; of the percentiles one.
    pub const ALL: [Self; 24] = [
        Self::Count,
        Self::Dc,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::SumSq,
        Self::Avg,
        Self::Stdev,
        Self::StdevP,
        Self::Var,
        Self::VarP,
        Self::Range,
        Self::Mode,
        Self::Values,
        Self::List,
        Self::Earliest,
        Self::Latest,
        Self::EarliestTime,
        Self::LatestTime,
        Self::Rate,
        Self::First,
        Self::Last,
        Self::Median,
        Self::Percentile(Percent::of(90)),
    ];

    /// Its Splunk name.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Count => "count",
            Self::Dc => "dc",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::SumSq => "sumsq",
            Self::Avg => "avg",
            Self::Stdev => "stdev",
            Self::StdevP => "stdevp",
            Self::Var => "var",
            Self::VarP => "varp",
            Self::Range => "range",
            Self::Mode => "mode",
            Self::Values => "values",
            Self::List => "list",
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::EarliestTime => "earliest_time",
            Self::LatestTime => "latest_time",
            Self::Rate => "rate",
            Self::First => "first",
            Self::Last => "last",
            Self::Median => "median",
            Self::Percentile(Percent { thousandths }) => {
                let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
                let fraction = format!("{rest:03}");
                let fraction = fraction.trim_end_matches('0');
                return Cow::Owned(if rest == 0 { format!("perc{whole}") } else { format!("perc{whole}.{fraction}") });
            }
        })
    }

    /// Finds an aggregate by a Splunk name of it, in lower case. What Splunk estimates (`estdc`, `upperperc90`) is exact here.
    pub fn named(name: &str) -> Option<Self> {
        let name = match name {
            "c" => "count",
            "distinct_count" | "estdc" => "dc",
            "mean" => "avg",
            other => other,
        };
        let prefixes = ["exactperc", "upperperc", "perc", "p"].into_iter();
        let percentile = || prefixes.filter_map(|prefix| name.strip_prefix(prefix)).find_map(Percent::parse).map(Self::Percentile);
        Self::ALL.into_iter().find(|function| function.name() == name).or_else(percentile)
    }

    /// Whether its result depends on the order of the rows.
    pub fn needs_order(self) -> bool {
        matches!(self, Self::List | Self::First | Self::Last | Self::Earliest | Self::Latest | Self::Rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_aggregate() {
        for function in AggregateFunction::ALL {
            assert_eq!(AggregateFunction::named(&function.name()), Some(function));
        }
        for (name, shown) in [("p50", "perc50"), ("exactperc99.95", "perc99.95"), ("upperperc5", "perc5"), ("estdc", "dc"), ("c", "count")]
        {
            assert_eq!(AggregateFunction::named(name).map(|f| f.name().into_owned()).as_deref(), Some(shown));
        }
        for name in ["p", "perc", "perc0", "p101", "p1.2345", "p-1", "p5x", "sparkline"] {
            assert_eq!(AggregateFunction::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_percentile_is_a_value_that_is_there() {
        let rank = |percent, count| Percent::of(percent).nearest_rank(count);
        assert_eq!([rank(90, 10), rank(50, 10), rank(50, 4), rank(1, 3), rank(100, 3), rank(50, 0)], [8, 4, 1, 0, 2, 0]);
    }
}

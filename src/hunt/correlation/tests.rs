//! Many events in one group: the window must move in a time that grows with them, not with their square.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::judge;
use super::window::{MatchRow, slide};
use crate::diag::SourceText;
use crate::ir::{Correlation, CorrelationKind, Input, InputSource, NumberOp, RuleMeta, RuleOrigin, ValueAggregate, WindowCondition};

/// Far above what the slowest kind takes, far below what a square would.
const TIME_MAX: Duration = Duration::from_secs(60);

fn correlation(kind: CorrelationKind) -> Correlation {
    let input = |n: usize| Input { name: n.to_string(), source: InputSource::Correlation(n), group_by: Vec::new(), values: Vec::new() };
    Correlation {
        meta: RuleMeta::default(),
        inputs: (0..2).map(input).collect(),
        group_by: Vec::new(),
        kind,
        window_us: Some(100_000),
        condition: WindowCondition::Number(vec![(NumberOp::Ge, 2.0)]),
        reports: true,
        origin: RuleOrigin::of(&Arc::new(SourceText { path: String::new(), text: String::new() })),
    }
}

#[test]
fn windows_move_in_linear_time() {
    let rows: Vec<MatchRow> = (0..200_000_u32)
        .map(|n| MatchRow {
            group: 0,
            time_us: i64::from(n),
            item: i64::from(n),
            input: n % 2,
            value: f64::from(n % 1000).to_bits(),
            shown: 0,
            alert: 0,
        })
        .collect();
    let value = |aggregate| CorrelationKind::Value(aggregate, String::new());
    for kind in [
        CorrelationKind::EventCount,
        CorrelationKind::ValueCount(Vec::new()),
        CorrelationKind::Temporal,
        value(ValueAggregate::Sum),
        value(ValueAggregate::Percentile(95.0)),
    ] {
        let start = Instant::now();
        let correlation = correlation(kind);
        let (alerts, merged) = slide(&rows, correlation.window_us, &mut |group| judge(&correlation, group));
        assert!(start.elapsed() < TIME_MAX, "{:?}: {:?}", correlation.kind, start.elapsed());
        assert!(alerts.len() > 190_000 && merged.len() == 1, "{:?}: {} {}", correlation.kind, alerts.len(), merged.len());
        assert_eq!((merged[0].first, merged[0].end), (0, 200_000));
    }
}

#[test]
fn a_row_is_small() {
    assert_eq!(size_of::<MatchRow>(), 40, "ARCHITECTURE.md says so");
}

//! The times of a finding's events, as few as tell which intervals have one.

/// Runs of times of a whole report: with more findings, each has fewer.
const RUNS_OF_REPORT: usize = 1_000_000;
/// Runs that a finding has at least, however many findings there are.
const RUNS_MIN: usize = 16;

/// How many runs each of so many findings may have.
pub(super) fn most_runs(findings: usize) -> usize {
    (RUNS_OF_REPORT / findings.max(1)).max(RUNS_MIN)
}

/// Times in their order, each once, as runs (first, last). Each time is a run of its own as long as there are not more than `most`; then
/// those that are nearest to each other are joined. The widest gaps stay: they are what a reader can aim an interval at.
pub(super) fn runs(times: &[i64], most: usize) -> Vec<(i64, i64)> {
    let mut gaps: Vec<usize> = (1..times.len()).collect();
    if times.len() > most {
        gaps.sort_by_key(|at| (times[at - 1].saturating_sub(times[*at]), *at));
        gaps.truncate(most.saturating_sub(1));
        gaps.sort_unstable();
    }
    let starts = std::iter::once(0).chain(gaps.iter().copied());
    let ends = gaps.iter().copied().chain([times.len()]);
    starts.zip(ends).filter_map(|(start, end)| Some((*times.get(start)?, *times.get(end.checked_sub(1)?)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_gaps_stay() {
        let times = [1, 2, 10, 11, 13, 30];
        assert_eq!(runs(&times, 6), [(1, 1), (2, 2), (10, 10), (11, 11), (13, 13), (30, 30)]);
        assert_eq!(runs(&times, 3), [(1, 2), (10, 13), (30, 30)]);
        assert_eq!(runs(&times, 1), [(1, 30)]);
        assert_eq!(runs(&[], 3), []);
        assert_eq!([most_runs(0), most_runs(1_000), most_runs(10_000_000)], [1_000_000, 1_000, 16]);
    }
}

//! Aggregates of the numbers in a sliding window: exact sums, and ranks in logarithmic time.

use rustc_hash::FxHashMap;

use super::judge::Judge;
use super::window::MatchRow;
use crate::ir::{NumberOp, ValueAggregate, WindowCondition};

/// The numbers in a window.
pub(super) struct Numbers<'c> {
    aggregate: ValueAggregate,
    tests: &'c [(NumberOp, f64)],
    /// How often each number of each finding is in the window: its alerts count once.
    findings: FxHashMap<(i64, u64), u32>,
    count: usize,
    sum: ExactSum,
    ranks: Option<Ranks>,
}

impl<'c> Numbers<'c> {
    /// An empty window over the rows of a group.
    pub(super) fn new(aggregate: ValueAggregate, tests: &'c [(NumberOp, f64)], rows: &[MatchRow]) -> Self {
        // Sums need no order and ranks no sum: a window keeps the one its aggregate asks for.
        let summed = matches!(aggregate, ValueAggregate::Sum | ValueAggregate::Avg);
        let ranks = (!summed).then(|| Ranks::new(rows.iter().map(|row| f64::from_bits(row.value))));
        Self { aggregate, tests, findings: FxHashMap::default(), count: 0, sum: ExactSum::default(), ranks }
    }

    fn change(&mut self, number: f64, positive: bool) {
        if positive {
            self.count += 1
        } else {
            self.count -= 1
        }
        match &mut self.ranks {
            Some(ranks) => ranks.change(number, positive),
            None => self.sum.add(if positive { number } else { -number }),
        }
    }

    fn value(&mut self) -> Option<f64> {
        let last = self.count.checked_sub(1)?;
        let percentile = match self.aggregate {
            ValueAggregate::Sum => return Some(self.sum.value()),
            ValueAggregate::Avg => return Some(self.sum.value() / to_f64(self.count)),
            ValueAggregate::Min => 0.0,
            ValueAggregate::Max => 100.0,
            ValueAggregate::Median => 50.0,
            ValueAggregate::Percentile(percentile) => percentile,
        };
        let ranks = self.ranks.as_ref()?;
        // The place is a number of hundredths: divided before, 90 % of 12 would be 10.8 and a bit.
        let hundredths = percentile * to_f64(last);
        let (below, part) = (to_usize(hundredths / 100.0).min(last), hundredths % 100.0);
        let low = ranks.nth(below);
        if part == 0.0 || below == last {
            return Some(low);
        }
        Some(between(low, ranks.nth(below + 1), part))
    }
}

/// The number that lies `hundredths` of the way from `low` to `high`, as exact as a number can be: what the rule's author
/// works out by hand must be equal to it.
fn between(low: f64, high: f64, hundredths: f64) -> f64 {
    if low == high {
        return low;
    }
    // Quarters divide without a rest, so a median is rounded once.
    let quarters = hundredths / 25.0;
    let (part, whole) = if quarters.fract() == 0.0 { (quarters, 4.0) } else { (hundredths, 100.0) };
    let mut sum = ExactSum::default();
    for (number, weight) in [(low, whole - part), (high, part)] {
        let product = number * weight;
        if !product.is_finite() {
            return low * ((whole - part) / whole) + high * (part / whole);
        }
        sum.add(product);
        sum.add(number.mul_add(weight, -product));
    }
    sum.value() / whole
}

impl Judge for Numbers<'_> {
    fn add(&mut self, row: &MatchRow) {
        // Alerts have negative items. The alerts of one finding overlap and repeat its value, which counts once.
        if row.item < 0 {
            let alerts = self.findings.entry((row.item, row.value)).or_default();
            *alerts += 1;
            if *alerts > 1 {
                return;
            }
        }
        self.change(f64::from_bits(row.value), true);
    }

    fn remove(&mut self, row: &MatchRow) {
        if row.item < 0
            && let Some(alerts) = self.findings.get_mut(&(row.item, row.value))
        {
            *alerts -= 1;
            if *alerts > 0 {
                return;
            }
        }
        self.change(f64::from_bits(row.value), false);
    }

    fn holds(&mut self, _oldest: i64) -> bool {
        let value = self.value();
        value.is_some_and(|value| WindowCondition::number_passes(self.tests, value))
    }
}

/// Bits in a limb of [`ExactSum`].
const LIMB_BITS: i32 = 32;
/// Limbs that hold every finite number (2^-1074 to 2^1024), and room for carries.
const LIMBS: usize = 70;
/// The exponent of the lowest bit.
const LOWEST: i32 = -1074;
/// Additions before carries are put in order; limbs hold 2^31 of them.
const ADDITIONS_MAX: u32 = 1 << 28;

/// A sum without rounding: a number of 2,240 bits. What is added can be taken away again without a trace.
struct ExactSum {
    limbs: [i64; LIMBS],
    additions: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { limbs: [0; LIMBS], additions: 0 }
    }
}

impl ExactSum {
    fn add(&mut self, number: f64) {
        // Taking away is adding the negative: exact sums make that leave nothing behind, a running double would drift.
        let bits = number.to_bits();
        let exponent = i32::try_from(bits >> 52 & 0x7ff).expect("eleven bits");
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) = if exponent == 0 { (fraction, LOWEST) } else { (fraction | 1 << 52, exponent - 1075) };
        let shift = exponent - LOWEST;
        let (limb, bit) = (usize::try_from(shift / LIMB_BITS).expect("not negative"), shift % LIMB_BITS);
        let wide = u128::from(mantissa) << bit;
        for (place, limb) in self.limbs[limb..].iter_mut().take(3).enumerate() {
            let part = i64::from((wide >> (32 * place)) as u32);
            *limb += if number.is_sign_negative() { -part } else { part };
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            self.limbs = self.carried();
            self.additions = 0;
        }
    }

    /// The limbs below the highest from 0 to 2^32 − 1.
    fn carried(&self) -> [i64; LIMBS] {
        let mut limbs = self.limbs;
        for place in 0..LIMBS - 1 {
            let carry = limbs[place] >> LIMB_BITS;
            limbs[place] -= carry << LIMB_BITS;
            limbs[place + 1] += carry;
        }
        limbs
    }

    /// The nearest number; of two equally near ones the even.
    fn value(&self) -> f64 {
        let mut limbs = self.carried();
        let negative = limbs[LIMBS - 1] < 0;
        if negative {
            limbs.iter_mut().for_each(|limb| *limb = -*limb);
            limbs = Self { limbs, additions: 0 }.carried();
        }
        let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        // The highest limbs as one integer; whether anything lies below decides a tie.
        let low = top.saturating_sub(2);
        let mut head = limbs[low..=top].iter().rev().fold(0u128, |head, limb| head << LIMB_BITS | u128::from(limb.cast_unsigned()));
        if limbs[..low].iter().any(|limb| *limb != 0) {
            head |= 1;
        }
        let exponent = LOWEST + LIMB_BITS * i32::try_from(low).expect("few limbs");
        let size = scale(head, exponent);
        if negative { -size } else { size }
    }
}

/// `head` × 2^`exponent`, rounded once. `head` keeps more than 53 bits unless the product is exact.
fn scale(head: u128, exponent: i32) -> f64 {
    let bits = 128 - head.leading_zeros().cast_signed();
    // Bits that the result can hold: fewer near the smallest numbers; those are whole multiples already.
    let cut = (bits - 53).max(LOWEST - exponent).max(0);
    let (kept, rest) = (head >> cut, head & ((1 << cut) - 1));
    let half = if cut > 0 { 1u128 << (cut - 1) } else { u128::MAX };
    let up = cut > 0 && (rest > half || (rest == half && kept & 1 == 1));
    let mantissa = (kept + u128::from(up)) as u64 as f64;
    let mut power = exponent + cut;
    let mut out = mantissa;
    // Steps that stay within the range of exponents; all are exact, or infinite.
    while power > 0 {
        let step = power.min(1000);
        out *= 2f64.powi(step);
        power -= step;
    }
    while power < 0 {
        let step = power.max(-1000);
        out *= 2f64.powi(step);
        power -= step;
    }
    out
}

/// How many of each number a window has, in a tree of partial counts (Fenwick).
struct Ranks {
    sorted: Vec<f64>,
    tree: Vec<usize>,
}

impl Ranks {
    fn new(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.dedup_by(|a, b| a == b);
        let tree = vec![0; sorted.len() + 1];
        Self { sorted, tree }
    }

    fn change(&mut self, number: f64, positive: bool) {
        let mut place = self.sorted.partition_point(|known| *known < number) + 1;
        while place < self.tree.len() {
            if positive {
                self.tree[place] += 1
            } else {
                self.tree[place] -= 1
            }
            place += place & place.wrapping_neg();
        }
    }

    /// The `n`-th smallest, from 0.
    fn nth(&self, n: usize) -> f64 {
        let (mut place, mut left) = (0, n);
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            let next = place + step;
            if next < self.tree.len() && self.tree[next] <= left {
                left -= self.tree[next];
                place = next;
            }
            step /= 2;
        }
        self.sorted[place.min(self.sorted.len() - 1)]
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^53")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among rows: not negative, cut on purpose")]
fn to_usize(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(numbers: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|n| sum.add(*n));
        sum.value()
    }

    #[test]
    fn sums_are_rounded_once() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e300, 1.0, -1e300]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1.0]), 1e16 + 2.0);
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0]), 9_007_199_254_740_992.0);
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0, 5e-324]), 9_007_199_254_740_994.0);
        assert_eq!(sum(&[-0.5, -0.25]), -0.75);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]), f64::MIN_POSITIVE - 5e-324);
        assert_eq!(sum(&[5e-324, 5e-324, 5e-324]), 1.5e-323);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        for number in [1.0, -3.7, 1e-310, 4e-320, 1.797e308, 123_456_789.123] {
            assert_eq!(sum(&[number]), number);
            assert_eq!(sum(&[number, 0.3, -0.3]), number);
        }
    }

    #[test]
    fn what_lies_between_two_numbers_is_exact() {
        assert_eq!(between(2.0, 7.0, 80.0), 6.0);
        assert_eq!(between(1.0, 2.0, 50.0), 1.5);
        assert_eq!(between(-3.0, 3.0, 50.0), 0.0);
        assert_eq!(between(0.1, 0.1, 30.0), 0.1);
        assert_eq!(between(10.0, 20.0, 1.0), 10.1);
        assert_eq!(between(f64::MIN, f64::MAX, 50.0), 0.0);
        assert_eq!(between(f64::MAX / 2.0, f64::MAX, 50.0), f64::MAX * 0.75);
    }

    #[test]
    fn ranks_follow_the_window() {
        let mut ranks = Ranks::new([3.0, -1.0, 3.0, 8.5].into_iter());
        for number in [3.0, 8.5, 3.0, -1.0] {
            ranks.change(number, true);
        }
        assert_eq!((0..4).map(|n| ranks.nth(n)).collect::<Vec<_>>(), [-1.0, 3.0, 3.0, 8.5]);
        ranks.change(3.0, false);
        assert_eq!((0..3).map(|n| ranks.nth(n)).collect::<Vec<_>>(), [-1.0, 3.0, 8.5]);
    }
}

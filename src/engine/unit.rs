//! A lake in units of work: parts of event types that an engine is asked about as a whole.

use crate::event::parse_iso_time;
use crate::lake::{LakeCatalog, LakePart, LakeView};
use crate::sql::LakeTimes;
use crate::store::LakeUnitId;

/// Events of a unit, roughly: some hundred pieces of files, so that as many cores are busy, and what is lost where there is no answer.
const UNIT_EVENTS: u64 = 10_000_000;

/// Events of one type from a time on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeUnit {
    /// Which it is.
    pub id: LakeUnitId,
    /// The first time (µs UTC); none: from the beginning, with the events that have no time.
    pub from_us: Option<i64>,
    /// The time (µs UTC) before which all are; none: to the end.
    pub before_us: Option<i64>,
}

impl LakeUnit {
    /// Its times.
    pub(super) fn range(&self) -> LakeTimes {
        (self.from_us, self.before_us)
    }

    /// Whether an event of this time is of the unit.
    pub fn has(&self, time_us: Option<i64>) -> bool {
        match time_us {
            None => self.from_us.is_none(),
            Some(time) => self.from_us.is_none_or(|from| from <= time) && self.before_us.is_none_or(|before| time < before),
        }
    }
}

/// The units of a view: together all of its events, each in one. They are cut at the times at which parts begin.
pub fn units(catalog: &LakeCatalog, view: &LakeView) -> Vec<LakeUnit> {
    // Parts of rare types have several each, and all of them are few.
    let parts = catalog.parts_of(&view.folder).filter(|_| !view.rare).map(|part| (first_time(part), part.rows));
    cut(&view.view, parts, UNIT_EVENTS)
}

fn first_time(part: &LakePart) -> Option<i64> {
    part.first_time.as_deref().and_then(parse_iso_time)
}

/// Units of at most so many events, where the parts (time of the first event, and number of events) let them be cut.
fn cut(view: &str, parts: impl Iterator<Item = (Option<i64>, u64)>, most: u64) -> Vec<LakeUnit> {
    let (mut borders, mut events): (Vec<i64>, u64) = (Vec::new(), 0);
    for (first, rows) in parts {
        // Without a time of its own, or where a border is at that time already, there is none here.
        let border = first.filter(|first| events > 0 && events + rows > most && borders.last().is_none_or(|last| last < first));
        if let Some(border) = border {
            borders.push(border);
            events = 0;
        }
        events += rows;
    }
    let from = [None].into_iter().chain(borders.iter().copied().map(Some));
    let before = borders.iter().copied().map(Some).chain([None]);
    let unit = |(number, (from_us, before_us))| LakeUnit { id: LakeUnitId { view: view.to_owned(), number }, from_us, before_us };
    (0..).zip(from.zip(before)).map(unit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_event_is_in_one_unit(
            parts in prop::collection::vec((prop::option::of(-3_i64..9), 0_u64..9), 0..9),
            most in 1_u64..20,
            times in prop::collection::vec(prop::option::of(-5_i64..12), 1..20),
        ) {
            let units = cut("v", parts.into_iter(), most);
            for time in times {
                prop_assert_eq!(units.iter().filter(|unit| unit.has(time)).count(), 1, "{:?} in {:?}", time, units);
            }
            let numbers: Vec<u32> = units.iter().map(|unit| unit.id.number).collect();
            prop_assert_eq!(numbers, (0..u32::try_from(units.len()).unwrap()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn units_are_cut_where_parts_begin() {
        let units = cut("v", [(None, 4), (Some(5), 4), (Some(5), 4), (Some(7), 4)].into_iter(), 4);
        let borders: Vec<_> = units.iter().map(|unit| (unit.from_us, unit.before_us)).collect();
        assert_eq!(borders, [(None, Some(5)), (Some(5), Some(7)), (Some(7), None)]);
        assert_eq!(cut("v", std::iter::empty(), 4).len(), 1);
    }
}

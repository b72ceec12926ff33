//! What a placement costs one dataset at one forecast, and what getting there costs.
//!
//! Invariant: recommendation, plan and list call these functions and no others, so they show the same money. Sheets come from
//! [`crate::domain::price::cost`]; a figure for 30 days is the mean over the horizon.

use super::Forecast;
use super::problem::Candidate;
use super::readers::Readers;
use crate::domain::price::book::{MONTH_DAYS, PriceBook};
use crate::domain::price::cost::{MoveTerms, Usage, break_even_days, moving, running};
use crate::domain::price::line::CostSheet;
use crate::domain::price::rates::{Distance, Holding};
use crate::domain::price::transfer::Priced;
use crate::domain::unit::NanoUsd;

/// Days that costs are compared over. A shorter look would never pay for the 90-day minimum of the cold classes; a longer one
/// trusts a forecast from a few months too far.
pub const HORIZON_DAYS: i64 = 90;

/// What is quoted for.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What is held.
    pub held: Holding,
    /// What its readers do; `None` prices holding alone.
    pub forecast: Option<&'a Forecast>,
    /// Where they are; empty means inside the priced location.
    pub readers: &'a [Readers],
    /// Days that running costs cover.
    pub horizon_days: i64,
    /// Days for which the source of a copy is kept.
    pub grace_days: f64,
}

/// A placement beside staying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Holding and reading there over the horizon.
    pub running: CostSheet,
    /// Getting there, once.
    pub one_time: CostSheet,
    /// Running cost for 30 days.
    pub monthly_nanousd: NanoUsd,
    /// Running and one-time cost over the horizon.
    pub horizon_nanousd: NanoUsd,
    /// Days until the move has paid for itself.
    pub break_even_days: Option<i64>,
}

/// A sum over the horizon as one for 30 days, rounded half away from zero.
#[must_use]
pub fn monthly(total: NanoUsd, horizon_days: i64) -> NanoUsd {
    let days = i128::from(horizon_days.max(1));
    let part = i128::from(total.0) * MONTH_DAYS as i128;
    let rounded = (part.abs() + days / 2) / days * part.signum();
    NanoUsd(i64::try_from(rounded).unwrap_or(if part < 0 { i64::MIN } else { i64::MAX }))
}

/// How far readers are from a place.
fn away(readers: &Readers, book: &PriceBook) -> Distance {
    if readers.provider != book.provider {
        Distance::Internet
    } else if readers.region != book.region {
        Distance::OtherRegion
    } else {
        Distance::Same
    }
}

impl Terms<'_> {
    /// What the readers do at a place over the horizon.
    #[must_use]
    pub fn usage(&self, book: &PriceBook, idle_days: u32) -> Usage {
        let days = self.horizon_days as f64;
        let usage = self.forecast.map_or(
            Usage {
                days,
                idle_days,
                ..Usage::default()
            },
            |f| f.usage(self.held, days, idle_days),
        );
        let share = |far: Distance| {
            let there = self.readers.iter().filter(|r| away(r, book) == far);
            there.map(|r| r.share).sum()
        };
        Usage {
            outside_share: share(Distance::Internet),
            other_region_share: share(Distance::OtherRegion),
            ..usage
        }
    }

    /// Holding and reading at a place over the horizon. `idle_days` counts from entry into the class.
    #[must_use]
    pub fn running(&self, at: Priced<'_>, idle_days: u32) -> CostSheet {
        running(at, self.held, &self.usage(at.book, idle_days))
    }

    /// Getting from one candidate to another after `days_held` days there.
    #[must_use]
    pub fn one_time(
        &self,
        from: (&Candidate<'_>, Priced<'_>),
        to: (&Candidate<'_>, Priced<'_>),
        days_held: i64,
    ) -> CostSheet {
        let same_place = from.0.placement.location_id == to.0.placement.location_id;
        let terms = MoveTerms {
            same_location: same_place && from.0.has_transitions,
            days_held,
            grace_days: self.grace_days,
            horizon_days: self.horizon_days as f64,
        };
        moving(from.1, to.1, self.held, &terms)
    }

    /// A placement beside staying, which costs `stay` over the horizon.
    #[must_use]
    pub fn quote(&self, stay: NanoUsd, running: CostSheet, one_time: CostSheet) -> Quote {
        Quote {
            monthly_nanousd: monthly(running.total_nanousd, self.horizon_days),
            horizon_nanousd: running.total_nanousd + one_time.total_nanousd,
            break_even_days: break_even_days(
                one_time.total_nanousd,
                stay - running.total_nanousd,
                self.horizon_days,
            ),
            running,
            one_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_the_mean_of_the_horizon_rounded_once() {
        for (total, days, month) in [
            (900, 90, 300),
            (100, 90, 33),
            (50, 100, 15),
            (-50, 100, -15),
            (-2, 90, -1),
            (7, 30, 7),
        ] {
            assert_eq!(
                monthly(NanoUsd(total), days),
                NanoUsd(month),
                "{total} over {days}"
            );
        }
        assert_eq!(monthly(NanoUsd(i64::MAX), 1), NanoUsd(i64::MAX));
    }
}

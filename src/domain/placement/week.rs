//! What the fleet has taught for each day of the week: people and their timers read on some days and not on others, and whether
//! a read goes on tomorrow depends on which day it is.
//!
//! Invariant: a weekday is only a position in a cycle of seven days, counted from the fleet's first; nothing of a calendar is
//! assumed. Where a weekday has shown nothing of its own, what all days have taught speaks.

use super::grid::Spot;
use super::pooled::{Expectation, Pooled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days in the cycle.
pub const WEEK: usize = 7;
/// Dataset-days of all days' experience mixed into every node of a weekday.
const ALL_DAYS: f64 = 100.0;

/// Observation counts over all days, and for each weekday.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weekly {
    all: Pooled,
    on: Vec<Pooled>,
}

impl Weekly {
    /// Begins with a prior that knows no weekdays.
    #[must_use]
    pub fn new(prior: &Pooled) -> Self {
        Self {
            all: prior.clone(),
            on: vec![Pooled::default(); WEEK],
        }
    }

    /// Adds one dataset-day.
    pub fn observe(&mut self, weekday: usize, spot: &Spot, read: f64) {
        self.all.observe(spot, read);
        self.on[weekday].observe(spot, read);
    }

    /// Expectations for the next day at every node, whatever the weekday.
    #[must_use]
    pub fn expectations(&self) -> Vec<Expectation> {
        self.all.expectations()
    }

    /// Expectations for each weekday, given those of [`Weekly::expectations`].
    #[must_use]
    pub fn by_weekday(&self, all: &[Expectation]) -> Vec<Vec<Expectation>> {
        self.on
            .iter()
            .map(|pooled| pooled.beside(all, ALL_DAYS))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::grid::spot;
    use crate::domain::placement::universe::prior;

    #[test]
    fn a_weekday_on_which_all_read_is_told_from_the_others_and_an_unseen_node_is_not() {
        let mut weekly = Weekly::new(prior());
        let here = spot(1.0, 3.0);
        for day in 0..7_000 {
            weekly.observe(day % WEEK, &here, f64::from(u8::from(day % WEEK == 2)));
        }
        let all = weekly.expectations();
        let by_weekday = weekly.by_weekday(&all);
        let node = here
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .expect("four corners")
            .0;
        let silence = |weekday: usize| by_weekday[weekday][node].silence();
        assert!(
            silence(2) < 0.2 && silence(3) > 0.95,
            "{} {}",
            silence(2),
            silence(3)
        );
        assert!((all[node].silence() - 6.0 / 7.0).abs() < 0.05, "{:?}", all[node]);
        let elsewhere = spot(0.0, 400.0)[1].0;
        assert!((by_weekday[2][elsewhere].volume - all[elsewhere].volume).abs() < 1e-12);
    }
}

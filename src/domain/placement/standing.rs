//! What the experts, and the course that was recommended, have cost the fleet so far.
//!
//! Invariant: sums of what was paid by yesterday evening, so a ranking is the same for all datasets of a day. The first experts are
//! the fixed ones, in the order of the candidates ([`super::expert::Expert::roster`]).

use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Dataset-days at which the fleet's ranking of experts is half believed.
const FLEET_DAYS: f64 = 20_000.0;
/// The recommended course may have cost this many times the best managed class alone before the insurance against silence stops.
const PREMIUM: f64 = 1.03;

/// What has been paid by each expert, and by following the recommendation, over the whole fleet, USD per GB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// By each expert.
    pub paid: Vec<f64>,
    /// Dataset-days.
    pub days: f64,
    /// This morning's expected cost of a day, drawn towards the best one's while little is known.
    pub expected: Vec<f64>,
    /// By the recommended course.
    pub course: f64,
    insured: bool,
}

impl Standing {
    /// Nothing paid yet.
    #[must_use]
    pub fn new(experts: usize) -> Self {
        Self {
            paid: vec![0.0; experts],
            days: 0.0,
            expected: vec![0.0; experts],
            course: 0.0,
            insured: true,
        }
    }

    /// Opens a day.
    pub fn open_day(&mut self, problem: &Problem) {
        let days = self.days.max(1e-9);
        let mean = |paid: &f64| paid / days;
        let best = self.paid.iter().map(mean).fold(f64::INFINITY, f64::min);
        let belief = self.days / (self.days + FLEET_DAYS);
        self.expected = self
            .paid
            .iter()
            .map(|p| best + (mean(p) - best) * belief)
            .collect();
        let fixed = self.paid.iter().zip(problem.candidates());
        let managed = fixed
            .filter_map(|(paid, c)| c.is_managed().then_some(*paid))
            .fold(f64::INFINITY, f64::min);
        self.insured = self.course <= PREMIUM * managed;
    }

    /// Whether the fleet's bill leaves room for the insurance against silence ([`super::bound`]): always, where no class is
    /// managed; else while it is not clearly above what the best managed class alone would have cost.
    #[must_use]
    pub fn affords_insurance(&self) -> bool {
        self.insured
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::{Candidate, Stage};

    #[test]
    fn the_insurance_stops_where_the_course_is_three_percent_above_the_managed_class() {
        let stage = |from_idle_days, storage_per_gb_day| Stage {
            from_idle_days,
            storage_per_gb_day,
            read_per_gb: 0.0,
        };
        let auto = Candidate {
            name: "auto".into(),
            stages: vec![stage(0, 0.001), stage(30, 0.0005)],
            min_days: 0,
            first_byte_ms: 10.0,
        };
        let hot = Candidate::plain("hot", 0.001, 0.0, 0, 10.0);
        let p = Problem::new(vec![hot, auto], vec![0.0; 4], 0).expect("a good problem");
        let mut standing = Standing::new(3);
        standing.paid = vec![200.0, 100.0, 90.0];
        for (course, affords) in [(102.0, true), (104.0, false), (101.0, true)] {
            standing.course = course;
            standing.open_day(&p);
            assert_eq!(standing.affords_insurance(), affords, "{course}");
        }
        let plain = p.without_managed().expect("one is left");
        standing.course = 1e9;
        standing.open_day(&plain);
        assert!(standing.affords_insurance());
    }
}

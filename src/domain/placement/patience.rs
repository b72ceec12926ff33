//! How much of the fleet's experience to set against a dataset's own when experts are ranked.
//!
//! Invariant: no look-ahead. Each way of mixing foretells what every expert will pay today, relative to the others, from earlier
//! days alone; it is judged by the squared error over all datasets, and the fleet uses the one that has erred least. Where
//! datasets differ for good (few, long-lived, each with its own habits) a short patience wins; where they are alike and brief,
//! the fleet knows better.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ways of mixing: days of the fleet's experience set against a dataset's own.
const CHOICES: [f64; 7] = [30.0, 60.0, 120.0, 250.0, 500.0, 1_000.0, 4_000.0];
/// Before anything was judged: between the two shortest and the fleet's word.
const FIRST_DAYS: f64 = 150.0;
/// Dataset-days judged before the choice is trusted.
const TRUSTED_AFTER: f64 = 2_000.0;
/// A dataset's own days before a mix is judged on it: at first every expert has paid alike.
const JUDGED_FROM_DAYS: f64 = 20.0;
/// A day's cost, relative to the others, counts for no more than this many USD per GB: one burst must not decide for a fleet.
const LARGEST_DIFFERENCE: f64 = 0.1;

/// The record of every way of mixing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Patience {
    errors: [f64; CHOICES.len()],
    judged: f64,
}

impl Patience {
    /// Days of the fleet's experience to set against a dataset's own.
    #[must_use]
    pub fn days(&self) -> f64 {
        if self.judged < TRUSTED_AFTER {
            return FIRST_DAYS;
        }
        let errors = CHOICES.iter().zip(&self.errors);
        errors
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map_or(FIRST_DAYS, |(days, _)| *days)
    }

    /// Judges every way of mixing on one dataset-day. `paid` is what each expert had paid before over `seen` days (both
    /// decayed), `fleet` what the fleet expects each to pay a day, `today` what each paid today, all in USD per GB.
    pub fn judge(&mut self, paid: &[f64], seen: f64, fleet: &[f64], today: &[f64]) {
        if seen < JUDGED_FROM_DAYS {
            return;
        }
        let n = today.len() as f64;
        let paid_mean = paid.iter().sum::<f64>() / n;
        let fleet_mean = fleet.iter().sum::<f64>() / n;
        let today_mean = today.iter().sum::<f64>() / n;
        for (error, days) in self.errors.iter_mut().zip(CHOICES) {
            for ((paid, fleet), today) in paid.iter().zip(fleet).zip(today) {
                let foretold = ((paid - paid_mean) + days * (fleet - fleet_mean)) / (seen + days);
                let came = (today - today_mean).clamp(-LARGEST_DIFFERENCE, LARGEST_DIFFERENCE);
                *error += (foretold - came).powi(2);
            }
        }
        self.judged += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::universe::Draws;

    /// Two experts; on each dataset one of them is dearer for good by `own`, on the fleet they are alike. Noise on every day.
    fn patience_of(own: f64) -> f64 {
        let mut patience = Patience::default();
        let mut draws = Draws(5);
        for dataset in 0..40 {
            let dearer = if dataset % 2 == 0 { own } else { -own };
            let (mut paid, mut seen) = ([0.0, 0.0], 0.0);
            for _ in 0..200 {
                let noise = |d: &mut Draws| 0.02 * (d.unit() - 0.5);
                let today = [0.02 + dearer + noise(&mut draws), 0.02 + noise(&mut draws)];
                patience.judge(&paid, seen, &[0.02, 0.02], &today);
                paid = [paid[0] + today[0], paid[1] + today[1]];
                seen += 1.0;
            }
        }
        patience.days()
    }

    #[test]
    fn datasets_with_habits_of_their_own_are_heard_and_noise_is_not() {
        assert!(patience_of(0.01) <= 60.0, "{}", patience_of(0.01));
        assert!(patience_of(0.0) >= 1_000.0, "{}", patience_of(0.0));
    }

    #[test]
    fn nothing_judged_is_a_moderate_patience() {
        assert_eq!(Patience::default().days(), FIRST_DAYS);
    }
}

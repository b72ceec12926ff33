//! The rate of reads at which the answer would be another one.
//!
//! Invariant: searches with the same prices and the same threshold as the answer itself, changing nothing but how much is read.

use super::quote::Terms;
use super::solve::threshold;
use crate::domain::price::cost::running_usd;
use crate::domain::price::rates::Rates;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::NanoUsd;

/// Rates between which a flip is looked for, full reads in 30 days. Below, a read a century; above, a read every hour and more.
const SLOWEST: f64 = 1e-3;
const FASTEST: f64 = 1e3;
/// Halvings of the bracket: five digits, of which three are kept.
const HALVINGS: u32 = 16;

/// A candidate that may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Where it leads.
    pub at: Priced<'a>,
    /// Getting there, in USD.
    pub one_time_usd: f64,
}

/// A place with what it costs at any rate of reads.
struct Place<'a> {
    at: Priced<'a>,
    rates: Rates,
    fixed: f64,
    idle_days: u32,
    /// Cost without reads, and per full read in 30 days, where the cost is a straight line.
    line: Option<(f64, f64)>,
}

impl<'a> Place<'a> {
    fn new(terms: &Terms<'_>, at: Priced<'a>, fixed: f64, idle_days: u32) -> Self {
        let rates = at.rates(terms.held);
        let mut place = Self {
            at,
            rates,
            fixed,
            idle_days,
            line: None,
        };
        let usage = terms.usage(at.book, idle_days);
        // Stages and volume steps of egress bend it.
        if place.rates.stages.len() == 1 && usage.outside_share + usage.other_region_share <= 0.0 {
            let nothing = place.bent(terms, 0.0);
            place.line = Some((nothing, place.bent(terms, 1.0) - nothing));
        }
        place
    }

    fn bent(&self, terms: &Terms<'_>, reads_per_month: f64) -> f64 {
        let scaled = terms.forecast.map(|f| f.scaled(terms.held, reads_per_month));
        let other = Terms {
            forecast: scaled.as_ref(),
            ..*terms
        };
        self.fixed
            + running_usd(
                self.at,
                &self.rates,
                terms.held,
                &other.usage(self.at.book, self.idle_days),
            )
    }

    fn cost(&self, terms: &Terms<'_>, reads_per_month: f64) -> f64 {
        self.line.map_or_else(
            || self.bent(terms, reads_per_month),
            |(nothing, slope)| nothing + slope * reads_per_month,
        )
    }
}

/// The nearest rate (full reads in 30 days, three digits) at which another way than at the forecast would be best, `None` when there
/// is none in sight. `here` is the present place with its idle days.
#[must_use]
pub fn flip_rate(terms: &Terms<'_>, here: (Priced<'_>, u32), ways: &[Way<'_>]) -> Option<f64> {
    let now = terms.forecast?.reads_per_month;
    let stay = Place::new(terms, here.0, 0.0, here.1);
    let places: Vec<Place<'_>> = ways
        .iter()
        .map(|way| Place::new(terms, way.at, way.one_time_usd, 0))
        .collect();
    let answer = |rate: f64| {
        let stay = stay.cost(terms, rate);
        let best = places
            .iter()
            .map(|place| place.cost(terms, rate))
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        let least = threshold(NanoUsd::from_usd(stay)).as_usd();
        (stay - best.1 >= least).then_some(best.0)
    };
    let today = answer(now);
    let start = now.clamp(SLOWEST, FASTEST);
    let up = bracket(start, 2.0, today, &answer);
    let down = if now > SLOWEST {
        bracket(start, 0.5, today, &answer)
    } else {
        None
    };
    let far = |rate: &f64| (rate / start).ln().abs();
    [up, down]
        .into_iter()
        .flatten()
        .min_by(|a, b| far(a).total_cmp(&far(b)))
        .map(|rate| format!("{rate:.2e}").parse().unwrap_or(rate))
}

/// Steps outwards by `factor` until the answer differs from `today`, then halves in between.
fn bracket(
    start: f64,
    factor: f64,
    today: Option<usize>,
    answer: &impl Fn(f64) -> Option<usize>,
) -> Option<f64> {
    let mut same = start;
    let mut other = start;
    while answer(other) == today {
        same = other;
        other *= factor;
        if !(SLOWEST / 2.0..=FASTEST * 2.0).contains(&other) {
            return None;
        }
    }
    for _ in 0..HALVINGS {
        let middle = (same * other).sqrt();
        if answer(middle) == today {
            same = middle;
        } else {
            other = middle;
        }
    }
    Some(other)
}

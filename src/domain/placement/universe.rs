//! The prior: a broad invented population of datasets, so that a fleet without a past is not without sense.
//!
//! Invariant: nothing here is fitted to a real history. Eight kinds of behaviour, equally likely, with their parameters drawn
//! log-uniformly over the ranges that storage systems show; what comes out is counted on the grid like a real fleet. The draws
//! come from a counter-based generator: the same everywhere, no state, no randomness.

use super::features::Features;
use super::grid::spot_of;
use super::pooled::Pooled;
use std::sync::OnceLock;

const DATASETS: usize = 300;
const DAYS: u32 = 800;
/// Dataset-days for which the prior counts at a node: about twenty weeks.
pub const PRIOR_DAYS: f64 = 140.0;

/// SplitMix64 over a counter: a pure function of the seed.
#[derive(Clone, Copy, Debug)]
pub struct Draws(
    /// The seed.
    pub u64,
);

impl Draws {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Log-uniform between two positive bounds.
    pub fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        (low.ln() + self.unit() * (high / low).ln()).exp()
    }
}

/// How a dataset of the invented population is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads at a steady rate.
    Steady,
    /// Campaigns and pauses, again and again.
    Campaigns,
    /// Popular when new, then ever less.
    Decaying,
    /// One campaign, then silence.
    Once,
    /// Small slices, often.
    Slices,
    /// A burst every month, quarter, half-year or year.
    Seasonal,
    /// Gaps with a heavy tail.
    HeavyGaps,
    /// Rare reads of any size: nothing to learn.
    Noise,
}

/// All kinds.
pub const KINDS: [Kind; 8] = [
    Kind::Steady,
    Kind::Campaigns,
    Kind::Decaying,
    Kind::Once,
    Kind::Slices,
    Kind::Seasonal,
    Kind::HeavyGaps,
    Kind::Noise,
];

/// Reads per day (multiples of the dataset) of one invented dataset.
#[must_use]
pub fn life(kind: Kind, days: u32, draws: &mut Draws) -> Vec<f64> {
    let typical = match kind {
        Kind::Slices => draws.log_uniform(0.0005, 0.05),
        _ => draws.log_uniform(0.01, 1.5),
    };
    let spread = draws.log_uniform(1.0, 4.0);
    let chance = chances(kind, days, draws);
    let size = |d: &mut Draws| match kind {
        Kind::Noise => d.log_uniform(0.001, 10.0),
        _ => typical * d.log_uniform(1.0 / spread, spread),
    };
    chance
        .into_iter()
        .map(|c| if draws.unit() < c { size(draws) } else { 0.0 })
        .collect()
}

/// Probability of a read on each day.
fn chances(kind: Kind, days: u32, d: &mut Draws) -> Vec<f64> {
    let days = 0..days;
    match kind {
        Kind::Steady => vec![d.log_uniform(0.002, 1.0); days.len()],
        Kind::Slices => vec![d.log_uniform(0.1, 1.0); days.len()],
        Kind::Noise => vec![d.log_uniform(0.005, 0.2); days.len()],
        Kind::Campaigns => {
            let (on, off, busy) = (
                d.log_uniform(2.0, 120.0),
                d.log_uniform(10.0, 700.0),
                d.log_uniform(0.05, 1.0),
            );
            let mut active = true;
            days.map(|_| {
                let length = if active { on } else { off };
                active ^= d.unit() < 1.0 / length;
                if active { busy } else { 0.0 }
            })
            .collect()
        }
        Kind::Decaying => {
            let (first, power) = (d.log_uniform(0.1, 2.0), 0.5 + 1.5 * d.unit());
            days.map(|t| first / (1.0 + f64::from(t) / 7.0).powf(power))
                .collect()
        }
        Kind::Once => {
            let (length, busy) = (d.log_uniform(2.0, 200.0), d.log_uniform(0.05, 1.0));
            days.map(|t| if f64::from(t) < length { busy } else { 0.0 })
                .collect()
        }
        Kind::Seasonal => {
            let period = [30.0, 91.0, 182.0, 365.0][(d.bits() % 4) as usize];
            let (length, phase) = (d.log_uniform(1.0, 20.0), d.unit() * period);
            days.map(|t| {
                if (f64::from(t) + phase) % period < length {
                    0.7
                } else {
                    0.0
                }
            })
            .collect()
        }
        Kind::HeavyGaps => {
            let (shape, least) = (0.6 + d.unit(), d.log_uniform(0.5, 10.0));
            let mut next = 0.0;
            days.map(|t| {
                let due = f64::from(t) >= next;
                while f64::from(t) >= next {
                    next += least * (1.0 - d.unit()).powf(-1.0 / shape);
                }
                f64::from(u8::from(due))
            })
            .collect()
        }
    }
}

/// The invented population counted on the grid, with reads above `cap` times the dataset taken as `cap`.
fn population(cap: f64) -> Pooled {
    let mut draws = Draws(42);
    let mut pooled = Pooled::default();
    for i in 0..DATASETS {
        let days = DAYS - (draws.unit() * f64::from(DAYS) * 0.6) as u32;
        let mut features = Features::default();
        for read in life(KINDS[i % KINDS.len()], days, &mut draws) {
            pooled.observe(&spot_of(&features), read.min(cap));
            features.pass_day(read);
        }
    }
    pooled.limited(PRIOR_DAYS)
}

/// The prior for tables that count reads in full.
#[must_use]
pub fn prior() -> &'static Pooled {
    static PRIOR: OnceLock<Pooled> = OnceLock::new();
    PRIOR.get_or_init(|| population(f64::INFINITY))
}

/// The prior for tables in which one read counts for at most the whole dataset.
#[must_use]
pub fn prior_capped() -> &'static Pooled {
    static PRIOR: OnceLock<Pooled> = OnceLock::new();
    PRIOR.get_or_init(|| population(1.0))
}

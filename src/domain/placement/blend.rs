//! The recommended policy: a blend of experts, followed by how well each has done on this dataset and on this fleet.
//!
//! Invariant: no look-ahead. [`DatasetState`] and [`Fleet`] are streaming (O(1) a dataset and day) and a pure function of the
//! days fed in, in order: rebuilt from the same events they are the same to the bit. Every morning all datasets choose, every
//! evening all learn; what one dataset sees during a day never reaches another before the next morning.

use super::expert::{
    Expert, INDIFFERENCE, Life, cautious_rate, mean_rate, minimum_beyond_quarter, quarter_cost,
};
use super::features::Features;
use super::grid::{Spot, spot_of};
use super::ledger::Holding;
use super::pooled::Pooled;
use super::problem::Problem;
use super::universe::{prior, prior_capped};
use super::value::{Values, reads_within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days between two refinements of the value tables.
pub const REFRESH_DAYS: u32 = 28;
const FIRST_SWEEPS: usize = 3_000;
const LATER_SWEEPS: usize = 150;
/// What an expert paid a day ago counts today, per dataset.
const DAILY_MEMORY: f64 = 0.998;
/// How many days ahead a better expert is believed to stay better.
const SIGHT_DAYS: f64 = 180.0;
/// Dataset-days at which the fleet's ranking of experts is half believed.
const FLEET_DAYS: f64 = 20_000.0;
/// Masters differ in how many days of the fleet's experience they set against a dataset's own.
const PATIENCE_DAYS: [f64; 4] = [60.0, 150.0, 1_000.0, 1e7];

/// What has been paid per dataset-day by each of several lives, over the whole fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Standing {
    paid: Vec<f64>,
    days: f64,
    /// This morning's expected cost of a day, drawn towards the best one's while little is known.
    expected: Vec<f64>,
}

impl Standing {
    fn new(lives: usize) -> Self {
        Self {
            paid: vec![0.0; lives],
            days: 0.0,
            expected: vec![0.0; lives],
        }
    }

    fn open_day(&mut self) {
        let days = self.days.max(1e-9);
        let mean = |paid: &f64| paid / days;
        let best = self.paid.iter().map(mean).fold(f64::INFINITY, f64::min);
        let belief = self.days / (self.days + FLEET_DAYS);
        self.expected = self
            .paid
            .iter()
            .map(|p| best + (mean(p) - best) * belief)
            .collect();
    }
}

/// What is shared by all datasets of a fleet that choose between the same candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fleet {
    full: Pooled,
    capped: Pooled,
    full_values: Values,
    capped_values: Values,
    /// Full reads expected within a quarter from each node.
    quarter_reads: Vec<f64>,
    experts: Vec<Expert>,
    standing: Standing,
    masters: Standing,
    days_to_refresh: u32,
}

impl Fleet {
    /// A fleet without a past, valued for `problem`, which stands for all its datasets.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        let experts = Expert::roster(problem.len());
        let mut fleet = Self {
            full: prior().clone(),
            capped: prior_capped().clone(),
            full_values: Values::new(problem),
            capped_values: Values::new(problem),
            quarter_reads: Vec::new(),
            standing: Standing::new(experts.len()),
            masters: Standing::new(PATIENCE_DAYS.len()),
            experts,
            days_to_refresh: REFRESH_DAYS,
        };
        fleet.revalue(problem, FIRST_SWEEPS);
        fleet
    }

    fn revalue(&mut self, problem: &Problem, sweeps: usize) {
        let full = self.full.expectations();
        self.full_values.improve(problem, &full, sweeps);
        self.capped_values
            .improve(problem, &self.capped.expectations(), sweeps);
        self.quarter_reads = reads_within(super::expert::QUARTER, &full);
    }

    /// Opens a day: ranks the experts by what they have paid, and every 28 days refines the value tables. Call it once a day,
    /// before any dataset's morning.
    pub fn open_day(&mut self, problem: &Problem) {
        self.standing.open_day();
        self.masters.open_day();
        if self.days_to_refresh == 0 {
            self.revalue(problem, LATER_SWEEPS);
            self.days_to_refresh = REFRESH_DAYS;
        }
        self.days_to_refresh -= 1;
    }

    /// The experts, in the order of every per-expert list.
    #[must_use]
    pub fn experts(&self) -> &[Expert] {
        &self.experts
    }

    /// Full reads expected within the next quarter for a dataset with these features.
    #[must_use]
    pub fn expected_quarter_reads(&self, features: &Features) -> f64 {
        spot_of(features)
            .iter()
            .map(|&(node, weight)| weight * self.quarter_reads[node])
            .sum()
    }

    fn expert_choice(&self, problem: &Problem, expert: &Expert, now: &Now, life: &Life) -> usize {
        match *expert {
            Expert::Fixed { candidate } => candidate,
            _ if life.is_locked() => life.holding.at,
            Expert::Mean { memory, .. } => {
                let rate = mean_rate(now.features, memory);
                cheapest(problem, &life.holding, |k, here| {
                    let arriving = if here.is_none() {
                        minimum_beyond_quarter(problem, k)
                    } else {
                        0.0
                    };
                    quarter_cost(problem, k, rate, here) + arriving
                })
            }
            Expert::Tables { capped, trust } => {
                let values = if capped {
                    &self.capped_values
                } else {
                    &self.full_values
                };
                let rate = if trust < 1.0 {
                    cautious_rate(now.features)
                } else {
                    0.0
                };
                cheapest(problem, &life.holding, |k, here| {
                    let value = values.cost(problem, k, &now.spot, now.features.idle_days, here);
                    let mean = if trust < 1.0 {
                        quarter_cost(problem, k, rate, here)
                    } else {
                        0.0
                    };
                    trust * value + (1.0 - trust) * mean
                })
            }
        }
    }
}

struct Now<'a> {
    features: &'a Features,
    spot: Spot,
}

/// The candidate with the lowest way there plus cost there; the present one wins near-ties.
fn cheapest(problem: &Problem, holding: &Holding, cost: impl Fn(usize, Option<&Holding>) -> f64) -> usize {
    let mut best = (cost(holding.at, Some(holding)), holding.at);
    for k in (0..problem.len()).filter(|&k| k != holding.at) {
        let total = holding.exit_cost(problem, k) + cost(k, None) + INDIFFERENCE;
        if total < best.0 {
            best = (total, k);
        }
    }
    best.1
}

/// Whom to follow: the one whose cost so far, mixed with `patience` days of the fleet's experience, promises the cheapest half
/// year, the way to its side included.
fn leader(
    problem: &Problem,
    holding: &Holding,
    now: usize,
    lives: &[Life],
    standing: &Standing,
    patience: f64,
    seen: f64,
) -> usize {
    let promise = |i: usize| {
        let daily = (lives[i].paid + patience * standing.expected[i]) / (seen + patience);
        let way = if i == now {
            0.0
        } else {
            holding.exit_cost(problem, lives[i].holding.at)
        };
        daily * SIGHT_DAYS + way
    };
    let mut best = (f64::INFINITY, now);
    for i in 0..lives.len() {
        let total = promise(i);
        if total < best.0 - 1e-12 {
            best = (total, i);
        }
    }
    best.1
}

/// What is remembered of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetState {
    /// Its reads so far.
    pub features: Features,
    lives: Vec<Life>,
    masters: Vec<Life>,
    /// The expert each master follows.
    follows: Vec<usize>,
    /// The master that is followed.
    master: usize,
    /// Days lived, decayed.
    seen: f64,
}

impl DatasetState {
    /// A dataset on its first morning.
    #[must_use]
    pub fn new(problem: &Problem, fleet: &Fleet) -> Self {
        Self {
            features: Features::default(),
            lives: vec![Life::new(problem); fleet.experts.len()],
            masters: vec![Life::new(problem); PATIENCE_DAYS.len()],
            follows: vec![problem.hot(); PATIENCE_DAYS.len()],
            master: PATIENCE_DAYS.len() - 1,
            seen: 0.0,
        }
    }

    /// The morning: every expert chooses, every master chooses an expert, and the answer is where the dataset should lie today.
    /// `holding` is where it really lies.
    pub fn morning(&mut self, problem: &Problem, fleet: &mut Fleet, holding: &Holding) -> usize {
        let now = Now {
            features: &self.features,
            spot: spot_of(&self.features),
        };
        for (i, life) in self.lives.iter_mut().enumerate() {
            let to = fleet.expert_choice(problem, &fleet.experts[i], &now, life);
            fleet.standing.paid[i] += life.move_to(problem, to);
        }
        for (m, life) in self.masters.iter_mut().enumerate() {
            let (patience, follows) = (PATIENCE_DAYS[m], self.follows[m]);
            let standing = &fleet.standing;
            let to = leader(
                problem,
                &life.holding,
                follows,
                &self.lives,
                standing,
                patience,
                self.seen,
            );
            self.follows[m] = to;
            fleet.masters.paid[m] += life.move_to(problem, self.lives[to].holding.at);
        }
        let patience = PATIENCE_DAYS[PATIENCE_DAYS.len() - 1];
        self.master = leader(
            problem,
            holding,
            self.master,
            &self.masters,
            &fleet.masters,
            patience,
            self.seen,
        );
        self.masters[self.master].holding.at
    }

    /// The evening: `read` times the dataset's bytes were read today.
    pub fn evening(&mut self, problem: &Problem, fleet: &mut Fleet, read: f64) {
        let spot = spot_of(&self.features);
        fleet.full.observe(&spot, read);
        fleet.capped.observe(&spot, read.min(1.0));
        for (i, life) in self.lives.iter_mut().enumerate() {
            life.paid *= DAILY_MEMORY;
            fleet.standing.paid[i] += life.pass_day(problem, read, Some(&fleet.experts[i]));
        }
        for (m, life) in self.masters.iter_mut().enumerate() {
            life.paid *= DAILY_MEMORY;
            fleet.masters.paid[m] += life.pass_day(problem, read, None);
        }
        fleet.standing.days += 1.0;
        fleet.masters.days += 1.0;
        self.seen = self.seen * DAILY_MEMORY + 1.0;
        self.features.pass_day(read);
    }

    /// The expert that is being followed.
    #[must_use]
    pub fn follows(&self) -> usize {
        self.follows[self.master]
    }
}

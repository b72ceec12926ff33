//! The recommended policy: a blend of experts, followed by how well each has done on this dataset and on this fleet.
//!
//! Invariant: no look-ahead. [`DatasetState`] and [`Fleet`] are streaming (O(1) a dataset and day) and a pure function of the
//! days fed in, in order: rebuilt from the same events they are the same to the bit. Every morning all datasets choose, every
//! evening all learn; what one dataset sees during a day never reaches another before the next morning.

use super::bound::Bound;
use super::calibration::{CalibratedChance, Calibration, Followed, Reliability};
use super::expert::{
    Expert, INDIFFERENCE, Life, cautious_rate, mean_rate, minimum_beyond_quarter, quarter_cost,
};
use super::features::Features;
use super::grid::{Spot, spot_of};
use super::ledger::Holding;
use super::outlook::Drawn;
use super::patience::Patience;
use super::pooled::Expectation;
use super::problem::Problem;
use super::standing::Standing;
use super::universe::{prior, prior_capped};
use super::value::{Values, reads_within};
use super::week::{WEEK, Weekly};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Days between two refinements of the value tables.
pub const REFRESH_DAYS: u32 = 28;
/// Weeks of value iteration at first, and at every refinement.
const FIRST_WEEKS: usize = 86;
const LATER_WEEKS: usize = 21;
/// First valuations that are remembered: some 300 kB each.
const REMEMBERED: usize = 8;
/// What an expert paid a day ago counts today, per dataset.
const DAILY_MEMORY: f64 = 0.998;
/// How many days ahead a better expert is believed to stay better.
const SIGHT_DAYS: f64 = 180.0;

/// What is shared by all datasets of a fleet that choose between the same candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fleet {
    /// Today's position in the week.
    weekday: usize,
    full: Weekly,
    capped: Weekly,
    full_values: Values,
    capped_values: Values,
    /// Full reads expected within a quarter from each node.
    quarter_reads: Vec<f64>,
    experts: Vec<Expert>,
    standing: Standing,
    patience: Patience,
    /// This day's word of it.
    patience_days: f64,
    calibration: Calibration,
    /// What every node expected when the tables were last refined.
    expectations: Vec<Expectation>,
    #[serde(skip)]
    outlook: Drawn,
    days_to_refresh: u32,
}

impl Fleet {
    /// A fleet without a past, valued for `problem`, which stands for all its datasets.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        let experts = Expert::roster(problem.len());
        let mut fleet = Self {
            weekday: 0,
            full: Weekly::new(prior()),
            capped: Weekly::new(prior_capped()),
            full_values: Values::new(problem),
            capped_values: Values::new(problem),
            quarter_reads: Vec::new(),
            standing: Standing::new(experts.len()),
            patience: Patience::default(),
            patience_days: Patience::default().days(),
            calibration: Calibration::default(),
            expectations: Vec::new(),
            outlook: Drawn::default(),
            experts,
            days_to_refresh: REFRESH_DAYS,
        };
        fleet.value_first(problem);
        fleet
    }

    /// The first valuation follows from the problem alone and takes the longest of all, so the last few are remembered: fleets
    /// of the same kind are begun again and again by backtests and rebuilds.
    fn value_first(&mut self, problem: &Problem) {
        static KNOWN: Mutex<VecDeque<(Problem, Values, Values)>> = Mutex::new(VecDeque::new());
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(|(p, ..)| p == problem).cloned();
        if let Some((_, full, capped)) = found {
            (self.full_values, self.capped_values) = (full, capped);
            self.revalue(problem, 0);
            return;
        }
        self.revalue(problem, FIRST_WEEKS);
        let mut known = known();
        known.push_back((
            problem.clone(),
            self.full_values.clone(),
            self.capped_values.clone(),
        ));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
    }

    fn revalue(&mut self, problem: &Problem, weeks: usize) {
        let (full, capped) = (self.full.expectations(), self.capped.expectations());
        if weeks > 0 {
            self.full_values
                .improve(problem, &self.full.by_weekday(&full), weeks);
            self.capped_values
                .improve(problem, &self.capped.by_weekday(&capped), weeks);
        }
        self.quarter_reads = reads_within(super::expert::QUARTER, &full);
        self.expectations = full;
        self.outlook = Drawn::default();
    }

    /// Opens a day: ranks the experts by what they have paid, and every 28 days refines the value tables. Call it once a day,
    /// before any dataset's morning.
    pub fn open_day(&mut self, problem: &Problem) {
        self.weekday = (self.weekday + 1) % WEEK;
        self.standing.open_day(problem);
        self.patience_days = self.patience.days();
        if self.days_to_refresh == 0 {
            self.revalue(problem, LATER_WEEKS);
            self.days_to_refresh = REFRESH_DAYS;
        }
        self.days_to_refresh -= 1;
    }

    fn drawn_chance(&self, problem: &Problem, state: &DatasetState, holding: &Holding, to: usize) -> f64 {
        let outlook = self.outlook.get(problem, &self.expectations);
        outlook.chance(problem, &state.features, holding, to)
    }

    /// How sure it is that moving from where `holding` is to `to` costs less within ninety days than staying: from drawn
    /// futures, corrected by what came of earlier proposals.
    #[must_use]
    pub fn confidence(
        &self,
        problem: &Problem,
        state: &DatasetState,
        holding: &Holding,
        to: usize,
    ) -> CalibratedChance {
        CalibratedChance {
            chance: self
                .calibration
                .state(self.drawn_chance(problem, state, holding, to)),
            outcomes: self.calibration.outcomes(),
        }
    }

    /// What was stated of earlier proposals against what came.
    #[must_use]
    pub fn reliability(&self) -> Reliability {
        self.calibration.table()
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
                    let value =
                        values.cost(problem, self.weekday, k, &now.spot, now.features.idle_days, here);
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

/// What is remembered of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetState {
    /// Its reads so far.
    pub features: Features,
    lives: Vec<Life>,
    /// The expert that is followed.
    follows: usize,
    /// Days lived, decayed like what the experts have paid.
    seen: f64,
    /// What each expert's move of this morning cost, USD per GB.
    moved_today: Vec<f64>,
    followed: Followed,
    bound: Bound,
}

impl DatasetState {
    /// A dataset on its first morning.
    #[must_use]
    pub fn new(problem: &Problem, fleet: &Fleet) -> Self {
        let experts = fleet.experts.len();
        Self {
            features: Features::default(),
            lives: vec![Life::new(problem); experts],
            follows: problem.hot(),
            seen: 0.0,
            moved_today: vec![0.0; experts],
            followed: Followed::default(),
            bound: Bound::new(problem),
        }
    }

    /// The morning: every expert chooses, and the answer is where the dataset should lie today. `holding` is where it really
    /// lies.
    pub fn morning(&mut self, problem: &Problem, fleet: &mut Fleet, holding: &Holding) -> usize {
        let now = Now {
            features: &self.features,
            spot: spot_of(&self.features),
        };
        for (i, life) in self.lives.iter_mut().enumerate() {
            let to = fleet.expert_choice(problem, &fleet.experts[i], &now, life);
            self.moved_today[i] = life.move_to(problem, to);
            fleet.standing.paid[i] += self.moved_today[i];
        }
        self.follows = self.leader(problem, fleet, holding);
        let wanted = self.wanted();
        let insured = fleet.standing.affords_insurance();
        fleet.standing.course += self.bound.go(problem, wanted, self.features.idle_days, insured);
        let to = self.bound.place();
        if to != holding.at && !self.followed.knows(holding.at, to) {
            let drawn = fleet.drawn_chance(problem, self, holding, to);
            self.followed
                .follow(problem, holding, to, drawn, &fleet.calibration);
        }
        to
    }

    /// Whom to follow: the one whose cost so far, mixed with some of the fleet's experience, promises the cheapest half year,
    /// the way to its side included. The one that is followed already wins ties.
    fn leader(&self, problem: &Problem, fleet: &Fleet, holding: &Holding) -> usize {
        let patience = fleet.patience_days;
        let promise = |i: usize| {
            let daily = (self.lives[i].paid + patience * fleet.standing.expected[i]) / (self.seen + patience);
            let way = if i == self.follows {
                0.0
            } else {
                holding.exit_cost(problem, self.lives[i].holding.at)
            };
            daily * SIGHT_DAYS + way
        };
        let mut best = (f64::INFINITY, self.follows);
        for i in 0..self.lives.len() {
            let total = promise(i);
            if total < best.0 - 1e-12 {
                best = (total, i);
            }
        }
        best.1
    }

    /// The evening: `read` times the dataset's bytes were read today.
    pub fn evening(&mut self, problem: &Problem, fleet: &mut Fleet, read: f64) {
        let spot = spot_of(&self.features);
        fleet.full.observe(fleet.weekday, &spot, read);
        fleet.capped.observe(fleet.weekday, &spot, read.min(1.0));
        let mut before = Vec::with_capacity(self.lives.len());
        let mut today = Vec::with_capacity(self.lives.len());
        for (i, life) in self.lives.iter_mut().enumerate() {
            before.push(life.paid - self.moved_today[i]);
            life.paid *= DAILY_MEMORY;
            let spent = life.pass_day(problem, read, Some(&fleet.experts[i]));
            fleet.standing.paid[i] += spent;
            today.push(self.moved_today[i] + spent);
        }
        fleet
            .patience
            .judge(&before, self.seen, &fleet.standing.expected, &today);
        fleet.standing.course += self.bound.pass_day(problem, self.wanted(), read);
        self.followed.pass_day(problem, read, &mut fleet.calibration);
        fleet.standing.days += 1.0;
        self.seen = self.seen * DAILY_MEMORY + 1.0;
        self.features.pass_day(read);
    }

    /// Where the expert that is followed wants the dataset.
    fn wanted(&self) -> usize {
        self.lives[self.follows].holding.at
    }

    /// Where the dataset should lie, as of the last morning.
    #[must_use]
    pub fn place(&self) -> usize {
        self.bound.place()
    }

    /// The expert that is being followed.
    #[must_use]
    pub fn follows(&self) -> usize {
        self.follows
    }
}

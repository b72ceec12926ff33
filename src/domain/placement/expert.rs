//! The experts the blend listens to, each living its own imagined life in every dataset.
//!
//! Invariant: an expert's life is billed by [`Holding`] exactly as a real one, moves and early deletion included, whether or not
//! anyone follows it. Because reads are observed wherever the data lies, every expert can be judged on the same past.

use super::features::Features;
use super::ledger::{Holding, Ledger};
use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An expert that changed class for a guard stays there for these days.
const HOLD_DAYS: u32 = 14;
/// A guard acts once the regret has paid for the way there and back this many times.
pub const ROUND_TRIPS: f64 = 2.0;
/// Of two choices the present one wins unless the other is better by this, USD per GB: less than a cent per TB and day.
pub const INDIFFERENCE: f64 = 2e-5;

/// A way of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Expert {
    /// One candidate for good.
    Fixed {
        /// Its index.
        candidate: usize,
    },
    /// The decayed mean of the dataset's own reads, held to go on for a quarter.
    Mean {
        /// Index into [`super::features::MEMORIES`].
        memory: usize,
        /// Whether regret may promote it.
        guarded: bool,
    },
    /// The fleet's value tables.
    Tables {
        /// Tables that count a read as at most the whole dataset.
        capped: bool,
        /// Weight of the value; the rest is the decayed mean's.
        trust: f64,
    },
}

impl Expert {
    /// The experts for a problem with `candidates` candidates, in a fixed order.
    #[must_use]
    pub fn roster(candidates: usize) -> Vec<Self> {
        let fixed = (0..candidates).map(|candidate| Self::Fixed { candidate });
        let others = [
            Self::Mean {
                memory: 3,
                guarded: true,
            },
            Self::Mean {
                memory: 2,
                guarded: false,
            },
            Self::Tables {
                capped: false,
                trust: 1.0,
            },
            Self::Tables {
                capped: true,
                trust: 1.0,
            },
            Self::Tables {
                capped: false,
                trust: 0.75,
            },
        ];
        fixed.chain(others).collect()
    }

    fn is_guarded(&self) -> bool {
        match self {
            Self::Fixed { .. } => false,
            Self::Mean { guarded, .. } => *guarded,
            Self::Tables { .. } => true,
        }
    }
}

/// An expert's imagined life in one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Life {
    /// Where it lies.
    pub holding: Holding,
    /// What it has paid, decayed, USD per GB.
    pub paid: f64,
    /// For each candidate, by how much it would have been cheaper lately.
    regret: Vec<f64>,
    locked_days: u32,
}

impl Life {
    /// Begins in the hot candidate.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        Self {
            holding: Holding::new(problem.hot()),
            paid: 0.0,
            regret: vec![0.0; problem.len()],
            locked_days: 0,
        }
    }

    /// Whether a guard's choice is being held.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked_days > 0
    }

    /// Moves to `to`; the bill goes to what was paid.
    pub fn move_to(&mut self, problem: &Problem, to: usize) -> f64 {
        let mut bill = Ledger::default();
        self.holding.move_to(problem, to, &mut bill);
        self.paid += bill.total();
        bill.total()
    }

    /// Lives through a day and lets the guard act. Returns what the day cost.
    pub fn pass_day(&mut self, problem: &Problem, read: f64, expert: Option<&Expert>) -> f64 {
        let mut bill = Ledger::default();
        self.holding.pass_day(problem, read, &mut bill);
        let mut spent = bill.total();
        self.paid += spent;
        self.locked_days = self.locked_days.saturating_sub(1);
        if expert.is_some_and(Expert::is_guarded) {
            spent += self.guard(problem, read, spent);
        }
        spent
    }

    /// Promotes when regret has paid for it. It may only go where reading is cheaper: this caps the worst case.
    fn guard(&mut self, problem: &Problem, read: f64, spent: f64) -> f64 {
        let reads_for = |k: usize| problem.candidates()[k].read();
        let mut go: Option<usize> = None;
        for b in 0..problem.len() {
            let c = &problem.candidates()[b];
            self.regret[b] = (self.regret[b] + spent - c.storage() - c.read() * read).max(0.0);
            if reads_for(b) < reads_for(self.holding.at) {
                let trip = self.holding.exit_cost(problem, b) + problem.move_cost(b, self.holding.at);
                let due = self.regret[b] > 0.0 && self.regret[b] >= ROUND_TRIPS * trip;
                if due && go.is_none_or(|g| self.regret[b] > self.regret[g]) {
                    go = Some(b);
                }
            }
        }
        match go {
            Some(b) if !self.is_locked() => {
                self.regret.fill(0.0);
                self.locked_days = HOLD_DAYS;
                self.move_to(problem, b)
            }
            _ => 0.0,
        }
    }
}

/// Days the decayed mean is held to go on.
pub const QUARTER: u32 = 90;

/// Expected storage and reading in candidate `k` over a quarter at `reads_per_day`, USD per GB. A managed class is taken to sink
/// as long as no read comes, with reads as a Poisson process.
#[must_use]
pub fn quarter_cost(problem: &Problem, k: usize, reads_per_day: f64, here: Option<&Holding>) -> f64 {
    let c = &problem.candidates()[k];
    let reads = reads_per_day * f64::from(QUARTER) * c.read();
    if !c.is_managed() {
        return f64::from(QUARTER) * c.storage() + reads;
    }
    let idle = here.map_or(0, |h| h.days_idle);
    let (mut storage, mut silence, daily) = (0.0, 1.0, (-reads_per_day).exp());
    for day in 0..QUARTER {
        storage += silence * c.stage(idle + day).storage_per_gb_day + (1.0 - silence) * c.storage();
        silence *= daily;
    }
    storage + reads
}

/// Storage that the minimum duration asks for beyond the quarter, when arriving now.
#[must_use]
pub fn minimum_beyond_quarter(problem: &Problem, k: usize) -> f64 {
    let c = &problem.candidates()[k];
    c.storage() * f64::from(c.min_days.saturating_sub(QUARTER))
}

/// Reads per day in the decayed mean that a [`Expert::Tables`] with less than full trust leans on: the mean of the two months' and
/// the year's memory, and in the first sixty days not less than half a read a month.
#[must_use]
pub fn cautious_rate(features: &Features) -> f64 {
    let mean = (features.raw_rate(1) + features.raw_rate(4)) / 2.0;
    let known = (f64::from(features.age_days) / 60.0).min(1.0);
    (known * mean + (1.0 - known) * mean.max(0.5)) / 30.0
}

/// The rate behind [`Expert::Mean`]: one read in fifty days, believed for a month, before there is a past.
#[must_use]
pub fn mean_rate(features: &Features, memory: usize) -> f64 {
    features.daily_rate(memory, 0.02, 30.0)
}

//! What a course of placements cost, in the four shares that a person asks about, and the state of lying somewhere.
//!
//! Invariant: [`Holding`] is the only place that charges a day or a move, so the replay, the policies' own counters and the
//! live service cannot disagree about a bill. Amounts are USD per GB of dataset.

use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// Accumulated cost by share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// Keeping the data, monitoring fees included.
    pub storage: f64,
    /// Retrieval, requests and egress of the readers.
    pub read: f64,
    /// Moving between placements.
    pub moving: f64,
    /// Minimum durations not served.
    pub early_deletion: f64,
    /// Number of moves.
    pub moves: u32,
}

impl Ledger {
    /// All shares together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.storage + self.read + self.moving + self.early_deletion
    }

    /// The same shares for `factor` GB instead of one. The number of moves stays.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            storage: self.storage * factor,
            read: self.read * factor,
            moving: self.moving * factor,
            early_deletion: self.early_deletion * factor,
            moves: self.moves,
        }
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.storage += other.storage;
        self.read += other.read;
        self.moving += other.moving;
        self.early_deletion += other.early_deletion;
        self.moves += other.moves;
    }
}

/// Where a dataset lies, since when, and how long nobody has read it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holding {
    /// Index of the candidate.
    pub at: usize,
    /// Whole days in this candidate.
    pub days_held: u32,
    /// Whole days since the later of entry and last read: what a managed class counts.
    pub days_idle: u32,
}

impl Holding {
    /// Just arrived at `at`.
    #[must_use]
    pub fn new(at: usize) -> Self {
        Self {
            at,
            days_held: 0,
            days_idle: 0,
        }
    }

    /// What leaving now for `to` costs: the move and the early deletion. Zero for staying.
    #[must_use]
    pub fn exit_cost(&self, problem: &Problem, to: usize) -> f64 {
        if to == self.at {
            return 0.0;
        }
        problem.move_cost(self.at, to) + problem.candidates()[self.at].early_deletion(self.days_held)
    }

    /// Moves, charging the ledger. Staying is free and is not counted.
    pub fn move_to(&mut self, problem: &Problem, to: usize, ledger: &mut Ledger) {
        if to == self.at {
            return;
        }
        ledger.moving += problem.move_cost(self.at, to);
        ledger.early_deletion += problem.candidates()[self.at].early_deletion(self.days_held);
        ledger.moves += 1;
        *self = Self::new(to);
    }

    /// Lives through one day in which `read` times the dataset's bytes were read. A day with a read is billed as a day of the
    /// first stage, because the vendor promotes at the read.
    pub fn pass_day(&mut self, problem: &Problem, read: f64, ledger: &mut Ledger) {
        let candidate = &problem.candidates()[self.at];
        if read > 0.0 {
            ledger.read += candidate.stage(self.days_idle).read_per_gb * read;
            self.days_idle = 0;
        }
        ledger.storage += candidate.stage(self.days_idle).storage_per_gb_day;
        self.days_idle = self.days_idle.saturating_add(1);
        self.days_held = self.days_held.saturating_add(1);
    }
}

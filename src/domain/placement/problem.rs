//! The dense problem the solvers see: a handful of candidate placements with their rates per GB, and the cost of every move.
//!
//! Invariant: all rates are finite, not negative, and in USD per GB (10⁹ bytes unless the price book bills GiB: then the builder
//! has converted already). A problem belongs to **one dataset**, because requests and monitoring fees depend on its number of
//! files per GB; the builder is `domain::price` (from a price book, `size_bytes`, `n_files` and the readers' share of each
//! location), the readers are [`super::optimum`] and the policies.
//!
//! How to build one, for candidate `k` with class `c` at a location:
//! - `stages`: one for a plain class. A managed class (S3 Intelligent-Tiering, GCS Autoclass) has one stage for each of its
//!   internal tiers, ordered by `from_idle_days`, the first of which is 0.
//! - `storage_per_gb_day`: monthly list price / 30 (history replays use 30-day months throughout), plus the monitoring fee per
//!   file, plus what minimum billable sizes and per-object overhead add, all divided by the dataset's GB.
//! - `read_per_gb`: retrieval + GET requests per GB + egress × the share of readers outside the location.
//! - `moves[a][b]`: USD per GB to go from `a` to `b`: transition or PUT requests; retrieval and GET requests of `a` whenever the
//!   vendor makes it a copy (always when going up, and between locations); egress between locations; and, where the source is
//!   kept for a grace period, `grace days × storage of a`. The diagonal is 0. Early deletion is **not** in it: it depends on the
//!   days spent and is `storage × remaining days`, computed from `min_days`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One internal tier of a candidate: what a GB costs while the dataset has been idle for at least `from_idle_days`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Days without a read (and since entry into the class) after which this stage applies.
    pub from_idle_days: u32,
    /// USD per GB and day.
    pub storage_per_gb_day: f64,
    /// USD per GB read while in this stage.
    pub read_per_gb: f64,
}

/// A placement the dataset could have: a storage class at a location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Unique within the problem, stable across runs: a class name in a backtest, `location/class` for a live dataset.
    pub name: String,
    /// One stage for a plain class, more for a managed one. Ordered by `from_idle_days`, first 0. Any read leads back to the
    /// first stage.
    pub stages: Vec<Stage>,
    /// Minimum storage duration in days; leaving sooner costs the storage of the remaining days.
    pub min_days: u32,
    /// Typical milliseconds to the first byte, for the latency limit.
    pub first_byte_ms: f64,
}

impl Candidate {
    /// A class with one rate.
    #[must_use]
    pub fn plain(
        name: &str,
        storage_per_gb_day: f64,
        read_per_gb: f64,
        min_days: u32,
        first_byte_ms: f64,
    ) -> Self {
        let stages = vec![Stage {
            from_idle_days: 0,
            storage_per_gb_day,
            read_per_gb,
        }];
        Self {
            name: name.to_owned(),
            stages,
            min_days,
            first_byte_ms,
        }
    }

    /// Whether the vendor moves the data between internal tiers by itself.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.stages.len() > 1
    }

    /// The stage that applies after `idle_days` without a read.
    #[must_use]
    pub fn stage(&self, idle_days: u32) -> &Stage {
        let last = self
            .stages
            .iter()
            .rposition(|s| s.from_idle_days <= idle_days)
            .unwrap_or(0);
        &self.stages[last]
    }

    /// Storage of the first stage, USD per GB and day: the rate a fresh dataset pays.
    #[must_use]
    pub fn storage(&self) -> f64 {
        self.stages[0].storage_per_gb_day
    }

    /// Reading in the first stage, USD per GB.
    #[must_use]
    pub fn read(&self) -> f64 {
        self.stages[0].read_per_gb
    }

    /// USD per GB owed for leaving after `days_held` days: the storage of the days that the minimum still asks for.
    #[must_use]
    pub fn early_deletion(&self, days_held: u32) -> f64 {
        self.storage() * f64::from(self.min_days.saturating_sub(days_held))
    }

    /// Days after which nothing about this candidate changes any more (minimum served, last stage reached).
    #[must_use]
    pub fn horizon_days(&self) -> u32 {
        self.stages
            .last()
            .map_or(0, |s| s.from_idle_days)
            .max(self.min_days)
    }
}

/// Candidates and moves for one dataset. See the module doc for how to build it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    candidates: Vec<Candidate>,
    /// Row-major: `moves[from * n + to]`, USD per GB.
    moves: Vec<f64>,
    /// Where a dataset lies before any advice was followed: the class that reads best and has no minimum.
    hot: usize,
}

/// Why a set of numbers is not a problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// No candidate at all.
    #[error("no candidate placement is left")]
    NoCandidate,
    /// The move matrix is not square over the candidates, or `hot` names none of them.
    #[error(
        "{candidates} candidates need {candidates}×{candidates} move costs and a hot index below {candidates}; got {moves} and {hot}"
    )]
    Shape {
        /// Number of candidates.
        candidates: usize,
        /// Number of move costs given.
        moves: usize,
        /// The index given as hot.
        hot: usize,
    },
    /// A rate is negative or not finite, stages are not ordered from 0 or rise in price, or a managed class has a minimum.
    #[error(
        "candidate {0} has a bad rate, stages that do not start at day 0 or rise in price, or is managed with a minimum duration"
    )]
    BadCandidate(String),
    /// A move cost is negative or not finite, or the diagonal is not zero.
    #[error("the move from {from} to {to} has a bad cost")]
    BadMove {
        /// Candidate the move leaves.
        from: String,
        /// Candidate the move enters.
        to: String,
    },
}

impl Problem {
    /// Checks and takes the numbers.
    ///
    /// # Errors
    /// [`ProblemError`] when shapes do not match or a rate is negative or not finite.
    pub fn new(candidates: Vec<Candidate>, moves: Vec<f64>, hot: usize) -> Result<Self, ProblemError> {
        let n = candidates.len();
        if n == 0 {
            return Err(ProblemError::NoCandidate);
        }
        if moves.len() != n * n || hot >= n {
            return Err(ProblemError::Shape {
                candidates: n,
                moves: moves.len(),
                hot,
            });
        }
        let good = |x: f64| x.is_finite() && x >= 0.0;
        for c in &candidates {
            let ordered = c
                .stages
                .windows(2)
                .all(|w| w[0].from_idle_days < w[1].from_idle_days);
            let starts = c.stages.first().is_some_and(|s| s.from_idle_days == 0);
            let rates = c
                .stages
                .iter()
                .all(|s| good(s.storage_per_gb_day) && good(s.read_per_gb));
            let not_above = |a: &Stage, b: &Stage| {
                a.storage_per_gb_day <= b.storage_per_gb_day && a.read_per_gb <= b.read_per_gb
            };
            let falls = c.stages.windows(2).all(|w| not_above(&w[1], &w[0]));
            if !(ordered && starts && rates && falls) || (c.is_managed() && c.min_days > 0) {
                return Err(ProblemError::BadCandidate(c.name.clone()));
            }
        }
        if let Some(bad) = (0..n * n).find(|&i| !good(moves[i]) || (i % (n + 1) == 0 && moves[i] != 0.0)) {
            let (from, to) = (candidates[bad / n].name.clone(), candidates[bad % n].name.clone());
            return Err(ProblemError::BadMove { from, to });
        }
        Ok(Self {
            candidates,
            moves,
            hot,
        })
    }

    /// All candidates, in the builder's order.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Number of candidates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Never true: a problem has at least one candidate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Where a dataset lies before any advice was followed.
    #[must_use]
    pub fn hot(&self) -> usize {
        self.hot
    }

    /// USD per GB to move from `from` to `to`, without early deletion.
    #[must_use]
    pub fn move_cost(&self, from: usize, to: usize) -> f64 {
        self.moves[from * self.candidates.len() + to]
    }

    /// Index of the candidate called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.candidates.iter().position(|c| c.name == name)
    }

    /// The same problem with only the candidates that `keep` accepts. When the hot one goes, the kept candidate that reads
    /// cheapest takes its place.
    ///
    /// # Errors
    /// [`ProblemError::NoCandidate`] when nothing is kept.
    pub fn retain(&self, keep: impl Fn(&Candidate) -> bool) -> Result<Self, ProblemError> {
        let kept: Vec<usize> = (0..self.len()).filter(|&k| keep(&self.candidates[k])).collect();
        let mut moves = Vec::with_capacity(kept.len() * kept.len());
        for &from in &kept {
            moves.extend(kept.iter().map(|&to| self.move_cost(from, to)));
        }
        let candidates: Vec<Candidate> = kept.iter().map(|&k| self.candidates[k].clone()).collect();
        let hot = kept.iter().position(|&k| k == self.hot).or_else(|| {
            let reads = |i: &usize| (candidates[*i].read(), candidates[*i].min_days);
            (0..candidates.len()).min_by(|a, b| {
                reads(a)
                    .partial_cmp(&reads(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            })
        });
        Self::new(candidates, moves, hot.ok_or(ProblemError::NoCandidate)?)
    }

    /// The same problem without classes that the vendor manages.
    ///
    /// # Errors
    /// [`ProblemError::NoCandidate`] when all are managed.
    pub fn without_managed(&self) -> Result<Self, ProblemError> {
        self.retain(|c| !c.is_managed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Problem {
        let hot = Candidate::plain("hot", 0.001, 0.0, 0, 10.0);
        let cold = Candidate::plain("cold", 0.0001, 0.03, 90, 10.0);
        Problem::new(vec![hot, cold], vec![0.0, 0.01, 0.04, 0.0], 0).expect("a good problem")
    }

    #[test]
    fn early_deletion_owes_the_remaining_days() {
        let p = two();
        assert_eq!(p.candidates()[1].early_deletion(90), 0.0);
        assert!((p.candidates()[1].early_deletion(45) - 0.0045).abs() < 1e-12);
    }

    #[test]
    fn retaining_keeps_the_matrix_aligned_and_finds_a_new_hot() {
        let p = two().retain(|c| c.name == "cold").expect("one is left");
        assert_eq!((p.len(), p.hot(), p.move_cost(0, 0)), (1, 0, 0.0));
        assert_eq!(two().retain(|_| false), Err(ProblemError::NoCandidate));
    }

    #[test]
    fn bad_numbers_are_refused() {
        let hot = Candidate::plain("hot", f64::NAN, 0.0, 0, 10.0);
        assert!(matches!(
            Problem::new(vec![hot], vec![0.0], 0),
            Err(ProblemError::BadCandidate(_))
        ));
        let c = |n: &str| Candidate::plain(n, 0.1, 0.0, 0, 10.0);
        let bad = Problem::new(vec![c("a"), c("b")], vec![0.0, -1.0, 0.0, 0.0], 0);
        assert!(matches!(bad, Err(ProblemError::BadMove { .. })));
        assert!(matches!(
            Problem::new(vec![c("a")], vec![0.0], 1),
            Err(ProblemError::Shape { .. })
        ));
    }
}

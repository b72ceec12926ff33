//! Replays a history against a policy that sees only the past.
//!
//! Invariant: on the morning of a day a policy knows the reads of earlier days and nothing else; it may move once, and then the
//! day is billed. The optimum plays by the same clock, so no policy can beat it.

use super::ledger::{Holding, Ledger};
use super::problem::Problem;

/// A rule for one dataset.
pub trait Policy {
    /// Where the dataset should lie from this morning on. `holding` is where it lies now.
    fn place(&mut self, problem: &Problem, holding: &Holding) -> usize;

    /// What the day brought: `read` times the dataset's bytes were read, and the bill was `spent` USD per GB.
    fn observe(&mut self, problem: &Problem, holding: &Holding, read: f64, spent: f64);
}

/// The bill of following `policy` through `reads`, one entry a day, starting in the hot candidate.
pub fn replay(problem: &Problem, reads: &[f64], policy: &mut dyn Policy) -> Ledger {
    let mut holding = Holding::new(problem.hot());
    let mut ledger = Ledger::default();
    for &read in reads {
        let to = policy.place(problem, &holding);
        holding.move_to(problem, to, &mut ledger);
        let before = ledger.total();
        let during = holding;
        holding.pass_day(problem, read, &mut ledger);
        policy.observe(problem, &during, read, ledger.total() - before);
    }
    ledger
}

//! Where a dataset should lie: the dense problem, the exact optimum in hindsight, the policies that must decide without
//! it, and the replay that compares them. `README.md` in this folder tells the mathematics in prose.
//!
//! Must not know: where prices come from (that is `domain::price`), how a history is stored, what time it is, or any source
//! of randomness other than a seed handed in.

pub mod backtest;
pub mod blend;
pub mod bound;
pub mod calibration;
pub mod course;
pub mod curve;
pub mod expert;
pub mod features;
pub mod grid;
pub mod history;
pub mod ledger;
#[cfg(test)]
mod noise;
pub mod optimum;
pub mod outlook;
pub mod patience;
pub mod policies;
pub mod pooled;
pub mod problem;
pub mod replay;
pub mod standing;
pub mod stream;
pub mod universe;
pub mod value;
pub mod week;

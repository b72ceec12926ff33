//! What is remembered of one dataset's past: decayed read volume, idle days and age. O(1) a day, whatever the history's length.
//!
//! Invariant: only the past is in here. A day's reads enter after that day's decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Decay times in days of the remembered read volumes.
pub const MEMORIES: [f64; 5] = [30.0, 60.0, 120.0, 250.0, 365.0];
/// A day on which a dataset is read many times over says little more than one on which it is read twice.
const MOST_READS_A_DAY: f64 = 2.0;

/// Streaming summary of a dataset's reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Features {
    /// Decayed sums of min(bytes read ÷ size, 2), one for each of [`MEMORIES`].
    volumes: [f64; 5],
    /// Days since the last read, or since the beginning.
    pub idle_days: u32,
    /// Days since the beginning.
    pub age_days: u32,
}

impl Features {
    /// Takes in a day in which `read` times the dataset's bytes were read.
    pub fn pass_day(&mut self, read: f64) {
        let read = read.max(0.0);
        for (volume, memory) in self.volumes.iter_mut().zip(MEMORIES) {
            *volume = *volume * (-1.0 / memory).exp() + read.min(MOST_READS_A_DAY);
        }
        self.idle_days = if read > 0.0 {
            0
        } else {
            self.idle_days.saturating_add(1)
        };
        self.age_days = self.age_days.saturating_add(1);
    }

    /// Full reads per 30 days over memory `index`, corrected for a life shorter than the memory.
    #[must_use]
    pub fn rate(&self, index: usize) -> f64 {
        let memory = MEMORIES[index];
        let seen = memory * (1.0 - (-f64::from(self.age_days.max(1)) / memory).exp());
        30.0 * self.volumes[index] / seen
    }

    /// Full reads per 30 days over memory `index`, counting the time before the beginning as silence.
    #[must_use]
    pub fn raw_rate(&self, index: usize) -> f64 {
        30.0 * self.volumes[index] / MEMORIES[index]
    }

    /// Full reads per day over memory `index`, with `prior_days` of an assumed `prior_per_day` mixed in.
    #[must_use]
    pub fn daily_rate(&self, index: usize, prior_per_day: f64, prior_days: f64) -> f64 {
        let memory = MEMORIES[index];
        let seen = memory * (1.0 - (-f64::from(self.age_days) / memory).exp());
        (self.volumes[index] + prior_per_day * prior_days) / (seen + prior_days)
    }
}

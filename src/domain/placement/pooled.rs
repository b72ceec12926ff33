//! What the whole fleet has taught: how likely a dataset at each node of the grid is to be read tomorrow, and how much of it.
//!
//! Invariant: counts only grow by what was observed, so the tables rebuilt from the same history are the same to the bit. Where
//! the fleet has seen nothing yet, a broad invented population ([`super::universe`]) speaks, with the weight of a few months.

use super::grid::{NODES, Spot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lower edges of the classes of read size, as multiples of the dataset.
const SIZES: [f64; 5] = [0.0, 0.01, 0.1, 0.5, 1.5];
/// What a read of each class is taken to be when the grid is stepped forward.
pub const TYPICAL: [f64; 5] = [0.003, 0.03, 0.25, 0.9, 2.0];
/// Mean size of each class before anything was seen.
const GUESS: [f64; 5] = [0.003, 0.03, 0.25, 0.9, 2.5];
/// Number of classes of read size.
pub const ATOMS: usize = SIZES.len();
/// Dataset-days of the fleet's average mixed into every node.
const AVERAGE_DAYS: f64 = 2.0;
/// A node never promises a read with certainty.
const SUREST: f64 = 0.98;

/// Observation counts on the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    days: Vec<f64>,
    reads: Vec<f64>,
    volume: Vec<f64>,
}

/// What a node expects of the next day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// Probability of a read in each size class.
    pub chances: [f64; ATOMS],
    /// Expected multiple of the dataset that is read.
    pub volume: f64,
    /// Dataset-days behind this.
    pub seen: f64,
}

impl Expectation {
    /// Probability that nothing is read.
    #[must_use]
    pub fn silence(&self) -> f64 {
        1.0 - self.chances.iter().sum::<f64>()
    }

    fn at_most_surest(mut self) -> Self {
        let any: f64 = self.chances.iter().sum();
        if any > SUREST {
            self.chances.iter_mut().for_each(|c| *c *= SUREST / any);
        }
        self
    }
}

impl Default for Pooled {
    fn default() -> Self {
        Self {
            days: vec![0.0; NODES],
            reads: vec![0.0; NODES * ATOMS],
            volume: vec![0.0; NODES * ATOMS],
        }
    }
}

impl Pooled {
    /// Adds one dataset-day: at `spot` in the morning, `read` times the dataset during the day.
    pub fn observe(&mut self, spot: &Spot, read: f64) {
        let atom = SIZES.iter().rposition(|&low| read >= low).unwrap_or(0);
        for &(node, weight) in spot {
            self.days[node] += weight;
            if read > 0.0 {
                self.reads[node * ATOMS + atom] += weight;
                self.volume[node * ATOMS + atom] += weight * read;
            }
        }
    }

    /// The same knowledge with no node counting for more than `most_days`.
    #[must_use]
    pub fn limited(&self, most_days: f64) -> Self {
        let mut out = self.clone();
        for node in 0..NODES {
            let factor = if out.days[node] > most_days {
                most_days / out.days[node]
            } else {
                1.0
            };
            out.days[node] *= factor;
            for cell in node * ATOMS..(node + 1) * ATOMS {
                out.reads[cell] *= factor;
                out.volume[cell] *= factor;
            }
        }
        out
    }

    /// Dataset-days seen, the prior's included.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.days.iter().sum()
    }

    /// Expectations for the next day at every node.
    #[must_use]
    pub fn expectations(&self) -> Vec<Expectation> {
        let total = self.weight();
        let mut chance = [0.0; ATOMS];
        let mut size = [0.0; ATOMS];
        for atom in 0..ATOMS {
            let sum = |table: &[f64]| table.iter().skip(atom).step_by(ATOMS).sum::<f64>();
            let (reads, volume) = (sum(&self.reads), sum(&self.volume));
            size[atom] = (volume + 3.0 * GUESS[atom]) / (reads + 3.0);
            chance[atom] = (reads + 0.5) / (total + 200.0);
        }
        (0..NODES)
            .map(|node| self.expectation(node, &chance, &size))
            .collect()
    }

    /// Expectations of a part of what was observed, with `days` dataset-days of what `all` of it expects mixed into every node.
    #[must_use]
    pub fn beside(&self, all: &[Expectation], days: f64) -> Vec<Expectation> {
        let mixed = |(node, all): (usize, &Expectation)| {
            let seen = self.days[node] + days;
            let cells = node * ATOMS..(node + 1) * ATOMS;
            let volume: f64 = self.volume[cells.clone()].iter().sum();
            let mut out = Expectation {
                chances: all.chances,
                volume: (volume + days * all.volume) / seen,
                seen,
            };
            for (chance, reads) in out.chances.iter_mut().zip(&self.reads[cells]) {
                *chance = (reads + days * *chance) / seen;
            }
            out.at_most_surest()
        };
        all.iter().enumerate().map(mixed).collect()
    }

    fn expectation(&self, node: usize, chance: &[f64; ATOMS], size: &[f64; ATOMS]) -> Expectation {
        let days = self.days[node] + AVERAGE_DAYS;
        let mut out = Expectation {
            seen: days,
            ..Expectation::default()
        };
        for atom in 0..ATOMS {
            let (reads, volume) = (self.reads[node * ATOMS + atom], self.volume[node * ATOMS + atom]);
            out.chances[atom] = (reads + AVERAGE_DAYS * chance[atom]) / days;
            out.volume += (volume + AVERAGE_DAYS * chance[atom] * size[atom]) / days;
        }
        out.at_most_surest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::grid::spot;

    #[test]
    fn a_busy_node_expects_more_than_a_silent_one() {
        let mut p = Pooled::default();
        let (busy, silent) = (spot(5.0, 0.0), spot(0.0, 300.0));
        for day in 0..1_000 {
            p.observe(&busy, if day % 2 == 0 { 1.0 } else { 0.0 });
            p.observe(&silent, 0.0);
        }
        let e = p.expectations();
        let heaviest = |s: &Spot| {
            s.iter()
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .expect("four corners")
                .0
        };
        assert!((e[heaviest(&busy)].volume - 0.5).abs() < 0.05);
        assert!(e[heaviest(&silent)].volume < 0.02 && e[heaviest(&silent)].silence() > 0.98);
    }

    #[test]
    fn limiting_keeps_proportions() {
        let mut p = Pooled::default();
        for day in 0..1_000 {
            p.observe(&spot(1.0, 3.0), f64::from(u8::from(day % 10 == 0)));
        }
        let q = p.limited(50.0);
        assert!(q.weight() <= 200.0 && q.weight() > 0.0);
        let node = spot(1.0, 3.0)[0].0;
        assert!(
            (p.reads[node * ATOMS + 3] / p.days[node] - q.reads[node * ATOMS + 3] / q.days[node]).abs()
                < 1e-9
        );
    }
}

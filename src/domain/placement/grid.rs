//! The grid on which the fleet's knowledge is kept: read rate × idle days, both on a logarithmic scale, interpolated.
//!
//! Invariant: a state is a weighted set of at most four nodes whose weights sum to one. Because a rate decays and idle days grow
//! by known rules, only *whether and how much* is read has to be learnt; moving between nodes is computed, not counted. Counting
//! transitions between coarse cells makes steady datasets look fickle.

use super::features::{Features, MEMORIES};

/// Index into [`MEMORIES`] of the rate that spans the first axis.
const RATE_MEMORY: usize = 1;
const RATES: usize = 14;
const IDLES: usize = 12;
const RATE_FLOOR: f64 = 0.003;
const RATE_TOP: f64 = 20.0;
const IDLE_SCALE: f64 = 1.5;
const IDLE_TOP: f64 = 400.0;

/// Number of nodes.
pub const NODES: usize = RATES * IDLES;

/// A position between nodes: (node, weight), unused entries with weight 0.
pub type Spot = [(usize, f64); 4];

fn rate_step() -> f64 {
    (RATE_TOP / RATE_FLOOR).ln() / (RATES - 1) as f64
}

fn idle_step() -> f64 {
    (1.0 + IDLE_TOP / IDLE_SCALE).ln() / (IDLES - 1) as f64
}

fn bracket(position: f64, nodes: usize) -> (usize, f64) {
    let position = position.clamp(0.0, (nodes - 1) as f64);
    let low = (position as usize).min(nodes - 2);
    (low, position - low as f64)
}

/// The spot of a rate (full reads per 30 days) and a number of idle days.
#[must_use]
pub fn spot(rate: f64, idle_days: f64) -> Spot {
    let (r, fr) = bracket(
        ((rate.max(0.0) + RATE_FLOOR) / RATE_FLOOR).ln() / rate_step(),
        RATES,
    );
    let (i, fi) = bracket((1.0 + idle_days.max(0.0) / IDLE_SCALE).ln() / idle_step(), IDLES);
    let node = |dr: usize, di: usize| (r + dr) * IDLES + i + di;
    [
        (node(0, 0), (1.0 - fr) * (1.0 - fi)),
        (node(0, 1), (1.0 - fr) * fi),
        (node(1, 0), fr * (1.0 - fi)),
        (node(1, 1), fr * fi),
    ]
}

/// Where a dataset is on the grid.
#[must_use]
pub fn spot_of(features: &Features) -> Spot {
    spot(features.rate(RATE_MEMORY), f64::from(features.idle_days))
}

/// Rate (full reads per 30 days) and idle days at a node.
#[must_use]
pub fn at_node(node: usize) -> (f64, f64) {
    let rate = RATE_FLOOR * (rate_step() * (node / IDLES) as f64).exp() - RATE_FLOOR;
    (rate, idle_at((node % IDLES) as f64))
}

fn idle_at(position: f64) -> f64 {
    ((idle_step() * position).exp() - 1.0) * IDLE_SCALE
}

/// Idle days halfway to the neighbouring nodes: the span a node stands for.
#[must_use]
pub fn idle_span(node: usize) -> (f64, f64) {
    let i = (node % IDLES) as f64;
    (
        idle_at((i - 0.5).max(0.0)),
        idle_at((i + 0.5).min((IDLES - 1) as f64)),
    )
}

/// The spot one day after `node`, when `read` times the dataset was read in that day.
#[must_use]
pub fn after(node: usize, read: f64) -> Spot {
    let (rate, idle) = at_node(node);
    let memory = MEMORIES[RATE_MEMORY];
    let next = rate * (-1.0 / memory).exp() + read * 30.0 / memory;
    spot(next, if read > 0.0 { 0.0 } else { idle + 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_their_own_spots() {
        for node in [0, 5, 17, NODES - 1] {
            let (rate, idle) = at_node(node);
            let weight: f64 = spot(rate, idle)
                .iter()
                .filter(|(n, _)| *n == node)
                .map(|(_, w)| w)
                .sum();
            assert!((weight - 1.0).abs() < 1e-9, "node {node} has weight {weight}");
        }
    }

    #[test]
    fn weights_sum_to_one_everywhere() {
        for (rate, idle) in [(0.0, 0.0), (0.4, 13.0), (1e9, 1e9), (2.2, 0.3)] {
            let s = spot(rate, idle);
            assert!((s.iter().map(|x| x.1).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(s.iter().all(|&(n, w)| n < NODES && w >= 0.0));
        }
    }
}

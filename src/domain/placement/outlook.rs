//! What the next quarter may bring: drawn futures from every node of the grid, and from them the chance that a move pays.
//!
//! Invariant: the same expectations give the same futures to the bit (the draws are counted, not random), and two placements are
//! always compared over the *same* futures. A future is kept as what any bill needs of it: how much is read, and how many days
//! a managed class would spend in each of its stages.
//!
//! A drawn future steps from node to node: a read of some size or none, by the fleet's expectation there. What is not known of
//! that expectation is drawn as well: its counts (each chance is moved by its own standard error) and that datasets at one node
//! differ (all chances of a future are scaled together). What is still wrong with the chance that comes out is mended by
//! [`super::calibration`].

use super::expert::QUARTER;
use super::features::Features;
use super::grid::{NODES, at_node, spot_of};
use super::ledger::Holding;
use super::pooled::{ATOMS, Expectation, TYPICAL};
use super::problem::Problem;
use super::universe::Draws;
use super::value::steps;
use std::sync::OnceLock;

/// Futures drawn from each node. Four nodes speak for a dataset, so a chance is known to about 1/100, finer than it can be calibrated.
const FUTURES: usize = 32;
/// How much datasets at one node differ in their rate: the standard deviation of its logarithm. An assumption, like a factor of
/// two between one in six and one in six.
const SPREAD: f64 = 0.7;

#[derive(Clone, Debug)]
struct Future {
    /// Times the dataset is read within the quarter.
    volume: f64,
    /// Days in each stage of each managed candidate: first as the dataset is idle now, then as if it had just arrived.
    days_in_stage: Vec<[u32; 2]>,
}

/// Drawn futures for every node.
#[derive(Clone, Debug)]
pub struct Outlook {
    futures: Vec<Future>,
    /// Where a candidate's stages begin in `days_in_stage`.
    first_stage: Vec<usize>,
}

impl Outlook {
    /// Draws the futures for the candidates of `problem`.
    #[must_use]
    pub fn draw(problem: &Problem, expectations: &[Expectation]) -> Self {
        let mut stages = Vec::new();
        let mut first_stage = Vec::new();
        for candidate in problem.candidates() {
            first_stage.push(stages.len());
            if candidate.is_managed() {
                let from = candidate.stages.iter().map(|s| s.from_idle_days);
                let to = candidate.stages.iter().skip(1).map(|s| s.from_idle_days);
                stages.extend(from.zip(to.chain([u32::MAX])));
            }
        }
        let mut futures = Vec::with_capacity(NODES * FUTURES);
        for node in 0..NODES {
            for future in 0..FUTURES {
                let mut draws = Draws((node * FUTURES + future) as u64 ^ 0x0D1A_70B1);
                futures.push(live(node, expectations, &stages, &mut draws));
            }
        }
        Self { futures, first_stage }
    }

    /// The chance, 0 to 1, that moving from where `holding` is to `to` costs less within a quarter than staying, the way there
    /// and early deletion included.
    #[must_use]
    pub fn chance(&self, problem: &Problem, features: &Features, holding: &Holding, to: usize) -> f64 {
        let way = holding.exit_cost(problem, to);
        let pays =
            |f: &&Future| way + self.cost(problem, f, to, false) < self.cost(problem, f, holding.at, true);
        let share = |node: usize| {
            let futures = &self.futures[node * FUTURES..(node + 1) * FUTURES];
            futures.iter().filter(pays).count() as f64 / FUTURES as f64
        };
        spot_of(features)
            .iter()
            .map(|&(node, weight)| weight * share(node))
            .sum()
    }

    /// The mean cost of the quarter in candidate `k`, USD per GB, without the way there.
    #[must_use]
    pub fn expected(&self, problem: &Problem, features: &Features, k: usize, here: bool) -> f64 {
        let mean = |node: usize| {
            let futures = &self.futures[node * FUTURES..(node + 1) * FUTURES];
            let costs = futures.iter().map(|f| self.cost(problem, f, k, here));
            costs.sum::<f64>() / FUTURES as f64
        };
        spot_of(features)
            .iter()
            .map(|&(node, weight)| weight * mean(node))
            .sum()
    }

    fn cost(&self, problem: &Problem, future: &Future, k: usize, here: bool) -> f64 {
        let c = &problem.candidates()[k];
        let read = c.read() * future.volume;
        if !c.is_managed() {
            return f64::from(QUARTER) * c.storage() + read;
        }
        let first = self.first_stage[k];
        let days = c.stages.iter().zip(&future.days_in_stage[first..]);
        let storage: f64 = days
            .map(|(stage, days)| stage.storage_per_gb_day * f64::from(days[usize::from(!here)]))
            .sum();
        storage + read
    }
}

/// One quarter from `node` on.
fn live(node: usize, expectations: &[Expectation], stages: &[(u32, u32)], draws: &mut Draws) -> Future {
    let mut future = Future {
        volume: 0.0,
        days_in_stage: vec![[0; 2]; stages.len()],
    };
    let scale = (SPREAD * normal(draws) - SPREAD * SPREAD / 2.0).exp();
    let doubt = normal(draws);
    let mut idle = [at_node(node).1.round() as u32, 0];
    let mut node = node;
    for _ in 0..QUARTER {
        let expected = &expectations[node];
        let read = draw_read(expected, scale, doubt, draws);
        if let Some(atom) = read {
            future.volume += expected.typical(atom);
            idle = [0; 2];
        }
        for (days, &(from, to)) in future.days_in_stage.iter_mut().zip(stages) {
            for clock in 0..2 {
                days[clock] += u32::from((from..to).contains(&idle[clock]));
            }
        }
        idle = idle.map(|days| days + 1);
        let corners = &steps()[node][read.map_or(0, |atom| atom + 1)];
        let mut rest = draws.unit();
        for &(corner, weight) in corners {
            node = corner;
            rest -= weight;
            if rest <= 0.0 {
                break;
            }
        }
    }
    future
}

/// The size class of a day's read, if there is one.
fn draw_read(expected: &Expectation, scale: f64, doubt: f64, draws: &mut Draws) -> Option<usize> {
    let mut rest = draws.unit();
    for atom in 0..ATOMS {
        let chance = expected.chances[atom];
        let error = 1.0 / (1.0 + expected.seen * chance).sqrt();
        rest -= chance * scale * (1.0 + doubt * error).max(0.0);
        if rest < 0.0 {
            return Some(atom);
        }
    }
    None
}

/// A standard normal draw (Box and Muller).
fn normal(draws: &mut Draws) -> f64 {
    let (u, v) = (1.0 - draws.unit(), draws.unit());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

impl Expectation {
    /// Times the dataset that a read of size class `atom` brings, scaled so that the mean is the one expected.
    fn typical(&self, atom: usize) -> f64 {
        let mean: f64 = self.chances.iter().zip(TYPICAL).map(|(c, size)| c * size).sum();
        if mean > 0.0 {
            TYPICAL[atom] * self.volume / mean
        } else {
            TYPICAL[atom]
        }
    }
}

/// An outlook that is drawn when it is first asked for. It is no state: the expectations say all of it.
#[derive(Clone, Debug, Default)]
pub struct Drawn(OnceLock<Outlook>);

impl Drawn {
    /// The outlook.
    pub fn get(&self, problem: &Problem, expectations: &[Expectation]) -> &Outlook {
        self.0.get_or_init(|| Outlook::draw(problem, expectations))
    }
}

impl PartialEq for Drawn {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Candidate;
    use crate::domain::placement::universe::prior;

    fn two() -> Problem {
        let classes = vec![
            Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("cold", 0.004 / 30.0, 0.03, 0, 10.0),
        ];
        Problem::new(classes, vec![0.0, 0.0001, 0.03, 0.0], 0).expect("a good problem")
    }

    fn after(days: u32, every: u32) -> Features {
        let mut features = Features::default();
        for day in 0..days {
            features.pass_day(if every > 0 && day % every == 0 { 1.0 } else { 0.0 });
        }
        features
    }

    #[test]
    fn leaving_the_hot_class_pays_for_the_silent_and_not_for_the_busy() {
        let p = two();
        let outlook = Outlook::draw(&p, &prior().expectations());
        let chance = |f: &Features| outlook.chance(&p, f, &Holding::new(0), 1);
        assert!(chance(&after(400, 0)) > 0.85, "{}", chance(&after(400, 0)));
        // The invented fleet knows campaigns that end, so this is not near nothing.
        assert!(chance(&after(400, 2)) < 0.35, "{}", chance(&after(400, 2)));
        let silent = after(400, 0);
        let cost = |k| outlook.expected(&p, &silent, k, false);
        assert!(cost(1) < cost(0));
    }

    #[test]
    fn the_same_expectations_draw_the_same_futures() {
        let p = two();
        let chance = || {
            let outlook = Outlook::draw(&p, &prior().expectations());
            outlook.chance(&p, &after(100, 30), &Holding::new(0), 1)
        };
        assert_eq!(chance().to_bits(), chance().to_bits());
    }
}

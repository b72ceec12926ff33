//! The worth of lying somewhere: expected discounted cost from here on, when every later choice is made as well as it can be.
//!
//! Invariant: pure value iteration over (grid node × mode). A *mode* is a candidate together with how far its clock has run: a
//! minimum duration still to serve, or the internal tier of a managed class. Clocks run in a few random steps of the right mean,
//! which keeps the tables small; the decision itself uses the exact days ([`Holding::exit_cost`]).
//!
//! There is a table for each weekday: tonight's worth rests on tomorrow's, so the sweep goes backwards through the week, and seven
//! tables cost no more time than one swept seven times.

use super::grid::{NODES, Spot, after, idle_span};
use super::ledger::Holding;
use super::pooled::{ATOMS, Expectation, TYPICAL};
use super::problem::{Candidate, Problem};
use super::week::WEEK;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What a cost one week from now counts today.
const WEEKLY_DISCOUNT: f64 = 0.985;
/// Sweeps stop when all values move alike to within so many USD per GB.
const TOLERANCE: f64 = 2e-7;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Mode {
    candidate: usize,
    /// USD per GB and day on a day without a read; not used when `in_step`.
    storage: f64,
    /// USD per GB still owed, on average, for leaving.
    early: f64,
    /// The mode that follows, and the daily chance of it.
    next: usize,
    advance: f64,
    /// The mode after a read, for a managed class.
    on_read: Option<usize>,
    /// The managed class has counted the same idle days as the dataset.
    in_step: bool,
}

/// Value tables for one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Values {
    modes: Vec<Mode>,
    enter: Vec<usize>,
    settled: Vec<usize>,
    /// `tables[weekday][mode * NODES + node]`, USD per GB.
    tables: Vec<Vec<f64>>,
}

/// The four corners after each node: silence first, then a typical read of every size class.
pub(super) fn steps() -> &'static Vec<[Spot; ATOMS + 1]> {
    static STEPS: OnceLock<Vec<[Spot; ATOMS + 1]>> = OnceLock::new();
    STEPS.get_or_init(|| {
        let step = |node, atom: usize| after(node, if atom == 0 { 0.0 } else { TYPICAL[atom - 1] });
        (0..NODES)
            .map(|node| std::array::from_fn(|atom| step(node, atom)))
            .collect()
    })
}

/// Interpolation between the four corners, written out: every sweep comes down to this.
fn at(table: &[f64], spot: &Spot) -> f64 {
    let [a, b, c, d] = spot;
    a.1 * table[a.0] + b.1 * table[b.0] + c.1 * table[c.0] + d.1 * table[d.0]
}

impl Values {
    /// Empty tables for the candidates of `problem`.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        let mut modes: Vec<Mode> = Vec::new();
        let (mut enter, mut settled) = (Vec::new(), Vec::new());
        for (k, candidate) in problem.candidates().iter().enumerate() {
            enter.push(modes.len());
            if candidate.is_managed() {
                add_managed(&mut modes, k, candidate)
            } else {
                add_plain(&mut modes, k, candidate)
            }
            settled.push(modes.len() - 1);
        }
        let tables = vec![vec![0.0; modes.len() * NODES]; WEEK];
        Self {
            modes,
            enter,
            settled,
            tables,
        }
    }

    /// At most `weeks` weeks of value iteration from where the tables stand; `expectations` are those of each weekday.
    pub fn improve(&mut self, problem: &Problem, expectations: &[Vec<Expectation>], weeks: usize) {
        let gamma = WEEKLY_DISCOUNT.powf(1.0 / WEEK as f64);
        let in_step: Vec<Vec<f64>> = problem.candidates().iter().map(in_step_rates).collect();
        let mut best = vec![0.0; self.modes.len() * NODES];
        for week in 0..weeks {
            let mut widest: f64 = 0.0;
            let mut middles = [0.0; WEEK];
            for weekday in (0..WEEK).rev() {
                self.choose(problem, (weekday + 1) % WEEK, &mut best);
                let (least, most) =
                    self.sweep(problem, weekday, &expectations[weekday], &best, &in_step, gamma);
                widest = widest.max(most - least);
                middles[weekday] = (least + most) / 2.0;
            }
            // The first week still mixes old tables with new ones: its steps do not repeat.
            if week > 0 && widest < TOLERANCE {
                // What all values still lack is the same and known: the common step's discounted repetition.
                for (table, middle) in self.tables.iter_mut().zip(middles) {
                    let lacking = middle * WEEKLY_DISCOUNT / (1.0 - WEEKLY_DISCOUNT);
                    table.iter_mut().for_each(|v| *v += lacking);
                }
                break;
            }
        }
    }

    /// Values one weekday from the next one's `best`. Returns the least and the most a value has changed.
    fn sweep(
        &mut self,
        problem: &Problem,
        weekday: usize,
        expectations: &[Expectation],
        best: &[f64],
        in_step: &[Vec<f64>],
        gamma: f64,
    ) -> (f64, f64) {
        let silences: Vec<f64> = expectations.iter().map(Expectation::silence).collect();
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (m, mode) in self.modes.iter().enumerate() {
            let candidate = &problem.candidates()[mode.candidate];
            for (node, expected) in expectations.iter().enumerate() {
                let quiet = if mode.in_step {
                    in_step[mode.candidate][node]
                } else {
                    mode.storage
                };
                let silence = silences[node];
                let value = gamma * ahead(best, m, mode, node, expected, silence)
                    + candidate.read() * expected.volume
                    + if mode.on_read.is_some() {
                        silence * quiet + (1.0 - silence) * candidate.storage()
                    } else {
                        quiet
                    };
                let slot = &mut self.tables[weekday][m * NODES + node];
                (least, most) = (least.min(value - *slot), most.max(value - *slot));
                *slot = value;
            }
        }
        (least, most)
    }

    /// `best[mode, node]` on a weekday: staying, or the cheapest way out.
    fn choose(&self, problem: &Problem, weekday: usize, best: &mut [f64]) {
        let table = &self.tables[weekday];
        best.copy_from_slice(table);
        for (m, mode) in self.modes.iter().enumerate() {
            for b in (0..problem.len()).filter(|&b| b != mode.candidate) {
                let way = problem.move_cost(mode.candidate, b) + mode.early;
                let there = &table[self.enter[b] * NODES..(self.enter[b] + 1) * NODES];
                for (slot, value) in best[m * NODES..(m + 1) * NODES].iter_mut().zip(there) {
                    *slot = slot.min(way + value);
                }
            }
        }
    }

    /// Expected discounted cost of being in candidate `k` at `spot` on the morning of a weekday, USD per GB, without the way
    /// there. `here` is the holding when the dataset lies there already; else it would arrive now.
    #[must_use]
    pub fn cost(
        &self,
        problem: &Problem,
        weekday: usize,
        k: usize,
        spot: &Spot,
        idle_days: u32,
        here: Option<&Holding>,
    ) -> f64 {
        let mode = here.map_or(self.enter[k], |h| {
            self.mode_of(&problem.candidates()[k], k, h, idle_days)
        });
        at(&self.tables[weekday][mode * NODES..(mode + 1) * NODES], spot)
    }

    fn mode_of(&self, candidate: &Candidate, k: usize, holding: &Holding, idle_days: u32) -> usize {
        let (enter, settled) = (self.enter[k], self.settled[k]);
        if candidate.is_managed() {
            if holding.days_idle >= idle_days {
                return settled;
            }
            let stages = &candidate.stages;
            let now = stages
                .iter()
                .rposition(|s| s.from_idle_days <= holding.days_idle)
                .unwrap_or(0);
            let late = stages.get(now + 1).is_some_and(|next| {
                let (from, to) = (stages[now].from_idle_days, next.from_idle_days);
                holding.days_idle - from >= (to - from) / 2
            });
            return enter + 2 * now + usize::from(late);
        }
        if holding.days_held >= candidate.min_days {
            return settled;
        }
        enter + usize::from(holding.days_held * 2 >= candidate.min_days)
    }
}

/// Expected best value tomorrow.
fn ahead(best: &[f64], m: usize, mode: &Mode, node: usize, expected: &Expectation, silence: f64) -> f64 {
    let rows = |mode: usize| &best[mode * NODES..(mode + 1) * NODES];
    let (stay, next) = (rows(m), rows(mode.next));
    let run = |spot: &Spot| match mode.advance {
        0.0 => at(stay, spot),
        p => (1.0 - p) * at(stay, spot) + p * at(next, spot),
    };
    let step = &steps()[node];
    let mut value = silence * run(&step[0]);
    for (chance, spot) in expected.chances.iter().zip(&step[1..]) {
        value += chance
            * match mode.on_read {
                Some(back) => at(rows(back), spot),
                None => run(spot),
            };
    }
    value
}

/// A plain class: first half of the minimum, second half, served.
fn add_plain(modes: &mut Vec<Mode>, k: usize, c: &Candidate) {
    let min = f64::from(c.min_days);
    let first = modes.len();
    let plain = |storage, early, next, advance| Mode {
        candidate: k,
        storage,
        early,
        next,
        advance,
        on_read: None,
        in_step: false,
    };
    if c.min_days > 0 {
        for (i, share) in [0.75, 0.25].into_iter().enumerate() {
            modes.push(plain(
                c.storage(),
                share * min * c.storage(),
                first + i + 1,
                (2.0 / min).min(1.0),
            ));
        }
    }
    let served = modes.len();
    modes.push(plain(c.storage(), 0.0, served, 0.0));
}

/// A managed class: two steps in each internal tier but the last, counted from entry, and then *in step* with the dataset's own
/// idle days, which is where every read leads.
fn add_managed(modes: &mut Vec<Mode>, k: usize, c: &Candidate) {
    let in_step = modes.len() + 2 * c.stages.len() - 1;
    let mode = |storage, next, advance, in_step_now| Mode {
        candidate: k,
        storage,
        early: 0.0,
        next,
        advance,
        on_read: Some(in_step),
        in_step: in_step_now,
    };
    for (i, stage) in c.stages.iter().enumerate() {
        let Some(following) = c.stages.get(i + 1) else {
            modes.push(mode(stage.storage_per_gb_day, modes.len(), 0.0, false));
            break;
        };
        let half = f64::from(following.from_idle_days - stage.from_idle_days) / 2.0;
        for _ in 0..2 {
            modes.push(mode(
                stage.storage_per_gb_day,
                modes.len() + 1,
                (1.0 / half).min(1.0),
                false,
            ));
        }
    }
    modes.push(mode(0.0, in_step, 0.0, true));
}

/// Mean storage rate over the idle days each node stands for, when the class counts as the dataset does.
fn in_step_rates(c: &Candidate) -> Vec<f64> {
    const SAMPLES: u32 = 40;
    if !c.is_managed() {
        return Vec::new();
    }
    let mean = |node: usize| {
        let (low, high) = idle_span(node);
        let day = |i: u32| low + (high - low) * (f64::from(i) + 0.5) / f64::from(SAMPLES);
        (0..SAMPLES)
            .map(|i| c.stage(day(i).round() as u32).storage_per_gb_day)
            .sum::<f64>()
            / f64::from(SAMPLES)
    };
    (0..NODES).map(mean).collect()
}

/// Full reads expected within `days` from each node.
#[must_use]
pub fn reads_within(days: u32, expectations: &[Expectation]) -> Vec<f64> {
    let mut reads = vec![0.0; NODES];
    for _ in 0..days {
        let last = reads.clone();
        for (node, expected) in expectations.iter().enumerate() {
            let step = &steps()[node];
            let chances = expected.chances.iter().zip(&step[1..]);
            let later: f64 = chances.map(|(chance, spot)| chance * at(&last, spot)).sum();
            reads[node] = expected.volume + expected.silence() * at(&last, &step[0]) + later;
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::grid::spot;
    use crate::domain::placement::universe::prior;

    fn three() -> Problem {
        let classes = vec![
            Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("warm", 0.0125 / 30.0, 0.01, 30, 10.0),
            Candidate::plain("cold", 0.004 / 30.0, 0.03, 90, 10.0),
        ];
        Problem::new(classes, vec![0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.03, 0.03, 0.0], 0)
            .expect("a good problem")
    }

    fn every_day() -> Vec<Vec<Expectation>> {
        vec![prior().expectations(); WEEK]
    }

    #[test]
    fn cold_is_worth_more_for_the_silent_and_hot_for_the_busy() {
        let p = three();
        let mut v = Values::new(&p);
        v.improve(&p, &every_day(), 430);
        let cost = |k, rate, idle| v.cost(&p, 0, k, &spot(rate, idle), idle as u32, None);
        assert!(cost(2, 0.0, 300.0) < cost(0, 0.0, 300.0));
        assert!(cost(0, 12.0, 0.0) < cost(2, 12.0, 0.0));
    }

    #[test]
    fn a_dataset_that_is_never_read_costs_the_discounted_storage() {
        let p = Problem::new(vec![Candidate::plain("only", 0.001, 0.0, 0, 1.0)], vec![0.0], 0)
            .expect("a good problem");
        let mut v = Values::new(&p);
        v.improve(&p, &every_day(), 2_900);
        let forever = 0.001 / (1.0 - WEEKLY_DISCOUNT.powf(1.0 / 7.0));
        assert!((v.cost(&p, 3, 0, &spot(1.0, 4.0), 4, None) / forever - 1.0).abs() < 1e-3);
    }

    #[test]
    fn more_days_expect_more_reads() {
        let e = prior().expectations();
        let (week, quarter) = (reads_within(7, &e), reads_within(90, &e));
        assert!(week.iter().zip(&quarter).all(|(a, b)| a <= b));
    }
}

//! A limit on what silence may cost: a dataset that has been kept dear in vain goes somewhere cheap, whatever the experts hope for.
//!
//! Invariant: no look-ahead, O(1) a day. What hindsight would have paid by now is bounded from below by the cheapest course over
//! plain classes without minimum durations, one number a candidate. Reads cannot be bounded so: a day on which everything is
//! read thirty times over costs what it costs in a class where reads cost. That is why the limit waits for half the break-even
//! time (reads come in groups: most that come at all come soon), acts only when the course has cost several times the least it
//! could have, and lets regret bring the dataset back.

use super::expert::ROUND_TRIPS;
use super::ledger::{Holding, Ledger};
use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Acts when the course has cost this many times the least that any could have.
const TIMES: f64 = 5.0;
/// Share of the break-even idle time that is waited for.
const OF_BREAK_EVEN: f64 = 0.5;

/// The course that is recommended for one dataset, its cost, and the least cost of any course so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    holding: Holding,
    paid: f64,
    /// The least that a course ending in each candidate has cost; `None` for a managed one.
    least: Vec<Option<f64>>,
    /// The bound keeps it where it lies, away from where the experts want it.
    holds: bool,
    /// By how much it would have been cheaper lately where the experts want it.
    regret: f64,
}

impl Bound {
    /// On the first morning.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        let hot = problem.hot();
        let candidates = problem.candidates().iter().enumerate();
        let least = candidates.map(|(k, c)| (!c.is_managed()).then(|| problem.move_cost(hot, k)));
        Self {
            holding: Holding::new(hot),
            paid: 0.0,
            least: least.collect(),
            holds: false,
            regret: 0.0,
        }
    }

    /// Where the dataset lies on the recommended course.
    #[must_use]
    pub fn place(&self) -> usize {
        self.holding.at
    }

    /// The morning: goes to `wanted`, or where the bound demands, if it `may_act`. Returns what the way cost, USD per GB.
    pub fn go(&mut self, problem: &Problem, wanted: usize, idle_days: u32, may_act: bool) -> f64 {
        let to = self.allowed(problem, wanted, idle_days, may_act);
        let mut bill = Ledger::default();
        self.holding.move_to(problem, to, &mut bill);
        self.paid += bill.total();
        bill.total()
    }

    /// Storage of the day to come in candidate `k`.
    fn stores(&self, problem: &Problem, k: usize) -> f64 {
        let idle = if k == self.holding.at {
            self.holding.days_idle
        } else {
            0
        };
        problem.candidates()[k].stage(idle).storage_per_gb_day
    }

    fn allowed(&mut self, problem: &Problem, wanted: usize, idle_days: u32, may_act: bool) -> usize {
        let at = self.holding.at;
        if self.holds {
            let trip = self.holding.exit_cost(problem, wanted) + problem.move_cost(wanted, at);
            let dearer = self.stores(problem, wanted) > self.stores(problem, at);
            if dearer && (self.regret <= 0.0 || self.regret < ROUND_TRIPS * trip) {
                return at;
            }
            self.holds = false;
            return wanted;
        }
        match self.demanded(problem, wanted, idle_days) {
            Some(k) if may_act => {
                self.holds = true;
                self.regret = 0.0;
                k
            }
            _ => wanted,
        }
    }

    /// Where the bound wants the dataset, if it does.
    fn demanded(&self, problem: &Problem, wanted: usize, idle_days: u32) -> Option<usize> {
        let candidates = problem.candidates();
        let ends = self.least.iter().zip(candidates);
        let least = ends
            .filter_map(|(cost, c)| cost.map(|cost| cost + c.storage()))
            .fold(f64::INFINITY, f64::min);
        let today = self.stores(problem, wanted) + self.holding.exit_cost(problem, wanted);
        if self.paid + today <= TIMES * least {
            return None;
        }
        let plain = || candidates.iter().enumerate().filter(|(_, c)| !c.is_managed());
        let cheapest = plain().map(|(_, c)| c.storage()).fold(f64::INFINITY, f64::min);
        let (k, there) = plain()
            .filter(|(_, c)| c.storage() <= TIMES * cheapest)
            .min_by(|a, b| a.1.read().total_cmp(&b.1.read()))?;
        let hot = &candidates[problem.hot()];
        let break_even = (there.read() - hot.read()) / (hot.storage() - there.storage()).max(1e-12);
        let due = f64::from(idle_days) >= OF_BREAK_EVEN * break_even;
        (due && there.storage() < self.stores(problem, wanted)).then_some(k)
    }

    /// The evening of a day in which `read` times the dataset was read; the experts wanted it at `wanted`. Returns what
    /// the day cost, USD per GB.
    pub fn pass_day(&mut self, problem: &Problem, wanted: usize, read: f64) -> f64 {
        let mut bill = Ledger::default();
        self.holding.pass_day(problem, read, &mut bill);
        self.paid += bill.total();
        let there = &problem.candidates()[wanted];
        self.regret = (self.regret + bill.total() - there.storage() - there.read() * read).max(0.0);
        let before = self.least.clone();
        for (k, candidate) in problem.candidates().iter().enumerate() {
            let ways = before
                .iter()
                .enumerate()
                .filter_map(|(b, cost)| cost.map(|c| c + problem.move_cost(b, k)));
            if let Some(least) = &mut self.least[k] {
                *least = ways.fold(f64::INFINITY, f64::min) + candidate.storage() + candidate.read() * read;
            }
        }
        bill.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Candidate;

    /// The dearest storage is sixteen times the cheapest.
    fn four() -> Problem {
        let classes = vec![
            Candidate::plain("hot", 0.020 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("near", 0.010 / 30.0, 0.01, 30, 10.0),
            Candidate::plain("cold", 0.004 / 30.0, 0.02, 90, 10.0),
            Candidate::plain("archive", 0.00125 / 30.0, 0.05, 365, 10.0),
        ];
        let up = [0.0, 0.01, 0.02, 0.05];
        let way = |i: usize| if i % 4 < i / 4 { up[i / 4] } else { 0.0 };
        Problem::new(classes, (0..16).map(way).collect(), 0).expect("a good problem")
    }

    /// Where experts who want it hot see it lie on each day.
    fn lived(reads: &[f64], may_act: bool) -> (Vec<usize>, f64) {
        let p = four();
        let (mut bound, mut idle, mut paid) = (Bound::new(&p), 0, 0.0);
        let places = reads.iter().map(|&read| {
            paid += bound.go(&p, 0, idle, may_act);
            paid += bound.pass_day(&p, 0, read);
            idle = if read > 0.0 { 0 } else { idle + 1 };
            bound.place()
        });
        (places.collect(), paid)
    }

    #[test]
    fn a_dataset_read_once_is_kept_dear_for_half_the_break_even_time_and_no_longer() {
        let mut reads = vec![0.0; 400];
        reads[0] = 1.0;
        let (places, paid) = lived(&reads, true);
        // Break even with cold after 37.5 days without a read; near is too dear to keep within five times the cheapest.
        assert_eq!((places[19], places[20], places[399]), (0, 2, 2));
        assert!(paid <= TIMES * (0.020 / 30.0 + 399.0 * 0.00125 / 30.0), "{paid}");
        assert!(lived(&reads, false).0.iter().all(|&at| at == 0));
    }

    #[test]
    fn a_busy_dataset_is_left_alone_and_regret_brings_one_back() {
        let weekly: Vec<f64> = (0..200).map(|day| f64::from(u8::from(day % 7 == 0))).collect();
        assert!(lived(&weekly, true).0.iter().all(|&at| at == 0));
        let mut again = vec![0.0; 100];
        again[0] = 1.0;
        again.extend([1.0; 30]);
        let (places, _) = lived(&again, true);
        assert_eq!((places[99], places[101], places[129]), (2, 2, 0));
    }
}

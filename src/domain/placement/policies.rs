//! The rules that people use today, to compare with: one class for good, lifecycle by age, by last access, by break-even time,
//! two-way ski rental, and the best single class in hindsight (which is no policy, but a mark to reach).
//!
//! Invariant: each is stated for any ladder of classes, so AWS, GCS and Azure are judged by the same rules. The ladder holds the
//! plain classes from the hottest (dearest to store, cheapest to read) down.

use super::ledger::{Holding, Ledger};
use super::problem::Problem;
use super::replay::{Policy, replay};

/// Plain classes from hot to cold: each stores cheaper and reads dearer than the one before. Classes that are worse than
/// another in both respects are left out.
#[must_use]
pub fn ladder(problem: &Problem) -> Vec<usize> {
    let c = problem.candidates();
    let mut order: Vec<usize> = (0..c.len()).filter(|&k| !c[k].is_managed()).collect();
    let key = |k: usize| (c[k].read(), c[k].storage());
    order.sort_by(|&a, &b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    let mut rungs: Vec<usize> = Vec::new();
    for k in order {
        if rungs.last().is_none_or(|&top| c[k].storage() < c[top].storage()) {
            rungs.push(k);
        }
    }
    if rungs.is_empty() {
        rungs.push(problem.hot());
    }
    rungs
}

/// One class from the first morning on.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(
    /// Index of the candidate.
    pub usize,
);

impl Policy for Fixed {
    fn place(&mut self, _: &Problem, _: &Holding) -> usize {
        self.0
    }
    fn observe(&mut self, _: &Problem, _: &Holding, _: f64, _: f64) {}
}

/// What starts the clock of a [`Timer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The dataset's first day: lifecycle rules by age.
    Creation,
    /// The last read, which also brings the dataset back to the top.
    LastRead,
}

/// Goes one rung down the ladder whenever the clock passes the next of its marks.
#[derive(Clone, Debug)]
pub struct Timer {
    since: Since,
    rungs: Vec<usize>,
    marks: Vec<f64>,
    days: f64,
}

impl Timer {
    /// Second and third rung after 30 and 90 days: the usual lifecycle rule.
    #[must_use]
    pub fn thirty_ninety(problem: &Problem, since: Since) -> Self {
        let mut rungs = ladder(problem);
        rungs.truncate(3);
        Self {
            since,
            rungs,
            marks: vec![30.0, 90.0],
            days: 0.0,
        }
    }

    /// Each rung after the idle time at which its saving has paid for one read: (r_b − r_a)/(s_a − s_b) days.
    #[must_use]
    pub fn break_even(problem: &Problem) -> Self {
        let rungs = ladder(problem);
        let c = problem.candidates();
        let mut marks: Vec<f64> = Vec::new();
        for pair in rungs.windows(2) {
            let (a, b) = (&c[pair[0]], &c[pair[1]]);
            let days = (b.read() - a.read()) / (a.storage() - b.storage());
            marks.push(marks.last().map_or(days, |last| days.max(*last)));
        }
        Self {
            since: Since::LastRead,
            rungs,
            marks,
            days: 0.0,
        }
    }
}

impl Policy for Timer {
    fn place(&mut self, _: &Problem, _: &Holding) -> usize {
        let passed = self.marks.iter().filter(|&&m| self.days >= m).count();
        self.rungs[passed.min(self.rungs.len() - 1)]
    }
    fn observe(&mut self, _: &Problem, _: &Holding, read: f64, _: f64) {
        let restart = self.since == Since::LastRead && read > 0.0;
        self.days = if restart { 1.0 } else { self.days + 1.0 };
    }
}

/// Two-way ski rental: for every other class it counts by how much that class would have been cheaper lately, and goes there
/// once the count has paid for the way there and back.
#[derive(Clone, Debug)]
pub struct SkiRental {
    regret: Vec<f64>,
    classes: Vec<usize>,
}

impl SkiRental {
    /// Over the plain classes of the ladder.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        Self {
            regret: vec![0.0; problem.len()],
            classes: ladder(problem),
        }
    }
}

impl Policy for SkiRental {
    fn place(&mut self, problem: &Problem, holding: &Holding) -> usize {
        let due = |&b: &usize| {
            let way = holding.exit_cost(problem, b) + problem.move_cost(b, holding.at);
            b != holding.at && self.regret[b] > 0.0 && self.regret[b] >= way
        };
        let candidates = self.classes.iter().copied().filter(|b| due(b));
        let best = candidates.max_by(|a, b| self.regret[*a].total_cmp(&self.regret[*b]));
        if best.is_some() {
            self.regret.fill(0.0);
        }
        best.unwrap_or(holding.at)
    }
    fn observe(&mut self, problem: &Problem, _: &Holding, read: f64, spent: f64) {
        for &b in &self.classes {
            let c = &problem.candidates()[b];
            self.regret[b] = (self.regret[b] + spent - c.storage() - c.read() * read).max(0.0);
        }
    }
}

/// The cheapest single candidate, known only afterwards, with its index.
#[must_use]
pub fn best_fixed(problem: &Problem, reads: &[f64]) -> (usize, Ledger) {
    let bills = (0..problem.len()).map(|k| (k, replay(problem, reads, &mut Fixed(k))));
    bills
        .min_by(|a, b| a.1.total().total_cmp(&b.1.total()))
        .unwrap_or((problem.hot(), Ledger::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Candidate;

    fn three() -> Problem {
        let classes = vec![
            Candidate::plain("cold", 0.004 / 30.0, 0.03, 90, 10.0),
            Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("warm", 0.0125 / 30.0, 0.01, 30, 10.0),
            Candidate::plain("silly", 0.03 / 30.0, 0.05, 30, 10.0),
        ];
        Problem::new(classes, vec![0.0; 16], 1).expect("a good problem")
    }

    #[test]
    fn the_ladder_goes_from_hot_to_cold_without_dominated_classes() {
        assert_eq!(ladder(&three()), vec![1, 2, 0]);
    }

    #[test]
    fn break_even_times_are_the_textbook_ones() {
        let t = Timer::break_even(&three());
        assert!((t.marks[0] - 28.57).abs() < 0.01 && (t.marks[1] - 70.59).abs() < 0.01);
    }

    #[test]
    fn timers_step_down_and_a_read_brings_back() {
        let p = three();
        let mut reads = vec![0.0; 100];
        reads[95] = 1.0;
        let mut seen = Vec::new();
        let mut t = Timer::thirty_ninety(&p, Since::LastRead);
        for &r in &reads {
            seen.push(t.place(&p, &Holding::new(1)));
            t.observe(&p, &Holding::new(1), r, 0.0);
        }
        assert_eq!(
            (seen[29], seen[30], seen[90], seen[95], seen[96]),
            (1, 2, 0, 0, 1)
        );
        let mut by_age = Timer::thirty_ninety(&p, Since::Creation);
        for &r in &reads {
            by_age.observe(&p, &Holding::new(1), r, 0.0);
        }
        assert_eq!(by_age.place(&p, &Holding::new(1)), 0);
    }

    #[test]
    fn ski_rental_leaves_a_silent_dataset_and_returns_to_a_busy_one() {
        let p = three();
        let quiet = replay(&p, &[0.0; 400], &mut SkiRental::new(&p));
        assert!(quiet.moves >= 1 && quiet.total() < 400.0 * 0.023 / 30.0 * 0.6);
        let mut reads = vec![0.0; 200];
        reads.extend(vec![1.0; 200]);
        let busy = replay(&p, &reads, &mut SkiRental::new(&p));
        assert!(
            busy.read < 1.0,
            "must not keep paying for 200 reads in a cold class: {busy:?}"
        );
    }
}

//! The clairvoyant optimum: the cheapest course of placements when every read is known beforehand.
//!
//! Invariant: exact. It is dynamic programming over (candidate, days held, days idle) with daily steps; states that can never
//! win again are dropped, which keeps a handful of them alive. One move a day at most, at its start, as for every policy. What
//! is owed when the history ends is nothing: data that stays is not deleted. Checked against brute force in the tests.

use super::ledger::{Holding, Ledger};
use super::problem::{Candidate, Problem};

/// A course that ends in some candidate, with what it has cost so far.
#[derive(Clone, Copy, Debug)]
struct Course {
    holding: Holding,
    ledger: Ledger,
    total: f64,
    /// Its last move in the trail.
    last: Option<usize>,
}

/// A move of some course, and the one before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    day: u32,
    to: usize,
    before: Option<usize>,
}

impl Course {
    /// What leaving costs up to but without the move itself.
    fn leaving(&self, candidate: &Candidate) -> f64 {
        self.total + candidate.early_deletion(self.holding.days_held)
    }

    /// Whether this course can never again be better than `newer`, which came to the same candidate later.
    fn is_beaten_by(&self, newer: &Self, candidate: &Candidate, settled: u32) -> bool {
        if candidate.is_managed() {
            // A longer idle time is worth something until both are in the last stage.
            let same = self.holding.days_idle.min(settled) == newer.holding.days_idle.min(settled);
            return same && self.total >= newer.total;
        }
        // Served minimum days are worth the difference in what is owed, and never more than that later on.
        self.leaving(candidate) >= newer.leaving(candidate)
    }
}

/// The courses alive in one candidate, longest there first, strictly falling in total: of two courses the one that has been there
/// longer can leave for less and, if the class is managed, is billed less. So a newer course survives only while it has cost
/// strictly less, and an older one only until that advantage is used up.
#[derive(Debug, Default)]
struct Alive {
    courses: Vec<Course>,
}

impl Alive {
    fn pass_day(&mut self, problem: &Problem, read: f64) {
        for course in &mut self.courses {
            course.holding.pass_day(problem, read, &mut course.ledger);
            course.total = course.ledger.total();
        }
    }

    fn prune(&mut self, candidate: &Candidate) {
        let settled = candidate.horizon_days();
        let mut kept = 0;
        for i in 0..self.courses.len() {
            let course = self.courses[i];
            while kept > 0 && self.courses[kept - 1].is_beaten_by(&course, candidate, settled) {
                kept -= 1;
            }
            if kept == 0 || course.total < self.courses[kept - 1].total {
                self.courses[kept] = course;
                kept += 1;
            }
        }
        self.courses.truncate(kept);
    }

    fn enter(&mut self, course: Course) {
        if self.courses.last().is_none_or(|last| course.total < last.total) {
            self.courses.push(course);
        }
    }
}

/// The cheapest course through `reads` (one entry a day: bytes read that day as a multiple of the dataset), starting in the hot
/// candidate on the first morning. [`Problem::new`] has made sure that a managed class gets no dearer
/// with idle days, which the pruning relies on.
#[must_use]
pub fn optimum(problem: &Problem, reads: &[f64]) -> Ledger {
    search(problem, reads, None).map_or_else(Ledger::default, |c| c.ledger)
}

/// The same with its moves: (day, candidate), ascending. Keeps a step for every course that was ever thought of.
#[must_use]
pub fn optimum_course(problem: &Problem, reads: &[f64]) -> (Ledger, Vec<(u32, usize)>) {
    let mut trail = Vec::new();
    let Some(best) = search(problem, reads, Some(&mut trail)) else {
        return (Ledger::default(), Vec::new());
    };
    let mut moves = Vec::new();
    let mut at = best.last;
    while let Some(step) = at.and_then(|i| trail.get(i)) {
        moves.push((step.day, step.to));
        at = step.before;
    }
    moves.reverse();
    (best.ledger, moves)
}

fn search(problem: &Problem, reads: &[f64], mut trail: Option<&mut Vec<Step>>) -> Option<Course> {
    let n = problem.len();
    let mut alive: Vec<Alive> = (0..n).map(|_| Alive::default()).collect();
    let start = Course {
        holding: Holding::new(problem.hot()),
        ledger: Ledger::default(),
        total: 0.0,
        last: None,
    };
    alive[problem.hot()].courses.push(start);
    let mut leavers: Vec<Option<(f64, Course)>> = vec![None; n];
    for (day, &read) in (0..).zip(reads) {
        for (k, leaver) in leavers.iter_mut().enumerate() {
            let candidate = &problem.candidates()[k];
            let costs = alive[k].courses.iter().map(|c| (c.leaving(candidate), *c));
            *leaver = costs.min_by(|a, b| a.0.total_cmp(&b.0));
        }
        for (to, here) in alive.iter_mut().enumerate() {
            let ways = leavers.iter().enumerate().filter(|(from, _)| *from != to);
            let best = ways
                .filter_map(|(from, l)| l.map(|(cost, course)| (cost + problem.move_cost(from, to), course)))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, mut course)) = best {
                course.holding.move_to(problem, to, &mut course.ledger);
                course.total = course.ledger.total();
                if let Some(trail) = trail.as_deref_mut() {
                    trail.push(Step {
                        day,
                        to,
                        before: course.last,
                    });
                    course.last = Some(trail.len() - 1);
                }
                here.enter(course);
            }
        }
        for (k, here) in alive.iter_mut().enumerate() {
            here.pass_day(problem, read);
            here.prune(&problem.candidates()[k]);
        }
    }
    let ends = alive.iter().flat_map(|a| &a.courses);
    ends.min_by(|a, b| a.total.total_cmp(&b.total)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Stage;

    /// A small counter-based generator: the tests' own, so that the cases are the same everywhere.
    struct Draws(u64);

    impl Draws {
        fn unit(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
        fn below(&mut self, n: u32) -> u32 {
            (self.unit() * f64::from(n)) as u32
        }
    }

    fn random_problem(d: &mut Draws) -> Problem {
        let n = 2 + d.below(2) as usize;
        let mut candidates: Vec<Candidate> = (0..n)
            .map(|k| Candidate::plain(&format!("c{k}"), d.unit(), d.unit() * 3.0, d.below(5), 1.0))
            .collect();
        if d.below(2) == 0 {
            let rate = d.unit();
            let stage = |day, share: f64, read| Stage {
                from_idle_days: day,
                storage_per_gb_day: rate * share,
                read_per_gb: read,
            };
            let read = d.unit();
            let stages = vec![
                stage(0, 1.0, read),
                stage(1 + d.below(2), 0.6, read),
                stage(4, 0.1, read * 0.5),
            ];
            candidates.push(Candidate {
                name: "managed".into(),
                stages,
                min_days: 0,
                first_byte_ms: 1.0,
            });
        }
        let n = candidates.len();
        let moves = (0..n * n)
            .map(|i| if i % (n + 1) == 0 { 0.0 } else { d.unit() })
            .collect();
        Problem::new(candidates, moves, d.below(n as u32) as usize).expect("a good problem")
    }

    /// Every course there is.
    fn brute(problem: &Problem, holding: Holding, spent: Ledger, reads: &[f64]) -> f64 {
        let Some((&read, rest)) = reads.split_first() else {
            return spent.total();
        };
        (0..problem.len())
            .map(|to| {
                let (mut h, mut l) = (holding, spent);
                h.move_to(problem, to, &mut l);
                h.pass_day(problem, read, &mut l);
                brute(problem, h, l, rest)
            })
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn equals_brute_force_on_two_thousand_random_cases() {
        let mut d = Draws(7);
        for case in 0..2_000 {
            let problem = random_problem(&mut d);
            let days = 1 + d.below(7) as usize;
            let reads: Vec<f64> = (0..days)
                .map(|_| if d.below(2) == 0 { 0.0 } else { d.unit() * 2.0 })
                .collect();
            let exact = brute(&problem, Holding::new(problem.hot()), Ledger::default(), &reads);
            let found = optimum(&problem, &reads).total();
            assert!(
                (exact - found).abs() < 1e-9,
                "case {case}: {found} is not {exact}"
            );
        }
    }
}

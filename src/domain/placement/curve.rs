//! How costs add up day by day: what a chart of one dataset's backtest draws.
//!
//! Invariant: the last point of a curve is the policy's bill in [`super::backtest`], because both are played by the same steps.
//! Amounts are USD per GB.

use super::course::Course;
use super::history::History;
use super::ledger::{Holding, Ledger};
use super::optimum::optimum_course;
use super::policies::{Fixed, best_fixed};
use super::problem::{Problem, ProblemError};
use super::replay::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the curve of what was really done.
pub const ACTUAL: &str = "actual";

/// One policy's costs so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The policy's name; `actual` for what was done.
    pub name: String,
    /// USD from the first day to the end of each of the days.
    pub usd: Vec<f64>,
}

/// Costs so far of several policies at the same days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curves {
    /// Days since 1970, ascending; the last is the last of the history.
    pub days: Vec<i64>,
    /// The curves.
    pub curves: Vec<Curve>,
}

impl Curves {
    /// The same for `factor` GB instead of one.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for usd in self.curves.iter_mut().flat_map(|c| &mut c.usd) {
            *usd *= factor;
        }
        self
    }
}

/// Goes where it is told on the days it is told: (days after the first, candidate), ascending.
struct Script(Vec<(u32, usize)>, u32);

impl Policy for Script {
    fn place(&mut self, _: &Problem, holding: &Holding) -> usize {
        let due = self.0.iter().rev().find(|(day, _)| *day <= self.1);
        due.map_or(holding.at, |(_, to)| *to)
    }
    fn observe(&mut self, _: &Problem, _: &Holding, _: f64, _: f64) {
        self.1 += 1;
    }
}

/// The curves of the first dataset of `history`, which should hold no other: what was really done where `actual` (day since 1970
/// and candidate) is known, the recommended policy, each managed class alone, the best fixed class and the optimum over plain
/// classes; at most `points` days.
///
/// # Errors
/// [`ProblemError::NoCandidate`] when there is no dataset, or no plain class to choose.
pub fn curves(
    history: &History,
    problem: &Problem,
    actual: &[(i64, usize)],
    points: usize,
) -> Result<Curves, ProblemError> {
    let dataset = history.datasets.first().ok_or(ProblemError::NoCandidate)?;
    let reads = dataset.daily(history.end_day);
    let mut found: Vec<(String, Vec<f64>)> = Vec::new();
    let after = |day: i64| u32::try_from((day - dataset.first_day).max(0)).unwrap_or(u32::MAX);
    if !actual.is_empty() {
        let script = actual.iter().map(|&(day, to)| (after(day), to)).collect();
        found.push((ACTUAL.into(), totals(problem, &reads, &mut Script(script, 0))));
    }
    found.push((super::backtest::RECOMMENDED.into(), recommended(history, problem)));
    for (k, candidate) in problem.candidates().iter().enumerate() {
        if candidate.is_managed() {
            let name = format!("managed:{}", candidate.name);
            found.push((name, totals(problem, &reads, &mut Fixed(k))));
        }
    }
    let (best, _) = best_fixed(problem, &reads);
    found.push((
        "best-fixed-hindsight".into(),
        totals(problem, &reads, &mut Fixed(best)),
    ));
    let plain = problem.without_managed()?;
    let (_, moves) = optimum_course(&plain, &reads);
    let optimum = totals(&plain, &reads, &mut Script(moves, 0));
    found.push((super::backtest::OPTIMUM.into(), optimum));

    let kept = kept(reads.len(), points);
    Ok(Curves {
        days: kept
            .iter()
            .map(|&i| dataset.first_day + i64::try_from(i).unwrap_or(0))
            .collect(),
        curves: found
            .into_iter()
            .map(|(name, all)| Curve {
                name,
                usd: kept.iter().filter_map(|&i| all.get(i).copied()).collect(),
            })
            .collect(),
    })
}

/// At most `points` of `days` positions at even steps, the last one among them.
fn kept(days: usize, points: usize) -> Vec<usize> {
    let step = days.div_ceil(points.max(1)).max(1);
    let mut kept: Vec<usize> = (0..days).rev().step_by(step).collect();
    kept.reverse();
    kept
}

/// The bill at the end of each day.
fn totals(problem: &Problem, reads: &[f64], policy: &mut dyn Policy) -> Vec<f64> {
    let mut holding = Holding::new(problem.hot());
    let mut ledger = Ledger::default();
    let day = |&read: &f64| {
        let to = policy.place(problem, &holding);
        holding.move_to(problem, to, &mut ledger);
        let before = ledger.total();
        let during = holding;
        holding.pass_day(problem, read, &mut ledger);
        policy.observe(problem, &during, read, ledger.total() - before);
        ledger.total()
    };
    reads.iter().map(day).collect()
}

fn recommended(history: &History, problem: &Problem) -> Vec<f64> {
    let problems = vec![problem.clone(); history.datasets.len()];
    let mut course = Course::new(history, &problems);
    let first = history.datasets.first().map_or(0, |d| d.first_day);
    let mut all = Vec::new();
    loop {
        let lived = course.day() >= first;
        if !course.step() {
            return all;
        }
        if lived {
            all.extend(course.ledgers().first().map(Ledger::total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::backtest::backtest;
    use crate::domain::placement::history::DatasetHistory;
    use crate::domain::placement::problem::{Candidate, Stage};
    use crate::domain::unit::Bytes;

    fn story() -> (History, Problem) {
        let stage = |from_idle_days, storage_per_gb_day| Stage {
            from_idle_days,
            storage_per_gb_day,
            read_per_gb: 0.0,
        };
        let auto = Candidate {
            name: "auto".into(),
            stages: vec![stage(0, 8e-4), stage(30, 4e-4)],
            min_days: 0,
            first_byte_ms: 10.0,
        };
        let classes = vec![
            Candidate::plain("hot", 8e-4, 0.0, 0, 10.0),
            Candidate::plain("cold", 2e-4, 0.03, 90, 10.0),
            auto,
        ];
        let moves = vec![0.0, 1e-4, 1e-4, 0.03, 0.0, 0.03, 1e-4, 1e-4, 0.0];
        let dataset = DatasetHistory {
            id: "d".into(),
            size: Bytes(1_000_000_000),
            n_files: 1,
            first_day: 1_003,
            reads: (0..20).chain(150..160).map(|day| (day, 1.0)).collect(),
        };
        let history = History {
            datasets: vec![dataset],
            events: 30,
            first_day: 1_000,
            end_day: 1_253,
        };
        (history, Problem::new(classes, moves, 0).expect("a good problem"))
    }

    #[test]
    fn every_curve_ends_at_its_policys_bill_and_never_falls() {
        let (history, problem) = story();
        let played = backtest(&history, std::slice::from_ref(&problem)).expect("it is played");
        let drawn = curves(&history, &problem, &[(1_003, 0), (1_100, 1)], 60).expect("it is drawn");
        assert!(drawn.days.len() <= 60 && drawn.days.last() == Some(&1_252));
        assert!(drawn.days.windows(2).all(|w| w[0] < w[1]));
        let names: Vec<&str> = drawn.curves.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "actual",
                "recommended",
                "managed:auto",
                "best-fixed-hindsight",
                "optimum"
            ]
        );
        for curve in &drawn.curves {
            assert_eq!(curve.usd.len(), drawn.days.len());
            assert!(curve.usd.windows(2).all(|w| w[0] <= w[1]), "{}", curve.name);
            let Some(outcome) = played.outcomes.iter().find(|o| o.name == curve.name) else {
                continue;
            };
            let (end, bill) = (
                curve.usd.last().copied().unwrap_or(0.0),
                outcome.ledgers[0].total(),
            );
            assert!((end - bill).abs() < 1e-12, "{}: {end} is not {bill}", curve.name);
        }
        // 97 days hot, the move, then cold with ten full reads.
        let actual = drawn.curves[0].usd.last().copied().unwrap_or(0.0);
        let by_hand = 97.0 * 8e-4 + 1e-4 + 153.0 * 2e-4 + 10.0 * 0.03;
        assert!((actual - by_hand).abs() < 1e-9, "{actual} is not {by_hand}");
    }
}

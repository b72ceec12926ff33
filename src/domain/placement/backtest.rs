//! A history against every policy: what each would have cost, and by how much that is above the optimum.
//!
//! Invariant: `ratio` is to the exact optimum over **plain** classes, the unit in which such figures are published, so no policy
//! that keeps to plain classes is below one on any dataset. A class that the vendor manages is not a plain one and can be: it
//! changes tier without a charge. The lower bound that nobody beats is the optimum over every class allowed, and the ratio to it
//! stands beside. Bills are kept in USD per GB and dataset; a [`Weight`] turns them into totals. The recommended policy is
//! played by [`super::course`].

use super::calibration::Reliability;
use super::course::Course;
use super::curve::Curves;
use super::history::{DatasetHistory, History};
use super::ledger::Ledger;
use super::optimum::optimum;
use super::policies::{Fixed, Since, SkiRental, Timer, best_fixed};
use super::problem::{Problem, ProblemError};
use super::replay::{Policy, replay};
use crate::domain::unit::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the policy that the product recommends.
pub const RECOMMENDED: &str = "recommended";
/// The name of the optimum over plain classes in the list of policies.
pub const OPTIMUM: &str = "optimum";

/// How the datasets are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Each dataset counts as one of 1 GB.
    #[default]
    Equal,
    /// Each dataset counts with its size: the real bill.
    Dollar,
}

impl Weight {
    fn of(self, dataset: &DatasetHistory) -> f64 {
        match self {
            Self::Equal => 1.0,
            Self::Dollar => dataset.size.as_gb(),
        }
    }
}

/// A policy and its bill for each dataset, USD per GB, in the order of the history's datasets.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Stable name.
    pub name: String,
    /// One bill for each dataset.
    pub ledgers: Vec<Ledger>,
}

/// Every policy's bills.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// What was stated of the recommended policy's moves against what came of them.
    pub reliability: Option<Reliability>,
    /// Names of the candidates.
    pub candidates: Vec<String>,
    /// The policies; the first is the recommended one, the last the optimum.
    pub outcomes: Vec<Outcome>,
    /// The optimum when every candidate may be chosen: equal to the last outcome where none is managed.
    pub optimum_with_managed: Vec<Ledger>,
}

/// Plays every policy through `history`. `problems` has one entry for each dataset, all with the same candidates.
///
/// # Errors
/// [`ProblemError::NoCandidate`] when there is no dataset, or no plain class to choose.
pub fn backtest(history: &History, problems: &[Problem]) -> Result<Backtest, ProblemError> {
    let first = problems.first().ok_or(ProblemError::NoCandidate)?;
    let mut course = Course::new(history, problems);
    while course.step() {}
    let reliability = course.reliability();
    let mut outcomes = vec![Outcome {
        name: RECOMMENDED.into(),
        ledgers: course.ledgers(),
    }];
    drop(course);
    let names = rules(first).into_iter().map(|(name, _)| name);
    outcomes.extend(
        names
            .chain(["best-fixed-hindsight".into(), OPTIMUM.into()])
            .map(|name| Outcome {
                name,
                ledgers: Vec::with_capacity(problems.len()),
            }),
    );
    let mut optimum_with_managed = Vec::with_capacity(problems.len());
    for (dataset, problem) in history.datasets.iter().zip(problems) {
        let reads = dataset.daily(history.end_day);
        let mut bills: Vec<Ledger> = rules(problem)
            .into_iter()
            .map(|(_, mut policy)| replay(problem, &reads, policy.as_mut()))
            .collect();
        let plain = problem.without_managed()?;
        let best = optimum(&plain, &reads);
        bills.extend([best_fixed(problem, &reads).1, best]);
        for (outcome, bill) in outcomes[1..].iter_mut().zip(bills) {
            outcome.ledgers.push(bill);
        }
        optimum_with_managed.push(if plain.len() == problem.len() {
            best
        } else {
            optimum(problem, &reads)
        });
    }
    Ok(Backtest {
        reliability,
        candidates: first.candidates().iter().map(|c| c.name.clone()).collect(),
        outcomes,
        optimum_with_managed,
    })
}

/// The usual rules by name, fresh for one dataset.
fn rules(problem: &Problem) -> Vec<(String, Box<dyn Policy>)> {
    let mut rules: Vec<(String, Box<dyn Policy>)> =
        vec![("always-hot".into(), Box::new(Fixed(problem.hot())))];
    for (k, candidate) in problem.candidates().iter().enumerate() {
        if k != problem.hot() {
            let kind = if candidate.is_managed() {
                "managed"
            } else {
                "fixed"
            };
            rules.push((format!("{kind}:{}", candidate.name), Box::new(Fixed(k))));
        }
    }
    rules.push((
        "age-30-90".into(),
        Box::new(Timer::thirty_ninety(problem, Since::Creation)),
    ));
    rules.push((
        "idle-30-90".into(),
        Box::new(Timer::thirty_ninety(problem, Since::LastRead)),
    ));
    rules.push(("break-even".into(), Box::new(Timer::break_even(problem))));
    rules.push(("ski-rental".into(), Box::new(SkiRental::new(problem))));
    rules
}

/// One policy in a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTotal {
    /// Stable name.
    pub name: String,
    /// All shares together, USD.
    pub usd: f64,
    /// To the optimum over plain classes. Below one only where a managed class is cheaper than any course of plain ones.
    pub ratio: f64,
    /// To the optimum over every class allowed, managed ones included: never below one.
    pub ratio_to_optimum_with_managed: f64,
    /// Number of moves over all datasets.
    pub moves: u64,
    /// Keeping the data, monitoring fees included, USD.
    pub storage_usd: f64,
    /// Retrieval and requests of the readers, USD.
    pub read_usd: f64,
    /// Moving, USD.
    pub move_usd: f64,
    /// Minimum durations not served, USD.
    pub early_deletion_usd: f64,
    /// The highest `ratio` of a single dataset.
    pub worst_ratio: f64,
    /// The dataset that has it.
    pub worst_dataset: String,
}

/// One policy on one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetPolicy {
    /// The policy's name.
    pub name: String,
    /// All shares together, USD.
    pub usd: f64,
    /// To the dataset's optimum over plain classes.
    pub ratio: f64,
    /// To the dataset's optimum over every class allowed.
    pub ratio_to_optimum_with_managed: f64,
    /// Number of moves.
    pub moves: u32,
}

/// One dataset in a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetTotal {
    /// Its name in the files.
    pub object_id: String,
    /// Its size.
    pub size_bytes: Bytes,
    /// The cheapest course in hindsight over plain classes, USD.
    pub optimum_usd: f64,
    /// The cheapest course in hindsight over every class allowed, USD.
    pub optimum_with_managed_usd: f64,
    /// Every policy.
    pub policies: Vec<DatasetPolicy>,
}

/// Which prices were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PricesUsed {
    /// The book's name.
    pub name: String,
    /// The date it holds for.
    pub date: String,
}

/// The answer of `dim backtest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestReport {
    /// Event lines taken.
    pub events: u64,
    /// Datasets played.
    pub datasets: u64,
    /// Days from the first event to the last.
    pub span_days: i64,
    /// Prices.
    pub prices: PricesUsed,
    /// How datasets are added up.
    pub weight: Weight,
    /// The classes that may be chosen.
    pub classes: Vec<String>,
    /// The denominator of every `ratio`: the cheapest course in hindsight over the plain ones of these classes, USD.
    pub optimum_usd: f64,
    /// The cheapest course in hindsight over all of these classes, USD: what no policy can beat. Equal to `optimum_usd` where
    /// no managed class is allowed.
    pub optimum_with_managed_usd: f64,
    /// Lines of either file that were refused.
    pub skipped_lines: u64,
    /// Totals by policy.
    pub policies: Vec<PolicyTotal>,
    /// How the costs of one dataset add up, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Curves>,
    /// Stated confidence against what came, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Reliability>,
    /// Each dataset, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_dataset: Vec<DatasetTotal>,
}

/// A ratio that is one where nothing had to be paid at all.
fn ratio(cost: f64, best: f64) -> f64 {
    if best > 0.0 { cost / best } else { 1.0 }
}

impl Backtest {
    /// The optimum over plain classes, USD per GB and dataset.
    #[must_use]
    pub fn optimum(&self) -> &[Ledger] {
        self.outcomes.last().map_or(&[], |o| &o.ledgers)
    }

    /// Adds the datasets up.
    #[must_use]
    pub fn report(
        &self,
        history: &History,
        prices: PricesUsed,
        weight: Weight,
        by_dataset: bool,
    ) -> BacktestReport {
        let weights: Vec<f64> = history.datasets.iter().map(|d| weight.of(d)).collect();
        let sum = |ledgers: &[Ledger]| {
            let mut all = Ledger::default();
            for (ledger, &w) in ledgers.iter().zip(&weights) {
                all += ledger.scaled(w);
            }
            all
        };
        let best = sum(self.optimum()).total();
        let bound = sum(&self.optimum_with_managed).total();
        let total = |outcome: &Outcome| {
            let all = sum(&outcome.ledgers);
            let each = outcome.ledgers.iter().zip(self.optimum());
            let worst = each
                .map(|(own, best)| ratio(own.total(), best.total()))
                .enumerate()
                .fold((0, 0.0), |worst, now| if now.1 > worst.1 { now } else { worst });
            PolicyTotal {
                name: outcome.name.clone(),
                usd: all.total(),
                ratio: ratio(all.total(), best),
                ratio_to_optimum_with_managed: ratio(all.total(), bound),
                moves: outcome.ledgers.iter().map(|l| u64::from(l.moves)).sum(),
                storage_usd: all.storage,
                read_usd: all.read,
                move_usd: all.moving,
                early_deletion_usd: all.early_deletion,
                worst_ratio: worst.1,
                worst_dataset: history
                    .datasets
                    .get(worst.0)
                    .map_or_else(String::new, |d| d.id.clone()),
            }
        };
        let dataset = |i: usize| DatasetTotal {
            object_id: history.datasets[i].id.clone(),
            size_bytes: history.datasets[i].size,
            optimum_usd: self.optimum()[i].total() * weights[i],
            optimum_with_managed_usd: self.optimum_with_managed[i].total() * weights[i],
            policies: self
                .outcomes
                .iter()
                .map(|o| DatasetPolicy {
                    name: o.name.clone(),
                    usd: o.ledgers[i].total() * weights[i],
                    ratio: ratio(o.ledgers[i].total(), self.optimum()[i].total()),
                    ratio_to_optimum_with_managed: ratio(
                        o.ledgers[i].total(),
                        self.optimum_with_managed[i].total(),
                    ),
                    moves: o.ledgers[i].moves,
                })
                .collect(),
        };
        BacktestReport {
            calibration: None,
            events: history.events,
            datasets: history.datasets.len() as u64,
            span_days: history.span_days(),
            prices,
            weight,
            classes: self.candidates.clone(),
            optimum_usd: best,
            optimum_with_managed_usd: bound,
            skipped_lines: 0,
            course: None,
            policies: self.outcomes.iter().map(total).collect(),
            by_dataset: if by_dataset {
                (0..weights.len()).map(dataset).collect()
            } else {
                Vec::new()
            },
        }
    }
}

#[cfg(test)]
mod tests;

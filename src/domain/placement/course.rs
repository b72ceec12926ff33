//! The recommended policy on a whole fleet: the blend, day by day, over a history.
//!
//! Invariant: no look-ahead. On the morning of a day only what earlier days brought is known, and of the datasets only those that
//! exist; the problem that stands for the fleet is the median one of these. Where the bills are compared is [`super::backtest`].

use super::blend::{DatasetState, Fleet};
use super::calibration::Reliability;
use super::history::History;
use super::ledger::{Holding, Ledger};
use super::problem::Problem;

/// One dataset in the middle of its life.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    state: DatasetState,
    holding: Holding,
    ledger: Ledger,
    /// Position in the dataset's list of reads.
    next_read: usize,
}

/// A fleet that follows the recommendation. Stepping through the same history gives the same state to the bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Course<'a> {
    history: &'a History,
    problems: &'a [Problem],
    fleet: Option<Fleet>,
    lives: Vec<Option<Life>>,
    /// Datasets in the order of their first day, and how many of them exist already.
    births: Vec<usize>,
    born: usize,
    /// Files per GB with the dataset's index, ordered: the middle one stands for the fleet.
    density: Vec<(f64, usize)>,
    day: i64,
}

impl<'a> Course<'a> {
    /// On the first morning. `problems` has one entry for each dataset of `history`, all with the same candidates.
    #[must_use]
    pub fn new(history: &'a History, problems: &'a [Problem]) -> Self {
        let mut births: Vec<usize> = (0..history.datasets.len()).collect();
        births.sort_by_key(|&i| history.datasets[i].first_day);
        Self {
            history,
            problems,
            fleet: None,
            lives: vec![None; history.datasets.len()],
            births,
            born: 0,
            density: Vec::new(),
            day: history.first_day,
        }
    }

    /// The day that comes next, in days since 1970.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.day
    }

    /// Where a dataset lies; `None` before its first day.
    #[must_use]
    pub fn place(&self, dataset: usize) -> Option<usize> {
        self.lives[dataset].as_ref().map(|life| life.holding.at)
    }

    /// What was stated of the fleet's moves against what came of them; `None` before the first day.
    #[must_use]
    pub fn reliability(&self) -> Option<Reliability> {
        self.fleet.as_ref().map(Fleet::reliability)
    }

    /// The bills so far, USD per GB, in the order of the history's datasets.
    #[must_use]
    pub fn ledgers(&self) -> Vec<Ledger> {
        let bill = |life: &Option<Life>| life.as_ref().map_or_else(Ledger::default, |l| l.ledger);
        self.lives.iter().map(bill).collect()
    }

    /// Lives through one day. False when the history is over.
    pub fn step(&mut self) -> bool {
        if self.day >= self.history.end_day {
            return false;
        }
        let newborn = self.births[self.born..]
            .iter()
            .take_while(|&&i| self.history.datasets[i].first_day <= self.day)
            .count();
        let newborn = &self.births[self.born..self.born + newborn];
        self.born += newborn.len();
        for &i in newborn {
            let dataset = &self.history.datasets[i];
            let entry = (dataset.n_files as f64 / dataset.size.as_gb(), i);
            let at = self.density.partition_point(|d| d.0.total_cmp(&entry.0).is_lt());
            self.density.insert(at, entry);
        }
        if let Some(&(_, middle)) = self.density.get(self.density.len() / 2) {
            let standing_for_all = &self.problems[middle];
            let fleet = self.fleet.get_or_insert_with(|| Fleet::new(standing_for_all));
            fleet.open_day(standing_for_all);
            for &i in newborn {
                self.lives[i] = Some(Life {
                    state: DatasetState::new(&self.problems[i], fleet),
                    holding: Holding::new(self.problems[i].hot()),
                    ledger: Ledger::default(),
                    next_read: 0,
                });
            }
            for (life, problem) in self.lives.iter_mut().zip(self.problems) {
                if let Some(life) = life {
                    let to = life.state.morning(problem, fleet, &life.holding);
                    life.holding.move_to(problem, to, &mut life.ledger);
                }
            }
            for (i, life) in self.lives.iter_mut().enumerate() {
                if let Some(life) = life {
                    let dataset = &self.history.datasets[i];
                    let read = life.take_read(&dataset.reads, self.day - dataset.first_day);
                    life.holding.pass_day(&self.problems[i], read, &mut life.ledger);
                    life.state.evening(&self.problems[i], fleet, read);
                }
            }
        }
        self.day += 1;
        true
    }
}

impl Life {
    fn take_read(&mut self, reads: &[(u32, f64)], age: i64) -> f64 {
        match reads.get(self.next_read) {
            Some(&(day, share)) if i64::from(day) == age => {
                self.next_read += 1;
                share
            }
            _ => 0.0,
        }
    }
}

//! The recommended policy as it goes on from day to day over datasets that are really somewhere.
//!
//! Invariant: a pure function of the days fed in. Stepping day by day, or all days at once after a rebuild, gives the same states
//! to the bit; state is O(1) a dataset. Unlike in a backtest nobody follows the advice here: a dataset lies where it lies, and the
//! experts live their imagined lives beside it.

use super::blend::{DatasetState, Fleet};
use super::calibration::CalibratedChance;
use super::ledger::Holding;
use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy of datasets that choose between the same candidates. The morning of [`Stream::day`] is done, its evening is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stream {
    fleet: Fleet,
    day: i64,
}

/// One dataset of a stream.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its candidates; `hot` is where it lies.
    pub problem: Problem,
    /// Its first day, in days since 1970.
    pub first_day: i64,
    /// What was read on each day since then, as a multiple of the dataset, in the order of days; days without a read are left out.
    pub reads: Vec<(i64, f64)>,
    /// Whole days, as of the day that is advanced to, since it came to where it lies.
    pub days_held: u32,
    /// What is remembered of it; `None` before it has lived.
    pub state: Option<DatasetState>,
}

/// What the policy says of a dataset on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advice {
    /// Index of the candidate where it should lie.
    pub to: usize,
    /// How sure a move there is; `None` when it lies there already.
    pub confidence: Option<CalibratedChance>,
    /// Full reads expected within the next quarter by the fleet's experience.
    pub quarter_reads: f64,
}

impl Stream {
    /// Before the first day, valued for `standing_for_all`: the problem of a typical dataset.
    #[must_use]
    pub fn begin(standing_for_all: &Problem, first_day: i64) -> Self {
        Self {
            fleet: Fleet::new(standing_for_all),
            day: first_day - 1,
        }
    }

    /// The day whose morning was the last.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.day
    }

    /// Lives through all days up to the morning of `today`. Members come in the same order every time.
    pub fn advance(&mut self, standing_for_all: &Problem, members: &mut [Member], today: i64) {
        let mut next: Vec<usize> = members
            .iter()
            .map(|m| m.reads.partition_point(|(day, _)| *day < self.day))
            .collect();
        while self.day < today {
            for (member, next) in members.iter_mut().zip(&mut next) {
                let read = member.read_on(self.day, next);
                if let Some(state) = &mut member.state {
                    state.evening(&member.problem, &mut self.fleet, read);
                }
            }
            self.day += 1;
            self.fleet.open_day(standing_for_all);
            for member in members.iter_mut().filter(|m| m.first_day <= self.day) {
                let holding = member.holding(today - self.day);
                let state = member
                    .state
                    .get_or_insert_with(|| DatasetState::new(&member.problem, &self.fleet));
                state.morning(&member.problem, &mut self.fleet, &holding);
            }
        }
    }

    /// This morning's advice; `None` for a dataset that has not lived.
    #[must_use]
    pub fn advice(&self, member: &Member) -> Option<Advice> {
        let state = member.state.as_ref()?;
        let (to, at) = (state.place(), member.problem.hot());
        let holding = member.holding(0);
        Some(Advice {
            to,
            confidence: (to != at).then(|| self.fleet.confidence(&member.problem, state, &holding, to)),
            quarter_reads: self.fleet.expected_quarter_reads(&state.features),
        })
    }

    /// Outcomes of earlier proposals against what was stated of them.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }
}

impl Member {
    fn read_on(&self, day: i64, next: &mut usize) -> f64 {
        match self.reads.get(*next) {
            Some(&(on, read)) if on == day => {
                *next += 1;
                read
            }
            _ => 0.0,
        }
    }

    /// Where it lay `days_ago`. Before it came it is taken to have just come: its earlier places are not known here.
    fn holding(&self, days_ago: i64) -> Holding {
        let ago = u32::try_from(days_ago).unwrap_or(u32::MAX);
        let days_held = self.days_held.saturating_sub(ago);
        let idle = self.state.as_ref().map_or(0, |s| s.features.idle_days);
        Holding {
            at: self.problem.hot(),
            days_held,
            days_idle: idle.min(days_held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Candidate;

    fn three() -> Problem {
        let classes = vec![
            Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("warm", 0.0125 / 30.0, 0.01, 30, 10.0),
            Candidate::plain("cold", 0.004 / 30.0, 0.03, 90, 10.0),
        ];
        Problem::new(
            classes,
            vec![0.0, 1e-5, 1e-5, 0.01, 0.0, 1e-5, 0.03, 0.03, 0.0],
            0,
        )
        .expect("a good problem")
    }

    fn member(first_day: i64, every: i64, until: i64) -> Member {
        let days = (first_day..until).filter(|d| every > 0 && (d - first_day) % every == 0);
        Member {
            problem: three(),
            first_day,
            reads: days.map(|d| (d, 1.0)).collect(),
            days_held: 1_000,
            state: None,
        }
    }

    #[test]
    fn a_silent_dataset_is_sent_away_and_a_busy_one_is_not() {
        let mut members = [member(100, 0, 400), member(100, 3, 400)];
        let mut stream = Stream::begin(&three(), 100);
        stream.advance(&three(), &mut members, 400);
        let advice = members
            .each_ref()
            .map(|m| stream.advice(m).expect("it has lived"));
        assert_eq!((advice[0].to, advice[1].to), (2, 0));
        assert!(
            advice[0].confidence.is_some_and(|c| c.chance > 0.7),
            "{:?}",
            advice[0]
        );
        assert_eq!(advice[1].confidence, None);
        assert!(advice[0].quarter_reads < advice[1].quarter_reads);
    }

    #[test]
    fn day_by_day_and_all_at_once_give_the_same_bytes() {
        let fresh = || [member(10, 7, 60), member(25, 0, 60), member(12, 2, 60)];
        let (mut at_once, mut stepped) = (fresh(), fresh());
        let mut all = Stream::begin(&three(), 10);
        all.advance(&three(), &mut at_once, 60);
        let mut daily = Stream::begin(&three(), 10);
        for day in 11..=60 {
            // As after a restart: what is kept is read back.
            let kept = serde_json::to_string(&daily).expect("it serializes");
            daily = serde_json::from_str(&kept).expect("it is read back");
            for member in &mut stepped {
                // Nothing of the future, and where it lay is the same.
                member.days_held = u32::try_from(1_000 - (60 - day)).expect("positive");
                let kept = serde_json::to_string(&member.state).expect("it serializes");
                member.state = serde_json::from_str(&kept).expect("it is read back");
            }
            daily.advance(&three(), &mut stepped, day);
        }
        // Compared as one truth: the states are pages long.
        assert!(serde_json::to_string(&all).ok() == serde_json::to_string(&daily).ok());
        for (a, b) in at_once.iter().zip(&stepped) {
            assert!(serde_json::to_string(&a.state).ok() == serde_json::to_string(&b.state).ok());
        }
    }
}

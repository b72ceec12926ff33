//! A job over time: how long each stage took, how fast bytes went, what is left, and how it stood at any instant.
//!
//! Invariant: everything is read off recorded events and samples. Between two samples nothing is interpolated, before the second
//! sample there is no rate, and what is left is a range between the rates that were really seen.

use super::{JobEvent, JobStatus, Progress};
use crate::domain::unit::{Bytes, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a stage was at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// In which stage.
    pub stage: JobStatus,
    /// In which run.
    pub attempt: i64,
    /// Objects done.
    pub objects_done: i64,
    /// Objects in all.
    pub objects_total: i64,
    /// Bytes done.
    pub bytes_done: Bytes,
    /// Bytes in all.
    pub bytes_total: Bytes,
}

/// A stage from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The stage.
    pub status: JobStatus,
    /// The run.
    pub attempt: i64,
    /// When it began.
    pub from: Timestamp,
    /// When the next one began; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// Why it came to it.
    pub reason: Option<String>,
}

/// How fast bytes went between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The stage.
    pub stage: JobStatus,
    /// The earlier sample.
    pub from: Timestamp,
    /// The later one.
    pub to: Timestamp,
    /// Bytes a second.
    pub bytes_per_sec: u64,
}

/// How a job stood at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The stage.
    pub status: JobStatus,
    /// The run.
    pub attempt: i64,
    /// Why it had come to it.
    pub reason: Option<String>,
    /// The last sample of that stage; `None` before there was one.
    pub sample: Option<Sample>,
}

/// Rates that what is left is told from: the latest ones, so that a slow beginning is forgotten.
const LATEST: usize = 12;

/// Every stage that the job went through, those that ended it excepted: they last for ever.
#[must_use]
pub fn spans(events: &[JobEvent]) -> Vec<Span> {
    let ends = events.iter().skip(1).map(|e| Some(e.at)).chain([None]);
    events
        .iter()
        .zip(ends)
        .filter(|(e, _)| !is_end(e.status))
        .map(|(e, to)| Span {
            status: e.status,
            attempt: e.attempt,
            from: e.at,
            to,
            reason: e.reason.clone(),
        })
        .collect()
}

fn is_end(status: JobStatus) -> bool {
    matches!(
        status,
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Undone
    )
}

/// Rates between neighbouring samples of one stage and run; a count that went back (a new pass) begins anew.
#[must_use]
pub fn rates(samples: &[Sample]) -> Vec<Rate> {
    samples
        .windows(2)
        .filter_map(|pair| {
            let [a, b] = pair else { return None };
            let micros = b.at.since(a.at);
            if (a.stage, a.attempt) != (b.stage, b.attempt) || micros <= 0 || b.bytes_done < a.bytes_done {
                return None;
            }
            let bytes = b.bytes_done.0 - a.bytes_done.0;
            let rate = u128::from(bytes) * 1_000_000 / u128::from(micros.unsigned_abs());
            Some(Rate {
                stage: a.stage,
                from: a.at,
                to: b.at,
                bytes_per_sec: u64::try_from(rate).unwrap_or(u64::MAX),
            })
        })
        .collect()
}

/// Seconds that are left of the present stage as (fast, slow): the bytes that are left over the fastest and the slowest of the
/// latest rates of this stage. `None` before there are two rates, and while nothing moves.
#[must_use]
pub fn time_left(samples: &[Sample], status: JobStatus, attempt: i64, now: &Progress) -> Option<(i64, i64)> {
    if !matches!(status, JobStatus::Copying | JobStatus::Verifying) {
        return None;
    }
    let of_stage: Vec<Sample> = samples
        .iter()
        .filter(|s| s.stage == status && s.attempt == attempt)
        .copied()
        .collect();
    let seen = rates(&of_stage);
    let latest = &seen[seen.len().saturating_sub(LATEST)..];
    let moving: Vec<u64> = latest
        .iter()
        .map(|r| r.bytes_per_sec)
        .filter(|r| *r > 0)
        .collect();
    let (slowest, fastest) = (moving.iter().min()?, moving.iter().max()?);
    if latest.len() < 2 {
        return None;
    }
    let left = now.bytes_total.0.saturating_sub(now.bytes_done.0);
    let secs = |rate: u64| i64::try_from(left.div_ceil(rate)).unwrap_or(i64::MAX);
    Some((secs(*fastest), secs(*slowest)))
}

/// How the job stood at an instant; `None` before it was made.
#[must_use]
pub fn at(events: &[JobEvent], samples: &[Sample], when: Timestamp) -> Option<Moment> {
    let event = events.iter().rev().find(|e| e.at <= when)?;
    let sample = samples
        .iter()
        .rev()
        .find(|s| s.at <= when && s.at >= event.at && s.stage == event.status && s.attempt == event.attempt);
    Some(Moment {
        status: event.status,
        attempt: event.attempt,
        reason: event.reason.clone(),
        sample: sample.copied(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(secs: i64, status: JobStatus, attempt: i64) -> JobEvent {
        JobEvent {
            seq: secs,
            status,
            reason: None,
            attempt,
            at: Timestamp::from_unix_secs(secs),
        }
    }

    fn sample(secs: i64, stage: JobStatus, done: u64) -> Sample {
        Sample {
            at: Timestamp::from_unix_secs(secs),
            stage,
            attempt: 1,
            objects_done: 0,
            objects_total: 10,
            bytes_done: Bytes(done),
            bytes_total: Bytes(1_000),
        }
    }

    #[test]
    fn every_stage_ends_where_the_next_begins_and_an_end_has_no_length() {
        let events = [
            event(0, JobStatus::Queued, 1),
            event(5, JobStatus::Copying, 1),
            event(20, JobStatus::Failed, 1),
            event(90, JobStatus::Queued, 2),
            event(91, JobStatus::Copying, 2),
        ];
        let told: Vec<_> = spans(&events)
            .into_iter()
            .map(|s| {
                (
                    s.status,
                    s.attempt,
                    s.from.unix_secs(),
                    s.to.map(Timestamp::unix_secs),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (JobStatus::Queued, 1, 0, Some(5)),
                (JobStatus::Copying, 1, 5, Some(20)),
                (JobStatus::Queued, 2, 90, Some(91)),
                (JobStatus::Copying, 2, 91, None),
            ]
        );
    }

    #[test]
    fn rates_stay_within_a_stage_and_never_go_back() {
        let samples = [
            sample(0, JobStatus::Copying, 0),
            sample(2, JobStatus::Copying, 400),
            sample(4, JobStatus::Copying, 100),
            sample(5, JobStatus::Verifying, 200),
            sample(6, JobStatus::Verifying, 300),
        ];
        let told: Vec<_> = rates(&samples)
            .iter()
            .map(|r| (r.stage, r.bytes_per_sec))
            .collect();
        assert_eq!(told, [(JobStatus::Copying, 200), (JobStatus::Verifying, 100)]);
    }

    #[test]
    fn what_is_left_is_a_range_between_rates_that_were_seen() {
        let samples = [
            sample(0, JobStatus::Copying, 0),
            sample(1, JobStatus::Copying, 100),
            sample(2, JobStatus::Copying, 150),
        ];
        let now = Progress {
            bytes_done: Bytes(150),
            bytes_total: Bytes(1_000),
            ..Progress::default()
        };
        let left = |samples: &[Sample], status| time_left(samples, status, 1, &now);
        assert_eq!(left(&samples, JobStatus::Copying), Some((9, 17)));
        assert_eq!(
            left(&samples[..2], JobStatus::Copying),
            None,
            "one rate is no range"
        );
        assert_eq!(
            left(&samples, JobStatus::Verifying),
            None,
            "another stage has other rates"
        );
        let over = Progress {
            bytes_done: Bytes(2_000),
            ..now
        };
        assert_eq!(time_left(&samples, JobStatus::Copying, 1, &over), Some((0, 0)));
    }

    #[test]
    fn a_replay_shows_the_stage_and_the_last_sample_of_it_that_were_there() {
        let events = [
            event(0, JobStatus::Queued, 1),
            event(1, JobStatus::Copying, 1),
            event(9, JobStatus::Verifying, 1),
        ];
        let samples = [
            sample(2, JobStatus::Copying, 10),
            sample(4, JobStatus::Copying, 60),
        ];
        let stood = |secs| at(&events, &samples, Timestamp::from_unix_secs(secs));
        assert_eq!(stood(-1), None);
        let early = stood(1).unwrap();
        assert_eq!((early.status, early.sample), (JobStatus::Copying, None));
        assert_eq!(stood(3).unwrap().sample.unwrap().bytes_done, Bytes(10));
        let later = stood(9).unwrap();
        assert_eq!((later.status, later.sample), (JobStatus::Verifying, None));
    }
}

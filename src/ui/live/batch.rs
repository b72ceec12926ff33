//! What arrived between two frames: many messages become one change of the page.
//!
//! Invariant: bounded whatever arrives, since a hidden tab draws no frames: the last message of each job.

use crate::domain::event::{DomainEvent, JobStatusEvent, LiveMessage};
use crate::domain::id::{DatasetId, JobId};
use std::collections::{BTreeSet, HashMap};

/// Jobs that can wait for one frame; past that the page asks the server instead.
const JOBS_MAX: usize = 5_000;

/// Datasets that can wait for one frame; past that the page asks the server instead.
const TOUCHED_MAX: usize = 1_000;

/// Changes that wait for the next frame.
#[derive(Default)]
pub struct Batch {
    /// The last of each job.
    pub jobs: HashMap<JobId, JobStatusEvent>,
    /// Stages that changed.
    pub stages: u64,
    /// Recommendations that changed.
    pub advice: u64,
    /// Accesses counted.
    pub accesses: i64,
    /// Datasets that were accessed or advised on; bounded by `TOUCHED_MAX`.
    pub touched: BTreeSet<DatasetId>,
    /// Something was missed: what pages have fetched may be old.
    pub afresh: bool,
    /// Unix seconds of the last message.
    pub heard_at: Option<i64>,
}

/// Where a client is in the log: the log's name and the last event it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The log's name.
    pub log: String,
    /// The last event; `None` before the first snapshot.
    pub seq: Option<i64>,
}

impl Batch {
    /// Takes a message in and moves the place in the log on.
    pub fn take(&mut self, message: LiveMessage, place: &mut Place) {
        match message {
            LiveMessage::Snapshot { seq, items, log, .. } => {
                // The page knew where it stood and was given a snapshot all the same: there is a gap between.
                self.afresh |= place.seq.is_some_and(|at| at != seq);
                *place = Place { log, seq: Some(seq) };
                for item in items {
                    if let DomainEvent::JobStatus(job) = item {
                        self.job(job);
                    }
                }
            }
            LiveMessage::JobStatus(job) => {
                if place.seq.is_none_or(|at| job.seq > at) {
                    place.seq = Some(job.seq);
                    self.stages += 1;
                }
                self.job(job);
            }
            LiveMessage::AccessEvent(access) => {
                place.seq = place.seq.max(Some(access.seq));
                self.accesses += access.count;
                self.touch(access.dataset_id);
            }
            LiveMessage::Recommendation(advice) => {
                place.seq = place.seq.max(Some(advice.seq));
                self.advice += 1;
                self.touch(Some(advice.dataset_id));
            }
            LiveMessage::Resync { .. } => self.afresh = true,
            LiveMessage::Pong | LiveMessage::Error { .. } | LiveMessage::Done { .. } => {}
        }
    }

    fn touch(&mut self, dataset: Option<DatasetId>) {
        match dataset {
            Some(id) if self.touched.len() < TOUCHED_MAX => {
                self.touched.insert(id);
            }
            // A merged event does not say which datasets it is about.
            _ => self.afresh = true,
        }
    }

    fn job(&mut self, job: JobStatusEvent) {
        // A page of its dataset shows how far it is. Where there are too many, their stages are told anyway.
        if self.touched.len() < TOUCHED_MAX {
            self.touched.insert(job.dataset_id);
        }
        if self.jobs.len() >= JOBS_MAX && !self.jobs.contains_key(&job.job_id) {
            self.jobs.clear();
            self.afresh = true;
        }
        self.jobs.insert(job.job_id, job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Stream;
    use crate::domain::migration::{JobStatus, Progress};
    use crate::domain::unit::Bytes;

    fn job(seq: i64, id: i64, done: u64) -> JobStatusEvent {
        JobStatusEvent {
            seq,
            job_id: JobId(id),
            dataset_id: DatasetId(1),
            dataset_name: "d".into(),
            status: JobStatus::Copying,
            progress: Progress {
                bytes_done: Bytes(done),
                ..Progress::default()
            },
            reason: None,
            updated_at: 0,
        }
    }

    #[test]
    fn a_thousand_messages_of_a_job_are_one_change() {
        let (mut batch, mut place) = (Batch::default(), Place::default());
        for done in 0..1_000 {
            batch.take(LiveMessage::JobStatus(job(7, 1, done)), &mut place);
        }
        assert_eq!(batch.jobs.len(), 1);
        assert_eq!(batch.jobs[&JobId(1)].progress.bytes_done, Bytes(999));
        assert_eq!(batch.stages, 1, "progress is no stage");
        assert_eq!(place.seq, Some(7));
    }

    #[test]
    fn a_second_snapshot_stands_for_a_gap() {
        let (mut batch, mut place) = (Batch::default(), Place::default());
        let snapshot = |seq| LiveMessage::Snapshot {
            stream: Stream::All,
            seq,
            items: vec![],
            log: "a".into(),
        };
        batch.take(snapshot(3), &mut place);
        assert!(!batch.afresh);
        batch.take(snapshot(9), &mut place);
        assert!(batch.afresh);
        assert_eq!(
            place,
            Place {
                log: "a".into(),
                seq: Some(9)
            }
        );
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut batch, mut place) = (Batch::default(), Place::default());
        for id in 0..20_000 {
            batch.take(LiveMessage::JobStatus(job(id + 1, id, 0)), &mut place);
        }
        assert!(batch.jobs.len() <= JOBS_MAX);
        assert!(batch.afresh);
    }
}

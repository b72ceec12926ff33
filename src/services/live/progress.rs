//! Progress between stages: the latest figure of each job, sent at most four times a second.
//!
//! Invariant: progress never contradicts the log. It is kept only while the job's last logged stage is the stage it speaks of, so a
//! late figure of `copying` never follows `completed`.

use crate::domain::event::JobStatusEvent;
use crate::domain::id::JobId;
use crate::domain::migration::JobStatus;
use std::collections::HashMap;
use std::time::Duration;

/// How often merged progress is sent: at most four times in any second.
pub const FLUSH_EVERY: Duration = Duration::from_millis(260);
/// Jobs that are remembered before ended ones are forgotten.
const REMEMBERED: usize = 4096;

/// What is known of the jobs that move.
#[derive(Debug, Default)]
pub(super) struct Progresses {
    jobs: HashMap<JobId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last logged stage, when one was seen since the process started.
    logged: Option<JobStatus>,
    /// The latest figure of that stage.
    latest: Option<JobStatusEvent>,
    /// Whether `latest` waits to be sent.
    waiting: bool,
    /// Whether a mover of this process speaks of the stage.
    own: bool,
}

impl Progresses {
    /// Takes a figure; the latest one wins.
    pub(super) fn offer(&mut self, event: JobStatusEvent) {
        let known = self.jobs.entry(event.job_id).or_default();
        if event.status.is_end() || known.logged.is_some_and(|stage| stage != event.status) {
            return;
        }
        known.latest = Some(event);
        known.waiting = true;
        known.own = true;
    }

    /// Takes a figure that another process stored, unless this one has its own, or it is no news.
    pub(super) fn offer_stored(&mut self, event: JobStatusEvent) {
        let known = self.jobs.entry(event.job_id).or_default();
        let old = known
            .latest
            .as_ref()
            .is_some_and(|l| l.progress == event.progress);
        if known.own || old || known.logged.is_some_and(|stage| stage != event.status) {
            return;
        }
        known.latest = Some(event);
        known.waiting = true;
    }

    /// Takes note of a logged stage: figures of another stage are void, and so are those from before it.
    pub(super) fn logged(&mut self, event: &JobStatusEvent) {
        let known = self.jobs.entry(event.job_id).or_default();
        let same = known.logged == Some(event.status);
        let fits = known.latest.as_ref().is_some_and(|p| p.status == event.status);
        known.logged = Some(event.status);
        known.own &= fits && !same;
        // A figure may overtake the commit of its own stage; one of an earlier run of the same stage may not survive.
        if !fits || same {
            known.latest = None;
            known.waiting = false;
        }
        if self.jobs.len() > REMEMBERED {
            self.jobs
                .retain(|_, k| !k.logged.is_some_and(JobStatus::is_end) || k.waiting);
        }
    }

    /// The figures to send now, numbered with the last logged event.
    pub(super) fn take(&mut self, seq: i64) -> Vec<JobStatusEvent> {
        let mut out = Vec::new();
        for known in self.jobs.values_mut().filter(|k| k.waiting) {
            known.waiting = false;
            if let Some(event) = &mut known.latest {
                event.seq = seq;
                out.push(event.clone());
            }
        }
        out.sort_by_key(|e| e.job_id);
        out
    }

    /// Puts the latest figure over a logged state of the same stage.
    pub(super) fn overlay(&self, job: &mut JobStatusEvent) {
        let latest = self.jobs.get(&job.job_id).and_then(|k| k.latest.as_ref());
        if let Some(latest) = latest.filter(|p| p.status == job.status) {
            job.progress = latest.progress;
            job.updated_at = job.updated_at.max(latest.updated_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::DatasetId;
    use crate::domain::migration::Progress;

    fn event(status: JobStatus, done: i64) -> JobStatusEvent {
        JobStatusEvent {
            seq: 0,
            job_id: JobId(1),
            dataset_id: DatasetId(1),
            dataset_name: "d".into(),
            status,
            progress: Progress {
                objects_done: done,
                ..Progress::default()
            },
            reason: None,
            updated_at: done,
        }
    }

    #[test]
    fn what_another_process_stored_gives_way_to_what_this_one_knows() {
        let mut progress = Progresses::default();
        progress.offer_stored(event(JobStatus::Copying, 1));
        progress.offer_stored(event(JobStatus::Copying, 1));
        assert_eq!(progress.take(5).len(), 1);
        progress.offer_stored(event(JobStatus::Copying, 1));
        assert!(progress.take(5).is_empty(), "no news");
        progress.offer(event(JobStatus::Copying, 9));
        progress.offer_stored(event(JobStatus::Copying, 3));
        assert_eq!(progress.take(5)[0].progress.objects_done, 9);
        // Another mover took the job: the stage begins anew, elsewhere.
        progress.logged(&event(JobStatus::Copying, 0));
        progress.logged(&event(JobStatus::Verifying, 0));
        progress.offer_stored(event(JobStatus::Verifying, 2));
        assert_eq!(progress.take(6)[0].progress.objects_done, 2);
        progress.offer_stored(event(JobStatus::Copying, 7));
        assert!(progress.take(6).is_empty(), "a stage that is over");
    }

    #[test]
    fn many_figures_become_the_latest_one() {
        let mut progress = Progresses::default();
        for done in 0..1000 {
            progress.offer(event(JobStatus::Copying, done));
        }
        let sent = progress.take(7);
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].seq, sent[0].progress.objects_done), (7, 999));
        assert!(progress.take(7).is_empty(), "nothing new, nothing sent");
    }

    #[test]
    fn a_late_figure_never_follows_the_next_stage() {
        let mut progress = Progresses::default();
        progress.logged(&event(JobStatus::Copying, 0));
        progress.offer(event(JobStatus::Copying, 5));
        progress.logged(&event(JobStatus::Completed, 9));
        assert!(progress.take(1).is_empty(), "waiting figure is void");
        progress.offer(event(JobStatus::Copying, 6));
        assert!(progress.take(1).is_empty(), "late figure is void");
    }

    #[test]
    fn a_figure_may_overtake_the_commit_of_its_own_stage() {
        let mut progress = Progresses::default();
        progress.offer(event(JobStatus::Copying, 5));
        progress.logged(&event(JobStatus::Copying, 0));
        assert_eq!(progress.take(1).len(), 1);
        let mut shown = event(JobStatus::Copying, 0);
        progress.overlay(&mut shown);
        assert_eq!(shown.progress.objects_done, 5);
        progress.logged(&event(JobStatus::Copying, 0));
        let mut again = event(JobStatus::Copying, 0);
        progress.overlay(&mut again);
        assert_eq!(
            again.progress.objects_done, 0,
            "a second run of the stage starts over"
        );
    }

    #[test]
    fn ended_jobs_are_forgotten() {
        let mut progress = Progresses::default();
        for id in 0..10_000 {
            let mut ended = event(JobStatus::Completed, 0);
            ended.job_id = JobId(id);
            progress.logged(&ended);
        }
        assert!(progress.jobs.len() <= REMEMBERED + 1);
    }
}

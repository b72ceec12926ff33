//! The relay: tells a broker what the event log says of jobs, in order, so that other programs and other nodes hear of it.
//!
//! Invariant: the log is the outbox. One process at a time tells it, by a lease with a fence; how far it was told stands in the
//! database and moves only after the broker has the messages. So nothing is left out, and what was told when a relay broke off is told
//! again: each message has the log's name and number as its id. While the broker is away the events wait in the log.
//!
//! Knows no broker: the port `Streams` is one.

use super::trace::Origins;
use super::{Deps, ServiceResult};
use crate::adapters::sql::{events, streams};
use crate::domain::event::{DomainEvent, JobStatusEvent, Stream};
use crate::domain::migration::JobStatus;
use crate::domain::trace::TraceParent;
use crate::domain::unit::Timestamp;
use crate::ports::Streams;
use crate::ports::streams::{Feed, Message};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Events that are told at once, and so the most that wait in memory.
const PAGE: i64 = 500;
/// How long a commit of another process, or one whose wake-up was lost, may wait.
const TICK: Duration = Duration::from_secs(1);
/// How long a relay waits after the broker or the database refused something.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the log to a broker.
pub struct Relay {
    deps: Deps,
    streams: Arc<dyn Streams>,
    name: String,
    owner: String,
}

/// The relay while this process holds it.
struct Held {
    seq: i64,
    fence: i64,
    renewed_at: Timestamp,
}

impl Relay {
    /// Over these parts; `None` without a broker.
    #[must_use]
    pub fn new(deps: &Deps) -> Option<Self> {
        let streams = deps.streams.clone()?;
        Some(Self {
            name: name(&*streams),
            deps: deps.clone(),
            streams,
            owner: format!("{}-{:08x}", std::process::id(), rand::random::<u32>()),
        })
    }

    /// Until `stop` resolves; then another process may go on at once.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut commits = self.deps.store.commits();
        let mut stop = std::pin::pin!(stop);
        let mut held = None;
        loop {
            let work = async {
                match self.step(&mut held).await {
                    // More may wait.
                    Ok(true) => {}
                    Ok(false) => {
                        tokio::select! {
                            Ok(()) = commits.changed() => {}
                            () = tokio::time::sleep(TICK) => {}
                        }
                    }
                    Err(problem) => {
                        tracing::warn!(%problem, "the event log cannot be told to {}; trying again", self.streams.name());
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = work => {}
            }
        }
        if let Some(held) = held
            && let Err(problem) = self.release(&held).await
        {
            tracing::debug!(%problem, "the relay is not given back; its lease decides");
        }
    }

    /// One look: takes the relay, or tells a page. Whether there may be more at once.
    async fn step(&self, held: &mut Option<Held>) -> ServiceResult<bool> {
        let Some(mine) = held else {
            *held = self.take().await?;
            return Ok(held.is_some());
        };
        let (bounds, page) = events::page(&self.deps.store, mine.seq, Stream::Jobs, PAGE).await?;
        if !bounds.reaches(mine.seq) {
            // Older events are deleted after a fixed number; a broker that was away for longer does not hear of them.
            let missed = (bounds.trimmed - mine.seq).max(0);
            tracing::warn!(
                missed,
                "events were deleted before {} was told of them",
                self.streams.name()
            );
            self.deps.meter.relay_missed(missed);
            mine.seq = bounds.trimmed.min(bounds.last);
            return self.keep(held).await.map(|()| true);
        }
        if page.is_empty() {
            if self.is_due(mine) {
                mine.seq = bounds.last;
                self.keep(held).await?;
            }
            return Ok(false);
        }
        let full = i64::try_from(page.len()).is_ok_and(|n| n == PAGE);
        let last = page.last().map_or(mine.seq, DomainEvent::seq);
        let origins = self.origins(&bounds.log, &page).await?;
        let messages: Vec<_> = page
            .iter()
            .flat_map(|event| messages(&bounds.log, event, &origins))
            .collect();
        let count = messages.len();
        self.tell(messages, held).await?;
        if let Some(mine) = held {
            mine.seq = last;
            self.keep(held).await?;
            self.deps.meter.relayed(count);
        }
        Ok(full && held.is_some())
    }

    /// The requests that the jobs of a page came of.
    async fn origins(&self, log: &str, page: &[DomainEvent]) -> ServiceResult<Origins> {
        let jobs: BTreeSet<_> = page
            .iter()
            .filter_map(|event| match event {
                DomainEvent::JobStatus(job) => Some(job.job_id),
                _ => None,
            })
            .collect();
        let jobs: Vec<_> = jobs.into_iter().collect();
        let mut conn = self.deps.store.reader().await?;
        Ok(Origins::load(&mut conn, log, &jobs).await?)
    }

    /// Sends messages and holds on to the relay meanwhile, however long that takes. Another one may have taken it afterwards.
    async fn tell(&self, messages: Vec<Message>, held: &mut Option<Held>) -> ServiceResult<()> {
        let mut sent = std::pin::pin!(self.streams.publish(messages));
        loop {
            tokio::select! {
                sent = &mut sent => {
                    return sent.map_err(|problem| super::ServiceError::unavailable(problem.to_string()));
                }
                () = tokio::time::sleep(TICK) => {
                    if held.as_ref().is_some_and(|mine| self.is_due(mine)) {
                        self.keep(held).await?;
                    }
                    if held.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn take(&self) -> ServiceResult<Option<Held>> {
        let now = self.deps.clock.now();
        let known = {
            let mut conn = self.deps.store.reader().await?;
            streams::relay(&mut conn, &self.name).await?
        };
        let free = known
            .as_ref()
            .is_none_or(|row| row.owner.is_empty() || row.lease_until < now);
        if !free {
            return Ok(None);
        }
        // Whatever was logged before there was a broker is history, which `/api/v1/events` has.
        let last = events::bounds(&self.deps.store).await?.last;
        let mut tx = self.deps.store.write().await?;
        let taken =
            streams::take_relay(&mut tx, &self.name, &self.owner, last, now, self.lease_until(now)).await?;
        tx.commit().await?;
        Ok(taken.map(|row| Held {
            seq: row.seq,
            fence: row.fence,
            renewed_at: now,
        }))
    }

    /// Stores the position and extends the lease, or learns that somebody else took over.
    async fn keep(&self, held: &mut Option<Held>) -> ServiceResult<()> {
        let Some(mine) = held else { return Ok(()) };
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        let kept =
            streams::move_relay(&mut tx, &self.name, mine.fence, mine.seq, self.lease_until(now)).await?;
        tx.commit().await?;
        mine.renewed_at = now;
        if !kept {
            tracing::info!(
                "another process tells the event log to {} now",
                self.streams.name()
            );
            *held = None;
        }
        Ok(())
    }

    async fn release(&self, held: &Held) -> ServiceResult<()> {
        let mut tx = self.deps.store.write().await?;
        streams::release_relay(&mut tx, &self.name, held.fence).await?;
        Ok(tx.commit().await?)
    }

    fn lease_until(&self, now: Timestamp) -> Timestamp {
        now.plus_micros(self.lease_secs() * Timestamp::SECOND)
    }

    fn is_due(&self, held: &Held) -> bool {
        self.deps.clock.now().since(held.renewed_at) > self.lease_secs() * Timestamp::SECOND / 3
    }

    fn lease_secs(&self) -> i64 {
        match self.deps.options.lease_secs {
            0 => 30,
            secs => secs,
        }
    }
}

/// What the relay of a broker is called in the database.
fn name(streams: &dyn Streams) -> String {
    format!("kafka:{}", streams.prefix())
}

/// What waits to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Events of jobs.
    pub events: i64,
    /// How long the oldest of them has waited, in seconds.
    pub oldest_secs: i64,
}

/// Looks at what waits; nothing without a broker.
///
/// # Errors
/// Database faults.
pub async fn waiting(deps: &Deps) -> ServiceResult<Waiting> {
    let Some(broker) = &deps.streams else {
        return Ok(Waiting::default());
    };
    let mut conn = deps.store.reader().await?;
    let Some(row) = streams::relay(&mut conn, &name(&**broker)).await? else {
        return Ok(Waiting::default());
    };
    let (events, oldest) = streams::waiting(&mut conn, row.seq).await?;
    let now = deps.clock.now().unix_secs();
    Ok(Waiting {
        events,
        oldest_secs: oldest.map_or(0, |at| (now - at).max(0)),
    })
}

/// What the topics are told of an event: every stage of a job, and jobs that wait for a mover once more for the movers.
fn messages(log: &str, event: &DomainEvent, origins: &Origins) -> Vec<Message> {
    let DomainEvent::JobStatus(job) = event else {
        return Vec::new();
    };
    let Ok(value) = serde_json::to_vec(event) else {
        return Vec::new();
    };
    let message = |feed, kind| Message {
        feed,
        key: job.job_id.to_string(),
        headers: headers(log, job, kind, origins.of(job.job_id)),
        value: value.clone(),
    };
    let mut all = Vec::with_capacity(2);
    if job.status == JobStatus::Queued {
        all.push(message(Feed::MigrationJobs, "dim.migration.job"));
    }
    all.push(message(Feed::MigrationStatus, "dim.migration.status"));
    all
}

/// CloudEvents attributes in their binary form, and the trace of the request that the job came of.
fn headers(
    log: &str,
    job: &JobStatusEvent,
    kind: &str,
    origin: Option<TraceParent>,
) -> Vec<(String, String)> {
    let at = Timestamp::from_unix_secs(job.updated_at);
    let attributes = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{log}-{}", job.seq)),
        ("ce_source", format!("/dim/{log}")),
        ("ce_type", kind.to_owned()),
        ("ce_subject", format!("jobs/{}", job.job_id)),
        ("ce_time", at.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    let trace = origin.map(|origin| ("traceparent", origin.to_string()));
    attributes
        .into_iter()
        .chain(trace)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DatasetId, JobId};
    use crate::domain::migration::Progress;

    fn event(status: JobStatus, seq: i64) -> DomainEvent {
        DomainEvent::JobStatus(JobStatusEvent {
            seq,
            job_id: JobId(4),
            dataset_id: DatasetId(1),
            dataset_name: "d".into(),
            status,
            progress: Progress::default(),
            reason: None,
            updated_at: 1_700_000_000,
        })
    }

    fn header<'a>(message: &'a Message, name: &str) -> &'a str {
        &message.headers.iter().find(|(n, _)| n == name).unwrap().1
    }

    #[test]
    fn a_queued_job_is_told_to_movers_too_and_each_message_names_itself() {
        let origins = Origins::default();
        let queued = messages("l", &event(JobStatus::Queued, 9), &origins);
        let feeds: Vec<_> = queued.iter().map(|m| m.feed).collect();
        assert_eq!(feeds, [Feed::MigrationJobs, Feed::MigrationStatus]);
        let copying = messages("l", &event(JobStatus::Copying, 10), &origins);
        assert_eq!((copying.len(), copying[0].feed), (1, Feed::MigrationStatus));
        for message in queued.iter().chain(&copying) {
            assert_eq!(message.key, "4");
            assert_eq!(header(message, "ce_specversion"), "1.0");
            assert_eq!(header(message, "ce_source"), "/dim/l");
            assert_eq!(header(message, "ce_time"), "2023-11-14T22:13:20Z");
            let value: serde_json::Value = serde_json::from_slice(&message.value).unwrap();
            assert_eq!(
                (&value["type"], &value["job_id"]),
                (&"job_status".into(), &"4".into())
            );
        }
        assert_eq!(header(&copying[0], "ce_id"), "l-10");
        // One trace for the job.
        let trace = header(&queued[0], "traceparent");
        assert!(trace.parse::<TraceParent>().is_ok(), "{trace}");
        assert_eq!(trace, header(&copying[0], "traceparent"));
    }
}

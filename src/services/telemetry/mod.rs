//! Access events: taken in batches, counted once, summed by hour.
//!
//! Invariant: a report is given only after the commit of what it says, and an event whose identity was counted before, in whatever
//! batch, is not counted again. Raw rows, identities, sums by hour and the event log change in one transaction. Next: `queue.rs`
//! (concurrent batches share a transaction), `group.rs` (what is done in it), `stream.rs` (messages of a broker).
//!
//! # Writes and sizes
//!
//! An access event never changes a dataset's size. A write says how many bytes were written; it cannot say how many of them took
//! the place of others, or whether they are still there. The size in the catalog is what its owner stated or what a scan or a move
//! found on the real store. In a history *file* a `PUT` means more: the dataset is this large now, it "sets or grows" it. That rule
//! belongs to the readers of such files, which know the whole of it: the backtest, and the demo when it registers the datasets of a
//! history with the size that its objects file and its `PUT`s lead to. `dim access import` counts a file's `PUT`s as writes to
//! datasets that are in the catalog already, with the size that they have there.

mod group;
mod queue;
mod stream;

use super::{Deps, ServiceError, ServiceResult};
use crate::adapters::sql::rollups;
use crate::domain::access::{AccessBucket, AccessEvent, IngestReport, Refusal};
use crate::domain::id::DatasetId;
use crate::domain::unit::Timestamp;
use queue::{Batch, Queue};
use std::sync::Arc;

/// Events of one batch. A thousand make a good one; more than this is a file, which comes in parts.
pub const BATCH_MAX: usize = 50_000;
/// Events of a history in one transaction: about a tenth of a second of writing.
const LOAD_AT_ONCE: usize = 10_000;
/// Hours or days in one answer: more than a year of hours, or 27 years of days.
const BUCKETS_MAX: i64 = 10_000;

/// Use cases on access events. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    deps: Deps,
    queue: Arc<Queue>,
}

impl Telemetry {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            queue: Arc::new(Queue::new(deps)),
        }
    }

    /// Counts a batch: (line number from 1, event or why it could not be read). Returns after the commit.
    ///
    /// A caller that goes away while it waits leaves the batch in the queue: it is counted, only nobody hears of it. Sent again, with
    /// identities, it is all duplicates.
    ///
    /// # Errors
    /// `Invalid` for a batch that is too large, `Unavailable` when too many events wait or the database cannot take them; nothing
    /// of the batch is counted then. Refused lines are in the report.
    pub async fn ingest(
        &self,
        events: Vec<(i64, Result<AccessEvent, String>)>,
    ) -> ServiceResult<IngestReport> {
        if events.len() > BATCH_MAX {
            return Err(ServiceError::invalid(
                "too_many_events",
                format!(
                    "{} events in one batch; at most {BATCH_MAX} are taken at once. Nothing was counted: send them in parts",
                    events.len()
                ),
            ));
        }
        self.count(events, false).await
    }

    /// Counts a whole history, which may be as long as it likes, in few transactions; events are numbered from 1.
    ///
    /// The same as [`Self::ingest`] in every respect but one: in the event log it is a line a transaction, not one a dataset, however
    /// few datasets it has. Nobody watches the past happen.
    ///
    /// # Errors
    /// Those of [`Self::ingest`]. What was counted before the error stays counted: with identities, load the same again.
    pub async fn load(
        &self,
        history: impl IntoIterator<Item = AccessEvent, IntoIter: Send> + Send,
    ) -> ServiceResult<IngestReport> {
        let mut events = (1..).zip(history.into_iter().map(Ok));
        let mut whole = IngestReport::default();
        loop {
            let part: Vec<_> = events.by_ref().take(LOAD_AT_ONCE).collect();
            if part.is_empty() {
                return Ok(whole);
            }
            let report = self.count(part, true).await?;
            whole.received += report.received;
            whole.accepted += report.accepted;
            whole.duplicates += report.duplicates;
            whole.rejected += report.rejected;
            let room = IngestReport::LISTED - whole.errors.len();
            whole.errors.extend(report.errors.into_iter().take(room));
        }
    }

    async fn count(
        &self,
        events: Vec<(i64, Result<AccessEvent, String>)>,
        past: bool,
    ) -> ServiceResult<IngestReport> {
        let now = self.deps.clock.now();
        let mut report = IngestReport {
            received: i64::try_from(events.len()).unwrap_or(i64::MAX),
            ..IngestReport::default()
        };
        let mut good = Vec::with_capacity(events.len());
        for (line, event) in events {
            let checked = event
                .map_err(|reason| Refusal::unreadable(&reason))
                .and_then(|event| event.check(now).map(|()| event));
            match checked {
                Ok(event) => good.push((line, event)),
                Err(refusal) => report.refuse(line, refusal),
            }
        }
        if !good.is_empty() {
            let batch = Batch {
                events: good,
                report,
                past,
            };
            report = self.queue.count(batch).await?;
            report.errors.sort_by_key(|error| error.line);
        }
        self.deps
            .meter
            .ingested(report.accepted, report.duplicates, report.rejected);
        Ok(report)
    }

    /// Accesses of a dataset since an instant (30 days ago when none is named), by hour or by UTC day, oldest first; spans without
    /// any are left out.
    ///
    /// # Errors
    /// `Invalid` for a span of more than 10,000 hours or days; database faults.
    pub async fn history(
        &self,
        dataset: DatasetId,
        since: Option<Timestamp>,
        per_day: bool,
    ) -> ServiceResult<Vec<AccessBucket>> {
        let (span, word) = if per_day {
            (Timestamp::DAY, "days")
        } else {
            (Timestamp::HOUR, "hours")
        };
        let now = self.deps.clock.now();
        let since = since.unwrap_or(now.plus_micros(-30 * Timestamp::DAY));
        let asked = now.since(since) / span;
        if asked > BUCKETS_MAX {
            return Err(ServiceError::invalid(
                "span_too_long",
                format!(
                    "since {since} there are {asked} {word}; at most {BUCKETS_MAX} are answered at once. Name a later `since`, or days \
                     instead of hours"
                ),
            ));
        }
        let mut conn = self.deps.store.reader().await?;
        Ok(rollups::history(&mut conn, dataset, since, per_day).await?)
    }
}

//! The tailer: the one loop of a process that reads the log and fans out.
//!
//! Invariant: it takes no input but the log. A commit, a nudge and the tick all lead to the same look, so losing any of them only
//! costs time. Events are sent in the order of `seq`.

use super::{FLUSH_EVERY, Live, Packet};
use crate::adapters::sql::events;
use crate::domain::event::{DomainEvent, Stream};
use crate::ports::bus::Topic;
use crate::services::ServiceResult;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How long a change by another process, or after a lost wake-up, may go unseen.
const TICK: Duration = Duration::from_millis(500);
/// Events read at once.
const PAGE: i64 = 500;
/// Events that are kept: a client that was away for fewer of them goes on where it was. At about 300 bytes each, 60 MB.
const KEEP: i64 = 200_000;
/// How often moves of other processes are looked at, as often as these store how far they are.
const ELSEWHERE_EVERY: Duration = Duration::from_secs(1);
/// How often older ones are deleted.
const TRIM_EVERY: Duration = Duration::from_secs(60);

impl Live {
    /// Reads and fans out until `stop` is done; then ends every subscriber.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut commits = self.inner.store.commits();
        let mut wakeups = self.inner.bus.listen(Topic::Events);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flush = tokio::time::interval_at(Instant::now() + FLUSH_EVERY, FLUSH_EVERY);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trim = tokio::time::interval(TRIM_EVERY);
        trim.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut elsewhere = tokio::time::interval(ELSEWHERE_EVERY);
        elsewhere.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = flush.tick() => {
                    self.flush_progress();
                    continue;
                }
                _ = trim.tick() => {
                    if let Err(problem) = self.trim(KEEP).await {
                        tracing::warn!(%problem, "old events cannot be deleted; trying again in a minute");
                    }
                    continue;
                }
                _ = elsewhere.tick() => {
                    if let Err(problem) = self.look_elsewhere().await {
                        tracing::debug!(%problem, "moves of other processes cannot be looked at; trying again");
                    }
                    continue;
                }
                () = wakeups.woken() => {}
                Ok(()) = commits.changed() => {}
                _ = tick.tick() => {}
            }
            if let Err(problem) = self.tail().await {
                tracing::warn!(%problem, "the event log cannot be read; trying again at the next tick");
            }
        }
        self.close();
    }

    /// Fans out everything that was committed since the last look.
    async fn tail(&self) -> ServiceResult<()> {
        loop {
            let position = self.state().position;
            let (_, page) = events::page(&self.inner.store, position, Stream::All, PAGE).await?;
            let full = i64::try_from(page.len()).is_ok_and(|n| n == PAGE);
            self.publish(&page);
            if !full {
                return Ok(());
            }
        }
    }

    fn publish(&self, page: &[DomainEvent]) {
        let mut state = self.state();
        for event in page {
            if let DomainEvent::JobStatus(job) = event {
                state.progress.logged(job);
            }
            state.position = event.seq();
            // An error says only that nobody listens.
            let _ = self.inner.packets.send(Packet::new(event, true));
        }
    }

    fn flush_progress(&self) {
        let mut state = self.state();
        let seq = state.position;
        for event in state.progress.take(seq) {
            let _ = self
                .inner
                .packets
                .send(Packet::new(&DomainEvent::JobStatus(event), false));
        }
    }
}

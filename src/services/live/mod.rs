//! The live channel: reads committed events in order, once for the process, and fans them out to every subscriber.
//!
//! Invariant: subscribers get logged events in the order of `seq`, without a gap and without a duplicate, or are told to take a fresh
//! snapshot. Progress between stages is not logged: it is merged, may be lost, and carries the `seq` of the last logged event.
//! A lost wake-up costs one tick. Next: `subscriber.rs` (one client's position), `tailer.rs` (the loop), `progress.rs` (merging).
//!
//! Knows no socket and no protocol: `edges::ws` and `edges::sse` do.

mod elsewhere;
mod progress;
mod subscriber;
mod tailer;

pub use progress::FLUSH_EVERY;
pub use subscriber::{Outgoing, Resume, Subscriber};

pub use crate::adapters::sql::events::LogBounds;

use super::ServiceResult;
use crate::adapters::sql::{Store, events};
use crate::domain::event::{DomainEvent, JobStatusEvent, LiveMessage, Stream};
use crate::ports::bus::{Bus, Topic};
use crate::ports::clock::Clock;
use progress::Progresses;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// Packets that wait for the slowest subscriber. One that falls further behind reads the log instead.
const FAN_OUT: usize = 1024;
/// A subscriber that fell behind by more events than this gets a fresh snapshot rather than the events.
const CATCH_UP: i64 = 2048;
/// Live jobs in a snapshot.
const SNAPSHOT_LIVE: i64 = 500;
/// Jobs that ended last in a snapshot, so that a client that was away learns how its jobs ended.
const SNAPSHOT_ENDED: i64 = 50;
/// Latest events in a snapshot of another stream.
const SNAPSHOT_EVENTS: i64 = 50;

/// One message as it is fanned out: encoded once, shared by all subscribers.
#[derive(Debug)]
pub struct Packet {
    /// Number in the log; for progress, that of the last logged event.
    pub seq: i64,
    /// The stream it belongs to.
    pub stream: Stream,
    /// The event's name, as on every channel.
    pub name: &'static str,
    /// Whether it stands in the log (progress does not).
    pub logged: bool,
    /// The event in JSON, with its tag.
    pub json: String,
}

impl Packet {
    fn new(event: &DomainEvent, logged: bool) -> Arc<Self> {
        Arc::new(Self {
            seq: event.seq(),
            stream: event.stream(),
            name: event.name(),
            logged,
            json: serde_json::to_string(event).expect("an event has text keys and finite numbers"),
        })
    }
}

/// The live channel of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    bus: Arc<dyn Bus>,
    log: String,
    /// Packets are sent while `state` is held, so that every subscriber sees the same order.
    packets: broadcast::Sender<Arc<Packet>>,
    closing: watch::Sender<bool>,
    state: Mutex<State>,
}

struct State {
    /// The last event that was fanned out.
    position: i64,
    progress: Progresses,
}

impl Live {
    /// Opens the channel at the end of the log. Nothing is fanned out until [`Live::run`] runs.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn open(store: Store, bus: Arc<dyn Bus>, clock: &dyn Clock) -> ServiceResult<Self> {
        let mut tx = store.write().await?;
        let log = events::ensure_log_name(&mut tx, &format!("{:x}", clock.now().0)).await?;
        tx.commit().await?;
        let position = events::bounds(&store).await?.last;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                bus,
                log,
                packets: broadcast::Sender::new(FAN_OUT),
                closing: watch::Sender::new(false),
                state: Mutex::new(State {
                    position,
                    progress: Progresses::default(),
                }),
            }),
        })
    }

    /// Says that the log has grown. Call it after the commit; forgetting it costs one tick.
    pub fn nudge(&self) {
        self.inner.bus.nudge(Topic::Events);
    }

    /// Tells subscribers how far a job is. Merged to at most four a second for each job, never logged; `seq` and the stage's own
    /// events come from the log. Progress of a stage that the job has left is dropped.
    pub fn progress(&self, event: JobStatusEvent) {
        self.state().progress.offer(event);
    }

    /// Ends every subscriber, so that connections can be closed before the process stops.
    pub fn close(&self) {
        self.inner.closing.send_replace(true);
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.inner.packets.receiver_count()
    }

    /// How far the log reaches.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn bounds(&self) -> ServiceResult<LogBounds> {
        Ok(events::bounds(&self.inner.store).await?)
    }

    /// One page of a stream after `since`, with the bounds of the same instant. When `bounds.reaches(since)` is false, events
    /// between are gone.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn page(
        &self,
        since: i64,
        stream: Stream,
        limit: i64,
    ) -> ServiceResult<(LogBounds, Vec<DomainEvent>)> {
        Ok(events::page(&self.inner.store, since, stream, limit).await?)
    }

    /// The last `limit` events of a stream, oldest first, with the bounds of the same instant.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn latest(&self, stream: Stream, limit: i64) -> ServiceResult<(LogBounds, Vec<DomainEvent>)> {
        Ok(events::latest(&self.inner.store, stream, limit).await?)
    }

    /// The state of a stream at one instant: its `seq` is the last event that the items include.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn snapshot(&self, stream: Stream) -> ServiceResult<LiveMessage> {
        let store = &self.inner.store;
        let (bounds, mut items) = match stream {
            Stream::Jobs | Stream::All => events::latest_jobs(store, SNAPSHOT_LIVE, SNAPSHOT_ENDED).await?,
            other => events::latest(store, other, SNAPSHOT_EVENTS).await?,
        };
        let state = self.state();
        for item in &mut items {
            if let DomainEvent::JobStatus(job) = item {
                state.progress.overlay(job);
            }
        }
        drop(state);
        Ok(LiveMessage::Snapshot {
            stream,
            seq: bounds.last,
            items,
            log: bounds.log,
        })
    }

    /// Deletes all but the last `keep` events of the log. Returns how many are gone.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn trim(&self, keep: i64) -> ServiceResult<u64> {
        let bounds = self.bounds().await?;
        if bounds.last - bounds.trimmed <= keep {
            return Ok(0);
        }
        let mut tx = self.inner.store.write().await?;
        let gone = events::trim(&mut tx, keep).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// A new client, which hears of nothing until it subscribes.
    #[must_use]
    pub fn subscriber(&self, resume: Resume) -> Subscriber {
        Subscriber::new(self.clone(), resume)
    }

    /// The fan-out from now on, and the position it starts from.
    fn listen(&self) -> (broadcast::Receiver<Arc<Packet>>, watch::Receiver<bool>, i64) {
        let state = self.state();
        (
            self.inner.packets.subscribe(),
            self.inner.closing.subscribe(),
            state.position,
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid between any two statements that change it, so a panic elsewhere does not spoil it.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

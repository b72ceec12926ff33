//! The role `recommender`: keeps every dataset's recommendation up to date, in bounded batches.
//!
//! Invariant: takes no input; the same full look for what is stale serves start-up, nudge, tick and the change of day. A batch that
//! fails loses nothing: its datasets stay stale and the next pass finds them.

use super::Recommender;
use super::choice::Choice;
use super::look::Looked;
use crate::adapters::sql::recommendation_inputs::{self as inputs, Seen};
use crate::domain::id::DatasetId;
use crate::domain::unit::Timestamp;
use crate::ports::Topic;
use crate::services::ServiceResult;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Datasets of one transaction: the writer is free again after some tens of milliseconds.
const BATCH: usize = 256;
/// Access events whose datasets are looked up together.
const EVENTS: i64 = 50_000;
/// Without a nudge, this often: finds the change of day and whatever a lost nudge meant.
const TICK: Duration = Duration::from_secs(60);
/// Between two passes at least: a stream of accesses is answered with one look a second, not one an event.
const REST: Duration = Duration::from_secs(1);
/// And at least this many times what the last pass took, so that it never takes more than a twentieth of a core.
const REST_FACTOR: u32 = 20;
/// But never longer than this.
const REST_MAX: Duration = Duration::from_secs(30);
/// A pass that has not ended for so long is worth a warning.
pub(super) const LATE: i64 = 10 * 60 * Timestamp::SECOND;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Datasets that were looked at.
    pub datasets: u64,
    /// Of them, those with a new version.
    pub changed: u64,
    /// How long it took.
    pub took: Duration,
}

/// How the passes of this process go.
#[derive(Clone, Debug)]
pub struct PassStatus {
    /// When this process began.
    pub since: Timestamp,
    /// The last pass that ended well, and when.
    pub last: Option<(Timestamp, Passed)>,
    /// Why the last pass failed, when it did.
    pub failed: Option<String>,
}

impl PassStatus {
    /// Whether no pass ended well for longer than is normal.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        now.since(self.last.map_or(self.since, |(at, _)| at)) > LATE
    }
}

/// What all clones of a [`Recommender`] share.
pub(super) struct Shared {
    status: Mutex<PassStatus>,
    /// One pass at a time.
    turn: tokio::sync::Mutex<()>,
    /// One replay of the fleet's history at a time.
    pub(super) replay: tokio::sync::Mutex<()>,
    /// One replay of a single dataset at a time, beside that of the fleet, which takes longer than anybody waits for a page; and the last
    /// ones.
    pub(super) replays: tokio::sync::Mutex<super::backtest::Replays>,
    /// What the policy's last advice was made from.
    pub(super) guided: tokio::sync::Mutex<Option<super::guide::Guided>>,
}

impl Shared {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            status: Mutex::new(PassStatus {
                since: now,
                last: None,
                failed: None,
            }),
            turn: tokio::sync::Mutex::new(()),
            replay: tokio::sync::Mutex::new(()),
            replays: Default::default(),
            guided: tokio::sync::Mutex::new(None),
        }
    }
}

impl Recommender {
    /// Looks at every dataset whose accesses, size, place, prices or day have changed since its last look.
    ///
    /// # Errors
    /// Database faults; what was done until then is kept.
    pub async fn refresh(&self) -> ServiceResult<Passed> {
        let _turn = self.shared.turn.lock().await;
        let ended = self.pass().await;
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        match &ended {
            Ok(passed) => {
                status.last = Some((self.deps.clock.now(), *passed));
                status.failed = None;
            }
            Err(error) => status.failed = Some(error.to_string()),
        }
        ended
    }

    /// How the passes go.
    #[must_use]
    pub fn status(&self) -> PassStatus {
        self.shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps recommendations up to date until `stop` resolves: the role `recommender`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let mut wake = self.deps.bus.listen(Topic::Recommendations);
        // A switch or an undo changes where a dataset stands.
        let mut jobs = self.deps.bus.listen(Topic::Jobs);
        tokio::pin!(stop);
        loop {
            let began = Instant::now();
            tokio::select! {
                () = &mut stop => return,
                ended = self.refresh() => match ended {
                    Ok(passed) if passed.changed > 0 => tracing::debug!(
                        datasets = passed.datasets, changed = passed.changed, took = ?passed.took, "recommendations looked at"
                    ),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "a look at the recommendations broke off; it is made again"),
                },
            }
            let rest = (began.elapsed() * REST_FACTOR).clamp(REST, REST_MAX);
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(rest) => {}
            }
            tokio::select! {
                () = &mut stop => return,
                () = wake.woken() => {}
                () = jobs.woken() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    async fn pass(&self) -> ServiceResult<Passed> {
        let began = Instant::now();
        let mut all = Looked::default();
        let mut choice = self.choice().await?;
        if self.guide(&choice).await? {
            choice = self.choice().await?;
        }
        loop {
            let (ids, last) = {
                let mut conn = self.deps.store.reader().await?;
                inputs::accessed(&mut conn, EVENTS).await?
            };
            let Some(last) = last else { break };
            for batch in ids.chunks(BATCH) {
                self.add(&mut all, &choice, batch).await?;
            }
            let mut tx = self.deps.store.write().await?;
            inputs::set_accessed(&mut tx, last).await?;
            tx.commit().await?;
        }
        let mut after = DatasetId(0);
        loop {
            let ids = {
                let seen = Seen {
                    choice: choice.digest(),
                    day: self.deps.clock.now().day(),
                };
                let mut conn = self.deps.store.reader().await?;
                let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
                inputs::stale(&mut conn, seen, after, limit).await?
            };
            let Some(last) = ids.last() else { break };
            after = *last;
            self.add(&mut all, &choice, &ids).await?;
        }
        self.look_back(&choice).await?;
        Ok(Passed {
            datasets: all.datasets,
            changed: all.changed,
            took: began.elapsed(),
        })
    }

    async fn add(&self, all: &mut Looked, choice: &Arc<Choice>, ids: &[DatasetId]) -> ServiceResult<()> {
        let looked = self.look(choice, ids).await?;
        all.datasets += looked.datasets;
        all.changed += looked.changed;
        Ok(())
    }
}

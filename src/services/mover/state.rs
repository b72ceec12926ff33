//! What this process's mover is doing, as `/health` tells it.

use super::Mover;
use super::pace::Paces;
use super::run::RUNNING_MAX;
use crate::adapters::sql::jobs_list;
use crate::domain::overview::{HealthStatus, PartHealth};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by the clones of one [`Mover`].
#[derive(Debug, Default)]
pub(super) struct Shared {
    doing: Mutex<Doing>,
    /// Every limit, as it is in force.
    pub(super) paces: Paces,
}

/// What the loop last did.
#[derive(Clone, Debug, Default)]
pub(super) struct Doing {
    /// Its name, while it runs.
    pub(super) owner: Option<String>,
    /// Jobs that it carries.
    pub(super) running: usize,
    /// Why its last look failed, when it did.
    pub(super) problem: Option<String>,
}

impl Shared {
    pub(super) fn doing(&self) -> MutexGuard<'_, Doing> {
        // Valid between any two statements, so a panic elsewhere does not spoil it.
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mover {
    /// State of the part `mover`: who it is, what it carries and what waits.
    pub async fn health(&self) -> PartHealth {
        if !self.deps.options.roles.mover {
            return part(
                HealthStatus::Disabled,
                "this process was started without the role mover".into(),
            );
        }
        let doing = self.shared.doing().clone();
        let counts = match self.deps.store.reader().await {
            Ok(mut conn) => jobs_list::counts_by_status(&mut conn).await,
            Err(problem) => Err(problem),
        };
        let counts = match counts {
            Ok(counts) => counts,
            Err(problem) => return part(HealthStatus::Down, format!("jobs cannot be read: {problem}")),
        };
        let count = |word: &str| counts.get(word).copied().unwrap_or(0);
        let waiting = format!(
            "{} queued, {} paused, {} awaiting approval",
            count("queued"),
            count("paused"),
            count("awaiting_approval")
        );
        match (doing.owner, doing.problem) {
            (_, Some(problem)) => part(HealthStatus::Down, format!("{problem}; {waiting}")),
            (Some(owner), None) => part(
                HealthStatus::Ok,
                format!(
                    "{owner}: {} of at most {RUNNING_MAX} jobs running, {waiting}",
                    doing.running
                ),
            ),
            (None, None) => part(
                HealthStatus::Degraded,
                format!("the mover is not running; {waiting}"),
            ),
        }
    }
}

fn part(status: HealthStatus, detail: String) -> PartHealth {
    PartHealth { status, detail }
}

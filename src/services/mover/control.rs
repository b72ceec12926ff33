//! What a person does to a job: cancel, pause, resume, retry, approve, undo.

use super::Mover;
use crate::domain::id::JobId;
use crate::domain::migration::Job;
use crate::domain::migration::machine::Trigger;
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Stops it and removes what it staged. Wins until the switch commits.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when its state does not allow it.
    pub async fn cancel(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Cancel).await
    }

    /// Stops it and keeps what was copied.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when its state does not allow it.
    pub async fn pause(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Pause).await
    }

    /// Lets a paused job go on.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when its state does not allow it.
    pub async fn resume(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Resume).await
    }

    /// Tries a failed job again, from its manifest.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when its state does not allow it.
    pub async fn retry(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Retry).await
    }

    /// Lets a job that waits for a person begin.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when its state does not allow it.
    pub async fn approve(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Approve).await
    }

    /// Switches readers back to the retained source. No bytes move.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` once the grace period is over.
    pub async fn undo(&self, id: JobId) -> ServiceResult<Job> {
        self.apply(id, Trigger::Undo).await
    }

    #[expect(clippy::unused_async, reason = "signatures first")]
    async fn apply(&self, id: JobId, trigger: Trigger) -> ServiceResult<Job> {
        Err(ServiceError::not_supported(format!(
            "moves (to {} job {id})",
            trigger.as_str()
        )))
    }
}

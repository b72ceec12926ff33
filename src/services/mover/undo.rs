//! Switching back inside the grace period.

use super::Mover;
use crate::domain::id::JobId;
use crate::domain::migration::Job;
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Switches readers back to the retained source. No bytes move.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` once the grace period is over.
    #[expect(clippy::unused_async, reason = "signatures first")]
    pub async fn undo(&self, id: JobId) -> ServiceResult<Job> {
        Err(ServiceError::not_supported(format!("undo (of the job {id})")))
    }
}

//! From a plan to a job: one live job a dataset, and only while the dataset is what the plan saw.

use super::Mover;
use crate::domain::migration::{Job, Plan};
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Queues a plan whose checks all allow it; with `require_approval` the job waits for a person first.
    ///
    /// # Errors
    /// `Conflict` when a check forbids it, the dataset has changed since, or a live job holds it.
    #[expect(clippy::unused_async, reason = "signatures first")]
    pub async fn queue(&self, plan: Plan, _require_approval: bool) -> ServiceResult<Job> {
        Err(ServiceError::not_supported(format!(
            "moves (of the dataset {})",
            plan.dataset_name
        )))
    }
}

//! What a move would do, found out before anything is touched: the dry run, the page and the real run share it.

use super::Mover;
use crate::domain::migration::{PlanRequest, Planned};
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Plans a move and, unless it is a dry run or a check forbids it, queues it as a job.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a target that cannot be, `Conflict` when a live job holds the dataset or a check forbids the move.
    #[expect(clippy::unused_async, reason = "signatures first")]
    pub async fn plan(&self, request: PlanRequest) -> ServiceResult<Planned> {
        Err(ServiceError::not_supported(format!(
            "moves (of the dataset {})",
            request.dataset_id
        )))
    }
}

//! Access events: taken in batches, counted once, summed by hour.

use super::{Deps, ServiceError, ServiceResult};
use crate::domain::access::{AccessBucket, AccessEvent, IngestReport};
use crate::domain::id::DatasetId;
use crate::domain::unit::Timestamp;

/// Use cases on access events. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    #[expect(dead_code, reason = "read once the use cases stand")]
    deps: Deps,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl Telemetry {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// Counts a batch: (line number from 1, event or why it could not be read). Returns after the commit.
    ///
    /// # Errors
    /// Database faults; refused lines are in the report.
    pub async fn ingest(
        &self,
        _events: Vec<(i64, Result<AccessEvent, String>)>,
    ) -> ServiceResult<IngestReport> {
        Err(ServiceError::not_supported("access events"))
    }

    /// Accesses of a dataset since an instant, by hour or by UTC day; spans without any are left out.
    ///
    /// # Errors
    /// Database faults.
    pub async fn history(
        &self,
        _dataset: DatasetId,
        _since: Timestamp,
        _per_day: bool,
    ) -> ServiceResult<Vec<AccessBucket>> {
        Err(ServiceError::not_supported("access events"))
    }
}

//! The first page: sums over the catalog.

use super::{Deps, ServiceError, ServiceResult};
use crate::domain::overview::Overview;

/// The first page. Cheap to clone.
#[derive(Clone)]
pub struct OverviewService {
    #[expect(dead_code, reason = "read once the use cases stand")]
    deps: Deps,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl OverviewService {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// The sums as they stand.
    ///
    /// # Errors
    /// Database faults.
    pub async fn overview(&self) -> ServiceResult<Overview> {
        Err(ServiceError::not_supported("the overview"))
    }
}

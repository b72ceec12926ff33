//! Recommendations: each dataset's own history, priced at every allowed placement, and what people decided about the answer.
//!
//! Invariant: the same history, prices and present placement give the same answer; a row is written only when the answer changed,
//! with the reason. Knows no protocol and no page.

use super::{Deps, ServiceError, ServiceResult};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Page;
use crate::domain::recommendation::{Recommendation, RecommendationFilter, ReviewRequest};
use std::future::Future;

/// Use cases on recommendations. Cheap to clone.
#[derive(Clone)]
pub struct Recommender {
    deps: Deps,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl Recommender {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// A page of recommendations, the largest saving first. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for a filter or cursor that cannot be.
    pub async fn list(
        &self,
        _filter: &RecommendationFilter,
        _cursor: Option<&str>,
        _limit: u32,
    ) -> ServiceResult<Page<Recommendation>> {
        Err(ServiceError::not_supported("recommendations"))
    }

    /// The recommendation for one dataset, computed now when there is none yet or what it rests on has changed.
    ///
    /// # Errors
    /// `NotFound` for an unknown dataset.
    pub async fn get(&self, dataset: &DatasetKey) -> ServiceResult<Recommendation> {
        Err(ServiceError::not_supported(format!(
            "recommendations (for {dataset})"
        )))
    }

    /// Keeps what a person decided: accept, snooze or reject.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a snooze without a date or a rejection without a reason.
    pub async fn review(
        &self,
        dataset: &DatasetKey,
        _request: ReviewRequest,
    ) -> ServiceResult<Recommendation> {
        Err(ServiceError::not_supported(format!(
            "recommendations (for {dataset})"
        )))
    }

    /// Keeps recommendations up to date until `stop` resolves: the role `recommender`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let _parts = &self.deps;
        stop.await;
    }
}

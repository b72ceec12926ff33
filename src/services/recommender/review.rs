//! What a person decides about a proposal: accept it (which queues the move), snooze it, turn it down, or take a decision back.
//!
//! Invariant: a decision is about an answer, and holds as long as the answer stays the same; nothing is accepted that was not queued.

use super::Recommender;
use crate::adapters::sql::recommendations as rows;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Dataset;
use crate::domain::location::Provider;
use crate::domain::migration::{Job, PlanRequest};
use crate::domain::recommendation::{
    Action, PlacementRef, Recommendation, Review, ReviewRequest, ReviewStatus,
};
use crate::domain::unit::Timestamp;
use crate::services::catalog::Catalog;
use crate::services::mover::Mover;
use crate::services::{ServiceError, ServiceResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest reason in characters: a paragraph, not a document.
const REASON_MAX: usize = 500;

/// A recommendation after a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    /// As it is now.
    #[serde(flatten)]
    pub recommendation: Recommendation,
    /// The move that an acceptance queued.
    pub job: Option<Job>,
}

impl Recommender {
    /// Keeps what a person decided. Accepting queues the move that is proposed.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a snooze without a date to come or a rejection without a reason; `Conflict` when nothing is
    /// proposed; for an acceptance those of planning and queueing, and then nothing is kept.
    pub async fn review(&self, dataset: &DatasetKey, request: ReviewRequest) -> ServiceResult<Reviewed> {
        let now = self.deps.clock.now();
        let review = checked(&request, now)?;
        let found = self.get(dataset).await?;
        let mut job = None;
        if review.status != ReviewStatus::Open {
            let Some(to) = found.proposed.as_ref().filter(|_| found.action == Action::Move) else {
                return Err(ServiceError::conflict(
                    "nothing_proposed",
                    format!(
                        "no move is proposed for {}: it stays on {}; nothing was changed",
                        found.dataset_name, found.current
                    ),
                ));
            };
            if review.status == ReviewStatus::Accepted {
                job = self.queue(&found, to).await?;
            }
        }
        let mut tx = self.deps.store.write().await?;
        if !rows::set_review(&mut tx, found.dataset_id, &review).await? {
            return Err(ServiceError::not_found("dataset", dataset));
        }
        tx.commit().await?;
        Ok(Reviewed {
            recommendation: Recommendation { review, ..found },
            job,
        })
    }

    async fn queue(&self, found: &Recommendation, to: &PlacementRef) -> ServiceResult<Option<Job>> {
        let catalog = Catalog::new(&self.deps);
        let dataset = catalog.find_dataset(&DatasetKey::Id(found.dataset_id)).await?;
        let request = PlanRequest {
            dataset_id: DatasetKey::Id(dataset.id),
            target_location: self.target(&dataset, to).await?,
            storage_class: Some(to.storage_class.clone()),
            dry_run: false,
            require_approval: false,
            options: crate::domain::migration::options::MoveOptions::default(),
        };
        Ok(Mover::new(&self.deps).plan(request).await?.job)
    }

    /// The location, or an address in it where its own name would be the dataset's present place: on disks another class of the same
    /// directory needs another directory. Buckets change it where it stands.
    async fn target(&self, dataset: &Dataset, to: &PlacementRef) -> ServiceResult<String> {
        let name = to.location_name.as_str();
        let location = Catalog::new(&self.deps).get_location(name).await?.location;
        let address = |path: &str| {
            location
                .uri
                .join(path)
                .map_err(|e| ServiceError::invalid("bad_address", e.to_string()))
        };
        if location.provider != Provider::Local || address(dataset.name.as_str())? != dataset.path_uri {
            return Ok(name.to_owned());
        }
        Ok(address(&format!("{}/{}", to.storage_class, dataset.name))?.to_string())
    }
}

fn checked(request: &ReviewRequest, now: Timestamp) -> ServiceResult<Review> {
    let reason = request.reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
    if reason.is_some_and(|r| r.chars().count() > REASON_MAX) {
        return Err(ServiceError::invalid(
            "reason_too_long",
            format!("a reason has at most {REASON_MAX} characters"),
        ));
    }
    let until = match (request.status, request.until) {
        (ReviewStatus::Snoozed, Some(until)) if until > now => Some(until),
        (ReviewStatus::Snoozed, Some(until)) => {
            return Err(ServiceError::invalid(
                "until_is_past",
                format!("{until} is not in the future; a snooze ends at an instant to come"),
            ));
        }
        (ReviewStatus::Snoozed, None) => {
            return Err(ServiceError::invalid(
                "until_missing",
                "a snooze needs the instant at which it ends (until)",
            ));
        }
        _ => None,
    };
    if request.status == ReviewStatus::Rejected && reason.is_none() {
        return Err(ServiceError::invalid(
            "reason_missing",
            "a rejection needs its reason, so that the next person knows it",
        ));
    }
    let is_open = request.status == ReviewStatus::Open;
    Ok(Review {
        status: request.status,
        reason: reason.map(str::to_owned).filter(|_| !is_open),
        until,
        at: (!is_open).then_some(now),
    })
}

//! Moves that follow from others: all datasets away from a location, and the way back after the grace period.
//!
//! Invariant: both only plan and queue ordinary moves, with all their checks; what cannot be moved is named and stays where it is.

use super::Mover;
use crate::adapters::sql::jobs;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::DatasetFilter;
use crate::domain::id::JobId;
use crate::domain::migration::evacuation::{Evacuation, EvacuationRequest, Evacuee};
use crate::domain::migration::options::MoveOptions;
use crate::domain::migration::{PlanRequest, Planned};
use crate::domain::unit::{Bytes, NanoUsd};
use crate::services::catalog::Catalog;
use crate::services::{ServiceError, ServiceResult};

/// Datasets of a page.
const PAGE: u32 = 100;
/// Datasets that one call plans for.
const DATASETS_MAX: usize = 1000;

impl Mover {
    /// Plans a move for every dataset that is served from a location and, unless it is a dry run, queues those that nothing forbids.
    ///
    /// # Errors
    /// `NotFound` for either location, `Invalid` when they are the same.
    pub async fn evacuate(&self, location: &str, request: &EvacuationRequest) -> ServiceResult<Evacuation> {
        let catalog = Catalog::new(&self.deps);
        let from = catalog.get_location(location).await?.location;
        let to = catalog.get_location(&request.target_location).await?.location;
        if from.id == to.id {
            return Err(ServiceError::invalid(
                "same_location",
                format!(
                    "{} cannot be evacuated to itself; name another location",
                    from.name
                ),
            ));
        }
        let filter = DatasetFilter {
            location: Some(from.name.to_string()),
            ..DatasetFilter::default()
        };
        let mut evacuation = Evacuation {
            location: from.name.to_string(),
            target_location: to.name.to_string(),
            datasets: Vec::new(),
            one_time_nanousd: NanoUsd::ZERO,
            size_bytes: Bytes::ZERO,
            left_out: 0,
        };
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = catalog.list_datasets(&filter, cursor.as_deref(), PAGE).await?;
            found.extend(page.items.into_iter().map(|row| row.dataset));
            cursor = page.next_cursor;
            if cursor.is_none() || found.len() >= DATASETS_MAX {
                evacuation.left_out = page.total - i64::try_from(found.len()).unwrap_or(page.total);
                break;
            }
        }
        for dataset in found {
            let plan = PlanRequest {
                dataset_id: DatasetKey::Id(dataset.id),
                target_location: to.name.to_string(),
                storage_class: request.storage_class.clone(),
                dry_run: request.dry_run,
                require_approval: request.require_approval,
                options: request.options.clone(),
            };
            let mut evacuee = Evacuee {
                dataset_id: dataset.id,
                dataset_name: dataset.name.to_string(),
                size_bytes: dataset.size_bytes,
                one_time_nanousd: None,
                target_uri: None,
                job_id: None,
                problem: None,
            };
            match self.plan(plan).await {
                Ok(planned) => {
                    let plan = planned.plan;
                    evacuation.one_time_nanousd += plan.one_time_nanousd;
                    evacuation.size_bytes += plan.size_bytes;
                    evacuee.size_bytes = plan.size_bytes;
                    evacuee.one_time_nanousd = Some(plan.one_time_nanousd);
                    evacuee.problem = plan
                        .checks
                        .iter()
                        .find(|check| !check.ok)
                        .map(|check| format!("{}: {}", check.name, check.detail));
                    evacuee.target_uri = Some(plan.target_uri);
                    evacuee.job_id = planned.job.map(|job| job.id);
                }
                Err(problem @ (ServiceError::Internal(_) | ServiceError::Unavailable { .. })) => {
                    return Err(problem);
                }
                Err(problem) => evacuee.problem = Some(problem.to_string()),
            }
            evacuation.datasets.push(evacuee);
        }
        Ok(evacuation)
    }

    /// The move that takes back what a job did, once it cannot be undone any more: an ordinary one, with its price.
    ///
    /// # Errors
    /// As for [`Self::plan`]; `Conflict` while the job can be undone for nothing, or never switched.
    pub async fn plan_back(&self, id: JobId, dry_run: bool) -> ServiceResult<Planned> {
        let row = {
            let mut conn = self.deps.store.reader().await?;
            jobs::find(&mut conn, id)
                .await?
                .ok_or_else(|| ServiceError::not_found("job", id))?
        };
        let job = row.job;
        if job.actions.iter().any(|action| action == "undo") {
            return Err(ServiceError::conflict(
                "undo_instead",
                format!(
                    "the job {id} can still be undone, which moves no bytes: dim jobs undo {id}. Nothing was planned"
                ),
            ));
        }
        if row.target_replica.is_none() {
            return Err(ServiceError::conflict(
                "never_switched",
                format!(
                    "the job {id} is {}: it never switched, so there is nothing to take back",
                    job.status
                ),
            ));
        }
        self.plan(PlanRequest {
            dataset_id: DatasetKey::Id(job.dataset_id),
            target_location: job.source_uri.to_string(),
            storage_class: Some(job.source_class),
            dry_run,
            require_approval: false,
            options: MoveOptions::default(),
        })
        .await
    }
}

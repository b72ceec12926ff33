//! From a plan to a job: one live job a dataset, and only while the dataset is what the plan saw.

use super::Mover;
use crate::adapters::sql::{Conn, StoreError, datasets, jobs, jobs_change, limits, locations, traces};
use crate::domain::access::DatasetKey;
use crate::domain::id::JobId;
use crate::domain::location::{Location, StorageUri};
use crate::domain::migration::limit::LimitScope;
use crate::domain::migration::machine::JobState;
use crate::domain::migration::{Job, Plan};
use crate::domain::replica::{Replica, ReplicaRole};
use crate::ports::objects::Prefix;
use crate::services::{ServiceError, ServiceResult, trace};

impl Mover {
    /// Queues a plan whose checks all allow it; with `require_approval` the job waits for a person first.
    ///
    /// # Errors
    /// `Conflict` when a check forbids it, the dataset has changed since, a live job holds it, or another job or dataset has the
    /// target's place; `NotFound` when the dataset or a location is gone.
    pub async fn queue(&self, plan: Plan, require_approval: bool) -> ServiceResult<Job> {
        refuse_unfit(&plan)?;
        let identity = self.target_identity(&plan).await?;
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        let source_replica = seen_by_plan(&mut tx, &plan).await?;
        if let Some(live) = jobs::live_of(&mut tx, &[plan.dataset_id])
            .await?
            .remove(&plan.dataset_id)
        {
            return Err(held(&plan.dataset_name, live.job_id));
        }
        let source = location(&mut tx, plan.source_location_id.to_string()).await?;
        let target = location(&mut tx, plan.target_location_id.to_string()).await?;
        if !plan.is_in_place() {
            refuse_taken_place(&mut tx, &plan.dataset_name, &plan.target_uri, &target).await?;
        }
        if target.encryption != plan.encryption {
            return Err(ServiceError::conflict(
                "plan_stale",
                format!(
                    "how copies are encrypted at {} has changed since the move was planned; plan again. Nothing was queued",
                    target.name
                ),
            ));
        }
        let token = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
        let new = jobs::NewJob {
            plan: &plan,
            source_root: &source.uri,
            source_replica: source_replica.id,
            source_encryption: source_replica.encryption.as_ref(),
            target_root: &target.uri,
            target_identity: identity.as_deref(),
            status: JobState::new(require_approval).status,
            token: &token,
            now,
        };
        let id = match jobs::insert(&mut tx, &new).await {
            Err(StoreError::Unique(_)) => return Err(held(&plan.dataset_name, JobId(0))),
            other => other?,
        };
        if let Some(rate) = plan.options.bytes_per_sec {
            limits::set(&mut tx, LimitScope::Job(id), Some(rate), None, now).await?;
        }
        if let Some(request) = trace::present() {
            traces::remember(&mut tx, id, request).await?;
        }
        let row = jobs_change::announce(&mut tx, id, now).await?;
        tx.commit().await?;
        self.announced();
        Ok(row.job)
    }

    /// What identifies the root of the target's location now, so that the mover notices when it is another directory.
    async fn target_identity(&self, plan: &Plan) -> ServiceResult<Option<String>> {
        let root = {
            let mut conn = self.deps.store.reader().await?;
            location(&mut conn, plan.target_location_id.to_string())
                .await?
                .uri
        };
        let at = Prefix {
            root,
            path: String::new(),
            encryption: None,
        };
        self.deps.objects.identity(&at).await.map_err(|problem| {
            ServiceError::unavailable(format!(
                "the location {} cannot be looked at: {problem}; nothing was queued",
                plan.target_location_name
            ))
        })
    }
}

pub(super) fn held(dataset: &str, job: JobId) -> ServiceError {
    let which = if job.0 > 0 {
        format!("the job {job}")
    } else {
        "another job".to_owned()
    };
    ServiceError::conflict(
        "job_exists",
        format!("{which} on {dataset} has not ended; cancel it or let it end first. Nothing was changed"),
    )
}

fn refuse_unfit(plan: &Plan) -> ServiceResult<()> {
    let against: Vec<_> = plan
        .checks
        .iter()
        .filter(|c| !c.ok)
        .map(|c| format!("{}: {}", c.name, c.detail))
        .collect();
    if plan.applicable && against.is_empty() {
        return Ok(());
    }
    Err(ServiceError::conflict(
        "plan_not_applicable",
        format!(
            "the move of {} to {} is not possible now ({}); nothing was queued",
            plan.dataset_name,
            plan.target_uri,
            against.join("; ")
        ),
    ))
}

/// The serving copy, while the dataset is what the plan saw.
async fn seen_by_plan(tx: &mut Conn, plan: &Plan) -> ServiceResult<Replica> {
    let dataset = datasets::find(tx, &DatasetKey::Id(plan.dataset_id))
        .await?
        .ok_or_else(|| ServiceError::not_found("dataset", plan.dataset_id))?;
    if dataset.generation != plan.dataset_generation || dataset.path_uri != plan.source_uri {
        return Err(ServiceError::conflict(
            "plan_stale",
            format!(
                "{} has changed since it was planned (generation {}, not {}); plan again. Nothing was queued",
                dataset.name, dataset.generation, plan.dataset_generation
            ),
        ));
    }
    datasets::replicas(tx, dataset.id)
        .await?
        .into_iter()
        .find(|r| r.role == ReplicaRole::Serving)
        .ok_or_else(|| {
            ServiceError::conflict(
                "no_serving_copy",
                format!("{} has no copy that serves", dataset.name),
            )
        })
}

pub(super) async fn location(tx: &mut Conn, id: String) -> ServiceResult<Location> {
    Ok(locations::find(tx, &id)
        .await?
        .ok_or_else(|| ServiceError::not_found("location", id))?
        .location)
}

/// A place belongs to one dataset and one job at a time.
pub(super) async fn refuse_taken_place(
    tx: &mut Conn,
    dataset: &str,
    uri: &StorageUri,
    target: &Location,
) -> ServiceResult<()> {
    let prefix = match target.uri.relative(uri) {
        Some(prefix) if !prefix.is_empty() => prefix,
        _ => {
            return Err(ServiceError::invalid(
                "target_outside",
                format!(
                    "{uri} is no directory below the location {} ({})",
                    target.name, target.uri
                ),
            ));
        }
    };
    if let Some(name) = datasets::overlapping(tx, target.id, prefix).await? {
        let message = if name == dataset {
            format!(
                "{uri} overlaps a copy of {name} itself: the one that serves, or one that is kept after an earlier move"
            )
        } else {
            format!("{uri} overlaps the place of the dataset {name}")
        };
        return Err(ServiceError::conflict("target_taken", message));
    }
    for (job, other) in jobs::live_targets(tx, target.id).await? {
        if other.overlaps(uri) {
            return Err(ServiceError::conflict(
                "target_taken",
                format!("{uri} overlaps the target of the job {job}"),
            ));
        }
    }
    Ok(())
}

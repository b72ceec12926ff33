//! What a person does to a job: cancel, pause, resume, retry, approve, undo.
//!
//! Invariant: the machine decides on the row as it stands in the transaction that changes it. A mover that holds the job is only
//! told; it answers with the next change.

use super::Mover;
use super::queue::{held, location, refuse_taken_place};
use crate::adapters::sql::jobs_change::Also;
use crate::adapters::sql::{Conn, StoreError, datasets, jobs, jobs_change, jobs_objects};
use crate::domain::access::DatasetKey;
use crate::domain::id::JobId;
use crate::domain::migration::Job;
use crate::domain::migration::machine::{self, Effect, IllegalTransition, Trigger, Wanted};
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
    /// `NotFound`, `Conflict` when its state does not allow it, the dataset has moved since, or another job holds it.
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

    async fn apply(&self, id: JobId, trigger: Trigger) -> ServiceResult<Job> {
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        let row = jobs::find(&mut tx, id)
            .await?
            .ok_or_else(|| ServiceError::not_found("job", id))?;
        let step = machine::next(row.state, trigger).map_err(refused)?;
        if trigger == Trigger::Retry {
            still_at_source(&mut tx, &row.job).await?;
            if !row.job.is_in_place() {
                let target = location(&mut tx, row.job.target_location_id.to_string()).await?;
                refuse_taken_place(&mut tx, &row.job.dataset_name, &row.job.target_uri, &target).await?;
            }
        }
        let also = Also {
            reason: note(trigger, step.state.wanted),
            next_attempt: trigger == Trigger::Retry,
            ..Also::default()
        };
        let changed = match jobs_change::change(&mut tx, &row, &step.state, &also, now).await {
            Err(StoreError::Unique(_)) => return Err(held(&row.job.dataset_name, JobId(0))),
            other => other?,
        };
        if step.effects.contains(&Effect::ResetFailedObjects) {
            jobs_objects::reset_failed(&mut tx, id).await?;
        }
        tx.commit().await?;
        self.announced();
        // The row was read in the same transaction, so nobody can have been newer.
        changed
            .map(|row| row.job)
            .ok_or_else(|| ServiceError::internal(format!("the job {id} changed under its own transaction")))
    }
}

pub(super) fn refused(error: IllegalTransition) -> ServiceError {
    ServiceError::conflict("job_state", format!("{error}. Nothing was changed"))
}

fn note(trigger: Trigger, wanted: Option<Wanted>) -> Option<String> {
    match (trigger, wanted) {
        (Trigger::Cancel, Some(_)) => Some("a cancel is on its way to the mover".into()),
        (Trigger::Cancel, None) => Some("cancelled; the source serves on".into()),
        (Trigger::Pause, Some(_)) => Some("a pause is on its way to the mover".into()),
        (Trigger::Pause, None) => Some("paused before it began".into()),
        (Trigger::Retry, _) => Some("tried again; what was copied and is whole is kept".into()),
        _ => None,
    }
}

/// A retry goes on only while the dataset is served from where the job wants to take it.
async fn still_at_source(tx: &mut Conn, job: &Job) -> ServiceResult<()> {
    let dataset = datasets::find(tx, &DatasetKey::Id(job.dataset_id))
        .await?
        .ok_or_else(|| ServiceError::not_found("dataset", &job.dataset_name))?;
    if dataset.path_uri == job.source_uri && dataset.location_id == job.source_location_id {
        return Ok(());
    }
    Err(ServiceError::conflict(
        "plan_stale",
        format!(
            "{} is served from {} now, not from {}; plan a new move. Nothing was changed",
            dataset.name, dataset.path_uri, job.source_uri
        ),
    ))
}

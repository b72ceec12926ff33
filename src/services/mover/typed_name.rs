//! A person's word that a source may go: the name of its dataset, typed on a page.
//!
//! Invariant: asked for exactly where a person's click lets a job begin whose source is deleted later. Programs and the command line
//! name the job or the dataset anyway and are not asked.

use super::Mover;
use super::plan::in_place;
use crate::adapters::sql::jobs;
use crate::domain::id::JobId;
use crate::domain::migration::{Job, PlanRequest, Planned};
use crate::services::catalog::Catalog;
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Approves a job for whoever typed its dataset's name; a job that deletes nothing takes no name.
    ///
    /// # Errors
    /// Those of [`Mover::approve`]; `Invalid` when another name was typed, or none, and then nothing was changed.
    pub async fn approve_by_name(&self, id: JobId, typed: &str) -> ServiceResult<Job> {
        let row = {
            let mut conn = self.deps.store.reader().await?;
            jobs::find(&mut conn, id).await?
        };
        let row = row.ok_or_else(|| ServiceError::not_found("job", id))?;
        if row.job.deletes_source {
            // Neither the name nor what becomes of the source ever changes in a job, so this holds until the approval's transaction.
            confirm(
                &row.job.dataset_name,
                typed,
                &format!("job {id} was not approved"),
            )?;
        }
        self.approve(id).await
    }

    /// Plans and queues for whoever typed the dataset's name; no name is taken where nothing is deleted, or where the job waits for an
    /// approval, which asks for it.
    ///
    /// # Errors
    /// Those of [`Mover::plan`]; `Invalid` when another name was typed, or none, and then nothing was queued.
    pub async fn plan_by_name(&self, request: PlanRequest, typed: &str) -> ServiceResult<Planned> {
        if request.options.deletes_source() && !request.require_approval {
            let catalog = Catalog::new(&self.deps);
            let dataset = catalog.find_dataset(&request.dataset_id).await?;
            let class = request.storage_class.clone();
            let target = catalog
                .find_target(&request.target_location, &dataset, class)
                .await?;
            if !in_place::is(&dataset, &target) {
                confirm(dataset.name.as_str(), typed, "the move was not queued")?;
            }
        }
        self.plan(request).await
    }
}

fn confirm(name: &str, typed: &str, not_done: &str) -> ServiceResult<()> {
    let why = match typed.trim() {
        typed if typed == name => return Ok(()),
        "" => "no name was typed".to_owned(),
        other => format!("{other:?} was typed"),
    };
    Err(ServiceError::invalid(
        "name_not_typed",
        format!(
            "the source of this move is deleted after the grace period, so the dataset's name, {name}, has to be typed: {why}; \
             {not_done}. Nothing was changed"
        ),
    ))
}

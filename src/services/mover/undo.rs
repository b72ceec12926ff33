//! Switching back inside the grace period.
//!
//! Invariant: readers are sent back only to exactly what the manifest says of the source, and nothing that was written at the target
//! since the switch is hidden from them, as far as the target can be looked at: one that is away hinders nobody. What the job brought
//! to the target is removed afterwards, by the mover (`remove.rs`).

use super::Mover;
use super::control::refused;
use super::difference::{self, Broken};
use crate::adapters::sql::jobs::JobRow;
use crate::adapters::sql::jobs_pages::Side;
use crate::adapters::sql::jobs_switch::{self, Switch};
use crate::adapters::sql::{Conn, jobs};
use crate::domain::id::JobId;
use crate::domain::migration::machine::{self, JobState, Trigger};
use crate::domain::migration::{Job, JobStatus};
use crate::ports::bus::Topic;
use crate::ports::objects::{ObjectError, Prefix};
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Switches readers back to the retained source. No bytes move.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` once the grace period is over, when the dataset has moved on, or when source or target were written
    /// since the switch.
    pub async fn undo(&self, id: JobId) -> ServiceResult<Job> {
        let row = {
            let mut conn = self.deps.store.reader().await?;
            find(&mut conn, id).await?
        };
        may_undo(&row)?;
        self.both_unchanged(&row).await?;
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        let row = find(&mut tx, id).await?;
        let to = may_undo(&row)?;
        let source = prefix(&row.source_root, &row.job.source_uri)?;
        let undone = match jobs_switch::undo(&mut tx, &row, &to, &source.path, now).await? {
            Switch::Done(row) => row,
            Switch::DatasetMoved | Switch::JobMoved => return Err(moved_on(&row)),
        };
        tx.commit().await?;
        self.announced();
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(undone.job)
    }

    async fn both_unchanged(&self, row: &JobRow) -> ServiceResult<()> {
        if row.options.replicate {
            // Readers stay where they are, and what was written to the second copy was written to no copy of the catalog.
            return Ok(());
        }
        let source = prefix(&row.source_root, &row.job.source_uri)?.encrypted(row.source_encryption.clone());
        let target = prefix(&row.target_root, &row.job.target_uri)?.encrypted(row.target_encryption.clone());
        let id = row.job.id;
        if let Some(what) = self.differs(id, Side::Source, &source).await.map_err(told)? {
            return Err(changed(&format!(
                "the retained source at {} is not what was moved: {what}. Readers stay at the target",
                row.job.source_uri
            )));
        }
        let differs = match self.differs(id, Side::Copy, &target).await {
            // Nobody can be reading there, and this is what the source was kept for.
            Err(Broken::Place(problem @ (ObjectError::NotFound(_) | ObjectError::Io(_)))) => {
                tracing::warn!(%problem, job = %row.job.id, "undone without a look at the target, which is away");
                return Ok(());
            }
            other => other.map_err(told)?,
        };
        if let Some(what) = differs {
            return Err(changed(&format!(
                "the dataset was written since the switch: {what} at {}. An undo would hide that",
                row.job.target_uri
            )));
        }
        Ok(())
    }

    async fn differs(&self, id: JobId, side: Side, at: &Prefix) -> Result<Option<String>, Broken> {
        let walk = self.deps.objects.walk(at).await?;
        difference::first(&self.deps.store, id, side, walk).await
    }
}

fn told(broken: Broken) -> ServiceError {
    match broken {
        Broken::Store(problem) => problem.into(),
        Broken::Place(problem) => unknown(&problem),
    }
}

fn unknown(problem: &ObjectError) -> ServiceError {
    changed(&format!(
        "{problem}, so that it is not known what readers would be sent to"
    ))
}

fn changed(what: &str) -> ServiceError {
    ServiceError::conflict(
        "undo_unsafe",
        format!("{what}; nothing was changed. Plan a move back instead"),
    )
}

async fn find(conn: &mut Conn, id: JobId) -> ServiceResult<JobRow> {
    jobs::find(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("job", id))
}

fn may_undo(row: &JobRow) -> ServiceResult<JobState> {
    if row.job.is_in_place() && row.job.status == JobStatus::Completed {
        return Err(ServiceError::conflict(
            "undo_unsafe",
            format!(
                "the job {} changed the storage class in place, so that there is nothing to switch back to. Plan the way back, which \
                 has its price: dim migrate plan --dataset-id {} --target-location {} --storage-class {}. Nothing was changed",
                row.job.id, row.job.dataset_id, row.job.source_uri, row.job.source_class
            ),
        ));
    }
    let step = machine::next(row.state, Trigger::Undo).map_err(refused)?;
    // The row leaves the action out once the dataset is served from elsewhere.
    if !row.job.actions.iter().any(|a| a == Trigger::Undo.as_str()) {
        return Err(moved_on(row));
    }
    Ok(step.state)
}

fn moved_on(row: &JobRow) -> ServiceError {
    ServiceError::conflict(
        "dataset_moved",
        format!(
            "the dataset {} is not served from {} any more; undo the later move instead. Nothing was changed",
            row.job.dataset_name, row.job.target_uri
        ),
    )
}

fn prefix(
    root: &crate::domain::location::StorageUri,
    uri: &crate::domain::location::StorageUri,
) -> ServiceResult<Prefix> {
    Prefix::below(root, uri).ok_or_else(|| {
        ServiceError::conflict(
            "unsafe_path",
            format!("{uri} does not lie below its location {root}"),
        )
    })
}

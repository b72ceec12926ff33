//! Changes of a job: its state, its lease and its progress.
//!
//! Invariant: a change names the fence and the state that it was decided on and happens only while both still stand; no row
//! changed means that someone was newer, which is an answer and not an error. A changed state is announced in the same transaction.

use super::jobs::{self, JobRow};
use super::{Conn, StoreError, events};
use crate::domain::event::{DomainEvent, JobStatusEvent};
use crate::domain::id::JobId;
use crate::domain::migration::Progress;
use crate::domain::migration::machine::{JobState, Wanted};
use crate::domain::unit::Timestamp;

/// What a change of state sets besides the state.
#[derive(Clone, Debug, Default)]
pub struct Also {
    /// Why; `None` clears it.
    pub reason: Option<String>,
    /// Stable code of a failure; `None` clears it.
    pub error_code: Option<String>,
    /// Counts one more run.
    pub next_attempt: bool,
    /// Gives the lease back.
    pub release: bool,
    /// Raises the fence, so that whoever holds the job is refused from here on.
    pub raise_fence: bool,
    /// Progress of the stage it enters; `None` keeps it.
    pub progress: Option<Progress>,
    /// Until when a failed job's copied bytes wait for a retry.
    pub keep_until: Option<Timestamp>,
}

/// Changes the state of `seen` to `to` and announces it, unless someone was newer. Returns the job as it is then.
///
/// # Errors
/// `Unique` when the job comes to life again and another one holds the dataset.
pub async fn change(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    also: &Also,
    now: Timestamp,
) -> Result<Option<JobRow>, StoreError> {
    let progress = also.progress.unwrap_or(seen.job.progress);
    let idle = !to.is_running();
    let same = to.status == seen.state.status;
    let finished = to
        .status
        .is_end()
        .then_some(seen.job.finished_at.filter(|_| same).unwrap_or(now));
    let changed = sqlx::query(
        "UPDATE jobs SET status = $6, wanted = $7, rounds = $8, undo_open = $9, reason = $10, error_code = $11, \
         attempt = attempt + $12, fence = fence + $13, \
         owner = CASE WHEN $14 = 1 THEN NULL ELSE owner END, \
         lease_until = CASE WHEN $14 = 1 THEN NULL ELSE lease_until END, \
         objects_done = $15, objects_total = $16, bytes_done = $17, bytes_total = $18, bytes_per_sec = $19, \
         keep_until = $20, finished_at = $21, updated_at = $22 \
         WHERE id = $1 AND fence = $2 AND status = $3 AND wanted = $4 AND undo_open = $5",
    )
    .bind(seen.job.id.0)
    .bind(seen.job.fence)
    .bind(seen.state.status.as_str())
    .bind(seen.state.wanted.map_or("", Wanted::as_str))
    .bind(i64::from(seen.state.undo_open))
    .bind(to.status.as_str())
    .bind(to.wanted.map_or("", Wanted::as_str))
    .bind(to.rounds)
    .bind(i64::from(to.undo_open))
    .bind(also.reason.as_deref())
    .bind(also.error_code.as_deref())
    .bind(i64::from(also.next_attempt))
    .bind(i64::from(also.raise_fence))
    .bind(i64::from(also.release))
    .bind(progress.objects_done)
    .bind(progress.objects_total)
    .bind(progress.bytes_done.to_i64())
    .bind(progress.bytes_total.to_i64())
    .bind(if idle { 0 } else { progress.bytes_per_sec })
    .bind(also.keep_until.map(|t| t.0))
    .bind(finished.map(|t| t.0))
    .bind(now.0)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(None);
    }
    announce(tx, seen.job.id, now).await.map(Some)
}

/// Appends the job's present state to its stages and to the event log. Call it in the transaction of the change.
///
/// # Errors
/// The database's own; `Corrupt` when there is no such job.
pub async fn announce(tx: &mut Conn, id: JobId, now: Timestamp) -> Result<JobRow, StoreError> {
    let row = jobs::find(tx, id)
        .await?
        .ok_or_else(|| StoreError::corrupt("job", format!("{id} is gone")))?;
    let event = DomainEvent::JobStatus(status_event(&row, now));
    let seq = events::append(tx, vec![event])
        .await?
        .first()
        .copied()
        .unwrap_or(0);
    sqlx::query(
        "INSERT INTO job_events (job_id, seq, status, reason, attempt, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.0)
    .bind(seq)
    .bind(row.state.status.as_str())
    .bind(row.job.reason.as_deref())
    .bind(row.job.attempt)
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(row)
}

/// What the live channel says of a job.
#[must_use]
pub fn status_event(row: &JobRow, now: Timestamp) -> JobStatusEvent {
    JobStatusEvent {
        seq: 0,
        job_id: row.job.id,
        dataset_id: row.job.dataset_id,
        dataset_name: row.job.dataset_name.clone(),
        status: row.job.status,
        progress: row.job.progress,
        reason: row.job.reason.clone(),
        updated_at: now.unix_secs(),
    }
}

//! Who holds a job: claimed, kept alive, given back.
//!
//! Invariant: every claim takes the next fence, and everything a holder writes names its fence; a holder that was overtaken changes
//! no row and hears of it from the count of changed rows.

use super::jobs::{self, JobRow};
use super::{Conn, StoreError, jobs_change};
use crate::domain::id::JobId;
use crate::domain::migration::machine::{JobState, Wanted};
use crate::domain::migration::{JobStatus, Progress};
use crate::domain::unit::Timestamp;
use sqlx::Row as _;

/// Jobs that wait for a mover or are held by one: those under way first, then by priority, then the oldest; at most 100.
///
/// # Errors
/// The database's own.
pub async fn claimable(conn: &mut Conn) -> Result<Vec<JobRow>, StoreError> {
    jobs::select_by(
        conn,
        "j.status IN ('queued', 'copying', 'verifying', 'switching') AND $1 = $2",
        "CASE WHEN j.status = 'queued' THEN 1 ELSE 0 END, j.priority DESC, j.id",
        [0, 0],
    )
    .await
}

/// How urgent a job is.
///
/// # Errors
/// The database's own.
pub async fn set_priority(tx: &mut Conn, id: JobId, priority: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET priority = $2 WHERE id = $1")
        .bind(id.0)
        .bind(priority)
        .execute(tx)
        .await?;
    Ok(())
}

/// How a job is taken.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// By whom.
    pub owner: &'a str,
    /// Until when, unless it is kept alive.
    pub lease_until: Timestamp,
    /// The state it has then.
    pub to: &'a JobState,
    /// Its last holder may still be alive: what follows is staged in another directory.
    pub new_staging: bool,
    /// Why, for people.
    pub reason: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// Takes a job and announces it, unless someone was newer.
///
/// # Errors
/// The database's own.
pub async fn claim(tx: &mut Conn, seen: &JobRow, claim: &Claim<'_>) -> Result<Option<JobRow>, StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET status = $5, owner = $6, lease_until = $7, fence = fence + 1, staging_no = staging_no + $8, \
         reason = $9, error_code = NULL, keep_until = NULL, started_at = COALESCE(started_at, $10), updated_at = $10 \
         WHERE id = $1 AND fence = $2 AND status = $3 AND wanted = $4",
    )
    .bind(seen.job.id.0)
    .bind(seen.job.fence)
    .bind(seen.state.status.as_str())
    .bind(seen.state.wanted.map_or("", Wanted::as_str))
    .bind(claim.to.status.as_str())
    .bind(claim.owner)
    .bind(claim.lease_until.0)
    .bind(i64::from(claim.new_staging))
    .bind(claim.reason.as_deref())
    .bind(claim.now.0)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(None);
    }
    jobs_change::announce(tx, seen.job.id, claim.now).await.map(Some)
}

/// Takes a job that has ended, for what is left to do on its files. Its state stays, so nothing is announced.
///
/// # Errors
/// The database's own.
pub async fn hold(
    tx: &mut Conn,
    seen: &JobRow,
    owner: &str,
    lease_until: Timestamp,
) -> Result<Option<JobRow>, StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET owner = $5, lease_until = $6, fence = fence + 1 \
         WHERE id = $1 AND fence = $2 AND status = $3 AND undo_open = $4",
    )
    .bind(seen.job.id.0)
    .bind(seen.job.fence)
    .bind(seen.state.status.as_str())
    .bind(i64::from(seen.state.undo_open))
    .bind(owner)
    .bind(lease_until.0)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(None);
    }
    jobs::find(tx, seen.job.id).await
}

/// What the holder writes from its next claim on goes into another staging area. In a transaction in which its fence was seen to
/// stand.
///
/// # Errors
/// The database's own.
pub async fn next_staging(tx: &mut Conn, id: JobId) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET staging_no = staging_no + 1 WHERE id = $1")
        .bind(id.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Extends the lease; `false` when someone was newer.
///
/// # Errors
/// The database's own.
pub async fn keep(tx: &mut Conn, id: JobId, fence: i64, lease_until: Timestamp) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2")
        .bind(id.0)
        .bind(fence)
        .bind(lease_until.0)
        .execute(tx)
        .await?;
    Ok(changed.rows_affected() == 1)
}

/// Gives a job back as it is; `false` when someone was newer.
///
/// # Errors
/// The database's own.
pub async fn release(tx: &mut Conn, id: JobId, fence: i64) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET owner = NULL, lease_until = NULL, bytes_per_sec = 0 WHERE id = $1 AND fence = $2",
    )
    .bind(id.0)
    .bind(fence)
    .execute(tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Stores how far a stage is; `false` when someone was newer or the stage is over. A holder calls it first in every transaction
/// that writes rows of its job.
///
/// # Errors
/// The database's own.
pub async fn progress(
    tx: &mut Conn,
    id: JobId,
    fence: i64,
    stage: JobStatus,
    progress: &Progress,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET objects_done = $4, objects_total = $5, bytes_done = $6, bytes_total = $7, bytes_per_sec = $8 \
         WHERE id = $1 AND fence = $2 AND status = $3",
    )
    .bind(id.0)
    .bind(fence)
    .bind(stage.as_str())
    .bind(progress.objects_done)
    .bind(progress.objects_total)
    .bind(progress.bytes_done.to_i64())
    .bind(progress.bytes_total.to_i64())
    .bind(progress.bytes_per_sec)
    .execute(tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Whether a fence still stands. In a write transaction nobody can be newer until it ends.
///
/// # Errors
/// The database's own.
pub async fn stands(tx: &mut Conn, id: JobId, fence: i64) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE jobs SET fence = fence WHERE id = $1 AND fence = $2")
        .bind(id.0)
        .bind(fence)
        .execute(tx)
        .await?;
    Ok(changed.rows_affected() == 1)
}

/// Jobs of an owner of which something is wanted.
///
/// # Errors
/// The database's own.
pub async fn wishes(conn: &mut Conn, owner: &str) -> Result<Vec<JobId>, StoreError> {
    let rows = sqlx::query("SELECT id FROM jobs WHERE owner = $1 AND wanted <> ''")
        .bind(owner)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok(JobId(row.try_get("id")?))).collect()
}

/// Owners of any job.
///
/// # Errors
/// The database's own.
pub async fn owners(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL")
            .fetch_all(conn)
            .await?,
    )
}

//! Rows of `job_staging`, and what a job remembers of the places it works in.
//!
//! Invariant: a staging directory has a row from before it is made until nothing of it is left, and the row holds what identifies
//! the directory itself, so that it is recognised when a crash left it under another name.

use super::jobs::{self, JobRow};
use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::unit::Timestamp;
use sqlx::Row as _;

/// A staging directory that is not cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedRow {
    /// Its number.
    pub staging_no: i64,
    /// What identifies its data directory; empty before it was made.
    pub identity: String,
}

impl StagedRow {
    /// A directory that is about to be made. No directory has this identity.
    #[must_use]
    pub fn unknown(staging_no: i64) -> Self {
        Self {
            staging_no,
            identity: String::new(),
        }
    }
}

/// Remembers a directory: before it is made, and again once it is known which one it is.
///
/// # Errors
/// The database's own.
pub async fn made(tx: &mut Conn, job: JobId, staged: &StagedRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO job_staging (job_id, staging_no, identity) VALUES ($1, $2, $3) \
         ON CONFLICT (job_id, staging_no) DO UPDATE SET identity = excluded.identity, cleaned_at = NULL, \
         look_again_at = NULL",
    )
    .bind(job.0)
    .bind(staged.staging_no)
    .bind(staged.identity.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Directories of a job that are not cleaned, oldest first.
///
/// # Errors
/// The database's own.
pub async fn left(conn: &mut Conn, job: JobId) -> Result<Vec<StagedRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT staging_no, identity FROM job_staging WHERE job_id = $1 AND cleaned_at IS NULL ORDER BY staging_no",
    )
    .bind(job.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(StagedRow {
                staging_no: row.try_get(0)?,
                identity: row.try_get(1)?,
            })
        })
        .collect()
}

/// Takes note that nothing of a directory is left, and when it is looked at again for what comes late.
///
/// # Errors
/// The database's own.
pub async fn cleaned(
    tx: &mut Conn,
    job: JobId,
    staging_no: i64,
    now: Timestamp,
    again: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job_staging SET cleaned_at = $3, look_again_at = $4 WHERE job_id = $1 AND staging_no = $2",
    )
    .bind(job.0)
    .bind(staging_no)
    .bind(now.0)
    .bind(again.map(|at| at.0))
    .execute(tx)
    .await?;
    Ok(())
}

/// Jobs that have ended and of which a cleaned directory is to be looked at again.
///
/// # Errors
/// The database's own.
pub async fn to_look_again(conn: &mut Conn, now: Timestamp) -> Result<Vec<JobRow>, StoreError> {
    jobs::select(
        conn,
        "EXISTS (SELECT 1 FROM job_staging s WHERE s.job_id = j.id AND s.look_again_at <= $1) AND $2 = $2 AND \
         j.status IN ('cancelled', 'completed', 'undone', 'failed')",
        [now.0, 0],
    )
    .await
}

/// Numbers of a job's cleaned directories that are to be looked at again, each with the time when it was cleaned.
///
/// # Errors
/// The database's own.
pub async fn late(conn: &mut Conn, job: JobId, now: Timestamp) -> Result<Vec<(i64, Timestamp)>, StoreError> {
    let rows = sqlx::query(
        "SELECT staging_no, cleaned_at FROM job_staging WHERE job_id = $1 AND look_again_at <= $2 AND cleaned_at IS NOT NULL \
         ORDER BY staging_no",
    )
    .bind(job.0)
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, Timestamp(row.try_get(1)?))))
        .collect()
}

/// Takes note that a cleaned directory was looked at, and when that is done the next time.
///
/// # Errors
/// The database's own.
pub async fn looked_again(
    tx: &mut Conn,
    job: JobId,
    staging_no: i64,
    again: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE job_staging SET look_again_at = $3 WHERE job_id = $1 AND staging_no = $2")
        .bind(job.0)
        .bind(staging_no)
        .bind(again.map(|at| at.0))
        .execute(tx)
        .await?;
    Ok(())
}

/// Jobs whose staging directories nobody needs any more: those that ended, and failed ones that were not retried in time, whose
/// dataset is gone, or that a later job replaced.
///
/// # Errors
/// The database's own.
pub async fn to_clean(conn: &mut Conn, now: Timestamp) -> Result<Vec<JobRow>, StoreError> {
    jobs::select(
        conn,
        "EXISTS (SELECT 1 FROM job_staging s WHERE s.job_id = j.id AND s.cleaned_at IS NULL) AND $2 = $2 AND \
         (j.status IN ('cancelled', 'completed', 'undone') OR (j.status = 'failed' AND (j.keep_until <= $1 OR d.id IS NULL \
         OR EXISTS (SELECT 1 FROM jobs n WHERE n.dataset_id = j.dataset_id AND n.id > j.id))))",
        [now.0, 0],
    )
    .await
}

/// Remembers which directories above the target the job makes.
///
/// # Errors
/// The database's own.
pub async fn set_parents(tx: &mut Conn, job: JobId, parents: &[String]) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET parents = $2 WHERE id = $1")
        .bind(job.0)
        .bind(super::json(parents)?)
        .execute(tx)
        .await?;
    Ok(())
}

/// Remembers the dataset's generation that the switch will insist on. Read it before the source is listed.
///
/// # Errors
/// The database's own.
pub async fn set_seen_generation(tx: &mut Conn, job: JobId, generation: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET seen_generation = $2 WHERE id = $1")
        .bind(job.0)
        .bind(generation)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes note that the manifest is whole.
///
/// # Errors
/// The database's own.
pub async fn set_manifest_whole(tx: &mut Conn, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET manifest_at = $2 WHERE id = $1")
        .bind(job.0)
        .bind(now.0)
        .execute(tx)
        .await?;
    Ok(())
}

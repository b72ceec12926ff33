//! Samples of a job's progress: what was measured, and when.
//!
//! Invariant: at most one a second and about a hundred for each doubling of a job's time, so a job of a week keeps a thousand rows.

use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::migration::timeline::Sample;
use crate::domain::migration::{JobStatus, Progress};
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::Row as _;

/// Samples that are read at most: far more than a job can have.
const MOST: i64 = 5_000;

/// Keeps how far the present stage is, unless the last sample of it is too fresh.
///
/// # Errors
/// The database's own.
pub async fn take(tx: &mut Conn, id: JobId, now: Timestamp, p: &Progress) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO job_samples (job_id, at, stage, attempt, objects_done, objects_total, bytes_done, bytes_total) \
         SELECT j.id, $2, j.status, j.attempt, $3, $4, $5, $6 FROM jobs j WHERE j.id = $1 AND NOT EXISTS \
         (SELECT 1 FROM job_samples s WHERE s.job_id = $1 AND s.stage = j.status AND s.attempt = j.attempt AND s.at > $2 - \
         CASE WHEN $2 - COALESCE(j.started_at, $2) > 100000000 THEN ($2 - j.started_at) / 100 ELSE 1000000 END) \
         ON CONFLICT (job_id, at) DO NOTHING",
    )
    .bind(id.0)
    .bind(now.0)
    .bind(p.objects_done)
    .bind(p.objects_total)
    .bind(p.bytes_done.to_i64())
    .bind(p.bytes_total.to_i64())
    .execute(tx)
    .await?;
    Ok(())
}

/// Every sample of a job, oldest first.
///
/// # Errors
/// The database's own.
pub async fn of(conn: &mut Conn, id: JobId) -> Result<Vec<Sample>, StoreError> {
    let rows = sqlx::query(
        "SELECT at, stage, attempt, objects_done, objects_total, bytes_done, bytes_total FROM job_samples \
         WHERE job_id = $1 ORDER BY at LIMIT $2",
    )
    .bind(id.0)
    .bind(MOST)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let word: String = row.try_get("stage")?;
            Ok(Sample {
                at: Timestamp(row.try_get("at")?),
                stage: JobStatus::parse(&word).ok_or_else(|| StoreError::corrupt("stage", &word))?,
                attempt: row.try_get("attempt")?,
                objects_done: row.try_get("objects_done")?,
                objects_total: row.try_get("objects_total")?,
                bytes_done: Bytes::from_i64(row.try_get("bytes_done")?),
                bytes_total: Bytes::from_i64(row.try_get("bytes_total")?),
            })
        })
        .collect()
}

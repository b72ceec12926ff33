//! Records of what completed moves have brought.
//!
//! Invariant: a closed record is never written again; one job has one record.

use super::multi::Builder;
use super::{Conn, StoreError, from_json, parse};
use crate::domain::id::{DatasetId, JobId, LocationId};
use crate::domain::name::StorageClass;
use crate::domain::recommendation::outcome::Outcome;
use crate::domain::unit::Timestamp;
use sqlx::Row as _;

/// Jobs that reached their switch and have no record yet, oldest first.
///
/// # Errors
/// The database's own.
pub async fn missing(conn: &mut Conn, limit: i64) -> Result<Vec<JobId>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT j.id FROM jobs j LEFT JOIN outcomes o ON o.job_id = j.id \
         WHERE j.status IN ('completed', 'undone') AND o.job_id IS NULL ORDER BY j.id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Open records after `after` that were not looked at on `day`, or whose job was undone since.
///
/// # Errors
/// The database's own.
pub async fn due(conn: &mut Conn, day: i64, after: JobId, limit: i64) -> Result<Vec<JobId>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT o.job_id FROM outcomes o JOIN jobs j ON j.id = o.job_id \
         WHERE o.closed = 0 AND o.job_id > $1 AND (o.looked_day <> $2 OR j.status = 'undone') ORDER BY o.job_id LIMIT $3",
    )
    .bind(after.0)
    .bind(day)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// When a job's switch was made, and when the dataset was next switched by another job.
///
/// # Errors
/// The database's own.
pub async fn switches(
    conn: &mut Conn,
    job: JobId,
    dataset: DatasetId,
) -> Result<Option<(Timestamp, Option<Timestamp>)>, StoreError> {
    let row = sqlx::query("SELECT MIN(at) AS at FROM job_events WHERE job_id = $1 AND status = 'completed'")
        .bind(job.0)
        .fetch_one(&mut *conn)
        .await?;
    let Some(at) = row.try_get::<Option<i64>, _>("at")? else {
        return Ok(None);
    };
    let row = sqlx::query(
        "SELECT MIN(e.at) AS at FROM jobs j JOIN job_events e ON e.job_id = j.id \
         WHERE j.dataset_id = $1 AND j.id <> $2 AND e.status = 'completed' AND e.at > $3",
    )
    .bind(dataset.0)
    .bind(job.0)
    .bind(at)
    .fetch_one(conn)
    .await?;
    Ok(Some((
        Timestamp(at),
        row.try_get::<Option<i64>, _>("at")?.map(Timestamp),
    )))
}

/// A location and a class there.
pub type Spot = (LocationId, StorageClass);

/// Every switch and undo of a dataset: when, from where, to where, oldest first.
///
/// # Errors
/// The database's own.
pub async fn placements(
    conn: &mut Conn,
    dataset: DatasetId,
) -> Result<Vec<(Timestamp, Spot, Spot)>, StoreError> {
    let rows = sqlx::query(
        "SELECT e.at, e.status, j.source_location_id, j.source_class, j.target_location_id, j.target_class \
         FROM jobs j JOIN job_events e ON e.job_id = j.id \
         WHERE j.dataset_id = $1 AND e.status IN ('completed', 'undone') ORDER BY e.seq",
    )
    .bind(dataset.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let source = (
                LocationId(row.try_get("source_location_id")?),
                parse(row, "source_class")?,
            );
            let target = (
                LocationId(row.try_get("target_location_id")?),
                parse(row, "target_class")?,
            );
            let undone = row.try_get::<String, _>("status")? == "undone";
            let (from, to) = if undone {
                (target, source)
            } else {
                (source, target)
            };
            Ok((Timestamp(row.try_get("at")?), from, to))
        })
        .collect()
}

/// Keeps a record, unless a closed one is there.
///
/// # Errors
/// The database's own.
pub async fn put(tx: &mut Conn, outcome: &Outcome) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outcomes (job_id, dataset_id, verdict, closed, looked_day, body) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (job_id) DO UPDATE SET verdict = excluded.verdict, closed = excluded.closed, \
         looked_day = excluded.looked_day, body = excluded.body WHERE outcomes.closed = 0",
    )
    .bind(outcome.job_id.0)
    .bind(outcome.dataset_id.0)
    .bind(outcome.verdict.as_str())
    .bind(i64::from(outcome.closed.is_some()))
    .bind(outcome.looked_at.day())
    .bind(super::json(outcome)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// The record of a job.
///
/// # Errors
/// The database's own.
pub async fn of_job(conn: &mut Conn, job: JobId) -> Result<Option<Outcome>, StoreError> {
    let row = sqlx::query("SELECT body FROM outcomes WHERE job_id = $1")
        .bind(job.0)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| from_json(row, "body")).transpose()
}

/// At most `limit` records before a job, the latest first, of one dataset or of all.
///
/// # Errors
/// The database's own.
pub async fn page(
    conn: &mut Conn,
    dataset: Option<DatasetId>,
    before: Option<JobId>,
    limit: i64,
) -> Result<Vec<Outcome>, StoreError> {
    let mut query = Builder::new(conn, "SELECT body FROM outcomes WHERE 1 = 1");
    if let Some(dataset) = dataset {
        query.push(" AND dataset_id = ").push_bind(dataset.0);
    }
    if let Some(before) = before {
        query.push(" AND job_id < ").push_bind(before.0);
    }
    query.push(" ORDER BY job_id DESC LIMIT ").push_bind(limit);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter().map(|row| from_json(row, "body")).collect()
}

/// How many records there are, of one dataset or of all.
///
/// # Errors
/// The database's own.
pub async fn total(conn: &mut Conn, dataset: Option<DatasetId>) -> Result<i64, StoreError> {
    let mut query = Builder::new(conn, "SELECT COUNT(*) FROM outcomes");
    if let Some(dataset) = dataset {
        query.push(" WHERE dataset_id = ").push_bind(dataset.0);
    }
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

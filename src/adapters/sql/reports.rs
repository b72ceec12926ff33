//! What reports are made from: sums over the whole catalog and all jobs, and the first rows of long lists.
//!
//! Invariant: reads only; every list has a limit, and beside each stands the sum or the number of all.

use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::id::{DatasetId, JobId};
use crate::domain::migration::{JobEvent, JobStatus};
use crate::domain::recommendation::ReviewStatus;
use crate::domain::recommendation::outcome::Outcome;
use crate::domain::report::moves::{Audited, InStage};
use crate::domain::report::placement::{Copies, Held};
use crate::domain::report::savings::Reviewed;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use sqlx::Row as _;

/// Proposals to move by what people decided; a snooze that is over counts as open.
///
/// # Errors
/// The database's own.
pub async fn reviewed(conn: &mut Conn, now: Timestamp) -> Result<Vec<Reviewed>, StoreError> {
    let rows = sqlx::query(
        "SELECT CASE WHEN r.review = 'snoozed' AND r.review_until <= $1 THEN 'open' ELSE r.review END AS state, COUNT(*), \
         CAST(COALESCE(SUM(d.rec_saving), 0) AS BIGINT) FROM recommendations r JOIN datasets d ON d.id = r.dataset_id \
         WHERE r.action = 'move' GROUP BY 1 ORDER BY 2 DESC, 1",
    )
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let word: String = row.try_get(0)?;
            Ok(Reviewed {
                status: ReviewStatus::parse(&word).ok_or_else(|| StoreError::corrupt("review", &word))?,
                count: row.try_get(1)?,
                saving: NanoUsd(row.try_get(2)?),
            })
        })
        .collect()
}

/// Records of completed moves, the latest first, at most `limit`.
///
/// # Errors
/// The database's own.
pub async fn outcomes(conn: &mut Conn, limit: i64) -> Result<Vec<Outcome>, StoreError> {
    super::outcomes::page(conn, None, None, limit).await
}

/// Copies by place and role; those that are gone are left out.
///
/// # Errors
/// The database's own.
pub async fn copies(conn: &mut Conn) -> Result<Vec<Copies>, StoreError> {
    let rows = sqlx::query(
        "SELECT l.name, c.storage_class, c.role, COUNT(*), CAST(SUM(c.size_bytes) AS BIGINT), COUNT(c.verified_at), \
         MIN(c.retire_after) FROM replicas c JOIN locations l ON l.id = c.location_id WHERE c.role <> 'retired' \
         GROUP BY l.name, c.storage_class, c.role ORDER BY 1, 2, 3",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Copies {
                location: row.try_get(0)?,
                class: row.try_get(1)?,
                role: row.try_get(2)?,
                count: row.try_get(3)?,
                size: Bytes::from_i64(row.try_get(4)?),
                verified: row.try_get(5)?,
                next_removal: row.try_get::<Option<i64>, _>(6)?.map(Timestamp),
            })
        })
        .collect()
}

/// Datasets, the largest first, at most `limit`.
///
/// # Errors
/// The database's own.
pub async fn held(conn: &mut Conn, limit: i64) -> Result<Vec<Held>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.id, d.name, l.name, d.storage_class, d.path_uri, d.object_count, d.size_bytes, d.last_access_at, \
         d.monthly_cost, d.rec_action, d.pinned_reason FROM datasets d JOIN locations l ON l.id = d.location_id \
         ORDER BY d.size_bytes DESC, d.id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                id: row.try_get(0)?,
                name: row.try_get(1)?,
                location: row.try_get(2)?,
                class: row.try_get(3)?,
                path_uri: row.try_get(4)?,
                objects: row.try_get(5)?,
                size: Bytes::from_i64(row.try_get(6)?),
                last_access: row.try_get::<Option<i64>, _>(7)?.map(Timestamp),
                monthly: row.try_get::<Option<i64>, _>(8)?.map(NanoUsd),
                advice: row.try_get(9)?,
                pinned: row.try_get(10)?,
            })
        })
        .collect()
}

/// Jobs made at or after an instant, in sum by stage.
///
/// # Errors
/// The database's own.
pub async fn in_stages(conn: &mut Conn, since: Timestamp) -> Result<Vec<InStage>, StoreError> {
    let rows = sqlx::query(
        "SELECT status, COUNT(*), CAST(SUM(objects_total) AS BIGINT), CAST(SUM(bytes_total) AS BIGINT), \
         CAST(SUM(bytes_sent) AS BIGINT) FROM jobs WHERE created_at >= $1 GROUP BY status ORDER BY 2 DESC, 1",
    )
    .bind(since.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(InStage {
                status: status(row, 0)?,
                jobs: row.try_get(1)?,
                objects: row.try_get(2)?,
                bytes: Bytes::from_i64(row.try_get(3)?),
                sent: Bytes::from_i64(row.try_get(4)?),
            })
        })
        .collect()
}

fn status(row: &super::Row, at: usize) -> Result<JobStatus, StoreError> {
    let word: String = row.try_get(at)?;
    JobStatus::parse(&word).ok_or_else(|| StoreError::corrupt("status", &word))
}

/// Jobs made at or after an instant, the latest first, at most `limit`.
///
/// # Errors
/// The database's own.
pub async fn audited(conn: &mut Conn, since: Timestamp, limit: i64) -> Result<Vec<Audited>, StoreError> {
    use super::jobs::{COLUMNS, TABLES, read};
    let mut query = Builder::new(
        conn,
        format!(
            "SELECT {COLUMNS}, j.verification AS proved, (SELECT COUNT(*) FROM job_receipts s WHERE s.job_id = j.id) AS receipts \
             FROM {TABLES} WHERE j.created_at >= "
        ),
    );
    query.push_bind(since.0);
    query.push(" ORDER BY j.id DESC LIMIT ").push_bind(limit);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(Audited {
                job: read(row)?.job,
                verification: row.try_get("proved")?,
                receipt: row.try_get::<i64, _>("receipts")? > 0,
            })
        })
        .collect()
}

/// Stages at or after an instant, the latest first, at most `limit`; and how many there are.
///
/// # Errors
/// The database's own.
pub async fn stages(
    conn: &mut Conn,
    since: Timestamp,
    limit: i64,
) -> Result<(Vec<(JobId, JobEvent)>, i64), StoreError> {
    let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job_events WHERE at >= $1")
        .bind(since.0)
        .fetch_one(&mut *conn)
        .await?;
    let rows = sqlx::query(
        "SELECT status, job_id, seq, reason, attempt, at FROM job_events WHERE at >= $1 ORDER BY seq DESC LIMIT $2",
    )
    .bind(since.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let listed: Result<Vec<_>, StoreError> = rows
        .iter()
        .map(|row| {
            let event = JobEvent {
                seq: row.try_get(2)?,
                status: status(row, 0)?,
                reason: row.try_get(3)?,
                attempt: row.try_get(4)?,
                at: Timestamp(row.try_get(5)?),
            };
            Ok((JobId(row.try_get(1)?), event))
        })
        .collect();
    Ok((listed?, all))
}

/// What the placement policy remembers of each fleet, as JSON.
///
/// # Errors
/// The database's own.
pub async fn fleets(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT body FROM policy_streams ORDER BY id")
        .fetch_all(conn)
        .await?)
}

/// A dataset to replay, and the prices of where it stands.
pub type Replayable = (DatasetId, String);

/// Datasets that were ever accessed, those that cost most first, at most `limit`; and how many there are.
///
/// # Errors
/// The database's own.
pub async fn replayable(conn: &mut Conn, limit: i64) -> Result<(Vec<Replayable>, i64), StoreError> {
    let all: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM datasets WHERE last_access_at IS NOT NULL AND size_bytes > 0",
    )
    .fetch_one(&mut *conn)
    .await?;
    let rows = sqlx::query(
        "SELECT d.id, l.price_book FROM datasets d JOIN locations l ON l.id = d.location_id \
         WHERE d.last_access_at IS NOT NULL AND d.size_bytes > 0 \
         ORDER BY COALESCE(d.monthly_cost, 0) DESC, d.id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let listed: Result<Vec<_>, StoreError> = rows
        .iter()
        .map(|row| Ok((DatasetId(row.try_get(0)?), row.try_get(1)?)))
        .collect();
    Ok((listed?, all))
}

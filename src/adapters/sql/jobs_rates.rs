//! How long finished jobs took, from the stages that they went through.

use super::{Conn, StoreError};
use crate::domain::migration::estimate::Measured;
use crate::domain::unit::Bytes;
use sqlx::Row as _;

/// The latest finished jobs, newest first. Only those that went through in one go: a job that was paused, resumed or copied again
/// took time that says nothing about the disks. Either those that moved data or those that changed its class `in_place`: the one says
/// nothing of the other.
///
/// # Errors
/// The database's own.
pub async fn finished(conn: &mut Conn, in_place: bool, limit: i64) -> Result<Vec<Measured>, StoreError> {
    let rows = sqlx::query(
        "SELECT j.objects_total, j.bytes_total, \
         MIN(CASE WHEN e.status = 'switching' THEN e.at END) - MIN(CASE WHEN e.status = 'copying' THEN e.at END) AS elapsed \
         FROM jobs j JOIN job_events e ON e.job_id = j.id \
         WHERE j.status IN ('completed', 'undone') \
         AND CASE WHEN j.source_uri = j.target_uri AND j.source_location_id = j.target_location_id THEN 1 ELSE 0 END = $1 GROUP BY j.id, j.objects_total, j.bytes_total \
         HAVING SUM(CASE WHEN e.status = 'copying' THEN 1 ELSE 0 END) = 1 \
         AND SUM(CASE WHEN e.status = 'switching' THEN 1 ELSE 0 END) = 1 ORDER BY j.id DESC LIMIT $2",
    )
    .bind(i64::from(in_place))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Measured {
                objects: row.try_get("objects_total")?,
                bytes: Bytes::from_i64(row.try_get("bytes_total")?),
                elapsed_us: row.try_get("elapsed")?,
            })
        })
        .collect()
}

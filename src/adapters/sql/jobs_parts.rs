//! Rows of `job_uploads` and `job_parts`: the large objects that a job writes in parts.
//!
//! Invariant: a part has a row only after it is durable at the target. An upload without a row is found by listing the store.

use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, OpenUpload, Part, Upload};
use sqlx::Row as _;

/// The upload of an object by an attempt, while the object is what it was.
///
/// # Errors
/// The database's own.
pub async fn find(
    conn: &mut Conn,
    job: JobId,
    staging_no: i64,
    object: &FoundObject,
) -> Result<Option<Upload>, StoreError> {
    let row = sqlx::query(
        "SELECT upload_id, part_bytes FROM job_uploads WHERE job_id = $1 AND key = $2 AND staging_no = $3 AND fingerprint = $4",
    )
    .bind(job.0)
    .bind(object.key.as_str())
    .bind(staging_no)
    .bind(object.fingerprint.as_str())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let parts = sqlx::query(
        "SELECT part_no, part_id, chain, checksum, stored FROM job_parts WHERE job_id = $1 AND key = $2 ORDER BY part_no",
    )
    .bind(job.0)
    .bind(object.key.as_str())
    .fetch_all(conn)
    .await?;
    let parts = parts
        .iter()
        .map(|row| {
            let number: i64 = row.try_get(0)?;
            Ok(Part {
                number: u32::try_from(number).map_err(|e| StoreError::corrupt("part_no", e))?,
                id: row.try_get(1)?,
                chain: row.try_get(2)?,
                checksum: row.try_get(3)?,
                stored: row.try_get(4)?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Some(Upload {
        id: row.try_get(0)?,
        part_bytes: Bytes::from_i64(row.try_get(1)?),
        parts,
    }))
}

/// Remembers a new upload in place of an older one.
///
/// # Errors
/// The database's own.
pub async fn begin(
    tx: &mut Conn,
    job: JobId,
    staging_no: i64,
    object: &FoundObject,
    upload_id: &str,
    part_bytes: Bytes,
) -> Result<(), StoreError> {
    ended(tx, job, &object.key).await?;
    sqlx::query(
        "INSERT INTO job_uploads (job_id, key, staging_no, fingerprint, upload_id, part_bytes) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(job.0)
    .bind(object.key.as_str())
    .bind(staging_no)
    .bind(object.fingerprint.as_str())
    .bind(upload_id)
    .bind(part_bytes.to_i64())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes note of a part that is durable.
///
/// # Errors
/// The database's own.
pub async fn done(tx: &mut Conn, job: JobId, key: &str, part: &Part) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO job_parts (job_id, key, part_no, part_id, chain, checksum, stored) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (job_id, key, part_no) DO UPDATE SET part_id = excluded.part_id, chain = excluded.chain, \
         checksum = excluded.checksum, stored = excluded.stored",
    )
    .bind(job.0)
    .bind(key)
    .bind(i64::from(part.number))
    .bind(part.id.as_str())
    .bind(part.chain.as_str())
    .bind(part.checksum.as_deref())
    .bind(part.stored.as_deref())
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the upload of an object: it is whole, or begun anew.
///
/// # Errors
/// The database's own.
pub async fn ended(tx: &mut Conn, job: JobId, key: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM job_parts WHERE job_id = $1 AND key = $2",
        "DELETE FROM job_uploads WHERE job_id = $1 AND key = $2",
    ] {
        sqlx::query(sql).bind(job.0).bind(key).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Forgets every upload of an attempt.
///
/// # Errors
/// The database's own.
pub async fn forget(tx: &mut Conn, job: JobId, staging_no: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM job_parts WHERE job_id = $1 AND key IN \
         (SELECT u.key FROM job_uploads u WHERE u.job_id = $1 AND u.staging_no = $2)",
        "DELETE FROM job_uploads WHERE job_id = $1 AND staging_no = $2",
    ] {
        sqlx::query(sql)
            .bind(job.0)
            .bind(staging_no)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Every upload that a job has open, with the attempt that began it.
///
/// # Errors
/// The database's own.
pub async fn open(conn: &mut Conn, job: JobId) -> Result<Vec<(i64, OpenUpload)>, StoreError> {
    let rows =
        sqlx::query("SELECT staging_no, key, upload_id FROM job_uploads WHERE job_id = $1 ORDER BY key")
            .bind(job.0)
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            let upload = OpenUpload {
                key: row.try_get(1)?,
                id: row.try_get(2)?,
            };
            Ok((row.try_get(0)?, upload))
        })
        .collect()
}

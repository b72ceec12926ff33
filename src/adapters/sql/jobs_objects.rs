//! Rows of `job_objects`: the manifest of a job, which is its checkpoint.
//!
//! Invariant: a row says `copied` only after the object and its name are durable at the target, and `verified` only after it was
//! read back. Whoever writes rows has asked `jobs_lease::progress` first in the same transaction.

use super::multi::{Builder, pieces};
use super::{Conn, Row, StoreError};
use crate::domain::id::JobId;
use crate::domain::migration::ManifestObject;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Copied, Expected, FoundObject, Stored};
use sqlx::Row as _;
use std::collections::HashMap;

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectState {
    /// Waits to be copied.
    Pending,
    /// Durable at the target.
    Copied,
    /// Read back and compared.
    Verified,
    /// To blame for the job's failure.
    Failed,
}

impl ObjectState {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Copied => "copied",
            Self::Verified => "verified",
            Self::Failed => "failed",
        }
    }
}

/// An object of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// As the source's listing had it.
    pub found: FoundObject,
    /// BLAKE3 of what was read from the source; set once copied, or later of what a store copied by itself unread.
    pub content_hash: Option<String>,
    /// Metadata as it was set at the target; set once copied.
    pub metadata: Option<String>,
    /// The target object's fingerprint; set once copied.
    pub target_fingerprint: Option<String>,
    /// What its store must say is its checksum; set once copied, where that is to be compared.
    pub checksum: Option<String>,
    /// What its store holds, where that is not its own bytes; set once copied.
    pub stored: Option<Stored>,
}

impl ManifestRow {
    /// What the copy must be when it is read back; `None` while there is none.
    #[must_use]
    pub fn expected(&self) -> Option<Expected> {
        Some(Expected {
            key: self.found.key.clone(),
            size_bytes: self.found.size_bytes,
            content_hash: self.content_hash.clone(),
            metadata: Some(self.metadata.clone()?),
            checksum: None,
            stored_hash: self.stored.as_ref().map(|stored| stored.hash.clone()),
        })
    }

    /// The copy as a listing of the target has it; `None` while there is none.
    #[must_use]
    pub fn at_target(&self) -> Option<FoundObject> {
        Some(FoundObject {
            key: self.found.key.clone(),
            size_bytes: self.found.size_bytes,
            fingerprint: self.target_fingerprint.clone()?,
        })
    }
}

/// A manifest row with its columns by name.
pub(super) const SELECT: &str = "SELECT key, size_bytes, fingerprint, COALESCE(content_hash, later_hash) AS content_hash, metadata, \
                      target_fingerprint, checksum, stored_bytes, stored_hash FROM job_objects";

/// The objects with these keys, by key; those that the manifest has not are left out.
///
/// # Errors
/// The database's own.
pub async fn of_keys(
    conn: &mut Conn,
    job: JobId,
    keys: impl Iterator<Item = &str>,
) -> Result<HashMap<String, ManifestRow>, StoreError> {
    let mut query = Builder::new(conn, format!("{SELECT} WHERE job_id = "));
    query.push_bind(job.0).push(" AND key IN (");
    let mut list = query.separated(", ");
    let mut asked = 0;
    for key in keys {
        list.push_bind(key.to_owned());
        asked += 1;
    }
    if asked == 0 {
        return Ok(HashMap::new());
    }
    query.push(")");
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| read(row).map(|object| (object.found.key.clone(), object)))
        .collect()
}

/// How many objects the manifest has.
///
/// # Errors
/// The database's own.
pub async fn count(conn: &mut Conn, job: JobId) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM job_objects WHERE job_id = $1")
            .bind(job.0)
            .fetch_one(conn)
            .await?,
    )
}

/// Objects and bytes that are in one of the states.
///
/// # Errors
/// The database's own.
pub async fn sums(conn: &mut Conn, job: JobId, states: &[ObjectState]) -> Result<(i64, Bytes), StoreError> {
    let states: Vec<_> = states
        .iter()
        .map(|state| format!("'{}'", state.as_str()))
        .collect();
    let sql = format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM job_objects WHERE job_id = $1 AND state IN ({})",
        states.join(", ")
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(job.0)
        .fetch_one(conn)
        .await?;
    Ok((row.try_get(0)?, Bytes::from_i64(row.try_get(1)?)))
}

/// Puts objects into the manifest as pending, over what it says of them.
///
/// # Errors
/// The database's own.
pub async fn put(tx: &mut Conn, job: JobId, objects: &[FoundObject]) -> Result<(), StoreError> {
    for objects in pieces(objects) {
        let mut query = Builder::new(
            tx,
            "INSERT INTO job_objects (job_id, key, size_bytes, fingerprint, state) ",
        );
        query.push_values(objects, |mut row, object| {
            row.push_bind(job.0)
                .push_bind(object.key.as_str())
                .push_bind(object.size_bytes.to_i64())
                .push_bind(object.fingerprint.as_str())
                .push_bind(ObjectState::Pending.as_str());
        });
        query.push(
            " ON CONFLICT (job_id, key) DO UPDATE SET size_bytes = excluded.size_bytes, fingerprint = excluded.fingerprint, \
             state = 'pending', content_hash = NULL, metadata = NULL, target_fingerprint = NULL, checksum = NULL, stored_bytes = NULL, \
             stored_hash = NULL, error = NULL",
        );
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes objects out of the manifest. Their copies must be gone already.
///
/// # Errors
/// The database's own.
pub async fn drop_keys(tx: &mut Conn, job: JobId, keys: &[String]) -> Result<(), StoreError> {
    for keys in pieces(keys) {
        let mut query = Builder::new(tx, "DELETE FROM job_objects WHERE job_id = ");
        query.push_bind(job.0);
        with_keys(&mut query, keys.iter().map(String::as_str));
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// ` AND key IN (…)`.
fn with_keys<'a>(query: &mut Builder, keys: impl Iterator<Item = &'a str>) {
    query.push(" AND key IN (");
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key.to_owned());
    }
    query.push(")");
}

/// Takes note of durable copies of the objects as the manifest has them.
///
/// # Errors
/// The database's own.
pub async fn set_copied(
    tx: &mut Conn,
    job: JobId,
    copied: &[(&FoundObject, &Copied)],
) -> Result<(), StoreError> {
    for copied in pieces(copied) {
        // Written over the rows that are there: many rows in one statement, each found by its key.
        let mut query = Builder::new(
            tx,
            "INSERT INTO job_objects (job_id, key, size_bytes, fingerprint, state, content_hash, metadata, target_fingerprint, \
             checksum, stored_bytes, stored_hash) ",
        );
        query.push_values(copied, |mut row, (object, copied)| {
            row.push_bind(job.0)
                .push_bind(object.key.as_str())
                .push_bind(object.size_bytes.to_i64())
                .push_bind(object.fingerprint.as_str())
                .push_bind(ObjectState::Copied.as_str())
                .push_bind(copied.content_hash.as_deref())
                .push_bind(copied.metadata.as_str())
                .push_bind(copied.fingerprint.as_str())
                .push_bind(copied.checksum.as_deref())
                .push_bind(copied.stored.as_ref().map(|stored| stored.size_bytes.to_i64()))
                .push_bind(copied.stored.as_ref().map(|stored| stored.hash.as_str()));
        });
        query.push(
            " ON CONFLICT (job_id, key) DO UPDATE SET state = excluded.state, content_hash = excluded.content_hash, \
             metadata = excluded.metadata, target_fingerprint = excluded.target_fingerprint, checksum = excluded.checksum, \
             stored_bytes = excluded.stored_bytes, stored_hash = excluded.stored_hash, error = NULL WHERE job_objects.fingerprint = excluded.fingerprint",
        );
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes note of the hash of a source object that was not read when its store copied it. The receipt, which was signed without it,
/// stays as it is.
///
/// # Errors
/// The database's own.
pub async fn set_later_hash(
    tx: &mut Conn,
    job: JobId,
    object: &FoundObject,
    hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job_objects SET later_hash = $4 WHERE job_id = $1 AND key = $2 AND fingerprint = $3 AND content_hash IS NULL",
    )
    .bind(job.0)
    .bind(object.key.as_str())
    .bind(object.fingerprint.as_str())
    .bind(hash)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes note that the copies were read back and are right.
///
/// # Errors
/// The database's own.
pub async fn set_verified(tx: &mut Conn, job: JobId, keys: &[&str]) -> Result<(), StoreError> {
    for keys in pieces(keys) {
        let mut query = Builder::new(
            tx,
            "UPDATE job_objects SET state = 'verified' WHERE state = 'copied' AND job_id = ",
        );
        query.push_bind(job.0);
        with_keys(&mut query, keys.iter().copied());
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes note that every copy is right as far as it is checked at all.
///
/// # Errors
/// The database's own.
pub async fn set_all_verified(tx: &mut Conn, job: JobId) -> Result<(), StoreError> {
    sqlx::query("UPDATE job_objects SET state = 'verified' WHERE job_id = $1 AND state = 'copied'")
        .bind(job.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes note of what is wrong with an object.
///
/// # Errors
/// The database's own.
pub async fn set_failed(tx: &mut Conn, job: JobId, key: &str, error: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE job_objects SET state = 'failed', error = $3 WHERE job_id = $1 AND key = $2")
        .bind(job.0)
        .bind(key)
        .bind(error)
        .execute(tx)
        .await?;
    Ok(())
}

/// The first object that failed, and why.
///
/// # Errors
/// The database's own.
pub async fn first_failed(conn: &mut Conn, job: JobId) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(
        "SELECT key, error FROM job_objects WHERE job_id = $1 AND state = 'failed' ORDER BY key LIMIT 1",
    )
    .bind(job.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let (key, error): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(error.unwrap_or_else(|| format!("the object {key:?} failed")))
    })
    .transpose()
}

/// Objects that failed wait to be copied again.
///
/// # Errors
/// The database's own.
pub async fn reset_failed(tx: &mut Conn, job: JobId) -> Result<(), StoreError> {
    reset(tx, job, "state = 'failed'").await
}

/// Every object waits to be copied: nothing of it is staged any more.
///
/// # Errors
/// The database's own.
pub async fn reset_all(tx: &mut Conn, job: JobId) -> Result<(), StoreError> {
    reset(tx, job, "state <> 'pending'").await
}

async fn reset(tx: &mut Conn, job: JobId, condition: &str) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE job_objects SET state = 'pending', content_hash = NULL, metadata = NULL, target_fingerprint = NULL, \
         checksum = NULL, stored_bytes = NULL, stored_hash = NULL, error = NULL WHERE job_id = $1 AND {condition}"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(job.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// What was verified is verified afresh: the job has waited.
///
/// # Errors
/// The database's own.
pub async fn forget_verified(tx: &mut Conn, job: JobId) -> Result<(), StoreError> {
    sqlx::query("UPDATE job_objects SET state = 'copied' WHERE job_id = $1 AND state = 'verified'")
        .bind(job.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// At most `limit` objects as people see them: failed first, then those under way, then by key.
///
/// # Errors
/// The database's own.
pub async fn shown(conn: &mut Conn, job: JobId, limit: i64) -> Result<Vec<ManifestObject>, StoreError> {
    let mut found = Vec::new();
    for which in [
        "state = 'failed'",
        "state = 'pending'",
        "state IN ('copied', 'verified')",
    ] {
        let left = limit - i64::try_from(found.len()).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let sql = format!(
            "SELECT key, size_bytes, state, content_hash, error FROM job_objects WHERE job_id = $1 AND {which} ORDER BY key LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(job.0)
            .bind(left)
            .fetch_all(&mut *conn)
            .await?;
        for row in &rows {
            found.push(ManifestObject {
                key: row.try_get("key")?,
                size_bytes: Bytes::from_i64(row.try_get("size_bytes")?),
                state: row.try_get("state")?,
                content_hash: row.try_get("content_hash")?,
                error: row.try_get("error")?,
            });
        }
    }
    Ok(found)
}

pub(super) fn stored(size: Option<i64>, hash: Option<String>) -> Option<Stored> {
    size.zip(hash).map(|(size, hash)| Stored {
        size_bytes: Bytes::from_i64(size),
        hash,
    })
}

fn read(row: &Row) -> Result<ManifestRow, StoreError> {
    Ok(ManifestRow {
        found: FoundObject {
            key: row.try_get("key")?,
            size_bytes: Bytes::from_i64(row.try_get("size_bytes")?),
            fingerprint: row.try_get("fingerprint")?,
        },
        content_hash: row.try_get("content_hash")?,
        metadata: row.try_get("metadata")?,
        target_fingerprint: row.try_get("target_fingerprint")?,
        checksum: row.try_get("checksum")?,
        stored: stored(row.try_get("stored_bytes")?, row.try_get("stored_hash")?),
    })
}

//! The switch, the way back, and the end of a copy that nobody needs: what a job does to `datasets` and `replicas`.
//!
//! Invariant: a dataset is served from exactly one copy in every commit. Each statement names what it insists on; when one finds it
//! otherwise, the answer says so and the caller drops the transaction.

use super::jobs::{self, JobRow};
use super::jobs_change::{Also, change};
use super::{Conn, StoreError};
use crate::domain::id::ReplicaId;
use crate::domain::migration::Progress;
use crate::domain::migration::machine::JobState;
use crate::domain::replica::ReplicaRole;
use crate::domain::unit::{Bytes, Timestamp};

/// What a switch or an undo came to.
#[derive(Clone, Debug)]
pub enum Switch {
    /// Done, once the transaction is committed.
    Done(Box<JobRow>),
    /// The dataset is not what the job saw. Nothing may be committed.
    DatasetMoved,
    /// The job is not what its holder saw. Nothing may be committed.
    JobMoved,
}

/// What a switch sets.
#[derive(Clone, Debug)]
pub struct NewServing<'a> {
    /// Path of the target below its location.
    pub prefix: &'a str,
    /// Objects and bytes of the manifest, all of them done.
    pub progress: Progress,
    /// Objects and bytes that the catalog counts for the dataset.
    pub counted: (i64, Bytes),
    /// The weakest check that every object passed.
    pub verification: &'a str,
    /// Until when the source is kept.
    pub retire_after: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Points the dataset at the target, keeps the source, and ends the job, all or nothing.
///
/// # Errors
/// The database's own.
pub async fn switch(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    new: &NewServing<'_>,
) -> Result<Switch, StoreError> {
    if seen.options.replicate {
        return replicate(tx, seen, to, new).await;
    }
    let job = &seen.job;
    let in_place = job.is_in_place();
    let retire_after = (!seen.options.keep_source && !in_place).then_some(new.retire_after.0);
    let dataset = sqlx::query(
        "UPDATE datasets SET path_uri = $5, location_id = $6, prefix = $7, storage_class = $8, object_count = $9, \
         size_bytes = $10, scanned_at = $11, updated_at = $11, generation = generation + 1 \
         WHERE id = $1 AND generation = $2 AND path_uri = $3 AND location_id = $4",
    )
    .bind(job.dataset_id.0)
    .bind(seen.seen_generation)
    .bind(job.source_uri.to_string())
    .bind(job.source_location_id.0)
    .bind(job.target_uri.to_string())
    .bind(job.target_location_id.0)
    .bind(new.prefix)
    .bind(job.target_class.as_str())
    .bind(new.counted.0)
    .bind(new.counted.1.to_i64())
    .bind(new.now.0)
    .execute(&mut *tx)
    .await?;
    // Where the class changed in place the objects of the old copy are those of the new one.
    let kept_as = if in_place {
        ReplicaRole::Retired
    } else {
        ReplicaRole::Retained
    };
    let retained = sqlx::query(
        "UPDATE replicas SET role = $5, retire_after = $2, object_count = $3, size_bytes = $4 \
         WHERE id = $1 AND role = 'serving'",
    )
    .bind(seen.source_replica.map(|r| r.0))
    .bind(retire_after)
    .bind(new.counted.0)
    .bind(new.counted.1.to_i64())
    .bind(kept_as.as_str())
    .execute(&mut *tx)
    .await?;
    if dataset.rows_affected() != 1 || retained.rows_affected() != 1 {
        return Ok(Switch::DatasetMoved);
    }
    let replica = add_copy(tx, seen, new, ReplicaRole::Serving).await?;
    sqlx::query(
        "UPDATE jobs SET target_replica_id = $3, undo_until = $4, verification = $5 WHERE id = $1 AND fence = $2",
    )
    .bind(job.id.0)
    .bind(job.fence)
    .bind(replica)
    .bind(retire_after)
    .bind(new.verification)
    .execute(&mut *tx)
    .await?;
    let also = Also {
        reason: reason(seen),
        release: true,
        progress: Some(new.progress),
        ..Also::default()
    };
    finish(tx, seen, to, &also, new.now).await
}

/// What is to be said of a job that has switched.
fn reason(seen: &JobRow) -> Option<String> {
    if seen.job.is_in_place() {
        return Some(format!(
            "every object has the class {} now, where it stands; the way back is another change",
            seen.job.target_class
        ));
    }
    seen.options
        .keep_source
        .then(|| "the source is kept for good as a second copy".into())
}

/// The row of the copy at the target; its id.
async fn add_copy(
    tx: &mut Conn,
    seen: &JobRow,
    new: &NewServing<'_>,
    role: ReplicaRole,
) -> Result<i64, StoreError> {
    let job = &seen.job;
    Ok(sqlx::query_scalar(
        "INSERT INTO replicas (dataset_id, location_id, prefix, storage_class, role, object_count, size_bytes, verified_at, \
         created_at, encryption) VALUES ($1, $2, $3, $4, $8, $5, $6, $7, $7, $9) RETURNING id",
    )
    .bind(job.dataset_id.0)
    .bind(job.target_location_id.0)
    .bind(new.prefix)
    .bind(job.target_class.as_str())
    .bind(new.counted.0)
    .bind(new.counted.1.to_i64())
    .bind(new.now.0)
    .bind(role.as_str())
    .bind(super::json_of(seen.target_encryption.as_ref())?)
    .fetch_one(tx)
    .await?)
}

/// Takes note of the target as a second copy. Readers stay where they are.
async fn replicate(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    new: &NewServing<'_>,
) -> Result<Switch, StoreError> {
    let job = &seen.job;
    let stands = sqlx::query(
        "UPDATE datasets SET updated_at = updated_at WHERE id = $1 AND generation = $2 AND path_uri = $3 AND location_id = $4",
    )
    .bind(job.dataset_id.0)
    .bind(seen.seen_generation)
    .bind(job.source_uri.to_string())
    .bind(job.source_location_id.0)
    .execute(&mut *tx)
    .await?;
    if stands.rows_affected() != 1 {
        return Ok(Switch::DatasetMoved);
    }
    let replica = add_copy(tx, seen, new, ReplicaRole::Retained).await?;
    sqlx::query("UPDATE jobs SET target_replica_id = $3, verification = $4 WHERE id = $1 AND fence = $2")
        .bind(job.id.0)
        .bind(job.fence)
        .bind(replica)
        .bind(new.verification)
        .execute(&mut *tx)
        .await?;
    let also = Also {
        reason: Some("kept as a second copy; readers stay at the source".into()),
        release: true,
        progress: Some(new.progress),
        ..Also::default()
    };
    finish(tx, seen, to, &also, new.now).await
}

/// Gives a second copy up. Readers stay where they are.
async fn drop_copy(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    now: Timestamp,
) -> Result<Switch, StoreError> {
    let given_up = sqlx::query("UPDATE replicas SET role = 'deleting' WHERE id = $1 AND role = 'retained'")
        .bind(seen.target_replica.map(|r| r.0))
        .execute(&mut *tx)
        .await?;
    if given_up.rows_affected() != 1 {
        return Ok(Switch::DatasetMoved);
    }
    let also = Also {
        reason: Some("the second copy is being removed; readers stay where they are".into()),
        release: true,
        raise_fence: true,
        ..Also::default()
    };
    finish(tx, seen, to, &also, now).await
}

/// Points the dataset back at the retained source and gives the target's copy up, all or nothing.
///
/// # Errors
/// The database's own.
pub async fn undo(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    prefix: &str,
    now: Timestamp,
) -> Result<Switch, StoreError> {
    if seen.options.replicate {
        return drop_copy(tx, seen, to, now).await;
    }
    let job = &seen.job;
    let given_up = sqlx::query("UPDATE replicas SET role = 'deleting' WHERE id = $1 AND role = 'serving'")
        .bind(seen.target_replica.map(|r| r.0))
        .execute(&mut *tx)
        .await?;
    let restored = sqlx::query(
        "UPDATE replicas SET role = 'serving', retire_after = NULL WHERE id = $1 AND role = 'retained'",
    )
    .bind(seen.source_replica.map(|r| r.0))
    .execute(&mut *tx)
    .await?;
    let dataset = sqlx::query(
        "UPDATE datasets SET path_uri = $4, location_id = $5, prefix = $6, storage_class = $7, updated_at = $9, \
         object_count = (SELECT object_count FROM replicas WHERE id = $8), \
         size_bytes = (SELECT size_bytes FROM replicas WHERE id = $8), generation = generation + 1 \
         WHERE id = $1 AND path_uri = $2 AND location_id = $3",
    )
    .bind(job.dataset_id.0)
    .bind(job.target_uri.to_string())
    .bind(job.target_location_id.0)
    .bind(job.source_uri.to_string())
    .bind(job.source_location_id.0)
    .bind(prefix)
    .bind(job.source_class.as_str())
    .bind(seen.source_replica.map(|r| r.0))
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    if [&given_up, &restored, &dataset]
        .iter()
        .any(|done| done.rows_affected() != 1)
    {
        return Ok(Switch::DatasetMoved);
    }
    let also = Also {
        reason: Some("readers are sent to the source again; the copy at the target is being removed".into()),
        release: true,
        raise_fence: true,
        ..Also::default()
    };
    finish(tx, seen, to, &also, now).await
}

/// Begins to delete the retained source, while the dataset is still served from the copy that was found good: from here on there is
/// no undo.
///
/// # Errors
/// The database's own.
pub async fn begin_retirement(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    verified: ReplicaId,
    now: Timestamp,
) -> Result<Switch, StoreError> {
    let begun = sqlx::query(
        "UPDATE replicas SET role = 'deleting' WHERE id = $1 AND role = 'retained' \
         AND EXISTS (SELECT 1 FROM replicas s WHERE s.id = $2 AND s.role = 'serving')",
    )
    .bind(seen.source_replica.map(|r| r.0))
    .bind(verified.0)
    .execute(&mut *tx)
    .await?;
    if begun.rows_affected() != 1 {
        return Ok(Switch::DatasetMoved);
    }
    let also = Also {
        reason: Some("the grace period is over: the source is being removed".into()),
        ..Also::default()
    };
    finish(tx, seen, to, &also, now).await
}

async fn finish(
    tx: &mut Conn,
    seen: &JobRow,
    to: &JobState,
    also: &Also,
    now: Timestamp,
) -> Result<Switch, StoreError> {
    Ok(match change(tx, seen, to, also, now).await? {
        Some(row) => Switch::Done(Box::new(row)),
        None => Switch::JobMoved,
    })
}

/// Puts the end of a copy off, when it cannot be deleted safely now.
///
/// # Errors
/// The database's own.
pub async fn put_off_retirement(tx: &mut Conn, seen: &JobRow, until: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE replicas SET retire_after = $2 WHERE id = $1 AND role = 'retained'")
        .bind(seen.source_replica.map(|r| r.0))
        .bind(until.0)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE jobs SET undo_until = $2 WHERE id = $1")
        .bind(seen.job.id.0)
        .bind(until.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes note that a copy's bytes are gone.
///
/// # Errors
/// The database's own.
pub async fn retired(tx: &mut Conn, replica: ReplicaId) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE replicas SET role = 'retired' WHERE id = $1 AND role = 'deleting'")
        .bind(replica.0)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Jobs whose retained source is due.
///
/// # Errors
/// The database's own.
pub async fn to_retire(conn: &mut Conn, now: Timestamp) -> Result<Vec<JobRow>, StoreError> {
    jobs::select(
        conn,
        "j.status = 'completed' AND j.undo_open = 1 AND j.undo_until IS NOT NULL AND $2 = $2 AND EXISTS (SELECT 1 FROM replicas r \
         WHERE r.id = j.source_replica_id AND r.role = 'retained' AND r.retire_after <= $1)",
        [now.0, 0],
    )
    .await
}

/// Jobs with a copy whose deletion has begun: the source of a completed one, the target of an undone one.
///
/// # Errors
/// The database's own.
pub async fn to_remove(conn: &mut Conn) -> Result<Vec<JobRow>, StoreError> {
    jobs::select(
        conn,
        "$1 = $2 AND EXISTS (SELECT 1 FROM replicas r WHERE r.role = 'deleting' AND \
         ((j.status = 'completed' AND j.undo_until IS NOT NULL AND r.id = j.source_replica_id) OR (j.status = 'undone' AND r.id = j.target_replica_id)))",
        [0, 0],
    )
    .await
}

/// The completed job that brought the copy from which the dataset is served now.
///
/// # Errors
/// The database's own.
pub async fn brought_serving(conn: &mut Conn, seen: &JobRow) -> Result<Option<JobRow>, StoreError> {
    let found = jobs::select(
        conn,
        "j.status = 'completed' AND j.dataset_id = $1 AND $2 = $2 AND EXISTS (SELECT 1 FROM replicas r \
         WHERE r.id = j.target_replica_id AND r.role = 'serving')",
        [seen.job.dataset_id.0, 0],
    )
    .await?;
    Ok(found.into_iter().next())
}

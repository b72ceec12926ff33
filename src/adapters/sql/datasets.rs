//! Rows of `datasets` and `replicas`. Lists are in `dataset_list.rs`.

use super::{Conn, Row, StoreError};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, OwnerRules};
use crate::domain::encryption::Encryption;
use crate::domain::id::{DatasetId, LocationId, ReplicaId};
use crate::domain::replica::{Replica, ReplicaRole};
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::Row as _;

/// Columns of a dataset joined with its location, as [`read`] expects them.
pub(super) const COLUMNS: &str = "d.id, d.name, d.path_uri, d.location_id, l.name AS location_name, \
    d.storage_class, d.size_bytes, d.object_count, d.scanned_at, d.generation, d.pinned_reason, \
    d.latency_limit_ms, d.stand_in, d.created_at, d.updated_at";
/// The tables behind [`COLUMNS`].
pub(super) const TABLES: &str = "datasets d JOIN locations l ON l.id = d.location_id";

/// Inserts a dataset with its serving replica below its location; `dataset.id` is ignored and the new one returned.
///
/// # Errors
/// `Unique` for a name that is taken.
pub async fn insert(conn: &mut Conn, dataset: &Dataset, prefix: &str) -> Result<DatasetId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO datasets (name, path_uri, location_id, prefix, storage_class, size_bytes, object_count, \
         scanned_at, generation, pinned_reason, latency_limit_ms, stand_in, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id",
    )
    .bind(dataset.name.as_str())
    .bind(dataset.path_uri.to_string())
    .bind(dataset.location_id.0)
    .bind(prefix)
    .bind(dataset.storage_class.as_str())
    .bind(dataset.size_bytes.to_i64())
    .bind(dataset.object_count)
    .bind(dataset.scanned_at.map(|t| t.0))
    .bind(dataset.generation)
    .bind(dataset.pinned_reason.as_deref())
    .bind(dataset.latency_limit_ms)
    .bind(i64::from(dataset.stand_in))
    .bind(dataset.created_at.0)
    .bind(dataset.updated_at.0)
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO replicas (dataset_id, location_id, prefix, storage_class, role, object_count, size_bytes, \
         created_at) VALUES ($1, $2, $3, $4, 'serving', $5, $6, $7)",
    )
    .bind(id)
    .bind(dataset.location_id.0)
    .bind(prefix)
    .bind(dataset.storage_class.as_str())
    .bind(dataset.object_count)
    .bind(dataset.size_bytes.to_i64())
    .bind(dataset.created_at.0)
    .execute(conn)
    .await?;
    Ok(DatasetId(id))
}

/// The dataset of an id or a name.
///
/// # Errors
/// The database's own.
pub async fn find(conn: &mut Conn, key: &DatasetKey) -> Result<Option<Dataset>, StoreError> {
    let key = match key {
        DatasetKey::Name(text) => DatasetKey::parse(text),
        DatasetKey::Id(_) => key.clone(),
    };
    let column = if matches!(key, DatasetKey::Id(_)) {
        "id"
    } else {
        "name"
    };
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM {TABLES} WHERE d.{column} = $1"));
    let query = match key {
        DatasetKey::Id(id) => sqlx::query(sql).bind(id.0),
        DatasetKey::Name(name) => sqlx::query(sql).bind(name),
    };
    query.fetch_optional(conn).await?.as_ref().map(read).transpose()
}

/// Every dataset's id and name.
///
/// # Errors
/// The database's own.
pub async fn names(conn: &mut Conn) -> Result<Vec<(DatasetId, String)>, StoreError> {
    let rows = sqlx::query("SELECT id, name FROM datasets ORDER BY id")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((DatasetId(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

/// Last read or write.
///
/// # Errors
/// The database's own.
pub async fn last_access(conn: &mut Conn, id: DatasetId) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sqlx::query_scalar("SELECT last_access_at FROM datasets WHERE id = $1")
        .bind(id.0)
        .fetch_one(conn)
        .await?;
    Ok(at.map(Timestamp))
}

/// The copies of a dataset, the serving one first, then the latest.
///
/// # Errors
/// The database's own.
pub async fn replicas(conn: &mut Conn, id: DatasetId) -> Result<Vec<Replica>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, dataset_id, location_id, prefix, storage_class, role, object_count, size_bytes, verified_at, \
         created_at, retire_after, encryption FROM replicas WHERE dataset_id = $1 \
         ORDER BY CASE role WHEN 'serving' THEN 0 ELSE 1 END, id DESC",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_replica).collect()
}

/// How the copy is encrypted that a dataset is served from.
///
/// # Errors
/// The database's own.
pub async fn serving_encryption(conn: &mut Conn, id: DatasetId) -> Result<Option<Encryption>, StoreError> {
    let row = sqlx::query("SELECT encryption FROM replicas WHERE dataset_id = $1 AND role = 'serving'")
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    match row {
        Some(row) => super::maybe_from_json(&row, "encryption"),
        None => Ok(None),
    }
}

/// The name of a dataset with a copy at, above or below a prefix of a location.
///
/// # Errors
/// The database's own.
pub async fn overlapping(
    conn: &mut Conn,
    location: LocationId,
    prefix: &str,
) -> Result<Option<String>, StoreError> {
    // Below: everything between "prefix/" and the next text after it ('0' follows '/'), which an index answers.
    let below: Option<String> = sqlx::query_scalar(
        "SELECT d.name FROM replicas r JOIN datasets d ON d.id = r.dataset_id \
         WHERE r.location_id = $1 AND r.prefix > $2 AND r.prefix < $3 AND r.role <> 'retired' LIMIT 1",
    )
    .bind(location.0)
    .bind(format!("{prefix}/"))
    .bind(format!("{prefix}0"))
    .fetch_optional(&mut *conn)
    .await?;
    if below.is_some() {
        return Ok(below);
    }
    let ends = prefix.char_indices().filter(|(_, c)| *c == '/').map(|(i, _)| i);
    for end in ends.chain([prefix.len()]) {
        let same: Option<String> = sqlx::query_scalar(
            "SELECT d.name FROM replicas r JOIN datasets d ON d.id = r.dataset_id \
             WHERE r.location_id = $1 AND r.prefix = $2 AND r.role <> 'retired' LIMIT 1",
        )
        .bind(location.0)
        .bind(&prefix[..end])
        .fetch_optional(&mut *conn)
        .await?;
        if same.is_some() {
            return Ok(same);
        }
    }
    Ok(None)
}

/// Stores what a scan of generation `generation` found. `false` when the dataset has changed since.
///
/// # Errors
/// The database's own.
pub async fn set_scanned(
    conn: &mut Conn,
    id: DatasetId,
    generation: i64,
    object_count: i64,
    size: Bytes,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE datasets SET object_count = $3, size_bytes = $4, scanned_at = $5, updated_at = $5, \
         generation = generation + CASE WHEN object_count = $3 AND size_bytes = $4 THEN 0 ELSE 1 END \
         WHERE id = $1 AND generation = $2",
    )
    .bind(id.0)
    .bind(generation)
    .bind(object_count)
    .bind(size.to_i64())
    .bind(now.0)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE replicas SET object_count = $2, size_bytes = $3 WHERE dataset_id = $1 AND role = 'serving'",
    )
    .bind(id.0)
    .bind(object_count)
    .bind(size.to_i64())
    .execute(conn)
    .await?;
    Ok(true)
}

/// Replaces the owner's rules, as a change of the dataset.
///
/// # Errors
/// The database's own.
pub async fn set_rules(
    conn: &mut Conn,
    id: DatasetId,
    rules: &OwnerRules,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE datasets SET pinned_reason = $2, latency_limit_ms = $3, updated_at = $4, \
         generation = generation + 1 WHERE id = $1",
    )
    .bind(id.0)
    .bind(rules.pinned_reason.as_deref())
    .bind(rules.latency_limit_ms)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a dataset, its copies' rows and its history. No file is touched.
///
/// # Errors
/// `Reference` while something else refers to it.
pub async fn delete(conn: &mut Conn, id: DatasetId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM access_rollups WHERE dataset_id = $1",
        "DELETE FROM access_readers WHERE dataset_id = $1",
        "DELETE FROM datasets WHERE id = $1",
    ] {
        sqlx::query(sql).bind(id.0).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row) -> Result<Dataset, StoreError> {
    let scanned: Option<i64> = row.try_get("scanned_at")?;
    Ok(Dataset {
        id: DatasetId(row.try_get("id")?),
        name: super::parse(row, "name")?,
        path_uri: super::parse(row, "path_uri")?,
        location_id: LocationId(row.try_get("location_id")?),
        location_name: super::parse(row, "location_name")?,
        storage_class: super::parse(row, "storage_class")?,
        size_bytes: Bytes::from_i64(row.try_get("size_bytes")?),
        object_count: row.try_get("object_count")?,
        scanned_at: scanned.map(Timestamp),
        generation: row.try_get("generation")?,
        pinned_reason: row.try_get("pinned_reason")?,
        latency_limit_ms: row.try_get("latency_limit_ms")?,
        stand_in: row.try_get::<i64, _>("stand_in")? != 0,
        created_at: Timestamp(row.try_get("created_at")?),
        updated_at: Timestamp(row.try_get("updated_at")?),
    })
}

fn read_replica(row: &Row) -> Result<Replica, StoreError> {
    let role: String = row.try_get("role")?;
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
    };
    Ok(Replica {
        id: ReplicaId(row.try_get("id")?),
        dataset_id: DatasetId(row.try_get("dataset_id")?),
        location_id: LocationId(row.try_get("location_id")?),
        prefix: row.try_get("prefix")?,
        storage_class: super::parse(row, "storage_class")?,
        role: ReplicaRole::parse(&role).ok_or_else(|| StoreError::corrupt("role", &role))?,
        object_count: row.try_get("object_count")?,
        size_bytes: Bytes::from_i64(row.try_get("size_bytes")?),
        verified_at: time("verified_at")?,
        created_at: Timestamp(row.try_get("created_at")?),
        retire_after: time("retire_after")?,
        encryption: super::maybe_from_json(row, "encryption")?,
    })
}

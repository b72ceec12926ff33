//! What recommendations are computed from, for many datasets at once, and which of them have to be looked at again.
//!
//! Invariant: read everything of a batch inside one read transaction, so that what was seen and what it is marked as seen by belong
//! together; a change in between is found by the next look.

use super::datasets::{COLUMNS, TABLES, read};
use super::multi::Builder;
use super::{Conn, StoreError, readers};
use crate::domain::access::AccessBucket;
use crate::domain::dataset::Dataset;
use crate::domain::id::{DatasetId, LocationId};
use crate::domain::recommendation::readers::ReadFrom;
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::Row as _;
use std::collections::HashMap;

/// A dataset with what marks it as seen.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The dataset.
    pub dataset: Dataset,
    /// Its last access.
    pub last_access: Option<Timestamp>,
}

/// Since when a dataset stands where it stands, where it stood first, and from where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// When its serving replica was made.
    pub placed_at: Timestamp,
    /// The location of its first replica that is still known.
    pub home: LocationId,
    /// Copies that are kept: the serving one and those that were not given up.
    pub copies: i64,
    /// What its events say about that, if anything.
    pub readers: Option<ReadFrom>,
}

/// What a look must have seen not to be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Digest of the places to choose from and their prices.
    pub choice: &'a str,
    /// Today, in days since 1970.
    pub day: i64,
}

pub(super) fn push_ids(query: &mut Builder, ids: &[DatasetId]) {
    query.push(" (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(")");
}

/// Datasets after `after` in the order of ids that have no recommendation, or whose accesses, size, place, prices or day have
/// changed since the last look.
///
/// # Errors
/// The database's own.
pub async fn stale(
    conn: &mut Conn,
    seen: Seen<'_>,
    after: DatasetId,
    limit: i64,
) -> Result<Vec<DatasetId>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT d.id FROM datasets d LEFT JOIN recommendations r ON r.dataset_id = d.id \
         WHERE d.id > $1 AND (r.dataset_id IS NULL OR r.seen_generation <> d.generation OR r.seen_choice <> $2 \
         OR r.seen_day <> $3 OR COALESCE(r.seen_access, -1) <> COALESCE(d.last_access_at, -1)) \
         ORDER BY d.id LIMIT $4",
    )
    .bind(after.0)
    .bind(seen.choice)
    .bind(seen.day)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(DatasetId).collect())
}

/// How many datasets there are, and how many of them [`stale`] would give.
///
/// # Errors
/// The database's own.
pub async fn stale_count(conn: &mut Conn, seen: Seen<'_>) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*), COUNT(CASE WHEN r.dataset_id IS NULL OR r.seen_generation <> d.generation \
         OR r.seen_choice <> $1 OR r.seen_day <> $2 OR COALESCE(r.seen_access, -1) <> COALESCE(d.last_access_at, -1) \
         THEN 1 END) FROM datasets d LEFT JOIN recommendations r ON r.dataset_id = d.id",
    )
    .bind(seen.choice)
    .bind(seen.day)
    .fetch_one(conn)
    .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Datasets that were accessed in the next `limit` events after those looked at, and the last of these events; also those whose
/// events came late and are older than their last access.
///
/// # Errors
/// The database's own.
pub async fn accessed(conn: &mut Conn, limit: i64) -> Result<(Vec<DatasetId>, Option<i64>), StoreError> {
    let rows = sqlx::query(
        "SELECT e.dataset_id, MAX(e.id) FROM (SELECT id, dataset_id FROM access_events \
         WHERE id > (SELECT last_event FROM recommender_state WHERE id = 1) ORDER BY id LIMIT $1) e \
         JOIN datasets d ON d.id = e.dataset_id GROUP BY e.dataset_id ORDER BY e.dataset_id",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let mut last = None;
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        ids.push(DatasetId(row.try_get(0)?));
        last = last.max(Some(row.try_get::<i64, _>(1)?));
    }
    Ok((ids, last))
}

/// Keeps that the datasets of events up to this one were looked at.
///
/// # Errors
/// The database's own.
pub async fn set_accessed(tx: &mut Conn, last_event: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE recommender_state SET last_event = $1 WHERE id = 1 AND last_event < $1")
        .bind(last_event)
        .execute(tx)
        .await?;
    Ok(())
}

/// Datasets after `after`, in the order of ids.
///
/// # Errors
/// The database's own.
pub async fn ids(conn: &mut Conn, after: DatasetId, limit: i64) -> Result<Vec<DatasetId>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM datasets WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after.0)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(ids.into_iter().map(DatasetId).collect())
}

/// How many datasets there are, and how many hours with accesses are known before an instant.
///
/// # Errors
/// The database's own.
pub async fn known_past(conn: &mut Conn, before: Timestamp) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM datasets), (SELECT COUNT(*) FROM access_rollups WHERE hour < $1)",
    )
    .bind(before.0)
    .fetch_one(conn)
    .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// These datasets, in the order of ids.
///
/// # Errors
/// The database's own.
pub async fn subjects(conn: &mut Conn, ids: &[DatasetId]) -> Result<Vec<Subject>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Builder::new(
        conn,
        format!("SELECT {COLUMNS}, d.last_access_at FROM {TABLES} WHERE d.id IN"),
    );
    push_ids(&mut query, ids);
    query.push(" ORDER BY d.id");
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(Subject {
                dataset: read(row)?,
                last_access: row.try_get::<Option<i64>, _>("last_access_at")?.map(Timestamp),
            })
        })
        .collect()
}

/// Accesses of these datasets by UTC day since an instant, each in the order of days.
///
/// # Errors
/// The database's own.
pub async fn days(
    conn: &mut Conn,
    ids: &[DatasetId],
    since: Timestamp,
) -> Result<HashMap<DatasetId, Vec<AccessBucket>>, StoreError> {
    let mut found: HashMap<DatasetId, Vec<AccessBucket>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let day = Timestamp::DAY;
    let mut query = Builder::new(
        conn,
        format!(
            "SELECT dataset_id, hour / {day} * {day} AS start, CAST(SUM(reads) AS BIGINT) AS reads, \
         CAST(SUM(writes) AS BIGINT) AS writes, CAST(SUM(read_bytes) AS BIGINT) AS read_bytes, \
         CAST(SUM(write_bytes) AS BIGINT) AS write_bytes FROM access_rollups WHERE hour >= "
        ),
    );
    query.push_bind(since.0).push(" AND dataset_id IN");
    push_ids(&mut query, ids);
    query.push(format!(" GROUP BY dataset_id, hour / {day} ORDER BY 1, 2"));
    for row in query.build().fetch_all(conn).await? {
        let bucket = AccessBucket {
            start: Timestamp(row.try_get("start")?),
            reads: row.try_get("reads")?,
            writes: row.try_get("writes")?,
            read_bytes: Bytes::from_i64(row.try_get("read_bytes")?),
            write_bytes: Bytes::from_i64(row.try_get("write_bytes")?),
            latency_sum_us: 0,
            latency_count: 0,
        };
        found.entry(DatasetId(row.try_get(0)?)).or_default().push(bucket);
    }
    Ok(found)
}

/// Since when these datasets stand where they stand, where they stood first, and from where they are read.
///
/// # Errors
/// The database's own.
pub async fn stays(
    conn: &mut Conn,
    ids: &[DatasetId],
    now: Timestamp,
) -> Result<HashMap<DatasetId, Stay>, StoreError> {
    let mut found: HashMap<DatasetId, Stay> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut query = Builder::new(
        conn,
        "SELECT dataset_id, location_id, created_at, role FROM replicas WHERE dataset_id IN",
    );
    push_ids(&mut query, ids);
    query.push(" ORDER BY dataset_id, id");
    let mut read_from = readers::of(conn, ids, now).await?;
    for row in query.build().fetch_all(conn).await? {
        let placed_at = Timestamp(row.try_get("created_at")?);
        let id = DatasetId(row.try_get("dataset_id")?);
        let home = LocationId(row.try_get("location_id")?);
        let stay = found.entry(id).or_insert_with(|| Stay {
            placed_at,
            home,
            copies: 0,
            readers: read_from.remove(&id),
        });
        let role: String = row.try_get("role")?;
        stay.copies += i64::from(role == "serving" || role == "retained");
        if role == "serving" {
            stay.placed_at = placed_at;
        }
    }
    Ok(found)
}

/// The present generations of those of these datasets that still exist.
///
/// # Errors
/// The database's own.
pub async fn generations(conn: &mut Conn, ids: &[DatasetId]) -> Result<HashMap<DatasetId, i64>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = Builder::new(conn, "SELECT id, generation FROM datasets WHERE id IN");
    push_ids(&mut query, ids);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| Ok((DatasetId(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

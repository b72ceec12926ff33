//! What the placement policy remembers: a row for each stream, a row for each of its datasets.
//!
//! Invariant: a stream's row is written after the rows of its datasets, so that rows of another day tell that a write broke off.

use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::id::DatasetId;
use crate::domain::recommendation::problem::Guidance;
use sqlx::Row as _;
use std::collections::HashMap;

/// A stream as it is kept.
#[derive(Clone, Debug)]
pub struct StreamRow {
    /// Digest of the placements' names.
    pub id: String,
    /// The day whose morning was the last, in days since 1970.
    pub day: i64,
    /// Dataset-days with a read that were taken in.
    pub consumed: i64,
    /// JSON.
    pub body: String,
}

/// A dataset of a stream as it is kept.
#[derive(Clone, Debug)]
pub struct StateRow {
    /// The dataset.
    pub dataset: DatasetId,
    /// The day whose morning was the last.
    pub day: i64,
    /// JSON.
    pub body: String,
}

/// The stream of that name.
///
/// # Errors
/// The database's own.
pub async fn stream(conn: &mut Conn, id: &str) -> Result<Option<StreamRow>, StoreError> {
    let row = sqlx::query("SELECT id, day, consumed, body FROM policy_streams WHERE id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(StreamRow {
            id: row.try_get("id")?,
            day: row.try_get("day")?,
            consumed: row.try_get("consumed")?,
            body: row.try_get("body")?,
        })
    })
    .transpose()
}

/// Which streams there are and how far they came: what tells one advice from another.
///
/// # Errors
/// The database's own.
pub async fn versions(conn: &mut Conn) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let rows = sqlx::query("SELECT id, day, consumed FROM policy_streams ORDER BY id")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .collect()
}

/// The datasets of a stream after `after`, in the order of ids.
///
/// # Errors
/// The database's own.
pub async fn states(
    conn: &mut Conn,
    stream: &str,
    after: DatasetId,
    limit: i64,
) -> Result<Vec<StateRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT dataset_id, day, body FROM policy_states WHERE stream = $1 AND dataset_id > $2 \
         ORDER BY dataset_id LIMIT $3",
    )
    .bind(stream)
    .bind(after.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(StateRow {
                dataset: DatasetId(row.try_get("dataset_id")?),
                day: row.try_get("day")?,
                body: row.try_get("body")?,
            })
        })
        .collect()
}

/// Keeps a stream.
///
/// # Errors
/// The database's own.
pub async fn put_stream(tx: &mut Conn, row: &StreamRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_streams (id, day, consumed, body) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET day = excluded.day, consumed = excluded.consumed, body = excluded.body",
    )
    .bind(&row.id)
    .bind(row.day)
    .bind(row.consumed)
    .bind(&row.body)
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps a dataset of a stream, if the dataset still exists.
///
/// # Errors
/// The database's own.
pub async fn put_state(
    tx: &mut Conn,
    stream: &str,
    row: &StateRow,
    guidance: Option<&Guidance>,
) -> Result<(), StoreError> {
    let guidance = guidance
        .map(serde_json::to_string)
        .transpose()
        .map_err(|e| StoreError::corrupt("guidance", e))?;
    sqlx::query(
        "INSERT INTO policy_states (dataset_id, stream, day, body, guidance) \
         SELECT id, $2, $3, $4, $5 FROM datasets WHERE id = $1 \
         ON CONFLICT (dataset_id) DO UPDATE SET stream = excluded.stream, day = excluded.day, body = excluded.body, \
         guidance = excluded.guidance",
    )
    .bind(row.dataset.0)
    .bind(stream)
    .bind(row.day)
    .bind(&row.body)
    .bind(guidance)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets what was not brought to `day`.
///
/// # Errors
/// The database's own.
pub async fn forget_before(tx: &mut Conn, day: i64) -> Result<(), StoreError> {
    for table in ["policy_states", "policy_streams"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE day < $1")))
            .bind(day)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// What is advised of these datasets since `day`.
///
/// # Errors
/// The database's own.
pub async fn guidance(
    conn: &mut Conn,
    ids: &[DatasetId],
    day: i64,
) -> Result<HashMap<DatasetId, Guidance>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = Builder::new(
        conn,
        "SELECT dataset_id, guidance FROM policy_states WHERE guidance IS NOT NULL AND day >= ",
    );
    query.push_bind(day).push(" AND dataset_id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(")");
    let mut found = HashMap::with_capacity(ids.len());
    for row in query.build().fetch_all(conn).await? {
        let text: String = row.try_get(1)?;
        let guidance = serde_json::from_str(&text).map_err(|e| StoreError::corrupt("guidance", e))?;
        found.insert(DatasetId(row.try_get(0)?), guidance);
    }
    Ok(found)
}

//! Rows of `limits`.

use super::{Conn, StoreError};
use crate::domain::migration::limit::{Limit, LimitScope};
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::Row as _;

/// Every limit that is set.
///
/// # Errors
/// The database's own.
pub async fn all(conn: &mut Conn) -> Result<Vec<Limit>, StoreError> {
    let rows =
        sqlx::query("SELECT scope, bytes_per_sec, requests_per_sec, updated_at FROM limits ORDER BY scope")
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            Ok(Limit {
                scope: row.try_get("scope")?,
                bytes_per_sec: row
                    .try_get::<Option<i64>, _>("bytes_per_sec")?
                    .map(Bytes::from_i64),
                requests_per_sec: row
                    .try_get::<Option<i64>, _>("requests_per_sec")?
                    .and_then(|n| u32::try_from(n).ok()),
                updated_at: Timestamp(row.try_get("updated_at")?),
            })
        })
        .collect()
}

/// Sets a limit, or takes it away when it limits nothing.
///
/// # Errors
/// The database's own.
pub async fn set(
    tx: &mut Conn,
    scope: LimitScope,
    bytes_per_sec: Option<Bytes>,
    requests_per_sec: Option<u32>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if bytes_per_sec.is_none() && requests_per_sec.is_none() {
        sqlx::query("DELETE FROM limits WHERE scope = $1")
            .bind(scope.to_string())
            .execute(tx)
            .await?;
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO limits (scope, bytes_per_sec, requests_per_sec, updated_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (scope) DO UPDATE SET bytes_per_sec = excluded.bytes_per_sec, \
         requests_per_sec = excluded.requests_per_sec, updated_at = excluded.updated_at",
    )
    .bind(scope.to_string())
    .bind(bytes_per_sec.map(Bytes::to_i64))
    .bind(requests_per_sec.map(i64::from))
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(())
}

//! Answers that were given under an Idempotency-Key, so that a repeated request is not a second one.

use super::{Conn, StoreError};
use crate::domain::unit::Timestamp;
use sqlx::Row as _;

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Hash of the request that got it.
    pub request_hash: String,
    /// HTTP status.
    pub status: i64,
    /// Headers that belong to it, as JSON pairs.
    pub headers: String,
    /// Its body.
    pub body: String,
}

/// The answer that was given under a key since `since`.
///
/// # Errors
/// The database's own.
pub async fn find(
    conn: &mut Conn,
    scope: &str,
    key: &str,
    since: Timestamp,
) -> Result<Option<KeptAnswer>, StoreError> {
    let row = sqlx::query(
        "SELECT request_hash, status, headers, body FROM idempotency_keys \
         WHERE scope = $1 AND key = $2 AND created_at >= $3",
    )
    .bind(scope)
    .bind(key)
    .bind(since.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(KeptAnswer {
            request_hash: row.try_get(0)?,
            status: row.try_get(1)?,
            headers: row.try_get(2)?,
            body: row.try_get(3)?,
        })
    })
    .transpose()
}

/// Keeps an answer, and forgets those older than `forget_before`.
///
/// # Errors
/// `Unique` when the key was used meanwhile.
pub async fn keep(
    conn: &mut Conn,
    scope: &str,
    key: &str,
    answer: &KeptAnswer,
    now: Timestamp,
    forget_before: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
        .bind(forget_before.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, body, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(scope)
    .bind(key)
    .bind(answer.request_hash.as_str())
    .bind(answer.status)
    .bind(answer.headers.as_str())
    .bind(answer.body.as_str())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

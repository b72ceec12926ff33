//! The manifest of a job as it is read: a page at a time, in key order.
//!
//! Invariant: a page comes from the database as one text, and holds some hundred rows, so that a manifest of any size is read in
//! bounded memory.

use super::jobs_objects::{ManifestRow, ObjectState, SELECT, stored};
use super::multi::in_one_row;
use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::unit::Bytes;
use crate::ports::objects::FoundObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// In the order of [`Columns`].
const COLUMNS: &str = "key, size_bytes, fingerprint, content_hash, metadata, target_fingerprint, checksum, stored_bytes, stored_hash";

/// Manifest rows read at once: a text of some 200 kB.
const PAGE: i64 = 512;

/// Some hundred objects after a key, in key order.
///
/// # Errors
/// The database's own.
pub async fn page_any(conn: &mut Conn, job: JobId, after: &str) -> Result<Vec<ManifestRow>, StoreError> {
    read_page(conn, job, "", after, PAGE).await
}

/// At most `limit` objects of a state after a key, in key order.
///
/// # Errors
/// The database's own.
pub async fn page(
    conn: &mut Conn,
    job: JobId,
    state: ObjectState,
    after: &str,
    limit: i64,
) -> Result<Vec<ManifestRow>, StoreError> {
    read_page(
        conn,
        job,
        &format!("AND state = '{}'", state.as_str()),
        after,
        limit,
    )
    .await
}

/// Which of its two places a manifest says what of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The source, as it was listed.
    Source,
    /// The copies, as they were made. Objects that were never copied are not there.
    Copy,
}

/// What one of the places holds: some hundred objects after a key, in key order.
///
/// # Errors
/// The database's own.
pub async fn page_of(
    conn: &mut Conn,
    job: JobId,
    side: Side,
    after: &str,
) -> Result<Vec<FoundObject>, StoreError> {
    let print = match side {
        Side::Source => "fingerprint",
        Side::Copy => "target_fingerprint",
    };
    let rows = format!(
        "SELECT key, size_bytes, {print} AS print FROM job_objects \
         WHERE job_id = $1 AND key > $2 AND {print} IS NOT NULL ORDER BY key LIMIT $3"
    );
    let sql = in_one_row(conn, "key, size_bytes, print", &rows);
    let page: Vec<(String, i64, String)> = fetch_page(conn, sql, job, after, PAGE).await?;
    let objects = page.into_iter().map(|(key, size, fingerprint)| FoundObject {
        key,
        size_bytes: Bytes::from_i64(size),
        fingerprint,
    });
    Ok(in_key_order(objects.collect(), |object| &object.key))
}

async fn read_page(
    conn: &mut Conn,
    job: JobId,
    which: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<ManifestRow>, StoreError> {
    let rows = format!("{SELECT} WHERE job_id = $1 {which} AND key > $2 ORDER BY key LIMIT $3");
    let sql = in_one_row(conn, COLUMNS, &rows);
    let page: Vec<Columns> = fetch_page(conn, sql, job, after, limit).await?;
    let page = page.into_iter().map(ManifestRow::from).collect();
    Ok(in_key_order(page, |row: &ManifestRow| &row.found.key))
}

/// The rows of a page, which come as one text.
pub(super) async fn fetch_page<T: DeserializeOwned>(
    conn: &mut Conn,
    sql: String,
    job: JobId,
    after: &str,
    limit: i64,
) -> Result<Vec<T>, StoreError> {
    let page: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(job.0)
        .bind(after)
        .bind(limit)
        .fetch_one(conn)
        .await?;
    serde_json::from_str(&page).map_err(|e| StoreError::corrupt("job_objects", e))
}

/// Rows that come as one text are in order as a rule, which no engine promises.
pub(super) fn in_key_order<T>(mut page: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    if !page.is_sorted_by(|a, b| key(a) < key(b)) {
        page.sort_unstable_by(|a, b| key(a).cmp(key(b)));
    }
    page
}

/// A row as a page has it, in the order of [`COLUMNS`].
#[derive(Deserialize)]
struct Columns {
    key: String,
    size_bytes: i64,
    fingerprint: String,
    content_hash: Option<String>,
    metadata: Option<String>,
    target_fingerprint: Option<String>,
    checksum: Option<String>,
    stored_bytes: Option<i64>,
    stored_hash: Option<String>,
}

impl From<Columns> for ManifestRow {
    fn from(row: Columns) -> Self {
        Self {
            found: FoundObject {
                key: row.key,
                size_bytes: Bytes::from_i64(row.size_bytes),
                fingerprint: row.fingerprint,
            },
            content_hash: row.content_hash,
            metadata: row.metadata,
            target_fingerprint: row.target_fingerprint,
            checksum: row.checksum,
            stored: stored(row.stored_bytes, row.stored_hash),
        }
    }
}

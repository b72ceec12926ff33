//! Rows of `job_receipts`: what was signed when a job completed.
//!
//! Invariant: a receipt is written in the transaction of the switch that it speaks of, and never changed.

use super::jobs_pages::{fetch_page, in_key_order};
use super::multi::in_one_row;
use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::migration::receipt::{Receipt, ReceiptObject, Seal};
use crate::domain::unit::Bytes;
use serde::Deserialize;

/// Objects read at once.
const PAGE: i64 = 1000;

/// Keeps a receipt.
///
/// # Errors
/// The database's own.
pub async fn insert(tx: &mut Conn, receipt: &Receipt, seal: &Seal) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO job_receipts (job_id, receipt, seal, created_at) VALUES ($1, $2, $3, $4)")
        .bind(receipt.job_id.0)
        .bind(super::json(receipt)?)
        .bind(super::json(seal)?)
        .bind(receipt.completed_at.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// The receipt of a job.
///
/// # Errors
/// The database's own, and `Corrupt` for a text that is none.
pub async fn find(conn: &mut Conn, job: JobId) -> Result<Option<(Receipt, Seal)>, StoreError> {
    let row = sqlx::query("SELECT receipt, seal FROM job_receipts WHERE job_id = $1")
        .bind(job.0)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok((
            super::from_json(&row, "receipt")?,
            super::from_json(&row, "seal")?,
        ))
    })
    .transpose()
}

/// At most a thousand objects of a finished job after a key, in key order.
///
/// # Errors
/// The database's own.
pub async fn objects(conn: &mut Conn, job: JobId, after: &str) -> Result<Vec<ReceiptObject>, StoreError> {
    let rows = "SELECT key, size_bytes, COALESCE(content_hash, '') AS content_hash, \
                CASE WHEN content_hash IS NULL THEN checksum END AS checksum, stored_hash FROM job_objects \
                WHERE job_id = $1 AND key > $2 ORDER BY key LIMIT $3";
    let sql = in_one_row(conn, "key, size_bytes, content_hash, checksum, stored_hash", rows);
    let page: Vec<Columns> = fetch_page(conn, sql, job, after, PAGE).await?;
    let page = page.into_iter().map(ReceiptObject::from).collect();
    Ok(in_key_order(page, |object: &ReceiptObject| &object.key))
}

/// A row as a page has it, in the order in which it is asked for.
#[derive(Deserialize)]
struct Columns {
    key: String,
    size_bytes: i64,
    blake3: String,
    checksum: Option<String>,
    stored_blake3: Option<String>,
}

impl From<Columns> for ReceiptObject {
    fn from(row: Columns) -> Self {
        Self {
            key: row.key,
            size_bytes: Bytes::from_i64(row.size_bytes),
            blake3: row.blake3,
            checksum: row.checksum,
            stored_blake3: row.stored_blake3,
        }
    }
}

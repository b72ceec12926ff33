//! Sums over the catalog for the first page.
//!
//! Invariant: each is one statement over indexed columns, so that the page costs the same at a hundred thousand datasets as its
//! list does.

use super::{Conn, StoreError};
use crate::domain::overview::PlacementShare;
use crate::domain::unit::{Bytes, NanoUsd};
use sqlx::Row as _;

/// What is recommended in sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Datasets with a recommendation to move.
    pub moves: i64,
    /// Their savings for 30 days.
    pub saving: NanoUsd,
}

/// One line for each location and storage class that datasets are served from, the largest first.
///
/// # Errors
/// The database's own.
pub async fn shares(conn: &mut Conn) -> Result<Vec<PlacementShare>, StoreError> {
    let rows = sqlx::query(
        "SELECT l.name, d.storage_class, COUNT(*), CAST(SUM(d.size_bytes) AS BIGINT), COUNT(d.monthly_cost), \
         CAST(COALESCE(SUM(d.monthly_cost), 0) AS BIGINT) \
         FROM datasets d JOIN locations l ON l.id = d.location_id \
         GROUP BY l.name, d.storage_class ORDER BY 4 DESC, 1, 2",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let priced: i64 = row.try_get(4)?;
            Ok(PlacementShare {
                location_name: row.try_get(0)?,
                storage_class: row.try_get(1)?,
                dataset_count: row.try_get(2)?,
                size_bytes: Bytes::from_i64(row.try_get(3)?),
                monthly_cost_nanousd: if priced > 0 {
                    Some(NanoUsd(row.try_get(5)?))
                } else {
                    None
                },
            })
        })
        .collect()
}

/// Recommendations to move and what they would save.
///
/// # Errors
/// The database's own.
pub async fn found(conn: &mut Conn) -> Result<Found, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(rec_saving), 0) AS BIGINT) FROM datasets WHERE rec_action = 'move'",
    )
    .fetch_one(conn)
    .await?;
    Ok(Found {
        moves: row.try_get(0)?,
        saving: NanoUsd(row.try_get(1)?),
    })
}

/// Access events counted so far.
///
/// # Errors
/// The database's own.
pub async fn event_count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT events FROM access_totals WHERE id = 1")
            .fetch_one(conn)
            .await?,
    )
}

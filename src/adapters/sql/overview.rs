//! Sums over the catalog for the first page.
//!
//! Invariant: each is one statement over indexed columns, so that the page costs the same at a hundred thousand datasets as its
//! list does.

use super::multi::Builder;
use super::{Conn, StoreError};
use crate::domain::id::JobId;
use crate::domain::overview::PlacementShare;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use sqlx::Row as _;

/// What is recommended in sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Datasets with a recommendation to move.
    pub moves: i64,
    /// Their savings for 30 days.
    pub saving: NanoUsd,
    /// How many were put off or turned down.
    pub missed: i64,
    /// What those would save in a month.
    pub missed_saving: NanoUsd,
}

/// One line for each location and storage class that datasets are served from, the largest first.
///
/// # Errors
/// The database's own.
pub async fn shares(conn: &mut Conn) -> Result<Vec<PlacementShare>, StoreError> {
    let rows = sqlx::query(
        "SELECT l.name, s.storage_class, s.datasets, s.size_bytes, s.priced, s.monthly_cost FROM \
         (SELECT location_id, storage_class, COUNT(*) AS datasets, CAST(SUM(size_bytes) AS BIGINT) AS size_bytes, \
         COUNT(monthly_cost) AS priced, CAST(COALESCE(SUM(monthly_cost), 0) AS BIGINT) AS monthly_cost \
         FROM datasets GROUP BY location_id, storage_class) s \
         JOIN locations l ON l.id = s.location_id ORDER BY 4 DESC, 1, 2",
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

/// Recommendations to move that ask for a decision at `now`, and what they would save: neither those that were accepted, whose
/// saving is the job's, nor those that were turned down.
///
/// # Errors
/// The database's own.
pub async fn found(conn: &mut Conn, now: Timestamp) -> Result<Found, StoreError> {
    let row = sqlx::query(
        "SELECT m.moves - w.moves, m.saving - w.saving, w.missed, w.missed_saving FROM \
         (SELECT COUNT(*) AS moves, CAST(COALESCE(SUM(rec_saving), 0) AS BIGINT) AS saving \
         FROM datasets WHERE rec_action = 'move') m, \
         (SELECT COUNT(*) AS moves, CAST(COALESCE(SUM(d.rec_saving), 0) AS BIGINT) AS saving, \
         CAST(COALESCE(SUM(CASE WHEN r.review <> 'accepted' THEN 1 ELSE 0 END), 0) AS BIGINT) AS missed, \
         CAST(COALESCE(SUM(CASE WHEN r.review <> 'accepted' THEN d.rec_saving ELSE 0 END), 0) AS BIGINT) AS missed_saving \
         FROM recommendations r JOIN datasets d ON d.id = r.dataset_id \
         WHERE r.action = 'move' AND r.review <> 'open' \
         AND (r.review <> 'snoozed' OR r.review_until IS NULL OR r.review_until > $1)) w",
    )
    .bind(now.0)
    .fetch_one(conn)
    .await?;
    Ok(Found {
        moves: row.try_get(0)?,
        saving: NanoUsd(row.try_get(1)?),
        missed: row.try_get(2)?,
        missed_saving: NanoUsd(row.try_get(3)?),
    })
}

/// A job that a person should look at.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The job.
    pub id: JobId,
    /// The dataset it moves.
    pub dataset_name: String,
    /// Why it is in its state.
    pub reason: Option<String>,
}

/// Which jobs need a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It failed, and no later job of its dataset has taken its place.
    Retry,
    /// It waits for an approval.
    Approval,
    /// A mover took it and has not been heard of since its lease ended, before this instant.
    Mover {
        /// The instant.
        silent_since: Timestamp,
    },
}

/// The newest jobs that need a person, at most `limit`.
///
/// # Errors
/// The database's own.
pub async fn waiting(conn: &mut Conn, needs: Needs, limit: i64) -> Result<Vec<Waiting>, StoreError> {
    let mut query = Builder::new(conn, "SELECT j.id, j.dataset_name, j.reason FROM jobs j WHERE ");
    match needs {
        Needs::Retry => query.push(
            "j.status = 'failed' AND NOT EXISTS \
             (SELECT 1 FROM jobs k WHERE k.dataset_id = j.dataset_id AND k.id > j.id)",
        ),
        Needs::Approval => query.push("j.status = 'awaiting_approval'"),
        Needs::Mover { silent_since } => query
            .push("j.status IN ('copying', 'verifying', 'switching') AND j.lease_until < ")
            .push_bind(silent_since.0),
    };
    query.push(" ORDER BY j.id DESC LIMIT ").push_bind(limit);
    let rows = query.build().fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                id: JobId(row.try_get(0)?),
                dataset_name: row.try_get(1)?,
                reason: row.try_get(2)?,
            })
        })
        .collect()
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

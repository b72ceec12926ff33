//! Rows of `location_reads`: what was measured of reads at each location.

use super::{Conn, StoreError};
use crate::domain::id::{DatasetId, LocationId};
use crate::domain::location::StorageUri;
use crate::domain::read_times::{ReadFigures, ReadTimes};
use crate::domain::unit::Timestamp;
use sqlx::Row as _;
use std::collections::HashMap;

/// Adds what was measured at the location with this root. `false` when there is no such location any more.
///
/// # Errors
/// The database's own, and `Corrupt` for a text that is none.
pub async fn add(
    tx: &mut Conn,
    root: &StorageUri,
    times: &ReadTimes,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT l.id, r.times FROM locations l LEFT JOIN location_reads r ON r.location_id = l.id WHERE l.uri = $1",
    )
    .bind(root.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let mut all: ReadTimes = super::maybe_from_json(&row, "times")?.unwrap_or_default();
    all.merge(times);
    sqlx::query(
        "INSERT INTO location_reads (location_id, times, measured_at) VALUES ($1, $2, $3) \
         ON CONFLICT (location_id) DO UPDATE SET times = excluded.times, measured_at = excluded.measured_at",
    )
    .bind(row.try_get::<i64, _>("id")?)
    .bind(super::json(&all)?)
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(true)
}

/// The figures of every location at which something was measured.
///
/// # Errors
/// The database's own, and `Corrupt` for a text that is none.
pub async fn figures(conn: &mut Conn) -> Result<HashMap<LocationId, ReadFigures>, StoreError> {
    let rows = sqlx::query("SELECT location_id, times, measured_at FROM location_reads")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let times: ReadTimes = super::from_json(row, "times")?;
            let at = Timestamp(row.try_get("measured_at")?);
            Ok((LocationId(row.try_get("location_id")?), times.figures(at)))
        })
        .collect()
}

/// A dataset that is served from a location and has few objects, so that one of them is soon found.
///
/// # Errors
/// The database's own.
pub async fn small_dataset(
    conn: &mut Conn,
    location: LocationId,
) -> Result<Option<(DatasetId, StorageUri)>, StoreError> {
    let row = sqlx::query(
        "SELECT id, path_uri FROM datasets WHERE location_id = $1 AND object_count BETWEEN 1 AND 1000 \
         ORDER BY object_count, id LIMIT 1",
    )
    .bind(location.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((DatasetId(row.try_get("id")?), super::parse(&row, "path_uri")?)))
        .transpose()
}

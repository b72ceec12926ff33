//! Where a dataset's readers are: bytes by the region that events state, in spans of thirty days.
//!
//! Invariant: only events that state a region are here, so a fleet whose events state none pays nothing for it. What the rollups
//! count beyond that was read from nobody knows where.

use super::multi::{Builder, pieces, tuples};
use super::{Conn, StoreError};
use crate::domain::id::DatasetId;
use crate::domain::recommendation::readers::ReadFrom;
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::{BTreeMap, HashMap};

/// Length of a span.
const PERIOD: i64 = 30 * Timestamp::DAY;
/// Spans that count, the present one included: half a year, so that readers who left are forgotten and a quiet month is not.
const PERIODS: i64 = 6;

/// The span that an instant lies in.
#[must_use]
pub fn period(at: Timestamp) -> i64 {
    at.0.div_euclid(PERIOD)
}

/// Bytes by dataset, span and region.
pub type Sums = BTreeMap<(DatasetId, i64, String), i64>;

/// Adds bytes that were read.
///
/// # Errors
/// The database's own.
pub async fn add(conn: &mut Conn, sums: &Sums) -> Result<(), StoreError> {
    let sums: Vec<_> = sums.iter().collect();
    for piece in pieces(&sums) {
        let sql = format!(
            "INSERT INTO access_readers (dataset_id, period, client_region, read_bytes) VALUES {} \
             ON CONFLICT (dataset_id, period, client_region) DO UPDATE SET \
             read_bytes = access_readers.read_bytes + excluded.read_bytes",
            tuples(conn, 4, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for ((dataset, period, region), bytes) in piece {
            query = query
                .bind(dataset.0)
                .bind(*period)
                .bind(region.as_str())
                .bind(**bytes);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// From where these datasets were read in the last half year; those whose events state no region are left out.
///
/// # Errors
/// The database's own.
pub async fn of(
    conn: &mut Conn,
    ids: &[DatasetId],
    now: Timestamp,
) -> Result<HashMap<DatasetId, ReadFrom>, StoreError> {
    let mut found: HashMap<DatasetId, ReadFrom> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let since = period(now) - PERIODS + 1;
    let mut query = Builder::new(
        conn,
        "SELECT dataset_id, client_region, CAST(SUM(read_bytes) AS BIGINT) FROM access_readers WHERE period >= ",
    );
    query.push_bind(since).push(" AND dataset_id IN");
    super::recommendation_inputs::push_ids(&mut query, ids);
    query.push(" GROUP BY dataset_id, client_region ORDER BY dataset_id, client_region");
    for row in query.build().fetch_all(&mut *conn).await? {
        let from = found.entry(DatasetId(row.try_get(0)?)).or_default();
        from.stated
            .push((row.try_get(1)?, Bytes::from_i64(row.try_get(2)?)));
    }
    if found.is_empty() {
        return Ok(found);
    }
    let mut some: Vec<DatasetId> = found.keys().copied().collect();
    some.sort_unstable();
    let mut query = Builder::new(
        conn,
        "SELECT dataset_id, CAST(SUM(read_bytes) AS BIGINT) FROM access_rollups WHERE hour >= ",
    );
    query.push_bind(since * PERIOD).push(" AND dataset_id IN");
    super::recommendation_inputs::push_ids(&mut query, &some);
    query.push(" GROUP BY dataset_id");
    for row in query.build().fetch_all(conn).await? {
        if let Some(from) = found.get_mut(&DatasetId(row.try_get(0)?)) {
            from.all = Bytes::from_i64(row.try_get(1)?);
        }
    }
    Ok(found)
}

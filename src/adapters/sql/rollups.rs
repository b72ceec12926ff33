//! Sums of accesses by dataset and hour.

use super::{Conn, StoreError};
use crate::domain::access::AccessBucket;
use crate::domain::id::DatasetId;
use crate::domain::unit::{Bytes, Timestamp};
use sqlx::{AssertSqlSafe, Row as _};

/// Accesses of a dataset since an instant, by hour or by UTC day, oldest first; empty spans are left out.
///
/// # Errors
/// The database's own.
pub async fn history(
    conn: &mut Conn,
    dataset: DatasetId,
    since: Timestamp,
    per_day: bool,
) -> Result<Vec<AccessBucket>, StoreError> {
    let span = if per_day { Timestamp::DAY } else { Timestamp::HOUR };
    let sum = |column: &str| format!("CAST(SUM({column}) AS BIGINT) AS {column}");
    let columns: Vec<_> = [
        "reads",
        "writes",
        "read_bytes",
        "write_bytes",
        "latency_sum",
        "latency_count",
    ]
    .into_iter()
    .map(sum)
    .collect();
    let sql = format!(
        "SELECT hour / {span} * {span} AS start, {} FROM access_rollups \
         WHERE dataset_id = $1 AND hour >= $2 GROUP BY hour / {span} ORDER BY 1",
        columns.join(", ")
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(dataset.0)
        .bind(since.0)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(AccessBucket {
                start: Timestamp(row.try_get("start")?),
                reads: row.try_get("reads")?,
                writes: row.try_get("writes")?,
                read_bytes: Bytes::from_i64(row.try_get("read_bytes")?),
                write_bytes: Bytes::from_i64(row.try_get("write_bytes")?),
                latency_sum_us: row.try_get("latency_sum")?,
                latency_count: row.try_get("latency_count")?,
            })
        })
        .collect()
}

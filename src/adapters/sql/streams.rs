//! How far a message broker's topics were counted, and how far the event log was told to them.
//!
//! Invariant: an offset moves only from the value that the mover of it saw, in the transaction of what was counted; a position only
//! under the fence of whoever holds the relay. Whoever was overtaken changes no row and hears of it.

use super::error::StoreError;
use super::store::Conn;
use crate::domain::unit::Timestamp;
use sqlx::Row as _;
use std::collections::BTreeMap;

/// The first offset that was not counted, by partition; a partition that is not named has none counted.
///
/// # Errors
/// The database's own.
pub async fn offsets(conn: &mut Conn, reader: &str, topic: &str) -> Result<BTreeMap<i32, i64>, StoreError> {
    let rows =
        sqlx::query("SELECT partition_no, next_offset FROM stream_offsets WHERE reader = $1 AND topic = $2")
            .bind(reader)
            .bind(topic)
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            let partition: i64 = row.try_get(0)?;
            let partition = i32::try_from(partition).map_err(|e| StoreError::corrupt("partition_no", e))?;
            Ok((partition, row.try_get(1)?))
        })
        .collect()
}

/// Moves a partition's offset; `false` when it is not `from` any more.
///
/// # Errors
/// The database's own.
pub async fn advance(
    tx: &mut Conn,
    (reader, topic): (&str, &str),
    partition: i32,
    from: i64,
    to: i64,
) -> Result<bool, StoreError> {
    let changed = if from == 0 {
        sqlx::query(
            "INSERT INTO stream_offsets (reader, topic, partition_no, next_offset) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (reader, topic, partition_no) DO UPDATE SET next_offset = excluded.next_offset \
             WHERE stream_offsets.next_offset = 0",
        )
        .bind(reader)
        .bind(topic)
        .bind(i64::from(partition))
        .bind(to)
        .execute(tx)
        .await?
    } else {
        sqlx::query(
            "UPDATE stream_offsets SET next_offset = $4 \
             WHERE reader = $1 AND topic = $2 AND partition_no = $3 AND next_offset = $5",
        )
        .bind(reader)
        .bind(topic)
        .bind(i64::from(partition))
        .bind(to)
        .bind(from)
        .execute(tx)
        .await?
    };
    Ok(changed.rows_affected() == 1)
}

/// Who tells the log, and how far it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayRow {
    /// The last number that was told.
    pub seq: i64,
    /// Who holds it; nobody when empty.
    pub owner: String,
    /// Until when.
    pub lease_until: Timestamp,
    /// Rises whenever somebody else takes it.
    pub fence: i64,
}

/// The relay of a name; `None` before anybody held it.
///
/// # Errors
/// The database's own.
pub async fn relay(conn: &mut Conn, name: &str) -> Result<Option<RelayRow>, StoreError> {
    let row = sqlx::query("SELECT seq, owner, lease_until, fence FROM stream_relays WHERE name = $1")
        .bind(name)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(RelayRow {
            seq: row.try_get(0)?,
            owner: row.try_get(1)?,
            lease_until: Timestamp(row.try_get(2)?),
            fence: row.try_get(3)?,
        })
    })
    .transpose()
}

/// Takes the relay when nobody holds it at `now`; a new one begins after `seq`. `None` when somebody does.
///
/// # Errors
/// The database's own.
pub async fn take_relay(
    tx: &mut Conn,
    name: &str,
    owner: &str,
    seq: i64,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<RelayRow>, StoreError> {
    let changed = sqlx::query(
        "INSERT INTO stream_relays (name, seq, owner, lease_until, fence) VALUES ($1, $2, $3, $4, 1) \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until, fence = stream_relays.fence + 1 \
         WHERE stream_relays.owner = '' OR stream_relays.lease_until < $5",
    )
    .bind(name)
    .bind(seq)
    .bind(owner)
    .bind(lease_until.0)
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(None);
    }
    relay(tx, name).await
}

/// Stores how far the log was told and holds on; `false` when somebody else took over.
///
/// # Errors
/// The database's own.
pub async fn move_relay(
    tx: &mut Conn,
    name: &str,
    fence: i64,
    seq: i64,
    lease_until: Timestamp,
) -> Result<bool, StoreError> {
    let changed =
        sqlx::query("UPDATE stream_relays SET seq = $3, lease_until = $4 WHERE name = $1 AND fence = $2")
            .bind(name)
            .bind(fence)
            .bind(seq)
            .bind(lease_until.0)
            .execute(tx)
            .await?;
    Ok(changed.rows_affected() == 1)
}

/// Lets go of the relay, unless somebody else took over.
///
/// # Errors
/// The database's own.
pub async fn release_relay(tx: &mut Conn, name: &str, fence: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE stream_relays SET owner = '' WHERE name = $1 AND fence = $2")
        .bind(name)
        .bind(fence)
        .execute(tx)
        .await?;
    Ok(())
}

/// Events of jobs that were not told yet: how many, and when the first of them happened (Unix seconds).
///
/// # Errors
/// The database's own, and `Corrupt` for a payload that is no event.
pub async fn waiting(conn: &mut Conn, seq: i64) -> Result<(i64, Option<i64>), StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM event_log WHERE stream = 'jobs' AND seq > $1")
        .bind(seq)
        .fetch_one(&mut *conn)
        .await?;
    if count == 0 {
        return Ok((0, None));
    }
    let first: Option<String> = sqlx::query_scalar(
        "SELECT payload FROM event_log WHERE stream = 'jobs' AND seq > $1 ORDER BY seq LIMIT 1",
    )
    .bind(seq)
    .fetch_optional(conn)
    .await?;
    let at = first
        .map(|text| serde_json::from_str::<serde_json::Value>(&text))
        .transpose()
        .map_err(|e| StoreError::corrupt("event_log.payload", e))?
        .and_then(|event| event["updated_at"].as_i64());
    Ok((count, at))
}

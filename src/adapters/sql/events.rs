//! The event log: append in the transaction of the change, read in order, trim.
//!
//! Invariant: `seq` is gapless and rises in the order of commits, because the one counter row is updated by the transaction that
//! inserts the events; a rolled back change takes its numbers back with it. The log is the outbox: `services::live` reads it.

use super::error::StoreError;
use super::store::{Conn, Store};
use crate::domain::event::{DomainEvent, Stream};
use sqlx::Row;

/// How far the log reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// Names this log; another database has another name, so that its numbers are not taken for these.
    pub log: String,
    /// Events up to this number are gone; 0 when none is.
    pub trimmed: i64,
    /// The last number given out; 0 when there is no event.
    pub last: i64,
}

impl LogBounds {
    /// Whether every event after `since` is still here, and `since` is a number of this log at all.
    #[must_use]
    pub fn reaches(&self, since: i64) -> bool {
        (self.trimmed..=self.last).contains(&since)
    }
}

/// Appends events to the log and returns their numbers. The events' own `seq` is ignored.
///
/// The caller's transaction must be the one that makes the change, and its commit should be followed by `Live::nudge`.
///
/// # Errors
/// The database's own.
pub async fn append(tx: &mut Conn, events: Vec<DomainEvent>) -> Result<Vec<i64>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar(
        "UPDATE event_counter SET last_seq = last_seq + $1 WHERE id = 1 RETURNING last_seq",
    )
    .bind(count)
    .fetch_one(&mut *tx)
    .await?;
    let seqs: Vec<i64> = (last - count + 1..=last).collect();
    for (event, &seq) in events.into_iter().zip(&seqs) {
        let event = event.with_seq(seq);
        let payload = encode(&event)?;
        sqlx::query("INSERT INTO event_log (seq, stream, payload) VALUES ($1, $2, $3)")
            .bind(seq)
            .bind(event.stream().as_str())
            .bind(payload.as_str())
            .execute(&mut *tx)
            .await?;
        if let DomainEvent::JobStatus(job) = &event {
            sqlx::query(
                "INSERT INTO job_latest (job_id, seq, ended, payload) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (job_id) DO UPDATE SET seq = excluded.seq, ended = excluded.ended, payload = excluded.payload",
            )
            .bind(job.job_id.0)
            .bind(seq)
            .bind(i64::from(job.status.is_end()))
            .bind(payload.as_str())
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(seqs)
}

/// How far the log reaches now.
///
/// # Errors
/// The database's own.
pub async fn bounds(store: &Store) -> Result<LogBounds, StoreError> {
    let mut conn = store.read().acquire().await?;
    select_bounds(&mut conn).await
}

/// At most `limit` events of a stream after `since`, oldest first, with the bounds of the same instant: when they do not reach
/// `since`, events between are gone.
///
/// # Errors
/// The database's own, and `Corrupt` for a payload that is no event.
pub async fn page(
    store: &Store,
    since: i64,
    stream: Stream,
    limit: i64,
) -> Result<(LogBounds, Vec<DomainEvent>), StoreError> {
    let mut tx = store.snapshot().await?;
    let bounds = select_bounds(&mut tx).await?;
    let (any, word) = filter(stream);
    let payloads: Vec<String> = if any {
        sqlx::query_scalar("SELECT payload FROM event_log WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(since)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?
    } else {
        sqlx::query_scalar(
            "SELECT payload FROM event_log WHERE seq > $1 AND stream = $2 ORDER BY seq LIMIT $3",
        )
        .bind(since)
        .bind(word)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?
    };
    Ok((bounds, decode_all(&payloads)?))
}

/// The last `limit` events of a stream, oldest first, with the bounds of the same instant.
///
/// # Errors
/// The database's own, and `Corrupt` for a payload that is no event.
pub async fn latest(
    store: &Store,
    stream: Stream,
    limit: i64,
) -> Result<(LogBounds, Vec<DomainEvent>), StoreError> {
    let mut tx = store.snapshot().await?;
    let bounds = select_bounds(&mut tx).await?;
    let (any, word) = filter(stream);
    let mut payloads: Vec<String> = if any {
        sqlx::query_scalar("SELECT payload FROM event_log ORDER BY seq DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?
    } else {
        sqlx::query_scalar("SELECT payload FROM event_log WHERE stream = $1 ORDER BY seq DESC LIMIT $2")
            .bind(word)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?
    };
    payloads.reverse();
    Ok((bounds, decode_all(&payloads)?))
}

/// The last logged state of every job that has not ended (at most `live`), and of the `ended` that ended last, by `seq`, with the
/// bounds of the same instant.
///
/// # Errors
/// The database's own, and `Corrupt` for a payload that is no event.
pub async fn latest_jobs(
    store: &Store,
    live: i64,
    ended: i64,
) -> Result<(LogBounds, Vec<DomainEvent>), StoreError> {
    let mut tx = store.snapshot().await?;
    let bounds = select_bounds(&mut tx).await?;
    let mut payloads: Vec<String> = Vec::new();
    for (kind, limit) in [(1_i64, ended), (0, live)] {
        let some: Vec<String> =
            sqlx::query_scalar("SELECT payload FROM job_latest WHERE ended = $1 ORDER BY seq DESC LIMIT $2")
                .bind(kind)
                .bind(limit)
                .fetch_all(&mut *tx)
                .await?;
        payloads.extend(some);
    }
    let mut events = decode_all(&payloads)?;
    events.sort_by_key(DomainEvent::seq);
    Ok((bounds, events))
}

/// Names the log on its first use; later names are ignored. Returns the name it has.
///
/// # Errors
/// The database's own.
pub async fn ensure_log_name(tx: &mut Conn, name: &str) -> Result<String, StoreError> {
    sqlx::query("UPDATE event_counter SET log_id = $1 WHERE id = 1 AND log_id = ''")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    Ok(select_bounds(tx).await?.log)
}

/// Deletes all but the last `keep` events, and the ended jobs whose last event went with them. Returns how many events are gone.
///
/// # Errors
/// The database's own.
pub async fn trim(tx: &mut Conn, keep: i64) -> Result<u64, StoreError> {
    let trimmed: Option<i64> = sqlx::query_scalar(
        "UPDATE event_counter SET trimmed_seq = last_seq - $1 \
         WHERE id = 1 AND last_seq - $1 > trimmed_seq RETURNING trimmed_seq",
    )
    .bind(keep.max(0))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(trimmed) = trimmed else { return Ok(0) };
    let gone = sqlx::query("DELETE FROM event_log WHERE seq <= $1")
        .bind(trimmed)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    sqlx::query("DELETE FROM job_latest WHERE ended = 1 AND seq <= $1")
        .bind(trimmed)
        .execute(&mut *tx)
        .await?;
    Ok(gone)
}

fn encode(event: &DomainEvent) -> Result<String, StoreError> {
    serde_json::to_string(event).map_err(|e| StoreError::corrupt("event_log.payload", e))
}

async fn select_bounds(conn: &mut Conn) -> Result<LogBounds, StoreError> {
    let row = sqlx::query("SELECT log_id, trimmed_seq, last_seq FROM event_counter WHERE id = 1")
        .fetch_one(conn)
        .await?;
    Ok(LogBounds {
        log: row.try_get(0)?,
        trimmed: row.try_get(1)?,
        last: row.try_get(2)?,
    })
}

/// Whether a stream is all of them, and its word in the log.
fn filter(stream: Stream) -> (bool, &'static str) {
    (stream == Stream::All, stream.as_str())
}

fn decode_all(payloads: &[String]) -> Result<Vec<DomainEvent>, StoreError> {
    payloads
        .iter()
        .map(|text| serde_json::from_str(text).map_err(|e| StoreError::corrupt("event_log.payload", e)))
        .collect()
}

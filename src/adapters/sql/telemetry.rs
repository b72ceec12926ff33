//! Access events: the raw rows, the identities that were counted, and the sums kept beside them.
//!
//! Invariant: everything here is written in the transaction that the caller holds. The identities are read in it too, so that two
//! batches with the same identity cannot both be new: the writer is one. Sums read by pages are in `rollups.rs`.

use super::multi::{pieces, tuples};
use super::{Conn, StoreError};
use crate::domain::access::{AccessOp, Run, RunsChange};
use crate::domain::id::DatasetId;
use crate::domain::unit::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::{HashMap, HashSet};

/// One event as it is stored.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// The dataset.
    pub dataset: DatasetId,
    /// Read or write.
    pub op: AccessOp,
    /// Bytes of the access.
    pub size_bytes: i64,
    /// Reported first-byte latency in microseconds.
    pub latency_us: Option<i64>,
    /// The client's region.
    pub client_region: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// What is added to the sums of one dataset and hour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Number of reads.
    pub reads: i64,
    /// Number of writes.
    pub writes: i64,
    /// Bytes read.
    pub read_bytes: i64,
    /// Bytes written.
    pub write_bytes: i64,
    /// Sum of the reported latencies in microseconds.
    pub latency_sum: i64,
    /// How many reported one.
    pub latency_count: i64,
}

/// Datasets by id and by name.
#[derive(Clone, Debug, Default)]
pub struct KnownDatasets {
    names: HashMap<DatasetId, String>,
    ids: HashMap<String, DatasetId>,
}

impl KnownDatasets {
    /// Whether there is a dataset of this id.
    #[must_use]
    pub fn has(&self, id: DatasetId) -> bool {
        self.names.contains_key(&id)
    }

    /// The dataset of a name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<DatasetId> {
        self.ids.get(name).copied()
    }

    /// A dataset's name.
    #[must_use]
    pub fn name(&self, id: DatasetId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}

/// Looks datasets up, each once.
///
/// # Errors
/// The database's own.
pub async fn known_datasets(
    conn: &mut Conn,
    ids: &[DatasetId],
    names: &[&str],
) -> Result<KnownDatasets, StoreError> {
    let mut known = KnownDatasets::default();
    let mut rows = Vec::new();
    for piece in pieces(ids) {
        let sql = format!(
            "SELECT id, name FROM datasets WHERE id IN {}",
            tuples(conn, piece.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in piece {
            query = query.bind(id.0);
        }
        rows.extend(query.fetch_all(&mut *conn).await?);
    }
    for piece in pieces(names) {
        let sql = format!(
            "SELECT id, name FROM datasets WHERE name IN {}",
            tuples(conn, piece.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for name in piece {
            query = query.bind(*name);
        }
        rows.extend(query.fetch_all(&mut *conn).await?);
    }
    for row in rows {
        let (id, name) = (DatasetId(row.try_get(0)?), row.try_get::<String, _>(1)?);
        known.ids.insert(name.clone(), id);
        known.names.insert(id, name);
    }
    Ok(known)
}

/// The runs of a producer that hold, touch or lie between two numbers, in order.
///
/// # Errors
/// The database's own.
pub async fn runs(conn: &mut Conn, producer: &str, from: i64, to: i64) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query(
        "SELECT first_sequence, last_sequence FROM access_runs \
         WHERE producer = $1 AND first_sequence <= $3 AND first_sequence >= COALESCE( \
         (SELECT MAX(first_sequence) FROM access_runs WHERE producer = $1 AND first_sequence <= $2), $2) \
         ORDER BY first_sequence",
    )
    .bind(producer)
    .bind(from)
    .bind(to.saturating_add(1))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Run {
                first: row.try_get(0)?,
                last: row.try_get(1)?,
            })
        })
        .collect()
}

/// Stores what became of a producer's runs.
///
/// # Errors
/// The database's own.
pub async fn change_runs(conn: &mut Conn, producer: &str, change: &RunsChange) -> Result<(), StoreError> {
    for first in &change.remove {
        sqlx::query("DELETE FROM access_runs WHERE producer = $1 AND first_sequence = $2")
            .bind(producer)
            .bind(*first)
            .execute(&mut *conn)
            .await?;
    }
    for piece in pieces(&change.put) {
        let sql = format!(
            "INSERT INTO access_runs (producer, first_sequence, last_sequence) VALUES {} \
             ON CONFLICT (producer, first_sequence) DO UPDATE SET last_sequence = excluded.last_sequence",
            tuples(conn, 3, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for run in piece {
            query = query.bind(producer).bind(run.first).bind(run.last);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Those of the event ids that were counted before.
///
/// # Errors
/// The database's own.
pub async fn counted_ids(conn: &mut Conn, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for piece in pieces(ids) {
        let sql = format!(
            "SELECT event_id FROM access_ids WHERE event_id IN {}",
            tuples(conn, piece.len(), 1)
        );
        let mut query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql));
        for id in piece {
            query = query.bind(*id);
        }
        found.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(found)
}

/// Keeps event ids as counted. None may be there yet.
///
/// # Errors
/// `Unique` when one is.
pub async fn insert_ids(conn: &mut Conn, ids: &[&str]) -> Result<(), StoreError> {
    for piece in pieces(ids) {
        let sql = format!(
            "INSERT INTO access_ids (event_id) VALUES {}",
            tuples(conn, 1, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in piece {
            query = query.bind(*id);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Appends raw events.
///
/// # Errors
/// The database's own.
pub async fn insert_events(conn: &mut Conn, rows: &[EventRow], now: Timestamp) -> Result<(), StoreError> {
    for piece in pieces(rows) {
        let sql = format!(
            "INSERT INTO access_events (dataset_id, op, size_bytes, latency_us, client_region, occurred_at, \
             received_at) VALUES {}",
            tuples(conn, 7, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in piece {
            query = query
                .bind(row.dataset.0)
                .bind(i64::from(row.op == AccessOp::Write))
                .bind(row.size_bytes)
                .bind(row.latency_us)
                .bind(row.client_region.as_deref())
                .bind(row.occurred_at.0)
                .bind(now.0);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Adds to the sums by dataset and hour.
///
/// # Errors
/// The database's own.
pub async fn add_sums(conn: &mut Conn, sums: &[((DatasetId, Timestamp), Sums)]) -> Result<(), StoreError> {
    for piece in pieces(sums) {
        let sql = format!(
            "INSERT INTO access_rollups (dataset_id, hour, reads, writes, read_bytes, write_bytes, latency_sum, \
             latency_count) VALUES {} ON CONFLICT (dataset_id, hour) DO UPDATE SET \
             reads = access_rollups.reads + excluded.reads, \
             writes = access_rollups.writes + excluded.writes, \
             read_bytes = access_rollups.read_bytes + excluded.read_bytes, \
             write_bytes = access_rollups.write_bytes + excluded.write_bytes, \
             latency_sum = access_rollups.latency_sum + excluded.latency_sum, \
             latency_count = access_rollups.latency_count + excluded.latency_count",
            tuples(conn, 8, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for ((dataset, hour), sums) in piece {
            query = query
                .bind(dataset.0)
                .bind(hour.0)
                .bind(sums.reads)
                .bind(sums.writes)
                .bind(sums.read_bytes)
                .bind(sums.write_bytes)
                .bind(sums.latency_sum)
                .bind(sums.latency_count);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Moves the datasets' last access forward, never back.
///
/// # Errors
/// The database's own.
pub async fn touch(conn: &mut Conn, last: &[(DatasetId, Timestamp)]) -> Result<(), StoreError> {
    for piece in pieces(last) {
        let sql = format!(
            "WITH seen (id, at) AS (VALUES {}) UPDATE datasets SET last_access_at = seen.at FROM seen \
             WHERE datasets.id = seen.id AND (last_access_at IS NULL OR last_access_at < seen.at)",
            tuples(conn, 2, piece.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (dataset, at) in piece {
            query = query.bind(dataset.0).bind(at.0);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Counts events into the total.
///
/// # Errors
/// The database's own.
pub async fn add_total(conn: &mut Conn, events: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE access_totals SET events = events + $1 WHERE id = 1")
        .bind(events)
        .execute(conn)
        .await?;
    Ok(())
}

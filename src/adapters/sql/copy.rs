//! Every row of one database into another, empty one, which may run on the other engine.
//!
//! Invariant: all or nothing. Both databases are locked for writing meanwhile; the copy is read back and compared, by the number of
//! rows and a hash over them, before it is committed. What counts in each table goes on counting where it was, so that no id is given
//! twice and a client's last number of the event log stays good.

use super::engine::Engine;
use super::multi::Builder;
use super::schema::{self, Table};
use super::{Conn, Row, Store, StoreError};
use futures::TryStreamExt as _;
use sqlx::any::AnyTypeInfoKind as Kind;
use sqlx::{AssertSqlSafe, Column as _, Executor as _, Row as _, ValueRef as _};

/// Rows of one statement: the widest table has about 40 columns, and SQLite takes 32,766 parameters.
const ROWS: usize = 400;

/// What became of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub table: &'static str,
    /// Rows, the same number on both sides.
    pub rows: i64,
    /// A hash over all rows, whatever their order, the same on both sides.
    pub hash: String,
}

/// A value of the few types that the tables hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
}

/// Copies everything from one database into the other.
///
/// # Errors
/// `Unusable` when the target holds something already, or what was read back differs; nothing is kept then.
pub async fn copy(from: &Store, to: &Store) -> Result<Vec<CopiedTable>, StoreError> {
    let mut source = from.write().await?;
    let mut target = to.write().await?;
    for (engine, conn) in [(from.engine(), &mut source), (to.engine(), &mut target)] {
        if engine == Engine::Postgres {
            // A large table takes longer than any statement of a server may.
            conn.execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
            )
            .await?;
        }
    }
    let tables = schema::tables();
    for table in &tables {
        if !table.one_row && count(&mut target, table.name).await? > 0 {
            return Err(StoreError::Unusable(format!(
                "{} holds rows in {} already; nothing was copied. Copy into an empty database",
                to.name(),
                table.name
            )));
        }
    }
    for table in tables.iter().rev() {
        let sql = AssertSqlSafe(format!("DELETE FROM {}", table.name));
        target.execute(sql).await?;
    }
    let mut copied = Vec::with_capacity(tables.len());
    for table in &tables {
        let read = transfer(&mut source, &mut target, table.name).await?;
        if table.counts_ids {
            let last = last_id(&mut source, table).await?;
            set_last_id(&mut target, table, last).await?;
        }
        let kept = digest(&mut target, table.name).await?;
        if read != kept {
            return Err(StoreError::Unusable(format!(
                "the copy of {} differs from what was read ({} rows, hash {}; read back: {} rows, hash {}); nothing was kept",
                table.name,
                read.rows,
                read.hex(),
                kept.rows,
                kept.hex()
            )));
        }
        copied.push(CopiedTable {
            table: table.name,
            rows: read.rows,
            hash: read.hex(),
        });
    }
    target.commit().await?;
    source.rollback().await?;
    Ok(copied)
}

/// Rows and the sum of their hashes: it does not depend on their order, which differs between engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    rows: i64,
    lanes: [u64; 4],
}

impl Digest {
    fn add(&mut self, row: &[Value]) {
        let mut hasher = blake3::Hasher::new();
        for value in row {
            match value {
                Value::Integer(None) | Value::Text(None) => drop(hasher.update(b"n")),
                Value::Integer(Some(n)) => drop(hasher.update(b"i").update(&n.to_le_bytes())),
                Value::Text(Some(text)) => {
                    let length = u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes();
                    hasher.update(b"t").update(&length).update(text.as_bytes());
                }
            }
        }
        let hash = hasher.finalize();
        for (lane, bytes) in self.lanes.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *lane = lane.wrapping_add(u64::from_le_bytes(word));
        }
        self.rows += 1;
    }

    fn hex(&self) -> String {
        self.lanes.iter().map(|lane| format!("{lane:016x}")).collect()
    }
}

async fn count(conn: &mut Conn, table: &str) -> Result<i64, StoreError> {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    Ok(sqlx::query_scalar(sql).fetch_one(conn).await?)
}

async fn digest(conn: &mut Conn, table: &str) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
    let mut rows = sqlx::query(sql).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        digest.add(&values(&row)?);
    }
    Ok(digest)
}

async fn transfer(source: &mut Conn, target: &mut Conn, table: &str) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let mut columns: Vec<String> = Vec::new();
    let mut waiting: Vec<Vec<Value>> = Vec::new();
    let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
    let mut rows = sqlx::query(sql).fetch(source);
    while let Some(row) = rows.try_next().await? {
        if columns.is_empty() {
            columns = row.columns().iter().map(|c| c.name().to_owned()).collect();
        }
        let row = values(&row)?;
        digest.add(&row);
        waiting.push(row);
        if waiting.len() == ROWS {
            insert(target, table, &columns, std::mem::take(&mut waiting)).await?;
        }
    }
    drop(rows);
    if !waiting.is_empty() {
        insert(target, table, &columns, waiting).await?;
    }
    Ok(digest)
}

async fn insert(
    target: &mut Conn,
    table: &str,
    columns: &[String],
    rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    let names = columns.join(", ");
    let mut query = Builder::new(target, format!("INSERT INTO {table} ({names}) "));
    query.push_values(rows, |mut list, row| {
        for value in row {
            match value {
                Value::Integer(n) => list.push_bind(n),
                Value::Text(text) => list.push_bind(text),
            };
        }
    });
    query.build().execute(target).await?;
    Ok(())
}

fn values(row: &Row) -> Result<Vec<Value>, StoreError> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(i, column)| {
            let raw = row.try_get_raw(i)?;
            // Of nothing the value has no type, so that of the column counts.
            let kind = if raw.is_null() {
                column.type_info().kind()
            } else {
                raw.type_info().kind()
            };
            match kind {
                Kind::SmallInt | Kind::Integer | Kind::BigInt => Ok(Value::Integer(row.try_get(i)?)),
                Kind::Text => Ok(Value::Text(row.try_get(i)?)),
                other => Err(StoreError::corrupt(
                    column.name(),
                    format!("a value of the type {other:?} is none that the tables hold"),
                )),
            }
        })
        .collect()
}

/// The last id that was given out, rows that are gone included where the engine remembers them.
async fn last_id(conn: &mut Conn, table: &Table) -> Result<i64, StoreError> {
    let name = table.name;
    let highest: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COALESCE(MAX(id), 0) FROM {name}")))
        .fetch_one(&mut *conn)
        .await?;
    let remembered: Option<Option<i64>> = match Engine::of(conn) {
        Engine::Sqlite => {
            sqlx::query_scalar("SELECT CAST(seq AS BIGINT) FROM sqlite_sequence WHERE name = $1")
        }
        Engine::Postgres => sqlx::query_scalar(
            "SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence($1, 'id') AS regclass))",
        ),
    }
    .bind(name)
    .fetch_optional(conn)
    .await?;
    Ok(highest.max(remembered.flatten().unwrap_or(0)))
}

async fn set_last_id(conn: &mut Conn, table: &Table, last: i64) -> Result<(), StoreError> {
    if last == 0 {
        return Ok(());
    }
    match Engine::of(conn) {
        Engine::Postgres => {
            sqlx::query("SELECT setval(CAST(pg_get_serial_sequence($1, 'id') AS regclass), $2)")
                .bind(table.name)
                .bind(last)
                .execute(conn)
                .await?;
        }
        Engine::Sqlite => {
            // Tables without AUTOINCREMENT have no row here and need none: they count on from the highest id.
            sqlx::query("UPDATE sqlite_sequence SET seq = $2 WHERE name = $1")
                .bind(table.name)
                .bind(last)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

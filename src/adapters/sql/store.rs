//! Connections: one writer, many readers.
//!
//! Invariant: a write transaction is begun IMMEDIATE on the only writing connection, so that no read turns into a write half-way
//! and two writers never meet. Reads see the last commit and never wait for the writer (WAL).

use super::error::StoreError;
use super::schema;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The engine. The one place that names it.
pub type Db = sqlx::Sqlite;
/// One connection, as statements take it: `&mut *tx`.
pub type Conn = sqlx::SqliteConnection;
/// A row of a result.
pub type Row = sqlx::sqlite::SqliteRow;
/// The readers: give it to a statement as it is.
pub type ReadPool = sqlx::Pool<Db>;

/// Older libraries can lose committed writes when a checkpoint meets a second connection.
const SQLITE_MIN: (u32, u32, u32) = (3, 51, 3);
/// Readers: enough for the pages and the live channels; each costs about 2 MB of cache.
const READERS: u32 = 8;
/// A writer that waits longer than this stands behind a stuck one, and the caller should hear of it.
const WRITE_WAIT: Duration = Duration::from_secs(20);

/// The database of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: ReadPool,
    readers: ReadPool,
    commits: watch::Sender<u64>,
}

impl Store {
    /// Opens or creates the database file and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, the library is too old, or the file was made by another program.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledgement promises that the bytes are on disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000")
            .statement_cache_capacity(256);
        let pool = |max: u32| {
            SqlitePoolOptions::new()
                .max_connections(max)
                .acquire_timeout(WRITE_WAIT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        check_version(&writer).await?;
        schema::apply(&writer).await?;
        let readers = pool(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer,
                readers,
                commits: watch::channel(0).0,
            }),
        })
    }

    /// The readers. A statement on them sees the last commit; it cannot write.
    #[must_use]
    pub fn read(&self) -> &ReadPool {
        &self.inner.readers
    }

    /// One reader, for several statements in a row.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none is free within 20 seconds.
    pub async fn reader(&self) -> Result<sqlx::pool::PoolConnection<Db>, StoreError> {
        Ok(self.inner.readers.acquire().await?)
    }

    /// One reader that sees one instant, for several statements that belong together. It cannot write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none is free within 20 seconds.
    pub async fn snapshot(&self) -> Result<sqlx::Transaction<'static, Db>, StoreError> {
        Ok(self.inner.readers.begin().await?)
    }

    /// Waits for the writer and begins a transaction. Dropping it rolls back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the writer is not free within 20 seconds.
    pub async fn write(&self) -> Result<WriteTx, StoreError> {
        let tx = self.inner.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(WriteTx {
            tx,
            commits: self.inner.commits.clone(),
        })
    }

    /// Changes after every commit of this process. Carries no data: whoever wakes looks at the tables.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits.subscribe()
    }

    /// Moves the write-ahead log into the database file and closes every connection.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }
}

/// The write transaction: dereferences to a connection.
pub struct WriteTx {
    tx: sqlx::Transaction<'static, Db>,
    commits: watch::Sender<u64>,
}

impl WriteTx {
    /// Makes the changes durable, then wakes whoever waits for changes.
    ///
    /// # Errors
    /// When the database could not write; nothing of the transaction is kept then.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await?;
        self.commits.send_modify(|n| *n = n.wrapping_add(1));
        Ok(())
    }

    /// Gives the changes up. The same as dropping it, but waits.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

impl Deref for WriteTx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.tx
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.tx
    }
}

async fn check_version(pool: &ReadPool) -> Result<(), StoreError> {
    let text: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(pool)
        .await?;
    if version_is_safe(&text) {
        return Ok(());
    }
    let (a, b, c) = SQLITE_MIN;
    Err(StoreError::Unusable(format!(
        "SQLite {text} can lose committed writes; {a}.{b}.{c} or newer is needed"
    )))
}

fn version_is_safe(text: &str) -> bool {
    let mut parts = text.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SQLITE_MIN
}

#[cfg(test)]
mod tests {
    use super::version_is_safe;

    #[test]
    fn an_old_library_is_refused() {
        assert!(!version_is_safe("3.51.2"));
        assert!(!version_is_safe("3.9.99"));
        assert!(version_is_safe("3.51.3"));
        assert!(version_is_safe("4.0.0"));
    }
}

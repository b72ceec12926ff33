//! Connections: one writer, many readers.
//!
//! Invariant: no two write transactions run at once, in this process or another, so that no read turns into a write half-way and a
//! check holds until the commit. Reads see the last commit and never wait for the writer. How each engine keeps that is in
//! `engine.rs`.

use super::engine::{self, Engine};
use super::error::StoreError;
use super::{listen, schema};
use sqlx::any::AnyConnectOptions;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The driver. The one place that names it.
pub type Db = sqlx::Any;
/// One connection, as statements take it: `&mut *tx`.
pub type Conn = sqlx::AnyConnection;
/// A row of a result.
pub type Row = sqlx::any::AnyRow;
/// The readers: give it to a statement as it is.
pub type ReadPool = sqlx::Pool<Db>;

/// The database of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    /// For people: what it is and where.
    name: String,
    writer: ReadPool,
    readers: ReadPool,
    commits: watch::Sender<u64>,
    away: Arc<Away>,
    listener: Option<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

/// Why the database cannot be reached, as long as it cannot: whoever asks is told at once rather than after a time-out.
#[derive(Debug, Default)]
pub(super) struct Away(Mutex<Option<String>>);

impl Away {
    pub(super) fn set(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn check(&self) -> Result<(), StoreError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(StoreError::Away(why.clone())),
            None => Ok(()),
        }
    }
}

impl Store {
    /// Opens or creates the database file and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, the library is too old, or the file was made by another program.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = engine::sqlite_options(path)?;
        let name = format!("SQLite in {}", path.display());
        Self::open_on(Engine::Sqlite, &options, name, |_, _| None).await
    }

    /// Connects to a Postgres database and brings its schema up to date. Several programs may do so at once.
    ///
    /// # Errors
    /// When it does not answer within 20 seconds, is too old, or was made by another program.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let (options, native, name) = engine::postgres_options(url)?;
        let shown = name.clone();
        Self::open_on(Engine::Postgres, &options, name, move |commits, away| {
            let task = listen::run(native, shown, commits.clone(), away.clone());
            Some(tokio::spawn(task).abort_handle())
        })
        .await
    }

    async fn open_on(
        engine: Engine,
        options: &AnyConnectOptions,
        name: String,
        listen: impl FnOnce(&watch::Sender<u64>, &Arc<Away>) -> Option<AbortHandle>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (writer, readers) = engine.pools(options);
        engine.check(&writer).await.map_err(|e| match e {
            StoreError::Busy(_) => StoreError::Away(format!("{name} does not answer")),
            other => other,
        })?;
        schema::apply(engine, &writer).await?;
        let (commits, away) = (watch::channel(0).0, Arc::default());
        let listener = listen(&commits, &away);
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                name,
                writer,
                readers,
                commits,
                away,
                listener,
            }),
        })
    }

    /// What it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// What it is and where, without any secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The readers. A statement on them sees the last commit; it cannot write.
    #[must_use]
    pub fn read(&self) -> &ReadPool {
        &self.inner.readers
    }

    /// One reader, for several statements in a row.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none is free in time, [`StoreError::Away`] when the database is.
    pub async fn reader(&self) -> Result<sqlx::pool::PoolConnection<Db>, StoreError> {
        self.inner.away.check()?;
        Ok(self.inner.readers.acquire().await?)
    }

    /// One reader that sees one instant, for several statements that belong together. It cannot write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none is free in time, [`StoreError::Away`] when the database is.
    pub async fn snapshot(&self) -> Result<sqlx::Transaction<'static, Db>, StoreError> {
        self.inner.away.check()?;
        let begin = self.inner.engine.begin_snapshot();
        Ok(self.inner.readers.begin_with(begin).await?)
    }

    /// Waits for the writer and begins a transaction. Dropping it rolls back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the writer is not free within 20 seconds, [`StoreError::Away`] when the database is.
    pub async fn write(&self) -> Result<WriteTx, StoreError> {
        self.inner.away.check()?;
        let begin = self.inner.engine.begin_write();
        let tx = self.inner.writer.begin_with(begin).await?;
        Ok(WriteTx {
            tx,
            commits: self.inner.commits.clone(),
        })
    }

    /// Changes after every commit of this process, and with a database that others use after theirs. Carries no data: whoever wakes
    /// looks at the tables.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits.subscribe()
    }

    /// The number behind [`Self::commits`]: while it stays the same, so does what statements read.
    #[must_use]
    pub fn commit_count(&self) -> u64 {
        *self.inner.commits.borrow()
    }

    /// Closes every connection; an SQLite file then holds everything.
    pub async fn close(&self) {
        if let Some(listener) = &self.inner.listener {
            listener.abort();
        }
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
    /// When the database could not write; nothing of the transaction is kept then. When the connection was lost on the way the
    /// outcome is unknown: read before doing anything again.
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

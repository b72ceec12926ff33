//! The two engines behind the one SQL text, and every place where they differ: addresses, connections, parameters, locks.
//!
//! Invariant: outside this file, `schema.rs`, `multi.rs` and `dataset_search.rs` nothing asks which engine it speaks to.

use super::error::StoreError;
use super::store::{Conn, ReadPool};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _};
use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

/// Older libraries can lose committed writes when a checkpoint meets a second connection.
const SQLITE_MIN: (u32, u32, u32) = (3, 51, 3);
/// The oldest Postgres that is maintained, times ten thousand.
const POSTGRES_MIN: i64 = 140_000;
/// Readers: enough for the pages and the live channels; in SQLite each costs about 2 MB of cache.
const READERS: u32 = 8;
/// A writer that waits longer than this stands behind a stuck one, and the caller should hear of it.
const WRITE_WAIT: Duration = Duration::from_secs(20);
/// A reader of a database elsewhere that is not there by then will not come.
const READ_WAIT: Duration = Duration::from_secs(5);

/// What the database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process.
    Sqlite,
    /// A server that other nodes use as well.
    Postgres,
}

/// One writer, as many nodes as there are: a transaction begins by taking this lock, which ends with it. So that a check and the
/// change that rests on it see the same state, as they do under SQLite's single writer; whoever freezes while holding it is cut
/// by `idle_in_transaction_session_timeout`. The wake-up goes out with the commit, and not at all when there is none.
const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SELECT pg_advisory_xact_lock(7236841); NOTIFY dim_commits";

/// What commits are announced on.
pub(super) const COMMITS: &str = "dim_commits";

const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = wal; \
    PRAGMA synchronous = full; PRAGMA foreign_keys = on; PRAGMA temp_store = memory";
/// What each connection keeps in memory, in KiB: small, since all of them together count, and a page that is missing is one read of
/// the system's own cache.
const SQLITE_WRITER: &str = "; PRAGMA cache_size = -2000";
const SQLITE_READER: &str = "; PRAGMA cache_size = -1000; PRAGMA query_only = on";

/// A transaction whose holder is silent for 15 s is rolled back: half a mover's lease, so that a frozen process stops nobody for long.
const POSTGRES_SESSION: &str = "SET lock_timeout = '20s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '15s'; SET synchronous_commit = on; SET client_min_messages = warning; \
    SET application_name = 'dim'";

impl Engine {
    /// The engine of a connection.
    #[must_use]
    pub fn of(conn: &Conn) -> Self {
        match conn.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// How a write transaction begins.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            // An acknowledgement promises that nobody else writes; a read that turns into a write would fail half-way.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => BEGIN_POSTGRES,
        }
    }

    /// How a transaction begins whose statements all see one instant.
    pub(super) fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// What names the version, in words.
    pub(super) fn version_query(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 'SQLite ' || sqlite_version()",
            Self::Postgres => "SELECT 'Postgres ' || current_setting('server_version')",
        }
    }

    fn session(self, reader: bool) -> String {
        let (settings, more) = match (self, reader) {
            (Self::Sqlite, false) => (SQLITE_SESSION, SQLITE_WRITER),
            (Self::Sqlite, true) => (SQLITE_SESSION, SQLITE_READER),
            (Self::Postgres, false) => (POSTGRES_SESSION, ""),
            (Self::Postgres, true) => (POSTGRES_SESSION, "; SET default_transaction_read_only = on"),
        };
        format!("{settings}{more}")
    }

    /// Pools for writing and for reading. Nothing is connected yet.
    pub(super) fn pools(self, options: &AnyConnectOptions) -> (ReadPool, ReadPool) {
        let pool = |reader: bool| {
            let session = self.session(reader);
            let base = match self {
                Self::Sqlite => AnyPoolOptions::new().idle_timeout(None).max_lifetime(None),
                Self::Postgres => AnyPoolOptions::new(),
            };
            let wait = if self == Self::Postgres && reader {
                READ_WAIT
            } else {
                WRITE_WAIT
            };
            base.max_connections(if reader { READERS } else { 1 })
                .acquire_timeout(wait)
                .after_connect(move |conn, _| {
                    let session = AssertSqlSafe(session.clone());
                    Box::pin(async move { conn.execute(session).await.map(drop) })
                })
                .connect_lazy_with(options.clone())
        };
        (pool(false), pool(true))
    }

    /// Refuses a database that cannot be relied on.
    pub(super) async fn check(self, pool: &ReadPool) -> Result<(), StoreError> {
        match self {
            Self::Sqlite => {
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
            Self::Postgres => {
                let version: i64 =
                    sqlx::query_scalar("SELECT CAST(current_setting('server_version_num') AS BIGINT)")
                        .fetch_one(pool)
                        .await?;
                let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
                    .fetch_one(pool)
                    .await?;
                if version < POSTGRES_MIN {
                    return Err(StoreError::Unusable(format!(
                        "Postgres {} is too old; {} or newer is needed",
                        version / 10_000,
                        POSTGRES_MIN / 10_000
                    )));
                }
                if encoding != "UTF8" {
                    return Err(StoreError::Unusable(format!(
                        "the database's encoding is {encoding}; make one with ENCODING 'UTF8'"
                    )));
                }
                Ok(())
            }
        }
    }
}

/// How to reach an SQLite file.
pub(super) fn sqlite_options(path: &Path) -> Result<AnyConnectOptions, StoreError> {
    // With links resolved: the address's own rules for `..` are not those of the file system.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = std::fs::canonicalize(dir.unwrap_or(Path::new("."))).map_err(sqlx::Error::Io)?;
    let absolute = dir.join(path.file_name().unwrap_or_default());
    let Some(text) = absolute.to_str() else {
        return Err(StoreError::Unusable(format!(
            "the path of the database is not UTF-8: {}",
            path.display()
        )));
    };
    Ok(AnyConnectOptions::from_str(&format!(
        "sqlite://{}?mode=rwc",
        escaped(text)
    ))?)
}

/// How to reach a Postgres server, and how it is named to people: without its password.
pub(super) fn postgres_options(
    url: &str,
) -> Result<(AnyConnectOptions, PgConnectOptions, String), StoreError> {
    // The driver's own message would repeat the address, password and all.
    let unusable = || {
        StoreError::Unusable(
            "the address of the database cannot be read; write postgres://USER@HOST:PORT/DATABASE".to_owned(),
        )
    };
    let any = AnyConnectOptions::from_str(url).map_err(|_| unusable())?;
    let options = PgConnectOptions::from_str(url).map_err(|_| unusable())?;
    let shown = match options.get_socket() {
        Some(socket) => format!("Postgres at {}", socket.display()),
        None => format!("Postgres at {}:{}", options.get_host(), options.get_port()),
    };
    Ok((any, options, shown))
}

fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn version_is_safe(text: &str) -> bool {
    let mut parts = text.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SQLITE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_library_is_refused() {
        assert!(!version_is_safe("3.51.2"));
        assert!(!version_is_safe("3.9.99"));
        assert!(version_is_safe("3.51.3"));
        assert!(version_is_safe("4.0.0"));
    }

    #[test]
    fn a_password_is_in_no_message() {
        let (_, _, shown) = postgres_options("postgres://dim:s3cret@db.example:5433/dim").unwrap();
        assert_eq!(shown, "Postgres at db.example:5433");
        let wrong = postgres_options("postgres://dim:s3cret@db.example:port/dim").unwrap_err();
        assert!(!wrong.to_string().contains("s3cret"), "{wrong}");
    }

    #[tokio::test]
    async fn a_path_may_hold_any_letter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b?c%41#ü").join("dim.sqlite");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let store = super::super::Store::open(&path).await.unwrap();
        store.close().await;
        assert!(path.is_file());
    }
}

//! A Postgres server for the tests of this process: that of `DATABASE_URL`, else one that `scripts/postgres.sh` runs in a temporary
//! directory and that is gone with this process, however it ends.

use crate::script::Script;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::str::FromStr;
use std::sync::OnceLock;

/// A server that a test starts, and stops by dropping it.
pub struct Server {
    /// Its address, with the database `postgres`.
    pub url: String,
    /// Nothing for a server of somebody else.
    _script: Option<Script>,
}

impl Server {
    /// Starts one; with `args` as `scripts/postgres.sh` takes them.
    pub fn start(args: &[&str]) -> Self {
        let (script, url) = Script::start("postgres.sh", args, |said| said.starts_with("postgres://"));
        Self {
            url,
            _script: Some(script),
        }
    }

    /// Makes an empty database and gives its address.
    pub async fn database(&self) -> String {
        let name = format!("dim_test_{:016x}", rand_word());
        let options = PgConnectOptions::from_str(&self.url).unwrap();
        let mut conn = PgConnection::connect_with(&options).await.unwrap();
        conn.execute(AssertSqlSafe(format!(
            "CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"
        )))
        .await
        .unwrap();
        let (before, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let (server, _) = before.rsplit_once('/').unwrap();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{server}/{name}{separator}{query}")
    }
}

fn rand_word() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// The server that the tests of this process share.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) if url.starts_with("postgres") => Server { url, _script: None },
        _ => Server::start(&[]),
    })
}

/// An empty database for a server in this process, where the suite is asked to run over Postgres (`DIM_TEST_ENGINE=postgres`).
pub async fn for_all() -> Option<String> {
    match std::env::var("DIM_TEST_ENGINE") {
        Ok(engine) if engine == "postgres" => {
            let server = tokio::task::spawn_blocking(shared).await.unwrap();
            Some(server.database().await)
        }
        _ => None,
    }
}

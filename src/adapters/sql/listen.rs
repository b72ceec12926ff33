//! Hears of commits that other processes make in Postgres, and notices when the server is away.
//!
//! Invariant: a lost wake-up costs time only; after every new connection everybody looks again, since commits in between were not
//! heard.

use super::engine::COMMITS;
use super::store::Away;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// A server that does not answer within this is away.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection that hears nothing is asked whether it still stands: a machine that lost its power says no goodbye.
const PULSE: Duration = Duration::from_secs(5);

/// Until it is aborted.
pub(super) async fn run(
    options: PgConnectOptions,
    name: String,
    commits: watch::Sender<u64>,
    away: Arc<Away>,
) {
    loop {
        let why = match hear(&options, &commits, &away).await {
            Err(error) => error.to_string(),
            Ok(never) => match never {},
        };
        // One failed connection may be the server's end of a session; only one that cannot be made again says that it is away.
        match probe(&options).await {
            Ok(()) => away.set(None),
            Err(problem) => {
                tracing::warn!(%problem, "{name} is away ({why}); trying again every second");
                away.set(Some(format!("{name} is away: {problem}")));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn probe(options: &PgConnectOptions) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(Ok(conn)) => {
            drop(conn.close().await);
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn hear(
    options: &PgConnectOptions,
    commits: &watch::Sender<u64>,
    away: &Away,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(COMMITS).await?;
    away.set(None);
    loop {
        commits.send_modify(|n| *n = n.wrapping_add(1));
        loop {
            match tokio::time::timeout(PULSE, listener.try_recv()).await {
                Ok(Ok(Some(_))) => break,
                Ok(Ok(None)) => return Err(sqlx::Error::WorkerCrashed),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let asked = tokio::time::timeout(PATIENCE, async {
                        sqlx::query("SELECT 1").execute(&mut listener).await
                    });
                    asked.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
                }
            }
        }
    }
}

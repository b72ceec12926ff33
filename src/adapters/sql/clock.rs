//! The database's clock: what several machines agree on, so that a lease ends at the same instant for all of them.
//!
//! Invariant: `now` asks nobody. It is this machine's clock moved by the difference that was measured last, against the middle of the
//! time that the question took.

use super::{Engine, Store};
use crate::domain::unit::Timestamp;
use crate::ports::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the difference is measured: clocks drift by some microseconds in a second.
const EVERY: Duration = Duration::from_secs(30);
/// A question that took longer says too little.
const SLOWEST_MICROS: i64 = 1_000_000;

/// Another clock, moved by what the database's differs from it.
pub struct DatabaseClock {
    local: Arc<dyn Clock>,
    ahead_micros: Arc<AtomicI64>,
}

impl DatabaseClock {
    /// Measures once, and then every half minute until the store is closed. Over SQLite, which has this machine's clock, nothing is
    /// measured.
    pub async fn start(store: &Store, local: Arc<dyn Clock>) -> Arc<dyn Clock> {
        if store.engine() != Engine::Postgres {
            return local;
        }
        let ahead_micros = Arc::new(AtomicI64::new(0));
        let (measured, store, clock) = (ahead_micros.clone(), store.clone(), local.clone());
        measure(&store, &*clock, &measured).await;
        let pool = store.read().clone();
        drop(store);
        tokio::spawn(async move {
            while !pool.is_closed() {
                tokio::select! {
                    () = pool.close_event() => return,
                    () = tokio::time::sleep(EVERY) => measure_on(&pool, &*clock, &measured).await,
                }
            }
        });
        Arc::new(Self { local, ahead_micros })
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        self.local
            .now()
            .plus_micros(self.ahead_micros.load(Ordering::Relaxed))
    }
}

async fn measure(store: &Store, local: &dyn Clock, ahead: &AtomicI64) {
    measure_on(store.read(), local, ahead).await;
}

async fn measure_on(pool: &super::ReadPool, local: &dyn Clock, ahead: &AtomicI64) {
    let Ok(mut conn) = pool.acquire().await else {
        return;
    };
    let before = local.now().0;
    let told: Result<i64, _> =
        sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")
            .fetch_one(&mut *conn)
            .await;
    let after = local.now().0;
    match told {
        Ok(told) if (0..=SLOWEST_MICROS).contains(&(after - before)) => {
            let difference = told - (before + (after - before) / 2);
            let moved = difference - ahead.swap(difference, Ordering::Relaxed);
            if moved.abs() > 1_000_000 {
                tracing::info!(
                    seconds = moved / 1_000_000,
                    "the database's clock differs from this machine's; leases go by the database's"
                );
            }
        }
        Ok(_) => {}
        Err(problem) => tracing::debug!(%problem, "the database's clock cannot be read; trying again"),
    }
}

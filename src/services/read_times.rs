//! How fast reads at each location are: what those who read have measured is stored here, a few rows every few seconds.
//!
//! Invariant: a figure that is lost (the process is killed, the database is away) makes the figures older, never wrong.

use super::{Deps, ServiceResult};
use crate::adapters::sql::location_reads;
use std::future::Future;
use std::time::Duration;

/// How often what was measured is stored, where something was: a move reads for minutes, and nobody watches these figures closer.
const EVERY: Duration = Duration::from_secs(5);

/// Stores what was measured.
#[derive(Clone)]
pub struct ReadTimesKeeper {
    deps: Deps,
}

impl ReadTimesKeeper {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// Stores what was measured since the last time. Nothing is written when nothing was read.
    ///
    /// # Errors
    /// Those of the database; what was measured is dropped then.
    pub async fn flush(&self) -> ServiceResult<()> {
        let taken = self.deps.reads.take();
        if taken.is_empty() {
            return Ok(());
        }
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        for (root, times) in &taken {
            location_reads::add(&mut tx, root, times, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Does so until `stop` resolves, and once more then.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let ended = tokio::select! {
                () = &mut stop => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            if let Err(problem) = self.flush().await {
                tracing::debug!(%problem, "what was measured of reads is not stored");
            }
            if ended {
                return;
            }
        }
    }
}

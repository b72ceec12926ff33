//! Progress of moves that other processes carry: they tell the database once a second, and this process tells its clients.
//!
//! Invariant: what a mover of this process says itself is newer and wins.

use super::Live;
use crate::adapters::sql::{Engine, jobs_change, jobs_list};
use crate::services::ServiceResult;

impl Live {
    /// Offers what moves elsewhere have stored, when somebody listens.
    pub(super) async fn look_elsewhere(&self) -> ServiceResult<()> {
        if self.inner.store.engine() == Engine::Sqlite || self.subscribers() == 0 {
            return Ok(());
        }
        let moving = {
            let mut conn = self.inner.store.reader().await?;
            jobs_list::moving(&mut conn).await?
        };
        let mut state = self.state();
        for row in &moving {
            state
                .progress
                .offer_stored(jobs_change::status_event(row, row.job.updated_at));
        }
        Ok(())
    }
}

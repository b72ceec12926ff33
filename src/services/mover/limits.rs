//! Limits as people set and see them.

use super::Mover;
use crate::adapters::sql::{jobs_lease, limits, locations};
use crate::domain::id::JobId;
use crate::domain::migration::Job;
use crate::domain::migration::limit::{Limit, LimitScope, NewLimit};
use crate::domain::migration::options::MoveOptions;
use crate::ports::bus::Topic;
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Every limit that is set.
    ///
    /// # Errors
    /// The database's own.
    pub async fn list_limits(&self) -> ServiceResult<Vec<Limit>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(limits::all(&mut conn).await?)
    }

    /// Sets a limit, or takes it away when both figures are absent. In force at once, also for what is under way.
    ///
    /// # Errors
    /// `Invalid` for a scope or a figure that makes no sense, `NotFound` for an unknown location or job.
    pub async fn set_limit(&self, new: &NewLimit) -> ServiceResult<Vec<Limit>> {
        let zero = new.bytes_per_sec.is_some_and(|b| b.0 == 0) || new.requests_per_sec == Some(0);
        if zero {
            return Err(ServiceError::invalid(
                "limit_zero",
                "a limit of 0 lets nothing through; pause the jobs instead, or leave the figure out for no limit",
            ));
        }
        let scope = self.scope(&new.scope).await?;
        let mut tx = self.deps.store.write().await?;
        let now = self.deps.clock.now();
        limits::set(&mut tx, scope, new.bytes_per_sec, new.requests_per_sec, now).await?;
        let all = limits::all(&mut tx).await?;
        tx.commit().await?;
        self.shared.paces.apply(&all);
        self.deps.bus.nudge(Topic::Jobs);
        Ok(all)
    }

    /// Sets how urgent a waiting job is; one that runs goes on.
    ///
    /// # Errors
    /// `Invalid` outside -10 to 10, `NotFound`.
    pub async fn set_priority(&self, id: JobId, priority: i64) -> ServiceResult<Job> {
        let asked = MoveOptions {
            priority,
            ..MoveOptions::default()
        };
        asked.check().map_err(|e| ServiceError::invalid("priority", e))?;
        let mut tx = self.deps.store.write().await?;
        jobs_lease::set_priority(&mut tx, id, priority).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Jobs);
        Ok(self.get_job(id).await?.job)
    }

    async fn scope(&self, text: &str) -> ServiceResult<LimitScope> {
        let text = text.trim();
        if let Some(key) = text.strip_prefix("location:") {
            let mut conn = self.deps.store.reader().await?;
            let found = locations::find(&mut conn, key)
                .await?
                .ok_or_else(|| ServiceError::not_found("location", key))?;
            return Ok(LimitScope::Location(found.location.id));
        }
        let scope: LimitScope = text.parse().map_err(|e| ServiceError::invalid("scope", e))?;
        if let LimitScope::Job(id) = scope {
            self.get_job(id).await?;
        }
        Ok(scope)
    }
}

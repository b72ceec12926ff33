//! Moves: planned, queued, copied, verified, switched, retained, undone and retired.
//!
//! Invariant: every change of a job's state is asked of `domain::migration::machine` and saved only where the old state and fence
//! still stand. Bytes are durable before their row is, and the catalog never points at bytes that were not verified.
//! Knows no path of a disk and no protocol; bytes move behind the port `Objects`.

mod control;
mod plan;
mod queue;

use super::{Deps, ServiceError, ServiceResult};
use crate::domain::dataset::Page;
use crate::domain::id::JobId;
use crate::domain::migration::{Job, JobDetail, JobFilter};
use std::future::Future;

/// Use cases on moves. Cheap to clone.
#[derive(Clone)]
pub struct Mover {
    deps: Deps,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl Mover {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// A page of the job list, newest first. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for an unknown status or a cursor of another list.
    pub async fn list_jobs(
        &self,
        _filter: &JobFilter,
        _cursor: Option<&str>,
        _limit: u32,
    ) -> ServiceResult<Page<Job>> {
        Err(ServiceError::not_supported("moves"))
    }

    /// One job with its stages, objects and plan.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_job(&self, id: JobId) -> ServiceResult<JobDetail> {
        Err(ServiceError::not_supported(format!("moves (job {id})")))
    }

    /// Carries out jobs until `stop` resolves: the role `mover`. A job that runs then is given back and resumed by the next mover.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let _parts = &self.deps;
        stop.await;
    }
}

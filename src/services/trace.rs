//! Which request the present work came of.
//!
//! Invariant: it is handed down by the task, not by arguments, since every use case may start a job and none is about traces. Work
//! that is spawned begins without one.

use super::{Deps, ServiceResult};
use crate::adapters::sql::{Conn, StoreError, events, traces};
use crate::domain::id::JobId;
use crate::domain::trace::TraceParent;
use std::collections::BTreeMap;
use tracing::Span;

tokio::task_local! {
    static PRESENT: Option<TraceParent>;
}

/// Does `work` in the name of a request.
pub async fn within<T>(request: Option<TraceParent>, work: impl Future<Output = T>) -> T {
    PRESENT.scope(request, work).await
}

/// The request that the present task works for, where it said what it is part of.
#[must_use]
pub fn present() -> Option<TraceParent> {
    PRESENT.try_with(|present| *present).ok().flatten()
}

/// What jobs came of, as far as it is known.
#[derive(Debug, Default)]
pub struct Origins {
    log: String,
    known: BTreeMap<JobId, TraceParent>,
}

impl Origins {
    /// Looks them up, for the jobs of this event log.
    ///
    /// # Errors
    /// The database's own.
    pub async fn load(conn: &mut Conn, log: &str, jobs: &[JobId]) -> Result<Self, StoreError> {
        Ok(Self {
            log: log.to_owned(),
            known: traces::of_jobs(conn, jobs).await?,
        })
    }

    /// The request that a job came of. One of which nothing is known is a trace of its own, named after the job, so that everything
    /// that is told of it belongs together in every process.
    #[must_use]
    pub fn of(&self, job: JobId) -> Option<TraceParent> {
        self.known.get(&job).copied().or_else(|| {
            let digest = blake3::hash(format!("{}/{job}", self.log).as_bytes());
            let bytes = digest.as_bytes();
            let trace = u128::from_be_bytes(*bytes.first_chunk()?);
            let span = u64::from_be_bytes(*bytes.last_chunk()?);
            TraceParent::new(trace, span, true)
        })
    }
}

/// Makes the work on a job a part of the trace of the request that it came of.
///
/// # Errors
/// The database's own.
pub async fn join_job(deps: &Deps, span: &Span, job: JobId) -> ServiceResult<()> {
    let log = events::bounds(&deps.store).await?.log;
    let mut conn = deps.store.reader().await?;
    let origins = Origins::load(&mut conn, &log, &[job]).await?;
    deps.traces.enter(span, origins.of(job));
    Ok(())
}

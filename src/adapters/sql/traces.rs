//! Which request a job came of.

use super::error::StoreError;
use super::multi::Builder;
use super::store::Conn;
use crate::domain::id::JobId;
use crate::domain::trace::TraceParent;
use sqlx::Row as _;
use std::collections::BTreeMap;

/// Remembers it for a new job.
///
/// # Errors
/// The database's own.
pub async fn remember(tx: &mut Conn, job: JobId, request: TraceParent) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO job_traces (job_id, traceparent) VALUES ($1, $2)")
        .bind(job.0)
        .bind(request.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Those of these jobs that are known.
///
/// # Errors
/// The database's own.
pub async fn of_jobs(conn: &mut Conn, jobs: &[JobId]) -> Result<BTreeMap<JobId, TraceParent>, StoreError> {
    if jobs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = Builder::new(
        conn,
        "SELECT job_id, traceparent FROM job_traces WHERE job_id IN (",
    );
    let mut list = query.separated(", ");
    for job in jobs {
        list.push_bind(job.0);
    }
    query.push(")");
    query
        .build()
        .fetch_all(conn)
        .await?
        .iter()
        .map(|row| {
            let text: String = row.try_get(1)?;
            let request = text
                .parse()
                .map_err(|e| StoreError::corrupt("job_traces.traceparent", e))?;
            Ok((JobId(row.try_get(0)?), request))
        })
        .collect()
}

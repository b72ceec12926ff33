//! Plans and jobs for the pages.
//!
//! Invariant: the plan page is a dry run; only [`queue_move`] makes a job.

use super::{
    ApiError,
    query::{JobQuery, PlanQuery},
};
use crate::domain::dataset::Page;
use crate::domain::migration::{Job, JobDetail, LogLine, Plan};
use crate::domain::unit::Timestamp;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

/// Rows on one page of jobs.
pub const JOBS_PER_PAGE: u32 = 50;

/// A page of the job list.
///
/// # Errors
/// Those of the mover.
#[server(prefix = "/api/fn", endpoint = "jobs", input = GetUrl)]
pub async fn list_jobs(#[server(default)] query: JobQuery) -> Result<Page<Job>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let cursor = query.cursor.as_deref();
    Ok(services
        .mover
        .list_jobs(&query.filter(), cursor, JOBS_PER_PAGE)
        .await?)
}

/// What a job's page draws, and the moment it was read: a stage that lasts is drawn up to there on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPage {
    /// The server's clock.
    pub now: Timestamp,
    /// The job with its stages, samples and objects.
    pub detail: JobDetail,
}

/// One job with its stages and objects.
///
/// # Errors
/// `not_found`, and those of the mover.
#[server(prefix = "/api/fn", endpoint = "job", input = GetUrl)]
pub async fn get_job(id: String) -> Result<JobPage, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let id = id
        .parse()
        .map_err(|_| crate::services::ServiceError::not_found("job", &id))?;
    Ok(JobPage {
        detail: services.mover.get_job(id).await?,
        now: super::form::now(),
    })
}

/// The end of a job's log, oldest first.
///
/// # Errors
/// `not_found`, and those of the mover.
#[server(prefix = "/api/fn", endpoint = "job-log", input = GetUrl)]
pub async fn get_job_log(id: String) -> Result<Vec<LogLine>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let id = id
        .parse()
        .map_err(|_| crate::services::ServiceError::not_found("job", &id))?;
    Ok(services.mover.job_log(id).await?)
}

/// What a move would do. Nothing is queued.
///
/// # Errors
/// Those of the mover.
#[server(prefix = "/api/fn", endpoint = "plan", input = GetUrl)]
pub async fn plan_move(#[server(default)] query: PlanQuery) -> Result<Plan, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.mover.plan(request(query, true, false)?).await?.plan)
}

/// Queues a planned move and opens the job's page.
///
/// # Errors
/// Those of the mover; a plan whose checks refuse it makes no job, nor does one that deletes and begins at once without the name typed.
#[server(prefix = "/api/fn", endpoint = "queue-move")]
pub async fn queue_move(
    #[server(default)] query: PlanQuery,
    #[server(default)] require_approval: Option<String>,
    #[server(default)] typed_name: String,
) -> Result<(), ApiError> {
    let services = expect_context::<crate::services::Services>();
    let request = request(query, false, require_approval.is_some())?;
    let planned = services.mover.plan_by_name(request, &typed_name).await?;
    match planned.job {
        Some(job) => leptos_axum::redirect(&format!("/jobs/{}", job.id)),
        None => {
            return Err(ApiError::invalid(
                "The plan's checks do not allow this move; no job was made.",
            ));
        }
    }
    Ok(())
}

/// Cancels, pauses, resumes, retries, approves or undoes a job. Approving one whose source is deleted later takes the dataset's name.
///
/// # Errors
/// `not_found`, a conflict when the job's state does not allow it, and those of the mover.
#[server(prefix = "/api/fn", endpoint = "job-command")]
pub async fn command_job(
    job_id: String,
    command: String,
    #[server(default)] typed_name: String,
) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let id = job_id.parse().map_err(|_| ApiError::not_found("job", &job_id))?;
    let mover = &services.mover;
    let job = match command.as_str() {
        "cancel" => mover.cancel(id).await?,
        "pause" => mover.pause(id).await?,
        "resume" => mover.resume(id).await?,
        "retry" => mover.retry(id).await?,
        "approve" => mover.approve_by_name(id, &typed_name).await?,
        "undo" => mover.undo(id).await?,
        other => return Err(ApiError::invalid(format!("{other:?} is no command for a job"))),
    };
    let status = job.status.as_str().replace('_', " ");
    let sentence = match job.wanted {
        Some(wanted) => format!("Job {id}: {wanted} is on its way; it is {status} until then."),
        None => format!("Job {id} is now {status}."),
    };
    Ok(super::form::done("job", sentence))
}

#[cfg(feature = "ssr")]
fn request(
    query: PlanQuery,
    dry_run: bool,
    require_approval: bool,
) -> Result<crate::domain::migration::PlanRequest, ApiError> {
    let options = options(&query)?;
    let class = query.class.filter(|class| !class.trim().is_empty());
    Ok(crate::domain::migration::PlanRequest {
        dataset_id: crate::domain::access::DatasetKey::parse(&query.dataset),
        target_location: query.target,
        storage_class: class.map(|c| c.parse().map_err(ApiError::invalid)).transpose()?,
        dry_run,
        require_approval,
        options,
    })
}

#[cfg(feature = "ssr")]
fn options(query: &PlanQuery) -> Result<crate::domain::migration::options::MoveOptions, ApiError> {
    use crate::domain::migration::options::{MoveOptions, Window};
    use crate::domain::unit::{Bytes, NanoUsd};
    fn given(text: Option<&String>) -> Option<&str> {
        text.map(|t| t.trim()).filter(|t| !t.is_empty())
    }
    let bytes = |text| {
        given(text)
            .map(Bytes::read)
            .transpose()
            .map_err(ApiError::invalid)
    };
    let usd: Option<f64> = super::form::optional(given(query.max_cost.as_ref()).unwrap_or_default())?;
    Ok(MoveOptions {
        verify: super::form::optional(given(query.verify.as_ref()).unwrap_or_default())?.unwrap_or_default(),
        keep_source: given(query.keep_source.as_ref()).is_some(),
        max_cost_nanousd: usd.map(NanoUsd::from_usd),
        max_bytes: bytes(query.max_bytes.as_ref())?,
        priority: super::form::optional(given(query.priority.as_ref()).unwrap_or_default())?
            .unwrap_or_default(),
        window: given(query.window.as_ref()).map(|cron| Window {
            cron: cron.to_owned(),
            time_zone: given(query.time_zone.as_ref()).unwrap_or("UTC").to_owned(),
        }),
        bytes_per_sec: bytes(query.bandwidth.as_ref())?,
        ..MoveOptions::default()
    })
}

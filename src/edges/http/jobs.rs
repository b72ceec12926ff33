//! `/api/v1/jobs` and `/api/v1/plans`.

use super::etag::{self, tagged};
use super::extract::{Json, Key, Query};
use super::problem::{ApiError, Problem};
use super::table::{Method, Route};
use crate::domain::dataset::Page;
use crate::domain::id::JobId;
use crate::domain::migration::receipt::SignedReceipt;
use crate::domain::migration::{Job, JobDetail, JobFilter, LogLine, PlanRequest, Planned};
use crate::services::{ServiceError, ServiceResult, Services};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// The paths of a mover of its own: what it sees of the jobs, under its short name and under the server's.
pub fn table_of_mover() -> Vec<Route> {
    let short = [
        Route::get("/jobs", "listJobs", "Lists moves, the latest first", list),
        Route::get(
            "/jobs/{job}",
            "getJob",
            "Shows a move with its stages, objects and plan",
            get,
        ),
    ];
    let same = table()
        .into_iter()
        .filter(|route| route.method == Method::Get && route.path.starts_with("/api/v1/jobs"));
    short.into_iter().chain(same).collect()
}

/// Its part of the table.
pub fn table() -> Vec<Route> {
    let command = |route: Route| {
        route
            .query::<Whom>()
            .answers::<Job>(200)
            .problems(&[404, 409])
            .guarded()
            .idempotent()
    };
    vec![
        Route::post(
            "/api/v1/plans",
            "planMove",
            "Plans a move, and queues it unless it is a dry run",
            plan,
        )
        .detail("201 with the job's address when a job was queued, 200 with the plan alone for a dry run.")
        .body::<PlanRequest>()
        .answers::<Planned>(201)
        .also(&[200])
        .problems(&[403, 404, 409, 501])
        .idempotent(),
        Route::get("/api/v1/jobs", "listJobs", "Lists moves, the latest first", list)
            .query::<Asked>()
            .answers::<Page<Job>>(200)
            .problems(&[422]),
        Route::get(
            "/api/v1/jobs/{job}",
            "getJob",
            "Shows a move with its stages, objects and plan",
            get,
        )
        .query::<Whom>()
        .answers::<JobDetail>(200)
        .problems(&[404])
        .tagged(),
        Route::get(
            "/api/v1/jobs/{job}/log",
            "getJobLog",
            "Gives the end of a job's log: its stages, and what this process said of it",
            log,
        )
        .detail("Oldest first, at most 100 lines, kept in memory: a mover that runs in another process has a log of its own.")
        .answers::<JobLog>(200)
        .problems(&[404]),
        Route::get(
            "/api/v1/jobs/{job}/receipt",
            "getJobReceipt",
            "Gives the signed receipt of a completed move: every object with its size and BLAKE3",
            receipt,
        )
        .detail("Keep it: `dim verify FILE` checks it later against the store, without this server.")
        .answers::<SignedReceipt>(200)
        .problems(&[404, 409]),
        command(Route::post(
            "/api/v1/jobs/{job}/cancel",
            "cancelJob",
            "Stops a move and removes what it copied; the source serves on",
            cancel,
        )),
        command(Route::post(
            "/api/v1/jobs/{job}/pause",
            "pauseJob",
            "Holds a move; what was copied is kept",
            pause,
        )),
        command(Route::post(
            "/api/v1/jobs/{job}/resume",
            "resumeJob",
            "Lets a held move go on",
            resume,
        )),
        command(Route::post(
            "/api/v1/jobs/{job}/retry",
            "retryJob",
            "Tries a failed move again from where it got to",
            retry,
        )),
        command(Route::post(
            "/api/v1/jobs/{job}/approve",
            "approveJob",
            "Lets a move begin that waits for a person",
            approve,
        )),
        command(Route::post(
            "/api/v1/jobs/{job}/undo",
            "undoJob",
            "Switches readers back to the retained source; no bytes move",
            undo,
        )),
    ]
}

/// Who is asked. The server and its mover share one table of jobs, so the answer is the same.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// The server.
    #[default]
    Api,
    /// The mover.
    Mover,
    /// The same as `api`.
    Python,
    /// The same as `mover`.
    Go,
}

/// Who is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whom {
    /// Who is asked: `api` or `mover` (`python` and `go` mean the same); both know the same jobs.
    #[serde(rename = "source", default)]
    _source: Source,
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A status, or `active` for all that have not ended.
    status: Option<String>,
    /// A dataset's id or name.
    dataset: Option<String>,
    /// Who is asked: `api` or `mover` (`python` and `go` mean the same); both know the same jobs.
    #[serde(rename = "source", default)]
    _source: Source,
    /// Rows of a page, 1 to 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn plan(
    State(services): State<Services>,
    Json(request): Json<PlanRequest>,
) -> Result<Response, ApiError> {
    let planned: Planned = services.mover.plan(request).await?;
    let address = planned
        .job
        .as_ref()
        .and_then(|job| HeaderValue::from_str(&format!("/api/v1/jobs/{}", job.id)).ok());
    Ok(match address {
        Some(address) => (
            StatusCode::CREATED,
            [(header::LOCATION, address)],
            axum::Json(planned),
        )
            .into_response(),
        None => axum::Json(planned).into_response(),
    })
}

async fn list(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Page<Job>>, ApiError> {
    let filter = JobFilter {
        status: asked.status,
        dataset: asked.dataset,
    };
    let limit = asked.limit.unwrap_or(super::PAGE_ROWS);
    let page = services
        .mover
        .list_jobs(&filter, asked.cursor.as_deref(), limit)
        .await?;
    Ok(axum::Json(page))
}

async fn get(
    State(services): State<Services>,
    key: Key,
    Query(_): Query<Whom>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let detail = services.mover.get_job(id(&key)?).await?;
    Ok(tagged(&headers, stage(&detail.job), &detail))
}

/// Written a page at a time: the objects of a move do not fit into memory.
/// The end of a job's log.
#[derive(Debug, Serialize, JsonSchema)]
struct JobLog {
    /// Oldest first.
    lines: Vec<LogLine>,
}

async fn log(State(services): State<Services>, key: Key) -> Result<axum::Json<JobLog>, ApiError> {
    let lines = services.mover.job_log(id(&key)?).await?;
    Ok(axum::Json(JobLog { lines }))
}

async fn receipt(State(services): State<Services>, key: Key) -> Result<Response, ApiError> {
    let id = id(&key)?;
    let (receipt, seal) = services.mover.get_receipt(id).await?;
    let head = format!(
        "{{\"receipt\":{},\"seal\":{},\"objects\":[",
        serde_json::to_string(&receipt).map_err(ServiceError::internal)?,
        serde_json::to_string(&seal).map_err(ServiceError::internal)?,
    );
    let pages = stream::try_unfold(Some(String::new()), move |after| {
        let mover = services.mover.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let page = mover.receipt_objects(id, &after).await?;
            let Some(last) = page.last() else {
                return Ok(Some(("]}".to_owned(), None)));
            };
            let next = last.key.clone();
            let rows: Vec<_> = page
                .iter()
                .map(|object| serde_json::to_string(object).map_err(ServiceError::internal))
                .collect::<Result<_, _>>()?;
            let comma = if after.is_empty() { "" } else { "," };
            Ok::<_, ServiceError>(Some((format!("{comma}{}", rows.join(",")), Some(next))))
        }
    });
    let body = Body::from_stream(stream::once(async { Ok(head) }).chain(pages));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// A job's id. To a client it is opaque text, so one that is no number is simply unknown.
fn id(key: &Key) -> Result<JobId, ServiceError> {
    key.0.parse().map_err(|_| ServiceError::not_found("job", &key.0))
}

/// What `If-Match` guards: the stage of the run.
fn stage(job: &Job) -> String {
    format!("{}.{}", job.attempt, job.status)
}

/// A command. With `If-Match`, only while the job is in the stage that the client saw; the job's own machine decides once more in the
/// transaction of the change, so that a stage which passes in between is refused there.
async fn command<F>(
    services: &Services,
    key: &Key,
    headers: &HeaderMap,
    act: impl FnOnce(JobId) -> F,
) -> Result<axum::Json<Job>, ApiError>
where
    F: Future<Output = ServiceResult<Job>>,
{
    let id = id(key)?;
    let wanted: Vec<&str> = etag::list(headers, header::IF_MATCH)
        .filter(|t| *t != "*")
        .collect();
    if !wanted.is_empty() {
        let now = stage(&services.mover.get_job(id).await?.job);
        if !wanted
            .iter()
            .any(|tag| etag::generation(tag) == Some(now.as_str()))
        {
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "stale_generation",
                format!("the job {id} has changed: it is {now} now; read it again. Nothing was changed"),
            )
            .into());
        }
    }
    Ok(axum::Json(act(id).await?))
}

macro_rules! commands {
    ($($name:ident),+) => {$(
        async fn $name(
            State(services): State<Services>,
            key: Key,
            Query(_): Query<Whom>,
            headers: HeaderMap,
        ) -> Result<axum::Json<Job>, ApiError> {
            command(&services, &key, &headers, |id| services.mover.$name(id)).await
        }
    )+};
}

commands!(cancel, pause, resume, retry, approve, undo);

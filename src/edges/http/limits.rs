//! `/api/v1/limits`, the urgency of a job, and the way back after its grace period.

use super::extract::{Json, Key};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::migration::limit::{Limit, NewLimit};
use crate::domain::migration::{Job, Planned};
use crate::services::{ServiceError, Services};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/limits",
            "listLimits",
            "Lists the limits on how fast bytes move",
            list,
        )
        .answers::<Limits>(200),
        Route::post(
            "/api/v1/limits",
            "setLimit",
            "Sets a limit in total, for a location or for a job; in force at once",
            set,
        )
        .detail("Without a figure the limit is taken away. Bytes read back to verify count as well; each mover keeps its own count.")
        .body::<NewLimit>()
        .answers::<Limits>(200)
        .problems(&[404]),
        Route::post(
            "/api/v1/jobs/{job}/plan-back",
            "planBack",
            "Plans the move that takes a job back after its grace period, with its price; queues it unless it is a dry run",
            plan_back,
        )
        .body::<Back>()
        .answers::<Planned>(200)
        .problems(&[403, 404, 409, 501])
        .idempotent(),
        Route::post(
            "/api/v1/jobs/{job}/priority",
            "setJobPriority",
            "Sets how urgent a waiting move is",
            priority,
        )
        .body::<Priority>()
        .answers::<Job>(200)
        .problems(&[404]),
    ]
}

/// Every limit that is set.
#[derive(Debug, Serialize, JsonSchema)]
struct Limits {
    /// By scope.
    items: Vec<Limit>,
}

/// How urgent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Priority {
    /// From -10 to 10; higher is taken first.
    priority: i64,
}

/// Whether to queue it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Back {
    /// Only plan: nothing is queued.
    #[serde(default)]
    dry_run: bool,
}

async fn plan_back(
    State(services): State<Services>,
    key: Key,
    Json(back): Json<Back>,
) -> Result<axum::Json<Planned>, ApiError> {
    let id = key
        .0
        .parse()
        .map_err(|_| ServiceError::not_found("job", &key.0))?;
    Ok(axum::Json(services.mover.plan_back(id, back.dry_run).await?))
}

async fn list(State(services): State<Services>) -> Result<axum::Json<Limits>, ApiError> {
    let items = services.mover.list_limits().await?;
    Ok(axum::Json(Limits { items }))
}

async fn set(
    State(services): State<Services>,
    Json(new): Json<NewLimit>,
) -> Result<axum::Json<Limits>, ApiError> {
    let items = services.mover.set_limit(&new).await?;
    Ok(axum::Json(Limits { items }))
}

async fn priority(
    State(services): State<Services>,
    key: Key,
    Json(new): Json<Priority>,
) -> Result<axum::Json<Job>, ApiError> {
    let id = key
        .0
        .parse()
        .map_err(|_| ServiceError::not_found("job", &key.0))?;
    Ok(axum::Json(services.mover.set_priority(id, new.priority).await?))
}

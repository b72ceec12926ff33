//! `/health`, `/livez` and `/readyz`.

use super::problem::ApiError;
use super::table::Route;
use crate::domain::overview::{HealthReport, HealthStatus};
use crate::services::Services;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/health", "getHealth", "Says how every part is", health)
            .detail("503 with the same report when a part is down.")
            .answers::<HealthReport>(200),
        Route::get(
            "/livez",
            "isAlive",
            "Answers while the process is alive",
            || async { "ok" },
        )
        .answers_text("text/plain; charset=utf-8"),
        Route::get(
            "/readyz",
            "isReady",
            "Answers 200 when requests can be served, else 503 and why not",
            ready,
        )
        .answers_text("text/plain; charset=utf-8"),
    ]
}

async fn health(State(services): State<Services>) -> Result<(StatusCode, Json<HealthReport>), ApiError> {
    let report = services.health.report().await?;
    let status = if report.status == HealthStatus::Down {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok((status, Json(report)))
}

async fn ready(State(services): State<Services>) -> (StatusCode, String) {
    let database = services.health.database().await;
    if database.status == HealthStatus::Ok {
        return (StatusCode::OK, "ready".to_owned());
    }
    let why = format!("the database is not ready: {}", database.detail);
    (StatusCode::SERVICE_UNAVAILABLE, why)
}

//! `/health`, `/livez` and `/readyz`.

use super::problem::ApiError;
use crate::domain::overview::{HealthReport, HealthStatus};
use crate::services::Services;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};

/// The three paths.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/health", get(health))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
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

async fn ready(State(services): State<Services>) -> Result<(StatusCode, &'static str), ApiError> {
    let report = services.health.report().await?;
    Ok(match report.parts.get("database") {
        Some(part) if part.status == HealthStatus::Ok => (StatusCode::OK, "ready"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database is not ready"),
    })
}

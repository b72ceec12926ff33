//! `/metrics`, and the layer that counts requests.
//!
//! Invariant: a label has few values. A request is counted under its route's template, never under its path.

use super::problem::ApiError;
use super::table::Route;
use crate::services::Services;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/metrics",
            "getMetrics",
            "Figures for Prometheus, prefix dim_",
            metrics,
        )
        .answers_text("text/plain; version=0.0.4; charset=utf-8"),
    ]
}

async fn metrics(
    State(services): State<Services>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    Ok(([(header::CONTENT_TYPE, TEXT)], services.figures.text().await?))
}

/// Counts a request and its time until the answer begins.
pub async fn count(State(services): State<Services>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let began = Instant::now();
    let _in_flight = services.meter.request_in_flight();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    services.meter.request(&method, &route, status, began.elapsed());
    response
}

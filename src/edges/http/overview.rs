//! `/api/v1/overview`: the sums of the first page.

use super::problem::ApiError;
use super::table::Route;
use crate::domain::overview::Overview;
use crate::services::Services;
use axum::Json;
use axum::extract::State;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/overview",
            "getOverview",
            "Sums over the catalog, and what needs a person's attention",
            get,
        )
        .answers::<Overview>(200),
    ]
}

async fn get(State(services): State<Services>) -> Result<Json<Overview>, ApiError> {
    Ok(Json(services.overview.overview().await?))
}

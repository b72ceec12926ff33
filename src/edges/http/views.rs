//! `/api/v1/views`: lists that people saved under a name.

use super::extract::{Json, Key};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::id::ViewId;
use crate::domain::view::{NewView, View};
use crate::services::{ServiceError, Services};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/api/v1/views", "listViews", "Lists the saved views", list).answers::<Views>(200),
        Route::post(
            "/api/v1/views",
            "saveView",
            "Keeps a list's filters under a name",
            save,
        )
        .detail("One of the same list and name is replaced.")
        .body::<NewView>()
        .answers::<View>(201)
        .problems(&[409]),
        Route::delete(
            "/api/v1/views/{view}",
            "removeView",
            "Forgets a saved view",
            remove,
        )
        .problems(&[404]),
    ]
}

/// Every saved view.
#[derive(Debug, Serialize, JsonSchema)]
struct Views {
    /// By list and name.
    items: Vec<View>,
    /// Always none: the list is short and whole.
    next_cursor: Option<String>,
}

async fn list(State(services): State<Services>) -> Result<axum::Json<Views>, ApiError> {
    Ok(axum::Json(Views {
        items: services.catalog.list_views().await?,
        next_cursor: None,
    }))
}

async fn save(
    State(services): State<Services>,
    Json(new): Json<NewView>,
) -> Result<(StatusCode, axum::Json<View>), ApiError> {
    Ok((
        StatusCode::CREATED,
        axum::Json(services.catalog.save_view(new).await?),
    ))
}

async fn remove(State(services): State<Services>, key: Key) -> Result<StatusCode, ApiError> {
    let id = key
        .0
        .parse()
        .map(ViewId)
        .map_err(|_| ServiceError::not_found("view", &key.0))?;
    services.catalog.delete_view(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
